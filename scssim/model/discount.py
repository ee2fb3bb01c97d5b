"""Present values: exact integrals of discounted constants and exponentials.

With a continuous rate ``d = ln(1 + annual rate)``,

    annuity(t0, t1, d)       = integral of exp(-d t) over (t0, t1)
    decaying(t0, a, b, k, d) = integral of exp(-d t) exp(-k (t - t0)) over (a, b)

both written with ``expm1`` so that no digits are lost for short intervals or small rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def continuous_rate(annual: float) -> float:
    """Continuous rate ``ln(1 + annual)`` of an effective annual rate."""
    return float(np.log1p(annual))


def factor(t: ArrayLike, d: float) -> Array:
    """Present value of 1 paid at time ``t`` (years)."""
    t = np.asarray(t, dtype=float)
    return np.exp(-d * t) if d else np.ones_like(t)


def annuity_from_zero(t: ArrayLike, d: float | Array) -> Array:
    """Present value of 1 per year over (0, t); ``d`` may be 0."""
    t = np.asarray(t, dtype=float)
    if isinstance(d, float | int):
        return np.expm1(-d * t) / -d if d else t.copy()
    safe = np.where(d == 0, 1.0, d)
    out: Array = np.where(d == 0, t, np.expm1(-safe * t) / -safe)
    return out


def write_annuity(t: Array, d: float, out: Array) -> Array:
    """`annuity_from_zero` written to an array (which may be ``t``)."""
    if d:
        np.multiply(t, -d, out=out)
        np.expm1(out, out=out)
        out /= -d
    else:
        out[:] = t
    return out


def annuity(t0: ArrayLike, t1: ArrayLike, d: float) -> Array:
    """Present value of 1 per year over (t0, t1).

    Examples
    --------
    >>> round(float(1000 * annuity(0.5, 3.0, continuous_rate(0.035))), 5)
    2354.66015
    """
    t0 = np.asarray(t0, dtype=float)
    return lasting(t0, np.asarray(t1, dtype=float) - t0, d)


def lasting(t0: ArrayLike, length: ArrayLike, d: float) -> Array:
    """Present value of 1 per year from ``t0`` on for ``length`` years."""
    return factor(t0, d) * annuity_from_zero(length, d)


def decaying(t0: ArrayLike, a: ArrayLike, b: ArrayLike, k: ArrayLike, d: float) -> Array:
    """Present value over (a, b) of 1 per year at ``t0`` that decays at rate ``k`` from ``t0`` on."""
    t0, a, b, k = (np.asarray(x, dtype=float) for x in (t0, a, b, k))
    return np.exp(-d * a - k * (a - t0)) * annuity_from_zero(b - a, d + k)
