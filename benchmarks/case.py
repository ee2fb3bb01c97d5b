"""One run of a shipped scenario, in this process; as a program it prints time and peak memory as JSON.

python benchmarks/case.py --patients 100000 --draws 0 --visits
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import scssim

if TYPE_CHECKING:
    from scssim.result import Result

SCENARIO = "back_leg_uk"
MONTHS = [1, 2, 3, 6, 9, 12, 18, 24, 36, 60, 120, 180]


def simulate(patients: int, draws: int, visits: bool, workers: int = 1) -> Result:
    """Load the scenario without its analyses and run it: everything but imports and the writing of files."""
    values = {"settings.visit_months": MONTHS if visits else [], "analyses": None}
    return scssim.run(scssim.load(SCENARIO, values), patients=patients, draws=draws, workers=workers)


def lifetimes(result: Result) -> int:
    """Lifetimes simulated: patients times draws times strategies."""
    return result.patients * (result.draws or 1) * len(result.scenario.strategies)


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB (of 10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux what is asked for below is at least that of the process that has started this one
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--visits", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    scssim.load(SCENARIO)
    before = peak_mb()
    begun = time.perf_counter()
    result = simulate(arguments.patients, arguments.draws, arguments.visits, arguments.workers)
    seconds = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "peak_mb": round(peak_mb(), 1),
                "peak_mb_before_the_run": round(before, 1),
                "seconds": seconds,
                "lifetimes_per_second": lifetimes(result) / seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
