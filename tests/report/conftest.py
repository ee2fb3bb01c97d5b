"""Synthetic results: what a run returns, without running one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from scssim import economics
from scssim.result import TABLES, Result
from scssim.scenario.schema import Scenario

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
LABELS = {
    "conservative": "Conservative care alone",
    "lf_scs": "Conservative care, injections, then LF-SCS",
    "hf10": "Conservative care, injections, then HF10 (10 kHz)",
    "lf_then_hf10": "LF-SCS first, with HF10 rescue of non-responders",
    "guided": "Mechanism-guided: HF10 unless diagnosed nociceptive",
    "reoperation": "Reoperation instead of stimulation",
    "drugs": "Drugs only for those diagnosed neuropathic",
}
VISITS = tuple("strategy clock month measure denominator n mean sd p05 p25 p50 p75 p95 lower upper".split())  # noqa: SIM905
IMPLANTS = {"lf_scs", "hf10", "lf_then_hf10", "guided"}
MONTHS = (0, 1, 3, 6, 12, 24, 36, 60, 120, 180)


def scenario(strategies: int, **settings: Any) -> Scenario:
    data = deepcopy(YAML(typ="safe", pure=True).load(SMALL))
    data["title"] = "Back and leg pain, HF10 against low-frequency SCS, NHS"
    therapies = data["therapies"]
    for name, like, label in (
        ("medication", "conservative", "Neuropathic pain medication"),
        ("radiofrequency", "injection", "Pulsed radiofrequency"),
        ("reoperation", "injection", "Spinal reoperation"),
    ):
        therapies[name] = {**deepcopy(therapies[like]), "label": label}
    data["strategies"] = {
        name: {"label": label, "steps": ["conservative", "injection", "hf10"]}
        for name, label in list(LABELS.items())[:strategies]
    }
    for key in ("targets", "analyses", "joint"):
        data.pop(key)
    months = list(MONTHS)
    data["settings"].update({"horizon_years": 15, "visit_months": months, "reference": next(iter(LABELS)), **settings})
    return Scenario.model_validate(data)


def _visits(names: list[str], rng: np.random.Generator, last: float) -> pd.DataFrame:
    rows = []
    groups = [("entry", "randomised"), ("entry", "on_therapy"), ("activation", "implanted"), ("activation", "assessed")]
    for k, name in enumerate(names):
        level = 0.10 + 0.085 * (k % 5) + 0.01 * k
        for clock, denominator in groups:
            for month in (m for m in MONTHS if m <= last):
                implanted = name in IMPLANTS or clock == "entry"
                rise = 1 - np.exp(-month / (2 if clock == "activation" else 9))
                relief = level * rise * (1 - 0.002 * month)
                pain = {"back": 7.6 * (1 - relief), "leg": 7.3 * (1 - 0.95 * relief)}
                values = {
                    "back_vas": pain["back"], "leg_vas": pain["leg"],
                    "back_relief": relief, "leg_relief": 0.95 * relief,
                    "back_responder": 1.2 * relief, "leg_responder": 1.3 * relief,
                    "back_remitter": 0.8 * relief, "leg_remitter": 0.9 * relief,
                    "odi": 54 * (1 - relief / 2), "utility": 0.4 + 0.6 * relief, "opioid_mme": 90.0 * (1 - relief / 5),
                    "paresthesia": (0.9 - 0.1 * k) * (month > 0),
                    "paresthesia_uncomfortable": (0.1 - 0.01 * k) * (month > 0),
                    "alive": 1 - 0.001 * month,
                }  # fmt: skip
                for measure, mean in values.items():
                    mean = float(mean) if implanted else np.nan
                    half = 0.02 * abs(mean) + 0.01 + 0.00005 * month
                    quantiles = (mean + d for d in (-1, -0.5, 0, 0.5, 1))
                    n = 10_000 if implanted else 0
                    interval = (mean - half, mean + half)
                    rows.append((name, clock, float(month), measure, denominator, n, mean, 0.3, *quantiles, *interval))
    columns = [*VISITS]
    return pd.DataFrame(rows, columns=columns)


def _occupancy(names: list[str], therapies: list[str], years: int) -> pd.DataFrame:
    rows = []
    states = ["waiting", "trial", *therapies, "background", "dead"]
    for k, name in enumerate(names):
        for month in range(12 * years + 1):
            t = month / 12
            raw = {"waiting": np.exp(-t * 3), "trial": 0.05 * t * np.exp(-2 * t), "background": 0.1 + 0.02 * t}
            raw |= {
                therapy: (0.2 + 0.3 * ((i + k) % 3)) * np.exp(-((t - 2.5 * i) ** 2) / 20)
                for i, therapy in enumerate(therapies)
            }
            dead = 1 - np.exp(-0.012 * t)
            total = sum(raw.values())
            raw = {s: v / total * (1 - dead) for s, v in raw.items()} | {"dead": dead}
            rows += [(name, month, state, raw[state]) for state in states]
    return pd.DataFrame(rows, columns=["strategy", "month", "state", "share"])


def _costs(names: list[str]) -> pd.DataFrame:
    rows = []
    for k, name in enumerate(names):
        items = {"workup": 250.0, "drugs": 9000 - 500 * k, "background.care": 14000 - 900 * k}
        items["conservative.per_year"] = 700.0
        items["injection.procedure"] = 1900.0
        items["injection.headache"] = 21.0
        if name in IMPLANTS:
            items |= {"hf10.trial": 2100.0, "hf10.implant": 5300.0, "hf10.device": 15000.0, "hf10.replacement": 700.0}
            items |= {
                "hf10.lead_migration": 400.0,
                "hf10.revision": 650.0,
                "hf10.explant": 300.0,
                "hf10.per_year": 2300.0,
            }
            items |= {"lf_scs.device": 1200.0 * k, "hf10.pocket_pain": 90.0}
        rows += [(name, item, "healthcare", cost, 1.25 * cost) for item, cost in items.items()]
        rows.append((name, "lost_work", "societal", 30000.0, 40000.0))
    return pd.DataFrame(rows, columns=["strategy", "item", "perspective", "discounted", "undiscounted"])


def _targets(name: str) -> Iterator[dict[str, Any]]:
    for measure, month, observed, lower, upper, simulated, tolerance, agrees in (
        ("back_responder", 3.0, 0.845, 0.76, 0.90, 0.8123, 0.05, True),
        ("leg_responder", 3.0, 0.83, 0.75, 0.89, 0.6, 0.05, False),
        ("back_vas", 24.0, 2.4, np.nan, np.nan, 2.61, np.nan, None),
    ):
        yield {
            "target": f"{name}.{measure}.{month:g}", "source": "kapural2015" if agrees is not None else None,
            "observed": observed, "lower": lower, "upper": upper, "simulated": simulated, "mcse": 0.004,
            "inside": agrees, "strategy": name, "measure": measure, "month": month, "denominator": "implanted",
            "clock": "activation", "statistic": "mean", "tolerance": tolerance, "agrees": agrees,
        }  # fmt: skip


def make(strategies: int = 7, draws: int | None = None, last: float = 180, **settings: Any) -> Result:
    rng = np.random.default_rng(5)
    scene = scenario(strategies, **settings)
    names, therapies = list(scene.strategies), list(scene.therapies)
    costs = _costs(names)
    counted = costs[costs.perspective == "healthcare"]
    cost = counted.groupby("strategy", sort=False).discounted.sum().reindex(names).to_numpy()
    qaly = 5.1 + 0.31 * np.arange(strategies) % 1.3
    values = {"cost": cost, "qaly": qaly, "life_years": np.full(strategies, 11.2)}
    values |= {
        "cost_undiscounted": cost * 1.25,
        "qaly_undiscounted": qaly * 1.3,
        "life_years_undiscounted": np.full(strategies, 14.5),
    }
    outcomes = pd.DataFrame(
        [(n, o, v[i], 0.5 * v[i], 0.005 * v[i]) for i, n in enumerate(names) for o, v in values.items()],
        columns=["strategy", "outcome", "mean", "sd", "mcse"],
    )
    increments = pd.DataFrame({"strategy": names[1:], "reference": names[0]})
    increments["d_cost"], increments["d_cost_mcse"] = cost[1:] - cost[0], 80.0
    increments["d_qaly"], increments["d_qaly_mcse"] = qaly[1:] - qaly[0], 0.011
    increments["icer"] = increments.d_cost / increments.d_qaly
    for wtp in (20000, 30000):
        increments[f"inmb_{wtp}"] = wtp * increments.d_qaly - increments.d_cost
        increments[f"inmb_{wtp}_mcse"] = 240.0
    frontier = pd.DataFrame({"strategy": names, "cost": cost, "qaly": qaly}).sort_values("cost", ignore_index=True)
    frontier[["inc_cost", "inc_qaly", "icer"]] = np.nan
    frontier["status"] = "dominated"
    frontier["versus"] = None
    keep, best = [], -np.inf
    for i, row in frontier.iterrows():
        if row.qaly > best:
            keep.append(i)
            best = row.qaly
    frontier.loc[keep, "status"] = "frontier"
    frontier["versus"] = frontier["versus"].astype(object)
    for before, i in itertools.pairwise(keep):
        frontier.loc[i, "inc_cost"] = frontier.cost[i] - frontier.cost[before]
        frontier.loc[i, "inc_qaly"] = frontier.qaly[i] - frontier.qaly[before]
        frontier.loc[i, "icer"] = frontier.inc_cost[i] / frontier.inc_qaly[i]
        frontier.loc[i, "versus"] = frontier.strategy[before]
    targets = pd.DataFrame([*_targets(names[-1])])
    events = pd.DataFrame(
        [(n, e, 0.4, 0.3, 4.2) for n in names for e in ("implant", "lead_migration", "explant")],
        columns=["strategy", "event", "per_patient", "share_of_patients", "per_100_patient_years"],
    )
    psa = pd.DataFrame(columns=["draw", "strategy", "cost", "qaly", "life_years"])
    parameters = pd.DataFrame(columns=["draw"])
    if draws:
        psa = pd.DataFrame(
            [
                (d, n, cost[i] + rng.normal(0, 900), qaly[i] + rng.normal(0, 0.2), 11.2)
                for d in range(draws)
                for i, n in enumerate(names)
            ],
            columns=psa.columns,
        )
        parameters = pd.DataFrame({"draw": range(draws), "therapies.hf10.trial.success": rng.beta(90, 7, draws)})
    loaded = SimpleNamespace(
        scenario=scene,
        name="back_leg_uk",
        sha256="ab" * 32,
        warnings=[],
        resolved={"title": scene.title, "settings": {"seed": 1}},
    )
    return Result(
        loaded=cast(Any, loaded), seed=20150901, patients=10_000, engine="cohort", seconds=12.34,
        warnings=["the SD of therapies.hf10.relief.leg is U-shaped [check it]"],
        outcomes=outcomes, increments=increments, frontier=frontier,
        visits=_visits(names, rng, last), occupancy=_occupancy(names, therapies, 15), events=events, costs=costs,
        targets=targets, psa=psa, parameters=parameters, draws=draws,
    )  # fmt: skip


@pytest.fixture(scope="session")
def bare_result() -> Callable[..., Result]:
    """Make a result with these mean costs and QALYs, and no tables but outcomes and frontier."""
    simple = cache(make)

    def bare(cost: list[float], qaly: list[float]) -> Result:
        result = simple(len(cost))
        names = list(result.scenario.strategies)
        values = {"cost": cost, "qaly": qaly}
        outcomes = pd.DataFrame(
            [(n, o, v[i], 0.0, 0.0) for i, n in enumerate(names) for o, v in values.items()],
            columns=["strategy", "outcome", "mean", "sd", "mcse"],
        )
        frontier = economics.frontier(dict(zip(names, cost, strict=True)), dict(zip(names, qaly, strict=True)))
        empty = {name: getattr(result, name).iloc[:0] for name in TABLES}
        return replace(result, **{**empty, "outcomes": outcomes, "frontier": frontier})

    return bare


@pytest.fixture(scope="session")
def fake_result() -> Callable[..., Result]:
    """Make a result with so many strategies (and draws)."""
    return make


@pytest.fixture(scope="session")
def result() -> Result:
    """Seven strategies with long labels over 15 years."""
    return make()


@pytest.fixture
def without() -> Callable[..., Result]:
    """A result with some tables emptied."""
    return lambda result, *tables: replace(result, **{t: getattr(result, t).iloc[:0] for t in tables})
