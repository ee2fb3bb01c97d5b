"""Progress shows itself only to people who wait, and tells what they want to know."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scssim
from scssim.engine.des.run import simulate as simulate_service
from scssim.engine.job import Job
from scssim.engine.run import Status, simulate
from scssim.prepare import make_job
from scssim.report import progress
from scssim.report.progress import Meter, benefit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(scope="module")
def statuses(small_path: Path) -> list[Status]:
    """Of a run with draws, in five blocks of eight draws of 100 patients and two strategies."""
    told: list[Status] = []
    benefits: list[str] = []

    def watch(status: Status) -> None:
        told.append(status)
        benefits.append(benefit(status))  # of the totals as they are then

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scssim.engine.job.BLOCK", 1024)
        quick = scssim.load(small_path, {"settings.visit_months": [], "targets": None})
        simulate(make_job(quick, patients=100, draws=40), watch=watch)
    assert len(told) == 5
    BENEFITS[:] = benefits
    return told


BENEFITS: list[str] = []
"""What is said after each block of `statuses`."""


@pytest.mark.parametrize(
    ("stream", "patience", "blocks", "shown"),
    [
        (Terminal(), 0.0, [1, 2, 3, 4, 5], True),
        (Terminal(), 0.0, [5], False),
        (Terminal(), 60.0, [1, 2, 3, 4, 5], False),
        (io.StringIO(), 0.0, [1, 2, 3, 4, 5], False),
    ],
    ids=["long run", "just done", "short run", "no terminal"],
)
def test_bar(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float, blocks: list[int], shown: bool,
    statuses: list[Status],
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(progress, "PATIENCE", patience)
    with progress.bar() as watch:
        for done in blocks:
            watch(statuses[done - 1])
    assert ("Simulating" in stream.getvalue()) == shown
    assert ("of 5 blocks" in stream.getvalue()) == ("INMB" in stream.getvalue()) == shown
    assert shown or stream.getvalue() == ""


# ---------------------------------------------------------- rate and time left


def test_the_rate_is_of_what_was_simulated_here(statuses: list[Status], clock: Clock) -> None:
    """What was there already took no time, and says nothing of what is to come."""
    meter = Meter()
    assert meter.words() == ""
    meter.note(replace(statuses[1], done=2, kept=2))
    assert meter.words() == "2 of 5 blocks"
    clock.now += 4
    meter.note(replace(statuses[3], done=4, kept=2))
    # Two blocks in four seconds, each a fifth of 40 draws of 100 patients of two strategies.
    assert meter.words() == "4 of 5 blocks, 0.00 million lifetimes/s, 2 s left"
    assert meter.per_second == 0.5


def test_the_next_job_has_a_rate_of_its_own(statuses: list[Status], clock: Clock) -> None:
    meter = Meter()
    clock.now += 100
    meter.note(statuses[4])
    slow = meter.per_second
    other = replace(statuses[4].job, patients=101)
    meter.note(replace(statuses[0], job=other))
    clock.now += 2
    meter.note(replace(statuses[4], job=other))
    assert (slow, meter.per_second) == (0.05, 2.0)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (89.4, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h"), (1e6, "277.8 h")],
)
def test_durations(seconds: float, told: str, statuses: list[Status], clock: Clock) -> None:
    meter = Meter()
    clock.now += seconds
    meter.note(replace(statuses[0], done=1, blocks=2))
    assert meter.words().endswith(f", {told} left")


def test_a_service_has_replications(small_path: Path, clock: Clock) -> None:
    told: list[str] = []
    meter = Meter()

    def watch(status: Status) -> None:
        clock.now += 3
        meter.note(status)
        told.append(meter.words() + benefit(status))

    quick = scssim.load(small_path, {"settings.visit_months": [], "targets": None})
    simulate_service(make_job(quick, patients=20, draws=3, engine="des"), watch=watch)
    assert told == [f"{n} of 3 replications, {3 * (3 - n)} s left" for n in (1, 2, 3)]


# ----------------------------------------------------------------- net benefit


def test_the_net_benefit_so_far(statuses: list[Status], small_path: Path) -> None:
    """Nothing of a few draws; then the mean and its 95 % interval, as the tables of such a run give them."""
    assert BENEFITS[0] == "" and all(BENEFITS[1:])
    quick = scssim.load(small_path, {"settings.visit_months": [], "targets": None})
    for text, draws in zip(BENEFITS[1:], (16, 24, 32, 40), strict=True):
        found = re.fullmatch(
            r"10 kHz, with low-frequency rescue against LF-SCS at 20,000: INMB (\S+) GBP \(95 % (\S+) to (\S+)\) "
            rf"after {draws} draws",
            text,
        )
        assert found is not None, text
        row = scssim.run(quick, patients=100, draws=draws).increments.set_index("strategy").loc["hf"]
        mean, error = row["inmb_20000"], row["inmb_20000_mcse"]
        numbers = [float(one.replace(",", "").replace("−", "-")) for one in found.groups()]
        expected = [mean, mean - 1.959964 * error, mean + 1.959964 * error]
        np.testing.assert_allclose(numbers, expected, atol=0.51)


@pytest.mark.parametrize("draws", [0, 5])
def test_no_net_benefit_without_draws_or_of_a_few(draws: int, small_path: Path) -> None:
    told: list[str] = []
    quick = scssim.load(small_path, {"settings.visit_months": [], "targets": None})
    simulate(make_job(quick, patients=100, draws=draws), watch=lambda status: told.append(benefit(status)))
    assert told == [""]


@pytest.mark.parametrize("change", [{"settings.willingness_to_pay": []}, {"strategies.hf": None}], ids=["none", "one"])
def test_no_net_benefit_without_a_threshold_or_a_choice(change: dict[str, Any], small_path: Path) -> None:
    told: list[str] = []
    quick = scssim.load(small_path, {"settings.visit_months": [], "targets": None, **change})
    job: Job = make_job(quick, patients=50, draws=20)
    simulate(job, watch=lambda status: told.append(benefit(status)))
    assert told == [""]


# ----------------------------------------------------------------------- lines


def test_a_line_now_and_then_without_a_terminal(
    statuses: list[Status], clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.bar() as watch:
        for seconds, status in zip((10, 49, 1, 59, 1), statuses, strict=True):
            clock.now += seconds
            watch(status)
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first.startswith("3 of 5 blocks, 0.00 million lifetimes/s, 40 s left; 10 kHz, with low-frequency rescue")
    assert second.startswith("5 of 5 blocks, ") and ", 0 s left; " in second
    assert "\x1b" not in captured.err and "\r" not in captured.err


def test_a_quick_run_says_nothing(call: Callable[..., Any], small_path: Path) -> None:
    code, _, err = call("run", str(small_path), "--patients", "50", "--draws", "12", "--workers", "1")
    assert (code, err) == (0, "")
