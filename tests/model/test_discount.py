"""Present values against closed forms in 60 digits."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scssim.model.discount import annuity, annuity_from_zero, continuous_rate, decaying, factor

RATE = continuous_rate(0.035)


def exact(t0: float, a: float, b: float, k: float, d: float) -> float:
    """Integral of exp(-d t) exp(-k (t - t0)) over (a, b) of the very floats given."""
    with localcontext() as context:
        context.prec = 80
        t0_, a_, b_, k_, d_ = (Decimal(x) for x in (t0, a, b, k, d))
        start = (-d_ * a_ - k_ * (a_ - t0_)).exp()
        if k_ + d_ == 0:
            return float(start * (b_ - a_))
        return float(start * (1 - (-(k_ + d_) * (b_ - a_)).exp()) / (k_ + d_))


def test_reference_values() -> None:
    assert np.log(1.035) == pytest.approx(RATE, rel=1e-15)
    assert 1000 * annuity(0.5, 3.0, RATE) == pytest.approx(2354.66015, abs=5e-6)
    assert 1000 * annuity(0.5, 3.0, RATE) == pytest.approx(1000 * exact(0, 0.5, 3.0, 0, RATE), rel=1e-13)
    assert 1000 * factor(3.0, RATE) == pytest.approx(901.9427, abs=5e-5)
    assert 1000 * factor(3.0, RATE) == pytest.approx(1000 / 1.035**3, rel=1e-13)
    assert 1000 * factor(1.0, RATE) == pytest.approx(966.1835749, abs=5e-8)
    assert 1000 * (factor(0.0, RATE) + factor(1.0, RATE)) == pytest.approx(1966.1835749, abs=5e-8)


@pytest.mark.parametrize("d", [0.0, 1e-8, RATE, 2.0])
def test_an_empty_interval_is_worth_nothing(d: float) -> None:
    t = np.array([0.0, 0.3, 7.0, 1e3])
    assert np.array_equal(annuity(t, t, d), np.zeros(4))
    assert np.array_equal(decaying(0.1, t, t, 3.0, d), np.zeros(4))


def test_without_discounting() -> None:
    t0, t1 = np.array([0.0, 0.5, 2.0]), np.array([1.0, 3.25, 2.0])
    assert np.array_equal(annuity(t0, t1, 0.0), t1 - t0)
    assert np.array_equal(annuity_from_zero(t1, 0.0), t1)
    assert np.array_equal(factor(t1, 0.0), np.ones(3))
    assert np.array_equal(annuity_from_zero(t1, np.array([0.0, 0.0, 0.0])), t1)
    assert decaying(0.0, 0.0, 2.0, 0.0, 0.0) == 2.0


def test_zero_length_does_not_share_memory() -> None:
    t = np.array([1.0, 2.0])
    annuity_from_zero(t, 0.0)[0] = 9.0
    assert t[0] == 1.0


@pytest.mark.parametrize("length", [1e-6, 1e-3, 1.0, 40.0])
@pytest.mark.parametrize("d", [1e-8, 1e-4, RATE, 0.5])
@pytest.mark.parametrize("start", [0.0, 0.37, 11.0])
def test_no_digits_are_lost(length: float, d: float, start: float) -> None:
    end = start + length
    # The rounding of the end itself is part of the question, not of the answer.
    assert annuity(start, end, d) == pytest.approx(exact(0, start, end, 0, d), rel=1e-14)
    assert annuity_from_zero(length, d) == pytest.approx(exact(0, 0, length, 0, d), rel=1e-14)
    for k in (1e-8, 0.5, 17.4):
        assert decaying(start / 2, start, end, k, d) == pytest.approx(exact(start / 2, start, end, k, d), rel=1e-13)


@given(
    st.floats(0, 20),
    st.floats(0, 20),
    st.floats(1e-6, 40),
    st.just(0.0) | st.floats(1e-9, 30),
    st.sampled_from([0.0, 1e-8, 0.0149, RATE, 0.3]),
)
def test_decaying_is_the_integral(t0: float, later: float, length: float, k: float, d: float) -> None:
    a = t0 + later
    b = a + length
    assert decaying(t0, a, b, k, d) == pytest.approx(exact(t0, a, b, k, d), rel=1e-12, abs=1e-280)


@given(st.floats(0, 30), st.floats(0, 30), st.floats(0, 30))
def test_intervals_add_up(a: float, b: float, c: float) -> None:
    a, b, c = sorted((a, b, c))
    whole = float(annuity(a, c, RATE))
    assert float(annuity(a, b, RATE) + annuity(b, c, RATE)) == pytest.approx(whole, rel=1e-12, abs=1e-15)


def test_rates_may_be_an_array() -> None:
    d = np.array([0.0, 1e-8, 0.03, 2.0])
    expected = [float(annuity_from_zero(1.7, float(x))) for x in d]
    np.testing.assert_allclose(annuity_from_zero(1.7, d), expected, rtol=1e-15)
