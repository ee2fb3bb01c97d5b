"""Queues, calendars and priorities, on tiny services whose event logs can be written by hand.

Day 0 is a Monday. Times are in days; who needs a resource is in the log with ``schedule`` (joins the queue), ``start``
(is served) and ``withdraw`` (leaves the queue).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from engine.tiny import BARE, CARE, DAY, IMPLANT, SHOT, USELESS, Data, burst, close, load, tiny
from engine.tiny import outcome as value
from engine.wild import scenarios
from scssim.engine.des.case import Case
from scssim.engine.des.resource import Resource
from scssim.engine.des.run import simulate
from scssim.engine.des.world import World
from scssim.errors import ScenarioError
from scssim.prepare import make_job
from scssim.result import Result

VISIT: Data = {"kind": "procedure", "relief": USELESS, "assess": {"weeks": 52}}
"""Something that lasts a year."""


def service(
    therapies: Data, resources: Data, days: float = 100, patients: int = 3, steps: Any = None, **changes: Any
) -> Result:
    """Run a closed cohort over some days, unless ``service`` says otherwise."""
    settings = {"horizon_years": days * DAY, "patients": patients, **changes.pop("settings", {})}
    loaded = tiny(therapies, steps, settings=settings, resources=resources, **changes)
    return scssim.run(loaded, engine="des")


def log(result: Result, *lifecycles: str, strategy: str = "only") -> list[tuple[int, float, str, str]]:
    """Case, day, event and lifecycle of what concerns resources (or has the given lifecycles)."""
    table = result.log[result.log.strategy == strategy]
    table = table[table.lifecycle.isin(lifecycles)] if lifecycles else table[table.resource.notna()]
    columns = table.case_id, table.day.round(6), table.event, table.lifecycle
    return list(zip(*(column.tolist() for column in columns), strict=True))


def served(result: Result, strategy: str = "only") -> list[tuple[int, float]]:
    """Case and day of everybody served."""
    return [(case, day) for case, day, _, lifecycle in log(result, strategy=strategy) if lifecycle == "start"]


# ------------------------------------------------------------------ slots


def test_one_slot_a_day_first_come_first_served() -> None:
    result = service({"visit": {**VISIT, "needs": {"start": "room"}}}, {"room": {"slots": 1}})
    assert log(result) == [
        (0, 0, "start", "schedule"), (0, 0, "start", "start"),
        (1, 0, "start", "schedule"), (2, 0, "start", "schedule"),
        (1, 1, "start", "start"), (2, 2, "start", "start"),
    ]  # fmt: skip
    (waits,) = result.waits.to_dict("records")
    assert waits["n"] == 3 and waits["mean_days"] == close(1) and waits["share_waiting"] == close(2 / 3)
    assert result.queues.queue.tolist()[:2] == [close(3 / 7), 0]  # 2 for a day, then 1 for a day, of seven
    assert result.queues.in_use.tolist()[:2] == [3, 0] and result.queues.capacity.tolist()[:2] == [7, 7]


def test_only_on_open_days() -> None:
    room = {"slots": 1, "open": ["tue", "fri"]}
    result = service({"visit": {**VISIT, "needs": {"start": "room"}}}, {"room": room}, patients=4)
    assert served(result) == [(0, 1), (1, 4), (2, 8), (3, 11)]


def test_slots_of_a_week_are_taken_on_its_open_days() -> None:
    room = {"slots": 2, "per": "week", "open": ["tue", "fri"]}
    result = service({"visit": {**VISIT, "needs": {"start": "room"}}}, {"room": room}, patients=5)
    assert served(result) == [(0, 1), (1, 1), (2, 8), (3, 8), (4, 15)]


def test_slots_are_entered_where_their_week_begins() -> None:
    room = {"slots": 2, "per": "week", "open": ["tue", "fri"]}
    visit = {**VISIT, "wait": {"days": 3}, "needs": {"start": "room"}}
    queues = service({"visit": visit}, {"room": room}, patients=1, service={"record_days": 1}).queues
    assert queues[queues.in_use > 0].day.tolist() == [1]  # used on Friday, day 4
    assert queues[queues.capacity > 0].day.tolist()[:3] == [1, 8, 15]
    assert (queues.in_use <= queues.capacity).all()


def test_what_is_not_used_lapses() -> None:
    """Two come on Wednesday, when the slots of Monday and Tuesday are gone."""
    visit = {**VISIT, "wait": {"days": 2.5}, "needs": {"start": "room"}}
    assert served(service({"visit": visit}, {"room": {"slots": 1}}, patients=3)) == [(0, 2.5), (1, 3), (2, 4)]


def test_closed_weeks() -> None:
    room = {"slots": 1, "per": "week", "open": ["mon"], "closed_weeks": [2, 3]}
    result = service({"visit": {**VISIT, "needs": {"start": "room"}}}, {"room": room}, patients=3)
    assert served(result) == [(0, 0), (1, 21), (2, 28)]


def test_a_closed_week_is_one_from_monday_to_sunday() -> None:
    from scssim.engine.des.calendar import Calendar
    from scssim.scenario.service import Resource

    weekly = Calendar(Resource.model_validate({"slots": 1, "per": "week", "closed_weeks": [10]}))
    open_weeks = [week for week in range(20 * 52) if any(weekly.open(7 * week + day) for day in range(7))]
    assert all(weekly.open(7 * week + day) for week in open_weeks for day in range(7))
    assert 20 * 52 - len(open_weeks) == 20


def test_capacity_that_changes() -> None:
    room = {"slots": [{"until_years": 2 * DAY, "number": 1}, {"until_years": 4 * DAY, "number": 0}, {"number": 3}]}
    result = service({"visit": {**VISIT, "needs": {"start": "room"}}}, {"room": room}, patients=6)
    assert served(result) == [(0, 0), (1, 1), (2, 4), (3, 4), (4, 4), (5, 5)]


# ---------------------------------------------------------------- servers


def held(days: float, **more: Any) -> Data:
    return {**VISIT, "needs": {"start": {"resource": "desk", "duration": {"days": days}, **more}}}


def test_servers_are_held() -> None:
    result = service({"visit": held(3)}, {"desk": {"servers": 2}}, patients=5)
    assert served(result) == [(0, 0), (1, 0), (2, 3), (3, 3), (4, 6)]
    (use,) = result.utilisation.to_dict("records")
    assert use["utilisation"] == close(15 / 200) and use["queue_longest"] == 3


def test_servers_open_on_some_days_and_finish_what_they_began() -> None:
    """On Monday and Tuesday; who is begun on Tuesday evening is finished on Wednesday."""
    result = service({"visit": held(1.5)}, {"desk": {"servers": 1, "open": ["mon", "tue"]}}, patients=4)
    assert served(result) == [(0, 0), (1, 1.5), (2, 7), (3, 8.5)]


def test_a_server_that_is_taken_away_finishes_first() -> None:
    desk = {"servers": [{"until_years": 1 * DAY, "number": 2}, {"until_years": 9 * DAY, "number": 1}, {"number": 3}]}
    result = service({"visit": held(3)}, {"desk": desk}, patients=7)
    assert served(result) == [(0, 0), (1, 0), (2, 3), (3, 6), (4, 9), (5, 9), (6, 9)]
    assert (result.queues.in_use <= result.queues.capacity + 1e-9).all()


def test_a_service_time_of_its_own_for_each() -> None:
    visit = {**VISIT, "needs": {"start": {"resource": "desk", "duration": {"distribution": "exponential", "mean": 1}}}}
    days = np.array([day for _, day in served(service({"visit": visit}, {"desk": {"servers": 1}}, 1e4, 20))])
    assert len(set(np.diff(days).round(6))) == 19


# -------------------------------------------------------------- priorities


def test_class_then_waiting_time() -> None:
    """Patients who have `urgent` first come later, but before those of a lower class who wait already."""
    late = {**held(2, priority=1), "wait": {"days": 1}}
    steps = [{"therapy": "urgent", "if": "female == 1"}, {"therapy": "routine", "if": "female == 0"}]
    result = service(
        {"urgent": late, "routine": held(2, priority=2)}, {"desk": {"servers": 1}}, patients=6, steps=steps,
        population={"female": 0.5},
    )  # fmt: skip
    table = result.log[result.log.event == "referral"]
    urgent = table[table.therapy == "urgent"].case_id.tolist()
    routine = table[table.therapy == "routine"].case_id.tolist()
    assert urgent and len(routine) > 1
    first, *others = routine
    order = [first, *urgent, *others]
    assert served(result) == [(case, 2 * k) for k, case in enumerate(order)]


def test_within_a_class_who_joined_first_is_first() -> None:
    """Everybody waits a time of their own before joining the queue."""
    visit = {**held(5), "wait": {"distribution": "exponential", "mean": 0.01}}
    result = service({"visit": visit}, {"desk": {"servers": 1}}, 400, patients=30)
    joined = [case for case, *_ in log(result, "schedule")]
    assert joined != sorted(joined)
    assert [case for case, _ in served(result)] == joined


def test_revisions_go_before_first_implants() -> None:
    needs = {"implant": {"resource": "room", "priority": 5}, "revision": {"resource": "room", "priority": 1}}
    imp = {**BARE, "wait": {"days": 0}, "trial": None, "needs": needs}
    imp["complications"] = {"fracture": burst(3 * DAY, revision=1)}
    result = service({"imp": imp}, {"room": {"slots": 1}}, days=400, patients=5)
    days: dict[str, dict[int, float]] = {}
    for case, day, event, lifecycle in log(result):
        if lifecycle != "start":
            continue
        days.setdefault(event, {}).setdefault(case, day)
    # Patient 0 has the implant on day 0, fails on day 3 and is revised on day 4, before patient 4.
    assert days["implant"] == {0: 0, 1: 1, 2: 2, 3: 3, 4: days["implant"][4]}
    assert days["revision"][0] == 4 < days["implant"][4]


# ------------------------------------------------------------ leaving a queue


def test_who_waits_too_long_goes_on_to_the_next_step() -> None:
    first = {**held(10, max_wait={"days": 12})}
    result = service({"visit": first, "other": VISIT}, {"desk": {"servers": 1}}, patients=4)
    assert log(result) == [
        (0, 0, "start", "schedule"), (0, 0, "start", "start"), (1, 0, "start", "schedule"),
        (2, 0, "start", "schedule"), (3, 0, "start", "schedule"), (1, 10, "start", "start"),
        (2, 12, "start", "withdraw"), (3, 12, "start", "withdraw"),
    ]  # fmt: skip
    other = result.log[(result.log.therapy == "other") & (result.log.event == "treatment")]
    assert list(zip(other.case_id, other.day.round(9), strict=True)) == [(2, 12), (3, 12)]
    assert result.waits.left.tolist() == [2]
    events = result.events.set_index("event").per_patient
    assert events["visit.end.left_queue"] == 0.5 and events["visit.start"] == 0.5 and events["other.start"] == 0.5


def test_leaving_the_last_queue_is_leaving_the_service() -> None:
    result = service({"visit": held(10, max_wait={"days": 5})}, {"desk": {"servers": 1}}, patients=3)
    assert [(c, d) for c, d, event, _ in log(result, "complete") if event == "leave"] == [(1, 5), (2, 5)]
    census = result.census.set_index("state").patients
    assert census["left"] == 2 and census["referred"] == 3


def test_what_later_steps_ask_about_those_who_left() -> None:
    steps = ["visit", {"therapy": "other", "if": "not 'visit' in tried"}]
    result = service({"visit": held(10, max_wait={"days": 5}), "other": VISIT}, {"desk": {"servers": 1}}, steps=steps)
    others = result.log[(result.log.therapy == "other") & (result.log.event == "referral")]
    assert others.case_id.tolist() == [1, 2]


def test_patience_of_its_own_for_each() -> None:
    patience = {"distribution": "exponential", "mean": 0.05}
    result = service({"visit": held(1000, max_wait=patience)}, {"desk": {"servers": 1}}, patients=20)
    days = [day for _, day, _, _ in log(result, "withdraw")]
    assert len(set(days)) == len(days) > 10


def test_the_horizon_ends_a_wait() -> None:
    result = service({"visit": held(60)}, {"desk": {"servers": 1}}, days=100, patients=3)
    assert log(result, "withdraw") == [(2, 100, "start", "withdraw")]
    assert served(result) == [(0, 0), (1, 60)]
    assert value(result, "life_years") == close(100 * DAY)


# --------------------------------------------------- what waiting does to people


def test_patients_wait_on_their_bridging_therapy() -> None:
    """Care for six months, then on until the implant, for which the second patient waits 30 days longer."""
    care = {**CARE, "max_duration": {"days": 10}}
    imp = {**IMPLANT, "wait": {"days": 0}, "trial": None, "needs": {"implant": "room"}}
    room = {"slots": [{"until_years": 20 * DAY, "number": 1}, {"until_years": 40 * DAY, "number": 0}, {"number": 1}]}
    room = {"slots": 1, "open": ["mon"]}
    result = service({"care": care, "imp": imp}, {"room": room}, patients=2)
    assert served(result) == [(0, 14), (1, 21)]
    costs = result.costs.set_index("item").undiscounted
    assert costs["care.per_year"] == close(100 * (14 + 21) / 2 * DAY)
    (burden,) = result.burden.to_dict("records")
    # At once the implant would begin on day 10: care has the same effect, and 400 a year are saved by waiting.
    assert burden["qaly_lost"] == pytest.approx(0, abs=1e-9)


def test_a_depleted_device_gives_no_relief_until_its_replacement() -> None:
    device = {"rechargeable": False, "life": {"days": 20}}
    imp = {**IMPLANT, "wait": {"days": 0}, "trial": None, "device": device, "needs": {"replacement": "room"}}
    room = {"slots": 1, "per": "week", "open": ["wed"]}
    result = service({"imp": imp}, {"room": room}, days=70, patients=1)
    # Depleted on day 20 and 43 and 64; replaced on Wednesdays, day 23, 44 and 65.
    assert [day for _, day, event, _ in log(result, "start") if event == "replacement"] == [23, 44, 65]
    depleted = result.log[result.log.event == "depletion"].day.round(6).tolist()
    assert depleted == [20, 43, 64]
    assert value(result, "qaly") == close((0.6 * 70 + 0.2 * (70 - 3 - 1 - 1)) * DAY)
    (burden,) = result.burden.to_dict("records")
    assert burden["qaly_lost"] == close(0.2 * 5 * DAY)
    assert result.waits.qaly_lost.tolist() == [close(0.2 * 5 * DAY)]


def test_a_revision_waits_for_its_slot_without_relief() -> None:
    migration = burst(8 * DAY, revision=1, relief_lost=1)
    imp = {**IMPLANT, "wait": {"days": 0}, "trial": None, "complications": {"migration": migration}}
    imp["needs"] = {"revision": "room"}
    result = service({"imp": imp}, {"room": {"slots": 100, "open": ["fri"]}}, days=70, patients=1)
    assert value(result, "qaly") == close((0.6 * 70 + 0.2 * (70 - 3)) * DAY)  # from day 8 to Friday, day 11


def test_repeat_courses_that_come_late_delay_those_after() -> None:
    shot = {**SHOT, "loss_of_effect": {"days": 28}, "repeat": {"courses": 3, "min_months": 0}}
    shot["needs"] = {"start": "room", "repeat": "room"}
    room = {"slots": 9, "per": "week", "open": ["wed"]}
    result = service({"shot": shot}, {"room": room}, days=200, patients=1)
    # From Wednesday, day 2, for 28 days: on Wednesday, day 30, and 58 at once.
    assert [day for _, day, _, lifecycle in log(result) if lifecycle == "start"] == [2, 30, 58]
    later = {**room, "open": ["wed"], "slots": [{"until_years": 5 * DAY, "number": 9}, {"number": 1}]}
    late = {**shot, "loss_of_effect": {"days": 29}}
    result = service({"shot": late}, {"room": later}, days=200, patients=1)
    # Lost on day 31, again on Wednesday, day 37; lost on day 66, again on day 72, until day 101.
    assert [day for _, day, _, lifecycle in log(result) if lifecycle == "start"] == [2, 37, 72]
    ends = result.log[(result.log.event == "treatment") & (result.log.lifecycle == "complete")]
    assert ends.day.round(6).tolist() == [101]
    assert value(result, "qaly") == close((0.6 * 200 + 0.2 * 3 * 29) * DAY)


WAITING_FOR_A_COURSE: Data = {
    **SHOT, "assess": {"weeks": 1, "threshold": 0.4}, "loss_of_effect": {"days": 20},
    "repeat": {"courses": 2, "min_months": 0}, "needs": {"repeat": "room"},
}  # fmt: skip
NEXT: Data = {"kind": "continuous", "relief": USELESS, "costs": {"referral": 77}}


def test_who_waits_for_a_course_at_the_horizon_has_not_ended_the_procedure() -> None:
    never = {"room": {"slots": [{"until_years": 5, "number": 0}, {"number": 1}]}}
    result = service({"shot": WAITING_FOR_A_COURSE, "next": NEXT}, never, patients=2)
    assert log(result, "withdraw") == [(0, 100, "repeat", "withdraw"), (1, 100, "repeat", "withdraw")]
    assert not result.events.event.str.startswith("shot.end").any()
    share = result.occupancy.set_index(["month", "state"]).share
    assert share[2, "shot"] == share[3, "shot"] == 1
    assert result.costs[result.costs.item == "next.referral"].undiscounted.sum() == 0
    assert value(result, "qaly") == close((0.6 * 100 + 0.2 * 20) * DAY)


def test_a_procedure_that_is_stopped_does_not_wait_for_its_next_course() -> None:
    shot = {
        **WAITING_FOR_A_COURSE,
        "loss_of_effect": {"days": 25},
        "complications": {"bleed": burst(40 * DAY, explant=1)},
    }
    closed = {"room": {"slots": [{"until_years": 60 * DAY, "number": 0}, {"number": 1}]}}
    result = service({"shot": shot, "next": NEXT}, closed, patients=1)
    assert log(result) == [(0, 25, "repeat", "schedule"), (0, 40, "repeat", "withdraw")]
    start = result.log[(result.log.therapy == "next") & (result.log.event == "referral")]
    assert start.day.round(6).tolist() == [40]


def test_explants_take_a_slot_and_nobody_waits_for_them() -> None:
    """Taken out on day 9 and served on Monday, day 14; the next step and the end of costs do not wait for it."""
    sick = {**IMPLANT, "wait": {"days": 0}, "trial": None, "complications": {"infection": burst(9 * DAY, explant=1)}}
    sick["needs"] = {"explant": "room"}
    room = {"slots": 1, "per": "week", "open": ["mon"]}
    result = service({"imp": sick, "next": NEXT}, {"room": room}, patients=2)
    found = [(day, lifecycle) for _, day, event, lifecycle in log(result) if event == "explant"]
    assert found == [(9, "schedule"), (9, "schedule"), (14, "start"), (21, "start")]
    start = result.log[(result.log.therapy == "next") & (result.log.event == "referral")]
    assert start.day.round(6).tolist() == [9, 9]
    assert result.burden.qaly_lost.tolist() == [0] and result.waits.n.tolist() == [2]
    held_up = {**sick, "needs": {"explant": {"resource": "desk", "duration": {"days": 3}}}}
    held_up = service({"imp": held_up}, {"desk": {"servers": 1}}, patients=2)
    assert [day for _, day in served(held_up)] == [9, 12]


def test_trial_and_implant_may_need_a_slot_each() -> None:
    imp = {**BARE, "wait": {"days": 1}, "needs": {"trial": "room", "implant": "room"}}
    result = service({"imp": imp}, {"room": {"slots": 1, "per": "week", "open": ["mon"]}}, patients=1)
    assert log(result) == [
        (0, 1, "trial", "schedule"), (0, 7, "trial", "start"),
        (0, 17, "implant", "schedule"), (0, 21, "implant", "start"),
    ]  # fmt: skip


# ---------------------------------------------------------------- conservation

RESOURCES = st.sampled_from(
    [
        {"a": {"slots": 1, "open": ["mon", "thu"]}, "b": {"servers": 2}},
        {"a": {"slots": 3, "per": "week"}, "b": {"servers": 1, "open": ["mon", "tue"]}},
        {"a": {"slots": [{"until_years": 0.5, "number": 0}, {"number": 9}]}, "b": {"servers": 4}},
    ]
)


def needy(therapy: Data, patient: bool) -> Data:
    """A therapy that needs a slot for whatever it can, and a server at its start."""
    slot: Data = {"resource": "a"} | ({} if patient else {"max_wait": {"distribution": "exponential", "mean": 0.3}})
    server: Data = {"resource": "b", "duration": {"distribution": "exponential", "mean": 0.05}}
    needs: Data = {}
    if therapy["kind"] == "implant":
        needs["implant"] = slot
        if therapy.get("trial") is not None:
            needs["trial"] = server
        needs["explant"] = {"resource": "a", "priority": 3}
        if therapy.get("device") is not None:
            needs["replacement"] = {"resource": "a", "priority": 2}
    else:
        needs["start"] = server if patient else slot
        if therapy.get("repeat") is not None:
            needs["repeat"] = {"resource": "a", "priority": 7}
    if therapy.get("complications"):
        needs["revision"] = {**server, "priority": 1}
    return {**therapy, "needs": needs}


@settings(max_examples=40)
@given(data=scenarios(), resources=RESOURCES, patient=st.booleans(), stream=st.booleans())
def test_everybody_is_somewhere_and_nothing_is_used_twice(
    data: Data, resources: Data, patient: bool, stream: bool
) -> None:
    data["therapies"] = {name: needy(therapy, patient) for name, therapy in data["therapies"].items()}
    data["resources"] = resources
    if stream:
        data["service"] = {"arrivals": {"per_year": 40, "growth": 0.1}, "years": 2, "warm_up_years": 0.5}
    data["service"] = {**data.get("service", {}), "log_patients": None}
    job = make_job(load(data), engine="des")
    arrived: Counter[World] = Counter()
    live, play, take, write = Case.live, Case.episode, Resource.request, Case.log
    last: dict[tuple[World, int], float] = {}

    def logged(case: Case, *arguments: Any, **more: Any) -> None:
        # Arrivals = finished + waiting + in service + under treatment + died + left, at every event.
        assert sum(case.census) == arrived[case.world] and min(case.census) >= 0
        # Events of a patient come in order, between referral and death or the horizon.
        key = case.world, case.ward.case + case.i
        assert last.get(key, case.arrival) - 1e-9 <= case.env.now <= case.arrival + case.leave + 1e-9
        last[key] = case.env.now
        write(case, *arguments, **more)

    def played(case: Case, stage: Any, j: int, now: float) -> Any:
        assert case.arrival + now == pytest.approx(case.env.now, abs=1e-9)  # the patient's own clock is right
        free = yield from play(case, stage, j, now)
        assert free is None or case.arrival + free == pytest.approx(case.env.now, abs=1e-9)
        return free

    def lived(case: Case) -> Any:
        arrived[case.world] += 1
        return live(case)

    def asked(resource: Any, *what: Any) -> Any:
        request = take(resource, *what)
        assert getattr(resource, "busy", 0) <= max(getattr(resource, "number", 0), 4)
        assert getattr(resource, "left", 0) >= 0
        if not request.granted:
            assert not resource.free or resource.waiting > 1  # nobody waits while somebody could be served
        return request

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Case, "log", logged)
        patch.setattr(Case, "episode", played)
        patch.setattr(Case, "live", lived)
        patch.setattr(Resource, "request", asked)
        found = simulate(job)
    for one in found.replications:
        for policy in one.policies:
            for use in policy.uses.values():
                assert (use.areas[1] <= use.areas[2] + 1e-9).all()
            assert sum(policy.census) <= one.before + one.counted


def test_impossible_needs_are_told() -> None:
    with pytest.raises(ScenarioError, match="has no trial that could need `room`"):
        service({"visit": {**VISIT, "needs": {"trial": "room"}}}, {"room": {"slots": 1}})
