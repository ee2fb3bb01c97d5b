"""Running a job on the cohort engine: blocks, workers, and the order in which sums are merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial

import numpy as np

from scssim.engine.block import Compiled
from scssim.engine.histories import Histories, Keep
from scssim.engine.job import CHUNK, Job, Task, tasks
from scssim.engine.ledger import Sums
from scssim.engine.pool import in_order
from scssim.engine.totals import Totals
from scssim.model.parameters import Array, Draws, draw
from scssim.model.visits import Counts

Progress = Callable[[int, int], None]

CELLS_WITH_HISTORIES = 8192
"""Cells of a block whose histories are kept: they take far more memory than its sums."""


def simulate(
    job: Job,
    workers: int = 1,
    cells: int | None = None,
    progress: Progress | None = None,
    so_far: tuple[Totals, Counts | None] | None = None,
    keep: Keep | None = None,
) -> tuple[Totals, Counts | None]:
    """Simulate a job.

    Parameters
    ----------
    job
        What to simulate.
    workers
        Processes; 1 stays in this one.
    cells
        Cells of a block (None: as suits the job); changes speed, never results.
    progress
        Called with (blocks done, blocks in all).
    so_far
        What a smaller job of the same kind has given, with fewer draws or, without draws, fewer patients (a
        multiple of a leaf): only the rest is simulated and added to it.
    keep
        Receives the histories of the blocks, in order.

    Returns
    -------
    totals, counts
        Merged sums; integer counts of visits (None without visits).
    """
    if keep is not None and cells is None:
        cells = CELLS_WITH_HISTORIES
    if so_far is None:
        totals = Totals(job, 6 + len(job.scenario.utilities.sources) - 1)
        counts = None if job.visits is None else Counts.empty(len(job.scenario.strategies), job.visits)
        todo = tasks(job, cells)
    else:
        totals, counts = so_far
        todo = tasks(job, cells, totals.extend(job))
    with _results(job, todo, min(workers, len(todo)), counts, keep) as results:
        for done, (sums, part) in enumerate(results, start=1):
            totals.add(sums)
            if part is not None and counts is not None:
                counts.add(part)
            if progress is not None:
                progress(done, len(todo))
    totals.finish()
    return totals, counts


def _results(
    job: Job, todo: list[Task], workers: int, counts: Counts | None, keep: Keep | None
) -> AbstractContextManager[Iterator[tuple[Sums, Counts | None]]]:
    """Sums of every block in order, with counts of visits that are not part of ``counts`` yet."""
    if workers <= 1:
        return in_order(job, todo, 1, lambda job, task: (compiled_for(job, task).simulate(task, counts, keep), None))
    return _unpacked(job, todo, workers, keep)


@contextmanager
def _unpacked(
    job: Job, todo: list[Task], workers: int, keep: Keep | None
) -> Iterator[Iterator[tuple[Sums, Counts | None]]]:
    batch = max(1, min(16, len(todo) // (4 * workers))) if keep is None else 1
    batches = [todo[i : i + batch] for i in range(0, len(todo), batch)]

    def unpacked(found: Iterator[_Work]) -> Iterator[tuple[Sums, Counts | None]]:
        for sums, counts, histories in found:
            if keep is not None:
                for one in histories:
                    keep(one)
            yield from ((one, counts if i == 0 else None) for i, one in enumerate(sums))

    with in_order(job, batches, workers, partial(_work, recording=keep is not None)) as found:
        yield unpacked(found)


_Work = tuple[list[Sums], Counts | None, list[Histories]]


def _work(job: Job, batch: list[Task], recording: bool) -> _Work:
    counts = None if job.visits is None else Counts.empty(len(job.scenario.strategies), job.visits)
    kept: list[Histories] = []
    keep = kept.append if recording else None
    return [compiled_for(job, task).simulate(task, counts, keep) for task in batch], counts, kept


class _Key:
    """A job by identity, so that compiled jobs can be cached."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __hash__(self) -> int:
        return id(self.job)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.job is self.job


def compiled_for(job: Job, task: Task) -> Compiled:
    """A job with its parameters bound for the draws of a task; kept for the next task."""
    return _compile(_Key(job), task.draw // CHUNK)


@lru_cache(maxsize=1)
def _compile(key: _Key, chunk: int) -> Compiled:
    return Compiled(key.job, _draw(key, chunk))


@lru_cache(maxsize=1)
def _draw(key: _Key, chunk: int) -> Draws:
    job, first = key.job, chunk * CHUNK
    count = max(0, min(CHUNK, job.draws - first))
    if job.cases is not None:
        return Draws(first, count, {path: values[first : first + count] for path, values in job.cases.items()})
    return draw(job.scenario, job.seed, first, count, job.sobol)


def parameters(job: Job) -> dict[str, Array]:
    """Values of the uncertain parameters of all draws, by path."""
    parts = [_draw(_Key(job), chunk).values for chunk in range(-(-job.draws // CHUNK))]
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]} if parts else {}
