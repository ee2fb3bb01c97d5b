"""The uncertain number that has a given mean and 95 % interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq

from scssim.scenario.distributions import Z95, fit
from scssim.scenario.quantity import Quantity

GROWTH = 1.02
MOST_STEPS = 400


def from_interval(kind: type[Quantity], family: str, mean: float, low: float, high: float) -> dict[str, Any]:
    """State a number whose distribution has a mean, and a 95 % interval as wide as that from low to high.

    `ci` of a scenario is what papers print: its width gives the standard error. Here the ends are those of the
    distribution itself, as the table of inputs shows them, so that what comes out of the table is what went in. A
    family has two numbers, not three: if no member has both ends, the width counts (of a log-normal, the ratio).

    Parameters
    ----------
    kind
        Kind of quantity; its permitted range cuts the interval.
    family
        Family of the distribution.
    mean, low, high
        The number and its interval, ``low < high``.

    Returns
    -------
    dict
        Keys and values as a scenario states them.

    Raises
    ------
    ValueError
        If no member of the family has such an interval.
    """
    if not low < high:
        raise ValueError(f"the interval from {low:g} to {high:g} is not increasing")
    if not low <= mean <= high:
        raise ValueError(f"{mean:g} is outside its interval from {low:g} to {high:g}")
    if family == "lognormal":
        return {"mean": mean, "ci": [low, high], "family": family}
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return {"mean": mean, "se": _error(kind, family, mean, low, high), "family": family}
    except (ArithmeticError, RuntimeError):  # overflow, or a search that does not end
        raise ValueError(f"{mean:g} and {low:g} to {high:g} are too extreme to compute with") from None


def _error(kind: type[Quantity], family: str, mean: float, low: float, high: float) -> float:
    """Standard error of the member of a family whose 95 % interval is as wide as that."""
    lo, hi = kind.beta_range if family == "beta" else (kind.lowest, kind.highest)
    probability = np.array([0.025, 0.975])

    def excess(error: float) -> float:
        ends = kind.permitted(fit(family, mean, error, lo, hi).quantile(probability))
        return float(ends[1] - ends[0]) - (high - low)

    # Too wide a beta does not exist.
    widest = math.sqrt((mean - lo) * (hi - mean)) * (1 - 1e-9) if family == "beta" and lo < mean < hi else math.inf
    before, error = 0.0, min(0.9 * (high - low) / (2 * Z95), widest)
    for _ in range(MOST_STEPS):
        if excess(error) >= 0:
            found = brentq(lambda x: excess(x) if x else low - high, before, error, xtol=1e-300, rtol=1e-14)
            return float(found)
        if error == widest:
            break
        before, error = error, min(error * GROWTH, widest)
    raise ValueError(f"no {family} with a mean of {mean:g} has a 95 % interval as wide as {low:g} to {high:g}")
