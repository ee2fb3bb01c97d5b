"""Chosen values of parameters in place of draws: the same patients, as if the scenario said so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scssim
from engine.patients import job_histories
from scssim.engine.job import CHUNK
from scssim.engine.run import simulate
from scssim.prepare import make_job
from scssim.scenario.load import LoadedScenario
from scssim.scenario.walk import uncertain

N = 700

VALUES = {
    "therapies.lf_scs.trial.success": 0.5,
    "therapies.hf10.relief.back.responders": 0.9,
    "therapies.hf10.relief.onset_weeks.times": 3.0,
    "therapies.lf_scs.relief.modifiers.depression.odds_ratio": 0.3,
    "therapies.hf10.loss_of_effect.hazard": 0.2,
    "therapies.lf_scs.costs.implant": 100.0,
    "therapies.lf_scs.costs.device": 1.0,
    "population.depression": 0.9,
    "population.mechanism.neuropathic": 0.1,
    "response_groups.scs.rho": 0.1,
    "utilities.decrements.surgery.loss": 0.5,
    "costs.by_relief.drugs.none": 5000.0,
}


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


def means(loaded: LoadedScenario, patients: int = N) -> np.ndarray:
    """Mean cost, QALYs and life years by strategy."""
    return simulate(make_job(loaded, patients=patients, draws=0)).draw_means[0]


def test_every_case_is_a_scenario_with_that_value(small: LoadedScenario, small_path: Path) -> None:
    quantities = uncertain(small.scenario)
    certain = {"therapies.lf_scs.costs.device": 12000.0, "population.mechanism.neuropathic": 0.4}
    base = {path: certain[path] if path in certain else quantities[path].distribution.mean for path in VALUES}
    values = {path: np.full(1 + len(VALUES), mean) for path, mean in base.items()}
    for k, path in enumerate(VALUES, start=1):
        values[path][k] = VALUES[path]
    job = replace(make_job(small, patients=N), draws=1 + len(VALUES), cases=values)
    found = simulate(job).draw_means
    np.testing.assert_allclose(found[0], means(small), rtol=1e-12)
    for k, (path, value) in enumerate(VALUES.items(), start=1):
        # A mechanism's share is one of three, which are brought to a sum of 1.
        mix = {"population.mechanism": {m: s / 0.7 for m, s in zip(MIX, (0.1, 0.35, 0.25), strict=True)}}
        fixed = mix if "mechanism" in path else {path: {"value": value}}
        np.testing.assert_allclose(found[k], means(scssim.load(small_path, fixed)), rtol=1e-9, err_msg=path)
        assert not np.allclose(found[k], found[0], rtol=1e-6), f"{path} changes nothing"


MIX = ("neuropathic", "mixed", "nociceptive")


def test_a_parameter_takes_those_along_that_refer_to_it(small: LoadedScenario, small_path: Path) -> None:
    path = "therapies.lf_scs.relief.onset_weeks"
    job = replace(make_job(small, patients=N), draws=2, cases={path: np.array([3.0, 30.0])})
    found = simulate(job).draw_means
    both = {path: 30.0, "therapies.hf10.relief.onset_weeks": 30.0 * 1.2}
    np.testing.assert_allclose(found[1], means(scssim.load(small_path, both)), rtol=1e-9)
    alone = means(scssim.load(small_path, {"therapies.hf10.relief.onset_weeks": 3.6, path: 30.0}))
    assert not np.allclose(found[1], alone, rtol=1e-9)


def test_cases_have_the_same_patients_also_beyond_a_chunk(small: LoadedScenario) -> None:
    cases = CHUNK + 2
    price = {"therapies.lf_scs.costs.implant": np.linspace(0, 5000, cases)}
    job = replace(make_job(small, patients=40), draws=cases, cases=price, visits=None)
    found = job_histories(job)["lf"]
    for name in ("life", "qaly"):
        assert (found[name] == found[name][0]).all()
    cost = found["cost"]
    # Linear in the price, for each patient.
    slope = (cost[-1] - cost[0]) / 5000
    np.testing.assert_allclose(cost, cost[0] + np.outer(price["therapies.lf_scs.costs.implant"], slope), rtol=1e-9)
    assert slope.max() > 0.9


@settings(max_examples=6, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), cases=st.integers(2, 300), patients=st.integers(1, 200))
def test_the_order_of_cases_does_not_matter(
    small: LoadedScenario, data: st.DataObject, cases: int, patients: int
) -> None:
    order = np.array(data.draw(st.permutations(range(cases))))
    x, y = np.linspace(0.05, 0.95, cases), np.linspace(2000, 50, cases)
    paths = ("therapies.hf10.relief.leg.responders", "costs.by_relief.drugs.none")
    job = replace(make_job(small, patients=patients), draws=cases, visits=None)
    straight, mixed = (
        simulate(replace(job, cases=dict(zip(paths, values, strict=True)))).draw_means
        for values in ((x, y), (x[order], y[order]))
    )
    # Cases are solved together with others for intercepts, row by row.
    np.testing.assert_allclose(mixed, straight[order], rtol=1e-12, atol=1e-12)
