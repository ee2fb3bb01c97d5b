"""The relief distribution: a mixture of Kumaraswamy distributions.

Responders' relief lies in [0.5, 1], non-responders' in [lowest, 0.5). Each part is a
Kumaraswamy distribution [1]_ ``F(x) = 1 - (1 - x^a)^b`` on its interval, which has a closed-form
quantile, fitted to the stated mean and SD.

References
----------
.. [1] Kumaraswamy P. A generalized probability density function for double-bounded
   random processes. J Hydrol 1980;46:79-88.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


def kumaraswamy(mean: ArrayLike, sd: ArrayLike, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> tuple[Array, Array]:
    """Shapes (a, b) of the Kumaraswamy distribution on an interval with given mean and SD.

    Parameters
    ----------
    mean, sd, low, high
        Moments and interval, broadcast together. Moments that no distribution on the interval
        can have (they occur in draws) are moved to the nearest possible ones.

    Returns
    -------
    a, b : ndarray
        Shapes; U-shaped where both are below 1.

    Notes
    -----
    Newton's method on (ln a, ln b) for the first two moments
    ``E X^n = b B(1 + n/a, b)``, vectorised over all inputs.
    """
    m, s, low, high = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (mean, sd, low, high)))
    m, s = (m - low) / (high - low), s / (high - low)
    m = np.clip(m, 0.02, 0.98)
    s = np.clip(s, 0.005, 0.9 * np.sqrt(m * (1 - m)))
    shape = m.shape
    m, s = m.ravel(), s.ravel()
    goal = np.stack([np.log(m), np.log(m**2 + s**2)])
    total = np.maximum(m * (1 - m) / s**2 - 1, 0.05)
    x = np.log(np.stack([np.maximum(m * total, 0.1), np.maximum((1 - m) * total, 0.1)]))
    x = np.clip(x, -2.0, 6.0)
    # Each element stops when it has converged, so that its result does not depend on its neighbours.
    left = np.arange(m.size)
    for _ in range(50):
        a, b = np.exp(x[:, left])
        value, slope_a, slope_b = np.empty((3, 2, left.size))
        for i, n in enumerate((1.0, 2.0)):
            c = 1 + n / a
            digamma = special.digamma(c + b)
            value[i] = np.log(b) + special.betaln(c, b) - goal[i, left]
            slope_a[i] = -(n / a) * (special.digamma(c) - digamma)
            slope_b[i] = 1 + b * (special.digamma(b) - digamma)
        determinant = slope_a[0] * slope_b[1] - slope_a[1] * slope_b[0]
        determinant = np.where(np.abs(determinant) < 1e-14, 1e-14, determinant)
        step = np.stack([value[0] * slope_b[1] - value[1] * slope_b[0], slope_a[0] * value[1] - slope_a[1] * value[0]])
        x[:, left] = np.clip(x[:, left] - np.clip(step / determinant, -0.7, 0.7), -20.0, 80.0)
        left = left[np.abs(value).max(axis=0) >= 1e-10]
        if not left.size:
            break
    a, b = np.exp(x)
    return a.reshape(shape), b.reshape(shape)


def quantile(v: Array, a: ArrayLike, b: ArrayLike) -> Array:
    """Quantiles ``(1 - (1 - v)^(1/b))^(1/a)`` of Kumaraswamy distributions on [0, 1]."""
    tail = -np.expm1(np.log1p(-v) / b)
    return np.exp(np.log(tail) / a)
