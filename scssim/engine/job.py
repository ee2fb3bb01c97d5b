"""What is simulated, and how it is cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.leaves import LEAF
from scssim.model.streams import Words, words
from scssim.model.visits import Visits
from scssim.scenario.expressions import Expression
from scssim.scenario.schema import Scenario
from scssim.scenario.service import Replications

Array = NDArray[np.float64]

CHUNK = 256
"""Draws whose parameters are bound together; no block reaches beyond its chunk."""

CELLS = 32768
"""Cells of a block: long enough to hide the cost of calls, short enough for the cache."""

CELLS_WITH_VISITS = 16384
"""The same with visits, which keep several arrays per month."""


ENGINES = ("cohort", "des")
"""What can play plans."""


@dataclass(frozen=True)
class Job:
    """What is simulated: the same for every block and picklable.

    Attributes
    ----------
    scenario
        Validated scenario.
    table
        Columns of a patient table, or None.
    life_table
        (ages, {sex: qx}) or None.
    norm
        Utility norm, shape (2, ages), or None.
    seed, patients, draws
        Seed; patients per draw; number of draws (0: distribution means).
    visits
        What to record at visits, or None.
    sobol
        Whether draws come from a Sobol sequence.
    cases
        Values of parameters by path in place of draws, each an array (draws,); the patients are then the same in
        every draw.
    among
        Only patients who fulfil this condition: the first ones of each draw that do.
    base
        Job in whose population the stated responder shares hold; None: this one.
    engine
        What plays the plans, one of `ENGINES`.
    replications
        Independent runs of a service (``des``), of which each draw is one.
    until_precise
        How many there may be in place of that, to reach a precision; None: as many as stated.
    limited
        Whether referrals end when ``patients`` have come (``des``).
    """

    scenario: Scenario
    table: dict[str, Any] | None
    life_table: tuple[Array, dict[str, Array]] | None
    norm: Array | None
    seed: int
    patients: int
    draws: int
    visits: Visits | None
    sobol: bool = False
    cases: dict[str, Array] | None = None
    among: Expression | None = None
    base: Job | None = None
    engine: str = "cohort"
    replications: int = 1
    until_precise: Replications | None = None
    limited: bool = True

    @property
    def samples(self) -> int:
        """Independent samples of patients, each with a mean of its own: draws or replications; 0: there is only one."""
        if self.draws:
            return self.draws
        return self.replications if self.replications > 1 else 0

    def until(self, years: float) -> Job:
        """The job with another horizon and without visits: the same histories, cut or continued."""
        settings = self.scenario.settings.model_copy(update={"horizon_years": years})
        return replace(self, scenario=self.scenario.model_copy(update={"settings": settings}), visits=None)

    def luck(self, draw: int) -> int:
        """Number of the luck that a draw has: cases all have the same."""
        return 0 if self.cases is not None else draw

    def words(self, draw: int, first: int, count: int, family: str = "patients") -> Words:
        """Words of consecutive patients of a draw (``first``: a multiple of 4)."""
        return words(family, self.seed, self.luck(draw), first, count)


@dataclass(frozen=True)
class Task:
    """One block: draws ``draw`` to ``draw + draws``, patients ``first`` to ``first + patients``."""

    draw: int
    draws: int
    first: int
    patients: int


def tasks(job: Job, cells: int | None = None, done: int = 0) -> list[Task]:
    """Cut a job into blocks of about ``cells`` cells (None: as suits the job), in draw-major order.

    Blocks hold whole leaves of 1,024 patients; which block a leaf is in does not change any result.

    Parameters
    ----------
    done
        Draws (without draws: patients, a multiple of a leaf) that need not be simulated any more.
    """
    if cells is None:
        cells = CELLS if job.visits is None else CELLS_WITH_VISITS
    draws = max(job.draws, 1)
    wide = max(LEAF, cells // LEAF * LEAF)
    if job.patients > wide // 2 or (done and not job.draws):
        return [
            Task(d, 1, first, min(wide, job.patients - first))
            for d in range(done if job.draws else 0, draws)
            for first in range(0 if job.draws else done, job.patients, wide)
        ]
    out = []
    begins = sorted({done, *range(0, draws, CHUNK)})
    for begin in begins[begins.index(done) :]:
        chunk = min(CHUNK - begin % CHUNK, draws - begin)
        blocks = min(chunk, max(1, round(chunk * job.patients / cells)))
        edges = [begin + chunk * i // blocks for i in range(blocks + 1)]
        out += [Task(low, high - low, 0, job.patients) for low, high in pairwise(edges)]
    return out
