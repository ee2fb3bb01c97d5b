"""One patient on the way through a strategy."""

from __future__ import annotations

from collections.abc import Callable, Generator
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


STATES = ("waiting", "in_service", "under_treatment", "finished", "died", "left")
"""Where patients may be; everybody who has been referred is in exactly one of these."""

WAITING, IN_SERVICE, UNDER_TREATMENT, FINISHED, DIED, LEFT = range(len(STATES))
"""Their positions: plain numbers, which index lists far faster than members of an enumeration."""


class Walk:
    """Drives a generator by the events that it yields, from its start on.

    A `simpy.Process` does the same and more (it can be waited for and interrupted, which nobody needs here), for which
    it makes two further events and takes twice the time.

    Parameters
    ----------
    way
        A generator of events that have not been processed yet.
    """

    __slots__ = ("_send",)

    def __init__(self, way: Process) -> None:
        self._send = way.send
        self(None)

    def __call__(self, event: Event | None) -> None:
        """Go on after an event, with its value."""
        try:
            self._send(event and event.value).callbacks.append(self)
        except StopIteration:
            return


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
    busy_until
        Until when a server is held for the start of the episode.
    """

    __slots__ = (
        "_request", "_side", "_timer", "arrival", "busy_until", "census", "env", "episode_number", "i", "leave",
        "logged", "state", "ward", "world",
    )  # fmt: skip

    def __init__(self, world: World, ward: Ward, i: int, logged: bool) -> None:
        self.world, self.ward, self.i, self.logged = world, ward, i, logged
        self.env, self.census = world.env, world.census
        self.arrival = ward.arrival[i]
        self.leave = ward.leave[i]
        self.state = WAITING
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
        self.move(LEFT if left else FINISHED)
        if self.logged:
            self.log("leave" if left else "finish")
        ward.leaves()

    def depart(self) -> Process:
        """Wait for death or the horizon, whichever ends the follow-up."""
        yield self.at(self.leave)
        self.episode_number += 1
        self.close()
        dies = self.ward.dies[self.i]
        self.move(DIED if dies else FINISHED)
        if self.logged:
            self.log("death" if dies else "horizon")
        self.ward.leaves()

    # ---------------------------------------------------------------- one step

    def episode(self, stage: Stage, j: int, now: float) -> Until:
        """Play one episode; returns when the next step may begin, or None if death or the horizon comes before."""
        leave, logged, census = self.leave, self.logged, self.census
        stage.start[j] = now
        self.busy_until = 0.0
        # Changes of state are written out here, where most of them are: a call takes longer than the change.
        census[self.state] -= 1
        census[WAITING] += 1
        self.state = WAITING
        if logged:
            self.log("referral", stage)
        stage.trial[j] = at = now + stage.wait[j]
        if at >= leave:
            return None
        if at > now:
            yield self.at(at)
        need = stage.first
        if need is not None:
            stage.trial[j] = NEVER
            granted = yield from self.queue(stage, need, j, at)
            if granted is None or granted >= leave:
                return self.gave_up(stage, j)
            at = stage.trial[j] = granted
        if stage.trial_ok is not None:
            census[WAITING] -= 1
            census[IN_SERVICE] += 1
            self.state = IN_SERVICE
            if logged and need is None:
                self.log("trial", stage, "start")
            began, at = at, at + stage.trial_years[j]
            stage.tried[j] = at
            if at >= leave:
                return None
            if at > began:
                yield self.at(at)
            if logged:
                self.log("trial", stage)
            if not stage.trial_ok[j]:
                return at
            need = stage.second
            if need is not None:
                self.move(WAITING)
                granted = yield from self.queue(stage, need, j, at)
                if granted is None or granted >= leave:
                    return self.gave_up(stage, j)
                at = granted
        else:
            stage.tried[j] = at

        stage.t0[j] = at
        stage.ended[j] = end = at + stage.stop[j]
        if self.busy_until > at:
            self.held(self.busy_until)
        else:
            census[self.state] -= 1
            census[UNDER_TREATMENT] += 1
            self.state = UNDER_TREATMENT
        if logged:
            self.log("treatment", stage, "start")
            self.narrate(stage, j, at)
        if j in stage.revisions:
            self.revisions(stage, j, at)
        if j in stage.lives or j in stage.died:
            Walk(self.device(stage, j, at))
        if j in stage.courses:
            end = yield from self.courses(stage, j, at, end)
        if end >= leave:
            return None
        yield self.at(end)
        self.episode_number += 1
        if self._side:
            self.close()
        if logged:
            self.log("treatment", stage, "complete", detail=stage.reason(j))
        if stage.plan.therapy.kind == "implant":  # whatever ends it, the implant is taken out
            self.explant(stage, j)
        return end

    def explant(self, stage: Stage, j: int) -> None:
        """Take the implant out. It is queued for, but nobody waits for it: the therapy has ended before."""
        need = stage.needs.get("explant")
        if need is None:
            if self.logged:
                self.log("explant", stage)
            return
        resource = self.world.resources[need.resource]
        request = resource.request(need.priority, need.event)

        def served(event: Event) -> None:
            if isinstance(resource, Servers):
                assert need is not None
                resource.hold(stage.time("duration", need, j))
            if self.logged and self.env.now <= self.arrival + self.leave:
                self.log("explant", stage, "start", need)
                self.log("explant", stage)

        if self.logged:
            self.log("explant", stage, "schedule", need)
        if request.granted:
            served(request)
        else:
            assert request.callbacks is not None
            request.callbacks.append(served)

    def gave_up(self, stage: Stage, j: int) -> float | None:
        """When the queue was left to go on with the next step; None if death or the horizon did that."""
        return None if stage.left is None or stage.left[j] >= self.leave else stage.left[j]

    def courses(self, stage: Stage, j: int, t0: float, end: float) -> Until:
        """Have the repeat courses of a procedure; returns its end. Those that come late delay what follows."""
        need, late = stage.needs["repeat"], 0.0
        starts, losses = stage.course_times
        lasting = stage.effect_over[j]  # else something ends the therapy at a time of its own
        last = self.leave if lasting else min(end, self.leave)
        for k, (position, start, loss) in enumerate(stage.courses[j], start=1):
            at = t0 + start + late
            if at >= last:
                break
            yield self.at(at)
            granted = yield from self.queue(stage, need, j, at, k, last)
            if granted is None or granted >= last:
                if lasting:
                    stage.ended[j] = end = self.leave  # the episode goes on until then, waiting for its next course
                return end
            late += granted - at
            at = granted
            if self.logged:
                self.log("repeat", stage)
            starts[position] = at
            losses[position] = t0 + loss + late if lasting else min(t0 + loss + late, end)
        if lasting:
            end = stage.ended[j] = end + late
        return end

    def revisions(self, stage: Stage, j: int, t0: float) -> None:
        """See to the revisions that complications ask for."""
        for position, time, wait, k in stage.revisions[j]:
            if t0 + time < self.leave:
                Walk(self.revision(stage, j, position, t0 + time, t0 + time + wait, k))

    def revision(self, stage: Stage, j: int, position: int, time: float, back: float, k: int) -> Process:
        """One revision after a complication; it does not take place when the therapy has ended before."""
        number, need = self.episode_number, stage.needs["revision"]
        if self.logged:
            yield self.at(time)
            if self.episode_number == number:
                self.log(stage.complication(position), stage)
        yield self.at(min(back, self.leave))
        if self.episode_number != number or back >= self.leave:
            return
        granted = yield from self.queue(stage, need, j, back, k, main=False, of=stage.complication(position))
        if granted is not None:
            stage.revision_times[position] = granted
            if self.logged:
                self.log("revision", stage)

    def device(self, stage: Stage, j: int, t0: float) -> Process:
        """Depletions and replacements, one after the other; a device that runs down after the loss is not replaced."""
        number, need = self.episode_number, stage.needs["replacement"]
        end, late = min(stage.ended[j], self.leave), 0.0
        for k, (position, life) in enumerate(stage.lives.get(j, ())):
            depleted = t0 + life + late
            if depleted >= end:
                return
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
            if replaced >= end:
                return
            yield self.at(replaced)
            if self.episode_number != number:
                return
            granted = yield from self.queue(stage, need, j, replaced, k, main=False)
            if granted is None:
                return
            late += granted - replaced
            stage.replaced[position] = granted
            if self.logged:
                self.log("replacement", stage)
        if j in stage.died:
            depleted = t0 + stage.died[j] + late
            stage.dead.append((j, depleted))
            if self.logged and depleted < end:
                yield self.at(depleted)
                if self.episode_number == number:
                    self.log("depletion", stage)

    # ------------------------------------------------------------------ queues

    def queue(
        self, stage: Stage, need: Need, j: int, at: float, k: int = 0, last: float | None = None, main: bool = True,
        of: str = "",
    ) -> Until:  # fmt: skip
        """Queue for a resource from a time on; returns when it was granted, or None when the queue was left.

        Parameters
        ----------
        stage, j
            Step and cell.
        need
            What for.
        at
            When the queue is joined.
        k, of
            How many have been asked for of the same kind; name of the complication that asks for it.
        last
            When the queue is left at the latest; None: with death or the horizon.
        main
            Whether the patient's way waits for it; else it goes on, and the end of the therapy ends the wait.
        """
        world = self.world
        resource = world.resources[need.resource]
        request = resource.request(need.priority, need.event)
        patience = None
        if self.logged:
            self.log(need.event, stage, "schedule", need)
        if not request.granted:
            if main:
                patience = self._wait(stage, need, j, at, last, request)
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
        if self.logged:
            self.log(need.event, stage, "start", need)
        if need.duration is not None:
            years = stage.time("duration", need, j, k, of)
            assert isinstance(resource, Servers)
            resource.hold(years)
            if main:
                self.busy_until = at + years
        return at

    def _wait(self, stage: Stage, need: Need, j: int, at: float, last: float | None, request: Request) -> float | None:
        """See to it that the queue is left in time; returns when the patient gives up, if that comes before."""
        self._request = request
        if not self._timer:
            self._timer = True
            self._when(self.leave, self._leaves)
        patience = None
        if need.patience is not None:
            patience = last = at + stage.time("patience", need, j)
        if last is None or last >= self.leave:
            return None
        self._when(last, lambda _: request.withdraw(gave_up=patience is not None))
        return patience

    def held(self, until: float) -> None:
        """Be in service until a server is free again, if the episode lasts as long."""
        number = self.episode_number

        def served(_: Event) -> None:
            if self.episode_number == number and self.state == IN_SERVICE:
                self.move(UNDER_TREATMENT)

        self.move(IN_SERVICE)
        self._when(until, served)

    def close(self) -> None:
        """Give up what the episode has asked for."""
        for request in self._side.copy():
            request.withdraw()

    def _leaves(self, _: Event) -> None:
        if self._request is not None:
            self._request.withdraw()

    # ------------------------------------------------------------------- basics

    def at(self, time: float) -> Timeout:
        """An event at a time of the patient."""
        env = self.env
        delay = self.arrival + time - env.now
        return Timeout(env, delay if delay > 0.0 else 0.0)

    def _when(self, time: float, act: Callable[[Event], None]) -> None:
        """Do something at a time of the patient."""
        callbacks = self.at(time).callbacks
        assert callbacks is not None
        callbacks.append(act)

    def move(self, state: int) -> None:
        """Change the state."""
        census = self.census
        census[self.state] -= 1
        census[state] += 1
        self.state = state

    def narrate(self, stage: Stage, j: int, t0: float) -> None:
        """Log what will happen by itself while a therapy is in effect; it comes before the end at the same moment."""
        number = self.episode_number

        def note(event: str) -> Callable[[Event], None]:
            def happens(_: Event) -> None:
                if self.episode_number == number:
                    self.log(event, stage)

            return happens

        for time, event in stage.incidents(j):
            if t0 + time < self.leave:
                self._when(t0 + time, note(event))

    def log(
        self, event: str, stage: Stage | None = None, lifecycle: str = "complete", need: Need | None = None,
        detail: str | None = None,
    ) -> None:  # fmt: skip
        """Enter an event into the log."""
        therapy = None if stage is None else stage.plan.therapy.id
        resource = None if need is None else need.resource
        self.world.log((self.ward.case + self.i, self.world.env.now, event, therapy, resource, lifecycle, detail))
