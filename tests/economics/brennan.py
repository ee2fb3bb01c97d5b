"""Models of two strategies whose EVPPI is known: two normal parameters, and the 19 parameters of Brennan et al.

Brennan A, Kharroubi S, O'Hagan A, Chilcott J. Calculating partial expected value of perfect information via Monte
Carlo sampling algorithms. Medical Decision Making 2007;27:448-470.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]
Model = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Costs, effects and parameters by draw."""

WTP = 10_000.0
MEANS = np.array([1000, 0.1, 5.2, 400, 0.7, 0.3, 3, 0.25, -0.1, 0.5, 1500, 0.08, 6.1, 0.8, 0.3, 3, 0.2, -0.1, 0.5])
SDS = np.array([1, 0.02, 2, 200, 0.1, 0.1, 0.5, 0.1, 0.02, 0.2, 1, 0.02, 1, 0.1, 0.05, 1, 0.05, 0.02, 0.2])
CORRELATED, CORRELATION = (5, 7, 14, 16), 0.6
COVARIANCE = np.diag(SDS**2)
for _i in CORRELATED:
    for _j in CORRELATED:
        if _i != _j:
            COVARIANCE[_i - 1, _j - 1] = CORRELATION * SDS[_i - 1] * SDS[_j - 1]

SMALL = {(5, 14): 247.911, (7, 16): 536.519, (5, 6, 14, 15): 841.246}
LARGE = {(5, 6, 7, 14, 16): 951.354, (5, 6, 7, 14, 15, 16): 1045.892, (5, 6, 7, 8, 14, 15, 16, 17): 1046.093}
"""EVPPI at the threshold 10,000, of small and of large groups; `exact` computes them."""


def names(group: tuple[int, ...]) -> list[str]:
    """Parameters of a group."""
    return [f"t{i}" for i in group]


def normals(rng: np.random.Generator, draws: int) -> Model:
    """One strategy worth nothing, another worth the difference of two normal numbers (at the threshold 1)."""
    p1, p2 = rng.normal(1, 1, draws), rng.normal(0, 2, draws)
    none = np.zeros(draws)
    return pd.DataFrame({"a": none, "b": p2}), pd.DataFrame({"a": none, "b": p1}), pd.DataFrame({"p1": p1, "p2": p2})


def brennan(rng: np.random.Generator, draws: int) -> Model:
    """Sums of products of 19 normal parameters, four of them correlated."""
    t = dict(enumerate(rng.multivariate_normal(MEANS, COVARIANCE, draws, method="cholesky").T, start=1))
    costs = pd.DataFrame({"a": t[1] + t[2] * t[3] * t[4], "b": t[11] + t[12] * t[13] * t[4]})
    effects = pd.DataFrame(
        {"a": t[5] * t[6] * t[7] + t[8] * t[9] * t[10], "b": t[14] * t[15] * t[16] + t[17] * t[18] * t[19]}
    )
    return costs, effects, pd.DataFrame({f"t{i}": values for i, values in t.items()})


def unit_loss(mean: float | Array, sd: float | Array) -> Array:
    """Expected value of a normal number where it is positive, E max(X, 0)."""
    return mean * norm.cdf(mean / sd) + sd * norm.pdf(mean / sd)


def exact(group: tuple[int, ...]) -> float:
    """EVPPI of Brennan's model at the threshold 10,000, for groups with none of 2, 3, 4, 9, 10, 12, 13, 18, 19.

    Given the correlated parameters of the group, the expected incremental net benefit is linear in its others: they
    are integrated in closed form, the correlated ones by the trapezoidal rule.
    """
    own = [i - 1 for i in group if i in CORRELATED]
    rest = [i - 1 for i in CORRELATED if i not in group]
    node = np.linspace(-7, 7, 701 if len(own) <= 2 else 33)
    z = np.stack(np.meshgrid(*[node] * len(own), indexing="ij"), axis=-1).reshape(-1, len(own))
    weight = norm.pdf(z).prod(axis=1)
    weight /= weight.sum()
    inner = COVARIANCE[np.ix_(own, own)]
    x = z @ np.linalg.cholesky(inner).T
    slope = COVARIANCE[np.ix_(rest, own)] @ np.linalg.inv(inner)
    left = COVARIANCE[np.ix_(rest, rest)] - slope @ COVARIANCE[np.ix_(own, rest)]
    t = {i + 1: np.full(len(z), mean) for i, mean in enumerate(MEANS)}
    t |= {i + 1: MEANS[i] + x[:, k] for k, i in enumerate(own)}
    t |= {i + 1: MEANS[i] + x @ slope[k] for k, i in enumerate(rest)}

    def expected(i: int, j: int) -> Array:
        both = i - 1 in rest and j - 1 in rest
        return t[i] * t[j] + (left[rest.index(i - 1), rest.index(j - 1)] if both else 0.0)

    first, second = expected(5, 7), expected(14, 16)
    effect = second * t[15] + t[17] * t[18] * t[19] - first * t[6] - t[8] * t[9] * t[10]
    cost = t[11] + t[12] * t[13] * t[4] - t[1] - t[2] * t[3] * t[4]
    mean = WTP * effect - cost
    slopes = {6: -WTP * first, 15: WTP * second, 8: -WTP * t[9] * t[10], 17: WTP * t[18] * t[19], 1: 1.0, 11: -1.0}
    variance = sum(((slopes[i] * SDS[i - 1]) ** 2 for i in group if i not in CORRELATED), np.zeros(len(z)))
    loss = unit_loss(mean, np.sqrt(variance)) if variance.all() else np.maximum(mean, 0)
    return float(weight @ loss - max(weight @ mean, 0))
