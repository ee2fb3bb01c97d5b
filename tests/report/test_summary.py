"""The summary in the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scssim.report.summary import MOST_WARNINGS, number, print_summary


def printed(result: Any, width: int = 100, out: Path | None = None, **options: Any) -> str:
    file = io.StringIO()
    print_summary(result, Console(file=file, width=width, **options), out)
    return file.getvalue()


def row(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


@pytest.mark.parametrize("width", [80, 100, 250])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_it_fits_and_is_plain(fake_result: Callable[..., Any], width: int, count: int) -> None:
    text = printed(fake_result(count), width)
    assert max(map(len, text.splitlines())) <= min(width, 100)
    assert "\x1b" not in text and "…" not in text
    assert not re.search(r"\d{7}", text.replace("20150901", "")), "a number that nobody can read"
    assert "nan" not in text.lower().replace("maintenance", "")


def test_costs_qalys_and_the_frontier(result: Any) -> None:
    text = printed(result)
    frontier = result.frontier.set_index("strategy")
    line = row(text, "Conservative care alone")
    assert f"{frontier.cost['conservative']:,.0f}" in line
    assert f"{frontier.qaly['conservative']:.3f}" in line
    assert "dominated" in line
    guided = row(text, "Mechanism-guided")
    assert f"{frontier.icer['guided']:,.0f}" in guided and "after Drugs only" in guided


def test_increments_at_each_threshold(result: Any) -> None:
    increments = result.increments.set_index("strategy").loc["lf_scs"]
    text = printed(result).split("Difference from Conservative care alone")[1]
    line = row(text, "Conservative care, injections, then LF-SCS")
    for value in (increments.inmb_20000, increments.inmb_30000):
        assert f"{value:,.0f}" in line


def test_clinical_results_prefer_implanted_patients_after_activation(result: Any) -> None:
    text = printed(result)
    assert "Month 3/12/24 since activation of the first implant" in text and "patients ever implanted" in text
    visits = result.visits
    rows = visits[(visits.strategy == "guided") & (visits.clock == "activation") & (visits.denominator == "implanted")]
    means = rows.set_index(["measure", "month"])["mean"]
    part = text.split("since activation")[1]
    want = "/".join(f"{100 * means['back_responder', m]:.0f}" for m in (3.0, 12.0, 24.0))
    assert want in row(part, "Mechanism-guided")
    assert "Strategies without such patients are left out" in text


def test_clinical_results_from_entry_when_that_is_the_only_clock(result: Any) -> None:
    only = replace(result, visits=result.visits[(result.visits.clock == "entry") & (result.visits.month <= 12)])
    text = printed(only)
    assert "Month 3/12 since entry  (all patients alive)" in text
    assert "left out" not in text


def test_targets_are_judged(result: Any) -> None:
    text = printed(result)
    agrees, fails, reported = (row(text, f"drugs: {m},") for m in ("back responder", "leg responder", "back VAS"))
    assert "84.5 %" in agrees and "81.2 %" in agrees and "-3.3 pt" in agrees and "✓" in agrees
    assert "-23.0 pt" in fails and "✗" in fails
    assert "+0.21" in reported and reported.rstrip().endswith("-")
    assert "1 of 2 targets with a tolerance agree" in text and "reported only" in text


def test_marks_are_words_where_there_are_no_symbols(result: Any) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    print_summary(result, Console(file=file, width=100), None)
    file.seek(0)
    text = file.read()
    assert "NO" in row(text, "drugs: leg responder") and "yes" in row(text, "drugs: back responder")


def test_warnings_and_the_place_of_the_results(result: Any) -> None:
    text = printed(result, out=Path("runs/x-1"))
    assert "Warning: the SD of therapies.hf10.relief.leg is U-shaped [check it]" in text
    assert text.rstrip().endswith("runs/x-1")
    many = replace(result, warnings=[f"number {i}" for i in range(MOST_WARNINGS + 4)])
    assert "4 more warnings" in printed(many)


def test_empty_tables_are_left_out(result: Any, without: Callable[..., Any]) -> None:
    text = printed(without(result, "visits", "targets", "increments", "frontier"))
    assert "Month" not in text and "Published" not in text and "Difference" not in text


def test_draws_are_named(fake_result: Callable[..., Any]) -> None:
    assert "50 draws x 10,000 patients" in printed(fake_result(2, draws=50))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (-0.2, "0"), (None, ""), (float("nan"), ""), (float("inf"), "infinite"), (2.5e7, "25.0 m"),
     (-3.2e9, "-3.2 bn"), (1e15, ">1,000 bn")],
)  # fmt: skip
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text
