"""When patients are referred."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.engine.des.calendar import SAME
from scssim.errors import ScssimError
from scssim.model.streams import stream, uniform, words
from scssim.scenario.service import MOST_PATIENTS, Arrivals, Service
from scssim.scenario.times import DAYS_PER_YEAR

Array = NDArray[np.float64]

CHUNK = 65536
"""Referrals drawn together."""


@dataclass(frozen=True)
class Referrals:
    """Times of referral (years; 0 is the start of the period that is counted), in order.

    Attributes
    ----------
    before
        Of patients who are not counted (warm-up).
    counted
        Of the others.
    end
        End of the period.
    """

    before: Array
    counted: Array
    end: float


def referrals(service: Service, seed: int, replication: int, patients: int | None, horizon: float) -> Referrals:
    """Referrals of one replication: a function of the seed and the replication alone, the same under every policy.

    Parameters
    ----------
    service
        What the scenario says.
    seed, replication
        Seed and number of the replication.
    patients
        Patients with whom referrals and the period end; None: whoever comes within ``service.years``.
    horizon
        Longest follow-up of a patient (years).

    Raises
    ------
    ScssimError
        If nobody comes, or too many.
    """
    start, end = -service.warm_up_years, service.years
    if service.arrivals is None:
        if (patients or 0) > MOST_PATIENTS:
            raise ScssimError(f"patients: a service has at most {MOST_PATIENTS:,} at once, not {patients:,}")
        counted = np.zeros(patients or 0)
        return Referrals(np.zeros(0), counted, horizon if end is None else end)
    if patients is None and end is None:
        raise AssertionError("either the patients or the years are limited")
    last = math.inf if end is None else end
    found, n = [np.full(service.backlog, start)], service.backlog
    counted_so_far = service.backlog if start == 0 else 0
    for times in _stream(service.arrivals, seed, replication, start, last):
        found.append(times)
        n += times.size
        counted_so_far += int(np.count_nonzero(times >= 0))
        if n > MOST_PATIENTS:
            what = f"more than {MOST_PATIENTS:,} referrals in one replication"
            raise ScssimError(f"service.arrivals: {what}; fewer per year, fewer years or a smaller backlog")
        if patients is not None and counted_so_far >= patients:
            break
    all_ = np.concatenate(found)
    first = int(np.searchsorted(all_, 0.0))
    counted = all_[first:] if patients is None else all_[first : first + patients]
    if not counted.size:
        what = f"in replication {replication + 1} nobody is referred in the period that is counted"
        raise ScssimError(f"service.arrivals: {what}; more per year, or more years")
    full = patients is not None and counted.size == patients
    if full or end is None:
        end = float(counted[-1]) or horizon  # all of them at the start are a closed cohort
    return Referrals(all_[:first], counted, end)


def _stream(arrivals: Arrivals, seed: int, replication: int, start: float, end: float) -> Iterator[Array]:
    """Times from ``start`` to before ``end``, in chunks."""
    if arrivals.schedule is not None:
        yield from _scheduled(arrivals, start, end)
        return
    assert arrivals.per_year is not None
    reached = 0.0
    for chunk in range(MOST_PATIENTS // CHUNK + 2):
        if arrivals.pattern == "even":
            expected: Array = np.arange(CHUNK, dtype=np.float64) + (chunk * CHUNK + 0.5)
        else:
            gaps = uniform(words("arrivals", seed, replication, chunk * CHUNK, CHUNK), stream("gap"))
            np.log(gaps, out=gaps)
            expected = reached - gaps.cumsum()
            reached = float(expected[-1])
        times = _when(expected, arrivals.per_year, math.log1p(arrivals.growth), start)
        inside: Array = times[times < end]
        yield inside
        if inside.size < CHUNK:
            return


def _when(expected: Array, rate: float, growth: float, start: float) -> Array:
    """When so many are expected to have come since ``start``, at a rate that is ``rate e^(growth t)`` a year."""
    if growth == 0:
        return start + expected / rate
    # By t there are rate (e^(growth t) - e^(growth start)) / growth; in units of e^(growth start):
    grown = expected * (growth / rate) * math.exp(min(-growth * start, 700.0))
    times = np.full(expected.size, np.inf)  # a rate that falls may never make up so many
    times[grown > -1] = start + np.log1p(grown[grown > -1]) / growth
    return times


def _scheduled(arrivals: Arrivals, start: float, end: float) -> Iterator[Array]:
    assert arrivals.schedule is not None
    origin = math.floor(start * DAYS_PER_YEAR / 7 + SAME) * 7  # a Monday
    days = origin + np.array([one.day for one in arrivals.schedule], dtype=float)
    days = days.repeat([one.patients for one in arrivals.schedule])
    k = 0
    while True:
        times = (days + k * (arrivals.every_days or 0.0)) / DAYS_PER_YEAR
        yield times[(times >= start - SAME / DAYS_PER_YEAR) & (times < end)]
        if times[-1] >= end or arrivals.every_days is None:
            return
        k += 1
