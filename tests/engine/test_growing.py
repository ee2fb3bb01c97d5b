"""Jobs that grow, and simulating until a precision is reached: the same bits as the whole job at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from engine.tiny import IMPLANT, tiny
from scssim.engine.job import CHUNK, Job
from scssim.engine.precision import FEWEST, MOST, Precision, simulate_until
from scssim.engine.run import simulate
from scssim.engine.totals import Totals
from scssim.errors import ScssimError
from scssim.prepare import make_job
from scssim.report import tables
from scssim.scenario.load import LoadedScenario

LEAF = 1024
BLOCK = 4 * LEAF


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Blocks of a few leaves, so that jobs have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scssim.engine.job.BLOCK", BLOCK)
        yield


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


@pytest.fixture(scope="module")
def quick(small_path: Path) -> LoadedScenario:
    """Without visits."""
    return scssim.load(small_path, {"settings.visit_months": [], "targets": None})


def assert_same(job: Job, one: Totals, other: Totals) -> None:
    for a, b in ((getattr(one, name), getattr(other, name)) for name in ("total", "draw_means", "within")):
        assert np.array_equal(a, b)
    if not job.draws:
        for a, b in zip(one.batches(), other.batches(), strict=True):
            assert np.array_equal(a, b)
    for make in (tables.outcomes, tables.increments, tables.occupancy, tables.events, tables.costs, tables.psa):
        pd.testing.assert_frame_equal(make(job, one), make(job, other), check_exact=True)
    visits = [tables.visits(job, each) for each in (one, other)]
    pd.testing.assert_frame_equal(visits[0], visits[1], check_exact=True)


@pytest.mark.parametrize("sizes", [(2, 3), (200, CHUNK, 300), (255, CHUNK + 1)])
def test_more_draws(quick: LoadedScenario, sizes: tuple[int, ...]) -> None:
    jobs = [make_job(quick, patients=60, draws=draws) for draws in sizes]
    grown = simulate(jobs[0])
    for job in jobs[1:]:
        grown = simulate(job, so_far=grown)
    assert_same(jobs[-1], grown, simulate(jobs[-1]))


def test_more_draws_in_other_blocks_and_with_visits(small: LoadedScenario) -> None:
    few, many = (make_job(small, patients=1100, draws=draws) for draws in (2, 5))
    assert_same(many, simulate(many, cells=8 * LEAF, so_far=simulate(few, cells=LEAF)), simulate(many))


@pytest.mark.parametrize("patients", [LEAF + 1, 3 * LEAF, 5000, 20_000])
def test_more_patients(small: LoadedScenario, patients: int) -> None:
    few, many = (make_job(small, patients=n, draws=0) for n in (LEAF, patients))
    assert_same(many, simulate(many, so_far=simulate(few)), simulate(many))


def test_many_patients_are_kept_in_larger_batches(quick: LoadedScenario) -> None:
    few, many = (make_job(quick, patients=n, draws=0) for n in (BLOCK - 1, BLOCK + 2 * LEAF))
    assert few.batch < many.batch == LEAF
    assert_same(many, simulate(many, so_far=simulate(few)), simulate(many))


@settings(max_examples=8, derandomize=True)
@given(
    steps=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    rest=st.integers(0, LEAF - 1),
    cells=st.lists(st.integers(1, 4), min_size=4, max_size=4),
)
def test_any_way_to_grow(quick: LoadedScenario, steps: list[int], rest: int, cells: list[int]) -> None:
    sizes = list(np.cumsum(steps) * LEAF)
    sizes[-1] += rest
    jobs = [make_job(quick, patients=int(n), draws=0) for n in sizes]
    grown = simulate(jobs[0], cells=cells[0] * LEAF)
    for job, leaves in zip(jobs[1:], cells[1:], strict=False):
        grown = simulate(job, cells=leaves * LEAF, so_far=grown)
    assert_same(jobs[-1], grown, simulate(jobs[-1]))


# ------------------------------------------------------------------ precision


@pytest.mark.parametrize(("patients", "draws"), [(700, 0), (LEAF, 0), (40, 40)])
def test_a_precision_is_reached_by_a_job_like_any_other(quick: LoadedScenario, patients: int, draws: int) -> None:
    begin = make_job(quick, patients=patients, draws=draws)
    leaves = replace(begin, patients=LEAF) if not draws else begin
    first = Precision(1.0, 20_000.0, 0).reached(simulate(leaves))
    wanted = Precision(first / 1.6, 20_000.0, 0)
    totals = simulate_until(begin, wanted)
    job = totals.job
    assert wanted.reached(totals) <= wanted.half_width < first
    assert_same(job, totals, simulate(job))
    assert (job.patients, job.draws > draws) == (patients, True) if draws else job.patients % LEAF == 0
    # About 1.6^2 as many, as the estimate of the error allows.
    growth = job.draws / draws if draws else job.patients / LEAF
    assert 1.5 < growth < 5


def test_the_half_width_is_that_of_the_table(small: LoadedScenario) -> None:
    for draws in (0, 20):
        result = scssim.run(small, patients=50, draws=draws, precision=3000.0)
        errors = result.increments["inmb_20000_mcse"]
        assert 0 < 1.959964 * errors.max() <= 3000.0
        assert result.increments["inmb_20000_mcse"][0] == 0.0  # the reference
        assert (result.draws or 0) >= draws and len(result.psa) == 2 * (result.draws or 0)


def test_a_precision_that_is_there_already_changes_nothing(quick: LoadedScenario) -> None:
    job = make_job(quick, patients=2 * LEAF, draws=0)
    totals = simulate_until(job, Precision(1e9, 20_000.0, 0))
    again = totals.job
    assert again == job and totals.cells == 2 * LEAF


def test_few_draws_say_too_little_about_their_own_error(quick: LoadedScenario) -> None:
    job = make_job(quick, patients=30, draws=2)
    assert simulate_until(job, Precision(1e9, 20_000.0, 0)).job.draws == FEWEST


def test_nothing_to_compare_is_precise() -> None:
    alone = tiny({"x": IMPLANT})
    job = make_job(alone, draws=0)
    assert simulate_until(job, Precision(1e-9, 20_000.0, 0)).job.patients == LEAF


@pytest.mark.parametrize(("draws", "what"), [(0, "patients"), (5, "draws of 30 patients")])
def test_too_much_precision_is_refused_with_what_is_possible(quick: LoadedScenario, draws: int, what: str) -> None:
    job = make_job(quick, patients=30, draws=draws)
    with pytest.raises(ScssimError, match=rf"a precision of 0\.0001 would take about [\d,]+ {what}") as caught:
        simulate_until(job, Precision(1e-4, 20_000.0, 0))
    assert f"{MOST:,} lifetimes" in str(caught.value)
    least = float(str(caught.value).split("ask for ")[1].split(" ")[0])
    assert 0.01 < least < 1000


def test_more_precision_than_can_be_counted_is_refused(quick: LoadedScenario) -> None:
    with pytest.raises(ScssimError, match="would take about inf draws"):
        simulate_until(make_job(quick, patients=30, draws=5), Precision(1e-300, 20_000.0, 0))


@pytest.mark.parametrize("nonsense", [0.0, -5.0, float("nan"), float("inf")])
def test_a_nonsense_precision_is_refused(small: LoadedScenario, nonsense: float) -> None:
    with pytest.raises(ScssimError, match=r"precision: .* is not possible"):
        scssim.run(small, precision=nonsense)


def test_a_precision_needs_a_threshold(small_path: Path) -> None:
    none = scssim.load(small_path, {"settings.willingness_to_pay": []})
    with pytest.raises(ScssimError, match=r"precision: .*settings\.willingness_to_pay"):
        scssim.run(none, precision=100.0)
