"""Conditions that cannot be read."""

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
