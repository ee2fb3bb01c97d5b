"""A run of the discrete-event engine, in this process; as a program it prints time and peak memory as JSON.

python benchmarks/service.py --patients 20000 --per-year 60
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import scssim
from case import SCENARIO, peak_mb
from scssim.result import Result
from scssim.scenario.load import LoadedScenario

STRATEGY = "hf10"
PER_YEAR = 60
"""Referrals a year: with a horizon of 15 years at most 900 patients are in the system at once."""


def loaded(per_year: float = PER_YEAR, **more: Any) -> LoadedScenario:
    """One strategy of the shipped scenario as a stream of referrals, without visits, analyses and log."""
    others = [name for name in scssim.load(SCENARIO).scenario.strategies if name != STRATEGY]
    values = {
        **{f"strategies.{name}": None for name in others}, "settings.visit_months": [], "settings.reference": STRATEGY,
        "analyses": None, "targets": [], "service": {"arrivals": {"per_year": per_year}, "log_patients": 0}, **more,
    }  # fmt: skip
    return scssim.load(SCENARIO, values)


def simulate(patients: int, per_year: float = PER_YEAR) -> Result:
    """Load and run: everything but imports and the writing of files."""
    return scssim.run(loaded(per_year), patients=patients, draws=0, engine="des")


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--per-year", type=float, default=PER_YEAR)
    arguments = parser.parse_args()
    simulate(1_000)
    before = peak_mb()
    begun = time.perf_counter()
    simulate(arguments.patients, arguments.per_year)
    seconds = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "peak_mb": round(peak_mb(), 1),
                "peak_mb_before_the_run": round(before, 1),
                "seconds": seconds,
                "lifetimes_per_second": arguments.patients / seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
