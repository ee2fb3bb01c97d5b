"""Histories: what happened to each patient, in years since entry."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scssim.model.complications import Occurrences
from scssim.model.patients import Cells
from scssim.model.plan import Courses, Plan, Reason

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]

NEVER = 1e9
"""A time after everything; finite so that arithmetic on it stays finite."""


@dataclass(frozen=True)
class Episode:
    """One therapy episode of every cell; times in years since entry, `NEVER` where it did not happen.

    Attributes
    ----------
    plan
        The plan that was played.
    cells
        The cells it is about (all of a block, or some of them for re-implants).
    again
        0, or k for the k-th re-implant.
    active
        Whether the cell has this episode at all.
    start, trial, tried
        Decision (start of the wait), start of the trial and its end.
    t0, end
        Start of effect and end of the therapy, both clipped to the cell's exit; equal without effect.
    begun
        Whether the effect began before the exit.
    free
        When the next step may begin: the end of the therapy or of a failed trial, or when the queue was left.
    reason
        `Reason` code of the end (meaningful where active).
    courses
        Repeat courses, with times since entry.
    occurrences
        Complications, with times since entry.
    revisions
        Time of the revision of each, or NEVER.
    replacements
        (cell, time of depletion, time of replacement or NEVER).
    depleted
        (cell, time) of devices that ran down after the loss of effect.
    """

    plan: Plan
    cells: Cells
    again: int
    active: Bools
    start: Array
    trial: Array
    tried: Array
    t0: Array
    end: Array
    begun: Bools
    free: Array
    reason: NDArray[np.uint8]
    courses: Courses
    occurrences: Occurrences
    revisions: Array
    replacements: tuple[Index, Array, Array]
    depleted: tuple[Index, Array]


@dataclass(frozen=True)
class Times:
    """When an engine lets the parts of a plan take place, as if nobody died and the horizon never came.

    Years since entry; `NEVER` (or later) for what does not take place.

    Attributes
    ----------
    start, trial, tried
        Decision, start and end of the trial, shape (n,). Without a trial its start and end are the end of the wait.
    t0, stop
        Start of effect, and end of the therapy by itself.
    left
        When the queue was left without a start; None: nobody did.
    """

    start: Array
    trial: Array
    tried: Array
    t0: Array
    stop: Array
    left: Array | None = None


@dataclass(frozen=True)
class Incidents:
    """When what follows the start of effect takes place, likewise.

    Attributes
    ----------
    courses
        Starts and losses of the repeat courses, as in the plan.
    revisions
        Revisions of the planned occurrences.
    depleted, replaced
        Depletions of the device that are followed by a replacement, and these, as in the plan.
    died
        (cell, time) of devices that run down after the loss of effect.
    """

    courses: tuple[Array, Array]
    revisions: Array
    depleted: Array
    replaced: Array
    died: tuple[Index, Array]


def unhindered(plan: Plan, cells: Cells, t0: Array) -> Incidents:
    """What follows the start of effect when nobody has to queue for it.

    Parameters
    ----------
    plan
        Plan of the episode for these cells.
    cells
        The cells.
    t0
        Start of effect (`NEVER` without one), shape (n,).
    """
    begin = t0.take(plan.courses.cell)
    found = plan.occurrences
    revisions = np.full(found.cell.size, NEVER)
    revised = found.revised.nonzero()[0]
    if revised.size:
        time = t0.take(found.cell.take(revised))
        time += found.time.take(revised)
        time += plan.therapy.complications.revision_wait.take(found.row.take(revised))
        revisions[revised] = time
    depleted = t0[plan.depletion_cell] + plan.depletion_time
    wait = np.asarray(cells.at(plan.therapy.replacement_wait))
    return Incidents(
        (begin + plan.courses.start, begin + plan.courses.loss),
        revisions,
        depleted,
        depleted + (wait if wait.ndim == 0 else wait[plan.depletion_cell]),
        (plan.died_cell, t0[plan.died_cell] + plan.died_time),
    )


def record(
    plan: Plan,
    cells: Cells,
    active: Bools,
    times: Times,
    after: Incidents,
    leaves: Array,
    horizon: float,
    again: int = 0,
) -> Episode:
    """The episode that follows from a plan and its times: what death and the horizon leave of it, and why it ends.

    Parameters
    ----------
    plan
        Plan of the episode for these cells.
    cells
        The cells.
    active
        Whether the cell has the episode.
    times, after
        When things take place.
    leaves
        Death or horizon, whichever is first, shape (n,).
    horizon
        End of follow-up (years).
    again
        0, or k for the k-th re-implant.
    """
    begun = times.t0 < leaves
    t0 = np.minimum(times.t0, leaves)
    end = np.minimum(times.stop, leaves)
    # Products of codes and truth values (death is 0) are far faster than choosing element by element.
    early = times.stop < leaves
    reason = plan.reason * early + np.uint8(Reason.HORIZON) * (~early & (leaves >= horizon))
    free = end
    if plan.trial_ok is not None:
        failed = ~plan.trial_ok & (times.tried < leaves)
        reason = reason * ~failed + np.uint8(Reason.TRIAL_FAILURE) * failed
        free = np.minimum(end, times.tried + NEVER * ~failed)
    if times.left is not None:
        gone = times.left < leaves
        reason = reason * ~gone + np.uint8(Reason.LEFT_QUEUE) * gone
        free = np.minimum(free, times.left)

    planned, (start, loss) = plan.courses, after.courses
    kept = (begun.take(planned.cell) & (start < leaves.take(planned.cell))).nonzero()[0]
    cell = planned.cell.take(kept)
    courses = Courses(cell, start.take(kept), np.minimum(loss.take(kept), leaves.take(cell)), planned.scale.take(kept))
    may = plan.occurrences
    time = t0.take(may.cell)
    time += may.time
    happens = time < leaves.take(may.cell)
    happens &= begun.take(may.cell)
    kept = happens.nonzero()[0]
    occurrences = replace(may.take(kept), time=time.take(kept))
    back = after.revisions.take(kept)
    revisions = np.where(back < end.take(occurrences.cell), back, NEVER)
    cell, depleted = plan.depletion_cell, after.depleted
    keep = (begun[cell] & (depleted < leaves[cell])).nonzero()[0]
    cell, depleted, replaced = cell[keep], depleted[keep], after.replaced[keep]
    replaced = np.where(replaced < end[cell], replaced, NEVER)
    cell_, died = after.died
    late = (begun[cell_] & (died < end[cell_])).nonzero()[0]
    return Episode(
        plan, cells, again, active, times.start, times.trial, times.tried, t0, end, begun, free, reason, courses,
        occurrences, revisions, (cell, depleted, replaced), (cell_[late], died[late]),
    )  # fmt: skip
