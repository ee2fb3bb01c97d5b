"""The tables and lines of the summaries for the terminal, collected for a page."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from scssim.report.html.parts import Block, Cell, Column, Grid, Prose

_FIRST = re.compile(r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
_UNITS = {"m": 1e6, "bn": 1e9}


class Collected:
    """A sheet that keeps what is written on it (see `scssim.report.terminal.Sheet`).

    Parameters
    ----------
    data
        Name of the table that all of it is from; empty if there is none.

    Attributes
    ----------
    blocks
        What was written.
    """

    def __init__(self, data: str = "") -> None:
        self.data = data
        self.blocks: list[Block] = []
        self._heading = ("", "")

    def heading(self, title: str, note: str) -> None:
        """Keep a heading for the table that follows."""
        self._heading = (title, note.strip("() "))

    def line(self, text: str, look: str) -> None:
        """Keep a line."""
        self.blocks.append(Prose(text.strip(), look="note", plain=True))

    def show(self, table: Table) -> None:
        """Keep a table under the last heading."""
        columns = [
            Column(" ".join(_plain(column.header).split()), column.justify == "right") for column in table.columns
        ]
        texts = zip(*([_plain(cell) for cell in column.cells] for column in table.columns), strict=True)
        rows = [[Cell(text, sort=leading_number(text)) for text in row] for row in texts]
        self.blocks.append(Grid(self._heading[0], columns, rows, self._heading[1], self.data))

    def gap(self) -> None:
        """A page has its own spaces."""


def collect(data: str, write: Callable[[Collected], None]) -> list[Block]:
    """What a function writes on a sheet."""
    sheet = Collected(data)
    write(sheet)
    return sheet.blocks


def leading_number(text: str) -> float | None:
    """The number that a text begins with, in words such as ``1.2 m`` or ``5 %`` too; None without one."""
    found = _FIRST.match(text)
    if found is None:
        return None
    after = text[found.end() :].split()
    return float(found[0].replace(",", "").replace("−", "-")) * (_UNITS.get(after[0], 1) if after else 1)


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
