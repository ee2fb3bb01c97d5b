"""Complications: recurrent events of a therapy, drawn for all cells and all kinds together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.patients import Cells
from scssim.model.streams import GOLDEN, counts, first_not_below, stream, unit
from scssim.model.timing import Number, Timer, hazard_timer, years
from scssim.scenario.times import DAYS_PER_YEAR

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]
Words = NDArray[np.uint64]

MOST_OFTEN = DAYS_PER_YEAR
"""Occurrences in a year that draws do not exceed: one a day."""


@dataclass(frozen=True)
class Occurrences:
    """Complications by kind, then by how many of the kind the cell has had, then by cell.

    Attributes
    ----------
    kind
        Position among the therapy's complications.
    row
        Row of the tables of `Complications`.
    cell
        Cell it happens to.
    time
        Years since t0 in a plan, since entry in an episode.
    revised, relief_lost, explanted
        Whether it leads to a revision, suspends relief until then, ends the therapy.
    """

    kind: NDArray[np.uint16]
    row: Index
    cell: Index
    time: Array
    revised: Bools
    relief_lost: Bools
    explanted: Bools

    def take(self, which: Index) -> Occurrences:
        """Some of them, in the same order."""
        return Occurrences(*(getattr(self, name).take(which) for name in self.__dataclass_fields__))


class Complications:
    """The complications of a therapy compiled for a run: parameters as tables with a row per kind and draw.

    Parameters
    ----------
    specs
        Bound ``Complication`` by name.

    Attributes
    ----------
    names
        Their names.
    reimplant
        By kind: whether an explant for it may be followed by a new implant.
    cost
        Price of an occurrence; `costs`: by kind, whether it has one.
    loss, weeks
        Utility lost per occurrence and for how long; `suffers`: by kind, whether there is such a loss.
    revision_wait
        Years until the revision.
    """

    def __init__(self, specs: dict[str, Any]) -> None:
        self.names = tuple(specs)
        all_ = specs.values()
        timers = [hazard_timer(c.hazard, c.ratio) for c in all_]
        # One grid of time for all kinds: a hazard that is constant over more than one piece stays what it is.
        ends = tuple(sorted({end for timer in timers for end in timer.ends}))
        starts = (0.0, *ends)
        most = [MOST_OFTEN / min(end - start, 1.0) for start, end in zip(starts, (*ends, np.inf), strict=True)]
        rates = [
            [np.minimum(timer.rate(start), often) for timer in timers]
            for start, often in zip(starts, most, strict=True)
        ]  # fmt: skip
        explant, revision = [c.explant for c in all_], [c.revision for c in all_]
        lost, wait = [c.relief_lost for c in all_], [years(c.revision_wait) for c in all_]
        utilities = [c.utility for c in all_]
        loss = [0.0 if u is None else u.loss for u in utilities]
        weeks = [0.0 if u is None else u.weeks for u in utilities]
        costs = [c.cost for c in all_]
        groups = (*rates, explant, revision, lost, wait, loss, weeks, costs)
        self.draws = max((np.size(x) for group in groups for x in group if x is not None), default=1)
        self.timer = Timer("piecewise", tuple(self._table(x) for x in rates), ends=ends)
        self._explant = first_not_below(self._table(explant))
        self._surgery = first_not_below(self._table(explant) + self._table(revision))
        self._lost = first_not_below(self._table(lost))
        self.revision_wait = self._table(wait)
        self.loss, self.weeks = self._table(loss), self._table(weeks)
        self.suffers = np.array([u is not None for u in utilities], dtype=bool)
        self.cost = self._table([0.0 if c is None else c for c in costs])
        self.costs = tuple(c is not None for c in costs)
        self.reimplant = np.array([c.reimplant for c in all_], dtype=bool)

    def _table(self, numbers: list[Number]) -> Array:
        """Rows by kind, then draw."""
        if not numbers:
            return np.zeros(0)
        return np.concatenate([np.broadcast_to(np.asarray(x, dtype=float), self.draws) for x in numbers])

    def draw(self, cells: Cells, key: tuple[str, int, int], limit: Array) -> Occurrences:
        """Occurrences before ``limit`` (years since t0) if nothing ends the therapy.

        Parameters
        ----------
        cells
            The cells.
        key
            Names their luck.
        limit
            Shape (n,).
        """
        found: list[tuple[NDArray[np.uint16], Index, Index, Array, Words]] = []
        streams = [
            np.array([stream("complication", *key, name, what) for name in self.names], dtype=np.uint64)
            for what in (0, "mark", "relief")
        ]
        kind, cell, e = self._first(cells, streams[0], float(limit.max(initial=0.0)))
        word = cells.words.take(cell)
        while cell.size:
            row = self._rows(cells, kind, cell)
            time = self._times(e, row)
            inside = (time < limit.take(cell)).nonzero()[0]
            kind, cell, row = kind.take(inside), cell.take(inside), row.take(inside)
            e, time, word = e.take(inside), time.take(inside), word.take(inside)
            found.append((kind, row, cell, time, word))
            word = word + GOLDEN
            e -= np.log(unit(counts(word, streams[0].take(kind))))
        if not found:
            nothing = np.zeros(0, dtype=np.intp)
            no = np.zeros(0, dtype=bool)
            return Occurrences(nothing.astype(np.uint16), nothing, nothing, np.zeros(0), no, no, no)
        kind, row, cell, time, word = (np.concatenate(x) for x in zip(*found, strict=True))
        order = np.argsort(kind, kind="stable")  # from by occurrence to by kind
        kind, row, cell = kind.take(order), row.take(order), cell.take(order)
        time, word = time.take(order), word.take(order)
        mark = counts(word, streams[1].take(kind))
        explanted = mark < self._explant.take(row)
        revised = ~explanted & (mark < self._surgery.take(row))
        lost = np.zeros_like(revised)
        if self._lost.any():
            lost = revised & (counts(word, streams[2].take(kind)) < self._lost.take(row))
        return Occurrences(kind, row, cell, time, revised, lost, explanted)

    def _first(self, cells: Cells, keys: Words, longest: float) -> tuple[NDArray[np.uint16], Index, Array]:
        """Kind, cell and unit exponential of the first occurrences that may fall before ``longest``."""
        highest = np.asarray(self.timer.cumulative_hazard(longest))
        # A shade more than can matter, as the exact comparison of times follows.
        least = first_not_below(np.exp(-highest * (1 + 1e-9)) * (1 - 1e-9)).reshape(-1, self.draws)
        some, exponentials = [], []
        for key, lowest in zip(keys, least, strict=True):
            count = counts(cells.words, key)
            index = (count >= cells.at(lowest if self.draws > 1 else lowest[0])).nonzero()[0]
            some.append(index)
            exponentials.append(count.take(index))
        kind = np.repeat(np.arange(len(some), dtype=np.uint16), [index.size for index in some])
        if not some:
            return kind, np.zeros(0, dtype=np.intp), np.zeros(0)
        return kind, np.concatenate(some), -np.log(unit(np.concatenate(exponentials)))

    def _rows(self, cells: Cells, kind: NDArray[np.uint16], cell: Index) -> Index:
        row = kind.astype(np.intp)
        if self.draws > 1 and cells.draw is not None:
            row *= self.draws
            row += cells.draw.take(cell)
        return row

    def _times(self, e: Array, row: Index) -> Array:
        """Years at which the cumulative hazard of each row reaches ``e``."""
        return np.asarray(self.timer.time(e, lambda table: np.asarray(table).take(row)))
