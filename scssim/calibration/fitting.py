"""Penalised nonlinear least squares (maximum a posteriori) with a simulator as forward model.

With observations ``y`` of covariance ``V``, a model ``f`` and independent normal priors, the
estimate minimises ``(y - f)' V^-1 (y - f) + sum((x - m)^2 / s^2)``. Near it the posterior is
taken as normal (Laplace), with the Gauss-Newton approximation of the Hessian:
``covariance = (J' V^-1 J + diag(1 / s^2))^-1`` [1]_.

References
----------
.. [1] Gelman A, et al. Bayesian Data Analysis, 3rd ed. CRC Press, 2013, ch. 4 and 13.
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
        The model's values at the estimate, shape (m,).
    misfit
        Weighted sum of squares of the residuals, without the priors.
    iterations
        Steps taken.
    """

    value: Array
    covariance: Array
    fitted: Array
    misfit: float
    iterations: int

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
        Maps parameters (k,) to predictions (m,); deterministic.
    jacobian
        Maps parameters (k,) to derivatives of the predictions, shape (m, k).
    tolerance
        Largest last step, in standard errors.
    most
        Steps after which to give up.
    report
        Called after each step with (step number, misfit before it, largest step in standard errors).

    Raises
    ------
    ScssimError
        If it does not converge.
    """
    weight = np.linalg.inv(problem.covariance)
    precision = 1.0 / problem.prior_sd**2
    x = problem.start.copy()
    for iteration in range(1, most + 1):
        slope = jacobian(x)
        residual = problem.observed - model(x)
        gradient = slope.T @ weight @ residual + precision * (problem.prior_mean - x)
        covariance = np.linalg.inv(slope.T @ weight @ slope + np.diag(precision))
        new = np.clip(x + covariance @ gradient, problem.lower, problem.upper)
        size = float(np.max(np.abs(new - x) / np.sqrt(np.diag(covariance))))
        if report is not None:
            report(iteration, float(residual @ weight @ residual), size)
        x = new
        if size < tolerance:
            fitted = model(x)
            residual = problem.observed - fitted
            return Estimate(x, covariance, fitted, float(residual @ weight @ residual), iteration)
    raise ScssimError(f"the fit did not converge in {most} steps; start nearer, or simulate more patients")
