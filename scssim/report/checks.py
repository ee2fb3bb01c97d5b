"""The catalogue of checks of the program, and the record of when they were last run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from scssim.build import PACKAGE, RECORD
from scssim.scenario.yamlfile import read_yaml

CATALOGUE = Path(__file__).with_name("checks.yaml")


@dataclass(frozen=True)
class Check:
    """Something about the program that some tests show.

    Attributes
    ----------
    id
        Its name in the record.
    stage
        Stage of TECH-VER, as a key of the catalogue's stages.
    part
        Question of AdViSHE.
    what
        What was checked, in a sentence.
    tests
        Files, or node ids of pytest, that make it up.
    """

    id: str
    stage: str
    part: str
    what: str
    tests: tuple[str, ...]

    def has(self, node: str) -> bool:
        """Whether a test (node id) belongs to it."""
        return any(node == test or node.startswith((f"{test}::", f"{test}[")) for test in self.tests)


@dataclass(frozen=True)
class Question:
    """A question of AdViSHE; `done` and `note` answer it where neither tests nor a run can."""

    what: str
    done: str = ""
    note: str = ""


@dataclass(frozen=True)
class Catalogue:
    """What is checked.

    Attributes
    ----------
    stages
        Names of the stages, by key.
    questions
        Questions of AdViSHE, by id.
    checks
        The checks, in order.
    """

    stages: dict[str, str]
    questions: dict[str, Question]
    checks: tuple[Check, ...]

    @property
    def tests(self) -> list[str]:
        """Every test, once."""
        return list(dict.fromkeys(test for check in self.checks for test in check.tests))


@dataclass(frozen=True)
class Tally:
    """How many tests of a check came out how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Record:
    """When, where and with what the checks were run.

    Attributes
    ----------
    scssim, date, python, packages
        Version of the program, day (UTC), versions of Python and of packages.
    checks
        What came out, by id of the check.
    code
        Hash of all files.
    files
        Hash of each file (see `sources.hashes`).
    """

    scssim: str
    date: str
    python: str
    packages: dict[str, str]
    checks: dict[str, Tally]
    code: str
    files: dict[str, str]


@lru_cache
def catalogue() -> Catalogue:
    """The catalogue that comes with the program."""
    data = read_yaml(CATALOGUE, CATALOGUE.name).plain()
    return Catalogue(
        dict(data["stages"]),
        {key: Question(**one) for key, one in data["questions"].items()},
        tuple(Check(**{**one, "tests": tuple(one["tests"])}) for one in data["checks"]),
    )


def read_record(path: Path = PACKAGE / RECORD) -> Record | None:
    """The record that comes with the program; None if there is none that can be read."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        checks = {str(name): Tally(**one) for name, one in data.pop("checks").items()}
        return Record(**data, checks=checks)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
