"""What the draws say, as formulas: probabilities and expected losses at the threshold that may be edited."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from scssim.report.workbook import columns as at
from scssim.report.workbook.book import HEADER, Book
from scssim.report.workbook.columns import DRAWS, THRESHOLD
from scssim.report.workbook.looks import FAINT, LABEL, MONEY, SHARE, STRONG
from scssim.report.workbook.page import Facts, Page, address, columns_of, span
from scssim.result import Result


def write_draws(book: Book, result: Result) -> None:
    """Add the sheet ``Draws``: the net benefit of every draw and strategy, from the sheet ``psa``.

    Parameters
    ----------
    book
        Workbook; it must also get the sheets ``psa`` and ``Decision``.
    result
        What a run with draws found.
    """
    facts = Facts.of(result)
    sheet = book.sheet(DRAWS)
    for c, header in enumerate(["draw", *facts.ids, "highest", "how_many"]):
        book.put(sheet, 0, c, header, **{**HEADER, "align": "right"})
        sheet.set_column(c, c, max(len(header) + 2, 12))
    rows, costs, effects = facts.draws(result.psa)
    benefit = facts.wtp * effects - costs
    highest = benefit.max(axis=1)
    many = (benefit == highest[:, None]).sum(axis=1)
    place_of = {str(name): c for c, name in enumerate(result.psa.columns)}
    last = len(facts.ids)
    for r, places in enumerate(rows + 1, 1):
        number = result.psa["draw"].iloc[int(places[0]) - 1]
        book.formula(sheet, r, 0, f"=psa!{address(int(places[0]), place_of['draw'])}", number, num_format="0")
        for s, place in enumerate(places):
            cost, qaly = (f"psa!{address(int(place), place_of[name])}" for name in ("cost", "qaly"))
            worth = f'=IF(ISNUMBER({THRESHOLD}),{THRESHOLD}*{qaly}-{cost},"")'
            book.formula(sheet, r, 1 + s, worth, benefit[r - 1, s], **MONEY)
        each, top = f"{address(r, 1)}:{address(r, last)}", address(r, last + 1)
        for column, formula, value in (
            (last + 1, f"MAX({each})", highest[r - 1]),
            (last + 2, f"SUMPRODUCT(--({each}={top}))", many[r - 1] if math.isfinite(facts.wtp) else math.nan),
        ):
            book.formula(sheet, r, column, f'=IF(COUNT({each})=0,"",{formula})', value, **MONEY)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)


def draws_block(page: Page, strategies: int) -> None:
    """Write means over the draws, and what they say at the threshold.

    Parameters
    ----------
    page
        Where to.
    strategies
        First row of the block of strategies.
    """
    facts = page.facts
    _, costs, effects = facts.draws(page.result.psa)
    count = len(costs)
    note = (
        f"{count:,} draws as they are on the sheets psa and Draws, noise between simulated patients included; the "
        "sheets ceac, pairwise and evpi are without it. Do not sort psa: formulas follow its order."
    )
    headers = {
        at.COST: "Mean cost", at.QALY: "Mean QALYs", at.P_BEST: "Probability of the highest NMB", at.NMB: "NMB",
        at.INMB: "NMB, difference (INMB)", at.P_BETTER: "Probability of INMB above 0", at.LOSS: "Expected loss",
    }  # fmt: skip
    first = page.heading("Draws", headers, note)
    cost, effect = costs.mean(axis=0), effects.mean(axis=0)
    benefit = facts.wtp * effects - costs
    top = benefit.max(axis=1)
    wins = benefit == top[:, None]
    p_best = (wins / np.maximum(wins.sum(axis=1, keepdims=True), 1)).mean(axis=0)
    gain = benefit - benefit[:, [facts.base]]
    p_better = ((gain > 0).mean(axis=0) + (gain >= 0).mean(axis=0)) / 2
    loss = top.mean() - (facts.wtp * effect - cost)
    each = [f"{DRAWS}!{span(1 + s, 1, count)}" for s in range(page.count)]
    highest, many = (f"{DRAWS}!{span(1 + page.count + j, 1, count)}" for j in (0, 1))
    base = each[facts.base]
    for s, (name, label) in enumerate(zip(facts.ids, facts.labels, strict=True)):
        page.formula(at.STRATEGY, page.cell(at.STRATEGY, strategies + s), label, LABEL)
        page.put(at.ID, name, FAINT)
        page.outcomes(first, s, cost, effect, partial(_averaged, page))
        won = f"SUMPRODUCT(({each[s]}={highest})/{many})/{count}"
        better = f"SUMPRODUCT(({each[s]}>{base})+({each[s]}={base})/2)/{count}"
        page.valued(at.P_BEST, _in_order(each[s], page.cell(at.NMB), won), p_best[s], SHARE)
        if s != facts.base:
            page.valued(at.P_BETTER, _in_order(each[s], page.cell(at.NMB), better), p_better[s], SHARE)
        page.valued(at.LOSS, f"AVERAGE({highest})-{page.cell(at.NMB)}", loss[s])
        page.next(label)
    page.row += 1
    page.put(at.STRATEGY, "Expected value of perfect information", STRONG)
    page.valued(at.COST, f"MIN({page.down(at.LOSS, first)})", loss.min(), {**MONEY, **STRONG})
    page.row += 1


def _averaged(page: Page, outcome: str) -> str:
    """Formula for the mean of ``cost`` or ``qaly`` over the draws."""
    cells = columns_of("psa", page.result.psa)
    return f"AVERAGEIFS({cells[outcome]},{cells['strategy']},{page.cell(at.ID)})"


def _in_order(draws: str, mean: str, formula: str) -> str:
    """The formula, as long as the rows of psa are in their order: else draws of strategies would be mixed up."""
    return f'IF(ABS(AVERAGE({draws})-{mean})>0.000001*(1+ABS({mean})),"psa was sorted",{formula})'
