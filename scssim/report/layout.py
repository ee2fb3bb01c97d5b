"""Pages laid out in inches, and labels that need to know how much room there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from scssim.report import style
from scssim.report.look import Look, tick, unit

MARK_SIZE = 8.0
"""Font size of what stands above marks, in points."""


@dataclass(frozen=True)
class Page:
    """A figure of the usual width with its heading, and a body below it.

    Attributes
    ----------
    figure
        The figure.
    body
        Height of what is below the heading, in inches.
    """

    figure: Figure
    body: float

    @classmethod
    def start(cls, title: str, subtitle: str, body: float) -> Page:
        """Make a page with a body of this height (inches)."""
        heading = style.Heading.fit(title, subtitle, style.WIDTH)
        figure = Figure(figsize=(style.WIDTH, heading.height + body))
        heading.draw(figure)
        return cls(figure, body)

    def axes(self, left: float, bottom: float, width: float, height: float, gid: str) -> Axes:
        """Add axes at a place in inches from the lower left corner."""
        page_width, page_height = self.figure.get_size_inches()
        box = (left / page_width, bottom / page_height, width / page_width, height / page_height)
        return self.figure.add_axes(box, gid=gid)

    def place(self, left: float, bottom: float) -> tuple[float, float]:
        """A place in inches as shares of the page."""
        width, height = self.figure.get_size_inches()
        return left / float(width), bottom / float(height)


def legend_columns(labels: Sequence[str], most: int = 4) -> int:
    """How many columns of a legend below the axes fit on a page."""
    widest = float(style.measure(list(labels), style.LABEL_SIZE)[0].max(initial=0.0))
    return int(np.clip((style.WIDTH - 0.2) / (widest + 0.5), 1, most))


def size(axes: Axes) -> tuple[float, float]:
    """Width and height of axes, in inches."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    box, (width, height) = axes.get_position(), figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def round_ticks(axes: Axes, which: str = "xy", x_room: float = 0.85) -> None:
    """Few round ticks with separated thousands on the axes named, those of x at least so many inches apart."""
    width, height = size(axes)
    for axis, length, each in ((axes.xaxis, width, x_room), (axes.yaxis, height, 0.5)):
        if axis.axis_name in which:
            axis.set_major_locator(MaxNLocator(int(np.clip(length / each, 2, 8)), steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(FuncFormatter(tick))


def money_axis(axis: Axis, look: Look, what: str, per: str = "") -> None:
    """Name an axis of money whose limits are final, in millions if they are that large.

    Parameters
    ----------
    axis
        Axis of money, in single units of the currency.
    look
        Names and units.
    what
        What it shows.
    per
        What stands after the currency, such as `` per patient``.
    """
    divisor, name = unit(look, axis.get_view_interval())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value / divisor)))
    axis.set_label_text(f"{what} ({name}{per})")


def mark_height(texts: Sequence[str]) -> float:
    """Room that `top_marks` takes above the axes, in inches."""
    return float(style.measure(list(texts), MARK_SIZE)[1].max(initial=0.0)) + 0.16 if texts else 0.0


def top_marks(axes: Axes, marks: Mapping[float, str], color: str = "#888888", dash: str = "--") -> None:
    """Vertical lines with their names above the axes, moved apart where they would overlap.

    Parameters
    ----------
    axes
        Axes with their final limits and position.
    marks
        Text by place on the horizontal axis; those outside the limits are left out.
    color, dash
        Of the lines.
    """
    low, high = axes.get_xlim()
    inside = {x: text for x, text in marks.items() if low <= x <= high}
    if not inside:
        return
    width, height = size(axes)
    to_axes = axes.transData + axes.transAxes.inverted()
    at = np.array([to_axes.transform((x, axes.get_ylim()[0]))[0] for x in inside]) * width
    widths, _ = style.measure(list(inside.values()), MARK_SIZE)
    centres = style.spread(at, widths + 0.12, -0.3, width + 0.3)
    for x, text, start, centre in zip(inside, inside.values(), at, centres, strict=True):
        axes.axvline(x, color=color, linewidth=0.8, linestyle=dash, zorder=0.9, gid="mark")
        axes.plot(
            [start / width, centre / width],
            [1, 1 + 0.07 / height],
            transform=axes.transAxes,
            color=color,
            linewidth=0.8,
            clip_on=False,
            gid="leader",
        )
        axes.text(
            centre / width,
            1 + 0.09 / height,
            text,
            transform=axes.transAxes,
            fontsize=MARK_SIZE,
            color=style.FAINT,
            ha="center",
            va="bottom",
        )


def named_rows(
    page: Page, names: Sequence[str], places: NDArray[np.float64], box: tuple[float, float, float, float], gid: str
) -> Axes:
    """Add axes with a named row per item.

    Parameters
    ----------
    page
        Where to.
    names
        Wrapped name of every row.
    places
        Centres of the rows, of `row_places`, shape (k,).
    box
        Left, bottom, width and height in inches.
    gid
        Of the axes.
    """
    axes = page.axes(*box, gid=gid)
    name_rows(axes, names, places, box[3])
    return axes


def name_rows(axes: Axes, names: Sequence[str], places: NDArray[np.float64], height: float) -> None:
    """Make the vertical axis that of named rows; arguments as of `named_rows`, and the height of all rows (inches)."""
    axes.set_ylim(0, height)
    axes.set_yticks(places, list(names), fontsize=MARK_SIZE)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def row_places(*texts: Sequence[str], least: float = 0.27) -> tuple[NDArray[np.float64], float]:
    """Centres of rows from the top down, shape (k,), and the height of all rows, in inches.

    Parameters
    ----------
    texts
        What stands in the rows, each of length k: a row is as tall as the tallest of its texts.
    least
        Least height of a row, in inches.
    """
    tall = np.maximum(np.max([style.measure(column, MARK_SIZE)[1] for column in texts], axis=0) + 0.12, least)
    edges = np.concatenate([[0.0], np.cumsum(tall)])
    return edges[-1] - (edges[1:] + edges[:-1]) / 2, float(edges[-1])


def beside(axes: Axes, x: float, y: float, text: str, offset: float) -> None:
    """Print a text beside a point, so many points away (to the left if negative), over whatever lines are there."""
    if text:
        axes.annotate(
            text,
            (x, y),
            xytext=(offset, 0),
            textcoords="offset points",
            va="center",
            ha="left" if offset > 0 else "right",
            fontsize=MARK_SIZE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            zorder=3.5,
        )


def room(
    width: float,
    left: NDArray[np.float64],
    left_width: NDArray[np.float64],
    right: NDArray[np.float64],
    right_width: NDArray[np.float64],
) -> tuple[float, float]:
    """Limits of an axis that leave room for texts to the left and right of bars.

    Parameters
    ----------
    width
        Width of the axes, in inches.
    left, right
        Ends of the bars (data), shape (k,).
    left_width, right_width
        Room that the texts at these ends need, in inches, shape (k,).

    Returns
    -------
    tuple
        Lower and upper limit (data). Texts that are too wide for any limits stick out.
    """
    low, high = float(left.min()), float(right.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    narrowest = (high - low) / width
    scale = narrowest  # data units per inch: the limits follow from it, and it from the limits
    for _ in range(100):
        low, high = float((left - left_width * scale).min()), float((right + right_width * scale).max())
        scale = min((high - low) / width, 4 * narrowest)
    return low, high
