"""What the figures of a decision analysis need to know to label things, and how they write numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scssim.report import style
from scssim.report.style import LineStyle, NothingToDrawError

if TYPE_CHECKING:
    from scssim.scenario.schema import Scenario

MINUS = "\N{MINUS SIGN}"
MILLION = 1e6


@dataclass(frozen=True)
class Look:
    """Names and units of a decision analysis, whether a run of a scenario or somebody's own sample.

    Attributes
    ----------
    labels
        Label of every strategy by its id; their order fixes colours, dashes and markers.
    currency
        Such as ``GBP``.
    thresholds
        Willingness to pay (currency per unit of effect), increasing; the first is used where a figure needs one.
    effect
        Unit of effect, in the singular.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    currency: str = "GBP"
    thresholds: tuple[float, ...] = (20_000.0, 30_000.0)
    effect: str = "QALY"

    @classmethod
    def of(cls, scenario: Scenario) -> Look:
        """Names and units of a scenario."""
        labels = {name: scenario.strategy_label(name) for name in scenario.strategies}
        return cls(labels, scenario.settings.currency, scenario.settings.willingness_to_pay)

    @property
    def effects(self) -> str:
        """Unit of effect, in the plural."""
        return f"{self.effect}s"

    @property
    def rate(self) -> str:
        """Unit of willingness to pay, such as ``GBP per QALY``."""
        return f"{self.currency} per {self.effect}"

    def label(self, strategy: str) -> str:
        """Label of a strategy, or its id."""
        return self.labels.get(strategy) or strategy

    def order(self, strategies: Iterable[object]) -> list[str]:
        """Strategies that occur, each once: those with a label first, in the order of the labels."""
        found = list(dict.fromkeys(str(s) for s in strategies))
        return [s for s in self.labels if s in found] + [s for s in found if s not in self.labels]

    def threshold(self, there: Iterable[float]) -> float:
        """First threshold that is among those of a table; the lowest of the table if none is."""
        known = np.asarray(list(there), dtype=float)
        return next((t for t in self.thresholds if np.isclose(known, t).any()), float(known.min()))

    def styles(self, strategies: Iterable[object]) -> dict[str, LineStyle]:
        """Look of the strategies (and of all that have a label)."""
        return style.line_styles(list(dict.fromkeys([*self.labels, *(str(s) for s in strategies)])))


def need(table: pd.DataFrame | None, what: str) -> pd.DataFrame:
    """The table, if it has rows.

    Raises
    ------
    NothingToDrawError
        If it has none.
    """
    if table is None or table.empty:
        raise NothingToDrawError(f"there are no rows of the {what} to draw")
    return table


def number(value: float, digits: int = 3, places: int | None = None) -> str:
    """A number for people: so many significant digits, but none of a whole number dropped; thousands separated.

    With `places` there are so many decimals at least, zeros included.
    """
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "infinite"
    if value == 0:
        return "0"
    if places is not None and abs(value) >= 10**-places:
        return f"{value:,.{places}f}".replace("-", MINUS)
    text = f"{abs(value):,.{min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), 12)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{MINUS}{text}" if value < 0 and text != "0" else text


def signed(value: float, digits: int = 3, places: int | None = None) -> str:
    """`number` with its sign, also of positive numbers."""
    text = number(value, digits, places)
    return f"+{text}" if value > 0 and text != "0" else text


def tick(value: float, _: object = None) -> str:
    """A number on an axis: exact (ticks are round), thousands separated."""
    text = f"{abs(value):,.10g}" if abs(value) < 1e9 else f"{abs(value):,.0f}"
    return f"{MINUS}{text}" if value < 0 and text != "0" else text


def in_millions(values: Iterable[float] | np.ndarray) -> bool:
    """Whether amounts of this size are better given in millions."""
    numbers = np.abs(np.asarray(list(values), dtype=float))
    numbers = numbers[np.isfinite(numbers)]
    return bool(numbers.size and numbers.max() >= MILLION)


def unit(look: Look, values: Iterable[float] | np.ndarray) -> tuple[float, str]:
    """Divisor and name of the unit for amounts of money of this size."""
    return (MILLION, f"million {look.currency}") if in_millions(values) else (1.0, look.currency)


def amount(look: Look, value: float) -> str:
    """An amount of money in words, such as ``12,346 GBP`` or ``4.21 million GBP``."""
    divisor, name = unit(look, [value])
    return f"{number(value / divisor, 3 if divisor > 1 else 1)} {name}"
