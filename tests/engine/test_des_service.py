"""Replications, what waiting costs, capacity, overload, and the log of a service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scssim
from engine.test_des_agrees import assert_agree, assert_same_tables
from engine.tiny import BARE, BASE, DAY, IMPLANT, Data, close, load, outcome, tiny
from scssim.analysis.service import capacity_per_year, mean_time
from scssim.engine import job
from scssim.engine.des import run as des
from scssim.engine.des.calendar import Calendar
from scssim.engine.des.monitor import bin_of, quantile, share_within
from scssim.engine.des.resource import Servers
from scssim.engine.des.run import Replication, Sink, precise
from scssim.errors import ScenarioError, ScssimError
from scssim.model.leaves import LEAF
from scssim.model.timing import timer
from scssim.report.log_file import log_file
from scssim.result import TABLES, Result
from scssim.scenario.load import LoadedScenario
from scssim.scenario.service import Resource

HELD: Data = {"resource": "desk", "duration": {"distribution": "exponential", "mean": 10, "unit": "days"}}
SLOT: Data = {**IMPLANT, "wait": {"days": 0}, "trial": None, "needs": {"implant": "room"}}
BUSY: Data = {"arrivals": {"per_year": 30}, "years": 2, "warm_up_years": 0.5, "replications": 3}


def told(result: Result) -> list[str]:
    """Warnings of the run itself, without those that loading such a tiny scenario gives."""
    return [warning for warning in result.warnings if warning not in map(str, result.loaded.warnings)]


def busy(therapies: Data | None = None, steps: Any = None, **changes: Any) -> LoadedScenario:
    """A service with a queue."""
    visit = {**SLOT, "needs": {"implant": HELD}}
    resources = {"desk": {"servers": 1, "target": {"weeks": 2}}}
    sections: Data = {"settings": {"horizon_years": 3}, "resources": resources, "service": BUSY, **changes}
    return tiny(therapies or {"visit": visit}, steps, **sections)


# ---------------------------------------------------------------- agreement


def test_shipped_scenarios_agree() -> None:
    for name in ("back_leg_uk", "sceptical", "senza_rct"):
        assert_agree(scssim.load(name), patients=300, draws=0)


def test_draws_agree() -> None:
    loaded = scssim.load(Path(__file__).parents[1] / "data" / "small.yaml", {"analyses.psa": {"draws": 3}})
    one, other = (scssim.run(loaded, patients=60, engine=engine) for engine in ("cohort", "des"))
    assert_same_tables(one, other)
    pd.testing.assert_frame_equal(one.psa, other.psa, rtol=1e-9)
    pd.testing.assert_frame_equal(one.parameters, other.parameters)


def test_more_patients_than_a_leaf_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "CELLS", LEAF)
    assert_agree(load_small(), patients=2500, draws=0)


def load_small() -> LoadedScenario:
    values = {"analyses": None, "settings.visit_months": [], "targets": []}
    return scssim.load(Path(__file__).parents[1] / "data" / "small.yaml", values)


def test_replications_of_a_cohort_are_one_sample_of_it() -> None:
    """Each replication has other patients; means are those of all, errors come from replications."""
    one = scssim.run(load_small(), patients=40, draws=0, engine="des")
    loaded = scssim.load(
        Path(__file__).parents[1] / "data" / "small.yaml", {"analyses": None, "service.replications": 5}
    )
    many = scssim.run(loaded, patients=40, draws=0, engine="des")
    assert many.service is not None and many.service["replications"] == 5 and many.patients == 40
    mean = outcome(one, "qaly", "hf")
    assert outcome(many, "qaly", "hf") != mean
    errors = many.outcomes.set_index(["strategy", "outcome"]).mcse
    assert 0 < errors["hf", "qaly"] < 0.3
    assert many.draws is None and many.psa.empty


def test_capacity_that_is_never_short_changes_nothing() -> None:
    needs = {"trial": "room", "implant": {"resource": "desk", "duration": {"days": 1}}}
    resources = {"room": {"slots": 1000}, "desk": {"servers": 1000}}
    free = scssim.run(tiny({"imp": IMPLANT}))
    limited = scssim.run(tiny({"imp": {**IMPLANT, "needs": needs}}, resources=resources), engine="des")
    assert_same_tables(free, limited)
    assert limited.waits.mean_days.tolist() == [0, 0] and limited.burden.qaly_lost.tolist() == [0]


# ------------------------------------------------------------- replications


def test_replications_have_other_referrals_and_policies_the_same() -> None:
    visit = {**SLOT, "needs": {"implant": HELD}}
    loaded = busy({"visit": visit, "other": visit}, {"a": ["visit"], "b": ["other"]})
    result = scssim.run(loaded, engine="des")
    log = result.log[result.log.event == "arrival"]
    assert log[log.strategy == "a"].day.tolist() == log[log.strategy == "b"].day.tolist()
    waits = result.waits.set_index("strategy")
    assert waits.n["a"] == waits.n["b"] > 100
    table = result.replications[result.replications.strategy == "a"]
    assert table.replications.tolist() == [2, 3] and (table.half_width_days > 0).all()


def test_adding_a_policy_changes_no_other() -> None:
    visit = {**SLOT, "needs": {"implant": HELD}}
    alone = scssim.run(busy({"visit": visit}, {"a": ["visit"]}), engine="des")
    both = scssim.run(busy({"visit": visit, "more": visit}, {"b": ["more", "visit"], "a": ["visit"]}), engine="des")
    for name in ("outcomes", "waits", "queues", "utilisation", "burden", "census", "flows"):
        own = getattr(both, name)
        own = own[own.strategy == "a"].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, getattr(alone, name), obj=name)


def test_workers_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.engine.crew.WORTH_A_POOL", 0)
    one, two = (scssim.run(busy(), engine="des", workers=workers) for workers in (1, 2))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True, obj=name)


def some(*means: float) -> list[Replication]:
    """Replications of one strategy and resource with given mean waits (days)."""

    def one(mean: float) -> Replication:
        use = des.Use(None, 1, 0, 0, 1, 0, mean, np.zeros((3, 1)), 0, 0, True, {})
        return Replication(None, [des.Policy({"desk": use}, [], {})], np.zeros((1, 4)), 0, 1, 1.0, {})

    return [one(mean) for mean in means]


def test_the_confidence_interval_method() -> None:
    # Mean 100, SD 10: half-widths t(0.975, n - 1) 10 / sqrt(n) are 24.8 of three and 12.4 of five.
    assert not precise(some(90, 100, 110), 0.2)
    assert precise(some(90, 100, 110), 0.25)
    assert precise(some(0.1, 0.3, 0.2), 0.05)  # a tenth of a day is precise enough
    assert precise(some(0, 0, 0), 0.05)


@pytest.mark.parametrize(("precision", "most"), [(0.9, 12), (0.6, 12), (0.1, 6)])
def test_as_many_replications_as_it_takes(precision: float, most: int) -> None:
    rule = {"least": 3, "most": most, "precision": precision}
    result = scssim.run(busy(service={**BUSY, "replications": rule}), engine="des")
    assert result.service is not None
    number = result.service["replications"]
    widths = result.replications.set_index("replications").relative_half_width
    assert widths.index[-1] == number and 3 <= number <= most
    assert widths[number] <= precision or number == most
    assert (widths.loc[3 : number - 1] > precision).all()


def test_patients_that_are_asked_for_are_the_same_in_all_runs() -> None:
    """A replication that ends with the period before so many have come is the same in the runs beside it."""
    imp = {**SLOT, "needs": {"implant": "room", "replacement": HELD}}
    imp["device"] = {"rechargeable": False, "life": {"years": 1}}
    capacity = {"resource": "room", "levels": [1], "threshold": 1000}
    loaded = tiny(
        {"imp": imp}, settings={"horizon_years": 3}, resources={"room": {"slots": 1}, "desk": {"servers": 1}},
        service={"arrivals": {"per_year": 50}, "years": 1, "replications": 4},
        analyses={"capacity": capacity, "variants": {"same": {"title": "Other"}}},
    )  # fmt: skip
    result = scssim.run(loaded, engine="des", patients=48)
    assert result.patients < 48
    assert result.capacity.n.tolist() == result.waits[result.waits.resource == "room"].n.tolist()
    assert result.variants.nmb_change.tolist() == [0, 0]


def test_waits_after_the_period_cost_too() -> None:
    device = {"rechargeable": False, "life": {"years": 2}}
    imp = {**IMPLANT, "trial": None, "device": device, "needs": {"replacement": "room"}}
    loaded = tiny(
        {"imp": imp}, settings={"horizon_years": 6}, resources={"room": {"slots": 1, "open": ["mon"]}},
        service={"arrivals": {"per_year": 100}, "years": 1},
    )  # fmt: skip
    result = scssim.run(loaded, engine="des")
    assert result.waits.n.tolist() == [0]
    assert result.waits.qaly_lost.tolist() == result.burden.qaly_lost.tolist() and result.burden.qaly_lost[0] > 0.01


def test_patients_of_the_warm_up_are_waited_for() -> None:
    """Those who join the queue in the period count in its waits, though the only one who counts needs nothing."""
    room = {"slots": [{"until_years": 1.5, "number": 0}, {"number": 99}]}
    schedule = [{"day": 7, "patients": 30}, {"day": 300, "patients": 1}]
    service = {"arrivals": {"schedule": schedule}, "years": 1, "warm_up_years": 0.5, "log_patients": None}
    steps = [{"therapy": "late", "if": "female == 1"}]
    for seed in range(9):
        loaded = tiny(
            {"late": {**SLOT, "wait": {"years": 1}}}, steps, settings={"horizon_years": 3, "seed": seed},
            population={"female": 0.5}, resources={"room": room}, service=service,
        )  # fmt: skip
        result = scssim.run(loaded, engine="des")
        women = set(result.log[result.log.event == "referral"].case_id)
        if 0 not in women:
            break
    assert result.waits.n.tolist() == [len(women)] and len(women) > 5


def test_a_shorter_follow_up_is_another_service() -> None:
    years = {"extrapolation": {"data_until_years": 1, "threshold": 1}}
    years["budget"] = {"eligible": 1, "years": 2, "current": {"only": 1}, "new": {"only": 1}}
    result = scssim.run(busy(analyses=years), engine="des")
    assert result.extrapolation.empty and result.budget.empty
    assert sum("is left out: with queues" in warning for warning in result.warnings) == 2
    free = tiny({"imp": BARE}, analyses=years)
    assert not scssim.run(free, engine="des").budget.empty


def test_the_luck_of_a_revision_is_its_own() -> None:
    """A further complication, which comes first, and a longer horizon do not change how long a revision takes."""
    ache = {"hazard": 1, "revision": 1}

    def ends(complications: Data, years: float) -> dict[int, float]:
        imp = {**BARE, "trial": None, "wait": {"days": 0}, "complications": complications, "needs": {"revision": HELD}}
        loaded = tiny(
            {"imp": imp}, settings={"horizon_years": years, "patients": 5}, resources={"desk": {"servers": 9999}}
        )
        found: dict[int, float] = {}
        hold = Servers.hold
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Servers, "hold", lambda self, x: (found.setdefault(len(found), x), hold(self, x))[1])
            log = scssim.run(loaded, engine="des").log
        starts = log[(log.event == "revision") & (log.lifecycle == "start")]
        assert len(starts) == len(found)
        return dict(zip(starts.day.round(6), found.values(), strict=True))

    short, long = ends({"ache": ache}, 2), ends({"ache": ache}, 4)
    assert short and short.items() <= long.items()
    assert short.items() <= ends({"another": ache, "ache": ache}, 2).items()


# -------------------------------------------------------- what waiting costs


def test_what_a_wait_costs() -> None:
    """One slot on Mondays: patient k waits k weeks, which cost 0.2 QALYs a year and save 250."""
    room = {"slots": 1, "open": ["mon"]}
    result = scssim.run(tiny({"imp": SLOT}, settings={"patients": 5}, resources={"room": room}), engine="des")
    (burden,) = result.burden.to_dict("records")
    assert burden["qaly_lost"] == close(0.2 * 14 * DAY) and burden["cost_saved"] == close(250 * 14 * DAY)
    assert burden["qaly_lost_per_year"] == close(0.2 * 14 * DAY * 5 / 10)
    (waits,) = result.waits.to_dict("records")
    assert waits["qaly_lost"] == close(0.2 * 14 * DAY)
    free = scssim.run(tiny({"imp": SLOT}, settings={"patients": 5}, resources={"room": room}))
    assert outcome(free, "qaly") - outcome(result, "qaly") == close(0.2 * 14 * DAY)


def test_what_each_of_two_resources_costs() -> None:
    """A trial on Mondays, the implant on Thursdays: without limits of one, the wait for the other is longer."""
    imp = {
        **IMPLANT,
        "wait": {"days": 1},
        "trial": {"success": 1, "days": 7},
        "needs": {"trial": "one", "implant": "two"},
    }
    resources = {"one": {"slots": 99, "open": ["mon"]}, "two": {"slots": 99, "open": ["thu"]}, }  # fmt: skip
    result = scssim.run(tiny({"imp": imp}, resources=resources), engine="des")
    lost = result.waits.set_index("resource").qaly_lost
    # Trial on day 7 (day 1 at once), implant on day 17 (day 8 at once). Only Thursdays: 8 -> 10. Only Mondays: 14.
    assert result.burden.qaly_lost.tolist() == [close(0.2 * 9 * DAY)]
    assert lost["one"] == close(0.2 * (17 - 10) * DAY) and lost["two"] == close(0.2 * (17 - 14) * DAY)


def test_waits_count_by_when_the_queue_was_joined() -> None:
    """Patients of the warm-up who join the queue in the period count in its waits, not in outcomes."""
    late = {**SLOT, "wait": {"weeks": 26}, "needs": {"implant": HELD}}
    result = scssim.run(busy({"late": late}, service={**BUSY, "replications": 1}), engine="des")
    assert result.service is not None
    joined = result.waits.n.iloc[0]
    arrivals = result.log[result.log.event == "arrival"].day
    own = int((arrivals < (2 - 0.5) * 365.25).sum())
    assert result.patients == len(arrivals) and joined > own


def test_patients_at_the_end_are_told() -> None:
    servers = [{"until_years": 1, "number": 1}, {"until_years": 2.5, "number": 0}, {"number": 9}]
    result = scssim.run(busy(resources={"desk": {"servers": servers}}), engine="des")
    census = result.census.set_index("state").patients
    assert census["referred"] == census.drop("referred").sum()
    assert census["waiting"] > 20
    assert result.utilisation.queue_at_end.iloc[0] == pytest.approx(census["waiting"])
    flows = result.flows
    assert flows[flows["from"] == "referral"].patients.sum() == pytest.approx(result.service["referred"])  # type: ignore[index]


def test_flows_of_patients_add_up() -> None:
    result = scssim.run(load_small(), patients=400, draws=0, engine="des")
    for _, rows in result.flows.groupby("strategy"):
        entered = rows.groupby("to").patients.sum()
        left = rows.groupby("from").patients.sum()
        assert left["referral"] == 400
        ends = {"background", "dead", "staying"}
        assert sum(entered.get(end, 0) for end in ends) == 400
        for therapy in set(entered.index) - ends:
            assert entered[therapy] == left[therapy]


# ------------------------------------------------------------------ capacity


def test_the_smallest_capacity_that_meets_a_target() -> None:
    """Twelve at once, served on Mondays: with k slots the last waits 12 / k - 1 weeks."""
    capacity = {"resource": "room", "levels": [1, 2, 3, 4, 12], "target": {"weeks": 2.5, "share": 0.75}}
    loaded = tiny(
        {"imp": SLOT}, settings={"patients": 12, "willingness_to_pay": [1000]},
        resources={"room": {"slots": 5, "open": ["mon"]}}, analyses={"capacity": capacity},
    )  # fmt: skip
    table = scssim.run(loaded, engine="des").capacity.set_index("level")
    assert table.share_within_target.tolist() == [close(3 / 12), close(6 / 12), close(9 / 12), 1, 1]
    assert table.meets_target.tolist() == [False, False, True, True, True]
    assert table.smallest.tolist() == [False, False, True, False, False]
    weeks = {1: 5.5, 2: 2.5, 3: 1.5, 4: 1.0, 12: 0.0}
    for level, mean in weeks.items():
        assert table.mean_days[level] == close(7 * mean)
        assert table.qaly_lost[level] == close(0.2 * 7 * mean * DAY)
        gain = 0.2 * 1000 - 250  # a year sooner is worth 0.2 QALYs and costs 250
        assert table.nmb_change[level] == close(gain * 7 * (5.5 - mean) * DAY)
    assert table.inmb.tolist() == [0] * 5


def test_capacity_needs_queues() -> None:
    capacity = {"resource": "room", "levels": [1]}
    loaded = tiny({"imp": SLOT}, resources={"room": {"slots": 5}}, analyses={"capacity": capacity})
    result = scssim.run(loaded)
    assert result.capacity.empty and sum("give --engine des" in warning for warning in result.warnings) == 2


def test_who_gives_up_was_not_served_within_the_target() -> None:
    """One server for 100 days; one patient is served, nine give up after a week: nobody may call that enough."""
    hurry = {**SLOT, "needs": {"implant": {**HELD, "duration": {"days": 100}, "max_wait": {"weeks": 1}}}}
    desk = {"desk": {"servers": 1, "target": {"weeks": 18, "share": 0.9}}}
    capacity = {"resource": "desk", "levels": [1, 10], "threshold": 1000}
    loaded = tiny({"hurry": hurry}, settings={"patients": 10}, resources=desk, analyses={"capacity": capacity})
    result = scssim.run(loaded, engine="des")
    assert result.waits.share_over_target.tolist() == [close(0.9)] and result.waits.left.tolist() == [9]
    assert result.capacity.set_index("level").smallest.to_dict() == {1: False, 10: True}


def test_waits_by_need_and_year() -> None:
    """Trials of class 5 wait behind replacements of class 1."""
    device = {"rechargeable": False, "life": {"days": 200}}
    imp = {**IMPLANT, "wait": {"days": 0}, "device": device, "trial": {"success": 1, "days": 0}}
    imp["needs"] = {"trial": "room", "replacement": {"resource": "room", "priority": 1}}
    room = {"slots": 1, "per": "week", "open": ["mon"], "target": {"weeks": 8}}
    capacity = {"resource": "room", "need": "trial", "levels": [1, 2], "threshold": 1000, "target": {"weeks": 8}}
    loaded = tiny(
        {"imp": imp}, settings={"horizon_years": 2, "patients": 20}, resources={"room": room},
        analyses={"capacity": capacity},
    )  # fmt: skip
    result = scssim.run(loaded, engine="des")
    parts, waits = result.waits_by_need, result.waits.iloc[0]
    assert set(parts.need) == {"trial", "replacement"} and parts.n.sum() == waits.n
    assert (parts.n * parts.mean_days.fillna(0)).sum() / waits.n == close(waits.mean_days)
    (trials,) = parts[parts.need == "trial"].to_dict("records")
    assert trials["year"] == 1 and trials["n"] == 20 and trials["mean_days"] == close(7 * 9.5)
    assert trials["share_over_target"] == close(11 / 20)  # the tenth to the twentieth wait nine weeks and more
    table = result.capacity.set_index("level")
    assert table.share_within_target[1] == close(9 / 20) and table.share_within_target[2] == close(18 / 20)


def test_a_strategy_that_does_not_need_the_resource() -> None:
    capacity = {"resource": "room", "levels": [1, 2], "target": {"weeks": 1}, "threshold": 1000}
    loaded = tiny(
        {"imp": SLOT, "bare": BARE}, {"a": ["imp"], "b": ["bare"]}, resources={"room": {"slots": 1}},
        analyses={"capacity": capacity},
    )  # fmt: skip
    table = scssim.run(loaded, engine="des").capacity
    other = table[table.strategy == "b"]
    assert other.n.tolist() == [0, 0] and other.share_within_target.isna().all()
    assert other.meets_target.isna().all() and not other.smallest.any()


# ------------------------------------------------------------------ overload


def test_overload_is_told_with_numbers() -> None:
    loaded = busy(service={"arrivals": {"per_year": 30, "growth": 0.1}, "years": 2})
    assert not told(scssim.run(loaded, engine="des"))  # 30 * 1.1^2 = 36.3 a year, ten days each, of one server
    loaded = busy(service={"arrivals": {"per_year": 40}, "years": 2})
    (warning,) = told(scssim.run(loaded, engine="des"))
    assert "under `only`, 40 referrals a year" in warning and "ask for 1.09" in warning and "there are 1:" in warning
    assert "grows without bound" in warning
    patient = {**SLOT, "needs": {"implant": {**HELD, "max_wait": {"weeks": 5}}}}
    loaded = busy({"visit": patient}, service={"arrivals": {"per_year": 400}, "years": 1})
    assert not told(scssim.run(loaded, engine="des"))  # who gives up does not wait for ever


def test_replications_that_are_not_enough_are_told() -> None:
    rule = {"least": 2, "most": 3, "precision": 0.001}
    (warning,) = told(scssim.run(busy(service={**BUSY, "replications": rule}), engine="des"))
    assert "after 3 replications not every mean wait is within 0.1 %" in warning


def test_limits_that_the_cohort_engine_does_not_know_are_told() -> None:
    (warning,) = told(scssim.run(busy()))
    assert "give --engine des" in warning


def test_a_queue_without_a_stream_is_doubted() -> None:
    (warning,) = told(scssim.run(tiny({"imp": SLOT}, resources={"room": {"slots": 9}}), engine="des"))
    assert "all 64 patients are referred at once" in warning


def test_a_service_that_copes_is_not_warned_of() -> None:
    assert not told(scssim.run(busy(), engine="des"))


def test_capacity_of_a_year() -> None:
    def of(at: float = 0, per: str | None = "day", **spec: Any) -> float:
        return capacity_per_year(Calendar(Resource.model_validate(spec)), at, per)

    assert of(slots=2) == close(2 * 365.25)
    assert of(slots=3, per="week") == pytest.approx(3 * 365.25 / 7, rel=0.01)
    assert of(slots=1, open=["mon", "fri"]) == pytest.approx(2 * 365.25 / 7, rel=0.01)
    assert of(per=None, servers=4, open=["mon", "tue", "wed", "thu", "fri", "sat"]) == pytest.approx(
        4 * 6 / 7, rel=0.01
    )
    assert of(slots=[{"until_years": 1, "number": 1}, {"number": 5}]) == close(5 * 365.25)


def test_mean_times() -> None:
    from types import SimpleNamespace

    weibull = timer(SimpleNamespace(**dict.fromkeys(("days", "weeks", "months", "years", "hazard", "survival"), None),
                                    distribution="weibull", unit="years", shape=2.0, scale=None, mean=3.0, sd=None,
                                    median=None, ratio=1.0))  # fmt: skip
    assert mean_time(weibull) == pytest.approx(3, rel=1e-3)


# ----------------------------------------------------------------- histogram


def test_quantiles_of_waits() -> None:
    days = np.random.default_rng(1).exponential(20, 40_000)
    days[:8000] = 0
    bins = np.bincount([bin_of(float(x)) for x in days], minlength=4096)
    for q in (0.1, 0.3, 0.5, 0.9, 0.99):
        assert quantile(bins, q) == pytest.approx(np.quantile(days, q), rel=0.01)
    for x in (0, 0.01, 1, 7, 30, 500):
        assert share_within(bins, x) == pytest.approx((days <= x).mean(), abs=0.003)
    assert np.isnan(quantile(np.zeros(4096, dtype=np.int64), 0.5))


# ----------------------------------------------------------------------- log


def test_the_log_as_a_file_has_everybody(tmp_path: Path) -> None:
    loaded = busy(service={**BUSY, "replications": 2, "log_patients": 3})
    result = scssim.run(loaded, engine="des", log=tmp_path / "new" / "log.parquet")
    whole = pd.read_parquet(tmp_path / "new" / "log.parquet")
    assert whole.columns.tolist() == result.log.columns.tolist()
    assert set(result.log.case_id) == {0, 1, 2}
    own = whole[whole.case_id.between(0, 2)].reset_index(drop=True)
    for name in result.log.columns:
        mine, written = (x[name].astype(object).where(x[name].notna(), None).tolist() for x in (result.log, own))
        assert mine == written
    assert whole.case_id.min() < 0  # the warm-up is in the file
    assert whole.day.is_monotonic_increasing
    # Arrivals less departures are those who are still there; nobody leaves twice.
    ends = whole[whole.event.isin(["death", "horizon", "finish", "leave"])]
    assert ends.case_id.is_unique and set(ends.case_id) <= set(whole.case_id)


def test_a_complication_that_ends_a_therapy_is_in_the_log() -> None:
    sick = {**BARE, "complications": {"infection": {"hazard": 1, "explant": 1}, "ache": {"hazard": 2}}}
    log = scssim.run(tiny({"imp": sick}), engine="des").log
    ended = log[(log.event == "treatment") & (log.detail == "explant")]
    infected = log[log.event == "infection"]
    assert len(ended) > 40
    assert ended.set_index("case_id").day.to_dict() == infected.set_index("case_id").day.to_dict()


def test_the_log_is_a_parquet_file_of_discrete_events(tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match=r"should end in \.parquet"):
        scssim.run(busy(), engine="des", log=tmp_path / "log.csv")
    with pytest.raises(ScssimError, match="give engine des"):
        scssim.run(busy(), log=tmp_path / "log.parquet")
    assert not list(tmp_path.iterdir())


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScssimError, match="cannot write the event log"):
        scssim.run(busy(), engine="des", log=tmp_path / "file" / "log.parquet")
    (tmp_path / "log.parquet").mkdir()
    monkeypatch.setattr("scssim.engine.simulator.simulate_service", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ScssimError, match=r"cannot write the event log to .*log\.parquet: Is a directory"):
        scssim.run(busy(), engine="des", log=tmp_path / "log.parquet")


def test_runs_with_one_log_do_not_disturb_each_other(tmp_path: Path) -> None:
    def write(sink: Sink, who: int) -> None:
        sink("only", (who, 1.0, "death", None, None, "complete", None))

    path = tmp_path / "new" / "log.parquet"
    with log_file(path) as one:
        write(one, 1)
        with pytest.raises(KeyboardInterrupt), log_file(path) as broken:
            write(broken, 2)
            raise KeyboardInterrupt
        with log_file(path) as other:
            write(other, 3)
        assert pd.read_parquet(path).case_id.tolist() == [3]
    assert pd.read_parquet(path).case_id.tolist() == [1]
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt), log_file(tmp_path / "none" / "log.parquet"):
        raise KeyboardInterrupt
    assert not (tmp_path / "none").exists()


# ------------------------------------------------------------------ bad input

PLAIN: Data = {
    "therapies": {"visit": {**SLOT, "needs": {"implant": "room"}}},
    "strategies": {"only": {"steps": ["visit"]}},
    "resources": {"room": {"slots": 1}},
}


def needing(**needs: Any) -> Data:
    """The therapy with other needs."""
    return {"therapies": {"visit": {**SLOT, "needs": needs}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resources": {"room": {"slots": 0}}}, "a capacity of 0 for ever serves nobody"),
        ({"resources": {"room": {"slots": -2}}}, "a capacity of -2 is not possible"),
        ({"resources": {"room": {"slots": [{"until_years": 1, "number": 2}, {"number": 0}]}}}, "a last piece of 0"),
        ({"resources": {"room": {"slots": 1, "servers": 1}}}, "either servers or slots"),
        ({"resources": {"room": {}}}, "either servers or slots"),
        ({"resources": {"room": {"slots": 1, "open": []}}}, "no open days"),
        ({"resources": {"room": {"slots": 1, "closed_weeks": list(range(1, 54))}}}, "no open weeks"),
        ({"resources": {"room": {"slots": 1, "closed_weeks": [54]}}}, "no week 54"),
        ({"resources": {"room": {"servers": 1}}}, "held for a duration, which is missing"),
        ({"resources": {"roam": {"slots": 1}}}, "there is no resource `room` .did you mean `roam`"),
        ({"resources": {}}, "there is no resource `room`"),
        (needing(implant={"resource": "room", "duration": {"days": 1}}), "used up"),
        (needing(start="room"), "has no start that could need `room`"),
        (needing(implant={"resource": "room", "priority": 0}), "out of range"),
        (needing(implant={"resource": "room", "max_wait": {"weeks": -1}}), "outside the permitted range"),
        (needing(replacement="room"), "has no replacement"),
        ({"service": {"arrivals": {"per_year": 5}, "years": 2, "warm_up_years": 2}}, "the warm-up of 2 years is not"),
        ({"service": {"warm_up_years": 1}}, "a closed cohort has no warm-up"),
        ({"service": {"backlog": 1}}, "a closed cohort has no backlog"),
        ({"service": {"arrivals": {}}}, "either per_year or a schedule"),
        ({"service": {"arrivals": {"schedule": []}}}, "the schedule is empty"),
        ({"service": {"arrivals": {"per_year": 5, "every_days": 7}}}, "repeats a schedule"),
        ({"service": {"replications": {"least": 9, "most": 8}}}, "most .8. is below least .9."),
        ({"analyses": {"capacity": {"resource": "rom", "levels": [1]}}}, "there is no resource `rom`"),
        ({"analyses": {"capacity": {"resource": "room", "levels": [2, 2]}}}, "not increasing"),
        ({"analyses": {"capacity": {"resource": "room", "levels": [2], "reference": "x"}}}, "there is no strategy `x`"),
    ],
)  # fmt: skip
def test_nonsense_is_told(changes: Data, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load({**BASE, **PLAIN, **changes})


def test_a_resource_that_nobody_needs_is_doubted() -> None:
    (warning,) = [w for w in tiny({"imp": BARE}, resources={"room": {"slots": 1}}).warnings if "room" in w.path]
    assert "no therapy in any strategy needs the resource `room`" in warning.what


def test_what_the_engine_does_not_do_is_told() -> None:
    with pytest.raises(ScenarioError, match="subgroups are analysed on the cohort engine"):
        scssim.run(busy(analyses={"subgroups": {"women": "female == 1"}}), engine="des")
    with pytest.raises(ScssimError, match=r"service\.replications"):
        scssim.run(busy(settings={"willingness_to_pay": [1000]}), engine="des", precision=10)
    with pytest.raises(ScssimError, match="engine 'sea' is unknown"):
        scssim.run(busy(), engine="sea")


def test_the_command_line(call: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    loaded = busy(service={**BUSY, "arrivals": {"per_year": 60}})
    path.write_text(__import__("json").dumps(loaded.resolved))
    code, out, err = call("run", str(path), "--engine", "des", "--out", "found", "--log", "found/log.parquet")
    assert code == 0, err
    assert "Waits in queues" in out and "QALYs lost" in out and "discrete events" in out
    assert "grows without bound" in " ".join(out.split())
    for name in ("waits.csv", "queues.csv", "log.csv", "burden.csv", "census.csv"):
        assert (tmp_path / "found" / "tables" / name).exists()
    assert (tmp_path / "found" / "log.parquet").exists()
    description = (tmp_path / "found" / "stress-des.md").read_text()
    assert description.startswith("# STRESS-DES: Tiny") and "Made by the run" in description
    assert call("run", str(path), "--out", "found")[0] == 0
    assert not (tmp_path / "found" / "stress-des.md").exists() and not (tmp_path / "found" / "log.csv").exists()
    code, _, err = call("run", str(path), "--engine", "des", "--set", "resources.desk.servers=0")
    assert code == 2 and err.count("\n") == 1 and "serves nobody" in err
