"""Face validity: every doubt with what raises it, and with what comes close and does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import scssim
from scenario.doubts import HF10, LF, Doubt, doubts, is_not_told, is_told
from scssim.scenario.expressions import parse
from scssim.scenario.face import face, percent
from scssim.scenario.face_steps import possible
from scssim.scenario.merge import shipped

LIFE_TABLE = "population.mortality.life_table"
NOTHING_COSTS = {
    **{f"therapies.{name}.costs": None for name in ("conservative", "injection", "lf_scs", "hf10")},
    "therapies.conservative.complications": None,
    "therapies.injection.complications": None,
    "therapies.lf_scs.complications.infection.cost": None,
    "therapies.hf10.complications.pocket_pain.cost": None,
    "population.diagnosis.cost": None,
    "costs": {"by_relief": None, "background": None},
}
CERTAIN = {"source": "kapural2015", "grade": "published"}
ENDLESS = {"therapies.conservative.max_duration": None}

DOUBTS: dict[str, Doubt] = {
    "no discounting": (
        {"settings.discount_rate": {"costs": 0, "effects": 0}},
        "settings.discount_rate",
        "costs and effects are not discounted",
        {"settings": {"discount_rate": {"costs": 0, "effects": 0}, "horizon_years": 1}},
    ),
    "effects not discounted": (
        {"settings.discount_rate.effects": 0},
        "settings.discount_rate.effects",
        "effects are not discounted",
        {"settings.discount_rate.effects": 0.005},
    ),
    "heavy discounting": (
        {"settings.discount_rate.costs": 0.35},
        "settings.discount_rate.costs",
        "costs in ten years count 4.97 % of what they do today",
        {"settings.discount_rate.costs": 0.1},
    ),
    "visits after the end": (
        {"settings.visit_months": [0, 12, 61, 72, 84]},
        "settings.visit_months.2",
        "the visit at month 61 and 2 later would come after the horizon of 5 years",
        {"settings.visit_months": [0, 12, 60]},
    ),
    "targets after the end": (
        {"targets.0.month": 61},
        "targets.0.month",
        "no simulated result to hold against",
        {"targets.0.month": 60},
    ),
    "reviews after the end": (
        {f"{HF10}.review.months": [72]},
        f"{HF10}.review.months",
        "nobody is ever stopped",
        {f"{HF10}.review.months": [12, 72]},
    ),
    "no threshold": (
        {"settings.willingness_to_pay": []},
        "settings.willingness_to_pay",
        "without a threshold",
        {"settings.willingness_to_pay": [], "analyses.psa": None},
    ),
    "societal in name": (
        {"settings.perspective": "societal"},
        "settings.perspective",
        "every cost is borne by healthcare",
        {"settings.perspective": "societal", "costs.by_relief.drugs.perspective": "patient"},
    ),
    "no norms": (
        {"settings.horizon_years": 15},
        "utilities.norms",
        "utility does not fall with age",
        {"settings.horizon_years": 15, "settings.norm_adjust": False},
    ),
    "prices of another year": (
        {f"{HF10}.costs.device": {"value": 16648, "price_year": 2019}},
        f"{HF10}.costs.device",
        "at prices of 2019, the scenario at those of 2024",
        {f"{HF10}.costs.device": {"value": 16648, "price_year": 2024}},
    ),
    "pain without disability": (
        {"population.correlation.back_vas.odi": -0.4},
        "population.correlation.back_vas.odi",
        "patients with more back_vas would have less odi",
        {"population.correlation": {"age": {"odi": -0.2}}},
    ),
    "pain in millimetres": (
        {"population.back_vas": {"mean": 76, "sd": 11, "min": 50, "max": 100}},
        "population.back_vas",
        "values reach 100, but the scale goes from 0 to 10",
        {"population.back_vas": {"mean": 7.6, "sd": 1.1, "min": 0, "max": 10}},
    ),
    "pain without a top": (
        {"population.leg_vas": {"mean": 7.3, "sd": 1.5, "min": None, "max": None}},
        "population.leg_vas",
        "values reach 10.2",
        {"population.leg_vas": {"mean": 7.3, "sd": 1.3, "min": None, "max": None}},
    ),
    "a free operation": (
        {f"{HF10}.costs": {"device": None, "revision": None}},
        f"{HF10}.costs",
        "no cost of the device and revisions",
        {f"{HF10}.costs": {"device": 0, "revision": 0}},
    ),
    "free explants": (
        {f"{HF10}.costs.explant": None},
        f"{HF10}.costs",
        "no cost of explants",
        {f"{HF10}.costs.explant": None, f"{HF10}.loss_of_effect.stop_after_loss": 0, f"{HF10}.review": None},
    ),
    "a free procedure": (
        {"therapies.injection.costs": {"procedure": None, "referral": 80}},
        "therapies.injection.costs",
        "no cost of the procedure",
        {"therapies.injection.costs": {"procedure": 0}},
    ),
    "a free drug": (
        {"therapies.conservative.costs": None},
        "therapies.conservative.costs",
        "no cost of the therapy",
        {"therapies.conservative.costs": None, "therapies.conservative.background": True},
    ),
    "nothing costs anything": (
        NOTHING_COSTS,
        "strategies",
        "nothing here costs anything",
        {**NOTHING_COSTS, "therapies": {
            "conservative": {"costs": {"per_year": 1}},
            "injection": {"costs": {"procedure": 0}},
            **{name: {"costs": dict.fromkeys(("trial", "implant", "device", "replacement", "revision", "explant"), 0)}
               for name in ("lf_scs", "hf10")},
        }},
    ),
    "a generator for ever": (
        {f"{HF10}.device": None, "settings.horizon_years": 10},
        HF10,
        "its generator lasts for ever",
        {f"{HF10}.device": None, "settings.horizon_years": 9},
    ),
    "nobody gets there": (
        {"therapies.conservative.max_duration": None},
        "strategies.lf.steps.1",
        "all take `conservative` (step 1), which never ends",
        {**ENDLESS, "therapies.conservative.loss_of_effect": {"hazard": 0.2, "stop_after_loss": 0.5}},
    ),
    "nobody accepts": (
        {"strategies.lf.steps.2.acceptance": 0},
        "strategies.lf.steps.2.acceptance",
        "nobody accepts `lf_scs`",
        {"strategies.lf.steps.2.acceptance": 0.01},
    ),
    "nobody is so": (
        {"strategies.lf.steps.1.if": "leg_vas < 5"},
        "strategies.lf.steps.1.if",
        "no patient can fulfil 'leg_vas < 5'",
        {"strategies.lf.steps.1.if": "leg_vas <= 5"},
    ),
    "the same strategy twice": (
        {"strategies.hf.steps": [
            "conservative",
            {"therapy": "injection", "if": "leg_vas >= 6"},
            {"therapy": "lf_scs", "if": "diagnosed != 'nociceptive'", "acceptance": 0.9},
            {"therapy": "hf10", "if": "'hf10' in responded"},
        ]},
        "strategies.hf",
        "everybody has the same care as under `lf`",
        {"strategies.hf.steps": [
            "conservative",
            {"therapy": "injection", "if": "leg_vas >= 6"},
            {"therapy": "lf_scs", "if": "diagnosed != 'nociceptive'", "acceptance": 0.91},
            "hf10",
        ]},
    ),
    "draws at both ends": (
        {f"{HF10}.trial.success": {"mean": 0.6, "se": 0.4}},
        f"{HF10}.trial.success",
        "most draws lie near 0 and 1, and few near 0.6",
        {f"{HF10}.trial.success": {"mean": 0.6, "se": 0.28}},
    ),
    "draws beyond the end": (
        {f"{HF10}.trial.success": {"mean": 0.95, "se": 0.05, "family": "normal"}},
        f"{HF10}.trial.success",
        "15.9 % of the draws fall outside [0, 1]",
        {f"{HF10}.trial.success": {"mean": 0.95, "se": 0.03, "family": "normal"}},
    ),
    "a certain result": (
        {f"{HF10}.trial.success": {"value": 0.93, **CERTAIN}},
        f"{HF10}.trial.success",
        "a published number without its uncertainty",
        {f"{HF10}.trial.success": {"value": 0.93, "note": "All who were asked.", **CERTAIN}},
    ),
}  # fmt: skip


def test_nothing_is_doubted_about_a_sound_scenario(small_path: Path) -> None:
    assert doubts(small_path, {}) == {}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_is_odd_is_told(small_path: Path, name: str) -> None:
    is_told(small_path, DOUBTS[name])


@pytest.mark.parametrize("name", DOUBTS)
def test_what_comes_close_is_not(small_path: Path, name: str) -> None:
    is_not_told(small_path, DOUBTS[name])


def test_draws_of_certain_numbers(small_path: Path, tmp_path: Path) -> None:
    text = small_path.read_text().split("analyses:")[0].split("joint:")[0]
    for uncertain, certain in (
        ("{events: 30, of: 100}", "0.3"), ("{events: 35, of: 100}", "0.35"), ("{events: 45, of: 100}", "0.45"),
        ("{events: 81, of: 92}", "0.9"), ("{events: 48, of: 100}", "0.48"), ("{events: 54, of: 100}", "0.54"),
        ("{events: 90, of: 97}", "0.9"), ("{events: 76, of: 100}", "0.76"), ("{events: 77, of: 100}", "0.77"),
        (", ci: [0.4, 1.0]", ""), (", ci: [1.0, 2.5]", ""), (", ci: [0.8, 1.8]", ""),
    ):  # fmt: skip
        text = text.replace(uncertain, certain)
    for se in ("25", "90", "1", "100", "0.01", "0.008", "500", "800", "0.02", "300", "0.05", "0.1"):
        text = text.replace(f", se: {se}}}", "}")
    path = tmp_path / "certain.yaml"
    path.write_text(text)
    psa = {"analyses": {"psa": {"draws": 20, "patients": 100}}}
    assert "no number is uncertain" in doubts(path, psa)["analyses.psa"]
    assert doubts(path, {}) == {}
    assert doubts(path, {**psa, "therapies.hf10.costs.device": {"mean": 16648, "se": 500}}) == {}


def table(path: Path, first: int, last: int) -> str:
    rows = [f"{age},{sex},0.01" for age in range(first, last + 1) for sex in ("male", "female")]
    path.write_text("\n".join(["age,sex,qx", *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("first", "last", "changes", "words"),
    [
        (18, 90, {}, ""),
        (19, 110, {}, "from 18 years old, the life table begins at 19"),
        (0, 89, {}, "up to 90 years old, the life table ends at 89"),
        (0, 90, {"settings.horizon_years": 36, "settings.norm_adjust": False}, "grow to 91 years and beyond"),
        (0, 90, {"settings.horizon_years": "lifetime", "settings.norm_adjust": False}, "grow to 100 years"),
        (0, 100, {"settings.horizon_years": "lifetime", "settings.norm_adjust": False}, ""),
    ],
)
def test_ages_of_the_life_table(
    small_path: Path, tmp_path: Path, first: int, last: int, changes: dict[str, Any], words: str
) -> None:
    found = doubts(small_path, {LIFE_TABLE: table(tmp_path / "deaths.csv", first, last), **changes})
    assert words in found.get("population.age", "")
    assert ("population.age" in found) == bool(words)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("age > 90", False),
        ("age >= 90", True),
        ("17 < age < 18", False),
        ("odi < 10 or odi > 100", False),
        ("-age > 0", False),
        ("leg_vas == 7", True),
        ("back_vas < leg_vas", True),
        ("pain_years < 0", False),
        ("opioid_mme == 0", True),
        ("opioid_mme > 600", False),
        ("back_vas_now > 10", False),
        ("mechanism == 'mixed' and diagnosed == 'nociceptive'", True),
        ("mechanism == 'mixed' and mechanism == 'nociceptive'", False),
        ("female and not female", False),
        ("smoker and bmi > 50", False),
        ("smoker and bmi > 49.9", True),
        ("'injection' in tried and not 'injection' in responded", True),
        ("'hf10' in tried", False),
        ("'hf10' not in tried", True),
        ("true", True),
        ("false", False),
    ],
)
def test_conditions_that_nobody_can_fulfil(small_path: Path, condition: str, answer: bool) -> None:
    scenario = scssim.load(small_path).scenario
    assert possible(parse(condition), scenario, ["conservative", "injection"]) is answer


def test_who_is_not_in_the_population_fulfils_nothing(small_path: Path) -> None:
    overrides = {
        "population.female": 1,
        "population.mechanism": {"neuropathic": 1, "mixed": 0, "nociceptive": 0},
        "population.age": 50,
    }
    scenario = scssim.load(small_path, overrides).scenario
    for condition in ("not female", "mechanism == 'mixed'", "age < 50"):
        assert not possible(parse(condition), scenario, [])
    assert possible(parse("diagnosed == 'mixed'"), scenario, [])  # the work-up may be wrong
    scenario = scssim.load(small_path, {**overrides, "population.diagnosis": None}).scenario
    assert not possible(parse("diagnosed == 'mixed'"), scenario, [])


def test_a_table_of_patients_may_hold_anybody(small_path: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("age\n17\n99\n")
    scenario = scssim.load(small_path, {"population.file": str(tmp_path / "p.csv")}).scenario
    assert possible(parse("age > 95"), scenario, [])
    assert not possible(parse("age > 95 and age < 90"), scenario, [])


def test_a_therapy_that_is_only_referred_to_needs_no_price(small_path: Path) -> None:
    overrides = {
        "strategies": {"lf": {"steps": ["conservative", "injection"]}, "hf": {"steps": ["conservative", "hf10"]}},
        f"{LF}.costs": None,
    }
    found = doubts(small_path, overrides)
    assert f"{LF}.costs" not in found
    overrides["strategies"]["hf"]["steps"].append("lf_scs")
    assert "no cost of the screening trial, the operation, the device" in doubts(small_path, overrides)[f"{LF}.costs"]


# ----------------------------------------------------------------- whose it is


def test_whoever_extends_hears_of_his_own_only(tmp_path: Path, small_path: Path) -> None:
    path = tmp_path / "heir.yaml"
    path.write_text("title: t\nextends: back_leg_uk\nsettings: {horizon_years: 5}\n")
    assert doubts(path, {}) == {}, "inherited visits lie after the new horizon"
    path.write_text("title: t\nextends: back_leg_uk\nsettings: {horizon_years: 5, visit_months: [0, 61]}\n")
    (warning,) = scssim.load(path).warnings
    assert (warning.path, warning.where) == ("settings.visit_months.1", f"{path}:3:48")
    assert "settings.visit_months.0" in doubts(path, {"settings.visit_months": [72]})
    assert scssim.load("back_leg_uk", {"settings.horizon_years": 5}).warnings == []
    # A file of the user's own is his, however far down.
    base = tmp_path / "base.yaml"
    base.write_text(small_path.read_text().replace("device: 16648, ", ""))
    path.write_text("title: t\nextends: base.yaml\nsettings: {seed: 4}\n")
    assert "no cost of the device" in doubts(path, {})[f"{HF10}.costs"]


def test_therapies_of_the_library_without_costs_are_told_where_they_are_used(tmp_path: Path) -> None:
    path = tmp_path / "abroad.yaml"
    path.write_text(
        "title: t\n"
        "extends: [library/population_scs_uk, library/utilities, library/therapies, library/scs_relief_senza]\n"
        "strategies: {a: {steps: [hf10]}, b: {steps: [reoperation]}}\n"
    )
    assert doubts(path, {})["strategies"].startswith("nothing here costs anything")
    found = doubts(path, {"costs": {"by_relief": {"care": {"optimal": 100, "suboptimal": 200, "none": 300}}}})
    assert "the screening trial, the operation, the device" in found[f"{HF10}.costs"]
    assert "the procedure" in found["therapies.reoperation.costs"]
    assert not any("lf_scs" in key for key in found), "no strategy uses it"


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_leave_no_doubt_even_in_what_they_inherit(name: str) -> None:
    assert face(scssim.load(name).scenario) == []


def test_percent() -> None:
    assert [percent(x) for x in (1, 0.17, 0.076, 0.06666)] == ["100 %", "17 %", "7.6 %", "6.67 %"]
