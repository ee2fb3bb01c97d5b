"""Panels of lines over one axis: what figures of a service are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from scssim.report import style
from scssim.report.figures import LABEL_WIDTH
from scssim.report.layout import MARK_SIZE, Page, legend_columns, mark_height, top_marks
from scssim.report.look import Look, tick

TALLEST = 12.0
"""Height of stacked panels, in inches, above which they stand side by side and a legend names the lines."""

ALL = style.LineStyle(style.FAINT, "-", "o")
"""Look of a line that all strategies share."""

DASH = 4.0
"""Length of the dashes of lines of several colours, in widths of the line."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Line of one strategy, with the limits of its band or bars."""

    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None

    def same(self, other: Curve) -> bool:
        """Whether both look the same."""
        pairs = zip((self.x, self.y, self.low, self.high), (other.x, other.y, other.low, other.high), strict=True)
        return all(
            a is b or (a is not None and b is not None and a.shape == b.shape and np.allclose(a, b, equal_nan=True))
            for a, b in pairs
        )


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes
    ----------
    gid, title, axis
        Id, title, and name of the vertical axis.
    curves
        By strategy.
    marks
        Vertical lines: what they are called by where they are.
    lines
        Vertical lines without names.
    targets, rings
        Points that are marked with a diamond or a ring.
    level
        Height and name of a horizontal line.
    bottom
        Lower end of the vertical axis; that of a share ends at 1.
    percent
        Whether it is a share.
    dots
        Whether curves have a marker at every point, and bars in place of a band.
    markers
        Whether curves have markers at all.
    """

    gid: str
    title: str
    axis: str
    curves: dict[str, Curve]
    marks: Mapping[float, str] = field(default_factory=dict)
    lines: Sequence[float] = ()
    targets: Sequence[tuple[float, float]] = ()
    rings: Sequence[tuple[float, float]] = ()
    level: tuple[float, str] | None = None
    bottom: float = 0.0
    percent: bool = False
    dots: bool = False
    markers: bool = True


Scale = Callable[[Axes, Panel], None]
"""Sets limits and ticks of the horizontal axis of a panel."""


def percent(share: float) -> str:
    """A share in per cent, with three digits at most."""
    return f"{100 * share:.3g} %"


def draw(look: Look, title: str, subtitle: str, x_label: str, panels: list[Panel], scale: Scale) -> Figure:
    """Draw panels one above the other with names beside the lines, or in two columns with a legend."""
    names = look.order(name for panel in panels for name in panel.curves)
    looks = look.styles(names)
    with style.context():
        alike = [_alike(panel.curves) for panel in panels]
        called = [
            {group[0]: style.wrap(_called(look, group, panel.curves, len(names)), LABEL_WIDTH) for group in groups}
            | ({"level": panel.level[1]} if panel.level else {})
            for panel, groups in zip(panels, alike, strict=True)
        ]
        beside = [style.measure(list(texts.values()), style.LABEL_SIZE) for texts in called]
        cell = {1: 3.4, 2: 2.4, 3: 1.9}.get(len(panels), 1.6)
        tall = max(cell, *(float(heights.sum()) + 0.05 * len(heights) for _, heights in beside))
        direct = len(panels) * (tall + 0.5) <= TALLEST
        cell, columns = (tall, 1) if direct else (cell + 0.2, min(2, len(panels)))
        counts = [
            (len(group), len(panel.curves)) for panel, groups in zip(panels, alike, strict=True) for group in groups
        ]
        shared = [there for own, there in counts if own == there > 1]
        together = f"All strategies{' that use it' if min(shared, default=0) < len(names) else ''}" if shared else ""
        handles = [] if direct else _handles(look, names, looks, panels, together)
        if any(1 < own < there for own, there in counts):
            subtitle += " Lines of several colours: strategies that do not differ."
        legend_width = legend_columns([str(handle.get_label()) for handle in handles])
        left, between, below = 0.8, 0.85, 0.5 + (0.21 * -(-len(handles) // legend_width) + 0.1 if handles else 0)
        right = max(float(widths.max()) for widths, _ in beside) + 0.4 if direct else 0.3
        width = (style.WIDTH - left - right - between * (columns - 1)) / columns
        panels = [_fitted(panel, width) for panel in panels]
        rows = [list(range(first, min(first + columns, len(panels)))) for first in range(0, len(panels), columns)]
        above = [max(_above(panels[i]) for i in row) for row in rows]
        gaps = 0.36 * (len(rows) - 1)
        page = Page.start(title, subtitle, sum(above) + len(rows) * cell + gaps + below)
        top = page.body
        for row, over in zip(rows, above, strict=True):
            top -= over + cell
            for column, i in enumerate(row):
                panel = panels[i]
                axes = page.axes(left + column * (width + between), top, width, cell, panel.gid)
                scale(axes, panel)
                ends = _curves(axes, panel, alike[i], names, looks)
                axes.set_title(panel.title, pad=72 * _over(panel) + 4)
                axes.set_ylabel(panel.axis)
                if i + columns >= len(panels):
                    axes.set_xlabel(x_label)
                top_marks(axes, panel.marks)
                for x in panel.lines:
                    axes.axvline(x, color="#888888", linewidth=0.8, linestyle="--", zorder=0.9, gid="mark")
                if direct:
                    colors = {group[0]: _color(group, panel.curves, looks) for group in alike[i]}
                    style.end_labels(axes, ends, called[i], colors | {"level": style.FAINT})
            top -= 0.36
        if handles:
            style.legend(page.figure, handles, page.place(0.12, 0.07), legend_width)
    return page.figure


def _above(panel: Panel) -> float:
    """Room for what stands above a panel, in inches."""
    return 0.12 + 0.17 * (panel.title.count("\n") + 1) + _over(panel)


def _over(panel: Panel) -> float:
    """Room between a panel and its title, in inches."""
    beyond = 0.08 if panel.rings else 0.03 if panel.percent else 0.0
    return beyond + mark_height(list(panel.marks.values()))


def _fitted(panel: Panel, width: float) -> Panel:
    """The panel with its title wrapped, and without names of vertical lines if they do not fit side by side."""
    panel = replace(panel, title=style.wrap(panel.title, int(width * 12)))
    widths, _ = style.measure(list(panel.marks.values()), MARK_SIZE)
    fits = float((widths + 0.12).sum()) <= width
    return panel if fits else replace(panel, marks={}, lines=list(panel.marks))


def _alike(curves: Mapping[str, Curve]) -> list[list[str]]:
    """Strategies with the same curve."""
    groups: list[list[str]] = []
    for name, curve in curves.items():
        own = next((group for group in groups if curves[group[0]].same(curve)), None)
        if own is None:
            groups.append([name])
        else:
            own.append(name)
    return groups


def _called(look: Look, group: list[str], there: Mapping[str, Curve], count: int) -> str:
    """Name of a line that several of the strategies there, or of all, may share."""
    others = [name for name in there if name not in group]
    if len(group) > 1 and not others:
        return "all strategies" if len(group) == count else "all that use it"
    if len(group) > 2 and len(others) == 1 and len(there) == count:
        return f"all but {look.label(others[0])}"
    return "; ".join(look.label(name) for name in group)


def _color(group: list[str], there: Mapping[str, Curve], looks: Mapping[str, style.LineStyle]) -> str:
    """Colour of a line; one that all strategies there share has none of theirs."""
    return ALL.color if len(group) == len(there) > 1 else looks[group[0]].color


def _curves(
    axes: Axes, panel: Panel, alike: list[list[str]], names: list[str], looks: Mapping[str, style.LineStyle]
) -> dict[str, tuple[float, float]]:
    """Draw the lines of a panel, those that are the same as one line of several colours; return their last points."""
    ends: dict[str, tuple[float, float]] = {}
    tops = [1.0 if panel.percent else 0.0]
    for number_of_line, group in enumerate(alike):
        curve, color = panel.curves[group[0]], _color(group, panel.curves, looks)
        known = np.flatnonzero(np.isfinite(curve.y))
        if curve.low is not None and curve.high is not None:
            if panel.dots:
                axes.vlines(curve.x, curve.low, curve.high, color=color, linewidth=1.1, gid=f"bars-{group[0]}")
            else:
                strength = 0.16 if len(alike) <= 3 else 0.09
                axes.fill_between(curve.x, curve.low, curve.high, color=color, alpha=strength, linewidth=0,
                                  gid=f"band-{group[0]}")  # fmt: skip
            tops.append(float(np.nanmax(curve.high)))
        members = [("all", ALL)] if len(group) == len(panel.curves) > 1 else [(name, looks[name]) for name in group]
        every = 1 if panel.dots else max(len(curve.x) // 9, 1)
        for i, (gid, own) in enumerate(members):
            dash: Any = own.dash
            if len(members) > 1:
                dash = ((len(members) - i) % len(members) * DASH, (DASH, DASH * (len(members) - 1)))
            start = number_of_line * every // len(names) + i * every
            marks = (min(start, len(curve.x) - 1), every * len(members))
            axes.plot(curve.x, curve.y, linestyle=dash, dash_capstyle="butt", color=own.color, linewidth=1.5,
                      marker=own.marker if panel.markers else "", markersize=3.8, markevery=marks, clip_on=False,
                      gid=gid)  # fmt: skip
        if known.size:
            tops.append(float(np.nanmax(curve.y)))
            ends[group[0]] = float(curve.x[known[-1]]), float(curve.y[known[-1]])
    axes.plot(*np.transpose(panel.targets) if panel.targets else ([], []), "D", color=style.INK, markersize=6,
              markeredgecolor="white", zorder=4, clip_on=False, gid="target")  # fmt: skip
    axes.plot(*np.transpose(panel.rings) if panel.rings else ([], []), "o", markersize=12, color="none",
              markeredgecolor=style.INK, markeredgewidth=1.2, zorder=4, clip_on=False, gid="enough")  # fmt: skip
    if panel.level is not None:
        axes.axhline(panel.level[0], color="#888888", linewidth=0.9, linestyle="--", zorder=0.9, gid="level")
        ends["level"] = axes.get_xlim()[1], panel.level[0]
    axes.set_ylim(panel.bottom, 1.0 if panel.percent else 1.05 * max(tops) or 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y) if panel.percent else tick(y)))
    axes.yaxis.grid(True)
    return ends


def _handles(
    look: Look, names: list[str], looks: Mapping[str, style.LineStyle], panels: list[Panel], together: str
) -> list[Artist]:
    """Of a legend for all panels, with what a line that all strategies share is called."""
    lines = [(looks[name], look.label(name)) for name in names] + ([(ALL, together)] if together else [])
    markers = any(panel.markers for panel in panels)
    handles: list[Artist] = []
    for own, label in lines:
        dash: Any = own.dash
        handles.append(Line2D([], [], color=own.color, linestyle=dash, marker=own.marker if markers else "",
                              markersize=4, linewidth=1.5, label=label))  # fmt: skip
    for level in [panel.level for panel in panels if panel.level is not None]:
        handles.append(Line2D([], [], color="#888888", linestyle="--", linewidth=0.9, label=level[1]))
    return handles
