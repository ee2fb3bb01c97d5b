"""One thread for linear algebra, set before anything imports NumPy; how fast the machine is beside every benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[name] = "1"


@pytest.fixture(autouse=True)
def calibration(benchmark: BenchmarkFixture) -> Iterator[None]:
    """Time the fixed kernel just before and just after a benchmark; `compare.py` divides by it."""
    from machine import kernel_seconds

    before = kernel_seconds()
    yield
    benchmark.extra_info["calibration_seconds"] = min(before, kernel_seconds())
