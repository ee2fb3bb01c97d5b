"""Draws of few patients, corrected for their noise, decide as draws of many do."""

from __future__ import annotations

import pytest

import scssim

pytestmark = pytest.mark.verification

LEVELS = [16_000, 18_000, 20_000]


def test_the_value_of_information_of_few_patients_per_draw() -> None:
    """The parameters of the draws are the same, whatever the number of patients."""
    scenario = scssim.load(
        "back_leg_uk", {"settings.visit_months": [], "analyses": None, "settings.willingness_to_pay": LEVELS}
    )
    few, many = (scssim.run(scenario, patients=n, draws=500, workers=2) for n in (100, 2000))
    noise = few.noise[few.noise["quantity"] == "inmb"]["noise_share"]
    assert noise.max() > 0.1
    corrected, raw = (few.evpi.set_index("wtp")[c].loc[LEVELS] for c in ("evpi", "evpi_uncorrected"))
    truth = many.evpi.set_index("wtp")["evpi"].loc[LEVELS]
    assert (raw > 1.1 * truth).all()
    assert (corrected - truth).abs().sum() < 0.3 * (raw - truth).sum()
    probability = [r.ceac.pivot(index="wtp", columns="strategy", values="p_best").loc[LEVELS] for r in (few, many)]
    assert (probability[0] - probability[1]).abs().max().max() < 0.05
