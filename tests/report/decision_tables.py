"""Synthetic tables of a decision analysis, of the size and shape of real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scssim.report.look import Look

LABELS = {
    "conservative": "Conservative care",
    "injections": "Injections",
    "lf_scs": "LF-SCS",
    "lf_rechargeable": "LF-SCS, rechargeable",
    "hf10": "HF10",
    "lf_then_hf10": "LF-SCS, then HF10",
    "guided": "Guided by diagnosis",
}
COSTS = (18_000.0, 21_500.0, 43_000.0, 52_000.0, 49_000.0, 61_500.0, 38_000.0)
QALYS = (4.4, 4.75, 5.2, 5.25, 5.9, 6.05, 5.6)
PATHS = (
    "therapies.hf10.relief.back.responders",
    "therapies.hf10.relief.back.mean",
    "therapies.lf_scs.relief.back.responders",
    "therapies.hf10.complications.lead_migration.rate_per_year",
    "costs.background.care",
    "utilities.coefficients.back_vas",
    "therapies.hf10.trial.success",
    "therapies.hf10.costs.device",
    "therapies.injection.relief.back.duration_months",
    "population.depression.share",
    "settings.discount_rate_effects",
)


LONG = (
    "Conservative care alone",
    "Conservative care, then injections as needed",
    "Conservative care, injections, then LF-SCS",
    "Conservative care, injections, then rechargeable LF-SCS",
    "Conservative care, injections, then HF10 (10 kHz)",
    "LF-SCS first, with HF10 rescue of non-responders",
    "Mechanism-guided: HF10 unless diagnosed nociceptive",
)


def look(strategies: int = 7, long: bool = False) -> Look:
    labels = zip(LABELS, LONG, strict=True) if long else LABELS.items()
    return Look(dict(list(labels)[:strategies]), "GBP", (20_000.0, 30_000.0))


def tables(strategies: int = 7) -> dict[str, pd.DataFrame]:
    """Every table, by the name that `decision_figures` gives it."""
    return {
        "psa": psa_table(strategies),
        "ceac": ceac(strategies),
        "evpi": evpi(strategies),
        "evppi": evppi(),
        "dsa": dsa(),
        "two_way": two_way(strategies),
        "extrapolation": extrapolation(strategies),
        "budget": budget(strategies),
    }


def psa(strategies: int = 7, draws: int = 1_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Costs and effects, one row per draw: what the strategies share, and what they do not."""
    rng = np.random.default_rng(11)
    names = list(LABELS)[:strategies]
    shared = rng.normal(0, 0.35, (draws, 1))
    own = rng.normal(0, 0.18, (draws, strategies)) * (1 + np.arange(strategies) / 4)
    effects = np.array(QALYS[:strategies]) + shared + own
    noise = rng.normal(0, 2_600, (draws, strategies))
    costs = np.array(COSTS[:strategies]) * np.exp(rng.normal(0, 0.1, (draws, 1))) + noise - 6_000 * own
    return pd.DataFrame(costs, columns=names), pd.DataFrame(effects, columns=names)


def psa_table(strategies: int = 7, draws: int = 1_000) -> pd.DataFrame:
    costs, effects = psa(strategies, draws)
    long = costs.melt(var_name="strategy", value_name="cost", ignore_index=False).reset_index(names="draw")
    long["qaly"] = effects.melt(value_name="qaly")["qaly"]
    return long.assign(life_years=11.2)


def ceac(strategies: int = 7, top: float = 100_000.0) -> pd.DataFrame:
    costs, effects = psa(strategies)
    rows = []
    for wtp in np.linspace(0, top, 101):
        benefit = wtp * effects.to_numpy() - costs.to_numpy()
        best = np.bincount(benefit.argmax(axis=1), minlength=strategies) / len(benefit)
        mean = benefit.mean(axis=0)
        loss = benefit.max(axis=1).mean() - mean
        optimal = int(mean.argmax())
        rows += [
            (wtp, name, best[i], best[i] if i == optimal else np.nan, loss[i], i == optimal)
            for i, name in enumerate(costs)
        ]
    return pd.DataFrame(rows, columns=["wtp", "strategy", "p_best", "p_ceaf", "expected_loss", "is_optimal"])


def evpi(strategies: int = 7, population: float = 21_000.0) -> pd.DataFrame:
    table = ceac(strategies).groupby("wtp", as_index=False)["expected_loss"].min()
    table = table.rename(columns={"expected_loss": "evpi"})
    return table.assign(evpi_population=table["evpi"] * population, se=0.03 * table["evpi"] + 8)


def evppi(groups: int = 11) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for wtp in (20_000.0, 30_000.0):
        for i in range(groups):
            path = PATHS[i % len(PATHS)] + ("" if i < len(PATHS) else f"_{i}")
            group, inside = (path, path) if i % 4 != 1 else (f"Relief, group {i}", "; ".join(PATHS[: 3 + i % 5]))
            value = wtp / 20_000 * 900 * 0.72**i
            rows.append(
                {
                    "wtp": wtp,
                    "group": group,
                    "parameters": inside,
                    "evppi": value,
                    "se": 0.1 * value + 6,
                    "method": "gam",
                }
            )
    return pd.DataFrame(rows).sample(frac=1, random_state=3, ignore_index=True)


def dsa(parameters: int = 30, base: float = 4_200.0) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for i in range(parameters):
        path = PATHS[i % len(PATHS)] + ("" if i < len(PATHS) else f"_{i}")
        swing, sign = 14_000 * 0.86**i, -1 if i % 3 == 1 else 1
        ends = {"low": -0.6 * swing * sign, "high": 0.4 * swing * sign}
        if i == 4:
            ends = {"low": 0.2 * swing, "high": 0.6 * swing}
        for end, change in ends.items():
            value = (0.01234 if i % 2 else 15_250.0) * (0.5 if end == "low" else 1.5)
            best = "injections" if base + change < 0 else "hf10"
            rows.append(
                {
                    "parameter": path,
                    "end": end,
                    "value": value,
                    "d_cost": 27_500.0,
                    "d_qaly": 1.15,
                    "inmb": base + change,
                    "inmb_base": base,
                    "strategy": "hf10",
                    "reference": "conservative",
                    "wtp": 20_000.0,
                    "grade": ("published", "derived", "assumed")[i % 3],
                    "best": best,
                }
            )
    return pd.DataFrame(rows).sample(frac=1, random_state=3, ignore_index=True)


def two_way(strategies: int = 7, name: str = "device_and_relief", base: bool = True) -> pd.DataFrame:
    names = list(LABELS)[:strategies]
    rows = []
    for x in np.linspace(8_000, 26_000, 19):
        for y in np.linspace(0.2, 0.8, 13):
            benefit = 20_000 * np.array(QALYS) - np.array(COSTS)
            benefit[4] += 5_000 + 42_000 * (y - 0.5) - 1.1 * (x - 15_000)
            benefit[5] += 12_000 + 60_000 * (y - 0.62) - 0.2 * (x - 15_000)
            benefit[2] += 14_000 - 30_000 * abs(y - 0.3) - (x - 8_000)
            benefit[6] -= 0.1 * (x - 15_000)
            benefit = benefit[:strategies]
            order = np.argsort(benefit)
            inmb = benefit[min(4, strategies - 1)] - benefit[0]
            margin = benefit[order[-1]] - benefit[order[-2]] if strategies > 1 else np.nan
            rows.append((name, PATHS[7], PATHS[0], x, y, names[order[-1]], margin, inmb))
    table = pd.DataFrame(rows, columns=["name", "x", "y", "x_value", "y_value", "best", "margin", "inmb"])
    return table.assign(x_base=15_000.0, y_base=0.48) if base else table


def extrapolation(strategies: int = 7, cases: int = 8) -> pd.DataFrame:
    labels = (
        "Base case: relief wanes as fitted",
        "No relief after the observed 24 months",
        "Relief stays at its last observed level",
        "Waning twice as fast",
        "Waning half as fast",
        "Loss of effect at a constant rate, exponential",
        "Loss of effect, Weibull",
        "Loss of effect, log-normal, cut at ten years",
    )
    rows: list[dict[str, Any]] = []
    for k in range(cases):
        factor = (1, 0.15, 1.7, 0.7, 1.25, 0.9, 1.05, 1.4)[k]
        for i, name in enumerate(list(LABELS)[:strategies]):
            d_cost, d_qaly = COSTS[i] - COSTS[0], (QALYS[i] - QALYS[0])
            during = 0.22 * d_qaly
            after = 0.78 * d_qaly * factor - (0.05 * i if k == 1 else 0)
            total = during + after
            rows.append(
                {
                    "name": f"case_{k}",
                    "label": labels[k],
                    "strategy": name,
                    "cost": COSTS[i],
                    "qaly": QALYS[0] + total,
                    "d_cost": d_cost,
                    "d_qaly": total,
                    "icer": np.nan,
                    "status": "frontier",
                    "inmb": 20_000 * total - d_cost,
                    "d_qaly_after_data": after,
                }
            )
    return pd.DataFrame(rows)


def budget(strategies: int = 7, years: int = 5) -> pd.DataFrame:
    rows = []
    for year in range(1, years + 1):
        for i, name in enumerate(list(LABELS)[:strategies]):
            patients = 400 - 30 * i
            now = patients * COSTS[i] / 12 * (0.6 + 0.4 / year)
            new = now * (1 + 0.25 * (i - 2) / 4 * min(year, 3) / 3)
            rows.append((year, name, patients, patients // 2, new, patients // 3, now, new - now))
    return pd.DataFrame(
        rows, columns=["year", "strategy", "patients", "devices", "cost", "procedures", "cost_current", "impact"]
    )
