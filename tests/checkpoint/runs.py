"""Runs of several blocks in a second, that are interrupted and go on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scssim
from analysis.runs import QUICK, SMALL
from scssim.checkpoint.files import NAME, BlockFiles
from scssim.engine import crew, simulator
from scssim.engine import run as cohort
from scssim.engine.des import run as des
from scssim.scenario.load import LoadedScenario

LEAF = 1024

ANALYSES: dict[str, Any] = {
    "analyses.dsa": {"parameters": ["therapies.*.responders"], "patients": 300},
    "analyses.cases": {"draws": 40},
    "analyses.variants": {"older": {"population.age.mean": 70}},
    "analyses.subgroups": {"mixed": "mechanism == 'mixed'"},
}

RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "draws": (QUICK, {"patients": 100, "draws": 40}),
    "no draws": (QUICK, {"patients": 5000, "draws": 0}),
    "visits": ({}, {"patients": 300, "draws": 9}),
    "parts of draws with visits": ({}, {"patients": 2500, "draws": 2}),
    "one sample with visits": ({}, {"patients": 4500, "draws": 0}),
    "des": (QUICK, {"patients": 30, "draws": 5, "engine": "des"}),
    "replications": ({"service.replications": 5}, {"patients": 30, "draws": 0, "engine": "des"}),
    "analyses": ({**QUICK, **ANALYSES}, {"patients": 100, "draws": 40}),
    "precision": (QUICK, {"patients": 100, "draws": 20, "precision": 300.0}),
    "precision without draws": (QUICK, {"patients": 1100, "draws": 0, "precision": 150.0}),
}
"""Overrides of the small scenario, and how it is run: four blocks or more each."""


def loaded(name: str = "draws", **values: Any) -> LoadedScenario:
    """The small scenario as a run needs it."""
    return scssim.load(SMALL, {**RUNS[name][0], **values})


def run(out: Path, name: str = "draws", **how: Any) -> scssim.Result:
    """One of `RUNS`."""
    return scssim.run(loaded(name), out=out, **{**RUNS[name][1], **how})


def written(out: Path) -> dict[str, bytes]:
    """Every table of a run, and its headline numbers, as they are on disk."""
    paths = [*out.glob("**/tables/*"), *out.glob("**/results.json")]
    assert len(paths) > 3
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def kept(out: Path) -> list[Path]:
    """Files of blocks."""
    return sorted(path for path in (out / "blocks").rglob("*.parquet") if NAME.fullmatch(path.name))


class Stop:
    """A callback for progress that ends a run after so many blocks, of the run or of its analyses."""

    def __init__(self, after: int, error: BaseException | None = None) -> None:
        self.after, self.error = after, error or KeyboardInterrupt()
        self.told: list[tuple[int, int]] = []

    def __call__(self, done: int, blocks: int) -> None:
        self.told.append((done, blocks))
        if len(self.told) == self.after:
            raise self.error


def interrupted(out: Path, name: str = "draws", after: int = 2, error: BaseException | None = None, **how: Any) -> int:
    """End one of `RUNS` after so many blocks; how many are on disk then."""
    stop = Stop(after, error)
    with pytest.raises(type(stop.error)):
        run(out, name, progress=stop, **how)
    return len(kept(out))


def put(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every block that is kept from now on, by the folder of its job."""
    found: list[Path] = []
    original = BlockFiles.put

    def noted(self: BlockFiles[Any], *arguments: Any) -> None:
        original(self, *arguments)
        found.append(self.folder)

    monkeypatch.setattr(BlockFiles, "put", noted)
    return found


def simulated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every block that is simulated from now on, here or in a process."""
    found: list[Any] = []

    def noted(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def do(job: Any, piece: Any, *more: Any, **named: Any) -> Any:
            found.append(piece)
            return work(job, piece, *more, **named)

        return do

    submit = crew.Processes.submit

    def handed_out(self: crew.Processes, parcel: Any, work: Any, piece: Any) -> Any:
        found.append(piece)
        return submit(self, parcel, work, piece)

    for module, name in ((cohort, "simulate_block"), (des, "replicate")):
        work = noted(getattr(module, name))
        for where in (module, simulator):
            monkeypatch.setattr(where, name, work, raising=where is module)
    monkeypatch.setattr(crew.Processes, "submit", handed_out)
    return found
