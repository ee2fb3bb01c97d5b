"""One patient on the way through a strategy."""

from __future__ import annotations

from collections.abc import Generator
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from simpy import Event, Timeout

from scssim.engine.des.resource import Request, Servers
from scssim.engine.des.ward import Need, Stage, Ward
from scssim.model.history import NEVER

if TYPE_CHECKING:
    from scssim.engine.des.world import World

Process = Generator[Event, Any, None]
Until = Generator[Event, Any, float | None]
"""Part of a process that returns a time of the patient (years since referral), or None when it did not come to it."""


class State(IntEnum):
    """Where a patient is; everybody who has been referred is in exactly one state."""

    WAITING = 0
    IN_SERVICE = 1
    UNDER_TREATMENT = 2
    FINISHED = 3
    DIED = 4
    LEFT = 5


class Case:
    """One patient under one strategy.

    Times of a patient are years since referral, as in plans and histories, and are added up just as the cohort engine
    does; the clock of the environment has a say only where a queue does. So histories without queues are the same.

    Parameters
    ----------
    world
        The service.
    ward, i
        Block of the patient, and the position in it.
    logged
        Whether the patient is in the event log.

    Attributes
    ----------
    state
        Where the patient is.
    leave
        Death or horizon.
    episode_number
        Counts the episodes that are over: what belongs to an earlier one has no effect any more.
    """

    __slots__ = (
        "_request", "_side", "_timer", "arrival", "busy_until", "episode_number", "i", "id", "leave", "logged",
        "state", "ward", "world",
    )  # fmt: skip

    def __init__(self, world: World, ward: Ward, i: int, logged: bool) -> None:
        self.world, self.ward, self.i, self.logged = world, ward, i, logged
        self.id = ward.case + i
        self.arrival = ward.arrival[i]
        self.leave = ward.leave[i]
        self.state = State.WAITING
        self.episode_number = 0
        self.busy_until = 0.0
        self._request: Request | None = None
        self._side: list[Request] = []
        self._timer = False

    # ------------------------------------------------------------ the whole way

    def live(self) -> Process:
        """Go through the strategy, step by step, until it is over, or death or the horizon comes."""
        ward, i = self.ward, self.i
        now, left = 0.0, False
        if self.logged:
            self.log("arrival")
        for step, first in enumerate(ward.stages):
            if not ward.eligible[step][i]:
                continue
            stage, j = first, i
            while True:
                free = yield from self.episode(stage, j, now)
                if free is None:
                    yield from self.depart()
                    return
                now = free
                left = stage.left is not None and stage.left[j] == now
                if left and stage is first:
                    ward.miss(step, i)
                # Only an explant that took place, not one that was planned, may be followed by a new implant.
                again = stage.again if stage.explanted[j] and stage.ended[j] == now else None
                if again is None or i not in again.place:
                    break
                stage, j = again, again.place[i]
        self.move(State.LEFT if left else State.FINISHED)
        if self.logged:
            self.log("leave" if left else "finish")
        ward.leaves()

    def depart(self) -> Process:
        """Wait for death or the horizon, whichever ends the follow-up."""
        yield self.at(self.leave)
        self.close()
        dies = self.ward.dies[self.i]
        self.move(State.DIED if dies else State.FINISHED)
        if self.logged:
            self.log("death" if dies else "horizon")
        self.ward.leaves()

    # ---------------------------------------------------------------- one step

    def episode(self, stage: Stage, j: int, now: float) -> Until:
        """Play one episode; returns when the next step may begin, or None if death or the horizon comes before."""
        leave, needs = self.leave, stage.needs
        stage.start[j] = now
        if self.state != State.WAITING:
            self.move(State.WAITING)
        if self.logged:
            self.log("referral", stage)
        at = now + stage.wait[j]
        stage.trial[j] = at
        if at >= leave:
            return None
        if at > now:
            yield self.at(at)
        successes = stage.trial_ok
        need = needs.get("trial") if successes is not None else needs.get("implant") or needs.get("start")
        if need is not None:
            stage.trial[j] = NEVER
            granted = yield from self.queue(stage, need, j, at)
            if granted is None or granted >= leave:
                return self.gave_up(stage, j)
            at = stage.trial[j] = granted
        stage.tried[j] = at
        if successes is not None:
            self.move(State.IN_SERVICE)
            if self.logged:
                self.log("trial", stage, "start", need)
            tried = stage.tried[j] = at + stage.trial_years[j]
            if tried >= leave:
                return None
            if tried > at:
                yield self.at(tried)
            at = tried
            if self.logged:
                self.log("trial", stage, "complete", need)
            if not successes[j]:
                return at
            need = needs.get("implant")
            if need is not None:
                self.move(State.WAITING)
                granted = yield from self.queue(stage, need, j, at)
                if granted is None or granted >= leave:
                    return self.gave_up(stage, j)
                at = granted
        stage.t0[j] = at
        return (yield from self.treatment(stage, j, at, need))

    def gave_up(self, stage: Stage, j: int) -> float | None:
        """When the queue was left to go on with the next step; None if death or the horizon did that."""
        return None if stage.left is None or stage.left[j] >= self.leave else stage.left[j]

    def treatment(self, stage: Stage, j: int, t0: float, need: Need | None) -> Until:
        """Be under treatment from ``t0`` on; returns its end, or None if death or the horizon comes before."""
        leave, number = self.leave, self.episode_number
        end = stage.ended[j] = t0 + stage.stop[j]
        if self.busy_until > t0:
            self.move(State.IN_SERVICE)
            self.at(self.busy_until).callbacks.append(lambda _: self._served(number))
        else:
            self.move(State.UNDER_TREATMENT)
        if self.logged:
            self.log("treatment", stage, "start", need)
            self.world.env.process(self.narrate(stage, j, t0))
        if j in stage.revisions:
            self.revisions(stage, j, t0)
        if j in stage.lives or j in stage.died:
            self.side(self.device(stage, j, t0), "replacement" in stage.needs)
        if j in stage.courses:
            end = yield from self.courses(stage, j, t0, end)
        if end >= leave:
            return None
        yield self.at(end)
        self.close()
        if self.logged:
            self.log("treatment", stage, "complete", detail=stage.reason(j))
        return end

    def courses(self, stage: Stage, j: int, t0: float, end: float) -> Until:
        """Have the repeat courses of a procedure; returns its end. Those that come late delay what follows."""
        need, late = stage.needs.get("repeat"), 0.0
        starts, losses = stage.course_times
        last = self.leave if stage.effect_over[j] else min(end, self.leave)
        for k, (position, start, loss) in enumerate(stage.courses[j], start=1):
            at = t0 + start + late
            if at >= last:
                break
            if need is not None:
                yield self.at(at)
                granted = yield from self.queue(stage, need, j, at, k)
                if granted is None or granted >= last:
                    break
                late += granted - at
                at = granted
                if self.logged:
                    self.log("repeat", stage, "start", need)
            starts[position] = at
            losses[position] = t0 + loss + late
            if not stage.effect_over[j]:
                losses[position] = min(losses[position], end)
        if stage.effect_over[j]:
            end = stage.ended[j] = end + late
        return end

    def revisions(self, stage: Stage, j: int, t0: float) -> None:
        """See to the revisions that complications ask for."""
        need = stage.needs.get("revision")
        for k, (position, time, wait) in enumerate(stage.revisions[j]):
            back = t0 + time + wait
            if need is None and not self.logged:
                stage.revision_times[position] = back
            elif t0 + time < self.leave:
                self.world.env.process(self.revision(stage, j, position, t0 + time, back, k))

    def revision(self, stage: Stage, j: int, position: int, time: float, back: float, k: int) -> Process:
        """One revision after a complication; it does not take place when the therapy has ended before."""
        number, need = self.episode_number, stage.needs.get("revision")
        if self.logged:
            yield self.at(time)
            if self.episode_number == number:
                self.log(stage.complication(position), stage)
        yield self.at(min(back, self.leave))
        if self.episode_number != number or back >= self.leave:
            return
        if need is not None:
            granted = yield from self.queue(stage, need, j, back, k, main=False)
            if granted is None:
                return
            back = granted
        stage.revision_times[position] = back
        if self.logged:
            self.log("revision", stage, "start", need)

    def device(self, stage: Stage, j: int, t0: float) -> Process:
        """Depletions and replacements, one after the other; a device that runs down after the loss is not replaced."""
        number, need = self.episode_number, stage.needs.get("replacement")
        events = need is not None or self.logged
        end, late = min(stage.ended[j], self.leave), 0.0
        for k, (position, life) in enumerate(stage.lives.get(j, ())):
            depleted = t0 + life + late
            if depleted >= end:
                return
            if events:
                yield self.at(depleted)
                if self.episode_number != number:
                    return
                if self.logged:
                    self.log("depletion", stage)
            if late and stage.loss is not None and life + late >= stage.loss[j]:
                stage.dead.append((j, depleted))
                return
            stage.depleted[position] = depleted
            replaced = depleted + stage.replacement_wait[j]
            if events and replaced < end:
                yield self.at(replaced)
                if self.episode_number != number:
                    return
            if need is not None and replaced < end:
                granted = yield from self.queue(stage, need, j, replaced, k, main=False)
                if granted is None:
                    return
                late += granted - replaced
                replaced = granted
            stage.replaced[position] = replaced
            if replaced >= end:
                return
            if self.logged:
                self.log("replacement", stage, "start", need)
        if j in stage.died:
            depleted = t0 + stage.died[j] + late
            stage.dead.append((j, depleted))
            if self.logged and depleted < end:
                yield self.at(depleted)
                if self.episode_number == number:
                    self.log("depletion", stage)

    # ------------------------------------------------------------------ queues

    def queue(self, stage: Stage, need: Need, j: int, at: float, k: int = 0, main: bool = True) -> Until:
        """Queue for a resource from a time on; returns when it was granted, or None when the queue was left.

        Parameters
        ----------
        stage, j
            Step and cell.
        need
            What for.
        at
            When the queue is joined.
        k
            How many have been asked for of the same kind.
        main
            Whether the patient's way waits for it; else it goes on, and the end of the therapy ends the wait.
        """
        world = self.world
        resource = world.resources[need.resource]
        request = resource.request(need.priority)
        patience = None
        if self.logged:
            self.log(need.event, stage, "schedule", need)
        if not request.granted:
            if main:
                self._request = request
                if not self._timer:
                    self._timer = True
                    self.at(self.leave).callbacks.append(self._leaves)
                if need.patience is not None and at + stage.time("patience", need, j) < self.leave:
                    patience = at + stage.time("patience", need, j)
                    self.at(patience).callbacks.append(lambda _: request.withdraw())
            else:
                self._side.append(request)
            granted = yield request
            if main:
                self._request = None
            else:
                self._side.remove(request)
            if not granted:
                if self.logged:
                    self.log(need.event, stage, "withdraw", need)
                if patience is not None:
                    stage.leave(j, patience)
                return None
            at = max(at, world.env.now - self.arrival)
        if need.duration is not None:
            years = stage.time("duration", need, j, k)
            assert isinstance(resource, Servers)
            resource.hold(years)
            if main:
                self.busy_until = at + years
        return at

    def close(self) -> None:
        """End what belongs to the episode."""
        self.episode_number += 1
        for request in self._side.copy():
            request.withdraw()

    def _leaves(self, _: Event) -> None:
        if self._request is not None:
            self._request.withdraw()

    def _served(self, number: int) -> None:
        if self.episode_number == number and self.state == State.IN_SERVICE:
            self.move(State.UNDER_TREATMENT)

    # ------------------------------------------------------------------- basics

    def at(self, time: float) -> Timeout:
        """An event at a time of the patient."""
        env = self.world.env
        delay = self.arrival + time - env.now
        return Timeout(env, delay if delay > 0.0 else 0.0)

    def move(self, state: State) -> None:
        """Change the state."""
        census = self.world.census
        census[self.state] -= 1
        census[state] += 1
        self.state = state

    def side(self, process: Process, events: bool) -> None:
        """Run a process beside the patient's way; one without events of its own at once."""
        if events or self.logged:
            self.world.env.process(process)
            return
        for _ in process:
            raise AssertionError("a process without events has yielded one")

    def narrate(self, stage: Stage, j: int, t0: float) -> Process:
        """Log what happens by itself while a therapy is in effect."""
        number = self.episode_number
        for time, event in stage.incidents(j):
            if t0 + time >= self.leave:
                return
            yield self.at(t0 + time)
            if self.episode_number != number:
                return
            self.log(event, stage)

    def log(
        self, event: str, stage: Stage | None = None, lifecycle: str = "complete", need: Need | None = None,
        detail: str | None = None,
    ) -> None:  # fmt: skip
        """Enter an event into the log."""
        therapy = None if stage is None else stage.plan.therapy.id
        resource = None if need is None else need.resource
        self.world.log((self.id, self.world.env.now, event, therapy, resource, lifecycle, detail))
