"""The catalogue of checks, its record, and what is said of a result."""

from __future__ import annotations

import ast
import importlib.util
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

import scssim
from scssim import build
from scssim.build import fingerprint, hashes
from scssim.report import verification
from scssim.report.checks import Check, Record, Tally, catalogue, read_record
from scssim.report.cheers import cheers
from scssim.report.read import read_result
from scssim.report.write import write
from scssim.result import Result

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def result(small_path: Path) -> Result:
    return scssim.run(small_path, patients=50, draws=0)


@pytest.fixture
def record() -> Record:
    """Everything passed, with the code that is installed."""
    known = catalogue()
    files = hashes()
    return Record(
        scssim.__version__, "2026-01-01", "3.0", {"numpy": "1.0"}, {one.id: Tally(2, 0, 1) for one in known.checks},
        fingerprint(files), files,
    )  # fmt: skip


# ------------------------------------------------------------------- catalogue


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("check", catalogue().checks, ids=lambda check: check.id)
def test_every_test_of_the_catalogue_exists(check: Check) -> None:
    assert check.tests and check.stage in catalogue().stages and check.part in catalogue().questions
    assert check.what.endswith(".")
    for test in check.tests:
        file, _, name = test.partition("::")
        known = functions(ROOT / file)
        assert known and (not name or name in known), test


def test_the_catalogue_is_complete() -> None:
    known = catalogue()
    ids = [check.id for check in known.checks]
    assert len(set(ids)) == len(ids)
    assert {check.stage for check in known.checks} == set(known.stages)
    verifying = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "verification").glob("test_*.py")}
    assert verifying <= {test.partition("::")[0] for test in known.tests}
    answered = {check.part for check in known.checks} | {"D3", "D4"}
    for part, question in known.questions.items():
        assert (part in answered) != bool(question.done), part


def test_tests_are_told_apart(recorder: ModuleType) -> None:
    check = Check("a", "inputs", "C4", "A.", ("tests/test_a.py", "tests/test_b.py::test_one"))
    assert check.has("tests/test_a.py::test_x[1]") and check.has("tests/test_b.py::test_one[a-b]")
    assert not check.has("tests/test_b.py::test_one_more") and not check.has("tests/test_ab.py::test_x")
    outcomes = {"tests/test_a.py::x": "passed", "tests/test_a.py::y": "failed", "tests/test_c.py::z": "passed"}
    assert recorder.tallied(outcomes, [check]) == {"a": Tally(passed=1, failed=1)}


# ---------------------------------------------------------------------- record


def test_the_record_is_of_this_version() -> None:
    record = read_record()
    assert record is not None and record.scssim == scssim.__version__, "run: python tests/record.py"
    assert record.checks.keys() == {check.id for check in catalogue().checks}
    assert all(tally.passed and not tally.failed for tally in record.checks.values())
    assert record.code == fingerprint(record.files)


def test_a_record_is_read_as_it_was_written(recorder: ModuleType, record: Record, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(recorder.as_json(record))
    assert read_record(path) == record


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"checks": 3}', '{"checks": {"a": {"won": 1}}}'])
def test_a_record_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_record(path) is None and read_record(tmp_path) is None
    path.write_text(text)
    assert read_record(path) is None


# ------------------------------------------------------------------------ hash


def package(folder: Path, end: str = "\n") -> Path:
    (folder / "report").mkdir(parents=True)
    (folder / "model.py").write_bytes(f"a = 1{end}b = 2{end}".encode())
    (folder / "report" / "checks.yaml").write_bytes(f"a: 1{end}".encode())
    return folder


def test_the_hash_is_of_what_the_code_says(tmp_path: Path) -> None:
    one, other = package(tmp_path / "one"), package(tmp_path / "other", "\r\n")
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"1")
    (other / build.RECORD).write_text("{}")
    assert hashes(one, {}) == hashes(other, {}) and len(hashes(one, {})) == 2
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("title: A")
    with_scenario = hashes(one, {"mine": scenario})
    assert with_scenario.keys() - hashes(one, {}).keys() == {"shipped/mine.yaml"}
    (other / "model.py").write_text("a = 1\nb = 3\n")
    assert hashes(one, {})["model.py"] != hashes(other, {})["model.py"]
    assert fingerprint(hashes(one, {})) != fingerprint(hashes(other, {}))


def test_a_wheel_has_the_scenarios_inside(tmp_path: Path) -> None:
    outside, inside = package(tmp_path / "outside"), package(tmp_path / "inside")
    for place in (tmp_path / "mine.yaml", inside / "shipped" / "mine.yaml"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("title: A")
    found = hashes(inside, {"mine": inside / "shipped" / "mine.yaml"})
    assert found == hashes(outside, {"mine": tmp_path / "mine.yaml"})


def test_the_hash_covers_what_is_installed() -> None:
    """Data files by the patterns of the installation: others would be missing there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = set(project["tool"]["setuptools"]["package-data"]["*"]) - {"py.typed"}
    assert {f"**/*{suffix}" for suffix in build.SUFFIXES} - {"**/*.py"} == patterns, "SUFFIXES of build.py"
    found = hashes()
    assert {
        "model/plan.py",
        "library/bibliography.csv",
        "report/checks.yaml",
        "shipped/back_leg_uk.yaml",
    } <= found.keys()


# ------------------------------------------------------------------ what is said


def test_the_very_code(result: Result, record: Record) -> None:
    page = verification.verification(result, record=record)
    assert "very code" in page.status and record.code in page.status
    assert page == verification.verification(result, record.code, record)
    assert "Python 3.0 (here" in page.status and "numpy 1.0 (here" in page.status
    assert {row.outcome for row in page.checks} == {"passed"}
    assert {row.detail for row in page.checks} == {"2 tests passed, 1 test skipped"}
    assert {row.outcome for row in page.guards} == {"holds", "does not apply"}
    answers = {row.part: row.outcome for row in page.validation}
    assert answers["C4"] == "done" and answers["A1"] == answers["C1"] == answers["D1"] == "not done"


def test_other_code(result: Result, record: Record) -> None:
    other = replace(record, code="0", files={**record.files, "model/plan.py": "0", "model/gone.py": "1"})
    page = verification.verification(result, record=other)
    assert "2 files of the code changed (model/gone.py and model/plan.py)" in page.status
    assert {row.outcome for row in page.checks} == {"passed with other code"}
    assert "done" not in {row.outcome for row in page.validation if row.part.startswith("C")}
    many = replace(record, code="0", files={})
    assert " more)" in verification.verification(result, record=many).status
    elsewhere = verification.verification(result, "abc", record)
    assert "made by other code (hash abc" in elsewhere.status
    assert {row.outcome for row in elsewhere.checks} == {"passed with other code"}


def test_failed_unknown_and_missing(result: Result, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {**record.checks, "fit": Tally(5, 1), "extremes": Tally(skipped=3), "never_heard_of": Tally(1)}
    del checks["histories"]
    page = verification.verification(result, record=replace(record, checks=checks))
    outcome = dict(zip([check.id for check in catalogue().checks], page.checks, strict=True))
    assert (outcome["fit"].outcome, outcome["fit"].detail) == ("failed", "1 test failed, 5 tests passed")
    assert outcome["extremes"].outcome == "skipped" and outcome["histories"].outcome == "not recorded"
    answers = {row.part: row.outcome for row in page.validation}
    assert (answers["B2"], answers["C2"], answers["C3"]) == ("failed", "skipped", "not recorded")
    monkeypatch.setattr(verification, "read_record", lambda: None)
    page = verification.verification(result)
    assert page.status.startswith("No record")
    assert {row.outcome for row in page.checks} == {"not recorded"}


def test_a_broken_result_is_told(result: Result, record: Record) -> None:
    broken = replace(result, occupancy=result.occupancy.assign(share=lambda t: t.share + 0.1))
    row = verification.verification(broken, record=record).guards[0]
    assert row.outcome == "does not hold" and "occupancy sums to" in row.detail


def test_the_scenario_against_data(record: Record, result: Result) -> None:
    trial = scssim.run("senza_rct", patients=2000)
    fitted, left_out = (row for row in verification.verification(trial, record=record).validation if row.part == "D4")
    agrees = trial.targets[[bool(target.fitted) for target in trial.scenario.targets]].agrees.dropna()
    assert f"{agrees.astype(bool).sum()} of {len(agrees)} agree" in fitted.detail and "no test" in fitted.what
    assert "not independent" in left_out.detail and "12 are reported without a verdict" in left_out.detail
    (unsaid,) = (row for row in verification.verification(result, record=record).validation if row.part == "D4")
    assert "does not say" in unsaid.what
    bare = replace(result, loaded=scssim.load("back_leg_uk"), targets=pd.DataFrame())
    (nothing,) = (row for row in verification.verification(bare, record=record).validation if row.part == "D4")
    assert nothing.outcome == "not done"


# ----------------------------------------------------------------------- recorder


@pytest.fixture
def recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recorder", ROOT / "tests" / "record.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_outcomes_are_those_of_whole_tests(recorder: ModuleType) -> None:
    outcomes = recorder.Outcomes()
    phases = [
        ("a", "setup", "passed"), ("a", "call", "passed"), ("a", "teardown", "failed"), ("b", "setup", "skipped"),
        ("c", "setup", "failed"), ("d", "setup", "passed"), ("d", "call", "failed"), ("d", "teardown", "passed"),
        ("e", "setup", "passed"), ("e", "call", "passed"), ("e", "teardown", "passed"),
    ]  # fmt: skip
    for node, when, outcome in phases:
        outcomes.pytest_runtest_logreport(pytest.TestReport(node, ("", 0, ""), {}, outcome, None, when))
    assert outcomes.found == {"a": "failed", "b": "skipped", "c": "failed", "d": "failed", "e": "passed"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [("def test_a(): pass\ndef test_b(): assert 0\n", 1), ("def test_a(): pass\n", 0), ("", 2), ("syntax error", 2)],
)
def test_recording(
    recorder: ModuleType, lines: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "ROOT", tmp_path)
    monkeypatch.setattr(recorder, "PACKAGE", tmp_path / "scssim")
    monkeypatch.setattr(recorder, "RECORD", "record.json")
    name = f"test_of_{tmp_path.name}.py"  # every module of tests that is imported needs a name of its own
    only = Check("only", "inputs", "C4", "A.", (name,))
    monkeypatch.setattr(recorder, "catalogue", lambda: replace(catalogue(), checks=(only,)))
    (tmp_path / "scssim").mkdir()
    (tmp_path / name).write_text(lines)
    assert recorder.main([]) == code
    written = tmp_path / "scssim" / "record.json"
    assert written.exists() == (code != 2)
    if code != 2:
        found = json.loads(written.read_text())["checks"]["only"]
        assert found == {"passed": 1, "failed": code, "skipped": 0}


def test_another_installation_is_not_recorded(recorder: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "ROOT", Path("/nowhere"))
    assert recorder.main([]) == 2


def test_a_result_read_back_says_the_same(result: Result, tmp_path: Path) -> None:
    """Nothing is lost on the way through the files of a run."""
    for name, one in (("trial", scssim.run("senza_rct", patients=200)), ("small", result)):
        write(one, tmp_path / name, "test")
        again, manifest = read_result(tmp_path / name)
        assert cheers(again) == cheers(one)
        page, before = verification.verification(again, manifest.code), verification.verification(one)
        assert (page.guards, page.validation) == (before.guards, before.validation)
