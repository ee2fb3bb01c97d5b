"""The progress bar shows itself only to people who wait."""

from __future__ import annotations

import io
import sys

import pytest

from scssim.report import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "patience", "blocks", "shown"),
    [
        (Terminal(), 0.0, [1, 2, 3], True),
        (Terminal(), 0.0, [3], False),
        (Terminal(), 60.0, [1, 2, 3], False),
        (io.StringIO(), 0.0, [1, 2, 3], False),
    ],
    ids=["long run", "just done", "short run", "no terminal"],
)
def test_bar(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float, blocks: list[int], shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", patience)
    with progress.bar() as report:
        for done in blocks:
            report(done, 3)
    assert ("Simulating" in stream.getvalue()) == shown
