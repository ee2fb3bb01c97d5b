"""Linear algebra on one thread; beside every benchmark its processor time, and how fast the machine was."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[name] = "1"

from machine import kernel_seconds, processor_seconds  # noqa: E402 - it imports NumPy

MARKS: list[float] = []
"""Processor time whenever a clock was read: at the beginning and at the end of every round, the last rounds last."""


def clock() -> float:
    """Wall time, as pytest-benchmark uses by itself; notes the processor time."""
    MARKS.append(processor_seconds())
    return time.perf_counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Use the clock above."""
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=clock))


@pytest.fixture(autouse=True)
def calibration(benchmark: BenchmarkFixture) -> Iterator[None]:
    """Add the median processor time, and the times of the fixed kernel just before and after; see `compare.py`."""
    MARKS.clear()
    gc.collect()
    gc.freeze()  # else every collection during the benchmark goes through all that pytest and earlier benchmarks hold
    before = kernel_seconds()
    yield
    after = kernel_seconds()
    gc.unfreeze()
    if benchmark.stats is None or benchmark.has_error:  # None with --benchmark-disable
        return
    marks = MARKS[-2 * benchmark.stats["rounds"] :]
    rounds = [end - begin for begin, end in zip(marks[::2], marks[1::2], strict=True)]
    benchmark.extra_info["processor_seconds"] = statistics.median(rounds) / benchmark.stats["iterations"]
    for i, name in enumerate(("calibration_seconds", "calibration_processor_seconds")):
        benchmark.extra_info[name] = (before[i] + after[i]) / 2
