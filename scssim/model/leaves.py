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
        lead = x.shape[:-1]
        x = x.reshape(*lead, self.draws, self.patients)
        if self.patients <= LEAF:
            return x.sum(axis=-1)
        whole = self.patients // LEAF
        full = np.ascontiguousarray(x[..., : whole * LEAF]).reshape(*lead, self.draws, whole, LEAF).sum(axis=-1)
        if self.patients % LEAF:
            rest = np.ascontiguousarray(x[..., whole * LEAF :]).sum(axis=-1)[..., None]
            full = np.concatenate([full, rest], axis=-1)
        return full.reshape(*lead, self.rows)

    def moments(self, x: Array) -> Array:
        """Sums and sums of squares over each leaf of rows of values, shape (rows, 2 * len(x))."""
        out = np.empty((self.rows, 2, len(x)))
        for row, part in enumerate(self.slices()):
            values = x[:, part]
            values.sum(axis=1, out=out[row, 0])
            np.einsum("ij,ij->i", values, values, out=out[row, 1])
        return out.reshape(self.rows, -1)

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


def total(where: Index, x: Array, length: int) -> Array:
    """Sums of ``x`` by position."""
    sums: Array = np.bincount(where, weights=x, minlength=length).astype(np.float64, copy=False)
    return sums
