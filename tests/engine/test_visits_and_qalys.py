"""QALYs are exact integrals; visits are looked up at moments: on a fine grid they must agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scssim
from engine.tiny import outcome, tiny
from scssim.result import Result

YEARS = 5
STEP = 0.25  # months
MIXED = {
    "back": {"responders": 0.4, "if_responder": {"mean": 0.75, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.15}},
    "leg": {"responders": 0.6, "if_responder": {"mean": 0.8, "sd": 0.1}, "if_not": {"mean": 0.1, "sd": 0.15}},
    "onset_weeks": 5,
    "waning": {"share": 0.3, "time_years": 1},
}
SOURCES = {
    "line": {"odi": -0.003, "leg": -0.01, "intercept": 1, "back": -0.03},
    "states": {
        "kind": "states", "instrument": "EQ-5D", "tariff": "UK", "country": "UK",
        "optimal": 0.7, "suboptimal": 0.55, "none": 0.3, "optimal_complication": 0.5, "suboptimal_complication": 0.4,
    },
}  # fmt: skip
WAIT = {"distribution": "exponential", "mean": 0.3}
THERAPIES: dict[str, Any] = {
    "care": {
        "kind": "continuous",
        "wait": WAIT,
        "relief": MIXED,
        "max_duration": {"months": 5},
        "complications": {"dizzy": {"hazard": 0.8, "utility": {"loss": 0.08, "weeks": 9}}},
    },
    "shot": {
        "kind": "procedure",
        "wait": WAIT,
        "relief": MIXED,
        "surgery": True,
        "assess": {"weeks": 4},
        "loss_of_effect": {"distribution": "lognormal", "median": 4, "shape": 0.5, "unit": "months"},
        "repeat": {"courses": 4, "probability": 0.9, "relief_ratio": 0.8},
    },
    "imp": {
        "kind": "implant",
        "wait": WAIT,
        "trial": {"success": 0.8},
        "relief": MIXED,
        "loss_of_effect": {"hazard": 0.5, "residual": 0.6, "stop_after_loss": 0.4, "delay": {"weeks": 12}},
        "review": {"months": [2, 7, 13], "rule": "either", "stop": 0.3},
        "complications": {
            "migration": {
                "hazard": 0.9, "revision": 0.8, "revision_wait": {"weeks": 9}, "relief_lost": 0.7,
                "utility": {"loss": 0.06, "weeks": 15},
            },
            "infection": {"hazard": 0.5, "explant": 0.4, "reimplant": True, "utility": {"loss": 0.1, "weeks": 20}},
        },
        "reimplant": {"probability": 0.7, "delay": {"months": 2}, "most": 2},
        "device": {
            "rechargeable": False,
            "life": {"distribution": "weibull", "mean": 0.9, "shape": 3},
            "replacement_wait": {"weeks": 7},
        },
        "paresthesia": {"perceived": 0.9, "uncomfortable": 0.5},
    },
}  # fmt: skip
STEPS = ["care", "shot", "imp", {"therapy": "imp", "if": "back_vas_now > 4"}, "care"]


@pytest.fixture(scope="module", params=[("line", True), ("states", False)], ids=["line", "states"])
def results(request: pytest.FixtureRequest) -> tuple[Result, np.ndarray]:
    """A run with a visit in the middle of every quarter of a month."""
    source, norms = request.param
    months = (np.arange(round(12 * YEARS / STEP)) + 0.5) * STEP
    loaded = tiny(
        THERAPIES,
        STEPS,
        settings={
            "horizon_years": YEARS, "patients": 1500, "visit_months": months.tolist(), "utility": source,
            "visit_denominators": ["randomised", "on_therapy"], "norm_adjust": norms,
        },
        population={
            "age": {"mean": 75, "sd": 8, "min": 50, "max": 90},
            "back_vas": {"mean": 7.5, "sd": 1, "min": 5, "max": 10},
            "odi": {"mean": 50, "sd": 9, "min": 10, "max": 100},
            "depression": 0.4,
            "mortality": {"life_table": "uk_2017_2019"},
        },
        utilities={
            "sources": SOURCES, "norms": "hse2014_uk_3l",
            "decrements": {"surgery": {"loss": 0.1, "weeks": 6}, "depression": 0.04, "uncomfortable_paresthesia": 0.03},
        },
    )  # fmt: skip
    return scssim.run(loaded), months


def over_time(result: Result, measure: str, denominator: str = "randomised") -> tuple[np.ndarray, np.ndarray]:
    t = result.visits
    rows = t[(t.measure == measure) & (t.denominator == denominator)].sort_values("month")
    return np.where(rows.n > 0, rows["mean"], 0.0), rows.n.to_numpy()


def test_utility_over_time_adds_up_to_qalys(results: tuple[Result, np.ndarray]) -> None:
    result, months = results
    mean, alive = over_time(result, "utility")
    assert mean.size == months.size and alive[-1] < 0.9 * result.patients
    integral = np.sum(mean * alive) / result.patients * STEP / 12
    # A jump of 0.3 falls anywhere in a quarter of a month, some twenty of them in each of 1,500 patients.
    error = 0.3 * STEP / 12 / np.sqrt(12) * np.sqrt(20 / 1500)
    assert integral == pytest.approx(outcome(result, "qaly_undiscounted"), abs=5 * error)


def test_people_over_time_add_up_to_life_years(results: tuple[Result, np.ndarray]) -> None:
    result, _ = results
    _, alive = over_time(result, "odi")
    integral = np.sum(alive) / result.patients * STEP / 12
    assert integral == pytest.approx(outcome(result, "life_years_undiscounted"), abs=5e-4)


def test_people_on_therapy_are_those_in_its_state(results: tuple[Result, np.ndarray]) -> None:
    result, _ = results
    _, treated = over_time(result, "odi", "on_therapy")
    t = result.occupancy
    states = t[t.state.isin(["care", "shot", "imp"])].groupby("month").share.sum().to_numpy()
    # The therapy that bridges a wait counts as on therapy, and its patient as waiting.
    between = 0.5 * (states[:-1] + states[1:])
    shown = treated.reshape(-1, round(1 / STEP)).mean(axis=1) / result.patients
    assert np.all(shown >= between - 0.02) and np.mean(shown - between) < 0.35
