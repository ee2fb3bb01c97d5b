"""When a resource is open, and how much of it there is."""

from __future__ import annotations

import math

from scssim.scenario.service import DAYS, Resource
from scssim.scenario.times import DAYS_PER_YEAR

SAME = 1e-6
"""Days by which a moment may miss the beginning of a day through rounding."""


class Calendar:
    """Opening days and capacity over time (years from the start of the period that is counted; day 0 is a Monday).

    Parameters
    ----------
    spec
        The resource.

    Attributes
    ----------
    always
        Whether it never closes.
    changes
        Times at which the capacity changes.
    """

    def __init__(self, spec: Resource) -> None:
        self.days = frozenset(DAYS.index(day) for day in spec.open)
        self.closed = frozenset(spec.closed_weeks)
        self.always = len(self.days) == len(DAYS) and not self.closed
        self._numbers = tuple(level.number for level in spec.capacity)
        self.changes = tuple(level.until_years for level in spec.capacity if level.until_years is not None)

    def number(self, t: float) -> int:
        """Capacity at a time."""
        return self._numbers[sum(t >= end - SAME / DAYS_PER_YEAR for end in self.changes)]

    def open(self, day: int) -> bool:
        """Whether it takes patients on a day."""
        return day % 7 in self.days and week_of_year(day) not in self.closed

    def next_change(self, day: int) -> int:
        """The next day on which it opens after having been closed, or closes after having been open."""
        now = self.open(day)
        day += 1
        while self.open(day) == now:
            day += 1
        return day

    def next_open(self, day: int) -> int:
        """The first open day from a day on."""
        while not self.open(day):
            day += 1
        return day


def day_of(t: float) -> int:
    """The day in which a time (years) falls."""
    return math.floor(t * DAYS_PER_YEAR + SAME)


def week_of_year(day: int) -> int:
    """Week of the year (1 to 53) in which the Monday of a day's week falls; years have 365.25 days."""
    return int((day - day % 7) % DAYS_PER_YEAR // 7) + 1
