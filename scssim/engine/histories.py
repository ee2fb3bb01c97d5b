"""The histories of a block as columns: one row per episode, and one per patient and strategy.

Rows are in the order of draws, patients, strategies and episodes, whatever the block: blocks put one after the other
give the same rows however a job is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Task
from scssim.engine.ledger import Ledger
from scssim.model.history import NEVER, Episode
from scssim.model.outcomes import Account, Block
from scssim.model.patients import Category
from scssim.model.plan import Reason
from scssim.scenario.schema import Scenario

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Columns = dict[str, NDArray[Any] | Category]
"""Arrays of one length, by the name of the column."""

RESPONSE = 0.5
"""Relief (fraction of baseline) from which a site has responded, as in the model's two kinds of patients."""

REASONS = tuple(reason.name.lower() for reason in Reason)


@dataclass(frozen=True)
class Histories:
    """What happened to the patients of some blocks.

    Attributes
    ----------
    episodes
        One row per episode of therapy.
    patients
        One row per draw, patient and strategy.
    """

    episodes: Columns
    patients: Columns


Keep = Callable[[Histories], None]
"""Receives the histories of one block after the other."""


def histories(ledger: Ledger, task: Task, scenario: Scenario) -> Histories:
    """The histories of a block whose accounts are closed and have kept their episodes.

    Parameters
    ----------
    ledger
        The accounts of the block under every strategy.
    task
        What the block is of.
    scenario
        Names of strategies, therapies and complications.
    """
    block, strategies = ledger.block, tuple(scenario.strategies)
    accounts = [account for account in ledger.accounts if account is not None]
    draw = np.repeat(np.arange(task.draw, task.draw + task.draws, dtype=np.int32), task.patients)
    patient = np.tile(np.arange(task.first, task.first + task.patients), task.draws)
    kinds = dict.fromkeys(kind for therapy in scenario.therapies.values() for kind in therapy.complications)
    names = {name: i for i, name in enumerate(scenario.therapies)}
    parts = []
    for position, account in enumerate(accounts):
        assert account.history is not None
        seen = np.zeros(block.cells.n, dtype=np.int32)
        for e in account.history:
            cell, found = _episode(block, e, names, kinds)
            seen[cell] += 1
            parts.append({"cell": cell, "strategy": np.full(cell.size, position), "episode": seen.take(cell), **found})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["cell"], kind="stable")  # from by strategy to by cell
    columns = {name: column.take(order) for name, column in columns.items()}
    cell = columns.pop("cell")
    episodes: Columns = {"draw": draw.take(cell), "patient": patient.take(cell), **columns}
    for name, values in (("strategy", strategies), ("therapy", tuple(names)), ("reason", REASONS)):
        episodes[name] = Category(columns[name], values)
    many = len(strategies)
    patients: Columns = {
        "draw": draw.repeat(many),
        "patient": patient.repeat(many),
        "strategy": Category(np.tile(np.arange(many), patient.size), strategies),
        **{name: _repeated(x, many) for name, x in block.cells.attributes.items()},
        "years": block.exit.repeat(many),
        "died": (block.death < block.horizon).repeat(many),
    }
    outcomes = [_outcomes(block, account) for account in accounts]
    patients |= {name: np.stack([own[name] for own in outcomes], axis=1).ravel() for name in outcomes[0]}
    return Histories(episodes, patients)


def _repeated(x: Any, times: int) -> NDArray[Any] | Category:
    return Category(x.codes.repeat(times), x.names) if isinstance(x, Category) else x.repeat(times)


def _outcomes(block: Block, account: Account) -> dict[str, Array]:
    """Outcomes of every cell, by their names in the table of outcomes."""
    base = block.worth.base
    others = {f"qaly_{name}": account.qaly[name] for name in block.worth.sources if name != base}
    return {
        "cost": account.cost,
        "qaly": account.qaly[base],
        "life_years": block.life,
        "cost_undiscounted": account.cost0,
        "qaly_undiscounted": account.qaly0,
        "life_years_undiscounted": block.life0,
        **others,
    }


def _episode(
    block: Block, e: Episode, therapies: Mapping[str, int], kinds: Mapping[str, object]
) -> tuple[Index, dict[str, NDArray[Any]]]:
    """Cells of the block that have an episode, and its columns for them."""
    plan, n = e.plan, e.cells.n
    who = np.flatnonzero(e.active)
    cell = block.place(e.cells, who)
    assert cell is not None
    exit_, begun = block.exit.take(cell), e.begun.take(who)
    tries = plan.trial_ok is not None
    lost = np.full(who.size, np.nan) if plan.loss is None else e.t0.take(who) + plan.loss.take(who)
    back, leg = (np.where(begun, plan.relief[site].take(who), np.nan) for site in ("back", "leg"))

    def times(cells: Index) -> NDArray[np.int32]:
        return np.bincount(cells, minlength=n).take(who).astype(np.int32)

    revised, (changed, _, replaced) = e.occurrences.cell[e.revisions < NEVER], e.replacements
    own = {name: i for i, name in enumerate(plan.therapy.complications.names)}
    return cell, {
        "therapy": np.full(who.size, therapies[plan.therapy.id]),
        "reimplant": np.full(who.size, e.again, dtype=np.int32),
        "decided": e.start.take(who),
        "trial": _known(e.trial.take(who), tries & (e.trial.take(who) < exit_)),
        "trial_end": _known(e.tried.take(who), tries & (e.tried.take(who) < exit_)),
        "began": _known(e.t0.take(who), begun),
        "lost": _known(lost, begun & (lost <= e.end.take(who)) & (lost < exit_)),
        "ended": e.free.take(who),
        "reason": e.reason.take(who).astype(np.intp),
        "relief_back": back,
        "relief_leg": leg,
        "responder_back": back >= RESPONSE,
        "responder_leg": leg >= RESPONSE,
        "responded": plan.responded.take(who) & begun,
        "repeats": times(e.courses.cell),
        "revisions": times(revised),
        "depletions": times(changed),
        "replacements": times(changed[replaced < NEVER]),
        "complications": times(e.occurrences.cell),
        **{
            f"complication_{kind}": times(e.occurrences.cell[e.occurrences.kind == own.get(kind, -1)]) for kind in kinds
        },
    }


def _known(time: Array, happened: NDArray[np.bool_]) -> Array:
    return np.where(happened, time, np.nan)
