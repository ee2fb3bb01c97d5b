"""A hundred scenarios that nobody should write; `tests/verification/test_fuzz.py` has thousands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.examples import garbled, tried, twisted
from fuzz.twisted import written
from fuzz.whole import Data, cohort, service

FIRST = 1000
"""Number of the first example: those of the verification come before."""


@pytest.mark.parametrize("name", ["small", "starter"])
def test_garbled_files(name: str, tmp_path: Path) -> None:
    for number in range(FIRST, FIRST + 25):
        tried(garbled(name, number, tmp_path), number)


def test_twisted_scenarios(tmp_path: Path) -> None:
    """Some are refused and some run, so that both ways are tried."""
    found = Counter(tried(twisted("small", number, tmp_path), number) for number in range(FIRST, FIRST + 50))
    assert found["refused"] > 5 and found["ran"] > 5, found


@pytest.mark.parametrize("whole", [cohort, service])
def test_what_is_not_twisted_runs(whole: Callable[[], Data], tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text(written(whole()))
    assert tried(path, 1) == "ran"
