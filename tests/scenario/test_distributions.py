"""Quantiles and probabilities of the families are inverse to each other."""

from __future__ import annotations

import numpy as np
import pytest

from scssim.scenario.distributions import Distribution, fit

FITTED = [
    fit("normal", 3.0, 2.0, -np.inf, np.inf),
    fit("lognormal", 3.0, 2.0, 0.0, np.inf),
    fit("gamma", 3.0, 2.0, 0.0, np.inf),
    fit("beta", 0.5, 0.6, -1.0, 2.0),
    fit("uniform", 3.0, 2.0, 0.0, np.inf),
]


@pytest.mark.parametrize("one", FITTED, ids=lambda one: one.family)
def test_probability_inverts_the_quantile(one: Distribution) -> None:
    for u in (0.001, 0.3, 0.5, 0.975):
        assert one.probability(float(one.quantile(u))) == pytest.approx(u, rel=1e-9)
    assert one.probability(-np.inf) == 0 and one.probability(np.inf) == 1


def test_probability_of_a_fixed_number() -> None:
    one = Distribution("fixed", 2.0)
    assert [one.probability(x) for x in (1.9, 2.0, 2.1)] == [0, 1, 1]


@pytest.mark.parametrize("se", [1e-6, 1e-7, 1e-8, 1e-9, 1e-12])
def test_a_share_known_all_too_well_has_draws(se: float) -> None:
    """Exact quantiles of a beta distribution with huge shapes are no numbers."""
    u = np.array([0.025, 0.5, 0.975])
    for mean in (0.1, 0.5, 1 - 1e-3):
        z = (fit("beta", mean, se, 0.0, 1.0).quantile(u) - mean) / se
        assert z == pytest.approx([-1.96, 0, 1.96], abs=0.005 + 1e-15 / se)
