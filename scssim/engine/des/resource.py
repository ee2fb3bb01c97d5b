"""Limited resources on SimPy events: a heap of requests, a calendar, and capacity that changes.

SimPy's own `PriorityResource` sorts its whole queue at every request; here a request costs the logarithm of it.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from scssim.engine.des.calendar import Calendar, day_of
from scssim.engine.des.monitor import Monitor, Part
from scssim.model.plan import TIE
from scssim.scenario.times import DAYS_PER_YEAR

Process = Generator[simpy.Event, Any, None]

TIDY = 64
"""Withdrawn requests that may lie in a queue before it is looked whether they are most of it."""


class Request(simpy.Event):
    """A place in a queue. Its value is True when it is granted and False when it was withdrawn.

    Attributes
    ----------
    resource
        What was asked for.
    joined
        When (years).
    granted
        Whether it was granted; at once, if so right after `Resource.request`.
    counted, of
        Whether it counts in statistics, and in which part of them.
    """

    def __init__(self, resource: Resource, counted: bool, of: Part) -> None:
        super().__init__(resource.env)
        self.resource = resource
        self.joined: float = resource.env.now
        self.granted = False
        self.counted, self.of = counted, of

    def withdraw(self, gave_up: bool = False) -> None:
        """Leave the queue; nothing happens if the request was granted or withdrawn before.

        Parameters
        ----------
        gave_up
            Whether the patient has waited too long.
        """
        if not self.granted and not self.triggered:
            self.resource.withdraw(self, gave_up)


class Resource:
    """What servers and slots have in common: the queue.

    Within a class (1 is served first) who joined first is served first; of those who joined at the same moment, who
    asked first.

    Parameters
    ----------
    env
        Environment.
    calendar
        When it is open, and its capacity.
    monitor
        What happens is noted there.
    """

    def __init__(self, env: simpy.Environment, calendar: Calendar, monitor: Monitor) -> None:
        self.env, self.calendar, self.monitor = env, calendar, monitor
        self.queue: list[tuple[int, float, int, Request]] = []
        self.waiting = 0
        self._asked = 0
        self._left = 0

    # What the kinds differ in

    @property
    def free(self) -> bool:
        """Whether somebody can be served now."""
        raise NotImplementedError

    def take(self) -> None:
        """Use one unit."""
        raise NotImplementedError

    # The queue

    def request(self, priority: int, event: str = "") -> Request:
        """Join the queue; who can be served at once is (``granted``), and need not wait for the event.

        Parameters
        ----------
        priority
            Class: 1 is served first.
        event
            What for.
        """
        now = self.env.now
        request = Request(self, self.monitor.inside(now), (event, int(now) + 1))
        if self.free and not self.waiting:
            request.granted = True
            self.take()
            if request.counted:
                self.monitor.served(0.0, request.of)
            return request
        self.monitor.advance(now)
        self._asked += 1
        heappush(self.queue, (priority, now, self._asked, request))
        self.waiting += 1
        self.monitor.queue = self.waiting
        self.monitor.ever = True
        self.monitor.pending += request.counted
        return request

    def withdraw(self, request: Request, gave_up: bool) -> None:
        """Take a request out of the queue."""
        now = self.env.now
        self.monitor.advance(now)
        self.waiting -= 1
        self.monitor.queue = self.waiting
        if request.counted:
            self.monitor.pending -= 1
            self.monitor.left(now - request.joined, request.of, gave_up)
        request.succeed(False)
        self._left += 1
        if self._left > TIDY and 2 * self._left > len(self.queue):
            self.queue = [entry for entry in self.queue if not entry[-1].triggered]
            heapify(self.queue)
            self._left = 0

    def serve(self) -> None:
        """Serve whoever is next, as long as somebody can be served."""
        if not self.waiting or not self.free:
            return
        now = self.env.now
        self.monitor.advance(now)
        while self.waiting and self.free:
            request = heappop(self.queue)[-1]
            if request.triggered:  # was withdrawn
                self._left -= 1
                continue
            self.waiting -= 1
            request.granted = True
            self.take()
            if request.counted:
                self.monitor.pending -= 1
                self.monitor.served(now - request.joined, request.of)
            request.succeed(True)
        self.monitor.queue = self.waiting


class Servers(Resource):
    """Servers that are held for a duration. One that is taken away while it is busy goes when it is free."""

    def __init__(self, env: simpy.Environment, calendar: Calendar, monitor: Monitor) -> None:
        super().__init__(env, calendar, monitor)
        self.busy = 0
        self.number = calendar.number(env.now)
        self.closes = math.inf
        if not calendar.always:
            env.process(self._opening(self._look(day_of(env.now))))
        self._note()
        if any(t > env.now for t in calendar.changes):
            env.process(self._changing())

    @property
    def free(self) -> bool:
        """Whether a server is free, and open."""
        return self.busy < self.number and self.env.now < self.closes

    def take(self) -> None:
        """Occupy a server until `hold` says for how long."""
        self.monitor.advance(self.env.now)
        self.busy += 1
        self.monitor.in_use = self.busy

    def hold(self, years: float) -> None:
        """Free one server after a while."""
        simpy.Timeout(self.env, years).callbacks.append(self._release)

    def _release(self, _: simpy.Event) -> None:
        self.monitor.advance(self.env.now)
        self.busy -= 1
        self._note()
        self.serve()

    def _note(self) -> None:
        self.monitor.in_use = self.busy
        there = self.number if self.env.now < self.closes else 0
        self.monitor.capacity = max(there, self.busy)

    def _look(self, day: int) -> int:
        """Note when it closes, if it is open on a day; the day on which that changes."""
        change = self.calendar.next_change(day)
        self.closes = change / DAYS_PER_YEAR - TIE if self.calendar.open(day) else -math.inf
        return change

    def _opening(self, day: int) -> Process:
        env = self.env
        while True:
            yield env.timeout(max(0.0, day / DAYS_PER_YEAR - env.now))
            self.monitor.advance(env.now)
            day = self._look(day)
            self._note()
            self.serve()

    def _changing(self) -> Process:
        env, calendar = self.env, self.calendar
        for t in calendar.changes:
            if t <= env.now:
                continue
            yield env.timeout(t - env.now)
            self.monitor.advance(env.now)
            self.number = calendar.number(t)
            self._note()
            self.serve()


class Slots(Resource):
    """Slots that are used up: so many per opening day or per week; what is left over lapses.

    The queue is served at the beginning of each open day; who comes later on such a day takes what is left of it.
    """

    def __init__(self, env: simpy.Environment, calendar: Calendar, monitor: Monitor, weekly: bool) -> None:
        super().__init__(env, calendar, monitor)
        self.weekly = weekly
        self.left = 0
        self.closes = -math.inf
        self._since = env.now
        env.process(self._days())

    @property
    def free(self) -> bool:
        """Whether a slot is left on an open day."""
        return self.left > 0 and self.env.now < self.closes

    def take(self) -> None:
        """Use a slot."""
        self.left -= 1
        self.monitor.used(self._since)

    def _days(self) -> Process:
        env, calendar = self.env, self.calendar
        day = day_of(env.now)
        week = None
        while True:
            opening = calendar.next_open(day)
            if opening > day:
                yield env.timeout(max(0.0, opening / DAYS_PER_YEAR - env.now))
            day = opening
            if not self.weekly or day // 7 != week:
                self.left, self._since = calendar.number(day / DAYS_PER_YEAR), env.now
                self.monitor.offered(env.now, self.left)
            week = day // 7
            day += 1
            self.closes = day / DAYS_PER_YEAR - TIE
            self.serve()
            yield env.timeout(max(0.0, day / DAYS_PER_YEAR - env.now))
