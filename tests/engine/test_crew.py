"""Whoever works on a job, and whatever becomes of them: results are those of one process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import scssim
from checkpoint.runs import RUNS, kept, loaded
from scssim.build import build
from scssim.checkpoint.packed import packed
from scssim.engine import crew as crews
from scssim.engine.crew import Crew, Hired, Processes
from scssim.engine.des.run import replicate
from scssim.engine.job import Job, blocks
from scssim.engine.run import simulate_block
from scssim.errors import ScssimError
from scssim.prepare import make_job

NAMES = ("visits", "parts of draws with visits", "des")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.engine.job.BLOCK", 1024)
    monkeypatch.setattr(crews, "WORTH_A_POOL", 0)


def job_of(name: str) -> Job:
    return make_job(loaded(name), **RUNS[name][1])


def pieces_of(job: Job) -> tuple[Any, list[Any]]:
    if job.engine == "des":
        return replicate, list(range(job.draws))
    return simulate_block, blocks(job)


def bits(crew: Crew, name: str) -> list[bytes]:
    """What a crew makes of all pieces of a job, to the last bit."""
    job = job_of(name)
    work, pieces = pieces_of(job)
    with crew.results(job, work, pieces) as results:
        return [packed(found, {}) for found, _ in results]


@pytest.fixture(scope="module")
def alone() -> dict[str, list[bytes]]:
    """What this process makes of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scssim.engine.job.BLOCK", 1024)
        found = {name: bits(Crew(), name) for name in NAMES}
    assert all(len(parts) >= 4 for parts in found.values())
    return found


Alone = dict[str, list[bytes]]


def spawned(workers: int = 2, **how: Any) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), **how)


# ------------------------------------------------------------------ executors


@pytest.mark.parametrize("name", NAMES)
def test_threads(name: str, alone: Alone) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert bits(Hired(executor), name) == alone[name]


def test_processes_of_somebody_else(alone: Alone, tmp_path: Path) -> None:
    with spawned() as executor:
        assert bits(Hired(executor), "visits") == alone["visits"]
        how = RUNS["draws"][1]
        one, other = scssim.run(loaded(), executor=executor, out=tmp_path, **how), scssim.run(loaded(), **how)
        assert one.psa.equals(other.psa) and one.costs.equals(other.costs)
        # They are as they were: whoever made them may go on with them.
        assert executor.submit(abs, -3).result() == 3


def test_blas_keeps_to_one_thread_while_others_come_and_go() -> None:
    """Threads share the limit: the one that is done first must not lift it for the others."""
    done, seen = threading.Event(), []

    def work(job: Job, piece: int) -> int:
        if piece == 1:
            assert done.wait(30)
            time.sleep(0.05)  # until its limit is lifted
            seen.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return piece

    def told(future: Any) -> None:
        if future.result()[1] == 0:
            done.set()

    class Telling(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **named: Any) -> Any:
            future = super().submit(*arguments, **named)
            future.add_done_callback(told)
            return future

    with threadpool_limits(2), Telling(2) as executor, Hired(executor).results(job_of("visits"), work, [0, 1]) as found:
        assert [value for value, _ in found] == [0, 1]
    assert seen and set(seen) == {1}


def pretend() -> None:
    other = {**build(), "numpy": "1.0"}
    crews.build = lambda: other  # type: ignore[assignment]


def test_workers_of_another_build_are_refused() -> None:
    with (
        spawned(1, initializer=pretend) as executor,
        pytest.raises(ScssimError, match=r"a worker is not like this process \(numpy: 1\.0 there, [\d.]+ here\)"),
    ):
        bits(Hired(executor), "visits")


class Missing(Executor):
    """Workers that do not have this version."""

    def submit(self, *_: Any, **__: Any) -> Any:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(__import__, "scssim.not_there_yet")


def test_workers_without_the_program_are_refused() -> None:
    with pytest.raises(ScssimError, match=r"a worker cannot do its work: No module named 'scssim.not_there_yet'; "):
        bits(Hired(Missing()), "visits")


def test_somebody_elses_processes_that_are_lost(tmp_path: Path) -> None:
    """Nobody can start new ones, but what is done is kept."""
    with spawned(1, initializer=die) as executor, pytest.raises(ScssimError, match="a worker process ended before"):
        bits(Hired(executor), "visits")
    with spawned(1) as executor:

        def kill(done: int, of: int) -> None:
            if done == 1:
                for pid in executor._processes:
                    os.kill(pid, signal.SIGKILL)

        with pytest.raises(ScssimError, match=r"ended before its work was done.*; \d of 5 blocks are kept in"):
            scssim.run(loaded(), executor=executor, out=tmp_path, progress=kill, **RUNS["draws"][1])
    assert 1 <= len(kept(tmp_path)) < 5


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"executor": ThreadPoolExecutor(1), "scheduler": "tcp://127.0.0.1:1"}, "executor and scheduler: give one of"),
        ({"workers": 0}, "workers: 0 is not possible; give 1 or more"),
    ],
    ids=["both", "nobody"],
)
def test_nonsense_is_refused(how: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match=told):
        scssim.run(loaded(), patients=10, draws=0, **how)
    with pytest.raises(ScssimError, match=told):
        scssim.run_blocks(loaded(), "0:1", tmp_path, **RUNS["draws"][1], **how)


def fail(job: Job, piece: Any) -> Any:
    raise RuntimeError(f"of {piece}")


@pytest.mark.parametrize("processes", [False, True])
def test_an_error_of_the_work_itself_comes_through(processes: bool) -> None:
    with (
        Processes(2) if processes else ThreadPoolExecutor(2) as workers,
        pytest.raises(RuntimeError, match="of 1"),
        (workers if isinstance(workers, Crew) else Hired(workers)).results(job_of("visits"), fail, [1, 1]) as found,
    ):
        next(found)
    assert multiprocessing.active_children() == []


# ------------------------------------------------------------- lost processes


def working() -> list[int]:
    return [process.pid for process in multiprocessing.active_children() if process.pid is not None]


def killing(crew: Crew, name: str, which: slice) -> list[bytes]:
    """As `bits`; some processes are killed once the first piece is done."""
    job = job_of(name)
    work, pieces = pieces_of(job)
    with crew.results(job, work, pieces * 3) as results:
        found = [packed(next(results)[0], {})]
        for pid in working()[which]:
            os.kill(pid, signal.SIGKILL)
        found += [packed(part, {}) for part, _ in results]
    return found


@pytest.mark.parametrize(("name", "which"), [("parts of draws with visits", slice(1)), ("des", slice(None))])
def test_processes_that_are_killed_are_replaced(
    name: str, which: slice, alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []
    renew = Processes.renew

    def noted(self: Processes, losses: int) -> bool:
        lost.append(losses)
        return renew(self, losses)

    monkeypatch.setattr(Processes, "renew", noted)
    with Processes(2) as crew:
        assert killing(crew, name, which) == alone[name] * 3
    assert lost == [1]
    assert working() == []


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_that_are_killed_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "_start_worker", die)
    with (
        Processes(2) as crew,
        pytest.raises(ScssimError, match="a worker process ended before its work was done, again and again"),
    ):
        bits(crew, "visits")
    assert working() == []


def end_in_the_middle(marker: Path, job: Job, piece: int) -> int:
    """The first time, end while the result is on its way to the parent: its length is told and nothing follows."""
    if piece == 3 and not marker.exists():
        marker.touch()
        frame: Any = sys._getframe()
        while "result_queue" not in frame.f_locals:
            frame = frame.f_back
        queue = frame.f_locals["result_queue"]
        queue._wlock.acquire()
        os.write(queue._writer.fileno(), struct.pack("!i", 1_000_000) + b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return piece


def test_a_process_killed_in_the_middle_of_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool of the standard library waits for the rest of it for ever."""
    monkeypatch.setattr(crews, "STUCK", 0.2)
    with Processes(2) as crew:
        work = partial(end_in_the_middle, tmp_path / "killed")
        with crew.results(job_of("visits"), work, range(12)) as results:
            assert [found for found, _ in results] == list(range(12))
    assert (tmp_path / "killed").exists() and working() == []


def sleep(job: Job, piece: int) -> int:
    time.sleep(0 if piece == 0 else 600)
    return piece


def test_work_that_nobody_wants_any_more_ends_at_once() -> None:
    with Processes(2) as crew:
        with crew.results(job_of("visits"), sleep, range(9)) as results:
            assert next(results) == (0, False) and len(working()) == 2
        assert working() == []
        with crew.results(job_of("visits"), sleep, [0, 0, 0]) as results:  # and there is a next job
            assert list(results) == [(0, False)] * 3


def test_processes_are_kept_from_job_to_job_and_end_with_the_crew(alone: Alone) -> None:
    with Processes(2) as crew:
        assert bits(crew, "visits") == alone["visits"]
        first = working()
        assert bits(crew, "des") == alone["des"]
        assert len(first) == 2 and working() == first
    assert working() == []


# -------------------------------------------------------------------- stores


class Memory:
    """Keeps what was found, and some of it already."""

    def __init__(self, **found: Any) -> None:
        self.found = {int(name[1:]): value for name, value in found.items()}
        self.asked: list[int] = []

    def get(self, number: int, piece: Any) -> Any:
        self.asked.append(number)
        return self.found.get(number)

    def put(self, number: int, piece: Any, found: Any) -> None:
        assert number not in self.found
        self.found[number] = found


def double(job: Job, piece: int) -> int:
    return 2 * piece


@pytest.fixture(params=["here", "threads"])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    if request.param == "here":
        yield Crew()
    else:
        with ThreadPoolExecutor(2) as executor:
            yield Hired(executor)


def test_what_is_kept_is_not_done_again(crew: Crew) -> None:
    store = Memory(_5="kept", _9="too")
    with crew.results(job_of("visits"), double, range(4, 14), 4, store) as results:  # type: ignore[arg-type]
        found = list(results)
    expected: list[Any] = [(2 * n, False) for n in range(4, 14)]
    expected[1], expected[5] = ("kept", True), ("too", True)
    assert found == expected
    assert store.asked == list(range(4, 14)) and store.found.keys() == {*range(4, 14)}


def test_no_more_is_handed_out_than_is_asked_for() -> None:
    store = Memory()
    with ThreadPoolExecutor(1) as executor:
        crew = Hired(executor)
        assert crew.size == 1
        with crew.results(job_of("visits"), double, range(50), 0, store) as results:  # type: ignore[arg-type]
            for number in range(3):
                assert next(results) == (2 * number, False)
        assert len(store.asked) <= 3 + crews.AHEAD
