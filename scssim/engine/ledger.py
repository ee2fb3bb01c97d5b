"""The accounts of a block under every strategy, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Task
from scssim.model.leaves import BATCH, in_batches
from scssim.model.outcomes import Account, Block
from scssim.model.visits import Counts

Array = NDArray[np.float64]


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
        Of a single sample: sums of cost and QALYs of all strategies over batches of `BATCH` patients, (batches, 2 S).
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


class Ledger:
    """Collects the account of each strategy for one block.

    Parameters
    ----------
    spec
        Bound scenario.
    diagnosing
        By strategy: whether it uses the diagnosis.
    block
        The block.
    counts
        Receives the integer counts of visits (None without visits).
    """

    def __init__(self, spec: Any, diagnosing: list[bool], block: Block, counts: Counts | None) -> None:
        self.block, self.counts = block, counts
        self.diagnosis, self.diagnosing = spec.population.diagnosis, diagnosing
        self.accounts: list[Account | None] = [None] * len(diagnosing)
        self.visits: list[Array | None] = [None] * len(diagnosing)
        self.events: dict[tuple[int, ...], tuple[int, int]] = {}

    def end(self, position: int, account: Account) -> None:
        """Close the account of a strategy."""
        account.close()
        diagnosis = self.diagnosis
        if diagnosis is not None and diagnosis.cost is not None and self.diagnosing[position]:
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

    def sums(self, task: Task, several: bool) -> Sums:
        """Sums of the block, one row per leaf.

        Parameters
        ----------
        task
            What the block is of.
        several
            Whether it is of one of several samples (draws, replications); batches are of a single one.
        """
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
            None if several else in_batches(pairs.T, BATCH),
        )
