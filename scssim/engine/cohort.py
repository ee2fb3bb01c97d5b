"""The cohort engine's clock: plans into histories when nobody has to queue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.model.history import NEVER, Episode
from scssim.model.patients import Cells
from scssim.model.plan import Plan, Reason

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
    early = stop < leaves
    reason = np.where(early, plan.reason, np.where(leaves < horizon, np.uint8(Reason.DEATH), np.uint8(Reason.HORIZON)))
    free = end
    if plan.trial_ok is not None:
        failed = ~plan.trial_ok & (tried < leaves)
        reason[failed] = Reason.TRIAL_FAILURE
        free = np.where(failed, tried, end)

    courses = []
    for c in plan.courses:
        keep = np.flatnonzero(begun[c.cell] & (t0[c.cell] + c.start < leaves[c.cell]))
        cell = c.cell[keep]
        courses.append(
            (cell, t0[cell] + c.start[keep], np.minimum(t0[cell] + c.loss[keep], leaves[cell]), c.scale[keep])
        )
    occurrences = []
    last = np.minimum(plan.stop, NEVER)
    for r in plan.recurrences:
        time = t0.take(r.cell)
        time += r.time
        happens = r.time < last.take(r.cell)
        happens |= r.explanted & (r.time == last.take(r.cell))  # the explant that ends the episode
        happens &= time < leaves.take(r.cell)
        happens &= begun.take(r.cell)
        kept = np.flatnonzero(happens)
        cell, time = r.cell.take(kept), time.take(kept)
        revision = np.full(cell.size, NEVER)
        revised = np.flatnonzero(r.revised.take(kept))
        if revised.size:
            who = cell.take(revised)
            back = time.take(revised) + cells.at(r.complication.revision_wait, who)
            revision[revised] = np.where(back < end.take(who), back, NEVER)
        occurrences.append(
            (r.complication.name, cell, time, revision, r.relief_lost.take(kept), r.explanted.take(kept))
        )
    depleted = t0[plan.depletion_cell] + plan.depletion_time
    keep = np.flatnonzero(begun[plan.depletion_cell] & (depleted < leaves[plan.depletion_cell]))
    cell, depleted = plan.depletion_cell[keep], depleted[keep]
    wait = np.asarray(cells.at(plan.therapy.replacement_wait))
    replaced = depleted + (wait if wait.ndim == 0 else wait[cell])
    replaced = np.where(replaced < end[cell], replaced, NEVER)
    died = t0[plan.died_cell] + plan.died_time
    late = np.flatnonzero(begun[plan.died_cell] & (died < end[plan.died_cell]))
    return Episode(
        plan, cells, again, active, start, trial, t0, end, begun, free, reason, tuple(courses), tuple(occurrences),
        (cell, depleted, replaced), (plan.died_cell[late], died[late]),
    )  # fmt: skip
