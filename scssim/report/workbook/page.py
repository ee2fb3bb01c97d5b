"""A sheet of formulas about strategies: what it is about, its columns, and the row that is being written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xlsxwriter.utility import xl_rowcol_to_cell

from scssim.report.workbook import columns as at
from scssim.report.workbook.book import HEADER, LINE, MOST_LINES, Book, text, wrapped_lines
from scssim.report.workbook.columns import HEADERS, LEFT, SHEET, THRESHOLD, WIDTHS
from scssim.report.workbook.looks import EFFECT, FAINT, HEADING, MONEY, PLAIN, SIDE, Look
from scssim.result import Result

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """What the formulas are about, and must give.

    Attributes
    ----------
    ids, labels
        Of the strategies.
    base
        Position of the reference.
    costs, effects
        Mean cost and QALYs, shape (strategies,).
    wtp
        Threshold; not a number if there is none.
    """

    ids: list[str]
    labels: list[str]
    base: int
    costs: Array
    effects: Array
    wtp: float

    @classmethod
    def of(cls, result: Result) -> Facts:
        """The facts of a result with outcomes."""
        scenario = result.scenario
        ids = [str(name) for name in result.outcomes["strategy"].unique()]
        means = result.outcomes.pivot(index="strategy", columns="outcome", values="mean").loc[ids]
        return cls(
            ids,
            [text(scenario.strategy_label(name)) for name in ids],
            ids.index(scenario.reference),
            means["cost"].to_numpy(float),
            means["qaly"].to_numpy(float),
            next(iter(scenario.settings.willingness_to_pay), math.nan),
        )

    def draws(self, psa: pd.DataFrame) -> tuple[NDArray[np.int64], Array, Array]:
        """Rows in the table of draws, costs and QALYs, each of shape (draws, strategies)."""
        places = psa[["draw", "strategy"]].assign(row=np.arange(len(psa)))
        rows = places.pivot(index="draw", columns="strategy", values="row")[self.ids].to_numpy(np.int64)
        return rows, psa["cost"].to_numpy(float)[rows], psa["qaly"].to_numpy(float)[rows]


class Page:
    """A sheet that is written from the top down.

    Attributes
    ----------
    sheet
        The sheet of XlsxWriter.
    row
        The row that is being written, from 0.
    """

    def __init__(self, book: Book, result: Result) -> None:
        self.book, self.result = book, result
        self.facts = Facts.of(result)
        self.count = len(self.facts.ids)
        self.settings = result.scenario.settings
        self.sheet = book.sheet(SHEET)
        self.row = 0

    def put(self, column: int, value: object, look: Look = PLAIN) -> None:
        """Write a value into the row."""
        self.book.put(self.sheet, self.row, column, value, **look)

    def formula(self, column: int, formula: str, value: object, look: Look = PLAIN) -> None:
        """Write a formula and its result into the row."""
        self.book.formula(self.sheet, self.row, column, f"={formula}", value, **look)

    def valued(self, column: int, formula: str, value: float, look: Look = MONEY) -> None:
        """Write a formula that needs the threshold: empty as long as that is no number."""
        known = value if math.isfinite(self.facts.wtp) else math.nan
        self.formula(column, f'IF(ISNUMBER({THRESHOLD}),{formula},"")', known, look)

    def outcomes(self, first: int, s: int, costs: Array, effects: Array, mean: Callable[[str], str]) -> None:
        """Write the cost and QALYs of a strategy, differences from the reference, their ratio, and net benefits.

        Parameters
        ----------
        first
            First row of the block.
        s
            Position of the strategy.
        costs, effects
            What the formulas give, shape (strategies,).
        mean
            Formula for the mean of ``cost`` or ``qaly``.
        """
        base, benefits = self.facts.base, self.facts.wtp * effects - costs
        self.formula(at.COST, mean("cost"), costs[s], MONEY)
        self.formula(at.QALY, mean("qaly"), effects[s], EFFECT)
        d_cost, d_qaly = float(costs[s] - costs[base]), float(effects[s] - effects[base])
        self.formula(at.D_COST, self._over(at.COST, first), d_cost, MONEY)
        self.formula(at.D_QALY, self._over(at.QALY, first), d_qaly, EFFECT)
        ratio = f'IF({self.cell(at.D_QALY)}=0,"",{self.cell(at.D_COST)}/{self.cell(at.D_QALY)})'
        self.formula(at.ICER, ratio, d_cost / d_qaly if d_qaly else math.nan, MONEY)
        self.valued(at.NMB, f"{THRESHOLD}*{self.cell(at.QALY)}-{self.cell(at.COST)}", benefits[s])
        self.valued(at.INMB, self._over(at.NMB, first), benefits[s] - benefits[base])

    def _over(self, column: int, first: int) -> str:
        """Formula for the difference from the reference."""
        return f"{self.cell(column)}-{self.cell(column, first + self.facts.base)}"

    def heading(self, words: str, columns: Mapping[int, str], note: str = "") -> int:
        """Write a heading, a note and a row of headers, ours and those of more columns; returns the first row below."""
        self.row += 1
        self.put(at.STRATEGY, words, HEADING)
        if note:
            self.row += 1
            self.put(at.STRATEGY, note, FAINT)
        self.row += 1
        headers = {**HEADERS, at.ICER: f"ICER, {self.settings.currency} per QALY", **columns}
        for column, name in headers.items():
            side = SIDE if name in LEFT and column > at.ID else {"align": "left" if name in LEFT else "right"}
            self.put(column, name, {**HEADER, **side})
        self.sheet.set_row(self.row, 2 * LINE)
        self.row += 1
        return self.row

    def next(self, label: str) -> None:
        """Go on to the next row, this one being high enough for a label."""
        lines = wrapped_lines(label, WIDTHS[at.STRATEGY])
        if lines > 1:
            self.sheet.set_row(self.row, LINE * min(lines, MOST_LINES))
        self.row += 1

    def cell(self, column: int, row: int | None = None) -> str:
        """Address of a cell, by default in the row."""
        return address(self.row if row is None else row, column)

    def down(self, column: int, first: int, count: int | None = None) -> str:
        """Address of a column of a block that begins in a row."""
        return span(column, first, self.count if count is None else count)


def address(row: int, column: int) -> str:
    """Absolute address of a cell, both from 0."""
    return str(xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True))


def span(column: int, first: int, count: int) -> str:
    """Absolute address of so many cells of a column, from a row on."""
    return f"{address(first, column)}:{address(first + count - 1, column)}"


def columns_of(name: str, table: pd.DataFrame) -> dict[str, str]:
    """Address of each column of the sheet that holds a table, without its header."""
    return {str(column): f"{name}!{span(c, 1, len(table))}" for c, column in enumerate(table.columns)}
