"""Figures over the threshold: acceptability, expected loss and the value of perfect information."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scssim.report import style
from scssim.report.layout import Page, mark_height, money_axis, round_ticks, top_marks
from scssim.report.look import MILLION, Look, need, number, tick, unit
from scssim.report.style import NothingToDrawError

LABEL_WIDTH = 27
"""Characters of a label's line beside a plot."""

SMALLEST_SHARE = 1e-4
"""Part of the largest expected loss below which losses are not shown."""

_BROAD: dict[str, Any] = {"linewidth": 7, "alpha": 0.28, "solid_capstyle": "butt", "zorder": 1.8}
"""A line that lies under another and stands for the best strategy."""


def acceptability(look: Look, ceac: pd.DataFrame) -> Figure:
    """Cost-effectiveness acceptability curves of all strategies, with their frontier.

    Parameters
    ----------
    look
        Names and units.
    ceac
        Columns wtp, strategy, p_best and is_optimal.

    Raises
    ------
    NothingToDrawError
        If there are fewer than two strategies or thresholds.
    """
    names = compared(look, ceac)
    with style.context():
        axes, page = _curves(
            look,
            "Probability of being cost-effective",
            "Lines: share of draws in which a strategy has the highest net benefit (CEAC). Broad: the frontier (CEAF), "
            f"the curve of the strategy whose mean net benefit is highest.{_cleaned(ceac)}",
            ceac,
            names,
        )
        looks = look.styles(ceac["strategy"])
        ends = draw_acceptability(axes, ceac, names, looks)
        _finish(page, axes, look, names, ends, looks)
    return page.figure


def draw_acceptability(
    axes: Axes, ceac: pd.DataFrame, names: list[str], looks: dict[str, style.LineStyle]
) -> dict[str, tuple[float, float]]:
    """Draw a curve per strategy and the frontier; return the last points of the curves."""
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.3g} %")
    axes.set_ylabel("Share of draws")
    ends = _lines(axes, ceac, names, looks, "p_best")
    best = ceac[ceac["is_optimal"].astype(bool)].drop_duplicates("wtp").sort_values("wtp")
    for strategy, x, y in _runs(best, ceac):
        axes.plot(x, y, color=looks[strategy].color, gid="ceaf", **_BROAD)
    return ends


def expected_loss(look: Look, ceac: pd.DataFrame) -> Figure:
    """Expected loss curves; the lowest of them is the expected value of perfect information.

    Parameters
    ----------
    look
        Names and units.
    ceac
        Columns wtp, strategy, expected_loss (currency per patient).

    Raises
    ------
    NothingToDrawError
        If there are fewer than two strategies or thresholds, or no loss at all.
    """
    names = compared(look, ceac)
    top = float(ceac["expected_loss"].max())
    if not top > 0:
        raise NothingToDrawError("no strategy has an expected loss")
    positive = ceac.loc[ceac["expected_loss"] > 0, "expected_loss"]
    floor = _round_down(max(float(positive.min()), SMALLEST_SHARE * top))
    lowest = ceac.groupby("wtp")["expected_loss"].min()
    logarithmic = top > 20 * floor
    with style.context():
        subtitle = (
            f"Mean net benefit forgone by choosing a strategy where another would have been best, "
            f"{look.currency} per patient{'; logarithmic axis' if logarithmic else ''}. Broad: the lowest loss, which "
            f"is the expected value of perfect information (EVPI)."
        )
        floor = floor if logarithmic else 0.0
        if bool((ceac["expected_loss"] < floor).any()):
            subtitle += f" Losses below {number(floor)} {look.currency} are not shown."
        subtitle += _cleaned(ceac)
        axes, page = _curves(look, "Expected loss of each strategy", subtitle, ceac, names)
        looks = look.styles(ceac["strategy"])
        if logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(lambda y, _: "")
        axes.set_ylim(floor, 1.25 * top)
        axes.yaxis.grid(True)
        money_axis(axes.yaxis, look, "Expected loss", " per patient")
        shown = lowest.where(lowest >= floor)
        axes.plot(shown.index, shown, color=style.INK, gid="evpi", **_BROAD)
        _name_below(axes, shown, "EVPI")
        ends = _lines(axes, ceac[ceac["expected_loss"] >= floor], names, looks, "expected_loss")
        last = float(ceac["wtp"].max())
        ends |= {name: (last, floor) for name in names if name not in ends or ends[name][0] < last}
        _finish(page, axes, look, names, ends, looks)
    return page.figure


def _cleaned(table: pd.DataFrame) -> str:
    """Say whether noise between simulated patients has been taken away."""
    corrected = any(str(column).endswith("_uncorrected") for column in table.columns)
    return " Corrected for noise between simulated patients." if corrected else ""


def _short(value: float) -> str:
    """An amount without its unit: millions with three digits, whole numbers, or two digits below 10."""
    if abs(value) >= MILLION:
        return f"{number(value / MILLION, 3)} million"
    return number(value, 2) if abs(value) < 10 else number(float(round(value)), 9)


def evpi(look: Look, table: pd.DataFrame) -> Figure:
    """Expected value of perfect information per patient, and for the population if it is known.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns wtp, evpi (currency per patient), evpi_population (currency, or NaN) and se (of evpi).

    Raises
    ------
    NothingToDrawError
        If there are fewer than two thresholds.
    """
    table = need(table, "value of perfect information").sort_values("wtp").dropna(subset=["evpi"])
    if table["wtp"].nunique() < 2:
        raise NothingToDrawError("a curve over thresholds needs at least two of them")
    columns = {"evpi": "Per patient"}
    if table["evpi_population"].notna().any():
        columns["evpi_population"] = "All patients concerned"
    with style.context():
        wtp = table["wtp"].to_numpy(dtype=float)
        titled = len(columns) > 1
        divisors = {column: unit(look, table[column]) for column in columns}
        notes = {
            column: {t: f"{tick(t)}:\n{_short(float(np.interp(t, wtp, table[column])))}" for t in look.thresholds}
            for column in columns
        }
        above, below, left, gap, height = mark_height(list(notes["evpi"].values())), 0.52, 0.95, 1.05, 2.9
        width = (style.WIDTH - left - 0.45 - gap * (len(columns) - 1)) / len(columns)
        page = Page.start(
            "Expected value of perfect information (EVPI)",
            "What it would be worth at most to remove all uncertainty about the parameters. Shaded: 95 % interval of "
            f"the estimate. Above: the values at the thresholds marked.{_cleaned(table)}",
            0.05 + above + (0.22 if titled else 0) + height + below,
        )
        for i, (column, title) in enumerate(columns.items()):
            axes = page.axes(left + i * (width + gap), below, width, height, column)
            divisor, name = divisors[column]
            y = table[column].to_numpy(dtype=float) / divisor
            # The population's standard error is the patient's, times patients.
            half = 1.96 * table["se"].to_numpy(dtype=float) * _patients(table, column) / divisor
            axes.fill_between(wtp, np.maximum(y - half, 0), y + half, color=style.LINES[0], alpha=0.2, linewidth=0)
            axes.plot(wtp, y, color=style.LINES[0], linewidth=1.8, gid=column)
            at = [t for t in look.thresholds if wtp[0] <= t <= wtp[-1]]
            axes.plot(at, np.interp(at, wtp, y), "o", color=style.LINES[0], markersize=5, zorder=3, gid="values")
            axes.set_xlim(wtp[0], wtp[-1])
            axes.set_ylim(0, 1.06 * float(np.nanmax(y + np.nan_to_num(half))) or 1.0)
            round_ticks(axes)
            axes.yaxis.grid(True)
            money_axis(axes.xaxis, look, "Willingness to pay", f" per {look.effect}")
            axes.set_ylabel(f"EVPI ({name}{' per patient' if column == 'evpi' else ''})")
            if titled:
                axes.set_title(title, pad=72 * above + 4)
            top_marks(axes, notes[column])
    return page.figure


def _patients(table: pd.DataFrame, column: str) -> float:
    """Patients that a value holds for."""
    each, every = table["evpi"].to_numpy(dtype=float), table[column].to_numpy(dtype=float)
    largest = int(np.argmax(each))
    return float(every[largest] / each[largest]) if each[largest] > 0 else 1.0


def _round_down(value: float) -> float:
    """The number with only its first digit left."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(np.floor(value / power * (1 + 1e-9)) * power)


def _name_below(axes: Axes, curve: pd.Series[float], text: str) -> None:
    """Name a curve under its highest point, away from both sides."""
    low, high = axes.get_xlim()
    inner = curve[(curve.index > low + 0.15 * (high - low)) & (curve.index < high - 0.1 * (high - low))].dropna()
    if not inner.empty:
        axes.annotate(text, (inner.idxmax(), inner.max()), xytext=(0, -13), textcoords="offset points", ha="center",
                      va="top", fontsize=8.5, fontweight="bold", color=style.FAINT,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85})  # fmt: skip


def compared(look: Look, ceac: pd.DataFrame) -> list[str]:
    """Strategies of curves over thresholds, if there are curves to draw."""
    names = look.order(need(ceac, "acceptability curves")["strategy"])
    if len(names) < 2 or ceac["wtp"].nunique() < 2:
        raise NothingToDrawError("curves over thresholds need at least two strategies and two thresholds")
    return names


def _curves(look: Look, title: str, subtitle: str, ceac: pd.DataFrame, names: list[str]) -> tuple[Axes, Page]:
    """Empty axes over the thresholds, with room for names at the right and marks above."""
    labels = [style.wrap(look.label(n), LABEL_WIDTH) for n in names]
    widths, heights = style.measure(labels, style.LABEL_SIZE)
    height = max(3.6, float(heights.sum()) + 0.05 * len(names))
    above, below, left = mark_height([tick(t) for t in look.thresholds]), 0.52, 0.95
    page = Page.start(title, subtitle, 0.05 + above + height + below)
    axes = page.axes(left, below, style.WIDTH - left - float(widths.max()) - 0.4, height, "curves")
    threshold_axis(axes, look, ceac)
    return axes, page


def threshold_axis(axes: Axes, look: Look, ceac: pd.DataFrame) -> None:
    """Make the horizontal axis that of the thresholds of a table."""
    axes.set_xlim(float(ceac["wtp"].min()), float(ceac["wtp"].max()))
    money_axis(axes.xaxis, look, "Willingness to pay", f" per {look.effect}")
    axes.yaxis.grid(True)


def _lines(
    axes: Axes, ceac: pd.DataFrame, names: list[str], looks: dict[str, style.LineStyle], column: str
) -> dict[str, tuple[float, float]]:
    """Draw a curve per strategy; return their last points."""
    ends = {}
    every = max(ceac["wtp"].nunique() // 9, 1)
    for i, name in enumerate(names):
        rows = ceac[ceac["strategy"] == name].sort_values("wtp")
        if rows.empty:
            continue
        look = looks[name]
        x, y = rows["wtp"].to_numpy(dtype=float), rows[column].to_numpy(dtype=float)
        start = min(i * every // len(names), len(x) - 1)
        axes.plot(x, y, look.dash, color=look.color, marker=look.marker, markersize=3.8, markevery=(start, every),
                  linewidth=1.6, clip_on=False, gid=name)  # fmt: skip
        ends[name] = (float(x[-1]), float(y[-1]))
    return ends


def _finish(
    page: Page,
    axes: Axes,
    look: Look,
    names: list[str],
    ends: dict[str, tuple[float, float]],
    looks: dict[str, style.LineStyle],
) -> None:
    labels = {n: style.wrap(look.label(n), LABEL_WIDTH) for n in names}
    top_marks(axes, {t: tick(t) for t in look.thresholds})
    style.end_labels(axes, ends, labels, {n: looks[n].color for n in names})


def _runs(best: pd.DataFrame, ceac: pd.DataFrame) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Stretches of thresholds with the same optimal strategy, up to midway to the next, and its curve there."""
    switch = (best["strategy"] != best["strategy"].shift()).cumsum()
    at = best["wtp"].to_numpy(dtype=float)
    middle = np.concatenate([at[:1], (at[1:] + at[:-1]) / 2, at[-1:]])
    runs = []
    for _, rows in best.groupby(switch.to_numpy(), sort=True):
        strategy = str(rows["strategy"].iloc[0])
        first, last = np.searchsorted(at, rows["wtp"].iloc[[0, -1]])
        x = np.concatenate([[middle[first]], rows["wtp"], [middle[last + 1]]])
        own = ceac[ceac["strategy"] == strategy].sort_values("wtp")
        runs.append((strategy, x, np.interp(x, own["wtp"], own["p_best"])))
    return runs
