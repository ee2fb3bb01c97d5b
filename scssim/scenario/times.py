"""Lengths of time and random times, as a scenario states them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from scssim.scenario.common import Sourced
from scssim.scenario.quantity import Positive, Quantity, Rate, Ratio, Real, Time, invalid

WEEKS_PER_YEAR = 365.25 / 7
DAYS_PER_YEAR = 365.25
MONTHS_PER_YEAR = 12.0
PER_YEAR = {"days": DAYS_PER_YEAR, "weeks": WEEKS_PER_YEAR, "months": MONTHS_PER_YEAR, "years": 1.0}

Unit = Literal["days", "weeks", "months", "years"]

LEAST_WEIBULL_SHAPE = 0.01
"""Smallest shape of a Weibull time; below, nearly all of its mean lies beyond any number."""
WEIBULL_CV = (0.002, 1000.0)
"""SDs of a Weibull time, as shares of its mean, for which a shape is looked for."""
STEEPEST = 50.0
"""Largest product of the shape of a Gompertz time (either sign) and its median, or the later time of a survival."""


class Hazard(Sourced):
    """One piece of a piecewise-constant hazard."""

    until_years: float | None = Field(None, gt=0)
    """End of the piece (years since the start of effect); the last piece has none."""
    rate: Rate
    """Events per year."""


class Duration(Sourced):
    """A fixed length of time; give one unit."""

    days: Time | None = None
    """Length in days."""
    weeks: Time | None = None
    """Length in weeks."""
    months: Time | None = None
    """Length in months."""
    years: Time | None = None
    """Length in years."""

    @model_validator(mode="after")
    def _one(self) -> Duration:
        if sum(getattr(self, unit) is not None for unit in PER_YEAR) != 1:
            raise invalid("give the length in exactly one unit", "one of days, weeks, months, years")
        return self


class TimeToEvent(Sourced):
    """A random time. A fixed time by one unit key; a `hazard`; or a `distribution` by its own
    parameters, by mean and SD, by median (and shape), or by survival at one or two times.
    """

    days: Time | None = None
    """Fixed time in days."""
    weeks: Time | None = None
    """Fixed time in weeks."""
    months: Time | None = None
    """Fixed time in months."""
    years: Time | None = None
    """Fixed time in years."""
    hazard: Rate | tuple[Hazard, ...] | None = None
    """Constant hazard per year, or pieces of a piecewise-constant one."""
    distribution: Literal["exponential", "weibull", "lognormal", "gompertz", "kaplan_meier"] | None = None
    """S(t): exponential exp(-rate t); weibull exp(-(t/scale)^shape); lognormal median, log-SD `shape`;
    gompertz exp(-rate/shape (exp(shape t) - 1)); kaplan_meier a table."""
    unit: Unit = "years"
    """Unit of scale, median, mean, sd, survival and table times (rates are per this unit)."""
    rate: Rate | None = None
    """Exponential or Gompertz rate."""
    shape: Real | None = None
    """Weibull or Gompertz shape; log-SD of a log-normal."""
    scale: Positive | None = None
    """Weibull scale."""
    mean: Positive | None = None
    """Mean time."""
    sd: Positive | None = None
    """Standard deviation of the time."""
    median: Positive | None = None
    """Median time."""
    survival: tuple[tuple[float, float], ...] | None = None
    """One or two pairs [time, share still free of the event]."""
    table: tuple[tuple[float, float], ...] | None = None
    """Kaplan-Meier steps [time, survival], from [0, 1] on, joined by constant hazards; the last hazard goes on."""
    ratio: Ratio = Ratio(value=1.0)
    """Hazard ratio on the whole curve (not for a fixed time)."""

    @model_validator(mode="before")
    @classmethod
    def _hazards(cls, data: Any) -> Any:
        if isinstance(data, (int, float, list)):
            raise invalid("a time needs its unit or a distribution", "e.g. {weeks: 8} or {hazard: 0.05}")
        return data

    @field_validator("table", "survival")
    @classmethod
    def _monotone(cls, value: tuple[tuple[float, float], ...] | None) -> tuple[tuple[float, float], ...] | None:
        if value is None:
            return value
        for i, (time, share) in enumerate(value):
            if time < 0 or not 0 <= share <= 1:
                raise invalid(
                    f"entry {i + 1}, [{time:g}, {share:g}], is not a time and a share", "[time >= 0, share in 0..1]"
                )
        for i, ((t0, s0), (t1, s1)) in enumerate(pairwise(value)):
            if t1 <= t0:
                raise invalid(f"the time of entry {i + 2} ({t1:g}) is not after {t0:g}", "increasing times")
            if s1 > s0:
                raise invalid(
                    f"survival rises from {s0:g} to {s1:g} at entry {i + 2}", "a survival curve that never rises"
                )
        return value

    @model_validator(mode="after")
    def _check(self) -> TimeToEvent:
        fixed = [unit for unit in PER_YEAR if getattr(self, unit) is not None]
        forms = len(fixed) + (self.hazard is not None) + (self.distribution is not None)
        if forms != 1:
            raise invalid("give the time in exactly one way", "a unit key, `hazard` or `distribution`")
        if isinstance(self.hazard, tuple):
            ends = [piece.until_years for piece in self.hazard]
            if not ends or ends[-1] is not None or None in ends[:-1]:
                raise invalid(
                    "every piece but the last needs until_years", "[{until_years: 1, rate: 0.1}, {rate: 0.02}]"
                )
            known = [e for e in ends if e is not None]
            if any(b <= a for a, b in pairwise(known)):
                raise invalid("until_years must increase from piece to piece")
        own: dict[str, list[set[str]]] = {
            "exponential": [{"rate"}, {"mean"}, {"median"}, {"survival"}],
            "weibull": [{"shape", "scale"}, {"mean", "shape"}, {"mean", "sd"}, {"median", "shape"}, {"survival"}],
            "lognormal": [{"median", "shape"}, {"mean", "sd"}, {"survival"}],
            "gompertz": [{"rate", "shape"}, {"median", "shape"}, {"survival"}],
            "kaplan_meier": [{"table"}],
        }
        numbers = ("rate", "shape", "scale", "mean", "sd", "median", "survival", "table")
        given = {name for name in numbers if getattr(self, name) is not None}
        if self.distribution is None:
            if given:
                raise invalid(f"{', '.join(sorted(given))} need a `distribution`")
        else:
            if given not in own[self.distribution]:
                options = "; ".join(" and ".join(sorted(o)) for o in own[self.distribution])
                raise invalid(
                    f"a {self.distribution} time cannot be given by {', '.join(sorted(given)) or 'nothing'}", options
                )
            self._shape()
            if self.survival is not None:
                want = 1 if self.distribution == "exponential" else 2
                if len(self.survival) != want or any(not 0 < s < 1 for _, s in self.survival):
                    raise invalid(f"survival needs {want} pair(s) with a share strictly between 0 and 1")
                if self.survival[0][0] <= 0:
                    raise invalid("a survival at time 0 says nothing", "times above 0")
                if want == 2 and self.survival[0][1] <= self.survival[1][1]:
                    raise invalid("survival must fall between the two times", "e.g. [[3, 0.9], [5, 0.8]]")
                if self.distribution == "gompertz" and not _gompertz_can(*self.survival):
                    raise invalid("no Gompertz curve bends so sharply", "a table (kaplan_meier), or hazards in pieces")
            if self.table is not None and (len(self.table) < 2 or self.table[0] != (0.0, 1.0)):
                raise invalid("a Kaplan-Meier table starts at [0, 1] and has at least two entries")
        return self

    def _shape(self) -> None:
        """The shape is one to compute with, as far as it is known before draws."""
        shape, median, mean, sd = (_mean(number) for number in (self.shape, self.median, self.mean, self.sd))
        if shape is not None and self.distribution == "lognormal" and shape <= 0:
            raise invalid(f"a lognormal time needs a shape above 0, not {shape:g}")
        if shape is not None and self.distribution == "weibull" and shape < LEAST_WEIBULL_SHAPE:
            raise invalid(f"a weibull time needs a shape from {LEAST_WEIBULL_SHAPE:g} up, not {shape:g}")
        if self.distribution == "weibull" and mean is not None and sd is not None:
            low, high = WEIBULL_CV
            if not low <= sd / mean <= high:
                what = f"no weibull time has a mean of {mean:g} and an SD of {sd:g}"
                raise invalid(what, f"an SD of {low:g} to {high:g} times the mean; or a fixed time")
        bend = shape * median if shape is not None and median is not None else 0.0
        if self.distribution == "gompertz" and abs(bend) > STEEPEST:
            what = f"a shape of {shape:g} is too steep for a median of {median:g}"
            raise invalid(what, f"a product of at most {STEEPEST:g}; or a fixed time")


def _mean(number: Quantity | None) -> float | None:
    return None if number is None or number.distribution is None else number.distribution.mean


def _gompertz_can(early: tuple[float, float], late: tuple[float, float]) -> bool:
    """Whether a Gompertz curve that is not too steep goes through two points."""
    (t1, s1), (t2, s2) = early, late
    least, most = (math.expm1(b) / math.expm1(b * t1 / t2) for b in (-STEEPEST, STEEPEST))
    return least < math.log(s2) / math.log(s1) < most
