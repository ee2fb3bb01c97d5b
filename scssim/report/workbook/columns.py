"""The sheets of formulas: names, columns and their widths."""

from __future__ import annotations

SHEET, DRAWS = "Decision", "Draws"
"""Names of the sheets."""

THRESHOLD = "threshold"
"""Name of the cell that holds the threshold."""

STRATEGY, ID, COST, QALY, D_COST, D_QALY, ICER, WORDS, NMB, INMB, MORE, LOSS, _GAP, WORKING = range(14)
"""Columns of the sheet ``Decision``; those of working are the last."""

P_BEST, P_BETTER = WORDS, MORE
"""Columns of the block of draws."""

STATUS, VERSUS = WORDS, NMB
COMPARED_COST, COMPARED_QALY, PLACE, ROW, BELOW, ABOVE, LAST = range(WORKING, WORKING + 7)
"""Columns of the frontier; those of working that are compared stand in the same place in the block of strategies."""

WIDTHS = (40, 24, 12, 12, 14, 14, 14, 26, 14, 14, 18, 14, 3)
"""Widths of the columns before those of working."""

HEADERS = {
    STRATEGY: "Strategy", ID: "id", COST: "Cost", QALY: "QALYs", D_COST: "Cost, difference",
    D_QALY: "QALYs, difference",
}  # fmt: skip
"""Headers of every block, unless it says otherwise."""

LEFT = frozenset({"Strategy", "id", "Reading", "Status", "Against", "Best"})
"""Headers of columns of text."""
