"""Merging the sums of blocks: leaf by leaf in order, so that blocks and workers leave no trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.engine.block import Job, Sums
from scssim.model.visits import COLUMNS, DENOMINATORS

Array = NDArray[np.float64]


class Totals:
    """Running totals of a job.

    Blocks are added in the order of their tasks. Rows (leaves) of one draw are added up first, then draws.

    Attributes
    ----------
    total
        Sum of all rows.
    draw_means
        Mean cost, QALYs and life years, shape (draws, strategies, 3).
    visit_mean, visit_square
        Sums over draws of the mean of each visit column, and of its square.
    visit_draws
        Draws in which the visit's denominator was not empty.
    """

    def __init__(self, job: Job, outcomes: int) -> None:
        self.job = job
        self.outcomes = outcomes
        self.strategies = len(job.scenario.strategies)
        self.width = 0 if job.visits is None else job.visits.width
        draws = max(job.draws, 1)
        self.draw_means = np.zeros((draws, self.strategies, 3))
        self.total = np.zeros(0)
        self.current = np.zeros(0)
        self.draw = -1
        shape = (self.strategies, self.width // len(COLUMNS), len(COLUMNS))
        self.visit_mean, self.visit_square, self.visit_draws = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.items: tuple[tuple[tuple[str, str], ...], ...] = ()
        self.events: list[dict[str, tuple[int, int]]] = [{} for _ in range(self.strategies)]
        self.states: list[dict[str, NDArray[np.intp]]] = [{} for _ in range(self.strategies)]
        self.dead = np.zeros(0, dtype=np.intp)
        self.cells = 0
        self.died = 0

    def add(self, sums: Sums) -> None:
        """Add the next block."""
        if not self.items:
            self.items = sums.items
            self.total = np.zeros(sums.rows.shape[1])
            self.dead = np.zeros_like(sums.dead)
        assert sums.items == self.items, "blocks must sum the same items"
        for row, draw in zip(sums.rows, sums.draw, strict=True):
            if draw != self.draw:
                self._finish_draw()
                self.draw = int(draw)
                self.current = row.copy()
            else:
                self.current += row
        for mine, events in zip(self.events, sums.events, strict=True):
            for name, (times, people) in events.items():
                before = mine.get(name, (0, 0))
                mine[name] = before[0] + times, before[1] + people
        for own, states in zip(self.states, sums.states, strict=True):
            for name, change in states.items():
                own[name] = own[name] + change if name in own else change
        self.dead = self.dead + sums.dead
        self.cells += sums.cells
        self.died += sums.died

    def finish(self) -> None:
        """Note that the last block has been added."""
        self._finish_draw()
        self.draw = -1

    def _finish_draw(self) -> None:
        if self.draw < 0:
            return
        self.total += self.current
        for i in range(self.strategies):
            sums = self.current[2 * i * self.outcomes : (2 * i + 1) * self.outcomes]
            self.draw_means[self.draw, i] = sums[:3] / self.job.patients
        if not self.width:
            return
        visits = self.current[-self.strategies * self.width :].reshape(self.strategies, -1, len(COLUMNS))
        n = visits[..., -1:]
        means = np.divide(visits, n, out=np.zeros_like(visits), where=n > 0)
        means[..., -1] = visits[..., -1]
        self.visit_mean += means
        self.visit_square += means**2
        self.visit_draws += n > 0

    # --------------------------------------------------------------- parts

    def sums(self, strategy: int) -> tuple[Array, Array]:
        """Sums and sums of squares of the outcomes of one strategy."""
        begin = 2 * strategy * self.outcomes
        both = self.total[begin : begin + 2 * self.outcomes]
        return both[: self.outcomes], both[self.outcomes :]

    @property
    def gram(self) -> Array:
        """Sums of products of (cost, QALYs) of all strategies, shape (2 S, 2 S)."""
        begin = 2 * self.strategies * self.outcomes
        size = 2 * self.strategies
        return self.total[begin : begin + size**2].reshape(size, size)

    def item_sums(self, strategy: int) -> list[tuple[str, str, float, float]]:
        """(item, perspective, discounted, undiscounted) sums of one strategy."""
        begin = 2 * self.strategies * self.outcomes + (2 * self.strategies) ** 2
        begin += 2 * sum(len(keys) for keys in self.items[:strategy])
        out = []
        for i, (name, perspective) in enumerate(self.items[strategy]):
            discounted, plain = self.total[begin + 2 * i : begin + 2 * i + 2]
            out.append((name, perspective, float(discounted), float(plain)))
        return out

    @property
    def visit_sums(self) -> Array:
        """Visit sums, shape (strategies, clocks, months, denominators, columns)."""
        visits = self.job.visits
        assert visits is not None
        shape = (self.strategies, len(visits.clocks), len(visits.months), len(DENOMINATORS), len(COLUMNS))
        return self.total[-self.strategies * self.width :].reshape(shape)

    def visit_spread(self) -> tuple[Array, Array]:
        """Mean over draws of each visit column's mean, and its SD between draws (same shape as `visit_sums`)."""
        n = np.maximum(self.visit_draws, 1)
        mean = self.visit_mean / n
        variance = np.maximum(self.visit_square / n - mean**2, 0.0) * n / np.maximum(n - 1, 1)
        shape = self.visit_sums.shape
        return mean.reshape(shape), np.sqrt(variance).reshape(shape)
