"""Conditions that cannot be read, or not be meant."""

from __future__ import annotations

import pytest

from scssim.scenario.expressions import parse


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("age = 65", "equality is =="),
        ("age ≥ 65", "write <=, >= and !="),
        ("age > 65 AND female", "and, or, not, in with small letters"),
        ("age > 65 && female", "write and, or, not"),
        ("age > 65 years", "condition 'age > 65 years'"),
    ],
)
def test_what_was_probably_meant(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="cannot read the condition") as told:
        parse(text)
    assert str(told.value).endswith(hint)


@pytest.mark.parametrize("text", ["[]", "(1, 2) > age", "age == [1]", "age in (1, 2) > 0", "[1] in [1, 2]"])
def test_lists_stand_after_in_alone(text: str) -> None:
    with pytest.raises(ValueError, match=r"may stand at the end, after `in`, only"):
        parse(text)


def test_a_list_holds_constants() -> None:
    parse("1 < age in (1, 2)")
    with pytest.raises(ValueError, match="numbers and strings only"):
        parse("age in (1, odi)")
