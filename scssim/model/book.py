"""The one-off charges, utility losses and events of one episode."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.complications import Occurrences
from scssim.model.discount import factor, lasting
from scssim.model.history import Episode
from scssim.model.leaves import total
from scssim.model.patients import single
from scssim.model.plan import Reason
from scssim.model.therapy import Number
from scssim.model.worth import part
from scssim.scenario.times import WEEKS_PER_YEAR

if TYPE_CHECKING:
    from scssim.model.outcomes import Account, Marks

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]
Stretches = tuple[Index, Array, Array]
"""Cells, starts and stops."""

STOPPED = (Reason.EXPLANT, Reason.REVIEW_STOP, Reason.STOP_AFTER_LOSS, Reason.MAX_DURATION)
"""Ends that take an operation or a visit of their own."""

STOPS = np.isin(np.arange(256), [int(r) for r in STOPPED])
"""Whether a `Reason` code is one of these."""


class Book:
    """The one-off charges, utility losses and events of one episode; small ones are valued together.

    Parameters
    ----------
    account
        Account that receives them.
    episode
        The episode.
    """

    def __init__(self, account: Account, episode: Episode) -> None:
        self.account, self.block = account, account.block
        self.e, self.cells = episode, episode.cells
        self.prefix = episode.plan.therapy.id
        self.charges: dict[str, list[tuple[Index, Array, Number]]] = {}
        self.operations: list[tuple[Index, Array]] = []
        self.sufferings: Occurrences | None = None
        self.outages = outages(episode)

    def _place(self, cell: Index) -> Index:
        """Position of some of the episode's cells in the block."""
        return cell if self.cells is self.block.cells else self.cells.index.take(cell)

    def count(self, event: str, cell: Index) -> None:
        """Note that an event happened to some cells (repeats allowed)."""
        if cell.size:
            self.account.events.setdefault(f"{self.prefix}.{event}", []).append(self._place(cell))

    def pay(self, costs: Mapping[str, Number | None], who: Bools, time: Array, cell: Index | None = None) -> None:
        """Charge costs that most cells pay once, at the same time.

        Parameters
        ----------
        costs
            Price by item; None: nothing is charged.
        who, time
            Whether and when, by cell of the episode.
        cell
            Those who pay, if at hand.
        """
        items = {name: cost for name, cost in costs.items() if cost is not None}
        if not items:
            return
        if self.e.again:  # few have a re-implant
            cell = who.nonzero()[0] if cell is None else cell
            for name, cost in items.items():
                self.charge(name, cost, cell, time.take(cell))
            return
        units = np.empty((2, time.size))
        units[1] = who
        np.multiply(factor(time, self.block.worth.cost_rate), units[1], out=units[0])
        bearer = self.block.worth.bearer
        named = [(f"{self.prefix}.{name}", bearer(f"{self.prefix}.{name}"), cost) for name, cost in items.items()]
        self.account.pay(named, self.block.place(self.cells), units, self.cells, None, spread=True)

    def charge(self, item: str, cost: Number | None, cell: Index, time: Array) -> None:
        """Charge a cost to some cells at their times (repeats allowed)."""
        if cost is not None:
            self.charges.setdefault(f"{self.prefix}.{item}", []).append((cell, time, self.cells.at(cost, cell)))

    def operation(self, cell: Index, time: Array) -> None:
        """Note an operation, which costs utility."""
        if cell.size:
            self.operations.append((cell, time))

    def complications(self) -> None:
        """Count and charge the complications, and note those that cost utility for a while."""
        found, all_ = self.e.occurrences, self.e.plan.therapy.complications
        edges = np.searchsorted(found.kind, np.arange(len(all_.names) + 1))
        price = all_.cost.take(found.row)
        for (begin, end), name, costs in zip(pairwise(edges), all_.names, all_.costs, strict=True):
            own = slice(begin, end)
            self.count(name, found.cell[own])
            if costs:
                charge = found.cell[own], found.time[own], price[own]
                self.charges.setdefault(f"{self.prefix}.{name}", []).append(charge)
        if all_.suffers.all():
            self.sufferings = found
        elif all_.suffers.any():
            self.sufferings = found.take(all_.suffers.take(found.kind).nonzero()[0])

    def close(self, marks: Marks) -> None:
        """Value everything noted."""
        self._costs()
        self._operations()
        self._complications(marks)

    def _costs(self) -> None:
        if not self.charges:
            return
        account, leaves, worth = self.account, self.block.leaves, self.block.worth
        few = [(i, *charge) for i, group in enumerate(self.charges.values()) for charge in group]
        sizes = [cell.size for _, cell, _, _ in few]
        price = np.concatenate([np.full(cell.size, p) if single(p) else p for _, cell, _, p in few])
        value = price * factor(np.concatenate([time for _, _, time, _ in few]), worth.cost_rate)
        item = np.repeat([i for i, *_ in few], sizes)
        rows = self._place(np.concatenate([cell for _, cell, _, _ in few]))
        where = item * leaves.rows + leaves.row.take(rows)
        shape = (len(self.charges), leaves.rows)
        sums = np.stack([total(where, x, shape[0] * shape[1]).reshape(shape) for x in (value, price)], axis=1)
        counts = []
        for i, name in enumerate(self.charges):
            bearer = worth.bearer(name)
            account.enter((name, bearer), sums[i])
            counts.append(worth.counts(bearer))
        if not all(counts):
            keep = np.array(counts).take(item).nonzero()[0]
            rows, value, price = rows[keep], value[keep], price[keep]
        np.add.at(account.cost, rows, value)
        np.add.at(account.cost0, rows, price)

    def _operations(self) -> None:
        decrement = self.block.worth.decrements.surgery
        if decrement is None or not self.operations:
            return
        cell, time = (np.concatenate(x) for x in zip(*self.operations, strict=True))
        self._lose(cell, time, self.cells.at(decrement.weeks, cell), self.cells.at(decrement.loss, cell), False)

    def _complications(self, marks: Marks) -> None:
        if self.sufferings is None or not self.sufferings.cell.size:
            return
        cell, time, row = self.sufferings.cell, self.sufferings.time, self.sufferings.row
        all_ = self.e.plan.therapy.complications
        length = self._lose(cell, time, all_.weeks.take(row), all_.loss.take(row), True)
        states = [name for name, source in self.block.worth.sources.items() if source.kind == "states"]
        if not states:
            return
        # In a `states` source a complication is a state of its own while there is relief: overlapping ones
        # count once, and time without relief (an outage) is not worse than no relief.
        ill = cell, time, np.minimum(time + length, self.e.end.take(cell))
        for name in states:
            drops = self.block.worth.drops[name]
            may = np.zeros(self.cells.n, dtype=bool)
            for stage in self.block.effect(self.e.plan, self.cells).categories[name]:
                for category in drops:
                    may |= stage == category
            some, out = (_those(may, stretches) for stretches in (ill, self.outages))
            either = disjoint(*(np.concatenate(x) for x in zip(some, out, strict=True)))
            cell, start, stop = (np.concatenate(x) for x in zip(either, out, strict=True))
            sign = np.repeat([-1.0, 1.0], [either[0].size, out[0].size])
            self._drop(name, marks, drops, cell, start, stop, sign)

    def _drop(
        self, name: str, marks: Marks, drops: dict[int, Number], cell: Index, start: Array, stop: Array, sign: Array
    ) -> None:
        """Add the difference between states with and without complication over stretches of time."""
        if not cell.size or not drops:
            return
        e, account, block = self.e, self.account, self.block
        rows, clock = self._place(cell), block.clock
        begin, last = clock.stretch(start, stop, rows)
        lost = np.minimum(part(marks.lost, cell), last)
        ends = [*(np.minimum(marks.review(t, cell), lost) for t in e.plan.review_times), lost]
        stages = block.effect(e.plan, e.cells).categories[name]
        if len(stages) > len(ends):
            ends.append(last)
        for stage, end in zip(stages, ends, strict=True):
            end = np.maximum(end, begin)
            category = stage.take(cell)
            size = sum((category == i) * self.cells.at(drop, cell) for i, drop in drops.items()) * sign
            np.add.at(account.qaly[name], rows, size * (end[clock.quality] - begin[clock.quality]))
            if name == block.worth.base:
                np.add.at(account.qaly0, rows, size * (end[clock.quality0] - begin[clock.quality0]))
                if account.visits is not None:
                    account.visits.lose(rows, begin[clock.years], end[clock.years], -size, normed=True)
            begin = end

    def _lose(self, cell: Index, time: Array, weeks: Any, loss: Any, linear: bool) -> Array:
        """Lose utility for some weeks from each time on (at most until the exit); the lengths in years."""
        rows = self._place(cell)
        worth, visits = self.block.worth, self.account.visits
        length = np.minimum(weeks / WEEKS_PER_YEAR, self.block.exit.take(rows) - time)
        self.account.lose(rows, loss * lasting(time, length, worth.effect_rate), loss * length, linear)
        if visits is not None and (not linear or worth.sources[worth.base].kind == "linear"):
            visits.lose(rows, time, time + length, loss)
        return length


def _those(may: Bools, stretches: Stretches) -> Stretches:
    """The stretches of the cells marked."""
    cell, start, stop = stretches
    keep = may.take(cell).nonzero()[0]
    return cell.take(keep), start.take(keep), stop.take(keep)


def outages(e: Episode) -> Stretches:
    """Stretches without relief inside the effect, disjoint within each cell."""
    who = e.occurrences.relief_lost.nonzero()[0]
    cell = e.occurrences.cell.take(who)
    cells_, starts, stops = [cell], [e.occurrences.time.take(who)], [np.minimum(e.revisions.take(who), e.end[cell])]
    cell, depleted, replaced = e.replacements
    cells_.append(cell)
    starts.append(depleted)
    stops.append(np.minimum(replaced, e.end[cell]))
    if e.plan.therapy.has_residual:
        cell, time = e.depleted
        cells_.append(cell)
        starts.append(time)
        stops.append(e.end[cell])
    return disjoint(np.concatenate(cells_), np.concatenate(starts), np.concatenate(stops))


def disjoint(cell: Index, start: Array, stop: Array) -> Stretches:
    """The same stretches without empty ones and without overlaps in a cell (later ones are cut)."""
    keep = (stop > start).nonzero()[0]
    cell, start, stop = cell[keep], start[keep], stop[keep]
    if cell.size < 2:
        return cell, start, stop
    many = (np.bincount(cell)[cell] > 1).nonzero()[0]
    if many.size:
        order = many[np.argsort(cell[many] * 128.0 + start[many], kind="stable")]
        own, begin, end = cell[order], start[order], stop[order]
        same = own[1:] == own[:-1]
        while (bad := (same & (begin[1:] < end[:-1])).nonzero()[0]).size:
            begin[bad + 1] = end[bad]
            end[bad + 1] = np.maximum(end[bad + 1], end[bad])
        start[order], stop[order] = begin, end
    keep = (stop > start).nonzero()[0]
    return cell[keep], start[keep], stop[keep]
