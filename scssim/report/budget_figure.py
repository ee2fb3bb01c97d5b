"""Budget impact: what a change of the mix of strategies costs in each year."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from scssim.report import style
from scssim.report.layout import MARK_SIZE, Page, legend_columns, round_ticks
from scssim.report.look import Look, need, signed, unit

STRENGTH = 0.75
"""Strength of the colours of strategies in bars."""

HATCHES = ("", "//", "..")
"""Tell apart the strategies that share a colour."""


def budget(look: Look, table: pd.DataFrame) -> Figure:
    """Cash flow of each year by strategy, with the current mix and with the new one.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns year, strategy, cost (with the new mix) and cost_current (with the current mix): totals of all patients.

    Raises
    ------
    NothingToDrawError
        If there are no rows.

    Notes
    -----
    The impact of a year is the sum of cost less the sum of cost_current over strategies.
    """
    table = need(table, "budget impact")
    used = table.groupby("strategy")[["cost", "cost_current"]].transform("sum").sum(axis=1) != 0
    table = need(table[used], "budget impact")
    names = look.order(table["strategy"])
    looks = list(look.styles(names))
    flows = {
        column: table.pivot_table(index="year", columns="strategy", values=column, aggfunc="sum", fill_value=0.0)
        for column in ("cost_current", "cost")
    }
    years = [str(y) for y in flows["cost"].index]
    sums = {column: flow.sum(axis=1).to_numpy(dtype=float) for column, flow in flows.items()}
    divisor, name = unit(look, np.concatenate(list(sums.values())))
    impact = (sums["cost"] - sums["cost_current"]) / divisor
    with style.context():
        colors = {n: style.tint(style.LINES[looks.index(n) % len(style.LINES)], STRENGTH) for n in names}
        hatches = {n: HATCHES[looks.index(n) // len(style.LINES) % len(HATCHES)] for n in names}
        columns = legend_columns([look.label(n) for n in names])
        left, height, above = 0.85, 3.4, 0.2
        below = 0.72 + 0.21 * -(-len(names) // columns)
        page = Page.start(
            "Budget impact",
            "Cash flow of each year by strategy: left with the current mix of strategies, right with the new mix. "
            f"Above: the difference ({name}).",
            above + height + below,
        )
        width = style.WIDTH - left - 0.3
        axes = page.axes(left, below, width, height, "budget")
        places = np.arange(len(years), dtype=float)
        bar = 0.36
        for column, shift in (("cost_current", -0.19), ("cost", 0.19)):
            start = np.zeros(len(years))
            for strategy in names:
                values = flows[column][strategy].to_numpy(dtype=float) / divisor
                axes.bar(places + shift, values, bar, bottom=start, color=colors[strategy], hatch=hatches[strategy],
                         edgecolor="white", linewidth=0.6, label=strategy, gid=f"{column}-{strategy}")  # fmt: skip
                start += values
        top = max(float(total.max()) for total in sums.values()) / divisor or 1.0
        slots = max(len(years), 3)
        axes.set_xlim((len(years) - 1 - slots) / 2, (len(years) - 1 + slots) / 2)
        totals = np.maximum(sums["cost"], sums["cost_current"]) / divisor
        largest = float(np.abs(impact).max())
        decimals = 2 - math.floor(math.log10(largest)) if largest > 0 else 0
        texts = [signed(value, places=min(max(decimals, 0), 6)) for value in impact]
        # Bold type is about a tenth wider than what is measured.
        upright = 1.2 * float(style.measure(texts, MARK_SIZE + 0.5)[0].max()) > width / slots
        axes.set_ylim(0, (1.22 if upright else 1.1) * top)
        for place, total, text in zip(places, totals, texts, strict=True):
            axes.annotate(
                text,
                (place, total),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                rotation=90 if upright else 0,
                fontsize=MARK_SIZE + 0.5,
                fontweight="bold",
            )
        axes.set_xticks(places, [f"Year {y}" if width / slots > 0.75 else y for y in years])
        axes.tick_params(axis="x", length=0, pad=16)
        if width / slots > 1.0:
            for place in places:
                for shift, text in ((-0.19, "current"), (0.19, "new")):
                    axes.annotate(text, (place + shift, 0), xytext=(0, -5), textcoords="offset points", ha="center",
                                  va="top", fontsize=MARK_SIZE, color=style.FAINT)  # fmt: skip
        else:
            axes.tick_params(axis="x", pad=4)
            axes.set_xlabel("Year")
        round_ticks(axes, "y")
        axes.yaxis.grid(True)
        axes.set_ylabel(f"Cost per year ({name})")
        handles = [Patch(facecolor=colors[n], hatch=hatches[n], edgecolor="white", label=look.label(n)) for n in names]
        style.legend(page.figure, handles, page.place(0.12, 0.07), columns)
    return page.figure
