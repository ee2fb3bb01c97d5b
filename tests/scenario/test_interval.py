"""Numbers by their mean and the interval of the distribution itself."""

import contextlib
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scssim.scenario.interval import from_interval
from scssim.scenario.quantity import Cost, Loss, Positive, Probability, Ratio, Real, Relief, Utility

KINDS = [
    (Probability, "beta", 0.05, 0.95, 0.2),
    (Probability, "uniform", 0.3, 0.7, 0.1),
    (Cost, "gamma", 0.5, 50_000, 0.9),
    (Positive, "gamma", 0.1, 3, 0.5),
    (Ratio, "lognormal", 0.1, 5, 0.8),
    (Real, "normal", -3, 3, 2.0),
    (Relief, "normal", -0.5, 0.95, 0.3),
    (Utility, "beta", -0.5, 0.9, 0.1),
    (Loss, "beta", 0.02, 0.5, 0.2),
]


@pytest.mark.parametrize(("kind", "family", "least", "most", "spread"), KINDS)
@given(at=st.floats(0, 1), share=st.floats(1e-4, 1))
def test_the_interval_of_a_number_gives_the_number_back(kind, family, least, most, spread, at, share):
    """Also where the permitted range cuts the interval."""
    mean = least + at * (most - least)
    size = spread * (min(mean, 1 - mean) if kind is Probability else abs(mean) if kind in (Cost, Ratio) else 1)
    se = share * size
    try:
        before = kind(mean=mean, se=se, family=family)
    except ValueError:  # no such member of the family
        return
    low, high = before.interval
    if not (kind.lowest + 1e-6 * abs(mean) <= low < mean < high):  # at the edge two spreads have the same width
        return
    after = kind(**from_interval(kind, family, mean, low, high))
    assert after.distribution.family == family
    assert math.isclose(after.distribution.mean, mean, rel_tol=1e-9)
    assert after.interval == pytest.approx((low, high), rel=1e-7, abs=1e-7 * (high - low))


def test_an_interval_that_no_member_has_keeps_its_width():
    number = Cost(**from_interval(Cost, "gamma", 6, 3, 12))
    low, high = number.interval
    assert high - low == pytest.approx(9)
    assert (low, high) != pytest.approx((3, 12), rel=0.05)


def test_a_ratio_keeps_the_ratio_of_its_ends():
    low, high = Ratio(**from_interval(Ratio, "lognormal", 0.9, 0.5, 2)).interval
    assert high / low == pytest.approx(4)


@pytest.mark.parametrize(
    ("kind", "family", "numbers", "message"),
    [
        (Cost, "gamma", (5, 7, 6), "not increasing"),
        (Cost, "gamma", (5, 5, 5), "not increasing"),
        (Cost, "gamma", (1, 2, 3), "1 is outside its interval from 2 to 3"),
        (Cost, "gamma", (0, 0, 3), "mean above 0"),
        (Probability, "beta", (0.02, 0, 1), "no beta with a mean of 0.02 has a 95 % interval as wide as 0 to 1"),
        (Probability, "beta", (1, 0.5, 1), "mean inside"),
        (Cost, "gamma", (1, 0.5, 1e9), "no gamma"),
        (Real, "beta", (1, 0, 2), "finite range"),
    ],
)
def test_impossible_intervals(kind, family, numbers, message):
    with pytest.raises(ValueError, match=message):
        from_interval(kind, family, *numbers)


@given(
    kind=st.sampled_from([Cost, Probability, Real, Relief, Utility]),
    family=st.sampled_from(["normal", "gamma", "beta", "uniform", "lognormal"]),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3).map(sorted),
)
@example(Cost, "gamma", [0.0, 16648.0, 1e308])
@example(Real, "normal", [0.0, 4e-263, 1e-202])
@example(Real, "uniform", [-1e308, 1e117, 1e246])
@settings(max_examples=50)
def test_the_most_extreme_numbers_are_fitted_or_refused(kind, family, numbers):
    low, mean, high = numbers
    with contextlib.suppress(ValueError):
        found = from_interval(kind, family, mean, low, high)
        assert found["mean"] == mean and math.isfinite(found.get("se", 0))
