"""Examples by name and number: the same every time, each to be had alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz.attempt import attempt
from fuzz.garbled import SMALL, STARTER, garble, texts
from fuzz.twisted import tree, twist, written
from fuzz.whole import cohort, service
from scssim.scenario.merge import shipped

TREES: dict[str, Callable[[], dict[str, Any]]] = {
    "cohort": cohort,
    "service": service,
    "small": lambda: tree(SMALL),
    "starter": lambda: tree(STARTER),
    **{name: lambda path=path: tree(path) for name, path in shipped().items()},  # type: ignore[misc]
}
"""Merged data to be twisted, by name."""


def examples(counts: dict[str, int]) -> pytest.MarkDecorator:
    """Parametrise a test by ``name`` and ``number``: so many examples of each name."""
    every = [(name, number) for name, count in counts.items() for number in range(count)]
    return pytest.mark.parametrize(("name", "number"), every, ids=[f"{name}-{number}" for name, number in every])


def garbled(name: str, number: int, folder: Path) -> Path:
    """Write the text of a file, garbled; a fragment with a scenario that extends it."""
    data = garble(texts()[name], Random(f"garbled {name} {number}"))
    path = folder / f"{Path(name).name}-{number}.yaml"
    path.write_bytes(data)
    if not name.startswith("library/"):
        return path
    scenario = folder / "extended.yaml"
    scenario.write_text(f"extends: [back_leg_uk, {path.name}]\nsettings: {{visit_months: [12]}}\n")
    return scenario


def twisted(name: str, number: int, folder: Path) -> Path:
    """Write the merged data of a scenario, twisted."""
    path = folder / f"{name}-{number}.yaml"
    path.write_text(written(twist(_tree(name), Random(f"twisted {name} {number}"))))
    return path


@cache
def _tree(name: str) -> dict[str, Any]:
    return TREES[name]()


def tried(path: Path, number: int, analyses: bool = True, report: bool = False) -> str:
    """Try an example out, every other one with draws; an error says which file does it."""
    out = path.parent / "out" if report else None
    try:
        return attempt(path, draws=2 * (number % 2), analyses=analyses, out=out)
    except Exception as error:
        error.add_note(f"the scenario: {path}")
        raise
