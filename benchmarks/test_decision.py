"""How fast a decision is analysed. Nothing here asserts a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pytest_benchmark.fixture import BenchmarkFixture

from scssim.economics import ceac, evpi, frontier, pairwise

DRAWS, STRATEGIES = 10_000, 6
THRESHOLDS = np.linspace(0, 50_000, 101)


def test_decision(benchmark: BenchmarkFixture) -> None:
    """Frontier, acceptability curves, comparisons two by two and perfect information."""
    rng = np.random.default_rng(1)
    names = [f"s{i}" for i in range(STRATEGIES)]
    shape, steps = (DRAWS, STRATEGIES), np.arange(STRATEGIES)
    costs = pd.DataFrame(10_000 + 4_000 * steps + 3_000 * rng.normal(size=shape), columns=names)
    effects = pd.DataFrame(5 + 0.2 * steps + 0.5 * rng.normal(size=shape), columns=names)

    def analyse() -> list[pd.DataFrame]:
        return [
            frontier(costs, effects),
            ceac(costs, effects, THRESHOLDS),
            pairwise(costs, effects, THRESHOLDS),
            evpi(costs, effects, THRESHOLDS),
        ]

    tables = benchmark.pedantic(analyse, rounds=5, warmup_rounds=1)
    assert [len(table) for table in tables] == [6, 606, 505, 101]
    benchmark.extra_info |= {"draws": DRAWS, "strategies": STRATEGIES, "thresholds": THRESHOLDS.size}
