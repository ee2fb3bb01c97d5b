"""A run that is interrupted and started again ends as if nothing had happened, and does nothing twice."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scssim
from analysis.runs import QUICK, SMALL
from checkpoint.runs import RUNS, Stop, interrupted, kept, loaded, put, run, simulated, written
from scssim import files
from scssim.checkpoint import folder as folders
from scssim.errors import ScssimError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """What each of `RUNS` writes when nobody interrupts it."""
    found: dict[str, dict[str, bytes]] = {}

    def of(name: str) -> dict[str, bytes]:
        if name not in found:
            out = tmp_path_factory.mktemp("whole")
            run(out, name)
            found[name] = written(out)
        return found[name]

    return of


Whole = Callable[[str], dict[str, bytes]]

# ------------------------------------------------------------- interrupted


@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_on(name: str, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = whole(name)
    every = simulated(monkeypatch)
    run(tmp_path / "again", name)
    pieces = list(every)
    assert len(pieces) >= 4
    for after in (1, 3) if len(pieces) < 6 else (3, 6):
        out = tmp_path / str(after)
        every.clear()
        there = interrupted(out, name, after)
        assert there == len(every)
        run(out, name)
        assert every == pieces
        assert written(out) == reference
        assert not (out / "blocks").exists()


@pytest.mark.parametrize("name", ["parts of draws with visits", "des"])
def test_with_processes(name: str, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = whole(name)
    every = simulated(monkeypatch)
    run(tmp_path / "again", name)
    number = len(every)
    every.clear()
    there = interrupted(tmp_path / "out", name, 2, workers=2)
    assert 2 <= there <= number and len(every) >= there
    every.clear()
    run(tmp_path / "out", name, workers=2)
    assert len(every) == number - there
    assert written(tmp_path / "out") == reference


@pytest.mark.parametrize("after", [6, 9, 13, 17, 20, 23])
def test_in_the_middle_of_an_analysis(
    after: int, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = simulated(monkeypatch)
    run(tmp_path / "again", "analyses")
    pieces = list(every)
    every.clear()
    there = interrupted(tmp_path / "out", "analyses", after)
    done = len(every)
    # What has one block only, such as a base case, is not kept.
    assert there >= 5 and done - there <= 2 and len(kept(tmp_path / "out")) == there
    every.clear()
    run(tmp_path / "out", "analyses")
    assert len(every) == len(pieces) - there
    assert written(tmp_path / "out") == whole("analyses")


def test_again_and_again(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = put(monkeypatch)
    run(tmp_path / "again", "analyses")
    number, attempts = len(every), 0
    every.clear()
    while True:
        attempts += 1
        try:
            run(tmp_path / "out", "analyses", progress=Stop(3 * attempts))
        except KeyboardInterrupt:
            assert attempts < 100
        else:
            break
    assert attempts > 4
    assert written(tmp_path / "out") == whole("analyses")
    assert len(every) == number > 20


@pytest.mark.parametrize("error", [RuntimeError("lost"), ScssimError("no more"), SystemExit(3)], ids=repr)
def test_any_error_leaves_what_was_done(error: BaseException, whole: Whole, tmp_path: Path) -> None:
    assert interrupted(tmp_path, after=3, error=error) == 3
    run(tmp_path)
    assert written(tmp_path) == whole("draws")


def test_more_workers_go_on_with_what_fewer_began(whole: Whole, tmp_path: Path) -> None:
    interrupted(tmp_path, after=2)
    run(tmp_path, workers=2)
    assert written(tmp_path) == whole("draws")


def test_the_end_is_told_of_what_was_there(tmp_path: Path) -> None:
    interrupted(tmp_path, after=2)
    progress = Stop(0)
    run(tmp_path, progress=progress)
    assert progress.told == [(n, 5) for n in range(1, 6)]


def test_an_interrupt_tells_what_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match=r"3 of 5 blocks are kept in .*blocks; the same command goes on"):
        run(tmp_path, progress=Stop(3))
    assert folders.begun(tmp_path) == "3 of 5 blocks"
    with pytest.raises(ScssimError, match=r"^no more; 4 of 5 blocks are kept in .*blocks; the same command goes on"):
        run(tmp_path, progress=Stop(4, ScssimError("no more")))


def test_numbers_of_numpy_are_numbers(whole: Whole, tmp_path: Path) -> None:
    how: dict[str, Any] = {"patients": np.int64(100), "draws": np.int32(40), "seed": np.uint64(7)}
    interrupted(tmp_path, after=3, **how)
    run(tmp_path)
    assert written(tmp_path) == whole("draws")


def test_a_run_of_one_block_keeps_nothing(tmp_path: Path) -> None:
    interrupted(tmp_path, after=1, patients=100, draws=2)
    assert not (tmp_path / "blocks").exists() and folders.begun(tmp_path) is None
    run(tmp_path, patients=100, draws=3)  # so there is nothing to refuse


def test_while_results_are_written(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = simulated(monkeypatch)
    for where in ("scssim.report.write.write", "scssim.report.render.render", "scssim.report.write._write_tables"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(where, lambda *_: Stop(1)(0, 0))
            run(tmp_path)
        assert len(kept(tmp_path)) == 5
    assert len(every) == 5
    run(tmp_path)
    assert len(every) == 5
    assert written(tmp_path) == whole("draws")


@pytest.mark.parametrize("after", range(1, 9))
def test_while_what_was_kept_is_removed(
    after: int, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is left of it, the same command completes the run."""
    calls = 0

    def dying(name: str) -> Callable[..., Any]:
        original = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == after:
                raise KeyboardInterrupt
            return original(*arguments, **named)

        return call

    done = folders.Checkpoint.done

    def killed(self: folders.Checkpoint, results: Iterable[Path]) -> None:
        with monkeypatch.context() as patch:
            for name in ("unlink", "rmdir", "rename"):
                patch.setattr(os, name, dying(name))
            done(self, results)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(folders.Checkpoint, "done", killed)
        run(tmp_path)
    run(tmp_path)
    assert written(tmp_path) == whole("draws")
    assert {path.name for path in tmp_path.iterdir()} <= {".lock", "manifest.json", "results.json", "tables"}


# --------------------------------------------------------------- another run


PATIENTS = "age,female,back_vas,leg_vas,odi\n" + "".join(f"{50 + i},{i % 2},7,6,50\n" for i in range(9))


def refusal(out: Path, **how: Any) -> str:
    with pytest.raises(ScssimError) as caught:
        run(out, **how)
    return str(caught.value)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"seed": 8}, "seed: 7 there, 8 here"),
        ({"patients": 101}, "patients: 100 there, 101 here"),
        ({"draws": 41}, "draws: 40 there, 41 here"),
        ({"engine": "des"}, "engine: cohort there, des here"),
        ({"precision": 1e6}, "precision: None there, 1000000.0 here"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_another_run_is_refused(how: dict[str, Any], told: str, whole: Whole, tmp_path: Path) -> None:
    interrupted(tmp_path, after=2)
    before = {path: path.read_bytes() for path in (tmp_path / "blocks").rglob("*.*")}
    message = refusal(tmp_path, **how)
    assert f"holds 2 of 5 blocks of another unfinished run ({told})" in message and "--restart" in message
    assert {path: path.read_bytes() for path in (tmp_path / "blocks").rglob("*.*")} == before
    run(tmp_path)
    assert written(tmp_path) == whole("draws")


def test_another_value_is_named(tmp_path: Path) -> None:
    interrupted(tmp_path, after=2)
    with pytest.raises(ScssimError, match=r"\(therapies\.hf10\.costs\.device: 16648 there, 17000 here\)"):
        scssim.run(loaded(**{"therapies.hf10.costs.device": 17000}), out=tmp_path, **RUNS["draws"][1])
    many = {f"therapies.hf10.costs.{name}": 1 for name in ("trial", "implant", "device", "revision", "explant")}
    with pytest.raises(ScssimError, match=r"trial: 2170 there, 1 here; .*; and 2 more values of the scenario\)"):
        scssim.run(loaded(**many), out=tmp_path, **RUNS["draws"][1])


def test_another_patient_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text(PATIENTS)
    how: dict[str, Any] = {"out": tmp_path / "out", "patients": 100, "draws": 40}
    scenario = {**QUICK, "population": {"file": str(path), "diagnosis": None}}
    with pytest.raises(KeyboardInterrupt):
        scssim.run(scssim.load(SMALL, scenario), progress=Stop(2), **how)
    path.write_text(PATIENTS.replace("58,", "59,"))
    with pytest.raises(ScssimError, match=r"another unfinished run \(.*content"):
        scssim.run(scssim.load(SMALL, scenario), **how)
    path.write_text(PATIENTS)
    moved = tmp_path / "moved.csv"
    path.rename(moved)
    # What a file says counts, and not where it lies.
    again = scssim.load(SMALL, {**scenario, "population.file": str(moved)})
    one, other = scssim.run(again, **how), scssim.run(again, patients=100, draws=40)
    assert one.psa.equals(other.psa)


BUILDS = {
    "scssim": ("0.0.1", r"scssim: 0\.0\.1 there, [\d.]+\w* here"),
    "code": ("abc", r"code: abc there, \w+ here"),
    "numpy": ("1.0", r"numpy: 1\.0 there, [\d.]+ here"),
    "CPU features": ("AVX9000", r"CPU features: only there AVX9000; only here .*"),
}


@pytest.mark.parametrize("what", BUILDS)
def test_another_build_is_refused(what: str, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value, told = BUILDS[what]
    other = {**scssim.api.build(), what: value}
    with monkeypatch.context() as patch:
        patch.setattr("scssim.api.build", lambda: other)
        interrupted(tmp_path, after=2)
    with pytest.raises(ScssimError, match=rf"another unfinished run \({told}\); go on with the command"):
        run(tmp_path)
    run(tmp_path, restart=True)
    assert written(tmp_path) == whole("draws")


def test_blocks_of_nobody_knows_what_are_refused(tmp_path: Path) -> None:
    for text in (None, "", "{", "{}", "[]", '{"scenario": 3}', "\xff"):
        interrupted(tmp_path, after=2, restart=True)
        manifest = tmp_path / "blocks" / "manifest.json"
        manifest.unlink()
        if text is not None:
            manifest.write_bytes(text.encode("latin-1"))
        assert "has blocks, and no manifest.json that says of which run; go on with" in refusal(tmp_path)
        assert len(kept(tmp_path)) == 2


# ------------------------------------------------------------------- restart


def test_restart_discards_what_was_there(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path, after=3, seed=8)
    every = simulated(monkeypatch)
    run(tmp_path, restart=True)
    assert len(every) == 5
    assert written(tmp_path) == whole("draws") and not (tmp_path / "blocks").exists()


def test_restart_of_nothing_is_a_run(whole: Whole, tmp_path: Path) -> None:
    run(tmp_path / "new", restart=True)
    assert written(tmp_path / "new") == whole("draws")
    with pytest.raises(ScssimError, match="restart: only a run with a directory"):
        scssim.run(SMALL, restart=True)


def test_a_complete_run_can_be_run_again_as_anything(tmp_path: Path) -> None:
    run(tmp_path)
    assert not (tmp_path / "blocks").exists()
    run(tmp_path, seed=8)
    assert json.loads((tmp_path / "results.json").read_text())["seed"] == 8


# ---------------------------------------------------------------------- lock

HOLD = """
import sys
from pathlib import Path
from filelock import FileLock
with FileLock(Path(sys.argv[1]) / ".lock"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_in_one_directory(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path, after=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        every = simulated(monkeypatch)
        for how in ({}, {"restart": True}):
            assert refusal(tmp_path, **how).startswith(f"another process works in {tmp_path}: wait until it has ended")
        with pytest.raises(ScssimError, match="another process works in"):
            scssim.run_blocks(loaded(), "0:2", tmp_path, **RUNS["draws"][1])
        assert not every and {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    finally:
        other.kill()  # which frees the lock
        other.communicate()
    run(tmp_path)
    assert len(every) == 3 and written(tmp_path) == whole("draws")


def test_a_second_run_within_a_run_is_refused_too(whole: Whole, tmp_path: Path) -> None:
    told: list[str] = []

    def second(done: int, blocks: int) -> None:
        if done == 2:
            told.append(refusal(tmp_path))

    run(tmp_path, progress=second)
    assert len(told) == 1 and "another process works in" in told[0]
    assert written(tmp_path) == whole("draws")


def test_a_place_that_cannot_be_locked(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock._acquire", refuse)
    result = run(tmp_path)
    (told,) = (warning for warning in result.warnings if "cannot be locked" in warning)
    assert "No locks available" in told
    assert written(tmp_path) == whole("draws")


# ----------------------------------------------------------------- full disk


@pytest.mark.parametrize("after", [1, 2, 4, 6, 9, 14])
def test_a_full_disk(after: int, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file it is that finds no room: the manifest of the blocks, one of them, or one of the results."""
    replacing, number = files.replacing, 0

    def full(*paths: Path) -> Any:
        nonlocal number
        number += 1
        if number >= after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(paths[0]))
        return replacing(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(files, "replacing", full)
        message = refusal(tmp_path)
    assert message.startswith("cannot write ") and "No space left on device" in message
    assert ("blocks are kept" in message) == (after > 2)
    assert len(kept(tmp_path)) == max(0, min(after - 2, 5))
    run(tmp_path)
    assert written(tmp_path) == whole("draws")


def test_a_block_that_cannot_be_read_is_simulated_again(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, after=3)
    victim = kept(tmp_path)[1]
    read = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path == victim:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    every = simulated(monkeypatch)
    result = run(tmp_path)
    assert len(every) == 3 and any("block 1 in" in warning for warning in result.warnings)
    assert written(tmp_path) == whole("draws")


def test_histories_are_of_the_whole_run(tmp_path: Path) -> None:
    how: dict[str, Any] = {"histories": tmp_path / "histories"}
    interrupted(tmp_path / "out", "draws", 3, **how)
    found = run(tmp_path / "out", "draws", **how).histories
    reference = run(tmp_path / "whole", "draws", histories=tmp_path / "others").histories
    assert found is not None and reference is not None
    assert written(tmp_path / "out") == written(tmp_path / "whole")


def test_whatever_a_store_is_given_is_kept_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is lost when the process is killed without a chance to say anything."""
    there: list[int] = []
    run(tmp_path, progress=lambda *_: there.append(len(kept(tmp_path))))
    assert there == [1, 2, 3, 4, 5]
