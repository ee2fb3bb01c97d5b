"""The cost-effectiveness plane."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray
from scipy.stats import chi2

from scssim.economics.sample import Sample, sample
from scssim.report import style
from scssim.report.layout import Page, money_axis, round_ticks, size
from scssim.report.look import Look, need, signed, tick
from scssim.report.style import NothingToDrawError

MOST_POINTS = 2_000
"""Draws shown per strategy."""

THRESHOLD_DASHES = ("-", "--", ":", "-.")


def ce_plane(
    look: Look,
    costs: pd.DataFrame,
    effects: pd.DataFrame,
    reference: str | None = None,
    better: Mapping[str, float] | None = None,
) -> Figure:
    """Incremental costs and effects of every strategy, one panel each on the same axes.

    Parameters
    ----------
    look
        Names and units.
    costs, effects
        One row per draw, one column per strategy (a leading column ``draw`` is left out).
    reference
        Strategy that the others are compared with; by default the first.
    better
        Share of the draws in which a strategy has a higher net benefit than the reference at the first threshold, by
        strategy, where the noise between patients was taken away; by default that of the draws as they are.

    Raises
    ------
    NothingToDrawError
        If there is no other strategy, or no draw.
    SampleError
        If costs and effects do not match, or there is no such reference.

    Notes
    -----
    The ellipse holds 95 % of a bivariate normal distribution with the mean and covariance of the draws: its
    squared Mahalanobis radius is the 0.95 quantile of chi-square with 2 degrees of freedom.
    """
    need(costs, "sample of costs")
    need(effects, "sample of effects")
    data = sample(costs, effects)
    reference = look.order(data.strategies)[0] if reference is None else reference
    base = data.position(reference)
    names = [name for name in look.order(data.strategies) if name != reference]
    if not names:
        raise NothingToDrawError("the sample has no strategy to compare with the reference")
    clouds = {name: increments(data, data.position(name), base) for name in names}
    looks = look.styles(data.strategies)
    with style.context():
        columns = len(names) if len(names) <= 3 else 2 if len(names) == 4 else 3
        rows = -(-len(names) // columns)
        lines = {t: f"{tick(t)} {look.currency}\nper {look.effect}" for t in look.thresholds}
        left, gap, below = 0.95, 0.3, 0.52
        line_room = float(style.measure(list(lines.values()), style.LABEL_SIZE)[0].max(initial=0.0)) + 0.4
        width = (style.WIDTH - left - line_room - gap * (columns - 1)) / columns
        height = 3.9 if columns == 1 else 2.9 if columns == 2 else 2.25
        titles = {name: style.wrap(look.label(name), int(11.5 * width)) for name in names}
        above = 0.64 + 0.16 * max(title.count("\n") + 1 for title in titles.values())
        shown = min(data.draws, MOST_POINTS)
        dots = f"{tick(data.draws)} draws" + (f" ({tick(shown)} of them shown)" if shown < data.draws else "")
        subtitle = f"Increments of {dots}, as they are; ring: their mean"
        if any(_ellipse(cloud) for cloud in clouds.values()):
            subtitle += "; ellipse: 95 % of a normal distribution of the same mean and covariance"
        subtitle += "; grey: the other strategies" if len(names) > 1 else ""
        subtitle += "; shares of draws are without the noise between simulated patients" if better else ""
        if look.thresholds:
            subtitle += f". At {tick(look.thresholds[0])} {look.rate} net benefit is higher below the line"
        page = Page.start(
            f"Cost-effectiveness plane: increments over {look.label(reference)}",
            subtitle + ".",
            rows * (height + above) + below - 0.12,
        )
        limits = plane_limits(list(clouds.values()))
        for i, name in enumerate(names):
            row, column = divmod(i, columns)
            x, y = left + column * (width + gap), below + (rows - 1 - row) * (height + above)
            axes = page.axes(x, y, width, height, f"plane-{name}")
            axes.set_xlim(*limits[0])
            axes.set_ylim(*limits[1])
            others = [clouds[other] for other in names if other != name]
            plane_axes(axes)
            for other in others:
                _outline(axes, other, "#BDBDBD", 0.9, 1.2, "other")
            draw_cloud(axes, clouds[name], looks[name].color)
            _mean(axes, clouds[name])
            round_ticks(axes, x_room=0.55)
            axes.tick_params(labelleft=column == 0, labelbottom=i + columns >= len(names))
            if i + columns >= len(names):
                axes.set_xlabel(f"Incremental {look.effects}")
            if column == 0:
                money_axis(axes.yaxis, look, "Incremental cost")
            axes.set_title(titles[name], pad=28 if look.thresholds else 19)
            axes.annotate(
                _summary(look, clouds[name], (better or {}).get(name)),
                (0, 1),
                xytext=(0, 5),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize=8,
                color=style.FAINT,
            )
            ends = draw_thresholds(axes, look)
            if column == columns - 1 or i == len(names) - 1:
                named = {f"{t:g}": lines[t] for t in look.thresholds}
                style.end_labels(axes, ends, named, dict.fromkeys(named, "#777777"))
    return page.figure


def increments(data: Sample, strategy: int, base: int) -> NDArray[np.float64]:
    """Increments of effect and cost, shape (draws, 2)."""
    pairs = (data.effects, data.costs)
    return np.stack([values[:, strategy] - values[:, base] for values in pairs], axis=1)


def _ellipse(cloud: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Half extents of the 95 % ellipse along both axes and its covariance; None without spread in both directions."""
    if len(cloud) < 3:
        return None
    covariance = np.cov(cloud.T)
    if not np.linalg.det(covariance) > 1e-12 * covariance[0, 0] * covariance[1, 1]:
        return None
    return np.sqrt(chi2.ppf(0.95, 2) * np.diag(covariance)), covariance


def plane_limits(clouds: list[NDArray[np.float64]]) -> list[tuple[float, float]]:
    """Limits of both axes: all draws, all ellipses and the origin, with a margin."""
    edges = [np.zeros((1, 2)), *clouds]
    for cloud in clouds:
        if (found := _ellipse(cloud)) is not None:
            edges.append(cloud.mean(axis=0) + np.array([[-1.0], [1.0]]) * found[0])
    every = np.concatenate(edges)
    low, high = every.min(axis=0), every.max(axis=0)
    margin = 0.05 * np.where(high > low, high - low, 1.0)
    above = margin * np.array([1.0, 3.0])  # the names of the thresholds stand at the top
    return [(float(a), float(b)) for a, b in zip(low - margin, high + above, strict=True)]


def plane_axes(axes: Axes) -> None:
    """Make axes those of a plane: with lines through the origin in place of a frame."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.axhline(0, color="#555555", linewidth=0.9, zorder=1, gid="axis")
    axes.axvline(0, color="#555555", linewidth=0.9, zorder=1, gid="axis")
    axes.grid(True)


def draw_cloud(axes: Axes, cloud: NDArray[np.float64], color: str) -> None:
    """Draw the increments of one strategy, with their ellipse."""
    draws = len(cloud)
    shown = np.unique(np.linspace(0, draws - 1, min(draws, MOST_POINTS)).astype(int))
    axes.scatter(
        cloud[shown, 0],
        cloud[shown, 1],
        s=7 if draws > 300 else 12,
        color=color,
        alpha=0.3 if draws > 300 else 0.45,
        linewidths=0,
        rasterized=True,
        zorder=2,
        gid="draws",
    )
    _outline(axes, cloud, color, 1.5, 3, "ellipse")


def _mean(axes: Axes, cloud: NDArray[np.float64]) -> None:
    axes.plot(*cloud.mean(axis=0), "o", markersize=6.5, color="white", markeredgecolor=style.INK,
              markeredgewidth=1.6, zorder=4, gid="mean")  # fmt: skip


def _outline(axes: Axes, cloud: NDArray[np.float64], color: str, width: float, order: float, gid: str) -> None:
    found = _ellipse(cloud)
    if found is None:
        axes.plot(*cloud.mean(axis=0), ".", color=color, markersize=4, zorder=order, gid=gid)
        return
    (x, y), covariance = cloud.mean(axis=0), found[1]
    values, vectors = np.linalg.eigh(covariance)
    radii = 2 * np.sqrt(chi2.ppf(0.95, 2) * values)
    angle = float(np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0])))
    shape = {"fill": False, "edgecolor": color, "linewidth": width, "zorder": order, "gid": gid}
    axes.add_patch(Ellipse((x, y), radii[0], radii[1], angle=angle, **shape))


def draw_thresholds(axes: Axes, look: Look) -> dict[str, tuple[float, float]]:
    """Draw the lines of equal net benefit; return their ends at the top right, each low enough for its own label."""
    (x_low, x_high), (y_low, y_high) = axes.get_xlim(), axes.get_ylim()
    line = 0.34 * (y_high - y_low) / size(axes)[1]
    ends = {}
    for i, threshold in enumerate(look.thresholds):
        dash = THRESHOLD_DASHES[i % len(THRESHOLD_DASHES)]
        highest = max(y_high - line * (len(look.thresholds) - 1 - i + 0.5), 0.3 * y_high)
        end, frame = (min(x_high, y / threshold) if threshold > 0 else x_high for y in (highest, y_high))
        axes.plot([x_low, frame], [threshold * x_low, threshold * frame], dash, color="#777777", linewidth=1,
                  scalex=False, scaley=False, zorder=1.5, gid=f"threshold-{threshold:g}")  # fmt: skip
        ends[f"{threshold:g}"] = (end, threshold * end)
    return ends


def _summary(look: Look, cloud: NDArray[np.float64], better: float | None) -> str:
    effect, cost = cloud.mean(axis=0)
    text = f"{signed(effect, places=2)} {look.effects}, {signed(cost, 1)} {look.currency}"
    if look.thresholds:
        better = float((look.thresholds[0] * cloud[:, 0] > cloud[:, 1]).mean()) if better is None else better
        text += f"\nHigher net benefit in {100 * better:.0f} % of draws"
    return text
