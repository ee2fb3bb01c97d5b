"""The scenario language: every key, its type, unit, default and meaning.

All models are frozen and refuse unknown keys. The docstring under each field is
its published description (``scssim schema``). Times carry their unit in the key;
inside the program they are years.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from scssim.scenario.analyses import Analyses
from scssim.scenario.common import LARGEST_THRESHOLD, MOST_PATIENTS, Identifier, Sourced, valid_condition
from scssim.scenario.expressions import Expression, parse
from scssim.scenario.quantity import (
    Base,
    Cost,
    Grade,
    Loss,
    Perspective,
    Positive,
    Probability,
    Rate,
    Ratio,
    Real,
    Relief,
    Time,
    Utility,
    invalid,
)
from scssim.scenario.reporting import Reporting
from scssim.scenario.service import Needs, Resource, Service
from scssim.scenario.times import DAYS_PER_YEAR, PER_YEAR, Duration, Hazard, TimeToEvent

Mechanism = Literal["neuropathic", "mixed", "nociceptive"]
MECHANISMS: tuple[Mechanism, ...] = ("neuropathic", "mixed", "nociceptive")
Measure = Literal[
    "back_vas", "leg_vas", "back_relief", "leg_relief", "back_responder", "leg_responder",
    "back_remitter", "leg_remitter", "odi", "utility", "opioid_mme", "paresthesia",
    "paresthesia_uncomfortable", "alive",
]  # fmt: skip
YES_NO: tuple[Measure, ...] = (
    "back_responder", "leg_responder", "back_remitter", "leg_remitter", "paresthesia", "paresthesia_uncomfortable",
    "alive",
)  # fmt: skip
"""Measures whose means are shares of patients."""
Denominator = Literal["randomised", "implanted", "assessed", "on_therapy"]
Clock = Literal["entry", "activation"]


# ---------------------------------------------------------------- settings


class DiscountRate(Base):
    """Annual discount rates (0.035 = 3.5 %)."""

    costs: float = Field(0.035, ge=0, le=1)
    """Annual rate for costs."""
    effects: float = Field(0.035, ge=0, le=1)
    """Annual rate for life years and QALYs."""


class Settings(Base):
    """How the scenario is run and reported."""

    perspective: Literal["healthcare", "societal"] = "healthcare"
    """`healthcare` counts healthcare costs only; `societal` adds patients' and societal ones."""
    currency: str = "GBP"
    """Currency of every cost in the scenario."""
    price_year: int = 2024
    """Price year of every cost (2024 means 2024/25)."""
    horizon_years: float | Literal["lifetime"] = 15.0
    """Years from entry to the end of follow-up, or `lifetime` (until age 110)."""
    discount_rate: DiscountRate = DiscountRate()
    """Annual discount rates."""
    willingness_to_pay: tuple[float, ...] = (20000.0, 30000.0)
    """Thresholds (currency per QALY), increasing."""
    patients: int = Field(10000, ge=1, le=MOST_PATIENTS)
    """Simulated patients (per draw, when there are draws)."""
    seed: int = Field(1, ge=0, lt=2**63)
    """Seed of every random number."""
    visit_months: tuple[float, ...] = ()
    """Months at which patients are visited."""
    visit_clocks: tuple[Clock, ...] = ("entry",)
    """When month 0 is: `entry` (start of follow-up) or `activation` (start of effect of the first implant)."""
    visit_denominators: tuple[Denominator, ...] = ("randomised", "implanted", "on_therapy")
    """Among whom visits are reported; `assessed` needs `measurement.missing`."""
    reference: str | None = None
    """Strategy that `increments` compares with; by default the first."""
    utility: str | None = None
    """Utility source of the base case; by default the first. The others are reported beside it."""
    norm_adjust: bool = True
    """Whether utilities fall with age as the population norm does (needs `utilities.norms`)."""

    @field_validator("horizon_years")
    @classmethod
    def _horizon(cls, value: float | str) -> float | str:
        if not isinstance(value, str) and not 0 < value <= 110:
            raise invalid(
                f"a horizon of {value:g} years is not possible", "a number above 0, at most 110, or `lifetime`"
            )
        return value

    @field_validator("visit_months", "willingness_to_pay")
    @classmethod
    def _increasing(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(b <= a for a, b in pairwise(value)) or any(v < 0 for v in value):
            raise invalid("the list is not increasing", "numbers from 0 up, each larger than the one before")
        if value and value[-1] > LARGEST_THRESHOLD:
            raise invalid(f"{value[-1]:g} is too large", f"numbers up to {LARGEST_THRESHOLD:g}")
        return value


# -------------------------------------------------------------- population


NARROWEST, WIDEST = 1e-9, 1e3
"""Range of the SD of an attribute, in means (the upper end for positive families)."""
MOST_CUT = 0.98
"""Largest SD of a truncated normal, in distances of its mean from the bound; from 1 on there is none."""


class Continuous(Sourced):
    """A continuous patient attribute. `mean` and `sd` are those of the distribution *after* truncation."""

    distribution: Literal["normal", "lognormal", "gamma", "uniform", "fixed"] = "normal"
    """Family: normal (truncated at min and max), lognormal, gamma, uniform (min to max) or fixed (mean)."""
    mean: float | None = None
    """Mean of the attribute among patients."""
    sd: float | None = Field(None, ge=0)
    """Standard deviation among patients."""
    min: float | None = None
    """Smallest permitted value."""
    max: float | None = None
    """Largest permitted value."""
    zero: float = Field(0.0, ge=0, lt=1)
    """Share of patients whose value is exactly 0 (opioid dose); mean and sd then describe the others."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write a bare number as a mapping."""
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            return {"distribution": "fixed", "mean": data}
        return data

    @model_validator(mode="after")
    def _check(self) -> Continuous:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise invalid(f"min {self.min:g} is not below max {self.max:g}")
        if self.distribution == "uniform":
            if self.min is None or self.max is None:
                raise invalid("a uniform attribute needs min and max")
            return self
        if self.mean is None:
            raise invalid("the mean is missing")
        if self.distribution == "fixed":
            return self
        if self.sd is None or self.sd == 0:
            raise invalid("the sd is missing or 0", "sd: a number above 0, or distribution: fixed")
        if self.distribution in ("lognormal", "gamma") and self.mean <= 0:
            raise invalid(f"a {self.distribution} attribute needs a mean above 0, not {self.mean:g}")
        if self.sd < NARROWEST * max(abs(self.mean), 1e-6):
            raise invalid(f"an sd of {self.sd:g} is too small beside a mean of {self.mean:g}", "distribution: fixed")
        if self.distribution != "normal" and self.sd > WIDEST * self.mean:
            raise invalid(f"an sd of {self.sd:g} is too large for a mean of {self.mean:g}", f"{WIDEST:g} times it")
        if (self.min is not None and self.mean <= self.min) or (self.max is not None and self.mean >= self.max):
            raise invalid(f"the mean {self.mean:g} is not between min and max")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        room = MOST_CUT * min((abs(self.mean - bound) for bound in bounds), default=math.inf)
        if self.distribution == "normal" and self.sd > room:
            what = f"no normal truncated so near its mean of {self.mean:g} has an SD of {self.sd:g}"
            raise invalid(what, f"an SD up to {room:.3g}, wider bounds, or another distribution")
        if self.distribution == "normal" and self.min is not None and self.max is not None:
            widest = (self.max - self.min) / 12**0.5
            if self.sd >= widest:
                raise invalid(
                    f"no truncated normal on [{self.min:g}, {self.max:g}] has an SD of {self.sd:g}",
                    f"an SD below {widest:.3g}, or wider bounds",
                )
        return self


class Shares(Base):
    """Shares of the pain mechanisms; their values sum to 1 (draws are rescaled to)."""

    neuropathic: Probability
    """Radicular, neuropathic pain."""
    mixed: Probability
    """Both components."""
    nociceptive: Probability
    """Mechanical or somatic referred pain."""

    @model_validator(mode="after")
    def _sum(self) -> Shares:
        values = [getattr(self, m).distribution for m in MECHANISMS]
        total = sum(v.mean for v in values if v is not None)
        if None not in values and abs(total - 1) > 1e-6:
            raise invalid(f"the shares sum to {total:g}", "shares that sum to 1")
        return self


class Confusion(Base):
    """3 x 3 matrix whose rows sum to 1: rows true mechanism, columns diagnosed."""

    neuropathic: Shares
    """What patients with neuropathic pain are called."""
    mixed: Shares
    """What patients with mixed pain are called."""
    nociceptive: Shares
    """What patients with nociceptive pain are called."""


class Diagnosis(Sourced):
    """The work-up that names the pain mechanism."""

    confusion: Confusion
    """How often the work-up is right."""
    cost: Cost | None = None
    """Cost of the work-up, charged at entry to strategies that use `diagnosed`."""


class Mortality(Sourced):
    """Death from all causes."""

    life_table: str | None = "uk_2017_2019"
    """A packaged life table (`scssim list`) or a CSV (age, sex, qx); null: nobody dies."""
    smr: Ratio = Ratio(value=1.0)
    """Standardised mortality ratio."""


class Covariate(Base):
    """A further patient attribute: binary (`probability`) or continuous (`values`)."""

    probability: Probability | None = None
    """Share of patients who have it."""
    values: Continuous | None = None
    """Distribution of its values."""

    @model_validator(mode="after")
    def _one(self) -> Covariate:
        if (self.probability is None) == (self.values is None):
            raise invalid("give either probability or values")
        return self


class Population(Base):
    """Who enters."""

    file: str | None = None
    """CSV or Parquet with one row per patient; columns named as the attributes. Missing columns are sampled. In the
    folder of the scenario, or below it, unless it is run with `--allow-outside`."""
    age: Continuous
    """Age at entry (years)."""
    female: Probability
    """Share of women."""
    back_vas: Continuous
    """Baseline back pain (0-10 VAS)."""
    leg_vas: Continuous
    """Baseline leg pain (0-10 VAS)."""
    odi: Continuous
    """Baseline Oswestry Disability Index (0-100)."""
    opioid_mme: Continuous = Continuous(distribution="fixed", mean=0.0)
    """Baseline opioid dose (morphine milligram equivalents per day)."""
    pain_years: Continuous = Continuous(distribution="fixed", mean=10.0)
    """Years in pain at entry."""
    mechanism: Shares
    """True pain mechanism."""
    diagnosis: Diagnosis | None = None
    """Work-up; without it the diagnosis is always right and free."""
    depression: Probability = Probability(value=0.0)
    """Share with depression."""
    prior_surgery: Probability = Probability(value=0.0)
    """Share with previous spine surgery."""
    covariates: dict[Identifier, Covariate] = {}
    """Further attributes, by name."""
    correlation: dict[str, dict[str, float]] = {}
    """Correlations of the normal scores of continuous attributes, e.g. `back_vas: {leg_vas: 0.35}`."""
    mortality: Mortality = Mortality()
    """Death."""

    @field_validator("age")
    @classmethod
    def _age(cls, value: Continuous) -> Continuous:
        for number in (value.mean, value.min, value.max):
            if number is not None and not 0 <= number <= 110:
                raise invalid(f"an age of {number:g} is not possible", "0 to 110 years")
        return value


# ---------------------------------------------------------------- therapies


class Trial(Sourced):
    """Screening trial of an implant."""

    success: Probability
    """Share of trials that lead to an implant."""
    days: Time = Time(value=7.0)
    """Length of the trial (days)."""


class ReliefPart(Sourced):
    """Relief among responders or non-responders, without measurement noise."""

    mean: Relief
    """Mean relief (fraction of baseline)."""
    sd: Positive
    """Standard deviation between patients."""


class SiteRelief(Sourced):
    """Relief at one site: a mixture of responders (relief >= 0.5) and non-responders (below)."""

    responders: Probability
    """Share of patients whose true relief is at least 0.5, given a successful trial."""
    if_responder: ReliefPart
    """Relief among responders, between 0.5 and 1."""
    if_not: ReliefPart
    """Relief among non-responders, between `lowest` and 0.5."""
    lowest: float = Field(-0.5, ge=-2, lt=0.5)
    """Smallest possible relief (negative: pain worse than at baseline)."""


class Waning(Sourced):
    """A share of the relief that wanes away (placebo share, tolerance)."""

    share: Probability
    """Share of the relief that wanes."""
    time_years: Positive
    """Time constant of the waning (years)."""


class Modifier(Sourced):
    """How an attribute shifts the probability of responding."""

    odds_ratio: Ratio
    """Odds ratio of responding when the condition holds, or per unit of a continuous attribute."""


class ReliefSpec(Base):
    """Pain relief, as a fraction of baseline pain."""

    back: SiteRelief
    """Relief of back pain."""
    leg: SiteRelief
    """Relief of leg pain."""
    share: Probability = Probability(value=1.0)
    """Share of the stated relief that patients have; below 1 it leaves a placebo share out."""
    correlation: Probability = Probability(value=0.65)
    """Correlation of back and leg relief (normal scores)."""
    onset_weeks: Time = Time(value=2.0)
    """Time constant of the onset (weeks)."""
    waning: Waning | None = None
    """Share of the relief that wanes while the therapy goes on."""
    modifiers: dict[str, Modifier] = {}
    """Odds ratios by condition (`mechanism == 'neuropathic'`, `depression`) or continuous attribute (`pain_years`)."""
    among: str | None = None
    """Condition under which the stated responder share holds; by default everyone in the population."""

    @field_validator("modifiers")
    @classmethod
    def _modifiers(cls, value: dict[str, Modifier]) -> dict[str, Modifier]:
        for key in value:
            valid_condition(key)
        return value

    _among = field_validator("among", mode="before")(valid_condition)


class LateLoss(Sourced):
    """Further losses of effect that begin after some years: in the end everybody loses it."""

    from_years: Time
    """Years since the start of effect up to which nobody is affected."""
    time_years: Positive
    """Mean time from then to the loss (years, exponential)."""


class LossOfEffect(TimeToEvent):
    """When the relief is lost, and what follows."""

    residual: Probability = Probability(value=0.0)
    """Share of the relief that remains after the loss."""
    stop_after_loss: Probability = Probability(value=1.0)
    """Probability that the therapy is stopped (explanted) because of the loss."""
    delay: Duration = Duration(weeks=Time(value=0.0))
    """From the loss to the stop."""
    late: LateLoss | None = None
    """Further losses after some years, for scenarios of the extrapolation (not for procedures)."""


Rule = Literal["back", "leg", "either", "both", "mean"]


class Review(Base):
    """When response is judged (on recorded pain) and what failing means."""

    months: tuple[float, ...]
    """Review times (months since the start of effect), increasing."""
    rule: Rule = "back"
    """Relief that is judged: back, leg, either, both, or the mean of the two."""
    threshold: float = Field(0.5, gt=0, le=1)
    """Relief needed to pass."""
    stop: Probability = Probability(value=1.0)
    """Probability that a patient who fails is stopped."""

    @field_validator("months")
    @classmethod
    def _months(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or value[0] <= 0 or any(b <= a for a, b in pairwise(value)):
            raise invalid("review months must be above 0 and increasing", "e.g. [6, 12]")
        return value


class Assess(Base):
    """The one assessment of a procedure; non-responders' episodes end there."""

    weeks: float = Field(4.0, gt=0)
    """Time of the assessment (weeks after the procedure)."""
    rule: Rule = "either"
    """Relief that is judged."""
    threshold: float = Field(0.5, gt=0, le=1)
    """Relief needed to count as a responder."""


class Repeat(Sourced):
    """Repeat courses of a procedure, only for responders, after the effect is lost."""

    courses: int = Field(ge=1, le=50)
    """Largest number of courses, the first included."""
    min_months: float = Field(3.0, ge=0)
    """Least time between the starts of two courses (months)."""
    probability: Probability = Probability(value=1.0)
    """Probability that a patient eligible for another course has it."""
    relief_ratio: Probability = Probability(value=1.0)
    """Relief of each course as a share of the one before."""


class TimedLoss(Sourced):
    """A utility decrement that lasts for a while."""

    loss: Loss
    """Utility lost while it lasts."""
    weeks: Time
    """How long it lasts (weeks)."""


class Complication(Sourced):
    """A recurrent complication or side effect."""

    label: str | None = None
    """Name for reports."""
    hazard: Rate | tuple[Hazard, ...]
    """Rate per year in effect, constant or in pieces since the start of effect."""
    ratio: Ratio = Ratio(value=1.0)
    """Ratio that multiplies the rate."""
    cost: Cost | None = None
    """Cost of treating one occurrence (besides revision and explant)."""
    utility: TimedLoss | None = None
    """Utility lost per occurrence (`linear` sources); its weeks are those spent `with complication` (`states`)."""
    revision: Probability = Probability(value=0.0)
    """Probability of revision surgery."""
    revision_wait: Duration = Duration(weeks=Time(value=0.0))
    """From the complication to its revision, or to the queue for it."""
    relief_lost: Probability = Probability(value=0.0)
    """Probability that a revised complication suspends the relief until the revision."""
    explant: Probability = Probability(value=0.0)
    """Probability that the implant is removed (the therapy stopped)."""
    reimplant: bool = False
    """Whether an explant for this complication may be followed by the therapy's `reimplant`."""

    @model_validator(mode="after")
    def _check(self) -> Complication:
        TimeToEvent(hazard=self.hazard)
        pieces = self.hazard if isinstance(self.hazard, tuple) else (Hazard(rate=self.hazard),)
        ends = [piece.until_years or math.inf for piece in pieces]
        for rate, start, end in zip((piece.rate for piece in pieces), [0.0, *ends], ends, strict=False):
            if rate.distribution and self.ratio.distribution:
                often = rate.distribution.mean * self.ratio.distribution.mean * min(end - start, 1.0)
                if often > DAYS_PER_YEAR:
                    raise invalid(f"a complication {often:g} times a year is not possible", "at most once a day")
        parts = [self.revision.distribution, self.explant.distribution]
        if None not in parts and sum(p.mean for p in parts if p) > 1 + 1e-9:
            raise invalid("revision and explant together exceed a probability of 1")
        return self


class Reimplant(Sourced):
    """A new implant of the same therapy after an explant for infection or hardware."""

    probability: Probability
    """Probability of a new implant."""
    delay: Duration
    """From the explant to the new implant."""
    most: int = Field(1, ge=1, le=10)
    """Largest number of re-implants."""


class Device(Sourced):
    """Power source of an implant."""

    rechargeable: bool
    """For information; the life below is what counts."""
    life: TimeToEvent
    """Time from implant to depletion."""
    replacement_wait: Duration = Duration(weeks=Time(value=0.0))
    """From depletion to replacement, without relief; 0 for a planned replacement before the device runs down."""

    @field_validator("life")
    @classmethod
    def _lasts(cls, value: TimeToEvent) -> TimeToEvent:
        for unit in PER_YEAR:
            fixed = getattr(value, unit)
            if fixed is not None and fixed.distribution is not None and fixed.distribution.mean <= 0:
                raise invalid("a device that lasts no time would be replaced for ever", "a life above 0")
        return value


class Paresthesia(Sourced):
    """Sensation of stimulation."""

    perceived: Probability = Probability(value=0.0)
    """Share who feel paresthesia."""
    uncomfortable: Probability = Probability(value=0.0)
    """Share, of those who feel it, who find it uncomfortable."""


class TherapyCosts(Base):
    """What a therapy costs. Which items are charged depends on its kind."""

    referral: Cost | None = None
    """When the patient is referred (start of the wait)."""
    trial: Cost | None = None
    """Per screening trial."""
    procedure: Cost | None = None
    """Per procedure or course; for a continuous therapy once, at its start."""
    implant: Cost | None = None
    """Operation of a first or new implant, without the device."""
    device: Cost | None = None
    """The implanted system; charged at implant."""
    pulse_generator: Cost | None = None
    """The generator alone, charged at a replacement; by default `device`."""
    replacement: Cost | None = None
    """Operation of a replacement, without the generator."""
    revision: Cost | None = None
    """Per revision operation."""
    explant: Cost | None = None
    """Per explant; for other kinds, when the therapy is stopped."""
    per_year: Cost | None = None
    """Per year while the therapy goes on (drugs, follow-up, programming)."""


LEAVING = ("start", "trial", "implant")
"""What patients may give up waiting for."""

RESERVED_EVENTS = ("start", "repeat", "depletion", "replacement", "generator", "revision", "explant", "end")
"""Events and cost items that every therapy may have; complications need other names."""

RESERVED_STATES = ("waiting", "trial", "background", "dead")
"""States of patients beside the therapies; therapies need other ids."""


class Therapy(Base):
    """One therapy: its life cycle, effect, risks and costs."""

    label: str | None = None
    """Name for tables and figures."""
    kind: Literal["continuous", "procedure", "implant"]
    """Life cycle: continuous (drugs, physiotherapy), procedure (injection, surgery) or implant."""
    response_group: Identifier | None = None
    """Therapies of one group share a patient's latent response; by default the therapy's own id."""
    wait: TimeToEvent = TimeToEvent(weeks=Time(value=0.0))
    """From the decision to the start (of the trial, for implants), or to the queue for what it needs."""
    trial: Trial | None = None
    """Screening trial (implants)."""
    relief: ReliefSpec
    """Pain relief."""
    loss_of_effect: LossOfEffect | None = None
    """Loss of effect; without it the effect lasts as long as the therapy."""
    review: Review | None = None
    """Reviews and stopping rule (continuous, implant)."""
    max_duration: Duration | None = None
    """Longest duration for non-responders (continuous)."""
    stop_responders: bool = False
    """Whether `max_duration` also ends the therapy of responders."""
    assess: Assess | None = None
    """Assessment (procedure)."""
    repeat: Repeat | None = None
    """Repeat courses (procedure)."""
    surgery: bool = False
    """Whether the procedure is an operation (implants always are), with its utility decrement."""
    complications: dict[Identifier, Complication] = {}
    """Complications and side effects, by name."""
    reimplant: Reimplant | None = None
    """New implant after an explant for a complication (implant)."""
    device: Device | None = None
    """Power source (implant)."""
    paresthesia: Paresthesia = Paresthesia()
    """Paresthesia (implant)."""
    bridge: bool = True
    """Whether a continuous therapy goes on until the next therapy's effect starts."""
    background: bool = False
    """Whether the yearly costs of background care (`costs.background`) go on while it is in effect: for a therapy
    that stands for background care and its effect, not for something in its place."""
    needs: Needs = Needs()
    """Limited resources that it needs (discrete-event engine)."""
    costs: TherapyCosts = TherapyCosts()
    """Costs."""

    @model_validator(mode="after")
    def _parts(self) -> Therapy:
        only = {
            "trial": ("implant",), "device": ("implant",), "reimplant": ("implant",),
            "assess": ("procedure",), "repeat": ("procedure",),
            "review": ("continuous", "implant"), "max_duration": ("continuous",),
        }  # fmt: skip
        for part, kinds in only.items():
            if getattr(self, part) is not None and self.kind not in kinds:
                raise invalid(f"`{part}` does not apply to a {self.kind}", f"kind: {' or '.join(kinds)}")
        self._needs()
        taken = sorted(set(self.complications) & {*TherapyCosts.model_fields, *RESERVED_EVENTS})
        if taken:
            raise invalid(f"`{taken[0]}` is a cost or event of every therapy", "another name for the complication")
        if self.kind == "procedure" and self.assess is None:
            raise invalid("a procedure needs `assess`", "assess: {weeks: 4}")
        if self.kind == "procedure" and self.loss_of_effect is not None and self.loss_of_effect.late is not None:
            raise invalid("`late` losses do not apply to a procedure", "kind: continuous or implant")
        if self.repeat is not None and self.loss_of_effect is None:
            raise invalid("`repeat` needs `loss_of_effect`: courses repeat after the effect is lost")
        return self

    def _needs(self) -> None:
        """What queues must exist."""
        possible = {
            "start": self.kind != "implant", "trial": self.trial is not None, "implant": self.kind == "implant",
            "repeat": self.repeat is not None, "replacement": self.device is not None,
            "revision": bool(self.complications), "explant": self.kind == "implant",
        }  # fmt: skip
        for event, there in possible.items():
            need = getattr(self.needs, event)
            if need is None:
                continue
            if not there:
                allowed = ", ".join(name for name, may in possible.items() if may)
                raise invalid(f"the therapy has no {event} that could need `{need.resource}`", f"one of {allowed}")
            if need.max_wait is not None and event not in LEAVING:
                raise invalid(f"who waits for a {event} does not leave the queue", f"max_wait for {', '.join(LEAVING)}")


# --------------------------------------------------------------- strategies


class Step(Base):
    """One step of a strategy."""

    therapy: str
    """Id of the therapy."""
    if_: str | None = Field(None, alias="if")
    """Condition on the patient and the past; others skip the step."""
    acceptance: Probability = Probability(value=1.0)
    """Probability that an eligible patient accepts."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write the bare id of a therapy as a mapping."""
        return {"therapy": data} if isinstance(data, str) else data

    _if = field_validator("if_", mode="before")(valid_condition)

    @property
    def condition(self) -> Expression | None:
        """The parsed condition."""
        return None if self.if_ is None else parse(self.if_)


class Strategy(Base):
    """An ordered list of therapies."""

    label: str | None = None
    """Name for tables and figures."""
    steps: tuple[Step, ...]
    """Therapies in order."""

    @field_validator("steps")
    @classmethod
    def _not_empty(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        if not value:
            raise invalid("the strategy has no steps", "at least one therapy")
        return value


# ------------------------------------------------------- outcomes and costs


class Residual(Sourced):
    """Residual of a utility mapping; enters recorded utilities only."""

    sd: float = Field(ge=0)
    """Residual standard deviation."""
    person_share: float = Field(0.5, ge=0, le=1)
    """Share of its variance that stays with the person."""


class UtilityLinear(Sourced):
    """Utility = intercept + odi * ODI + leg * leg pain + back * back pain (coefficients are negative)."""

    kind: Literal["linear"]
    """A linear mapping."""
    label: str | None = None
    """Name for reports."""
    instrument: str
    """Instrument, e.g. EQ-5D-3L."""
    tariff: str
    """Value set."""
    country: str
    """Country of the value set."""
    intercept: Real
    """Utility at ODI 0 and no pain."""
    odi: Real = Real(value=0.0)
    """Per ODI point (0-100)."""
    leg: Real = Real(value=0.0)
    """Per point of leg pain (0-10)."""
    back: Real = Real(value=0.0)
    """Per point of back pain (0-10)."""
    residual: Residual | None = None
    """Residual of recorded utilities."""


class UtilityStates(Sourced):
    """A value per relief category: optimal (>= 50 %), suboptimal, none."""

    kind: Literal["states"]
    """Values of health states."""
    label: str | None = None
    """Name for reports."""
    instrument: str
    """Instrument, e.g. EQ-5D-3L."""
    tariff: str
    """Value set."""
    country: str
    """Country of the value set."""
    site: Literal["back", "leg", "mean"] = "back"
    """Site whose relief sets the category."""
    optimal_from: float = Field(0.5, gt=0, le=1)
    """Relief from which it is optimal."""
    suboptimal_from: float = Field(0.1, ge=0, lt=1)
    """Relief from which it is suboptimal; below there is none."""
    optimal: Utility
    """Utility with optimal relief."""
    suboptimal: Utility
    """Utility with suboptimal relief."""
    none: Utility
    """Utility without relief."""
    optimal_complication: Utility | None = None
    """Utility with optimal relief during a complication; by default that without."""
    suboptimal_complication: Utility | None = None
    """Utility with suboptimal relief during a complication; by default that without."""


class Decrements(Base):
    """Utility decrements that add to every source."""

    surgery: TimedLoss | None = None
    """Per operation (implant, revision, replacement, explant, surgery)."""
    uncomfortable_paresthesia: Loss | None = None
    """While paresthesia is uncomfortable."""
    depression: Loss | None = None
    """For people with depression."""


class Utilities(Base):
    """How health is valued."""

    sources: dict[Identifier, Annotated[UtilityLinear | UtilityStates, Field(discriminator="kind")]]
    """Utility sources by id; each declares instrument, tariff and country."""
    decrements: Decrements = Decrements()
    """Decrements that add to every source."""
    norms: str | None = None
    """Packaged age-sex utility norms (`scssim list`), as a ratio to the norm at entry."""
    odi_slope: Real = Real(value=0.5)
    """ODI falls by this share of the mean relief: ODI = baseline * (1 - slope * relief)."""
    opioid_slope: Real = Real(value=0.0)
    """Opioid dose falls by this share of the mean relief."""

    @field_validator("sources")
    @classmethod
    def _some(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise invalid("no utility source is given", "at least one")
        return value


class ByRelief(Sourced):
    """A yearly cost that depends on the relief category."""

    label: str | None = None
    """Name for reports."""
    optimal: Cost
    """Per year with optimal relief."""
    suboptimal: Cost
    """Per year with suboptimal relief."""
    none: Cost
    """Per year without relief."""
    perspective: Perspective = "healthcare"
    """Who bears it."""


class CostPiece(Base):
    """One piece of a yearly cost that changes with time since entry."""

    until_years: float | None = Field(None, gt=0)
    """End of the piece (years since entry); the last piece has none."""
    per_year: Cost
    """Cost per year."""


class Background(Sourced):
    """A yearly cost while no therapy is in effect (or one with `background: true`)."""

    label: str | None = None
    """Name for reports."""
    pieces: tuple[CostPiece, ...]
    """Pieces in time since entry."""
    perspective: Perspective = "healthcare"
    """Who bears it."""

    @model_validator(mode="before")
    @classmethod
    def _from_cost(cls, data: Any) -> Any:
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write a cost that is the same all the time as its only piece."""
        if isinstance(data, dict) and "per_year" in data and "pieces" not in data:
            rest = {k: v for k, v in data.items() if k != "per_year"}
            return {**rest, "pieces": [{"per_year": data["per_year"]}]}
        return data

    @field_validator("pieces")
    @classmethod
    def _ends(cls, value: tuple[CostPiece, ...]) -> tuple[CostPiece, ...]:
        ends = [p.until_years for p in value]
        known = [e for e in ends if e is not None]
        if not value or ends[-1] is not None or len(known) != len(value) - 1 or known != sorted(set(known)):
            raise invalid("every piece but the last needs an increasing until_years")
        return value


class Costs(Base):
    """Costs that belong to no single therapy."""

    by_relief: dict[Identifier, ByRelief] = {}
    """Yearly costs by relief category, all through life (drugs, GP visits, lost work)."""
    background: dict[Identifier, Background] = {}
    """Yearly costs while no therapy is in effect, or one with `background: true`."""
    relief_site: Literal["back", "leg", "mean"] = "back"
    """Site whose relief sets the category."""
    optimal_from: float = Field(0.5, gt=0, le=1)
    """Relief from which it is optimal."""
    suboptimal_from: float = Field(0.1, ge=0, lt=1)
    """Relief from which it is suboptimal."""


# ------------------------------------------------- measurement and analyses


class Missing(Sourced):
    """Who is missing from the `assessed` denominator."""

    hazard: Rate = Rate(value=0.0)
    """Loss to follow-up per year since activation."""
    non_responder_ratio: Ratio = Ratio(value=1.0)
    """Ratio of that rate for true non-responders (back)."""


class Measurement(Base):
    """Noise of recorded values."""

    pain_person_sd: float = Field(0.0, ge=0)
    """SD of a person's own lasting bias in pain scores (VAS points)."""
    pain_visit_sd: float = Field(0.0, ge=0)
    """SD of the noise of one visit (VAS points)."""
    remitter_vas: float = Field(2.5, ge=0, le=10)
    """A remitter records at most this VAS."""
    responder_relief: float = Field(0.5, gt=0, le=1)
    """A responder records at least this relief."""
    missing: Missing | None = None
    """Loss to follow-up."""
    source: str | None = None
    """Key in the bibliography."""
    note: str | None = None
    """Where the numbers come from."""


class Target(Base):
    """A published result that the simulation is held against."""

    strategy: str
    """Strategy."""
    measure: Measure
    """Measure."""
    month: float = Field(ge=0)
    """Visit month."""
    denominator: Denominator = "randomised"
    """Among whom."""
    clock: Clock = "entry"
    """Visit clock."""
    statistic: Literal["mean", "sd"] = "mean"
    """Statistic compared: the mean (share, for yes/no measures) or the SD between patients."""
    observed: float
    """Published value."""
    n: int | None = Field(None, ge=1)
    """Patients behind it; gives the interval of a share (Wilson) or, with `sd`, of a mean."""
    sd: float | None = Field(None, gt=0)
    """Published SD between patients (for the interval of a mean)."""
    lower: float | None = None
    """Lower end of the published 95 % interval."""
    upper: float | None = None
    """Upper end of the published 95 % interval."""
    tolerance: float | None = Field(None, gt=0)
    """Largest difference that counts as agreement; without it the target is only reported."""
    source: str | None = None
    """Key in the bibliography."""
    grade: Grade | None = None
    """Grade of the published value; `assumed` when nobody has read it in the paper."""
    fitted: bool | None = None
    """Whether numbers of the scenario were fitted to it or taken from it: agreement is then no test of the model."""
    note: str | None = None
    """Remarks."""


class ResponseGroup(Sourced):
    """Therapies whose responses go together."""

    rho: Probability = Probability(value=0.6)
    """Correlation of a patient's response between occurrences (normal scores)."""


class Joint(Sourced):
    """Parameters that were estimated together: their normal scores are correlated in draws."""

    parameters: tuple[str, ...]
    """Paths of uncertain parameters."""
    correlation: tuple[tuple[float, ...], ...]
    """Correlation matrix of their normal scores, in the same order."""

    @model_validator(mode="after")
    def _matrix(self) -> Joint:
        import numpy as np

        k = len(self.parameters)
        if len(self.correlation) != k or any(len(row) != k for row in self.correlation):
            raise invalid(f"the correlation matrix is not {k} x {k}", "one row and column per parameter")
        matrix = np.array(self.correlation)
        if not np.allclose(matrix, matrix.T, atol=1e-9) or not np.allclose(np.diag(matrix), 1, atol=1e-9):
            raise invalid("the correlation matrix is not symmetric with 1 on its diagonal")
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest <= 1e-10:
            raise invalid(
                f"the correlation matrix is not positive definite (smallest eigenvalue {smallest:.3g})",
                "weaker correlations, or the matrix as estimated",
            )
        return self


class Scenario(Base):
    """A complete scenario."""

    title: str
    """Title."""
    description: str | None = None
    """What the scenario is for, and its limits."""
    reporting: Reporting = Reporting()
    """For reports: authors, setting, funding and other things that no model can know. Not inherited by a scenario that
    extends this one."""
    settings: Settings = Settings()
    """How the scenario is run and reported."""
    population: Population
    """Who enters."""
    therapies: dict[Identifier, Therapy]
    """Therapies by id."""
    strategies: dict[Identifier, Strategy]
    """Strategies by id."""
    utilities: Utilities
    """How health is valued."""
    costs: Costs = Costs()
    """Costs that belong to no single therapy."""
    measurement: Measurement = Measurement()
    """Noise of recorded values."""
    response_groups: dict[Identifier, ResponseGroup] = {}
    """Groups of therapies whose responses go together."""
    joint: dict[Identifier, Joint] = {}
    """Groups of parameters that were estimated together."""
    targets: tuple[Target, ...] = ()
    """Published results that the simulation is held against."""
    resources: dict[Identifier, Resource] = {}
    """Limited resources by id (discrete-event engine); therapies say under `needs` what they take."""
    service: Service = Service()
    """Referrals, run length and replications (discrete-event engine)."""
    analyses: Analyses = Analyses()
    """What to do besides the base case."""

    @property
    def reference(self) -> str:
        """Strategy that others are compared with: the one of the settings, else the first."""
        return self.settings.reference or next(iter(self.strategies))

    def strategy_label(self, name: str) -> str:
        """Label of a strategy; its id if it has none, or is not of this scenario."""
        strategy = self.strategies.get(name)
        return (strategy.label if strategy is not None else None) or name

    @field_validator("therapies")
    @classmethod
    def _not_a_state(cls, value: dict[str, Therapy]) -> dict[str, Therapy]:
        for name in value:
            if name in RESERVED_STATES:
                raise invalid(f"`{name}` is a state of patients", "another id for the therapy")
        return value

    @field_validator("strategies", "therapies")
    @classmethod
    def _some(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise invalid("nothing is defined here", "at least one entry")
        return value
