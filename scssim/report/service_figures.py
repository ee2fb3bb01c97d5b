"""Figures of a run with limited resources: queues, use of capacity, waiting times, and how much capacity is enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scssim.report import style
from scssim.report.journey_figures import flows, swimmer
from scssim.report.layout import round_ticks, size
from scssim.report.look import Look, need, number, tick
from scssim.report.panels import Curve, Panel, draw, percent
from scssim.report.style import NothingToDrawError
from scssim.scenario.times import DAYS_PER_YEAR

if TYPE_CHECKING:
    from scssim.result import Result
    from scssim.scenario.service import Resource

MOST_PANELS = 6
"""Resources that a figure shows at most."""

QUARTER = DAYS_PER_YEAR / 4
"""Days over which use is averaged, if the period is long enough."""

NEARLY_ALL = 0.95
"""Share served at which the axis of waiting times may end."""

SHORTEST, LONG = 8, 0.7
"""Fewest rows over time, and what share of all they are at least if an idle end is shown."""

NOISE = 1e-9
"""Losses below this are rounding."""

FEW_MONTHS = 4
"""Months of a period that is shown with parts of months."""

Array = NDArray[np.float64]


# ------------------------------------------------------------------- figures


def queues(look: Look, table: pd.DataFrame, resources: Mapping[str, str]) -> Figure:
    """Length of the queue for each resource over time, with the range of replications.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns resource, day, queue, in_use, strategy, queue_p05 and queue_p95.
    resources
        Label of every resource by its id, in their order.

    Raises
    ------
    NothingToDrawError
        If there are fewer than two times, or nobody needs anything.
    """
    table, over = _used(table)
    clock = _Clock.of(table)
    shown, left_out = _choose(table, resources)
    banded = bool((table["queue_p95"] > table["queue_p05"]).any())
    panels = []
    for resource in shown:
        curves = {}
        for name, rows in _rows(look, table, resource, "day"):
            y, low, high = (rows[column].to_numpy(dtype=float) for column in ("queue", "queue_p05", "queue_p95"))
            curves[name] = Curve(clock.middle(rows["day"]), y, *((low, high) if banded else ()))
        panels.append(Panel(resource, resources[resource], "Patients waiting", curves, markers=False))
    subtitle = f"Patients in the queue for each resource, averages over {number(clock.step)} days"
    subtitle += "; mean of replications. Shaded: from 5 % to 95 % of them." if banded else "."
    return draw(look, "Queues over time", subtitle + over + left_out, clock.unit, panels, clock.scale)


def utilisation(
    look: Look,
    table: pd.DataFrame,
    resources: Mapping[str, str],
    changes: Mapping[str, Mapping[float, str]] | None = None,
) -> Figure:
    """Share of capacity in use over time, in quarters (in shorter pieces of a short period).

    Parameters
    ----------
    look
        Names and units.
    table
        Columns resource, day, queue, in_use, capacity and strategy.
    resources
        Label of every resource by its id, in their order.
    changes
        Changes of capacity by resource: what to call them by their time in years.

    Raises
    ------
    NothingToDrawError
        If there are fewer than two times, or nobody needs anything.
    """
    table, over = _used(table)
    clock = _Clock.of(table)
    shown, left_out = _choose(table, resources)
    count = table["day"].nunique()
    each = max(round(min(QUARTER, count * clock.step / 8) / clock.step), 1)
    panels = []
    for resource in shown:
        curves = {}
        for name, rows in _rows(look, table, resource, "day"):
            # What is left over at the end is a piece of its own if it is long enough.
            piece = np.minimum(np.arange(len(rows)) // each, max(round(len(rows) / each), 1) - 1)
            used, there, days = (
                np.bincount(piece, rows[column].to_numpy(dtype=float)) for column in ("in_use", "capacity", "day")
            )
            share = np.divide(used, there, out=np.full(len(used), np.nan), where=there > 0)
            curves[name] = Curve(clock.middle(days / np.bincount(piece)), share)
        own = (changes or {}).get(resource, {})
        marks = {clock.years(year): text for year, text in own.items() if year < clock.months / 12}
        panels.append(Panel(resource, resources[resource], "Share in use", curves, marks, percent=True))
    subtitle = f"Share of capacity in use, over {number(each * clock.step)} days each."
    if any(panel.marks for panel in panels):
        subtitle += " Dashed: the capacity changes."
    return draw(look, "Use of capacity", subtitle + over + left_out, clock.unit, panels, clock.scale)


def waiting_times(
    look: Look,
    table: pd.DataFrame,
    resources: Mapping[str, str],
    targets: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Share of those served who waited no longer than so many weeks.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns resource, weeks (whole, from 0), share_within and strategy.
    resources
        Label of every resource by its id, in their order.
    targets
        Waiting target by resource, where there is one: weeks, and the share that should wait no longer.

    Raises
    ------
    NothingToDrawError
        If nobody was served.
    """
    shown, left_out = _choose(need(table, "waiting times"), resources)
    panels = []
    for resource in shown:
        found = {
            name: rows[["weeks", "share_within"]].to_numpy(dtype=float).T
            for name, rows in _rows(look, table, resource, "weeks")
        }
        ends = [float(weeks[np.argmax(share >= min(NEARLY_ALL, share[-1]))]) for weeks, share in found.values()]
        target = (targets or {}).get(resource)
        last = max(*ends, 4.0 if target is None else 1.15 * target[0])
        x = np.unique(np.append(np.arange(math.ceil(last), dtype=float), last))
        panels.append(
            Panel(
                resource, resources[resource], "Share served",
                {name: Curve(x, np.interp(x, weeks, share)) for name, (weeks, share) in found.items()},
                {} if target is None else {target[0]: f"{percent(target[1])} within {tick(target[0])} weeks"},
                targets=[] if target is None else [target], percent=True,
            )
        )  # fmt: skip
    subtitle = "Share of those served who waited in the queue no longer than so many weeks."
    if any(panel.targets for panel in panels):
        subtitle += " Diamond: the waiting-time target; a curve that passes above it meets it."
    return draw(look, "Waiting times", subtitle + left_out, "Weeks in the queue", panels, _plain_scale)


def capacity(look: Look, table: pd.DataFrame, resource: str, unit: str = "") -> Figure:
    """How waits within the target, and the QALYs lost to waiting, depend on a capacity.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns level, strategy, share_within_target, share_mcse, smallest, qaly_lost, qaly_lost_mcse (per patient),
        target_days and target_share (NaN without a target); optionally need, the event that is judged.
    resource
        Label of the resource.
    unit
        Of its capacity, such as ``slots per week``.

    Raises
    ------
    NothingToDrawError
        If there are fewer than two levels.
    """
    table = need(table, "capacity analysis").sort_values("level")
    if table["level"].nunique() < 2:
        raise NothingToDrawError("a curve over capacities needs at least two of them")
    panels, subtitle = [], "The same service with several capacities, constant over time."
    if bool((table[["share_mcse", "qaly_lost_mcse"]] > 0).to_numpy().any()):
        subtitle += " Bars: 95 % interval of the mean of replications."
    judged = table[table["share_within_target"].notna()]
    if not judged.empty:
        days, share = (float(judged[column].iloc[0]) for column in ("target_days", "target_share"))
        event = judged["need"].iloc[0] if "need" in judged else None
        of = f" for each {event}" if isinstance(event, str) else ""
        title = f"Waits{of} within the target of {tick(round(days / 7, 1))} weeks"
        enough = judged[judged["smallest"].astype(bool)]
        missed = [look.label(name) for name in look.order(judged["strategy"]) if name not in set(enough["strategy"])]
        if not enough.empty:
            subtitle += " Ringed: the lowest level from which on the target is met."
        if missed:
            subtitle += f" Not met at the highest level: {'; '.join(missed)}."
        curves = _over_levels(look, judged, "share_within_target", "share_mcse", (0.0, 1.0))
        lowest = min(float(judged["share_within_target"].min()), share)
        panels.append(
            Panel(
                "share", title, "Share of patients", curves,
                rings=list(enough[["level", "share_within_target"]].itertuples(index=False, name=None)),
                level=(share, f"target: {percent(share)}"), bottom=max(math.floor(10 * lowest - 0.5), 0) / 10,
                percent=True, dots=True,
            )
        )  # fmt: skip
    curves = _over_levels(look, table, "qaly_lost", "qaly_lost_mcse", (-np.inf, np.inf), 100.0)
    lowest = min(float(np.nanmin(curve.y if curve.low is None else curve.low)) for curve in curves.values())
    axis = f"{look.effects} per 100 patients"
    panels.append(
        Panel("lost", f"{look.effects} lost to waiting", axis, curves, bottom=min(1.05 * lowest, 0.0), dots=True)
    )

    def scale(axes: Axes, _: Panel) -> None:
        levels = np.unique(table["level"].to_numpy(dtype=float))
        margin = 0.03 * (levels[-1] - levels[0])
        axes.set_xlim(levels[0] - margin, levels[-1] + margin)
        round_ticks(axes, "x")
        if np.diff(levels).min() / np.ptp(axes.get_xlim()) * size(axes)[0] > 0.35:
            axes.set_xticks(levels)

    title = f"How much capacity is enough: {resource}"
    return draw(look, title, subtitle, f"Capacity ({unit})" if unit else "Capacity", panels, scale)


def makers(result: Result) -> style.Makers:
    """What draws the figures of the service of a run, by file name.

    Returns
    -------
    Makers
        Of figures named queues, utilisation, waiting_times, swimmer, flows and capacity; none of a run on the cohort
        engine.
    """
    scenario = result.scenario
    specs = scenario.resources
    look = Look.of(scenario)
    resources = {name: spec.label or name for name, spec in specs.items()}
    sizes = {name: f"{label} (capacity {_size(specs[name])})" for name, label in resources.items()}
    targets = {name: (s.target.weeks, s.target.share) for name, s in specs.items() if s.target is not None}
    changes = {name: _changes(spec) for name, spec in specs.items()}
    therapies = {name: therapy.label or name for name, therapy in scenario.therapies.items()}
    found: style.Makers = {
        "queues": lambda: queues(look, result.queues, resources),
        "utilisation": lambda: utilisation(look, result.queues, sizes, changes),
        "waiting_times": lambda: waiting_times(look, result.waiting_times, resources, targets),
        "swimmer": lambda: swimmer(look, result.log, therapies),
        "flows": lambda: flows(look, result.flows, therapies),
    }
    if not result.capacity.empty:
        varied = str(result.capacity["resource"].iloc[0])
        found["capacity"] = lambda: capacity(look, result.capacity, resources[varied], _unit(specs[varied]))
    return found


# ---------------------------------------------------------------- what to show


def _unit(spec: Resource) -> str:
    return "servers" if spec.slots is None else f"slots per {spec.per}"


def _size(spec: Resource) -> str:
    """Capacity at the start, such as ``6 per week``."""
    start = spec.capacity[0].number
    return f"{start}" if spec.slots is None else f"{start} per {spec.per}"


def _changes(spec: Resource) -> dict[float, str]:
    """What the capacity becomes, by the time in years."""
    ends = [level.until_years for level in spec.capacity]
    return {
        end: f"→ {level.number}" for end, level in zip(ends[:-1], spec.capacity[1:], strict=True) if end is not None
    }


def _choose(table: pd.DataFrame, resources: Mapping[str, str]) -> tuple[list[str], str]:
    """Resources that are shown, in their order, and a sentence that names the others."""
    there = set(table["resource"])
    known = [name for name in resources if name in there]
    if not known:
        raise NothingToDrawError("there are no rows of a known resource to draw")
    others = [resources[name] for name in known[MOST_PANELS:]]
    return known[:MOST_PANELS], f" Not shown: {'; '.join(others)}." if others else ""


def _used(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rows of the resources that a strategy uses at all, without a long idle end, and what to say of that."""
    table = need(table, "queues").assign(busy=table["queue"] + table["in_use"])
    table = need(table[table.groupby(["resource", "strategy"])["busy"].transform("sum") > 0], "queues")
    days = np.unique(table["day"].to_numpy(dtype=float))
    busy = int(np.searchsorted(days, float(table.loc[table["busy"] > 0, "day"].max()))) + 1
    shown = max(round(1.1 * busy), SHORTEST)
    if shown > LONG * len(days):
        return table, ""
    return table[table["day"] < days[shown]], " Later nobody needs any of it."


def _rows(look: Look, table: pd.DataFrame, resource: str, by: str) -> Iterable[tuple[str, pd.DataFrame]]:
    """Rows of a resource by strategy."""
    own = table[table["resource"] == resource].sort_values(by)
    for name in look.order(own["strategy"]):
        yield name, own[own["strategy"] == name]


def _over_levels(
    look: Look, table: pd.DataFrame, column: str, error: str, limits: tuple[float, float], factor: float = 1.0
) -> dict[str, Curve]:
    """Curves over the levels of a capacity; without bars if errors are not known."""
    curves = {}
    for name in look.order(table["strategy"]):
        rows = table[table["strategy"] == name]
        x, y, half = (rows[c].to_numpy(dtype=float) for c in ("level", column, error))
        y, half = np.where(np.abs(y) < NOISE, 0.0, factor * y), 1.96 * factor * half
        bars = (np.clip(y - half, *limits), np.clip(y + half, *limits)) if (half > factor * NOISE).any() else ()
        curves[name] = Curve(x, y, *bars)
    return curves


@dataclass(frozen=True)
class _Clock:
    """Time of a service, in months or years.

    Attributes
    ----------
    step
        Days between rows.
    months
        Length of the period.
    """

    step: float
    months: float

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Clock:
        """Of a table of queues."""
        days = np.unique(table["day"].to_numpy(dtype=float))
        if len(days) < 2:
            raise NothingToDrawError("a line over time needs at least two times")
        step = float(np.diff(days).min())
        return cls(step, 12 * (days[-1] + step) / DAYS_PER_YEAR)

    @property
    def unit(self) -> str:
        """Name of the axis."""
        return f"{style.time_unit(self.months)} since the start"

    def years(self, years: Any) -> Any:
        """Years, on the axis."""
        return years * 12 if style.time_unit(self.months) == "Months" else years

    def middle(self, day: Any) -> Array:
        """Middles of intervals that begin at these days, on the axis."""
        return np.asarray(self.years((np.asarray(day, dtype=float) + self.step / 2) / DAYS_PER_YEAR))

    def scale(self, axes: Axes, _: Panel) -> None:
        """Set the axis."""
        style.time_axis(axes, self.months)
        if self.months < FEW_MONTHS:
            round_ticks(axes, "x")


def _plain_scale(axes: Axes, panel: Panel) -> None:
    """From 0 to the end of the curves."""
    axes.set_xlim(0, max(float(curve.x[-1]) for curve in panel.curves.values()))
    round_ticks(axes, "x")
