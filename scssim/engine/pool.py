"""Working on many pieces of a job in processes, with the results in order."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from scssim.engine.job import Job
from scssim.errors import ScssimError

Piece = TypeVar("Piece")
Found = TypeVar("Found")

LOST = (
    "a worker process ended before its work was done. A script that uses several workers needs its calls under "
    "`if __name__ == '__main__':`, as every process reads it again; else memory may have run out: use fewer workers"
)

AHEAD = 4
"""Pieces handed out per worker before their results are asked for."""


@contextmanager
def in_order(
    job: Job, pieces: Iterable[Piece], workers: int, work: Callable[[Job, Piece], Found]
) -> Iterator[Iterator[Found]]:
    """Results of some pieces of a job, in their order.

    Parameters
    ----------
    job
        The job; every process gets it once.
    pieces
        What is to be done; pieces that nobody asks for any more are given up when the block ends.
    workers
        Processes; 1 stays in this one.
    work
        A function of a module, called with the job and one piece.

    Raises
    ------
    ScssimError
        If a process ends before its work is done.
    """
    # Several BLAS threads would contend with each other and could change the order of sums.
    if workers <= 1:
        _keep_memory()
        with threadpool_limits(1):
            yield (work(job, piece) for piece in pieces)
        return
    context = multiprocessing.get_context("spawn")
    # The job goes by a file: a process that dies while it starts would leave a large one stuck in the pipe to it.
    with tempfile.TemporaryDirectory(prefix="scssim-") as folder:
        path = Path(folder) / "job"
        path.write_bytes(pickle.dumps(job))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(path,)) as pool:
            pending: deque[Future[Found]] = deque()
            try:
                yield _results(pool, pending, iter(pieces), AHEAD * workers, work)
                if pending:
                    _end(pool)
            except BaseException as error:
                _end(pool)
                if isinstance(error, BrokenProcessPool):
                    raise ScssimError(LOST) from None
                raise


def _results(
    pool: ProcessPoolExecutor,
    pending: deque[Future[Found]],
    pieces: Iterator[Piece],
    ahead: int,
    work: Callable[[Job, Piece], Found],
) -> Iterator[Found]:
    while True:
        while len(pending) < ahead and (piece := next(pieces, None)) is not None:
            pending.append(pool.submit(_do, work, piece))
        if not pending:
            return
        yield pending.popleft().result()


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers now, not when their pieces are done: nobody waits for work that nobody wants."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
    # One that is ended in the middle of a result leaves the pool waiting for the rest, as long as anyone could send it.
    writer = getattr(getattr(pool, "_result_queue", None), "_writer", None)
    if writer is not None:
        writer.close()


_job: Job | None = None  # set once in each worker process


def _start_worker(path: Path) -> None:
    global _job
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _job = pickle.loads(path.read_bytes())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threadpool_limits(1)
    _keep_memory()


def _do(work: Callable[[Job, Any], Any], piece: Any) -> Any:
    assert _job is not None
    return work(_job, piece)


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
