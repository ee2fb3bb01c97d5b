"""Hand-made courses of events with exact times, costs and QALYs.

Everybody loses 0.4 to pain and `HALF` relief gives back 0.2; the horizon is 10 years. Money is discounted at
5 % and QALYs at 2 % a year where a test says so, so that an amount tells when it was paid.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from engine.patients import histories
from engine.tiny import (
    AT_ONCE,
    BACKGROUND,
    BARE,
    CARE,
    DISCOUNTED,
    GAIN,
    HALF,
    IMPLANT,
    INFECTED,
    MONTH,
    SHOT,
    T0,
    USELESS,
    WEEK,
    Q,
    burst,
    close,
    cost,
    events,
    money,
    outcome,
    paid,
    run,
    share,
    tiny,
    years,
)  # fmt: skip
from scssim.model.discount import decaying

# ------------------------------------------------------------- continuous


def test_a_therapy_that_never_ends() -> None:
    care = {"kind": "continuous", "relief": AT_ONCE, "costs": {"per_year": 100, "procedure": 50}}
    result = run({"care": care})
    assert outcome(result, "qaly") == close(0.8 * 10)
    assert outcome(result, "cost") == close(50 + 10 * 100)
    assert outcome(result, "life_years") == close(10)
    assert events(result, "care.start") == 1 and events(result, "horizon") == 1


def test_its_present_value() -> None:
    care = {"kind": "continuous", "wait": {"weeks": 20}, "relief": AT_ONCE, "costs": {"per_year": 100, "procedure": 50}}
    result = run({"care": care}, settings=DISCOUNTED)
    t0 = 20 * WEEK
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(t0, 10))
    assert outcome(result, "qaly_undiscounted") == close(6 + GAIN * (10 - t0))
    assert outcome(result, "cost") == close(50 * paid(t0) + 100 * money(t0, 10))
    assert outcome(result, "cost_undiscounted") == close(50 + 100 * (10 - t0))
    assert outcome(result, "life_years") == close(years(0, 10))


def test_longest_duration_ends_it_for_non_responders_only() -> None:
    care = {"kind": "continuous", "relief": AT_ONCE, "max_duration": {"months": 6}, "costs": {"per_year": 100}}
    assert cost(run({"care": care}), "care.per_year") == close(50)
    good = {**HALF, "responders": 1}
    kept = {**care, "relief": {**AT_ONCE, "back": good}}
    assert cost(run({"care": kept}), "care.per_year") == close(1000)
    assert cost(run({"care": {**kept, "stop_responders": True}}), "care.per_year") == close(50)


def test_loss_of_effect_without_a_stop() -> None:
    care = {
        "kind": "continuous",
        "relief": AT_ONCE,
        "loss_of_effect": {"years": 3, "stop_after_loss": 0},
        "costs": {"per_year": 100},
    }
    result = run({"care": care}, settings=DISCOUNTED)
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(0, 3))
    assert cost(result, "care.per_year") == close(100 * money(0, 10))


def test_residual_relief() -> None:
    care = {
        "kind": "continuous",
        "relief": AT_ONCE,
        "loss_of_effect": {"years": 3, "stop_after_loss": 0, "residual": 0.25},
    }
    result = run({"care": care}, settings=DISCOUNTED)
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * (years(0, 3) + 0.25 * years(3, 10)))


@pytest.mark.parametrize("onset", [0, 3, 30])
@pytest.mark.parametrize("waning", [None, {"share": 0.4, "time_years": 2}, {"share": 1, "time_years": 0.3}])
@pytest.mark.parametrize("residual", [0, 0.3])
def test_onset_and_waning(onset: float, waning: dict[str, float] | None, residual: float) -> None:
    relief = {**AT_ONCE, "onset_weeks": onset, **({} if waning is None else {"waning": waning})}
    care = {
        "kind": "continuous",
        "wait": {"years": 0.3},
        "relief": relief,
        "loss_of_effect": {"years": 4, "stop_after_loss": 0, "residual": residual},
    }
    result = run({"care": care}, settings=DISCOUNTED)

    def shape(s: float) -> float:
        size = 1.0 if onset == 0 else -np.expm1(-s / (onset * WEEK))
        return size if waning is None else size * (1 - waning["share"] * -np.expm1(-s / waning["time_years"]))

    def worth(rate: float) -> float:
        whole = quad(lambda s: shape(s) * np.exp(-rate * (0.3 + s)), 0, 4, epsabs=1e-13, points=[0.05, 0.5])[0]
        return whole + residual * quad(lambda s: shape(s) * np.exp(-rate * (0.3 + s)), 4, 9.7, epsabs=1e-13)[0]

    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * worth(Q))
    assert outcome(result, "qaly_undiscounted") == close(6 + GAIN * worth(0))


# ----------------------------------------------------------------- implants

LOST = {"loss_of_effect": {"years": 2, "stop_after_loss": 1}}


@pytest.mark.parametrize("delay", [0, 12])
def test_from_referral_to_explant(delay: float) -> None:
    imp = {**IMPLANT, "loss_of_effect": {**LOST["loss_of_effect"], "delay": {"weeks": delay}}}
    result = run({"imp": imp}, settings=DISCOUNTED, utilities={"decrements": {"surgery": {"loss": 0.1, "weeks": 4}}})
    end = T0 + 2 + delay * WEEK
    for item, amount in {
        "referral": 30,
        "trial": 2000 * paid(8 * WEEK),
        "implant": 5000 * paid(T0),
        "device": 12000 * paid(T0),
        "explant": 1600 * paid(end),
        "per_year": 250 * money(T0, end),
    }.items():
        assert cost(result, f"imp.{item}") == close(amount), item
    operations = years(T0, T0 + 4 * WEEK) + years(end, end + 4 * WEEK)
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(T0, T0 + 2) - 0.1 * operations)
    for event in ("trial", "implant", "explant", "end.stop_after_loss"):
        assert events(result, f"imp.{event}") == 1


def test_nobody_stops_for_a_loss_that_does_not_stop() -> None:
    result = run({"imp": {**IMPLANT, "loss_of_effect": {"years": 2, "stop_after_loss": 0}}})
    assert events(result, "imp.explant") == 0 and cost(result, "imp.per_year") == close(250 * (10 - T0))


def test_review_stops_those_who_fail() -> None:
    imp = {**IMPLANT, "review": {"months": [6, 12], "rule": "back", "threshold": 0.6, "stop": 1}}
    result = run({"imp": imp}, settings=DISCOUNTED)
    assert events(result, "imp.end.review_stop") == 1
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(T0, T0 + 0.5))
    assert cost(result, "imp.explant") == close(1600 * paid(T0 + 0.5))
    passed = run({"imp": {**imp, "review": {**imp["review"], "threshold": 0.4}}})
    assert events(passed, "imp.explant") == 0


def test_stop_probability_at_each_review() -> None:
    review = {"months": [6, 12, 18], "rule": "back", "threshold": 0.6, "stop": 0.3}
    result = run({"imp": {**IMPLANT, "review": review}}, settings={"patients": 40000})
    assert events(result, "imp.explant") == pytest.approx(1 - 0.7**3, abs=4 * 0.5 / 200)


@pytest.mark.parametrize(
    ("rule", "back", "leg", "passed"),
    [
        ("back", 1, 0, True), ("back", 0, 1, False), ("leg", 0, 1, True), ("leg", 1, 0, False),
        ("either", 1, 0, True), ("either", 0, 1, True), ("either", 0, 0, False),
        ("both", 1, 0, False), ("both", 1, 1, True), ("mean", 0, 0, False), ("mean", 1, 1, True),
    ],
)  # fmt: skip
def test_rules(rule: str, back: int, leg: int, passed: bool) -> None:
    sites = {"back": {**HALF, "responders": back}, "leg": {**HALF, "responders": leg}, "onset_weeks": 0}
    result = run({"imp": {**IMPLANT, "relief": sites, "review": {"months": [6], "rule": rule}}})
    assert events(result, "imp.explant") == (0 if passed else 1)


def test_failed_trial_leads_to_the_next_step() -> None:
    failing = {**IMPLANT, "trial": {"success": 0, "days": 10}}
    care = {"kind": "continuous", "wait": {"weeks": 2}, "relief": AT_ONCE, "costs": {"per_year": 100}}
    result = run({"imp": failing, "care": care}, settings=DISCOUNTED)
    begin = T0 + 2 * WEEK
    assert events(result, "imp.end.trial_failure") == 1 and events(result, "imp.implant") == 0
    assert cost(result, "imp.trial") == close(2000 * paid(8 * WEEK)) and cost(result, "imp.device") == 0
    assert cost(result, "care.per_year") == close(100 * money(begin, 10))
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(begin, 10))


def test_nothing_happens_when_the_wait_is_longer_than_life() -> None:
    result = run({"imp": {**IMPLANT, "wait": {"years": 4}}}, settings={"horizon_years": 3, "visit_months": [0, 36]})
    assert outcome(result, "cost") == close(30)
    assert outcome(result, "qaly") == close(0.6 * 3)
    assert [share(result, "waiting", m) for m in (0, 12, 36)] == [1, 1, 1]
    assert events(result, "imp.trial") == 0 and events(result, "horizon") == 1
    assert result.visits[result.visits.denominator == "implanted"].n.max() == 0


def test_a_trial_that_outlasts_the_horizon() -> None:
    result = run({"imp": {**IMPLANT, "trial": {"success": 1, "days": 30}}}, settings={"horizon_years": 9 * WEEK})
    assert outcome(result, "cost") == close(30 + 2000)
    assert events(result, "imp.trial") == 1 and events(result, "imp.implant") == 0


# ------------------------------------------------------------------ devices


@pytest.mark.parametrize("wait", [0, 4])
@pytest.mark.parametrize("generator", [None, 9000])
def test_replacements(wait: float, generator: float | None) -> None:
    costs = {"device": 12000, "replacement": 3000, **({} if generator is None else {"pulse_generator": generator})}
    device = {"rechargeable": False, "life": {"years": 2.5}, "replacement_wait": {"weeks": wait}}
    result = run(
        {"imp": {"kind": "implant", "relief": AT_ONCE, "device": device, "costs": costs}},
        settings=DISCOUNTED,
        utilities={"decrements": {"surgery": {"loss": 0.1, "weeks": 2}}},
    )
    w = wait * WEEK
    times = [2.5 * k + w * (k - 1) for k in (1, 2, 3)]
    assert events(result, "imp.depletion") == events(result, "imp.replacement") == 3
    assert cost(result, "imp.replacement") == close(sum(3000 * paid(t + w) for t in times))
    assert cost(result, "imp.generator") == close(sum((generator or 12000) * paid(t + w) for t in times))
    assert cost(result, "imp.device") == close(12000)
    working = years(0, 10) - sum(years(t, t + w) for t in times)
    operations = sum(years(t, t + 2 * WEEK) for t in (0, *(t + w for t in times)))
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * working - 0.1 * operations)


@pytest.mark.parametrize("residual", [0, 0.5])
def test_a_device_depleted_after_the_loss_is_not_replaced(residual: float) -> None:
    device = {"rechargeable": False, "life": {"years": 2.5}}
    loss = {"years": 3, "stop_after_loss": 0, "residual": residual}
    result = run(
        {
            "imp": {
                "kind": "implant",
                "relief": AT_ONCE,
                "device": device,
                "loss_of_effect": loss,
                "costs": {"device": 1},
            }
        }
    )
    assert events(result, "imp.replacement") == 1
    # Residual relief ends with the second device, at 5 years.
    assert outcome(result, "qaly") == close(6 + GAIN * (3 + residual * 2))


def test_no_replacement_after_the_explant() -> None:
    device = {"rechargeable": False, "life": {"years": 1.9}, "replacement_wait": {"weeks": 10}}
    imp = {**IMPLANT, "device": device, **LOST}
    result = run({"imp": imp}, settings=DISCOUNTED)
    # Depleted 0.1 years before the loss; explanted before its turn comes.
    assert events(result, "imp.depletion") == 1 and events(result, "imp.replacement") == 0
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * years(T0, T0 + 1.9))


# --------------------------------------------------------------- complications


def test_outage_until_the_revision() -> None:
    migration = burst(1, cost=10, revision=1, revision_wait={"weeks": 6}, relief_lost=1)
    imp = {"kind": "implant", "relief": AT_ONCE, "complications": {"migration": migration}, "costs": {"revision": 4000}}
    result = run({"imp": imp}, settings=DISCOUNTED)
    times = events(result, "imp.migration")
    assert 25 < times < 35 and events(result, "imp.revision") == times
    # Thirty outages at once are one outage.
    lost = years(1, 1 + 6 * WEEK)
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) + GAIN * (years(0, 10) - lost), rel=1e-8)
    assert cost(result, "imp.revision") == pytest.approx(times * 4000 * paid(1 + 6 * WEEK), rel=1e-8)
    assert cost(result, "imp.migration") == pytest.approx(times * 10 * paid(1), rel=1e-8)


def test_overlapping_outages_count_once() -> None:
    """Two complications and a depletion: 1 to 1.5, 1.25 to 2 and 1.75 to 2.25 are 1 to 2.25."""
    complications = {
        "a": burst(1, revision=1, revision_wait={"years": 0.5}, relief_lost=1),
        "b": burst(1.25, revision=1, revision_wait={"years": 0.75}, relief_lost=1),
    }
    device = {"rechargeable": False, "life": {"years": 1.75}, "replacement_wait": {"years": 0.5}}
    loss = {"years": 3.5, "stop_after_loss": 0}
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "complications": complications,
        "device": device,
        "loss_of_effect": loss,
    }
    result = run({"imp": {**imp, "costs": {"device": 1}}}, settings=DISCOUNTED)
    assert outcome(result, "qaly") == pytest.approx(
        0.6 * years(0, 10) + GAIN * (years(0, 1) + years(2.25, 3.5)), rel=1e-8
    )


def test_outage_stops_at_the_end_of_the_therapy() -> None:
    migration = burst(1.9, revision=1, revision_wait={"weeks": 52}, relief_lost=1)
    result = run({"imp": {**IMPLANT, **LOST, "complications": {"migration": migration}}})
    assert events(result, "imp.revision") == 0
    assert outcome(result, "qaly") == pytest.approx(6 + GAIN * 1.9, rel=1e-8)


def test_utility_lost_to_complications() -> None:
    # One complication outlives the therapy, the other the horizon.
    complications = {"a": burst(1.95, utility={"loss": 0.001, "weeks": 10})}
    late = burst(9.9, utility={"loss": 0.002, "weeks": 50})
    imp = {"kind": "implant", "relief": AT_ONCE, **LOST, "complications": complications}
    care = {"kind": "continuous", "relief": USELESS, "wait": {"years": 0}, "complications": {"b": {**late}}}
    result = run({"imp": imp}, settings=DISCOUNTED)
    times = events(result, "imp.a")
    assert outcome(result, "qaly") == pytest.approx(
        0.6 * years(0, 10) + GAIN * years(0, 2) - times * 0.001 * years(1.95, 1.95 + 10 * WEEK), rel=1e-8
    )
    result = run({"care": care}, settings=DISCOUNTED)
    times = events(result, "care.b")
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) - times * 0.002 * years(9.9, 10), rel=1e-8)


def test_hazards_run_from_the_start_of_effect_and_end_with_the_therapy() -> None:
    n = 40000
    imp = {
        **IMPLANT,
        **LOST,
        "complications": {"a": {"hazard": [{"until_years": 1, "rate": 0.3}, {"rate": 0.8}], "ratio": 1.5}},
    }
    result = run({"imp": imp}, settings={"patients": n})
    mean = 1.5 * (0.3 + 0.8)
    assert events(result, "imp.a") == pytest.approx(mean, abs=4 * np.sqrt(mean / n))
    some = 1 - np.exp(-mean)
    assert events(result, "imp.a", column="share_of_patients") == pytest.approx(
        some, abs=4 * np.sqrt(some * (1 - some) / n)
    )


def test_marks_of_complications() -> None:
    n = 20000
    a = {"hazard": 0.1, "revision": 0.5, "explant": 0.2, "cost": 1}
    result = run({"imp": {**IMPLANT, "trial": None, "complications": {"a": a}}}, settings={"patients": n})
    happened = events(result, "imp.a")
    for event, p in (("revision", 0.5), ("end.explant", 0.2)):
        assert events(result, f"imp.{event}") / happened == pytest.approx(
            p, abs=4 * np.sqrt(p * (1 - p) / n / happened)
        )
    # Each explant ends the episode: a constant hazard of 0.1 until an exponential end at 0.02.
    time = 10 - 8 * WEEK
    expected = 0.1 * -np.expm1(-0.02 * time) / 0.02
    assert happened == pytest.approx(expected, abs=4 * 1.1 / np.sqrt(n))


def test_reimplant() -> None:
    care = {"kind": "continuous", "wait": {"weeks": 2}, "relief": AT_ONCE, "costs": {"procedure": 1}}
    result = run({"imp": INFECTED, "care": care}, settings=DISCOUNTED)
    again = T0 + 1 + 4 * MONTH
    assert events(result, "imp.infection") == 2  # the first explant ends each episode
    assert events(result, "imp.implant") == events(result, "imp.explant") == 2
    assert events(result, "imp.trial") == 1
    approx = lambda x: pytest.approx(x, rel=1e-7)  # noqa: E731
    assert cost(result, "imp.device") == approx(12000 * (paid(T0) + paid(again)))
    assert cost(result, "imp.explant") == approx(1600 * (paid(T0 + 1) + paid(again + 1)))
    assert cost(result, "imp.per_year") == approx(250 * (money(T0, T0 + 1) + money(again, again + 1)))
    assert cost(result, "imp.referral") == approx(30)
    # The next step comes after the second implant has gone too.
    assert cost(result, "care.procedure") == approx(paid(again + 1 + 2 * WEEK))
    gained = years(T0, T0 + 1) + years(again, again + 1) + years(again + 1 + 2 * WEEK, 10)
    assert outcome(result, "qaly") == approx(0.6 * years(0, 10) + GAIN * gained)


def test_three_reimplants_at_most() -> None:
    result = run({"imp": {**INFECTED, "reimplant": {"probability": 1, "delay": {"months": 4}, "most": 3}}})
    assert events(result, "imp.implant") == 4


def test_reimplants_are_not_for_everybody() -> None:
    n = 20000
    some = {**INFECTED, "reimplant": {"probability": 0.3, "delay": {"months": 4}}}
    result = run({"imp": some}, settings={"patients": n})
    assert events(result, "imp.implant") == pytest.approx(1.3, abs=4 * np.sqrt(0.21 / n))
    other = {**INFECTED, "complications": {"infection": burst(1, explant=1)}}
    assert events(run({"imp": other}), "imp.implant") == 1


def test_a_reimplant_meets_the_same_response_and_new_luck() -> None:
    good = {"responders": 0.5, "if_responder": {"mean": 0.75, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.1}}
    imp = {**INFECTED, "relief": {"back": good, "leg": good, "onset_weeks": 0},
           "review": {"months": [3], "rule": "back", "stop": 1}}  # fmt: skip
    result = run({"imp": imp}, settings={"patients": 4000})
    # Who passed the first review passes it again.
    assert events(result, "imp.end.review_stop") == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))
    assert events(result, "imp.end.explant") == pytest.approx(2 * (1 - events(result, "imp.end.review_stop")))
    lucky = {
        "kind": "implant",
        "relief": AT_ONCE,
        "loss_of_effect": {"hazard": 0.3},
        **{k: INFECTED[k] for k in ("complications", "reimplant")},
    }
    result = run({"imp": lucky}, settings={"patients": 40000})
    # Survive a year, then survive another: had both the same luck, all who came through once would twice.
    once = np.exp(-0.3)
    assert events(result, "imp.end.explant") == pytest.approx(once + once**2, abs=4 * 0.9 / 200)


# ---------------------------------------------------------------- procedures


@pytest.mark.parametrize(("months", "ratio"), [(3, 1), (3, 0.5), (1, 0.5)])
def test_repeated_injections(months: float, ratio: float) -> None:
    shot = {**SHOT, "repeat": {"courses": 3, "min_months": months, "relief_ratio": ratio}}
    care = {"kind": "continuous", "relief": AT_ONCE, "costs": {"procedure": 1}}
    result = run({"shot": shot, "care": care}, settings=DISCOUNTED)
    gap = max(months, 2) * MONTH
    starts = [0, gap, 2 * gap]
    over = 2 * gap + 2 * MONTH
    assert events(result, "shot.start") == 1 and events(result, "shot.repeat") == 2
    assert cost(result, "shot.procedure") == close(sum(1000 * paid(t) for t in starts))
    assert cost(result, "care.procedure") == close(paid(over))
    relieved = sum(ratio**k * years(t, t + 2 * MONTH) for k, t in enumerate(starts)) + years(over, 10)
    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * relieved)
    assert events(result, "shot.end.effect_over") == 1


def test_each_course_sets_in_anew() -> None:
    shot = {**SHOT, "relief": {**AT_ONCE, "onset_weeks": 2}, "repeat": {"courses": 2, "relief_ratio": 0.5}}
    shot["assess"] = {"weeks": 8, "threshold": 0.4}
    result = run({"shot": shot}, settings=DISCOUNTED)
    tau = 2 * WEEK

    def course(start: float) -> float:
        end = start + 2 * MONTH
        return years(start, end) - float(decaying(start, start, end, 1 / tau, Q))

    assert outcome(result, "qaly") == close(0.6 * years(0, 10) + GAIN * (course(0) + 0.5 * course(0.25)))


def test_no_repeat_for_those_who_failed_the_assessment() -> None:
    shot = {**SHOT, "assess": {"weeks": 4, "threshold": 0.6}, "repeat": {"courses": 3}}
    care = {"kind": "continuous", "relief": AT_ONCE, "costs": {"procedure": 1}}
    result = run({"shot": shot, "care": care}, settings=DISCOUNTED)
    assert events(result, "shot.repeat") == 0 and events(result, "shot.end.review_stop") == 1
    assert cost(result, "care.procedure") == close(paid(4 * WEEK))


def test_repeat_probability() -> None:
    n = 40000
    shot = {**SHOT, "repeat": {"courses": 3, "probability": 0.39}}
    result = run({"shot": shot}, settings={"patients": n})
    expected = 0.39 + 0.39**2
    assert events(result, "shot.repeat") == pytest.approx(expected, abs=4 * 0.8 / np.sqrt(n))


def test_an_effect_lost_before_the_assessment() -> None:
    shot = {**SHOT, "loss_of_effect": {"weeks": 2}}
    result = run({"shot": shot})
    assert events(result, "shot.end.review_stop") == 1
    assert outcome(result, "qaly") == close(6 + GAIN * 2 * WEEK)


# ------------------------------------------------------- order and eligibility


def test_bridging() -> None:
    result = run({"care": CARE, "imp": BARE}, settings=DISCOUNTED, costs=BACKGROUND)
    begin = 0.5 + T0
    assert cost(result, "care.per_year") == close(100 * money(0, begin))
    assert cost(result, "imp.device") == close(12000 * paid(begin))
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) + GAIN * years(0, begin), rel=1e-7)
    assert cost(result, "other") == pytest.approx(0, abs=1e-9)


def test_without_bridging() -> None:
    result = run({"care": {**CARE, "bridge": False}, "imp": BARE}, settings=DISCOUNTED, costs=BACKGROUND)
    assert cost(result, "care.per_year") == close(100 * money(0, 0.5))
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) + GAIN * years(0, 0.5), rel=1e-7)
    assert cost(result, "other") == close(7 * money(0.5, 0.5 + T0))


def test_a_bridge_that_leads_nowhere_ends_with_the_attempt() -> None:
    failing = {**BARE, "trial": {"success": 0, "days": 10}}
    result = run({"care": CARE, "imp": failing}, settings=DISCOUNTED, costs=BACKGROUND)
    over = 0.5 + T0
    assert cost(result, "care.per_year") == close(100 * money(0, over))
    assert cost(result, "other") == close(7 * money(over, 10))


def test_a_bridge_over_a_failed_trial_to_the_next_therapy() -> None:
    failing = {**BARE, "trial": {"success": 0, "days": 10}}
    last = {"kind": "continuous", "wait": {"weeks": 3}, "relief": USELESS, "costs": {"procedure": 1}}
    result = run({"care": CARE, "imp": failing, "last": last}, settings=DISCOUNTED)
    begin = 0.5 + T0 + 3 * WEEK
    assert cost(result, "last.procedure") == close(paid(begin))
    assert cost(result, "care.per_year") == close(100 * money(0, begin))


def test_no_bridge_to_a_step_that_nobody_takes() -> None:
    steps = ["care", {"therapy": "imp", "if": "diagnosed == 'nociceptive'"}]
    result = run({"care": CARE, "imp": BARE}, steps)
    assert cost(result, "care.per_year") == close(50) and cost(result, "imp.referral") == 0


def test_a_bridge_ends_with_the_horizon() -> None:
    result = run({"care": CARE, "imp": {**BARE, "wait": {"years": 99}}})
    assert cost(result, "care.per_year") == close(1000)
    assert share(result, "waiting", 12) == 1


def test_bridging_relief_may_be_lost() -> None:
    care = {**CARE, "loss_of_effect": {"months": 7, "stop_after_loss": 0}}
    result = run({"care": care, "imp": BARE}, settings=DISCOUNTED)
    assert outcome(result, "qaly") == pytest.approx(0.6 * years(0, 10) + GAIN * years(0, 7 * MONTH), rel=1e-7)


MIX = {"mechanism": {"neuropathic": 0.5, "mixed": 0.2, "nociceptive": 0.3}}
ONE = {"kind": "continuous", "relief": AT_ONCE, "costs": {"procedure": 1}}


def test_eligibility_by_diagnosis() -> None:
    n = 20000
    right = {"neuropathic": 0.7, "mixed": 0.2, "nociceptive": 0.1}
    confusion = {m: right if m == "neuropathic" else {k: float(k == m) for k in right} for m in right}
    steps = {"a": [{"therapy": "one", "if": "diagnosed == 'neuropathic'"}], "b": ["one"],
             "c": [{"therapy": "one", "if": "mechanism == 'neuropathic'"}]}  # fmt: skip
    result = run(
        {"one": ONE}, steps, settings={"patients": n},
        population={**MIX, "diagnosis": {"confusion": confusion, "cost": 250}},
    )  # fmt: skip
    assert events(result, "one.start", "a") == pytest.approx(0.35, abs=4 * 0.5 / np.sqrt(n))
    assert events(result, "one.start", "b") == 1
    assert events(result, "one.start", "c") == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n))
    # Only the strategy that asks for the diagnosis pays for it.
    assert [cost(result, "work_up", s) for s in "abc"] == [250, 0, 0]


def test_eligibility_by_what_was_tried() -> None:
    n = 20000
    imp = {**IMPLANT, "trial": {"success": 0.6}, "loss_of_effect": {"years": 1}}
    steps = ["imp", {"therapy": "one", "if": "not 'imp' in tried"}]
    result = run({"imp": imp, "one": ONE}, steps, settings={"patients": n})
    assert events(result, "one.start") == pytest.approx(0.4, abs=4 * 0.5 / np.sqrt(n))
    assert events(result, "one.start") == pytest.approx(events(result, "imp.end.trial_failure"), abs=1e-12)


def test_eligibility_by_response() -> None:
    n = 20000
    good = {"responders": 0.3, "if_responder": {"mean": 0.75, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.1}}
    imp = {**IMPLANT, "relief": {"back": good, "leg": HALF, "onset_weeks": 0}, "loss_of_effect": {"years": 2},
           "review": {"months": [6], "rule": "back", "stop": 0.5}}  # fmt: skip
    steps = {"fail": ["imp", {"therapy": "one", "if": "not 'imp' in responded"}],
             "pass": ["imp", {"therapy": "one", "if": "'imp' in responded"}]}  # fmt: skip
    result = run({"imp": imp, "one": ONE}, steps, settings={"patients": n})
    assert events(result, "one.start", "fail") == pytest.approx(0.7, abs=4 * 0.5 / np.sqrt(n))
    assert events(result, "one.start", "pass") == pytest.approx(0.3, abs=4 * 0.5 / np.sqrt(n))
    assert events(result, "one.start", "fail") + events(result, "one.start", "pass") == pytest.approx(1)


def test_reviews_after_the_end_do_not_count_as_response() -> None:
    imp = {**IMPLANT, "review": {"months": [6, 12], "rule": "back"}}
    steps = ["imp", {"therapy": "one", "if": "not 'imp' in responded"}]
    result = run({"imp": imp, "one": ONE}, steps, settings={"patients": 4000}, measurement={"pain_visit_sd": 1.5})
    stopped = events(result, "imp.end.review_stop")
    assert 0.6 < stopped < 0.9
    # Everybody who was stopped had failed the last review there was.
    assert events(result, "one.start") == pytest.approx(stopped, abs=1e-12)


@pytest.mark.parametrize("delay", [0, 2])
def test_eligibility_by_pain_just_before_the_end(delay: float) -> None:
    # Relief of one half halves a back pain of 8; it is gone at the loss of effect, and the stop comes with it or later.
    imp = {**IMPLANT, "wait": {"distribution": "exponential", "mean": 0.5},
           "loss_of_effect": {"hazard": 3, "delay": {"weeks": delay}}}  # fmt: skip
    steps = ["imp", {"therapy": "one", "if": "back_vas_now < 5"}]
    result = run({"imp": imp, "one": ONE}, steps, settings={"patients": 2000, "horizon_years": 50})
    stopped = events(result, "imp.end.stop_after_loss")
    assert stopped > 0.99
    assert events(result, "one.start") == pytest.approx(stopped if delay == 0 else 0, abs=1e-12)


def test_pain_before_anything_was_done_is_the_baseline() -> None:
    steps = [{"therapy": "one", "if": "back_vas_now == 8 and leg_vas_now == 6"}]
    assert events(run({"one": ONE}, steps), "one.start") == 1


def test_acceptance() -> None:
    n = 20000
    result = run({"one": ONE}, [{"therapy": "one", "acceptance": 0.25}], settings={"patients": n})
    assert events(result, "one.start") == pytest.approx(0.25, abs=4 * 0.5 / np.sqrt(n))


def test_a_procedure_can_be_an_operation() -> None:
    shot = {**SHOT, "surgery": True}
    result = run({"shot": shot}, utilities={"decrements": {"surgery": {"loss": 0.1, "weeks": 3}}})
    assert outcome(result, "qaly") == close(6 + GAIN * 2 * MONTH - 0.1 * 3 * WEEK)


# -------------------------------------------------------------------- rescue


@pytest.mark.parametrize("rho", [0, 0.6, 0.9])
def test_a_rescue_works_less_often_than_a_first_implant(rho: float) -> None:
    n = 40000
    good = {"responders": 0.5, "if_responder": {"mean": 0.75, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.1}}
    imp = {**IMPLANT, "trial": None, "response_group": "scs", "relief": {"back": good, "leg": good, "onset_weeks": 0},
           "review": {"months": [6], "rule": "back"}}  # fmt: skip
    steps = {"first": ["hf"], "rescue": ["lf", "hf"]}
    result = run(
        {"lf": imp, "hf": imp}, steps, settings={"patients": n}, response_groups={"scs": {"rho": rho}}
    )  # fmt: skip
    first = 1 - events(result, "hf.end.review_stop", "first")
    failed = events(result, "lf.end.review_stop", "rescue")
    again = 1 - events(result, "hf.end.review_stop", "rescue") / failed
    assert first == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n))
    # Two latent normals correlated by rho are both below the median with probability 1/4 + asin(rho)/2 pi.
    expected = 1 - 2 * (0.25 + np.arcsin(rho) / (2 * np.pi))
    assert again == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / (n * failed)))
    assert again < 0.35 or rho == 0


def test_first_implants_of_a_group_meet_the_same_latent_response() -> None:
    good = {"responders": 0.5, "if_responder": {"mean": 0.75, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.1}}
    imp = {"kind": "implant", "relief": {"back": good, "leg": good, "onset_weeks": 0}}
    therapies = {"lf": {**imp, "response_group": "scs"}, "hf": {**imp, "response_group": "scs"}, "other": imp}
    found = histories(tiny(therapies, {"a": ["lf"], "b": ["hf"], "c": ["other"]}, settings={"patients": 2000}))
    assert np.array_equal(found["a"]["qaly"], found["b"]["qaly"])
    assert abs(np.corrcoef(found["a"]["qaly"][0], found["c"]["qaly"][0])[0, 1]) < 4.5 / np.sqrt(2000)


def test_reviews_of_different_implants_have_different_noise() -> None:
    imp = {**IMPLANT, "trial": None, "review": {"months": [6], "rule": "back"}}
    result = run({"a": imp, "b": imp}, settings={"patients": 4000}, measurement={"pain_visit_sd": 1.5})
    # True relief is one half for all: chance alone decides each review.
    assert events(result, "a.end.review_stop") == pytest.approx(0.5, abs=0.04)
    again = events(result, "b.end.review_stop") / events(result, "b.implant")
    # The two share the noise of the recorded baseline only: v - v0 / 2 > 0 twice, correlated 0.25 / 1.25.
    expected = 2 * (0.25 + np.arcsin(0.2) / (2 * np.pi))
    assert again == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(2000))


def test_ties_a_review_comes_before_a_loss() -> None:
    imp = {**IMPLANT, "loss_of_effect": {"months": 6, "stop_after_loss": 0}}
    imp["review"] = {"months": [6], "rule": "back", "threshold": 0.4}
    assert events(run({"imp": imp}), "imp.end.review_stop") == 0


def test_a_therapy_again_is_another_episode() -> None:
    imp = {**IMPLANT, "loss_of_effect": {"hazard": 0.5}}
    found = run({"imp": imp}, ["imp", "imp"], settings={"patients": 20000, "horizon_years": 60})
    assert events(found, "imp.implant") == pytest.approx(2, abs=1e-3)
    # Two independent exponential times: their sum has a variance of 8, twice the same one of 16.
    single, double = (
        histories(tiny({"imp": imp}, steps, settings={"patients": 20000, "horizon_years": 60}))["only"]["now"][0]
        for steps in (["imp"], ["imp", "imp"])
    )
    assert np.var(single) == pytest.approx(4, rel=0.1) and np.var(double) == pytest.approx(8, rel=0.1)


def test_an_explant_ends_the_repeat_courses() -> None:
    """Stopped after five months: the third course, after six, does not take place and the second one is cut."""
    reaction = burst(5 * MONTH, explant=1)
    shot = {**SHOT, "repeat": {"courses": 4, "min_months": 3}, "complications": {"reaction": reaction}}
    loss = {"months": 3}
    result = run({"shot": {**shot, "loss_of_effect": loss}})
    assert events(result, "shot.repeat") == 1
    assert outcome(result, "qaly") == pytest.approx(6 + GAIN * 5 * MONTH, abs=1e-7)
