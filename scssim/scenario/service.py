"""What the discrete-event engine adds to a scenario: limited resources, who needs them, and who is referred when."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from scssim.scenario.common import Sourced
from scssim.scenario.quantity import Base, invalid
from scssim.scenario.times import DAYS_PER_YEAR, TimeToEvent

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

MOST_ROWS, ENOUGH_ROWS = 100_000, 5_000
"""Most rows of the record of a queue, and how many are enough when nobody asks for more."""

MOST_PATIENTS = 10**7
"""Most referrals of one replication."""


class Level(Base):
    """Capacity for a while."""

    until_years: float | None = None
    """End of the piece (years since the start of the period that is counted); the last piece has none."""
    number: int
    """Capacity in it; 0 closes the resource."""


Capacity = int | tuple[Level, ...]


class WaitingTarget(Base):
    """How long a wait in the queue may be, and for how many."""

    weeks: float = Field(gt=0, le=5200)
    """Longest wait that meets the target (weeks in the queue)."""
    share: float = Field(0.92, gt=0, le=1)
    """Share of patients who should wait no longer."""


class Resource(Sourced):
    """Something that patients queue for: `servers` are held for a duration, `slots` are used up."""

    instead_of: ClassVar[dict[str, tuple[str, ...]]] = {"servers": ("slots", "per"), "slots": ("servers",)}

    label: str | None = None
    """Name for tables and figures."""
    servers: Capacity | None = None
    """Number of servers (beds, clinics, surgeons), or pieces of it over time."""
    slots: Capacity | None = None
    """Number of slots per opening day (or week), or pieces of it over time. What is not used lapses."""
    per: Literal["day", "week"] = "day"
    """Whether slots are per opening day or per week (from Monday; taken on opening days)."""
    open: tuple[Day, ...] = DAYS
    """Days of the week on which patients are taken; day 0 of a run is a Monday."""
    closed_weeks: tuple[int, ...] = ()
    """Weeks of each year in which it is closed, from Monday to Sunday, numbered by the place of their Monday in the
    year: 1 to 52, and 53 in some years."""
    target: WaitingTarget | None = None
    """Waiting-time target."""

    @model_validator(mode="after")
    def _check(self) -> Resource:
        if (self.servers is None) == (self.slots is None):
            raise invalid("give either servers or slots", "slots: 4 (used up), or servers: 2 (held for a duration)")
        kind = "servers" if self.servers is not None else "slots"
        if kind == "servers" and self.per != "day":
            raise invalid("`per` is for slots", "leave it out for servers")
        capacity = self.capacity
        ends = [level.until_years for level in capacity]
        known = [end for end in ends if end is not None]
        if ends[-1] is not None or len(known) != len(ends) - 1 or any(b <= a for a, b in pairwise(known)):
            raise invalid(
                f"every piece of `{kind}` but the last needs an increasing until_years",
                "[{until_years: 1.5, number: 4}, {number: 6}]",
            )
        for level in capacity:
            if level.number < 0:
                raise invalid(f"a capacity of {level.number} is not possible", "a whole number from 0 up")
        if capacity[-1].number == 0:
            last = "a capacity of 0 for ever" if len(capacity) == 1 else "a last piece of 0"
            raise invalid(f"{last} serves nobody", "1 or more; or leave the resource out of `needs`")
        if not self.open:
            raise invalid("the calendar has no open days", "open: some of mon, tue, wed, thu, fri, sat, sun")
        for week in self.closed_weeks:
            if not 1 <= week <= 53:
                raise invalid(f"a year has no week {week}", "closed_weeks: some of 1 to 53")
        if len(set(self.closed_weeks)) >= 52:
            raise invalid("the calendar has no open weeks", "closed_weeks: fewer than 52 of the weeks 1 to 53")
        return self

    @property
    def capacity(self) -> tuple[Level, ...]:
        """Capacity as pieces."""
        given = self.slots if self.servers is None else self.servers
        if isinstance(given, tuple):
            if not given:
                raise invalid("no capacity is given", "a number, or pieces of it")
            return given
        assert given is not None
        return (Level(number=given),)


class Need(Sourced):
    """What an event of a therapy takes, and how patients queue for it."""

    resource: str
    """Id of the resource."""
    priority: int = Field(5, ge=1, le=9)
    """Class in the queue: 1 is served first, 9 last; within a class who waits longest comes first."""
    duration: TimeToEvent | None = None
    """How long a server is held; what the patient does next does not wait for it."""
    max_wait: TimeToEvent | None = None
    """Longest wait in the queue for a start, trial or implant: who is not served by then leaves it, and goes on to the
    next step."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write the bare id of a resource as a mapping."""
        return {"resource": data} if isinstance(data, str) else data


class Needs(Base):
    """Which resources a therapy needs. What needs none never queues."""

    start: Need | None = None
    """For its start (continuous, procedure)."""
    trial: Need | None = None
    """For the screening trial (implant)."""
    implant: Need | None = None
    """For the implant, after the trial, and for each re-implant."""
    repeat: Need | None = None
    """For each repeat course (procedure)."""
    revision: Need | None = None
    """For each revision."""
    replacement: Need | None = None
    """For each replacement of a depleted device; there is no relief until then."""
    explant: Need | None = None
    """For each explant (implant). The therapy ends, and the patient goes on, without waiting for it."""


class Referrals(Base):
    """Patients who come at once."""

    day: float = Field(ge=0)
    """Day of their arrival, from the start of the schedule: the Monday of the week in which the run (with its warm-up)
    starts; whoever would come before that start does not."""
    patients: int = Field(ge=1, le=MOST_PATIENTS)
    """How many."""


class Arrivals(Sourced):
    """When patients are referred."""

    instead_of: ClassVar[dict[str, tuple[str, ...]]] = {
        "per_year": ("schedule", "every_days"), "schedule": ("per_year", "growth", "pattern"),
    }  # fmt: skip

    per_year: float | None = Field(None, gt=0, le=MOST_PATIENTS)
    """Referrals per year at the start of the period that is counted."""
    growth: float = Field(0.0, gt=-1, le=10)
    """Growth of that number per year (0.05: 5 % more each year)."""
    pattern: Literal["poisson", "even"] = "poisson"
    """At random, or at equal distances."""
    schedule: tuple[Referrals, ...] | None = None
    """In place of a rate: who comes when."""
    every_days: float | None = Field(None, gt=0)
    """Repeat the schedule after so many days (7: every week)."""

    @model_validator(mode="after")
    def _check(self) -> Arrivals:
        if (self.per_year is None) == (self.schedule is None):
            raise invalid("give either per_year or a schedule", "per_year: 120, or schedule: [{day: 0, patients: 10}]")
        if self.schedule is None:
            if self.every_days is not None:
                raise invalid("`every_days` repeats a schedule", "schedule: [{day: 0, patients: 10}]")
            return self
        if self.growth or self.pattern != "poisson":
            raise invalid("`growth` and `pattern` go with per_year, not with a schedule")
        if not self.schedule:
            raise invalid("the schedule is empty", "schedule: [{day: 0, patients: 10}]")
        if self.every_days is not None and self.schedule[-1].day >= self.every_days:
            raise invalid(
                f"the schedule has a day {self.schedule[-1].day:g}, but repeats after {self.every_days:g} days",
                "days below every_days",
            )
        if any(b.day < a.day for a, b in pairwise(self.schedule)):
            raise invalid("the days of the schedule are not in order")
        return self


class Replications(Base):
    """How many times the service is simulated, each time with other patients and arrivals: a number, or as many as it
    takes to know mean waits well enough.
    """

    instead_of: ClassVar[dict[str, tuple[str, ...]]] = {
        "number": ("least", "most", "precision"), **dict.fromkeys(("least", "most", "precision"), ("number",)),
    }  # fmt: skip

    number: int | None = Field(None, ge=1, le=10_000)
    """Number of replications; in place of the rest."""
    least: int = Field(5, ge=2, le=10_000)
    """Fewest replications."""
    most: int = Field(100, ge=2, le=10_000)
    """Most replications."""
    precision: float = Field(0.05, gt=0, lt=1)
    """Go on until the half-width of the 95 % interval of every mean wait is at most this share of it (or a day)."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        return cls.written_out(data)

    @classmethod
    def written_out(cls, data: Any) -> Any:
        """Write a bare number as a mapping."""
        return {"number": data} if isinstance(data, int) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _order(self) -> Replications:
        if self.most < self.least:
            raise invalid(f"most ({self.most}) is below least ({self.least})")
        return self


class Service(Base):
    """How the discrete-event engine runs the scenario: arrivals, run length, warm-up, replications."""

    arrivals: Arrivals | None = None
    """Referrals; by default `settings.patients` patients enter at once (a closed cohort)."""
    backlog: int = Field(0, ge=0, le=MOST_PATIENTS)
    """Further patients who are there when the run starts."""
    years: float | None = Field(None, gt=0, le=1e6)
    """Length of the period that is counted: referrals come until then, and queues are recorded. Patients are
    followed to their own horizon. By default it ends with the last of `settings.patients` referrals, or with the
    horizon of a closed cohort."""
    warm_up_years: float = Field(0.0, ge=0, le=1e6)
    """Years before that period: referrals come and queues build up, but nobody is counted."""
    replications: Replications = Replications(number=1)
    """Number of replications, or how many it may take to reach a precision. With draws each draw is one."""
    record_days: float | None = Field(None, gt=0)
    """Distance of the rows of `queues` (days), each of which has averages over it; by default 7, or as many as give
    5,000 rows."""
    log_patients: int | None = Field(1000, ge=0)
    """How many patients of the first replication are in the event log, for each strategy; null: all."""

    def recorded(self, years: float) -> float:
        """Distance of the rows of `queues` (years) in a period of some years."""
        if self.record_days is not None:
            return self.record_days / DAYS_PER_YEAR
        return max(7 / DAYS_PER_YEAR, years / ENOUGH_ROWS)

    @model_validator(mode="after")
    def _check(self) -> Service:
        if self.years is not None and self.warm_up_years >= self.years:
            raise invalid(
                f"the warm-up of {self.warm_up_years:g} years is not shorter than the {self.years:g} years that count",
                "warm_up_years below years",
            )
        if self.warm_up_years and self.arrivals is None:
            raise invalid("a closed cohort has no warm-up", "arrivals: {per_year: 120}, or no warm_up_years")
        if self.backlog and self.arrivals is None:
            raise invalid("a closed cohort has no backlog: everybody is there at the start", "settings.patients")
        return self
