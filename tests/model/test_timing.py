"""Every family of times against its survival function: S(time(e)) = exp(-e / ratio)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.integrate import quad

from engine.tiny import AT_ONCE, tiny
from scssim.model.parameters import Draws, bind
from scssim.model.streams import stream, uniform, words
from scssim.model.timing import Timer, hazard_timer, timer

E = np.concatenate([[1e-12, 1e-6], np.geomspace(1e-3, 8, 60)])
LN2 = np.log(2)


WEIBULL_CV = np.sqrt(special.gamma(5 / 3) / special.gamma(4 / 3) ** 2 - 1)
"""SD over mean of a Weibull time of shape 3."""


def compiled(spec: dict[str, Any]) -> Timer:
    """Timer of a time as a scenario states it (here, a wait)."""
    loaded = tiny({"one": {"kind": "continuous", "wait": spec, "relief": AT_ONCE}})
    return timer(bind(loaded.scenario, Draws(0, 0, {})).therapies["one"].wait)


def times(spec: dict[str, Any] | Timer, e: Any = E) -> np.ndarray:
    one = spec if isinstance(spec, Timer) else compiled(spec)
    return np.asarray(one.time(np.array(e, dtype=float), lambda x: x))


def kaplan_meier(t: np.ndarray) -> np.ndarray:
    """Log survival, straight between (0, 1), (1, .9), (3, .6), (6, .3) months and beyond."""
    months, s = np.array([0, 1, 3, 6.0]), np.log([1, 0.9, 0.6, 0.3])
    return np.where(12 * t <= 6, np.exp(np.interp(12 * t, months, s)), 0.3 * np.exp((12 * t - 6) * (s[3] - s[2]) / 3))


FAMILIES: dict[str, tuple[dict[str, Any], Any]] = {
    "constant hazard": ({"hazard": 0.3}, lambda t: np.exp(-0.3 * t)),
    "exponential by rate": ({"distribution": "exponential", "rate": 0.2}, lambda t: np.exp(-0.2 * t)),
    "exponential by monthly rate": (
        {"distribution": "exponential", "rate": 0.2, "unit": "months"},
        lambda t: np.exp(-2.4 * t),
    ),
    "exponential by mean": ({"distribution": "exponential", "mean": 8, "unit": "months"}, lambda t: np.exp(-1.5 * t)),
    "exponential by median": ({"distribution": "exponential", "median": 4}, lambda t: 0.5 ** (t / 4)),
    "exponential by survival": (
        {"distribution": "exponential", "survival": [[2, 0.7]]},
        lambda t: 0.7 ** (t / 2),
    ),
    "piecewise": (
        {"hazard": [{"until_years": 1, "rate": 0.4}, {"until_years": 3, "rate": 0.1}, {"rate": 0.9}]},
        lambda t: np.exp(-(0.4 * np.minimum(t, 1) + 0.1 * np.clip(t - 1, 0, 2) + 0.9 * np.clip(t - 3, 0, None))),
    ),
    "weibull": (
        {"distribution": "weibull", "shape": 3, "scale": 58, "unit": "months"},
        lambda t: np.exp(-((t * 12 / 58) ** 3)),
    ),
    "weibull by median": (
        {"distribution": "weibull", "shape": 1.7, "median": 4},
        lambda t: np.exp(-LN2 * (t / 4) ** 1.7),
    ),
    "lognormal": (
        {"distribution": "lognormal", "median": 20, "shape": 0.6, "unit": "weeks"},
        lambda t: special.ndtr(-np.log(t * 365.25 / 7 / 20) / 0.6),
    ),
    "gompertz": (
        {"distribution": "gompertz", "rate": 0.1, "shape": 0.4},
        lambda t: np.exp(-0.1 / 0.4 * np.expm1(0.4 * t)),
    ),
    "monthly gompertz": (
        {"distribution": "gompertz", "rate": 0.01, "shape": 0.02, "unit": "months"},
        lambda t: np.exp(-0.01 / 0.02 * np.expm1(0.02 * 12 * t)),
    ),
    "gompertz by median": (
        {"distribution": "gompertz", "median": 5, "shape": 0.2},
        lambda t: np.exp(-LN2 * np.expm1(0.2 * t) / np.expm1(1.0)),
    ),
    "gompertz that is exponential": (
        {"distribution": "gompertz", "median": 5, "shape": 0},
        lambda t: 0.5 ** (t / 5),
    ),
    "Kaplan-Meier": (
        {"distribution": "kaplan_meier", "unit": "months", "table": [[0, 1], [1, 0.9], [3, 0.6], [6, 0.3]]},
        kaplan_meier,
    ),
}  # fmt: skip


@pytest.mark.parametrize("ratio", [1, 1.71, 0.2])
@pytest.mark.parametrize("family", FAMILIES)
def test_inverse_of_the_survival_function(family: str, ratio: float) -> None:
    spec, survival = FAMILIES[family]
    t = times({**spec, "ratio": ratio})
    assert np.all(np.diff(t) > 0)
    np.testing.assert_allclose(survival(t) ** ratio, np.exp(-E), rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_sampled_times_follow_the_survival_function(family: str) -> None:
    spec, survival = FAMILIES[family]
    e = -np.log(uniform(words("test", 1, 0, 0, 20000), stream("timing")))
    assert stats.kstest(times(spec, e), lambda t: 1 - survival(np.maximum(t, 1e-300))).pvalue > 1e-3


@pytest.mark.parametrize(
    ("spec", "mean", "sd"),
    [
        ({"distribution": "weibull", "mean": 4.8, "sd": 1.6}, 4.8, 1.6),
        ({"distribution": "weibull", "mean": 2, "sd": 5}, 2, 5),
        ({"distribution": "weibull", "mean": 10, "shape": 3}, 10, 10 * WEIBULL_CV),
        ({"distribution": "lognormal", "mean": 3, "sd": 2}, 3, 2),
        ({"distribution": "exponential", "mean": 3}, 3, 3),
    ],
)  # fmt: skip
def test_mean_and_sd(spec: dict[str, Any], mean: float, sd: float) -> None:
    one = compiled(spec)

    def moment(power: int) -> float:
        pieces = zip((0, 1, 10), (1, 10, 600), strict=True)
        return sum(
            quad(lambda e: float(times(one, [e])[0]) ** power * np.exp(-e), a, b, epsrel=1e-10, limit=400)[0]
            for a, b in pieces
        )

    assert moment(1) == pytest.approx(mean, rel=1e-6)
    assert moment(2) - mean**2 == pytest.approx(sd**2, rel=1e-5)


@pytest.mark.parametrize(
    ("spec", "per_year"),
    [
        ({"distribution": "weibull", "survival": [[12, 0.9], [36, 0.6]], "unit": "months"}, 12),
        ({"distribution": "lognormal", "survival": [[1, 0.9], [3, 0.6]]}, 1),
        ({"distribution": "gompertz", "survival": [[1, 0.9], [3, 0.5]]}, 1),
        ({"distribution": "gompertz", "survival": [[1, 0.9], [3, 0.8]]}, 1),
        ({"distribution": "gompertz", "survival": [[1, 0.9], [2, 0.81]]}, 1),
    ],
)
def test_two_survival_pairs(spec: dict[str, Any], per_year: float) -> None:
    for time, share in spec["survival"]:
        assert times(spec, [-np.log(share)])[0] == pytest.approx(time / per_year, rel=1e-8)


def test_a_shrinking_gompertz_hazard_spares_some_for_ever() -> None:
    # The whole hazard is 0.1 / 0.5 = 0.2: who has more to spend is spared.
    t = times({"distribution": "gompertz", "rate": 0.1, "shape": -0.5}, [0.1, 0.1999, 0.2001, 3])
    assert t[0] == pytest.approx(-np.log(1 - 0.5) / 0.5, rel=1e-12)
    assert np.isfinite(t[1]) and np.all(np.isinf(t[2:]))


@pytest.mark.parametrize(
    ("spec", "years"),
    [({"days": 10}, 10 / 365.25), ({"weeks": 8}, 56 / 365.25), ({"months": 6}, 0.5), ({"years": 2}, 2)],
)
def test_fixed(spec: dict[str, Any], years: float) -> None:
    one = compiled(spec)
    assert one.is_fixed
    assert one.time(np.zeros(0), lambda x: x) == pytest.approx(years, rel=1e-15)


def test_no_hazard_means_never() -> None:
    assert np.all(np.isinf(times({"hazard": 0})))
    pieces = {"hazard": [{"until_years": 1, "rate": 0.1}, {"rate": 0}]}
    assert times(pieces, [0.05, 0.0999, 0.1001]).tolist() == [0.5, pytest.approx(0.999), np.inf]
    late = {"hazard": [{"until_years": 1, "rate": 0}, {"rate": 0.5}]}
    np.testing.assert_allclose(times(late, [1e-9, 0.5]), [1 + 2e-9, 2.0], rtol=1e-15)


def test_a_flat_end_of_a_kaplan_meier_curve_spares_the_rest() -> None:
    table = {"distribution": "kaplan_meier", "table": [[0, 1], [1, 0.5], [2, 0.5]]}
    t = times(table, [LN2 / 2, 0.7, 5])
    assert t[0] == pytest.approx(0.5) and np.all(np.isinf(t[1:]))


def test_a_kaplan_meier_curve_that_reaches_zero_ends_everyone_there() -> None:
    table = {"distribution": "kaplan_meier", "table": [[0, 1], [1, 0.5], [2, 0]]}
    t = times(table, -np.log([0.25, 0.1, 0.01]))
    assert np.all(t <= 2) and t[-1] > 1.5


def test_parameters_by_draw() -> None:
    e = np.tile(E, 3)
    draw = np.repeat(np.arange(3), E.size)
    at = lambda x: x if np.ndim(x) == 0 else np.asarray(x)[draw]  # noqa: E731
    a, b = np.array([0.1, 0.2, 0.0]), np.array([0.5, 0.05, 0.3])
    many = Timer("piecewise", (a, b), ends=(2.0,), ratio=np.array([1.0, 2.0, 0.5])).time(e, at)
    for d in range(3):
        one = Timer("piecewise", (float(a[d]), float(b[d])), ends=(2.0,), ratio=(1.0, 2.0, 0.5)[d])
        assert np.array_equal(many[draw == d], one.time(E, lambda x: x))
    for family, numbers in {"weibull": (b + 1, a + 2), "lognormal": (a, b), "gompertz": (b, a)}.items():
        together = Timer(family, numbers).time(e, at)
        for d in range(3):
            alone = Timer(family, tuple(float(x[d]) for x in numbers)).time(E, lambda x: x)
            np.testing.assert_allclose(together[draw == d], alone, rtol=1e-12)


def test_cumulative_hazard() -> None:
    one = Timer("piecewise", (0.4, 0.1, 0.9), ends=(1.0, 3.0), ratio=2.0)
    assert [one.cumulative_hazard(t) for t in (0.0, 0.5, 1.0, 2.0, 5.0)] == pytest.approx([0, 0.4, 0.8, 1.0, 4.8])
    several = Timer("piecewise", (np.array([0.4, 0.2]),), ratio=1.5)
    np.testing.assert_allclose(several.cumulative_hazard(2.0), [1.2, 0.6])


def test_rate() -> None:
    one = Timer("piecewise", (0.4, 0.1, 0.9), ends=(1.0, 3.0), ratio=2.0)
    assert [one.rate(t) for t in (0.0, 0.5, 1.0, 2.0, 5.0)] == pytest.approx([0.8, 0.8, 0.2, 0.2, 1.8])
    several = Timer("piecewise", (np.array([0.4, 0.2]),), ratio=1.5)
    np.testing.assert_allclose(several.rate(2.0), [0.6, 0.3])


def test_hazards_of_complications() -> None:
    pieces = (SimpleNamespace(until_years=1.0, rate=0.5), SimpleNamespace(until_years=None, rate=0.1))
    t = times(hazard_timer(pieces, 2.0), [0.5, 1.0, 1.2])
    np.testing.assert_allclose(t, [0.5, 1.0, 2.0], rtol=1e-14)
