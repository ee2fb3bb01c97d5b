"""Fixtures of runs that are interrupted."""

from __future__ import annotations

import pytest

from checkpoint.runs import LEAF


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one leaf, so that small runs have several, and no figures."""
    monkeypatch.setattr("scssim.engine.job.BLOCK", LEAF)
    monkeypatch.setattr("scssim.engine.crew.WORTH_A_POOL", 0)
    monkeypatch.setattr("scssim.report.render.render", lambda out: out)
