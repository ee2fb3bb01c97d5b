"""The workbook: every table, and formulas that give our numbers when another program calculates them."""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import formualizer
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from scssim import economics
from scssim.errors import ScssimError
from scssim.library import bibliography, life_table, norms
from scssim.report.read import read_result
from scssim.report.workbook import contents as module
from scssim.report.workbook.contents import ABOUT, workbook, write_workbook
from scssim.report.workbook.kinds import formats, general, kind
from scssim.report.write import write
from scssim.result import TABLES

THRESHOLD = (4, 2)
"""Row and column, from 1, of the cell on the sheet Decision that may be edited."""

HOSTILE = (
    "=1+1", "+44 20", "-5", "@SUM(A1)", '=HYPERLINK("http://x","y")', '"quoted", with \'both\'', "<r>&</r>", "a\nb",
    "_x0041_", "bell \x07", "https://example.org", "1e5", "TRUE", "é 漢字 🧠", " spaces ", "x" * 400,
)  # fmt: skip


@pytest.fixture(scope="module")
def plain() -> Any:
    """A shipped scenario without draws."""
    overrides = {"settings.horizon_years": 3, "settings.visit_months": [0, 12], "analyses.extrapolation": None}
    return scssim.run(scssim.load("back_leg_uk", overrides=overrides), patients=150, draws=0)


@pytest.fixture(scope="module")
def drawn() -> Any:
    """A shipped scenario with draws, and analyses of them."""
    small = {
        "settings.visit_months": [0],
        "settings.horizon_years": 3,
        "analyses.decision.curve": {"from": 0, "to": 40_000, "step": 10_000},
        "analyses.dsa.parameters": ["therapies.hf10.device.*"],
        "analyses.two_way.price_and_loss.points": 2,
        "analyses.thresholds": None,
        "analyses.extrapolation": None,
        "analyses.variants": None,
        "analyses.subgroups": None,
    }
    return scssim.run(scssim.load("decision_uk", overrides=small), patients=20, draws=40)


@pytest.fixture(scope="module")
def service() -> Any:
    """A service on discrete events."""
    short = {
        "settings.horizon_years": 3,
        "service.years": 1,
        "service.warm_up_years": 0.1,
        "service.replications": 2,
        "service.log_patients": 5,
        "analyses.capacity.levels": [9],
    }
    return scssim.run(scssim.load("pain_service", overrides=short), engine="des")


KEPT: dict[int, tuple[Any, bytes]] = {}
"""Workbooks by the identity of their results, which are kept lest another takes it."""


def content(result: Any) -> bytes:
    if id(result) not in KEPT:
        KEPT[id(result)] = result, workbook(result)
    return KEPT[id(result)][1]


@cache
def _opened(written: bytes, formulas: bool) -> Any:
    return openpyxl.load_workbook(io.BytesIO(written), data_only=not formulas)


def opened(result: Any, formulas: bool = False) -> Any:
    return _opened(content(result), formulas)


def calculated(result: Any, threshold: object = None) -> Any:
    """The workbook as another program calculates it, after an edit of the threshold."""
    book = formualizer.load_workbook_bytes(content(result))
    if threshold is not None:
        book.set_value("Decision", *THRESHOLD, threshold)
    book.evaluate_all()
    return book


def value(book: Any, sheet: str, row: int, column: int) -> Any:
    found = book.get_value(sheet, row, column)
    return "" if found is None else found


def block(book: Any, heading: str, strategies: int) -> pd.DataFrame:
    """A block of the sheet Decision by id of the strategy; empty cells are NaN."""
    names = [str(value(book, "Decision", row, 1)) for row in range(1, 200)]
    top = next(i for i, name in enumerate(names, 1) if name.startswith(heading))
    top += next(i for i in range(1, 4) if value(book, "Decision", top + i, 2) == "id")
    headers = [str(value(book, "Decision", top, c)) for c in range(1, 13)]
    rows = [[value(book, "Decision", r, c) for c in range(1, 13)] for r in range(top + 1, top + 1 + strategies)]
    frame = pd.DataFrame(rows, columns=headers).drop(columns="", errors="ignore")
    return frame.replace("", np.nan).set_index("id")


def numbers(column: Any) -> np.ndarray[Any, Any]:
    return np.array([math.nan if pd.isna(v) else float(v) for v in column])


def agree(found: Any, wanted: Any) -> None:
    """Equal but for rounding in the last digits; relative to the largest, as the numbers are differences."""
    scale = max(float(np.nan_to_num(np.abs(wanted)).max(initial=0.0)), 1.0)
    np.testing.assert_allclose(numbers(found), np.asarray(wanted, float), rtol=1e-9, atol=1e-9 * scale)


def means(result: Any) -> tuple[dict[str, float], dict[str, float]]:
    table = result.outcomes.set_index(["outcome", "strategy"])["mean"]
    return table["cost"].to_dict(), table["qaly"].to_dict()


# ------------------------------------------------------------------ tables


def cell(value: Any) -> Any:
    """What a cell holds for a value of a table."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
        return None
    return {math.inf: "infinite", -math.inf: "-infinite"}.get(value, value) if isinstance(value, float) else value


def same(found: Any, wanted: Any) -> bool:
    """Whether a cell holds a value; of numbers it keeps sixteen digits."""
    if isinstance(wanted, float) and isinstance(found, int | float):
        return math.isclose(found, wanted, rel_tol=1e-15)
    return bool(found == wanted)


@pytest.mark.parametrize("which", ["plain", "drawn", "service"])
def test_one_sheet_per_table_with_its_values(which: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(which)
    book = opened(result)
    tables = {name: getattr(result, name) for name in TABLES}
    filled = [name for name, table in tables.items() if len(table)]
    assert len(filled) >= 8
    names = {name.lower(): name for name in book.sheetnames}
    assert set(names) == {*filled, "summary", "decision", "sources", *(["draws"] if result.draws else [])}
    for name in filled:
        sheet, table = book[names[name]], tables[name]
        rows = list(sheet.iter_rows(values_only=True))
        assert list(rows[0]) == list(table.columns)
        found = pd.DataFrame(rows[1:], columns=table.columns, dtype=object)
        for column in table.columns:
            wanted = [cell(v) for v in table[column].tolist()]
            assert all(map(same, found[column], wanted)), (name, column)
        assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == sheet.dimensions


def test_yes_and_no_stay_yes_and_no(drawn: Any) -> None:
    column = list(drawn.ceac.columns).index("is_optimal")
    found = [row[column] for row in opened(drawn)["ceac"].iter_rows(min_row=2, values_only=True)]
    assert found == drawn.ceac["is_optimal"].tolist() and {type(v) for v in found} == {bool}


def test_every_table_has_a_line_and_a_name_that_fits() -> None:
    assert set(ABOUT) == set(TABLES)
    assert all(len(name) <= 31 for name in TABLES)


def test_the_first_sheet_says_what_was_run_and_leads_to_the_others(drawn: Any) -> None:
    book = opened(replace(drawn, warnings=["look twice"]))
    sheet = book[book.sheetnames[0]]
    rows = [(a.value, b.value) for a, b in sheet.iter_rows(max_col=2)]
    assert sheet["A1"].value == drawn.scenario.title
    assert {
        ("Engine", "cohort"), ("Draws", "40"), ("Patients", "20 per draw"), ("Seed", str(drawn.seed)),
        ("Horizon", "3 years"), ("Perspective", "healthcare"), ("Currency", "GBP, 2024 prices"),
        ("Thresholds", "20,000, 30,000"), ("Reference", "Conservative care"), (None, "look twice"),
    } <= {*rows}  # fmt: skip
    assert ("Version", f"scssim {version('scssim')}") in rows
    links = {row[0].value: row[0].hyperlink.location for row in sheet.iter_rows(max_col=1) if row[0].hyperlink}
    assert links == {name: f"'{name}'!A1" for name in book.sheetnames[1:]}


def test_long_tables_are_left_out_and_told(drawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CSV_ROWS", len(drawn.psa) - 1)
    assert len(drawn.outcomes) < len(drawn.psa) < len(drawn.occupancy)
    fresh = replace(drawn)
    book = opened(fresh)
    assert not {"psa", "occupancy", "Draws"} & set(book.sheetnames) and "outcomes" in book.sheetnames
    rows = dict(book["Summary"].iter_rows(max_col=2, values_only=True))
    assert rows["psa"] == f"{len(drawn.psa):,} rows: see tables/psa.parquet"
    assert "psa!" not in str([list(row) for row in opened(fresh, True)["Decision"].iter_rows(values_only=True)])


def test_assumed_inputs_stand_out_without_colours(plain: Any) -> None:
    sheet = opened(plain)["Inputs"]
    column = list(plain.inputs.columns).index("grade") + 1
    assert {"assumed", "published", "derived"} <= set(plain.inputs["grade"])
    for row in range(2, sheet.max_row + 1):
        grade = sheet.cell(row, column)
        assumed = grade.value == "assumed"
        assert grade.font.bold == assumed
        assert {sheet.cell(row, c).fill.fill_type == "solid" for c in range(1, sheet.max_column + 1)} == {assumed}


def test_sources_are_those_of_inputs_life_table_and_norms(plain: Any) -> None:
    own = plain.inputs.copy()
    own.loc[0, "source"] = "nobody2020"
    rows = list(opened(replace(plain, inputs=own))["Sources"].iter_rows(values_only=True))
    keys = [row[0] for row in rows[1:]]
    packaged = {life_table("uk_2017_2019").source, norms(plain.scenario.utilities.norms).source}
    assert keys == sorted({*own["source"], *packaged} - {""}) and "nobody2020" in keys
    for key, *_, read in rows[1:]:
        wanted = bibliography()[key].read if key in bibliography() else "not in the bibliography"
        assert (read or "") == wanted


# ------------------------------------------------------------------ looks


def test_number_formats(plain: Any, drawn: Any) -> None:
    book = opened(plain)
    rows = list(book["outcomes"].iter_rows(min_row=2))
    assert {row[1].value: row[2].number_format for row in rows} | {"cost": "#,##0", "qaly": "#,##0.0000"} == {
        row[1].value: row[2].number_format for row in rows
    }
    assert {row[3].number_format for row in book["occupancy"].iter_rows(min_row=2)} == {"#,##0.0%"}
    assert {row[1].number_format for row in opened(drawn)["ceac"].iter_rows(min_row=2)} == {"General"}
    assert {row[2].number_format for row in opened(drawn)["ceac"].iter_rows(min_row=2)} == {"#,##0.0%"}


@pytest.mark.parametrize("which", ["plain", "drawn", "service"])
def test_columns_fit(which: str, request: pytest.FixtureRequest) -> None:
    """No number shows as #### or with many digits."""
    for sheet in opened(request.getfixturevalue(which)).worksheets[1:]:
        widths = {c: one.width for one in sheet.column_dimensions.values() for c in range(one.min, one.max + 1)}
        for row in sheet.iter_rows():
            for one in row:
                if isinstance(one.value, bool) or not isinstance(one.value, int | float):
                    continue
                where, look = (sheet.title, one.coordinate, one.value), one.number_format
                assert look != "General" or abs(one.value) < 1000, where
                places = len(look.rstrip("%").partition(".")[2])
                shown = f"{one.value * (100 if look.endswith('%') else 1):,.{places}f}"
                shown = f"{one.value:.3E}" if "E" in look else shown
                assert sum(c.isdigit() for c in shown) <= 12, where
                assert len(shown) < widths[one.column], where


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (0.0, "#,##0"), (12345.678, "#,##0"), (0.1, "#,##0.0"), (0.123456, "#,##0.0000"), (-7.25, "#,##0.00"),
        (0.00012345, "#,##0.0000000"), (1e-7, "0.000E+00"), (3e15, "0.000E+00"), (123456.0, "#,##0"),
    ],
)  # fmt: skip
def test_general_numbers_have_four_digits(number: float, wanted: str) -> None:
    assert general(number) == wanted


def test_headers_say_units(plain: Any) -> None:
    notes = {one.value: one.comment and one.comment.text for one in opened(plain)["frontier"][1]}
    assert (notes["cost"], notes["qaly"], notes["status"]) == ("GBP, 2024 prices", "QALYs", None)
    assert notes["icer"] == "GBP per QALY"


def test_kinds_by_name() -> None:
    for name, unit in (
        ("inmb_20000_mcse", "{currency}, {year} prices"), ("icer_reference", "{currency} per QALY"),
        ("d_qaly_mcse", "QALYs"), ("mean_days_mcse", "days"), ("p_best_uncorrected", "share, shown in percent"),
        ("qaly_gain_after_data", "share, shown in percent"), ("odi", ""), ("back_responder", "share, shown in percent"),
    ):  # fmt: skip
        assert kind(name).unit == unit, name
    assert formats([kind("cost")] * 3, [1.5, math.nan, math.inf]) == ["#,##0.00", "", ""]


# ---------------------------------------------------------------- formulas


@pytest.mark.parametrize("which", ["plain", "drawn", "service"])
def test_formulas_give_the_results_beside_them(which: str, request: pytest.FixtureRequest) -> None:
    """Every formula: another program calculates what stands in the file for those that do not calculate."""
    result = request.getfixturevalue(which)
    written, shown, book = opened(result, True), opened(result), calculated(result)
    count = 0
    for name in {"Decision", "Draws"} & set(written.sheetnames):
        for row in written[name].iter_rows():
            for one in row:
                if not str(one.value).startswith("="):
                    continue
                count += 1
                wanted, found = shown[name][one.coordinate].value, value(book, name, one.row, one.column)
                if isinstance(wanted, int | float):
                    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9), (name, one.coordinate, one.value)
                else:
                    assert found == (wanted or ""), (name, one.coordinate, one.value)
    assert count > 10 * len(result.scenario.strategies)


@pytest.mark.parametrize("which", ["plain", "drawn", "service"])
def test_formulas_give_our_numbers(which: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(which)
    names, wtp = list(result.scenario.strategies), result.scenario.settings.willingness_to_pay[0]
    book = calculated(result)
    found, ours = block(book, "Strategies", len(names)), result.increments.set_index("strategy")
    assert list(found.index) == names
    assert list(found["Strategy"]) == [result.scenario.strategy_label(name) for name in names]
    agree(found["Cost, difference"], ours["d_cost"])
    agree(found["QALYs, difference"], ours["d_qaly"])
    agree(found["ICER, GBP per QALY"], ours["icer"])
    agree(found["NMB, difference (INMB)"], ours[f"inmb_{wtp:g}"])
    same_frontier(block(book, "Full incremental", len(names)), result.frontier, result.scenario.strategy_label)


def same_frontier(found: pd.DataFrame, ours: pd.DataFrame, label: Callable[[str], str]) -> None:
    ours = ours.set_index("strategy").loc[found.index]
    assert list(found["Status"]) == list(ours["status"])
    agree(found["Cost, increment"], ours["inc_cost"])
    agree(found["QALYs, increment"], ours["inc_qaly"])
    agree(found["ICER, GBP per QALY"], ours["icer"])
    assert [v for v in found["Against"] if not pd.isna(v)] == [label(v) for v in ours["versus"] if v is not None]
    costs = numbers(found["Cost"])
    assert (np.diff(costs) >= -1e-6).all(), "in order of cost"


@pytest.mark.parametrize("wtp", [0, 13_000, 45_000, 1e9])
def test_an_edited_threshold_changes_everything_that_depends_on_it(plain: Any, drawn: Any, wtp: float) -> None:
    for result in (plain, drawn):
        costs, qalys = means(result)
        names = list(costs)
        benefit = economics.nmb(costs, qalys, wtp).set_index("strategy")["nmb"]
        book = calculated(result, wtp)
        found = block(book, "Strategies", len(names))
        agree(found["NMB"], benefit[names])
        agree(found["NMB, difference (INMB)"], benefit[names] - benefit[result.scenario.reference])
        best = benefit.idxmax()
        assert value(book, "Decision", 5, 2) == result.scenario.strategy_label(best)
        assert list(found["Best"].dropna().index) == [best]


@pytest.mark.parametrize("wtp", [None, 0, 13_000, 45_000])
def test_what_draws_say_at_any_threshold(drawn: Any, wtp: float | None) -> None:
    names, reference = list(drawn.scenario.strategies), drawn.scenario.reference
    costs, qalys = (drawn.psa.pivot(index="draw", columns="strategy", values=c)[names] for c in ("cost", "qaly"))
    book = calculated(drawn, wtp)
    level = drawn.scenario.settings.willingness_to_pay[0] if wtp is None else wtp
    found = block(book, "Draws", len(names))
    curve = economics.ceac(costs, qalys, level).set_index("strategy")
    agree(found["Mean cost"], costs.mean()[names])
    agree(found["Mean QALYs"], qalys.mean()[names])
    agree(found["Probability of the highest NMB"], curve.loc[names, "p_best"])
    agree(found["Expected loss"], curve.loc[names, "expected_loss"])
    pairs = economics.pairwise(costs, qalys, level, reference).set_index("strategy").reindex(names)
    agree(found["Probability of INMB above 0"], pairs["p_cost_effective"])
    agree(found["NMB, difference (INMB)"], pairs["inmb"].fillna(0.0))
    row = next(r for r in range(1, 100) if value(book, "Decision", r, 1) == "Expected value of perfect information")
    agree([value(book, "Decision", row, 3)], economics.evpi(costs, qalys, level)["evpi"])
    if wtp is None:  # the table of the run, as simulated
        table = drawn.ceac[drawn.ceac["wtp"] == level].set_index("strategy").loc[names]
        agree(found["Probability of the highest NMB"], table["p_best_uncorrected"])
        agree(found["Expected loss"], table["expected_loss_uncorrected"])


def test_draws_that_were_sorted_are_not_mixed_up(drawn: Any) -> None:
    book = formualizer.load_workbook_bytes(content(drawn))
    table = drawn.psa.sort_values("strategy", kind="stable")
    for r, row in enumerate(table.astype(object).to_numpy().tolist(), 2):
        for c, one in enumerate(row, 1):
            book.set_value("psa", r, c, one)
    book.evaluate_all()
    assert set(block(book, "Draws", drawn.psa["strategy"].nunique())["Probability of the highest NMB"]) == {
        "psa was sorted"
    }


def test_outcomes_may_be_sorted_and_edited(plain: Any) -> None:
    book = formualizer.load_workbook_bytes(content(plain))
    table = plain.outcomes[::-1].reset_index(drop=True)
    edited = (table["strategy"] == "hf10") & (table["outcome"] == "cost")
    table.loc[edited, "mean"] = 1.0
    for r, row in enumerate(table.astype(object).to_numpy().tolist(), 2):
        for c, one in enumerate(row, 1):
            book.set_value("outcomes", r, c, one)
    book.evaluate_all()
    costs, qalys = means(plain)
    ours = economics.frontier({**costs, "hf10": 1.0}, qalys)
    same_frontier(block(book, "Full incremental", len(costs)), ours, plain.scenario.strategy_label)


# Few different values, so that equals, dominance and points on a line are common.
few = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=7)


@settings(max_examples=40)
@given(few)
def test_the_frontier_of_any_strategies(bare_result: Callable[..., Any], points: list[tuple[int, int]]) -> None:
    result = bare_result([1000.0 * c for c, _ in points], [float(e) for _, e in points])
    costs, qalys = means(result)
    found = block(calculated(result), "Full incremental", len(points))
    same_frontier(found, economics.frontier(costs, qalys), result.scenario.strategy_label)
    order = sorted(costs, key=lambda name: (costs[name], -qalys[name]))
    assert list(found.index) == order
    assert list(result.frontier["status"]) == list(economics.frontier(costs, qalys)["status"])


def test_differences_by_rounding_are_none(bare_result: Callable[..., Any]) -> None:
    result = bare_result([0.1 + 0.2, 0.3, 5.0], [1.0, 1.0 + 1e-15, 2.0])
    found = block(calculated(result), "Full incremental", 3)
    assert list(found["Status"]) == ["frontier", "tie", "frontier"]


# ------------------------------------------------------------ special cases


@pytest.mark.parametrize("draws", [None, 5])
def test_one_strategy(fake_result: Callable[..., Any], without: Callable[..., Any], draws: int | None) -> None:
    result = without(fake_result(1, draws), "visits", "occupancy")
    book = calculated(result)
    found = block(book, "Full incremental", 1)
    assert list(found["Status"]) == ["frontier"]
    assert value(book, "Decision", 5, 2) == result.scenario.strategy_label("conservative")
    if draws:
        assert list(block(book, "Draws", 1)["Probability of the highest NMB"]) == [1.0]


def test_without_thresholds_one_can_be_entered(fake_result: Callable[..., Any], without: Callable[..., Any]) -> None:
    result = without(fake_result(3, 5, willingness_to_pay=[]), "visits", "occupancy")
    assert "none" in [row[1].value for row in opened(result)["Summary"].iter_rows(max_col=2)]
    book = calculated(result)
    assert value(book, "Decision", *THRESHOLD) == "" and value(book, "Decision", 5, 2) == ""
    found = block(book, "Draws", 3)
    assert found[["NMB", "Expected loss", "Probability of the highest NMB"]].isna().all(axis=None)
    costs, qalys = means(result)
    book = calculated(result, 25_000.0)
    agree(block(book, "Strategies", 3)["NMB"], [25_000 * qalys[name] - costs[name] for name in costs])
    assert numbers(block(book, "Draws", 3)["Probability of the highest NMB"]).sum() == pytest.approx(1)


def test_a_threshold_that_is_no_number_gives_nothing(plain: Any) -> None:
    book = calculated(plain, "many")  # type: ignore[arg-type]
    assert block(book, "Strategies", len(plain.scenario.strategies))["NMB"].isna().all()
    assert value(book, "Decision", 5, 2) == ""


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_of_users_are_text(fake_result: Callable[..., Any], without: Callable[..., Any], label: str) -> None:
    result = without(fake_result(2, 3), "visits", "occupancy")
    strategies = {name: one.model_copy(update={"label": label}) for name, one in result.scenario.strategies.items()}
    result.loaded.scenario = result.scenario.model_copy(update={"strategies": strategies, "title": label})
    wanted = label.replace("\x07", "\N{REPLACEMENT CHARACTER}")
    written, shown = opened(result, True), opened(result)
    assert shown["Summary"]["A1"].value == wanted and written["Summary"]["A1"].data_type == "s"
    row = next(r for r in range(1, 20) if written["Decision"].cell(r, 2).value == "conservative")
    one = written["Decision"].cell(row, 1)
    assert (one.value, one.data_type) == (wanted, "s")
    assert one.quotePrefix == (label[0] in "=+-@")
    assert shown["Decision"]["B5"].value == wanted
    assert value(calculated(result), "Decision", 5, 2) == wanted


# --------------------------------------------------------------- the file


def test_the_same_result_gives_the_same_bytes(fake_result: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = workbook(fake_result(2, 3))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert workbook(replace(fake_result(2, 3), seconds=12.0)) == one


def test_a_result_that_was_read_back_gives_the_same_workbook(plain: Any, tmp_path: Path) -> None:
    write(plain, tmp_path, "scssim run")
    assert write_workbook(read_result(tmp_path)[0], tmp_path / "results.xlsx").read_bytes() == content(plain)


def test_a_failed_write_leaves_the_old_file(
    fake_result: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.xlsx"
    path.write_text("mine")

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(module, "_summary", fail)
    with pytest.raises(RuntimeError):
        write_workbook(fake_result(2), path)
    assert path.read_text() == "mine" and [*tmp_path.iterdir()] == [path]


def test_places_that_cannot_be_written_are_told(fake_result: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "results.xlsx").mkdir()
    with pytest.raises(ScssimError, match="it is a directory"):
        write_workbook(fake_result(1), tmp_path / "results.xlsx")
    with pytest.raises(ScssimError, match="cannot write"):
        write_workbook(fake_result(1), tmp_path / "nowhere" / "results.xlsx")


SMALL = ("--patients", "20", "--draws", "2", "--seed", "3", "--set", "settings.horizon_years=2")


def test_the_command_writes_it_and_a_run_without_removes_it(
    call: Callable[..., Any], small_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scssim.report.render.render", lambda folder: folder)
    code, _, err = call("run", str(small_path), *SMALL, "--excel")
    path = Path("runs/small-3/results.xlsx")
    assert (code, err) == (0, "") and {"Decision", "psa"} <= set(openpyxl.load_workbook(path).sheetnames)
    assert call("run", str(small_path), *SMALL)[0] == 0
    assert not path.exists()


def test_a_missing_package_is_told_before_the_run(
    call: Callable[..., Any], small_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the run began")

    monkeypatch.setattr(scssim, "run", never)
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    code, out, err = call("run", str(small_path), *SMALL, "--excel")
    assert (code, out) == (2, "") and 'pip install "scssim[excel]"' in err and "Traceback" not in err
    assert not Path("runs").exists()


def test_a_directory_in_its_place_is_told_before_the_run(call: Callable[..., Any], small_path: Path) -> None:
    Path("here/results.xlsx").mkdir(parents=True)
    code, _, err = call("run", str(small_path), *SMALL, "--excel", "--out", "here")
    assert code == 2 and "results.xlsx: it is a directory" in err
