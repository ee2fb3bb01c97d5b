"""Figures of a run: pain, utility, response, paresthesia, states and costs.

Every function returns a `matplotlib.figure.Figure` drawn from the tables of a result and
raises `NothingToDrawError` when the table holds nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scssim.report import style
from scssim.report.measures import MEASURES, SHARES
from scssim.report.style import WIDTH, NothingToDrawError

if TYPE_CHECKING:
    from scssim.result import Result

LABEL_WIDTH = 27
"""Characters of a label's line beside a plot."""

DENOMINATORS = {
    "randomised": "all patients alive",
    "implanted": "patients ever implanted and alive",
    "assessed": "implanted patients who were assessed",
    "on_therapy": "patients on a therapy",
}
CLOCKS = {"entry": "entry", "activation": "activation of the first implant"}
VIEWS = (("entry", "randomised"), ("activation", "implanted"))
"""Clock and denominator that go together in figures and summaries."""

PARESTHESIA_VIEWS = [(c, d) for d in ("implanted", "on_therapy", "randomised") for c in ("activation", "entry")]
"""The same for paresthesia, which only those with an implant can feel."""

PATIENTS = "Share of patients"
"""Axis of shares of patients."""

COST_GROUPS = {
    "trial": "Screening trial",
    "implant": "Implant operation",
    "device": "Device",
    "replacement": "Replacement",
    "generator": "Replacement",
    "revision": "Revision",
    "explant": "Explant",
    "procedure": "Procedures",
    "referral": "Referral",
    "per_year": "Follow-up and running costs",
}
SMALL_SHARE = 0.02
MOST_GROUPS = 10
OTHER = "Other"


@dataclass(frozen=True)
class Panel:
    """One pair of axes: a measure, and its title and vertical axis where they are not those of the measure.

    The axis starts at 0 and ends at a multiple of `step`, the same for all panels that share a step;
    without a step it follows the data.
    """

    measure: str
    title: str = ""
    axis: str = ""
    step: float | None = None


def vas_over_time(result: Result, clock: str | None = None) -> Figure:
    """Mean back and leg pain by strategy, with 95 % intervals of the mean.

    Parameters
    ----------
    result
        A run with visits.
    clock
        ``entry`` (all patients alive) or ``activation`` (patients ever implanted); by default the first there is.
    """
    panels = [
        Panel("back_vas", axis="Mean pain (VAS, 0-10)", step=2),
        Panel("leg_vas", axis="Mean pain (VAS, 0-10)", step=2),
    ]
    return _over_time(result, panels, "Back and leg pain over time", clock)


def utility_over_time(result: Result, clock: str | None = None) -> Figure:
    """Mean recorded utility by strategy; arguments as `vas_over_time`."""
    return _over_time(result, [Panel("utility")], "Health-related quality of life over time", clock)


def responders(result: Result, clock: str | None = None) -> Figure:
    """Responder and remitter rates of back and leg pain; arguments as `vas_over_time`."""
    rule = result.scenario.measurement
    respond = f"at least {100 * rule.responder_relief:g} % relief"
    remit = f"VAS {rule.remitter_vas:g} or less"
    panels = [
        Panel("back_responder", f"Back pain: responders ({respond})", PATIENTS, 0.2),
        Panel("leg_responder", f"Leg pain: responders ({respond})", PATIENTS, 0.2),
        Panel("back_remitter", f"Back pain: remitters ({remit})", PATIENTS, 0.2),
        Panel("leg_remitter", f"Leg pain: remitters ({remit})", PATIENTS, 0.2),
    ]
    return _over_time(result, panels, "Responders and remitters over time", clock, columns=2)


def paresthesia(result: Result, clock: str | None = None) -> Figure:
    """Share of patients who feel paresthesia, and who find it uncomfortable.

    Arguments as `vas_over_time`, but by default the clock is ``activation`` if there is one. If visits of implanted
    patients were not asked for, patients on a therapy or all patients are shown.
    """
    panels = [
        Panel("paresthesia", axis=PATIENTS, step=0.2),
        Panel("paresthesia_uncomfortable", "Find it uncomfortable", PATIENTS, 0.05),
    ]
    felt = result.visits[result.visits["measure"].isin([panel.measure for panel in panels])]
    if felt.empty or not felt["mean"].max() > 0:
        raise NothingToDrawError("nobody feels paresthesia")
    return _over_time(result, panels, "Paresthesia over time", clock, views=PARESTHESIA_VIEWS)


def occupancy(result: Result) -> Figure:
    """Share of patients in each state over time, one panel per strategy."""
    table = result.occupancy
    _need(table, "occupancy")
    names = [s for s in result.scenario.strategies if s in set(table["strategy"])]
    states, looks = states_of(result)
    with style.context():
        columns = 1 if len(names) == 1 else 2 if len(names) <= 4 else 3
        rows = -(-len(names) // columns)
        labels = {n: style.wrap(result.scenario.strategy_label(n), 36 if columns == 3 else 52) for n in names}
        title_lines = max(label.count("\n") + 1 for label in labels.values())
        legend_columns = 4
        width, cell, gap = WIDTH, 1.75, 0.42 + 0.165 * title_lines
        bottom = 0.21 * -(-len(states) // legend_columns) + 0.6
        heading = style.Heading.fit(
            "Where patients are over time",
            "Share of all patients (the dead included) in each state, by time since entry.",
            width,
        )
        height = heading.height - 0.15 + rows * (cell + gap) + bottom
        figure = Figure(figsize=(width, height))
        heading.draw(figure)
        left, right, between = 0.75, 0.2, 0.28
        panel = (width - left - right - between * (columns - 1)) / columns
        last = float(table["month"].max())
        for i, name in enumerate(names):
            row, column = divmod(i, columns)
            x = left + column * (panel + between)
            y = height - heading.height + 0.15 - (row + 1) * (cell + gap)
            axes = figure.add_axes((x / width, y / height, panel / width, cell / height), gid=f"occupancy-{name}")
            draw_states(axes, table[table["strategy"] == name], states, looks, last)
            axes.set_title(labels[name], fontsize=9)
            axes.yaxis.set_major_formatter(PERCENT)
            axes.tick_params(labelleft=column == 0)
            below = i + columns >= len(names)
            if below:
                axes.set_xlabel(f"{style.time_unit(last)} since entry")
            if column == 0:
                axes.set_ylabel(PATIENTS)
        handles = [
            Patch(facecolor=looks[s][0], hatch=looks[s][1], edgecolor="white", label=state_label(result, s))
            for s in states
        ]
        style.legend(figure, handles, (left / width, 0.05 / height), legend_columns)
    return figure


def cost_breakdown(result: Result) -> Figure:
    """Mean discounted cost per patient by kind of cost, one bar per strategy.

    Items of the same kind are added up over therapies; kinds below 2 % of the dearest strategy are merged into "Other".
    """
    table = cost_groups(result)
    settings = result.scenario.settings
    names, groups = list(table.index), list(table.columns)
    with style.context():
        labels = [style.wrap(result.scenario.strategy_label(n), 30) for n in names]
        width, bar = WIDTH, 0.5
        legend_columns = 4
        bottom = 0.62 + 0.21 * -(-len(groups) // legend_columns)
        horizon = settings.horizon_years
        span = "a lifetime" if horizon == "lifetime" else f"{horizon:g} years"
        heading = style.Heading.fit(
            "What the strategies cost",
            f"Mean discounted cost per patient over {span}, {settings.perspective} perspective, "
            f"{settings.currency} at {settings.price_year} prices; all patients.",
            width,
        )
        height = heading.height + 0.1 + bar * len(names) + bottom
        figure = Figure(figsize=(width, height))
        heading.draw(figure)
        left = float(style.measure(labels, 9)[0].max()) + 0.3
        axes = figure.add_axes((left / width, bottom / height, (width - left - 0.9) / width, bar * len(names) / height))
        draw_costs(axes, table, labels, settings.currency)
        handles, _ = axes.get_legend_handles_labels()
        style.legend(figure, handles, (0.12 / width, 0.05 / height), legend_columns)
    return figure


def draw_costs(axes: Axes, table: pd.DataFrame, labels: list[str], currency: str) -> None:
    """Draw a stacked bar per row of a table of `cost_groups`, with its total at the end."""
    looks = style.area_colors([g for g in table.columns if g != OTHER]) | {OTHER: ("#BBBBBB", "")}
    positions = np.arange(len(table))[::-1]
    start = np.zeros(len(table))
    for group in table.columns:
        values = table[group].to_numpy(dtype=float)
        axes.barh(positions, values, left=start, height=0.66, color=looks[group][0], hatch=looks[group][1],
                  edgecolor="white", linewidth=0.8, label=group)  # fmt: skip
        start += values
    for y, total in zip(positions, start, strict=True):
        axes.annotate(f"{total:,.0f}", (total, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(positions, labels)
    axes.set_ylim(-0.5, len(table) - 0.5)
    axes.set_xlim(0, float(start.max()) or 1.0)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.grid(True)
    axes.set_xlabel(f"Discounted cost per patient ({currency})")


def cost_groups(result: Result) -> pd.DataFrame:
    """Discounted cost per patient that the perspective counts: one row per strategy, one column per kind of cost."""
    table = result.costs
    _need(table, "costs")
    if result.scenario.settings.perspective == "healthcare":
        table = table[table["perspective"] == "healthcare"]
    table = table.assign(group=[_cost_group(result, str(item)) for item in table["item"]])
    wide: pd.DataFrame = table.pivot_table(
        index="strategy", columns="group", values="discounted", aggfunc="sum", fill_value=0.0, sort=False
    )
    wide = wide.loc[[s for s in result.scenario.strategies if s in wide.index]]
    wide = wide.loc[:, (wide != 0).any()]
    biggest = wide.max().sort_values(ascending=False, kind="stable")
    limit = SMALL_SHARE * float(wide.sum(axis=1).max())
    keep = [g for g in biggest.index[: MOST_GROUPS - 1] if biggest[g] >= limit]
    small = [g for g in wide.columns if g not in keep]
    if len(small) == 1:
        keep += small
    elif small:
        wide = wide.assign(**{OTHER: wide[small].sum(axis=1)})
        keep.append(OTHER)
    chosen: pd.DataFrame = wide[keep]
    return chosen


def makers(result: Result) -> style.Makers:
    """What draws the figures of a run, by file name.

    When visits are counted on both clocks, the figures since activation of the first implant are added.
    """
    found: style.Makers = {}
    for name, function in (
        ("vas_over_time", vas_over_time),
        ("utility_over_time", utility_over_time),
        ("responders", responders),
    ):
        found[name] = partial(function, result)
        found[f"{name}_activation"] = partial(function, result, "activation")
    found |= {
        "paresthesia": partial(paresthesia, result),
        "occupancy": partial(occupancy, result),
        "cost_breakdown": partial(cost_breakdown, result),
    }
    both = not result.visits.empty and set(result.visits["clock"]) >= {"entry", "activation"}
    return {name: make for name, make in found.items() if both or not name.endswith("_activation")}


# ----------------------------------------------------------------- labels


def state_label(result: Result, state: str) -> str:
    """A state of `occupancy` in words."""
    therapy = result.scenario.therapies.get(state)
    if therapy is not None:
        return therapy.label or state
    return {"background": "No therapy (background care)", "trial": "Screening trial"}.get(state, state.capitalize())


def _cost_group(result: Result, item: str) -> str:
    head, _, tail = item.partition(".")
    if head in result.scenario.therapies and tail:
        first = tail.split(".")[0]
        return COST_GROUPS.get(first, "Complications")
    return cost_label(result, item)


def cost_label(result: Result, item: str) -> str:
    """An item of `costs` that is not a therapy's, in words."""
    head, _, tail = item.partition(".")
    costs, name = result.scenario.costs, tail or head
    if name in costs.by_relief:
        return costs.by_relief[name].label or _words(name)
    if name in costs.background:
        return costs.background[name].label or _words(name)
    return _words(name)


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ").capitalize()


# ---------------------------------------------------------------- helpers

PERCENT = FuncFormatter(lambda y, _: f"{100 * y:.3g} %")


def _need(table: pd.DataFrame, name: str) -> None:
    if table is None or table.empty:
        raise NothingToDrawError(f"the run has no rows in `{name}`")


def view(result: Result, clock: str | None, views: Iterable[tuple[str, str]] = VIEWS) -> tuple[str, str, pd.DataFrame]:
    """Choose the clock and denominator to show.

    Returns
    -------
    clock, denominator, rows of ``visits``
    """
    visits = result.visits
    _need(visits, "visits")
    for this_clock, denominator in views:
        if clock in (None, this_clock):
            rows = visits[
                (visits["clock"] == this_clock) & (visits["denominator"] == denominator) & visits["mean"].notna()
            ]
            if not rows.empty:
                return this_clock, denominator, rows
    # Neither usual pair was asked for in `visit_denominators`: whatever there is.
    rows = visits[visits["mean"].notna() & ((visits["clock"] == clock) if clock else True)]
    if rows.empty:
        raise NothingToDrawError(f"the run has no visits on the clock `{clock or 'entry'}`")
    first = rows.iloc[0]
    same = (rows["clock"] == first["clock"]) & (rows["denominator"] == first["denominator"])
    return str(first["clock"]), str(first["denominator"]), rows[same]


def _over_time(
    result: Result,
    panels: list[Panel],
    title: str,
    clock: str | None,
    columns: int = 1,
    views: Iterable[tuple[str, str]] = VIEWS,
) -> Figure:
    clock, denominator, rows = view(result, clock, views)
    rows = rows[rows["measure"].isin([p.measure for p in panels])]
    panels = [p for p in panels if (rows["measure"] == p.measure).any()]
    if not panels or rows["month"].nunique() < 2:
        raise NothingToDrawError(f"the run has fewer than two visits with {title.lower()}")
    names = [s for s in result.scenario.strategies if s in set(rows["strategy"])]
    looks = style.line_styles(list(result.scenario.strategies))
    last = float(rows["month"].max())
    spread = (
        "uncertainty of parameters, noise between patients" if result.draws else "Monte Carlo error of the simulation"
    )
    subtitle = f"Mean of {DENOMINATORS.get(denominator, denominator)}, by time since {CLOCKS.get(clock, clock)}. "
    subtitle += f"Shaded: 95 % interval of the mean ({spread})."
    if columns > 1 and len(panels) > 1:
        subtitle += " Names at the right hold for the whole row."
    missing = [result.scenario.strategy_label(s) for s in result.scenario.strategies if s not in names]
    if missing:
        subtitle += f" Without such patients: {'; '.join(missing)}."
    with style.context():
        labels = {n: style.wrap(result.scenario.strategy_label(n), LABEL_WIDTH) for n in names}
        widths, heights = style.measure(list(labels.values()), style.LABEL_SIZE)
        cell = max(2.6 if len(panels) > 1 else 3.6, float(heights.sum()) + 0.05 * len(names))
        lines = -(-len(panels) // columns)
        width, gap, bottom, left, between = WIDTH, 0.55, 0.5, 0.75, 0.6
        heading = style.Heading.fit(title, subtitle, width)
        height = heading.height - 0.15 + lines * (cell + gap) + bottom
        figure = Figure(figsize=(width, height))
        heading.draw(figure)
        right = float(widths.max()) + 0.4
        panel_width = (width - left - right - between * (columns - 1)) / columns
        for i, panel in enumerate(panels):
            row, column = divmod(i, columns)
            x = left + column * (panel_width + between)
            y = height - heading.height + 0.15 - (row + 1) * (cell + gap)
            axes = figure.add_axes((x / width, y / height, panel_width / width, cell / height), gid=panel.measure)
            same = [p.measure for p in panels if p.step == panel.step]
            top = float(np.nanmax(rows.loc[rows["measure"].isin(same), ["mean", "upper"]].to_numpy(dtype=float)))
            ends = draw_lines(axes, rows[rows["measure"] == panel.measure], panel.measure, names, looks, last)
            if panel.step is not None:
                axes.set_ylim(0, panel.step * max(math.ceil(top / panel.step - 1e-9), 1))
            axes.set_title(panel.title or MEASURES[panel.measure].title)
            if column == 0:
                axes.set_ylabel(panel.axis or MEASURES[panel.measure].axis)
            if row == lines - 1:
                axes.set_xlabel(f"{style.time_unit(last)} since {CLOCKS.get(clock, clock)}")
            if column == columns - 1 or i == len(panels) - 1:
                style.end_labels(axes, ends, labels, {n: looks[n].color for n in names})
    return figure


def draw_lines(
    axes: Axes, rows: pd.DataFrame, measure: str, names: list[str], looks: dict[str, style.LineStyle], last: float
) -> dict[str, tuple[float, float]]:
    """Draw the lines of one measure; return their last points."""
    unit = style.time_axis(axes, last)
    ends = {}
    for name in names:
        own = rows[rows["strategy"] == name].sort_values("month")
        if own.empty:
            continue
        look = looks[name]
        x, y = unit(own["month"]), own["mean"].to_numpy(dtype=float)
        axes.plot(
            x,
            y,
            look.dash,
            color=look.color,
            marker=look.marker,
            markersize=3.6,
            linewidth=1.6,
            label=name,
            gid=name,
            clip_on=False,
        )
        lower, upper = (own[c].to_numpy(dtype=float) for c in ("lower", "upper"))
        axes.fill_between(x, lower, upper, color=look.color, alpha=0.16 if len(names) <= 3 else 0.09, linewidth=0)
        ends[name] = (float(x[-1]), float(y[-1]))
    axes.yaxis.grid(True)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if measure in SHARES:
        axes.yaxis.set_major_formatter(PERCENT)
    return ends


def states_of(result: Result) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """States in their fixed order (care pathway from waiting to death) and their colours."""
    looks = style.state_colors(list(result.scenario.therapies))
    shares = result.occupancy.groupby("state")["share"].max()
    present = {str(state) for state, share in shares.items() if share > 0}
    for extra in sorted(present - set(looks)):
        looks[extra] = ("#FFFFFF", "////")
    return [state for state in looks if state in present], looks


def draw_states(
    axes: Axes, rows: pd.DataFrame, states: list[str], looks: dict[str, tuple[str, str]], last: float
) -> None:
    """Draw the shares of states of one strategy over time, one above the other."""
    unit = style.time_axis(axes, last)
    wide = rows.pivot_table(index="month", columns="state", values="share", fill_value=0.0).reindex(
        columns=states, fill_value=0.0
    )
    x = unit(wide.index.to_numpy())
    bodies = axes.stackplot(
        x, wide.to_numpy().T, colors=[looks[s][0] for s in states], linewidth=0.3, edgecolor="white"
    )
    for state, body in zip(states, bodies, strict=True):
        body.set_gid(state)
        body.set_hatch(looks[state][1])
    axes.set_ylim(0, 1)
