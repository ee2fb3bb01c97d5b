"""What the limits of a service cost, and whether it can cope at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.engine.des.calendar import Calendar
from scssim.engine.des.run import Found
from scssim.engine.des.waits import Waits, lost
from scssim.engine.des.ward import NEEDS
from scssim.engine.job import Job
from scssim.engine.simulator import Simulator
from scssim.engine.totals import Totals
from scssim.model.parameters import Draws, bind
from scssim.model.timing import Timer, timer
from scssim.scenario.schema import Scenario
from scssim.scenario.times import DAYS_PER_YEAR

Array = NDArray[np.float64]

MOST_GROWTH = 50.0
"""Logarithm of the growth of referrals beyond which it does not matter."""

PILOT = 2048
"""Patients of whom it is found out how often a resource is needed."""

Losses = dict[tuple[str, str], tuple[float, float]]


def losses(found: Found, run: Callable[[Job], Found]) -> Losses:
    """QALYs per patient lost to waiting for each resource: against the same service in which it is not limited.

    Parameters
    ----------
    found
        The service.
    run
        Simulates another one.

    Returns
    -------
    dict
        (QALYs, standard error) by (strategy, resource). They need not add up to those lost in all: who waits for two
        resources gains less from the first one without limits.
    """
    job, names = found.job, list(found.job.scenario.strategies)
    resources = list(found.replications[0].policies[0].uses)
    waited = [name for name in resources if any(_queued(found, s, name) for s in range(len(names)))]
    out: Losses = {(name, resource): (0.0, 0.0) for name in names for resource in resources}
    means, errors = lost(found)
    for resource in waited:
        if len(waited) == 1:
            own, error = means[:, 0], errors[:, 0]
        else:
            own, error = _difference(found, run(without(job, resource)))
        for s, name in enumerate(names):
            out[name, resource] = float(own[s]), float(error[s])
    return out


def _queued(found: Found, s: int, resource: str) -> bool:
    """Whether anybody ever waited, in the period or not."""
    return any(use.queued for use in Waits.of(found, s, resource).uses)


def _difference(found: Found, other: Found) -> tuple[Array, Array]:
    """Difference in QALYs lost per patient between two runs of the same patients, and its standard error."""
    counted = np.array([one.counted for one in found.replications], dtype=float)
    each = np.array(
        [(a.lost[:, 0] - b.lost[:, 0]) / a.counted for a, b in zip(found.replications, other.replications, strict=True)]
    )
    mean = (each * counted[:, None]).sum(axis=0) / counted.sum()
    if len(counted) == 1:
        return mean, np.full(mean.shape, math.nan)
    return mean, each.std(axis=0, ddof=1) / math.sqrt(len(counted))


def without(job: Job, resource: str) -> Job:
    """The job with one resource unlimited, without visits."""
    scenario = job.scenario
    therapies = {}
    for name, therapy in scenario.therapies.items():
        update = {event: None for event in NEEDS if (n := getattr(therapy.needs, event)) and n.resource == resource}
        therapies[name] = therapy.model_copy(update={"needs": therapy.needs.model_copy(update=update)})
    return replace(job, scenario=scenario.model_copy(update={"therapies": therapies}), visits=None)


def is_limited(scenario: Scenario) -> bool:
    """Whether anything needs a resource."""
    return any(getattr(therapy.needs, event) for therapy in scenario.therapies.values() for event in NEEDS)


def doubts(job: Job, simulator: Simulator) -> list[str]:
    """Warnings of a service that cannot be what was meant."""
    scenario = job.scenario
    limited = is_limited(scenario)
    if limited and scenario.service.arrivals is None:
        return [
            f"service.arrivals: there are none, so that all {job.patients:,} patients are referred at once and queue "
            "together (arrivals: {per_year: 120})"
        ]
    return overload(job, simulator) if limited else []


def overload(job: Job, simulator: Simulator) -> list[str]:
    """Warnings of resources that are asked for more often than they can serve, so that queues grow without bound.

    Parameters
    ----------
    job
        Job of a service with a stream of referrals.
    simulator
        What simulates the patients of whom the needs are taken.
    """
    scenario, arrivals = job.scenario, job.scenario.service.arrivals
    assert arrivals is not None
    years = scenario.service.years or 0.0
    if arrivals.per_year is not None:
        rate = arrivals.per_year * math.exp(min(years * math.log1p(arrivals.growth), MOST_GROWTH))
    elif arrivals.every_days is not None and arrivals.schedule is not None:
        rate = sum(one.patients for one in arrivals.schedule) * DAYS_PER_YEAR / arrivals.every_days
    else:
        return []
    pilot = replace(job, engine="cohort", draws=0, replications=1, patients=PILOT, visits=None, sobol=False, cases=None)
    totals = simulator(pilot)
    spec = bind(scenario, Draws(0, 0, {}))
    found = []
    for s, strategy in enumerate(scenario.strategies):
        for name, resource in scenario.resources.items():
            asked = _asked(scenario, spec, totals, s, name)
            held = resource.servers is not None
            there = capacity_per_year(Calendar(resource), years, None if held else resource.per)
            if rate * asked > there * (1 + 1e-9):
                what, unit = ("server-years", "busy years of a server") if held else ("slots", "slots")
                found.append(
                    f"resources.{name}: under `{strategy}`, {rate:,.4g} referrals a year (those at the end of the "
                    f"period) ask for {rate * asked:,.4g} {what} a year in the long run ({asked:.3g} {unit} each, over "
                    f"their whole follow-up), and there are {there:,.4g}: if that goes on the queue grows without bound"
                )
    return found


def _asked(scenario: Scenario, spec: Any, totals: Totals, s: int, resource: str) -> float:
    """How much of a resource a patient takes in all, with all patience: slots, or years of a server."""
    asked = 0.0
    for therapy, one in scenario.therapies.items():
        for event in NEEDS:
            need = getattr(one.needs, event)
            if need is None or need.resource != resource or need.max_wait is not None:
                continue  # a queue that patients leave does not grow without bound
            times, _ = totals.events[s].get(f"{therapy}.{event}", (0, 0))  # events are called as needs are
            size = 1.0
            if need.duration is not None:
                size = mean_time(timer(getattr(spec.therapies[therapy].needs, event).duration))
            asked += times / totals.cells * size
    return asked


def mean_time(one: Timer) -> float:
    """Mean of a random time (years), from 10,000 of its quantiles."""
    e = -np.log((np.arange(10_000) + 0.5) / 10_000)
    return float(np.mean(one.time(e, lambda x: x)))


def capacity_per_year(calendar: Calendar, at: float, per: str | None) -> float:
    """Capacity of a year that begins at some time (years): slots, or server-years (``per`` None)."""
    first = round(at * DAYS_PER_YEAR)
    days = [day for day in range(first, first + 1461) if calendar.open(day)]  # four years have a whole number of days
    number = calendar.number(at + 1e9)
    if per is None:
        return number * len(days) / 1461
    periods = len({day // 7 for day in days}) if per == "week" else len(days)
    return number * periods / 4
