"""Deterministic sensitivity analysis: one-way, two-way, and the values at which the decision changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.analysis.evaluate import Contrast, Evaluator
from scssim.scenario.analyses import Comparison, Dsa, ThresholdAnalysis, TwoWay
from scssim.scenario.numbers import numbers
from scssim.scenario.walk import matching, uncertain

Array = NDArray[np.float64]

DSA_COLUMNS = (
    "parameter", "end", "value", "d_cost", "d_qaly", "inmb", "inmb_base", "strategy", "reference", "wtp", "best",
    "best_base", "grade", "source",
    "inmb_mcse", "patients",
)  # fmt: skip
TWO_WAY_COLUMNS = (
    "name", "x", "y", "x_value", "y_value", "best", "margin", "inmb", "strategy", "reference", "wtp",
    "x_base", "y_base",
)  # fmt: skip
THRESHOLD_COLUMNS = (
    "name", "parameter", "wtp", "low", "high", "base", "value", "best_below", "best_above", "best_base",
    "value_mcse", "patients",
)  # fmt: skip

GRID = 33
"""Values between which a change of the decision is looked for, in each of two rounds."""


def one_way(evaluator: Evaluator, asked: Dsa) -> pd.DataFrame:
    """One-way sensitivity analysis.

    Each parameter takes the ends of its 95 % interval, or of the range that the scenario gives it, while all
    others keep their means; parameters that refer to it move with it.

    Parameters
    ----------
    evaluator
        The model.
    asked
        Parameters, ranges and comparison.

    Returns
    -------
    DataFrame
        Two rows (``low``, ``high``) per parameter, with the incremental costs, QALYs and net benefit of ``strategy``
        over ``reference`` there, the net benefit in the base case, and the strategy that is best there (``best``)
        and in the base case. ``inmb_mcse`` is the Monte Carlo SE of a net benefit; differences between rows are far
        more exact, having the same patients. Sorted by the swing of the net benefit, largest first.
    """
    scenario = evaluator.job.scenario
    quantities = evaluator.quantities
    paths = uncertain(scenario)
    chosen = dict.fromkeys(path for pattern in asked.parameters for path in matching(pattern, paths))
    ends: dict[str, tuple[float, float]] = {}
    for path in [*chosen, *asked.ranges]:
        interval = asked.ranges.get(path) or quantities[path].interval
        assert interval is not None, "references are not varied"
        ends[path] = interval
    means = evaluator([{}, *({path: value} for path, interval in ends.items() for value in interval)])
    contrast = Contrast.of(evaluator.job, asked, means)
    d_cost, d_qaly, inmb = contrast.differences(means)
    best, _ = contrast.best(means)
    error = contrast.error(evaluator([{}]))
    said = {n.path: n for n in numbers(scenario)}
    order = sorted(range(len(ends)), key=lambda i: -abs(inmb[2 + 2 * i] - inmb[1 + 2 * i]))
    paths_in_order = list(ends)
    rows = []
    for i in order:
        path = paths_in_order[i]
        for end, k in (("low", 1 + 2 * i), ("high", 2 + 2 * i)):
            grade, source = (said[path].grade, said[path].source) if path in said else ("", "")
            rows.append(
                (path, end, ends[path][k - 1 - 2 * i], d_cost[k], d_qaly[k], inmb[k], inmb[0], contrast.strategy,
                 contrast.reference, contrast.wtp, best[k], best[0], grade, source, error,
                 means.patients)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(DSA_COLUMNS))


def assumed_share(dsa: pd.DataFrame) -> float | None:
    """Share of the one-way swings in net benefit that comes from assumed parameters.

    Parameters
    ----------
    dsa
        Result of `one_way`.

    Returns
    -------
    float or None
        Sum of ``|INMB(high) - INMB(low)|`` over parameters graded ``assumed`` (or not graded at all), divided by the
        sum over all parameters; None without parameters.
    """
    if dsa.empty:
        return None
    wide = dsa.pivot(index="parameter", columns="end", values="inmb")
    swing = (wide["high"] - wide["low"]).abs()
    grade = dsa.drop_duplicates("parameter").set_index("parameter")["grade"]
    total = float(swing.sum())
    return float(swing[~grade.loc[swing.index].isin(["published", "derived"])].sum() / total) if total > 0 else None


def two_way(evaluator: Evaluator, name: str, grid: TwoWay) -> pd.DataFrame:
    """Two parameters at once on a grid: which strategy is best where, and by how much.

    Parameters
    ----------
    evaluator
        The model.
    name, grid
        Name of the analysis, and its axes.

    Returns
    -------
    DataFrame
        One row per grid point: values of both parameters, the best strategy, its lead over the next
        best (``margin``) and the incremental net benefit of ``strategy`` over ``reference``.
    """
    axes = [np.linspace(*evaluator.ends(axis), grid.points) for axis in (grid.x, grid.y)]
    at_base = [evaluator.mean(axis.parameter) for axis in (grid.x, grid.y)]
    x, y = (np.concatenate([[mean], part.ravel()]) for mean, part in zip(at_base, np.meshgrid(*axes), strict=True))
    means = evaluator([{grid.x.parameter: a, grid.y.parameter: b} for a, b in zip(x, y, strict=True)])
    contrast = Contrast.of(evaluator.job, grid, means)
    inmb = contrast.differences(means)[2]
    best, margin = contrast.best(means)
    rows = [
        (name, grid.x.parameter, grid.y.parameter, x[k], y[k], best[k], margin[k], inmb[k], contrast.strategy,
         contrast.reference, contrast.wtp, *at_base)
        for k in range(1, x.size)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(TWO_WAY_COLUMNS))


def thresholds(evaluator: Evaluator, name: str, asked: ThresholdAnalysis) -> pd.DataFrame:
    """Values of a parameter at which another strategy becomes the best.

    The range is searched on a grid; each step of the grid over which the best strategy changes is searched on a
    finer grid, and the value is interpolated where the two net benefits cross.

    Parameters
    ----------
    evaluator
        The model.
    name, asked
        Name of the analysis, and its parameter.

    Returns
    -------
    DataFrame
        One row per change; one row without ``value`` if the decision never changes in the range. ``value_mcse`` is
        the Monte Carlo SE of the value: that of the difference in net benefit by its slope in the parameter.
    """
    path = asked.parameter.parameter
    low, high = evaluator.ends(asked.parameter)
    base = evaluator.mean(path)
    x = np.concatenate([[base], np.linspace(low, high, GRID)])
    means = evaluator([{path: value} for value in x])
    contrast = Contrast.of(evaluator.job, Comparison(threshold=asked.threshold), means)
    best, _ = contrast.best(means)
    steps = [(x[k], x[k + 1]) for k in range(1, GRID) if best[k] != best[k + 1]]
    rows: list[tuple[Any, ...]] = []
    head = (name, path, contrast.wtp, low, high, base)
    coarse = contrast.benefit(means)[1:]
    if steps:
        finer = np.array([np.linspace(*step, GRID) for step in steps])
        benefit = contrast.benefit(evaluator([{path: value} for value in finer.ravel()])).reshape(*finer.shape, -1)
        for values, each in zip(finer, benefit, strict=True):
            for value, a, b in _crossings(values, each):
                slope = np.interp(value, x[1:], np.gradient(coarse[:, b] - coarse[:, a], x[1:]))
                noise = evaluator([{path: value}]).error(a, b, contrast.wtp)
                error = noise / abs(slope) if slope else np.nan
                ends = contrast.names[a], contrast.names[b]
                rows.append((*head, value, *ends, best[0], error, means.patients))
    if not rows:
        rows = [(*head, np.nan, best[1], best[-1], best[0], np.nan, means.patients)]
    return pd.DataFrame(rows, columns=list(THRESHOLD_COLUMNS))


def _crossings(values: Array, benefit: Array) -> list[tuple[float, int, int]]:
    """Where the best strategy changes along a line: value, position of the best below and above."""
    best = benefit.argmax(axis=1)
    out = []
    for k in np.flatnonzero(best[1:] != best[:-1]):
        a, b = best[k], best[k + 1]
        before, after = benefit[k, a] - benefit[k, b], benefit[k + 1, b] - benefit[k + 1, a]
        share = before / (before + after) if before + after > 0 else 0.5
        out.append((float(values[k] + share * (values[k + 1] - values[k])), int(a), int(b)))
    return out
