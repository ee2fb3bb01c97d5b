"""Published results against simulated ones, one row per target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scssim.report import style
from scssim.report.layout import MARK_SIZE, Page, legend_columns, named_rows, round_ticks, row_places
from scssim.report.look import need, number
from scssim.report.measures import MEASURES, SHARES, words
from scssim.report.terminal import records

if TYPE_CHECKING:
    from scssim.result import Result

NAME_WIDTH = 46
ALLOWED = "#DDE6EE"


def targets(result: Result) -> Figure:
    """Published values with their 95 % intervals, and what the simulation gives, by kind of measure.

    Parameters
    ----------
    result
        A run of a scenario with targets.

    Raises
    ------
    NothingToDrawError
        If there is none that was simulated.
    """
    table = need(result.targets, "targets")
    table = need(table[table["simulated"].notna()], "targets that were simulated")
    percent = table["measure"].isin(SHARES)
    factor = np.where(percent, 100.0, 1.0)
    columns = ["observed", "lower", "upper", "simulated", "tolerance"]
    table = table.assign(
        axis=[MEASURES[m].among if m in MEASURES else m for m in table["measure"]],
        **{column: table[column].to_numpy(dtype=float) * factor for column in columns},
    )
    looks = style.line_styles(list(result.scenario.strategies))
    judged = table["agrees"].notna()
    subtitle = f"{len(table)} results; {int((table['agrees'] == True).sum())} of {int(judged.sum())} that have an"  # noqa: E712
    subtitle += " allowed difference keep it. At the right: observed, simulated."
    with style.context():
        panels = [(str(axis), rows) for axis, rows in table.groupby("axis", sort=False)]
        names = {axis: [_name(result, row) for row in records(rows)] for axis, rows in panels}
        rooms = {axis: row_places(names[axis]) for axis, _ in panels}
        above, below, foot = 0.1, 0.52, 0.35
        page = Page.start(
            "Published results against the simulation",
            subtitle,
            sum(height + above + below for _, height in rooms.values()) + foot,
        )
        left = max(float(style.measure(each, MARK_SIZE)[0].max()) for each in names.values()) + 0.3
        width, top = style.WIDTH - left - 1.35, page.body
        for axis, rows in panels:
            places, height = rooms[axis]
            top -= above + height
            axes = named_rows(page, names[axis], places, (left, top, width, height), f"targets-{axis}")
            for y, row in zip(places, records(rows), strict=True):
                if pd.notna(row["tolerance"]):
                    ends = row["observed"] - row["tolerance"], 2 * row["tolerance"]
                    axes.barh(y, ends[1], 0.2, ends[0], color=ALLOWED, zorder=1)
                if pd.notna(row["lower"]):
                    axes.plot([row["lower"], row["upper"]], [y, y], color="#888888", linewidth=1.4, zorder=2)
                axes.plot(row["observed"], y, "|", color=style.INK, markersize=10, markeredgewidth=1.8, zorder=3)
                look = looks[row["strategy"]]
                axes.plot(row["simulated"], y, look.marker, color=look.color, markersize=5.5, zorder=4, gid="simulated")
                axes.text(
                    1 + 0.12 / width, y, f"{_number(row, 'observed')}, {_number(row, 'simulated')}",
                    transform=axes.get_yaxis_transform(), fontsize=MARK_SIZE, va="center",
                )  # fmt: skip
            axes.margins(x=0.05)
            axes.xaxis.grid(True)
            axes.set_xlabel(axis)
            round_ticks(axes, "x")
            top -= below
        shown = [name for name in result.scenario.strategies if name in set(table["strategy"])]
        handles: list[Line2D | Patch] = [
            Line2D([], [], color="#888888", marker="|", markersize=9, markeredgecolor=style.INK, markeredgewidth=1.8,
                   label="Observed, 95 % interval"),
            *([Patch(color=ALLOWED, label="Allowed difference")] if judged.any() else []),
            *(Line2D([], [], linestyle="", marker=looks[n].marker, color=looks[n].color,
                     label=f"Simulated: {result.scenario.strategy_label(n)}") for n in shown),
        ]  # fmt: skip
        labels = [str(handle.get_label()) for handle in handles]
        style.legend(page.figure, handles, page.place(0.12, 0.08), legend_columns(labels))
    return page.figure


def _number(row: dict[str, Any], key: str) -> str:
    return number(row[key], places=2 if row["axis"] in (MEASURES["back_vas"].among, MEASURES["utility"].among) else 1)


def _name(result: Result, row: dict[str, Any]) -> str:
    statistic = "SD of " if row["statistic"] == "sd" else ""
    label = result.scenario.strategy_label(row["strategy"])
    return style.wrap(
        f"{label}: {statistic}{words(row['measure'])}, month {row['month']:g} ({row['denominator']})", NAME_WIDTH
    )
