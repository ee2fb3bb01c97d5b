"""Run the checks of the catalogue and record what came out: ``python tests/record.py [options of pytest]``.

Writes ``scssim/report/checks_record.json``. Exit code 1 if a test failed (which is recorded too), 2 if nothing was
recorded.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from scssim.build import PACKAGE, RECORD, fingerprint, hashes
from scssim.files import replace
from scssim.report.checks import Check, Record, Tally, catalogue

ROOT = Path(__file__).parents[1]


class Outcomes:
    """Plugin that notes how each test came out."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails in any of its phases has failed."""
        if report.failed or (self.found.get(report.nodeid) != "failed" and (report.when == "call" or report.skipped)):
            self.found[report.nodeid] = report.outcome


def main(options: list[str]) -> int:
    """Run and record; returns the exit code."""
    if ROOT / "scssim" != PACKAGE:
        return refuse(f"scssim is imported from {PACKAGE}: install this checkout with pip install -e")
    known, before, outcomes = catalogue(), hashes(), Outcomes()
    arguments = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *options]
    code = pytest.main([*arguments, *(str(ROOT / test) for test in known.tests)], plugins=[outcomes])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return refuse("pytest did not get to its end")
    checks = tallied(outcomes.found, known.checks)
    idle = [name for name, tally in checks.items() if not tally.passed + tally.failed + tally.skipped]
    if idle:
        return refuse(f"no test ran for {', '.join(idle)}")
    if hashes() != before:
        return refuse("the code changed while it was checked")
    record = Record(
        scssim=version("scssim"), date=f"{datetime.now(UTC):%Y-%m-%d}", python=platform.python_version(),
        packages={name: version(name) for name in ("numpy", "scipy", "pandas")},
        checks=checks, code=fingerprint(before), files=before,
    )  # fmt: skip
    print(f"recorded in {replace(PACKAGE / RECORD, as_json(record))}")
    return int(code)


def tallied(outcomes: Mapping[str, str], checks: Iterable[Check]) -> dict[str, Tally]:
    """Count the outcomes of tests by check.

    Parameters
    ----------
    outcomes
        ``passed``, ``failed`` or ``skipped`` by node id.
    checks
        The checks.
    """
    found = {}
    for check in checks:
        own = [outcome for node, outcome in outcomes.items() if check.has(node)]
        found[check.id] = Tally(**{one.name: own.count(one.name) for one in fields(Tally)})
    return found


def as_json(record: Record) -> bytes:
    """A record as a file."""
    return (json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n").encode()


def refuse(why: str) -> int:
    """Say why nothing was recorded."""
    print(f"nothing recorded: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
