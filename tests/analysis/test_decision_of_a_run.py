"""The decision under uncertainty as a run tells it: what the tables of `scssim.economics` say of its draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import scssim
from analysis.runs import QUICK, SMALL, run
from engine.tiny import BARE, CARE, tiny
from scssim import economics
from scssim.analysis.decision import curve, groups
from scssim.engine.run import simulate
from scssim.errors import ScenarioError
from scssim.prepare import make_job
from scssim.report.write import headline
from scssim.scenario.analyses import Curve, Decision
from scssim.scenario.schema import Settings

DRAWS, PATIENTS = 60, 40


@pytest.fixture(scope="module")
def result() -> scssim.Result:
    population = {"incidence": 250, "years": 3, "discount_rate": 0.1}
    asked = {
        "decision": {"curve": {"from": 0, "to": 50_000, "step": 12_500}, "population": population},
        "evppi": {"relief": ["therapies.*.relief.back.*", "therapies.*.relief.leg.*"], "drugs": ["costs.*drugs*"]},
    }
    return run(asked, draws=DRAWS, patients=PATIENTS)


def wide(result: scssim.Result, outcome: str) -> pd.DataFrame:
    return result.psa.pivot(index="draw", columns="strategy", values=outcome)[["lf", "hf"]]


def test_columns_as_simulated_are_those_of_the_draws(result: scssim.Result) -> None:
    costs, effects = wide(result, "cost"), wide(result, "qaly")
    levels = [0, 12_500, 20_000, 25_000, 30_000, 37_500, 50_000]
    assert result.evpi["wtp"].tolist() == levels
    raw = economics.ceac(costs, effects, levels)
    for column in ("p_best", "expected_loss"):
        np.testing.assert_allclose(result.ceac[f"{column}_uncorrected"], raw[column], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        result.evpi["evpi_uncorrected"], economics.evpi(costs, effects, levels)["evpi"], rtol=1e-9, atol=1e-9
    )


def test_other_columns_are_free_of_noise(result: scssim.Result) -> None:
    costs, effects = wide(result, "cost"), wide(result, "qaly")
    job = make_job(scssim.load(SMALL, QUICK), patients=PATIENTS, draws=DRAWS)
    within = simulate(job).within
    clean = economics.corrected(costs, effects, within, PATIENTS)
    levels = result.evpi["wtp"].to_numpy()
    expected = economics.ceac(*clean, levels)
    np.testing.assert_allclose(result.ceac["p_best"], expected["p_best"], atol=1e-9)
    np.testing.assert_allclose(result.evpi["evpi"], economics.evpi(*clean, levels)["evpi"], rtol=1e-6, atol=1e-6)
    # The correction takes variance away, and with it value of information.
    assert (result.evpi["evpi"] < result.evpi["evpi_uncorrected"]).all()
    for reference in ("p_best", "p_best_uncorrected"):
        np.testing.assert_allclose(result.ceac.groupby("wtp")[reference].sum(), 1, atol=1e-12)
    assert (result.evppi["evppi"] <= result.evppi["wtp"].map(result.evpi.set_index("wtp")["evpi"]) + 1e-9).all()


def test_noise_is_told_when_it_matters(result: scssim.Result) -> None:
    (told,) = (w for w in result.warnings if "noise between simulated patients" in w)
    worst = result.noise[result.noise["quantity"] == "inmb"].sort_values("noise_share").iloc[-1]
    assert f"is {100 * worst['noise_share']:.1f} % of" in told and "`hf`" in told
    assert ("the correction itself is uncertain" in told) == (worst["noise_share"] > 0.1)
    quiet = run({}, draws=4, patients=3000)
    share = quiet.noise.loc[quiet.noise["quantity"] == "inmb", "noise_share"].max()
    assert any("noise between" in w for w in quiet.warnings) == (share > 0.05)


def test_the_value_for_a_population(result: scssim.Result) -> None:
    people = 250 * (1 / 1.1 + 1 / 1.1**2 + 1 / 1.1**3)
    assert result.evpi["evpi_population"].to_numpy() == pytest.approx(people * result.evpi["evpi"].to_numpy(), rel=1e-9)
    some = result.evppi[result.evppi["evppi"] > 0]
    np.testing.assert_allclose(some["evppi_population"] / some["evppi"], people, rtol=1e-9)
    assert len(some) and set(result.evppi["group"]) == {"relief", "drugs"}


def test_without_a_population_there_is_none() -> None:
    found = run({"evppi": [["costs.*"]]}, draws=20, patients=10)
    assert found.evpi["evpi_population"].isna().all() and found.evppi["evppi_population"].isna().all()
    assert found.evppi["group"].unique().tolist() == ["costs.*"]


def test_without_draws_there_is_no_uncertainty_about_the_decision() -> None:
    found = run({"evppi": [["costs.*"]]}, draws=0, patients=10)
    for name in ("ceac", "pairwise", "evpi", "evppi", "noise", "psa"):
        assert getattr(found, name).empty


def test_the_headline_is_the_mean_over_draws(result: scssim.Result) -> None:
    frontier = result.frontier.set_index("strategy")
    for outcome in ("cost", "qaly"):
        means = wide(result, outcome).mean()
        np.testing.assert_allclose(frontier[outcome], means[frontier.index], rtol=1e-9)
        deterministic = run({}, patients=2000).frontier.set_index("strategy")[outcome]
        assert not np.allclose(frontier[outcome], deterministic, rtol=1e-6)
    nmb = 20_000 * wide(result, "qaly").mean() - wide(result, "cost").mean()
    said = headline(result)
    assert (said["wtp"], said["best"]) == (20_000, nmb.idxmax())


# --------------------------------------------------------------------- groups

PATHS = ["a.b", "a.b.times", "a.c", "d.b", "ab"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([["a.b"]], {"a.b": ["a.b"]}),
        ([["a.*"]], {"a.*": ["a.b", "a.b.times", "a.c"]}),
        ([["*.b"]], {"*.b": ["a.b", "d.b"]}),
        ([["*"]], {"*": PATHS}),
        ([["a.c", "a.*"]], {"a.c,a.*": ["a.c", "a.b", "a.b.times"]}),
        ({"one": ["d.*", "ab"], "none": ["x.*"]}, {"one": ["d.b", "ab"]}),
        ([["a"], ["a.b", "a.b"]], {"a.b,a.b": ["a.b"]}),
        ([["a?b"], ["a[.]b"]], {}),
        ((), {}),
    ],
)
def test_groups(asked: list[list[str]] | dict[str, list[str]], found: dict[str, list[str]]) -> None:
    assert groups(asked, PATHS) == found


# --------------------------------------------------------------------- curves


@pytest.mark.parametrize(
    ("marks", "asked", "expected"),
    [
        ([20_000], {"from": 0, "to": 30_000, "step": 10_000}, [0, 10_000, 20_000, 30_000]),
        ([], {"to": 1, "step": 0.25}, [0, 0.25, 0.5, 0.75, 1]),
        ([25], {"from": 10, "to": 29, "step": 10}, [10, 20, 25]),
        ([5, 100], {"from": 10, "to": 20, "step": 10}, [5, 10, 20, 100]),
        ([], {"to": 0.3, "step": 0.1}, [0, 0.1, 0.2, 0.3]),
        ([0.3, 0.7], {"to": 1, "step": 0.1}, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
    ],
)
def test_a_stated_curve(marks: list[float], asked: dict[str, float], expected: list[float]) -> None:
    found = curve(Settings(willingness_to_pay=marks), Decision(curve=Curve.model_validate(asked)))
    assert found.tolist() == expected


@given(
    marks=st.lists(st.floats(0, 1e6), max_size=4, unique=True).map(sorted),
    begin=st.floats(0, 1e5),
    length=st.floats(1, 1e5),
    steps=st.integers(1, 500),
)
@example(marks=[], begin=65535.0, length=1.9, steps=327)  # the end is a rounding error below the last step
@example(marks=[5e-324], begin=0.0, length=1.0, steps=10)
@settings(max_examples=50)
def test_curves_increase_and_hold_the_thresholds(marks: list[float], begin: float, length: float, steps: int) -> None:
    asked = Decision(curve=Curve.model_validate({"from": begin, "to": begin + length, "step": length / steps}))
    for decision in (asked, Decision()):
        found = curve(Settings(willingness_to_pay=marks), decision)
        assert (np.diff(found) > 0).all() and set(marks) <= set(found) and found[0] >= 0
    stated = curve(Settings(willingness_to_pay=[]), asked)
    assert stated[0] == begin and stated[-1] == pytest.approx(begin + length) and stated.size == steps + 1
    default = curve(Settings(willingness_to_pay=marks), Decision())
    top = 2 * max(marks, default=0) or 50_000
    assert default[-1] == pytest.approx(top) and default[0] == 0


# -------------------------------------------------------- noise that is not known


def test_rows_of_a_patient_table_are_no_noise(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("age,back_vas\n" + "\n".join(f"{30 + 2 * i},{5 + i % 5}" for i in range(20)))
    result = run({}, draws=6, patients=40, **{"population.file": str(path)})
    assert result.noise.empty and any("rows of a table in every draw" in w for w in result.warnings)
    np.testing.assert_array_equal(result.evpi["evpi"], result.evpi["evpi_uncorrected"])
    np.testing.assert_array_equal(result.ceac["p_best"], result.ceac["p_best_uncorrected"])


def test_one_patient_per_draw_says_nothing_about_noise() -> None:
    result = run({}, draws=6, patients=1)
    assert result.noise.empty and any("one patient per draw" in w for w in result.warnings)


def test_patients_without_differences_have_no_variance() -> None:
    """Sums of squares leave rounding errors, which are no variance."""
    same = {"distribution": "fixed", "mean": 7.3}
    totals = simulate(
        make_job(tiny({"x": CARE}, population={"back_vas": same, "leg_vas": same, "age": 51.7}), patients=999, draws=0)
    )
    assert (totals.within == 0).all() or np.linalg.eigvalsh(totals.within).min() >= 0


def test_without_uncertain_numbers_draws_say_nothing_about_the_decision() -> None:
    found = scssim.run(tiny({"x": CARE, "y": BARE}, {"a": ["x"], "b": ["y"]}), patients=30, draws=5)
    assert list(found.parameters) == ["draw"] and len(found.psa) == 10
    assert found.ceac.empty and found.evpi.empty and found.noise.empty
    assert any("no number of the scenario is uncertain" in warning for warning in found.warnings)


def test_rare_members_are_told_before_anything_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place and the name of the subgroup too; a run of any size agrees with what was found before it."""
    with monkeypatch.context() as patched:
        patched.setattr("scssim.engine.simulator.simulate", lambda *_, **__: pytest.fail("simulated"))
        with pytest.raises(ScenarioError, match=r"subgroups\.rare: only \d of 102,400 patients fulfil 'age > 89.9'"):
            run({"subgroups": {"some": "age > 50", "rare": "age > 89.9"}}, patients=20)
    found = run({"subgroups": {"few": "age > 88"}}, patients=100)
    assert found.cases["subgroups.few"].patients == 100


def test_members_are_looked_for_before_anything_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.engine.simulator.simulate", lambda *_, **__: pytest.fail("simulated"))
    with pytest.raises(ScenarioError, match=r"analyses\.subgroups\.none: only 0 of .* fulfil 'age > 150'"):
        run({"subgroups": {"none": "age > 150"}}, patients=20)
