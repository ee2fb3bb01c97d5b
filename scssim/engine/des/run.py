"""Running a job on the discrete-event engine: replications, policies side by side, and when there are enough."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import simpy
from numpy.typing import NDArray
from scipy import special

from scssim.engine.block import Plans
from scssim.engine.crew import Crew, Store
from scssim.engine.des.arrivals import referrals
from scssim.engine.des.monitor import Monitor, Part
from scssim.engine.des.ward import Need, Ward, needs_of
from scssim.engine.des.world import Event, World
from scssim.engine.histories import Histories, Keep, histories
from scssim.engine.job import Job, Task
from scssim.engine.ledger import Ledger, Sums
from scssim.engine.part import BlockSums, merge
from scssim.engine.run import Status, Watch, compiled_for
from scssim.engine.totals import Totals
from scssim.engine.tree import Node, paths
from scssim.model.leaves import LEAF
from scssim.model.outcomes import Block
from scssim.model.visits import Counts
from scssim.scenario.times import DAYS_PER_YEAR

Array = NDArray[np.float64]
Sink = Callable[[str, Event], None]
"""Receives every event of the first replication, with its strategy."""

PER_SECOND = 750_000
"""Lifetimes on the cohort engine that take about as long as a second of work."""

ENOUGH = 1 / DAYS_PER_YEAR
"""Half-width (years) of the interval of a mean wait that is always precise enough."""


@dataclass(frozen=True)
class Use:
    """What happened to one resource under one policy in one replication.

    Attributes
    ----------
    bins
        Waits of those served, by length (`monitor.bin_of`); None once they are added up.
    served, at_once, gone
        Requests served, and those without a wait; withdrawn ones.
    judged, late
        Requests that count for the target, and those of them that were not served within it.
    total
        Sum of the waits of those served (days).
    areas
        Integrals over each interval of queue, use and capacity (`Monitor.areas`).
    waiting
        Requests in the queue at the end of the period.
    longest
        Longest queue.
    queued
        Whether anybody ever waited, in the period or not.
    parts
        See `Monitor.parts`.
    """

    bins: NDArray[np.int64] | None
    served: int
    at_once: int
    gone: int
    judged: int
    late: int
    total: float
    areas: Array
    waiting: int
    longest: int
    queued: bool
    parts: dict[Part, list[float]]

    @property
    def mean(self) -> float:
        """Mean wait of those served (days); NaN of nobody."""
        return self.total / self.served if self.served else math.nan


@dataclass(frozen=True)
class Policy:
    """One strategy in one replication.

    Attributes
    ----------
    uses
        By resource.
    census
        Patients by state at the end of the period.
    flows
        Patients by (therapy or `referral` before, therapy or end after).
    """

    uses: dict[str, Use]
    census: list[int]
    flows: dict[tuple[str, str], int]


@dataclass(frozen=True)
class Replication:
    """One run of the service under every strategy.

    Attributes
    ----------
    part
        As of a block of the cohort engine; None if nobody counts, or once it is added up.
    policies
        By strategy.
    lost
        Sums over patients of QALYs lost to waiting and of costs saved by it, and of their squares, by strategy,
        shape (strategies, 4).
    before, counted
        Patients referred in the warm-up and in the period.
    end
        End of the period (years).
    events
        Sample of the event log by strategy (of the first replication only).
    """

    part: BlockSums | None
    policies: list[Policy]
    lost: Array
    before: int
    counted: int
    end: float
    events: dict[str, list[Event]]


@dataclass(frozen=True)
class Found:
    """What a job on the discrete-event engine gave.

    Attributes
    ----------
    job
        The job as it was run, with the number of replications, and of patients in each (rounded, if they differ; that
        asked for, if there is one).
    totals
        As of the cohort engine.
    replications
        One by one; without their sums.
    bins
        Waits of those served in all replications, by strategy and resource.
    events
        Sample of the event log of the first replication, by strategy.
    """

    job: Job
    totals: Totals
    replications: list[Replication]
    bins: list[dict[str, NDArray[np.int64]]]
    events: dict[str, list[Event]]


def simulate(
    job: Job,
    crew: Crew | None = None,
    watch: Watch | None = None,
    store: Store[Replication] | None = None,
    sink: Sink | None = None,
    keep: Keep | None = None,
) -> Found:
    """Simulate a job on the discrete-event engine.

    Parameters
    ----------
    job
        What to simulate.
    crew
        Who works on it, each on other replications; None: this process.
    watch
        Told how many replications are done, of how many at most.
    store
        Keeps every replication, and has some already.
    sink
        Receives every event of the first replication, which is simulated then, whatever the store has.
    keep
        Receives the histories of the patients who count, block by block and in order; every replication is simulated
        then.
    """
    rule, most = job.rule, number_of_replications(job)
    counts = None if job.visits is None else Counts.empty(len(job.scenario.strategies), job.visits)
    found: list[Replication] = []
    parts: list[BlockSums | None] = []
    bins: list[dict[str, NDArray[np.int64]]] = [{} for _ in job.scenario.strategies]
    kept = 0

    def note(one: Replication, was_there: bool) -> bool:
        """Whether that was the last one."""
        nonlocal kept
        kept += was_there
        part = one.part
        if part is not None and part.counts is not None and counts is not None:  # at once: they are large
            part.counts.add_to(counts)
            part = replace(part, counts=None)
        parts.append(part)
        found.append(_added(one, bins))
        if watch is not None:
            watch(Status(job, len(found), most, kept, None))
        if len(found) >= most:
            return True
        return rule is not None and len(found) >= rule.least and precise(found, rule.precision)

    begun = time.perf_counter()
    if keep is None and sink is None:
        with Crew().results(job, replicate, [0], store=store) as first:
            done = note(*next(first))
    else:
        done = note(replicate(job, 0, sink, keep), False)
    if not done:
        expected = (time.perf_counter() - begun) * ((most if rule is None else rule.least) - 1)
        if crew is None or not crew.worth(expected * PER_SECOND):
            crew = Crew()
        if keep is None:
            with crew.results(job, replicate, range(1, most), 1, store) as others:
                any(note(*one) for one in others)
        else:
            with crew.results(job, _recorded, range(1, most), 1) as recorded:
                for (one, histories_of), _ in recorded:
                    for block in histories_of:
                        keep(block)
                    if note(one, False):
                        break
    return _merged(job, found, parts, counts, bins)


def number_of_replications(job: Job) -> int:
    """Replications of a job, at most; each draw is one."""
    return job.draws or (job.replications if job.rule is None else job.rule.most)


def _added(one: Replication, bins: list[dict[str, NDArray[np.int64]]]) -> Replication:
    """Add the bins of a replication, which are large, to those of all; the replication without them."""
    policies = []
    for policy, total in zip(one.policies, bins, strict=True):
        for name, use in policy.uses.items():
            assert use.bins is not None
            total[name] = total[name] + use.bins if name in total else use.bins
        uses = {name: replace(use, bins=None) for name, use in policy.uses.items()}
        policies.append(replace(policy, uses=uses))
    return replace(one, part=None, policies=policies)


def precise(found: list[Replication], precision: float) -> bool:
    """Whether every mean wait is known well enough (the confidence-interval method).

    Parameters
    ----------
    found
        Replications so far, two or more.
    precision
        Largest half-width of the 95 % interval (Student's t) as a share of the mean.
    """
    for s in range(len(found[0].policies)):
        for name in found[0].policies[s].uses:
            means = np.array([use.mean for one in found if (use := one.policies[s].uses[name]).served])
            if means.size < 2:
                continue  # hardly anybody needs it
            half = float(special.stdtrit(means.size - 1, 0.975)) * float(means.std(ddof=1)) / math.sqrt(means.size)
            if half > max(precision * float(means.mean()), ENOUGH * DAYS_PER_YEAR):
                return False
    return True


def _merged(
    job: Job,
    found: list[Replication],
    parts: list[BlockSums | None],
    counts: Counts | None,
    bins: list[dict[str, NDArray[np.int64]]],
) -> Found:
    if not job.limited:
        job = replace(job, patients=round(sum(one.counted for one in found) / len(found)))
    job = replace(job, replications=1 if job.draws else len(found), until_precise=None)
    totals = Totals(job)
    for part in parts:
        if part is not None:
            totals.add(part)
    totals.counts = counts
    return Found(job, totals, found, bins, found[0].events)


def _recorded(job: Job, number: int) -> tuple[Replication, list[Histories]]:
    """A replication after the first one, with its histories."""
    kept: list[Histories] = []
    return replicate(job, number, keep=kept.append), kept


def replicate(job: Job, number: int, sink: Sink | None = None, keep: Keep | None = None) -> Replication:
    """Run the service once under every strategy, with the same patients and referrals.

    Policies run side by side, block by block, so that only patients in the system are kept in memory.

    Parameters
    ----------
    job
        The job.
    number
        Number of the replication, or of the draw; of the first one some patients are logged.
    sink
        Receives all events.
    keep
        Receives the histories of the patients who count.
    """
    collecting = gc.isenabled()
    gc.disable()  # hundreds of thousands of small objects, that reference counts free
    try:
        return _Replicator(job, number, sink, keep).run()
    finally:
        if collecting:
            gc.enable()


class _Replicator:
    """One replication: a world for each strategy, which share the blocks of patients."""

    def __init__(self, job: Job, number: int, sink: Sink | None, keep: Keep | None) -> None:
        self.job, self.number, self.keep = job, number, keep
        self.events: dict[str, list[Event]] = {}
        scenario = job.scenario
        self.compiled = compiled_for(job, Task(number, 1, 0, 1))
        limit = job.patients if job.limited else None
        horizon = self.compiled.worth.horizon
        self.referrals = referrals(scenario.service, job.seed, job.luck(number), limit, horizon)
        self.counts = None if job.visits is None else Counts.empty(len(scenario.strategies), job.visits)
        needs = {name: needs_of(therapy) for name, therapy in self.compiled.spec.therapies.items()}
        steps = paths(self.compiled.roots)
        self.queues = any(needs[node.therapy] for path in steps.values() for node in path)
        self.blocks: dict[tuple[bool, int], _Shared] = {}
        self.worlds = []
        for position, name in enumerate(scenario.strategies):
            log, logged = None, None if sink is not None else scenario.service.log_patients
            if number == 0:
                log = _logger(name, self.events.setdefault(name, []), scenario.service.log_patients, sink)
            ward = partial(self._ward, steps[position], needs)
            self.worlds.append(World(scenario, self.referrals, ward, log, logged))

    def _ward(
        self, path: list[Node], needs: dict[str, dict[str, Need]], counted: bool, first: int, times: list[float],
        done: simpy.Event,
    ) -> Ward:  # fmt: skip
        if (counted, first) not in self.blocks:
            family = "patients" if counted else "warm-up"
            block = self.compiled.block(Task(self.number, 1, first, len(times)), family)
            block.recording = counted and self.keep is not None
            self.blocks[counted, first] = _Shared(block, Plans(self.compiled, block), len(self.worlds))
        shared = self.blocks[counted, first]
        shared.users -= 1
        if not counted and not shared.users:
            del self.blocks[counted, first]
        case = first if counted else first - self.referrals.before.size
        return Ward(self.compiled, shared.block, shared.plans, path, needs, times, case, done)

    def run(self) -> Replication:
        """Run until everybody who counts has left."""
        sums: list[Sums] = []
        flows: list[dict[tuple[str, str], int]] = [{} for _ in self.worlds]
        lost = np.zeros((len(self.worlds), 4))
        for k, wards in enumerate(zip(*(world.wards() for world in self.worlds), strict=True)):
            shared = self.blocks.pop((True, k * LEAF))
            ledger = self.compiled.ledger(shared.block, self.counts)
            for position, ward in enumerate(wards):
                ledger.end(position, ward.account())
                for key, number in ward.flows().items():
                    flows[position][key] = flows[position].get(key, 0) + number
            if self.queues:
                lost += self._lost(shared, ledger)
            task = Task(self.number, 1, k * LEAF, shared.block.cells.n)
            if self.keep is not None:
                self.keep(histories(ledger, task, self.compiled.scenario))
            sums.append(ledger.sums(task, self.job.samples > 0))
        policies = [
            Policy({name: _use(r.monitor) for name, r in world.resources.items()}, world.at_end, flow)
            for world, flow in zip(self.worlds, flows, strict=True)
        ]
        before, counted = self.referrals.before.size, self.referrals.counted.size
        part = None
        if sums:
            part = merge(self.job, Task(self.number, 1, 0, counted), sums, self.counts, whole=True)
        return Replication(part, policies, lost, before, counted, self.referrals.end, self.events)

    def _lost(self, shared: _Shared, ledger: Ledger) -> Array:
        """QALYs that a block loses to waiting, costs that it saves, and the sums of their squares, by strategy."""
        block = copy(shared.block)
        block.visits, block.recording = None, False
        free = self.compiled.ledger(block, None)
        self.compiled.play(block, free, shared.plans)
        rows, base = [], block.worth.base
        for waiting, at_once in zip(ledger.accounts, free.accounts, strict=True):
            assert waiting is not None and at_once is not None
            qalys, costs = at_once.qaly[base] - waiting.qaly[base], at_once.cost - waiting.cost
            rows.append((qalys.sum(), costs.sum(), (qalys**2).sum(), (costs**2).sum()))
        return np.array(rows)


@dataclass
class _Shared:
    """A block with its plans, and how many worlds have not used it yet."""

    block: Block
    plans: Plans
    users: int


def _use(monitor: Monitor) -> Use:
    return Use(
        monitor.bins, monitor.count, int(monitor.bins[0]), monitor.gone, monitor.judged, monitor.late, monitor.total,
        monitor.areas, monitor.final, monitor.longest, monitor.ever, monitor.parts,
    )  # fmt: skip


def _logger(strategy: str, sample: list[Event], most: int | None, sink: Sink | None) -> Callable[[Event], None]:
    """What receives the events of one strategy: a sample of the patients, and all if there is a sink."""

    def log(event: Event) -> None:
        if most is None or 0 <= event[0] < most:
            sample.append(event)
        if sink is not None:
            sink(strategy, event)

    return log
