"""A workbook that is being written: cells, looks, and sheets that hold a table."""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from scssim.report.terminal import number
from scssim.report.workbook.kinds import formats, kinds

CREATED = datetime(1980, 1, 1)
"""Date of every workbook, so that the same result gives the same bytes."""

LONGEST_TEXT = 32_767
"""Characters that fit in a cell."""

WIDEST = 60
"""Widest column, in characters; longer text is wrapped."""

WIDEST_HEADER = 24
"""Width that a header alone may claim, in characters; longer ones are wrapped."""

FILTER = 3
"""Width of the button of a filter, in characters."""

MOST_LINES = 20
"""Highest row, in lines."""

LINE = 15.0
"""Height of a line of text, in points."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that no spreadsheet can hold."""

HEADER = {"bold": True, "bottom": 1, "bg_color": "#E7EBEF", "text_wrap": True, "valign": "top"}
MARKED = "#F4E3C1"
"""Background of rows that deserve a second look. They are bold too, so that they stand out without colours."""


class Book:
    """A workbook in memory.

    Parameters
    ----------
    title
        What it is about.
    author
        What made it.
    """

    def __init__(self, title: str, author: str) -> None:
        import xlsxwriter

        self._bytes = io.BytesIO()
        self.file = xlsxwriter.Workbook(self._bytes, {"in_memory": True})
        self.file.set_properties({"title": text(title)[:255], "author": author, "created": CREATED})
        self._looks: dict[tuple[tuple[str, Any], ...], Any] = {}

    def look(self, **properties: Any) -> Any:
        """A cell format with these properties of XlsxWriter."""
        key = tuple(sorted(properties.items()))
        if key not in self._looks:
            self._looks[key] = self.file.add_format(properties)
        return self._looks[key]

    def sheet(self, name: str, landscape: bool = True) -> Any:
        """Add a sheet that prints one page wide."""
        sheet = self.file.add_worksheet(name)
        sheet.set_paper(9)  # A4
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&R&P / &N")
        return sheet

    def put(self, sheet: Any, row: int, column: int, value: object, **properties: Any) -> None:
        """Write a value, whatever it is: text is never a formula, what is missing is empty, infinity is a word."""
        if isinstance(value, bool | np.bool_):
            sheet.write_boolean(row, column, bool(value), self.look(**properties))
        elif isinstance(value, int | float | np.number) and math.isfinite(value):
            sheet.write_number(row, column, float(value), self.look(**properties))
        elif missing(value):
            if "bg_color" in properties:
                sheet.write_blank(row, column, None, self.look(**properties))
        else:
            words = text(value)
            if words[:1] in set("=+-@"):  # else it would become a formula as soon as somebody edits the cell
                properties = {**properties, "quote_prefix": True}
            sheet.write_string(row, column, _literal(words), self.look(**properties))

    def formula(self, sheet: Any, row: int, column: int, formula: str, value: object, **properties: Any) -> None:
        """Write a formula, and its result for readers that do not calculate."""
        result = "" if missing(value) else value if isinstance(value, str | bool) else float(value)  # type: ignore[arg-type]
        sheet.write_formula(row, column, formula, self.look(**properties), result)

    def table(
        self, name: str, frame: pd.DataFrame, units: Mapping[str, str], marked: Iterable[bool] | None = None
    ) -> None:
        """Add a sheet that holds a table: one header row, frozen, with filters.

        Parameters
        ----------
        name
            Name of the sheet; that of a table in small letters.
        frame
            The table.
        units
            What ``{currency}`` and ``{year}`` are.
        marked
            Rows to mark.
        """
        sheet = self.sheet(name)
        columns = [str(column) for column in frame.columns]
        marks = [False] * len(frame) if marked is None else list(marked)
        heights = [1] * (len(frame) + 1)
        for c, column in enumerate(columns):
            values = frame.iloc[:, c].tolist()
            cells = kinds(name.lower(), frame, column)
            shown = formats(cells, values)
            longest = widest(values, shown)
            wrapped = longest > WIDEST
            width = min(max(longest, min(len(column) + FILTER, WIDEST_HEADER)), WIDEST)
            numeric = any(shown)
            beside: dict[str, Any] = {"align": "right"} if numeric else {"align": "left", "indent": 1}
            for r, (value, number_format, mark) in enumerate(zip(values, shown, marks, strict=True), 1):
                look: dict[str, Any] = {"num_format": number_format} if number_format else beside
                if wrapped:
                    look = {**look, "text_wrap": True}
                    heights[r] = max(heights[r], wrapped_lines(str(value), width))
                if mark:
                    look = {**look, "bg_color": MARKED, "bold": not wrapped}
                self.put(sheet, r, c, value, valign="top", **look)
            sheet.set_column(c, c, width + 2)
            heights[0] = max(heights[0], math.ceil((len(column) + FILTER) / (width + 2)))
            self.put(sheet, 0, c, column, **beside, **HEADER)
            if numeric and len(set(cells)) == 1 and cells[0].unit:
                sheet.write_comment(0, c, cells[0].unit.format(**units), {"y_scale": 0.4, "author": ""})
        for r, lines in enumerate(heights):
            if lines > 1:
                sheet.set_row(r, LINE * min(lines, MOST_LINES))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(frame), len(columns) - 1)
        sheet.repeat_rows(0)

    def bytes(self) -> bytes:
        """Finish the workbook."""
        self.file.close()
        return self._bytes.getvalue()


def text(value: object) -> str:
    """Text as a cell can hold it."""
    infinite = isinstance(value, float) and math.isinf(value)
    words = number(value) if infinite else UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"


def missing(value: object) -> bool:
    """Whether a cell of a table is empty."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or value is pd.NA or value is pd.NaT or value == ""


def wrapped_lines(words: str, width: float) -> int:
    """Lines that a text takes in a column so many digits wide: about a tenth more characters fit."""
    room = max(int(1.1 * width), 1)
    return sum(max(1, len(textwrap.wrap(line, room))) for line in words.splitlines() or [""])


def widest(values: Iterable[object], shown: Iterable[str]) -> int:
    """Characters of the longest cell of a column, with these number formats."""
    longest = 0
    for value, number_format in zip(values, shown, strict=True):
        if number_format:
            longest = max(longest, len(_printed(float(value), number_format)))  # type: ignore[arg-type]
        elif not missing(value):
            longest = max(longest, *map(len, str(value).splitlines() or [""]))
    return longest


def _printed(value: float, number_format: str) -> str:
    """A number about as a spreadsheet prints it."""
    places = len(number_format.rstrip("%").partition(".")[2])
    if "E" in number_format:
        return f"{value:.3E}"
    if number_format.endswith("%"):
        return f"{100 * value:,.{places}f}%"
    return f"{value:{',' if ',' in number_format else ''}.{places}f}"


def _literal(words: str) -> str:
    """Text that XlsxWriter does not take for markup of its own."""
    if words.startswith("<r>") and words.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(words)}</t></r>'
    return words
