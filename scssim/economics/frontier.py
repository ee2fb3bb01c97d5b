"""Full incremental analysis: dominance, extended dominance and the efficiency frontier."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from scssim.economics.sample import Array, Table, sample

ROUNDING = 1e-12
"""Differences that are no differences, relative to the largest value."""


def frontier(costs: Table, effects: Table) -> pd.DataFrame:
    """Compare strategies incrementally.

    Parameters
    ----------
    costs, effects
        By strategy: a number, or one value per draw (their mean is used). Matched by name.

    Returns
    -------
    DataFrame
        One row per strategy in the given order: strategy, cost, qaly, inc_cost, inc_qaly, icer, status
        (``frontier``, ``dominated``, ``extendedly dominated``, ``tie``) and versus, the strategy before it on
        the frontier. Increments and ICER are given on the frontier (and for ties with it); the first has none.

    Raises
    ------
    SampleError
        If names or numbers of draws differ, or a value is missing or not a finite number.

    Notes
    -----
    A strategy is dominated when another is at least as effective and at least as cheap, and better in one
    of the two; extendedly dominated when it lies above the lower convex hull of the others in the
    cost-effectiveness plane (Drummond et al. 2015, chapter 4). Equal cost and effect: the first is kept,
    the others are ties. Differences below 1e-12 of the largest cost or effect count as rounding.
    """
    checked = sample(costs, effects)
    names = list(checked.strategies)
    means = checked.costs.mean(axis=0), checked.effects.mean(axis=0)
    cost, effect = (dict(zip(names, _merged(x), strict=True)) for x in means)
    slack = ROUNDING * max(map(abs, cost.values())), ROUNDING * max(map(abs, effect.values()))
    status = dict.fromkeys(names, "")
    twin: dict[str, str] = {}
    order = sorted(names, key=lambda s: (cost[s], -effect[s]))
    hull: list[str] = []
    best = -np.inf
    for name in order:
        if hull and cost[name] == cost[hull[-1]] and effect[name] == effect[hull[-1]]:
            twin[name] = hull[-1]
        elif effect[name] <= best:
            status[name] = "dominated"
        else:
            best = effect[name]
            while len(hull) > 1 and _above(hull[-2], hull[-1], name, cost, effect, slack):
                status[hull.pop()] = "extendedly dominated"
            hull.append(name)
    rows: dict[str, tuple[float, float, float, str, str | None]] = {}
    for i, name in enumerate(hull):
        if i == 0:
            rows[name] = (np.nan, np.nan, np.nan, "frontier", None)
            continue
        before = hull[i - 1]
        d_cost, d_effect = cost[name] - cost[before], effect[name] - effect[before]
        rows[name] = (d_cost, d_effect, d_cost / d_effect, "frontier", before)
    for name in names:
        if name in rows:
            continue
        other = twin.get(name)
        if other is not None and other in rows and rows[other][3] == "frontier":
            rows[name] = (*rows[other][:3], "tie", rows[other][4])
        else:
            rows[name] = (np.nan, np.nan, np.nan, status[name] or status[other or name], None)
    table = [(name, float(c), float(e), *rows[name]) for name, c, e in zip(names, *means, strict=True)]
    frame = pd.DataFrame(
        table, columns=["strategy", "cost", "qaly", "inc_cost", "inc_qaly", "icer", "status", "versus"]
    )
    frame["versus"] = pd.Series([row[-1] for row in table], dtype=object)  # None where there is none
    return frame


def _merged(means: Array) -> list[float]:
    """Means as they are compared: those that differ by rounding alone take the value of the lowest of them."""
    order, merged = np.argsort(means, kind="stable"), means.copy()
    tolerance = ROUNDING * np.abs(means).max()
    for before, this in pairwise(order):
        if means[this] - merged[before] <= tolerance:
            merged[this] = merged[before]
    return [float(mean) for mean in merged]


def _above(
    a: str, b: str, c: str, cost: dict[str, float], effect: dict[str, float], slack: tuple[float, float]
) -> bool:
    """Whether b lies on or above the line from a to c (ordered by cost and effect), but for rounding."""
    dearer, better = cost[c] - cost[a], effect[c] - effect[a]
    below = dearer * (effect[b] - effect[a]) - (cost[b] - cost[a]) * better
    return below <= slack[0] * better + slack[1] * dearer
