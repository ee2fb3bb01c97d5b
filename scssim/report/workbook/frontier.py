"""The full incremental analysis as formulas: order of cost, dominance, extended dominance, increments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.economics import frontier
from scssim.report.workbook import columns as at
from scssim.report.workbook.book import HEADER
from scssim.report.workbook.looks import EFFECT, FAINT, LABEL, MONEY, SIDE, Look
from scssim.report.workbook.page import Array, Facts, Page

QUIET: Look = {**MONEY, **FAINT}
FINE_COST: Look = {"num_format": "#,##0.00", **FAINT}
FINE_QALY: Look = {"num_format": "#,##0.000000", **FAINT}

NOTE = (
    "Dominated: another costs no more and gives no fewer QALYs. Extendedly dominated: so does a mixture of two others. "
    "Increments are against the one before on the frontier."
)


@dataclass(frozen=True)
class Compared:
    """Costs and QALYs as they are compared, and the order of cost.

    `economics.frontier` sees no differences below 1e-12 of the largest value; here they are rounded away.

    Attributes
    ----------
    digits
        Decimals that are kept, of costs and of QALYs.
    costs, effects
        Rounded, shape (strategies,).
    order
        Positions of the strategies in order of cost (more QALYs first among equals), shape (strategies,).
    """

    HEADERS: ClassVar[dict[int, str]] = {
        at.COMPARED_COST: "Cost as compared", at.COMPARED_QALY: "QALYs as compared", at.PLACE: "Place by cost",
    }  # fmt: skip

    digits: tuple[int, int]
    costs: Array
    effects: Array
    order: NDArray[np.intp]

    @classmethod
    def of(cls, facts: Facts) -> Compared:
        """Compare strategies."""
        digits = _digits(facts.costs), _digits(facts.effects)
        costs, effects = np.round(facts.costs, digits[0]), np.round(facts.effects, digits[1])
        return cls(digits, costs, effects, np.lexsort((np.arange(costs.size), -effects, costs)))

    def write(self, page: Page, first: int, s: int) -> None:
        """Write the working of a strategy in a block that begins in a row."""
        page.formula(at.COMPARED_COST, f"ROUND({page.cell(at.COST)},{self.digits[0]})", self.costs[s], FINE_COST)
        page.formula(at.COMPARED_QALY, f"ROUND({page.cell(at.QALY)},{self.digits[1]})", self.effects[s], FINE_QALY)
        cost, qaly = page.cell(at.COMPARED_COST), page.cell(at.COMPARED_QALY)
        costs, qalys = page.down(at.COMPARED_COST, first), page.down(at.COMPARED_QALY, first)
        place = f"1+SUMPRODUCT(({costs}<{cost})+({costs}={cost})*({qalys}>{qaly}))"
        if s:  # equals are in the order in which they are listed
            costs, qalys = page.down(at.COMPARED_COST, first, s), page.down(at.COMPARED_QALY, first, s)
            place += f"+SUMPRODUCT(({costs}={cost})*({qalys}={qaly}))"
        page.formula(at.PLACE, place, int(np.flatnonzero(self.order == s)[0]) + 1, FAINT)


def frontier_block(page: Page, strategies: int) -> None:
    """Write the strategies in order of cost, with those that are dominated, and increments along the frontier.

    Parameters
    ----------
    page
        Where to.
    strategies
        First row of the block of strategies.
    """
    facts = page.facts
    headers = {
        at.D_COST: "Cost, increment", at.D_QALY: "QALYs, increment", at.STATUS: "Status", at.VERSUS: "Against",
        **Compared.HEADERS, at.ROW: "Row above", at.BELOW: "Steepest step to it", at.ABOVE: "Flattest step on",
        at.LAST: "Last on the frontier",
    }  # fmt: skip
    first = page.heading("Full incremental analysis, in order of cost", headers, NOTE)
    known = frontier(*(dict(zip(facts.ids, values, strict=True)) for values in (facts.costs, facts.effects)))
    compared = Compared.of(facts)
    costs, effects = compared.costs[compared.order], compared.effects[compared.order]
    steps = _steps(costs, effects)
    matrix = first + page.count + 3  # its first row, below its heading
    last = 0
    for k, s in enumerate(compared.order):
        row = known.iloc[int(s)]
        last = k + 1 if row["status"] == "frontier" else last
        page.put(at.PLACE, k + 1, FAINT)
        page.formula(at.ROW, f"MATCH({page.cell(at.PLACE)},{page.down(at.PLACE, strategies)},0)", s + 1, FAINT)
        for column, value, look in (
            (at.STRATEGY, facts.labels[s], LABEL), (at.ID, facts.ids[s], FAINT),
            (at.COST, facts.costs[s], MONEY), (at.QALY, facts.effects[s], EFFECT),
            (at.COMPARED_COST, costs[k], FINE_COST), (at.COMPARED_QALY, effects[k], FINE_QALY),
        ):  # fmt: skip
            page.formula(column, f"INDEX({page.down(column, strategies)},{page.cell(at.ROW)})", value, look)
        _steps_around(page, k, steps[k], matrix)
        page.formula(at.STATUS, _status(page, first, k), row["status"], SIDE)
        before = page.cell(at.LAST, page.row - 1) if k else "0"
        page.formula(at.LAST, f'IF({page.cell(at.STATUS)}="frontier",{page.cell(at.PLACE)},{before})', last, FAINT)
        _increments(page, first, k, row)
        page.next(facts.labels[s])
    _matrix(page, first, matrix, steps)


def _status(page: Page, first: int, k: int) -> str:
    """Formula for whether a strategy is on the frontier, and if not, why."""
    if not k:
        return '"frontier"'
    above = page.row - 1
    same = ",".join(
        f"{page.cell(column)}={page.cell(column, above)}" for column in (at.COMPARED_COST, at.COMPARED_QALY)
    )
    twin = f'IF({page.cell(at.STATUS, above)}="frontier","tie",{page.cell(at.STATUS, above)})'
    dominated = f"{page.cell(at.COMPARED_QALY)}<=MAX({page.down(at.COMPARED_QALY, first, k)})"
    mixed = f"AND(ISNUMBER({page.cell(at.ABOVE)}),{page.cell(at.BELOW)}>={page.cell(at.ABOVE)})"
    otherwise = f'IF({dominated},"dominated",IF({mixed},"extendedly dominated","frontier"))'
    return f"IF(AND({same}),{twin},{otherwise})"


def _increments(page: Page, first: int, k: int, known: pd.Series[Any]) -> None:
    """Write differences from the strategy before on the frontier; a tie has those of its twin."""
    versus = known["versus"]
    label = "" if versus is None else page.facts.labels[page.facts.ids.index(versus)]
    status, last, above = page.cell(at.STATUS), page.cell(at.LAST, page.row - 1), page.row - 1
    for column, own, value, look in (
        (at.D_COST, f"{page.cell(at.COST)}-INDEX({page.down(at.COST, first)},{last})", known["inc_cost"], MONEY),
        (at.D_QALY, f"{page.cell(at.QALY)}-INDEX({page.down(at.QALY, first)},{last})", known["inc_qaly"], EFFECT),
        (at.ICER, f"{page.cell(at.D_COST)}/{page.cell(at.D_QALY)}", known["icer"], MONEY),
        (at.VERSUS, f"INDEX({page.down(at.STRATEGY, first)},{last})", label, SIDE),
    ):
        formula = f'IF({status}="frontier",{own},IF({status}="tie",{page.cell(column, above)},""))' if k else '""'
        page.formula(column, formula, value, look)


def _steps_around(page: Page, k: int, steps: Array, matrix: int) -> None:
    """Write the cost per QALY of the steepest step that leads to a strategy, and of the flattest that leads on."""
    for column, low, high, pick in ((at.BELOW, 0, k, "MAX"), (at.ABOVE, k + 1, page.count, "MIN")):
        if low == high:
            continue
        cells = f"{page.cell(at.WORKING + low, matrix + k)}:{page.cell(at.WORKING + high - 1, matrix + k)}"
        known = steps[low:high][~np.isnan(steps[low:high])]
        value = math.nan if not known.size else float(known.max() if pick == "MAX" else known.min())
        page.formula(column, f'IF(COUNT({cells})=0,"",{pick}({cells}))', value, QUIET)


def _matrix(page: Page, first: int, top: int, steps: Array) -> None:
    """Write the cost per QALY of the step between each two strategies, by their places, in the columns of working."""
    words = "Cost per QALY of the step between two strategies, by place; empty where the dearer gives no more QALYs"
    page.book.put(page.sheet, top - 2, at.WORKING, words, **FAINT)
    for i in range(page.count):
        page.book.put(page.sheet, top - 1, at.WORKING + i, i + 1, **HEADER)
        for j in range(page.count):
            low, high = first + min(i, j), first + max(i, j)
            more = f"{page.cell(at.COMPARED_QALY, high)}-{page.cell(at.COMPARED_QALY, low)}"
            dearer = f"{page.cell(at.COMPARED_COST, high)}-{page.cell(at.COMPARED_COST, low)}"
            if i != j:
                formula = f'=IF({more}>0,({dearer})/({more}),"")'
                page.book.formula(page.sheet, top + i, at.WORKING + j, formula, steps[i, j], **QUIET)


def _steps(costs: Array, effects: Array) -> Array:
    """Cost per QALY between each two strategies in order of cost; not a number where the dearer gives no more."""
    steps = np.full((costs.size, costs.size), np.nan)
    for i in range(costs.size):
        for j in range(i):
            if effects[i] > effects[j]:
                steps[i, j] = steps[j, i] = (costs[i] - costs[j]) / (effects[i] - effects[j])
    return steps


def _digits(values: Array) -> int:
    """Decimals that tell values apart from 1e-12 of the largest on."""
    largest = float(np.abs(values).max())
    return 12 if largest == 0 else 11 - math.floor(math.log10(largest))
