"""What happened to a service, as tidy tables (columns and their order are a contract)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from scssim.engine.des.case import STATES
from scssim.engine.des.run import Found
from scssim.engine.des.waits import Waits, lost, standard_error
from scssim.engine.des.world import Event
from scssim.scenario.schema import Scenario
from scssim.scenario.times import DAYS_PER_YEAR

Losses = Mapping[tuple[str, str], tuple[float, float]]
"""QALYs per patient lost to waiting for one resource, and the standard error, by (strategy, resource)."""

MOST_YEARS = 100
"""Years of a period beyond which waits are not told year by year."""

MOST_WEEKS, NEARLY_ALL = 1040, 0.999
"""Where distributions of waits end: after so many weeks, or when this share has been served."""

NOISE = 1e-9
"""Queues shorter than this are rounding."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "waits": (
        "resource", "n", "mean_days", "p50", "p90", "share_over_target", "qaly_lost", "strategy", "mean_days_mcse",
        "share_waiting", "left", "target_days", "qaly_lost_mcse", "share_waiting_mcse", "share_over_target_mcse",
    ),
    "waits_by_need": ("resource", "need", "year", "n", "mean_days", "share_over_target", "left", "strategy"),
    "waiting_times": ("resource", "weeks", "share_within", "strategy"),
    "queues": ("resource", "day", "queue", "in_use", "capacity", "strategy", "queue_p05", "queue_p95"),
    "log": ("case_id", "day", "event", "therapy", "resource", "lifecycle", "strategy", "detail"),
    "utilisation": (
        "strategy", "resource", "utilisation", "utilisation_mcse", "served_per_year", "capacity", "queue_mean",
        "queue_mean_mcse", "queue_longest", "queue_at_end",
    ),
    "census": ("strategy", "day", "state", "patients"),
    "flows": ("strategy", "from", "to", "patients"),
    "burden": (
        "strategy", "patients", "qaly_lost", "qaly_lost_mcse", "cost_saved", "cost_saved_mcse", "qaly_lost_per_year",
    ),
    "replications": (
        "strategy", "resource", "replications", "mean_days", "half_width_days", "relative_half_width",
    ),
}  # fmt: skip
"""Columns of the tables of a service."""


def service_tables(found: Found, losses: Losses) -> dict[str, pd.DataFrame]:
    """Every table of a service.

    Parameters
    ----------
    found
        The run.
    losses
        What each resource costs; see `Losses`.
    """
    scenario = found.job.scenario
    names = [(s, name) for s, name in enumerate(scenario.strategies)]
    pairs = [(s, name, resource) for s, name in names for resource in found.replications[0].policies[s].uses]
    rows: dict[str, list[Any]] = {
        "waits": [_waits(found, s, name, resource, losses) for s, name, resource in pairs],
        "waits_by_need": [row for s, name, resource in pairs for row in _by_need(found, s, name, resource)],
        "waiting_times": [row for s, name, resource in pairs for row in _waiting_times(found, s, name, resource)],
        "queues": [row for s, name, resource in pairs for row in _queue(found, s, name, resource)],
        "log": [row for name, events in found.events.items() for row in log_rows(name, events)],
        "utilisation": [_utilisation(found, s, name, resource) for s, name, resource in pairs],
        "census": [row for s, name in names for row in _census(found, s, name)],
        "flows": [row for s, name in names for row in _flows(found, s, name)],
        "burden": _burden(found) if scenario.resources else [],
        "replications": [row for s, name, resource in pairs for row in _replications(found, s, name, resource)],
    }
    return {name: pd.DataFrame(rows[name], columns=list(columns)) for name, columns in COLUMNS.items()}


def log_rows(strategy: str, events: list[Event]) -> list[tuple[Any, ...]]:
    """Events of one strategy as rows of the table `log`."""
    return [
        (case, time * DAYS_PER_YEAR, event, therapy, resource, lifecycle, strategy, detail)
        for case, time, event, therapy, resource, lifecycle, detail in events
    ]


def _waits(found: Found, s: int, strategy: str, resource: str, losses: Losses) -> tuple[Any, ...]:
    waits = Waits.of(found, s, resource)
    target = found.job.scenario.resources[resource].target
    late, late_error, days = math.nan, math.nan, math.nan
    if target is not None:
        late, late_error, days = waits.share_late, standard_error(waits.late), 7 * target.weeks
    qaly, error = losses.get((strategy, resource), (0.0, 0.0))
    return (
        resource, waits.served, waits.mean, waits.quantile(0.5), waits.quantile(0.9), late, qaly, strategy,
        waits.mean_error, waits.share_waiting, waits.gone, days, error, waits.share_waiting_error, late_error,
    )  # fmt: skip


def _by_need(found: Found, s: int, strategy: str, resource: str) -> list[tuple[Any, ...]]:
    waits = Waits.of(found, s, resource)
    if _years(found) > MOST_YEARS:
        parts: list[tuple[str, int | None]] = [(need, None) for need in sorted({need for need, _ in waits.needs})]
    else:
        parts = list(waits.needs)
    rows = []
    for need, year in parts:
        served, total, judged, late, left = waits.part(need, year).sum(axis=0).tolist()
        share = late / judged if judged and found.job.scenario.resources[resource].target else math.nan
        mean = total / served if served else math.nan
        rows.append((resource, need, year, int(served), mean, share, int(left), strategy))
    return rows


def _waiting_times(found: Found, s: int, strategy: str, resource: str) -> list[tuple[Any, ...]]:
    """Shares of patients served within whole weeks, up to the week in which nearly everybody was."""
    waits = Waits.of(found, s, resource)
    if not waits.served:
        return []
    last = min(MOST_WEEKS, 1 + math.ceil(waits.quantile(NEARLY_ALL) / 7))
    return [(resource, week, waits.share_within(7.0 * week), strategy) for week in range(last + 1)]


def _queue(found: Found, s: int, strategy: str, resource: str) -> list[tuple[Any, ...]]:
    scenario = found.job.scenario
    ends = [one.end for one in found.replications]
    end, width = min(ends), scenario.service.recorded(max(ends))
    uses = [one.policies[s].uses[resource] for one in found.replications]
    intervals = min(use.areas.shape[1] for use in uses)
    if max(ends) > end:  # no part of an interval that not all have
        intervals = max(1, int(end / width))
    areas = np.array([use.areas[:, :intervals] for use in uses])
    lengths = np.minimum(np.arange(1, intervals + 1) * width, end) - np.arange(intervals) * width
    queue = areas[:, 0] / lengths
    queue[queue < NOISE] = 0.0
    # Slots are counted, servers are averaged.
    slots = scenario.resources[resource].slots is not None
    in_use, capacity = (areas[:, row].mean(axis=0) / (1.0 if slots else lengths) for row in (1, 2))
    low, high = np.quantile(queue, [0.05, 0.95], axis=0)
    days = np.arange(intervals) * width * DAYS_PER_YEAR
    return [
        (resource, *row[:4], strategy, *row[4:])
        for row in zip(*(x.tolist() for x in (days, queue.mean(axis=0), in_use, capacity, low, high)), strict=True)
    ]


def _years(found: Found) -> float:
    return float(np.mean([one.end for one in found.replications]))


def _utilisation(found: Found, s: int, strategy: str, resource: str) -> tuple[Any, ...]:
    waits = Waits.of(found, s, resource)
    uses, years = waits.uses, np.array([one.end for one in found.replications])
    capacity = np.array([use.areas[2].sum() for use in uses]) / years
    queue = waits.queue / years
    return (
        strategy, resource, float(waits.utilisation.mean()), standard_error(waits.utilisation),
        float(np.mean([use.served / end for use, end in zip(uses, years, strict=True)])), float(capacity.mean()),
        float(queue.mean()), standard_error(queue), max(use.longest for use in uses),
        float(np.mean([use.waiting for use in uses])),
    )  # fmt: skip


def _census(found: Found, s: int, strategy: str) -> list[tuple[Any, ...]]:
    day = _years(found) * DAYS_PER_YEAR
    counts = np.array([one.policies[s].census for one in found.replications], dtype=float).mean(axis=0)
    rows = [(strategy, day, "referred", float(counts.sum()))]
    return rows + [(strategy, day, state, float(n)) for state, n in zip(STATES, counts, strict=True)]


def _flows(found: Found, s: int, strategy: str) -> list[tuple[Any, ...]]:
    total: dict[tuple[str, str], int] = {}
    for one in found.replications:
        for key, number in one.policies[s].flows.items():
            total[key] = total.get(key, 0) + number
    return [(strategy, *key, number / len(found.replications)) for key, number in total.items()]


def _burden(found: Found) -> list[tuple[Any, ...]]:
    means, errors = lost(found)
    patients = float(np.mean([one.counted for one in found.replications]))
    return [
        (strategy, patients, mean[0], error[0], mean[1], error[1], mean[0] * patients / _years(found))
        for strategy, mean, error in zip(found.job.scenario.strategies, means, errors, strict=True)
    ]


def _replications(found: Found, s: int, strategy: str, resource: str) -> list[tuple[Any, ...]]:
    means = np.array([use.mean for use in Waits.of(found, s, resource).uses if use.served])
    rows = []
    for n in range(2, means.size + 1):
        mean, error = float(means[:n].mean()), standard_error(means[:n])
        half = float(stats.t.ppf(0.975, n - 1)) * error
        rows.append((strategy, resource, n, mean, half, half / mean if mean else math.nan))
    return rows


def described(found: Found) -> dict[str, Any]:
    """Run length, warm-up and replications, as written to ``results.json``."""
    scenario: Scenario = found.job.scenario
    service = scenario.service
    return {
        "years": _years(found),
        "warm_up_years": service.warm_up_years,
        "replications": len(found.replications),
        "referred_in_warm_up": float(np.mean([one.before for one in found.replications])),
        "referred": float(np.mean([one.counted for one in found.replications])),
        "resources": list(scenario.resources),
    }
