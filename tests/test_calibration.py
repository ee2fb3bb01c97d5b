"""The fit of SCS relief to SENZA-RCT: the method, the shipped numbers, and agreement with the trial."""

from pathlib import Path

import numpy as np
import pytest

from scssim import library
from scssim.api import load, run
from scssim.calibration import senza
from scssim.calibration.fitting import Estimate, Problem, fit
from scssim.calibration.fragment import GROUPS, format_fragment, read, round_estimate, shapes
from scssim.calibration.parameters import ARMS, NAMES, PATHS, part
from scssim.errors import ScssimError
from scssim.scenario.load import LoadedScenario
from scssim.scenario.walk import walk


@pytest.fixture(scope="module")
def trial() -> LoadedScenario:
    return load("senza_rct")


# --------------------------------------------------------------- method


def linear(covariance: np.ndarray, prior_sd: list[float]) -> tuple[Problem, np.ndarray]:
    design = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    problem = Problem(
        observed=np.array([1.0, 2.5, 2.0]),
        covariance=covariance,
        start=np.array([9.0, -9.0]),
        prior_mean=np.array([0.0, 1.0]),
        prior_sd=np.array(prior_sd),
        lower=np.full(2, -100.0),
        upper=np.full(2, 100.0),
    )
    return problem, design


def test_a_linear_problem_has_its_closed_form() -> None:
    problem, design = linear(np.diag([0.1, 0.2, 0.4]), [np.inf, 0.5])
    found = fit(problem, lambda x: design @ x, lambda x: design)
    weight, prior = np.diag(1 / np.array([0.1, 0.2, 0.4])), np.diag([0.0, 4.0])
    covariance = np.linalg.inv(design.T @ weight @ design + prior)
    assert found.covariance == pytest.approx(covariance)
    assert found.value == pytest.approx(covariance @ (design.T @ weight @ problem.observed + [0.0, 4.0]))
    assert found.fitted == pytest.approx(design @ found.value)


def test_standard_errors_are_those_of_repeated_correlated_data() -> None:
    covariance = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.8], [0.6, 0.8, 1.0]]) * 0.2
    problem, design = linear(covariance, [1e6, 1e6])
    noise = np.random.default_rng(1).multivariate_normal(np.zeros(3), covariance, 4000)
    again = [
        fit(
            Problem(problem.observed + e, covariance, *(getattr(problem, n) for n in (
                "start", "prior_mean", "prior_sd", "lower", "upper"))),
            lambda x: design @ x,
            lambda x: design,
        ).value
        for e in noise
    ]  # fmt: skip
    assert fit(problem, lambda x: design @ x, lambda x: design).se == pytest.approx(np.std(again, axis=0), rel=0.04)


def test_no_convergence_is_told() -> None:
    problem, design = linear(np.eye(3), [1.0, 1.0])
    with pytest.raises(ScssimError, match="did not converge in 4 steps"):
        fit(problem, lambda x: design @ x, lambda x: 0.1 * design, most=4)


def test_a_singular_correlation_or_a_u_shape_is_refused(trial: LoadedScenario) -> None:
    x = senza.start()
    with pytest.raises(ScssimError, match="nearly singular"):
        round_estimate(Estimate(x, 1e-4 * np.ones((x.size, x.size)), np.zeros(0)))
    x[PATHS.index("therapies.hf10.relief.leg.if_responder.sd")] = 0.19
    with pytest.raises(ScssimError, match=r"hf10\.relief\.leg\.if_responder: U-shaped"):
        round_estimate(Estimate(x, 1e-4 * np.eye(x.size), np.zeros(0)))


# ----------------------------------------------------- the shipped numbers


def test_what_is_fitted_is_what_was_published() -> None:
    data = senza.observations()
    assert len(data) == 16 and sorted(set(data.month)) == [3.0, 18.0]
    assert data.n.notna().all() and set(data.n) == {90, 81, 87, 65}
    assert set(data[data.month == 3].denominator) == {"implanted"}
    assert set(data[data.month == 18].denominator) == {"assessed"}
    targets = load(senza.SCENARIO).scenario.targets
    assert all(targets[i].fitted for i in data.target) and all(one.fitted is not None for one in targets)


def test_the_fragment_is_what_the_generator_writes(trial: LoadedScenario) -> None:
    assert format_fragment(read(trial.scenario)) == fragment().read_text(encoding="utf-8")


def fragment() -> Path:
    return next(path for path in library.fragments().values() if path.stem == "scs_relief_senza")


def test_the_generator_notices_changed_numbers(trial: LoadedScenario) -> None:
    path = "therapies.hf10.relief.back.responders"
    changed = load("senza_rct", {path: {"mean": 0.7, "se": 0.05}})
    assert format_fragment(read(changed.scenario)) != fragment().read_text(encoding="utf-8")
    with pytest.raises(ScssimError, match=f"{path}: not a fitted number"):
        read(load("senza_rct", {path: 0.7}).scenario)
    with pytest.raises(ScssimError, match=r"joint\.senza_hf10"):
        read(load("senza_rct", {"joint.senza_hf10": None}).scenario)


def test_correlations_are_those_of_a_covariance(trial: LoadedScenario) -> None:
    for arm, matrix in read(trial.scenario).correlation.items():
        assert matrix.shape == (len(NAMES), len(NAMES))
        assert np.array_equal(matrix, matrix.T) and (np.diag(matrix) == 1).all()
        assert np.linalg.eigvalsh(matrix)[0] > 0.05
        # More responders need less relief of each for the same mean.
        assert matrix[NAMES.index("back.responders"), NAMES.index("back.if_responder.mean")] < -0.2
        assert trial.scenario.joint[GROUPS[arm]].grade == "derived"


def test_no_component_is_u_shaped(trial: LoadedScenario) -> None:
    found = shapes(read(trial.scenario))
    assert len(found) == 8
    for where, (a, b) in found.items():
        assert max(a, b) >= 1, where


def test_estimates_lie_inside_their_bounds(trial: LoadedScenario) -> None:
    fitted = read(trial.scenario)
    for arm in ARMS:
        for name in NAMES:
            p, kind = f"therapies.{arm}.relief.{name}", part(name)
            assert kind.lower < fitted.mean[p] < kind.upper
            assert 0 < fitted.se[p] < 0.1
            if kind.prior is not None:
                assert fitted.se[p] <= kind.prior[1] * 1.001


def test_numbers_that_rest_on_their_prior_are_graded_assumed(trial: LoadedScenario) -> None:
    fitted, numbers = read(trial.scenario), dict(walk(trial.scenario))
    for arm in ARMS:
        for name in NAMES:
            p, prior = f"therapies.{arm}.relief.{name}", part(name).prior
            rests = prior is not None and fitted.se[p] ** 2 > 0.5 * prior[1] ** 2
            assert (numbers[p].grade == "assumed") == rests


def test_practice_and_trial_share_the_relief(trial: LoadedScenario) -> None:
    here, practice = dict(walk(trial.scenario)), dict(walk(load("back_leg_uk").scenario))
    for p in PATHS[:-1]:
        assert practice[p] == here[p]


# ----------------------------------------------------- agreement with SENZA-RCT


@pytest.mark.parametrize("seed", [None, 3])
def test_the_scenario_reproduces_the_trial(trial: LoadedScenario, seed: int | None) -> None:
    assert trial.scenario.settings.patients == 10_000
    table = run(trial, seed=seed).targets
    judged = table[table.grade == "published"]
    assert len(judged) == 17
    missed = judged[(judged.agrees != True) | (judged.inside != True)]  # noqa: E712
    assert missed.empty, missed.to_string()
    shares = judged[judged.measure.str.endswith("_responder")]
    assert ((shares.simulated - shares.observed).abs() <= 0.04).all()
    assert table[table.grade != "published"].agrees.isna().all()


def test_paresthesia_with_lf_and_none_with_hf10(trial: LoadedScenario) -> None:
    visits = run(trial, patients=2000).visits
    felt = visits[(visits.measure == "paresthesia") & (visits.month == 12) & (visits.denominator == "implanted")]
    share = felt.set_index("strategy")["mean"]
    assert share["hf10"] == 0
    assert share["lf_scs"] > 0.85


def test_explants_are_those_of_a_trial(trial: LoadedScenario) -> None:
    """About 2.4 % a year of those implanted, over two years."""
    events = run(trial, patients=20_000).events.set_index(["strategy", "event"]).per_patient
    for arm in ARMS:
        implanted, followed = events[arm, f"{arm}.implant"], 2.4
        assert events[arm, f"{arm}.explant"] / implanted / followed == pytest.approx(0.024, abs=0.005)


def test_a_wrong_fit_is_caught(trial: LoadedScenario) -> None:
    wrong = load("senza_rct", {"therapies.hf10.relief.back.responders": 0.80})
    table = senza.check(wrong, seeds=[1], patients=4000).set_index("target")
    assert table.agrees["hf10.back_responder.3"] is False
    assert table.agrees["lf_scs.leg_relief.18"] is True
    assert table.agrees["hf10.back_responder.12"] is None
    assert "DISAGREES" in senza.format_check(table.reset_index())


@pytest.mark.verification
def test_the_trial_is_reproduced_under_many_seeds() -> None:
    table = senza.check(seeds=range(100, 130))
    assert not table.agrees.eq(False).any(), senza.format_check(table)


@pytest.mark.verification
def test_a_coarse_fit_lands_near_the_shipped_one(trial: LoadedScenario) -> None:
    estimate, data = senza.calibrate(patients=30_000, trials=150, seed=7)
    found, shipped = round_estimate(estimate), read(trial.scenario)
    for p in PATHS:
        assert abs(found.mean[p] - shipped.mean[p]) < 0.25 * shipped.se[p], p
        assert found.se[p] == pytest.approx(shipped.se[p], rel=0.35), p
    assert np.abs((data.fitted - data.observed) / data.se).max() < 1
