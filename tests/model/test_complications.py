"""Complications drawn together: each kind as if it were alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scssim.model.complications import Complications, Occurrences
from scssim.model.patients import Cells
from scssim.model.streams import stream, uniform, words
from scssim.model.timing import hazard_timer

N = 4000
NOW = SimpleNamespace(years=0.0, months=None, weeks=None, days=None)


def kind(hazard: Any, **other: Any) -> SimpleNamespace:
    """A bound complication."""
    spec = {"ratio": 1.0, "cost": None, "utility": None, "revision": 0.0, "revision_wait": NOW, "relief_lost": 0.0}
    return SimpleNamespace(**(spec | {"explant": 0.0, "reimplant": False, "hazard": hazard} | other))


def pieces(*pairs: tuple[float | None, Any]) -> tuple[SimpleNamespace, ...]:
    return tuple(SimpleNamespace(until_years=end, rate=rate) for end, rate in pairs)


KINDS = {
    "constant": kind(0.3, ratio=1.5),
    "early": kind(pieces((0.5, 2.0), (None, 0.0)), explant=0.2, revision=0.5),
    "late": kind(pieces((2.0, 0.0), (4.0, 0.9), (None, 0.2)), relief_lost=0.4, revision=1.0),
    "never": kind(0.0, cost=10.0),
}


def cells(draws: int = 0) -> Cells:
    each = N // max(draws, 1)
    base = np.concatenate([words("patients", 3, d, 0, each) for d in range(max(draws, 1))])
    if not draws:
        return Cells(base, None, np.arange(base.size))
    draw = np.repeat(np.arange(draws), each)
    return Cells(base, draw, np.arange(base.size), regular=(slice(0, draws), each))


def drawn(kinds: dict[str, Any], people: Cells, limit: Any) -> Occurrences:
    return Complications(kinds).draw(people, ("device", 0, 0), np.broadcast_to(limit, people.n).copy())


def of(found: Occurrences, number: int) -> Occurrences:
    return found.take(np.flatnonzero(found.kind == number))


def same(a: Occurrences, b: Occurrences) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("cell", "time", "revised", "explanted"))


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_other_kinds_change_nothing(number: int) -> None:
    people, name = cells(), list(KINDS)[number]
    together = of(drawn(KINDS, people, 6.0), number)
    alone = drawn({name: KINDS[name]}, people, 6.0)
    # Another kind's pieces cut the same constant hazard in two: only the last digit may differ.
    assert np.array_equal(together.cell, alone.cell)
    np.testing.assert_allclose(together.time, alone.time, rtol=1e-14)
    assert np.array_equal(together.explanted, alone.explanted) and np.array_equal(together.revised, alone.revised)


@pytest.mark.parametrize("name", list(KINDS)[:3])
def test_first_times_are_those_of_the_timer(name: str) -> None:
    people = cells()
    found = drawn({name: KINDS[name]}, people, 6.0)
    first = np.full(N, np.inf)
    np.minimum.at(first, found.cell, found.time)
    e = -np.log(uniform(people.words, stream("complication", "device", 0, 0, name, 0)))
    expected = np.asarray(hazard_timer(KINDS[name].hazard, KINDS[name].ratio).time(e, lambda x: x))
    np.testing.assert_allclose(first, np.where(expected < 6.0, expected, np.inf), rtol=1e-12)


def test_number_and_marks() -> None:
    found = drawn(KINDS, cells(), 6.0)
    for number, mean in enumerate((0.45 * 6, 1.0, 2 * 0.9 + 2 * 0.2, 0.0)):
        assert of(found, number).cell.size / N == pytest.approx(mean, abs=4 * np.sqrt(max(mean, 1e-9) / N))
    early, late = of(found, 1), of(found, 2)
    error = 4 / np.sqrt(early.cell.size)
    assert early.explanted.mean() == pytest.approx(0.2, abs=error)
    assert early.revised.mean() == pytest.approx(0.5, abs=error)
    assert not (early.explanted & early.revised).any() and not early.relief_lost.any()
    assert late.revised.all() and late.relief_lost.mean() == pytest.approx(0.4, abs=4 / np.sqrt(late.cell.size))


def test_an_earlier_limit_only_leaves_out_what_comes_later() -> None:
    people = cells()
    limit = np.linspace(0, 6, N)
    long, short = drawn(KINDS, people, 6.0), drawn(KINDS, people, limit)
    assert same(long.take(np.flatnonzero(long.time < limit[long.cell])), short)
    assert drawn(KINDS, people, 0.0).cell.size == 0


def test_draws_have_their_own_parameters() -> None:
    kinds = {
        "a": kind(pieces((1.0, np.array([0.2, 2.0])), (None, 0.1)), explant=np.array([0.0, 1.0])),
        "b": kind(0.4, ratio=np.array([1.0, 0.0])),
    }
    people = cells(2)
    found = drawn(kinds, people, 5.0)
    for d in range(2):
        one = {
            "a": kind(pieces((1.0, (0.2, 2.0)[d]), (None, 0.1)), explant=float(d)),
            "b": kind(0.4, ratio=1.0 - d),
        }
        own = np.flatnonzero(people.draw == d)
        alone = drawn(one, people.take(own), 5.0)
        part = found.take(np.flatnonzero(np.isin(found.cell, own)))
        assert np.array_equal(part.cell, own[alone.cell]) and np.array_equal(part.time, alone.time)
        assert np.array_equal(part.explanted, alone.explanted) and np.array_equal(part.kind, alone.kind)
    assert not (found.kind[people.draw[found.cell] == 1] == 1).any()


def test_without_complications() -> None:
    assert drawn({}, cells(), 5.0).cell.size == 0
