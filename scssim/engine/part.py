"""The sums of one block: what workers return, what is kept on disk, and what is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Job, Task
from scssim.engine.ledger import Sums
from scssim.model.leaves import BATCH, LEAF, in_batches
from scssim.model.visits import COLUMNS, Counts

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Closed:
    """What is known of draws all of whose patients are summed.

    Attributes
    ----------
    means
        Means of all outcomes, shape (draws, strategies, outcomes).
    visit_mean, visit_square
        Sums over draws of the mean of each visit column, and of its square, shape (strategies, visits, columns).
    visit_draws
        Draws in which the visit's denominator was not empty, the same shape.
    """

    means: Array
    visit_mean: Array
    visit_square: Array
    visit_draws: Array


@dataclass(frozen=True)
class Tally:
    """Counts of visits without the many that are 0: a hundredth of the size.

    Attributes
    ----------
    place, number
        Where `Counts.bins` (flattened) is not 0, and what is there.
    observed
        As in `Counts`.
    """

    place: NDArray[np.int64]
    number: NDArray[np.int64]
    observed: NDArray[np.int64]

    @classmethod
    def of(cls, counts: Counts) -> Tally:
        """The same as some counts."""
        flat = counts.bins.ravel()
        place = np.flatnonzero(flat)
        return cls(place, flat[place], counts.observed.copy())

    def add_to(self, counts: Counts, times: int = 1) -> None:
        """Add to counts in place, or (-1) take back."""
        counts.bins.reshape(-1)[self.place] += times * self.number
        counts.observed += times * self.observed


@dataclass(frozen=True)
class BlockSums:
    """Sums of a block.

    Attributes
    ----------
    block
        Which cells.
    total
        Sums as in the rows of `Sums`.
    sizes
        Patients of each draw.
    closed
        What is known of the draws; None if the block has a part of a draw only.
    items, events, states, dead, died, cells
        As in `Sums`.
    batches
        Of a single sample: sums of cost and QALYs of all strategies over batches of `Job.batch` patients.
    counts
        Counts of visits (None without visits).
    """

    block: Task
    total: Array
    sizes: Array
    closed: Closed | None
    items: tuple[tuple[tuple[str, str], ...], ...]
    events: tuple[dict[str, tuple[int, int]], ...]
    states: tuple[dict[str, NDArray[np.intp]], ...]
    dead: NDArray[np.intp]
    died: int
    cells: int
    batches: Array | None
    counts: Tally | None


def outcomes(job: Job) -> int:
    """Number of outcomes of each strategy: costs, QALYs, life years, undiscounted too, and further utility sources."""
    return 6 + len(job.scenario.utilities.sources) - 1


def merge(job: Job, block: Task, sums: Sequence[Sums], counts: Counts | None, whole: bool) -> BlockSums:
    """The sums of a block from those of its tasks: leaves of one draw are added up first, in order, then draws.

    Parameters
    ----------
    job
        The job.
    block
        The block; of a service, a replication with all of its patients.
    sums
        Of all its tasks, in order.
    counts
        Counts of visits of the block.
    whole
        Whether the block has all patients of its draws.
    """
    first = sums[0]
    rows = np.zeros((block.draws, first.rows.shape[1]))
    sizes = np.zeros(block.draws)
    events: list[dict[str, tuple[int, int]]] = [{} for _ in first.events]
    states: list[dict[str, NDArray[np.intp]]] = [{} for _ in first.states]
    for one in sums:
        assert one.items == first.items, "tasks must sum the same items"
        draws = one.draw - block.draw
        for draw, row in zip(draws, one.rows, strict=True):
            rows[draw] += row
        here = np.unique(draws)
        sizes[here] += one.cells / here.size
        add_events(events, one.events)
        add_states(states, one.states)
    total = rows[0].copy()
    for row in rows[1:]:
        total += row
    batches = [one.batches for one in sums if one.batches is not None]
    small = np.concatenate(batches) if batches else None
    return BlockSums(
        block=block,
        total=total,
        sizes=sizes,
        closed=close(job, rows, sizes) if whole else None,
        items=first.items,
        events=tuple(events),
        states=tuple(states),
        dead=np.sum([one.dead for one in sums], axis=0),
        died=sum(one.died for one in sums),
        cells=sum(one.cells for one in sums),
        batches=small if small is None or job.batch == BATCH else in_batches(small, LEAF // BATCH),
        counts=None if counts is None else Tally.of(counts),
    )


def close(job: Job, rows: Array, sizes: Array) -> Closed:
    """What follows from the sums of whole draws, one row each."""
    strategies, many = len(job.scenario.strategies), outcomes(job)
    sums = rows[:, : 2 * strategies * many].reshape(-1, strategies, 2, many)[:, :, 0]
    means = sums / sizes[:, None, None]
    width = 0 if job.visits is None else job.visits.width
    shape = (strategies, width // len(COLUMNS), len(COLUMNS))
    mean, square, draws = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row in rows if width else ():
        visits = row[-strategies * width :].reshape(shape)
        n = visits[..., -1:]
        of_draw = np.divide(visits, n, out=np.zeros_like(visits), where=n > 0)
        of_draw[..., -1] = visits[..., -1]
        mean += of_draw
        square += of_draw**2
        draws += n > 0
    return Closed(means, mean, square, draws)


def add_events(to: Sequence[dict[str, tuple[int, int]]], more: Sequence[dict[str, tuple[int, int]]]) -> None:
    """Add numbers of events, by strategy."""
    for mine, theirs in zip(to, more, strict=True):
        for name, (times, people) in theirs.items():
            before = mine.get(name, (0, 0))
            mine[name] = before[0] + times, before[1] + people


def add_states(to: Sequence[dict[str, NDArray[np.intp]]], more: Sequence[dict[str, NDArray[np.intp]]]) -> None:
    """Add changes of the numbers in each state, by strategy."""
    for mine, theirs in zip(to, more, strict=True):
        for name, change in theirs.items():
            mine[name] = mine[name] + change if name in mine else change
