"""Sums over leaves: the pieces in which results are added up, so that blocks leave no trace."""

from __future__ import annotations

from collections.abc import Callable
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

    def _each(self, x: Array, make: Callable[[Array], Array]) -> Array:
        """Apply a function to (..., draws, leaves, patients of a leaf); its results by row (first axis)."""
        lead = x.shape[:-1]
        x = x.reshape(*lead, self.draws, self.patients)
        whole = self.patients // LEAF * LEAF
        parts = []
        for begin, end, size in ((0, whole, LEAF), (whole, self.patients, self.patients - whole)):
            if begin < end:
                part = np.ascontiguousarray(x[..., begin:end]).reshape(*lead, self.draws, -1, size)
                parts.append(make(part))
        made = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return made.reshape(self.rows, *made.shape[2:])

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
        return np.moveaxis(self._each(x, lambda part: np.moveaxis(part.sum(axis=-1), (-2, -1), (0, 1))), 0, -1)

    def moments(self, x: Array) -> Array:
        """Sums and sums of squares over each leaf of rows of values, shape (rows, 2 * len(x))."""

        def both(part: Array) -> Array:
            sums, squares = part.sum(axis=-1), np.einsum("...i,...i->...", part, part)
            return np.moveaxis(np.concatenate([sums, squares]), 0, -1)

        return self._each(x, both)

    def products(self, x: Array) -> Array:
        """Sums over each leaf of products of rows of values, shape (rows, len(x) ** 2)."""

        def gram(part: Array) -> Array:
            part = np.moveaxis(part, 0, -2)
            return part @ np.swapaxes(part, -1, -2)

        return self._each(x, gram).reshape(self.rows, -1)

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
