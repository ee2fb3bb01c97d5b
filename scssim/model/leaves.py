"""Sums over leaves: the pieces in which results are added up, so that blocks leave no trace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

LEAF = 1024
"""Patients whose sums are formed together; sums of leaves are merged in order."""


@dataclass(frozen=True)
class Leaves:
    """Rows (draw, leaf of patients) of a block, in order, and sums over them.

    Attributes
    ----------
    draws, patients
        Shape of the block.
    """

    draws: int
    patients: int

    @property
    def per_draw(self) -> int:
        """Leaves of one draw."""
        return -(-self.patients // LEAF)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.draws * self.per_draw

    def _parts(self, x: Array) -> list[Array]:
        """Values by draw, leaf and patient of it, shape (..., draws, leaves, size): whole leaves, then the rest."""
        lead = x.shape[:-1]
        x = x.reshape(*lead, self.draws, self.patients)
        whole = self.patients // LEAF * LEAF
        cuts = ((0, whole, (-1, LEAF)), (whole, self.patients, (1, -1)))
        return [
            np.ascontiguousarray(x[..., begin:end]).reshape(*lead, self.draws, *shape)
            for begin, end, shape in cuts
            if begin < end
        ]

    def _join(self, parts: list[Array]) -> Array:
        """Results (..., draws, leaves) of the parts as (..., rows)."""
        x = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return x.reshape(*x.shape[:-2], self.rows)

    def sum(self, x: Array) -> Array:
        """Sums over each leaf of values of all cells; leading axes are kept.

        Parameters
        ----------
        x
            Shape (..., draws * patients).

        Returns
        -------
        ndarray
            Shape (..., rows).
        """
        return self._join([part.sum(axis=-1) for part in self._parts(x)])

    def moments(self, x: Array) -> Array:
        """Sums and sums of squares over each leaf of rows of values, shape (rows, 2 * len(x))."""
        squares = self._join([np.einsum("...i,...i->...", part, part) for part in self._parts(x)])
        return np.concatenate([self.sum(x), squares]).T

    def products(self, x: Array) -> Array:
        """Sums over each leaf of products of rows of values, shape (rows, len(x) ** 2)."""
        grams = []
        for part in self._parts(x):
            leaves = np.moveaxis(part, 0, -2)
            grams.append(np.moveaxis(leaves @ np.swapaxes(leaves, -1, -2), (-2, -1), (0, 1)))
        return self._join(grams).reshape(-1, self.rows).T

    def slices(self) -> list[slice]:
        """Cells of each row."""
        out = []
        for d in range(self.draws):
            for first in range(0, self.patients, LEAF):
                begin = d * self.patients + first
                out.append(slice(begin, begin + min(LEAF, self.patients - first)))
        return out

    @cached_property
    def row(self) -> Index:
        """Row of each cell."""
        sizes = [part.stop - part.start for part in self.slices()]
        return np.repeat(np.arange(self.rows), sizes)

    def sum_at(self, cell: Index, x: Array) -> Array:
        """Sums over each leaf of values at some cells, shape (rows,)."""
        return total(self.row.take(cell), x, self.rows)


BATCH = 32
"""Patients of a batch: the pieces of a leaf that show how much a mean over few patients may be off."""


def in_batches(x: Array, size: int) -> Array:
    """Sums over consecutive rows, ``size`` at a time (the last may have fewer)."""
    sums: Array = np.add.reduceat(x, np.arange(0, len(x), size), axis=0)
    return sums


def total(where: Index, x: Array, length: int) -> Array:
    """Sums of ``x`` by position."""
    sums: Array = np.bincount(where, weights=x, minlength=length).astype(np.float64, copy=False)
    return sums
