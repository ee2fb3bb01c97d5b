"""Two runs side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scssim
from scssim.report.compare import compare
from scssim.report.read import read_result
from scssim.report.write import write

QUICK = {"settings.visit_months": [3, 12]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, small_path: Path) -> dict[str, Path]:
    """Directories of a run, the same again, another seed, a dearer device, draws."""
    folder = tmp_path_factory.mktemp("compare")
    asked: dict[str, dict[str, Any]] = {
        "one": {"seed": 1}, "again": {"seed": 1}, "other": {"seed": 2}, "drawn": {"seed": 1, "draws": 20},
    }  # fmt: skip
    for name, options in asked.items():
        result = scssim.run(scssim.load(small_path, QUICK), patients=200, **{"draws": 0, **options})
        write(result, folder / name, "test")
    dearer = scssim.load(small_path, {**QUICK, "therapies.hf10.costs.device": 60_000})
    write(scssim.run(dearer, patients=200, draws=0, seed=1), folder / "dearer", "test")
    return {path.name: path for path in folder.iterdir()}


def read(path: Path) -> scssim.Result:
    return read_result(path)[0]


def test_a_run_does_not_differ_from_itself(runs: dict[str, Path]) -> None:
    table = compare(read(runs["one"]), read(runs["again"]))
    assert {"outcomes", "increments", "targets"} <= {*table["table"]}
    assert (table["difference"].dropna() == 0).all()
    assert not table["beyond"].dropna().any()


def test_differences_and_errors_are_those_of_the_tables(runs: dict[str, Path]) -> None:
    one, other = read(runs["one"]), read(runs["other"])
    table = compare(one, other).set_index(["table", "strategy", "quantity"])
    for strategy in one.scenario.strategies:
        row = table.loc[("outcomes", strategy, "cost")]
        a, b = (r.outcomes.query(f"strategy == {strategy!r} and outcome == 'cost'").iloc[0] for r in (one, other))
        assert row["difference"] == b["mean"] - a["mean"]
        assert row["mcse"] == pytest.approx(math.hypot(a["mcse"], b["mcse"]))
        assert row["beyond"] == (abs(row["difference"]) > 1.959963984540054 * row["mcse"])
    names = {quantity for _, _, quantity in table.loc[["increments"]].index}
    assert {"d_cost", "d_qaly", "inmb_20000"} <= names


def test_another_price_shows(runs: dict[str, Path]) -> None:
    table = compare(read(runs["one"]), read(runs["dearer"])).set_index(["table", "strategy", "quantity"])
    changed = {strategy for (_, strategy, quantity), row in table.iterrows() if quantity == "cost" and row["beyond"]}
    users = {
        n for n, s in read(runs["one"]).scenario.strategies.items() if "hf10" in [step.therapy for step in s.steps]
    }
    assert changed == users
    assert (table.xs("qaly", level="quantity")["difference"] == 0).all()


def test_with_draws_acceptability_is_compared(runs: dict[str, Path]) -> None:
    drawn = read(runs["drawn"])
    table = compare(drawn, drawn)
    rows = table[table["table"] == "ceac"]
    assert np.isclose(rows[rows["quantity"] == "p_best_20000"]["a"].sum(), 1)


def test_the_command(runs: dict[str, Path], call: Callable[..., Any], tmp_path: Path) -> None:
    code, out, err = call("compare", str(runs["one"]), str(runs["dearer"]), "--out", "c.csv")
    assert (code, err) == (0, "")
    assert "The scenarios differ" in out and "The seed is the same" in out and "Highest net benefit at 20,000" in out
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "c.csv")[["table", "a", "b"]],
        compare(read(runs["one"]), read(runs["dearer"]))[["table", "a", "b"]], check_dtype=False,
    )  # fmt: skip
    code, _, err = call("compare", str(runs["one"]), str(tmp_path / "none"))
    assert code == 2 and "there is no such directory" in err
    code, _, err = call("compare", str(runs["one"]), str(runs["other"]), "--out", "no/such/c.csv")
    assert code == 2 and "cannot write" in err


def test_runs_with_nothing_in_common_are_told_apart(
    runs: dict[str, Path], call: Callable[..., Any], tmp_path: Path
) -> None:
    write(scssim.run(scssim.load("senza_rct", QUICK), patients=50), tmp_path / "senza", "test")
    code, out, _ = call("compare", str(runs["one"]), str(tmp_path / "senza"))
    assert code == 0 and "Only in A" in out
