"""What histories are worth: states, norms, perspectives, decrements and visits, worked out by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import scssim
from engine.tiny import (
    AT_ONCE,
    BACKGROUND,
    BARE,
    CARE,
    DISCOUNTED,
    GAIN,
    HALF,
    IMPLANT,
    SHOT,
    T0,
    USELESS,
    WEEK,
    C,
    Q,
    burst,
    close,
    cost,
    events,
    money,
    outcome,
    run,
    share,
    tiny,
    visit,
    years,
)  # fmt: skip
from scssim import library

ONCE = {"kind": "implant", "relief": AT_ONCE}
LATE = {"kind": "implant", "wait": {"months": 3}, "relief": {**AT_ONCE, "onset_weeks": 2}}


# -------------------------------------------------------------------- states

STATES: dict[str, Any] = {
    "kind": "states",
    "instrument": "EQ-5D",
    "tariff": "UK",
    "country": "UK",
    "optimal": 0.6,
    "suboptimal": 0.5,
    "none": 0.3,
    "optimal_complication": 0.55,
    "suboptimal_complication": 0.42,
    "optimal_from": 0.4,
}


def states(therapy: dict[str, Any], source: dict[str, Any] | None = None, **changes: Any) -> Any:
    """Run one therapy with states as the base case and the linear source beside it."""
    chosen = {**STATES, **(source or {})}
    settings = {**DISCOUNTED, "utility": "states", **changes.pop("settings", {})}
    return run({"one": therapy}, utilities={"sources": {"states": chosen}}, settings=settings, **changes)


def test_states() -> None:
    result = states({**IMPLANT, "loss_of_effect": {"years": 2, "stop_after_loss": 0}})
    assert outcome(result, "qaly") == close(0.3 * years(0, 10) + 0.3 * years(T0, T0 + 2))
    assert outcome(result, "qaly_undiscounted") == close(3 + 0.6)
    assert outcome(result, "qaly_line") == close(0.6 * years(0, 10) + GAIN * years(T0, T0 + 2))


@pytest.mark.parametrize(
    ("thresholds", "level"),
    [((0.4, 0.1), 0.6), ((0.6, 0.1), 0.5), ((0.9, 0.51), 0.3), ((0.5 - 1e-12, 0.1), 0.6)],
)
def test_thresholds_of_states(thresholds: tuple[float, float], level: float) -> None:
    result = states(ONCE, {"optimal_from": thresholds[0], "suboptimal_from": thresholds[1]})
    assert outcome(result, "qaly") == close(level * years(0, 10))


@pytest.mark.parametrize(("site", "level"), [("back", 0.5), ("leg", 0.6), ("mean", 0.6)])
def test_site_of_states(site: str, level: float) -> None:
    relief = {"back": HALF, "leg": {**HALF, "responders": 1}, "onset_weeks": 0}
    # The mean of one half and at least one half is above one half for everybody.
    result = states({"kind": "implant", "relief": relief}, {"site": site, "optimal_from": 0.501})
    assert outcome(result, "qaly") == pytest.approx(level * years(0, 10), rel=1e-3)


def test_states_follow_recorded_relief_after_a_review() -> None:
    # With an onset of 26 weeks the relief recorded at 1 month is 0.08 (none), at 6 months 0.32 (suboptimal).
    slow = {
        "kind": "implant",
        "relief": {**AT_ONCE, "onset_weeks": 365.25 / 14},
        "review": {"months": [1, 6], "stop": 0},
    }
    assert 0.5 * -np.expm1(-(1 / 12) / 0.5) < 0.1 < 0.5 * -np.expm1(-0.5 / 0.5) < 0.4
    result = states(slow)
    assert outcome(result, "qaly") == close(0.6 * years(0, 1 / 12) + 0.3 * years(1 / 12, 0.5) + 0.5 * years(0.5, 10))


def test_time_with_complication() -> None:
    # The drop of a state lasts as long as the complication, at most as long as the therapy.
    ill = {**ONCE, "complications": {"a": burst(2, utility={"loss": 0.09, "weeks": 8})}}
    result = states(
        {**ill, "complications": {"a": {**ill["complications"]["a"], "hazard": once(2)}}}, settings={"patients": 4000}
    )
    some = events(result, "one.a")
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) - some * 0.05 * years(2, 2 + 8 * WEEK), rel=1e-8)
    assert outcome(result, "qaly_line") == pytest.approx(
        0.8 * years(0, 10) - some * 0.09 * years(2, 2 + 8 * WEEK), rel=1e-8
    )


def once(at: float) -> list[dict[str, Any]]:
    """A hazard that strikes about 1 % of patients at a moment, hardly anybody twice."""
    return [{"until_years": at, "rate": 0}, {"until_years": at + 1e-9, "rate": 1e7}, {"rate": 0}]


def test_two_complications_at_once_are_one_state() -> None:
    ill = {**ONCE, "complications": {"a": burst(2, utility={"loss": 0.09, "weeks": 8})}}
    assert outcome(states(ill), "qaly") == pytest.approx(0.6 * years(0, 10) - 0.05 * years(2, 2 + 8 * WEEK), rel=1e-8)


def test_no_state_is_worse_than_none() -> None:
    lost = {
        "hazard": once(2),
        "utility": {"loss": 0.09, "weeks": 6},
        "revision": 1,
        "revision_wait": {"weeks": 6},
        "relief_lost": 1,
    }
    result = states({**ONCE, "complications": {"a": lost}}, settings={"patients": 4000})
    some = events(result, "one.a")
    expected = 0.6 * years(0, 10) - some * 0.3 * years(2, 2 + 6 * WEEK)
    assert some > 0.005 and outcome(result, "qaly") == pytest.approx(expected, rel=1e-8)


def test_states_of_residual_relief() -> None:
    result = states({**ONCE, "loss_of_effect": {"years": 2, "stop_after_loss": 0, "residual": 0.9}})
    assert outcome(result, "qaly") == close(0.6 * years(0, 10))


WANING = {"share": 0.9, "time_years": 2}


def fall(bound: float) -> float:
    """When a relief of one half has waned to a bound."""
    return -2 * np.log((bound / 0.5 - 0.1) / 0.9)


def test_states_of_waning_relief() -> None:
    waning = {**ONCE, "relief": {**AT_ONCE, "waning": WANING}}
    result = states(waning, settings={"visit_months": [6, 24, 60, 72]})
    optimal, suboptimal = fall(0.4), fall(0.1)
    assert 0.5 < optimal < 2 < 4 < suboptimal < 6
    assert outcome(result, "qaly") == close(0.3 * years(0, 10) + 0.2 * years(0, suboptimal) + 0.1 * years(0, optimal))
    assert outcome(result, "qaly_undiscounted") == close(3 + 0.2 * suboptimal + 0.1 * optimal)
    assert [visit(result, "utility", m) for m in (6, 24, 60, 72)] == pytest.approx([0.6, 0.5, 0.3, 0.3], abs=1e-9)


def test_waning_relief_leaves_its_category_only_until_a_review() -> None:
    fading = {**ONCE, "relief": {**AT_ONCE, "waning": WANING}}
    reviewed = {**fading, "review": {"months": [12], "stop": 0}}
    assert fall(0.4) < 1 < fall(0.3)
    # At the review relief is 0.32: below 0.4, where it stays in the books although it wanes on.
    assert outcome(states(reviewed), "qaly") == close(
        0.3 * years(0, 10) + 0.2 * years(0, 10) + 0.1 * years(0, fall(0.4))
    )
    early = states(reviewed, {"optimal_from": 0.31})
    assert outcome(early, "qaly") == close(0.6 * years(0, 10))


def test_outages_of_waning_relief_are_taken_from_what_is_left() -> None:
    fading = {**ONCE, "relief": {**AT_ONCE, "waning": WANING}}
    device = {"rechargeable": False, "life": {"years": 3}, "replacement_wait": {"weeks": 26}}
    result = states({**fading, "device": device})
    half = 26 * WEEK
    assert 3 + half < fall(0.1) < 6 + half
    in_relief = years(0, 3) + years(3 + half, fall(0.1))
    assert outcome(result, "qaly") == close(0.3 * years(0, 10) + 0.2 * in_relief + 0.1 * years(0, fall(0.4)))


def test_states_in_repeat_courses() -> None:
    result = states({**SHOT, "repeat": {"courses": 2}})
    assert outcome(result, "qaly") == close(0.3 * years(0, 10) + 0.3 * (years(0, 1 / 6) + years(1 / 4, 5 / 12)))


def test_states_during_an_outage() -> None:
    lost = burst(2, revision=1, revision_wait={"weeks": 6}, relief_lost=1)
    result = states({**ONCE, "complications": {"a": lost}})
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) - 0.3 * years(2, 2 + 6 * WEEK), rel=1e-8)


# --------------------------------------------------------------------- norms


@pytest.mark.parametrize("age", [50, 50.75, 93.2])
@pytest.mark.parametrize("female", [0, 1])
def test_norms(age: float, female: int) -> None:
    name = "hse2014_uk_3l"
    norms = library.norms(name)
    row = norms.female if female else norms.male

    def ratio(t: float) -> float:
        at = np.interp([np.floor(age + t), np.floor(age)], norms.ages, row)
        return float(at[0] / at[1])

    def weighted(rate: float, a: float, b: float, shape: Any = lambda t: 1.0) -> float:
        cuts = [a, *(x - age for x in np.arange(np.ceil(age + a), age + b) if a < x - age < b), b]
        return sum(
            ratio(0.5 * (low + high)) * quad(lambda t: shape(t) * np.exp(-rate * t), low, high, epsabs=1e-13)[0]
            for low, high in pairwise(cuts)
        )

    result = run(
        {"one": LATE},
        population={"age": age, "female": female},
        utilities={"norms": name, "decrements": {"surgery": {"loss": 0.1, "weeks": 4}}},
        settings={**DISCOUNTED, "norm_adjust": True, "visit_months": [0, 66]},
    )
    gain = weighted(Q, 0.25, 10, lambda t: -np.expm1(-(t - 0.25) / (2 * WEEK)))
    # Decrements add; the norm multiplies what they are taken from.
    assert outcome(result, "qaly") == close(0.6 * weighted(Q, 0, 10) + GAIN * gain - 0.1 * years(0.25, 0.25 + 4 * WEEK))
    plain = weighted(0, 0.25, 10, lambda t: -np.expm1(-(t - 0.25) / (2 * WEEK)))
    assert outcome(result, "qaly_undiscounted") == close(0.6 * weighted(0, 0, 10) + GAIN * plain - 0.1 * 4 * WEEK)
    assert visit(result, "utility", 0) == pytest.approx(0.6, rel=1e-12)
    assert visit(result, "utility", 66) == pytest.approx(0.8 * ratio(5.5), rel=1e-9)
    off = run({"one": LATE}, population={"age": age}, utilities={"norms": name})
    assert outcome(off, "qaly_undiscounted") == close(8 - GAIN * (0.25 + 2 * WEEK))


def test_norms_multiply_the_state_with_complication_at_visits_too() -> None:
    ill = {"a": burst(10 / 12, utility={"loss": 0.09, "weeks": 20})}
    norms = library.norms("hse2014_uk_3l")
    ratio = float(np.interp(91, norms.ages, norms.male) / np.interp(90, norms.ages, norms.male))
    result = run(
        {"one": {**ONCE, "complications": ill}},
        population={"age": 90.5, "female": 0},
        utilities={"norms": "hse2014_uk_3l", "sources": {"states": STATES}},
        settings={"norm_adjust": True, "utility": "states", "visit_months": [11]},
    )
    assert visit(result, "utility", 11) == pytest.approx(0.55 * ratio, rel=1e-9)


# --------------------------------------------------------------------- costs


def test_costs_by_relief() -> None:
    item = {"drugs": {"optimal": 100, "suboptimal": 400, "none": 1000}}
    care = {**CARE, "loss_of_effect": {"months": 5, "stop_after_loss": 0}}
    result = run({"care": care, "imp": BARE}, settings=DISCOUNTED,
                 costs={"by_relief": item, "optimal_from": 0.4})  # fmt: skip
    # Relief that never sets in is a full relief until a review says otherwise; this one has no review.
    assert cost(result, "drugs") == close(1000 * money(0, 10) - 900 * money(0, 5 / 12) - 900 * money(0.5 + T0, 10))
    none = run({"care": care}, settings=DISCOUNTED, costs={"by_relief": item, "optimal_from": 0.9})
    assert cost(none, "drugs") == close(1000 * money(0, 10) - 600 * money(0, 5 / 12))


def test_costs_of_waning_relief() -> None:
    item = {"drugs": {"optimal": 100, "suboptimal": 400, "none": 1000}}
    waning = {**ONCE, "relief": {**AT_ONCE, "waning": WANING}}
    result = run({"imp": waning}, settings=DISCOUNTED, costs={"by_relief": item, "optimal_from": 0.4})
    paid = 1000 * money(0, 10) - 600 * money(0, fall(0.1)) - 300 * money(0, fall(0.4))
    assert cost(result, "drugs") == close(paid)
    assert outcome(result, "cost") == close(paid)


def test_background_costs_in_pieces() -> None:
    pieces = [{"until_years": 0.3, "per_year": 1000}, {"until_years": 4, "per_year": 300}, {"per_year": 50}]
    shot = {**SHOT, "wait": {"years": 0.2}, "loss_of_effect": {"years": 1}}
    result = run({"shot": shot}, settings=DISCOUNTED, costs={"background": {"other": {"pieces": pieces}}})
    # In effect from 0.2 to 1.2 years.
    assert cost(result, "other") == close(1000 * money(0, 0.2) + 300 * money(1.2, 4) + 50 * money(4, 10))
    assert cost(result, "other", column="undiscounted") == close(200 + 300 * 2.8 + 300)


def test_background_care_goes_on_while_waiting() -> None:
    result = run({"imp": IMPLANT}, settings=DISCOUNTED, costs=BACKGROUND)
    assert cost(result, "other") == close(7 * money(0, T0))


def test_background_care_may_go_on_beside_a_therapy() -> None:
    care = {**CARE, "relief": USELESS, "background": True}
    alone = run({"care": care}, settings=DISCOUNTED, costs=BACKGROUND)
    assert cost(alone, "other") == close(7 * money(0, 10))
    # While the therapy bridges too; not while the next one, which is in its place, is in effect.
    both = run({"care": care, "imp": IMPLANT}, settings=DISCOUNTED, costs=BACKGROUND)
    assert cost(both, "other") == close(7 * money(0, 0.5 + T0))


@pytest.mark.parametrize("perspective", ["healthcare", "societal"])
def test_perspectives(perspective: str) -> None:
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "complications": {"a": {"hazard": 0, "cost": {"value": 5, "perspective": "patient"}}},
        "costs": {
            "implant": 5000,
            "device": {"value": 700, "perspective": "patient"},
            "per_year": {"value": 10, "perspective": "societal"},
        },
    }
    costs = {
        "by_relief": {"work": {"optimal": 0, "suboptimal": 0, "none": 33, "perspective": "societal"}},
        "background": {"help": {"per_year": 20, "perspective": "patient"}, "gp": {"per_year": 3}},
    }
    changes = {"settings": {**DISCOUNTED, "perspective": perspective}, "costs": costs}
    result = run({"imp": {**imp, "wait": {"years": 1}}}, **changes)
    found = result.costs.set_index("item")
    assert found.perspective.to_dict() == {
        "imp.implant": "healthcare", "imp.device": "patient", "imp.per_year": "societal", "imp.a": "patient",
        "work": "societal", "help": "patient", "gp": "healthcare",
    }  # fmt: skip
    at = float(np.exp(-C))
    healthcare = 5000 * at + 3 * money(0, 1)
    others = 700 * at + 10 * money(1, 10) + 20 * money(0, 1) + 33 * money(0, 1)
    # Costs by relief: none until the implant, then suboptimal (one half, but the threshold is above).
    assert outcome(result, "cost") == close(healthcare + (others if perspective == "societal" else 0))
    assert float(found.discounted.sum()) == close(healthcare + others)


def test_work_up_borne_by_the_patient() -> None:
    steps = [{"therapy": "one", "if": "diagnosed == 'mixed'"}]
    same = {
        m: {k: float(k == m) for k in ("neuropathic", "mixed", "nociceptive")}
        for m in ("neuropathic", "mixed", "nociceptive")
    }
    diagnosis = {"confusion": same, "cost": {"value": 250, "perspective": "patient"}}
    for perspective, total in (("healthcare", 0), ("societal", 250)):
        result = run({"one": ONCE}, steps, population={"diagnosis": diagnosis}, settings={"perspective": perspective})
        assert outcome(result, "cost") == close(total) and cost(result, "work_up") == 250


# ---------------------------------------------------------------- decrements


def test_depression_and_uncomfortable_paresthesia() -> None:
    n = 20000
    imp = {**IMPLANT, "paresthesia": {"perceived": 0.8, "uncomfortable": 0.25}, "loss_of_effect": {"years": 2}}
    result = run(
        {"imp": imp},
        population={"depression": 0.3},
        utilities={"decrements": {"depression": 0.05, "uncomfortable_paresthesia": 0.02}},
        settings={**DISCOUNTED, "patients": n, "visit_months": [1, 12], "visit_clocks": ["activation"]},
    )
    error = 4 * 0.05 * 10 * 0.5 / np.sqrt(n)
    expected = (
        0.6 * years(0, 10) + GAIN * years(T0, T0 + 2) - 0.3 * 0.05 * years(0, 10) - 0.2 * 0.02 * years(T0, T0 + 2)
    )
    assert outcome(result, "qaly") == pytest.approx(expected, abs=error)
    for month in (1, 12):
        assert visit(result, "paresthesia", month, "activation") == pytest.approx(0.8, abs=4 * 0.4 / np.sqrt(n))
        bad = visit(result, "paresthesia_uncomfortable", month, "activation")
        assert bad == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(n))
        utility = visit(result, "utility", month, "activation")
        assert utility == pytest.approx(0.8 - 0.3 * 0.05 - bad * 0.02, abs=4 * 0.03 / np.sqrt(n))


# -------------------------------------------------------------------- visits


def test_measures_on_both_clocks() -> None:
    months = [0, 1, 3, 6, 24, 120]
    result = run(
        {"imp": {**LATE, "paresthesia": {"perceived": 1, "uncomfortable": 1}}},
        settings={"visit_months": months, "visit_clocks": ["entry", "activation"]},
        population={"opioid_mme": 90},
        utilities={"opioid_slope": 0.4, "sources": {"line": {"odi": -0.002}}},
    )

    def expected(t: float) -> dict[str, float]:
        on = t >= 0.25
        relief = 0.5 * -np.expm1(-(t - 0.25) / (2 * WEEK)) if on else 0.0
        back, leg, odi = 8 * (1 - relief), 6 * (1 - relief), 50 * (1 - 0.5 * relief)
        return {
            "back_vas": back, "leg_vas": leg, "back_relief": relief, "leg_relief": relief, "odi": odi,
            "utility": 1 - 0.05 * back - 0.002 * odi, "opioid_mme": 90 * (1 - 0.4 * relief),
            "back_responder": 0, "leg_responder": 0, "back_remitter": 0, "leg_remitter": 0,
            "paresthesia": on, "paresthesia_uncomfortable": on, "alive": 1,
        }  # fmt: skip

    for month in months:
        for measure, value in expected(min(month / 12, 10 * (1 - 1e-12))).items():
            assert visit(result, measure, month) == pytest.approx(float(value), abs=1e-9), (month, measure)
        if 0.25 + month / 12 < 10:
            for measure, value in expected(0.25 + month / 12).items():
                found = visit(result, measure, month, "activation", "randomised")
                assert found == pytest.approx(float(value), abs=1e-9), (month, measure)
    n = {
        d: [visit(result, "odi", m, denominator=d, column="n") for m in months]
        for d in ("randomised", "implanted", "on_therapy")
    }
    assert n == {"randomised": [64] * 6, "implanted": [0, 0, 64, 64, 64, 64], "on_therapy": [0, 0, 64, 64, 64, 64]}


def test_alive_is_not_asked_after_the_end_of_follow_up() -> None:
    result = run(
        {"imp": LATE}, settings={"horizon_years": 3, "visit_months": [12, 24, 35], "visit_clocks": ["activation"]}
    )
    alive = [visit(result, "alive", m, "activation") for m in (12, 24)]
    assert alive == [1, 1]


def test_nobody_is_dead_after_the_end_of_follow_up() -> None:
    result = run({"imp": LATE}, settings={"horizon_years": 3, "visit_months": [35], "visit_clocks": ["activation"]})
    seen = visit(result, "alive", 35, "activation", column="n")
    assert seen == 0 or visit(result, "alive", 35, "activation") == 1


def test_the_first_visit_comes_before_anything_has_worked() -> None:
    settings = {"visit_months": [0], "visit_clocks": ["entry", "activation"]}
    result = run({"imp": {**ONCE, "relief": {**AT_ONCE, "onset_weeks": 3}}}, settings=settings)
    for clock in ("entry", "activation"):
        assert visit(result, "back_vas", 0, clock) == pytest.approx(8, abs=1e-12)
        assert visit(result, "back_vas", 0, clock, "on_therapy", column="n") == 64
    sudden = run({"imp": ONCE}, settings=settings)
    assert visit(sudden, "back_vas", 0, "activation") == pytest.approx(4, abs=1e-9)


def test_denominators_after_an_explant() -> None:
    imp = {**IMPLANT, "loss_of_effect": {"years": 1}}
    result = run({"imp": imp}, settings={"visit_months": [6, 24], "visit_clocks": ["activation"]})
    for denominator, n in (("implanted", 64), ("on_therapy", 0)):
        assert visit(result, "back_vas", 24, "activation", denominator, column="n") == n
        assert visit(result, "back_vas", 6, "activation", denominator, column="n") == 64
    assert visit(result, "back_vas", 24, "activation", "implanted") == pytest.approx(8)
    assert visit(result, "back_vas", 6, "activation", "implanted") == pytest.approx(4)


def test_denominator_of_everybody_keeps_those_never_implanted() -> None:
    n = 20000
    imp = {**IMPLANT, "trial": {"success": 0.75, "days": 10}}
    result = run(
        {"imp": imp}, settings={"patients": n, "visit_months": [12], "visit_denominators": ["randomised", "implanted"]}
    )
    implanted = visit(result, "back_vas", 12, denominator="implanted", column="n") / n
    assert implanted == pytest.approx(0.75, abs=4 * 0.5 / np.sqrt(n))
    assert visit(result, "back_relief", 12) == pytest.approx(0.5 * implanted, abs=1e-9)


def test_noise() -> None:
    n = 40000
    result = run(
        {"imp": ONCE},
        settings={"patients": n, "visit_months": [0, 12]},
        measurement={"pain_person_sd": 0.3, "pain_visit_sd": 0.4},
        population={"back_vas": 6, "leg_vas": 8},
    )
    # Half of 6 is 3, far from 0 and 10: the noise is plain normal with SD 0.5; the VAS of 3 hides 13 % remitters.
    assert visit(result, "back_vas", 12) == pytest.approx(3, abs=4 * 0.5 / np.sqrt(n))
    assert visit(result, "back_vas", 12, column="sd") == pytest.approx(0.5, rel=0.02)
    assert visit(result, "back_remitter", 12) == pytest.approx(stats.norm.cdf(2.5, 3, 0.5), abs=0.01)
    # A responder records at most half of the recorded baseline: 3 + p + v2 <= (6 + p + v1) / 2.
    spread = np.hypot(0.3 / 2, np.hypot(0.4, 0.4 / 2))
    assert visit(result, "back_responder", 12) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n)) and spread > 0
    assert visit(result, "back_relief", 12, column="sd") == pytest.approx(spread / 6, rel=0.05)
    assert visit(result, "back_vas", 12, column="p05") == pytest.approx(3 - 1.645 * 0.5, abs=0.05)
    assert visit(result, "back_vas", 12, column="p95") == pytest.approx(3 + 1.645 * 0.5, abs=0.05)


def test_the_recorded_baseline_is_the_visit_at_entry() -> None:
    result = run(
        {"imp": {**ONCE, "wait": {"years": 1}}},
        settings={"visit_months": [0, 3], "patients": 500},
        measurement={"pain_person_sd": 0.3, "pain_visit_sd": 0.4},
    )
    assert visit(result, "back_relief", 0) == pytest.approx(0, abs=1e-12)
    assert visit(result, "back_relief", 0, column="sd") < 1e-12
    assert visit(result, "back_relief", 3, column="sd") > 0.02


def test_loss_to_follow_up() -> None:
    n = 40000
    relief = {"back": {**HALF, "responders": 0.5}, "leg": HALF, "onset_weeks": 0}
    result = run(
        {"imp": {**IMPLANT, "relief": relief}},
        settings={
            "patients": n, "visit_months": [0, 24], "visit_clocks": ["entry", "activation"],
            "visit_denominators": ["implanted", "assessed"],
        },
        measurement={"missing": {"hazard": 0.1, "non_responder_ratio": 3}},
    )  # fmt: skip
    stay = 0.5 * (np.exp(-0.2) + np.exp(-0.6))
    assert visit(result, "odi", 0, "activation", "assessed", column="n") == n
    seen = visit(result, "odi", 24, "activation", "assessed", column="n") / n
    assert seen == pytest.approx(stay, abs=4 * 0.5 / np.sqrt(n))
    # Those who are assessed look better than those who have an implant.
    good = visit(result, "back_responder", 24, "activation", "assessed")
    assert good == pytest.approx(0.5 * np.exp(-0.2) / stay, abs=0.015)
    assert visit(result, "back_responder", 24, "activation", "implanted") == pytest.approx(0.5, abs=0.01)


def test_visits_during_outages_and_complications() -> None:
    lost = burst(1, revision=1, revision_wait={"weeks": 26}, relief_lost=1)
    pain = burst(1, utility={"loss": 0.001, "weeks": 26})
    result = run({"imp": {**ONCE, "complications": {"a": lost, "b": pain}}}, settings={"visit_months": [11, 14, 20]})
    assert [visit(result, "back_vas", m) for m in (11, 14, 20)] == pytest.approx([4, 8, 4], abs=1e-9)
    ill = 0.001 * events(result, "imp.b")
    assert [visit(result, "utility", m) for m in (11, 14, 20)] == pytest.approx([0.8, 0.6 - ill, 0.8], abs=1e-9)


def test_visits_of_bridged_and_repeated_therapies() -> None:
    result = run({"care": CARE, "imp": BARE}, settings={"visit_months": [0, 5, 7, 9]})
    # The implant replaces conservative care at about 8.2 months.
    assert [visit(result, "back_vas", m) for m in (0, 5, 7, 9)] == pytest.approx([4, 4, 4, 8], abs=1e-7)
    shot = {**SHOT, "repeat": {"courses": 2, "relief_ratio": 0.5}}
    result = run({"shot": shot}, settings={"visit_months": [1, 2.5, 4, 6]})
    assert [visit(result, "back_vas", m) for m in (1, 2.5, 4, 6)] == pytest.approx([4, 8, 6, 8], abs=1e-9)


def test_utilities_at_visits_by_states() -> None:
    slow = {
        "kind": "implant",
        "relief": {**AT_ONCE, "onset_weeks": 365.25 / 14},
        "review": {"months": [1, 6], "stop": 0},
    }
    result = states(slow, settings={"visit_months": [0, 2, 7]})
    assert [visit(result, "utility", m) for m in (0, 2, 7)] == pytest.approx([0.6, 0.3, 0.5], abs=1e-12)


def test_residual_noise_of_a_mapping() -> None:
    n = 40000
    residual = {"line": {"residual": {"sd": 0.149, "person_share": 0.5}}}
    result = run({"imp": ONCE}, settings={"patients": n, "visit_months": [0, 12]}, utilities={"sources": residual})
    assert visit(result, "utility", 12) == pytest.approx(0.8, abs=4 * 0.149 / np.sqrt(n))
    assert visit(result, "utility", 12, column="sd") == pytest.approx(0.149, rel=0.02)
    assert outcome(result, "qaly") == close(8)  # it is no part of QALYs


# ----------------------------------------------------------------- occupancy


def test_occupancy() -> None:
    imp = {
        **IMPLANT,
        "wait": {"months": 3.5},
        "trial": {"success": 1, "days": 365.25 / 6},
        "loss_of_effect": {"years": 2},
    }
    result = run({"imp": imp})
    for month, state in (
        (0, "waiting"),
        (3, "waiting"),
        (4, "trial"),
        (5, "trial"),
        (6, "imp"),
        (29, "imp"),
        (30, "background"),
    ):
        assert share(result, state, month) == 1, (month, state)
    assert set(result.occupancy.month) == set(range(121))


def test_occupancy_counts_the_dead() -> None:
    n = 20000
    result = run(
        {"imp": ONCE},
        population={"age": 80, "mortality": {"life_table": "uk_2017_2019"}},
        settings={"patients": n, "visit_months": [60], "visit_clocks": ["entry", "activation"]},
    )
    dead = share(result, "dead", 60)
    assert 0.2 < dead < 0.5 and share(result, "imp", 60) == pytest.approx(1 - dead)
    for clock in ("entry", "activation"):
        assert visit(result, "alive", 60, clock) == pytest.approx(1 - dead, abs=1e-12)
        assert visit(result, "odi", 60, clock, column="n") == pytest.approx(n * (1 - dead))
    assert events(result, "death") + events(result, "horizon") == pytest.approx(1)


def test_deaths_in_the_last_part_of_a_month() -> None:
    result = run(
        {"imp": ONCE},
        population={"age": 95, "mortality": {"life_table": "uk_2017_2019", "smr": 5}},
        settings={"patients": 20000, "horizon_years": 2.9 / 12},
    )
    lived = outcome(result, "life_years")
    # With a constant hazard, deaths per year lived are that hazard.
    hazard = (
        -np.log1p(-library.life_table("uk_2017_2019").qx_male[95]),
        -np.log1p(-library.life_table("uk_2017_2019").qx_female[95]),
    )
    assert events(result, "death") == pytest.approx(5 * np.mean(hazard) * lived, rel=0.05)


def test_a_scenario_needs_no_discounting_to_agree_with_itself() -> None:
    therapies = {"care": CARE, "shot": SHOT, "imp": {**IMPLANT, "loss_of_effect": {"hazard": 0.2}}}
    result = scssim.run(tiny(therapies, settings={"discount_rate": {"costs": 0, "effects": 0}}))
    for name in ("cost", "qaly", "life_years"):
        assert outcome(result, name) == pytest.approx(outcome(result, f"{name}_undiscounted"), rel=1e-12)
    assert outcome(result, "cost") == pytest.approx(result.costs.discounted.sum(), rel=1e-12)


def test_patients_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("id,back_vas,female\n1,4,1\n2,6,0\n3,8,1\n")
    result = run({"one": ONCE}, settings={"patients": 6, "visit_months": [0]}, population={"file": str(path)})
    # Each row twice; half of the back pain is relieved.
    assert outcome(result, "qaly") == close(10 * (1 - 0.025 * 6))
    assert visit(result, "back_vas", 0, column="sd") == pytest.approx(np.std([2, 3, 4] * 2, ddof=1))
    some = run({"one": ONCE}, settings={"patients": 2}, population={"file": str(path)})
    assert outcome(some, "qaly") == close(10 * (1 - 0.025 * 5))
