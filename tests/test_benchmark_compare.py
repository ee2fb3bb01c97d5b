"""`benchmarks/compare.py`: what is a regression, what is not, what is refused. Files are made up; nothing is timed."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "compare.py"

Make = Callable[..., str]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_compare", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a file of benchmarks: seconds by name, or (seconds, MB)."""

    def write(name: str, calibration: float = 0.01, wall: float = 1.0, **found: float | tuple[float, float]) -> str:
        benchmarks = []
        for key, value in found.items():
            seconds, *peak = value if isinstance(value, tuple) else (value,)
            extra = {"processor_seconds": seconds, "calibration_processor_seconds": calibration}
            extra |= {"calibration_seconds": 3 * calibration} | ({"peak_mb": peak[0]} if peak else {})
            stats = {"min": 0.001, "median": wall * seconds}
            benchmarks.append({"fullname": f"benchmarks/test_x.py::{key}", "stats": stats, "extra_info": extra})
        path = tmp_path / name
        path.write_text(json.dumps({"benchmarks": benchmarks}))
        return str(path)

    return write


@pytest.fixture
def call(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = script.main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def row(out: str, name: str, unit: str = " s ") -> str:
    return next(line for line in out.splitlines() if line.startswith(f"test_x.py::{name} ") and unit in line)


def test_the_same_is_fine(call: Any, make: Make) -> None:
    path = make("a.json", one=1.0, two=(2.0, 300.0))
    code, out, err = call(path, path)
    assert (code, err) == (0, "")
    assert row(out, "one").split()[1:] == ["1", "s", "1", "s", "1.000", "1.000", "same"]
    assert row(out, "two", " MB ").split()[1:] == ["300", "MB", "300", "MB", "1.000", "1.000", "same"]
    assert "Nothing is over the limit" in out and "Only in" not in out


def test_a_regression_is_told_by_name_and_an_improvement_is_none(call: Any, make: Make) -> None:
    before, after = make("a.json", slow=1.0, quick=1.0, same=1.0), make("b.json", slow=1.5, quick=0.5, same=1.1)
    code, out, _ = call(before, after)
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()[1:4]] == [f"test_x.py::{n}" for n in ("slow", "same", "quick")]
    assert [row(out, name).split()[-1] for name in ("slow", "same", "quick")] == ["WORSE", "same", "better"]
    assert out.splitlines()[-1].endswith(": test_x.py::slow (1.50 of the s)")
    assert call(before, after, "--limit", "1.6")[0] == 0
    assert call(after, before)[0] == 1


def test_a_slower_machine_is_no_regression_and_a_quicker_one_hides_none(call: Any, make: Make) -> None:
    before = make("a.json", one=1.0)
    code, out, _ = call(before, make("b.json", calibration=0.02, one=2.0))
    assert code == 0
    assert row(out, "one").split()[5:] == ["1.000", "2.000", "same"]
    code, out, _ = call(before, make("c.json", calibration=0.005, one=1.0))
    assert code == 1
    assert row(out, "one").split()[5:] == ["2.000", "1.000", "WORSE"]


def test_wall_time_is_compared_on_request(call: Any, make: Make, tmp_path: Path) -> None:
    before, after = make("a.json", one=1.0), make("b.json", wall=2.0, one=1.0)
    assert call(before, after)[0] == 0
    code, out, _ = call(before, after, "--wall")
    assert code == 1 and "2.000" in row(out, "one")
    (tmp_path / "c.json").write_text(json.dumps({"benchmarks": [WHOLE | {"stats": {}}]}))
    assert call(before, str(tmp_path / "c.json"), "--wall")[0] == 2


def test_memory_has_a_limit_of_its_own_and_no_calibration(call: Any, make: Make) -> None:
    before, after = make("a.json", one=(1.0, 300.0)), make("b.json", calibration=0.02, one=(2.0, 345.0))
    code, out, _ = call(before, after)
    assert code == 1
    assert "test_x.py::one (1.15 of the MB)" in out
    assert row(out, "one").split()[-1] == "same"
    assert call(before, after, "--memory-limit", "1.2")[0] == 0


def test_what_is_short_in_both_has_no_verdict(call: Any, make: Make) -> None:
    before = make("a.json", one=0.001)
    code, out, _ = call(before, make("b.json", one=0.04))
    assert code == 0 and row(out, "one").endswith("too short")
    assert call(before, make("c.json", one=0.4))[0] == 1
    assert call(before, make("d.json", one=0.04), "--shortest", "0.01")[0] == 1


def test_what_is_in_one_file_only_is_told(call: Any, make: Make) -> None:
    before, after = make("a.json", one=1.0, gone=1.0), make("b.json", one=1.0, new=(1.0, 300.0))
    code, out, _ = call(before, after)
    assert code == 0
    assert f"Only in {before}: test_x.py::gone\n" in out and f"Only in {after}: test_x.py::new\n" in out
    code, out, _ = call(before, make("c.json", one=(1.0, 300.0)))
    assert code == 0 and " MB " not in out


@pytest.mark.parametrize("limit", ["1", "0.5", "-2", "nan", "inf", "fast", ""])
def test_a_limit_is_a_number_above_1(call: Any, make: Make, limit: str) -> None:
    path = make("a.json", one=1.0)
    for option in ("--limit", "--memory-limit"):
        code, out, err = call(path, path, f"{option}={limit}")
        assert (code, out) == (2, "")
        assert err == f"compare.py: argument {option}: {limit!r} is not a number above 1\n"


EXTRA = {"processor_seconds": 1.0, "calibration_processor_seconds": 0.01, "calibration_seconds": 0.01}
WHOLE = {"fullname": "t", "stats": {"median": 1.0}, "extra_info": EXTRA}
OTHERS = ({}, 3, {"calibration_seconds": 0.01}, EXTRA | {"processor_seconds": "1"}, EXTRA | {"processor_seconds": 0},
          EXTRA | {"processor_seconds": math.nan}, EXTRA | {"calibration_processor_seconds": None},
          EXTRA | {"peak_mb": -1})  # fmt: skip
NONSENSE = ["", "{", "[]", "null", "3", '"x"', "{}", "\x00", '{"benchmarks": 3}', '{"benchmarks": [3]}']
NONSENSE += ["[" * 100_000, *(json.dumps({"benchmarks": [WHOLE | {"extra_info": extra}]}) for extra in OTHERS)]


@pytest.mark.parametrize("text", NONSENSE, ids=lambda text: text[:60])
def test_nonsense_is_refused_in_one_line(call: Any, make: Make, tmp_path: Path, text: str) -> None:
    path = tmp_path / "nonsense.json"
    path.write_text(text)
    for pair in ((str(path), make("a.json", one=1.0)), (make("a.json", one=1.0), str(path))):
        code, out, err = call(*pair)
        assert (code, out) == (2, "")
        assert err.startswith(f"compare.py: {path}: ") and err.count("\n") == 1


def test_other_bad_input_is_refused_in_one_line(call: Any, make: Make, tmp_path: Path) -> None:
    path, latin = make("a.json", one=1.0), tmp_path / "latin.json"
    latin.write_bytes(b"\xe4")
    unusable = [(), (str(tmp_path / "none.json"),), (str(tmp_path),), (str(latin),), (path, "--shortest=x")]
    unusable += [(make("b.json", other=1.0),), (make("c.json"),)]
    for arguments in unusable:
        code, out, err = call(path, *arguments)
        assert (code, out) == (2, "") and err.startswith("compare.py: ") and err.count("\n") == 1
