"""Probability distributions of uncertain parameters.

Every family is fitted from what papers print (a mean with a standard error or a
95 % interval) by the method of moments, so that the *mean* of the distribution
is the published value: a run without draws uses exactly that number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Z95 = 1.959963984540054
"""Half-width of a 95 % normal interval in standard errors."""

NORMAL_FROM = 1e12
"""Both shapes of a beta distribution above which its quantiles are those of a normal one: its skewness is below 1e-5,
while inverse incomplete beta functions are no longer exact, and not numbers from 1e15 on."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """A one-dimensional distribution given by its quantile function.

    Families (``a`` and ``b`` are its two numbers, ``lo`` and ``hi`` its range):

    * ``fixed``: the number ``a``.
    * ``normal``: mean ``a``, standard deviation ``b``.
    * ``lognormal``: ``exp(N(a, b**2))``.
    * ``gamma``: shape ``a``, scale ``b`` (mean ``a*b``).
    * ``beta``: ``lo + (hi - lo) * Beta(a, b)``.
    * ``uniform``: between ``lo`` and ``hi``.
    """

    family: str
    a: float
    b: float = 0.0
    lo: float = 0.0
    hi: float = 1.0

    @property
    def mean(self) -> float:
        """Expected value, used when a run has no draws."""
        match self.family:
            case "lognormal":
                return math.exp(self.a + self.b**2 / 2)
            case "gamma":
                return self.a * self.b
            case "beta":
                return self.lo + (self.hi - self.lo) * self.a / (self.a + self.b)
            case "uniform":
                return (self.lo + self.hi) / 2
        return self.a

    @property
    def sd(self) -> float:
        """Standard deviation."""
        match self.family:
            case "fixed":
                return 0.0
            case "lognormal":
                return self.mean * math.sqrt(math.expm1(self.b**2))
            case "gamma":
                return math.sqrt(self.a) * self.b
            case "beta":
                total = self.a + self.b
                return (self.hi - self.lo) * math.sqrt(self.a * self.b / (total + 1)) / total
            case "uniform":
                return (self.hi - self.lo) / math.sqrt(12)
        return self.b

    def quantile(self, u: Array | float) -> Array:
        """Values below which the probability is ``u``.

        Parameters
        ----------
        u
            Probabilities in (0, 1), any shape.

        Returns
        -------
        ndarray
            Same shape as ``u``.
        """
        u = np.asarray(u, dtype=float)
        match self.family:
            case "fixed":
                return np.full_like(u, self.a)
            case "lognormal":
                return np.exp(self.a + self.b * special.ndtri(u))
            case "gamma":
                return np.asarray(self.b * special.gammaincinv(self.a, u), dtype=np.float64)
            case "beta" if min(self.a, self.b) > NORMAL_FROM:
                return np.clip(self.mean + self.sd * special.ndtri(u), self.lo, self.hi)
            case "beta":
                return self.lo + (self.hi - self.lo) * special.betaincinv(self.a, self.b, u)
            case "uniform":
                return self.lo + (self.hi - self.lo) * u
        return self.a + self.b * special.ndtri(u)

    def probability(self, x: float) -> float:
        """Probability of a value of at most ``x``."""
        match self.family:
            case "fixed":
                return float(x >= self.a)
            case "lognormal":
                return float(special.ndtr((math.log(x) - self.a) / self.b)) if x > 0 else 0.0
            case "gamma":
                return float(special.gammainc(self.a, max(x, 0.0) / self.b))
            case "beta":
                return float(special.betainc(self.a, self.b, min(max((x - self.lo) / (self.hi - self.lo), 0.0), 1.0)))
            case "uniform":
                return min(max((x - self.lo) / (self.hi - self.lo), 0.0), 1.0)
        return float(special.ndtr((x - self.a) / self.b))


def fit(family: str, mean: float, se: float, lo: float, hi: float) -> Distribution:
    """Fit a family to a mean and a standard error by the method of moments.

    Parameters
    ----------
    family
        ``normal``, ``lognormal``, ``gamma``, ``beta`` or ``uniform``.
    mean, se
        Mean and standard error of the quantity; ``se = 0`` gives ``fixed``.
    lo, hi
        Range of the quantity; used by ``beta``.

    Raises
    ------
    ValueError
        If no member of the family has that mean and standard error.
    """
    if se == 0:
        return Distribution("fixed", mean)
    match family:
        case "normal":
            return Distribution("normal", mean, se)
        case "lognormal":
            if mean <= 0:
                raise ValueError(f"a log-normal needs a mean above 0, not {mean:g}")
            sigma = math.sqrt(math.log1p((se / mean) ** 2))
            return Distribution("lognormal", math.log(mean) - sigma**2 / 2, sigma)
        case "gamma":
            if mean <= 0:
                raise ValueError(f"a gamma needs a mean above 0, not {mean:g}")
            return Distribution("gamma", (mean / se) ** 2, se**2 / mean)
        case "beta":
            if not (math.isfinite(lo) and math.isfinite(hi)):
                raise ValueError("a beta needs a finite range")
            m = (mean - lo) / (hi - lo)
            v = (se / (hi - lo)) ** 2
            if not 0 < m < 1:
                raise ValueError(f"a beta on [{lo:g}, {hi:g}] needs a mean inside it, not {mean:g}")
            total = m * (1 - m) / v - 1
            if total <= 0:
                raise ValueError(
                    f"no beta on [{lo:g}, {hi:g}] has mean {mean:g} and standard error {se:g}: "
                    f"the standard error must be below {(hi - lo) * math.sqrt(m * (1 - m)):.3g}"
                )
            return Distribution("beta", m * total, (1 - m) * total, lo, hi)
        case "uniform":
            half = se * math.sqrt(3)
            return Distribution("uniform", 0.0, 0.0, mean - half, mean + half)
    raise ValueError(f"unknown family {family!r}")


def fit_lognormal_interval(mean: float, low: float, high: float) -> Distribution:
    """Log-normal with the given mean and the log-width of a 95 % interval."""
    if not 0 < low < high:
        raise ValueError(f"the interval of a ratio must satisfy 0 < low < high, not [{low:g}, {high:g}]")
    if mean <= 0:
        raise ValueError(f"a log-normal needs a mean above 0, not {mean:g}")
    sigma = math.log(high / low) / (2 * Z95)
    return Distribution("lognormal", math.log(mean) - sigma**2 / 2, sigma)
