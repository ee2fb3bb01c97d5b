"""Doubts about scenarios as tests state them: overrides that raise one, and overrides that come close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import scssim
from scssim.scenario.messages import LONGEST

HF10, LF = "therapies.hf10", "therapies.lf_scs"

Doubt = tuple[dict[str, Any], str, str, dict[str, Any]]
"""Overrides, path and words of the warning, overrides that come close."""


def doubts(path: Path, overrides: dict[str, Any]) -> dict[str, str]:
    """What is doubted, by path."""
    return {warning.path: warning.what for warning in scssim.load(path, overrides).warnings}


def is_told(scenario: Path, doubt: Doubt) -> None:
    """Make sure that what is odd is told, once."""
    overrides, path, words, _ = doubt
    (warning,) = (w for w in scssim.load(scenario, overrides).warnings if w.path == path)
    assert words in warning.what
    assert warning.allowed and warning.where
    assert len(warning.what) < LONGEST, "a message is cut"


def is_not_told(scenario: Path, doubt: Doubt) -> None:
    """Make sure that what comes close is not doubted."""
    _, path, words, close = doubt
    assert words not in doubts(scenario, close).get(path, "")
