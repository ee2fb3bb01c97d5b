"""Numbers at the edge of what a scenario permits: it runs without a warning of NumPy, and gives numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scssim

LIFE = "therapies.hf10.device.life"
ODDS = "therapies.hf10.relief.modifiers.pain_years.odds_ratio"

EXTREMES: dict[str, dict[str, Any]] = {
    "nobody has pain": {"population.back_vas": 0, "population.leg_vas": 0},
    "everybody is at the end of life": {"population.age": 110},
    "odds beyond any number": {ODDS: 1e15},
    "hardly anybody is lost": {"measurement.missing.hazard": 5e-324},
    "device lives from nothing to for ever": {LIFE: {"distribution": "weibull", "mean": 10, "shape": 0.01}},
    "shapes drawn near 0": {LIFE: {"distribution": "weibull", "mean": 10, "shape": {"shape": 1e-9, "scale": 1e9}}},
    "SDs drawn all over the place": {LIFE: {"distribution": "weibull", "mean": 10, "sd": {"mean": 10, "se": 1e6}}},
    "bends drawn beyond any curve": {LIFE: {"distribution": "gompertz", "median": 1, "shape": {"mean": 40, "se": 400}}},
    "a loss known to nine digits": {"utilities.decrements.surgery.loss.se": 1e-9},
    "a rate that can be drawn as anything": {
        "therapies.hf10.complications.pocket_pain.hazard": {"mean": 300, "se": 1e6},
    },
    "mechanisms compared with each other": {"strategies.lf.steps.1.if": "diagnosed != mechanism"},
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("engine", ["cohort", "des"])
@pytest.mark.parametrize("draws", [0, 3])
@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(small_path: Path, name: str, draws: int, engine: str) -> None:
    result = scssim.run(scssim.load(small_path, EXTREMES[name]), patients=20, draws=draws, engine=engine)
    assert np.isfinite(result.outcomes["mean"]).all()


def test_a_wrong_diagnosis_is_one_other_than_the_mechanism(small_path: Path) -> None:
    """The conditions split the patients into those with a right and a wrong diagnosis."""
    split = {
        name: {"steps": [{"therapy": "injection", "if": f"diagnosed {sign} mechanism"}]}
        for name, sign in (("right", "=="), ("wrong", "!="))
    }
    overrides = {"strategies": {"lf": None, "hf": None, **split}, "settings.reference": "right", "targets": []}
    result = scssim.run(scssim.load(small_path, overrides), patients=2000, draws=0)
    started = result.events[result.events.event == "injection.start"].set_index("strategy").share_of_patients
    assert started.sum() == pytest.approx(1, abs=0.01)  # some die before the injection
    assert started["wrong"] == pytest.approx(0.4 * 0.2 + 0.35 * 0.3 + 0.25 * 0.2, abs=0.03)
