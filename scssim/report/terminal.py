"""Text and tables on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from scssim.result import Result

WIDTH = 100


def number(value: Any, decimals: int = 0) -> str:
    """A number for people: thousands separated, millions abbreviated, nothing for a missing one."""
    if value is None or pd.isna(value):
        return ""
    value = float(value)
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    size = abs(value)
    if size >= 1e12:
        return f"{'>' if value > 0 else '<-'}1,000 bn"
    if size >= 1e9:
        return f"{value / 1e9:,.1f} bn"
    if size >= 1e7:
        return f"{value / 1e6:,.1f} m"
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


class Sheet(Protocol):
    """Where a page is written: a terminal, or anything else that takes headings, lines and tables."""

    def heading(self, title: str, note: str) -> None:
        """Begin something new under a heading, with a note in small print."""

    def line(self, text: str, look: str) -> None:
        """Write a line of text in some look of rich."""

    def show(self, table: Table) -> None:
        """Write a table."""

    def gap(self) -> None:
        """Leave a space."""


class Screen:
    """A console, of which at most 100 columns are used.

    Parameters
    ----------
    console
        Where to print; without colours and rules when it is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = min(console.width, WIDTH)

    def heading(self, title: str, note: str) -> None:
        """Print a heading after an empty line."""
        heading = Text(title, style="bold")
        if note:
            heading.append(f"  {note}", style="not bold dim")
        self.gap()
        self.console.print(heading, width=self.width)

    def line(self, text: str, look: str) -> None:
        """Print a line of text."""
        self.console.print(Text(text, style=look), width=self.width)

    def show(self, table: Table) -> None:
        """Print a table."""
        self.console.print(Padding(table, (0, 0, 0, 2), expand=False), width=self.width)

    def gap(self) -> None:
        """Print an empty line."""
        self.console.print()


class Page:
    """Lines and tables on a sheet.

    Parameters
    ----------
    sheet
        Where to write.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet

    def line(self, text: str, look: str = "") -> None:
        """Write a line of text."""
        self.sheet.line(text, look)

    def table(self, title: str, note: str = "") -> Table:
        """Write a heading, and make the table to go under it."""
        self.sheet.heading(title, note)
        return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")

    def show(self, table: Table) -> None:
        """Write a table."""
        self.sheet.show(table)


class ResultPage(Page):
    """A page about a run.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    sheet
        Where to write.
    """

    def __init__(self, result: Result, sheet: Sheet) -> None:
        super().__init__(sheet)
        self.result = result
        self.settings = result.scenario.settings

    def label(self, name: object) -> Text:
        """Label of a strategy."""
        return Text(self.result.scenario.strategy_label(str(name)))
