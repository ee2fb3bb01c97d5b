"""The command line with analyses: tables, figures and directories of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ANALYSES = [
    "analyses.dsa={parameters: [therapies.hf10.relief.*.responders]}",
    "analyses.two_way.g={x: therapies.hf10.trial.success, "
    "y: {parameter: therapies.hf10.costs.device, low: 1, high: 30000}, points: 3}",
    "analyses.thresholds.t={parameter: {parameter: therapies.hf10.costs.device, low: 1, high: 30000}}",
    "analyses.evppi={relief: [therapies.hf10.relief.*]}",
    "analyses.variants.short={settings.horizon_years: 2}",
    "analyses.subgroups.old=age > 60",
    "analyses.extrapolation={data_until_years: 2}",
    "analyses.budget={eligible: 100, years: 2, current: {lf: 1}, new: {hf: 1}}",
]
TABLES = {"dsa", "two_way", "thresholds", "variants", "subgroups", "extrapolation", "budget"}
OF_DRAWS = {"psa", "parameters", "ceac", "pairwise", "evpi", "evppi", "noise"}
FIGURES = {"tornado", "extrapolation", "budget", "two_way", "ce_plane", "ceac", "evpi", "evppi", "expected_loss"}
OF_NONE = {"vas_over_time", "occupancy", "cost_breakdown"}


def names(folder: Path, kind: str) -> set[str]:
    return {path.stem for path in folder.glob(f"*.{kind}")}


def test_a_run_writes_its_analyses_and_the_next_removes_them(
    call: Callable[..., Any], small_path: Path, tmp_path: Path
) -> None:
    sets = [part for analysis in ANALYSES for part in ("--set", analysis)]
    code, out, err = call("run", str(small_path), "--draws", "20", "--patients", "50", "--out", "r", *sets)
    assert (code, err) == (0, "")
    assert "20 draws x 50 patients" in out
    folder = tmp_path / "r"
    tables, figures = names(folder / "tables", "csv"), names(folder / "figures", "svg")
    assert tables >= TABLES | OF_DRAWS
    assert figures >= FIGURES | OF_NONE and figures == names(folder / "figures", "png")
    for name in TABLES | OF_DRAWS:
        assert len(pd.read_csv(folder / "tables" / f"{name}.csv")) > 0, name
    assert {path.name for path in (folder / "cases").iterdir()} == {"variants.short", "subgroups.old"}
    for case in (folder / "cases").iterdir():
        assert (case / "tables" / "frontier.csv").exists()
        said = json.loads((case / "results.json").read_text())
        assert (said["draws"], said["patients"]) == (None, 500)  # as the scenario says, at distribution means
    results = json.loads((folder / "results.json").read_text())
    assert 0 <= results["assumed_share"] <= 1

    # Somebody's own files, among those of the run.
    own = ["notes.txt", "tables/mine.csv", "figures/mine.svg", "cases/variants.short/notes.txt", "cases/mine/x.csv"]
    for name in own:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    code, _, err = call("run", str(small_path), "--draws", "0", "--patients", "50", "--out", "r")
    assert code == 0 and err.startswith("Replaces the run in r")
    tables, figures = names(folder / "tables", "csv"), names(folder / "figures", "svg")
    assert not tables & (TABLES | OF_DRAWS - {"psa", "parameters"}) and "frontier" in tables
    assert not figures & (FIGURES - {"ce_plane"}) and figures > OF_NONE
    assert all((folder / name).read_text() == "mine" for name in own)
    left = {str(path.relative_to(folder)) for path in (folder / "cases").rglob("*") if path.is_file()}
    assert left == {name for name in own if name.startswith("cases/")}


@pytest.mark.usefixtures("no_figures")
def test_directories_of_cases_go_when_nothing_else_is_in_them(
    call: Callable[..., Any], small_path: Path, tmp_path: Path
) -> None:
    common = ["run", str(small_path), "--draws", "0", "--patients", "20", "--out", "r"]
    for names_ in (("a", "b"), ("b",), ()):
        code, _, _ = call(*common, *(part for n in names_ for part in ("--set", f"analyses.variants.{n}={{}}")))
        assert code == 0
        folder = tmp_path / "r" / "cases"
        found = {path.name for path in folder.iterdir()} if folder.exists() else set()
        assert found == {f"variants.{n}" for n in names_}
    assert not (tmp_path / "r" / "cases").exists()


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.report.render.render", lambda out: out)


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("draws", [0, 10])
def test_precision(call: Callable[..., Any], small_path: Path, tmp_path: Path, draws: int) -> None:
    common = ["run", str(small_path), "--draws", str(draws), "--patients", "60", "--out", "r"]
    code, _, err = call(*common, "--precision", "500")
    assert (code, err) == (0, "")
    table = pd.read_csv(tmp_path / "r" / "tables" / "increments.csv")
    assert 0 < 1.959964 * table["inmb_20000_mcse"].max() <= 500
    results = json.loads((tmp_path / "r" / "results.json").read_text())
    if draws:
        assert results["patients"] == 60 and results["draws"] > 10
    else:
        assert results["patients"] % 1024 == 0


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "much", "0.00001"])
def test_a_precision_that_is_not_possible(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, value: str
) -> None:
    code, out, err = call("run", str(small_path), "--draws", "0", "--patients", "60", f"--precision={value}")
    assert (code, out) == (2, "")
    assert err.count("Error: ") == 1 and "precision" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("analyses.das={}", "did you mean `dsa`?"),
        ("analyses.dsa={parameters: [none.*]}", "no uncertain parameter is called `none.*`"),
        ("analyses.subgroups.nobody=age > 300", "patients fulfil 'age > 300'"),
        ("analyses.variants.v={settings.nonsense: 1}", "unknown key `nonsense`"),
        ("analyses.variants.base={}", "name of the base case"),
    ],
)
def test_analyses_that_are_not_possible(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, override: str, message: str
) -> None:
    code, out, err = call("run", str(small_path), "--draws", "0", "--patients", "20", "--set", override)
    assert (code, out) == (2, "")
    assert message in err and err.count("Error: ") == 1
    assert list(tmp_path.iterdir()) == []
