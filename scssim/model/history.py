"""Histories: what happened to each patient, in years since entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.model.complications import Occurrences
from scssim.model.patients import Cells
from scssim.model.plan import Courses, Plan

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
    start, trial
        Decision (start of the wait) and start of the trial.
    t0, end
        Start of effect and end of the therapy, both clipped to the cell's exit; equal without effect.
    begun
        Whether the effect began before the exit.
    free
        When the next step may begin: the end of the therapy or of a failed trial.
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
