"""Time weighted by discounting and norms against numerical integration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from scssim.model.clock import Clock
from scssim.model.discount import annuity_from_zero, continuous_rate
from scssim.model.patients import Cells

Array = NDArray[np.float64]
RATE = continuous_rate(0.035)
N = 24


@pytest.fixture(scope="module")
def cells() -> Cells:
    rng = np.random.default_rng(1)
    age = rng.uniform(18, 95, N)
    age[:4] = (50.0, 50.25, 18.0, 99.999)  # a birthday at entry among them
    female = (np.arange(N) % 2).astype(float)
    return Cells(np.arange(N, dtype=np.uint64), None, np.arange(N), {"age": age, "female": female})


@pytest.fixture(scope="module")
def norm() -> Array:
    """By sex and year of age, rough on purpose: neighbouring years differ."""
    rng = np.random.default_rng(2)
    return np.linspace(0.95, 0.6, 100) * rng.uniform(0.9, 1.1, (2, 100))


def weight(age: float, female: float, norm: Array | None, t: float) -> float:
    """The norm at the attained age over that at entry; beyond the table its last value."""
    if norm is None:
        return 1.0
    row = norm[int(female)]
    at = [row[min(int(np.floor(x)), row.size - 1)] for x in (age + t, age)]
    return float(at[0] / at[1])


def integral(function, age: float, a: float, b: float, smooth: bool) -> float:
    """Integral over (a, b), birthdays being break points."""
    cuts = [a, b]
    if not smooth:
        first = np.ceil(age + a)
        cuts = [a, *(x - age for x in np.arange(first, age + b) if a < x - age < b), b]
    return sum(quad(function, low, high, epsabs=1e-13, epsrel=1e-13)[0] for low, high in pairwise(cuts))


@pytest.mark.parametrize("rate", [0.0, RATE])
@pytest.mark.parametrize("with_norm", [False, True])
def test_upto(cells: Cells, norm: Array, rate: float, with_norm: bool) -> None:
    used = norm if with_norm else None
    clock = Clock(cells, rate, used)
    age, female = cells.attributes["age"], cells.attributes["female"]
    t = np.random.default_rng(3).uniform(0, 110 - age)
    discounted, plain = clock.marks(t)[[clock.quality, clock.quality0]]
    for i in range(N):
        at = [
            integral(
                lambda s, i=i, d=d: weight(age[i], female[i], used, s) * np.exp(-d * s), age[i], 0, t[i], not with_norm
            )
            for d in (rate, 0.0)
        ]
        # Half a moment before a birthday the attained age is still the old one.
        assert discounted[i] == pytest.approx(at[0], rel=1e-9, abs=1e-12)
        assert plain[i] == pytest.approx(at[1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, RATE])
@pytest.mark.parametrize("with_norm", [False, True])
@pytest.mark.parametrize("k", [0.05, 0.5, 17.4])
def test_decay(cells: Cells, norm: Array, rate: float, with_norm: bool, k: float) -> None:
    used = norm if with_norm else None
    clock = Clock(cells, rate, used)
    age, female = cells.attributes["age"], cells.attributes["female"]
    rng = np.random.default_rng(4)
    t0 = rng.uniform(0, 2, N)
    a = t0 + rng.uniform(0, 3, N)
    b = a + rng.uniform(0, 1, N) * np.maximum(109 - age - a, 0.2)
    discounted, plain = clock.decay(t0, a, b, k)
    for i in range(N):
        for found, d in ((discounted, rate), (plain, 0.0)):

            def one(s: float, i: int = i, d: float = d) -> float:
                return weight(age[i], female[i], used, s) * np.exp(-d * s - k * (s - t0[i]))

            # A fast exponential is over soon; do not let the quadrature miss it.
            end = min(b[i], a[i] + 60 / k)
            expected = integral(one, age[i], a[i], end, False)
            assert found[i] == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_decay_with_a_rate_per_cell(cells: Cells, norm: Array) -> None:
    k = np.linspace(0.05, 20, N)
    clock = Clock(cells, RATE, norm)
    t0, a, b = np.full(N, 0.2), np.full(N, 0.4), np.full(N, 7.9)
    together = clock.decay(t0, a, b, k)
    for i in range(N):
        alone = clock.decay(t0, a, b, float(k[i]))
        assert together[0][i] == alone[0][i] and together[1][i] == alone[1][i]


@pytest.mark.parametrize("with_norm", [False, True])
def test_some_rows_are_bit_identical_to_all(cells: Cells, norm: Array, with_norm: bool) -> None:
    clock = Clock(cells, RATE, norm if with_norm else None)
    rng = np.random.default_rng(5)
    rows = rng.permutation(N)[:9]
    t = rng.uniform(0, 12, N)
    for whole, part in zip(clock.marks(t), clock.marks(t[rows], rows), strict=True):
        assert np.array_equal(whole[rows], part)
    t0, b = t / 3, t + rng.uniform(0, 3, N)
    for whole, part in zip(clock.decay(t0, t, b, 2.0), clock.decay(t0[rows], t[rows], b[rows], 2.0, rows), strict=True):
        assert np.array_equal(whole[rows], part)


def test_nothing_has_passed_at_zero(cells: Cells, norm: Array) -> None:
    for used in (None, norm):
        assert not Clock(cells, RATE, used).marks(np.zeros(N)).any()


@pytest.mark.parametrize("cost_rate", [0.0, RATE, 0.06])
@pytest.mark.parametrize("with_norm", [False, True])
def test_marks(cells: Cells, norm: Array, with_norm: bool, cost_rate: float) -> None:
    clock = Clock(cells, RATE, norm if with_norm else None, cost_rate)
    t = np.random.default_rng(6).uniform(0, 10, (2, N))
    first, second = (clock.marks(x) for x in t)
    assert np.array_equal(first[clock.years], t[0])
    np.testing.assert_allclose(first[clock.cost], annuity_from_zero(t[0], cost_rate), rtol=1e-15)
    np.testing.assert_allclose(first[clock.effect], annuity_from_zero(t[0], RATE), rtol=1e-15)
    assert np.array_equal(np.minimum(first, second), clock.marks(t.min(axis=0)))
    assert np.array_equal(np.maximum(first, second), clock.marks(t.max(axis=0)))


def test_ratio_is_the_norm_at_the_last_birthday(cells: Cells, norm: Array) -> None:
    clock = Clock(cells, RATE, norm)
    age, female = cells.attributes["age"], cells.attributes["female"]
    for t in (0.0, 0.4, 3.7, 10.0):
        expected = [weight(a, f, norm, t) for a, f in zip(age, female, strict=True)]
        np.testing.assert_allclose(clock.ratio(t), expected, rtol=1e-14)
