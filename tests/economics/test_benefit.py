"""Net benefit and the cost-effectiveness plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import chi2
from small_samples import Pair, normal, samples

from scssim.economics import SampleError, ellipse, nhb, nmb, plane, plane_summary


def test_net_benefit_by_hand() -> None:
    costs, effects = {"a": [100.0, 200.0], "b": [300.0, 0.0]}, {"b": [4.0, 2.0], "a": [1.0, 3.0]}
    money = nmb(costs, effects, [50, 100])
    assert list(money.columns) == ["wtp", "draw", "strategy", "nmb"]
    assert list(money.wtp) == [50] * 4 + [100] * 4
    assert list(money.draw) == [0, 0, 1, 1] * 2
    assert list(money.strategy) == ["a", "b"] * 4
    assert list(money.nmb) == [-50, -100, -50, 100, 0, 100, 100, 200]
    health = nhb(costs, effects, [50, 100])
    assert list(health.columns) == ["wtp", "draw", "strategy", "nhb"]
    np.testing.assert_allclose(health.nhb * health.wtp, money.nmb)


def test_health_benefit_needs_a_price() -> None:
    with pytest.raises(SampleError, match="above 0"):
        nhb({"a": 1}, {"a": 1}, [0, 1])


def test_plane_by_hand() -> None:
    costs, effects = {"a": [1.0, 2.0], "b": [4.0, 1.0], "c": [0.0, 2.0]}, {"a": [1, 1], "b": [3, 2], "c": [1, 0]}
    points = plane(costs, effects, "a")
    assert list(points.columns) == ["draw", "strategy", "reference", "d_cost", "d_qaly"]
    assert list(points.draw) == [0, 0, 1, 1] and list(points.strategy) == ["b", "c"] * 2
    assert set(points.reference) == {"a"}
    assert list(points.d_cost) == [3, -1, -1, 0] and list(points.d_qaly) == [2, 0, 1, -1]
    b, c = plane_summary(costs, effects).itertuples(index=False)
    assert (b.north_east, b.south_east, b.north_west, b.south_west) == (0.5, 0.5, 0, 0)
    assert (c.north_east, c.south_east, c.north_west, c.south_west) == (0, 0.25, 0.25, 0.5)
    assert (b.d_cost, b.d_qaly, b.var_cost, b.var_qaly, b.covariance) == (1, 1.5, 8, 0.5, 2)


@given(samples())
def test_quadrants_sum_to_one(pair: Pair) -> None:
    table = plane_summary(*pair)
    assert len(table) == pair[0].shape[1] - 1 and len(plane(*pair)) == len(table) * len(pair[0])
    shares = table[["north_east", "north_west", "south_west", "south_east"]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_unknown_reference() -> None:
    with pytest.raises(SampleError, match="`z`"):
        plane({"a": 1}, {"a": 1}, "z")


def test_ellipse_lies_at_the_quantile_of_chi_square() -> None:
    costs, effects = normal(1, 4000, 2)
    points = plane(costs, effects)
    x = points[["d_cost", "d_qaly"]].to_numpy()
    mean, covariance = x.mean(axis=0), np.cov(x.T)
    outline = ellipse(mean, covariance)
    assert outline.shape == (101, 2)
    away = outline - mean
    distance = np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away)
    np.testing.assert_allclose(distance, chi2.ppf(0.95, 2), rtol=1e-9)
    np.testing.assert_allclose(distance, 5.991, rtol=1e-4)
    inside = np.einsum("ij,jk,ik->i", x - mean, np.linalg.inv(covariance), x - mean) < distance[0]
    assert inside.mean() == pytest.approx(0.95, abs=0.015)  # four standard errors


@pytest.mark.parametrize(("mean", "covariance", "level"), [([0, 0], np.eye(2), 1.0), ([0, 0, 0], np.eye(3), 0.9)])
def test_impossible_ellipses(mean: object, covariance: object, level: float) -> None:
    with pytest.raises(SampleError):
        ellipse(mean, covariance, level)  # type: ignore[arg-type]
