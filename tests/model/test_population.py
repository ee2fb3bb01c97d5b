"""Who enters, who dies when, and among whom responder shares hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import scssim
from engine.patients import compiled
from engine.tiny import AT_ONCE, HALF, tiny
from scssim import library
from scssim.engine.job import Task
from scssim.errors import ScenarioError
from scssim.model.parameters import Draws, bind
from scssim.model.patients import OLDEST, Cells, Population
from scssim.model.streams import words
from scssim.model.therapy import log_odds
from scssim.scenario.schema import MECHANISMS

Array = NDArray[np.float64]
N = 200_000


def people(n: int = N, seed: int = 1, first: int = 0, **population: Any) -> Cells:
    """Attributes of patients of a tiny scenario."""
    loaded = tiny({"one": {"kind": "continuous", "relief": AT_ONCE}}, population=population)
    return sampled(bind(loaded.scenario, Draws(0, 0, {})).population, n, seed, first)


def sampled(spec: Any, n: int = N, seed: int = 1, first: int = 0) -> Cells:
    cells = Cells(words("patients", seed, 0, first, n), None, np.arange(n))
    Population(spec, None).sample(cells, np.arange(first, first + n))
    return cells


@pytest.fixture(scope="module")
def small(small_path: Path) -> Cells:
    return sampled(bind(scssim.load(small_path).scenario, Draws(0, 0, {})).population)


def moments(x: Array) -> tuple[Any, Any]:
    """Mean and SD of a sample with a tolerance of five standard errors."""
    z = (x - x.mean()) / x.std()
    sd_error = x.std() * np.sqrt((np.mean(z**4) - 1) / 4 / x.size)
    return pytest.approx(x.mean(), abs=5 * x.std() / np.sqrt(x.size)), pytest.approx(x.std(), abs=5 * sd_error)


@pytest.mark.parametrize(
    ("name", "mean", "sd", "low", "high"),
    [
        ("age", 55, 12, 18, 90),
        ("back_vas", 7.6, 1.1, 5, 10),
        ("leg_vas", 7.3, 1.2, 5, 10),
        ("odi", 54, 12, 10, 100),
        ("bmi", 28, 4, 16, 50),
    ],
)
def test_moments_after_truncation(small: Cells, name: str, mean: float, sd: float, low: float, high: float) -> None:
    x = small.attributes[name]
    assert x.min() >= low and x.max() <= high
    assert (mean, sd) == moments(x)


def test_gamma_and_lognormal(small: Cells) -> None:
    assert moments(small.attributes["pain_years"]) == (12, 9)
    mme = small.attributes["opioid_mme"]
    assert np.mean(mme == 0) == pytest.approx(0.2, abs=5 * 0.4 / np.sqrt(N))
    # Cut at 600, far out in the tail: (90, 70) describe those above 0.
    assert mme[mme > 0].mean() == pytest.approx(90, rel=0.01) and mme[mme > 0].std() == pytest.approx(70, rel=0.02)


@pytest.mark.parametrize("family", ["lognormal", "gamma"])
def test_moments_of_other_families_after_truncation(family: str) -> None:
    x = people(pain_years={"distribution": family, "mean": 12, "sd": 6, "max": 25}).attributes["pain_years"]
    assert moments(x) == (12, 6)


def test_uniform_and_fixed() -> None:
    a = people(age={"distribution": "uniform", "min": 40, "max": 70}, odi=37).attributes
    assert stats.kstest(a["age"], "uniform", (40, 30)).pvalue > 1e-3
    assert np.all(a["odi"] == 37)


def test_truncation_on_one_side() -> None:
    x = people(back_vas={"mean": 6, "sd": 0.95, "min": 5}).attributes["back_vas"]
    assert x.min() >= 5 and x.mean() == pytest.approx(6, rel=0.01) and x.std() == pytest.approx(0.95, rel=0.02)
    # No normal above 5, however cut, has a mean of 6 and an SD above 1.
    with pytest.raises(ScenarioError, match="no normal truncated so near its mean of 6"):
        people(back_vas={"mean": 6, "sd": 1.5, "min": 5})


def test_shares(small: Cells) -> None:
    for name, share in (("female", 0.6), ("depression", 0.3), ("prior_surgery", 0.8), ("smoker", 0.25)):
        x = small.attributes[name]
        assert set(np.unique(x)) == {0.0, 1.0}
        assert x.mean() == pytest.approx(share, abs=5 * 0.5 / np.sqrt(N))


def test_correlations() -> None:
    spread = {"distribution": "normal", "mean": 50, "sd": 5}
    stated = {"age": {"odi": -0.3, "bmi": 0.5}, "odi": {"bmi": 0.2}}
    a = people(age=spread, odi=spread, covariates={"bmi": {"values": spread}}, correlation=stated).attributes
    for one, others in stated.items():
        for other, r in others.items():
            assert np.corrcoef(a[one], a[other])[0, 1] == pytest.approx(r, abs=5 / np.sqrt(N))


def test_correlations_of_normal_scores_survive_truncation(small: Cells) -> None:
    a = small.attributes
    for one, other, r in (("back_vas", "leg_vas", 0.35), ("back_vas", "odi", 0.4), ("leg_vas", "odi", 0.3)):
        rank = stats.spearmanr(a[one], a[other]).statistic
        assert rank == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=5 / np.sqrt(N))
    for one, other in (("age", "back_vas"), ("age", "female"), ("depression", "back_vas"), ("bmi", "odi")):
        assert abs(np.corrcoef(a[one], a[other])[0, 1]) < 5 / np.sqrt(N)


def test_confusion_matrix(small: Cells) -> None:
    true, said = small.attributes["mechanism"], small.attributes["diagnosed"]
    assert true.names == said.names == MECHANISMS
    stated = {
        "neuropathic": (0.4, (0.8, 0.15, 0.05)),
        "mixed": (0.35, (0.15, 0.7, 0.15)),
        "nociceptive": (0.25, (0.05, 0.15, 0.8)),
    }
    for mechanism, (share, row) in stated.items():
        who = true == mechanism
        assert who.mean() == pytest.approx(share, abs=5 * 0.5 / np.sqrt(N))
        counts = [np.count_nonzero(who & (said == other)) for other in MECHANISMS]
        assert stats.chisquare(counts, np.array(row) * who.sum()).pvalue > 1e-3


WORK_UP = {
    "neuropathic": {"neuropathic": {"mean": 0.7, "ci": [0.4, 0.9]}, "mixed": 0.2, "nociceptive": 0.1},
    "mixed": {"neuropathic": 0.15, "mixed": {"mean": 0.7, "ci": [0.4, 0.9]}, "nociceptive": 0.15},
    "nociceptive": {"neuropathic": 0.05, "mixed": 0.15, "nociceptive": 0.8},
}


def test_an_uncertain_work_up_is_rescaled_and_used_draw_by_draw() -> None:
    n, draws = 8000, 5
    mix = {"neuropathic": 0.4, "mixed": 0.35, "nociceptive": 0.25}
    some = {**HALF, "responders": 0.4}
    relief = {"back": some, "leg": some, "modifiers": {"diagnosed == 'mixed'": {"odds_ratio": 3}}}
    loaded = tiny(
        {"one": {"kind": "implant", "relief": relief}},
        population={"mechanism": mix, "diagnosis": {"confusion": WORK_UP}},
        settings={"patients": n},
    )
    job = compiled(loaded, patients=n, draws=draws)
    rows = job.spec.population.diagnosis.confusion
    cells = job.block(Task(0, draws, 0, n)).cells
    seen = set()
    for d in range(draws):
        part = slice(d * n, (d + 1) * n)
        true, said = (cells.attributes[name].codes[part] for name in ("mechanism", "diagnosed"))
        for i, mechanism in enumerate(MECHANISMS):
            row = getattr(rows, mechanism)
            stated = np.array([np.broadcast_to(getattr(row, m), draws)[d] for m in MECHANISMS])
            assert stated.sum() == pytest.approx(1)
            counts = np.bincount(said[true == i], minlength=3)
            assert stats.chisquare(counts, stated * counts.sum()).pvalue > 1e-3
            seen.add(round(stated[1], 6))
        # Responder shares stay centred, by the diagnoses of that draw.
        odds = log_odds(job.therapies["one"].modifiers, cells)[part]
        intercept = np.broadcast_to(job.therapies["one"].sites["back"].intercept, draws)[d]
        share = np.mean(1 / (1 + np.exp(-intercept - odds)))
        assert share == pytest.approx(0.4, abs=0.01)
    assert len(seen) > draws


def test_without_a_work_up_the_diagnosis_is_right() -> None:
    a = people(n=1000, mechanism={"neuropathic": 0.5, "mixed": 0.2, "nociceptive": 0.3}).attributes
    assert np.array_equal(a["mechanism"].codes, a["diagnosed"].codes)


def test_a_covariate_changes_nobody_else() -> None:
    spread = {"distribution": "normal", "mean": 50, "sd": 5}
    both = {"correlation": {"age": {"odi": 0.4}}, "age": spread, "odi": spread, "depression": 0.3}
    before = people(n=2048, covariates={"bmi": {"values": spread}}, **both)
    after = people(
        n=2048,
        covariates={"aaa": {"values": spread}, "smoker": {"probability": 0.3}, "bmi": {"values": spread}},
        **both,
    )
    for name, x in before.attributes.items():
        y = after.attributes[name]
        assert np.array_equal(getattr(x, "codes", x), getattr(y, "codes", y)), name


def test_a_patient_is_the_same_in_any_sample() -> None:
    whole = people(n=3000, age={"mean": 50, "sd": 9, "min": 18, "max": 80}, depression=0.4)
    part = people(n=500, first=1024, age={"mean": 50, "sd": 9, "min": 18, "max": 80}, depression=0.4)
    for name in ("age", "depression", "female"):
        assert np.array_equal(whole.attributes[name][1024:1524], part.attributes[name])


# ------------------------------------------------------------------ mortality


def deaths(age: float, female: float, smr: float, n: int = 100_000, table: str = "uk_2017_2019") -> Array:
    loaded = tiny(
        {"one": {"kind": "continuous", "relief": AT_ONCE}},
        population={"age": age, "female": female, "mortality": {"life_table": table, "smr": smr}},
        settings={"patients": n, "horizon_years": "lifetime"},
    )
    return compiled(loaded).block(Task(0, 1, 0, n)).death


def expected_life(age: int, sex: str, smr: float) -> float:
    """Life expectancy with a constant hazard within each year, as the table says it, up to the oldest age."""
    table = library.life_table("uk_2017_2019")
    qx = table.qx_female if sex == "female" else table.qx_male
    ages = np.arange(age, int(OLDEST))
    q = qx[np.minimum(ages, int(table.ages[-1])) - int(table.ages[0])]
    h = -np.log1p(-np.minimum(q, 1 - 1e-9)) * smr
    alive = np.exp(-np.concatenate([[0], np.cumsum(h)[:-1]]))
    return float(np.sum(alive * -np.expm1(-h) / h))


@pytest.mark.parametrize(
    ("age", "sex", "smr"), [(0, "male", 1), (55, "male", 1), (55, "female", 1), (90, "female", 1.3)]
)
def test_life_expectancy(age: int, sex: str, smr: float) -> None:
    years = deaths(age, float(sex == "female"), smr)
    assert years.mean() == pytest.approx(expected_life(age, sex, smr), abs=4.5 * years.std() / np.sqrt(years.size))
    assert years.min() > 0 and years.max() <= OLDEST - age


def test_life_expectancy_is_that_of_the_statistical_office() -> None:
    # ONS, National life tables 2017-2019, United Kingdom: expectation of life at birth and at 65.
    printed = {(0, "male"): 79.37, (0, "female"): 83.06, (65, "male"): 18.82, (65, "female"): 21.14}
    for (age, sex), years in printed.items():
        assert expected_life(age, sex, 1) == pytest.approx(years, abs=0.1)


def test_survival_curve_between_birthdays() -> None:
    years = deaths(70.5, 0, 1)
    table = library.life_table("uk_2017_2019")
    h = -np.log1p(-table.qx_male)
    hazard = 0.0
    for t in (0.25, 0.5, 1.0, 2.5):
        grid = np.arange(0, t, 1e-4) + 5e-5
        hazard = float(np.sum(h[(70.5 + grid).astype(int)]) * 1e-4)
        expected = np.exp(-hazard)
        assert np.mean(years > t) == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / years.size))


def test_smr_by_draw_and_nobody_outlives_the_oldest_age() -> None:
    assert deaths(109.9, 0, 1e-6).max() <= OLDEST - 109.9 + 1e-12
    low, high = deaths(60, 0, 0.5), deaths(60, 0, 2)
    assert np.all(high <= low) and high.mean() < low.mean() - 5


def test_nobody_outlives_the_oldest_age_within_a_horizon() -> None:
    loaded = tiny(
        {"one": {"kind": "continuous", "relief": AT_ONCE}},
        population={"age": 100, "mortality": {"life_table": "uk_2017_2019", "smr": 0.1}},
        settings={"horizon_years": 30},
    )
    block = compiled(loaded, patients=1000).block(Task(0, 1, 0, 1000))
    assert block.exit.max() <= OLDEST - 100


def test_death_does_not_depend_on_the_horizon() -> None:
    def exits(horizon: float | str) -> Array:
        loaded = tiny(
            {"one": {"kind": "continuous", "relief": AT_ONCE}},
            population={
                "age": {"mean": 60, "sd": 10, "min": 30, "max": 80},
                "mortality": {"life_table": "uk_2017_2019"},
            },
            settings={"horizon_years": horizon},
        )
        return compiled(loaded, patients=5000).block(Task(0, 1, 0, 5000)).exit

    whole = exits("lifetime")
    for horizon in (0.5, 7.3, 20):
        np.testing.assert_allclose(exits(horizon), np.minimum(whole, horizon), rtol=1e-13)


# ------------------------------------------------- where responder shares hold


MODIFIERS = {
    "depression": {"odds_ratio": 0.3},
    "mechanism == 'neuropathic'": {"odds_ratio": 3},
    "pain_years": {"odds_ratio": 0.9},
}


def responder_shares(among: str | None, extra: dict[str, Any] | None = None) -> tuple[dict[str, Array], Cells]:
    """Probability of responding of each of many patients."""
    relief = {
        "back": {**HALF, "responders": 0.44},
        "leg": {**HALF, "responders": 0.8},
        "modifiers": MODIFIERS,
        **({} if among is None else {"among": among}),
    }
    loaded = tiny(
        {"one": {"kind": "implant", "relief": relief}},
        population={
            "depression": 0.35,
            "mechanism": {"neuropathic": 0.4, "mixed": 0.35, "nociceptive": 0.25},
            "pain_years": {"distribution": "gamma", "mean": 12, "sd": 9},
            **(extra or {}),
        },
    )
    job = compiled(loaded, patients=N)
    cells = job.block(Task(0, 1, 0, N)).cells
    therapy = job.therapies["one"]
    shift = log_odds(therapy.modifiers, cells)
    return {s: 1 / (1 + np.exp(-(therapy.sites[s].intercept + shift))) for s in ("back", "leg")}, cells


@pytest.mark.parametrize("among", [None, "mechanism == 'neuropathic'", "depression and pain_years > 5"])
def test_the_stated_share_holds_on_average(among: str | None) -> None:
    p, cells = responder_shares(among)
    a = cells.attributes
    who = np.ones(N, dtype=bool)
    if among is not None:
        who = a["mechanism"] == "neuropathic" if "mech" in among else (a["depression"] > 0) & (a["pain_years"] > 5)
    for site, stated in (("back", 0.44), ("leg", 0.8)):
        # Centred on 2,048 reference patients in a Latin hypercube: closer than a random sample of 4,096.
        error = p[site][who].std() / np.sqrt(4096 * who.mean())
        assert p[site][who].mean() == pytest.approx(stated, abs=error if among is None else 4 * error)
        assert p[site].std() > 0.1


def test_odds_ratios() -> None:
    p, cells = responder_shares(None)
    odds = p["back"] / (1 - p["back"])
    a = cells.attributes
    base = odds / 0.3 ** a["depression"] / 3.0 ** (a["mechanism"] == "neuropathic") / 0.9 ** a["pain_years"]
    np.testing.assert_allclose(base, base[0], rtol=1e-9)


def test_the_centre_is_frozen() -> None:
    # Another sample (size, seed of nothing else) and a further strategy leave the intercept alone.
    relief = {
        "back": {**HALF, "responders": 0.44},
        "leg": {**HALF, "responders": 0.8},
        "modifiers": {"depression": {"odds_ratio": 0.3}},
    }
    therapies = {"one": {"kind": "implant", "relief": relief}, "two": {"kind": "implant", "relief": relief}}
    population = {"depression": 0.35}
    alone = compiled(tiny({"one": therapies["one"]}, population=population), patients=10).therapies["one"]
    both = tiny(therapies, {"a": ["two", "one"], "b": [{"therapy": "one", "if": "depression"}]}, population=population)
    beside = compiled(both, patients=5000).therapies["one"]
    assert alone.sites["back"].intercept == beside.sites["back"].intercept


def test_the_centre_of_each_draw() -> None:
    relief = {
        "back": {**HALF, "responders": {"mean": 0.44, "se": 0.1}},
        "leg": {**HALF, "responders": 0.8},
        "modifiers": {"depression": {"odds_ratio": {"mean": 0.5, "ci": [0.2, 1]}}, "pain_years": {"odds_ratio": 0.95}},
    }
    loaded = tiny(
        {"one": {"kind": "implant", "relief": relief}},
        population={"depression": 0.35, "pain_years": {"distribution": "gamma", "mean": 12, "sd": 9}},
    )
    job = compiled(loaded, patients=20000, draws=6)
    assert job.draws.count == 6
    cells = job.block(Task(0, 6, 0, 20000)).cells
    therapy = job.therapies["one"]
    p = 1 / (1 + np.exp(-(cells.at(therapy.sites["back"].intercept) + log_odds(therapy.modifiers, cells))))
    stated = job.draws.values["therapies.one.relief.back.responders"]
    np.testing.assert_allclose(p.reshape(6, -1).mean(axis=1), stated, atol=0.01)
    few = compiled(loaded, patients=20000, draws=3).therapies["one"].sites["back"].intercept
    assert np.array_equal(few, np.asarray(therapy.sites["back"].intercept)[:3])
