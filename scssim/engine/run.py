"""Running a job: blocks, workers, and the order in which sums are merged."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from scssim.engine.block import Compiled
from scssim.engine.job import CHUNK, Job, Task, tasks
from scssim.engine.ledger import Sums
from scssim.engine.totals import Totals
from scssim.errors import ScssimError
from scssim.model.parameters import Array, Draws, draw
from scssim.model.visits import Counts

Progress = Callable[[int, int], None]

LOST = (
    "a worker process ended before its work was done. A script that uses several workers needs its calls under "
    "`if __name__ == '__main__':`, as every process reads it again; else memory may have run out: use fewer workers"
)

WORTH_A_POOL = 3_000_000
"""Lifetimes from which processes save more time than it takes to start them."""


def simulate(
    job: Job,
    workers: int = 1,
    cells: int | None = None,
    progress: Progress | None = None,
    so_far: tuple[Totals, Counts | None] | None = None,
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

    Returns
    -------
    totals, counts
        Merged sums; integer counts of visits (None without visits).
    """
    if so_far is None:
        totals = Totals(job, 6 + len(job.scenario.utilities.sources) - 1)
        counts = None if job.visits is None else Counts.empty(len(job.scenario.strategies), job.visits)
        todo = tasks(job, cells)
    else:
        totals, counts = so_far
        todo = tasks(job, cells, totals.extend(job))
    with _results(job, todo, min(workers, len(todo)), counts) as results:
        for done, (sums, part) in enumerate(results, start=1):
            totals.add(sums)
            if part is not None and counts is not None and part is not counts:
                counts.add(part)
            if progress is not None:
                progress(done, len(todo))
    totals.finish()
    return totals, counts


@dataclass(frozen=True)
class Simulator:
    """Simulates one job after another.

    Attributes
    ----------
    workers
        Processes for jobs that are worth starting them; others are simulated in this one.
    progress
        Called with (blocks done, blocks in all) of each job, or None.
    """

    workers: int = 1
    progress: Progress | None = None

    def __call__(self, job: Job) -> tuple[Totals, Counts | None]:
        """Simulate a job, as `simulate`."""
        lifetimes = job.patients * max(job.draws, 1) * len(job.scenario.strategies)
        return simulate(job, self.workers if lifetimes > WORTH_A_POOL else 1, progress=self.progress)


@contextmanager
def _results(
    job: Job, todo: list[Task], workers: int, counts: Counts | None
) -> Iterator[Iterator[tuple[Sums, Counts | None]]]:
    # Several BLAS threads would contend with each other and could change the order of sums.
    if workers <= 1:
        _keep_memory()
        with threadpool_limits(1):
            yield ((_compiled_for(job, task).simulate(task, counts), counts) for task in todo)
        return
    context = multiprocessing.get_context("spawn")
    batch = max(1, min(16, len(todo) // (4 * workers)))
    batches = [todo[i : i + batch] for i in range(0, len(todo), batch)]
    # The job goes by a file: a process that dies while it starts would leave a large one stuck in the pipe to it.
    with tempfile.TemporaryDirectory(prefix="scssim-") as folder:
        path = Path(folder) / "job"
        path.write_bytes(pickle.dumps(job))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(path,)) as pool:
            try:
                # Not `map`, which cancels what is left: the thread of the pool would stumble over it below.
                futures = deque(pool.submit(_work, part) for part in batches)
                yield _unpack(futures.popleft().result() for _ in batches)
            except BaseException as error:
                # Nobody waits for work that nobody wants: end the workers now, not when their batches are done.
                for process in list((getattr(pool, "_processes", None) or {}).values()):
                    process.terminate()
                if isinstance(error, BrokenProcessPool):
                    raise ScssimError(LOST) from None
                raise


def _unpack(
    batches: Iterator[tuple[list[Sums], Counts | None]],
) -> Iterator[tuple[Sums, Counts | None]]:
    for sums, counts in batches:
        for i, one in enumerate(sums):
            yield one, counts if i == 0 else None


_job: Job | None = None  # set once in each worker process


def _start_worker(path: Path) -> None:
    global _job
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _job = pickle.loads(path.read_bytes())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threadpool_limits(1)
    _keep_memory()


def _end_with_parent() -> None:
    """End a worker whose parent was killed; nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _keep_memory() -> None:
    """Make the GNU C library reuse the memory of a block for the next one.

    It returns free memory to the system above a threshold that grows with the largest array freed so far (up to
    32 MB); fetching it anew for every array takes 3 % of a run. The array is never touched, so it takes no memory.
    """
    np.empty(31 << 20, dtype=np.uint8)


def _work(batch: list[Task]) -> tuple[list[Sums], Counts | None]:
    assert _job is not None
    counts = None if _job.visits is None else Counts.empty(len(_job.scenario.strategies), _job.visits)
    return [_compiled_for(_job, task).simulate(task, counts) for task in batch], counts


class _Key:
    """A job by identity, so that compiled jobs can be cached."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __hash__(self) -> int:
        return id(self.job)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.job is self.job


def _compiled_for(job: Job, task: Task) -> Compiled:
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
