"""Simulating jobs, on whichever engine they are for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scssim.engine.crew import Crew, Store
from scssim.engine.des.run import Found, Sink, number_of_replications, replicate
from scssim.engine.des.run import simulate as simulate_service
from scssim.engine.histories import Keep
from scssim.engine.job import Job, blocks
from scssim.engine.precision import Precision, simulate_until
from scssim.engine.run import Status, Watch, block_work, simulate
from scssim.engine.totals import Totals

SLOWER_WITH_VISITS = 3
"""How many times as long a lifetime takes with visits, about."""


@dataclass(frozen=True)
class Simulator:
    """Simulates one job after another.

    Attributes
    ----------
    crew
        Who works on jobs that are worth it; others are simulated in this process.
    watch
        Told how far each job is, or None.
    stores
        Gives what keeps the results of a job; None: they are not kept.
    """

    crew: Crew = field(default_factory=Crew)
    watch: Watch | None = None
    stores: Callable[[Job], Store[Any] | None] | None = None

    def __call__(self, job: Job, so_far: Totals | None = None, keep: Keep | None = None) -> Totals:
        """Simulate a job; the rest is as in `simulate`."""
        if job.engine == "des":
            return self.service(job).totals
        return simulate(job, self._crew(job), None, self.watch, self.store(job), so_far, keep)

    def until(self, job: Job, wanted: Precision) -> Totals:
        """Simulate a job until a precision is reached."""
        return simulate_until(job, wanted, self)

    def service(self, job: Job, sink: Sink | None = None, keep: Keep | None = None) -> Found:
        """Simulate a job on the discrete-event engine."""
        return simulate_service(job, self.crew, self.watch, self.store(job), sink, keep)

    def blocks(self, job: Job, numbers: range) -> None:
        """Simulate some blocks of a job, which go to its store."""
        some: Sequence[Any] = numbers if job.engine == "des" else blocks(job)[numbers.start : numbers.stop]
        work: Callable[[Job, Any], Any] = replicate if job.engine == "des" else block_work(self.crew)
        kept = 0
        with self.crew.results(job, work, some, numbers.start, self.store(job)) as results:
            for done, (_, was_there) in enumerate(results, start=1):
                kept += was_there
                if self.watch is not None:
                    self.watch(Status(job, done, len(some), kept, None))

    def store(self, job: Job) -> Store[Any] | None:
        """What keeps the results of a job."""
        return None if self.stores is None else self.stores(job)

    def _crew(self, job: Job) -> Crew:
        worth = self.crew.worth(job.lifetimes * (1 if job.visits is None else SLOWER_WITH_VISITS))
        return self.crew if worth else Crew()


def pieces(job: Job) -> int:
    """How many blocks a job has (of a service, replications, at most)."""
    return number_of_replications(job) if job.engine == "des" else len(blocks(job))
