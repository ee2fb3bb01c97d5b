"""The decision as live formulas: what a reviewer of a spreadsheet wants to check and change.

Everything follows the sheet ``outcomes`` (with draws also ``psa``) and one threshold that may be edited. Formulas use
functions that every spreadsheet has had for long, and no array formulas; what they need on the way is in the open,
in columns called working.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xlsxwriter.utility import xl_rowcol_to_cell

from scssim.economics import frontier
from scssim.report.workbook_book import HEADER, LINE, Book, text, wrapped_lines
from scssim.result import Result

Array = NDArray[np.float64]

SHEET, DRAWS = "Decision", "Draws"
THRESHOLD = "threshold"
"""Name of the cell that holds the threshold."""

WIDTHS = (40, 24, 14, 12, 14, 12, 14, 24, 14, 14, 14, 14)
"""Widths of the columns that are read; those of working follow."""

WORKING = len(WIDTHS) + 1
"""First column of working."""

COST: dict[str, Any] = {"num_format": "#,##0"}
QALY: dict[str, Any] = {"num_format": "#,##0.0000"}
SHARE: dict[str, Any] = {"num_format": "0.0%"}
FAINT = {"font_color": "#595959"}
INPUT = {"num_format": "#,##0", "bg_color": "#FFF2AB", "border": 1, "bold": True}
TITLE = {"bold": True, "font_size": 14}
HEADING = {"bold": True, "font_size": 12}


@dataclass(frozen=True)
class Facts:
    """What the formulas must give.

    Attributes
    ----------
    ids, labels
        Of the strategies.
    base
        Position of the reference.
    costs, qalys
        Means, shape (strategies,).
    wtp
        Threshold; not a number if there is none.
    """

    ids: list[str]
    labels: list[str]
    base: int
    costs: Array
    qalys: Array
    wtp: float

    @classmethod
    def of(cls, result: Result) -> Facts:
        """The facts of a result."""
        means = result.outcomes.pivot(index="strategy", columns="outcome", values="mean")
        ids = [str(name) for name in result.outcomes["strategy"].unique()]
        costs, qalys = (means.loc[ids, outcome].to_numpy(float) for outcome in ("cost", "qaly"))
        scenario = result.scenario
        wtp = next(iter(scenario.settings.willingness_to_pay), math.nan)
        labels = [scenario.strategy_label(name) for name in ids]
        return cls(ids, labels, ids.index(scenario.reference), costs, qalys, wtp)

    @property
    def benefit(self) -> Array:
        """Net monetary benefit, shape (strategies,)."""
        return self.wtp * self.qalys - self.costs


def write_decision(book: Book, result: Result, draws: bool) -> None:
    """Add the sheet ``Decision``.

    Parameters
    ----------
    book
        Workbook; it must also get the sheet ``outcomes``.
    result
        What a run found; with outcomes.
    draws
        Whether the workbook also gets the sheets ``psa`` and ``Draws``.
    """
    _Decision(book, result).write(draws)


def write_draws(book: Book, result: Result) -> None:
    """Add the sheet ``Draws``: the net benefit of every draw and strategy, from the sheet ``psa``."""
    facts = Facts.of(result)
    sheet = book.sheet(DRAWS)
    last = len(facts.ids)
    headers = ["draw", *facts.ids, "highest", "how_many"]
    for c, header in enumerate(headers):
        book.put(sheet, 0, c, header, **HEADER)
        sheet.set_column(c, c, max(len(header) + 2, 10))
    rows = _rows_of_draws(result.psa, facts.ids)
    cost, qaly = (result.psa[column].to_numpy(float)[rows] for column in ("cost", "qaly"))
    benefit = facts.wtp * qaly - cost
    columns = {name: c for c, name in enumerate(result.psa.columns)}
    for r, places in enumerate(rows, 1):
        draw = xl_rowcol_to_cell(int(places[0]) + 1, columns["draw"])
        book.formula(sheet, r, 0, f"=psa!{draw}", result.psa["draw"].iloc[int(places[0])], num_format="0")
        for s, place in enumerate(places):
            c, q = (xl_rowcol_to_cell(int(place) + 1, columns[name]) for name in ("cost", "qaly"))
            formula = f'=IF(ISNUMBER({THRESHOLD}),{THRESHOLD}*psa!{q}-psa!{c},"")'
            book.formula(sheet, r, 1 + s, formula, benefit[r - 1, s], **COST)
        inside = f"{xl_rowcol_to_cell(r, 1, col_abs=True)}:{xl_rowcol_to_cell(r, last, col_abs=True)}"
        highest = benefit[r - 1].max()
        book.formula(sheet, r, last + 1, f"=MAX({inside})", np.nan_to_num(highest), **COST)
        top = xl_rowcol_to_cell(r, last + 1)
        book.formula(sheet, r, last + 2, f"=COUNTIF({inside},{top})", (benefit[r - 1] == highest).sum(), **COST)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)


def _rows_of_draws(psa: pd.DataFrame, ids: list[str]) -> NDArray[np.int64]:
    """Rows of the table by draw and strategy, shape (draws, strategies)."""
    places = pd.DataFrame({"draw": psa["draw"], "strategy": psa["strategy"], "row": np.arange(len(psa))})
    found: NDArray[np.int64] = places.pivot(index="draw", columns="strategy", values="row")[ids].to_numpy(np.int64)
    return found


class _Decision:
    """The sheet while it is being written, block below block."""

    def __init__(self, book: Book, result: Result) -> None:
        self.book, self.result = book, result
        self.facts = Facts.of(result)
        self.count = len(self.facts.ids)
        self.sheet = book.sheet(SHEET)
        self.row = 0
        self.currency = result.scenario.settings.currency
        self.best_formula = ""

    def write(self, draws: bool) -> None:
        for column, width in enumerate(WIDTHS):
            self.sheet.set_column(column, column, width)
        self.sheet.set_column(WORKING - 1, WORKING - 1, 3)
        self.sheet.set_column(WORKING, WORKING + max(8, self.count), 13)
        self.head()
        self.strategies()
        self.incremental()
        if draws:
            self.draws()
        self.sheet.print_area(0, 0, self.row, len(WIDTHS) - 1)

    # ------------------------------------------------------------ the pieces

    def put(self, column: int, value: object, **look: Any) -> None:
        self.book.put(self.sheet, self.row, column, value, **look)

    def formula(self, column: int, formula: str, value: object, **look: Any) -> None:
        self.book.formula(self.sheet, self.row, column, formula, value, **look)

    def at(self, column: int, row: int | None = None) -> str:
        """Address of a cell, by default in the current row."""
        return str(xl_rowcol_to_cell(self.row if row is None else row, column, row_abs=True, col_abs=True))

    def down(self, column: int, first: int, count: int | None = None) -> str:
        """Address of a column of a block."""
        return f"{self.at(column, first)}:{self.at(column, first + (self.count if count is None else count) - 1)}"

    def heading(self, words: str, columns: dict[int, str], note: str = "") -> int:
        """A heading and a row of headers; returns the first row below."""
        self.row += 1
        self.put(0, words, **HEADING)
        if note:
            self.row += 1
            self.put(0, note, **FAINT)
        self.row += 1
        for column, name in columns.items():
            self.put(column, name, **HEADER)
        self.sheet.set_row(self.row, 2 * LINE)
        self.row += 1
        return self.row

    def tall(self, label: str) -> None:
        """Make the row high enough for a label."""
        lines = wrapped_lines(label, WIDTHS[0])
        if lines > 1:
            self.sheet.set_row(self.row, LINE * min(lines, 20))

    # ------------------------------------------------------------ the blocks

    def head(self) -> None:
        facts, settings = self.facts, self.result.scenario.settings
        self.put(0, SHEET, **TITLE)
        self.row += 1
        words = (
            f"Formulas over the sheet outcomes. Costs in {self.currency}, {settings.price_year} prices, per patient."
        )
        self.put(0, words, **FAINT)
        self.row += 2
        self.put(0, f"Threshold ({self.currency} per QALY)", bold=True)
        self.put(1, facts.wtp, **INPUT)
        self.put(2, "You may change this cell: everything that depends on it follows.", **FAINT)
        self.book.file.define_name(THRESHOLD, f"={SHEET}!{self.at(1)}")
        self.sheet.data_validation(
            self.row, 1, self.row, 1,
            {"validate": "decimal", "criteria": ">=", "value": 0, "error_title": "Threshold",
             "error_message": "A number from 0 up is needed."},
        )  # fmt: skip
        self.row += 1
        self.put(0, "Highest net monetary benefit (NMB)", bold=True)
        self.best_row = self.row
        self.row += 1

    def strategies(self) -> None:
        facts = self.facts
        first = self.heading(
            f"Strategies against {text(facts.labels[facts.base])}",
            {
                0: "Strategy", 1: "id", 2: "Cost", 3: "QALYs", 4: "Cost, difference", 5: "QALYs, difference",
                6: f"ICER, {self.currency} per QALY", 7: "Reading", 8: "NMB", 9: "NMB, difference (INMB)", 10: "Best",
                WORKING: "Cost as compared", WORKING + 1: "QALYs as compared", WORKING + 2: "Order by cost",
            },
        )  # fmt: skip
        self.first = first
        digits = [_digits(values) for values in (facts.costs, facts.qalys)]
        order = _order(np.round(facts.costs, digits[0]), np.round(facts.qalys, digits[1]))
        benefit, base = facts.benefit, first + facts.base
        for s, name in enumerate(facts.ids):
            self.put(0, facts.labels[s], text_wrap=True, valign="top")
            self.tall(facts.labels[s])
            self.put(1, name, **FAINT)
            for column, outcome, values, look in ((2, "cost", facts.costs, COST), (3, "qaly", facts.qalys, QALY)):
                self.formula(column, self.looked_up(outcome), values[s], **look)
            differences = facts.costs[s] - facts.costs[facts.base], facts.qalys[s] - facts.qalys[facts.base]
            for column, difference, look in zip((4, 5), differences, (COST, QALY), strict=True):
                self.formula(column, f"={self.at(column - 2)}-{self.at(column - 2, base)}", difference, **look)
            self.ratio(6, 4, 5, *differences)
            self.formula(7, self.reading(), _reading(*differences), **FAINT)
            worth = f"{THRESHOLD}*{self.at(3)}-{self.at(2)}"
            self.formula(8, f'=IF(ISNUMBER({THRESHOLD}),{worth},"")', benefit[s], **COST)
            gain = f"{self.at(8)}-{self.at(8, base)}"
            self.formula(9, f'=IF(ISNUMBER({THRESHOLD}),{gain},"")', benefit[s] - benefit[facts.base], **COST)
            all_benefits = self.down(8, first)
            top = f"{self.at(8)}=MAX({all_benefits})"
            best = "highest NMB" if benefit[s] == benefit.max() else ""
            self.formula(10, f'=IF(ISNUMBER({THRESHOLD}),IF({top},"highest NMB",""),"")', best, bold=True)
            for k, values in enumerate((facts.costs, facts.qalys)):
                rounded = f"=ROUND({self.at(2 + k)},{digits[k]})"
                self.formula(WORKING + k, rounded, round(float(values[s]), digits[k]), **FAINT)
            self.formula(WORKING + 2, self.place(), order[s] + 1, **FAINT)
            self.row += 1
        best_formula = (
            f'=IF(COUNT({all_benefits})=0,"",INDEX({self.down(0, first)},MATCH(MAX({all_benefits}),{all_benefits},0)))'
        )
        best_label = "" if math.isnan(facts.wtp) else text(facts.labels[int(benefit.argmax())])
        self.book.formula(self.sheet, self.best_row, 1, best_formula, best_label, bold=True)

    def looked_up(self, outcome: str) -> str:
        """Formula for the mean of an outcome: by its name, so that the sheet of outcomes may be sorted."""
        table = self.result.outcomes
        cells = {
            name: f"outcomes!{self.down(list(table.columns).index(name), 1, len(table))}"
            for name in ("strategy", "outcome", "mean")
        }
        return f'=SUMIFS({cells["mean"]},{cells["strategy"]},{self.at(1)},{cells["outcome"]},"{outcome}")'

    def ratio(self, column: int, above: int, below: int, cost: float, qaly: float) -> None:
        """An ICER; empty where there is no difference in QALYs."""
        value = cost / qaly if qaly else math.nan
        formula = f'=IF({self.at(below)}=0,"",{self.at(above)}/{self.at(below)})'
        self.formula(column, formula, value, **COST)

    def reading(self) -> str:
        """Formula that says in words where a strategy lies on the plane."""
        cost, qaly = self.at(4), self.at(5)
        dearer = f'IF({cost}>0,"dearer",IF({cost}<0,"cheaper","same cost"))'
        better = f'IF({qaly}>0,"more QALYs",IF({qaly}<0,"fewer QALYs","same QALYs"))'
        return f'={dearer}&", "&{better}'

    def place(self) -> str:
        """Formula for the place in the order of cost; more QALYs first among equals, then as listed."""
        cost, qaly = self.at(WORKING), self.at(WORKING + 1)
        costs, qalys = (self.down(WORKING + k, self.first) for k in (0, 1))
        before = f"SUMPRODUCT(({costs}<{cost})+({costs}={cost})*({qalys}>{qaly}))"
        listed = self.row - self.first
        if not listed:
            return f"=1+{before}"
        costs, qalys = (self.down(WORKING + k, self.first, listed) for k in (0, 1))
        return f"=1+{before}+SUMPRODUCT(({costs}={cost})*({qalys}={qaly}))"

    def incremental(self) -> None:
        """The strategies in order of cost, with those that are dominated, and increments along the frontier."""
        facts, count = self.facts, self.count
        note = (
            "Dominated: another costs no more and gives no fewer QALYs. Extendedly dominated: a mixture of two others "
            "does. Differences and ICERs are against the one before on the frontier."
        )
        first = self.heading(
            "Full incremental analysis, in order of cost",
            {
                0: "Strategy", 1: "id", 2: "Cost", 3: "QALYs", 4: "Cost, increment", 5: "QALYs, increment",
                6: f"ICER, {self.currency} per QALY", 7: "Status", 8: "Against",
                WORKING: "Order", WORKING + 1: "Row above", WORKING + 2: "Cost as compared",
                WORKING + 3: "QALYs as compared", WORKING + 4: "Steepest from below", WORKING + 5: "Flattest above",
                WORKING + 6: "Last on the frontier",
            },
            note,
        )  # fmt: skip
        known = frontier(*(dict(zip(facts.ids, v, strict=True)) for v in (facts.costs, facts.qalys)))
        digits = [_digits(values) for values in (facts.costs, facts.qalys)]
        rounded = np.round(facts.costs, digits[0]), np.round(facts.qalys, digits[1])
        order = np.argsort(_order(*rounded))
        costs, qalys = rounded[0][order], rounded[1][order]
        slopes = _slopes(costs, qalys)
        corner = first + count + 4, WORKING
        last_on = 0
        for k, s in enumerate(order):
            row = known.iloc[int(s)]
            on = row["status"] == "frontier"
            label = text(facts.labels[s])
            self.tall(label)
            place = self.at(WORKING + 1)
            for column, value, look in (
                (0, label, {"text_wrap": True, "valign": "top"}), (1, facts.ids[s], FAINT),
                (2, facts.costs[s], COST), (3, facts.qalys[s], QALY),
            ):  # fmt: skip
                self.formula(column, f"=INDEX({self.down(column, self.first)},{place})", value, **look)
            self.put(WORKING, k + 1, **FAINT)
            match = f"=MATCH({self.at(WORKING)},{self.down(WORKING + 2, self.first)},0)"
            self.formula(WORKING + 1, match, s + 1, **FAINT)
            for j, values in enumerate((costs, qalys)):
                source = f"=INDEX({self.down(WORKING + j, self.first)},{place})"
                self.formula(WORKING + 2 + j, source, values[k], **FAINT)
            self.around(k, slopes[k], corner)
            self.status(k, first, str(row["status"]))
            self.increments(
                k, first, row, "" if row["versus"] is None else facts.labels[facts.ids.index(row["versus"])]
            )
            last_on = k + 1 if on else last_on
            before = self.at(WORKING + 6, self.row - 1) if k else "0"
            self.formula(WORKING + 6, f'=IF({self.at(7)}="frontier",{self.at(WORKING)},{before})', last_on, **FAINT)
            self.row += 1
        self.matrix(first, corner, slopes)

    def around(self, k: int, slopes: Array, corner: tuple[int, int]) -> None:
        """Cost per QALY of the steepest step that leads here, and of the flattest that leads on."""
        row, column = corner[0] + k, corner[1]
        ends = ((0, k - 1, "MAX"), (k + 1, self.count - 1, "MIN"))
        for j, (low, high, pick) in enumerate(ends):
            if low > high:
                continue
            cells = f"{self.at(column + low, row)}:{self.at(column + high, row)}"
            part = slopes[low : high + 1]
            part = part[~np.isnan(part)]
            value = math.nan if not part.size else part.max() if pick == "MAX" else part.min()
            self.formula(
                WORKING + 4 + j, f'=IF(COUNT({cells})=0,"",{pick}({cells}))', value, num_format="#,##0", **FAINT
            )

    def status(self, k: int, first: int, value: str) -> None:
        """Whether a strategy is on the frontier, and if not, why."""
        cost, qaly, below, above = (self.at(WORKING + j) for j in (2, 3, 4, 5))
        if not k:
            self.formula(7, '="frontier"', value)
            return
        before = self.at(7, self.row - 1)
        extended = f'IF(ISNUMBER({above}),IF({below}>={above},"extendedly dominated","frontier"),"frontier")'
        dominated = f"{qaly}<=MAX({self.down(WORKING + 3, first, k)})"
        same = f"AND({cost}={self.at(WORKING + 2, self.row - 1)},{qaly}={self.at(WORKING + 3, self.row - 1)})"
        twin = f'IF({before}="frontier","tie",{before})'
        self.formula(7, f'=IF({same},{twin},IF({dominated},"dominated",{extended}))', value)

    def increments(self, k: int, first: int, row: pd.Series[Any], versus: str) -> None:
        """Differences from the strategy before on the frontier; a tie has those of its twin."""
        looks: tuple[dict[str, Any], ...] = (COST, QALY, COST, {})
        values = (row["inc_cost"], row["inc_qaly"], row["icer"], text(versus))
        status, last = self.at(7), self.at(WORKING + 6, self.row - 1)
        for column, value, look in zip((4, 5, 6, 8), values, looks, strict=True):
            if not k:
                self.formula(column, '=""', value, **look)
                continue
            if column == 8:
                own = f"INDEX({self.down(0, first, k)},{last})"
            elif column == 6:
                own = f"{self.at(4)}/{self.at(5)}"
            else:
                own = f"{self.at(column - 2)}-INDEX({self.down(column - 2, first, k)},{last})"
            above = self.at(column, self.row - 1)
            self.formula(column, f'=IF({status}="frontier",{own},IF({status}="tie",{above},""))', value, **look)

    def matrix(self, first: int, corner: tuple[int, int], slopes: Array) -> None:
        """Cost per QALY between each two strategies; empty where the dearer one gives no more QALYs."""
        heading = corner[0] - 2
        words = (
            "Cost per QALY of the dearer (row or column, by order) against the cheaper; empty if it gives no more QALYs"
        )
        self.book.put(self.sheet, heading, corner[1], words, **FAINT)
        cost, qaly = WORKING + 2, WORKING + 3
        for i in range(self.count):
            self.book.put(self.sheet, corner[0] - 1, corner[1] + i, i + 1, **HEADER)
            for j in range(self.count):
                if i == j:
                    continue
                low, high = first + min(i, j), first + max(i, j)
                rise = f"{self.at(cost, high)}-{self.at(cost, low)}"
                run = f"{self.at(qaly, high)}-{self.at(qaly, low)}"
                formula = f'=IF({self.at(qaly, high)}>{self.at(qaly, low)},({rise})/({run}),"")'
                place = corner[0] + i, corner[1] + j
                self.book.formula(self.sheet, *place, formula, slopes[i, j], num_format="#,##0", **FAINT)

    def draws(self) -> None:
        """What the draws say at the threshold."""
        facts, psa = self.facts, self.result.psa
        rows = _rows_of_draws(psa, facts.ids)
        cost, qaly = (psa[column].to_numpy(float)[rows] for column in ("cost", "qaly"))
        means = cost.mean(axis=0), qaly.mean(axis=0)
        benefit = facts.wtp * qaly - cost
        total = facts.wtp * means[1] - means[0]
        top = benefit.max(axis=1)
        wins = benefit == top[:, None]
        p_best = (wins / np.maximum(wins.sum(axis=1, keepdims=True), 1)).mean(axis=0)
        against = benefit - benefit[:, [facts.base]]
        p_better = ((against > 0).mean(axis=0) + (against >= 0).mean(axis=0)) / 2
        note = (
            f"From {len(rows):,} draws on the sheets psa and Draws as simulated, noise between patients included; "
            "ceac, pairwise and evpi are without it. Filter psa as you like, but do not sort it."
        )
        first = self.heading(
            "Draws",
            {
                0: "Strategy", 1: "id", 2: "Mean cost", 3: "Mean QALYs", 4: "Cost, difference", 5: "QALYs, difference",
                6: f"ICER, {self.currency} per QALY", 7: "Probability of the highest NMB", 8: "NMB",
                9: "NMB, difference (INMB)", 10: "Probability of INMB above 0", 11: "Expected loss",
            },
            note,
        )  # fmt: skip
        base = first + facts.base
        height = len(rows)
        highest, many = (f"{DRAWS}!{self.down(1 + self.count + j, 1, height)}" for j in (0, 1))
        mine = [f"{DRAWS}!{self.down(1 + s, 1, height)}" for s in range(self.count)]
        unknown = math.isnan(facts.wtp)
        for s, name in enumerate(facts.ids):
            self.formula(0, f"={self.at(0, self.first + s)}", text(facts.labels[s]), text_wrap=True, valign="top")
            self.tall(facts.labels[s])
            self.put(1, name, **FAINT)
            for column, outcome, value, look in ((2, "cost", means[0][s], COST), (3, "qaly", means[1][s], QALY)):
                cells = [f"psa!{self.down(list(psa.columns).index(c), 1, len(psa))}" for c in (outcome, "strategy")]
                self.formula(column, f"=AVERAGEIFS({cells[0]},{cells[1]},{self.at(1)})", value, **look)
            differences = means[0][s] - means[0][facts.base], means[1][s] - means[1][facts.base]
            for column, difference, look in zip((4, 5), differences, (COST, QALY), strict=True):
                self.formula(column, f"={self.at(column - 2)}-{self.at(column - 2, base)}", difference, **look)
            self.ratio(6, 4, 5, *differences)
            mean = self.at(8)
            moved = f"ABS(AVERAGE({mine[s]})-{mean})>0.000001*(1+ABS({mean}))"
            won = f"SUMPRODUCT(({mine[s]}={highest})/{many})/{height}"
            better = f"SUMPRODUCT(({mine[s]}>{mine[facts.base]})+({mine[s]}={mine[facts.base]})/2)/{height}"
            for column, formula, value, look in (
                (7, f'IF({moved},"psa was sorted",{won})', p_best[s], SHARE),
                (8, f"{THRESHOLD}*{self.at(3)}-{self.at(2)}", total[s], COST),
                (9, f"{mean}-{self.at(8, base)}", total[s] - total[facts.base], COST),
                (10, f'IF({moved},"psa was sorted",{better})', p_better[s], SHARE),
                (11, f"AVERAGE({highest})-{mean}", top.mean() - total[s], COST),
            ):
                guarded = f'=IF(ISNUMBER({THRESHOLD}),{formula},"")'
                self.formula(column, guarded, math.nan if unknown else value, **look)
            self.row += 1
        self.row += 1
        self.put(0, "Expected value of perfect information per patient", bold=True)
        losses = self.down(11, first)
        value = math.nan if unknown else top.mean() - total.max()
        self.formula(1, f'=IF(ISNUMBER({THRESHOLD}),MIN({losses}),"")', value, bold=True, **COST)


def _digits(values: Array) -> int:
    """Decimals beyond which differences are rounding: `economics.frontier` sees none below 1e-12 of the largest."""
    largest = float(np.abs(values).max())
    return 12 if largest == 0 else 11 - math.floor(math.log10(largest))


def _order(costs: Array, qalys: Array) -> NDArray[np.int64]:
    """Place of each strategy in the order of cost, from 0."""
    order = np.lexsort((np.arange(costs.size), -qalys, costs))
    places = np.empty(costs.size, dtype=np.int64)
    places[order] = np.arange(costs.size)
    return places


def _slopes(costs: Array, qalys: Array) -> Array:
    """Cost per QALY between each two strategies in order of cost; not a number where the dearer gives no more."""
    count = costs.size
    slopes = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(i):
            if qalys[i] > qalys[j]:
                slopes[i, j] = slopes[j, i] = (costs[i] - costs[j]) / (qalys[i] - qalys[j])
    return slopes


def _reading(cost: float, qaly: float) -> str:
    dearer = "dearer" if cost > 0 else "cheaper" if cost < 0 else "same cost"
    better = "more QALYs" if qaly > 0 else "fewer QALYs" if qaly < 0 else "same QALYs"
    return f"{dearer}, {better}"
