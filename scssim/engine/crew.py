"""Who works on the pieces of a job: this process, processes beside it, or any executor; results come in order."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from scssim.build import build, unlike
from scssim.engine.job import Job
from scssim.errors import ScssimError

Found = TypeVar("Found")

LOST = (
    "a worker process ended before its work was done, again and again. A script that uses several workers needs its "
    "calls under `if __name__ == '__main__':`, as every process reads it again; else memory may have run out: use "
    "fewer workers"
)

AHEAD = 4
"""Pieces handed out per worker before their results are asked for."""

WORTH_A_POOL = 3_000_000
"""Lifetimes on the cohort engine from which processes save more time than it takes to start them."""

LOSSES = 3
"""How often in a row all processes may be lost before a piece is done; the first time of all, one less."""

MOST_ON_WINDOWS = 61
"""Processes that a pool can wait for there."""

STUCK = 5.0
"""Seconds without a result after which it is asked whether a process is lost that its pool still waits for."""


class Store(Protocol[Found]):
    """Keeps what was found of the pieces of a job."""

    def get(self, number: int, piece: Any) -> Found | None:
        """What was found of a piece, if it is there."""

    def put(self, number: int, piece: Any, found: Found) -> None:
        """Keep what was found of a piece."""


class Crew:
    """A crew of one, this process, which does one piece after the other; the base of those that do several at once."""

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def size(self) -> int:
        """How many pieces are done at once, about."""
        return 1

    def worth(self, lifetimes: float) -> bool:
        """Whether it saves time to let the crew do so much."""
        return True

    def stop(self) -> None:
        """Give up whatever is being done."""

    @contextmanager
    def results(
        self,
        job: Job,
        work: Callable[[Job, Any], Found],
        pieces: Sequence[Any],
        first: int = 0,
        store: Store[Found] | None = None,
    ) -> Iterator[Iterator[tuple[Found, bool]]]:
        """Results of some pieces of a job, in their order.

        Parameters
        ----------
        job
            The job.
        work
            A function of a module, called with the job and one piece.
        pieces
            What is to be done; those that nobody asks for any more are given up when the block ends.
        first
            Number of the first piece.
        store
            Has the results of some pieces, and is given those of the others as soon as they are there.

        Yields
        ------
        iterator of (found, kept)
            What was found of each piece, and whether the store had it.

        Raises
        ------
        ScssimError
            If workers are lost again and again, or are not of the same build.
        """
        _keep_memory()
        # Several BLAS threads would contend with each other and could change the order of sums.
        with threadpool_limits(1):
            yield (_found(job, work, number, piece, store) for number, piece in enumerate(pieces, first))


def _found(
    job: Job, work: Callable[[Job, Any], Found], number: int, piece: Any, store: Store[Found] | None
) -> tuple[Found, bool]:
    if store is None:
        return work(job, piece), False
    kept = store.get(number, piece)
    if kept is not None:
        return kept, True
    found = work(job, piece)
    store.put(number, piece, found)
    return found, False


class Hired(Crew):
    """Any executor that speaks `concurrent.futures.Executor`; who made it ends it.

    Parameters
    ----------
    executor
        Its workers need the same build of scssim and NumPy.
    """

    proven = False
    """Whether a worker has ever done a piece."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    @property
    def size(self) -> int:
        """Number of workers, as far as known."""
        return int(getattr(self.executor, "_max_workers", None) or os.cpu_count() or 1)

    def send(self, job: Job) -> Any:
        """The job as it goes along with every piece."""
        return Parcel(os.urandom(8).hex(), pickle.dumps(job))

    def submit(self, parcel: Any, work: Callable[[Job, Any], Found], piece: Any) -> Future[tuple[Any, Found]]:
        """Hand out a piece."""
        return self.executor.submit(_do_elsewhere, parcel, work, piece)

    def failure(self, error: BaseException) -> str | None:
        """What to tell of an error that came from no piece of work but from the workers; None of any other."""
        if isinstance(error, ImportError) or str(error).startswith("Can't get attribute"):
            return f"a worker cannot do its work: {error}; workers need this version of scssim"
        if isinstance(error, CancelledError):
            return "the workers were lost before their work was done"
        return None

    def stuck(self) -> bool:
        """Whether a worker is lost and nobody will ever tell."""
        return False

    def renew(self, losses: int) -> bool:
        """Find new workers after all were lost, so many times in a row; whether there are any."""
        return False

    @contextmanager
    def results(
        self,
        job: Job,
        work: Callable[[Job, Any], Found],
        pieces: Sequence[Any],
        first: int = 0,
        store: Store[Found] | None = None,
    ) -> Iterator[Iterator[tuple[Found, bool]]]:
        """As `Crew.results`, several pieces at a time; a single one is done here."""
        if len(pieces) < 2:
            with super().results(job, work, pieces, first, store) as found:
                yield found
            return
        flow = _Flow(self, self.send(job), work, deque(enumerate(pieces, first)), store)
        try:
            # Workers may be threads of this process, which would give each other's BLAS threads back.
            with threadpool_limits(1):
                yield flow.results(range(first, first + len(pieces)))
        finally:
            if flow.pending:
                for future in flow.pending:
                    future.cancel()
                self.stop()


@dataclass
class _Flow:
    """Pieces on their way to workers, and results on their way back."""

    crew: Hired
    parcel: Any
    work: Callable[[Job, Any], Any]
    todo: deque[tuple[int, Any]]
    store: Store[Any] | None
    pending: dict[Future[tuple[Any, Any]], tuple[int, Any]] = field(default_factory=dict)
    ready: dict[int, tuple[Any, bool]] = field(default_factory=dict)
    losses: int = 0

    def results(self, numbers: range) -> Iterator[tuple[Any, bool]]:
        for number in numbers:
            while number not in self.ready:
                self._hand_out()
                if self.pending:
                    done = wait_for(self.pending, STUCK, return_when=FIRST_COMPLETED).done
                    if done:
                        self._collect(done)
                    elif self.crew.stuck():
                        self._lost()
            yield self.ready.pop(number)

    def _hand_out(self) -> None:
        ahead = AHEAD * self.crew.size
        while self.todo and len(self.pending) + len(self.ready) < ahead:
            number, piece = self.todo.popleft()
            kept = None if self.store is None else self.store.get(number, piece)
            if kept is not None:
                self.ready[number] = kept, True
                continue
            try:
                self.pending[self.crew.submit(self.parcel, self.work, piece)] = number, piece
            except BrokenExecutor:
                self.todo.appendleft((number, piece))
                self._lost()
                break

    def _collect(self, done: set[Future[tuple[Any, Any]]]) -> None:
        for future in done:
            try:
                theirs, found = future.result()
            except BrokenExecutor:
                self._lost()
                break  # the others are lost as well
            except (Exception, CancelledError) as error:
                told = self.crew.failure(error)
                raise error if told is None else ScssimError(told) from None
            number, piece = self.pending.pop(future)
            if theirs is not None and theirs != build():
                raise ScssimError(f"a worker is not like this process ({', '.join(unlike(theirs, build()))})")
            if self.store is not None:
                self.store.put(number, piece, found)
            self.ready[number] = found, False
            self.losses = 0
            self.crew.proven = True

    def _lost(self) -> None:
        """Hand out again what was with workers that are no more."""
        self.losses += 1
        self.todo.extendleft(sorted(self.pending.values(), reverse=True))
        self.pending.clear()
        if not self.crew.renew(self.losses):
            raise ScssimError(LOST)


class Processes(Hired):
    """Processes on this machine, started when there is enough to do, for one job after the other.

    Parameters
    ----------
    workers
        How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = min(workers, MOST_ON_WINDOWS) if sys.platform == "win32" else workers
        self._pool: ProcessPoolExecutor | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sent = 0

    @property
    def size(self) -> int:
        """Number of processes."""
        return self.workers

    def worth(self, lifetimes: float) -> bool:
        """Whether it saves time to let the processes do so much: once started, they may as well."""
        return self.workers > 1 and (self._pool is not None or lifetimes > WORTH_A_POOL)

    def send(self, job: Job) -> Path:
        """The job by a file, which every process reads once."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="scssim-")
        # Jobs come one after the other.
        (Path(self._folder.name) / f"job-{self._sent}").unlink(missing_ok=True)
        self._sent += 1
        path = Path(self._folder.name) / f"job-{self._sent}"
        path.write_bytes(pickle.dumps(job))
        return path

    def submit(self, parcel: Any, work: Callable[[Job, Any], Found], piece: Any) -> Future[tuple[Any, Found]]:
        """Hand out a piece; starts the processes if need be."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start_worker)
        with _holding_interrupts():
            return self._pool.submit(_do, parcel, work, piece)

    def stuck(self) -> bool:
        """Whether a process ended in the middle of a result: the pool waits for the rest of it for ever."""
        processes = (getattr(self._pool, "_processes", None) or {}).values()
        return any(process.exitcode is not None for process in processes)

    def renew(self, losses: int) -> bool:
        """Start anew, unless that has not helped."""
        self.stop()
        return losses < (LOSSES if self.proven else LOSSES - 1)

    def stop(self) -> None:
        """End the processes now, not when their pieces are done: nobody waits for work that nobody wants."""
        if self._pool is not None:
            _end(self._pool)
            self._pool = None

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _holding_interrupts() -> Iterator[None]:
    """Keep Ctrl-C until later: processes that are started meanwhile never get it, even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
    # One that is ended in the middle of a result leaves the pool waiting for the rest, as long as anyone could send it.
    writer = getattr(getattr(pool, "_result_queue", None), "_writer", None)
    if writer is not None:
        writer.close()
    pool.shutdown(cancel_futures=True)


# --------------------------------------------------------------- in workers


@dataclass(frozen=True)
class Parcel:
    """A job on its way; the same key is the same job."""

    key: str
    content: bytes = field(repr=False, compare=False)


def _do(path: Path, work: Callable[[Job, Any], Found], piece: Any) -> tuple[None, Found]:
    return None, work(_read(path), piece)


@lru_cache(maxsize=1)
def _read(path: Path) -> Job:
    job: Job = pickle.loads(path.read_bytes())
    return job


def _start_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threadpool_limits(1)
    _keep_memory()


def _end_with_parent() -> None:
    """End a worker whose parent was killed; nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do_elsewhere(parcel: Parcel, work: Callable[[Job, Any], Found], piece: Any) -> tuple[dict[str, str], Found]:
    """Do a piece on somebody's executor, which may run on another machine, and tell of which build it is."""
    with threadpool_limits(1):
        return build(), work(_unpack(parcel), piece)


@lru_cache(maxsize=1)
def _unpack(parcel: Parcel) -> Job:
    _keep_memory()
    job: Job = pickle.loads(parcel.content)
    return job


def _keep_memory() -> None:
    """Make the GNU C library reuse the memory of a block for the next one.

    It returns free memory to the system above a threshold that grows with the largest array freed so far (up to
    32 MB); fetching it anew for every array takes 3 % of a run. The array is never touched, so it takes no memory.
    """
    np.empty(31 << 20, dtype=np.uint8)
