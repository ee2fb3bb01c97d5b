"""What conditions of later steps may ask about: earlier therapies, the response to them, and pain now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.patients import Cells
from scssim.model.plan import Plan

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


@dataclass
class Past:
    """What the cells of a block have behind them.

    It does not depend on when anything happened, so that it can be known before it is played.

    Attributes
    ----------
    track_pain
        Whether a condition asks for the pain just before the last episode ended.
    tried, responded
        By therapy: whether its effect has begun, and whether its last review was passed.
    relief_now
        By site: relief just before the last episode ended.
    """

    track_pain: bool
    tried: dict[str, Bools] = field(default_factory=dict)
    responded: dict[str, Bools] = field(default_factory=dict)
    relief_now: dict[str, Array] = field(default_factory=dict)

    def copy(self) -> Past:
        """An independent past with the same content."""
        return Past(self.track_pain, dict(self.tried), dict(self.responded), dict(self.relief_now))

    def note(self, plan: Plan, cells: Cells, begun: Bools, rows: Index | None = None) -> None:
        """Note an episode (not a re-implant).

        Parameters
        ----------
        plan, cells
            Its plan and cells.
        begun
            Whether the effect has begun, by cell of the block.
        rows
            Where the cells are in the block (None: they are all of it).
        """
        name, n = plan.therapy.id, begun.size
        no = np.zeros(n, dtype=bool)
        self.tried[name] = self.tried.get(name, no) | begun
        responded = self.responded.get(name, no)
        self.responded[name] = (begun & placed(plan.responded, rows, n)) | (~begun & responded)
        if self.track_pain:
            for site, relief in _at_the_end(plan, cells).items():
                before = self.relief_now.get(site, np.zeros(n))
                self.relief_now[site] = np.where(begun, placed(relief, rows, n), before)

    def values(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """What a condition of the next step may ask about, by name."""
        found = {**attributes, "tried": self.tried, "responded": self.responded}
        for site in ("back", "leg"):
            found[f"{site}_vas_now"] = attributes[f"{site}_vas"] * (1 - self.relief_now.get(site, 0.0))
        return found


def _at_the_end(plan: Plan, cells: Cells) -> dict[str, Array]:
    """Relief by site just before an episode ends by itself."""
    s = np.minimum(plan.stop, FOREVER)
    size = plan.therapy.shape(s, cells.at)
    if plan.loss is not None:
        size = size * np.where(s > plan.loss, cells.at(plan.therapy.residual), 1.0)
    return {site: relief * size for site, relief in plan.relief.items()}


FOREVER = 1e3
"""Years in place of infinitely many: for those whose episode does not end by itself nobody asks."""


def placed(x: Any, rows: Index | None, n: int) -> Any:
    """Values of some cells (last axis) among those of the whole block; 0 (False) elsewhere."""
    if rows is None:
        return x
    out = np.zeros((*x.shape[:-1], n), dtype=x.dtype)
    for row, values in zip(np.atleast_2d(out), np.atleast_2d(x), strict=True):  # far faster than all at once
        row[rows] = values
    return out
