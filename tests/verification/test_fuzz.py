"""Scenarios that nobody should write: each is refused with a message, or runs and gives numbers.

The examples are the same every time. One that fails says which file does it, and can be had alone by its name:
``pytest -m verification "tests/verification/test_fuzz.py::test_twisted[small-17]"``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from fuzz import inputs
from fuzz.attempt import attempt
from fuzz.command import command
from fuzz.examples import TREES, examples, garbled, tried, twisted
from fuzz.garbled import SMALL, texts

pytestmark = pytest.mark.verification

REPORTED = 40
"""Of so many examples of a small scenario, one has its tables and its page written."""

GARBLED = {name: 120 if name in ("small", "starter") else 60 for name in texts()}
TWISTED = {"cohort": 250, "service": 250, "small": 250, "starter": 100, "senza_rct": 100, "decision_uk": 20}


@examples(GARBLED)
def test_garbled(name: str, number: int, tmp_path: Path) -> None:
    """A file with lines, words and bytes out of place."""
    tried(garbled(name, number, tmp_path), number, analyses=False)


@examples({name: TWISTED.get(name, 50) for name in TREES})
def test_twisted(name: str, number: int, tmp_path: Path) -> None:
    """A scenario with branches of its data replaced, moved, doubled and removed."""
    report = number % REPORTED == 1 and TWISTED.get(name, 0) > REPORTED
    tried(twisted(name, number, tmp_path), number, report=report)


@examples(dict.fromkeys(texts(), 5))
def test_garbled_on_the_command_line(name: str, number: int, tmp_path: Path) -> None:
    """The same mistakes give the exit code 2, and a message that says where."""
    path = garbled(name, number, tmp_path)
    ended = command("validate", str(path))
    if ended.code:
        assert ended.err.startswith("Error: ")
        assert ".yaml" in ended.err
        assert command("run", str(path), "--patients", "3", "--out", str(tmp_path / "out")) == ended
        assert not (tmp_path / "out").exists()
    else:
        table = command("parameters", str(path))
        (tmp_path / "table.csv").write_text(table.out)
        same = command("diff", str(path), "--parameters", str(tmp_path / "table.csv"))
        assert (table.code, same.code) == (0, 0) and "no difference" in same.out.lower(), same.out


def thorough(count: int) -> Callable[[Any], Any]:
    """So many examples, the same every time."""
    return settings(max_examples=count, derandomize=True, deadline=None, database=None)


@thorough(150)
@given(texts=inputs.overrides())
def test_overrides(texts: list[str]) -> None:
    attempt(SMALL, texts, engines=["cohort"])


@thorough(150)
@given(table=inputs.tables)
def test_tables_of_inputs(table: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "inputs.csv"
        path.write_bytes(table)
        attempt(SMALL, parameters=path, draws=2, engines=["cohort"])


@thorough(150)
@given(table=inputs.patients)
def test_tables_of_patients(table: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "patients.csv"
        path.write_bytes(table)
        attempt(SMALL, {"population.file": str(path)})


@thorough(50)
@given(frame=inputs.frames)
def test_tables_of_patients_in_parquet(frame: dict[str, list[Any]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "patients.parquet"
        pd.DataFrame(frame).to_parquet(path)
        attempt(SMALL, {"population.file": str(path)})


@thorough(100)
@given(files=inputs.decisions, options=inputs.options)
def test_decisions(files: dict[str, bytes], options: dict[str, str]) -> None:
    """Costs and effects of another model; a number too many is told as well."""
    with TemporaryDirectory() as folder:
        arguments = ["cea", "--out", f"{folder}/out"]
        for name, data in files.items():
            Path(folder, f"{name}.csv").write_bytes(data)
            if name != "parameters" or "--evppi" in options:
                arguments += [f"--{name}", f"{folder}/{name}.csv"]
        command(*arguments, *(f"{name}={value}" for name, value in options.items()))
