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
