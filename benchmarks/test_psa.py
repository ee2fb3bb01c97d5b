"""How fast a probabilistic analysis of common size is, on two cores. Nothing here asserts a time."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from case import lifetimes, simulate

DRAWS, PATIENTS, WORKERS = 1_000, 1_000, 2


@pytest.mark.slow
def test_psa(benchmark: BenchmarkFixture) -> None:
    """1,000 draws of 1,000 patients under seven strategies: loading, simulating, curves and values of information."""
    simulate(1_000, 0, False)  # imports
    result = benchmark.pedantic(simulate, (PATIENTS, DRAWS, False, WORKERS), rounds=1)
    number = lifetimes(result)
    assert number == PATIENTS * DRAWS * 7
    assert result.draws == DRAWS and not result.evpi.empty
    benchmark.extra_info |= {
        "lifetimes": number,
        "lifetimes_per_second": number / benchmark.stats["median"],
        "workers": WORKERS,
    }
