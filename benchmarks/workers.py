"""Throughput with two workers against one: the same run in turns, each in a process of its own.

python benchmarks/workers.py                    # 5 pairs, some three minutes on two cores

The time of a run is everything but imports; with workers it has the start of their processes in it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

CASE = Path(__file__).parent / "case.py"


def rate(patients: int, draws: int, workers: int) -> float:
    """Lifetimes per second of one run without visits, in a new process."""
    sizes = ["--patients", str(patients), "--draws", str(draws), "--workers", str(workers)]
    done = subprocess.run([sys.executable, str(CASE), *sizes], check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout)["lifetimes_per_second"])


def main() -> None:
    """Run the pairs and print each, and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000, help="per draw")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2, help="compared with 1")
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    print(f"{given.draws} draws x {given.patients} patients, 7 strategies, no visits; {os.cpu_count()} cores")
    ratios = []
    for i in range(given.pairs):
        order = (1, given.workers) if i % 2 == 0 else (given.workers, 1)
        found = {workers: rate(given.patients, given.draws, workers) for workers in order}
        one, many = found[1], found[given.workers]
        ratios.append(many / one)
        print(
            f"pair {i + 1}: 1 worker {one / 1e6:.3f}, {given.workers} workers {many / 1e6:.3f} million lifetimes/s, "
            f"ratio {many / one:.3f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
