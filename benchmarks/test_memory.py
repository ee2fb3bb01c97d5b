"""Peak memory of a run, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("resource", reason="peak memory is measured on Unix only")

SIZES = [
    pytest.param(1_000, 100, id="1000x100"),
    pytest.param(100_000, 0, id="100000x1"),
    pytest.param(2_000_000, 0, id="2000000x1", marks=pytest.mark.slow),
    pytest.param(5_000, 200, id="5000x200", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("patients", "draws"), SIZES)
def test_peak(benchmark: BenchmarkFixture, patients: int, draws: int) -> None:
    """Memory with 12 visits; the time is that of the whole process, with imports."""
    command = [
        sys.executable, str(Path(__file__).parent / "case.py"),
        "--patients", str(patients), "--draws", str(draws), "--visits",
    ]  # fmt: skip
    done = benchmark.pedantic(
        subprocess.run, (command,), {"check": True, "capture_output": True, "text": True}, rounds=1
    )
    found = json.loads(done.stdout)
    assert found["peak_mb"] >= found["peak_mb_before_the_run"] > 0
    benchmark.extra_info |= found
