"""Reading YAML 1.2 files as data that knows where it was written.

Scalars follow the core schema of YAML 1.2: ``yes``, ``no``, ``on`` and ``off`` are strings.
Nothing is ever constructed or executed: a tag is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scssim.errors import Problem, ScenarioError
from scssim.reading import read_bytes

try:  # The C parser is ten times faster; the pure one gives the same events.
    from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:
    CParser = None

MAX_BYTES = 5_000_000
"""Largest file."""
MAX_DEPTH = 50
"""Deepest nesting, through aliases too."""
MAX_NODES = 100_000
"""Most values in a file, counting each use of an alias in full."""
MAX_KEY = 1_000
"""Longest key (characters); conditions may be keys."""

UNFIT = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no text may have: YAML does not permit them, and pages and figures (XML) cannot hold them."""

Scalar = str | int | float | bool | None
PathTuple = tuple[str | int, ...]

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN = frozenset((".nan", ".NaN", ".NAN"))


@dataclass(slots=True)
class Node:
    """A value and where it was written.

    Attributes
    ----------
    value
        A scalar, a dict of nodes by key, or a list of nodes.
    file
        File name, or the name of an override.
    line, column
        Place of the value, from 1; 0 when there is none (overrides).
    key_line, key_column
        Place of the key that holds it; 0 when there is none.
    blank
        Whether nothing was written there: null, but hardly meant.
    """

    value: Any
    file: str
    line: int = 0
    column: int = 0
    key_line: int = 0
    key_column: int = 0
    blank: bool = False

    @property
    def at_value(self) -> str:
        """``file:line:column`` of the value."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def at_key(self) -> str:
        """``file:line:column`` of the key; of the value when it has none."""
        return f"{self.file}:{self.key_line}:{self.key_column}" if self.key_line else self.at_value

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        value = self.value
        if isinstance(value, dict):
            return {key: child.plain() for key, child in value.items()}
        if isinstance(value, list):
            return [child.plain() for child in value]
        return value

    def find(self, path: Sequence[str | int]) -> tuple[Node, int]:
        """Deepest node on a path, and how many of its steps exist."""
        node = self
        for depth, step in enumerate(path):
            value = node.value
            if isinstance(value, list):
                value = dict(enumerate(value))
            if not isinstance(value, dict) or step not in value:
                return node, depth
            node = value[step]
        return node, len(path)


def read_yaml(path: Path, name: str | None = None, pipe: bool = False) -> Node:
    """Read a YAML file whose top level is a mapping.

    Parameters
    ----------
    path
        The file.
    name
        How messages call it; by default the path as given.
    pipe
        Whether it may be a pipe.

    Returns
    -------
    Node
        The mapping at the top.

    Raises
    ------
    ScenarioError
        If the file cannot be read, is not UTF-8, is too large, or is not a YAML mapping.
    """
    name = str(path) if name is None else name
    node = parse_yaml(_read_text(path, name, pipe), name)
    if not isinstance(node.value, dict):
        what = "the file is empty" if node.value is None else f"the file holds {describe(node.value)}"
        raise ScenarioError(Problem(node.at_value, "", what, "a mapping of keys such as `title:`"))
    return node


def parse_yaml(text: str, name: str) -> Node:
    """Parse a YAML text into nodes.

    Raises
    ------
    ScenarioError
        On a syntax error, a character that is not permitted, a duplicate key, a tag, a second document, or beyond the
        limits.
    """
    if match := UNFIT.search(text):
        line, column = text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
        raise ScenarioError(Problem(f"{name}:{line}:{column}", "", unfit(match[0]), "text without it"))
    try:
        return _Builder(name).build(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        context = getattr(error, "context", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        allowed = ""
        if "tab" in what or "'\\t'" in what or (mark is not None and _tab_in_indent(text, mark.line)):
            what, allowed = "a tab is used for indentation", "indent with spaces"
        elif context:
            what = f"{what} {context}" if context.startswith("while") else f"{what} ({context})"
        raise ScenarioError(Problem(where, "", f"not valid YAML: {what}", allowed)) from None
    except RecursionError:
        raise ScenarioError(Problem(name, "", f"nested deeper than {MAX_DEPTH} levels")) from None


def describe(value: Any) -> str:
    """Say in words what kind of value something is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value:g}" if abs(value) < 1e300 else "a number that is too large"
    if isinstance(value, str):
        return f"the text {_short(value)!r}"
    return "a mapping" if isinstance(value, dict) else "a list"


def unfit(character: str) -> str:
    """Say that a character is one of `UNFIT`."""
    return f"the text has the character U+{ord(character):04X}, which cannot be shown"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _tab_in_indent(text: str, line: int) -> bool:
    lines = text.splitlines()
    return line < len(lines) and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]


def _read_text(path: Path, name: str, pipe: bool) -> str:
    try:
        data = read_bytes(path, MAX_BYTES, pipe)
    except FileNotFoundError:
        raise ScenarioError(Problem(name, "", "there is no such file")) from None
    except IsADirectoryError:
        raise ScenarioError(Problem(name, "", "this is a directory, not a file")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(Problem(name, "", f"the file cannot be read: {reason}")) from None
    if len(data) > MAX_BYTES:
        raise ScenarioError(Problem(name, "", f"the file is larger than {MAX_BYTES // 1_000_000} MB"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise ScenarioError(Problem(f"{name}:{line}:{column}", "", f"{byte} is not UTF-8", "save as UTF-8")) from None


def _events(text: str) -> Iterator[Any]:
    if CParser is None:
        yield from YAML(typ="safe", pure=True).parse(text)
        return
    parser = CParser(text)
    while parser.check_event():
        yield parser.get_event()


class _Builder:
    """Turns parser events into nodes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.count = 0
        self.deepest = 0

    def build(self, text: str) -> Node:
        self.events = _events(text)
        root: Node | None = None
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise self._error(event, "the file holds a second document", "one document")
                root = self._node(next(self.events), 0)
        return root if root is not None else Node(None, self.name, 1, 1)

    def _node(self, event: Any, depth: int) -> Node:
        self._deepen(event, depth)
        kind = type(event).__name__
        mark = event.start_mark
        if kind == "AliasEvent":
            return self._alias(event, depth)
        if event.tag is not None:
            raise self._error(event, f"the tag {event.tag!r} is not allowed", "plain values without tags")
        anchor, start, deepest = event.anchor, self.count, self.deepest
        self.count += 1
        self.deepest = depth
        node = Node(None, self.name, mark.line + 1, mark.column + 1)
        if kind == "ScalarEvent":
            node.value = _resolve(event.value) if event.implicit[0] else event.value
            node.blank = not event.value and event.implicit[0]
        elif kind == "SequenceStartEvent":
            node.value = items = []
            while type(event := next(self.events)).__name__ != "SequenceEndEvent":
                items.append(self._node(event, depth + 1))
        else:
            node.value = self._mapping(depth)
        if self.count > MAX_NODES:
            raise self._error(event, f"the file holds more than {MAX_NODES} values")
        if anchor is not None:
            self.anchors[anchor] = node, self.count - start, self.deepest - depth
        self.deepest = max(self.deepest, deepest)
        return node

    def _mapping(self, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent" or event.tag is not None:
                raise self._error(event, "a key must be a plain word", "`key: value`")
            key, mark = event.value, event.start_mark
            if key == "<<" and event.implicit[0]:
                raise self._error(event, "merge keys (`<<`) are not part of YAML 1.2", "`extends:`, or an alias alone")
            if len(key) > MAX_KEY:
                raise self._error(event, f"the key is longer than {MAX_KEY} characters")
            if match := UNFIT.search(key) or re.search(r"[\t\r\n]", key):
                what = unfit(match[0]) if UNFIT.match(match[0]) else "the key has a line break or a tab"
                raise self._error(event, what, "a key in one line")
            if key in children:
                first = children[key]
                place = f"line {first.key_line}, column {first.key_column}"
                what = f"the key `{_short(key)}` is given twice, first at {place}"
                raise self._error(event, what, "keep one of the two")
            child = self._node(next(self.events), depth + 1)
            child.key_line, child.key_column = mark.line + 1, mark.column + 1
            children[key] = child
            if event.anchor is not None:
                self.anchors[event.anchor] = Node(key, self.name, mark.line + 1, mark.column + 1), 1, 0
        return children

    def _deepen(self, event: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        self.deepest = max(self.deepest, depth)

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self.anchors:
            raise self._error(event, f"the alias `*{event.anchor}` names no anchor before it")
        target, size, height = self.anchors[event.anchor]
        self._deepen(event, depth + height)
        self.count += size
        if self.count > MAX_NODES:
            raise self._error(event, f"the aliases expand to more than {MAX_NODES} values")
        return replace(target)

    def _error(self, event: Any, what: str, allowed: str = "") -> ScenarioError:
        mark = event.start_mark
        return ScenarioError(Problem(f"{self.name}:{mark.line + 1}:{mark.column + 1}", "", what, allowed))


def _resolve(text: str) -> Scalar:
    """Resolve a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 19 else float(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        number = int(text, 0)
        return number if number < 2**63 else math.inf
    if match := _INFINITE.fullmatch(text):
        return float(f"{match[1]}inf")
    return float("nan") if text in _NAN else text
