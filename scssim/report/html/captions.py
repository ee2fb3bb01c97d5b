"""What the figures of a page show, in numbers: captions, and descriptions for those who cannot see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scssim.report.figures import DENOMINATORS, PARESTHESIA_VIEWS, VIEWS, view
from scssim.report.measures import SHARES, words
from scssim.report.study import Study
from scssim.report.style import NothingToDrawError
from scssim.report.terminal import number, records
from scssim.result import Result

TIMES = {
    "vas_over_time": ("back_vas", "leg_vas"),
    "utility_over_time": ("utility",),
    "responders": ("back_responder", "leg_responder"),
    "paresthesia": ("paresthesia",),
}
"""Figures of measures over time, with those that their captions tell."""

DATA = {
    "vas_over_time": ["visits"], "utility_over_time": ["visits"], "responders": ["visits"], "paresthesia": ["visits"],
    "occupancy": ["occupancy"], "cost_breakdown": ["costs"], "ce_plane": ["psa"], "ceac": ["ceac"],
    "expected_loss": ["ceac"], "evpi": ["evpi"], "evppi": ["evppi"], "tornado": ["dsa"], "two_way": ["two_way"],
    "extrapolation": ["extrapolation"], "budget": ["budget"], "queues": ["queues"], "utilisation": ["queues"],
    "waiting_times": ["waiting_times"], "swimmer": ["log"], "flows": ["flows"], "capacity": ["capacity"],
    "targets": ["targets"],
}  # fmt: skip
"""Tables that a figure is drawn from, by the figure's name or the beginning of it."""


def data_of(name: str) -> list[str]:
    """Names of the tables that a figure is drawn from."""
    return next((tables for known, tables in DATA.items() if name == known or name.startswith(f"{known}_")), [])


def caption(name: str, result: Result) -> str:
    """The main numbers of a figure in a sentence; empty where a table beside it has them."""
    for known, measures in TIMES.items():
        if name in (known, f"{known}_activation"):
            views = PARESTHESIA_VIEWS if known == "paresthesia" else VIEWS
            return _over_time(result, measures, "activation" if name.endswith("_activation") else None, views)
    make = _CAPTIONS.get(name)
    return "" if make is None else make(result)


def _over_time(result: Result, measures: tuple[str, ...], clock: str | None, views: Iterable[tuple[str, str]]) -> str:
    """Means at the last visit."""
    try:
        clock, denominator, rows = view(result, clock, views)
    except NothingToDrawError:
        return ""
    last = float(rows["month"].max())
    rows = rows[rows["month"] == last]
    parts = []
    for measure in measures:
        own = rows[rows["measure"] == measure].set_index("strategy")["mean"]
        if own.empty:
            continue
        factor, places, unit = (100, 0, " %") if measure in SHARES else (1, 2 if measure == "utility" else 1, "")
        values = [
            f"{result.scenario.strategy_label(s)} {number(factor * own[s], places)}{unit}"
            for s in result.scenario.strategies if s in own.index
        ]  # fmt: skip
        parts.append(f"{words(measure)}: {', '.join(values)}")
    whom = DENOMINATORS.get(denominator, denominator)
    return f"Month {last:g} since {clock}, {whom}; " + "; ".join(parts) + "." if parts else ""


def _costs(result: Result) -> str:
    frontier, currency = result.frontier, result.scenario.settings.currency
    parts = [f"{result.scenario.strategy_label(r['strategy'])} {number(r['cost'])}" for r in records(frontier)]
    return f"In all ({currency} per patient): {', '.join(parts)}."


def _ceac(result: Result) -> str:
    study, parts = Study(result), []
    for wtp in study.settings.willingness_to_pay:
        best = study.best(wtp)
        rows = result.ceac[(result.ceac["wtp"] == wtp) & (result.ceac["strategy"] == best)]
        parts += [f"At {number(wtp)}, {study.label(best)} is best in {100 * p:.0f} % of draws." for p in rows["p_best"]]
    return " ".join(parts)


def _evpi(result: Result) -> str:
    currency = result.scenario.settings.currency
    rows = result.evpi[result.evpi["wtp"].isin(result.scenario.settings.willingness_to_pay)]
    parts = [f"{number(row['evpi'])} {currency} per patient at {number(row['wtp'])}" for row in records(rows)]
    return f"Expected value of perfect information: {', '.join(parts)}." if parts else ""


def _tornado(result: Result) -> str:
    top = result.dsa.iloc[0:6:2]
    names = ", ".join(f"{row['parameter']} ({row['grade'] or 'no grade'})" for row in records(top))
    return f"The largest swings come from {names}."


_CAPTIONS: dict[str, Callable[[Result], str]] = {
    "cost_breakdown": _costs, "ceac": _ceac, "evpi": _evpi, "tornado": _tornado,
}  # fmt: skip
