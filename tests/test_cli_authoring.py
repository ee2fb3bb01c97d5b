"""The command line for writing scenarios: init, parameters, diff, --parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import scssim


def test_from_nothing_to_an_edited_scenario(call: Callable[..., Any], tmp_path: Path) -> None:
    code, out, err = call("init", "mine.yaml")
    assert (code, err) == (0, "") and out.startswith("Wrote mine.yaml\n")
    assert call("validate", "mine.yaml")[:2] == (0, "OK: SCS in our clinic (4 strategies, 9 therapies); no warnings\n")
    assert call("parameters", "mine.yaml", "--out", "p.csv") == (0, "", "")
    table = pd.read_csv("p.csv", dtype=str, keep_default_na=False)
    device = table.path == "therapies.hf10.costs.device"
    table.loc[device, ["value", "low", "high"]] = ["12000", "10000", "14000"]
    table.to_csv("p.csv", index=False)
    code, out, err = call("diff", "mine.yaml", "--parameters", "p.csv")
    assert (code, err) == (0, "")
    *lines, device_a, device_b, _, last = out.splitlines()
    assert lines == ["A  mine.yaml", "B  mine.yaml with p.csv", "", "Changed: 1", "  therapies.hf10.costs.device"]
    assert (device_a, last) == ("    A  16500 (15034 to 18033, gamma)", "1 difference")
    match = re.fullmatch(r"    B  12000 \((\d+) to (\d+), gamma\)", device_b)
    assert match is not None and int(match[2]) - int(match[1]) == pytest.approx(4000, abs=1)
    code, out, _ = call("validate", "mine.yaml", "--parameters", "p.csv")
    assert code == 0 and out.startswith("OK: ")
    code, out, _ = call("parameters", "mine.yaml", "--parameters", "p.csv", "--set", "population.female=0.1")
    (row,) = [line for line in out.splitlines() if line.startswith("therapies.hf10.costs.device,")]
    assert row.startswith("therapies.hf10.costs.device,12000.0,")
    assert "\npopulation.female,0.1,,,fixed,,,\n" in out


def test_a_run_takes_a_table_and_leaves_one(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scssim.report.render.render", lambda folder: folder)
    Path("p.csv").write_text("path,value\npopulation.odi.mean,50\n")
    options = ("--patients", "20", "--draws", "0", "--out", "out", "--parameters", "p.csv")
    code, _, err = call("run", str(small_path), *options)
    assert (code, err) == (0, "")
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["scenario"]["resolved"]["population"]["odi"]["mean"] == 50
    code, out, _ = call("diff", str(small_path), "out")
    assert code == 0 and out.count("population.odi") == 1 and out.endswith("\n1 difference\n")
    code, out, _ = call("diff", "out", str(small_path), "--parameters", "out/tables/inputs.csv")
    assert code == 0 and out.endswith("\nno difference\n")


def test_the_table_of_a_scenario_goes_to_the_screen(call: Callable[..., Any], small_path: Path) -> None:
    code, out, err = call("parameters", str(small_path))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "path,value,low,high,distribution,source,grade,note"
    assert "\npopulation.odi.mean,54.0,,,normal between patients,,,\n" in out


def test_a_table_is_not_overwritten(call: Callable[..., Any], small_path: Path) -> None:
    Path("p.csv").write_text("edited for hours")
    code, _, err = call("parameters", str(small_path), "--out", "p.csv")
    assert code == 2 and "p.csv is there already" in err
    assert Path("p.csv").read_text() == "edited for hours"
    assert call("parameters", str(small_path), "--out", "p.csv", "--force")[0] == 0
    assert Path("p.csv").read_text().startswith("path,value")


def test_notes_with_accents_survive_a_spreadsheet(call: Callable[..., Any], small_path: Path) -> None:
    note = "population.female={value: 0.6, note: Männer und Frauen}"
    assert call("parameters", str(small_path), "--set", note, "--out", "p.csv")[0] == 0
    assert Path("p.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    before = scssim.load(small_path, overrides=[note])
    assert scssim.load(small_path, overrides=[note], parameters="p.csv").sha256 == before.sha256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init", "mine"], "must end in .yaml or .yml"),
        (["init", "mine.yaml", "--from", "back_leg_ku"], "did you mean `back_leg_uk`?"),
        (["init"], "FILE"),
        (["diff", "{small}"], "two scenarios, or one and --parameters"),
        (["diff", "{small}", "missing.yaml"], "missing.yaml"),
        (["diff", ".", "{small}"], "no finished run"),
        (["parameters", "missing.yaml"], "missing.yaml"),
        (["parameters", "{small}", "--out", "no/p.csv"], "there is no directory no"),
        (["parameters", "{small}", "--out", "."], "is a directory"),
        (["validate", "{small}", "--parameters", "missing.csv"], "missing.csv: there is no such file"),
        (["run", "{small}", "--parameters", "."], "this is a directory, not a table"),
        (["run", "{small}", "--parameters", "{small}"], "there is no column `path`"),
    ],
)
def test_what_a_user_can_mend_is_exit_2(
    call: Callable[..., Any], small_path: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = call(*(a.format(small=small_path) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err and "Error: " in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_mistakes_in_a_table_are_told_with_line_and_column(call: Callable[..., Any], small_path: Path) -> None:
    Path("p.csv").write_text(
        "path,value,grade\npopulation.femal,1,\npopulation.female,most,\n\npopulation.odi.sd,9,x\n"
    )
    code, _, err = call("validate", str(small_path), "--parameters", "p.csv")
    assert code == 2
    assert err.splitlines() == [
        "Error: 2 problems",
        "  - p.csv:2 (path): population.femal: there is no such number (did you mean `population.female`?)",
        "  - p.csv:3 (value): population.female: 'most' is not a number (a number such as 12000, 0.05 or 1E-3)",
    ]
