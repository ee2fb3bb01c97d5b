"""Figures of analyses with cases: two parameters at once, and assumptions about the time after the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import binary_dilation, distance_transform_edt, minimum_filter

from scssim.report import style
from scssim.report.layout import (
    MARK_SIZE,
    Page,
    beside,
    legend_columns,
    mark_height,
    money_axis,
    named_rows,
    room,
    round_ticks,
    row_places,
    top_marks,
)
from scssim.report.look import Look, need, signed, tick
from scssim.report.style import NothingToDrawError

PALE = 0.4
"""Strength of the colours of areas."""

REGION_WIDTH = 20
CASE_WIDTH = 30
BEST_WIDTH = 16
"""Characters of a line: of a name inside a map, of a case, of the best strategy of a case."""

FINE = 0.05
"""Resolution in inches at which room for names is looked for."""

DURING, AFTER = "#5B7C99", "#C3D3E0"
"""Colours of what is gained during and after the observed data."""

Array = NDArray[np.float64]


def two_way(look: Look, table: pd.DataFrame) -> Figure:
    """Strategy with the highest net benefit over the values of two parameters.

    Parameters
    ----------
    look
        Names and units.
    table
        One analysis: columns x, y (names of the parameters), x_value, y_value, best and inmb; optionally x_base and
        y_base, the strategy and reference of inmb, and wtp, the threshold (else the first of `look`). Places of the
        grid that have no row stay white.

    Raises
    ------
    NothingToDrawError
        If there are fewer than two values of either parameter.
    """
    table = need(need(table, "two-way sensitivity analysis").dropna(subset=["best"]), "two-way sensitivity analysis")
    xs, ys = np.unique(table["x_value"].to_numpy(dtype=float)), np.unique(table["y_value"].to_numpy(dtype=float))
    if len(xs) < 2 or len(ys) < 2:
        raise NothingToDrawError("a map needs at least two values of each of its two parameters")
    names = look.order(table["best"])
    looks = look.styles(table["best"])
    place = (
        np.searchsorted(ys, table["y_value"].to_numpy(dtype=float)),
        np.searchsorted(xs, table["x_value"].to_numpy(dtype=float)),
    )
    best, benefit = np.full((len(ys), len(xs)), -1), np.full((len(ys), len(xs)), np.nan)
    best[place] = [names.index(str(s)) for s in table["best"]]
    benefit[place] = table["inmb"].to_numpy(dtype=float)
    turns = bool((benefit > 0).any() and (benefit < 0).any())
    base = _base(table)
    with style.context():
        y_name = style.wrap_path(str(table["y"].iloc[0]), 48)
        left, below, height = 0.95 + 0.16 * y_name.count("\n"), 0.85, 4.6
        width = style.WIDTH - left - 0.35
        edges = _edges(xs), _edges(ys)
        centres = _room_for_names(look, names, best, benefit if turns else None, (xs, ys), base, (width, height))
        handles: list[Artist] = [
            Patch(facecolor=style.tint(looks[n].color, PALE), label=look.label(n)) for n in names if n not in centres
        ]
        if turns:
            text = "Incremental net benefit of 0"
            handles.append(Line2D([], [], color=style.INK, linewidth=1.4, linestyle="--", label=text))
        if base is not None:
            handles.append(Line2D([], [], label="Base case", **_RING))
        columns = legend_columns([str(handle.get_label()) for handle in handles])
        below += 0.21 * (-(-len(handles) // columns) - 1)
        subtitle = f"Colour: strategy with the highest net benefit{_at(look, table)}."
        if turns and {"strategy", "reference"} <= set(table.columns):
            pair = [look.label(str(table[column].iloc[0])) for column in ("strategy", "reference")]
            subtitle += f" Dashed: {pair[0]} and {pair[1]} are worth the same."
        page = Page.start("Two-way sensitivity analysis", subtitle, 0.2 + height + below)
        axes = page.axes(left, below, width, height, "two_way")
        axes.pcolormesh(
            *edges,
            np.ma.masked_less(best, 0),
            cmap=ListedColormap([style.tint(looks[n].color, PALE) for n in names]),
            vmin=-0.5,
            vmax=len(names) - 0.5,
            edgecolors="white",
            linewidth=0.4 if best.size < 2_500 else 0,
            gid="best",
        )
        if turns:
            axes.contour(xs, ys, np.ma.masked_invalid(benefit), levels=[0.0], colors=style.INK, linewidths=1.4,
                         linestyles="--")  # fmt: skip
        if base is not None:
            axes.plot(*base, zorder=5, gid="base", **_RING)
        for name, (x, y) in centres.items():
            axes.text(x, y, style.wrap(look.label(name), REGION_WIDTH), ha="center", va="center", fontsize=9,
                      fontweight="bold", gid=name)  # fmt: skip
        axes.set_xlim(edges[0][0], edges[0][-1])
        axes.set_ylim(edges[1][0], edges[1][-1])
        round_ticks(axes)
        axes.set_xlabel(style.wrap_path(str(table["x"].iloc[0]), 90))
        axes.set_ylabel(y_name)
        if handles:
            style.legend(page.figure, handles, page.place(0.12, 0.07), columns)
    return page.figure


def extrapolation(look: Look, table: pd.DataFrame, strategy: str | None = None, reference: str | None = None) -> Figure:
    """Net benefit of every strategy under different assumptions about the time after the data, one row per case.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns name, label, strategy, d_qaly, inmb and d_qaly_after_data (what of d_qaly comes after the observed
        data, or NaN); optionally wtp, the threshold (else the first of `look`).
    strategy
        Whose gain in effect is split into during and after the data; by default the one with the highest net benefit
        in the first case.
    reference
        Strategy that the increments are over; it is the line at 0.

    Raises
    ------
    NothingToDrawError
        If there are no increments.
    """
    what = "analysis of extrapolation"
    table = need(table, what)
    shown = need(table[table["strategy"] != reference].dropna(subset=["inmb"]), what)
    names = look.order(shown["strategy"])
    cases = list(dict.fromkeys(shown["name"]))
    labels = shown.drop_duplicates("name").set_index("name")["label"]
    benefit = shown.pivot_table(index="name", columns="strategy", values="inmb").reindex(index=cases, columns=names)
    highest = benefit.idxmax(axis=1)
    winners = [str(highest[c]) if reference is None or benefit.loc[c].max() > 0 else reference for c in cases]
    strategy = str(highest[cases[0]]) if strategy is None else strategy
    own = shown[shown["strategy"] == strategy].drop_duplicates("name").set_index("name").reindex(cases)
    split = bool(own["d_qaly_after_data"].notna().any())
    with style.context():
        rows = [style.wrap(str(labels[c] or c), CASE_WIDTH) for c in cases]
        best = [style.wrap(look.label(w), BEST_WIDTH) for w in winners]
        places, height = row_places(rows, best, least=0.4)
        over = f" over {look.label(reference)}" if reference is not None else ""
        subtitle = f"Left: incremental net monetary benefit{over}{_at(look, table)}; ringed: the best strategy, "
        subtitle += "named beside it."
        if split:
            subtitle += f" Right: {look.effects} gained with {look.label(strategy)}{over}."
        marks = {0.0: style.wrap(look.label(reference), CASE_WIDTH)} if reference is not None else {}
        handles = _strategy_handles(look, [*names])
        columns = legend_columns([look.label(n) for n in names])
        above, below = mark_height(["0", *marks.values()]), 0.62 + 0.21 * -(-len(handles) // columns)
        page = Page.start("What happens after the data", subtitle, 0.1 + above + height + below)
        left = float(style.measure(rows, MARK_SIZE)[0].max()) + 0.25
        aside = float(style.measure(best, MARK_SIZE)[0].max()) + 0.3
        gain_width = 2.3 if split else 0.1
        width = style.WIDTH - left - aside - gain_width - 0.2
        axes = named_rows(page, rows, places, (left, below, width, height), "inmb")
        _dots(axes, look, benefit, places, winners)
        for place, text in zip(places, best, strict=True):
            axes.text(1 + 0.12 / width, place, text, transform=axes.get_yaxis_transform(), va="center",
                      fontsize=MARK_SIZE)  # fmt: skip
        axes.axvline(0, color=style.INK, linewidth=1.1, zorder=1.5, gid="zero")
        round_ticks(axes, "x")
        money_axis(axes.xaxis, look, "Incremental net monetary benefit")
        top_marks(axes, marks, color=style.INK)
        style.legend(page.figure, handles, page.place(0.12, 0.07), columns)
        if split:
            gains = page.axes(left + width + aside, below, gain_width, height, "gain")
            _gains(gains, look, own, places)
            gains.set_ylim(axes.get_ylim())
    return page.figure


def _at(look: Look, table: pd.DataFrame) -> str:
    """At which threshold: the one of the table, else the first of all."""
    wtp = [float(table["wtp"].iloc[0])] if "wtp" in table.columns else look.thresholds[:1]
    return "".join(f" at {tick(each)} {look.rate}" for each in wtp)


# ------------------------------------------------------------------- map

_RING: dict[str, Any] = {
    "marker": "o",
    "linestyle": "none",
    "markersize": 8.0,
    "color": "white",
    "markeredgecolor": style.INK,
    "markeredgewidth": 1.8,
}


def _base(table: pd.DataFrame) -> tuple[float, float] | None:
    """Values of the base case, if the table has them."""
    if not {"x_base", "y_base"} <= set(table.columns):
        return None
    x, y = (float(table[column].to_numpy(dtype=float)[0]) for column in ("x_base", "y_base"))
    return (x, y) if np.isfinite([x, y]).all() else None


def _edges(values: Array) -> Array:
    """Edges of cells around values: midway between them, and as far beyond the outermost."""
    middle = (values[1:] + values[:-1]) / 2
    first, last = values[0] - (middle[0] - values[0]), values[-1] + (values[-1] - middle[-1])
    return np.concatenate([[first], middle, [last]])


def _room_for_names(
    look: Look,
    names: list[str],
    best: NDArray[np.int_],
    benefit: Array | None,
    grid: tuple[Array, Array],
    base: tuple[float, float] | None,
    inches: tuple[float, float],
) -> dict[str, tuple[float, float]]:
    """Where the name of a strategy fits inside its region, clear of the line of no increment and of the base case."""
    edges = [_edges(values) for values in grid]
    count = [int(length / FINE) for length in inches]
    fine = [e[0] + (np.arange(n) + 0.5) / n * (e[-1] - e[0]) for e, n in zip(edges, count, strict=True)]
    column, row = (np.searchsorted(e, f) - 1 for e, f in zip(edges, fine, strict=True))
    region = best[np.ix_(row, column)]
    taken = np.zeros(region.shape, dtype=bool)
    if benefit is not None:
        inside = np.stack(np.meshgrid(fine[1], fine[0], indexing="ij"), axis=-1)
        rises = RegularGridInterpolator((grid[1], grid[0]), benefit, bounds_error=False, fill_value=None)(inside) > 0
        taken[:, 1:] |= rises[:, 1:] != rises[:, :-1]
        taken[1:] |= rises[1:] != rises[:-1]
    if base is not None:
        x, y = (int(np.clip(np.searchsorted(f, v), 0, n - 1)) for f, v, n in zip(fine, base, count, strict=True))
        taken[y, x] = True
    taken = binary_dilation(taken, iterations=3)
    widths, heights = style.measure([style.wrap(look.label(n), REGION_WIDTH) for n in names], 9)
    centres = {}
    for i, name in enumerate(names):
        free = (region == i) & ~taken
        # Bold type is about a tenth wider than what is measured.
        window = (int(heights[i] / FINE) + 3, int(1.15 * widths[i] / FINE) + 3)
        fits = minimum_filter(free.astype(np.uint8), size=window, mode="constant", cval=0).astype(bool)
        if fits.any():
            depth = np.where(fits, distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1], -1)
            # Among equally good places, the one in the middle of them.
            good = np.argwhere(depth == depth.max())
            row_at, column_at = good[np.abs(good - good.mean(axis=0)).sum(axis=1).argmin()]
            centres[name] = (float(fine[0][column_at]), float(fine[1][row_at]))
    return centres


# ----------------------------------------------------------- extrapolation


def _strategy_handles(look: Look, names: list[str]) -> list[Artist]:
    looks = look.styles(names)
    return [
        Line2D([], [], color=looks[n].color, marker=looks[n].marker, markersize=5.5, linewidth=1, label=look.label(n))
        for n in names
    ]


_BEST: dict[str, Any] = {
    "markersize": 12.5,
    "color": "none",
    "markeredgecolor": style.INK,
    "markeredgewidth": 1.3,
    "zorder": 3,
}
"""Ring around the best strategy of a case."""


def _dots(axes: Axes, look: Look, benefit: pd.DataFrame, places: Array, winners: list[str]) -> None:
    """A dot per strategy and case; the best of a case has a ring, through which others can be seen."""
    looks = look.styles(benefit.columns)
    for name in benefit.columns:
        x, own = benefit[name].to_numpy(dtype=float), looks[name]
        best = np.array([winner == name for winner in winners])
        axes.plot(x[best], places[best], "o", gid=f"ring-{name}", **_BEST)
        for at, order, gid in ((~best, 2.0, name), (best, 2.5, f"best-{name}")):
            axes.plot(x[at], places[at], own.marker, color=own.color, markersize=6, markeredgecolor="white",
                      markeredgewidth=0.6, zorder=order, gid=gid)  # fmt: skip
    reference = np.array([winner not in benefit.columns for winner in winners])
    axes.plot(np.zeros(reference.sum()), places[reference], "o", gid="ring-reference", **_BEST)
    for place in places:
        axes.axhline(place, color="#E4E4E4", linewidth=0.7, zorder=0.5)
    low, high = min(float(benefit.min().min()), 0.0), max(float(benefit.max().max()), 0.0)
    margin = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - margin, high + margin)


def _gains(axes: Axes, look: Look, own: pd.DataFrame, places: Array) -> None:
    """Bars of the effect gained, split at the end of the data; the total is printed."""
    total, after = (own[name].to_numpy(dtype=float) for name in ("d_qaly", "d_qaly_after_data"))
    parts = np.nan_to_num(np.stack([total - after, after]))
    # Parts of opposite signs go to opposite sides.
    start = np.where(parts[0] * parts[1] > 0, parts[0], 0.0)
    axes.barh(places, parts[0], height=0.2, color=DURING, gid="during", label="during the data")
    axes.barh(places, parts[1], left=start, height=0.2, color=AFTER, gid="after", label="after")
    axes.axvline(0, color=style.INK, linewidth=1.1, zorder=2.5)
    texts = [signed(t, places=2) if np.isfinite(t) else "" for t in total]
    ends = np.maximum(0.0, np.maximum(parts[0], start + parts[1]))
    starts = np.minimum(0.0, np.minimum(parts[0], start + parts[1]))
    pads = style.measure(texts, MARK_SIZE)[0] + 0.12
    axes.set_xlim(*room(axes.get_position().width * style.WIDTH, starts, np.full(len(starts), 0.04), ends, pads))
    for x, place, text in zip(ends, places, texts, strict=True):
        beside(axes, x, place, text, 4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    round_ticks(axes, "x", x_room=0.5)
    axes.set_xlabel(f"{look.effects} gained")
    handles, _ = axes.get_legend_handles_labels()
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=2, handlelength=1,
                columnspacing=1, fontsize=MARK_SIZE, borderpad=0)  # fmt: skip
