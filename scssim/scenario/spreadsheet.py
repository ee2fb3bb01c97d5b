"""Reading a table that a spreadsheet has saved: whatever its separator, decimal mark and rounding."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd

from scssim.errors import Problem, ScenarioError
from scssim.reading import read_bytes

MOST_BYTES = 20_000_000
SEPARATORS = (",", ";", "\t")

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:[,.' \u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?")
_BROKEN = re.compile(r"#(?:N/A|NAME\?|VALUE!|REF!|DIV/0!|NUM!|NULL!|#+)")

ROUNDED = 5e-6
"""Largest relative error of a number that a spreadsheet shows in eleven characters, and saves as shown."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text
        What stands in it, without spaces around it.
    where
        Its place, for messages: ``params.csv:17 (value)``.
    decimal
        Decimal mark of the file.
    """

    text: str
    where: str
    decimal: str = "."

    def number(self, path: str) -> float | None:
        """The number; None if the cell is empty.

        Parameters
        ----------
        path
            What the number is, for the message.

        Raises
        ------
        ScenarioError
            If it is no finite number.
        """
        if not self.text:
            return None
        text = self._plain
        if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        raise ScenarioError(Problem(self.where, path, *self._why_not()))

    @property
    def _plain(self) -> str:
        return self.text if self.decimal == "." else self.text.replace(",", ".")

    def _why_not(self) -> tuple[str, str]:
        what = f"{self.text[:60]!r} is not a number"
        if _BROKEN.fullmatch(self.text):
            return f"{self.text} is an error of the spreadsheet", "a number"
        if self.text.endswith("%"):
            return what, "no percentage, which a spreadsheet rounds: 0.05 for 5 %"
        if _GROUPED.fullmatch(self.text):
            return what, "no thousands separator: 12000 for 12,000"
        if "," in self.text:
            return what, "a decimal point; or decimal commas all through, with semicolons between the columns"
        return what, "a number such as 12000, 0.05 or 1E-3"

    def says(self, number: float) -> bool:
        """Whether the cell, perhaps rounded by a spreadsheet, is this number (not a number: an empty cell)."""
        if not self.text or math.isnan(number):
            return not self.text and math.isnan(number)
        text = self._plain
        if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
            return False
        exponent = Decimal(text).as_tuple().exponent
        # A number cut to the digits that the cell has, as long as it has enough of them.
        half_digit = 0.5000001 * 10.0 ** min(int(exponent), 300)  # 0E999 is a number too
        size = abs(number)
        return abs(float(text) - number) <= max(1e-12 * size, min(ROUNDED * size, half_digit))

    def says_text(self, text: str) -> bool:
        """Whether the cell is this text, spaces and line ends aside."""
        return self.text.split() == text.split()


@dataclass(frozen=True)
class Row:
    """A row of a table: its line, its place for messages, and its cells by column."""

    line: int
    where: str
    cells: dict[str, Cell]


def read_rows(table: str | Path | pd.DataFrame, columns: Sequence[str], numeric: Sequence[str]) -> list[Row]:
    """Read the rows of a table that has some of the columns wanted, the first of them always.

    Columns may stand in any order and case; others are ignored, and so are empty rows.

    Parameters
    ----------
    table
        A CSV file in UTF-8, with commas, semicolons or tabs between the columns; or a data frame.
    columns
        Columns wanted; the first must be there.
    numeric
        Those of them that hold numbers: they tell the decimal mark of a file with semicolons.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or lacks the first column.
    """
    if isinstance(table, pd.DataFrame):
        name, text = "parameters", table.to_csv(index=False)
    else:
        name = str(table)
        text = _read_text(Path(table), name)
    separator = _separator(text)
    lines = _lines(text, separator, name)
    header, first = next(lines, ([], 1))
    names = [cell.strip().lower() for cell in header]
    wrong = [column for column in columns if names.count(column) > 1]
    if wrong:
        raise ScenarioError(Problem(f"{name}:{first}", "", f"the column `{wrong[0]}` is there twice", "once"))
    if columns[0] not in names:
        what = f"there is no column `{columns[0]}`" if any(names) else "the table is empty"
        allowed = f"a first line with the names of columns: {', '.join(columns)}"
        raise ScenarioError(Problem(f"{name}:{first}", "", what, allowed))
    raw = []
    for cells, line in lines:
        if any(cell.strip() for cell in cells[len(names) :]):
            what = f"the row has {len(cells)} cells, more than there are columns ({len(names)})"
            raise ScenarioError(Problem(f"{name}:{line}", "", what, "a text with a separator in it stands in quotes"))
        filled = [*cells, *[""] * (len(names) - len(cells))]
        raw.append((line, {key: cell.strip() for key, cell in zip(names, filled, strict=False) if key in columns}))
    decimal = _decimal(raw, numeric, name) if separator == ";" else "."
    return [
        Row(line, f"{name}:{line}", {k: Cell(text, f"{name}:{line} ({k})", decimal) for k, text in cells.items()})
        for line, cells in raw
    ]


def _read_text(path: Path, name: str) -> str:
    try:
        data = read_bytes(path, MOST_BYTES, pipe=True)
    except FileNotFoundError:
        raise ScenarioError(
            Problem(name, "", "there is no such file", "a table as `scssim parameters` writes it")
        ) from None
    except IsADirectoryError:
        raise ScenarioError(Problem(name, "", "this is a directory, not a table", "a CSV file")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(Problem(name, "", f"the file cannot be read: {reason}")) from None
    if len(data) > MOST_BYTES:
        raise ScenarioError(Problem(name, "", f"the file is larger than {MOST_BYTES // 1_000_000} MB"))
    if data[:4] == b"PK\x03\x04":
        raise ScenarioError(Problem(name, "", "this is a workbook, not a CSV file", "save the sheet as CSV UTF-8"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{name}:{data.count(10, 0, error.start) + 1}"
        what = "the file is not a text in UTF-8"
        raise ScenarioError(Problem(where, "", what, "in a spreadsheet, save as CSV UTF-8")) from None
    if "\0" in text:
        raise ScenarioError(Problem(name, "", "the file is not a text", "save the sheet as CSV UTF-8"))
    return text


def _separator(text: str) -> str:
    """The separator that the first line has most of, outside quotes."""
    first = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    return max(SEPARATORS, key=first.count)


def _lines(text: str, separator: str, name: str) -> Iterator[tuple[list[str], int]]:
    """Rows that are not empty, with the line that each begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield row, start
            start = reader.line_num + 1
    except csv.Error as error:
        raise ScenarioError(Problem(f"{name}:{start}", "", f"not a readable CSV: {error}")) from None


def _decimal(rows: Sequence[tuple[int, dict[str, str]]], numeric: Sequence[str], name: str) -> str:
    """The decimal mark of a file with semicolons; one file cannot have both."""
    seen: dict[str, tuple[int, str]] = {}
    for line, cells in rows:
        for column in numeric:
            for mark in ",.":
                if mark in cells.get(column, ""):
                    seen.setdefault(mark, (line, cells[column]))
    if len(seen) == 2:
        (line, text), (other, before) = sorted(seen.values(), reverse=True)
        what = f"{text[:60]!r} here, {before[:60]!r} in line {other}: which is the decimal mark?"
        allowed = "decimal commas or decimal points all through, and no thousands separators"
        raise ScenarioError(Problem(f"{name}:{line}", "", what, allowed))
    return "," if "," in seen else "."
