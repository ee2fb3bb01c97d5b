"""Subgroups: which patients of the population fulfil a condition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Job
from scssim.errors import ScssimError
from scssim.model.parameters import Draws
from scssim.model.patients import Cells, Population
from scssim.model.streams import Words

Index = NDArray[np.intp]

WINDOW = 4096
"""Patients looked at together."""

RAREST = 1e-4
"""Share of the population below which a subgroup is refused: finding its members would take for ever."""

LOOKED = 25 * WINDOW
"""Patients looked at before that is judged, once, by the means of the parameters."""

PATIENCE = 20
"""How many times as many are looked at in a draw, and a tenth of the share will do: what has begun had better go on."""


def members(job: Job, population: Population, draws: Draws) -> list[Index]:
    """Indices of the first patients of each draw who fulfil the condition of a job, in order.

    Parameters
    ----------
    job
        A job with a condition.
    population
        Its population, with the parameters of the draws.
    draws
        The draws (``count = 0``: means).

    Returns
    -------
    list of ndarray
        One array (patients,) per draw.

    Raises
    ------
    ScssimError
        If hardly anybody fulfils the condition.
    """
    assert job.cases is None, "cases are of the whole population"
    if not draws.count:
        return [_members(job, population, 0, None)]
    return [_members(job, population, draws.first + d, d) for d in range(draws.count)]


def _members(job: Job, population: Population, draw: int, position: int | None) -> Index:
    assert job.among is not None
    found: list[Index] = []
    count = looked = 0
    while count < job.patients:
        who = np.arange(looked, looked + WINDOW)
        regular = None if position is None else (slice(position, position + 1), WINDOW)
        at = None if position is None else np.full(WINDOW, position)
        cells = Cells(job.words(draw, looked, WINDOW), at, np.arange(WINDOW), regular=regular)
        population.sample(cells, who, set(job.among.names))
        inside = who[np.broadcast_to(np.asarray(job.among(cells.attributes), dtype=bool), who.shape)]
        found.append(inside)
        count += inside.size
        looked += WINDOW
        enough, rarest = (LOOKED, RAREST) if position is None else (PATIENCE * LOOKED, RAREST / 10)
        if looked == enough and count < rarest * looked:
            text = job.among.text
            raise ScssimError(
                f"only {count} of {looked:,} patients fulfil {text!r}; a subgroup needs at least 1 in {1 / rarest:,.0f}"
            )
    return np.concatenate(found)[: job.patients]


def words_at(job: Job, draw: int, patients: Index) -> Words:
    """Words of some patients of a draw, by ascending index."""
    first = int(patients[0]) // 4 * 4
    return job.words(draw, first, int(patients[-1]) + 1 - first)[patients - first]
