"""Waits, use and burden of a service, over its replications."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.engine.des.monitor import quantile, share_within
from scssim.engine.des.run import Found, Use

Array = NDArray[np.float64]


def standard_error(x: Array) -> float:
    """Standard error of the mean of replications; NaN of one."""
    return float(np.std(x, ddof=1) / math.sqrt(x.size)) if x.size > 1 else math.nan


@dataclass(frozen=True)
class Waits:
    """Waits for one resource under one strategy.

    Attributes
    ----------
    uses
        Of each replication.
    bins
        Waits of those served in all replications, by length.
    """

    uses: list[Use]
    bins: NDArray[np.int64]

    @classmethod
    def of(cls, found: Found, strategy: int, resource: str) -> Waits:
        """Waits of a run."""
        uses = [one.policies[strategy].uses[resource] for one in found.replications]
        return cls(uses, found.bins[strategy][resource])

    @property
    def served(self) -> int:
        """Requests served, in all replications."""
        return sum(use.served for use in self.uses)

    @property
    def gone(self) -> int:
        """Requests withdrawn, in all replications."""
        return sum(use.gone for use in self.uses)

    @property
    def mean(self) -> float:
        """Mean wait of those served (days); NaN of nobody."""
        return sum(use.total for use in self.uses) / self.served if self.served else math.nan

    @property
    def mean_error(self) -> float:
        """Its standard error, from replications."""
        return standard_error(np.array([use.mean for use in self.uses if use.served]))

    def part(self, need: str, year: int | None = None) -> Array:
        """Requests for one event (made in one year), by replication: served, sum of waits (days), judged, late, gone.

        Shape (replications, 5).
        """
        nothing = [[0.0] * 5]
        return np.array(
            [
                np.sum([x for (of, at), x in use.parts.items() if of == need and year in (None, at)] or nothing, axis=0)
                for use in self.uses
            ]
        )

    @property
    def needs(self) -> list[tuple[str, int]]:
        """What was asked for, and when (year from 1), in order."""
        found = {part for use in self.uses for part in use.parts}
        return sorted(found)

    def quantile(self, q: float) -> float:
        """Quantile of the waits of those served (days)."""
        return quantile(self.bins, q)

    def share_within(self, days: float) -> float:
        """Share of those served who waited no longer."""
        return share_within(self.bins, days)

    @property
    def share_waiting(self) -> float:
        """Share of those served that had to wait at all."""
        return 1 - int(self.bins[0]) / self.served if self.served else math.nan

    @property
    def share_waiting_error(self) -> float:
        """Its standard error, from replications."""
        return standard_error(np.array([1 - use.at_once / use.served for use in self.uses if use.served]))

    @property
    def late(self) -> Array:
        """By replication: share of requests that were not served within the target (`Monitor.judged`)."""
        return np.array([use.late / use.judged for use in self.uses if use.judged])

    @property
    def share_late(self) -> float:
        """The same of all replications together."""
        judged = sum(use.judged for use in self.uses)
        return sum(use.late for use in self.uses) / judged if judged else math.nan

    @property
    def utilisation(self) -> Array:
        """By replication: what was used of what was there."""
        areas = np.array([use.areas.sum(axis=1) for use in self.uses])
        return np.divide(areas[:, 1], areas[:, 2], out=np.zeros(len(areas)), where=areas[:, 2] > 0)

    @property
    def queue(self) -> Array:
        """By replication: integral of the queue over the period (patients times years)."""
        return np.array([use.areas[0].sum() for use in self.uses])


def lost(found: Found) -> tuple[Array, Array]:
    """QALYs lost to waiting and costs saved by it, per patient who counts, against unlimited resources.

    Returns
    -------
    means, errors
        Shape (strategies, 2). Standard errors come from replications, or from patients if there is only one.
    """
    counted = np.array([one.counted for one in found.replications], dtype=float)
    sums = np.array([one.lost for one in found.replications])
    means = sums[:, :, :2].sum(axis=0) / counted.sum()
    if len(counted) > 1:
        each = sums[:, :, :2] / counted[:, None, None]
        return means, each.std(axis=0, ddof=1) / math.sqrt(len(counted))
    n = counted[0]
    variance = np.maximum(sums[0, :, 2:] / n - means**2, 0.0) * n / max(n - 1, 1)
    return means, np.sqrt(variance / n)
