"""How fast EVPPI is: 10,000 draws, six strategies, 101 thresholds. Nothing here asserts a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from scssim.economics import evppi

DRAWS, STRATEGIES, PARAMETERS = 10_000, 6, 20
WTP = np.linspace(0, 50_000, 101)
NAMES = [f"p{i}" for i in range(PARAMETERS)]
GROUPS = {
    "20 of 1": NAMES,
    "1 of 2": [NAMES[:2]],
    "1 of 4": [NAMES[:4]],
    "1 of 8": [NAMES[:8]],
    "1 of 20": [NAMES],
}


def model() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Costs and effects that depend on all parameters and some of their products, with noise."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((DRAWS, PARAMETERS))
    slopes = 0.5 * rng.standard_normal((2, PARAMETERS, STRATEGIES))
    noise = rng.standard_normal((2, DRAWS, STRATEGIES))
    effects = x @ slopes[0] + x[:, :1] * x[:, 1 : 1 + STRATEGIES] + noise[0]
    costs = 50_000 + 10_000 * (x @ slopes[1]) + 1_000 * noise[1]
    return pd.DataFrame(costs), pd.DataFrame(effects), pd.DataFrame(x, columns=NAMES)


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_evppi(benchmark: BenchmarkFixture, groups: list[str | list[str]]) -> None:
    """Groups of a number of parameters, smoothing and all thresholds."""
    costs, effects, parameters = model()
    found = benchmark.pedantic(evppi, (costs, effects, parameters, groups, WTP), rounds=3, warmup_rounds=1)
    assert len(found) == len(WTP) * len(groups)
    assert found["evppi"].max() > 0
