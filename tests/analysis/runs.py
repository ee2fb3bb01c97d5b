"""The small scenario with analyses, and single runs of it with values set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scssim
from scssim.engine.run import simulate
from scssim.prepare import make_job

Array = NDArray[np.float64]

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"

QUICK: dict[str, Any] = {"settings.visit_months": [], "targets": None}
"""Overrides that leave out what analyses do not look at."""

N = 400
"""Patients."""

WTP = 20_000.0


def run(analyses: dict[str, Any], *, draws: int = 0, patients: int = N, **more: Any) -> scssim.Result:
    """Run the small scenario with analyses."""
    values = {f"analyses.{name}": value for name, value in analyses.items()}
    return scssim.run(scssim.load(SMALL, {**QUICK, **values, **more}), patients=patients, draws=draws)


def means(values: dict[str, Any] | None = None, patients: int = N) -> tuple[Array, Array]:
    """Mean costs and QALYs by strategy of a single run with values set."""
    job = make_job(scssim.load(SMALL, {**QUICK, **(values or {})}), patients=patients, draws=0)
    found = simulate(job).draw_means[0]
    return found[:, 0], found[:, 1]


def benefit(values: dict[str, Any] | None = None, wtp: float = WTP, patients: int = N) -> Array:
    """Net benefit by strategy of a single run with values set."""
    cost, qaly = means(values, patients)
    return wtp * qaly - cost
