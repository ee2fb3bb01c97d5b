"""A Dask cluster as a crew: Dask hands out the pieces, and hands them out again when a worker is lost."""

from __future__ import annotations

import os
import pickle
import time
from contextlib import suppress
from typing import Any

from scssim.engine.crew import Hired, Parcel
from scssim.engine.job import Job
from scssim.errors import ScssimError

WITHIN = 30
"""Seconds in which the scheduler must answer, and in which there must be a worker."""

COUNTED_EVERY = 10.0
"""Seconds between two counts of the workers: they may join and leave."""


class Cluster(Hired):
    """The workers of a running Dask scheduler.

    Parameters
    ----------
    address
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    ScssimError
        If Dask is not installed, or nothing answers there.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise ScssimError("scheduler: Dask is not installed; install scssim[dask]") from None
        try:
            self.client = Client(address, timeout=WITHIN, set_as_default=False)
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            what = " ".join(str(error).split())
            raise ScssimError(f"scheduler: no Dask scheduler answers at {address!r} ({what})") from None
        try:
            self.client.wait_for_workers(1, timeout=WITHIN)
        except TimeoutError:
            self.client.close()
            raise ScssimError(f"scheduler: {address} has no workers; start some (dask worker {address})") from None
        super().__init__(self.client.get_executor(pure=False))
        self._size, self._counted = 1, -COUNTED_EVERY

    @property
    def size(self) -> int:
        """Number of workers."""
        if time.monotonic() - self._counted > COUNTED_EVERY:
            with suppress(OSError):  # if the scheduler is lost, what was handed out tells
                self._size = max(1, sum(self.client.nthreads().values()))
            self._counted = time.monotonic()
        return self._size

    def send(self, job: Job) -> Any:
        """The job as a task of its own: made anew if the worker that has it is lost."""
        return self.client.submit(Parcel, os.urandom(8).hex(), pickle.dumps(job), pure=False)

    def failure(self, error: BaseException) -> str | None:
        """What to tell of an error of the cluster."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return "workers of the cluster ended again and again in the middle of their work; memory may have run out"
        return super().failure(error)

    def __exit__(self, *_: object) -> None:
        self.client.close()
