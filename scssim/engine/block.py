"""Simulating one block of draws times patients under every strategy."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.engine.cohort import play
from scssim.engine.job import Job, Task
from scssim.engine.members import members, words_at
from scssim.engine.tree import Node, build, conditions
from scssim.model.history import Episode
from scssim.model.leaves import BATCH, Leaves, in_batches
from scssim.model.outcomes import Account, Block
from scssim.model.parameters import Draws, bind, draw
from scssim.model.patients import Cells, Population, Reference
from scssim.model.plan import Plan, Reason, make_plan
from scssim.model.streams import words
from scssim.model.therapy import compile_therapies
from scssim.model.visits import Counts
from scssim.model.worth import Worth
from scssim.scenario.expressions import parse
from scssim.scenario.quantity import Cost
from scssim.scenario.schema import Scenario
from scssim.scenario.walk import used

Array = NDArray[np.float64]

REFERENCE_PATIENTS = 2048
"""Patients on whom responder shares are centred (see `Therapy`)."""


@dataclass(frozen=True)
class Sums:
    """Sums of a block.

    Attributes
    ----------
    rows
        One row per (draw, leaf) in order; `Totals` reads them.
    draw
        Draw of each row.
    items
        Names of the cost items of each strategy, in the order of the rows.
    events
        By strategy: event -> (occurrences, patients with at least one).
    states
        By strategy: state -> change of the number of patients at each month.
    dead
        Deaths by month.
    died
        Deaths before the horizon.
    cells
        Number of cells.
    batches
        Without draws: sums of cost and QALYs of all strategies over batches of `BATCH` patients, shape (batches, 2 S).
    """

    rows: Array
    draw: NDArray[np.intp]
    items: tuple[tuple[tuple[str, str], ...], ...]
    events: tuple[dict[str, tuple[int, int]], ...]
    states: tuple[dict[str, NDArray[np.intp]], ...]
    dead: NDArray[np.intp]
    died: int
    cells: int
    batches: Array | None


class Compiled:
    """A job with its parameters bound for some draws.

    Parameters
    ----------
    job
        The job.
    draws
        Draws of the parameters (``count = 0``: means).
    """

    def __init__(self, job: Job, draws: Draws) -> None:
        self.job, self.draws = job, draws
        scenario = used(job.scenario)
        spec = bind(scenario, draws)
        self.spec = spec
        self.population = Population(spec.population, job.life_table, job.table)
        self.members = None if job.among is None else members(job, self.population, draws)
        self.worth = Worth(spec, job.norm, _perspectives(scenario))
        self.roots = build(scenario)
        asked = {name for c in conditions(self.roots) for name in c.names}
        self.track_pain = bool(asked & {"back_vas_now", "leg_vas_now"})
        self.diagnosing = [
            any(s.condition is not None and "diagnosed" in s.condition.names for s in strategy.steps)
            for strategy in scenario.strategies.values()
        ]
        self.therapies = compile_therapies(spec.therapies, spec.response_groups, self._reference())

    def _reference(self) -> Reference:
        """Reference patients: on their own stream, the same in every draw, or the rows of the patient table."""
        base = self.job.base
        population = self.population
        if base is not None:
            draws = draw(base.scenario, self.job.seed, self.draws.first, self.draws.count, self.job.sobol)
            population = Population(bind(base.scenario, draws).population, None, base.table)
        n = population.rows or REFERENCE_PATIENTS
        needed: set[str] = set()
        for therapy in self.spec.therapies.values():
            texts = [*therapy.relief.modifiers, *([therapy.relief.among] if therapy.relief.among else [])]
            needed |= {name for text in texts for name in parse(text).names}
        cells = Reference(words("reference", self.job.seed, 0, 0, n), None, np.arange(n))
        population.sample(cells, np.arange(n), needed)
        return cells

    def block(self, task: Task) -> Block:
        """The cells of a task, with all that does not depend on the strategy."""
        job = self.job
        patients = np.tile(np.arange(task.first, task.first + task.patients), task.draws)
        if self.members is None:
            base = np.concatenate([job.words(task.draw + d, task.first, task.patients) for d in range(task.draws)])
        else:
            mine = self.members[task.draw - self.draws.first :][: task.draws]
            rows = [row[task.first : task.first + task.patients] for row in mine]
            base = np.concatenate([words_at(job, task.draw + d, row) for d, row in enumerate(rows)])
            patients = np.concatenate(rows)
        n = base.size
        draw, regular = None, None
        if self.draws.count:
            first = task.draw - self.draws.first
            draw = np.repeat(np.arange(first, first + task.draws), task.patients)
            regular = slice(first, first + task.draws), task.patients
        cells = Cells(base, draw, np.arange(n), regular=regular)
        self.population.sample(cells, patients)
        death = self.population.death(cells, self.worth.horizon)
        leaves = Leaves(task.draws, task.patients)
        return Block(cells, death, leaves, self.worth, job.visits, self.track_pain)

    def simulate(self, task: Task, counts: Counts | None) -> Sums:
        """Play every strategy for the cells of a task.

        Parameters
        ----------
        task
            Block.
        counts
            Receives the integer counts of visits (None without visits).
        """
        block = self.block(task)
        run = _Run(self, block, counts)
        account = block.start()
        collecting = gc.isenabled()
        gc.disable()  # a block makes many small objects and no cycles
        try:
            run.branch(account, self.roots, [])
            return run.sums(task)
        finally:
            if collecting:
                gc.enable()


class _Run:
    """One block on its way through the tree of strategies."""

    def __init__(self, compiled: Compiled, block: Block, counts: Counts | None) -> None:
        self.compiled, self.block, self.counts = compiled, block, counts
        self.plans: dict[tuple[str, int, int], Plan] = {}
        self.again: dict[int, tuple[Plan, Plan, Cells]] = {}
        self.accounts: list[Account | None] = [None] * len(compiled.job.scenario.strategies)
        self.visits: list[Array | None] = [None] * len(self.accounts)
        self.events: dict[tuple[int, ...], tuple[int, int]] = {}

    def plan(self, node: Node) -> Plan:
        """The plan of a step for all cells; steps with the same plan share it."""
        key = (node.therapy, node.step, node.occurrence)
        if key not in self.plans:
            block, therapy = self.block, self.compiled.therapies[node.therapy]
            self.plans[key] = make_plan(
                therapy, block.cells, block.worth.recorder, block.exit, node.step, node.occurrence
            )
        return self.plans[key]

    def branch(self, account: Account, nodes: Sequence[Node], ends: Sequence[int]) -> None:
        """Go on from an account with some steps and strategies that end here; the last one takes it over."""
        for position in ends[: None if nodes else -1]:
            self._end(position, account.copy())
        for node in nodes[:-1]:
            self._visit(node, account.copy())
        if nodes:
            self._visit(nodes[-1], account)
        elif ends:
            self._end(ends[-1], account)

    def _visit(self, node: Node, account: Account) -> None:
        """Play a step, then everything that follows it; changes the account."""
        block = self.block
        cells = block.cells
        active = account.now < block.exit
        if node.condition is not None:
            active = active & np.asarray(node.condition(account.condition_values()), dtype=bool)
        strategy, i = node.acceptance
        acceptance = self.compiled.spec.strategies[strategy].steps[i].acceptance
        if not (np.ndim(acceptance) == 0 and acceptance >= 1):
            active = active & cells.chance(acceptance, "accept", node.therapy, node.step)
        few = np.flatnonzero(active)
        if 2 * few.size > cells.n or (node.therapy, node.step, node.occurrence) in self.plans:
            plan = self.plan(node)
            episode = play(plan, cells, active, account.now, block.exit, block.horizon)
        else:
            cells = cells.take(few)
            leaves, now = block.exit.take(few), account.now.take(few)
            therapy = self.compiled.therapies[node.therapy]
            plan = make_plan(therapy, cells, block.worth.recorder, leaves, node.step, node.occurrence)
            episode = play(plan, cells, np.ones(few.size, dtype=bool), now, leaves, block.horizon)
        account.add(episode)
        self._reimplant(node, account, episode)
        self.branch(account, list(node.children.values()), node.ends)

    def _reimplant(self, node: Node, account: Account, episode: Episode) -> None:
        """New implants of the same therapy after explants, one round per re-implant."""
        block = self.block
        again = 0
        while True:
            who = episode.plan.reimplanted
            explanted = episode.begun.take(who) & (episode.reason.take(who) == Reason.EXPLANT)
            if not explanted.any():
                return
            again += 1
            before = episode.plan
            key = id(before)
            if key not in self.again:
                cells = episode.cells.take(who)
                therapy, longest = before.therapy, block.exit.take(cells.index)
                relief = {site: x.take(who) for site, x in before.relief.items()}
                plan = make_plan(
                    therapy, cells, block.worth.recorder, longest, node.step, node.occurrence, again, relief=relief
                )
                self.again[key] = before, plan, cells  # keeping the plan before keeps its id unique
            _, plan, cells = self.again[key]
            leaves = block.exit.take(cells.index)
            start = np.where(explanted, episode.end.take(who), leaves)
            episode = play(plan, cells, start < leaves, start, leaves, block.horizon, again)
            account.add(episode)

    def _end(self, position: int, account: Account) -> None:
        """Close the account of a strategy."""
        account.close()
        diagnosis = self.compiled.spec.population.diagnosis
        if diagnosis is not None and diagnosis.cost is not None and self.compiled.diagnosing[position]:
            once = np.ones((2, self.block.cells.n))
            account.pay([("work_up", self.block.worth.bearer("work_up"), diagnosis.cost)], None, once)
        if account.visits is not None:
            assert self.counts is not None
            self.visits[position] = account.visits.finish(position, self.counts)
            account.visits = None
        self.accounts[position] = account

    def _event(self, pieces: list[NDArray[np.intp]]) -> tuple[int, int]:
        """Occurrences of an event and cells with at least one; strategies share pieces."""
        key = tuple(map(id, pieces))
        if key not in self.events:
            seen = np.zeros(self.block.cells.n, dtype=bool)
            for piece in pieces:
                seen[piece] = True
            self.events[key] = sum(piece.size for piece in pieces), int(np.count_nonzero(seen))
        return self.events[key]

    def sums(self, task: Task) -> Sums:
        """Sums of the block, one row per leaf."""
        block, leaves = self.block, self.block.leaves
        accounts = [a for a in self.accounts if a is not None]
        base, others = block.worth.base, [s for s in block.worth.sources if s != block.worth.base]
        parts: list[Array] = []
        pairs = np.empty((2 * len(accounts), block.cells.n))
        x = np.empty((6 + len(others), block.cells.n))
        x[2], x[5] = block.life, block.life0
        for i, a in enumerate(accounts):
            pairs[2 * i], pairs[2 * i + 1] = a.cost, a.qaly[base]
            x[0], x[1], x[3], x[4] = a.cost, a.qaly[base], a.cost0, a.qaly0
            for k, name in enumerate(others, start=6):
                x[k] = a.qaly[name]
            parts.append(leaves.moments(x))
        parts.append(leaves.products(pairs))
        items = []
        for a in accounts:
            keys = sorted(a.items)
            items.append(tuple(keys))
            parts += [a.items[key].T for key in keys]
        parts += [v for v in self.visits if v is not None]
        events = tuple({name: self._event(pieces) for name, pieces in a.events.items()} for a in accounts)
        draw = np.repeat(np.arange(task.draw, task.draw + task.draws), leaves.per_draw)
        return Sums(
            np.concatenate(parts, axis=1),
            draw,
            tuple(items),
            events,
            tuple(a.states for a in accounts),
            block.bins(np.minimum(block.death, block.horizon)),
            int(np.count_nonzero(block.death < block.horizon)),
            block.cells.n,
            None if self.compiled.job.draws else in_batches(pairs.T, BATCH),
        )


def _perspectives(scenario: Scenario) -> dict[str, str]:
    """Who bears each cost item, where it is not healthcare."""
    out: dict[str, str] = {}

    def note(name: str, cost: Cost | None) -> None:
        if cost is not None and cost.perspective != "healthcare":
            out[name] = cost.perspective

    for key, therapy in scenario.therapies.items():
        for item in type(therapy.costs).model_fields:
            note(f"{key}.{item}", getattr(therapy.costs, item))
        note(f"{key}.generator", therapy.costs.pulse_generator or therapy.costs.device)
        for name, complication in therapy.complications.items():
            note(f"{key}.{name}", complication.cost)
    if scenario.population.diagnosis is not None:
        note("work_up", scenario.population.diagnosis.cost)
    return out
