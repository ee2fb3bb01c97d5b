"""Face validity of numbers: every doubt with what raises it, and with what comes close and does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from scenario.doubts import HF10, LF, Doubt, doubts, is_not_told, is_told
from scssim.model.face_numbers import SEEN, _removed, _share_by, face
from scssim.model.parameters import Draws, bind
from scssim.model.patients import Cells, Population
from scssim.model.streams import words
from scssim.model.therapy import relief_shapes
from scssim.model.timing import Timer
from scssim.scenario.expressions import parse
from scssim.scenario.face_steps import possible
from scssim.scenario.merge import shipped
from scssim.scenario.schema import MECHANISMS, Scenario

MAPPED, STATES = "utilities.sources.mapped", "utilities.sources.states"
VALUES: dict[str, Any] = {
    "kind": "states", "instrument": "EQ-5D-3L", "tariff": "UK", "country": "UK",
    "optimal": 0.6, "suboptimal": 0.26, "none": 0.17, "optimal_complication": 0.53, "suboptimal_complication": 0.26,
}  # fmt: skip
NEVER_REMOVED = {f"{HF10}.loss_of_effect": None, f"{HF10}.review": None}


def states(**values: float) -> dict[str, Any]:
    """A further source of state values."""
    return {STATES: {**VALUES, **values}}


DOUBTS: dict[str, Doubt] = {
    "responders below the others": (
        {f"{HF10}.relief.back.if_responder.mean": 0.3,
         f"{HF10}.relief.back.if_not.mean": 0.4},
        f"{HF10}.relief.back.if_responder.mean",
        "responders (0.3) are relieved less than the others (0.4)",
        {f"{HF10}.relief.back.if_responder.mean": 0.55, f"{HF10}.relief.back.if_not.mean": 0.45},
    ),
    "responders below half": (
        {f"{HF10}.relief.back.if_responder.mean": 0.45},
        f"{HF10}.relief.back.if_responder.mean",
        "a mean of 0.45 is impossible where the relief of responders lies between 0.5 and 1",
        {f"{HF10}.relief.back.if_responder.mean": 0.45, f"{HF10}.relief.back.responders": 0},
    ),
    "the others above half": (
        {f"{HF10}.relief.leg.if_not.mean": 0.55},
        f"{HF10}.relief.leg.if_not.mean",
        "where the relief of non-responders lies between -0.5 and 0.5",
        {f"{HF10}.relief.leg.if_not.mean": 0.45},
    ),
    "a U": (
        {f"{HF10}.relief.back.if_responder.sd": 0.2},
        f"{HF10}.relief.back.if_responder",
        "U-shaped",
        {f"{HF10}.relief.back.if_responder.sd": 0.13},
    ),
    "a wrong sign": (
        {f"{MAPPED}.leg": 0.01488},
        f"{MAPPED}.leg",
        "utility rises by 0.01488 with each point of leg",
        {f"{MAPPED}.leg": 0},
    ),
    "better than full health": (
        {f"{MAPPED}.intercept": 1.08},
        f"{MAPPED}.intercept",
        "a patient without pain would have a utility of 1.05",
        {f"{MAPPED}.intercept": 1.03},  # who has an ODI of 10 at the least keeps half of it
    ),
    "the usual patient worse than dead": (
        {f"{MAPPED}.odi": -0.0196},
        MAPPED,
        "the usual patient at entry would have a utility of -0.267, worse than dead",
        {f"{MAPPED}.odi": -0.0144},
    ),
    "no relief better than some": (
        states(none=0.27),
        f"{STATES}.none",
        "`none` (0.27) is worth more than `suboptimal` (0.26)",
        states(none=0.26),
    ),
    "a complication that does good": (
        states(optimal_complication=0.61),
        f"{STATES}.optimal_complication",
        "worth more than `optimal` (0.6)",
        states(optimal_complication=0.6),
    ),
    "partly relieved and worse than dead": (
        states(suboptimal=-0.1, none=-0.2, suboptimal_complication=-0.1),
        f"{STATES}.suboptimal",
        "worse than dead (-0.1; dead is 0)",
        states(none=-0.2),
    ),
    "relief that is punished": (
        {"costs.by_relief.drugs.optimal": 800},
        "costs.by_relief.drugs.optimal",
        "`optimal` relief costs more a year (800) than `suboptimal` (700)",
        {"costs.by_relief.drugs.optimal": 700},
    ),
    "effect lost at once": (
        {f"{HF10}.loss_of_effect": {"hazard": 0.36, "stop_after_loss": 0.1}},
        f"{HF10}.loss_of_effect",
        "51.3 % lose the effect within 2 years",
        {f"{HF10}.loss_of_effect": {"hazard": 0.34, "stop_after_loss": 0.1}},
    ),
    "late losses that are early": (
        {f"{HF10}.loss_of_effect.late": {"from_years": 0.5, "time_years": 1}},
        f"{HF10}.loss_of_effect",
        "lose the effect within 2 years",
        {f"{HF10}.loss_of_effect.late": {"from_years": 1.5, "time_years": 1}},
    ),
    "more explants than anywhere": (
        {f"{LF}.loss_of_effect.hazard": 0.25, "joint": None},
        f"{LF}.loss_of_effect",
        "(loss_of_effect 40 %, review 12.2 %, complications 2.76 %)",
        {f"{LF}.loss_of_effect.hazard": 0.15, "joint": None},
    ),
    "a review that stops half": (
        {f"{LF}.review": {"months": [3, 6, 12], "rule": "back", "stop": 1}},
        f"{LF}.review",
        "published are 17 % (gatzinsky2024), at most 39.3 % (hf_explant2021)",
        {f"{LF}.review": {"months": [3, 6, 12], "rule": "back", "stop": 0.2}},
    ),
    "complications that explant too many": (
        {f"{LF}.complications.infection.hazard": 0.1},
        f"{LF}.complications",
        "complications alone remove 18.9 % of the implants within 3 years",
        {f"{LF}.complications.infection.hazard": 0.085},
    ),
    "fewer explants than anywhere": (
        {**NEVER_REMOVED, f"{HF10}.complications.pocket_pain.explant": 0.5},
        f"{HF10}.loss_of_effect",
        "only 6.95 % of the implants are removed within 3 years",
        {**NEVER_REMOVED, f"{HF10}.complications.pocket_pain.explant": 0.6},
    ),
    "nobody is explanted in a short time": (
        {**NEVER_REMOVED, "settings": {"horizon_years": 3}},
        f"{HF10}.loss_of_effect",
        "only 0 % of the implants",
        {**NEVER_REMOVED, "settings": {"horizon_years": 2.9}},
    ),
    "rates in percent": (
        {f"{LF}.complications.lead_migration.hazard": 0.5},
        f"{LF}.complications",
        "have a complication that may need surgery within two years",
        {f"{LF}.complications.lead_migration.hazard": 0.3},
    ),
    "recharged and gone": (
        {f"{LF}.device.life.mean": 11},
        f"{LF}.device.life",
        "lasts longer without recharging (10.9 years, median) than that of `hf10`",
        {f"{LF}.device.life.mean": 9.9},
    ),
    "months taken for years": (
        {f"{LF}.device": {"rechargeable": True, "life": {"distribution": "weibull", "mean": 50.4, "shape": 3}}},
        f"{LF}.device.life",
        "half of the generators last 49.9 years",
        {f"{LF}.device.life": {"distribution": "weibull", "mean": 50.4, "shape": 3, "unit": "months"}},
    ),
    "a generator of weeks": (
        {f"{LF}.device.life": {"weeks": 40}},
        f"{LF}.device.life",
        "half of the generators last 0.767 years",
        {f"{LF}.device.life": {"weeks": 80}},
    ),
}  # fmt: skip


def test_nothing_is_doubted_about_a_sound_scenario(small_path: Path) -> None:
    assert doubts(small_path, {}) == {}
    assert doubts(small_path, states()) == {}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_is_odd_is_told(small_path: Path, name: str) -> None:
    is_told(small_path, DOUBTS[name])


@pytest.mark.parametrize("name", DOUBTS)
def test_what_comes_close_is_not(small_path: Path, name: str) -> None:
    is_not_told(small_path, DOUBTS[name])


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_leave_no_doubt_even_in_what_they_inherit(name: str) -> None:
    assert face(scssim.load(name).scenario) == []


def test_whoever_extends_hears_of_his_own_only(tmp_path: Path) -> None:
    path = tmp_path / "heir.yaml"
    loss = "{hazard: [{until_years: 3, rate: 0.4}, {rate: 0.4}]}"
    path.write_text(f"title: t\nextends: back_leg_uk\ntherapies: {{lf_scs: {{loss_of_effect: {loss}}}}}\n")
    found = doubts(path, {})
    # hf10 refers to it, and is lost as soon; but nobody touched it.
    assert "lose the effect" in found[f"{LF}.loss_of_effect"] and f"{HF10}.loss_of_effect" not in found
    assert "therapies.hf10.loss_of_effect" in doubts(path, {f"{HF10}.loss_of_effect.ratio": 1.1})
    path.write_text("title: t\nextends: back_leg_uk\nutilities: {sources: {carreon: {intercept: 1.2}}}\n")
    assert list(doubts(path, {})) == ["utilities.sources.carreon.intercept"]


# ------------------------------------------------------------- the arithmetic


def removed(path: Path, overrides: dict[str, Any]) -> dict[str, float]:
    bound = bind(scssim.load(path, overrides).scenario, Draws(0, 0, {}))
    return _removed("lf_scs", bound.therapies["lf_scs"], relief_shapes(bound.therapies))


def test_removed_is_what_a_run_removes(small_path: Path) -> None:
    """Nobody dies, measurement has no noise, and only one cause is left at a time."""
    alone = {
        "settings": {"horizon_years": SEEN, "visit_months": [], "reference": None, "patients": 4000},
        "population.mortality.life_table": None,
        "measurement": {"pain_person_sd": 0, "pain_visit_sd": 0},
        "strategies": {"lf": None, "hf": None, "only": {"steps": ["lf_scs"]}},
        "targets": [], "analyses.psa": None,
        f"{LF}.wait": {"days": 0}, f"{LF}.trial": None, f"{LF}.relief.onset_weeks": 0, f"{LF}.reimplant": None,
        f"{HF10}.relief.onset_weeks": 0,
    }  # fmt: skip
    causes: dict[str, dict[str, Any]] = {
        "loss_of_effect": {f"{LF}.complications": None, f"{LF}.review": None},
        "complications": {
            f"{LF}.loss_of_effect": None, f"{LF}.review": None, "joint": None,
            f"{LF}.complications.infection.hazard": 0.3,
        },
        "review": {
            f"{LF}.complications": None, f"{LF}.loss_of_effect": None, "joint": None,
            f"{LF}.review": {"months": [6, 12], "rule": "back", "threshold": 0.7, "stop": 0.3},
        },
    }  # fmt: skip
    for cause, changes in causes.items():
        share = removed(small_path, {**alone, **changes})
        assert [name for name, one in share.items() if one] == [cause]
        events = scssim.run(scssim.load(small_path, {**alone, **changes})).events
        explants = events.query("event == 'lf_scs.explant'")["per_patient"].sum()
        se = np.sqrt(share[cause] * (1 - share[cause]) / 4000)
        assert explants == pytest.approx(share[cause], abs=4 * se), cause


def test_share_by_a_time() -> None:
    assert _share_by(Timer("fixed", (2.0,)), 1.9) == 0
    assert _share_by(Timer("fixed", (2.0,)), 2.0) == 1
    assert _share_by(Timer("piecewise", (0.5,)), 2.0) == pytest.approx(1 - np.exp(-1), abs=1e-3)
    assert _share_by(Timer("piecewise", (0.5,)), -1.0) == 0


@pytest.mark.parametrize(("rule", "low", "high"), [("back", 0.52, 0.52), ("leg", 0.46, 0.46), ("either", 0.2, 0.46)])
def test_who_fails_a_review(small_path: Path, rule: str, low: float, high: float) -> None:
    share = removed(small_path, {f"{LF}.review": {"months": [6], "rule": rule, "stop": 1}})["review"]
    assert low - 1e-9 <= share <= high + 1e-9
    mean = removed(small_path, {f"{LF}.review": {"months": [6], "rule": "mean", "stop": 1}})["review"]
    both = removed(small_path, {f"{LF}.review": {"months": [6], "rule": "both", "stop": 1}})["review"]
    assert mean == pytest.approx(0.46) and both == pytest.approx(0.52)
    late = removed(small_path, {f"{LF}.review": {"months": [37], "rule": rule, "stop": 1}})["review"]
    assert late == 0
    nothing = {f"{LF}.relief.share": 0, f"{LF}.review": {"months": [6], "rule": rule, "stop": 1}}
    assert removed(small_path, nothing)["review"] == 1


# --------------------------------------------------- steps that nobody can take

NUMBERS = {"age": (15, 95), "leg_vas": (3, 11), "odi": (0, 110), "bmi": (10, 60), "opioid_mme": (-5, 700)}
TRUTHS = ("female", "depression", "prior_surgery", "smoker")
COMPARED = st.one_of(
    st.sampled_from(sorted(NUMBERS)).flatmap(
        lambda name: st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.integers(*NUMBERS[name])).map(
            lambda pair: f"{name} {pair[0]} {pair[1]}"
        )
    ),
    st.sampled_from(["back_vas < leg_vas", "leg_vas > odi", "not back_vas > 6", "7 < back_vas <= 7.5"]),
    st.sampled_from(MECHANISMS).map(lambda mechanism: f"mechanism == '{mechanism}'"),
    st.sampled_from(MECHANISMS).map(lambda mechanism: f"diagnosed != '{mechanism}'"),
    st.sampled_from(TRUTHS),
    st.sampled_from(TRUTHS).map(lambda name: f"not {name}"),
)
CONDITIONS = st.lists(COMPARED, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" and ", " or "]).map(lambda junction: junction.join(f"({part})" for part in parts))
)


@pytest.fixture(scope="module")
def patients(small_path: Path) -> Cells:
    n = 4000
    cells = Cells(words("patients", 1, 0, 0, n), None, np.arange(n))
    Population(bind(scssim.load(small_path).scenario, Draws(0, 0, {})).population, None).sample(cells, np.arange(n))
    return cells


@given(condition=CONDITIONS)
@settings(max_examples=150)
def test_what_some_patient_fulfils_is_possible(small: Scenario, patients: Cells, condition: str) -> None:
    if np.any(parse(condition)(patients.attributes)):
        assert possible(parse(condition), small, [])


@pytest.fixture(scope="module")
def small(small_path: Path) -> Scenario:
    return scssim.load(small_path).scenario
