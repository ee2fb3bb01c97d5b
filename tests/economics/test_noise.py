"""Noise between patients: told apart from parameters, and shrunk away."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_samples import normal

from scssim.economics import SampleError, corrected, decompose, evpi, evpi_normal
from scssim.economics.noise import shrink

COLUMNS = [
    "quantity", "strategy", "reference", "wtp", "mean", "mcse", "sd_parameters", "sd_patients", "noise_share",
    "patients_for_5_percent", "patients_optimal", "draws_for_precision",
]  # fmt: skip


def covariance(rng: np.random.Generator, size: int, scale: float = 1.0) -> np.ndarray:
    root = rng.normal(size=(size, size))
    return scale * root @ root.T


def interleaved(costs: pd.DataFrame, effects: pd.DataFrame) -> np.ndarray:
    return np.stack([costs.to_numpy(), effects.to_numpy()], axis=2).reshape(len(costs), -1)


# ------------------------------------------------------------------ decompose


def test_decomposition_by_hand() -> None:
    costs, effects = {"a": [0.0, 20.0], "b": [10.0, 50.0]}, {"b": [2.0, 2.0], "a": [1.0, 1.0]}
    within = np.diag([400.0, 0.0, 1600.0, 9.0])
    table = decompose(costs, effects, within, 4, [0, 10], half_width=7.0, overhead=100)
    assert list(table.columns) == COLUMNS
    assert list(table.quantity) == ["cost", "qaly", "cost", "qaly", "inmb", "inmb"]
    assert list(table.strategy) == ["a", "a", "b", "b", "b", "b"]
    assert list(table.reference) == [None] * 4 + ["a", "a"]
    assert list(table.wtp[4:]) == [0, 10] and table.wtp[:4].isna().all()
    # Variances of the draws: 200, 0, 800, 0, and 200 for both INMBs (-10, -30 and 0, -20).
    np.testing.assert_allclose(table["mean"], [10, 1, 30, 2, -20, -10])
    np.testing.assert_allclose(table.mcse, np.sqrt([100, 0, 400, 0, 100, 100]))
    np.testing.assert_allclose(table.sd_patients, np.sqrt([400, 0, 1600, 9, 2000, 2900]))
    np.testing.assert_allclose(table.sd_parameters, np.sqrt([100, 0, 400, 0, 0, 0]))
    np.testing.assert_allclose(table.noise_share, [0.5, 0, 0.5, 1, 1, 1])
    assert list(table.patients_for_5_percent) == [76, 1, 76, math.inf, math.inf, math.inf]
    assert list(table.patients_optimal) == [20, 1, 20, math.inf, math.inf, math.inf]
    assert table.draws_for_precision[:4].isna().all()
    assert list(table.draws_for_precision[4:]) == [math.ceil(200 * (1.959963985 / 7) ** 2)] * 2
    plain = decompose(costs, effects, within, 4, 10, reference="b")
    assert plain.draws_for_precision.isna().all() and plain.patients_optimal.isna().all()
    assert list(plain.reference[4:]) == ["b"] and list(plain["mean"][4:]) == [10]


def test_a_precision_beyond_any_number_takes_infinitely_many_draws() -> None:
    costs, effects = {"a": [0.0, 0.0], "b": [0.0, 1.0], "c": [5.0, 5.0]}, {key: [0.0, 0.0] for key in "abc"}
    table = decompose(costs, effects, np.zeros((6, 6)), 4, [1.0], half_width=1e-300)
    assert list(table[table.quantity == "inmb"].draws_for_precision) == [np.inf, 1.0]


@given(st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0, 500))
def test_wanted_numbers_of_patients_are_what_they_say(first: float, second: float, overhead: float) -> None:
    draws = np.array([-1.0, 1.0]) * math.sqrt((second + first / 10) / 2)
    within = np.diag([first, 0.0])
    row = decompose({"a": draws}, {"a": [0, 0]}, within, 10, 0, overhead=overhead).iloc[0]
    assert row.sd_parameters == pytest.approx(math.sqrt(second), rel=1e-6)

    def share(n: float) -> float:
        return first / n / (second + first / n)

    assert share(row.patients_for_5_percent) <= 0.05 * (1 + 1e-9)
    assert row.patients_for_5_percent == 1 or share(row.patients_for_5_percent - 1) > 0.05 * (1 - 1e-9)

    def effort(n: float) -> float:
        return (overhead + n) * (second + first / n)

    best = min(effort(n) for n in range(1, 2_000))
    assert effort(row.patients_optimal) == pytest.approx(best, rel=1e-9)


@pytest.mark.verification
def test_decomposition_recovers_known_variances() -> None:
    rng = np.random.default_rng(7)
    draws, patients = 4_000, 10
    between, within = np.array([[9.0, 2.0], [2.0, 4.0]]), np.array([[160.0, 30.0], [30.0, 40.0]])
    means = rng.multivariate_normal([100, 10], between, draws)
    each = means[:, None] + rng.multivariate_normal([0, 0], within, (draws, patients))
    found = np.mean([np.cov(x.T) for x in each], axis=0)
    observed = each.mean(axis=1)
    table = decompose({"a": observed[:, 0]}, {"a": observed[:, 1]}, found, patients, 1)
    np.testing.assert_allclose(table.sd_patients, np.sqrt([160, 40]), rtol=0.02)
    np.testing.assert_allclose(table.sd_parameters, [3, 2], rtol=0.1)
    np.testing.assert_allclose(table.noise_share, [16 / 25, 0.5], rtol=0.06)


# ------------------------------------------------------------------ corrected


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 50))
def test_covariance_is_that_without_noise(seed: int, strategies: int, patients: int) -> None:
    costs, effects = normal(seed, 60, strategies)
    observed = np.cov(interleaved(costs, effects).T)
    root = np.linalg.cholesky(observed)
    rng = np.random.default_rng(seed)
    share = covariance(rng, 2 * strategies)
    share *= 0.9 / np.linalg.eigvalsh(share).max()
    noise = root @ share @ root.T
    found = corrected(costs, effects[list(effects)[::-1]], noise * patients, patients)
    assert list(found[0]) == list(found[1]) == list(costs)
    after = interleaved(*found)
    np.testing.assert_allclose(after.mean(axis=0), interleaved(costs, effects).mean(axis=0), rtol=1e-12)
    scale = np.sqrt(np.diag(observed))
    np.testing.assert_allclose(
        np.cov(after.T) / np.outer(scale, scale), (observed - noise) / np.outer(scale, scale), atol=1e-10
    )


@given(st.integers(0, 2**32), st.integers(2, 20), st.integers(1, 4))
def test_without_noise_nothing_changes(seed: int, draws: int, strategies: int) -> None:
    costs, effects = normal(seed, draws, strategies)
    found = corrected(costs, effects, np.zeros((2 * strategies, 2 * strategies)), 1)
    np.testing.assert_allclose(found[0], costs, rtol=1e-12)
    np.testing.assert_allclose(found[1], effects, rtol=1e-12)


@given(st.integers(0, 2**32))
def test_equivariant_under_affine_maps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4))
    noise = covariance(rng, 4, 0.1)  # larger than what is observed in some directions, now and then
    turn, shift = np.linalg.qr(rng.normal(size=(4, 4)))[0] * [1e2, 1, 1e-1, 3], rng.normal(size=4)
    mapped = shrink(values @ turn.T + shift, turn @ noise @ turn.T)
    scale = np.abs(turn).max(axis=1) * np.abs(values).max()
    np.testing.assert_allclose(mapped / scale, (shrink(values, noise) @ turn.T + shift) / scale, atol=1e-5)


def test_noise_larger_than_what_is_observed_leaves_the_mean() -> None:
    found = corrected({"a": [1.0, 3.0, 8.0]}, {"a": [2.0, 2.0, 2.0]}, np.diag([1e6, 1e6]), 1)
    np.testing.assert_allclose(found[0]["a"], 4, rtol=1e-12)
    np.testing.assert_allclose(found[1]["a"], 2, rtol=1e-12)


@pytest.mark.parametrize("draws", [3, 50])
def test_identical_strategies_and_few_draws(draws: int) -> None:
    costs, effects = normal(5, draws, 3)
    costs["s2"], effects["s2"] = costs["s1"], effects["s1"]
    costs["s0"] = 100.0  # no variance at all
    copy = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=float)
    within = copy @ np.diag([0.0, 0.1, 1e6, 0.1]) @ copy.T
    after = corrected(costs, effects, within, 10)
    np.testing.assert_allclose(after[0].s2, after[0].s1, rtol=1e-9)
    np.testing.assert_allclose(after[1].s2, after[1].s1, rtol=1e-9)
    np.testing.assert_array_equal(after[0].s0, costs.s0)
    if draws == 50:
        observed, found = (np.cov(interleaved(*pair).T) for pair in ((costs, effects), after))
        np.testing.assert_allclose(found, observed - within / 10, atol=1e-6 * observed.max())


def noisy(rng: np.random.Generator, draws: int) -> tuple[Any, Any, np.ndarray, float]:
    """Two strategies whose net benefit at 1 differs by Normal(1, 1); means of 10 patients with SD 2 each."""
    truth = rng.normal(1, 1, draws)
    cost, effect = rng.normal(0, 2 / math.sqrt(10), draws), truth + rng.normal(0, 2 / math.sqrt(10), draws)
    zero = np.zeros(draws)
    return {"a": zero, "b": cost}, {"a": zero, "b": effect}, np.diag([0.0, 0, 4, 4]), float(evpi_normal(1, 1))


def test_corrected_value_of_information_is_not_inflated() -> None:
    costs, effects, within, exact = noisy(np.random.default_rng(11), 20_000)
    (before,), (after,) = (
        evpi(*pair, 1).itertuples() for pair in ((costs, effects), corrected(costs, effects, within, 10))
    )
    assert before.evpi == pytest.approx(float(evpi_normal(1, math.sqrt(1.8))), abs=4 * before.se)
    assert before.evpi - exact > 10 * before.se
    assert after.evpi == pytest.approx(exact, abs=4 * before.se)


@pytest.mark.verification
def test_corrected_value_of_information_over_replicates() -> None:
    rng = np.random.default_rng(12)
    found = []
    for _ in range(400):
        costs, effects, within, exact = noisy(rng, 1_000)
        found.append(evpi(*corrected(costs, effects, within, 10), 1).evpi[0])
    assert np.mean(found) == pytest.approx(exact, abs=4 * np.std(found) / 20 + 5e-4)


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"within": np.eye(2)}, r"shape \(2, 2\).*need \(4, 4\)"),
        ({"within": "x"}, "not a matrix of numbers"),
        ({"within": np.full((4, 4), np.nan)}, "not finite"),
        ({"within": np.eye(4) + np.triu(np.ones((4, 4)), 1)}, "not symmetric"),
        ({"within": -np.eye(4)}, "negative variance"),
        ({"within": np.ones((4, 4)) - 0.5 * np.eye(4)}, "negative variance"),
        ({"patients": 0}, "0 patients"),
        ({"patients": 2.5}, "2.5 patients"),
        ({"costs": {"a": [1.0], "b": [1.0]}, "effects": {"a": [1.0], "b": [1.0]}}, "at least two draws"),
        ({"reference": "z"}, "`z`"),
        ({"half_width": 0.0}, "half width of 0"),
        ({"overhead": -1.0}, "overhead of -1"),
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, Any], message: str) -> None:
    table = {"a": [1.0, 2.0], "b": [2.0, 5.0]}
    given = {"costs": table, "effects": table, "within": np.eye(4), "patients": 5, **change}
    with pytest.raises(SampleError, match=message):
        decompose(**{"wtp": 1, **given})
    if change.keys() <= {"within", "patients"}:
        with pytest.raises(SampleError, match=message):
            corrected(**given)
