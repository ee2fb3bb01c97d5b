"""Draws of parameters from a Sobol sequence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import scssim
from scssim.engine.run import parameters, simulate
from scssim.model.parameters import _sobol, draw
from scssim.prepare import make_job
from scssim.scenario.load import LoadedScenario
from scssim.scenario.walk import uncertain


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


@pytest.fixture(scope="module")
def sobol(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path, {"analyses.psa.sampling": "sobol"})


@settings(max_examples=30)
@given(
    parameters=st.integers(1, 60), seed=st.integers(0, 2**63 - 1), first=st.integers(0, 3000), count=st.integers(1, 700)
)
def test_points_are_inside_and_consecutive(parameters: int, seed: int, first: int, count: int) -> None:
    points = _sobol(parameters, seed, first, count)
    assert points.shape == (parameters, count)
    assert points.min() > 0 and points.max() < 1
    cut = count // 2
    both = [_sobol(parameters, seed, begin, n) for begin, n in ((first, cut), (first + cut, count - cut))]
    assert np.array_equal(points, np.concatenate(both, axis=1))


def test_every_interval_has_its_point() -> None:
    points = _sobol(25, 3, 0, 256)
    assert np.array_equal(np.sort(np.floor(256 * points)), np.tile(np.arange(256), (25, 1)))


def test_no_parameters() -> None:
    assert _sobol(0, 1, 0, 7).shape == (0, 7)


def test_seeds_differ() -> None:
    assert not np.isclose(_sobol(4, 1, 0, 64), _sobol(4, 2, 0, 64)).any(axis=None)


def test_chunks_are_parts_of_the_whole(small: LoadedScenario) -> None:
    whole = draw(small.scenario, 5, 0, 300, sobol=True).values
    parts = [draw(small.scenario, 5, first, n, sobol=True).values for first, n in ((0, 256), (256, 44))]
    assert len(whole) > 25
    for path, values in whole.items():
        assert np.array_equal(values, np.concatenate([part[path] for part in parts])), path
    job = make_job(small, draws=300, seed=5)
    found = parameters(replace(job, sobol=True))
    assert found.keys() == whole.keys() and all(np.array_equal(found[p], whole[p]) for p in whole)


def test_marginals_and_joint(small: LoadedScenario) -> None:
    n = 4096
    values = draw(small.scenario, 2, 0, n, sobol=True).values
    _, mixed = small.scenario.joint["loss"].parameters
    for path, quantity in uncertain(small.scenario).items():
        d = quantity.distribution
        assert d is not None
        # A parameter that is mixed of two of them is not quite as even.
        most = 0.1 if path == mixed else 0.03
        # Quantiles at the middles of equal intervals, but for a spread inside each: far closer than random ones.
        expected = quantity.permitted(d.quantile((np.arange(n) + 0.5) / n))
        assert np.abs(np.sort(values[path]) - expected)[n // 100 : -n // 100].max() < most * d.sd, path
        assert values[path].mean() == pytest.approx(d.mean, abs=0.01 * d.sd), path
    a, b = small.scenario.joint["loss"].parameters
    rank = stats.spearmanr(values[a], values[b]).statistic
    assert rank == pytest.approx(6 / np.pi * np.arcsin(0.4 / 2), abs=0.02)


def test_a_smooth_mean_varies_less_than_with_random_draws(small: LoadedScenario) -> None:
    paths = list(uncertain(small.scenario))

    def mean(seed: int, sobol: bool) -> float:
        values = draw(small.scenario, seed, 0, 128, sobol=sobol).values
        z = [(values[p] - q.distribution.mean) / q.distribution.sd for p, q in uncertain(small.scenario).items()]
        return float(np.mean(np.tanh(np.sum(z, axis=0) / np.sqrt(len(paths)))))

    plain, even = (np.var([mean(seed, sobol) for seed in range(25)]) for sobol in (False, True))
    # The ratio of two such variances of equal means exceeds 5 with a probability below 1e-4.
    assert plain > 5 * even


def test_a_run_uses_it_and_says_what_that_means(small: LoadedScenario, sobol: LoadedScenario) -> None:
    assert make_job(sobol, draws=0).sobol is False
    plain, even, power = (scssim.run(s, patients=5, draws=d) for s, d in ((small, 20), (sobol, 20), (sobol, 16)))
    told = [[w for w in r.warnings if "Sobol" in w] for r in (plain, even, power)]
    assert [len(w) for w in told] == [0, 1, 1]
    assert "20 draws are not a power of two" in told[1][0] and "power of two" not in told[2][0]
    columns = [c for c in even.parameters if c != "draw"]
    assert not np.isclose(plain.parameters[columns], even.parameters[columns]).any(axis=None)
    for path, values in draw(sobol.scenario, 7, 0, 20, sobol=True).values.items():
        assert np.array_equal(values, even.parameters[path])


def test_a_job_with_more_draws_goes_on_with_the_sequence(sobol: LoadedScenario) -> None:
    few, many = (make_job(sobol, patients=10, draws=n) for n in (250, 270))
    assert few.sobol
    grown = simulate(many, so_far=simulate(few))
    whole = simulate(many)
    assert np.array_equal(grown.draw_means, whole.draw_means) and np.array_equal(grown.total, whole.total)
