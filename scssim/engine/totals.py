"""Merging the sums of blocks in their order, so that blocks and workers leave no trace."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Job, blocks
from scssim.engine.part import BlockSums, add_events, add_states, close, outcomes
from scssim.model.visits import COLUMNS, DENOMINATORS, Counts

Array = NDArray[np.float64]

GROWING = (
    "items", "sizes", "total", "visit_mean", "visit_square", "visit_draws", "events", "states", "dead", "cells",
     "died", "closed", "parts", "_open",
)  # fmt: skip
"""What a part is added to, as far as it cannot be taken back exactly."""


class Totals:
    """Running totals of a job.

    Parts are added in the order of their blocks.

    Parameters
    ----------
    job
        The job.

    Attributes
    ----------
    total
        Sum of all rows of `Sums`.
    draw_means
        Means of all outcomes, shape (draws, strategies, outcomes); first cost, QALYs and life years. Replications
        count as draws.
    sizes
        Patients of each draw.
    visit_mean, visit_square
        Sums over draws of the mean of each visit column, and of its square.
    visit_draws
        Draws in which the visit's denominator was not empty.
    counts
        Counts of visits; None without visits.
    closed
        How many draws are complete.
    parts
        How many parts have been added.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.outcomes = outcomes(job)
        self.strategies = len(job.scenario.strategies)
        self.width = 0 if job.visits is None else job.visits.width
        samples = max(job.samples, 1)
        self.draw_means = np.zeros((samples, self.strategies, self.outcomes))
        self.sizes = np.zeros(samples)
        self.total = np.zeros(0)
        shape = (self.strategies, self.width // len(COLUMNS), len(COLUMNS))
        self.visit_mean, self.visit_square, self.visit_draws = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.batch_sums: list[Array] = []
        self.items: tuple[tuple[tuple[str, str], ...], ...] = ()
        self.events: list[dict[str, tuple[int, int]]] = [{} for _ in range(self.strategies)]
        self.states: list[dict[str, NDArray[np.intp]]] = [{} for _ in range(self.strategies)]
        self.dead = np.zeros(0, dtype=np.intp)
        self.cells = self.died = self.closed = self.parts = 0
        self.counts = None if job.visits is None else Counts.empty(self.strategies, job.visits)
        self._open: Array | None = None  # sum of a draw of which not all parts are there
        self._last: tuple[dict[str, Any], BlockSums] | None = None

    def add(self, part: BlockSums) -> None:
        """Add the next part."""
        block = part.block
        draws = slice(block.draw, block.draw + block.draws)
        if block.first + block.patients == self.job.patients and draws.stop == len(self.sizes):
            before = {name: getattr(self, name) for name in GROWING}
            self._last = {**deepcopy(before), "batch_sums": list(self.batch_sums)}, part
        if not self.items:
            self.items = part.items
            self.total = np.zeros_like(part.total)
            self.dead = np.zeros_like(part.dead)
        assert part.items == self.items, "parts must sum the same items"
        self.sizes[draws] += part.sizes
        closed = part.closed
        if closed is not None:
            self.total += part.total
        else:
            self._open = part.total.copy() if self._open is None else self._open + part.total
            if block.first + block.patients == self.job.patients:
                closed = close(self.job, self._open[None], self.sizes[draws])
                self.total += self._open
                self._open = None
        if closed is not None:
            self.draw_means[draws] = closed.means
            self.closed = draws.stop
            self.visit_mean += closed.visit_mean
            self.visit_square += closed.visit_square
            self.visit_draws += closed.visit_draws
        if part.batches is not None:
            self.batch_sums.append(part.batches)
        add_events(self.events, part.events)
        add_states(self.states, part.states)
        self.dead = self.dead + part.dead
        self.cells += part.cells
        self.died += part.died
        self.parts += 1
        if part.counts is not None and self.counts is not None:
            part.counts.add_to(self.counts)

    def extend(self, job: Job) -> None:
        """Go on with a larger job of the same kind: its first `parts` are there; a last one that was smaller is not."""
        assert self._last is not None, "only what is complete can be extended"
        before, part = self._last
        for name, value in before.items():
            setattr(self, name, value)
        if self.counts is not None and part.counts is not None:
            part.counts.add_to(self.counts, -1)
        self.job, self._last = job, None
        more = max(job.samples, 1) - len(self.sizes)
        self.draw_means = np.concatenate([self.draw_means, np.zeros((more, *self.draw_means.shape[1:]))])
        self.sizes = np.concatenate([self.sizes, np.zeros(more)])
        if part.block == blocks(job)[self.parts]:
            self.add(part)

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
        sums, size = np.concatenate(self.batch_sums), self.job.batch
        patients = np.full(len(sums), size)
        patients[-1] = self.cells - size * (len(sums) - 1)
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
