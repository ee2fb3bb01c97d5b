"""The cohort engine's clock: plans into histories when nobody has to queue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scssim.model.history import NEVER, Episode
from scssim.model.patients import Cells
from scssim.model.plan import Courses, Plan, Reason

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
    t0 = trial + plan.trial_years
    tried = t0
    if plan.trial_ok is not None:
        t0 = t0 + NEVER * ~plan.trial_ok
    stop = t0 + plan.stop
    begun = t0 < leaves
    t0 = np.minimum(t0, leaves)
    end = np.minimum(stop, leaves)
    # Products of codes and truth values (death is 0) are far faster than choosing element by element.
    early = stop < leaves
    reason = plan.reason * early + np.uint8(Reason.HORIZON) * (~early & (leaves >= horizon))
    free = end
    if plan.trial_ok is not None:
        failed = ~plan.trial_ok & (tried < leaves)
        reason = reason * ~failed + np.uint8(Reason.TRIAL_FAILURE) * failed
        free = np.minimum(end, tried + NEVER * ~failed)

    planned = plan.courses
    kept = np.flatnonzero(
        begun.take(planned.cell) & (t0.take(planned.cell) + planned.start < leaves.take(planned.cell))
    )
    cell = planned.cell.take(kept)
    courses = Courses(
        cell,
        t0.take(cell) + planned.start.take(kept),
        np.minimum(t0.take(cell) + planned.loss.take(kept), leaves.take(cell)),
        planned.scale.take(kept),
    )
    may = plan.occurrences
    time = t0.take(may.cell)
    time += may.time
    happens = time < leaves.take(may.cell)
    happens &= begun.take(may.cell)
    kept = np.flatnonzero(happens)
    occurrences = replace(may.take(kept), time=time.take(kept))
    revision = np.full(kept.size, NEVER)
    revised = np.flatnonzero(occurrences.revised)
    if revised.size:
        back = occurrences.time.take(revised)
        back += plan.therapy.complications.revision_wait.take(occurrences.row.take(revised))
        revision[revised] = np.where(back < end.take(occurrences.cell.take(revised)), back, NEVER)
    depleted = t0[plan.depletion_cell] + plan.depletion_time
    keep = np.flatnonzero(begun[plan.depletion_cell] & (depleted < leaves[plan.depletion_cell]))
    cell, depleted = plan.depletion_cell[keep], depleted[keep]
    wait = np.asarray(cells.at(plan.therapy.replacement_wait))
    replaced = depleted + (wait if wait.ndim == 0 else wait[cell])
    replaced = np.where(replaced < end[cell], replaced, NEVER)
    died = t0[plan.died_cell] + plan.died_time
    late = np.flatnonzero(begun[plan.died_cell] & (died < end[plan.died_cell]))
    return Episode(
        plan, cells, again, active, start, trial, t0, end, begun, free, reason, courses, occurrences, revision,
        (cell, depleted, replaced), (plan.died_cell[late], died[late]),
    )  # fmt: skip
