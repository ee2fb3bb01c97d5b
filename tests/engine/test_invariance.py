"""Nobody's history depends on blocks, workers, the order of work, or on what else is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import scssim
from engine.patients import histories, same
from engine.tiny import load, merged
from scssim import api
from scssim.checkpoint.packed import packed
from scssim.engine.crew import Processes
from scssim.engine.job import Job, blocks
from scssim.engine.run import simulate, simulate_block
from scssim.report import tables
from scssim.scenario.load import LoadedScenario

LEAF = 1024
N = 1500


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


@pytest.fixture(scope="module")
def data(small: LoadedScenario) -> dict[str, Any]:
    return small.resolved


def everything(job: Job, **how: Any) -> dict[str, pd.DataFrame]:
    """All tables of a job."""
    totals = simulate(job, **how)
    visits = tables.visits(job, totals)
    return {
        "outcomes": tables.outcomes(job, totals),
        "increments": tables.increments(job, totals),
        "frontier": tables.incremental(job, totals),
        "visits": visits,
        "occupancy": tables.occupancy(job, totals),
        "events": tables.events(job, totals).sort_values(["strategy", "event"], ignore_index=True),
        "costs": tables.costs(job, totals),
        "targets": tables.targets(job, totals, visits),
        "psa": tables.psa(job, totals),
    }


def assert_identical(a: dict[str, pd.DataFrame], b: dict[str, pd.DataFrame]) -> None:
    for name in a:
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=True, obj=name)


# ------------------------------------------------------- blocks and workers


def test_block_size_does_not_change_the_order_of_events(small: LoadedScenario) -> None:
    job = api.make_job(small, patients=5000, draws=0)
    first, second = (list(tables.events(job, simulate(job, cells=n * LEAF)).event) for n in (1, 8))
    assert first == second


SIZES = [(5000, 0), (1024, 0), (1025, 3), (300, 40), (3000, 4)]


@pytest.mark.parametrize(("patients", "draws"), SIZES)
def test_block_size_leaves_no_trace(small: LoadedScenario, patients: int, draws: int) -> None:
    job = api.make_job(small, patients=patients, draws=draws)
    reference = everything(job)
    for leaves in (1, 2, 3, 16):
        assert_identical(reference, everything(job, cells=leaves * LEAF))


FEW = settings(
    max_examples=12,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ANY = {
    "seed": st.integers(0, 2**63 - 1),
    "patients": st.integers(1, 4200),
    "draws": st.sampled_from([0, 2, 3]),
    "leaves": st.integers(1, 5),
}


@FEW
@given(**ANY)
def test_any_block_size_with_any_seed(small: LoadedScenario, seed: int, patients: int, draws: int, leaves: int) -> None:
    job = api.make_job(small, patients=patients, draws=draws, seed=seed)
    assert_identical(everything(job, cells=LEAF), everything(job, cells=leaves * LEAF))


def test_block_size_leaves_no_trace_in_a_shipped_scenario() -> None:
    job = api.make_job(scssim.load("back_leg_uk"), patients=6000, draws=0)
    assert_identical(everything(job, cells=LEAF), everything(job))


def test_workers_leave_no_trace(small: LoadedScenario) -> None:
    job = api.make_job(small, patients=4000, draws=3)
    with pytest.MonkeyPatch.context() as patch, Processes(2) as crew:
        patch.setattr("scssim.engine.job.BLOCK", 2 * LEAF)
        assert len(blocks(job)) == 6
        assert_identical(everything(job, cells=LEAF), everything(job, crew=crew, cells=2 * LEAF))


@pytest.mark.parametrize("overrides", [{}, {"analyses.psa": {"draws": 300, "sampling": "sobol"}}])
def test_draws_bound_with_others_or_alone_are_the_same(small_path: Path, overrides: dict[str, Any]) -> None:
    job = api.make_job(scssim.load(small_path, overrides), patients=600, draws=300)
    for block in blocks(job):
        ours, theirs = (simulate_block(job, block, alone=alone) for alone in (False, True))
        assert packed(ours, {}) == packed(theirs, {})


def test_two_runs_are_the_same(small: LoadedScenario) -> None:
    a, b = (scssim.run(small, patients=700, draws=0) for _ in range(2))
    for name in ("outcomes", "visits", "events", "costs", "occupancy"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)


@pytest.mark.parametrize("draws", [0, 3])
def test_patients_are_the_same_in_blocks_of_any_size(small: LoadedScenario, draws: int) -> None:
    reference = histories(small, patients=2500, draws=draws)
    for leaves in (1, 2):
        again = histories(small, patients=2500, draws=draws, cells=leaves * LEAF)
        assert all(same(reference[s], again[s]) for s in reference)


def test_seeds_differ(small: LoadedScenario) -> None:
    a, b = (histories(small, patients=2000, draws=0, seed=seed) for seed in (1, 2))
    for s in a:
        assert not same(a[s], b[s])
        for outcome in ("cost", "qaly", "life"):
            assert abs(np.corrcoef(a[s][outcome][0], b[s][outcome][0])[0, 1]) < 4.5 / np.sqrt(2000)


def test_draws_have_their_own_patients(small: LoadedScenario) -> None:
    life = histories(small, patients=2000, draws=3)["lf"]["life"]
    assert np.abs(np.corrcoef(life)[np.triu_indices(3, 1)]).max() < 4.5 / np.sqrt(2000)


# ---------------------------------------------------- what else is simulated


@pytest.mark.parametrize(("patients", "draws"), [(700, 0), (1024, 0), (4100, 0), (900, 4), (5000, 2)])
def test_further_patients(small: LoadedScenario, patients: int, draws: int) -> None:
    fewer = min(patients, N)
    a, b = (histories(small, patients=n, draws=draws) for n in (N, patients))
    assert all(same(a[s], b[s], patients=fewer) for s in a)


@pytest.mark.parametrize("draws", [2, 3, 9, 50])
def test_further_draws(small: LoadedScenario, draws: int) -> None:
    a, b = (histories(small, patients=200, draws=d) for d in (5, draws))
    fewer = min(5, draws)
    assert all(same(a[s], b[s], draws=fewer) for s in a)


PART = {"responders": 0.5, "if_responder": {"mean": 0.8, "sd": 0.1}, "if_not": {"mean": 0.1, "sd": 0.1}}
REFERRAL = {"referral": {"mean": 100, "se": 10, "perspective": "patient"}}
ADDITIONS: dict[str, dict[str, Any]] = {
    "a strategy": {"strategies": {"aa": {"steps": ["hf10", "conservative", "hf10"]}}},
    "a strategy that begins alike": {
        "strategies": {"aa": {"steps": ["conservative", {"therapy": "injection", "if": "leg_vas >= 6"}]}}
    },
    "a therapy": {
        "therapies": {
            "aa": {
                "kind": "implant",
                "response_group": "scs",
                "relief": {"back": PART, "leg": PART},
                "complications": {"infection": {"hazard": 0.1, "explant": 0.5}},
            }
        },
        "strategies": {"bb": {"steps": ["aa", "lf_scs"]}},
    },
    "a condition on pain in another strategy": {
        "strategies": {"aa": {"steps": ["conservative", {"therapy": "hf10", "if": "back_vas_now > 5"}]}}
    },
    "visit months": {"settings": {"visit_months": [0, 1, 3, 7, 12, 24, 55]}},
    "no visits": {"settings": {"visit_months": [], "visit_clocks": ["entry"]}, "targets": []},
    "a covariate": {"population": {"covariates": {"aa": {"probability": 0.5}, "zz": {"values": {"mean": 3, "sd": 1}}}}},
    "a utility source": {
        "utilities": {
            "sources": {
                "aa": {
                    "kind": "states", "instrument": "EQ-5D", "tariff": "UK", "country": "UK",
                    "optimal": {"mean": 0.6, "se": 0.02}, "suboptimal": 0.5, "none": 0.3,
                }
            }
        }
    },
    "a cost item of no cost": {"therapies": {"lf_scs": {"costs": REFERRAL}}},
    "a complication without consequences": {"therapies": {"lf_scs": {"complications": {"aa": {"hazard": 0.5}}}}},
    "an uncertain parameter without consequences": {
        "therapies": {"lf_scs": {"complications": {"aa": {"hazard": {"mean": 0.5, "se": 0.2}}}}}
    },
    "a response group": {"response_groups": {"injection": {"rho": 0.6}}},
    "a threshold": {"settings": {"willingness_to_pay": [10000, 20000, 30000]}},
    "another reference": {"settings": {"reference": "hf"}},
    "a target": {"targets": [{"strategy": "hf", "measure": "leg_vas", "month": 17, "observed": 4}]},
}  # fmt: skip


@pytest.mark.parametrize("draws", [0, 3])
@pytest.mark.parametrize("addition", ADDITIONS)
def test_nobody_notices(small: LoadedScenario, data: dict[str, Any], addition: str, draws: int) -> None:
    more = load(merged(data, ADDITIONS[addition]))
    a, b = histories(small, patients=N, draws=draws), histories(more, patients=N, draws=draws)
    for strategy in ("lf", "hf"):
        assert same(a[strategy], b[strategy])


def test_visits_do_not_notice_other_visits(small: LoadedScenario, data: dict[str, Any]) -> None:
    more = load(merged(data, ADDITIONS["visit months"]))
    a, b = (scssim.run(s, patients=N, draws=0).visits for s in (small, more))
    keys = ["strategy", "clock", "month", "measure", "denominator"]
    both = a.merge(b, on=keys, suffixes=("", "_more"))
    # The targets of the scenario bring month 3; 24 is the last month of both.
    assert len(both) == len(a)
    for column in ("n", "mean", "sd", "p05", "p50", "p95", "lower", "upper"):
        assert np.array_equal(both[column], both[f"{column}_more"], equal_nan=True), column


@pytest.mark.parametrize("order", [["hf", "lf"], ["zz", "hf", "lf"]])
def test_the_order_of_strategies(small: LoadedScenario, data: dict[str, Any], order: list[str]) -> None:
    strategies = {**data["strategies"], "zz": {"steps": ["injection"]}}
    other = load({**data, "strategies": {name: strategies[name] for name in order}})
    a, b = histories(small, patients=N, draws=3), histories(other, patients=N, draws=3)
    assert list(b) == order
    assert all(same(a[s], b[s]) for s in ("lf", "hf"))


def test_the_order_of_therapies_and_complications(small: LoadedScenario, data: dict[str, Any]) -> None:
    turned = {
        name: {**t, "complications": dict(reversed(t.get("complications", {}).items()))}
        for name, t in reversed(data["therapies"].items())
    }
    other = load({**data, "therapies": turned})
    a, b = histories(small, patients=N, draws=3), histories(other, patients=N, draws=3)
    for s in a:
        for outcome in a[s]:
            # Costs of one patient are added up in another order.
            np.testing.assert_allclose(a[s][outcome], b[s][outcome], rtol=1e-12, atol=1e-9)


def moved(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]], *outcomes: str) -> NDArray[np.bool_]:
    return np.any([a[o] != b[o] for o in outcomes], axis=0)[0]


def test_a_complication_changes_only_those_who_have_it(small: LoadedScenario, data: dict[str, Any]) -> None:
    added = {"hazard": 0.04, "cost": 777, "explant": 0.5, "utility": {"loss": 0.1, "weeks": 4}}
    more = load(merged(data, {"therapies": {"lf_scs": {"complications": {"aa": added}}}}))
    a, b = histories(small, patients=N, draws=0), histories(more, patients=N, draws=0)
    table = scssim.run(more, patients=N, draws=0).events.set_index(["strategy", "event"])
    for strategy in ("lf", "hf"):
        ill = table.loc[(strategy, "lf_scs.aa")].share_of_patients
        assert 0 < ill < 0.5
        assert moved(a[strategy], b[strategy], "cost", "qaly").mean() == pytest.approx(ill, abs=1e-12)
        assert np.array_equal(a[strategy]["life"], b[strategy]["life"])


def test_an_uncertain_cost_changes_no_other_outcome(small: LoadedScenario, data: dict[str, Any]) -> None:
    more = load(merged(data, {"therapies": {"lf_scs": {"costs": {"device": {"mean": 12000, "se": 900}}}}}))
    a, b = histories(small, patients=500, draws=3), histories(more, patients=500, draws=3)
    for strategy in ("lf", "hf"):
        for outcome in ("qaly", "qaly0", "life", "now"):
            assert np.array_equal(a[strategy][outcome], b[strategy][outcome])
    # Only those with an implant pay otherwise, and in each draw all by the same factor.
    assert 0.05 < np.mean(a["lf"]["cost"] != b["lf"]["cost"]) < 0.9
    means, again = (histories(s, patients=500, draws=0) for s in (small, more))
    # The mean of a gamma distribution is the product of its two numbers.
    np.testing.assert_allclose(means["lf"]["cost"], again["lf"]["cost"], rtol=1e-12)


def test_strategies_that_begin_alike_share_their_luck(small: LoadedScenario, data: dict[str, Any]) -> None:
    """Common random numbers: one more step changes only those who take it."""
    longer = [*data["strategies"]["lf"]["steps"], {"therapy": "hf10", "if": "not 'lf_scs' in tried"}]
    more = load(merged(data, {"strategies": {"aa": {"steps": longer}}}))
    found = histories(more, patients=N, draws=0)
    taken = scssim.run(more, patients=N, draws=0).events.set_index(["strategy", "event"])
    changed = moved(found["lf"], found["aa"], "cost", "qaly").mean()
    # Everybody who is referred to the last step waits for a trial, and most have one.
    assert taken.loc[("aa", "hf10.trial")].share_of_patients == pytest.approx(changed, abs=0.02) and changed < 0.7
