"""Without limited resources both engines give each patient the same history, and the same tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import scssim
from engine.tiny import Data, load
from engine.wild import scenarios
from scssim.engine.ledger import Ledger
from scssim.model.history import NEVER, Episode
from scssim.model.outcomes import Account
from scssim.result import Result
from scssim.scenario.load import LoadedScenario

TABLES = ("outcomes", "increments", "frontier", "visits", "occupancy", "events", "costs")
EXACT = 1e-9


def played(loaded: LoadedScenario, engine: str, **how: Any) -> tuple[Result, list[list[Episode]]]:
    """The result of a run, and the episodes of each strategy, block by block."""
    found: list[tuple[int, list[Episode]]] = []
    add, end = Account.add, Ledger.end
    with pytest.MonkeyPatch.context() as patch:

        def noted(account: Account, episode: Episode) -> None:
            account.__dict__["episodes"] = [*account.__dict__.get("episodes", []), episode]
            add(account, episode)

        def ended(ledger: Ledger, position: int, account: Account) -> None:
            found.append((position, account.__dict__["episodes"]))
            end(ledger, position, account)

        patch.setattr(Account, "add", noted)
        patch.setattr(Ledger, "end", ended)
        result = scssim.run(loaded, engine=engine, **how)
    return result, [episodes for _, episodes in sorted(found, key=lambda one: one[0])]


def times(e: Episode) -> dict[str, np.ndarray[Any, Any]]:
    """What happened in an episode, by patient of the block: all that outcomes look at."""
    own = e.cells.index
    last = np.where(e.active, e.free, NEVER)
    order = np.lexsort((e.occurrences.time, own[e.occurrences.cell]))
    course = np.lexsort((e.courses.start, own[e.courses.cell]))
    cell, depleted, replaced = e.replacements
    device = np.lexsort((depleted, own[cell]))
    late = np.argsort(own[e.depleted[0]])
    active = np.flatnonzero(e.active)
    found = {
        "who": own[active], "start": e.start[active], "trial": np.minimum(e.trial, last)[active],
        "tried": np.minimum(e.tried, last)[active], "t0": e.t0[active], "end": e.end[active],
        "free": e.free[active], "begun": e.begun[active], "reason": e.reason[active],
        "responded": e.plan.responded[active],
        "ill": own[e.occurrences.cell[order]], "of": e.occurrences.kind[order], "when": e.occurrences.time[order],
        "revised": e.revisions[order], "repeats": own[e.courses.cell[course]], "from": e.courses.start[course],
        "until": e.courses.loss[course], "depletes": own[cell[device]], "depleted": depleted[device],
        "replaced": replaced[device], "dies": own[e.depleted[0][late]], "died": e.depleted[1][late],
    }  # fmt: skip
    return {name: np.asarray(x, dtype=float) for name, x in found.items()}


def assert_same_tables(one: Result, other: Result) -> None:
    """Numbers differ by 1e-9, relative to those above 1; all else is equal."""
    for name in TABLES:
        a, b = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(a, b, rtol=EXACT, atol=EXACT, obj=name)


def assert_agree(loaded: LoadedScenario, **how: Any) -> None:
    """Both engines agree, patient by patient and table by table."""
    (result, cohort), (other, des) = (played(loaded, engine, **how) for engine in ("cohort", "des"))
    assert len(cohort) == len(des)
    for mine, theirs in zip(cohort, des, strict=True):
        mine, theirs = ([e for e in some if e.active.any()] for some in (mine, theirs))
        assert [(e.plan.therapy.id, e.again) for e in mine] == [(e.plan.therapy.id, e.again) for e in theirs]
        for a, b in zip(mine, theirs, strict=True):
            expected, got = times(a), times(b)
            for name, x in expected.items():
                np.testing.assert_allclose(got[name], x, rtol=0, atol=EXACT, err_msg=f"{name} of {a.plan.therapy.id}")
    assert_same_tables(result, other)


@settings(max_examples=80)
@given(data=scenarios())
def test_random_scenarios(data: Data) -> None:
    assert_agree(load(data))
