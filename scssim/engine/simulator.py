"""Simulating jobs, on whichever engine they are for."""

from __future__ import annotations

from dataclasses import dataclass

from scssim.engine.des.run import Found
from scssim.engine.des.run import simulate as simulate_service
from scssim.engine.job import Job
from scssim.engine.run import Progress, simulate
from scssim.engine.totals import Totals
from scssim.model.visits import Counts

WORTH_A_POOL = 3_000_000
"""Lifetimes on the cohort engine from which processes save more time than it takes to start them."""


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
        """Simulate a job; the sums, and the counts of visits."""
        if job.engine == "des":
            found = self.service(job)
            return found.totals, found.counts
        lifetimes = job.patients * max(job.draws, 1) * len(job.scenario.strategies)
        return simulate(job, self.workers if lifetimes > WORTH_A_POOL else 1, progress=self.progress)

    def service(self, job: Job) -> Found:
        """Simulate a job on the discrete-event engine."""
        return simulate_service(job, self.workers, progress=self.progress)
