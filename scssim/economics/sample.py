"""A sample of costs and effects: what every analysis here works on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

Table = Mapping[str, ArrayLike] | pd.DataFrame
"""Values by name: one per draw. A leading column ``draw`` of a DataFrame is not data."""

DRAW = "draw"

LARGEST = 1e60
"""Largest value and threshold: the variance of their product is still a finite number."""


class SampleError(ValueError):
    """A sample, thresholds or a group of parameters that cannot be used; says what, where and what would do."""


@dataclass(frozen=True)
class Sample:
    """Costs and effects of every strategy in every draw.

    Attributes
    ----------
    strategies
        Names, in the order of the costs.
    costs, effects
        Shape (draws, strategies); each strategy's draws lie together in memory.
    """

    strategies: tuple[str, ...]
    costs: Array
    effects: Array

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.costs.shape[0]

    def benefit(self, wtp: float) -> Array:
        """Net monetary benefit ``wtp * effect - cost``, shape (draws, strategies)."""
        return wtp * self.effects - self.costs

    def position(self, strategy: str) -> int:
        """Position of a strategy.

        Raises
        ------
        SampleError
            If there is none of this name.
        """
        if strategy not in self.strategies:
            raise SampleError(f"there is no strategy `{strategy}`; there are {', '.join(self.strategies)}")
        return self.strategies.index(strategy)


def sample(costs: Table, effects: Table) -> Sample:
    """Check costs and effects, and match them by name.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw; the order of the strategies may differ.

    Raises
    ------
    SampleError
        If names or numbers of draws differ, or a value is missing or not a finite number.
    """
    same_draws(costs, effects, "costs", "effects")
    names, cost = columns(costs, "costs")
    others, effect = columns(effects, "effects")
    if set(names) != set(others):
        odd = [f"`{n}` is only in the costs" for n in names if n not in others]
        odd += [f"`{n}` is only in the effects" for n in others if n not in names]
        raise SampleError(f"costs and effects name different strategies: {'; '.join(odd)}")
    if cost.shape[0] != effect.shape[0]:
        raise SampleError(f"costs have {cost.shape[0]} draws, effects {effect.shape[0]}; both need one row per draw")
    # Transposed around the choice of columns: the draws of a strategy stay together, which makes maxima over few
    # strategies several times faster, and sums independent of the other strategies.
    return Sample(names, cost, effect.T[[others.index(n) for n in names]].T)


def same_draws(one: Table, other: Table, what: str, others: str) -> None:
    """Check that two tables which both number their draws have the same ones in a row.

    Raises
    ------
    SampleError
        If their columns ``draw`` differ, or the same labels of rows stand in another order.
    """
    if not (isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame)):
        return
    if _has_draws(one) and _has_draws(other) and not np.array_equal(one[DRAW], other[DRAW]):
        raise SampleError(f"the column `{DRAW}` differs between {what} and {others}; both need the same draws in a row")
    if not one.index.equals(other.index) and len(one) == len(other) and set(one.index) == set(other.index):
        raise SampleError(f"{what} and {others} have the same rows in another order; sort them by their index")


def columns(table: Table, what: str) -> tuple[tuple[str, ...], Array]:
    """Names and values, shape (draws, names), of a table with one value per draw and name.

    Parameters
    ----------
    table
        Values by name.
    what
        What the table holds, for messages.

    Raises
    ------
    SampleError
        For duplicate names, no names, no draws, different lengths, text, NaN or infinite values.
    """
    if not isinstance(table, Mapping | pd.DataFrame):
        raise SampleError(f"the {what} are a {type(table).__name__}; a dictionary or a DataFrame, by name, is needed")
    items: list[tuple[str, Any]] = [(str(name), values) for name, values in table.items()]
    if _has_draws(table):
        items = items[1:]
    names = tuple(name for name, _ in items)
    if not names:
        raise SampleError(f"the {what} have no columns; one per name is needed")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SampleError(f"the {what} name `{twice[0]}` twice; every name needs one column")
    values = []
    for name, given in items:
        try:
            raw = np.asarray(given)
            # NumPy would read numbers out of text, and numbers of seconds out of dates.
            if raw.dtype.kind not in "biufO" or (raw.dtype.kind == "O" and any(isinstance(v, str) for v in raw.flat)):
                raise TypeError
            column = np.atleast_1d(np.asarray(raw, dtype=np.float64))
        except (TypeError, ValueError):
            raise SampleError(f"the {what} of `{name}` are not all numbers") from None
        if column.ndim != 1:
            raise SampleError(f"the {what} of `{name}` have {column.ndim} dimensions; one value per draw is needed")
        if not column.size:
            raise SampleError(f"the {what} of `{name}` are empty; at least one draw is needed")
        wrong = np.flatnonzero(~np.isfinite(column))
        if wrong.size:
            raise SampleError(
                f"the {what} of `{name}` are {column[wrong[0]]} in row {wrong[0] + 1}; a finite number is needed"
            )
        if np.abs(column).max() > LARGEST:
            raise SampleError(f"the {what} of `{name}` reach {column[np.abs(column).argmax()]:g}, which is too large")
        values.append(column)
    if len({column.size for column in values}) > 1:
        lengths = ", ".join(f"{name} {column.size}" for name, column in zip(names, values, strict=True))
        raise SampleError(f"the {what} have different numbers of draws ({lengths})")
    return names, np.stack(values).T


def _has_draws(table: Table) -> bool:
    """Whether the first column numbers the draws; in a mapping it may be a strategy of that name."""
    return isinstance(table, pd.DataFrame) and len(table.columns) > 0 and str(table.columns[0]) == DRAW


def thresholds(wtp: float | Sequence[float] | ArrayLike) -> Array:
    """Check willingness-to-pay thresholds (currency per unit of effect).

    Raises
    ------
    SampleError
        Unless they are finite, at least 0 and increasing.
    """
    try:
        values = np.atleast_1d(np.asarray(wtp, dtype=np.float64))
    except (TypeError, ValueError):
        raise SampleError(f"the thresholds {wtp!r} are not all numbers") from None
    if values.ndim != 1 or not values.size:
        raise SampleError("the list of thresholds is empty; at least one is needed")
    wrong = values[~((values >= 0) & (values <= LARGEST))]
    if wrong.size:
        raise SampleError(f"a threshold of {wrong[0]:g} is not possible; a number from 0 to {LARGEST:g} is needed")
    falls = np.flatnonzero(np.diff(values) <= 0)
    if falls.size:
        a, b = values[falls[0]], values[falls[0] + 1]
        raise SampleError(f"the thresholds are not increasing: {b:g} follows {a:g}")
    return values


def steps(start: float, stop: float, step: float) -> Array:
    """Thresholds from start to stop, in decimal arithmetic: steps of 0.1 meet 0.3 and 1.

    Parameters
    ----------
    start, stop
        First and last; a stop that the steps do not meet is left out.
    step
        Distance, above 0.

    Returns
    -------
    Array
        Shape (thresholds,).
    """
    first, last, by = (Fraction(repr(float(x))) for x in (start, stop, step))
    # Numbers that were calculated, not written, may miss the stop by a rounding error.
    slack = min(Fraction(4 * math.ulp(stop)), by / 2)
    return np.array([min(float(first + i * by), float(stop)) for i in range(int((last - first + slack) / by) + 1)])
