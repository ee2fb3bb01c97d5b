"""What is simulated, and how it is cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.leaves import BATCH, LEAF
from scssim.model.streams import Words, words
from scssim.model.visits import Visits
from scssim.scenario.expressions import Expression
from scssim.scenario.schema import Scenario
from scssim.scenario.service import Replications

Array = NDArray[np.float64]

CHUNK = 256
"""Draws whose parameters are bound together, a power of two; no block reaches beyond its chunk."""

BLOCK = 2**17
"""Most cells of a block: some tenths of a second of work."""

CELLS = 32768
"""Cells that the kernel works on at once: long enough to hide the cost of calls, short enough for the cache."""

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
    def lifetimes(self) -> int:
        """Patients times draws times strategies."""
        return self.patients * max(self.draws, 1) * len(self.scenario.strategies)

    @property
    def rule(self) -> Replications | None:
        """When there are enough replications; None if their number (that of the draws) is fixed."""
        return None if self.draws else self.until_precise

    @property
    def cells(self) -> int:
        """Cells that the kernel works on at once."""
        return CELLS if self.visits is None else CELLS_WITH_VISITS

    @property
    def batch(self) -> int:
        """Patients of a batch of a single sample: few, as long as there are not too many batches to keep."""
        return BATCH if self.patients < BLOCK else LEAF

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
    """Some cells of a job: draws ``draw`` to ``draw + draws``, patients ``first`` to ``first + patients``."""

    draw: int
    draws: int
    first: int
    patients: int


def blocks(job: Job) -> list[Task]:
    """Cut a job into its blocks: the pieces that are handed out, kept, and merged in this order.

    Where blocks begin depends on the patients of a draw alone, never on workers or on how much there is of the job: a
    larger job of the same kind begins with the same blocks. They hold whole draws, a power of two of them, or so many
    whole leaves of a draw.
    """
    draws = max(job.draws, 1)
    if job.patients > BLOCK:
        return [
            Task(d, 1, first, min(BLOCK, job.patients - first))
            for d in range(draws)
            for first in range(0, job.patients, BLOCK)
        ]
    together = min(CHUNK, 1 << (BLOCK // job.patients).bit_length() - 1)
    return [Task(d, min(together, draws - d), 0, job.patients) for d in range(0, draws, together)]


def tasks(block: Task, cells: int) -> list[Task]:
    """Cut a block into what the kernel does at once, about so many cells; where the cuts are changes no result."""
    wide = max(LEAF, cells // LEAF * LEAF)
    if block.patients > wide // 2:
        end = block.first + block.patients
        return [
            Task(block.draw + d, 1, first, min(wide, end - first))
            for d in range(block.draws)
            for first in range(block.first, end, wide)
        ]
    pieces = min(block.draws, max(1, round(block.draws * block.patients / cells)))
    edges = [block.draw + block.draws * i // pieces for i in range(pieces + 1)]
    return [Task(low, high - low, block.first, block.patients) for low, high in pairwise(edges)]
