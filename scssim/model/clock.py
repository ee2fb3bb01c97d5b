"""Time weighted by discounting and by the age-sex norm of utility."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.discount import annuity_from_zero, decaying, write_annuity
from scssim.model.patients import OLDEST, Cells, pick

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Pair = tuple[Array, Array]

FORGOTTEN = 32.0
"""Time constants after which an exponential (1e-14) no longer changes a sum: times the time constant of
an onset (weeks) it is below the rounding error of a QALY."""


class Clock:
    """Integrals over (0, t) of 1, of a discount factor, of the norm and of both, for the cells of a block.

    The norm ``m`` is that of utility at the attained age (last birthday) over that at entry, or 1.
    It is constant between birthdays, so every integral is an exact sum over birthdays.

    Parameters
    ----------
    cells
        All cells of the block.
    rate
        Continuous discount rate of effects.
    norm
        Utility by sex (male, female) and single year of age from 0, shape (2, ages), or None.
    cost_rate
        Continuous discount rate of costs; None: that of effects.

    Attributes
    ----------
    cost, years, effect, quality, quality0
        Rows of `marks`: the integrals of ``exp(-cost_rate t)``, of 1, ``exp(-rate t)``, ``m(t) exp(-rate t)``
        and ``m(t)``; equal ones share a row.
    size
        Number of rows.
    """

    cost, years = 0, 1

    def __init__(self, cells: Cells, rate: float, norm: Array | None, cost_rate: float | None = None) -> None:
        self.rate = rate
        self.cost_rate = rate if cost_rate is None else cost_rate
        self.effect = self.cost if self.cost_rate == rate else 2
        self.quality, self.quality0 = self.effect, self.years
        self.size = max(self.effect, self.years) + 1
        self.norm = norm is not None
        if norm is None:
            return
        self.quality, self.quality0 = self.size, self.size + 1
        self.size += 2
        ages = int(OLDEST) + 2
        norm = np.concatenate([norm, np.repeat(norm[:, -1:], max(0, ages - norm.shape[1]), axis=1)], axis=1)
        norm = norm[:, :ages]
        start = np.arange(ages, dtype=float)
        self._value = norm.ravel()
        self._change = np.diff(self._value, append=0.0)
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
        self._zero, self._zero0 = np.empty((2, cells.n))
        self._absolute(self._age.copy(), self._base, self._zero, self._zero0)

    def _absolute(self, age: Array, base: Index, total: Array, plain: Array) -> None:
        """Write the integrals from birth to an age, discounted and plain; changes the ages."""
        whole = np.floor(age, out=plain)
        k = whole.astype(np.intp)
        k += base
        age -= whole
        np.multiply(self._value.take(k), age, out=plain)
        plain += self._sum0.take(k)
        write_annuity(age, self.rate, total)
        total *= self._discounted.take(k)
        total += self._sum.take(k)

    def marks(self, t: Array, rows: Index | None = None) -> Array:
        """All integrals over (0, t), shape (size, ..., n).

        They rise with ``t``: the smaller (larger) of two columns of marks are the marks of the smaller (larger) time.

        Parameters
        ----------
        t
            Years since entry, shape (..., n).
        rows
            Its cells, shape (n,); None for all.
        """
        out = np.empty((self.size, *t.shape))
        out[self.years] = t
        for row, rate in {self.cost: self.cost_rate, self.effect: self.rate}.items():
            write_annuity(t, rate, out[row])
        if self.norm:
            total, plain = out[self.quality], out[self.quality0]
            self._absolute(pick(self._age, rows) + t, pick(self._base, rows), total, plain)
            total -= pick(self._zero, rows)
            total *= pick(self._scale, rows)
            plain -= pick(self._zero0, rows)
            plain *= pick(self._scale0, rows)
        return out

    def stretch(self, start: Array, stop: Array, rows: Index | None = None) -> Pair:
        """`marks` of the starts and the stops of stretches of time."""
        both = self.marks(np.stack([start, stop]), rows)
        return both[:, 0], both[:, 1]

    def ratio(self, t: Array | float, rows: Index | None = None) -> Array:
        """The norm at the age attained at ``t`` over that at entry (for the cells ``rows``, or all)."""
        k = np.floor(pick(self._age, rows) + t).astype(np.intp) + pick(self._base, rows)
        ratio: Array = self._value.take(k) * pick(self._scale0, rows)
        return ratio

    def decay(self, t0: Array, a: Array, b: Array, k: Array | float, rows: Index | None = None) -> Pair:
        """Discounted and undiscounted integrals over (a, b) of ``m(t) exp(-k (t - t0))``."""
        if t0 is not a:
            # Most of a population is far beyond the onset: leave out those for whom nothing is left to decay.
            near = (k * (a - t0) < FORGOTTEN).nonzero()[0]
            total, plain = np.zeros(a.size), np.zeros(a.size)
            if near.size:
                where = near if rows is None else rows.take(near)
                total[near], plain[near] = self._decay(
                    t0.take(near), a.take(near), b.take(near), pick(np.asarray(k), near), where
                )
            return total, plain
        return self._decay(t0, a, b, k, rows)

    def _decay(self, t0: Array, a: Array, b: Array, k: Array | float, rows: Index | None) -> Pair:
        if not self.norm:
            return decaying(t0, a, b, k, self.rate), decaying(t0, a, b, k, 0.0)
        # With the norm at a, as if it stayed; then what changes at each birthday, from there to b.
        kd = k + self.rate
        age = pick(self._age, rows)
        row = (age + a).astype(np.intp)
        birthday = row + 1 - age
        row += pick(self._base, rows)
        scale0 = pick(self._scale0, rows)
        norm = self._value.take(row)
        norm *= scale0
        start = np.exp(-k * (a - t0)) if t0 is not a else None
        start_d = np.exp(a * -self.rate)
        if start is not None:
            start_d *= start
        length = a - b
        fallen, fallen_d = np.expm1(k * length), np.expm1(np.multiply(kd, length, out=length))
        plain = fallen * norm if start is None else start * fallen * norm
        plain /= -k
        total = start_d * fallen_d
        total *= norm
        total /= -kd
        limit = np.minimum(b, t0 + FORGOTTEN / k)
        where = (birthday < limit).nonzero()[0]
        if not where.size:
            return total, plain

        def some(x: Any) -> Any:
            return pick(np.asarray(x), where)

        k, kd, birthday, row, scale0, limit = map(some, (k, kd, birthday, row, scale0, limit))
        last, last_d = 1 + some(fallen), some(start_d) * (1 + some(fallen_d))
        if start is not None:
            last *= some(start)
        now = np.exp(-k * (birthday - some(t0)))
        now_d = np.exp(-self.rate * birthday) * now
        year, year_d = np.exp(-k), np.exp(-kd)
        while True:
            change = self._change.take(row)
            change *= scale0
            plain[where] += change * (now - last) / k
            total[where] += change * (now_d - last_d) / kd
            birthday += 1
            left = (birthday < limit).nonzero()[0]
            if not left.size:
                return total, plain
            if left.size < row.size:
                where = where.take(left)
                k, kd, birthday, row, scale0, limit, last, last_d, now, now_d, year, year_d = (
                    pick(x, left) for x in (k, kd, birthday, row, scale0, limit, last, last_d, now, now_d, year, year_d)
                )
            row += 1
            now *= year
            now_d *= year_d
