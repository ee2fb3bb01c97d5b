"""Time weighted by discounting and by the age-sex norm of utility."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scssim.model.discount import annuity_from_zero, decaying
from scssim.model.patients import OLDEST, Cells, pick

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Pair = tuple[Array, Array]

FORGOTTEN = 32.0
"""Time constants after which an exponential (1e-14) no longer changes a sum: times the time constant of
an onset (weeks) it is below the rounding error of a QALY."""


class Clock:
    """Integrals over (0, t) of ``m(t) exp(-d t)`` and of ``m(t)``, for the cells of a block.

    ``m`` is the norm of utility at the attained age (last birthday) over that at entry, or 1.
    It is constant between birthdays, so every integral is an exact sum over birthdays.

    Parameters
    ----------
    cells
        All cells of the block.
    rate
        Continuous discount rate of effects.
    norm
        Utility by sex (male, female) and single year of age from 0, shape (2, ages), or None.
    """

    def __init__(self, cells: Cells, rate: float, norm: Array | None) -> None:
        self.rate = rate
        self.norm = norm is not None
        if norm is None:
            return
        ages = int(OLDEST) + 2
        norm = np.concatenate([norm, np.repeat(norm[:, -1:], max(0, ages - norm.shape[1]), axis=1)], axis=1)
        norm = norm[:, :ages]
        start = np.arange(ages, dtype=float)
        self._value = norm.ravel()
        self._discounted = (norm * np.exp(-rate * start)).ravel()
        year = float(annuity_from_zero(1.0, rate))
        zero = np.zeros((2, 1))
        self._sum0 = np.concatenate([zero, np.cumsum(norm, axis=1)[:, :-1]], axis=1).ravel()
        self._sum = np.concatenate(
            [zero, np.cumsum(self._discounted.reshape(2, -1) * year, axis=1)[:, :-1]], axis=1
        ).ravel()
        self._age = cells.attributes["age"]
        self._base = (cells.attributes["female"] * ages).astype(np.intp)
        k = self._age.astype(np.intp)
        k += self._base
        self._scale0 = 1 / self._value.take(k)
        self._scale = self._scale0 * np.exp(rate * self._age)
        self._zero, self._zero0 = self._absolute(self._age, self._base)

    def _absolute(self, age: Array, base: Index) -> Pair:
        whole = np.floor(age)
        k = whole.astype(np.intp)
        k += base
        part = age - whole
        plain = self._sum0.take(k) + self._value.take(k) * part
        return self._sum.take(k) + self._discounted.take(k) * annuity_from_zero(part, self.rate), plain

    def upto(self, t: Array, rows: Index | None = None) -> Pair:
        """Discounted and undiscounted integrals over (0, t).

        Parameters
        ----------
        t
            Years since entry.
        rows
            Cells of ``t``; None for all.
        """
        if not self.norm:
            return annuity_from_zero(t, self.rate), t
        a, plain = self._absolute(pick(self._age, rows) + t, pick(self._base, rows))
        a -= pick(self._zero, rows)
        a *= pick(self._scale, rows)
        plain -= pick(self._zero0, rows)
        plain *= pick(self._scale0, rows)
        return a, plain

    def ratio(self, t: Array | float, rows: Index | None = None) -> Array:
        """The norm at the age attained at ``t`` over that at entry (for the cells ``rows``, or all)."""
        k = np.floor(pick(self._age, rows) + t).astype(np.intp) + pick(self._base, rows)
        ratio: Array = self._value.take(k) * pick(self._scale0, rows)
        return ratio

    def decay(self, t0: Array, a: Array, b: Array, k: Array | float, rows: Index | None = None) -> Pair:
        """Discounted and undiscounted integrals over (a, b) of ``m(t) exp(-k (t - t0))``."""
        if t0 is not a:
            # Most of a population is far beyond the onset: leave out those for whom nothing is left to decay.
            near = np.flatnonzero(k * (a - t0) < FORGOTTEN)
            total, plain = np.zeros(a.size), np.zeros(a.size)
            if near.size:
                part = k if np.ndim(k) == 0 else np.asarray(k).take(near)
                where = near if rows is None else rows.take(near)
                total[near], plain[near] = self._decay(t0.take(near), a.take(near), b.take(near), part, where)
            return total, plain
        return self._decay(t0, a, b, k, rows)

    def _decay(self, t0: Array, a: Array, b: Array, k: Array | float, rows: Index | None) -> Pair:
        if not self.norm:
            return decaying(t0, a, b, k, self.rate), decaying(t0, a, b, k, 0.0)
        age, base = pick(self._age, rows), pick(self._base, rows)
        age_a = age + a
        start = np.floor(age_a)
        birthday = start + 1 - age  # time of the first birthday after a
        row = start.astype(np.intp)
        row += base
        scale0 = pick(self._scale0, rows)
        total, plain = self._piece(t0, a, np.minimum(birthday, b), k, row, scale0)
        where = np.flatnonzero((birthday < b) & (k * (birthday - t0) < FORGOTTEN))
        here = where
        while here.size:
            begin, t0, b, scale0 = birthday[here], t0[here], b[here], scale0[here]
            k = k if np.ndim(k) == 0 else np.asarray(k)[here]
            row, birthday = row[here] + 1, begin + 1
            more, more0 = self._piece(t0, begin, np.minimum(birthday, b), k, row, scale0)
            total[where] += more
            plain[where] += more0
            here = np.flatnonzero((birthday < b) & (k * (birthday - t0) < FORGOTTEN))
            where = where[here]
        return total, plain

    def _piece(self, t0: Array, a: Array, b: Array, k: Array | float, row: Index, scale0: Array) -> Pair:
        plain = self._value.take(row)
        plain *= scale0
        if t0 is not a:
            plain *= np.exp(-k * (a - t0))
        length = a - b
        kd = k + self.rate
        discounted = np.exp(-self.rate * a)
        discounted *= plain
        discounted *= np.expm1(kd * length)
        discounted /= -kd
        plain *= np.expm1(k * length)
        plain /= -k
        return discounted, plain
