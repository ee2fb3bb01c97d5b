"""Totals of a run as tidy tables (columns and their order are a contract)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from scssim.economics import frontier
from scssim.engine import run
from scssim.engine.job import Job
from scssim.engine.totals import Totals
from scssim.model.visits import BINARY, BINS, CODES, CONTINUOUS, DEAD, DENOMINATORS, RANGES, Counts
from scssim.scenario.distributions import Z95
from scssim.scenario.schema import Target

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
VISIT_COLUMNS = (
    "strategy", "clock", "month", "measure", "denominator", "n", "mean", "sd",
    "p05", "p25", "p50", "p75", "p95", "lower", "upper",
)  # fmt: skip


def outcome_names(job: Job) -> list[str]:
    """Names of the outcomes in the order of the sums."""
    utilities = job.scenario.utilities.sources
    base = job.scenario.settings.utility or next(iter(utilities))
    own = ["cost", "qaly", "life_years", "cost_undiscounted", "qaly_undiscounted", "life_years_undiscounted"]
    return own + [f"qaly_{name}" for name in utilities if name != base]


def outcomes(job: Job, totals: Totals) -> pd.DataFrame:
    """Mean, SD between patients and Monte Carlo SE of every outcome."""
    rows = []
    n = totals.cells
    for s, strategy in enumerate(job.scenario.strategies):
        sums, squares = totals.sums(s)
        for i, name in enumerate(outcome_names(job)):
            mean = sums[i] / n
            sd = float(np.sqrt(max(squares[i] / n - mean**2, 0.0) * n / (n - 1))) if n > 1 else np.nan
            mcse = _mcse(totals.draw_means[:, s, i]) if job.samples else sd / np.sqrt(n)
            rows.append((strategy, name, mean, sd, mcse))
    return pd.DataFrame(rows, columns=["strategy", "outcome", "mean", "sd", "mcse"])


def increments(job: Job, totals: Totals) -> pd.DataFrame:
    """Differences from the reference strategy, and from the best, paired by common random numbers."""
    names = list(job.scenario.strategies)
    reference = job.scenario.reference
    r = names.index(reference)
    means = totals.means
    levels = job.scenario.settings.willingness_to_pay
    best = [int((wtp * means[:, 1] - means[:, 0]).argmax()) for wtp in levels]
    rows = []
    for s, name in enumerate(names):
        d_cost, d_qaly = means[s] - means[r]
        row: dict[str, Any] = {
            "strategy": name, "reference": reference,
            "d_cost": d_cost, "d_cost_mcse": totals.error(s, r, 1, 0),
            "d_qaly": d_qaly, "d_qaly_mcse": totals.error(s, r, 0, 1),
            "icer": float(d_cost) / float(d_qaly) if s != r and d_qaly else np.nan,
        }  # fmt: skip
        for wtp in levels:
            row[f"inmb_{wtp:g}"] = wtp * d_qaly - d_cost
            row[f"inmb_{wtp:g}_mcse"] = totals.error(s, r, -1, wtp)
        for wtp, b in zip(levels, best, strict=True):
            cost, qaly = means[b] - means[s]
            row[f"behind_{wtp:g}"] = wtp * qaly - cost
            row[f"behind_{wtp:g}_mcse"] = totals.error(b, s, -1, wtp)
        rows.append(row)
    return pd.DataFrame(rows)


def incremental(job: Job, totals: Totals) -> pd.DataFrame:
    """Full incremental analysis of the means."""
    names = list(job.scenario.strategies)
    costs, effects = totals.means.T
    return frontier(dict(zip(names, costs, strict=True)), dict(zip(names, effects, strict=True)))


def visits(job: Job, totals: Totals) -> pd.DataFrame:
    """Measures at visits, by clock, month and denominator."""
    counts = totals.counts
    if job.visits is None or counts is None:
        return pd.DataFrame(columns=list(VISIT_COLUMNS))
    settings, scenario = job.scenario.settings, job.scenario
    wanted = set(settings.visit_denominators) | {t.denominator for t in scenario.targets}
    sums = totals.visit_sums
    _, spread = totals.visit_spread()
    rows: list[tuple[Any, ...]] = []
    for s, strategy in enumerate(scenario.strategies):
        for c, clock in enumerate(job.visits.clocks):
            for m, month in enumerate(job.visits.months):
                for d, denominator in enumerate(DENOMINATORS):
                    if denominator not in wanted:
                        continue
                    line = sums[s, c, m, d]
                    n = int(line[-1])
                    key = (strategy, clock, month)
                    bins = _bins(counts, s, c, m, d)
                    for i, measure in enumerate((*CONTINUOUS, *BINARY)):
                        rows.append((*key, measure, denominator, n, *_summary(job, i, line, spread[s, c, m, d], bins)))
                    if denominator == "randomised":
                        seen = int(counts.observed[s, c, m])
                        share = n / seen if seen else np.nan
                        sd = float(np.sqrt(max(share * (1 - share), 0.0))) if seen else np.nan
                        half = Z95 * sd / np.sqrt(seen) if seen else np.nan
                        rows.append(
                            (*key, "alive", denominator, seen, share, sd, *_yes_no(share),
                             max(share - half, 0.0), min(share + half, 1.0))
                        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(VISIT_COLUMNS))


def _bins(counts: Counts, s: int, c: int, m: int, d: int) -> NDArray[np.int64]:
    """Counts by bin of each continuous measure in one denominator, shape (measures, BINS)."""
    bit = (0, 1, 2, 4)[d]
    codes = [code for code in range(CODES) if code < DEAD and (not bit or code & bit)]
    out: NDArray[np.int64] = counts.bins[s, c, m][:, codes].sum(axis=1)
    return out


def _summary(job: Job, i: int, line: Array, spread: Array, bins: NDArray[np.int64]) -> tuple[float, ...]:
    """Mean, SD, quantiles and 95 % interval of one measure."""
    n = line[-1]
    if not n:
        return (np.nan,) * 9
    mean = line[i] / n
    if i < len(CONTINUOUS):
        square = line[len(CONTINUOUS) + len(BINARY) + i] / n
        sd = np.sqrt(max(square - mean**2, 0.0) * n / max(n - 1, 1))
        low, high = list(RANGES.values())[i]
        quantiles = tuple(low + (high - low) * q for q in _quantiles(bins[i]))
    else:
        sd = np.sqrt(mean * (1 - mean) * n / max(n - 1, 1))
        quantiles = _yes_no(mean)
    half = Z95 * sd / np.sqrt(n)
    if job.samples:
        half = Z95 * spread[i] / (1.0 if job.draws else np.sqrt(job.replications))
    lower, upper = mean - half, mean + half
    if i >= len(CONTINUOUS):
        lower, upper = max(lower, 0.0), min(upper, 1.0)
    return (mean, sd, *quantiles, lower, upper)


def _quantiles(bins: NDArray[np.int64]) -> list[float]:
    """Quantiles on the unit scale of counts in equal bins, linear inside a bin."""
    edges = np.concatenate([[0], np.cumsum(bins)])
    total = edges[-1]
    out = []
    for q in QUANTILES:
        k = min(int(np.searchsorted(edges, q * total, side="left")), BINS)
        k = max(k, 1)
        inside = (q * total - edges[k - 1]) / max(bins[k - 1], 1)
        out.append(float((k - 1 + min(max(inside, 0.0), 1.0)) / BINS))
    return out


def _yes_no(share: float) -> tuple[float, ...]:
    """Quantiles of a yes/no measure."""
    return tuple(float(q > 1 - share) for q in QUANTILES)


def occupancy(job: Job, totals: Totals) -> pd.DataFrame:
    """Share of patients in each state by month."""
    months = np.arange(totals.dead.size - 1)
    dead = np.cumsum(totals.dead)[:-1]
    strategies, names, shares = [], [], []
    for s, strategy in enumerate(job.scenario.strategies):
        states = {name: np.cumsum(change)[:-1] for name, change in totals.states[s].items()}
        order = ["waiting", "trial", *[n for n in states if n not in ("waiting", "trial")]]
        counted = {name: states[name] for name in order if name in states}
        counted["background"] = totals.cells - dead - sum(counted.values())
        counted["dead"] = dead
        strategies += [strategy] * (len(counted) * months.size)
        names += list(counted) * months.size
        shares.append(np.stack(list(counted.values()), axis=1).ravel() / totals.cells)
    rows = np.concatenate([np.repeat(months, x.size // months.size) for x in shares])
    return pd.DataFrame({"strategy": strategies, "month": rows, "state": names, "share": np.concatenate(shares)})


def events(job: Job, totals: Totals) -> pd.DataFrame:
    """Events per patient, share of patients with any, and rate per 100 patient-years."""
    rows = []
    n = totals.cells
    died = totals.died
    for s, strategy in enumerate(job.scenario.strategies):
        life = float(totals.sums(s)[0][5])
        found = {**dict(sorted(totals.events[s].items())), "death": (died, died), "horizon": (n - died, n - died)}
        for name, (times, people) in found.items():
            rate = 100 * times / life if name != "horizon" and life else np.nan  # nobody may live at all
            rows.append((strategy, name, times / n, people / n, rate))
    return pd.DataFrame(
        rows, columns=["strategy", "event", "per_patient", "share_of_patients", "per_100_patient_years"]
    )


def costs(job: Job, totals: Totals) -> pd.DataFrame:
    """Mean cost per patient by item."""
    rows = [
        (strategy, item, perspective, discounted / totals.cells, plain / totals.cells)
        for s, strategy in enumerate(job.scenario.strategies)
        for item, perspective, discounted, plain in totals.item_sums(s)
    ]
    return pd.DataFrame(rows, columns=["strategy", "item", "perspective", "discounted", "undiscounted"])


def targets(job: Job, totals: Totals, table: pd.DataFrame) -> pd.DataFrame:
    """Published results against simulated ones."""
    names = [
        "target", "source", "observed", "lower", "upper", "simulated", "mcse", "inside",
        "strategy", "measure", "month", "denominator", "clock", "statistic", "tolerance", "agrees", "grade", "fitted",
    ]  # fmt: skip
    rows = []
    for t in job.scenario.targets:
        row = table[
            (table.strategy == t.strategy) & (table.clock == t.clock) & (table.month == t.month)
            & (table.measure == t.measure) & (table.denominator == t.denominator)
        ]  # fmt: skip
        lower, upper = interval(t)
        simulated, mcse = np.nan, np.nan
        if len(row) and row.n.iloc[0]:
            n, sd = float(row.n.iloc[0]), float(row.sd.iloc[0])
            if t.statistic == "sd":
                simulated, mcse = sd, sd / np.sqrt(2 * n)
            else:
                simulated, mcse = float(row["mean"].iloc[0]), sd / np.sqrt(n)
            if job.samples and t.statistic == "mean":
                wide = np.sqrt(job.draws) if job.draws else 1.0  # without draws the interval is that of the mean
                mcse = float(row.upper.iloc[0] - row["mean"].iloc[0]) / Z95 / wide
        known = bool(np.isfinite(simulated))  # nobody was there to be seen, when the horizon is short
        inside = bool(lower <= simulated <= upper) if known and not np.isnan(lower) else None
        agrees = bool(abs(simulated - t.observed) <= t.tolerance) if known and t.tolerance is not None else None
        name = f"{t.strategy}.{t.measure}.{t.month:g}" + (".sd" if t.statistic == "sd" else "")
        rows.append(
            (name, t.source, t.observed, lower, upper, simulated, mcse, inside, t.strategy, t.measure, t.month,
             t.denominator, t.clock, t.statistic, t.tolerance, agrees, t.grade, t.fitted)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def interval(t: Target) -> tuple[float, float]:
    """95 % interval of a published value: as printed, else from its n (Wilson; normal; chi-square for an SD)."""
    if t.lower is not None and t.upper is not None:
        return t.lower, t.upper
    if t.n is None:
        return np.nan, np.nan
    if t.statistic == "sd":
        df = t.n - 1
        scale = t.observed * np.sqrt(df)
        return float(scale / np.sqrt(stats.chi2.ppf(0.975, df))), float(scale / np.sqrt(stats.chi2.ppf(0.025, df)))
    if t.measure in (*BINARY, "alive"):
        k = round(t.observed * t.n)
        ci = stats.binomtest(k, t.n).proportion_ci(0.95, method="wilson")
        return float(ci.low), float(ci.high)
    if t.sd is None:
        return np.nan, np.nan
    half = Z95 * t.sd / np.sqrt(t.n)
    return t.observed - half, t.observed + half


def psa(job: Job, totals: Totals) -> pd.DataFrame:
    """Means by draw and strategy (empty without draws)."""
    names = list(job.scenario.strategies)
    if not job.draws:
        return pd.DataFrame(columns=["draw", "strategy", "cost", "qaly", "life_years"])
    flat = totals.draw_means[:, :, :3].reshape(-1, 3)
    return pd.DataFrame(
        {
            "draw": np.repeat(np.arange(job.draws), len(names)),
            "strategy": np.tile(names, job.draws),
            "cost": flat[:, 0],
            "qaly": flat[:, 1],
            "life_years": flat[:, 2],
        }
    )


def parameters(job: Job) -> pd.DataFrame:
    """Values of the uncertain parameters by draw (empty without draws)."""
    return pd.DataFrame({"draw": np.arange(job.draws), **run.parameters(job)})


def _mcse(x: Array) -> float:
    return float(np.std(x, ddof=1) / np.sqrt(x.size)) if x.size > 1 else np.nan
