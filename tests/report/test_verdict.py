"""What `scssim validate` says of a valid scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scssim.errors import Problem
from scssim.report.verdict import verdict
from scssim.scenario.load import load


def test_warnings_are_counted_grouped_and_said_once(small_path: Path) -> None:
    same = ("a number is odd, and this is why it matters", "another number")
    warnings = [
        Problem("s.yaml:30:3", "therapies.b.x", *same),
        Problem("s.yaml:9:5", "therapies.a.x", *same),
        Problem("--set settings.seed", "settings.seed", "is odd"),
        Problem("s.yaml:1:1", "nowhere", "is odd, too"),
    ]
    lines = list(verdict(replace(load(small_path), warnings=warnings)))
    assert lines == [
        "OK: Small scenario for tests (2 strategies, 4 therapies); 4 warnings",
        "Valid, but this may not be what was meant: 1 in settings, 2 in therapies, 1 in other",
        "",
        "settings",
        "  --set settings.seed: settings.seed",
        "      is odd",
        "",
        "therapies",
        "  s.yaml:9:5: therapies.a.x",
        "  s.yaml:30:3: therapies.b.x",
        "      a number is odd, and this is why it matters",
        "      To mend it: another number",
        "",
        "other",
        "  s.yaml:1:1: nowhere",
        "      is odd, too",
    ]


def test_nothing_to_say(small_path: Path) -> None:
    overrides = {"strategies": {"hf": None}, "therapies.hf10": None, "targets": []}
    (line,) = verdict(replace(load(small_path, overrides), warnings=[]))
    assert line == "OK: Small scenario for tests (1 strategy, 3 therapies); no warnings"


def test_long_reasons_are_wrapped_and_places_are_not(small_path: Path) -> None:
    place = "/".join(["a_long_folder"] * 12) + "/s.yaml:1:1"
    lines = list(verdict(replace(load(small_path), warnings=[Problem(place, "settings.seed", "very " * 60)])))
    assert f"  {place}: settings.seed" in lines
    assert all(len(line) <= 100 for line in lines if place not in line)


def test_warnings_are_no_mistakes(call: Callable[..., Any], small_path: Path) -> None:
    code, out, err = call("validate", str(small_path), "--set", "settings.discount_rate.costs=0")
    assert (code, err) == (0, "")
    assert "; 1 warning\n" in out and "settings.discount_rate.costs: settings.discount_rate.costs" in out
    assert "costs are not discounted" in out and "To mend it: 0.035" in out
