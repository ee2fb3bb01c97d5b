"""The `analyses` block of a scenario: what to do besides the base case."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from scssim.scenario.common import LARGEST_THRESHOLD, MOST_DRAWS, MOST_PATIENTS, Identifier, Sourced, valid_condition
from scssim.scenario.quantity import Base, invalid
from scssim.scenario.service import WaitingTarget


class Psa(Base):
    """Probabilistic sensitivity analysis."""

    draws: int = Field(1000, ge=2, le=MOST_DRAWS)
    """Parameter draws."""
    patients: int | None = Field(None, ge=1, le=MOST_PATIENTS)
    """Patients per draw; by default `settings.patients`."""
    sampling: Literal["random", "sobol"] = "random"
    """`random`: every parameter has its own stream, so that a new parameter moves no other. `sobol`: a scrambled
    Sobol sequence, which covers the space more evenly; a new parameter then changes the values of all."""


class Curve(Base):
    """Thresholds at which curves are drawn."""

    from_: float = Field(0.0, ge=0, alias="from")
    """First threshold (currency per QALY)."""
    to: float = Field(gt=0, le=LARGEST_THRESHOLD)
    """Last threshold."""
    step: float = Field(gt=0)
    """Distance between two."""

    @model_validator(mode="after")
    def _length(self) -> Curve:
        if self.to <= self.from_:
            raise invalid(f"the curve ends at {self.to:g}, before it begins at {self.from_:g}", "to: above from")
        if (self.to - self.from_) / self.step > 10_000:
            raise invalid("the curve has more than 10,000 points", "a larger step")
        return self


class DecisionPopulation(Sourced):
    """Who is affected by the decision: turns EVPI per decision into EVPI for a population."""

    incidence: float = Field(gt=0)
    """People who face the decision each year."""
    years: float = Field(10.0, gt=0, le=200)
    """Years for which the decision stands."""
    discount_rate: float = Field(0.035, ge=0, le=1)
    """Annual discount rate."""


class Decision(Base):
    """How results of draws are turned into curves over willingness to pay."""

    curve: Curve | None = None
    """Thresholds of the curves; by default 100 steps from 0 to twice the largest of `willingness_to_pay`."""
    population: DecisionPopulation | None = None
    """Who is affected, for the EVPI of a population."""


class AtThreshold(Base):
    """An analysis at one willingness to pay."""

    threshold: float | None = Field(None, ge=0, le=LARGEST_THRESHOLD)
    """Willingness to pay (currency per QALY); by default the first of `willingness_to_pay`."""


class Comparison(AtThreshold):
    """Which difference an analysis is about."""

    strategy: str | None = None
    """Strategy; by default the one with the highest net benefit (if that is the reference, the next best)."""
    reference: str | None = None
    """Compared with; by default `settings.reference`."""


class Sensitivity(Base):
    """A deterministic sensitivity analysis: the same patients at every value of the parameters."""

    patients: int | None = Field(None, ge=1, le=MOST_PATIENTS)
    """Patients; by default as many as the run has, at most 5,000 (differences are those of the same patients)."""


class Dsa(Sensitivity, Comparison):
    """One-way sensitivity analysis: each parameter at the ends of its interval, the others at their means."""

    parameters: tuple[str, ...] = ("*",)
    """Paths of parameters; `*` stands for anything. By default all that are uncertain."""
    ranges: dict[str, tuple[float, float]] = {}
    """[low, high] of single parameters (also certain ones), in place of the 95 % interval."""

    @field_validator("ranges")
    @classmethod
    def _increasing(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for path, (low, high) in value.items():
            if not low < high:
                raise invalid(f"the range [{low:g}, {high:g}] of `{path}` is not increasing", "[low, high]")
        return value


class Axis(Base):
    """A parameter and the values that it takes."""

    parameter: str
    """Path of the parameter."""
    low: float | None = None
    """Lowest value; by default the lower end of its 95 % interval."""
    high: float | None = None
    """Highest value; by default the upper end of its 95 % interval."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, data: Any) -> Any:
        return {"parameter": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _increasing(self) -> Axis:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise invalid(f"the range [{self.low:g}, {self.high:g}] is not increasing", "low below high")
        return self


class TwoWay(Sensitivity, Comparison):
    """Two parameters at once, on a grid."""

    x: Axis
    """First parameter."""
    y: Axis
    """Second parameter."""
    points: int = Field(11, ge=2, le=101)
    """Values of each."""


class ThresholdAnalysis(Sensitivity, AtThreshold):
    """At which value of a parameter does the decision change?"""

    parameter: Axis
    """The parameter."""


VARIANT_KEYS = ("label", "note")
"""Keys of a variant that are no paths."""


class Variant(Base):
    """The scenario with other values; each path is set as `--set` does."""

    label: str | None = None
    """Name for tables and figures."""
    note: str | None = None
    """What it is for, and what it rests on."""
    set_: dict[str, Any] = Field({}, alias="set")
    """Values by dotted path. May be left out: whatever else is written here is such a value."""

    @model_validator(mode="before")
    @classmethod
    def _paths(cls, data: Any) -> Any:
        if isinstance(data, dict) and "set" not in data:
            own = {key: value for key, value in data.items() if key in VARIANT_KEYS}
            return {**own, "set": {key: value for key, value in data.items() if key not in own}}
        return data


class Subgroup(Base):
    """Patients of the scenario who fulfil a condition."""

    label: str | None = None
    """Name for tables and figures."""
    condition: str
    """Condition on the attributes of patients."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {"condition": data}

    _condition = field_validator("condition", mode="before")(valid_condition)


class Extrapolation(Comparison):
    """How much rests on what happens after the observed data. The base case comes first, then the cases."""

    data_until_years: float = Field(gt=0, le=110)
    """Years from entry up to which results rest on observed data (waits and earlier steps included)."""
    cases: dict[Identifier, Variant] = {}
    """Other assumptions about the time after, each as values by path."""


class Cases(Base):
    """Size of the runs of variants, subgroups and cases of the extrapolation."""

    patients: int | None = Field(None, ge=1, le=MOST_PATIENTS)
    """Patients (per draw); by default as many as the run has (if only that has draws: at most `settings.patients`)."""
    draws: int = Field(0, ge=0, le=MOST_DRAWS)
    """Parameter draws; 0: distribution means, also when the run itself has draws."""

    @field_validator("draws")
    @classmethod
    def _more_than_one(cls, value: int) -> int:
        if value == 1:
            raise invalid("1 draw has no uncertainty", "0 for distribution means, or 2 and more")
        return value


BASE = "base"
"""Name of the base case among variants and subgroups."""

CONTINUE = "hazards_continue"
"""Name of the base case in an extrapolation."""

Uptake = dict[str, float | tuple[float, ...]]


class Budget(Sourced):
    """Budget impact: what a payer pays year by year, undiscounted, when care is redistributed."""

    eligible: float | tuple[float, ...]
    """Patients who enter care in each year: one number, or one per year."""
    years: int = Field(5, ge=1, le=50)
    """Years of the budget."""
    current: Uptake
    """Shares of the eligible who get each strategy today: one number, or one per year. They sum to 1."""
    new: Uptake
    """Shares after the change."""

    @model_validator(mode="after")
    def _sums(self) -> Budget:
        if not isinstance(self.eligible, tuple):
            eligible: tuple[float, ...] = (self.eligible,)
        else:
            eligible = self.eligible
            self._length(eligible, "eligible")
        if min(eligible) < 0 or max(eligible) <= 0:
            raise invalid("the eligible patients are not a number above 0", "patients per year")
        for name, uptake in (("current", self.current), ("new", self.new)):
            for strategy, shares in uptake.items():
                values = shares if isinstance(shares, tuple) else (shares,)
                if isinstance(shares, tuple):
                    self._length(shares, f"{name}.{strategy}")
                if min(values) < 0 or max(values) > 1:
                    raise invalid(f"`{name}.{strategy}` has a share outside 0 to 1", "shares from 0 to 1")
            for year, total in enumerate(map(sum, zip(*(self.shares(name, s) for s in uptake), strict=True)), start=1):
                if abs(total - 1) > 1e-6:
                    raise invalid(f"the shares of `{name}` in year {year} sum to {total:g}", "shares that sum to 1")
            if not uptake:
                raise invalid(f"`{name}` names no strategy", "shares by strategy that sum to 1")
        return self

    def _length(self, values: tuple[float, ...], name: str) -> None:
        if len(values) != self.years:
            raise invalid(f"`{name}` has {len(values)} values for {self.years} years", "one number, or one per year")

    def shares(self, mix: str, strategy: str) -> tuple[float, ...]:
        """Share of a strategy in each year under the `current` or `new` mix."""
        return self._yearly(getattr(self, mix).get(strategy, 0.0))

    @property
    def entering(self) -> tuple[float, ...]:
        """Patients who enter in each year."""
        return self._yearly(self.eligible)

    def _yearly(self, value: float | tuple[float, ...]) -> tuple[float, ...]:
        return value if isinstance(value, tuple) else (value,) * self.years


class Capacity(AtThreshold):
    """How much of a resource is enough: the service at several capacities (discrete-event engine)."""

    resource: str
    """Id of the resource."""
    levels: tuple[int, ...]
    """Capacities, increasing: slots per opening day (or week), or servers, the same all through the run."""
    need: Literal["start", "trial", "implant", "repeat", "revision", "replacement", "explant"] | None = None
    """What must be served within the target; by default everything that needs the resource."""
    target: WaitingTarget | None = None
    """Waiting-time target; by default that of the resource."""
    reference: str | None = None
    """Strategy that others are compared with at each level; by default `settings.reference`."""

    @field_validator("levels")
    @classmethod
    def _levels(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or value[0] < 1 or any(b <= a for a, b in pairwise(value)):
            raise invalid("the levels are not increasing whole numbers from 1 up", "e.g. [2, 3, 4, 6, 8, 10]")
        return value


class Analyses(Base):
    """What to do besides the base case."""

    psa: Psa | None = None
    """Run with parameter draws."""
    decision: Decision = Decision()
    """Curves over willingness to pay (with draws)."""
    evppi: tuple[tuple[str, ...], ...] | dict[str, tuple[str, ...]] = ()
    """Groups of parameters whose value of information is estimated (with draws): lists of paths, `*` stands for
    anything; by name, or named by their paths."""
    dsa: Dsa | None = None
    """One-way sensitivity analysis."""
    two_way: dict[Identifier, TwoWay] = {}
    """Two-way sensitivity analyses by name."""
    thresholds: dict[Identifier, ThresholdAnalysis] = {}
    """Threshold analyses by name."""
    cases: Cases = Cases()
    """How variants, subgroups and the cases of the extrapolation are run."""
    variants: dict[Identifier, Variant] = {}
    """Variants of the scenario by name."""
    subgroups: dict[Identifier, Subgroup] = {}
    """Subgroups of patients by name."""
    extrapolation: Extrapolation | None = None
    """What rests on the time after the observed data."""
    budget: Budget | None = None
    """Budget impact."""
    capacity: Capacity | None = None
    """Capacities of a resource (discrete-event engine)."""
