"""A number in a scenario: its value, its uncertainty, where it comes from.

A quantity may be written as a plain number, or as a mapping in one of these forms
(each with optional ``source``, ``grade``, ``note``):

* ``{value: 0.84}``: a number without uncertainty;
* ``{events: 90, of: 97}``: a proportion from counts;
* ``{mean: 0.8, se: 0.02}``, ``{mean: 0.8, ci: [0.7, 0.9]}``, ``{mean: 0.8, sd: 0.2, n: 90}``;
* ``{low: 0.6, high: 1.0}``: a 95 % interval; the mean is its middle;
* any of these with an explicit ``family``; or the family's own numbers:
  ``{family: beta, alpha: 3, beta: 7}``, ``{family: gamma, shape: 4, scale: 0.1}``,
  ``{family: uniform, low: 0, high: 1}``;
* ``{ref: therapies.lf_scs.relief.onset_weeks}``: whatever the other parameter is, optionally
  ``times: {mean: 1.0, ci: [0.6, 1.7]}`` (``as: risk`` multiplies, also right for hazards
  and costs; ``as: odds`` multiplies the odds).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from scssim.scenario.distributions import Z95, Distribution, fit, fit_lognormal_interval

Family = Literal["normal", "lognormal", "gamma", "beta", "uniform", "fixed"]
Grade = Literal["published", "derived", "assumed"]
Perspective = Literal["healthcare", "patient", "societal"]
INF = math.inf


def invalid(what: str, allowed: str = "") -> PydanticCustomError:
    """An error whose message says what is wrong and whose context says what is allowed."""
    return PydanticCustomError("scssim", "{what}", {"what": what, "allowed": allowed})


class Base(BaseModel):
    """Frozen model that refuses unknown keys; every schema class derives from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write a short form of this block, such as a bare number, as the mapping that it stands for."""
        return data


class Original(Base):
    """A price as it was printed, before conversion to the scenario's currency and price year."""

    value: float
    """The printed amount."""
    currency: str
    """Currency of the printed amount, e.g. GBP."""
    price_year: int
    """Price year of the printed amount (2007 means 2007/08)."""
    index: float = 1.0
    """Price index ratio from the printed year to the scenario's price year."""
    exchange: float = 1.0
    """Units of the scenario's currency per unit of the printed one."""


class Quantity(Base):
    """A number with its uncertainty and its source."""

    kind: ClassVar[str] = "number"
    family_default: ClassVar[str] = "normal"
    lowest: ClassVar[float] = -INF
    highest: ClassVar[float] = INF
    beta_range: ClassVar[tuple[float, float]] = (-INF, INF)
    open_low: ClassVar[bool] = False

    value: float | None = None
    """The number, when it has no uncertainty."""
    events: float | None = None
    """Events counted, of `of`."""
    of: float | None = None
    """Number observed."""
    mean: float | None = None
    """Mean; the value of a run without draws."""
    se: float | None = None
    """Standard error of the mean."""
    ci: tuple[float, float] | None = None
    """95 % confidence interval [low, high]."""
    sd: float | None = None
    """Standard deviation between people (with `n`)."""
    n: float | None = None
    """Number of people behind `sd`."""
    low: float | None = None
    """Lower end of a 95 % interval (of the range, for `family: uniform`)."""
    high: float | None = None
    """Upper end of a 95 % interval (of the range, for `family: uniform`)."""
    family: Family | None = None
    """Family of the distribution; by default the one that suits the kind of quantity."""
    alpha: float | None = None
    """First shape of `family: beta`."""
    beta: float | None = None
    """Second shape of `family: beta`."""
    shape: float | None = None
    """Shape of `family: gamma`."""
    scale: float | None = None
    """Scale of `family: gamma` (mean = shape * scale)."""
    ref: str | None = None
    """Path of another parameter whose value this one takes."""
    times: Ratio | None = None
    """Ratio that multiplies the referenced parameter."""
    as_: Literal["risk", "odds"] = Field("risk", alias="as")
    """What `times` multiplies: the value itself (risk, hazard, cost) or its odds."""
    source: str | None = None
    """Key in the bibliography."""
    grade: Grade | None = None
    """`published` (printed in the source), `derived` (arithmetic in the note) or `assumed`."""
    note: str | None = None
    """Arithmetic, caveats, or which paper should confirm an assumed value."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        if data is None or isinstance(data, (bool, str, list)):
            raise invalid(f"{data!r} is not a number", cls.allowed())
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write a bare number as a mapping."""
        return {"value": data} if isinstance(data, (int, float)) and not isinstance(data, bool) else data

    @classmethod
    def allowed(cls) -> str:
        """Describe the permitted range in words."""
        bracket = "(" if cls.open_low else "["
        if cls.lowest == -INF and cls.highest == INF:
            return "a number, or a mapping such as {mean: 1, se: 0.1}"
        if cls.highest == INF:
            return f"a {cls.kind}: a number {'above' if cls.open_low else 'from'} {cls.lowest:g} up"
        if cls.lowest == -INF:
            return f"a {cls.kind}: a number up to {cls.highest:g}"
        return f"a {cls.kind}: a number in {bracket}{cls.lowest:g}, {cls.highest:g}]"

    @model_validator(mode="after")
    def _check(self) -> Quantity:
        given = [
            name
            for name, present in (
                ("value", self.value is not None),
                ("events/of", self.events is not None or self.of is not None),
                ("mean", self.mean is not None),
                ("low/high", (self.low is not None or self.high is not None) and self.mean is None),
                ("alpha/beta", self.alpha is not None or self.beta is not None),
                ("shape/scale", self.shape is not None or self.scale is not None),
                ("ref", self.ref is not None),
            )
            if present
        ]
        if len(given) != 1:
            what = "no value is given" if not given else f"{' and '.join(given)} are given together"
            raise invalid(
                what, "give exactly one of: a number, events/of, mean, low/high, alpha/beta, shape/scale, ref"
            )
        if self.times is not None and self.ref is None:
            raise invalid("`times` needs `ref`", "ref: path.of.the.other.parameter")
        if self.ref is not None:
            return self
        try:
            distribution = self._fit()
            if not math.isfinite(distribution.mean):
                raise OverflowError
        except ArithmeticError:
            raise invalid("the numbers here are too extreme to compute with", self.allowed()) from None
        except ValueError as error:
            raise invalid(str(error), self.allowed()) from None
        for number in (distribution.mean, *(self.ci or ()), self.low, self.high):
            if number is None:
                continue
            outside = number < self.lowest or number > self.highest or (self.open_low and number <= self.lowest)
            if outside or not math.isfinite(number):
                raise invalid(f"{number:g} is outside the permitted range", self.allowed())
        return self

    def _fit(self) -> Distribution:
        lo, hi = self.beta_range if self.family in (None, "beta") else (self.lowest, self.highest)
        if self.value is not None:
            return Distribution("fixed", self.value)
        if self.events is not None or self.of is not None:
            if self.events is None or self.of is None:
                raise ValueError("events and of go together")
            if not 0 <= self.events <= self.of or self.of <= 0:
                raise ValueError(f"events must lie between 0 and of, not {self.events:g} of {self.of:g}")
            if 0 < self.events < self.of:
                return Distribution("beta", self.events, self.of - self.events)
            # No event, or nothing but events: Jeffreys' prior keeps the distribution proper.
            return Distribution("beta", self.events + 0.5, self.of - self.events + 0.5)
        if self.alpha is not None or self.beta is not None:
            if not self.alpha or not self.beta or min(self.alpha, self.beta) <= 0:
                raise ValueError("alpha and beta go together and are above 0")
            return Distribution("beta", self.alpha, self.beta)
        if self.shape is not None or self.scale is not None:
            if not self.shape or not self.scale or min(self.shape, self.scale) <= 0:
                raise ValueError("shape and scale go together and are above 0")
            return Distribution("gamma", self.shape, self.scale)
        low, high = self.ci if self.ci is not None else (self.low, self.high)
        if (low is None) != (high is None):
            raise ValueError("low and high go together")
        if low is not None and high is not None and not low < high:
            raise ValueError(f"the interval [{low:g}, {high:g}] is not increasing")
        family = self.family or self.family_default
        if family == "uniform" and low is not None and high is not None and self.mean is None:
            return Distribution("uniform", 0.0, 0.0, low, high)
        mean = self.mean
        if mean is None:
            assert low is not None and high is not None
            mean = (low + high) / 2
        spreads = [s for s in (self.se is not None, low is not None, self.sd is not None or self.n is not None) if s]
        if len(spreads) > 1:
            raise ValueError("give one of se, ci (or low and high), sd with n")
        if not spreads or family == "fixed":
            return Distribution("fixed", mean)
        if self.se is not None:
            se = self.se
        elif low is not None and high is not None:
            if not low <= mean <= high:
                raise ValueError(f"the mean {mean:g} is outside its interval [{low:g}, {high:g}]")
            if family == "lognormal":
                return fit_lognormal_interval(mean, low, high)
            se = (high - low) / (2 * Z95)
        else:
            if self.sd is None or self.n is None or self.n <= 0:
                raise ValueError("sd and n go together, n above 0")
            se = self.sd / math.sqrt(self.n)
        if se < 0:
            raise ValueError("a standard error cannot be negative")
        return fit(family, mean, se, lo, hi)

    @cached_property
    def distribution(self) -> Distribution | None:
        """The fitted distribution; None for a reference."""
        return None if self.ref is not None else self._fit()

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the 95 % interval of the distribution, within the permitted range; None for a reference."""
        if self.distribution is None:
            return None
        low, high = (float(x) for x in self.permitted(self.distribution.quantile(np.array([0.025, 0.975]))))
        return low, high

    @classmethod
    def permitted(cls, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values moved into the permitted range."""
        low = np.nextafter(cls.lowest, np.inf) if cls.open_low else cls.lowest
        return np.clip(values, low, cls.highest)

    @property
    def uncertain(self) -> bool:
        """Whether the quantity has a distribution of its own (not merely a reference)."""
        return self.distribution is not None and self.distribution.family != "fixed"


class Real(Quantity):
    """Any real number."""


class Positive(Quantity):
    """A number above 0 (a mean, a standard deviation, a shape)."""

    kind = "positive number"
    family_default = "gamma"
    lowest = 0.0
    open_low = True


class Ratio(Quantity):
    """A hazard, odds or risk ratio."""

    kind = "ratio"
    family_default = "lognormal"
    lowest = 0.0
    open_low = True


class Probability(Quantity):
    """A probability or share."""

    kind = "probability"
    family_default = "beta"
    lowest = 0.0
    highest = 1.0
    beta_range = (0.0, 1.0)


class Rate(Quantity):
    """Events per person-year."""

    kind = "rate per year"
    family_default = "gamma"
    lowest = 0.0


class Time(Quantity):
    """A length of time, in the unit that the key names."""

    kind = "duration"
    family_default = "gamma"
    lowest = 0.0


class Relief(Quantity):
    """A fraction of baseline pain that is relieved (1 = pain free; negative = worse)."""

    kind = "relief fraction"
    family_default = "normal"
    lowest = -10.0
    highest = 1.0
    beta_range = (0.0, 1.0)


class Utility(Quantity):
    """A health-state utility (1 = full health, 0 = dead)."""

    kind = "utility"
    family_default = "beta"
    lowest = -1.0
    highest = 1.0
    beta_range = (-1.0, 1.0)


class Loss(Quantity):
    """A loss of utility, as a positive number."""

    kind = "utility loss"
    family_default = "beta"
    lowest = 0.0
    highest = 1.0
    beta_range = (0.0, 1.0)


class Cost(Quantity):
    """An amount of money in the scenario's currency and price year."""

    kind = "cost"
    family_default = "gamma"
    lowest = 0.0

    price_year: int | None = None
    """Price year of the amount as used (2024 means 2024/25)."""
    original: Original | None = None
    """The printed price, when it was converted or inflated."""
    perspective: Perspective = "healthcare"
    """Who bears it: healthcare, patient or societal."""


Quantity.model_rebuild()
