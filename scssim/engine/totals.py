"""Merging the sums of blocks: leaf by leaf in order, so that blocks and workers leave no trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Job
from scssim.engine.ledger import Sums
from scssim.model.leaves import BATCH, LEAF, in_batches
from scssim.model.visits import COLUMNS, DENOMINATORS

Array = NDArray[np.float64]

MANY = 2**17
"""Patients beyond which a batch is a leaf."""


class Totals:
    """Running totals of a job.

    Blocks are added in the order of their tasks. Rows (leaves) of one draw are added up first, then draws.

    Attributes
    ----------
    total
        Sum of all rows.
    draw_means
        Means of all outcomes, shape (draws, strategies, outcomes); first cost, QALYs and life years. Replications
        count as draws.
    sizes
        Patients of each draw.
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
        samples = max(job.samples, 1)
        self.draw_means = np.zeros((samples, self.strategies, outcomes))
        self.sizes = np.zeros(samples)
        self.total = np.zeros(0)
        self.current = np.zeros(0)
        self.draw = -1
        shape = (self.strategies, self.width // len(COLUMNS), len(COLUMNS))
        self.visit_mean, self.visit_square, self.visit_draws = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._batches: list[Array] = []
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
        draws = np.unique(sums.draw)
        self.sizes[draws] += sums.cells / draws.size
        if sums.batches is not None:
            self._batches.append(self._sized(sums.batches))
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

    def extend(self, job: Job) -> int:
        """Go on with a larger job of the same kind; returns what is done of it (draws, or patients without draws)."""
        before, size, self.job = self.job, self.batch, job
        if job.draws:
            more = job.draws - before.draws
            self.draw_means = np.concatenate([self.draw_means, np.zeros((more, *self.draw_means.shape[1:]))])
            self.sizes = np.concatenate([self.sizes, np.zeros(more)])
            return before.draws
        if size != self.batch:
            self._batches = [self._sized(part) for part in self._batches]
        # The one draw is not over: take back what its end has added.
        self.draw = 0
        for x in (self.total, self.visit_mean, self.visit_square, self.visit_draws):
            x[:] = 0
        return before.patients

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
            self.draw_means[self.draw, i] = sums / self.sizes[self.draw]
        if not self.width:
            return
        visits = self.current[-self.strategies * self.width :].reshape(self.strategies, -1, len(COLUMNS))
        n = visits[..., -1:]
        means = np.divide(visits, n, out=np.zeros_like(visits), where=n > 0)
        means[..., -1] = visits[..., -1]
        self.visit_mean += means
        self.visit_square += means**2
        self.visit_draws += n > 0

    @property
    def batch(self) -> int:
        """Patients of a batch: few, as long as there are not too many batches to keep."""
        return BATCH if self.job.patients <= MANY else LEAF

    def _sized(self, batches: Array) -> Array:
        """Batches of `BATCH` patients as batches of the job's size."""
        return batches if self.batch == BATCH else in_batches(batches, LEAF // BATCH)

    # --------------------------------------------------------------- parts

    def sums(self, strategy: int) -> tuple[Array, Array]:
        """Sums and sums of squares of the outcomes of one strategy."""
        begin = 2 * strategy * self.outcomes
        both = self.total[begin : begin + 2 * self.outcomes]
        return both[: self.outcomes], both[self.outcomes :]

    @property
    def within(self) -> Array:
        """Covariance between patients of one draw, averaged over draws, of (cost, QALYs) of all strategies.

        Shape (2 S, 2 S), in the order cost and QALYs of the first strategy, of the second ...
        """
        n = self.sizes
        means = self.draw_means[:, :, :2].reshape(n.size, -1)
        found: Array = (self.gram - (n[:, None] * means).T @ means) / max(float((n - 1).sum()), 1.0)
        # What rounding leaves of sums of squares is no variance.
        nothing = np.diag(found) <= 1e-12 * np.diag(self.gram) / self.cells
        found[nothing], found[:, nothing] = 0.0, 0.0
        return found

    def error(self, strategy: int, reference: int, cost: float, qaly: float) -> float:
        """Monte Carlo standard error of a `contrast` between two strategies."""
        weights, samples = contrast(self.strategies, strategy, reference, cost, qaly), self.job.samples
        if samples:
            return float(np.std(self.draw_means[:, :, :2].reshape(samples, -1) @ weights, ddof=1) / np.sqrt(samples))
        return standard_error(weights, self.within, self.cells)

    def batches(self) -> tuple[Array, Array]:
        """Batches of consecutive patients of a single sample.

        Returns
        -------
        means
            Mean costs and QALYs, shape (batches, strategies, 2).
        patients
            Shape (batches,): the last one may have fewer.
        """
        sums = np.concatenate(self._batches)
        patients = np.full(len(sums), self.batch)
        patients[-1] = self.cells - self.batch * (len(sums) - 1)
        return sums.reshape(len(sums), self.strategies, 2) / patients[:, None, None], patients

    @property
    def means(self) -> Array:
        """Mean costs and QALYs, shape (strategies, 2)."""
        return np.array([self.sums(s)[0][:2] / self.cells for s in range(self.strategies)])

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


def contrast(strategies: int, strategy: int, reference: int, cost: float, qaly: float) -> Array:
    """Weights (as in `Totals.within`) of ``cost`` times the difference in costs plus ``qaly`` times that in QALYs."""
    weights = np.zeros((strategies, 2))
    weights[strategy] += (cost, qaly)
    weights[reference] -= (cost, qaly)
    return weights.ravel()


def standard_error(weights: Array, within: Array, patients: int) -> float:
    """Standard error of a weighted sum of means over patients with some covariance (NaN: of one patient)."""
    if patients < 2 and weights.any():
        return np.nan
    return float(np.sqrt(max(float(weights @ within @ weights), 0.0) / patients))
