"""Smoothing splines: exact where they must be, invariant, and close to what is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scssim.economics import splines
from scssim.economics.margins import margin
from scssim.economics.sample import Array
from scssim.economics.splines import SmoothingSpline, left_out

RNG = np.random.default_rng(3)
PARAMETERS = {
    "normal": RNG.standard_normal(2000),
    "lognormal": np.exp(2 * RNG.standard_normal(2000)),
    "many zeros": np.where(RNG.random(2000) < 0.7, 0, RNG.gamma(1, 1, 2000)),
    "far from zero": 1e6 + RNG.random(2000),
    "few draws": RNG.standard_normal(12),
    "counts": RNG.poisson(3, 2000).astype(float),
}


@dataclass(frozen=True)
class Whole:
    """A fit in one piece, draws first."""

    fitted: Array
    left_out: Array
    degrees: Array
    terms: int


def smooth(x: Array, y: Array, weights: Array | None = None) -> Whole:
    found = SmoothingSpline(x, y).smooth(weights)
    fitted, leverage = (np.hstack(part).T for part in list(zip(*found.blocks(), strict=True))[1:])
    outcomes = y if weights is None else y @ weights
    return Whole(fitted, left_out(outcomes, fitted, leverage), found.degrees, found.terms)


@pytest.mark.parametrize("name", PARAMETERS)
def test_functions_of_one_parameter_are_orthonormal(name: str) -> None:
    x = PARAMETERS[name]
    found = margin(x, 20)
    products = found.values.T @ found.values / x.size
    np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-5)
    np.testing.assert_allclose(found.values.mean(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(found.values[:, 0], (x - x.mean()) / x.std(), atol=1e-7)
    assert list(found.roughness[:2]) == [0, 1]
    assert np.all(np.diff(found.roughness) > 0)


@pytest.mark.parametrize("distinct", [1, 2, 3, 4, 5, 8])
def test_few_values_have_few_functions(distinct: int) -> None:
    x = np.tile(np.arange(distinct) * 0.1, 40)
    found = margin(x, 20)
    assert found.values.shape == (x.size, distinct - 1)
    # Every function of the parameter is possible.
    with_constant = np.column_stack([np.ones(x.size), found.values])
    wanted = np.random.default_rng(1).standard_normal(distinct)[np.round(x * 10).astype(int)]
    np.testing.assert_allclose(with_constant @ (with_constant.T @ wanted) / x.size, wanted, atol=1e-8)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_the_size_of_a_parameter_does_not_matter(size: float) -> None:
    x = np.random.default_rng(1).gamma(2, size=50)
    assert margin(x * size, 6).values == pytest.approx(margin(x, 6).values, rel=1e-6, abs=1e-6)


def test_smoother_functions_come_first() -> None:
    x = np.linspace(-1, 1, 4001)
    turns = (np.diff(np.sign(margin(x, 12).values), axis=0) != 0).sum(axis=0)
    assert list(turns) == list(range(1, 13))


def test_straight_lines_and_their_products_are_found_exactly() -> None:
    x = RNG.standard_normal((500, 3))
    y = np.column_stack([2 + x[:, 0] - 3 * x[:, 2], x[:, 0] * x[:, 1], x.prod(axis=1) + x[:, 1]])
    found = smooth(x, y)
    np.testing.assert_allclose(found.fitted, y, atol=1e-3)
    assert found.fitted.shape == found.left_out.shape == y.shape and found.degrees.shape == (3,)


def test_the_mean_is_kept() -> None:
    x, y = RNG.standard_normal((300, 2)), 1e4 + RNG.standard_normal((300, 4))
    np.testing.assert_allclose(smooth(x, y).fitted.mean(axis=0), y.mean(axis=0), rtol=1e-12)


def test_two_values_give_least_squares_and_its_predictions_without_each_draw() -> None:
    x, y = np.repeat([0.0, 1.0], [7, 13]), RNG.standard_normal(20)
    found = smooth(x[:, None], y[:, None])
    assert found.terms == 2 and found.degrees[0] == pytest.approx(2)
    for i in range(20):
        same = x == x[i]
        assert found.fitted[i, 0] == pytest.approx(y[same].mean())
        assert found.left_out[i, 0] == pytest.approx(y[same & (np.arange(20) != i)].mean())


def test_noise_is_smoothed_away_and_signal_is_not() -> None:
    x = RNG.random((2000, 1))
    noise = RNG.standard_normal(2000)
    found = smooth(x, np.column_stack([noise, np.sin(20 * x[:, 0]) + 0.1 * noise]))
    assert 2 <= found.degrees[0] < 6 < 12 < found.degrees[1] <= found.terms
    assert np.std(found.fitted[:, 0]) < 0.08
    assert np.abs(found.fitted[:, 1] - np.sin(20 * x[:, 0])).mean() < 0.02


@pytest.mark.parametrize("parameters", [2, 4, 6, 12])
def test_a_surface_under_noise(parameters: int) -> None:
    x = np.random.default_rng(8).random((4000, parameters))
    surface = np.sin(3 * x[:, 0] * x[:, 1]) + x[:, -1] ** 2
    noise = 0.2 * np.random.default_rng(9).standard_normal(4000)
    found = smooth(x, (surface + noise)[:, None])
    assert np.std(found.fitted[:, 0] - surface) < 0.07
    # Predictions without the draw itself are honest about noise, fitted values are too close.
    left, over = (np.std(surface + noise - values[:, 0]) for values in (found.left_out, found.fitted))
    assert over < noise.std() < left < 1.1 * noise.std()


def test_neither_order_nor_units_nor_doubles_nor_constants_matter() -> None:
    x = np.random.default_rng(4).lognormal(size=(400, 3))
    y = np.column_stack([x[:, 0] * x[:, 1], np.log(x[:, 2])]) + RNG.standard_normal((400, 2))
    found = smooth(x, y).fitted
    np.testing.assert_allclose(smooth(x[:, [2, 0, 1]], y).fitted, found, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(smooth(x * [1, -1e6, 1e-3] + [5, 0, 1], y).fitted, found, atol=1e-5)
    np.testing.assert_allclose(smooth(np.c_[x, np.full(400, 0.1)], y).fitted, found, atol=1e-10)
    np.testing.assert_allclose(smooth(x, y * [1, 1e5]).fitted, found * [1, 1e5], rtol=1e-6)
    doubled = smooth(np.c_[x, 2 * x[:, 0] - 1], y)
    assert np.abs(doubled.fitted - found).mean() < 0.15 and np.isfinite(doubled.left_out).all()


def test_of_many_parameters_the_important_ones_interact() -> None:
    x = np.random.default_rng(6).standard_normal((3000, 30))
    surface = x[:, 3] + x[:, 28] + x[:, 3] * x[:, 28] + 0.5 * x[:, 11] ** 2
    noise = 0.5 * np.random.default_rng(7).standard_normal(3000)
    found = smooth(x, (surface + noise)[:, None])
    assert np.std(found.fitted[:, 0] - surface) < 0.25  # 1 without the product, 0.7 without the square


def test_draws_may_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = RNG.standard_normal((500, 3)), RNG.standard_normal((500, 2))
    whole = smooth(x, y)
    monkeypatch.setattr(splines, "ROWS", 37)
    parts = smooth(x, y)
    np.testing.assert_allclose(parts.fitted, whole.fitted, atol=1e-9)
    np.testing.assert_allclose(parts.degrees, whole.degrees, rtol=1e-6)


@settings(max_examples=60)
@given(st.integers(2, 60), st.integers(1, 25), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_any_size_is_finite_and_within_its_terms(draws: int, parameters: int, digits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.round(rng.standard_normal((draws, parameters)), digits - 1)
    found = smooth(x, rng.standard_normal((draws, 2)))
    assert np.isfinite(found.fitted).all() and np.isfinite(found.left_out).all()
    assert np.all(found.degrees <= min(found.terms, draws) + 1e-6) and np.all(found.degrees >= 1 - 1e-9)


def test_outcomes_without_spread_are_their_mean() -> None:
    found = smooth(RNG.standard_normal((50, 2)), np.full((50, 1), 3.0))
    np.testing.assert_allclose(found.fitted, 3)


def test_different_draws_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(5, 1\).*\(6, 1\)"):
        SmoothingSpline(np.zeros((5, 1)), np.zeros((6, 1)))
