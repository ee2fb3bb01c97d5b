"""Net benefit of strategies, and their differences from one of them on the cost-effectiveness plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scssim.economics.sample import Array, Sample, SampleError, Table, sample, thresholds

QUADRANTS = ("north_east", "north_west", "south_west", "south_east")
"""Quadrants of the plane, effect to the east and cost to the north: south-east is better and cheaper."""


def nmb(costs: Table, effects: Table, wtp: ArrayLike) -> pd.DataFrame:
    """Net monetary benefit, ``wtp * effect - cost``, of every strategy in every draw.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Willingness to pay for a unit of effect: a number, or increasing numbers.

    Returns
    -------
    DataFrame
        Tidy: wtp, draw (from 0, in the order of the rows), strategy, nmb (in the unit of the costs).

    Raises
    ------
    SampleError
        If costs, effects or thresholds cannot be used.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    return _tidy(checked, levels, [checked.benefit(level) for level in levels], "nmb")


def nhb(costs: Table, effects: Table, wtp: ArrayLike) -> pd.DataFrame:
    """Net health benefit, ``effect - cost / wtp``, of every strategy in every draw.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Willingness to pay for a unit of effect, above 0: a number, or increasing numbers.

    Returns
    -------
    DataFrame
        Tidy: wtp, draw (from 0, in the order of the rows), strategy, nhb (in the unit of the effects).

    Raises
    ------
    SampleError
        If costs, effects or thresholds cannot be used, or a threshold is 0.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    if levels[0] == 0:
        raise SampleError("net health benefit divides by the threshold; thresholds above 0 are needed")
    return _tidy(checked, levels, [checked.effects - checked.costs / level for level in levels], "nhb")


def plane(costs: Table, effects: Table, reference: str | None = None) -> pd.DataFrame:
    """Differences in cost and effect from a reference in every draw: the points of the cost-effectiveness plane.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    reference
        The strategy to compare with; by default the first of the costs.

    Returns
    -------
    DataFrame
        Tidy, without the reference itself: draw (from 0, in the order of the rows), strategy, reference,
        d_cost, d_qaly.

    Raises
    ------
    SampleError
        If costs or effects cannot be used, or there is no such reference.
    """
    checked = sample(costs, effects)
    base, others = against(checked, reference)
    shape = (checked.draws, len(others))
    return pd.DataFrame(
        {
            "draw": np.repeat(np.arange(checked.draws), len(others)),
            "strategy": np.tile(np.array([checked.strategies[i] for i in others], dtype=object), checked.draws),
            "reference": checked.strategies[base],
            "d_cost": (checked.costs[:, others] - checked.costs[:, [base]]).reshape(-1),
            "d_qaly": (checked.effects[:, others] - checked.effects[:, [base]]).reshape(-1),
        },
        index=pd.RangeIndex(shape[0] * shape[1]),
    )


def plane_summary(costs: Table, effects: Table, reference: str | None = None) -> pd.DataFrame:
    """Where on the cost-effectiveness plane the draws of each strategy lie.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    reference
        The strategy to compare with; by default the first of the costs.

    Returns
    -------
    DataFrame
        One row per strategy but the reference: strategy, reference, the means d_cost and d_qaly, var_cost,
        var_qaly, covariance (between draws; NaN with one draw; `ellipse` draws them), and the share of draws in
        each quadrant (north: dearer, east: more effective): north_east, north_west, south_west, south_east.
        A point on an axis counts half to either side.

    Raises
    ------
    SampleError
        If costs or effects cannot be used, or there is no such reference.
    """
    checked = sample(costs, effects)
    base, others = against(checked, reference)
    rows = []
    for i in others:
        d_cost = checked.costs[:, i] - checked.costs[:, base]
        d_effect = checked.effects[:, i] - checked.effects[:, base]
        spread = np.cov(d_cost, d_effect) if checked.draws > 1 else np.full((2, 2), np.nan)
        means = (float(d_cost.mean()), float(d_effect.mean()))
        moments = (float(spread[0, 0]), float(spread[1, 1]), float(spread[0, 1]))
        rows.append((checked.strategies[i], checked.strategies[base], *means, *moments, *_shares(d_cost, d_effect)))
    numbers = ["d_cost", "d_qaly", "var_cost", "var_qaly", "covariance", *QUADRANTS]
    return pd.DataFrame(rows, columns=["strategy", "reference", *numbers]).astype(dict.fromkeys(numbers, np.float64))


def ellipse(mean: ArrayLike, covariance: ArrayLike, level: float = 0.95, points: int = 100) -> Array:
    """Outline of the ellipse that holds a share of a bivariate normal distribution.

    Parameters
    ----------
    mean
        Centre, shape (2,).
    covariance
        Covariance matrix, shape (2, 2).
    level
        Share inside, between 0 and 1.
    points
        Points on the outline; the first is repeated at the end.

    Returns
    -------
    Array
        Shape (points + 1, 2): the points at which ``(x - mean)' covariance^-1 (x - mean)`` is the quantile
        of the chi-square distribution with 2 degrees of freedom, ``-2 log(1 - level)`` (5.991 for 0.95).

    Raises
    ------
    SampleError
        If the level is not between 0 and 1, or the shapes are wrong.
    """
    centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    share = proportion(level)
    if centre.shape != (2,) or spread.shape != (2, 2):
        raise SampleError(f"an ellipse needs shapes (2,) and (2, 2); these are {centre.shape} and {spread.shape}")
    angle = np.linspace(0.0, 2.0 * np.pi, points + 1)
    circle = np.sqrt(-2.0 * np.log1p(-share)) * np.stack([np.cos(angle), np.sin(angle)])
    values, vectors = np.linalg.eigh(spread)
    axes = vectors * np.sqrt(np.maximum(values, 0.0))
    return centre + (axes @ circle).T


def against(checked: Sample, reference: str | None) -> tuple[int, list[int]]:
    """Positions of the reference (by default the first strategy) and of all others.

    Raises
    ------
    SampleError
        If there is no such reference.
    """
    base = 0 if reference is None else checked.position(reference)
    return base, [i for i in range(len(checked.strategies)) if i != base]


def proportion(level: float) -> float:
    """Check the level of an interval.

    Raises
    ------
    SampleError
        Unless it lies between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise SampleError(f"a level of {level} is not possible; a number between 0 and 1 is needed, such as 0.95")
    return float(level)


def _shares(d_cost: Array, d_effect: Array) -> tuple[float, ...]:
    north, east = (np.sign(d_cost) + 1) / 2, (np.sign(d_effect) + 1) / 2
    parts = (north * east, north * (1 - east), (1 - north) * (1 - east), (1 - north) * east)
    return tuple(float(part.mean()) for part in parts)


def _tidy(checked: Sample, levels: Array, benefits: list[Array], name: str) -> pd.DataFrame:
    draws, strategies = checked.costs.shape
    return pd.DataFrame(
        {
            "wtp": np.repeat(levels, draws * strategies),
            "draw": np.tile(np.repeat(np.arange(draws), strategies), levels.size),
            "strategy": np.tile(np.array(checked.strategies, dtype=object), levels.size * draws),
            name: np.concatenate([benefit.reshape(-1) for benefit in benefits]),
        }
    )
