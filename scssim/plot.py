"""Plots of results as Matplotlib axes to go on with, and the finished figures of a run by name.

Each function draws into ``ax`` (by default, axes of a new figure of `matplotlib.pyplot`) in the look of the figures
that ``scssim run`` writes, and returns it:

    ax = scssim.plot.trajectories(result, "odi", clock="activation")
    ax.set_title("Disability")
    ax.figure.savefig("odi.pdf")

Where a result has nothing to draw, or a name is not known, they raise `scssim.ScssimError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from scssim.economics.sample import sample
from scssim.errors import ScssimError
from scssim.report import bar_figures, plane_figure, style, threshold_figures
from scssim.report import figures as run_figures
from scssim.report.figures import CLOCKS, PATIENTS, VIEWS
from scssim.report.layout import money_axis, name_rows, round_ticks, row_places
from scssim.report.look import Look, need, tick
from scssim.report.measures import MEASURES
from scssim.report.render import figure_makers
from scssim.report.style import NothingToDrawError
from scssim.scenario.names import did_you_mean

if TYPE_CHECKING:
    from scssim.result import Result

__all__ = ["ceac", "costs", "figure", "figures", "occupancy", "plane", "tornado", "trajectories"]

SIZE = (8.0, 4.5)
"""Width and height of a new figure, in inches."""

LABEL_WIDTH = 32
"""Characters of a line of a label."""


def trajectories(
    result: Result,
    measure: str = "back_vas",
    *,
    clock: str = "entry",
    denominator: str | None = None,
    strategies: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A measure over time, one line per strategy, with the 95 % interval of the table `visits`.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    measure
        A measure of ``result.visits``, such as ``back_vas``, ``odi`` or ``back_responder``.
    clock
        ``entry`` or ``activation`` (of the first implant), if it is one of ``settings.visit_clocks``.
    denominator
        Of whom, one of ``settings.visit_denominators``; by default ``randomised`` since entry, ``implanted`` since
        activation.
    strategies
        Only these; by default all.
    ax
        Axes to draw into.
    """
    table = need(result.visits, "visits")
    _known("measure", [measure], table["measure"])
    _known("clock", [clock], table["clock"])
    rows = table[(table["measure"] == measure) & (table["clock"] == clock) & table["mean"].notna()]
    denominator = dict(VIEWS)[clock] if denominator is None else denominator
    _known("denominator", [denominator], rows["denominator"])
    rows = rows[rows["denominator"] == denominator]
    names = _chosen(result, rows["strategy"], strategies)
    looks, last = style.line_styles(list(result.scenario.strategies)), float(rows["month"].max())
    with _drawing(ax) as axes:
        run_figures.draw_lines(axes, rows, measure, names, looks, last)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.set_xlabel(f"{style.time_unit(last)} since {CLOCKS.get(clock, clock)}")
        axes.set_ylabel(MEASURES[measure].axis if measure in MEASURES else measure)
        _explain(axes, ax is None, _labels(result, axes, names), full=False)
    return axes


def occupancy(result: Result, strategy: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Where the patients of one strategy are over time, as shares of all.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    strategy
        Which one; by default the reference.
    ax
        Axes to draw into.
    """
    table = need(result.occupancy, "occupancy")
    (strategy,) = _chosen(result, table["strategy"], [result.scenario.reference if strategy is None else strategy])
    states, looks = run_figures.states_of(result)
    rows = table[table["strategy"] == strategy]
    present = set(rows.loc[rows["share"] > 0, "state"])
    last = float(rows["month"].max())
    with _drawing(ax) as axes:
        run_figures.draw_states(axes, rows, states, looks, last)
        axes.set_title(result.scenario.strategy_label(strategy), loc="center")
        axes.set_xlabel(f"{style.time_unit(last)} since entry")
        axes.set_ylabel(PATIENTS)
        axes.yaxis.set_major_formatter(run_figures.PERCENT)
        handles = [
            Patch(facecolor=looks[s][0], hatch=looks[s][1], edgecolor="white", label=run_figures.state_label(result, s))
            for s in reversed(states)
            if s in present
        ]
        _explain(axes, ax is None, handles)
    return axes


def costs(result: Result, *, strategies: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Mean discounted cost per patient by kind of cost, one bar per strategy.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    strategies
        Only these; by default all.
    ax
        Axes to draw into.
    """
    table = run_figures.cost_groups(result)
    table = table.loc[_chosen(result, table.index, strategies)]
    labels = [style.wrap(result.scenario.strategy_label(name), LABEL_WIDTH) for name in table.index]
    with _drawing(ax) as axes:
        run_figures.draw_costs(axes, table, labels, result.scenario.settings.currency)
        axes.set_xlim(right=1.12 * axes.get_xlim()[1])  # room for the totals
        _explain(axes, ax is None, axes.get_legend_handles_labels()[0])
    return axes


def plane(result: Result, *, strategies: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """The cost-effectiveness plane: increments over the reference strategy, with lines at the thresholds.

    With draws a cloud per strategy, its 95 % ellipse and its mean; without, the means alone.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    strategies
        Only these; by default all but the reference.
    ax
        Axes to draw into.
    """
    look, reference = Look.of(result.scenario), result.scenario.reference
    others = [name for name in result.scenario.strategies if name != reference]
    names = _chosen(result, others, strategies)
    clouds = _clouds(result, names, reference)
    looks = look.styles(names)
    with _drawing(ax) as axes:
        across, up = plane_figure.plane_limits(list(clouds.values()))
        axes.set(xlim=across, ylim=up)
        plane_figure.plane_axes(axes)
        means = []
        for name, cloud in clouds.items():
            if len(cloud) > 1:
                plane_figure.draw_cloud(axes, cloud, looks[name].color)
            means += axes.plot(*cloud.mean(axis=0), looks[name].marker, color=looks[name].color, markersize=7.5,
                               markeredgecolor="white", zorder=5, gid=name)  # fmt: skip
        plane_figure.draw_thresholds(axes, look)
        round_ticks(axes)
        axes.set_xlabel(f"Incremental {look.effects} over {look.label(reference)}")
        money_axis(axes.yaxis, look, "Incremental cost")
        lines = [line for line in axes.lines if str(line.get_gid()).startswith("threshold-")]
        for line, threshold in zip(lines, look.thresholds, strict=True):
            line.set_label(f"{tick(threshold)} {look.rate}")
        _explain(axes, ax is None, _labels(result, axes, names) + lines, full=False)
    return axes


def ceac(result: Result, *, ax: Axes | None = None) -> Axes:
    """Acceptability curves of all strategies, with the frontier drawn broad.

    Parameters
    ----------
    result
        What `scssim.run` returned, with draws.
    ax
        Axes to draw into.
    """
    look, table = Look.of(result.scenario), _with_draws(result, result.ceac)
    names = threshold_figures.compared(look, table)
    with _drawing(ax) as axes:
        threshold_figures.threshold_axis(axes, look, table)
        threshold_figures.draw_acceptability(axes, table, names, look.styles(table["strategy"]))
        round_ticks(axes, "x")
        money_axis(axes.xaxis, look, "Willingness to pay", f" per {look.effect}")
        _explain(axes, ax is None, _labels(result, axes, names), full=False)
    return axes


def tornado(
    result: Result, *, strategy: str | None = None, wtp: float | None = None, most: int = 15, ax: Axes | None = None
) -> Axes:
    """Incremental net monetary benefit with one parameter at a time at its low and at its high value.

    Parameters
    ----------
    result
        What `scssim.run` returned for a scenario with ``analyses.dsa``.
    strategy
        Whose increments; by default the first of the table ``result.dsa``.
    wtp
        Threshold (currency per QALY); by default the first of the scenario's that the table has.
    most
        Parameters shown, those with the longest bars.
    ax
        Axes to draw into.
    """
    if result.dsa.empty:
        raise NothingToDrawError("the run has no one-way analysis; give the scenario analyses.dsa")
    if most < 1:
        raise ScssimError(f"most: {most} is not possible; give 1 or more")
    if strategy is not None:
        _known("strategy", [strategy], result.dsa["strategy"])
    if wtp is not None and not np.isclose(result.dsa["wtp"].astype(float), wtp).any():
        there = ", ".join(tick(x) for x in sorted(set(result.dsa["wtp"])))
        raise ScssimError(f"there is no threshold {wtp:g}; there are {there}")
    look = Look.of(result.scenario)
    rows, bars = bar_figures.compared_bars(look, result.dsa, strategy, wtp)
    bars = [bar for bar in bars if bar.swing > 0][:most]
    with style.context():
        names = [bar.wrapped for bar in bars]
        places, height = row_places(names)
    with _drawing(ax, (SIZE[0], height + 1.2)) as axes:
        name_rows(axes, names, places, height)
        base = float(rows["inmb_base"].iloc[0])
        handles = bar_figures.draw_bars(axes, look, bars, places, base)
        axes.axvline(base, color="#888888", linewidth=0.8, linestyle="--", zorder=0.9, gid="base")
        of, over = (look.label(str(rows[column].iloc[0])) for column in ("strategy", "reference"))
        axes.set_title(
            style.wrap(f"{of} over {over}, {tick(float(rows['wtp'].iloc[0]))} {look.rate}", 80), loc="center"
        )
        _explain(axes, False, handles)
    return axes


def figure(result: Result, name: str) -> Figure:
    """One of the figures that ``scssim run`` writes, by its file name, such as ``vas_over_time`` or ``ceac``.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    name
        Name of the file without its ending.

    Returns
    -------
    Figure
        A figure that `matplotlib.pyplot` does not know of; write it with its method ``savefig``.
    """
    makers = figure_makers(result)
    if name not in makers:
        raise ScssimError(_unknown("figure", name, list(makers)))
    try:
        found: Figure = makers[name]()
    except NothingToDrawError as error:
        raise NothingToDrawError(f"there is nothing to draw for {name!r}: {error}") from None
    return found


def figures(result: Result) -> dict[str, Figure]:
    """Every figure that ``scssim run`` would write for a result, by file name.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    """
    return style.drawn(figure_makers(result))


# ---------------------------------------------------------------- helpers


@contextmanager
def _drawing(ax: Axes | None, size: tuple[float, float] = SIZE) -> Iterator[Axes]:
    """The axes to draw into, in the look of scssim."""
    from matplotlib import pyplot

    with style.context():
        yield pyplot.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def _explain(axes: Axes, own: bool, handles: Sequence[Any], full: bool = True) -> None:
    """A legend beside axes of our own; on those of somebody else inside them, or below them if they are full."""
    if own:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif full:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=2)
    else:
        axes.legend(handles=handles)


def _labels(result: Result, axes: Axes, names: Sequence[str]) -> list[Any]:
    """The lines of strategies, labelled."""
    lines = {line.get_gid(): line for line in axes.lines}
    for name in names:
        lines[name].set_label(style.wrap(result.scenario.strategy_label(name), LABEL_WIDTH))
    return [lines[name] for name in names]


def _chosen(result: Result, there: Any, wanted: Sequence[str] | None) -> list[str]:
    """Strategies to draw, in the order of the scenario."""
    known = [name for name in result.scenario.strategies if name in set(there)]
    if isinstance(wanted, str):
        wanted = [wanted]
    if wanted is not None:
        _known("strategy", wanted, known)
    found = [name for name in known if wanted is None or name in wanted]
    if not found:
        raise NothingToDrawError("there is no strategy to draw")
    return found


def _known(what: str, wanted: Sequence[str], there: Any) -> None:
    names = list(dict.fromkeys(str(name) for name in there))
    for name in wanted:
        if name not in names:
            raise ScssimError(_unknown(what, name, names))


def _unknown(what: str, name: str, names: list[str]) -> str:
    return f"there is no {what} {name!r} to draw: {did_you_mean(name, names)}"


def _with_draws(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        raise NothingToDrawError("the run has no draws; give it some, such as draws=1000")
    return table


def _clouds(result: Result, names: list[str], reference: str) -> dict[str, Any]:
    """Increments of QALYs and costs of strategies, each of shape (draws or 1, 2)."""
    if result.draws:
        wide = {value: result.psa.pivot(index="draw", columns="strategy", values=value) for value in ("cost", "qaly")}
        data = sample(wide["cost"], wide["qaly"])
        base = data.position(reference)
        return {name: plane_figure.increments(data, data.position(name), base) for name in names}
    means = result.increments.set_index("strategy")
    return {name: means.loc[[name], ["d_qaly", "d_cost"]].to_numpy(dtype=float) for name in names}
