"""The command ``scssim cea``: files, summary, messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scssim import cli
from scssim.economics import ceac, evpi, frontier, pairwise
from scssim.report.cea import parameter_groups

NAMES = ["usual", "lf_scs", "hf10"]
WTP = np.arange(0, 50_001, 500.0)


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Costs, effects and parameters of 200 draws as files in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCSSIM_DEBUG", raising=False)
    rng = np.random.default_rng(3)
    relief, price = rng.normal(size=(2, 200))
    costs = pd.DataFrame({n: 9_000 + 5_000 * i + 900 * i * price for i, n in enumerate(NAMES)})
    effects = pd.DataFrame({n: 5 + 0.3 * i + 0.2 * i * relief for i, n in enumerate(NAMES)})
    costs.to_csv("costs.csv", index=False)
    effects[NAMES[::-1]].to_csv("effects.csv", index=False)
    pd.DataFrame({"relief": relief, "price_device": price}).to_csv("parameters.csv", index=False)
    return costs, effects


@pytest.fixture
def call(sample: object, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    def run(*arguments: str) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["cea", "--costs", "costs.csv", "--effects", "effects.csv", *arguments])
        captured = capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    return run


def read(folder: str, name: str) -> pd.DataFrame:
    return pd.read_csv(Path(folder) / "tables" / f"{name}.csv")


def test_writes_tables_and_prints(call: Callable[..., Any], sample: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    code, out, err = call()
    assert (code, err) == (0, "")
    assert out.rstrip().endswith("runs/cea")
    assert "200 draws, 3 strategies" in out and "on the frontier" in out and "EVPI per patient" in out
    assert "Highest expected net benefit, by threshold: usual from 0, " in out
    assert max(map(len, out.splitlines())) <= 100
    tables = {
        "frontier": frontier(*sample), "ceac": ceac(*sample, WTP),
        "pairwise": pairwise(*sample, WTP), "evpi": evpi(*sample, WTP),
    }  # fmt: skip
    assert {path.name for path in Path("runs/cea/tables").iterdir()} == {f"{name}.csv" for name in tables}
    for name, table in tables.items():
        table.to_csv("expected.csv", index=False)
        pd.testing.assert_frame_equal(read("runs/cea", name), pd.read_csv("expected.csv"))


def test_options(call: Callable[..., Any], sample: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    code, out, err = call(
        "--wtp", "20000,30000", "--reference", "hf10", "--out", "deep/er",
        "--population", "100", "--years", "2", "--discount", "0",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "EVPI of population" in out
    table = read("deep/er", "evpi")
    assert list(table.wtp) == [20000, 30000]
    np.testing.assert_allclose(table.evpi_population, 200 * table.evpi)
    assert set(read("deep/er", "pairwise").reference) == {"hf10"}


def test_value_of_information_about_parameters(call: Callable[..., Any]) -> None:
    code, out, err = call(
        "--wtp", "10000,20000", "--parameters", "parameters.csv", "--evppi", "relief", "--evppi", "relief,price_device"
    )
    assert (code, err) == (0, "")
    table = read("runs/cea", "evppi")
    assert list(table.columns) == ["wtp", "group", "parameters", "evppi", "se", "method", "evppi_population"]
    assert len(table) == 4
    assert "Value of information about parameters" in out
    call("--wtp", "10000,20000")
    assert not Path("runs/cea/tables/evppi.csv").exists(), "a table of an earlier analysis must not stay"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--costs", "missing.csv"], "there is no file missing.csv"),
        (["--costs", "."], "is a directory"),
        (["--effects", "parameters.csv"], "the files name different strategies"),
        (["--wtp", "0:50000"], "start:stop:step"),
        (["--wtp", "0:50000:0"], "step is 0"),
        (["--reference", "lf"], "no strategy `lf`"),
        (["--evppi", "relief"], "give their file with --parameters"),
        (["--parameters", "parameters.csv"], "--evppi"),
        (["--parameters", "parameters.csv", "--evppi", "relieve"], "did you mean `relief`?"),
        (["--parameters", "parameters.csv", "--evppi", "relief,"], "a parameter is missing"),
        (["--parameters", "parameters.csv", "--evppi", ""], "a parameter is missing"),
        (["--parameters", "parameters.csv", "--evppi", "relief,relief"], "named twice"),
        (["--population", "100"], "give --years and --discount too"),
        (["--population", "-1", "--years", "1", "--discount", "0"], "the incidence of the population is -1"),
        (["--population", "many"], "--population"),
        (["--out", "costs.csv"], "not a directory"),
        (["--out", "costs.csv/below"], "cannot write results"),
    ],
)
def test_what_a_user_can_mend_is_exit_2(call: Callable[..., Any], arguments: list[str], message: str) -> None:
    before = sorted(Path().iterdir())
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err and "Error: " in err and "Traceback" not in err
    assert sorted(Path().iterdir()) == before, "nothing may be left behind"


def test_results_of_a_run_are_left_alone(call: Callable[..., Any]) -> None:
    Path("run").mkdir()
    Path("run/manifest.json").write_text("{}")
    code, _, err = call("--out", "run")
    assert code == 2 and "choose another place" in err
    assert [path.name for path in Path("run").iterdir()] == ["manifest.json"]


def test_one_draw_of_one_strategy(call: Callable[..., Any]) -> None:
    Path("one.csv").write_text("alone\n5\n")
    code, out, err = call("--costs", "one.csv", "--effects", "one.csv")
    assert (code, err) == (0, "")
    assert "1 draw, 1 strategy" in out and "One draw: no uncertainty" in out
    assert read("runs/cea", "pairwise").empty


def test_small_amounts_have_decimals(call: Callable[..., Any]) -> None:
    Path("small.csv").write_text("a,b\n1.25,2.5\n1.75,9.5\n")
    _, out, _ = call("--costs", "small.csv", "--effects", "small.csv", "--wtp", "0,0.5,1")
    assert "1.50" in out and "6.00" in out


@pytest.mark.parametrize(
    ("text", "names"),
    [("a", ["a"]), ("a, b", ["a", "b"]), ('"price, new",b', ["price, new", "b"]), ('b, "x,y"', ["b", "x,y"])],
)
def test_names_with_commas_stand_in_quotes(text: str, names: list[str]) -> None:
    assert parameter_groups([text], Path("p.csv")) == [names]
