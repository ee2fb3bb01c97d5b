"""Simulating until the Monte Carlo error is small enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from scssim.engine.job import Job
from scssim.engine.run import simulate
from scssim.engine.totals import Totals
from scssim.errors import ScssimError
from scssim.model.leaves import LEAF
from scssim.scenario.distributions import Z95

MOST = 10**9
"""Most lifetimes of one strategy that are simulated for the sake of precision."""

FEWEST = 32
"""Draws to begin with: the error seen in fewer may be small by luck."""

GROWTH = 8
"""Largest step between two sizes: an early estimate of the error is itself uncertain."""


Run = Callable[[Job, Totals | None], Totals]


@dataclass(frozen=True)
class Precision:
    """Wanted precision.

    Attributes
    ----------
    half_width
        Half-width of the 95 % Monte Carlo interval of every incremental net monetary benefit (currency).
    wtp
        Willingness to pay (currency per QALY).
    reference
        Position of the reference strategy.
    """

    half_width: float
    wtp: float
    reference: int

    def reached(self, totals: Totals) -> float:
        """Largest half-width over the strategies."""
        others = (s for s in range(totals.strategies) if s != self.reference)
        errors = (totals.error(s, self.reference, -1.0, self.wtp) for s in others)
        return Z95 * max(errors, default=0.0)


def simulate_until(job: Job, wanted: Precision, run: Run | None = None) -> Totals:
    """Simulate a job and go on with more draws (without draws: more patients) until a precision is reached.

    Parameters
    ----------
    job
        Where to begin, at least with 32 draws. Without draws, patients are rounded up to whole leaves of 1,024.
    wanted
        The precision.
    run
        Simulates a job, going on from the totals of a smaller one; None: `simulate`.

    Returns
    -------
    Totals
        Those of the job as it was in the end, the same as if it had been run at once.

    Raises
    ------
    ScssimError
        If the precision would take more than a thousand million lifetimes.
    """
    if job.draws:
        job = replace(job, draws=max(job.draws, FEWEST))
    else:
        job = replace(job, patients=-(-job.patients // LEAF) * LEAF)
    run = run or (lambda job, so_far: simulate(job, so_far=so_far))
    totals = run(job, None)
    while (half := wanted.reached(totals)) > wanted.half_width:
        now = job.draws or job.patients
        # 2 % more than the estimate, so that a second small step is rarely needed.
        needed = 1.02 * now * (half / wanted.half_width) * (half / wanted.half_width)
        if needed * (job.patients if job.draws else 1) > MOST:
            number = f"{needed:,.0f}" if needed < 1e18 else f"{needed:.0e}"
            what = f"{number} draws of {job.patients:,} patients" if job.draws else f"{number} patients"
            least = half * math.sqrt(now * (job.patients if job.draws else 1) / MOST)
            raise ScssimError(
                f"a precision of {wanted.half_width:g} would take about {what}; "
                f"the most is {MOST:,} lifetimes of each strategy: ask for {least:.3g} or more"
            )
        size = min(math.ceil(needed), GROWTH * now)
        job = replace(job, draws=size) if job.draws else replace(job, patients=-(-size // LEAF) * LEAF)
        totals = run(job, totals)
    return totals
