"""The workers of a Dask scheduler, some of which are killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scssim
from checkpoint.runs import RUNS, kept, loaded, run, written
from scssim.engine import cluster as clusters
from scssim.errors import ScssimError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler with four worker processes, which are started again when they are lost."""
    with distributed.LocalCluster(n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.engine.job.BLOCK", 1024)
    monkeypatch.setattr("scssim.report.render.render", lambda out: out)
    monkeypatch.setattr(clusters, "WITHIN", 60)


@pytest.mark.parametrize("name", ["parts of draws with visits", "analyses", "des", "precision"])
def test_a_cluster_leaves_no_trace(name: str, cluster: Any, tmp_path: Path) -> None:
    run(tmp_path / "alone", name)
    run(tmp_path / "cluster", name, scheduler=cluster.scheduler_address)
    assert written(tmp_path / "cluster") == written(tmp_path / "alone")


@pytest.mark.parametrize("which", [slice(1), slice(3)], ids=["one", "three"])
def test_workers_that_are_killed(which: slice, cluster: Any, tmp_path: Path) -> None:
    how = {**RUNS["draws"][1], "draws": 400}
    scssim.run(loaded(), out=tmp_path / "alone", **how)
    killed: list[int] = []

    def kill(done: int, blocks: int) -> None:
        if done == 3:
            killed.extend(worker.pid for worker in list(cluster.workers.values())[which])
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    address = cluster.scheduler_address
    scssim.run(loaded(), out=tmp_path / "cluster", scheduler=address, progress=kill, **how)
    assert len(killed) == which.stop
    assert written(tmp_path / "cluster") == written(tmp_path / "alone")


def test_an_interrupted_run_goes_on_elsewhere(cluster: Any, tmp_path: Path) -> None:
    run(tmp_path / "alone")

    def stop(done: int, blocks: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="are kept in"):
        run(tmp_path / "out", scheduler=cluster.scheduler_address, progress=stop)
    assert 2 <= len(kept(tmp_path / "out")) <= 5
    run(tmp_path / "out")
    assert written(tmp_path / "out") == written(tmp_path / "alone")


def another_build() -> None:
    from scssim.build import build
    from scssim.engine import crew

    other = {**build(), "numpy": "1.0"}
    crew.build = lambda: other  # type: ignore[assignment]


def the_same_build() -> None:
    from scssim import build
    from scssim.engine import crew

    crew.build = build.build


def test_workers_of_another_build_are_refused(cluster: Any, tmp_path: Path) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        client.run(another_build)
        with pytest.raises(ScssimError, match=r"a worker is not like this process \(numpy: 1\.0 there, [\d.]+ here\)"):
            run(tmp_path, scheduler=cluster.scheduler_address)
        client.run(the_same_build)
    run(tmp_path, scheduler=cluster.scheduler_address)


ADDRESSES = [
    "tcp://127.0.0.1:1",
    "127.0.0.1:99999",
    "tcp://nowhere.invalid:8786",
    "nonsense",
    "foo://x:1",
    "",
    "tcp://",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_such_address(
    address: str, call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_path: Path
) -> None:
    monkeypatch.setattr(clusters, "WITHIN", 0.1)
    code, out, err = call("run", str(small_path), "--scheduler", address, "--out", "out")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert err.startswith(f"Error: scheduler: no Dask scheduler answers at {address!r} (")


def test_a_cluster_without_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "WITHIN", 1)
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=None) as empty:
        address = empty.scheduler_address
        with pytest.raises(ScssimError, match=rf"^scheduler: {address} has no workers; start some \(dask worker"):
            run(tmp_path, scheduler=address)


def test_without_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ScssimError, match=r"scheduler: Dask is not installed; install scssim\[dask\]"):
        run(tmp_path, scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_that_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done is kept, and another crew can go on."""
    monkeypatch.setattr(clusters, "WITHIN", 8)  # which is how long it is waited for to come back
    how = {**RUNS["draws"][1], "draws": 400}
    made = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None)

    def close(done: int, blocks: int) -> None:
        if done == 2:
            made.close()
            time.sleep(0.2)

    with made, pytest.raises(ScssimError, match=r"the workers were lost.*; \d+ of 50 blocks are kept in"):
        scssim.run(loaded(), out=tmp_path / "out", scheduler=made.scheduler_address, progress=close, **how)
    assert 2 <= len(kept(tmp_path / "out")) < 50
    scssim.run(loaded(), out=tmp_path / "out", **how)
    scssim.run(loaded(), out=tmp_path / "alone", **how)
    assert written(tmp_path / "out") == written(tmp_path / "alone")
