"""A sheet of formulas about strategies: what it is about, its columns, and the row that is being written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xlsxwriter.utility import xl_rowcol_to_cell

from scssim.report.workbook_book import HEADER, LINE, MOST_LINES, Book, text, wrapped_lines
from scssim.result import Result

Array = NDArray[np.float64]
Look = Mapping[str, Any]

SHEET, DRAWS = "Decision", "Draws"
"""Names of the sheets of formulas."""

THRESHOLD = "threshold"
"""Name of the cell that holds the threshold."""

STRATEGY, ID, COST, QALY, D_COST, D_QALY, ICER, WORDS, NMB, INMB, MORE, LOSS, _GAP, WORKING = range(14)
"""Columns; those of working are the last."""

WIDTHS = (40, 24, 12, 12, 14, 14, 14, 26, 14, 14, 18, 14, 3)
"""Widths of the columns before those of working."""

MONEY: Look = {"num_format": "#,##0"}
EFFECT: Look = {"num_format": "#,##0.0000"}
SHARE: Look = {"num_format": "0.0%"}
LABEL: Look = {"text_wrap": True, "valign": "top"}
SIDE: Look = {"align": "left", "indent": 1}
FAINT: Look = {"font_color": "#595959"}
TITLE: Look = {"bold": True, "font_size": 14}
HEADING: Look = {"bold": True, "font_size": 12}
STRONG: Look = {"bold": True}
PLAIN: Look = {}

LEFT = frozenset({"Strategy", "id", "Reading", "Status", "Against", "Best"})
"""Headers of columns of text."""


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

    def differences(self, first: int, cost: Array, effect: Array, s: int) -> None:
        """Write differences of cost and QALYs from the reference, and their ratio."""
        base = self.facts.base
        values = float(cost[s] - cost[base]), float(effect[s] - effect[base])
        for column, of, value, look in ((D_COST, COST, values[0], MONEY), (D_QALY, QALY, values[1], EFFECT)):
            self.formula(column, f"{self.at(of)}-{self.at(of, first + base)}", value, look)
        ratio = f'IF({self.at(D_QALY)}=0,"",{self.at(D_COST)}/{self.at(D_QALY)})'
        self.formula(ICER, ratio, values[0] / values[1] if values[1] else math.nan, MONEY)

    def benefits(self, first: int, cost: Array, effect: Array, s: int) -> None:
        """Write the net benefit, and its difference from that of the reference."""
        values = self.facts.wtp * effect - cost
        self.valued(NMB, f"{THRESHOLD}*{self.at(QALY)}-{self.at(COST)}", values[s])
        self.valued(
            INMB, f"{self.at(NMB)}-{self.at(NMB, first + self.facts.base)}", values[s] - values[self.facts.base]
        )

    def heading(self, words: str, columns: Mapping[int, str], note: str = "") -> int:
        """Write a heading, a note and a row of headers; returns the first row below."""
        self.row += 1
        self.put(STRATEGY, words, HEADING)
        if note:
            self.row += 1
            self.put(STRATEGY, note, FAINT)
        self.row += 1
        for column, name in columns.items():
            side = SIDE if name in LEFT and column > ID else {"align": "left" if name in LEFT else "right"}
            self.put(column, name, {**HEADER, **side})
        self.sheet.set_row(self.row, 2 * LINE)
        self.row += 1
        return self.row

    def next(self, label: str) -> None:
        """Go on to the next row, this one being high enough for a label."""
        lines = wrapped_lines(label, WIDTHS[STRATEGY])
        if lines > 1:
            self.sheet.set_row(self.row, LINE * min(lines, MOST_LINES))
        self.row += 1

    def at(self, column: int, row: int | None = None) -> str:
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
