"""Running a job on the cohort engine: block by block, whoever works on them, merged in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from scssim.engine.block import Compiled
from scssim.engine.crew import Crew, Store
from scssim.engine.histories import Histories, Keep
from scssim.engine.job import CHUNK, Job, Task, blocks, tasks
from scssim.engine.ledger import Sums
from scssim.engine.part import BlockSums, merge
from scssim.engine.totals import Totals
from scssim.model.parameters import Array, Draws, draw
from scssim.model.visits import Counts

CELLS_WITH_HISTORIES = 8192
"""Cells whose histories are kept at once: they take far more memory than sums."""


FEW_WORKERS = 4
"""Workers up to which it pays that each binds the parameters of a whole chunk, of which others do some blocks."""


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Attributes
    ----------
    job
        The job.
    done, blocks
        Blocks (of a service: replications) done, and in all.
    kept
        Of those done, how many were there already.
    totals
        Sums so far; None of a service, and of some blocks of a run.
    """

    job: Job
    done: int
    blocks: int
    kept: int
    totals: Totals | None


Watch = Callable[[Status], None]
"""Told after every block."""


def simulate(
    job: Job,
    crew: Crew | None = None,
    cells: int | None = None,
    watch: Watch | None = None,
    store: Store[BlockSums] | None = None,
    so_far: Totals | None = None,
    keep: Keep | None = None,
) -> Totals:
    """Simulate a job.

    Parameters
    ----------
    job
        What to simulate.
    crew
        Who works on it; None: this process.
    cells
        Cells that the kernel works on at once (None: as suits the job); changes speed, never results.
    watch
        Told how far the job is.
    store
        Keeps the sums of every block, and has those of some already.
    so_far
        What a smaller job of the same kind has given, with fewer draws or, without draws, fewer patients: only the
        rest is simulated and added to it.
    keep
        Receives the histories of all cells, in order; every block is simulated then, whatever the store has.

    Returns
    -------
    Totals
        Merged sums.
    """
    crew = crew or Crew()
    if so_far is None:
        totals = Totals(job)
    else:
        totals = so_far
        totals.extend(job)
    every = blocks(job)
    begun, kept = totals.parts, 0
    if keep is None:
        parts = crew.results(job, block_work(crew, cells), every[begun:], begun, store)
    else:
        parts = _recorded(job, every[begun:], crew, cells or CELLS_WITH_HISTORIES, keep)
    with parts as found:
        for part, was_there in found:
            totals.add(part)
            kept += was_there
            if watch is not None:
                watch(Status(job, totals.parts, len(every), begun + kept, totals))
    return totals


def block_work(crew: Crew, cells: int | None = None) -> Callable[[Job, Task], BlockSums]:
    """What a crew does with a block."""
    return partial(simulate_block, cells=cells, alone=crew.size > FEW_WORKERS)


def simulate_block(job: Job, block: Task, cells: int | None = None, alone: bool = False) -> BlockSums:
    """Simulate a block.

    Parameters
    ----------
    job
        The job.
    block
        One of its `blocks`.
    cells
        Cells that the kernel works on at once (None: as suits the job).
    alone
        Whether to bind the parameters of this block only, not of those after it too.
    """
    counts, compiled = _counts(job), compiled_for(job, block, alone)
    sums = [compiled.simulate(task, counts) for task in tasks(block, cells or job.cells)]
    return _merged(job, block, sums, counts)


def _counts(job: Job) -> Counts | None:
    return None if job.visits is None else Counts.empty(len(job.scenario.strategies), job.visits)


def _merged(job: Job, block: Task, sums: list[Sums], counts: Counts | None) -> BlockSums:
    # A single sample may grow: it is closed when all of its parts are there, even if that is one.
    return merge(job, block, sums, counts, whole=job.draws > 0 and block.patients == job.patients)


@contextmanager
def _recorded(
    job: Job, every: list[Task], crew: Crew, cells: int, keep: Keep
) -> Iterator[Iterator[tuple[BlockSums, bool]]]:
    """Parts of some blocks, whose histories are passed on; as those are large, work is handed out in small pieces."""
    cut = [(block, tasks(block, cells)) for block in every]

    def parts(found: Iterator[tuple[_Recorded, bool]]) -> Iterator[tuple[BlockSums, bool]]:
        for block, pieces in cut:
            counts, every_sum = _counts(job), []
            for (sums, part, histories), _ in islice(found, len(pieces)):
                keep(histories)
                every_sum.append(sums)
                if counts is not None and part is not None:
                    counts.add(part)
            yield _merged(job, block, every_sum, counts), False

    with crew.results(job, _record, [task for _, pieces in cut for task in pieces]) as found:
        yield parts(found)


_Recorded = tuple[Sums, Counts | None, Histories]


def _record(job: Job, task: Task) -> _Recorded:
    counts = _counts(job)
    kept: list[Histories] = []
    sums = compiled_for(job, task).simulate(task, counts, kept.append)
    return sums, counts, kept[0]


class _Key:
    """A job by identity, so that compiled jobs can be cached."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __hash__(self) -> int:
        return id(self.job)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.job is self.job


def compiled_for(job: Job, task: Task, alone: bool = False) -> Compiled:
    """A job with its parameters bound for the draws of a task, or of its whole chunk; kept for the next task."""
    if alone and job.draws:
        return _compile(_Key(job), task.draw, task.draws)
    return _compile(_Key(job), task.draw // CHUNK * CHUNK, CHUNK)


@lru_cache(maxsize=1)
def _compile(key: _Key, first: int, most: int) -> Compiled:
    return Compiled(key.job, _draw(key, first, most))


@lru_cache(maxsize=1)
def _draw(key: _Key, first: int, most: int) -> Draws:
    job = key.job
    count = max(0, min(most, job.draws - first))
    if job.cases is not None:
        return Draws(first, count, {path: values[first : first + count] for path, values in job.cases.items()})
    return draw(job.scenario, job.seed, first, count, job.sobol)


def parameters(job: Job) -> dict[str, Array]:
    """Values of the uncertain parameters of all draws, by path."""
    parts = [_draw(_Key(job), first, CHUNK).values for first in range(0, job.draws, CHUNK)]
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]} if parts else {}
