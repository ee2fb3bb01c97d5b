"""The value of perfect information against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from small_samples import Pair, samples

from scssim.economics import Population, SampleError, evpi, evpi_normal

# Net benefit k * p1 - p2 against 0, with p1 ~ Normal(1, 1) and p2 ~ Normal(0, 2^2).
EXACT = {1: 0.4798107063, 2: 0.3992824567, 3: 0.4094634160}


@pytest.mark.parametrize("k", EXACT)
def test_normal_closed_form(k: int) -> None:
    assert evpi_normal(k, np.sqrt(k**2 + 4)) == pytest.approx(EXACT[k], abs=1e-9)


def test_partial_and_sample_information_in_closed_form() -> None:
    assert evpi_normal(1, [1, 2]) == pytest.approx([0.0833154706, 0.3955931148], abs=1e-9)
    n = np.array([10, 100, 1000])
    assert evpi_normal(1, np.sqrt(n / (n + 1))) == pytest.approx([0.0723251203, 0.0821176056, 0.0831946061], abs=1e-9)


@given(st.floats(-10, 10), st.floats(0.1, 10))
def test_normal_loss_is_its_definition(mean: float, sd: float) -> None:
    u = mean * norm.cdf(mean / sd) + sd * norm.pdf(mean / sd) - max(mean, 0)
    assert evpi_normal(mean, sd) == pytest.approx(u, abs=1e-12)
    assert evpi_normal(mean, sd) == evpi_normal(-mean, sd)


def test_normal_loss_at_the_ends() -> None:
    np.testing.assert_array_equal(evpi_normal([1, -1, 0, 1, 1e300], [0, 0, 0, 1e-3, 1e-300]), np.zeros(5))
    assert 0 < evpi_normal(20, 1) < 1e-88
    assert evpi_normal(0, 2) == pytest.approx(2 / np.sqrt(2 * np.pi))
    for mean, sd in ((np.nan, 1), (1, -1), (1, np.inf)):
        with pytest.raises(SampleError):
            evpi_normal(mean, sd)


@given(samples())
def test_is_mean_of_maximum_minus_maximum_of_means(pair: Pair) -> None:
    costs, effects = pair
    table = evpi(costs, effects, [0, 100, 1000])
    assert list(table.columns) == ["wtp", "evpi", "evpi_population", "se"]
    for row in table.itertuples():
        benefit = row.wtp * effects.to_numpy() - costs.to_numpy()
        assert row.evpi == pytest.approx(benefit.max(axis=1).mean() - benefit.mean(axis=0).max(), abs=1e-9)
        assert row.evpi >= 0
        assert np.isnan(row.evpi_population)
        assert np.isnan(row.se) if len(costs) == 1 else row.se >= 0


def _normal_draws(rng: np.random.Generator, k: float, draws: int) -> tuple[dict[str, object], dict[str, object]]:
    zero = np.zeros(draws)
    return {"nothing": zero, "treat": rng.normal(0, 2, draws)}, {"nothing": zero, "treat": k * rng.normal(1, 1, draws)}


def test_standard_error_covers_the_exact_value() -> None:
    (row,) = evpi(*_normal_draws(np.random.default_rng(1), 1, 20_000), 1).itertuples()
    # What perfect information gains in a draw is max(-X, 0), with X ~ Normal(1, 5) as treatment is chosen without it.
    m, s = 1.0, np.sqrt(5.0)
    square = (m**2 + s**2) * norm.cdf(-m / s) - m * s * norm.pdf(m / s)
    assert row.se == pytest.approx(np.sqrt((square - EXACT[1] ** 2) / 20_000), rel=0.05)
    assert abs(row.evpi - EXACT[1]) < 4 * row.se


@pytest.mark.verification
def test_standard_error_is_that_between_replicates() -> None:
    rng = np.random.default_rng(2)
    found = [evpi(*_normal_draws(rng, 2, 2_000), 1).iloc[0] for _ in range(1_000)]
    value = np.array([row.evpi for row in found])
    assert np.mean([row.se for row in found]) == pytest.approx(value.std(ddof=1), rel=0.1)
    assert value.mean() == pytest.approx(EXACT[2], abs=4 * value.std() / np.sqrt(1_000) + 1e-3)


def test_population() -> None:
    costs, effects = {"a": [0.0, 0.0], "b": [10.0, -20.0]}, {"a": [0.0, 0.0], "b": [0.0, 0.0]}
    people = Population(incidence=1000, years=3, discount_rate=0.1)
    assert people.size == pytest.approx(1000 * (1 / 1.1 + 1 / 1.21 + 1 / 1.331))
    table = evpi(costs, effects, 0, people)
    assert table.evpi[0] == 5
    assert table.evpi_population[0] == pytest.approx(5 * people.size)


@given(st.floats(0, 1e4), st.integers(0, 60), st.floats(0, 1), st.one_of(st.just(0.0), st.floats(1e-12, 0.2)))
def test_population_is_a_sum_over_years(incidence: float, whole: int, part: float, rate: float) -> None:
    size = Population(incidence, whole + part, rate).size
    broken = whole + part - int(whole + part)
    years = [*np.ones(int(whole + part)), broken]
    expected = sum(incidence * y / (1 + rate) ** (t + 1) for t, y in enumerate(years))
    assert size == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "values",
    [(-1, 1, 0), (1, -1, 0), (1, 1, -0.1), (np.nan, 1, 0), (1, np.inf, 0), ("1", 1, 0), (1, 201, 0), (1, 1, 3.5)],
)
def test_impossible_populations(values: tuple[float, float, float]) -> None:
    with pytest.raises(SampleError, match="of the population is"):
        Population(*values)
