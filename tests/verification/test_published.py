"""Shipped scenarios against published results, and large runs against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scssim

pytestmark = pytest.mark.verification


@pytest.mark.parametrize("strategy", ["lf_scs", "hf10"])
def test_explants_for_any_reason(strategy: str) -> None:
    """Gatzinsky 2024: 17 % explanted at 3 years and 23 % at 5 years of 400 patients."""
    loaded = scssim.load(
        "back_leg_uk",
        {
            "settings.visit_months": [36, 60],
            "settings.visit_clocks": ["activation"],
            "settings.visit_denominators": ["implanted", "on_therapy"],
        },
    )
    visits = scssim.run(loaded, patients=50_000, draws=0).visits
    rows = visits[(visits.strategy == strategy) & (visits.measure == "odi") & (visits.clock == "activation")]
    n = rows.pivot(index="month", columns="denominator", values="n")
    gone = 1 - n.on_therapy / n.implanted
    for month, published in ((36, 0.17), (60, 0.23)):
        half = 1.96 * np.sqrt(published * (1 - published) / 400)
        assert gone[month] == pytest.approx(published, abs=half), f"{gone[month]:.3f} at {month} months"


def test_large_runs_agree_across_seeds(small_path: Path) -> None:
    loaded = scssim.load(small_path, {"settings.visit_months": [], "targets": []})
    runs = [scssim.run(loaded, patients=1_000_000, draws=0, seed=seed).outcomes for seed in (1, 2, 3)]
    for one in runs[1:]:
        z = (runs[0]["mean"] - one["mean"]) / np.hypot(runs[0].mcse, one.mcse)
        assert z.abs().max() < 4
    for one in runs:
        assert (one.mcse < 0.005 * one["mean"]).all()


def test_standard_errors_are_honest(small_path: Path) -> None:
    """Means of a hundred runs scatter as their standard errors say."""
    loaded = scssim.load(small_path, {"settings.visit_months": [], "targets": []})
    runs = [scssim.run(loaded, patients=1024, draws=0, seed=seed) for seed in range(100)]
    for strategy in ("lf", "hf"):
        for outcome in ("cost", "qaly", "life_years"):
            rows = [
                r.outcomes[(r.outcomes.strategy == strategy) & (r.outcomes.outcome == outcome)].iloc[0] for r in runs
            ]
            spread = np.std([r["mean"] for r in rows], ddof=1)
            stated = np.mean([r.mcse for r in rows])
            # The SD of 100 means is known to 7 %.
            assert spread == pytest.approx(stated, rel=0.25), (strategy, outcome)
    paired = [r.increments.set_index("strategy").loc["hf"] for r in runs]
    spread, stated = np.std([r.d_cost for r in paired], ddof=1), np.mean([r.d_cost_mcse for r in paired])
    assert spread == pytest.approx(stated, rel=0.25)
