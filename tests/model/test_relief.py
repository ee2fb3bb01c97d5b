"""The relief distribution: fitted moments, neighbours, the pain scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from engine.patients import compiled
from engine.tiny import tiny
from scssim.engine.job import Task
from scssim.model.measurement import Recorder
from scssim.model.plan import make_plan
from scssim.model.relief import kumaraswamy, quantile

Array = NDArray[np.float64]


def moments(a: float, b: float) -> tuple[float, float]:
    """Mean and SD by numerical integration of the density over powers of x (a singular density too)."""

    # With y = x^a the density is b (1 - y)^(b - 1); with 1 - y = w^(1/b) it is uniform: integrate the quantile.
    def power(n: int) -> float:
        def one(v: float) -> float:
            return float(quantile(np.array(v), a, b)) ** n

        return sum(
            quad(one, low, high, epsabs=1e-12, epsrel=1e-11, limit=300)[0]
            for low, high in (
                (1e-300, 1e-6),
                (1e-6, 0.01),
                (0.01, 0.5),
                (0.5, 0.99),
                (0.99, 1 - 1e-6),
                (1 - 1e-6, 1 - 1e-15),
            )
        )

    mean = power(1)
    return mean, np.sqrt(power(2) - mean**2)


@pytest.mark.parametrize("mean", [0.05, 0.2, 0.5, 0.66, 0.9])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.85])
def test_fitted_moments(mean: float, share: float) -> None:
    sd = share * np.sqrt(mean * (1 - mean))
    found = moments(*(float(x) for x in kumaraswamy(mean, sd)))
    assert found == (pytest.approx(mean, abs=1e-8), pytest.approx(sd, rel=1e-6))


def test_quantile_is_the_inverse_of_the_distribution_function() -> None:
    v = np.linspace(1e-6, 1 - 1e-6, 1001)
    for a, b in ((2.0, 3.0), (0.5, 0.5), (9.0, 1.2), (1.0, 1.0)):
        x = quantile(v, a, b)
        np.testing.assert_allclose(1 - (1 - x**a) ** b, v, rtol=1e-9, atol=1e-12)
        assert np.all((x > 0) & (x < 1)) and np.all(np.diff(x) > 0)


def test_impossible_moments_are_moved_to_possible_ones() -> None:
    # Draws can be impossible; the fit must not fail and must stay near.
    mean, sd = np.array([-0.3, 1.2, 0.5, 0.02]), np.array([0.1, 0.1, 0.9, 0.0])
    a, b = kumaraswamy(mean, sd)
    assert np.all(np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0))
    middle = quantile(np.full(4, 0.5), a, b)
    assert middle[0] < 0.1 and middle[1] > 0.9


def test_the_fit_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(1)
    mean = rng.uniform(0.03, 0.97, 301)
    sd = rng.uniform(0.05, 0.85, 301) * np.sqrt(mean * (1 - mean))
    a, b = kumaraswamy(mean, sd)
    for part in (slice(0, 1), slice(3, 4), slice(0, 8), slice(5, 300), rng.permutation(301)):
        again = kumaraswamy(mean[part], sd[part])
        assert np.array_equal(again[0], a[part]) and np.array_equal(again[1], b[part])
    one = kumaraswamy(float(mean[7]), float(sd[7]))
    assert (float(one[0]), float(one[1])) == (a[7], b[7])


def sampled(relief: dict[str, Any], n: int = 40000, seed: int = 3, **population: Any) -> tuple[Any, Any]:
    """Plan of an implant with some relief, and the cells."""
    loaded = tiny({"one": {"kind": "implant", "relief": relief}}, population=population)
    job = compiled(loaded, patients=n, seed=seed)
    block = job.block(Task(0, 1, 0, n))
    return make_plan(job.therapies["one"], block.cells, Recorder(job.spec.measurement), block.exit), block.cells


BACK = {"responders": 0.4, "if_responder": {"mean": 0.8, "sd": 0.12}, "if_not": {"mean": 0.12, "sd": 0.18}}
LEG = {"responders": 0.7, "if_responder": {"mean": 0.7, "sd": 0.1}, "if_not": {"mean": 0.2, "sd": 0.1}, "lowest": 0}


def test_mixture() -> None:
    n = 40000
    plan, _ = sampled({"back": BACK, "leg": LEG, "correlation": 0.65})
    for site, stated in (("back", BACK), ("leg", LEG)):
        relief = plan.relief[site]
        good = relief >= 0.5
        p = stated["responders"]
        assert good.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
        for part, who in (("if_responder", good), ("if_not", ~good)):
            mean, sd = stated[part]["mean"], stated[part]["sd"]
            assert relief[who].mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(who.sum()))
            assert relief[who].std() == pytest.approx(sd, rel=0.03)
        assert relief.min() >= stated.get("lowest", -0.5) and relief.max() <= 1
    # Latent normals correlated 0.65: for thresholds at p, the orthant probability is known.
    from scipy.stats import multivariate_normal, norm

    both = multivariate_normal([0, 0], [[1, 0.65], [0.65, 1]]).cdf([norm.ppf(0.4), norm.ppf(0.7)])
    found = np.mean((plan.relief["back"] >= 0.5) & (plan.relief["leg"] >= 0.5))
    assert found == pytest.approx(both, abs=4 * np.sqrt(both * (1 - both) / n))


def test_perfect_correlation_of_back_and_leg() -> None:
    plan, _ = sampled({"back": BACK, "leg": BACK, "correlation": 1}, leg_vas=8)
    np.testing.assert_allclose(plan.relief["back"], plan.relief["leg"], rtol=1e-12)


@settings(max_examples=15)
@given(
    st.floats(5, 10), st.floats(-1.5, 0.4), st.floats(0.05, 0.5), st.floats(0, 1), st.integers(0, 2**40)
)  # fmt: skip
def test_pain_never_exceeds_ten(vas: float, mean: float, sd: float, responders: float, seed: int) -> None:
    site = {**BACK, "responders": responders, "if_not": {"mean": mean, "sd": sd}, "lowest": -2}
    spread = {"mean": vas, "sd": 0.3, "min": vas - 1, "max": vas + 1} if vas < 9 else vas
    plan, cells = sampled({"back": site, "leg": site}, n=2000, seed=seed, back_vas=spread, leg_vas=vas)
    for name in ("back", "leg"):
        pain = cells.attributes[f"{name}_vas"] * (1 - plan.relief[name])
        assert pain.max() <= 10 * (1 + 1e-14) and pain.min() >= 0
