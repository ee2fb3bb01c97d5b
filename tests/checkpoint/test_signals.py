"""Ctrl-C on the command line: exit code 130, a message, no process left, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoint.driver import processes, start
from checkpoint.runs import kept, written

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")


def stopped(
    folder: Path, out: Path, stop: Callable[[subprocess.Popen[str]], None], blocks: int = 3, *more: str
) -> tuple[int, str]:
    """Start a run and stop it as soon as it has so many blocks; exit code and what it told."""
    process = start(folder, out, *more)
    until = time.monotonic() + 120
    while len(kept(out)) < blocks and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    stop(process)
    _, told = process.communicate(timeout=120)
    until = time.monotonic() + 60
    while processes(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes(process.pid) == []
    return process.returncode, told


def test_an_interrupt_of_the_group(tmp_path: Path) -> None:
    whole = start(tmp_path, tmp_path / "whole")
    out = tmp_path / "out"
    code, told = stopped(tmp_path, out, lambda process: os.killpg(process.pid, signal.SIGINT))
    assert code == 130
    number = len(kept(out))
    assert number >= 3
    assert told.startswith("Interrupted: ") and told.count("\n") == 1
    assert told.endswith(f" of 15 blocks are kept in {out / 'blocks'}; the same command goes on from there.\n")
    code, told = stopped(tmp_path, out, lambda process: process.kill(), number + 3)
    assert code == -signal.SIGKILL and told.startswith(f"{out} has ")
    again = start(tmp_path, out)
    for process in (whole, again):
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
    assert written(out) == written(tmp_path / "whole")


def test_another_command_while_one_is_at_work(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def second(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGSTOP)
        try:
            other = start(tmp_path, out)
            printed, told = other.communicate(timeout=120)
            assert (other.returncode, printed) == (2, "")
            assert f"Error: another process works in {out}: wait until it has ended, or give another directory" in told
        finally:
            process.send_signal(signal.SIGCONT)

    code, told = stopped(tmp_path, out, second)
    assert code == 0, told
    assert written(out) and not (out / "blocks").exists()
