"""How fast scenarios load and run on one core. Nothing here asserts a time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import scssim
from case import SCENARIO, lifetimes, simulate
from machine import kernel, kernel_rate
from scssim.model import streams
from scssim.model.patients import Cells

SIZES = {"1000x100": (1_000, 100), "100000x1": (100_000, 0)}
VISITS = {"no visits": False, "12 visits": True}


@pytest.mark.parametrize("visits", VISITS.values(), ids=VISITS)
@pytest.mark.parametrize(("patients", "draws"), SIZES.values(), ids=SIZES)
def test_lifetimes(benchmark: BenchmarkFixture, patients: int, draws: int, visits: bool) -> None:
    """Lifetimes (patient times draw times strategy) per second: loading, simulating, making the tables."""
    simulate(1_000, 0, visits)  # imports
    before = kernel_rate()
    result = benchmark.pedantic(simulate, (patients, draws, visits), rounds=3)
    number = lifetimes(result)
    assert number == patients * (draws or 1) * 7
    rate = number / benchmark.stats["median"]
    per_million = (before + kernel_rate()) / 2
    benchmark.extra_info |= {
        "lifetimes": number,
        "lifetimes_per_second": rate,
        "lifetimes_per_second_best": number / benchmark.stats["min"],
        "kernel_million_per_second": per_million,
        "lifetimes_per_million_of_kernel": rate / per_million,
    }


class Stopwatch:
    """Time spent inside some functions; calls inside other calls are not counted twice."""

    def __init__(self) -> None:
        self.seconds, self.calls, self.inside = 0.0, 0, False

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*arguments: Any) -> Any:
            if self.inside:
                return function(*arguments)
            self.inside = True
            begun = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - begun
                self.calls += 1
                self.inside = False

        return timed


@pytest.mark.parametrize("visits", VISITS.values(), ids=VISITS)
def test_share_of_random_numbers(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch, visits: bool) -> None:
    """Share of a run spent on uniform numbers, and with their transformation to normal and exponential ones."""
    simulate(1_000, 0, visits)
    raw, whole = Stopwatch(), Stopwatch()
    for name in ("uniform", "counts", "words"):
        function = getattr(streams, name)
        for module in [m for key, m in sys.modules.items() if key.startswith("scssim.")]:
            if vars(module).get(name) is function:
                monkeypatch.setattr(module, name, whole(raw(function)))
    for name in ("uniform", "chance", "normal", "exponential", "repeated"):
        monkeypatch.setattr(Cells, name, whole(getattr(Cells, name)))
    benchmark.pedantic(simulate, (100_000, 0, visits), rounds=1)
    assert raw.calls and whole.calls
    seconds = benchmark.stats["total"]
    benchmark.extra_info |= {
        "share_uniform": raw.seconds / seconds,
        "share_uniform_normal_exponential": whole.seconds / seconds,
        "calls": whole.calls,
    }


def test_load(benchmark: BenchmarkFixture) -> None:
    """Reading, merging, validating and checking a scenario of seven strategies."""
    loaded = benchmark(scssim.load, SCENARIO)
    assert len(loaded.scenario.strategies) == 7


def test_imports(benchmark: BenchmarkFixture) -> None:
    """A new Python with everything imported that a run needs."""
    command = [sys.executable, "-c", "import scssim.api"]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=3, warmup_rounds=1)


def test_kernel(benchmark: BenchmarkFixture) -> None:
    """A fixed piece of NumPy work, to compare machines by."""
    assert benchmark(kernel) > 0
