"""The CHEERS checklist: all items, in order, and nothing claimed that was not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import scssim
from scssim.report.cheers import Item, cheers
from scssim.report.read import read_result
from scssim.report.write import write
from scssim.result import Result

TOPICS = """Title; Abstract; Background and objectives; Health economic analysis plan; Study population;
Setting and location; Comparators; Perspective; Time horizon; Discount rate; Selection of outcomes;
Measurement of outcomes; Valuation of outcomes; Measurement and valuation of resources and costs;
Currency, price date, and conversion; Rationale and description of model; Analytics and assumptions;
Characterising heterogeneity; Characterising distributional effects; Characterising uncertainty;
Approach to engagement with patients and others affected by the study; Study parameters; Summary of main results;
Effect of uncertainty; Effect of engagement with patients and others affected by the study;
Study findings, limitations, generalisability, and current knowledge; Source of funding; Conflicts of interest"""
SECTIONS = [
    *["Title", "Abstract", "Introduction"], *["Methods"] * 18, *["Results"] * 4, "Discussion",
    *["Other relevant information"] * 2,
]  # fmt: skip
UNKNOWABLE = {4: "analysis_plan", 6: "setting", 19: "distributional", 21: "engagement", 25: "engagement_effect",
              26: "findings", 27: "funding", 28: "conflicts"}  # fmt: skip
SMALL_DECISION = {
    "settings.patients": 300,
    "analyses.decision.curve": {"from": 0, "to": 40_000, "step": 10_000},
    "analyses.dsa.parameters": ["therapies.hf10.costs.*"],
    "analyses.two_way.price_and_loss.points": 2,
    "analyses.thresholds.responders_of_hf10": None,
    "analyses.thresholds.battery_of_hf10": None,
}


@pytest.fixture(scope="module")
def plain() -> Result:
    """Neither draws nor analyses."""
    return scssim.run(scssim.load("back_leg_uk", {"analyses.extrapolation": None}), patients=200)


@pytest.fixture(scope="module")
def full() -> Result:
    return scssim.run(scssim.load("decision_uk", SMALL_DECISION), patients=50, draws=20)


def said(result: Result, number: int) -> str:
    return cheers(result)[number - 1].text


def test_all_items_in_order(plain: Result) -> None:
    items = cheers(plain)
    assert [item.number for item in items] == list(range(1, 29))
    assert [item.topic for item in items] == [" ".join(topic.split()) for topic in TOPICS.split(";")]
    assert [item.section for item in items] == SECTIONS


def whole_sentences(item: Item) -> bool:
    text = item.text
    return text == " ".join(text.split()) and text.endswith(".") and not {"nan", "None"} & set(text.split())


def test_sentences_and_places(plain: Result, full: Result, small_path: Path) -> None:
    for result in (plain, full, scssim.run(small_path, patients=50, draws=2)):
        for item in cheers(result):
            assert not item.text or whole_sentences(item), item
            assert item.text or not item.where


def test_what_no_model_can_know_is_what_the_scenario_says(plain: Result, tmp_path: Path) -> None:
    assert {item.number for item in cheers(plain) if not item.text} == set(UNKNOWABLE)
    block = {key: f"About {key},\n  in two lines." for key in (*UNKNOWABLE.values(), "background", "authors")}
    told = scssim.run(scssim.load("back_leg_uk", {"reporting": block, "analyses.extrapolation": None}), patients=200)
    for number, key in UNKNOWABLE.items():
        assert said(told, number) == f"About {key}, in two lines."
    assert said(told, 3).startswith("About background, in two lines. Conservative care, epidural")
    assert said(told, 1).endswith("Authors: About authors, in two lines.")
    for table in ("outcomes", "visits", "costs", "events"):
        pd.testing.assert_frame_equal(getattr(told, table), getattr(plain, table))


def test_numbers_are_those_of_the_run(plain: Result) -> None:
    best = plain.frontier.assign(nmb=lambda t: 20_000 * t.qaly - t.cost).sort_values("nmb").iloc[-1]
    text = said(plain, 23)
    assert f"{best['cost']:,.0f} GBP and {best['qaly']:.3f} QALYs" in text
    assert f"At 20,000 GBP per QALY {plain.scenario.strategy_label(best['strategy'])} has the highest" in text
    row = plain.increments.set_index("strategy").loc["hf10"]
    assert f"HF10 costs {row.d_cost:,.0f} GBP more and gives {row.d_qaly:.3f} QALYs more than Conservative care" in text
    assert "over 15 years from entry" in said(plain, 9)
    assert "costs and effects at 3.5 % a year" in said(plain, 10)
    assert "3. HF10 (10 kHz) SCS, if" not in said(plain, 7) and "3. HF10 (10 kHz) SCS." in said(plain, 7)
    inputs = plain.inputs[~plain.inputs.distribution.str.startswith("as ")]
    assert f"states {len(inputs)} numbers" in said(plain, 22)
    assert f"{(inputs.grade == 'assumed').sum()} are assumed" in said(plain, 22)
    assert "GBP of 2007" in said(plain, 15)


def test_nothing_is_claimed_that_was_not_done(plain: Result) -> None:
    assert "No draws" in said(plain, 20) and "perfect information" not in said(plain, 20)
    assert "not estimated apart for any subgroup" in said(plain, 18)
    assert "Uncertainty about the numbers was not explored." in said(plain, 24)
    assert said(plain, 24).endswith("The effect of the discount rate and time horizon was not analysed.")
    assert "Alternative analyses" not in said(plain, 2)
    assert {item.where for item in cheers(plain)}.isdisjoint({"uncertainty", "drivers", "extrapolation", "capacity"})


def test_what_was_done_is_told(full: Result) -> None:
    assert "at once, 20 times" in said(full, 20) and "10 groups of numbers" in said(full, 20)
    assert "5 cases: Work-up that is always right" in said(full, 20)
    assert "5 subgroups: Neuropathic pain (`mechanism == 'neuropathic'`)" in said(full, 18)
    text = said(full, 24)
    assert "20 draws are too few to say how sure this is." in text
    swing = full.dsa[full.dsa.parameter == full.dsa.parameter.iloc[0]].inmb
    low, high = (f"{value:,.0f}".replace("-", "\N{MINUS SIGN}") for value in (swing.min(), swing.max()))
    assert f"moves most with `{full.dsa.parameter.iloc[0]}` ({low} to {high})" in text
    assert "The effect of the discount rate and time horizon is among these." in text
    where = {item.number: item.where for item in cheers(full)}
    assert (where[18], where[20], where[24], where[9]) == ("variants", "uncertainty", "uncertainty", "extrapolation")


def test_a_case_that_changes_the_decision_is_named(full: Result) -> None:
    table = full.variants.copy()
    loser = (table.name == "lifetime") & (table.strategy == "conservative")
    table.loc[loser, "cost"] = -1e6
    changed = said(replace(full, variants=table), 24)
    assert "Lifetime horizon (Conservative care)" in changed and "Lifetime horizon (C" not in said(full, 24)


def test_a_service(tmp_path: Path) -> None:
    short = {"service.years": 1, "service.warm_up_years": 0.1, "service.replications": 2, "analyses.capacity": None}
    items = cheers(scssim.run(scssim.load("pain_service", short), engine="des"))
    assert "limited resources (Programme places, Injection list and Theatre slots)" in items[5].text
    assert items[5].where == "capacity"
    assert "from the referral of each patient" in items[8].text
    assert "2 replications" in items[4].text and "queue" in items[15].text


@pytest.mark.parametrize(
    ("overrides", "number", "words"),
    [
        ({"strategies": {"lf": None}}, 1, "compared with nothing"),
        ({"settings.willingness_to_pay": []}, 23, "Mean discounted costs"),
        ({"settings.horizon_years": "lifetime"}, 9, "a lifetime (until age 110)"),
        ({"settings.perspective": "societal"}, 8, "society count"),
        ({"settings.visit_months": [], "targets": []}, 12, "exact area"),
        ({"population.mortality.life_table": None}, 16, "up to the end of follow-up"),
        ({"settings.discount_rate": {"costs": 0.03, "effects": 0}}, 10, "costs at 3 % and effects at 0 % a year"),
    ],
)
def test_odd_scenarios(small_path: Path, overrides: dict[str, Any], number: int, words: str) -> None:
    if "strategies" in overrides:
        overrides = {**overrides, "settings.reference": None, "targets": []}
    result = scssim.run(scssim.load(small_path, overrides), patients=20, draws=2)
    assert words in said(result, number)
    assert all(not item.text or whole_sentences(item) for item in cheers(result))


def test_patients_of_a_table(small_path: Path, tmp_path: Path) -> None:
    table = tmp_path / "cohort.csv"
    table.write_text("age,female\n50,1\n60,0\n")
    result = scssim.run(scssim.load(small_path, {"population.file": str(table)}), draws=0)
    assert "Patients come from the table cohort.csv" in said(result, 5) and str(tmp_path) not in said(result, 5)


def test_analyses_read_back_say_the_same(full: Result, tmp_path: Path) -> None:
    write(full, tmp_path, "test")
    assert cheers(read_result(tmp_path)[0]) == cheers(full)


@pytest.mark.parametrize("strategies", [1, 7])
def test_a_result_with_few_tables_has_all_items(fake_result: Callable[..., Result], strategies: int) -> None:
    assert len(cheers(fake_result(strategies))) == 28


def test_with_enough_draws_it_is_told_how_sure_the_best_is(small_path: Path) -> None:
    result = scssim.run(scssim.load(small_path, {"settings.visit_months": [], "targets": None}), patients=10, draws=100)
    top = result.ceac[(result.ceac.wtp == 20_000) & result.ceac.is_optimal].iloc[0]
    assert f"the highest in {100 * top.p_best:.3g} % of the draws" in said(result, 24)
