"""Totals that must add up, and the alarm that must sound when they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scssim
from engine.patients import every_task, histories
from engine.tiny import AT_ONCE, CARE, IMPLANT, INFECTED, SHOT, cost, events, outcome, tiny
from scssim import api
from scssim.engine.run import simulate
from scssim.errors import ScenarioError, ScssimError
from scssim.report.guards import DefectError, check
from scssim.result import Result
from scssim.scenario.load import LoadedScenario


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


@pytest.fixture(scope="module", params=["small", "back_leg_uk", "sceptical"])
def result(request: pytest.FixtureRequest, small: LoadedScenario) -> Result:
    loaded = small if request.param == "small" else scssim.load(request.param)
    return scssim.run(loaded, patients=1500, draws=0)


def test_guards_pass(result: Result) -> None:
    check(result)


def test_occupancy_sums_to_one(result: Result) -> None:
    sums = result.occupancy.groupby(["strategy", "month"]).share.sum()
    np.testing.assert_allclose(sums, 1, atol=1e-12)
    assert result.occupancy.share.between(0, 1).all()
    dead = result.occupancy[result.occupancy.state == "dead"]
    assert dead.groupby("strategy").share.apply(lambda s: s.is_monotonic_increasing).all()


def test_cost_items_sum_to_the_total(result: Result) -> None:
    for s in result.scenario.strategies:
        items = result.costs[(result.costs.strategy == s) & (result.costs.perspective == "healthcare")]
        assert items.discounted.sum() == pytest.approx(outcome(result, "cost", s), rel=1e-10)
        assert items.undiscounted.sum() == pytest.approx(outcome(result, "cost_undiscounted", s), rel=1e-10)
        assert (items.discounted <= items.undiscounted + 1e-9).all()


def test_nothing_is_missing(result: Result) -> None:
    assert np.isfinite(result.outcomes[["mean", "sd", "mcse"]].to_numpy()).all()
    assert np.isfinite(result.costs[["discounted", "undiscounted"]].to_numpy()).all()
    seen = result.visits[result.visits.n > 0]
    numbers = ["mean", "sd", "p05", "p25", "p50", "p75", "p95", "lower", "upper"]
    assert np.isfinite(seen[numbers].to_numpy(dtype=float)).all()
    unseen = result.visits[result.visits.n == 0]
    assert unseen[numbers].isna().all(axis=None)
    assert (seen.lower <= seen["mean"] + 1e-12).all() and (seen["mean"] <= seen.upper + 1e-12).all()
    assert (seen[["p05", "p25", "p50", "p75", "p95"]].diff(axis=1).iloc[:, 1:] >= -1e-12).all(axis=None)


def test_every_patient_ends_once(result: Result) -> None:
    for s in result.scenario.strategies:
        assert events(result, "death", s) + events(result, "horizon", s) == pytest.approx(1, abs=1e-12)


ENDS = ("explant", "review_stop", "stop_after_loss", "max_duration", "effect_over")


def test_every_explant_and_every_end_has_a_beginning(result: Result) -> None:
    for s, strategy in result.scenario.strategies.items():
        for name in {step.therapy for step in strategy.steps}:
            ends = {r: events(result, f"{name}.end.{r}", s) for r in ENDS}
            begun = events(result, f"{name}.implant", s) + events(result, f"{name}.start", s)
            assert sum(ends.values()) <= begun + 1e-12
            if result.scenario.therapies[name].kind == "implant":
                stopped = sum(v for r, v in ends.items() if r != "effect_over")
                assert events(result, f"{name}.explant", s) == pytest.approx(stopped, abs=1e-12)
                failed = events(result, f"{name}.end.trial_failure", s)
                if result.scenario.therapies[name].trial is not None:
                    assert events(result, f"{name}.trial", s) >= failed
            assert events(result, f"{name}.replacement", s) <= events(result, f"{name}.depletion", s) + 1e-12


def test_trials_either_fail_or_lead_to_an_implant() -> None:
    imp = {**IMPLANT, "trial": {"success": 0.6, "days": 10}}
    result = scssim.run(tiny({"imp": imp}, settings={"patients": 3000}))
    assert events(result, "imp.trial") == pytest.approx(
        events(result, "imp.implant") + events(result, "imp.end.trial_failure"), abs=1e-12
    )


CHARGED = {name: name for name in ("implant", "trial", "revision", "explant", "replacement")} | {"device": "implant"}


def test_counts_and_charges_agree(result: Result) -> None:
    """Undiscounted cost of an item = its price times how often it was charged."""
    for s, strategy in result.scenario.strategies.items():
        for name in {step.therapy for step in strategy.steps}:
            therapy = result.scenario.therapies[name]
            if therapy.kind != "implant":
                continue
            for item, event in CHARGED.items():
                price = getattr(therapy.costs, item)
                if price is None or price.distribution is None:
                    continue
                times = events(result, f"{name}.{event}", s)
                expected = price.distribution.mean * times
                assert cost(result, f"{name}.{item}", s, "undiscounted") == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_relief_is_worth_something(result: Result) -> None:
    qaly = result.outcomes[result.outcomes.outcome == "qaly"]["mean"]
    life = result.outcomes[result.outcomes.outcome == "life_years"]["mean"]
    assert (qaly > 0).all() and (qaly.to_numpy() < life.to_numpy()).all()
    assert life.nunique() == 1  # nobody lives longer for it: the same deaths under every strategy


# ------------------------------------------------------- tables of histories

KEYS = {
    "cost": "cost", "qaly": "qaly", "cost_undiscounted": "cost0", "qaly_undiscounted": "qaly0", "life_years": "life",
}  # fmt: skip


def test_outcomes_are_those_of_the_patients(small: LoadedScenario) -> None:
    n = 1300
    table = scssim.run(small, patients=n, draws=0).outcomes.set_index(["strategy", "outcome"])
    for s, found in histories(small, patients=n, draws=0).items():
        for name, key in KEYS.items():
            x, row = found[key][0], table.loc[(s, name)]
            assert row["mean"] == pytest.approx(x.mean(), rel=1e-12)
            assert row["sd"] == pytest.approx(x.std(ddof=1), rel=1e-8)
            assert row["mcse"] == pytest.approx(x.std(ddof=1) / np.sqrt(n), rel=1e-8)


def test_increments_are_paired(small: LoadedScenario) -> None:
    n = 1300
    result = scssim.run(small, patients=n, draws=0)
    found = histories(small, patients=n, draws=0)
    row = result.increments.set_index("strategy").loc["hf"]
    d_cost, d_qaly = (found["hf"][k][0] - found["lf"][k][0] for k in ("cost", "qaly"))
    assert row.d_cost == pytest.approx(d_cost.mean(), rel=1e-9)
    assert row.d_qaly == pytest.approx(d_qaly.mean(), rel=1e-9)
    assert row.icer == pytest.approx(d_cost.mean() / d_qaly.mean(), rel=1e-9)
    net = 20000 * d_qaly - d_cost
    assert row.inmb_20000 == pytest.approx(net.mean(), rel=1e-9)
    for column, x in (("d_cost_mcse", d_cost), ("d_qaly_mcse", d_qaly), ("inmb_20000_mcse", net)):
        assert row[column] == pytest.approx(x.std(ddof=1) / np.sqrt(n), rel=1e-6)
    reference = result.increments.set_index("strategy").loc["lf"]
    assert reference.d_cost == 0 and reference.d_qaly_mcse == 0 and np.isnan(reference.icer)


def test_draws_are_those_of_the_patients(small: LoadedScenario) -> None:
    result = scssim.run(small, patients=150, draws=6)
    for s, found in histories(small, patients=150, draws=6).items():
        rows = result.psa[result.psa.strategy == s]
        assert list(rows.draw) == list(range(6))
        for column, key in (("cost", "cost"), ("qaly", "qaly"), ("life_years", "life")):
            np.testing.assert_allclose(rows[column], found[key].mean(axis=1), rtol=1e-12)
        outcomes = result.outcomes[result.outcomes.strategy == s].set_index("outcome")
        assert (outcomes["mcse"] > 0).all()
        for name, key in KEYS.items():
            means = found[key].mean(axis=1)
            assert outcomes.loc[name, "mean"] == pytest.approx(means.mean(), rel=1e-12)
            # Patients of one draw have their parameters in common: only draws are independent.
            assert outcomes.loc[name, "mcse"] == pytest.approx(means.std(ddof=1) / np.sqrt(6), rel=1e-9)
    assert len(result.parameters) == 6 and result.parameters.notna().all(axis=None)


def test_rates_of_events(small: LoadedScenario) -> None:
    result = scssim.run(small, patients=1500, draws=0)
    table = result.events[result.events.event == "lf_scs.explant"]
    for row in table.itertuples():
        life = outcome(result, "life_years_undiscounted", row.strategy)
        assert row.per_100_patient_years == pytest.approx(100 * row.per_patient / life, rel=1e-9)
        assert 0 < row.share_of_patients <= row.per_patient


# ------------------------------------------------------------------- guards


def tampered(result: Result, table: str, change: Callable[[pd.DataFrame], None]) -> Result:
    copy = getattr(result, table).copy()
    change(copy)
    return replace(result, **{table: copy})


def set_cell(column: str, add: float, row: int = 0) -> Callable[[pd.DataFrame], None]:
    def change(table: pd.DataFrame) -> None:
        table.loc[table.index[row], column] += add

    return change


def negative_share(table: pd.DataFrame) -> None:
    set_cell("share", -2)(table)
    set_cell("share", 2, 1)(table)


def drop_death(table: pd.DataFrame) -> None:
    table.loc[table.event == "horizon", "event"] = "vanished"


TAMPERING = {
    "a share too many": ("occupancy", set_cell("share", 1e-6)),
    "a negative share": ("occupancy", negative_share),
    "a patient without an end": ("events", drop_death),
    "a cost item": ("costs", set_cell("discounted", 1.0)),
    "an undiscounted cost item": ("costs", set_cell("undiscounted", 1.0)),
    "a missing outcome": ("outcomes", set_cell("mean", np.nan, 1)),
    "an infinite SD": ("outcomes", set_cell("sd", np.inf, 2)),
    "a missing visit": ("visits", set_cell("mean", np.nan)),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_the_alarm_sounds(small: LoadedScenario, what: str) -> None:
    result = scssim.run(small, patients=200, draws=0)
    check(result)
    with pytest.raises(DefectError):
        check(tampered(result, *TAMPERING[what]))


# ---------------------------------------------------- sizes, seeds, odd inputs


@pytest.mark.parametrize("patients", [1, 2, 1023, 1024, 1025])
@pytest.mark.parametrize("draws", [0, 2])
def test_samples_of_any_size(small: LoadedScenario, patients: int, draws: int) -> None:
    result = scssim.run(small, patients=patients, draws=draws)
    assert result.patients == patients and result.draws == (draws or None)
    assert result.visits.n.max() <= patients * max(draws, 1)


def test_a_last_block_in_which_little_happens(small: LoadedScenario) -> None:
    for patients in (1025, 1026, 2049):
        totals = simulate(api.make_job(small, patients=patients, draws=0), cells=1024)
        assert totals.cells == patients


def test_tasks_cover_every_cell_once(small: LoadedScenario) -> None:
    for patients, draws in ((1, 0), (5000, 0), (8192, 3), (100, 2500), (3000, 3)):
        job = api.make_job(small, patients=patients, draws=draws)
        for cells in (1024, 8192):
            seen = np.zeros((max(draws, 1), patients), dtype=int)
            for task in every_task(job, cells):
                seen[task.draw : task.draw + task.draws, task.first : task.first + task.patients] += 1
                assert task.first % 1024 == 0
            assert np.all(seen == 1)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"patients": 0}, "patients"), ({"draws": 1}, "draws"), ({"draws": -1}, "draws"), ({"seed": -1}, "seed"),
     ({"workers": 0}, "workers"), ({"engine": "warp"}, "engine")],
)  # fmt: skip
def test_impossible_arguments(small: LoadedScenario, arguments: dict[str, object], word: str) -> None:
    with pytest.raises(ScssimError, match=word):
        scssim.run(small, **{"patients": 10, "draws": 0, **arguments})  # type: ignore[arg-type]


def test_progress_is_told(small: LoadedScenario) -> None:
    told: list[tuple[int, int]] = []
    scssim.run(small, patients=200, draws=600, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_everything_at_once() -> None:
    """A long chain of every kind of therapy keeps its books."""
    reimplanted = {**INFECTED, "complications": {"infection": {"hazard": 0.3, "explant": 0.7, "reimplant": True}}}
    device = {"rechargeable": False, "life": {"distribution": "weibull", "mean": 1, "shape": 3}}
    imp = {
        **reimplanted,
        "device": device,
        "review": {"months": [3]},
        "loss_of_effect": {"hazard": 0.4, "stop_after_loss": 0.5},
    }
    shot = {**SHOT, "repeat": {"courses": 5, "probability": 0.7}, "surgery": True}
    therapies = {"care": CARE, "shot": shot, "imp": imp, "more": {**CARE, "bridge": False}, "last": imp}
    result = scssim.run(
        tiny(
            therapies,
            ["care", "shot", "imp", "care", "shot", "more", "last", "imp"],
            settings={"patients": 3000, "visit_months": [0, 6, 60], "visit_clocks": ["entry", "activation"]},
            population={"mortality": {"life_table": "uk_2017_2019"}, "age": 70},
            utilities={"decrements": {"surgery": {"loss": 0.05, "weeks": 3}}},
            costs={"background": {"gp": {"per_year": 10}}},
        )
    )
    check(result)
    assert events(result, "imp.implant") > 1 and events(result, "shot.start") > 0.5


def test_a_draw_without_onset() -> None:
    relief = {**AT_ONCE, "onset_weeks": {"mean": 1, "se": 1, "family": "normal"}}
    loaded = tiny(
        {"imp": {"kind": "implant", "relief": relief}},
        settings={"visit_months": [0, 1], "visit_clocks": ["activation"]},
    )
    with np.errstate(all="ignore"):
        result = scssim.run(loaded, patients=20, draws=20)
    assert np.isfinite(result.outcomes["mean"]).all()


# ------------------------------------------------ what validation should refuse


def refused(therapy: dict[str, object], name: str = "one") -> None:
    with pytest.raises(ScenarioError):
        tiny({name: {"kind": "implant", "relief": AT_ONCE, **therapy}})


@pytest.mark.parametrize("name", ["waiting", "trial", "background", "dead"])
def test_states_are_no_names_of_therapies(name: str) -> None:
    refused({}, name)


@pytest.mark.parametrize("name", ["implant", "device", "revision", "explant", "per_year", "generator"])
def test_cost_items_are_no_names_of_complications(name: str) -> None:
    theirs = {"value": 5, "perspective": "patient"}
    refused({"complications": {name: {"hazard": 0.1, "cost": theirs}}, "costs": {"implant": 100}})


IMPOSSIBLE: dict[str, dict[str, object]] = {
    "two times with one survival": {"distribution": "weibull", "survival": [[1, 0.5], [2, 0.5]]},
    "the same, log-normal": {"distribution": "lognormal", "survival": [[1, 0.5], [2, 0.5]]},
    "the same, Gompertz": {"distribution": "gompertz", "survival": [[1, 0.5], [2, 0.5]]},
    "a survival at time 0": {"distribution": "weibull", "survival": [[0, 0.9], [2, 0.5]]},
    "a rate from time 0": {"distribution": "exponential", "survival": [[0, 0.9]]},
    "a Weibull shape of 0": {"distribution": "weibull", "scale": 5, "shape": 0},
    "a negative Weibull shape": {"distribution": "weibull", "scale": 5, "shape": -0.5},
    "a negative log-SD": {"distribution": "lognormal", "median": 5, "shape": -0.5},
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_impossible_times(what: str) -> None:
    refused({"loss_of_effect": IMPOSSIBLE[what]})


def test_a_device_that_lasts_no_time() -> None:
    refused({"device": {"rechargeable": False, "life": {"years": 0}}})


def test_nobody_enters_beyond_the_oldest_age() -> None:
    with pytest.raises(ScenarioError):
        tiny({"one": {"kind": "implant", "relief": AT_ONCE}}, population={"age": 115})
