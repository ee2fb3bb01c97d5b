"""Conditions on patients: a small safe language, parsed and never evaluated as code.

Grammar: comparisons (``== != < <= > >=``, chained), ``in`` and ``not in`` with a list
or a set name, ``and``, ``or``, ``not``, numbers, quoted strings, true and false,
and the names of patient attributes. Operates on whole NumPy arrays at once.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

MAX_LENGTH = 1000
LARGEST = 10**300
"""Largest whole number: larger ones are no floating-point numbers."""
_CONSTANTS = {"true": True, "false": False}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


class Expression:
    """A parsed condition.

    Attributes
    ----------
    text
        The condition as written.
    names
        Attributes it mentions.
    strings
        ``(name, value)`` of every string that an attribute is compared with.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"the condition is longer than {MAX_LENGTH} characters")
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"cannot read the condition {text!r}{_hint(text)}") from None
        self.names: set[str] = set()
        self.strings: set[tuple[str, str]] = set()
        self._check(self._tree, 0)

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > 20:
            raise ValueError("the condition is nested too deeply")
        match node:
            case ast.BoolOp(values=values):
                for value in values:
                    self._check(value, depth + 1)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                self._check(operand, depth + 1)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                items = [left, *comparators]
                last = ops[-1] if isinstance(ops[-1], (ast.In, ast.NotIn)) else None
                for item in items:
                    if item is items[-1] and last is not None and isinstance(item, (ast.List, ast.Tuple)):
                        if not all(isinstance(element, ast.Constant) for element in item.elts):
                            raise ValueError("a list may hold numbers and strings only")
                    else:
                        self._check(item, depth + 1)
                if any(isinstance(op, (ast.Is, ast.IsNot)) for op in ops):
                    raise ValueError("use == and != in place of `is`")
                for a, b in pairwise(items):
                    for name, other in ((a, b), (b, a)):
                        if isinstance(name, ast.Name):
                            self.strings |= {(name.id, s) for s in _strings(other)}
            case ast.List() | ast.Tuple():
                raise ValueError(f"the list {_written(node)} may stand at the end, after `in`, only")
            case ast.Name(id=name):
                if name not in _CONSTANTS:
                    self.names.add(name)
            case ast.Constant(value=value) if isinstance(value, (bool, int, float, str)):
                if isinstance(value, int) and abs(value) > LARGEST:
                    raise ValueError("a number of the condition is too large to compute with")
            case _:
                raise ValueError(f"{_written(node)!r} is not allowed in a condition")

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Value for every patient.

        Parameters
        ----------
        values
            Arrays (n,) by attribute name; for sets (``tried``, ``responded``) a mapping from
            the member's name to a boolean array.

        Returns
        -------
        ndarray or scalar
            Boolean for conditions, numeric for a bare attribute.
        """
        return self._value(self._tree, values)

    def _value(self, node: ast.expr, values: Mapping[str, Any]) -> Any:
        match node:
            case ast.BoolOp(op=junction, values=parts):
                combine = np.logical_and if isinstance(junction, ast.And) else np.logical_or
                result = self._value(parts[0], values)
                for part in parts[1:]:
                    result = combine(result, self._value(part, values))
                return result
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self._value(operand, values))
            case ast.UnaryOp(operand=operand):
                return -self._value(operand, values)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                result = None
                items = [left, *comparators]
                for a, op, b in zip(items, ops, items[1:], strict=False):
                    part = self._compare(a, op, b, values)
                    result = part if result is None else np.logical_and(result, part)
                return result
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [e.value for e in elements if isinstance(e, ast.Constant)]
            case ast.Name(id=name):
                return _CONSTANTS[name] if name in _CONSTANTS else values[name]
            case ast.Constant(value=value):
                return value
        raise AssertionError(node)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr, values: Mapping[str, Any]) -> Any:
        a, b = self._value(left, values), self._value(right, values)
        if isinstance(op, (ast.In, ast.NotIn)):
            if isinstance(b, Mapping):
                found = b.get(a, np.False_)
            else:
                found = np.False_
                for item in b if isinstance(b, list) else [b]:
                    found = np.logical_or(found, a == item)
            return np.logical_not(found) if isinstance(op, ast.NotIn) else found
        return _COMPARE[type(op)](a, b)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def _hint(text: str) -> str:
    """What was probably meant."""
    for pattern, hint in (
        (r"[≤≥≠]", "write <=, >= and !="),
        (r"(?<![=<>!])=(?!=)", "equality is =="),
        (r"[&|]|!(?!=)", "write and, or, not"),
        (r"\b(AND|OR|NOT|IN)\b", "write and, or, not, in with small letters"),
    ):
        if re.search(pattern, text):
            return f": {hint}"
    return ""


def _written(node: ast.expr) -> str:
    """A part of a condition as text."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return "..."


def _strings(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, (ast.List, ast.Tuple)):
        return {e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)}
    return set()


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Parse a condition, or raise ``ValueError`` that says what is not allowed."""
    return Expression(text)
