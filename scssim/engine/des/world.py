"""One service under one strategy, from the first referral until everybody who counts has left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import simpy

from scssim.engine.des.arrivals import Referrals
from scssim.engine.des.calendar import Calendar
from scssim.engine.des.case import STATES, WAITING, Case, Walk
from scssim.engine.des.monitor import Monitor
from scssim.engine.des.resource import Resource, Servers, Slots
from scssim.engine.des.ward import Ward
from scssim.errors import ScssimError
from scssim.model.leaves import LEAF
from scssim.model.plan import TIE
from scssim.scenario.schema import Scenario
from scssim.scenario.service import MOST_ROWS
from scssim.scenario.times import DAYS_PER_YEAR

Event = tuple[int, float, str, str | None, str | None, str, str | None]
"""Case, time (years), event, therapy, resource, lifecycle and detail."""
Process = Any


class World:
    """A service: its clock, its resources, and the patients in it.

    Parameters
    ----------
    scenario
        The scenario.
    referrals
        Who is referred when.
    ward
        Makes the ward of some consecutive patients: (whether they count, first, times of referral, done).
    log
        Receives the events of patients who are logged; None: nobody is.
    logged
        How many of the patients who count are logged; None: everybody, also those who do not count.

    Attributes
    ----------
    env
        Environment of SimPy.
    resources
        By id.
    census
        Patients by state (`case.STATES`), now.
    at_end
        The same at the end of the period that is counted.
    """

    def __init__(
        self,
        scenario: Scenario,
        referrals: Referrals,
        ward: Callable[[bool, int, list[float], simpy.Event], Ward],
        log: Callable[[Event], None] | None = None,
        logged: int | None = 0,
    ) -> None:
        start = -scenario.service.warm_up_years
        self.env = simpy.Environment(start)
        self.resources = _resources(scenario, self.env, start, referrals.end)
        self.census = [0] * len(STATES)
        self.at_end: list[int] = []
        self.referrals = referrals
        self._ward, self._log, self._logged = ward, log, 0 if log is None else logged
        self.log = log or (lambda event: None)
        self._wards: dict[int, Ward] = {}
        self._opened = self.env.event()
        self.env.process(self._arrive())
        self._ended = self.env.process(self._end())

    def wards(self) -> Iterator[Ward]:
        """Wards of the patients who count, in order, each when its last patient has left."""
        for number in range(-(-self.referrals.counted.size // LEAF)):
            while number not in self._wards:
                self.env.run(self._opened)
            ward = self._wards.pop(number)
            if ward.open:
                self.env.run(ward.done)
            yield ward
        if not self.at_end:
            self.env.run(self._ended)
        # Patients of the warm-up may still be in a queue that they joined in the period.
        while any(resource.monitor.pending for resource in self.resources.values()):
            self.env.step()
        for resource in self.resources.values():
            resource.monitor.advance(self.referrals.end)

    def _arrive(self) -> Process:
        env = self.env
        for counted, times in ((False, self.referrals.before), (True, self.referrals.counted)):
            for first in range(0, times.size, LEAF):
                chunk = times[first : first + LEAF].tolist()
                ward: Ward | None = None
                for i, time in enumerate(chunk):
                    if time > env.now:
                        yield simpy.Timeout(env, time - env.now)
                    if ward is None:
                        ward = self._open(counted, first, chunk)
                    self.census[WAITING] += 1
                    Walk(Case(self, ward, i, self._is_logged(counted, first + i)).live())

    def _open(self, counted: bool, first: int, times: list[float]) -> Ward:
        ward = self._ward(counted, first, times, self.env.event())
        if counted:
            self._wards[first // LEAF] = ward
            opened, self._opened = self._opened, self.env.event()
            opened.succeed()
        return ward

    def _is_logged(self, counted: bool, number: int) -> bool:
        if self._logged is None:
            return True
        return counted and number < self._logged

    def _end(self) -> Process:
        # A moment before, as a closed cohort ends with the horizon of everybody.
        yield self.env.timeout(max(0.0, self.referrals.end - self.env.now - TIE))
        self.at_end = list(self.census)


def _resources(scenario: Scenario, env: simpy.Environment, start: float, end: float) -> Mapping[str, Resource]:
    found: dict[str, Resource] = {}
    width = scenario.service.recorded(end)
    if end / width > MOST_ROWS:
        days = scenario.service.record_days
        least = end * DAYS_PER_YEAR / MOST_ROWS
        raise ScssimError(
            f"service.record_days: {days:g} days make more than {MOST_ROWS:,} rows; give {least:.3g} or more"
        )
    for name, spec in scenario.resources.items():
        target = None if spec.target is None else spec.target.weeks * 7 / DAYS_PER_YEAR
        monitor = Monitor(start, end, width, target)
        calendar = Calendar(spec)
        if spec.slots is None:
            found[name] = Servers(env, calendar, monitor)
        else:
            found[name] = Slots(env, calendar, monitor, spec.per == "week")
    return found
