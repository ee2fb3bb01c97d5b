"""What an edited table of inputs changes in its scenario.

A row that says what the scenario says changes nothing. Any other row states its number anew, as it stands in the row:
``value`` with the interval ``low`` to ``high`` and the family ``distribution``, and ``source``, ``grade`` and ``note``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from scssim.errors import Problem, ScenarioError
from scssim.scenario.inputs import COLUMNS, SHAPE, inputs
from scssim.scenario.interval import from_interval
from scssim.scenario.names import did_you_mean
from scssim.scenario.quantity import Family
from scssim.scenario.schema import Continuous, Scenario
from scssim.scenario.spreadsheet import Cell, Row, read_rows
from scssim.scenario.walk import attributes, walk
from scssim.scenario.yamlfile import Node

NUMERIC = ("value", "low", "high")
WORDS = ("source", "grade", "note")
FAMILIES: tuple[str, ...] = get_args(Family)
BETWEEN_FAMILIES: tuple[str, ...] = get_args(Continuous.model_fields["distribution"].annotation)
BETWEEN = " between patients"
FIXED = "fixed"
AS = "as "
MOST_PROBLEMS = 20


@dataclass
class Edits:
    """What a table changes.

    Attributes
    ----------
    overrides
        Values by dotted path, each with the place in the table that says so.
    doubts
        What deserves a second look.
    """

    overrides: dict[str, Node] = field(default_factory=dict)
    doubts: list[Problem] = field(default_factory=list)


def edits(scenario: Scenario, table: str | Path | pd.DataFrame) -> Edits:
    """Find what a table of inputs changes.

    Parameters
    ----------
    scenario
        The scenario as it is.
    table
        The table of its inputs, edited: a CSV file or a data frame. Rows and columns may be missing, but for ``path``.

    Raises
    ------
    ScenarioError
        If the table cannot be read, or rows make no sense (the first 20 are told).
    """
    rows = read_rows(table, COLUMNS, NUMERIC)
    reader = _Reader(scenario)
    problems: list[Problem] = []
    seen: dict[str, Row] = {}
    for row in rows:
        path = row.cells["path"].text
        try:
            if path in seen:
                what = f"the path is there twice, first in line {seen[path].line}"
                raise ScenarioError(Problem(row.where, path, what, "one row"))
            seen[path] = row
            reader.read(path, row)
        except ScenarioError as error:
            problems.extend(error.problems)
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], Problem(str(table), "", "and further rows", "mend these first")]
    if problems:
        raise ScenarioError(problems)
    return reader.found


def _wrong(cell: Cell, path: str, what: str, allowed: str) -> ScenarioError:
    return ScenarioError(Problem(cell.where, path, what, allowed))


class _Reader:
    """Turns rows into overrides."""

    def __init__(self, scenario: Scenario) -> None:
        self.now: dict[str, dict[Any, Any]] = {row["path"]: row for row in inputs(scenario).to_dict("records")}
        self.quantities = dict(walk(scenario))
        self.attributes = attributes(scenario)
        for path in self.attributes:
            # Bounds and the like may be added to an attribute that is stated without them.
            stated = [self.now[f"{path}.{key}"] for key in SHAPE if f"{path}.{key}" in self.now]
            if stated:
                self.now = {f"{path}.{key}": {**stated[0], "value": math.nan} for key in SHAPE} | self.now
        self.found = Edits()

    def read(self, path: str, row: Row) -> None:
        """Add what a row changes."""
        if path not in self.now:
            what = "there is no such number" if path else "the path is missing"
            raise _wrong(row.cells["path"], path, what, did_you_mean(path, self.now))
        now = self.now[path]
        changed = {key: cell for key, cell in row.cells.items() if key != "path" and not _says(cell, key, now[key])}
        if not changed:
            return
        block, _, key = path.rpartition(".")
        if path in self.quantities:
            self._quantity(path, now, changed, row)
        elif block in self.attributes:
            self._attribute(block, key, changed)
        else:
            self._plain(path, changed)

    # ------------------------------------------------------- uncertain numbers

    def _quantity(self, path: str, now: dict[Any, Any], changed: dict[str, Cell], row: Row) -> None:
        quantity = self.quantities[path]
        own = {key: getattr(quantity, key) for key in WORDS}
        words = {}
        for key in WORDS:
            if key in changed:
                if not changed[key].text and own[key] is None:
                    raise _wrong(changed[key], path, f"the {key} is that of its block", "another one, or that one")
                words[key] = Node(changed[key].text or None, changed[key].where)
        if changed.keys() <= set(WORDS):
            self.found.overrides |= {f"{path}.{key}": node for key, node in words.items()}
            return
        stated = self._statement(path, now, changed)
        if "ref" in stated and quantity.ref is not None:
            # A ratio that goes with the reference has a row of its own, and stays.
            self.found.overrides |= {f"{path}.{key}": node for key, node in (stated | words).items()}
            return
        kept = {key: Node(text, row.where) for key, text in own.items() if text is not None and key not in changed}
        said = {key: node for key, node in words.items() if node.value is not None}
        columns = ", ".join(key for key in changed if key not in WORDS)
        self.found.overrides[path] = Node({**stated, **kept, **said}, f"{row.where} ({columns})")
        if not words and now["grade"] in ("published", "derived"):
            what = f"the number changed, but is still called {now['grade']} in {now['source'] or 'its source'}"
            self.found.doubts.append(Problem(row.where, path, what, "its own source, grade and note"))

    def _statement(self, path: str, now: dict[Any, Any], changed: dict[str, Cell]) -> dict[str, Node]:
        """The number, as a scenario states it."""
        quantity = self.quantities[path]
        cell = changed.get("distribution")
        family = cell.text.lower() if cell is not None else ""
        if cell is not None and family.startswith(AS):
            for key in NUMERIC:
                if key in changed and changed[key].text:
                    what = f"a number {cell.text} has no {key} of its own"
                    raise _wrong(changed[key], path, what, "empty the cell, or name a family under distribution")
            return {"ref": Node(cell.text[len(AS) :].strip(), cell.where)}
        if cell is not None and family and family not in FAMILIES:
            allowed = f"{did_you_mean(family, FAMILIES)}; or `as PATH`"
            raise _wrong(cell, path, f"{cell.text[:60]!r} is no distribution", allowed)
        value, low, high = (changed[k].number(path) if k in changed else _known(now[k]) for k in NUMERIC)
        first = next(iter(changed.values()))
        if value is None:
            allowed = "a number; to leave it as it is, delete the row or its changes"
            raise _wrong(changed.get("value", first), path, "the value is missing", allowed)
        number = Node(_whole(value), changed.get("value", first).where)
        if (low is None) != (high is None):
            key = "low" if low is None else "high"
            raise _wrong(changed.get(key, first), path, f"there is no {key}", "both ends, or none: a fixed number")
        if cell is not None and family == FIXED and any(k in changed and changed[k].text for k in ("low", "high")):
            raise _wrong(cell, path, "a fixed number has no low and high", "empty them, or name a family")
        if low is None or high is None:
            if cell is not None and family not in ("", FIXED):
                raise _wrong(cell, path, f"a {family} needs low and high", "the ends of the 95 % interval")
            return {"value": number}
        if family == FIXED and cell is not None:
            return {"value": number}
        if cell is None and quantity.uncertain:
            family = str(now["distribution"])
        try:
            stated = from_interval(type(quantity), family or quantity.family_default, value, low, high)
        except ValueError as error:
            at = changed.get("low", changed.get("high", first))
            raise _wrong(at, path, str(error), "low below value below high; or empty low and high: fixed") from None
        return {key: _node(item, first.where) for key, item in stated.items()}

    # ----------------------------------------------------------- other numbers

    def _attribute(self, block: str, key: str, changed: dict[str, Cell]) -> None:
        """Change one number of an attribute; its family and source are those of all its rows."""
        path = f"{block}.{key}"
        for end in ("low", "high"):
            if end in changed:
                allowed = f"leave it empty; the spread between patients is `{block}.sd`"
                raise _wrong(changed[end], path, f"an attribute of patients has no {end}", allowed)
        for column, cell in changed.items():
            if column == "value":
                self._put(path, _node(self._plain_value(path, cell), cell.where), cell)
            elif column == "distribution":
                text = " ".join(cell.text.lower().split()).removesuffix(BETWEEN)
                if text not in BETWEEN_FAMILIES:
                    what = f"{cell.text[:60]!r} is no distribution between patients"
                    raise _wrong(cell, path, what, did_you_mean(text, BETWEEN_FAMILIES))
                self._put(f"{block}.distribution", Node(text, cell.where), cell)
            else:
                self._put(f"{block}.{column}", Node(cell.text or None, cell.where), cell)

    def _put(self, path: str, node: Node, cell: Cell) -> None:
        before = self.found.overrides.get(path)
        if before is not None and before.value != node.value:
            allowed = "the same in every row of the attribute"
            raise _wrong(cell, path, f"{cell.text[:60]!r} here, {str(before.value)[:60]!r} in {before.file}", allowed)
        self.found.overrides[path] = node

    def _plain(self, path: str, changed: dict[str, Cell]) -> None:
        for column, cell in changed.items():
            if column in WORDS:
                allowed = "leave the cell as it was, and say it in the scenario, where the block stands"
                raise _wrong(cell, path, f"this number has no {column} of its own, only its block has", allowed)
            if column != "value":
                raise _wrong(cell, path, "this number cannot be uncertain", "no low and high; distribution: fixed")
        cell = changed["value"]
        self.found.overrides[path] = _node(self._plain_value(path, cell), cell.where)

    @staticmethod
    def _plain_value(path: str, cell: Cell) -> float:
        value = cell.number(path)
        if value is None:
            raise _wrong(cell, path, "the value is missing", "a number; to leave it as it is, delete the row")
        return value


def _says(cell: Cell, column: str, now: float | str) -> bool:
    if isinstance(now, str):
        if column == "distribution":
            cell, now = replace(cell, text=cell.text.lower()), now.lower()
        return cell.says_text(now)
    return cell.says(now)


def _known(number: float) -> float | None:
    """A number of the table as it is, None where it has none."""
    return number if number == number else None


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _node(value: Any, where: str) -> Node:
    if isinstance(value, list):
        return Node([_node(item, where) for item in value], where)
    return Node(_whole(value) if isinstance(value, float) else value, where)
