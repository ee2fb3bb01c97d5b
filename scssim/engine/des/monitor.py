"""What is noted about a resource while a service runs: waits, queue, use and capacity over time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scssim.scenario.times import DAYS_PER_YEAR

Array = NDArray[np.float64]

SHORTEST = 1e-3
"""Waits up to this (days) share the first bin."""

STEP = math.log(1.005)
"""Logarithm of the ratio between the ends of a bin of waits: quantiles are right to half a percent."""

BINS = 4096
"""Bins of waits: the last one begins beyond a million days."""

AT_ONCE = 1e-9
"""Waits up to this (years) are none: they are rounding."""


Part = tuple[str, int]
"""What a request is for, and the year (from 1) in which it was made."""


class Monitor:
    """Notes about one resource in the period that is counted (0 to ``end``, years).

    Requests count by when they joined the queue, whenever they end.

    Parameters
    ----------
    start
        When the simulation starts (years; negative with a warm-up).
    end
        End of the period.
    width
        Length of the intervals over which queue and use are averaged (years).
    target
        Longest wait that meets the target (years); None: there is none.

    Attributes
    ----------
    queue, in_use, capacity
        Patients waiting, servers busy and servers there, now.
    areas
        Integrals over each interval of these three, shape (3, intervals); of slots, the last two are the numbers used
        and offered.
    bins
        Waits in the queue of those served, by length; the first one holds those at once.
    count, total
        Requests served, and the sum of their waits (days).
    judged, late
        Requests that count for the target, and those of them that were not served within it: who gave up was not; who
        died or had no use for it any more counts only after longer.
    gone
        Requests that were withdrawn.
    parts
        By what they are for and the year in which they were made: requests served, sum of their waits (days), judged,
        late and withdrawn.
    pending
        Requests that count and are in the queue.
    ever
        Whether anybody ever waited.
    longest, final
        Longest queue, and that at the end of the period.
    """

    def __init__(self, start: float, end: float, width: float, target: float | None) -> None:
        self.end, self.width = end, width
        self.target = math.inf if target is None else target
        size = max(1, math.ceil(end / width - 1e-9))
        self._areas: list[list[float]] = [[0.0] * size for _ in range(3)]
        self._last = start
        self.queue = self.in_use = self.capacity = self.final = 0
        self._bins = [0] * BINS
        self.count = self.judged = self.late = self.gone = self.longest = self.pending = 0
        self.ever = False
        self.parts: dict[Part, list[float]] = {}
        self.total = 0.0

    def inside(self, now: float) -> bool:
        """Whether a request made now counts."""
        return 0.0 <= now < self.end

    def advance(self, now: float) -> None:
        """Add up what has been since the last change; call it before each change of queue, use or capacity."""
        begin, now = max(self._last, 0.0), min(now, self.end)
        if now <= begin:
            return
        self._last = now
        if now >= self.end:
            self.final = self.queue
        if self.queue > self.longest:
            self.longest = self.queue
        levels = self.queue, self.in_use, self.capacity
        interval, last = int(begin / self.width), int(now / self.width)
        size = len(self._areas[0])
        while interval < size:
            until = now if interval >= last else (interval + 1) * self.width
            for area, level in zip(self._areas, levels, strict=True):
                if level:
                    area[interval] += level * (until - begin)
            begin = until
            interval += 1
            if interval > last:
                return

    def used(self, since: float) -> None:
        """Note that a slot was used that has been there since some time."""
        self._add(1, since, 1)

    def offered(self, now: float, number: int) -> None:
        """Note that slots are there from now on."""
        self._add(2, now, number)

    def _add(self, row: int, now: float, number: int) -> None:
        interval = math.floor(now / self.width + 1e-9)
        if 0 <= interval < len(self._areas[0]) and now < self.end - 1e-9:
            self._areas[row][interval] += number

    def served(self, wait: float, of: Part) -> None:
        """Note the wait (years) of a request that was served."""
        part = self.parts.get(of) or self._part(of)
        self.count += 1
        self.judged += 1
        part[0] += 1
        part[2] += 1
        if wait <= AT_ONCE:
            self._bins[0] += 1
            return
        days = wait * DAYS_PER_YEAR
        self.total += days
        self._bins[bin_of(days)] += 1
        part[1] += days
        if wait > self.target + AT_ONCE:
            self.late += 1
            part[3] += 1

    def left(self, wait: float, of: Part, gave_up: bool) -> None:
        """Note the wait (years) of a request that was withdrawn, and whether the patient gave up."""
        part = self.parts.get(of) or self._part(of)
        self.gone += 1
        part[4] += 1
        if gave_up or wait > self.target + AT_ONCE:
            self.judged += 1
            self.late += 1
            part[2] += 1
            part[3] += 1

    def _part(self, of: Part) -> list[float]:
        self.parts[of] = [0.0] * 5
        return self.parts[of]

    @property
    def areas(self) -> Array:
        """Integrals by interval, shape (3, intervals)."""
        return np.array(self._areas)

    @property
    def bins(self) -> NDArray[np.int64]:
        """Counts of waits by bin."""
        return np.array(self._bins, dtype=np.int64)


def bin_of(days: float) -> int:
    """Bin of a wait."""
    if days <= AT_ONCE * DAYS_PER_YEAR:
        return 0
    if days <= SHORTEST:
        return 1
    return min(BINS - 1, 2 + int(math.log(days / SHORTEST) / STEP))


def share_within(bins: NDArray[np.int64], days: float) -> float:
    """Share of waits up to a length (days), from counts by bin; NaN without any."""
    total = int(bins.sum())
    if not total:
        return math.nan
    k = bin_of(days)
    before = int(bins[:k].sum())
    low = 0.0 if k < 2 else SHORTEST * math.exp(STEP * (k - 2))
    high = SHORTEST if k < 2 else low * math.exp(STEP)
    inside = 1.0 if k == 0 else min(max((days - low) / (high - low), 0.0), 1.0)
    return (before + inside * int(bins[k])) / total


def quantile(bins: NDArray[np.int64], q: float) -> float:
    """Quantile of waits (days) from counts by bin; NaN without any."""
    total = int(bins.sum())
    if not total:
        return math.nan
    edges = np.cumsum(bins)
    k = int(np.searchsorted(edges, q * total, side="left"))
    k = min(k, BINS - 1)
    if k < 2:
        return 0.0 if k == 0 else SHORTEST / 2
    before = edges[k - 1]
    inside = (q * total - before) / max(int(bins[k]), 1)
    return SHORTEST * math.exp(STEP * (k - 2 + min(max(inside, 0.0), 1.0)))
