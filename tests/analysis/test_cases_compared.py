"""Variants, subgroups and the extrapolation, against single runs and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scssim
from analysis.runs import QUICK, SMALL, WTP, N, benefit, means, run
from engine.patients import compiled, histories, job_histories
from engine.tiny import GAIN, IMPLANT, T0, USELESS, close, tiny
from scssim.analysis.cases import variant
from scssim.engine.block import Compiled
from scssim.engine.job import Job
from scssim.engine.run import simulate
from scssim.model.parameters import draw
from scssim.model.therapy import Therapy
from scssim.prepare import make_job

DEVICE = {"therapies.hf10.costs.device": 9000}
OLDER = {"population.age.mean": 70, "population.depression": 0.6}


def rows(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["name"] == name].set_index("strategy")


# ------------------------------------------------------------------- variants


@pytest.mark.parametrize("values", [DEVICE, {"settings.horizon_years": 3}, {"settings.utility": "other"}])
def test_a_variant_is_a_run_of_the_scenario_with_its_values(values: dict[str, Any]) -> None:
    source = {
        "kind": "linear", "instrument": "EQ-5D", "tariff": "UK", "country": "UK", "intercept": 0.9, "back": -0.03,
    }  # fmt: skip
    more = {"utilities.sources.other": source}
    result = run({"variants": {"v": {"label": "Other", **values}}}, **more)
    cost, qaly = means({**more, **values})
    found = rows(result.variants, "v")
    np.testing.assert_allclose(found["cost"], cost, rtol=1e-12)
    np.testing.assert_allclose(found["qaly"], qaly, rtol=1e-12)
    alone = scssim.run(scssim.load(SMALL, {**QUICK, **more, **values}), patients=N, draws=0)
    case = result.cases["variants.v"]
    for name in ("outcomes", "increments", "frontier", "events", "costs", "occupancy"):
        pd.testing.assert_frame_equal(getattr(case, name), getattr(alone, name), check_exact=True)
    assert (found["label"] == "Other").all() and (rows(result.variants, "base")["label"] == "Base case").all()
    np.testing.assert_allclose(found["inmb"], WTP * (qaly - qaly[0]) - (cost - cost[0]), rtol=1e-9, atol=1e-9)
    change = benefit({**more, **values}) - benefit(more)
    np.testing.assert_allclose(found["nmb_change"], change, rtol=1e-9)


@pytest.mark.parametrize("draws", [0, 5])
def test_an_empty_variant_is_the_base(draws: int) -> None:
    result = run({"variants": {"v": {}}, "cases": {"draws": draws}}, draws=draws, patients=1100)
    base, same = rows(result.variants, "base"), rows(result.variants, "v")
    pd.testing.assert_frame_equal(base.drop(columns=["name", "label"]), same.drop(columns=["name", "label"]))
    assert (same["nmb_change"] == 0).all() and (same["nmb_change_mcse"] == 0).all()
    for name in ("outcomes", "increments", "frontier", "events", "costs", "occupancy", "psa", "parameters"):
        one, other = getattr(result, name), getattr(result.cases["variants.v"], name)
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_the_lead_of_the_best_and_its_error() -> None:
    result = run({"variants": {"v": DEVICE}})
    for name, run_ in (("base", result), ("v", result.cases["variants.v"])):
        found = rows(result.variants, name)
        nmb = WTP * found["qaly"] - found["cost"]
        best, other = nmb.sort_values().index[::-1][:2]
        assert found.loc[best, "lead"] == pytest.approx(nmb[best] - nmb[other], rel=1e-9)
        error = run_.increments["inmb_20000_mcse"].max()  # of two strategies: the other's is that of itself
        assert found.loc[best, "lead_mcse"] == pytest.approx(error, rel=1e-9)
        assert found.loc[other, ["lead", "lead_mcse"]].isna().all()


def test_another_population_keeps_the_responders_of_the_base() -> None:
    base, loaded = scssim.load(SMALL), scssim.load(SMALL, OLDER)
    whole, other = (make_job(one, patients=300, draws=0) for one in (base, loaded))
    stated = compiled(base).therapies
    kept = _therapies(variant(other, whole))
    centred_anew = _therapies(other)
    for name, site in ((n, s) for n in stated for s in ("back", "leg")):
        assert kept[name].sites[site].intercept == stated[name].sites[site].intercept
    # Depression lowers the odds of responding, so a share stated for more depressed patients needs more.
    assert centred_anew["lf_scs"].sites["back"].intercept > stated["lf_scs"].sites["back"].intercept + 0.05
    assert variant(make_job(base, patients=9), whole).base is None
    # The run itself does so.
    result = run({"variants": {"older": OLDER}})
    lives = job_histories(variant(make_job(scssim.load(SMALL, {**QUICK, **OLDER}), patients=N, draws=0), whole))
    for strategy, row in rows(result.variants, "older").iterrows():
        assert row["qaly"] == pytest.approx(lives[str(strategy)]["qaly"].mean(), rel=1e-12)
        assert row["cost"] == pytest.approx(lives[str(strategy)]["cost"].mean(), rel=1e-12)


def _therapies(job: Job) -> dict[str, Therapy]:
    return Compiled(job, draw(job.scenario, job.seed, 0, 0)).therapies


def test_another_patient_table_keeps_the_responders_of_the_base(tmp_path: Path) -> None:
    for name, depressed in (("few", (0, 0, 0, 1)), ("many", (1, 1, 1, 0))):
        lines = "\n".join(f"{age},{d}" for age, d in zip((40, 50, 60, 70), depressed, strict=True))
        (tmp_path / f"{name}.csv").write_text(f"age,depression\n{lines}\n")
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"extends: {SMALL}\npopulation: {{file: few.csv}}\n"
        f"analyses: {{variants: {{many: {{population.file: {tmp_path / 'many.csv'}}}}}}}\n"
    )
    loaded = scssim.load(path, outside=True)
    base = make_job(loaded, patients=40, draws=0)
    own = make_job(loaded.cases["variants.many"], patients=40, draws=0)
    stated, kept, anew = (_therapies(job)["lf_scs"].sites["leg"].intercept for job in (base, variant(own, base), own))
    assert kept == stated and anew > stated + 0.05


def test_the_change_of_net_benefit_is_that_of_pairs_of_patients() -> None:
    patients = 20 * 1024
    values = {"therapies.hf10.loss_of_effect.hazard": 0.1, **DEVICE}
    result = run({"variants": {"v": values}}, patients=patients)
    base, other = (
        histories(scssim.load(SMALL, {**QUICK, **more}), patients=patients, draws=0, visits=False)
        for more in ({}, values)
    )
    for strategy, row in rows(result.variants, "v").iterrows():
        a, b = (WTP * h[str(strategy)]["qaly"][0] - h[str(strategy)]["cost"][0] for h in (base, other))
        assert row["nmb_change"] == pytest.approx((b - a).mean(), rel=1e-9, abs=1e-9)
        # From 640 batches, the error is known to about 1 / sqrt(2 * 639), 3 %.
        paired = (b - a).std(ddof=1) / np.sqrt(patients)
        assert row["nmb_change_mcse"] == pytest.approx(paired, rel=0.12, abs=1e-9)
        unpaired = np.sqrt((a.var() + b.var()) / patients)
        assert row["nmb_change_mcse"] < 0.7 * unpaired


@pytest.mark.parametrize("patients", [33, 500, 2**17 + 1500])
def test_the_error_of_a_change_needs_few_patients_and_little_memory(patients: int) -> None:
    totals = simulate(make_job(scssim.load(SMALL, QUICK), patients=patients, draws=0))
    means, weights = totals.batches()
    assert weights.sum() == patients and (weights[:-1] == (32 if patients <= 2**17 else 1024)).all()
    np.testing.assert_allclose(np.average(means, axis=0, weights=weights), totals.means, rtol=1e-12)
    assert 2 <= len(weights) <= 2**12


def test_with_draws_the_change_is_paired_by_draw() -> None:
    result = run({"variants": {"v": DEVICE}, "cases": {"draws": 12, "patients": 80}}, draws=4, patients=30)
    base = run({}, draws=12, patients=80).psa
    other = result.cases["variants.v"].psa
    assert result.draws == 4 and result.cases["variants.v"].draws == 12
    for strategy, row in rows(result.variants, "v").iterrows():
        a, b = (t[t["strategy"] == strategy] for t in (base, other))
        change = (WTP * b["qaly"] - b["cost"]).to_numpy() - (WTP * a["qaly"] - a["cost"]).to_numpy()
        assert row["nmb_change"] == pytest.approx(change.mean(), rel=1e-9, abs=1e-9)
        assert row["nmb_change_mcse"] == pytest.approx(change.std(ddof=1) / np.sqrt(12), rel=1e-9, abs=1e-12)


def test_cases_with_draws_are_pairs_also_beside_sobol_points() -> None:
    psa = {"draws": 16, "patients": 20, "sampling": "sobol"}
    fixed = {"therapies.hf10.costs.device": 9000}  # one uncertain parameter less
    asked = {"psa": psa, "cases": {"draws": 16, "patients": 20}, "variants": {"same": {}, "fixed": fixed}}
    result = run(asked, draws=None, patients=None)
    assert (rows(result.variants, "same")["nmb_change"] == 0).all()
    assert rows(result.variants, "fixed").loc["lf", "nmb_change"] == 0


def test_a_variant_may_have_other_strategies() -> None:
    extra = {"strategies.none": {"steps": ["conservative"]}, "strategies.lf": None, "settings.reference": "hf"}
    result = run({"variants": {"v": extra}})
    found = rows(result.variants, "v")
    assert list(found.index) == ["hf", "none"] and (found["reference"] == "hf").all()
    assert found.loc["hf", "nmb_change"] == 0 and np.isnan(found.loc["none", "nmb_change"])


# ------------------------------------------------------------------ subgroups


def test_subgroups_are_runs_among_their_members() -> None:
    conditions = {"young": "age < 50", "old": {"label": "Old", "condition": "age >= 50"}}
    result = run({"subgroups": conditions})
    assert list(dict.fromkeys(result.subgroups["name"])) == ["base", "young", "old"]
    for name in conditions:
        case = result.cases[f"subgroups.{name}"].outcomes
        found = rows(result.subgroups, name)
        for outcome in ("cost", "qaly"):
            means_ = case[case["outcome"] == outcome].set_index("strategy")["mean"]
            pd.testing.assert_series_equal(found[outcome], means_, check_names=False)
        assert found["nmb_change"].isna().all() and (found["inmb_mcse"] >= 0).all()
    assert rows(result.subgroups, "young")["qaly"].to_numpy() != pytest.approx(
        rows(result.subgroups, "old")["qaly"].to_numpy(), rel=1e-6
    )


# -------------------------------------------------------------- extrapolation

NOTHING = {**IMPLANT, "relief": USELESS}


def extrapolated(until: float, horizon: float = 10, **cases: Any) -> pd.DataFrame:
    therapies = {"good": {**IMPLANT, "loss_of_effect": {"hazard": 0, "stop_after_loss": 0}}, "bad": NOTHING}
    scenario = tiny(
        therapies,
        {"b": ["bad"], "g": ["good"]},
        settings={"horizon_years": horizon},
        analyses={"extrapolation": {"data_until_years": until, "cases": cases}},
    )
    return scssim.run(scenario).extrapolation


LATE = {"therapies.good.loss_of_effect.late": {"from_years": 5, "time_years": 1e-9}}


def test_the_gain_after_the_data_by_hand() -> None:
    table = extrapolated(4, ends=LATE, longer={"settings.horizon_years": 20})
    gains = {"hazards_continue": 10 - T0, "ends": 5, "longer": 20 - T0}
    assert list(dict.fromkeys(table["name"])) == list(gains)
    for name, years in gains.items():
        found = rows(table, name).loc["g"]
        assert found["d_qaly"] == pytest.approx(years * GAIN, rel=1e-6)
        assert found["qaly_gain_after_data"] == pytest.approx(1 - (4 - T0) / years, rel=1e-6)
        assert found["d_qaly_after_data"] == pytest.approx((years - (4 - T0)) * GAIN, rel=1e-6)
        assert np.isnan(rows(table, name).loc["b", "qaly_gain_after_data"])
    assert rows(table, "ends").loc["g", "nmb_change"] == pytest.approx(-20_000 * (10 - T0 - 5) * GAIN, rel=1e-6)


@pytest.mark.parametrize("until", [10, 12.5, 110])
def test_data_up_to_the_horizon_leave_nothing_to_extrapolate(until: float) -> None:
    table = extrapolated(until, shorter={"settings.horizon_years": 3})
    assert (table.set_index("strategy").loc["g", "qaly_gain_after_data"] == 0).all()


def test_the_base_row_is_the_run() -> None:
    asked = {"data_until_years": 1, "threshold": 30_000, "reference": "hf"}
    result = run({"extrapolation": {**asked, "cases": {"worse": {"therapies.hf10.loss_of_effect.hazard": 0.2}}}})
    base = rows(result.extrapolation, "hazards_continue")
    frontier = result.frontier.set_index("strategy")
    for column in ("cost", "qaly", "icer", "status"):
        pd.testing.assert_series_equal(base[column], frontier[column], check_exact=True)
    assert (base["reference"] == "hf").all() and (base["wtp"] == 30_000).all()
    nmb = benefit(wtp=30_000)
    assert base.loc["lf", "inmb"] == pytest.approx(nmb[0] - nmb[1], rel=1e-9)
    early = means({"settings.horizon_years": 1})[1]
    late = means()[1]
    after = 1 - (early[0] - early[1]) / (late[0] - late[1])
    assert base.loc["lf", "qaly_gain_after_data"] == pytest.approx(after, rel=1e-9)
    worse = rows(result.extrapolation, "worse")
    assert worse.loc["hf", "nmb_change"] < 0 and set(result.cases) == set()


def test_late_losses_as_a_case_leave_the_data_unchanged() -> None:
    late = {"from_years": 3, "time_years": 1}
    table = extrapolated(3, ends={"therapies.good.loss_of_effect.late": late})
    base, ends = (rows(table, name).loc["g"] for name in ("hazards_continue", "ends"))
    for found in (base, ends):
        assert found["d_qaly"] * (1 - found["qaly_gain_after_data"]) == pytest.approx((3 - T0) * GAIN, rel=1e-6)
    assert close(base["d_qaly"]) == (10 - T0) * GAIN > ends["d_qaly"]
