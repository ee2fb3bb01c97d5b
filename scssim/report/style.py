"""How figures look: colours, type, and labels beside the ends of lines.

Nothing here changes matplotlib's global settings: figures are made and saved inside `context`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

from scssim.errors import ScssimError

WIDTH = 9.6
"""Width of every figure, in inches."""

LINES = ("#0072B2", "#D55E00", "#009E73", "#AA3377", "#E69F00", "#56B4E9", "#000000")
"""Strategies, in the order of the scenario: Okabe and Ito's colours without yellow, which is too pale for lines."""

AREAS = ("#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677", "#44AA99", "#AA4499", "#999933", "#882255")
"""Therapies and groups of cost: Paul Tol's muted scheme."""

DASHES = ("-", "--", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", "p", ">")
INK = "#222222"
FAINT = "#666666"
DPI = 150
LABEL_SIZE = 8.5

_RC: dict[str, Any] = {
    "text.parse_math": False,  # a dollar is a dollar
    "svg.fonttype": "none",  # text stays text: searchable, and in the reader's own font
    "svg.hashsalt": "scssim",  # the same figure has the same bytes
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "axes.grid": False,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 100.0,
}


class NothingToDrawError(ScssimError):
    """There is no table, or there are no rows, for this figure."""


Makers = dict[str, Callable[[], Figure]]
"""What draws each figure, by its name; where there is nothing to draw it raises `NothingToDrawError`."""


def drawn(makers: Makers) -> dict[str, Figure]:
    """The figures for which there is something to draw."""
    figures = {}
    for name, make in makers.items():
        with suppress(NothingToDrawError):
            figures[name] = make()
    return figures


@contextmanager
def context() -> Iterator[None]:
    """Apply the style to the figures that are made or saved inside, and to nothing else."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, _RC))
        yield


def save(figure: Figure, path: Path, kind: Literal["svg", "png"]) -> None:
    """Write a figure; the bytes depend on the figure alone (no date).

    Parameters
    ----------
    figure
        A figure of `scssim.report.figures`.
    path
        Where to write.
    kind
        ``svg`` (text as text) or ``png`` (150 dpi).
    """
    metadata: dict[str, Any] = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with context():
        # PNG: little compression takes three quarters of the time for a fifth more bytes.
        options: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if kind == "png" else {}
        figure.savefig(path, format=kind, dpi=DPI, metadata=metadata, **options)


def wrap(text: str, width: int) -> str:
    """Break a label at its spaces into as few lines of at most `width` characters as it takes, of similar length."""
    lines = textwrap.wrap(text, width)
    longest = max((len(word) for line in lines for word in line.split()), default=0)
    for narrower in range(width - 1, max(width // 2, 8, longest - 1), -1):
        balanced = textwrap.wrap(text, narrower)
        if len(balanced) > len(lines):
            break
        lines = balanced
    return "\n".join(lines) or text


def wrap_path(path: str, width: int) -> str:
    """Break a dotted path after its dots (a part that is too long after its underscores), leaving nothing out.

    A name with spaces is broken at these instead.
    """
    if " " in path:
        return wrap(path, width)
    lines = [""]
    for part in re.findall(r"[^.]+\.?", path):
        pieces = [part] if len(part) <= width else re.findall(r"[^_]+_?|_", part)
        for piece in pieces:
            if lines[-1] and len(lines[-1]) + len(piece) > width:
                lines.append("")
            lines[-1] += piece
    return "\n".join(lines)


@dataclass(frozen=True)
class LineStyle:
    """Look of one strategy's line; colour, dash and marker differ so that none carries the meaning alone."""

    color: str
    dash: str
    marker: str


def line_styles(names: Sequence[str]) -> dict[str, LineStyle]:
    """Look of every strategy, fixed by its position in the scenario."""
    return {
        name: LineStyle(LINES[i % len(LINES)], DASHES[i % len(DASHES)], MARKERS[i % len(MARKERS)])
        for i, name in enumerate(names)
    }


def area_colors(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and hatch of every therapy or group; the hatch tells apart those that must share a colour."""
    hatches = ("", "//", "..", "xx")
    return {name: (AREAS[i % len(AREAS)], hatches[i // len(AREAS) % len(hatches)]) for i, name in enumerate(names)}


def state_colors(therapies: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and hatch of every state of a patient, in the order of the pathway from waiting to death."""
    looks = {"waiting": ("#D9D9D9", ""), "trial": ("#A6A6A6", ""), **area_colors(therapies)}
    return looks | {"background": ("#F3EBDD", ""), "dead": ("#404040", "")}


def tint(color: str, strength: float) -> str:
    """Mix a colour with white; a strength of 1 leaves it as it is."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return to_hex((red, green, blue))


@dataclass(frozen=True)
class Heading:
    """Title and subtitle at the top left of a figure.

    Attributes
    ----------
    title, subtitle
        Wrapped text.
    height
        Height they take, in inches.
    """

    title: str
    subtitle: str
    height: float

    @classmethod
    def fit(cls, title: str, subtitle: str, width: float) -> Heading:
        """Wrap the text for a figure of that width (inches)."""
        title = "\n".join(textwrap.wrap(title, int(width * 9.5)))
        subtitle = "\n".join(textwrap.wrap(subtitle, int(width * 13.5)))
        return cls(title, subtitle, 0.13 + 0.19 * (title.count("\n") + 1) + 0.16 * (subtitle.count("\n") + 1))

    def draw(self, figure: Figure) -> None:
        """Write it on a figure."""
        width, height = figure.get_size_inches()
        place: dict[str, Any] = {"va": "top", "ha": "left"}
        below = 0.13 + 0.19 * (self.title.count("\n") + 1)
        figure.text(0.12 / width, 1 - 0.10 / height, self.title, fontsize=11.5, fontweight="bold", **place)
        figure.text(0.12 / width, 1 - below / height, self.subtitle, fontsize=8.5, color=FAINT, **place)


def time_axis(axes: Axes, last_month: float) -> Callable[[Any], NDArray[np.float64]]:
    """Set ticks and limits of a time axis: months up to three years, years beyond.

    Returns
    -------
    callable
        Converts months to the unit of the axis.
    """
    in_months = last_month <= 36
    scale = 1.0 if in_months else 1 / 12
    end = max(last_month * scale, 1.0)
    steps = (1, 2, 3, 6, 12) if in_months else (1, 2, 3, 5, 10, 20)
    few = [s for s in steps if end / s <= 9] or [steps[-1]]
    step = next((s for s in few if end % s == 0 and end / s >= 4), few[0])
    ticks = np.arange(0, end + 1e-9, step)
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlim(0, end)
    return lambda months: np.asarray(months, dtype=float) * scale


def time_unit(last_month: float) -> str:
    """Unit that `time_axis` chooses."""
    return "Months" if last_month <= 36 else "Years"


def spread(wanted: NDArray[np.float64], heights: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Move labels apart, each as little as the others allow.

    Parameters
    ----------
    wanted
        Preferred centres, shape (k,).
    heights
        Heights of the labels, shape (k,).
    low, high
        Range that the labels should stay in.

    Returns
    -------
    ndarray
        Centres, shape (k,): labels keep their order and do not overlap. They stay in the range if they fit in it.
    """
    order = np.argsort(wanted, kind="stable")
    # Labels that touch form a block, whose members keep their mutual distances: [wanted start, total height, members].
    blocks: list[tuple[float, float, list[int]]] = []
    for i in order:
        block = (float(wanted[i] - heights[i] / 2), float(heights[i]), [int(i)])
        block = (min(max(block[0], low), high - block[1]), *block[1:])
        while blocks and blocks[-1][0] + blocks[-1][1] > block[0]:
            start, size, members = blocks.pop()
            k, m = len(members), len(block[2])
            centred = (start * k + (block[0] - size) * m) / (k + m)
            total = size + block[1]
            block = (max(min(centred, high - total), low), total, members + block[2])
        blocks.append(block)
    centres = np.empty(len(wanted))
    for start, _, members in blocks:
        edge = start
        for i in members:
            centres[i] = edge + heights[i] / 2
            edge += heights[i]
    return centres


def measure(texts: Sequence[str], size: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Widths and heights of texts of some font size (points), in inches, shape (k,) each."""
    figure = Figure()
    agg = FigureCanvasAgg(figure)
    renderer = agg.get_renderer()  # type: ignore[no-untyped-call]
    extents = [figure.text(0, 0, text, fontsize=size).get_window_extent(renderer) for text in texts]
    return np.array([e.width for e in extents]) / figure.dpi, np.array([e.height for e in extents]) / figure.dpi


def end_labels(
    axes: Axes, ends: Mapping[str, tuple[float, float]], labels: Mapping[str, str], colors: Mapping[str, str]
) -> None:
    """Name lines to the right of the axes, at the height of their ends, without overlap.

    Parameters
    ----------
    axes
        Axes with their final limits and position.
    ends
        Last point of each line (data coordinates).
    labels, colors
        Wrapped label and colour of each line.
    """
    figure = axes.get_figure()
    if not ends or not isinstance(figure, Figure):
        return
    names = list(ends)
    box = axes.get_position()
    height = box.height * figure.get_size_inches()[1]
    width = box.width * figure.get_size_inches()[0]
    to_axes = axes.transData + axes.transAxes.inverted()
    points = np.array([to_axes.transform(ends[n]) for n in names])
    _, heights = measure([labels[n] for n in names], LABEL_SIZE)
    ys = points[:, 1] * height
    centres = spread(ys, heights + 0.05, 0.0, height)
    for name, x, y, centre in zip(names, points[:, 0], ys, centres, strict=True):
        edge = 1 + 0.22 / width
        axes.plot(
            [x, max(1.0, x), edge],
            [y / height, y / height, centre / height],
            transform=axes.transAxes,
            color=colors[name],
            linewidth=0.7,
            alpha=0.7,
            clip_on=False,
            zorder=1.5,
            gid="leader",
        )
        axes.text(
            edge + 0.04 / width,
            centre / height,
            labels[name],
            transform=axes.transAxes,
            fontsize=LABEL_SIZE,
            color=INK,
            va="center",
            ha="left",
        )


def legend(figure: Figure, handles: Sequence[Artist | BarContainer], place: tuple[float, float], columns: int) -> None:
    """Explain colours below the axes, from the lower left corner `place` (shares of the figure)."""
    figure.legend(
        handles=list(handles),
        loc="lower left",
        ncols=columns,
        bbox_to_anchor=place,
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.4,
        handlelength=1.4,
    )
