"""Penalised nonlinear least squares (maximum a posteriori) with a simulator as forward model.

With observations ``y`` of covariance ``V``, a model ``f`` and independent normal priors (mean ``m``,
SD ``s``) the estimate minimises ``sum((y - f)^2 / diag(V)) + sum((x - m)^2 / s^2)``.

The weights leave out the correlations between observations on purpose: a model that cannot meet
every observation is otherwise drawn away from all of them, as strongly correlated observations
are weighted by their differences. The covariance of the estimate does count them. With
``A = J' W J + P``, ``W = 1 / diag(V)`` and ``P = diag(1 / s^2)``, it is the sandwich [1]_
``A^-1 (J' W V W J + P) A^-1``; were the observations independent, this would be the usual
Gauss-Newton (Laplace) covariance ``A^-1``.

References
----------
.. [1] Varin C, Reid N, Firth D. An overview of composite likelihood methods. Stat Sin 2011;21:5-42.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.errors import ScssimError

Array = NDArray[np.float64]
Model = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Problem:
    """What is fitted to what.

    Attributes
    ----------
    observed, covariance
        Observations, shape (m,), and their covariance, shape (m, m).
    start
        Starting values, shape (k,).
    prior_mean, prior_sd
        Independent normal priors, shape (k,); an infinite SD stands for a flat prior.
    lower, upper
        Bounds, shape (k,).
    """

    observed: Array
    covariance: Array
    start: Array
    prior_mean: Array
    prior_sd: Array
    lower: Array
    upper: Array


@dataclass(frozen=True, eq=False)
class Estimate:
    """A fit.

    Attributes
    ----------
    value, covariance
        Estimate, shape (k,), and its covariance, shape (k, k).
    fitted
        The model at the estimate, shape (m,).
    """

    value: Array
    covariance: Array
    fitted: Array

    @property
    def se(self) -> Array:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.covariance))


def fit(
    problem: Problem,
    model: Model,
    jacobian: Model,
    *,
    tolerance: float = 0.02,
    most: int = 12,
    report: Callable[[int, float, float], None] | None = None,
) -> Estimate:
    """Gauss-Newton iterations until a step is small against the standard errors.

    Parameters
    ----------
    problem
        What is fitted to what.
    model
        Maps parameters (k,) to predictions (m,); the same parameters always give the same predictions.
    jacobian
        Maps parameters (k,) to derivatives of the predictions, shape (m, k).
    tolerance
        Largest last step of any parameter, in standard errors.
    most
        Steps after which to give up.
    report
        Called at each step with its number, the weighted sum of squares before it, and its size in standard errors.

    Raises
    ------
    ScssimError
        If it does not converge.
    """
    weight = 1.0 / np.diag(problem.covariance)
    precision = 1.0 / problem.prior_sd**2
    x = problem.start.copy()
    for iteration in range(1, most + 1):
        slope = jacobian(x)
        residual = problem.observed - model(x)
        bread = np.linalg.inv((slope.T * weight) @ slope + np.diag(precision))
        gradient = (slope.T * weight) @ residual + precision * (problem.prior_mean - x)
        new = np.clip(x + bread @ gradient, problem.lower, problem.upper)
        size = float(np.max(np.abs(new - x) / np.sqrt(np.diag(bread))))
        if report is not None:
            report(iteration, float(weight @ residual**2), size)
        x = new
        if size < tolerance:
            weighted = slope.T * weight
            filling = weighted @ problem.covariance @ weighted.T + np.diag(precision)
            return Estimate(x, bread @ filling @ bread, model(x))
    raise ScssimError(f"the fit did not converge in {most} steps; start nearer, or simulate more patients")
