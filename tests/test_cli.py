"""The command line: exit codes, messages, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scssim
from scssim.errors import Problem, ScenarioError
from scssim.scenario.json_schema import scenario_schema

CHECKOUT = Path(scssim.__file__).parents[1]


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.report.render.render", lambda out: out)


def test_run_writes_and_prints(call: Callable[..., Any], small_path: Path, tmp_path: Path) -> None:
    options = ["--patients", "40", "--draws", "0", "--seed", "3", "--set", "settings.horizon_years=2"]
    code, out, err = call("run", str(small_path), *options)
    assert (code, err) == (0, "")
    folder = Path("runs") / "small-3"
    assert out.rstrip().endswith(f"Report: {folder / 'report.html'}")
    assert (tmp_path / folder / "report.html").exists()
    assert "Small scenario for tests" in out and "over 2 years" in out and "40 patients, seed 3" in out
    assert (tmp_path / folder / "tables" / "frontier.csv").exists()
    assert (tmp_path / folder / "figures" / "vas_over_time.svg").exists()
    manifest = json.loads((tmp_path / folder / "manifest.json").read_text())
    assert manifest["command"] == " ".join(["scssim", "run", str(small_path), *options])
    assert manifest["scenario"]["resolved"]["settings"]["horizon_years"] == 2
    results = json.loads((tmp_path / folder / "results.json").read_text())
    assert (results["patients"], results["seed"], results["draws"]) == (40, 3, None)


@pytest.mark.usefixtures("no_figures")
def test_draws_and_the_place_can_be_chosen(call: Callable[..., Any], small_path: Path, tmp_path: Path) -> None:
    code, out, _ = call(
        "run", str(small_path), "--patients", "20", "--draws", "2", "--out", "deep/er", "--workers", "1"
    )
    assert code == 0 and "2 draws x 20 patients" in out
    assert json.loads((tmp_path / "deep" / "er" / "results.json").read_text())["draws"] == 2
    assert len((tmp_path / "deep" / "er" / "tables" / "psa.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "{small}", "--patients", "0"], "--patients"),
        (["run", "{small}", "--patients", "many"], "--patients"),
        (["run", "{small}", "--seed", "-1"], "--seed"),
        (["run", "{small}", "--workers", "0"], "--workers"),
        (["run", "{small}", "--engine", "magic"], "--engine"),
        (["run", "{small}", "--draws", "1"], "draws"),
        (["run", "{small}", "--engine", "des", "--precision", "5"], "service.replications"),
        (["run", "{small}", "--log", "log.parquet"], "log: only discrete events have an event log"),
        (["run", "{small}", "--set", "settings.horizon_years"], "settings.horizon_years"),
        (["run", "{small}", "--set", "settings.horizon_years=-1"], "settings.horizon_years"),
        (["run", "{small}", "--set", "settings.nonsense=1"], "nonsense"),
        (["run", "{small}", "--set", "settings.seed=[1"], "settings.seed"),
        (["run", "no_such_scenario"], "no_such_scenario"),
        (["run", "{small}", "--out", "{small}"], "not a directory"),
        (["run", "{small}", "--out", "{small}/below"], "cannot write results"),
        (["validate", "missing.yaml"], "missing.yaml"),
        (["schema", "--out", "no/such/folder/s.json"], "cannot write"),
        (["run"], "SCENARIO"),
        (["fly"], "fly"),
        (["run", "{small}", "--fast"], "--fast"),
    ],
)
def test_what_a_user_can_mend_is_exit_2(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = call(*(a.format(small=small_path) for a in arguments))
    assert code == 2
    assert out == ""
    assert message in err and "Error: " in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == [], "nothing may be left behind"


def test_the_place_is_checked_before_the_run(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("the run must not start")

    monkeypatch.setattr("scssim.api._run", run)
    (tmp_path / "file").write_text("")
    code, _, err = call("run", str(small_path), "--out", "file")
    assert code == 2 and "not a directory" in err


def test_several_problems_are_listed(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise ScenarioError([Problem("a.yaml:3:1", "x", "is wrong", "right"), Problem("a.yaml:4:1", "y", "is worse")])

    monkeypatch.setattr(scssim, "load", load, raising=False)
    code, _, err = call("validate", "a.yaml")
    assert code == 2
    assert err.splitlines() == [
        "Error: 2 problems",
        "  - a.yaml:3:1: x: is wrong (right)",
        "  - a.yaml:4:1: y: is worse",
    ]


def raising(error: BaseException) -> Callable[..., None]:
    def run(*_: object, **__: object) -> None:
        raise error

    return run


def test_an_interrupt_is_exit_130(
    call: Callable[..., Any], small_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scssim, "run", raising(KeyboardInterrupt()), raising=False)
    assert call("run", str(small_path)) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("debug", [False, True])
def test_a_defect_is_exit_1_and_asks_to_be_reported(
    call: Callable[..., Any], small_path: Path, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    monkeypatch.setattr(scssim, "run", raising(KeyError("lost\nkey")), raising=False)
    if debug:
        monkeypatch.setenv("SCSSIM_DEBUG", "1")
    code, out, err = call("run", str(small_path))
    assert (code, out) == (1, "")
    assert "report it" in err and "KeyError" in err
    assert ("Traceback" in err) == debug
    assert debug or len(err.splitlines()) == 1


def test_a_reader_who_left_is_no_error() -> None:
    command = f"{sys.executable} -m scssim.cli schema | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, cwd=CHECKOUT)
    assert done.stdout == "{\n" and done.stderr == ""


def test_a_reader_who_left_a_run_is_no_error_either(small_path: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m scssim.cli run {small_path} --patients 20 --draws 0 --out {tmp_path} "
    command += "--set settings.visit_months=[] --set targets=null | head -n 1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=CHECKOUT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "manifest.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_the_output_is_told() -> None:
    command = [sys.executable, "-m", "scssim.cli", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd=CHECKOUT, check=False
        )
    assert done.returncode == 2 and done.stderr.startswith("Error: cannot write the output: ")


@pytest.mark.parametrize("command", [["run", "{small}"], ["cea", "--costs", "{small}", "--effects", "{small}"]])
def test_a_place_without_a_name_is_refused(call: Callable[..., Any], small_path: Path, command: list[str]) -> None:
    code, _, err = call(*(part.format(small=small_path) for part in command), "--out", "")
    assert code == 2 and "--out: the name is empty" in err


def test_validate_says_ok(call: Callable[..., Any], small_path: Path) -> None:
    code, out, err = call("validate", str(small_path))
    assert (code, err) == (0, "")
    assert out.startswith("OK: Small scenario for tests (2 strategies, 4 therapies)")


@pytest.mark.parametrize("name", ["back_leg_uk", "sceptical", "senza_rct"])
def test_shipped_scenarios_are_listed_and_valid(call: Callable[..., Any], name: str) -> None:
    assert call("validate", name)[0] == 0
    code, out, _ = call("list")
    assert code == 0 and f"  {name}" in out


def test_list_names_the_library(call: Callable[..., Any]) -> None:
    _, out, _ = call("list")
    for name in ("library/therapies", "uk_2017_2019", "hse2014_uk_3l"):
        assert f"  {name} " in out


def test_version(call: Callable[..., Any]) -> None:
    assert call("--version") == (0, f"scssim {scssim.__version__}\n", "")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom scssim.cli import main\n"
        "try: main(['run', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'ruamel', 'matplotlib', 'scipy'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert "--patients" in done.stdout


# ------------------------------------------------------------------- schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return scenario_schema()


def test_schema_goes_to_the_screen_or_a_file(call: Callable[..., Any], schema: Any, tmp_path: Path) -> None:
    code, out, _ = call("schema")
    assert code == 0 and json.loads(out) == schema
    assert call("schema", "--out", "s.json") == (0, "", "")
    assert json.loads((tmp_path / "s.json").read_text()) == schema


def test_a_schema_is_written_whole_or_not_at_all(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.json").write_text("old")
    code, _, err = call("schema", "--out", ".")
    assert code == 2 and "cannot write .: Is a directory" in err

    def full(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, _, err = call("schema", "--out", "s.json")
    assert code == 2 and "cannot write s.json: No space left on device" in err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("s.json", "old")]


def properties(node: Any, path: str = "") -> Any:
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            yield f"{path}.{name}", value
        for name, value in node.items():
            yield from properties(value, f"{path}.{name}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from properties(value, f"{path}.{i}")


def test_every_property_is_described(schema: Any) -> None:
    found = dict(properties(schema))
    assert len(found) > 300
    assert [path for path, value in found.items() if not value.get("description")] == []


def test_schema_accepts_what_the_program_accepts(schema: Any, small_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from ruamel.yaml import YAML

    from scssim.scenario.merge import shipped

    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    validator = kind(schema)
    read = YAML(typ="safe", pure=True).load
    for path in [small_path, *shipped().values()]:
        assert [error.message for error in validator.iter_errors(read(path))] == [], path.name
    small = read(small_path)
    assert validator.is_valid(
        {"extends": "back_leg_uk", "therapies": {"hf10": {"label": "Other", "complications": None}}}
    )
    assert validator.is_valid({"extends": ["library/therapies", "mine.yaml"]})
    for wrong in (
        {"title": "no population"},
        {**small, "nonsense": 1},
        {**small, "strategies": {"Bad Name": {"steps": ["hf10"]}}},
        {**small, "population": {**small["population"], "female": 1.5}},
        {**small, "population": {**small["population"], "female": "most"}},
        {**small, "strategies": {"a": {"steps": [{"treatment": "hf10"}]}}},
    ):
        assert not validator.is_valid(wrong)
