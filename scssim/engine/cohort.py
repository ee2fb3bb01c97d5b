"""The cohort engine's clock: plans into histories when nobody has to queue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.model.history import NEVER, Episode, Times, record, unhindered
from scssim.model.patients import Cells
from scssim.model.plan import Plan

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def play(
    plan: Plan, cells: Cells, active: Bools, start: Array, leaves: Array, horizon: float, again: int = 0
) -> Episode:
    """Play a plan from ``start`` on, without queues.

    Parameters
    ----------
    plan
        Plan of the episode for these cells.
    cells
        The cells.
    active
        Whether the cell has the episode; must imply ``start < leaves``.
    start
        When the decision falls (years since entry), shape (n,).
    leaves
        Death or horizon, whichever is first, shape (n,).
    horizon
        End of follow-up (years).
    again
        0, or k for the k-th re-implant.
    """
    start = start + NEVER * ~active
    trial = start + plan.wait
    tried = t0 = trial + plan.trial_years
    if plan.trial_ok is not None:
        t0 = t0 + NEVER * ~plan.trial_ok
    times = Times(start, trial, tried, t0, t0 + plan.stop)
    return record(plan, cells, active, times, unhindered(plan, cells, t0), leaves, horizon, again)
