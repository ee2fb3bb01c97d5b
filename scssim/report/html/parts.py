"""What a page is made of: sections of paragraphs, tables, figures and lists of facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markdown_it import MarkdownIt

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
)  # a page asks nobody for anything
_SPANS = MarkdownIt("zero").enable("backticks")
_BOLD = ("\ue000", "\ue001")
"""Marks around bold words, from a private area of Unicode: words of a scenario cannot look like them by chance."""


def strong(words: str) -> str:
    """Words that stand out in a text that is no Markdown (`spans`)."""
    return f"{_BOLD[0]}{words}{_BOLD[1]}"


def spans(text: str) -> str:
    """A text as HTML: what is between backticks is code, `strong` words are bold, everything else stands as it is."""
    html = _SPANS.renderInline(" ".join(text.split()))
    return str(html).replace(_BOLD[0], "<strong>").replace(_BOLD[1], "</strong>")


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    text
        What it shows.
    sort
        What the table is sorted by, if not by the text.
    link
        Id of a place on the page.
    mark
        Class of a word that deserves a mark, such as ``assumed``.
    code
        Whether the text is a path or key.
    spans
        Whether what is between backticks is code.
    id
        Name that links can point to.
    """

    text: str
    sort: float | None = None
    link: str = ""
    mark: str = ""
    code: bool = False
    spans: bool = False
    id: str = ""

    @property
    def html(self) -> str:
        """The text as HTML (`spans`)."""
        return spans(self.text)


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, whether it holds numbers, and whether it needs room for sentences."""

    heading: str
    numeric: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes
    ----------
    caption, note
        What it shows; and units, what ± means.
    columns
        Its columns; the first names the rows.
    rows
        Its rows, a cell per column.
    data
        Name of the table of the run that has all of it; empty if there is none.
    search
        Whether it is long enough to be searched.
    """

    kind: ClassVar[str] = "grid"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    data: str = ""
    search: bool = False


@dataclass(frozen=True)
class Prose:
    """Paragraphs in Markdown (HTML in it is shown as it stands), or one of plain text (`spans`)."""

    kind: ClassVar[str] = "prose"
    text: str
    look: str = ""
    plain: bool = False

    @property
    def html(self) -> str:
        """The text as HTML."""
        if self.plain:
            return f"<p>{spans(self.text)}</p>"
        # Headings of the text go below those of the page.
        return re.sub(r"(</?h)([1-4])", lambda found: found[1] + str(int(found[2]) + 2), _MARKDOWN.render(self.text))


@dataclass(frozen=True)
class Points:
    """A list of plain texts (`spans`), with words before it."""

    kind: ClassVar[str] = "points"
    items: Sequence[str]
    head: str = ""
    look: str = ""

    @property
    def lines(self) -> list[str]:
        """The items as HTML."""
        return [spans(item) for item in self.items]


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and what is said of it."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    name
        Name of its file.
    svg
        The drawing, ready to stand in a page.
    caption
        What it shows, with its main numbers.
    data
        Names of the tables that it is drawn from.
    """

    kind: ClassVar[str] = "picture"
    name: str
    svg: str
    caption: str
    data: Sequence[str]


Block = Prose | Points | Grid | Facts | Picture


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; one without blocks is left out."""

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
