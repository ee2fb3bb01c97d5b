"""The values of a bound scenario: prices, utilities, discount rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.discount import annuity_from_zero, continuous_rate
from scssim.model.measurement import Recorder
from scssim.model.patients import OLDEST
from scssim.model.therapy import Number

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CATEGORIES = ("none", "suboptimal", "optimal")


class Worth:
    """The values of a bound scenario.

    Parameters
    ----------
    spec
        Bound scenario.
    norm
        Utility norm (2, ages) or None.
    perspectives
        Who bears each cost item of a therapy; those not named are healthcare.

    Attributes
    ----------
    levels
        By utility source of states: utilities of the relief categories beyond that of no relief, shape (draws or 1, 3).
    drops
        Of the same sources: by category, how much less utility it has with a complication (those where it differs).
    by_category
        For suboptimal and optimal relief: cost items by relief, who bears them, price beyond that of no relief.
    relief_prices
        For each of the two: their sum, as far as they count.
    """

    def __init__(self, spec: Any, norm: Array | None, perspectives: dict[str, str]) -> None:
        self.spec = spec
        settings = spec.settings
        self.horizon = OLDEST if settings.horizon_years == "lifetime" else float(settings.horizon_years)
        self.cost_rate = continuous_rate(settings.discount_rate.costs)
        self.effect_rate = continuous_rate(settings.discount_rate.effects)
        base = settings.utility or next(iter(spec.utilities.sources))
        others = [name for name in spec.utilities.sources if name != base]
        self.sources = {name: spec.utilities.sources[name] for name in (base, *others)}
        self.base = base
        self.norm = norm if settings.norm_adjust else None
        self.decrements = spec.utilities.decrements
        self.perspective = settings.perspective
        self.recorder = Recorder(spec.measurement)
        self.perspectives = perspectives
        self.levels = {name: _levels(s) for name, s in self.sources.items() if s.kind == "states"}
        self.drops = {name: _drops(s) for name, s in self.sources.items() if s.kind == "states"}
        self.by_relief = spec.costs.by_relief
        self.by_category = [
            [(name, i.perspective, getattr(i, category) - i.none) for name, i in self.by_relief.items()]
            for category in CATEGORIES[1:]
        ]
        self.relief_prices = [self.counted(items) for items in self.by_category]
        self.background = {name: (item.perspective, self._pieces(item)) for name, item in spec.costs.background.items()}

    def counts(self, perspective: str) -> bool:
        """Whether the run's perspective includes a cost."""
        return perspective == "healthcare" or self.perspective == "societal"

    def counted(self, items: list[tuple[str, str, Number]]) -> Number:
        """Price of a unit of some cost items (name, who bears it, price) as far as they count."""
        price: Number = 0.0
        for _, perspective, number in items:
            if self.counts(perspective):
                price = price + number
        return price

    def bearer(self, item: str) -> str:
        """Who bears a cost item of a therapy."""
        return self.perspectives.get(item, "healthcare")

    def _pieces(self, item: Any) -> list[tuple[Number, Array | None, Array | None]]:
        """Pieces of a yearly cost: the price, and the cost and year marks between which it holds (None: no limit)."""
        pieces: list[tuple[Number, Array | None, Array | None]] = []
        begin: Array | None = None
        for piece in item.pieces:
            end: Array | None = None
            if piece.until_years is not None:
                years = float(piece.until_years)
                end = np.array([[float(annuity_from_zero(years, self.cost_rate))], [years]])
            if not (np.ndim(piece.per_year) == 0 and piece.per_year == 0):
                pieces.append((piece.per_year, begin, end))
            begin = end
        return pieces


def _levels(source: Any) -> Array:
    levels = [np.asarray(getattr(source, category) - source.none, dtype=float) for category in CATEGORIES]
    return np.atleast_2d(np.stack(np.broadcast_arrays(*levels), axis=-1))


def _drops(source: Any) -> dict[int, Number]:
    found: dict[int, Number] = {}
    for i, category in enumerate(CATEGORIES):
        level = getattr(source, f"{category}_complication", None)
        if level is not None and np.any(drop := getattr(source, category) - level):
            found[i] = drop
    return found


def within(marks: Array, begin: Array | None, end: Array | None) -> Array:
    """Marks moved to the nearest ones between two (None: no limit)."""
    if begin is not None:
        marks = np.maximum(marks, begin)
    if end is not None:
        marks = np.minimum(marks, end)
    return marks


def part(marks: Array, sel: Index | None) -> Array:
    """Columns of marks (None: all)."""
    return marks if sel is None else marks.take(sel, axis=1)
