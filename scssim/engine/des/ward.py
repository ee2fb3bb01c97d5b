"""Plans as single patients need them while they are played, and what becomes of them as histories again.

A *stage* is one step of a strategy (or a re-implant) for all patients of a block: its plan as lists of Python numbers,
which a single patient reads far faster than arrays, and lists into which the engine writes when things took place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from scssim.engine.block import Compiled, Plans
from scssim.engine.tree import Node
from scssim.model.history import NEVER, Episode, Times, record, unhindered
from scssim.model.outcomes import Account, Block
from scssim.model.past import Past
from scssim.model.patients import Cells
from scssim.model.plan import Plan, Reason
from scssim.model.timing import Timer, timer
from scssim.scenario.service import Needs

Bools = NDArray[np.bool_]

PAST = ("tried", "responded", "back_vas_now", "leg_vas_now")
"""What conditions may ask about that depends on earlier steps."""

NEEDS = tuple(Needs.model_fields)
"""Events that may need a resource."""


@dataclass(frozen=True)
class Need:
    """A need of a therapy, ready to be played.

    Attributes
    ----------
    event
        What it is for.
    resource
        Id of the resource.
    priority
        Class in the queue.
    duration
        How long a server is held; None for slots.
    patience
        Longest wait; None: for ever.
    """

    event: str
    resource: str
    priority: int
    duration: Timer | None
    patience: Timer | None


def needs_of(spec: Any) -> dict[str, Need]:
    """Needs of a bound therapy by event."""
    found = {}
    for event in NEEDS:
        need = getattr(spec.needs, event)
        if need is not None:
            times = (None if x is None else timer(x) for x in (need.duration, need.max_wait))
            found[event] = Need(event, need.resource, need.priority, *times)
    return found


class Stage:
    """One step of a strategy for the cells of a plan.

    Attributes
    ----------
    needs
        Needs by event; ``first`` is that of the first event after the wait, ``second`` that after the trial.
    place
        Re-implants: where patients are among the cells, by position in the block.
    wait, trial_years, trial_ok, stop
        The plan, by cell.
    effect_over
        Whether the therapy ends when the last course is over, so that courses that come late delay its end.
    courses, revisions, lives, died
        By cell (those who have any): (position in the plan, years since t0 ...) of each.
    again
        Stage of the re-implants that may follow; None: there are none.
    start, trial, tried, t0, ended, left
        When it took place (years since entry), by cell.
    """

    def __init__(self, plan: Plan, cells: Cells, needs: dict[str, Need], step: int, again: int = 0) -> None:
        self.plan, self.cells, self.needs = plan, cells, needs
        self.key, self.number = (plan.therapy.id, step, again), again
        self.again: Stage | None = None
        self.second = needs.get("implant")
        self.first = needs.get("start", self.second) if plan.trial_ok is None else needs.get("trial")
        n = cells.n
        self.place = dict(zip(cells.index.tolist(), range(n), strict=True)) if again else {}
        self.wait = _listed(plan.wait, n)
        self.trial_years = _listed(plan.trial_years, n)
        self.trial_ok = None if plan.trial_ok is None else plan.trial_ok.tolist()
        self.stop = plan.stop.tolist()
        self.effect_over = (plan.reason == Reason.EFFECT_OVER).tolist()
        self.explanted = (plan.reason == Reason.EXPLANT).tolist()
        self.loss = None if plan.loss is None else plan.loss.tolist()
        self.start, self.trial, self.tried, self.t0, self.ended = ([NEVER] * n for _ in range(5))
        self.left: list[float] | None = None
        self._courses()
        self._revisions()
        self._device()
        self._times: dict[tuple[str, str], list[float]] = {}

    # Only what needs a resource is played event by event; the rest follows from the start of effect.

    def _courses(self) -> None:
        courses, self.courses = self.plan.courses, {}
        if "repeat" in self.needs:
            self.courses = _by_cell(courses.cell, courses.start, courses.loss)
            self.course_times = [NEVER] * courses.cell.size, [NEVER] * courses.cell.size

    def _revisions(self) -> None:
        found, self.revisions = self.plan.occurrences, {}
        if "revision" in self.needs:
            revised = np.flatnonzero(found.revised)
            cell, time = found.cell.take(revised), found.time.take(revised)
            back = self.plan.therapy.complications.revision_wait.take(found.row.take(revised))
            number = _numbered(found.kind, found.cell).take(revised)
            self.revisions = _by_cell(cell, time, back, number, position=revised)
            self.revision_times = [NEVER] * found.cell.size

    def _device(self) -> None:
        plan, self.lives, self.died = self.plan, {}, {}
        if "replacement" in self.needs:
            self.lives = _by_cell(plan.depletion_cell, plan.depletion_time)
            self.died = dict(zip(plan.died_cell.tolist(), plan.died_time.tolist(), strict=True))
            self.replacement_wait = _listed(self.cells.at(plan.therapy.replacement_wait), self.cells.n)
            self.depleted, self.replaced = ([NEVER] * plan.depletion_cell.size for _ in range(2))
            self.dead: list[tuple[int, float]] = []

    def reason(self, j: int) -> str:
        """Why the episode of a cell ends by itself."""
        return Reason(int(self.plan.reason[j])).name.lower()

    def complication(self, position: int) -> str:
        """Name of a planned complication."""
        return self.plan.therapy.complications.names[self.plan.occurrences.kind[position]]

    def incidents(self, j: int) -> list[tuple[float, str]]:
        """What happens to a cell while the therapy is in effect and needs no resource: (years since t0, event)."""
        plan = self.plan
        found, needs = plan.occurrences, self.needs
        own = found.cell == j
        if "revision" in needs:
            own &= ~found.revised
        incidents = [(float(found.time[k]), self.complication(int(k))) for k in np.flatnonzero(own)]
        if plan.loss is not None and plan.loss[j] < plan.stop[j]:
            incidents.append((float(plan.loss[j]), "loss"))
        after = unhindered(plan, self.cells, np.zeros(self.cells.n))
        if "revision" not in needs:
            incidents += [(float(time), "revision") for time in after.revisions[own & found.revised]]
        if "repeat" not in needs:
            incidents += [(float(time), "repeat") for time in after.courses[0][plan.courses.cell == j]]
        if "replacement" not in needs:
            mine = plan.depletion_cell == j
            incidents += [(float(time), "depletion") for time in after.depleted[mine]]
            incidents += [(float(time), "replacement") for time in after.replaced[mine] if time < plan.stop[j]]
            incidents += [(float(time), "depletion") for time in after.died[1][plan.died_cell == j]]
        return sorted(incidents)

    def leave(self, j: int, at: float) -> None:
        """Note that a cell left the queue."""
        if self.left is None:
            self.left = [NEVER] * self.cells.n
        self.left[j] = at

    def time(self, what: str, need: Need, j: int, k: int = 0, of: str = "") -> float:
        """How long a server is held (``duration``), or somebody waits (``patience``), the k-th time (years).

        Parameters
        ----------
        what, need
            Which time.
        j, k
            The cell; how many of the kind it has had.
        of
            Name of the complication, for revisions.
        """
        timer: Timer = getattr(need, what)
        name = (what, need.event, of, *self.key)
        if k == 0 and not of:
            if (what, need.event) not in self._times:
                cells = self.cells
                value = timer.time(np.zeros(0) if timer.is_fixed else cells.exponential(*name), cells.at)
                self._times[what, need.event] = _listed(value, cells.n)
            return self._times[what, need.event][j]
        one = np.array([j])
        e = -np.log(self.cells.repeated(one, np.uint64(k), *name))
        return float(np.ravel(timer.time(e, partial(self.cells.at, sel=one)))[0])

    def waiting(self, leaves: Any) -> Bools:
        """Who waits for it when death or the horizon comes."""
        if self.number:
            leaves = leaves.take(self.cells.index)
        found: Bools = (np.array(self.start) < leaves) & ~(np.array(self.t0) < leaves)
        if self.plan.trial_ok is not None:
            found &= self.plan.trial_ok | ~(np.array(self.tried) < leaves)
        return found if self.left is None else found & ~(np.array(self.left) < leaves)

    def episode(self, leaves: Any, horizon: float) -> Episode:
        """What was played, as a history.

        Parameters
        ----------
        leaves
            Death or horizon of the cells of the block.
        horizon
            End of follow-up (years).
        """
        cells = self.cells
        if self.number:
            leaves = leaves.take(cells.index)
        start, trial, tried, t0, ended = map(np.array, (self.start, self.trial, self.tried, self.t0, self.ended))
        times = Times(start, trial, tried, t0, ended, None if self.left is None else np.array(self.left))
        after = unhindered(self.plan, cells, t0)
        if "repeat" in self.needs:
            after = replace(after, courses=(np.array(self.course_times[0]), np.array(self.course_times[1])))
        if "revision" in self.needs:
            after = replace(after, revisions=np.array(self.revision_times))
        if "replacement" in self.needs:
            died = np.array([j for j, _ in self.dead], dtype=np.intp), np.array([time for _, time in self.dead])
            after = replace(after, depleted=np.array(self.depleted), replaced=np.array(self.replaced), died=died)
        return record(self.plan, cells, start < NEVER, times, after, leaves, horizon, self.number)


class Ward:
    """The patients of one block under one strategy.

    Parameters
    ----------
    compiled, block, plans
        Parameters, cells and plans.
    path
        Steps of the strategy.
    needs
        Needs by therapy.
    arrival
        When each patient is referred (years of the service).
    case
        Number of the first patient in the log.
    done
        Triggered when the last patient of the block has left.
    """

    def __init__(
        self, compiled: Compiled, block: Block, plans: Plans, path: Sequence[Node], needs: dict[str, dict[str, Need]],
        arrival: list[float], case: int, done: simpy.Event,
    ) -> None:  # fmt: skip
        self.compiled, self.block, self.path = compiled, block, path
        self.arrival, self.case, self.done = arrival, case, done
        self.leave = block.exit.tolist()
        self.dies = (block.exit < block.horizon).tolist()
        self.size = self.open = block.cells.n
        self.stages = []
        for node in path:
            plan, cells = plans.of(node), block.cells
            first = stage = Stage(plan, cells, needs[node.therapy], node.step)
            while stage.plan.reimplanted.size:
                plan, cells = plans.again(node, stage.plan, stage.cells, stage.number + 1)
                stage.again = Stage(plan, cells, needs[node.therapy], node.step, stage.number + 1)
                stage = stage.again
            self.stages.append(first)
        names = {name for node in path if node.condition is not None for name in node.condition.names}
        self._looks_back = not names.isdisjoint(PAST)
        self.missed: list[Bools | None] = [None] * len(path)
        self.eligible: list[list[bool]] = []
        self._find_eligible()

    def miss(self, step: int, i: int) -> None:
        """Note that a patient left the queue for a step; later steps may depend on it."""
        if not self._looks_back:
            return
        missed = self.missed[step]
        if missed is None:
            missed = self.missed[step] = np.zeros(self.size, dtype=bool)
        missed[i] = True
        self._find_eligible()

    def _find_eligible(self) -> None:
        """Who has which step if they live to see it; it does not depend on when anything happens."""
        past, cells = Past(self.compiled.track_pain), self.block.cells
        self.eligible = []
        for node, stage, missed in zip(self.path, self.stages, self.missed, strict=True):
            may = np.broadcast_to(self.compiled.eligible(node, past, cells), cells.n)
            self.eligible.append(may.tolist())
            begun = may if stage.plan.trial_ok is None else may & stage.plan.trial_ok
            past.note(stage.plan, cells, begun if missed is None else begun & ~missed)

    def leaves(self) -> None:
        """Note that one more patient has nothing before them in this model."""
        self.open -= 1
        if not self.open:
            self.done.succeed()

    def account(self) -> Account:
        """What the histories are worth, open for the ledger to close."""
        account, block = self.block.start(), self.block
        for first in self.stages:
            stage: Stage | None = first
            while stage is not None:
                episode = stage.episode(block.exit, block.horizon)
                if not stage.number or episode.active.any():
                    account.add(episode)
                stage = stage.again
        return account

    def flows(self) -> dict[tuple[str, str], int]:
        """Patients by (therapy or `referral` before, therapy or end after): who goes on to what, and where it ends.

        Ends are ``dead``, ``waiting`` (for the next step at the horizon), ``background`` (care without a therapy) and a
        therapy that goes on at the horizon, which is entered as going on to ``staying``.
        """
        names = ["referral", *dict.fromkeys(node.therapy for node in self.path)]
        exit_ = self.block.exit
        now, until = np.zeros(self.size, dtype=np.intp), np.zeros(self.size)
        waiting = np.zeros(self.size, dtype=bool)
        found: dict[tuple[str, str], int] = {}

        def add(before: Any, after: str) -> None:
            for k, number in enumerate(np.bincount(before, minlength=len(names)).tolist()):
                if number:
                    found[names[k], after] = found.get((names[k], after), 0) + number

        for node, first in zip(self.path, self.stages, strict=True):
            t0 = np.array(first.t0)
            begun = np.flatnonzero(t0 < exit_)
            add(now.take(begun), node.therapy)
            now[begun] = names.index(node.therapy)
            until[begun] = np.array(first.ended).take(begun)
            waiting[first.waiting(exit_)] = True
            stage = first.again
            while stage is not None:
                again = np.array(stage.t0) < NEVER
                until[stage.cells.index[again]] = np.array(stage.ended)[again]
                waiting[stage.cells.index[stage.waiting(exit_)]] = True
                stage = stage.again
        dead, stays = np.array(self.dies), (until >= exit_) & (now > 0)
        add(now[dead], "dead")
        add(now[~dead & stays], "staying")
        add(now[~dead & ~stays & waiting], "waiting")
        add(now[~dead & ~stays & ~waiting], "background")
        return found


def _listed(x: Any, n: int) -> list[float]:
    found: list[float] = np.broadcast_to(np.asarray(x, dtype=float), n).tolist()
    return found


def _numbered(kind: Any, cell: Any) -> NDArray[np.intp]:
    """How many of its kind the cell has had before, for each complication of a plan."""
    seen: dict[tuple[int, int], int] = {}
    numbers = []
    for key in zip(kind.tolist(), cell.tolist(), strict=True):
        numbers.append(seen.get(key, 0))
        seen[key] = numbers[-1] + 1
    return np.array(numbers, dtype=np.intp)


def _by_cell(cell: Any, *values: Any, position: Any = None) -> dict[int, list[tuple[Any, ...]]]:
    """Entries (position, values ...) of each cell that has any, in order."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    where = range(cell.size) if position is None else position.tolist()
    for j, *entry in zip(cell.tolist(), where, *(v.tolist() for v in values), strict=True):
        found.setdefault(j, []).append(tuple(entry))
    return found
