"""Runs that are killed at any moment and started again end with the bytes of one that was left in peace."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scssim
from analysis.runs import QUICK, SMALL
from checkpoint.driver import processes, start
from scssim.checkpoint.files import NAME
from scssim.files import half_written

pytestmark = [
    pytest.mark.verification,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them"),
]

KILLS = 3
"""In each chain of attempts."""

CHAINS = 2
"""Of each way to die."""


def digests(out: Path) -> dict[str, str]:
    """SHA-256 of every table of a run and of its cases, and of their headline numbers."""
    paths = [*out.glob("**/tables/*"), *out.glob("**/results.json")]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@dataclass
class Whole:
    """A run that was left in peace: what it wrote, and how long it took (seconds)."""

    tables: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    seconds = []
    for _ in range(2):  # the first one fills the caches of the system
        folder = tmp_path_factory.mktemp("whole")
        begun = time.monotonic()
        process = start(folder, folder / "out")
        _, told = process.communicate(timeout=300)
        seconds.append(time.monotonic() - begun)
        assert process.returncode == 0, told
    tables = digests(folder / "out")
    assert {"tables/psa.csv", "tables/dsa.csv", "cases/variants.older/tables/psa.csv", "results.json"} <= tables.keys()
    return Whole(tables, seconds[-1])


# --------------------------------------------------------------- ways to die


def kill_parent(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    process.kill()


def kill_worker(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    """One of them, if there is one; the run goes on without it."""
    if workers := [pid for pid in processes(process.pid) if pid != process.pid]:
        with suppress(ProcessLookupError):
            os.kill(int(rng.choice(workers)), signal.SIGKILL)


def kill_workers(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    for pid in processes(process.pid):
        if pid != process.pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def kill_all(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def interrupt(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does


def terminate(process: subprocess.Popen[str], rng: np.random.Generator) -> None:
    process.terminate()


WAYS = [kill_parent, kill_worker, kill_workers, kill_all, interrupt, terminate]
Way = Callable[[subprocess.Popen[str], np.random.Generator], None]


@dataclass
class Chain:
    """Attempts at one run in one directory; when it is complete although it was disturbed, another one is begun."""

    folder: Path
    whole: Whole
    rng: np.random.Generator
    moments: list[float]
    number: int = 0
    kills: int = 0
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seconds = self.whole.seconds

    @property
    def out(self) -> Path:
        return self.folder / f"out-{self.number}"

    def attempt(self, way: Way) -> None:
        """Begin the run or go on with it, and disturb it at the next moment."""
        process = start(self.folder, self.out)
        try:
            process.wait(self.moments[self.kills % len(self.moments)] * self.seconds)
            self.seconds *= 0.8  # what is there already takes no time, and other work on the machine may have ended
        except subprocess.TimeoutExpired:
            self.kills += 1
            way(process, self.rng)
        _, told = process.communicate(timeout=300)
        self.told.append(f"{process.returncode}: {told.strip()[-300:]}")
        self.wait_for_workers(process)
        assert process.returncode != 1 or way is interrupt, told  # no defect
        assert "Internal error" not in told
        if process.returncode == 0:
            self.compare()
            self.number += 1

    def wait_for_workers(self, process: subprocess.Popen[str]) -> None:
        """Nobody is left behind, whoever was killed."""
        until = time.monotonic() + 60
        while processes(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert processes(process.pid) == []

    def finish(self) -> None:
        """Leave it in peace until it is complete, which takes one attempt."""
        process = start(self.folder, self.out)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, [*self.told, told]
        self.compare()

    def compare(self) -> None:
        assert digests(self.out) == self.whole.tables
        assert {path.name for path in self.out.iterdir()} == {
            ".lock", "cases", "figures", "manifest.json", "report.html", "results.json", "tables"
        }  # fmt: skip
        assert [path for folder in (self.out, *self.out.rglob("*/")) for path in half_written(folder)] == []


def moments(seed: int, number: int) -> list[float]:
    """Moments of a run, as shares of its duration: one from each of so many equal parts of it, in any order."""
    rng = np.random.default_rng(seed)
    return [float(moment) for moment in (rng.permutation(number) + rng.random(number)) / number]


def chain_of(folder: Path, whole: Whole, seed: int, chain: int) -> Chain:
    every = moments(seed, KILLS * CHAINS)
    return Chain(folder, whole, np.random.default_rng([seed, chain]), every[chain::CHAINS])


@pytest.mark.parametrize("chain", range(CHAINS))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_killed_runs(way: Way, chain: int, whole: Whole, tmp_path: Path) -> None:
    one = chain_of(tmp_path, whole, WAYS.index(way), chain)
    for _ in range(4 * KILLS):
        if one.kills < KILLS:
            one.attempt(way)
    assert one.kills == KILLS
    one.finish()


# ------------------------------------------------------------ damaged blocks


def truncate(path: Path, rng: np.random.Generator) -> None:
    os.truncate(path, int(rng.integers(1, path.stat().st_size)))


def flip(path: Path, rng: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def empty(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def delete(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, flip, empty, delete])
def test_killed_runs_whose_blocks_are_damaged(
    damage: Callable[[Path, np.random.Generator], None], whole: Whole, tmp_path: Path
) -> None:
    one = chain_of(tmp_path, whole, ord(damage.__name__[0]), 0)
    one.moments = [0.3 + 0.4 * moment for moment in one.moments]  # while there are blocks
    damaged = 0
    for _ in range(6 * KILLS):
        if one.kills < KILLS or not damaged:
            one.attempt(kill_parent)
            there = [path for path in sorted(one.out.glob("blocks/*/*.parquet")) if NAME.fullmatch(path.name)]
            for path in there[:: int(one.rng.integers(1, 4))]:
                damage(path, one.rng)
                damaged += 1
    assert damaged
    one.finish()
    # What is deleted is not missed; all else is told of.
    assert ("was damaged" in (one.out / "manifest.json").read_text()) == (damage is not delete) or one.number


# ----------------------------------------------------------------- full disk


class Disk:
    """A disk of a size that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("tmpfs", "-o", "size=64m", "-t", "tmpfs")

    def _mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.folder)], check=True, capture_output=True, timeout=60)

    def size(self, kilobytes: int) -> None:
        self._mount("-o", f"remount,size={kilobytes}k")

    def close(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True, capture_output=True, timeout=60)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        made = Disk(tmp_path / "disk")
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no small disk can be mounted here; a limit on the size of files takes its place")
    yield made
    made.close()


@pytest.mark.parametrize("chain", range(CHAINS))
def test_runs_whose_disk_is_full(chain: int, disk: Disk, whole: Whole, tmp_path: Path) -> None:
    """It has room for a part of what the run writes, and then for more."""
    rng = np.random.default_rng(chain)
    one = Chain(tmp_path, whole, rng, [])
    out = disk.folder / "out"
    out.mkdir()
    for _ in range(KILLS):
        used = sum(path.stat().st_blocks for path in disk.folder.rglob("*")) // 2
        disk.size(used + int(rng.integers(4, 300)))
        process = start(tmp_path, out)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 2, told
        assert "No space left on device" in told and "Traceback" not in told
        one.wait_for_workers(process)
    disk.size(64 * 1024)
    process = start(tmp_path, out)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert digests(out) == whole.tables
    assert [path for folder in (out, *out.rglob("*/")) for path in half_written(folder)] == []


def test_runs_that_may_not_write_large_files(whole: Whole, tmp_path: Path) -> None:
    """Wherever it is that they are told so: at a block, a table or a figure."""
    for most in (3_000, 8_000, 30_000):
        process = start(tmp_path, tmp_path / "out")
        # Set from outside, so that it holds for this process alone; what it has written by then is small.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        _, told = process.communicate(timeout=300)
        assert process.returncode != 0, f"{most} was enough"
        assert "File too large" in told and "Traceback" not in told
    process = start(tmp_path, tmp_path / "out")
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert digests(tmp_path / "out") == whole.tables


# --------------------------------------------------------------- other crews

LARGE: dict[str, Any] = {"patients": 2000, "draws": 640}
"""Ten blocks of the size that they have."""


def test_other_ways_to_run_it_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("scssim.engine.crew.WORTH_A_POOL", 0)
    values = {"analyses.variants": {"older": {"population.age.mean": 70}}, "analyses.psa": None}
    loaded = scssim.load(SMALL, {**QUICK, **values})

    def run(name: str, **how: Any) -> dict[str, str]:
        scssim.run(loaded, out=tmp_path / name, **LARGE, **how)
        return digests(tmp_path / name)

    reference = run("serial")
    assert len(reference) > 10
    assert run("processes", workers=2) == reference
    with ThreadPoolExecutor(3) as executor:
        assert run("threads", executor=executor) == reference
    killed: list[int] = []
    with distributed.LocalCluster(n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill(done: int, blocks: int) -> None:
            if done == 2 and not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        assert run("cluster", scheduler=cluster.scheduler_address, progress=kill) == reference
    assert killed
    for name, blocks in (("first", ":5"), ("second", "5:")):
        scssim.run_blocks(loaded, blocks, tmp_path / name, **LARGE)
    scssim.merge([tmp_path / "first", tmp_path / "second"], tmp_path / "merged")
    assert digests(tmp_path / "merged") == reference
    shutil.rmtree(tmp_path)
