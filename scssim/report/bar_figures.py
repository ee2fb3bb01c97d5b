"""Figures with a bar per parameter: value of partial perfect information and one-way sensitivity (tornado)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from scssim.report import style
from scssim.report.layout import (
    MARK_SIZE,
    Page,
    beside,
    mark_height,
    money_axis,
    named_rows,
    room,
    round_ticks,
    row_places,
    size,
    top_marks,
)
from scssim.report.look import Look, amount, need, number, signed, tick
from scssim.report.style import NothingToDrawError

MOST_BARS = 20
NAME_WIDTH = 38
"""Characters of a parameter's line beside the bars."""

NEW_WIDTH = 24
"""Characters of a strategy's line at the end of a bar."""

LOW, HIGH = "#88BBDD", "#D98B5F"
"""Colours of bars towards the low and the high value of a parameter."""

ASSUMED = "\N{WHITE CIRCLE}"
"""Stands after the name of an input that is a judgement."""

ARROW = "\N{RIGHTWARDS ARROW}"


def evppi(look: Look, table: pd.DataFrame, wtp: float | None = None, evpi: float | None = None) -> Figure:
    """Expected value of partial perfect information about each group of parameters, at one threshold.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns wtp, group, parameters (paths, joined by commas or semicolons), evppi (currency per patient), se.
    wtp
        Threshold; by default the first of `look` that the table has.
    evpi
        Value of perfect information about everything at that threshold, drawn as a line.

    Raises
    ------
    NothingToDrawError
        If the table has no value at that threshold.
    """
    table = need(need(table, "value of partial information").dropna(subset=["evppi"]), "value of partial information")
    wtp = look.threshold(table["wtp"]) if wtp is None else wtp
    rows = need(table[np.isclose(table["wtp"].astype(float), wtp)], f"value of partial information at {tick(wtp)}")
    rows = rows.sort_values("evppi", ascending=False, kind="stable")
    more, rows = len(rows) - MOST_BARS, rows.iloc[:MOST_BARS]
    values = rows["evppi"].to_numpy(dtype=float)
    half = 1.96 * np.nan_to_num(rows["se"].to_numpy(dtype=float))
    with style.context():
        names = [_group(str(g), p) for g, p in zip(rows["group"], rows["parameters"], strict=True)]
        texts = [number(v, 2) for v in values]
        subtitle = (
            f"What it would be worth at most to know these parameters exactly, at {tick(wtp)} {look.rate}. "
            "Whiskers: 95 % interval of the estimate, cut at 0."
        )
        if more > 0:
            subtitle += f" And {more} more, each with no more than {number(values[-1], 2)} {look.currency}."
        marks = {} if evpi is None else {evpi: f"EVPI {number(evpi, 2)}"}
        places, height = row_places(names)
        page, axes = _bars(
            "Expected value of partial perfect information (EVPPI)", subtitle, names, (places, height), marks
        )
        ends = np.append(values + half, evpi or 0.0)
        widths = np.append(style.measure(texts, MARK_SIZE)[0] + 0.15, 0.3)
        _, high = room(size(axes)[0], np.zeros(1), np.zeros(1), ends, widths)
        axes.set_xlim(0, high)
        axes.barh(places, values, height=0.19, color=style.tint(style.LINES[0], 0.6), zorder=2)
        whiskers = [np.minimum(half, np.maximum(values, 0)), half]
        axes.errorbar(values, places, xerr=whiskers, fmt="none", ecolor=style.INK, elinewidth=1, capsize=2, zorder=3)
        for place, end, text in zip(places, ends[:-1], texts, strict=True):
            beside(axes, max(end, 0.0), place, text, 5)
        round_ticks(axes, "x")
        axes.xaxis.grid(True)
        money_axis(axes.xaxis, look, "EVPPI", " per patient")
        top_marks(axes, marks, color=style.INK)
    return page.figure


def tornado(
    look: Look, table: pd.DataFrame, strategy: str | None = None, wtp: float | None = None, best: str | None = None
) -> Figure:
    """Incremental net monetary benefit with each parameter at its low and its high value.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns parameter, end (``low`` or ``high``), value, inmb, inmb_base, strategy, reference, wtp, grade and best
        (the strategy with the highest net benefit then).
    strategy
        Whose increments to show; by default the first of the table.
    wtp
        Threshold; by default the first of `look` that the table has.
    best
        Strategy with the highest net benefit in the base case; ends with another one are marked and name it.

    Raises
    ------
    NothingToDrawError
        If there are no such rows, or no parameter makes a difference.
    """
    rows, found = compared_bars(look, table, strategy, wtp, best)
    base, wtp = float(rows["inmb_base"].iloc[0]), float(rows["wtp"].iloc[0])
    every = [bar for bar in found if bar.swing > 0]
    bars = every[:MOST_BARS]
    label, other = (look.label(str(rows[of].iloc[0])) for of in ("strategy", "reference"))
    with style.context():
        subtitle = (
            f"Net monetary benefit of {label} over {other} at {tick(wtp)} {look.rate}, with one parameter at a time at "
            "its low and its high value (printed at the ends)."
        )
        if best is not None and any(end.new_best for bar in bars for end in bar.ends):
            subtitle += f" Diamond: {look.label(best)} is no longer the best strategy; the arrow names the one that is."
        if any(bar.assumed for bar in bars):
            subtitle += f" {ASSUMED} graded assumed."
        if len(every) > MOST_BARS:
            limit = amount(look, float(math.ceil(bars[-1].swing)))
            subtitle += f" And {len(every) - MOST_BARS} more with a swing below {limit}."
        if len(every) < len(found):
            subtitle += f" {len(found) - len(every)} change nothing."
        names = [bar.wrapped for bar in bars]
        marks = {base: f"base case {signed(base, 1)}"}
        places, height = row_places(names, [bar.left_text for bar in bars], [bar.right_text for bar in bars])
        page, axes = _bars("One-way sensitivity analysis", subtitle, names, (places, height), marks, foot=0.28)
        handles = draw_bars(axes, look, bars, places, base)
        if len(handles) > 2:
            marks.setdefault(0.0, "0")
        top_marks(axes, marks)
        style.legend(page.figure, handles, page.place(0.12, 0.07), 3)
    return page.figure


# ------------------------------------------------------------------- bars


def _bars(
    title: str,
    subtitle: str,
    names: list[str],
    rows: tuple[NDArray[np.float64], float],
    marks: dict[float, str],
    foot: float = 0.0,
) -> tuple[Page, Axes]:
    """A page with a named row per bar, room for marks above and for a legend below."""
    left, below = float(style.measure(names, MARK_SIZE)[0].max()) + 0.25, 0.52 + foot
    places, height = rows
    page = Page.start(title, subtitle, 0.1 + mark_height(list(marks.values())) + height + below)
    return page, named_rows(page, names, places, (left, below, style.WIDTH - left - 0.3, height), "bars")


def _group(group: str, parameters: object) -> str:
    """Name of a group, with the number of its parameters if there are several."""
    inside = parameters.replace(";", ",").split(",") if isinstance(parameters, str) else parameters
    count = len(inside) if isinstance(inside, (list, tuple)) else 1
    return style.wrap_path(group if count < 2 else f"{group} ({count} parameters)", NAME_WIDTH)


# ---------------------------------------------------------------- tornado


@dataclass(frozen=True)
class _End:
    """One end of a bar: net benefit, what is printed there, and whether another strategy is best there."""

    color: str
    inmb: float
    text: str
    new_best: bool


@dataclass(frozen=True)
class Bar:
    """One parameter; the printed texts stand at the outer ends, both at the same one if both ends are on one side."""

    name: str
    ends: tuple[_End, ...]
    base: float
    assumed: bool

    @property
    def left(self) -> float:
        """Its smaller end."""
        return min(self.base, *(end.inmb for end in self.ends))

    @property
    def right(self) -> float:
        """Its larger end."""
        return max(self.base, *(end.inmb for end in self.ends))

    @property
    def wrapped(self) -> str:
        """Its name in lines."""
        return style.wrap_path(self.name, NAME_WIDTH) + (f" {ASSUMED}" if self.assumed else "")

    @property
    def swing(self) -> float:
        """Its length."""
        return self.right - self.left

    @property
    def left_text(self) -> str:
        """What stands at the smaller end."""
        return " | ".join(end.text for end in self._ordered() if end.inmb < self.base)

    @property
    def right_text(self) -> str:
        """What stands at the larger end."""
        return " | ".join(end.text for end in self._ordered() if end.inmb > self.base)

    def _ordered(self) -> list[_End]:
        return sorted(self.ends, key=lambda end: end.inmb)


def _read(look: Look, rows: pd.DataFrame, base: float, best: str | None) -> Iterator[Bar]:
    for parameter, own in rows.groupby("parameter", sort=False):
        ends = []
        for end, color in (("low", LOW), ("high", HIGH)):
            for row in own[own["end"] == end].head(1).to_dict("records"):
                text = number(float(row["value"])) if pd.notna(row["value"]) else ""
                new = best is not None and pd.notna(row["best"]) and row["best"] != best
                text += " " + style.wrap(f"{ARROW} {look.label(str(row['best']))}", NEW_WIDTH) if new else ""
                ends.append(_End(color, float(row["inmb"]), text, new))
        if ends:
            yield Bar(str(parameter), tuple(ends), base, own["grade"].iloc[0] == "assumed")


def compared_bars(
    look: Look, table: pd.DataFrame, strategy: str | None = None, wtp: float | None = None, best: str | None = None
) -> tuple[pd.DataFrame, list[Bar]]:
    """Rows of the comparison that `tornado` shows, and a bar for each parameter, the longest first; arguments as there.

    Raises
    ------
    NothingToDrawError
        If there are no such rows, or no parameter makes a difference.
    """
    what = "one-way sensitivity analysis"
    table = need(need(table, what).dropna(subset=["inmb", "inmb_base"]), what)
    strategy = str(table["strategy"].iloc[0]) if strategy is None else strategy
    rows = need(table[table["strategy"] == strategy], f"{what} of {strategy}")
    wtp = look.threshold(rows["wtp"]) if wtp is None else wtp
    rows = need(rows[np.isclose(rows["wtp"].astype(float), wtp)], f"{what} at {tick(wtp)}")
    bars = sorted(_read(look, rows, float(rows["inmb_base"].iloc[0]), best), key=lambda bar: -bar.swing)
    if not any(bar.swing > 0 for bar in bars):
        raise NothingToDrawError("no parameter changes the net benefit")
    return rows, bars


def draw_bars(
    axes: Axes, look: Look, bars: list[Bar], places: NDArray[np.float64], base: float
) -> list[Patch | Line2D]:
    """Draw the bars of a tornado in their rows, and a line at 0 if that is in sight; return what explains them."""
    _draw(axes, bars, places, base)
    handles: list[Patch | Line2D] = [
        Patch(facecolor=LOW, label="Parameter at its low value"),
        Patch(facecolor=HIGH, label="at its high value"),
    ]
    low, high = axes.get_xlim()
    if low <= 0 <= high:
        axes.axvline(0, color=style.INK, linewidth=1.1, zorder=2.5, gid="zero")
        text = "0: both strategies are worth the same"
        handles.append(Line2D([], [], color=style.INK, linewidth=1.1, label=text))
    round_ticks(axes, "x")
    axes.xaxis.grid(True)
    money_axis(axes.xaxis, look, "Incremental net monetary benefit")
    return handles


def _draw(axes: Axes, bars: list[Bar], places: NDArray[np.float64], base: float) -> None:
    """Draw the bars and print the values at their ends."""
    lefts, rights = np.array([bar.left for bar in bars]), np.array([bar.right for bar in bars])
    left_pads, right_pads = (
        np.where([bool(t) for t in texts], style.measure(texts, MARK_SIZE)[0] + 0.2, 0.05)
        for texts in ([bar.left_text for bar in bars], [bar.right_text for bar in bars])
    )
    low, high = room(size(axes)[0], lefts, left_pads, rights, right_pads)
    # The decision turns at 0, so it is shown, unless that would leave the bars less than half the width.
    if 0 < low < high - low or low - high < high < 0:
        lefts, rights = np.append(lefts, min(lefts.min(), 0)), np.append(rights, max(rights.max(), 0))
        low, high = room(size(axes)[0], lefts, np.append(left_pads, 0.1), rights, np.append(right_pads, 0.1))
    axes.set_xlim(low, high)
    for bar, place in zip(bars, places, strict=True):
        # The longer of two parts on the same side lies behind the shorter.
        for end in sorted(bar.ends, key=lambda end: -abs(end.inmb - base)):
            axes.barh(place, end.inmb - base, left=base, height=0.19, color=end.color, zorder=2, gid=bar.name)
            if end.new_best:
                axes.plot(end.inmb, place, "D", color="white", markeredgecolor=style.INK, markersize=4.5, zorder=4,
                          gid="changed")  # fmt: skip
        beside(axes, bar.left, place, bar.left_text, -6)
        beside(axes, bar.right, place, bar.right_text, 6)
