"""Simulating one block of draws times patients under every strategy."""

from __future__ import annotations

import gc
from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from scssim.engine.cohort import play
from scssim.engine.histories import Keep, histories
from scssim.engine.job import Job, Task
from scssim.engine.ledger import Ledger, Sums
from scssim.engine.members import members, words_at
from scssim.engine.tree import Node, build, conditions
from scssim.model.history import Episode
from scssim.model.leaves import Leaves
from scssim.model.outcomes import Account, Block
from scssim.model.parameters import Draws, bind, draw
from scssim.model.past import Past
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
Bools = NDArray[np.bool_]

REFERENCE_PATIENTS = 2048
"""Patients on whom responder shares are centred (see `Therapy`)."""


NEEDED = frozenset({"age", "female", "back_vas", "leg_vas", "odi", "depression"})
"""Attributes that outcomes depend on even if nothing asks for them; visits record others too."""


class Compiled:
    """A job with its parameters bound for some draws.

    Parameters
    ----------
    job
        The job.
    draws
        Draws of the parameters (``count = 0``: means).

    Attributes
    ----------
    scenario
        The scenario without what no strategy uses.
    """

    def __init__(self, job: Job, draws: Draws) -> None:
        self.job, self.draws = job, draws
        scenario = self.scenario = used(job.scenario)
        spec = bind(scenario, draws)
        self.spec = spec
        self.population = Population(spec.population, job.life_table, job.table)
        self.members = None if job.among is None else members(job, self.population, draws)
        self.worth = Worth(spec, job.norm, _perspectives(scenario))
        self.roots = build(scenario)
        asked = {name for c in conditions(self.roots) for name in c.names}
        self.attributes = NEEDED | asked | self._modifying()
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
        cells = Reference(words("reference", self.job.seed, 0, 0, n), None, np.arange(n))
        population.sample(cells, np.arange(n), self._modifying())
        return cells

    def _modifying(self) -> set[str]:
        """Attributes that the relief of a therapy depends on."""
        needed: set[str] = set()
        for therapy in self.spec.therapies.values():
            texts = [*therapy.relief.modifiers, *([therapy.relief.among] if therapy.relief.among else [])]
            needed |= {name for text in texts for name in parse(text).names}
        return needed

    def eligible(self, node: Node, past: Past, cells: Cells) -> Bools | bool:
        """Who has a step if it is their turn: those who fulfil its condition and accept."""
        may: Bools | bool = True
        if node.condition is not None:
            may = np.asarray(node.condition(past.values(cells.attributes)), dtype=bool)
        strategy, i = node.acceptance
        acceptance = self.spec.strategies[strategy].steps[i].acceptance
        if not (np.ndim(acceptance) == 0 and acceptance >= 1):
            may = may & cells.chance(acceptance, "accept", node.therapy, node.step)
        return may

    def block(self, task: Task, family: str = "patients", only: Set[str] | None = None) -> Block:
        """The cells of a task, with all that does not depend on the strategy.

        Parameters
        ----------
        task
            Which cells.
        family
            Whose luck they have (see `streams.words`).
        only
            Attributes that are needed; None: all.
        """
        job = self.job
        patients = np.tile(np.arange(task.first, task.first + task.patients), task.draws)
        if self.members is None:
            base = np.concatenate(
                [job.words(task.draw + d, task.first, task.patients, family) for d in range(task.draws)]
            )
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
        self.population.sample(cells, patients, only)
        death = self.population.death(cells, self.worth.horizon)
        leaves = Leaves(task.draws, task.patients)
        return Block(cells, death, leaves, self.worth, job.visits, self.track_pain)

    def simulate(self, task: Task, counts: Counts | None, keep: Keep | None = None) -> Sums:
        """Play every strategy for the cells of a task.

        Parameters
        ----------
        task
            Block.
        counts
            Receives the integer counts of visits (None without visits).
        keep
            Receives the histories; None: they are not kept.
        """
        block = self.block(task, only=self.attributes if keep is None and self.job.visits is None else None)
        block.recording = keep is not None
        ledger = self.ledger(block, counts)
        collecting = gc.isenabled()
        gc.disable()  # a block makes many small objects and no cycles
        try:
            self.play(block, ledger)
            if keep is not None:
                keep(histories(ledger, task, self.scenario))
            return ledger.sums(task, bool(self.job.samples))
        finally:
            if collecting:
                gc.enable()

    def ledger(self, block: Block, counts: Counts | None) -> Ledger:
        """An empty ledger for a block."""
        return Ledger(self.spec, self.diagnosing, block, counts)

    def play(self, block: Block, ledger: Ledger, plans: Plans | None = None) -> None:
        """Play every strategy without queues and enter the accounts into a ledger.

        Parameters
        ----------
        block
            The block.
        ledger
            Receives the accounts.
        plans
            Plans of the block, if some are made already.
        """
        _Run(self, block, ledger, plans or Plans(self, block)).branch(block.start(), self.roots, [])


class Plans:
    """The plans of a block's cells; steps with the same plan share it."""

    def __init__(self, compiled: Compiled, block: Block) -> None:
        self.therapies, self.block = compiled.therapies, block
        self.first: dict[tuple[str, int, int], Plan] = {}
        self.later: dict[int, tuple[Plan, Plan, Cells]] = {}

    def of(self, node: Node) -> Plan:
        """The plan of a step for all cells."""
        key = node.key
        if key not in self.first:
            self.first[key] = self.make(node, self.block.cells, self.block.exit)
        return self.first[key]

    def make(self, node: Node, cells: Cells, leaves: Array) -> Plan:
        """The plan of a step for some cells."""
        return make_plan(
            self.therapies[node.therapy], cells, self.block.worth.recorder, leaves, node.step, node.occurrence
        )

    def again(self, node: Node, before: Plan, cells: Cells, again: int) -> tuple[Plan, Cells]:
        """The plan of the re-implants that may follow a plan of some cells, and the cells that may have one."""
        key = id(before)
        if key not in self.later:
            who = before.reimplanted
            relief = {site: x.take(who) for site, x in before.relief.items()}
            cells = cells.take(who)
            longest = self.block.exit.take(cells.index)
            plan = make_plan(
                before.therapy, cells, self.block.worth.recorder, longest, node.step, node.occurrence, again, relief
            )
            self.later[key] = before, plan, cells  # keeping the plan before keeps its id unique
        return self.later[key][1:]


class _Run:
    """One block on its way through the tree of strategies."""

    def __init__(self, compiled: Compiled, block: Block, ledger: Ledger, plans: Plans) -> None:
        self.compiled, self.block, self.ledger, self.plans = compiled, block, ledger, plans

    def branch(self, account: Account, nodes: Sequence[Node], ends: Sequence[int]) -> None:
        """Go on from an account with some steps and strategies that end here; the last one takes it over."""
        for position in ends[: None if nodes else -1]:
            self.ledger.end(position, account.copy())
        for node in nodes[:-1]:
            self._visit(node, account.copy())
        if nodes:
            self._visit(nodes[-1], account)
        elif ends:
            self.ledger.end(ends[-1], account)

    def _visit(self, node: Node, account: Account) -> None:
        """Play a step, then everything that follows it; changes the account."""
        block = self.block
        cells = block.cells
        active = account.now < block.exit
        active = active & self.compiled.eligible(node, account.past, cells)
        few = active.nonzero()[0]
        if 2 * few.size > cells.n or node.key in self.plans.first:
            plan = self.plans.of(node)
            episode = play(plan, cells, active, account.now, block.exit, block.horizon)
        else:
            cells = cells.take(few)
            leaves, now = block.exit.take(few), account.now.take(few)
            plan = self.plans.make(node, cells, leaves)
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
            plan, cells = self.plans.again(node, episode.plan, episode.cells, again)
            leaves = block.exit.take(cells.index)
            start = np.where(explanted, episode.end.take(who), leaves)
            episode = play(plan, cells, start < leaves, start, leaves, block.horizon, again)
            account.add(episode)


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
