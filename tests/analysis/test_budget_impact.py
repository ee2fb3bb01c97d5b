"""Budget impact, against cash flows by hand and of single patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from analysis.runs import QUICK, SMALL, run
from engine.patients import histories
from engine.tiny import CARE, IMPLANT, SHOT, T0, tiny
from scssim.analysis import budget as module
from scssim.analysis.budget import Yearly, budget, per_patient
from scssim.engine.simulator import Simulator
from scssim.prepare import make_job
from scssim.scenario.analyses import Budget

IMPLANTED = 30 + 2000 + 5000 + 12000
"""Referral, trial, implant and device, all in the first year."""


def test_flows_by_hand() -> None:
    strategies = {"care": ["c"], "implant": ["i"], "shot": ["s"]}
    asked = {
        "eligible": [100, 50, 0, 10],
        "years": 4,
        "current": {"care": 1},
        "new": {"care": [0.8, 0.5, 0.5, 0], "implant": [0.2, 0.5, 0.5, 0.6], "shot": [0, 0, 0, 0.4]},
    }
    scenario = tiny({"c": CARE, "i": IMPLANT, "s": SHOT}, strategies, analyses={"budget": asked},
                    settings={"discount_rate": {"costs": 0.05, "effects": 0.05}})  # fmt: skip
    table = scssim.run(scenario).budget.set_index(["year", "strategy"])
    care, first = 100 * 0.5, IMPLANTED + 250 * (1 - T0)  # six months of care; undiscounted
    implants = np.array([20, 25, 0, 6])
    for year in (1, 2, 3, 4):
        row = table.loc[(year, "implant")]
        assert row["patients"] == pytest.approx(implants[year - 1])
        assert row["cost"] == pytest.approx(implants[year - 1] * first + 250 * implants[: year - 1].sum(), rel=1e-9)
        assert row["devices"] == pytest.approx(implants[year - 1])
        assert row["procedures"] == pytest.approx(2 * implants[year - 1])  # trial and implant
        assert (row["patients_current"], row["cost_current"], row["impact"]) == (0, 0, row["cost"])
        row = table.loc[(year, "care")]
        now, before = [80, 25, 0, 0][year - 1], [100, 50, 0, 10][year - 1]
        assert (row["patients"], row["patients_current"]) == (now, before)
        assert row["cost"] == pytest.approx(now * care) and row["impact"] == pytest.approx((now - before) * care)
        assert row["devices"] == row["procedures"] == 0
    assert table.loc[(4, "shot"), "procedures"] == pytest.approx(4.0) and not table.loc[(3, "shot")].any()
    assert table.loc[(4, "shot"), "cost"] == pytest.approx(4000.0)


def test_yearly_costs_are_those_of_single_patients() -> None:
    years, patients = 4, 300
    found = per_patient(make_job(scssim.load(SMALL, QUICK), patients=patients, draws=0), years, Simulator())
    paid = []  # up to the end of each year, by patient
    for year in range(1, years + 1):
        values = {**QUICK, "settings.horizon_years": year, "settings.discount_rate.costs": 0.0}
        lives = histories(scssim.load(SMALL, values), patients=patients, draws=0, visits=False)
        paid.append(np.stack([lives[s]["cost0"][0] for s in lives]))
        assert np.allclose(paid[-1], np.stack([lives[s]["cost"][0] for s in lives]))
    flows = np.diff([np.zeros_like(paid[0]), *paid], axis=0)
    assert flows.min() > -1e-9  # nobody is ever paid back
    np.testing.assert_allclose(found.cost, flows.mean(axis=2).T, rtol=1e-9)
    # Of a run over all years, nothing is lost.
    values = {"settings.horizon_years": years}
    totals = scssim.run(scssim.load(SMALL, {**QUICK, **values}), patients=patients, draws=0)
    costs = totals.costs[totals.costs["perspective"] == "healthcare"].groupby("strategy")["undiscounted"].sum()
    events = totals.events.set_index(["strategy", "event"])["per_patient"]
    for s, name in enumerate(totals.scenario.strategies):
        assert found.cost[s].sum() == pytest.approx(costs[name], rel=1e-9)
        devices = sum(events.get((name, f"{t}.{e}"), 0) for t in IMPLANTS for e in ("implant", "replacement"))
        operations = sum(events.get((name, f"{t}.{e}"), 0) for t in IMPLANTS for e in OPERATIONS)
        courses = sum(events.get((name, f"injection.{e}"), 0) for e in ("start", "repeat"))
        assert found.devices[s].sum() == pytest.approx(devices, rel=1e-9) and devices > 0.2
        assert found.procedures[s].sum() == pytest.approx(operations + courses, rel=1e-9)
        assert min(operations, courses) > 0.5


IMPLANTS = ("lf_scs", "hf10")
OPERATIONS = ("trial", "implant", "replacement", "revision", "explant")


def test_the_budget_does_not_depend_on_draws_or_the_horizon() -> None:
    asked = {"eligible": 100, "years": 3, "current": {"lf": 1}, "new": {"hf": 1}}
    plain, drawn, short = (
        run({"budget": asked}, patients=200, **more).budget
        for more in ({}, {"draws": 3, "settings.patients": 200}, {"settings.horizon_years": 1})
    )
    pd.testing.assert_frame_equal(plain, drawn, check_exact=True)
    pd.testing.assert_frame_equal(plain, short, check_exact=True)


@st.composite
def budgets(draw: Any) -> dict[str, Any]:
    years = draw(st.integers(1, 8))
    share = st.floats(0, 1)
    mixes = {}
    for mix in ("current", "new"):
        lf = draw(st.one_of(share, st.lists(share, min_size=years, max_size=years)))
        hf = [1 - x for x in lf] if isinstance(lf, list) else 1 - lf
        mixes[mix] = {"lf": lf, "hf": hf}
    people = st.floats(0, 1e5).map(lambda x: round(x, 3))
    eligible = draw(st.lists(people, min_size=years, max_size=years).filter(any))
    return {"eligible": eligible, "years": years, **mixes}


@settings(max_examples=60)
@given(data=st.data(), asked=budgets())
def test_nothing_is_lost_or_made(data: st.DataObject, asked: dict[str, Any]) -> None:
    years = asked["years"]
    flows = st.lists(st.integers(0, 50_000).map(float), min_size=2 * years, max_size=2 * years)
    cost, devices, procedures = (np.reshape(data.draw(flows), (2, years)) for _ in range(3))
    job = JOB
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "per_patient", lambda *_: Yearly(cost, devices, procedures))
        table = budget(job, Budget.model_validate(asked), Simulator())
    assert len(table) == 2 * years and table["year"].is_monotonic_increasing
    by_year = table.groupby("year").sum(numeric_only=True)
    for column in ("patients", "patients_current"):
        assert by_year[column].to_numpy() == pytest.approx(asked["eligible"], rel=1e-9, abs=1e-9)
    impact = (table["cost"] - table["cost_current"]).to_numpy()
    assert table["impact"].to_numpy() == pytest.approx(impact, abs=1e-6 * max(1.0, np.abs(impact).max()))
    # Every cohort's flows, up to the last year, are somewhere: each is counted once.
    for mix, suffix in (("new", ""), ("current", "_current")):
        for s, name in enumerate(("lf", "hf")):
            entering = np.broadcast_to(asked[mix][name], years) * asked["eligible"]
            for column, flow in (("cost", cost), ("devices", devices), ("procedures", procedures)):
                expected = sum(n * flow[s, : years - c].sum() for c, n in enumerate(entering))
                found = table.loc[table["strategy"] == name, f"{column}{suffix}"].sum()
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


JOB = make_job(scssim.load(SMALL), patients=1, draws=0)


def test_the_same_mix_costs_the_same() -> None:
    mix = {"lf": 0.25, "hf": 0.75}
    table = run({"budget": {"eligible": 10, "current": mix, "new": mix}}, patients=50).budget
    assert (table["impact"] == 0).all() and len(table) == 10 and (table["cost"] > 0).all()
