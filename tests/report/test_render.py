"""A directory of a run gives its result back, and the same page and figures again."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import scssim
from scssim.errors import ScssimError
from scssim.report.read import read_result
from scssim.report.render import render
from scssim.report.summary import print_summary
from scssim.result import TABLES

SAID = {"name": "x", "title": "x", "sha256": "x"}


def respell(path: Path, key: str, value: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))


ANALYSES: dict[str, Any] = {
    "analyses.dsa": {"threshold": 20_000, "patients": 50},
    "analyses.variants": {"short": {"settings.horizon_years": 2}},
    "analyses.evppi": {"prices": ["therapies.*.costs.*"]},
    "settings.visit_months": [0, 3, 12],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_path: Path) -> tuple[scssim.Result, Path]:
    """A run with draws and analyses, and its directory."""
    out = tmp_path_factory.mktemp("made") / "run"
    return scssim.run(scssim.load(small_path, ANALYSES), patients=40, draws=20, out=out), out


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_result_comes_back_to_the_last_digit(made: tuple[scssim.Result, Path]) -> None:
    result, out = made
    again, manifest = read_result(out)
    for name in TABLES:
        one, two = getattr(result, name), getattr(again, name)
        assert list(one.columns) == list(two.columns), name
        for column in one.columns:
            if pd.api.types.is_numeric_dtype(one[column]) and len(one):
                assert one[column].astype(float).equals(two[column].astype(float)), (name, column)
    assert (again.seed, again.patients, again.draws, again.engine) == (result.seed, 40, 20, "cohort")
    assert again.scenario == result.scenario
    assert again.loaded.sha256 == result.loaded.sha256
    assert again.assumed_share == result.assumed_share
    assert again.warnings == result.warnings
    assert manifest.command == "scssim.run"


def test_the_summary_is_that_of_the_run(made: tuple[scssim.Result, Path], tmp_path: Path) -> None:
    texts = []
    for one in (made[0], read_result(made[1])[0]):
        with (tmp_path / "out.txt").open("w", encoding="utf-8") as file:
            print_summary(one, Console(file=file, width=100))
        texts.append((tmp_path / "out.txt").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_page_and_figures_are_made_again_byte_by_byte(made: tuple[scssim.Result, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made[1], tmp_path / "run"))
    before = files(folder)
    (folder / "report.html").unlink()
    shutil.rmtree(folder / "figures")
    assert render(folder) == folder / "report.html"
    assert files(folder) == before


def test_the_page_has_the_answer_every_input_and_every_table(made: tuple[scssim.Result, Path]) -> None:
    result, out = made
    text = (out / "report.html").read_text(encoding="utf-8")
    words = html.unescape(re.sub(r"<[^>]+>", "", text))
    for path in result.inputs["path"]:
        assert path in words
    titles = re.findall(r'<h2 id="(\w[\w-]*)-title">', text)
    assert titles[0] == "answer"
    assert {"strategies", "costs", "uncertainty", "drivers", "variants", "information", "inputs", "provenance"} <= {
        *titles
    }
    best = json.loads((out / "results.json").read_text())["headline"]["best"]
    label = result.scenario.strategy_label(best)
    assert f"<strong>{label}</strong> has the highest net monetary benefit" in text
    assert result.loaded.sha256 in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)


def test_hostile_words_stay_words(small_path: Path, tmp_path: Path) -> None:
    nasty = '<script>alert("x")</script> & <b> *x* ![y](http://example.org/y.png)'
    overrides = {
        "title": nasty, "description": "![y](http://example.org/y.png) <b>",
        "strategies.hf.label": nasty, "settings.currency": "£*<i>",
        "reporting.background": nasty,
    }  # fmt: skip
    scssim.run(scssim.load(small_path, {**ANALYSES, **overrides}), patients=20, draws=20, out=tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for made in ("<script>alert", "<img", "<i>", "<b>", "<em>x</em>"):
        assert made not in text.partition('id="main"')[2], made
    assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("draws", [0, 20])
def test_names_that_look_like_numbers_are_names(small_path: Path, tmp_path: Path, draws: int) -> None:
    small = scssim.load(small_path).scenario
    steps = {name: [step.therapy for step in one.steps] for name, one in small.strategies.items()}
    names = dict(zip(("inf", "nan", "null"), steps.values(), strict=False))
    strategies = {**dict.fromkeys(steps), **{name: {"steps": its} for name, its in names.items()}}
    loaded = scssim.load(small_path, {"strategies": strategies, "settings.reference": "nan", "targets": None})
    result = scssim.run(loaded, patients=20, draws=draws, out=tmp_path / "run")
    assert list(scssim.read(tmp_path / "run").frontier["strategy"]) == list(result.frontier["strategy"]) == list(names)
    assert (tmp_path / "run" / "report.html").exists()


def test_results_of_nobody_are_not_judged(small_path: Path) -> None:
    result = scssim.run(scssim.load(small_path, {"settings.horizon_years": 0.3}), patients=20, draws=0)
    missing = result.targets[result.targets["simulated"].isna()]
    assert len(missing) and missing["agrees"].isna().all() and missing["inside"].isna().all()


def test_the_page_names_the_version_that_made_the_run(made: tuple[scssim.Result, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made[1], tmp_path / "run"))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "scssim": "0.0.9"}))
    text = render(folder).read_text(encoding="utf-8")
    assert "with scssim 0.0.9" in text and "The model is scssim 0.0.9" in text


@pytest.mark.parametrize("engine", ["cohort", "des"])
def test_a_run_without_thresholds_draws_or_visits_has_a_page(small_path: Path, tmp_path: Path, engine: str) -> None:
    overrides = {"settings.willingness_to_pay": [], "settings.visit_months": [], "targets": None}
    scssim.run(scssim.load(small_path, overrides), patients=20, draws=0, engine=engine, out=tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "No willingness to pay is stated" in text


def test_one_strategy_has_a_page(tmp_path: Path) -> None:
    others = {f"strategies.{name}": None for name in scssim.load("back_leg_uk").scenario.strategies if name != "hf10"}
    loaded = scssim.load("back_leg_uk", {**others, "settings.reference": "hf10", "analyses.extrapolation": None})
    scssim.run(loaded, patients=20, out=tmp_path / "run")
    assert "There is nothing to compare it with" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    scssim.run(loaded, patients=20, draws=100, out=tmp_path / "drawn")
    assert "best strategy in" not in (tmp_path / "drawn" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: shutil.rmtree(folder), "there is no such directory"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: there is no such file"),
        (lambda folder: (folder / "results.json").write_text("{"), "results.json: the file is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json: the file is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "is not what this version of scssim writes"),
        (lambda folder: (folder / "tables" / "visits.csv").write_text('a,"b\n1'), "visits.csv is not as the run wrote"),
        (lambda folder: (folder / "tables" / "inputs.csv").unlink(), "inputs.csv is missing"),
        (lambda folder: respell(folder / "manifest.json", "seconds", "x"), "`seconds`"),
        (lambda folder: respell(folder / "manifest.json", "packages", []), "`packages`"),
        (lambda folder: respell(folder / "manifest.json", "draws", "7"), "`draws`"),
        (lambda folder: respell(folder / "results.json", "service", {}), "`service.years`"),
        (lambda folder: respell(folder / "manifest.json", "scenario", {**SAID, "resolved": {}}), "is not what this"),
    ],
)
def test_what_cannot_be_read_is_told(
    made: tuple[scssim.Result, Path],
    tmp_path: Path,
    call: Callable[..., Any],
    spoil: Callable[[Path], object],
    told: str,
) -> None:
    folder = Path(shutil.copytree(made[1], tmp_path / "spoilt"))
    spoil(folder)
    with pytest.raises(ScssimError, match=re.escape(told)):
        render(folder)
    code, _, errors = call("report", str(folder))
    assert code == 2
    assert told in errors
