"""The covariance between patients within draws, against every single patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scssim
from engine.patients import histories
from scssim.engine.run import simulate
from scssim.engine.totals import Totals
from scssim.prepare import make_job
from scssim.scenario.load import LoadedScenario


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


def individuals(loaded: LoadedScenario, patients: int, draws: int) -> np.ndarray:
    """Cost and QALYs of all strategies, shape (draws, 2 S, patients)."""
    found = histories(loaded, patients=patients, draws=draws, visits=False)
    return np.stack([found[s][o] for s in found for o in ("cost", "qaly")], axis=1)


def totals_of(loaded: LoadedScenario, patients: int, draws: int) -> Totals:
    return simulate(make_job(loaded, patients=patients, draws=draws))


@pytest.mark.parametrize(("patients", "draws"), [(300, 0), (2500, 0), (90, 7), (1300, 3), (2, 300)])
def test_within_is_the_mean_covariance_of_patients(small: LoadedScenario, patients: int, draws: int) -> None:
    each = individuals(small, patients, draws)
    expected = np.mean([np.cov(one) for one in each], axis=0)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(totals_of(small, patients, draws).within / scale, expected / scale, atol=1e-9)


@pytest.mark.parametrize(("patients", "draws"), [(800, 0), (90, 12)])
def test_errors_of_increments_are_those_of_pairs(small: LoadedScenario, patients: int, draws: int) -> None:
    each, totals = individuals(small, patients, draws), totals_of(small, patients, draws)
    benefit = 20_000 * (each[:, 3] - each[:, 1]) - (each[:, 2] - each[:, 0])
    sample = benefit.mean(axis=1) if draws else benefit[0]
    expected = sample.std(ddof=1) / np.sqrt(sample.size)
    assert totals.error(1, 0, -1.0, 20_000.0) == pytest.approx(expected, rel=1e-9)


def test_noise_is_what_two_levels_of_single_patients_say(small: LoadedScenario) -> None:
    patients, draws = 60, 40
    each = individuals(small, patients, draws)
    table = scssim.run(small, patients=patients, draws=draws).noise
    rows = table.set_index(["quantity", "strategy"])
    benefit = {wtp: wtp * (each[:, 3] - each[:, 1]) - (each[:, 2] - each[:, 0]) for wtp in (20_000.0, 30_000.0)}
    expected = {("cost", "lf"): each[:, 0], ("qaly", "lf"): each[:, 1], ("qaly", "hf"): each[:, 3]}
    found = {key: rows.loc[key] for key in expected}
    for wtp, values in benefit.items():
        expected["inmb", wtp] = values
        found["inmb", wtp] = table[(table.quantity == "inmb") & (table.wtp == wtp)].iloc[0]
    for key, values in expected.items():
        row = found[key].squeeze() if isinstance(found[key], pd.DataFrame) else found[key]
        within, observed = values.var(axis=1, ddof=1).mean(), values.mean(axis=1).var(ddof=1)
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-9)
        assert row["mcse"] == pytest.approx(np.sqrt(observed / draws), rel=1e-9)
        assert row["sd_patients"] == pytest.approx(np.sqrt(within), rel=1e-7)
        assert row["sd_parameters"] == pytest.approx(np.sqrt(max(0, observed - within / patients)), rel=1e-6, abs=1e-6)
        assert row["noise_share"] == pytest.approx(min(1, within / patients / observed), rel=1e-7)
