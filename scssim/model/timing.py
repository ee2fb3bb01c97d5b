"""Random times from unit exponentials.

Every family is an inverse cumulative hazard ``T = H^-1(E / ratio)`` of a unit exponential
``E``, so that hazard ratios act on all of them alike and recurrent events follow from
sums of exponentials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from scssim.scenario.times import LEAST_WEIBULL_SHAPE, PER_YEAR, STEEPEST, WEIBULL_CV

Array = NDArray[np.float64]
Number = float | Array
At = Callable[[Number], Number]
"""Maps a parameter (a number, or one value per draw) to the cells of a block."""

SMALLEST_SHAPE = 1e-3
"""Draws of the shape of a log-normal time are kept above this."""

ENDED = 700.0
"""Cumulative hazard that stands for survival 0 (finite, to keep the arithmetic finite)."""

LN2 = float(np.log(2.0))


@dataclass(frozen=True)
class Timer:
    """A time-to-event distribution ready to sample, in years.

    ``family`` and its numbers (each a float or one value per draw):

    * ``fixed``: time;
    * ``piecewise``: rates, with ``ends`` of all pieces but the last (exponential: one rate);
    * ``weibull``: shape k, scale s, ``H = (t/s)^k``;
    * ``lognormal``: mu, sigma of ln t;
    * ``gompertz``: rate a, shape b, ``H = a/b (exp(bt) - 1)``;
    * ``table``: times and cumulative hazards, linear between, the last slope going on; a table that ends
      with survival 0 ends everyone by then.
    """

    family: str
    numbers: tuple[Number, ...]
    ends: tuple[float, ...] = ()
    ratio: Number = 1.0
    table: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    @property
    def is_fixed(self) -> bool:
        """Whether the time is not random."""
        return self.family == "fixed"

    @np.errstate(divide="ignore", over="ignore")  # a time too long for a number is infinite: the event never comes
    def time(self, e: Array, at: At) -> Number:
        """Event times of unit exponentials.

        Parameters
        ----------
        e
            Unit exponentials, one per cell.
        at
            Maps parameters to the same cells.

        Returns
        -------
        ndarray or float
            Times in years; ``inf`` where the event never comes.
        """
        if self.family == "fixed":
            return at(self.numbers[0])
        if not (np.ndim(self.ratio) == 0 and self.ratio == 1.0):
            e = e / at(self.ratio)
        match self.family:
            case "piecewise":
                return self._piecewise(e, at)
            case "weibull":
                shape, scale = (at(x) for x in self.numbers)
                return np.power(e, np.reciprocal(shape)) * scale
            case "lognormal":
                mu, sigma = (at(x) for x in self.numbers)
                return np.exp(mu - sigma * special.ndtri(np.exp(-e)))
            case "gompertz":
                rate, shape = (at(x) for x in self.numbers)
                with np.errstate(divide="ignore", invalid="ignore"):
                    grown = np.asarray(shape * e / rate)
                    t = np.where(np.abs(grown) < 1e-12, e / rate, np.log1p(grown) / shape)
                return np.where(grown <= -1, np.inf, t)
        times, hazards = (np.array(x) for x in self.table)
        t = np.interp(e, hazards, times)
        slope = (hazards[-1] - hazards[-2]) / (times[-1] - times[-2])
        if hazards[-1] >= ENDED:
            # No constant hazard reaches 0 survivors: the last step falls in a straight line.
            last = e > hazards[-2]
            left = np.exp(hazards[-2] - e[last])
            t[last] = times[-2] + (1 - left) * (times[-1] - times[-2])
            return t
        beyond = e > hazards[-1]
        with np.errstate(divide="ignore"):
            t[beyond] = times[-1] + (e[beyond] - hazards[-1]) / slope
        return t

    def _piecewise(self, e: Array, at: At) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            first = at(self.numbers[0])
            t = np.divide(e, first)
            begin = 0.0
            left: NDArray[np.intp] | None = None
            cumulative: Any = 0.0
            # Those whose time falls beyond a piece go on to the next one.
            for rate, start in zip(self.numbers[1:], self.ends, strict=True):
                beyond = ((t if left is None else t[left]) >= start).nonzero()[0]
                cumulative = cumulative + first * (start - begin)
                left = beyond if left is None else left[beyond]
                if not left.size:
                    break
                first, begin = at(rate), start
                base = cumulative if np.ndim(cumulative) == 0 else cumulative[left]
                t[left] = start + (e[left] - base) / (first if np.ndim(first) == 0 else np.asarray(first)[left])
            return t

    def rate(self, t: float) -> Number:
        """Rate per year at time ``t`` of a piecewise-constant hazard, per draw."""
        piece = sum(t >= end for end in self.ends)
        return self.numbers[piece] * self.ratio

    def cumulative_hazard(self, t: float) -> Number:
        """Cumulative hazard at time ``t`` of a piecewise-constant hazard, per draw."""
        total: Number = 0.0
        for rate, (start, end) in zip(self.numbers, pairwise((0.0, *self.ends, np.inf)), strict=True):
            total = total + np.asarray(rate) * max(0.0, min(t, end) - start)
        return total * self.ratio


def years(duration: Any) -> Number:
    """A bound ``Duration`` in years."""
    for unit, per_year in PER_YEAR.items():
        value: Number | None = getattr(duration, unit)
        if value is not None:
            return value / per_year
    raise AssertionError("a validated duration has a unit")


def timer(spec: Any) -> Timer:
    """Compile a bound ``TimeToEvent`` (quantities replaced by numbers) to a `Timer` in years."""
    for unit, per_year in PER_YEAR.items():
        value = getattr(spec, unit)
        if value is not None:
            return Timer("fixed", (value / per_year,))
    if spec.hazard is not None:
        return hazard_timer(spec.hazard, spec.ratio)
    scale = 1.0 / PER_YEAR[spec.unit]
    match spec.distribution:
        case "exponential":
            if spec.rate is not None:
                rate = spec.rate
            elif spec.mean is not None:
                rate = 1.0 / spec.mean
            elif spec.median is not None:
                rate = LN2 / spec.median
            else:
                ((time, share),) = spec.survival
                rate = -np.log(share) / time
            return Timer("piecewise", (rate / scale,), ratio=spec.ratio)
        case "weibull":
            shape, size = _weibull(spec)
            return Timer("weibull", (shape, size * scale), ratio=spec.ratio)
        case "lognormal":
            mu, sigma = _lognormal(spec)
            sigma = np.maximum(sigma, SMALLEST_SHAPE) if np.ndim(sigma) else sigma
            return Timer("lognormal", (mu + np.log(scale), sigma), ratio=spec.ratio)
        case "gompertz":
            rate, shape = _gompertz(spec)
            return Timer("gompertz", (rate / scale, shape / scale), ratio=spec.ratio)
    times = tuple(t * scale for t, _ in spec.table)
    hazards = tuple(float(-np.log(s)) if s > 0 else ENDED for _, s in spec.table)
    return Timer("table", (), ratio=spec.ratio, table=(times, hazards))


def hazard_timer(hazard: Any, ratio: Number) -> Timer:
    """Timer of a constant or piecewise-constant hazard per year."""
    if isinstance(hazard, tuple):
        ends = tuple(piece.until_years for piece in hazard[:-1])
        return Timer("piecewise", tuple(piece.rate for piece in hazard), ends=ends, ratio=ratio)
    return Timer("piecewise", (hazard,), ratio=ratio)


def _weibull(spec: Any) -> tuple[Number, Number]:
    if spec.survival is not None:
        (t1, s1), (t2, s2) = spec.survival
        shape = max(np.log(np.log(s2) / np.log(s1)) / np.log(t2 / t1), LEAST_WEIBULL_SHAPE)
        return shape, t1 / (-np.log(s1)) ** (1 / shape)
    shape = spec.shape
    if shape is None:
        shape = _per_draw(_weibull_shape, np.clip(spec.sd / spec.mean, *WEIBULL_CV))
    elif np.ndim(shape):
        shape = np.maximum(shape, LEAST_WEIBULL_SHAPE)
    if spec.scale is not None:
        return shape, spec.scale
    if spec.median is not None:
        return shape, spec.median / LN2 ** (1 / shape)
    return shape, spec.mean / special.gamma(1 + 1 / shape)


def _weibull_shape(cv: float) -> float:
    def excess(log_shape: float) -> float:
        k = np.exp(log_shape)
        log_ratio = special.gammaln(1 + 2 / k) - 2 * special.gammaln(1 + 1 / k)
        return float(log_ratio - np.log1p(cv**2))

    return float(np.exp(optimize.brentq(excess, -3.0, 7.0)))


def _lognormal(spec: Any) -> tuple[Number, Number]:
    if spec.survival is not None:
        (t1, s1), (t2, s2) = spec.survival
        z1, z2 = special.ndtri(1 - s1), special.ndtri(1 - s2)
        sigma = np.log(t2 / t1) / (z2 - z1)
        return np.log(t1) - sigma * z1, sigma
    if spec.median is not None:
        return np.log(spec.median), spec.shape
    variance = np.log1p((spec.sd / spec.mean) ** 2)
    return np.log(spec.mean) - variance / 2, np.sqrt(variance)


def _gompertz(spec: Any) -> tuple[Number, Number]:
    if spec.rate is not None:
        return spec.rate, spec.shape
    if spec.median is not None:
        b = np.asarray(spec.shape, dtype=float)
        safe = np.where(b == 0, 1.0, b)
        rates = np.where(b == 0, LN2 / spec.median, LN2 * safe / np.expm1(np.minimum(safe * spec.median, 2 * STEEPEST)))
        return (float(rates), spec.shape) if rates.ndim == 0 else (rates, spec.shape)
    (t1, s1), (t2, s2) = spec.survival
    target = np.log(s2) / np.log(s1)

    def excess(b: float) -> float:
        return (t2 / t1 if b == 0 else float(np.expm1(b * t2) / np.expm1(b * t1))) - target

    # The ratio of cumulative hazards rises with b from 1 (b -> -inf) without bound.
    slope = float(optimize.brentq(excess, -STEEPEST / t2, STEEPEST / t2))
    fitted = -np.log(s1) / t1 if slope == 0 else -np.log(s1) * slope / np.expm1(slope * t1)
    return float(fitted), slope


def _per_draw(function: Callable[[float], float], x: Number) -> Number:
    """Apply a scalar function to a number or to each draw's value."""
    if np.ndim(x) == 0:
        return function(float(x))
    return np.array([function(float(v)) for v in np.asarray(x)])
