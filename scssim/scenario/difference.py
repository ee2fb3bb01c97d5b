"""What differs between two scenarios, by what they say rather than by how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

import pandas as pd
from pydantic import BaseModel

from scssim.scenario import numbers
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Continuous, Scenario, Step, Strategy
from scssim.scenario.shape import keys_of
from scssim.scenario.times import Hazard

COLUMNS = ("path", "a", "b", "what")
ONLY_A, ONLY_B, ORDER = "only in A", "only in B", "order"
SAID = ("source", "grade", "note")
LONGEST = 90
DIGITS = 7
ORDERED = ("strategies", "utilities.sources")
"""Mappings whose first entry is special."""

Unit = Quantity | Continuous
"""What is compared as a whole."""


def difference(a: Scenario, b: Scenario) -> pd.DataFrame:
    """Compare two scenarios.

    A number with its uncertainty and source is one thing, and so are the steps of a strategy. What one scenario leaves
    to its default and the other states as that is no difference, and neither is another way of writing a number.

    Parameters
    ----------
    a, b
        The scenarios.

    Returns
    -------
    DataFrame
        One row per difference, in the order of the schema: ``path`` (dotted); ``a`` and ``b``, what each says there
        (empty where it says nothing); ``what``: ``only in A``, ``only in B``, ``order``, or what of it changed
        (``value``, ``source``, ``grade``, ``note``, joined by commas).
    """
    return pd.DataFrame(list(_differ(a, b, "")), columns=list(COLUMNS))


def _differ(a: Any, b: Any, path: str) -> Iterator[tuple[str, str, str, str]]:
    if a is None or b is None:
        if a is not b:
            yield path, "" if a is None else said(a), "" if b is None else said(b), ONLY_B if a is None else ONLY_A
    elif isinstance(a, Unit) and isinstance(b, Unit):
        yield from _numbers(a, b, path)
    elif isinstance(a, BaseModel) and type(a) is type(b):
        for key, name in keys_of(type(a)).items():
            yield from _differ(getattr(a, name), getattr(b, name), _join(path, key))
    elif isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differ(a.get(key), b.get(key), _join(path, key))
        orders = [[key for key in one if key in other] for one, other in ((a, b), (b, a))]
        if path in ORDERED and orders[0] != orders[1]:
            yield path, ", ".join(orders[0]), ", ".join(orders[1]), ORDER
    elif _are_blocks(a) and _are_blocks(b) and not isinstance(a[0], Step):
        yield from _lists(a, b, path)
    elif not _equal(a, b):
        yield path, said(a), said(b), "value"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _are_blocks(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)


def _equal(a: Any, b: Any) -> bool:
    """Whether two values say the same, however their numbers are written."""
    if isinstance(a, Unit) and isinstance(b, Unit):
        return not list(_numbers(a, b, ""))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, BaseModel) and type(a) is type(b):
        return all(_equal(getattr(a, name), getattr(b, name)) for name in type(a).model_fields)
    return bool(a == b)


def _lists(a: tuple[Any, ...], b: tuple[Any, ...], path: str) -> Iterator[tuple[str, str, str, str]]:
    """Lists of blocks: what was inserted or removed leaves the others alone."""
    # Compared by numbers: blocks cannot be hashed.
    distinct: list[Any] = []
    for item in (*a, *b):
        if not any(_equal(item, other) for other in distinct):
            distinct.append(item)
    old, new = ([next(i for i, x in enumerate(distinct) if _equal(x, item)) for item in items] for items in (a, b))
    for kind, i, j, k, m in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for x, y in zip_longest(range(i, j), range(k, m)):
            here = _join(path, x if x is not None else y)
            yield from _differ(None if x is None else a[x], None if y is None else b[y], here)


# ------------------------------------------------------------------- numbers


def _numbers(a: Unit, b: Unit, path: str) -> Iterator[tuple[str, str, str, str]]:
    changed = [] if _same_value(a, b) else ["value"]
    changed += [key for key in SAID if getattr(a, key) != getattr(b, key)]
    if changed:
        yield path, _told(a, b, changed), _told(b, a, changed), ", ".join(changed)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        yield from _differ(a.times, b.times, _join(path, "times"))


def _same_value(a: Unit, b: Unit) -> bool:
    if isinstance(a, Quantity) and isinstance(b, Quantity) and a.ref is None and b.ref is None:
        p, q = a.distribution, b.distribution
        assert p is not None and q is not None
        ends = zip((p.mean, *(a.interval or ())), (q.mean, *(b.interval or ())), strict=True)
        same = p.family == q.family and all(math.isclose(x, y, rel_tol=1e-9) for x, y in ends)
        return same and _rest(a, {*Quantity.model_fields}) == _rest(b, {*Quantity.model_fields})
    return type(a) is type(b) and _rest(a, {*SAID, "times"}) == _rest(b, {*SAID, "times"})


def _rest(node: BaseModel, without: set[str]) -> dict[str, Any]:
    return node.model_dump(exclude=without)


def _told(node: Unit, other: Unit, changed: list[str]) -> str:
    """What of a number is told when it changed: its value, its source and grade; its note if nothing else changed."""
    text, rival = said(node), said(other)
    if "value" in changed and text == rival:
        text, rival = numbers.value_text(node, 15), numbers.value_text(other, 15)
    if "value" in changed and text == rival:  # Of a cost, its price year or who bears it.
        text += f" {said(node.model_dump(exclude={*Quantity.model_fields}, exclude_none=True))}"
    words = [str(getattr(node, key)) for key in ("source", "grade") if key in changed and getattr(node, key)]
    if changed == ["note"]:
        return _short(node.note or "no note")
    if "value" in changed and words:
        return f"{text}; {', '.join(words)}"
    return text if "value" in changed else ", ".join(words) or f"no {' or '.join(changed)}"


# ------------------------------------------------------------- readable texts


def said(value: Any) -> str:
    """What a value says, in one short line."""
    if isinstance(value, Unit):
        return numbers.value_text(value, DIGITS)
    if isinstance(value, Strategy):
        return said(value.steps)
    if isinstance(value, Step):
        return value.therapy + _condition(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Step):
        return " > ".join(map(said, value))
    if isinstance(value, tuple) and value and isinstance(value[0], Hazard):
        return ", then ".join(
            said(piece.rate) + ("" if piece.until_years is None else f" until {piece.until_years:g} years")
            for piece in value
        )
    return _short(_written(value))


def _written(value: Any) -> str:
    """Blocks and lists in the style of YAML, without sources."""
    if isinstance(value, Unit):
        return said(value)
    if isinstance(value, BaseModel):
        keys = keys_of(type(value)).items()
        fields = {key: getattr(value, name) for key, name in keys if name in value.model_fields_set}
        return _written({key: field for key, field in fields.items() if field is not None and key not in SAID})
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float | int) else str(value)


def _condition(step: Step) -> str:
    acceptance = said(step.acceptance)
    parts = [f"if {step.if_}"] if step.if_ is not None else []
    parts += [f"acceptance {acceptance}"] if acceptance != "1" else []
    return f" ({', '.join(parts)})" if parts else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
