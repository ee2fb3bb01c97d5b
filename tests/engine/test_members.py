"""Subgroups: exactly the patients of the population who fulfil the condition, with the response of the population."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scssim
from engine.patients import every_task, job_histories
from scssim.analysis.cases import subgroup
from scssim.engine.block import Compiled
from scssim.engine.job import Job
from scssim.engine.run import simulate
from scssim.errors import ScssimError
from scssim.model.parameters import draw
from scssim.model.patients import Category
from scssim.prepare import make_job
from scssim.scenario.expressions import Expression
from scssim.scenario.load import LoadedScenario

N = 1500
CONDITIONS = [
    "mechanism == 'neuropathic'",
    "age < 50 and depression",
    "diagnosed == 'mixed'",
    "smoker or bmi > 30",
    "opioid_mme == 0",
    "pain_years > 25",
]


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


def compiled(job: Job) -> Compiled:
    return Compiled(job, draw(job.scenario, job.seed, 0, job.draws, job.sobol))


def attributes(job: Job, condition: Expression | None = None) -> dict[str, Any]:
    """Attributes of all patients, arrays (draws, patients), and who fulfils a condition (``inside``)."""
    one, shape = compiled(job), (max(job.draws, 1), job.patients)
    found: dict[str, Any] = {}
    for task in every_task(job):
        given = one.block(task).cells.attributes
        more = {} if condition is None else {"inside": condition(given)}
        for name, x in {**given, **more}.items():
            whole = found.setdefault(name, np.full(shape, -1.0))
            part = whole[task.draw : task.draw + task.draws, task.first : task.first + task.patients]
            part[:] = np.reshape(x.codes if isinstance(x, Category) else x, part.shape)
    return found


@pytest.mark.parametrize("draws", [0, 3])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_members_are_the_patients_of_the_whole_who_fulfil_it(small: LoadedScenario, condition: str, draws: int) -> None:
    whole = make_job(small, patients=6000, draws=draws)
    part = subgroup(make_job(small, patients=250, draws=draws), condition)
    assert part.among is not None
    everyone, some = attributes(whole, part.among), attributes(part, part.among)
    assert some["inside"].all()
    for d in range(max(draws, 1)):
        who = np.flatnonzero(everyone["inside"][d])[: part.patients]
        assert who.size == part.patients < everyone["inside"][d].sum() < whole.patients
        for name in everyone:
            assert np.array_equal(some[name][d], everyone[name][d][who]), name


def test_they_live_the_same_lives(small: LoadedScenario) -> None:
    whole = make_job(small, patients=2500, draws=2)
    part = subgroup(make_job(small, patients=300, draws=2), "age > 60")
    lives, some = job_histories(whole), job_histories(part)
    age = attributes(whole)["age"]
    for strategy in lives:
        for d in range(2):
            who = np.flatnonzero(age[d] > 60)[:300]
            for outcome in ("cost", "qaly", "life", "cost0", "now"):
                # The intercepts of responders are those of the whole population: not a bit differs.
                assert np.array_equal(some[strategy][outcome][d], lives[strategy][outcome][d][who])


def test_a_partition_adds_up_to_the_whole(small: LoadedScenario) -> None:
    whole = make_job(small, patients=3000, draws=0)
    totals = simulate(whole)
    sums = np.zeros_like(totals.draw_means[0])
    for name, count in zip(MECHANISMS, np.bincount(attributes(whole)["mechanism"][0].astype(int)), strict=True):
        job = subgroup(make_job(small, patients=int(count), draws=0), f"mechanism == '{name}'")
        part = simulate(job)
        assert part.cells == count > 500
        sums += count * part.draw_means[0]
    np.testing.assert_allclose(sums / 3000, totals.draw_means[0], rtol=1e-12)


MECHANISMS = ("neuropathic", "mixed", "nociceptive")


def test_responder_shares_hold_among_all_not_in_the_subgroup(small: LoadedScenario) -> None:
    job = make_job(small, patients=200, draws=0)
    all_, part = (compiled(j).therapies for j in (job, subgroup(job, "depression")))
    for name in all_:
        for site in ("back", "leg"):
            assert all_[name].sites[site].intercept == part[name].sites[site].intercept


def test_everybody_is_a_subgroup(small: LoadedScenario) -> None:
    for draws in (0, 4):
        job = make_job(small, patients=N, draws=draws)
        a, b = simulate(job), simulate(subgroup(job, "age > 0"))
        assert np.array_equal(a.total, b.total) and np.array_equal(a.draw_means, b.draw_means)


def test_blocks_leave_no_trace(small: LoadedScenario) -> None:
    job = subgroup(make_job(small, patients=2100, draws=3), "mechanism == 'mixed'")
    reference = simulate(job)
    for leaves in (1, 2, 3):
        totals = simulate(job, cells=leaves * 1024)
        assert np.array_equal(totals.total, reference.total)


def test_a_patient_table(small_path: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("age,back_vas\n40,6\n50,7\n60,8\n70,9\n55,6.5\n")
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {small_path}\npopulation: {{file: people.csv}}\n")
    loaded = scssim.load(path, outside=True)
    found = attributes(subgroup(make_job(loaded, patients=9, draws=0), "age >= 55"))
    # Rows 3, 4 and 5 of each round through the table.
    assert found["age"][0].tolist() == [60, 70, 55] * 3
    assert found["back_vas"][0].tolist() == [8, 9, 6.5] * 3
    with pytest.raises(ScssimError, match=r"only 0 of .* fulfil 'age == 41'"):
        simulate(subgroup(make_job(loaded, patients=9, draws=0), "age == 41"))


@pytest.mark.parametrize("draws", [0, 2])
def test_a_condition_that_nobody_fulfils(small_path: Path, draws: int) -> None:
    loaded = scssim.load(small_path, {"analyses.subgroups": {"nobody": "age > 300"}})
    with pytest.raises(ScssimError, match=r"only 0 of [\d,]+ patients fulfil 'age > 300'.*1 in 10,000"):
        scssim.run(loaded, patients=20, draws=draws)
