"""No analysis of a run depends on workers or on the size of blocks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import scssim
from analysis.runs import QUICK, SMALL
from scssim.engine import crew, job
from scssim.result import TABLES

ANALYSES: dict[str, Any] = {
    "evppi": {"relief": ["therapies.*.relief.back.*"]},
    "dsa": {"parameters": ["therapies.*.responders"], "patients": 700},
    "thresholds": {"t": {"parameter": {"parameter": "therapies.hf10.costs.device", "low": 0, "high": 30000}}},
    "cases": {"draws": 5},
    "variants": {"older": {"population.age.mean": 70}},
    "subgroups": {"mixed": "mechanism == 'mixed'"},
    "extrapolation": {"data_until_years": 2, "cases": {"worse": {"therapies.hf10.loss_of_effect.hazard": 0.2}}},
    "budget": {"eligible": 10, "years": 2, "current": {"lf": 1}, "new": {"hf": 1}},
}


def everything(names: tuple[str, ...], workers: int = 1) -> dict[str, pd.DataFrame]:
    values = {f"analyses.{name}": ANALYSES[name] for name in names}
    result = scssim.run(scssim.load(SMALL, {**QUICK, **values}), patients=700, draws=9, workers=workers)
    found = {name: getattr(result, name) for name in TABLES}
    for name, case in result.cases.items():
        found |= {f"{name}.{table}": getattr(case, table) for table in TABLES}
    return found


def assert_identical(a: dict[str, pd.DataFrame], b: dict[str, pd.DataFrame], names: set[str]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=True, obj=name)
    for name in names:
        assert not a[name].empty, name


@pytest.fixture(scope="module")
def reference() -> dict[str, pd.DataFrame]:
    return everything(tuple(ANALYSES))


@pytest.mark.parametrize("cells", [1024, 64 * 1024])
def test_blocks(cells: int, reference: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "CELLS", cells)
    filled = set(ANALYSES) - {"cases"} | {"psa", "ceac", "evpi", "increments", "variants.older.psa"}
    assert_identical(reference, everything(tuple(ANALYSES)), filled)


def test_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    # With as many draws as the run, cases need no base case of their own.
    monkeypatch.setitem(ANALYSES, "cases", {"draws": 9})
    names = ("cases", "evppi", "dsa", "variants", "subgroups")
    monkeypatch.setattr(job, "BLOCK", 2048)
    alone = everything(names)
    sent = []
    send = crew.Processes.send

    def noted(self: crew.Processes, job: job.Job) -> Any:
        sent.append(job.draws)
        return send(self, job)

    monkeypatch.setattr(crew, "WORTH_A_POOL", 0)
    monkeypatch.setattr(crew.Processes, "send", noted)
    found = everything(names, workers=2)
    assert len(sent) == 4  # the run, its one-way analysis, a variant and a subgroup; all else is one block
    assert_identical(alone, found, set(names) - {"cases"} | {"psa", "ceac", "increments"})


def test_no_analysis_changes_the_run(reference: dict[str, pd.DataFrame]) -> None:
    without = everything(())
    for name in ("outcomes", "increments", "frontier", "costs", "events", "occupancy", "psa", "parameters", "ceac"):
        pd.testing.assert_frame_equal(reference[name], without[name], check_exact=True, obj=name)
