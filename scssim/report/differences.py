"""Differences between two scenarios on a terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from scssim.report.stress_words import several
from scssim.report.terminal import Screen, records
from scssim.scenario.difference import ONLY_A, ONLY_B


def print_differences(table: pd.DataFrame, a: str, b: str, console: Console) -> None:
    """Print what differs.

    Parameters
    ----------
    table
        What `scssim.diff` returned.
    a, b
        Names of the two scenarios.
    console
        Where to print.
    """
    screen = Screen(console)
    screen.line(f"A  {a}", "")
    screen.line(f"B  {b}", "")
    if table.empty:
        screen.line("\nno difference", "")
        return
    parts = [("Only in A", table["what"] == ONLY_A), ("Only in B", table["what"] == ONLY_B)]
    parts.append(("Changed", ~table["what"].isin([ONLY_A, ONLY_B])))
    for title, chosen in parts:
        rows = records(table[chosen])
        if not rows:
            continue
        screen.line(f"\n{title}: {len(rows)}", "bold")
        for row in rows:
            heading = Text(str(row["path"]))
            if title == "Changed" and row["what"] != "value":
                heading.append(f"  {row['what']}", style="dim")
            _indented(screen, heading, 2)
            for side in "AB":
                if title != f"Only in {'B' if side == 'A' else 'A'}":
                    _indented(screen, Text(f"{side}  {row[side.lower()]}"), 4)
    screen.line(f"\n{several(len(table), 'difference')}", "")


def _indented(screen: Screen, text: Text, by: int) -> None:
    screen.console.print(Padding(text, (0, 0, 0, by), expand=False), width=screen.width)
