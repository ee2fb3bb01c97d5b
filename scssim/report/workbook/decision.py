"""The decision as live formulas: what a reviewer of a spreadsheet wants to check and change.

Everything follows the sheet ``outcomes`` (with draws also ``psa``) and one threshold that may be edited. Formulas use
functions that every spreadsheet has had for long, and no array formulas; what they need on the way is in the open,
in columns of working to the right.
"""

from __future__ import annotations

import math
from functools import partial

from scssim.report.workbook import columns as at
from scssim.report.workbook.book import Book
from scssim.report.workbook.columns import SHEET, THRESHOLD, WIDTHS
from scssim.report.workbook.draws import draws_block
from scssim.report.workbook.frontier import Compared, frontier_block
from scssim.report.workbook.looks import FAINT, LABEL, SIDE, STRONG, TITLE
from scssim.report.workbook.page import Page, columns_of
from scssim.result import Result

INPUT = {"num_format": "#,##0", "bg_color": "#FFF2AB", "border": 1, "bold": True}
BEST = {"bold": True, "bg_color": "#DCEBDD"}


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
    page = Page(book, result)
    for column, width in enumerate(WIDTHS):
        widest = max(width, *(len(name) + 1 for name in page.facts.ids)) if column == at.ID else width
        page.sheet.set_column(column, column, widest)
    page.sheet.set_column(at.WORKING, at.WORKING + max(8, page.count), 12)
    best = _head(page)
    first = _strategies(page, best)
    frontier_block(page, first)
    if draws:
        draws_block(page, first)
    page.sheet.print_area(0, 0, page.row, at.WORKING - 2)


def _head(page: Page) -> int:
    """Title and threshold; returns the row of the best strategy, which comes with the strategies."""
    currency, year = page.settings.currency, page.settings.price_year
    page.put(at.STRATEGY, SHEET, TITLE)
    page.row += 1
    page.put(at.STRATEGY, f"Formulas over the sheet outcomes. Costs in {currency}, {year} prices, per patient.", FAINT)
    page.row += 2
    page.put(at.STRATEGY, f"Threshold ({currency} per QALY)", STRONG)
    page.put(at.ID, page.facts.wtp, INPUT)
    page.put(at.ID + 1, "You may change this cell: what depends on it follows.", {**FAINT, **SIDE})
    page.book.file.define_name(THRESHOLD, f"={SHEET}!{page.cell(at.ID)}")
    rule = {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": "A number from 0 up is needed."}
    page.sheet.data_validation(page.row, at.ID, page.row, at.ID, rule)
    page.row += 1
    page.put(at.STRATEGY, "Highest net monetary benefit (NMB)", STRONG)
    page.row += 1
    return page.row - 1


def _strategies(page: Page, best: int) -> int:
    """Every strategy, against the reference; returns the first row."""
    facts = page.facts
    headers = {
        at.WORDS: "Reading", at.NMB: "NMB", at.INMB: "NMB, difference (INMB)", at.MORE: "Best", **Compared.HEADERS,
    }  # fmt: skip
    first = page.heading(f"Strategies, and their differences from {facts.labels[facts.base]}", headers)
    compared = Compared.of(facts)
    benefit = facts.wtp * facts.effects - facts.costs
    column = page.down(at.NMB, first)
    for s, (name, label) in enumerate(zip(facts.ids, facts.labels, strict=True)):
        page.put(at.STRATEGY, label, LABEL)
        page.put(at.ID, name, FAINT)
        page.outcomes(first, s, facts.costs, facts.effects, partial(_looked_up, page))
        d_cost, d_qaly = facts.costs[s] - facts.costs[facts.base], facts.effects[s] - facts.effects[facts.base]
        page.formula(
            at.WORDS, _reading(page.cell(at.D_COST), page.cell(at.D_QALY)), _read(d_cost, d_qaly), {**FAINT, **SIDE}
        )
        words = "highest NMB" if benefit[s] == benefit.max() else ""
        page.formula(
            at.MORE, f'IF(COUNT({column})=0,"",IF({page.cell(at.NMB)}=MAX({column}),"highest NMB",""))', words, SIDE
        )
        compared.write(page, first, s)
        page.next(label)
    rule = f'=${page.cell(at.MORE, first).replace("$", "")}<>""'
    look = {"type": "formula", "criteria": rule, "format": page.book.look(**BEST)}
    page.sheet.conditional_format(first, at.STRATEGY, page.row - 1, at.MORE, look)
    below, page.row = page.row, best
    highest = f'IF(COUNT({column})=0,"",INDEX({page.down(at.STRATEGY, first)},MATCH(MAX({column}),{column},0)))'
    page.formula(at.ID, highest, "" if math.isnan(facts.wtp) else facts.labels[int(benefit.argmax())], STRONG)
    page.row = below
    return first


def _looked_up(page: Page, outcome: str) -> str:
    """Formula for the mean of an outcome: by its name, so that the sheet of outcomes may be sorted."""
    cells = columns_of("outcomes", page.result.outcomes)
    return f'SUMIFS({cells["mean"]},{cells["strategy"]},{page.cell(at.ID)},{cells["outcome"]},"{outcome}")'


def _reading(cost: str, qaly: str) -> str:
    """Formula that says in words where a strategy lies on the cost-effectiveness plane."""
    dearer = f'IF({cost}>0,"dearer",IF({cost}<0,"cheaper","same cost"))'
    better = f'IF({qaly}>0,"more QALYs",IF({qaly}<0,"fewer QALYs","same QALYs"))'
    return f'{dearer}&", "&{better}'


def _read(cost: float, qaly: float) -> str:
    """What that formula gives."""
    dearer = "dearer" if cost > 0 else "cheaper" if cost < 0 else "same cost"
    better = "more QALYs" if qaly > 0 else "fewer QALYs" if qaly < 0 else "same QALYs"
    return f"{dearer}, {better}"
