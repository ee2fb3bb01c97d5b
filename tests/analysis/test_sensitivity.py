"""Deterministic sensitivity analyses, against single runs in which the scenario says the values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from analysis.runs import SMALL, WTP, N, benefit, means, run
from engine.tiny import CARE, tiny
from scssim.analysis.evaluate import Contrast, Means
from scssim.analysis.sensitivity import assumed_share
from scssim.errors import ScenarioError
from scssim.prepare import make_job
from scssim.scenario.analyses import Comparison
from scssim.scenario.load import load
from scssim.scenario.walk import uncertain

ONSET = "therapies.lf_scs.relief.onset_weeks"
RESPONDERS = "therapies.hf10.relief.back.responders"
DRUGS = "costs.by_relief.drugs.none"
LOSS = "therapies.hf10.loss_of_effect.hazard"
DEVICE = "therapies.hf10.costs.device"


@pytest.fixture(scope="module")
def dsa() -> pd.DataFrame:
    asked = {"parameters": ["therapies.hf10.*", DRUGS], "ranges": {ONSET: [1, 12], DEVICE: [9000, 25000], LOSS: [0, 1]}}
    return run({"dsa": asked}).dsa


def test_one_way_rows_are_single_runs(dsa: pd.DataFrame) -> None:
    base = benefit()
    assert len(dsa) == 2 * dsa["parameter"].nunique() and {ONSET, DEVICE, LOSS, DRUGS} < set(dsa["parameter"])
    for path in (RESPONDERS, DRUGS, ONSET, DEVICE, LOSS, "therapies.hf10.trial.success"):
        for row in dsa[dsa["parameter"] == path].itertuples():
            cost, qaly = means({path: {"value": row.value}})
            assert row.d_cost == pytest.approx(cost[1] - cost[0], rel=1e-9)
            assert row.d_qaly == pytest.approx(qaly[1] - qaly[0], rel=1e-9)
            assert row.inmb == pytest.approx(WTP * row.d_qaly - row.d_cost, rel=1e-12)
            nmb = WTP * qaly - cost
            assert row.best == ("lf", "hf")[nmb.argmax()]
            assert row.inmb_base == pytest.approx(base[1] - base[0], rel=1e-9)
            assert (row.strategy, row.reference, row.wtp) == ("hf", "lf", WTP)
            assert row.best_base == ("lf", "hf")[base.argmax()]


def test_one_way_ends_are_intervals_or_ranges(dsa: pd.DataFrame) -> None:
    quantities = uncertain(load(SMALL).scenario)
    stated = {ONSET: (1, 12), DEVICE: (9000, 25000), LOSS: (0, 1)}
    for path, rows in dsa.groupby("parameter"):
        assert rows["end"].tolist() == ["low", "high"]
        expected = stated.get(str(path)) or quantities[str(path)].interval
        assert rows["value"].tolist() == pytest.approx(list(expected))


def test_parameters_are_sorted_by_swing_and_patterns_choose_them(dsa: pd.DataFrame) -> None:
    swings = dsa.pivot(index="parameter", columns="end", values="inmb")
    order = dsa["parameter"].iloc[::2].tolist()
    swing = (swings["high"] - swings["low"]).abs().loc[order]
    assert (np.diff(swing) <= 1e-12).all() and swing.iloc[0] > 10 * swing.iloc[-1]
    expected = {p for p in uncertain(load(SMALL).scenario) if p.startswith("therapies.hf10.")}
    assert set(order) == expected | {DRUGS, ONSET, DEVICE, LOSS}
    everything = run({"dsa": {"patients": 20}}).dsa
    assert set(everything["parameter"]) == set(uncertain(load(SMALL).scenario))


def test_parameters_that_refer_to_another_move_along(dsa: pd.DataFrame) -> None:
    row = dsa[(dsa["parameter"] == ONSET) & (dsa["end"] == "high")].iloc[0]
    tied, alone = (benefit({ONSET: 12, "therapies.hf10.relief.onset_weeks": hf}) for hf in (1.2 * 12, 1.2 * 3))
    assert row["inmb"] == pytest.approx(tied[1] - tied[0], rel=1e-9)
    assert row["inmb"] != pytest.approx(alone[1] - alone[0], rel=1e-6)


def test_grades_and_sources_are_told() -> None:
    result = run({"dsa": {"parameters": [DRUGS, RESPONDERS]}},
                 **{DRUGS: {"mean": 1100, "se": 100, "source": "here", "grade": "published"}})  # fmt: skip
    told = result.dsa.drop_duplicates("parameter").set_index("parameter")
    assert tuple(told.loc[DRUGS, ["grade", "source"]]) == ("published", "here")
    assert told.loc[RESPONDERS, "grade"] in ("", None)
    swing = result.dsa.groupby("parameter").inmb.apply(np.ptp)
    assert result.assumed_share == pytest.approx(swing[RESPONDERS] / swing.sum(), rel=1e-12)


def test_the_assumed_share_by_hand() -> None:
    rows = [("a", "low", 10.0, "assumed"), ("a", "high", 4.0, "assumed"), ("b", "low", 1.0, "published"),
            ("b", "high", 2.0, "published"), ("c", "low", -1.0, ""), ("c", "high", 0.0, ""),
            ("d", "low", 5.0, "derived"), ("d", "high", 7.0, "derived")]  # fmt: skip
    table = pd.DataFrame(rows, columns=["parameter", "end", "inmb", "grade"])
    assert assumed_share(table) == pytest.approx((6 + 1) / (6 + 1 + 1 + 2))
    assert assumed_share(table.iloc[:0]) is None
    assert assumed_share(table.assign(inmb=1.0)) is None


def test_errors_are_those_of_pairs_of_patients() -> None:
    """Of the net benefit, and of the value at which the decision changes."""
    asked = {"parameter": {"parameter": DEVICE, "low": 12000, "high": 30000}}
    result = run({"dsa": {"parameters": [RESPONDERS]}, "thresholds": {"t": asked}})
    row = result.dsa.iloc[0]
    error = run({}).increments.set_index("strategy").loc[row.strategy, f"inmb_{row.wtp:g}_mcse"]
    assert row.inmb_mcse == pytest.approx(error, rel=0.05) and row.patients == N
    found = result.thresholds.iloc[0]
    below, above = (
        run({}, **{DEVICE: found.value + d}).increments.set_index("strategy").loc["hf"] for d in (-500, 500)
    )
    slope = (above.inmb_20000 - below.inmb_20000) / 1000
    assert found.value_mcse == pytest.approx(below.inmb_20000_mcse / abs(slope), rel=0.2)


@pytest.mark.parametrize("range_", [(15_000, 18_000), (0, 1e6)])
def test_errors_are_those_at_the_value_whatever_the_range(range_: tuple[float, float]) -> None:
    low, high = range_
    asked = {"parameter": {"parameter": DEVICE, "low": low, "high": high}}
    other = {"parameters": [RESPONDERS], "ranges": {DEVICE: [low, high]}}
    result = run({"dsa": other, "thresholds": {"t": asked}})
    (row,) = result.thresholds.itertuples()
    narrow = run({"thresholds": {"t": {"parameter": {"parameter": DEVICE, "low": 14_000, "high": 19_000}}}}).thresholds
    assert row.value == pytest.approx(narrow["value"][0], rel=1e-6)
    assert row.value_mcse == pytest.approx(narrow["value_mcse"][0], rel=1e-3)
    error = run({}).increments.set_index("strategy").loc["hf", "inmb_20000_mcse"]
    np.testing.assert_allclose(result.dsa["inmb_mcse"], error, rtol=1e-9)


MIX = "population.mechanism"


def test_other_shares_make_room_for_one() -> None:
    """In proportion: what is shown is what is run, and the scenario can be set to it."""
    axis = {"parameter": f"{MIX}.neuropathic", "low": 0, "high": 1}
    table = run({"two_way": {"g": {"x": axis, "y": RESPONDERS, "points": 3}}}).two_way
    for row in table.itertuples():
        rest = (1 - row.x_value) / (0.35 + 0.25)
        mix = {"neuropathic": row.x_value, "mixed": 0.35 * rest, "nociceptive": 0.25 * rest}
        nmb = benefit({MIX: mix, RESPONDERS: {"value": row.y_value}})
        assert row.inmb == pytest.approx(nmb[1] - nmb[0], rel=1e-9)


def test_a_share_of_one_leaves_room_when_it_falls() -> None:
    sure = {"neuropathic": 1, "mixed": 0, "nociceptive": 0}
    axis = {"parameter": f"{MIX}.neuropathic", "low": 0, "high": 1}
    table = run({"two_way": {"g": {"x": axis, "y": RESPONDERS, "points": 3}}}, **{MIX: sure}).two_way
    assert table["inmb"].notna().all() and table.groupby("x_value")["inmb"].first().nunique() == 3


def test_two_shares_of_one_whole_are_no_two_ways() -> None:
    axes = {"x": {"parameter": f"{MIX}.mixed", "low": 0, "high": 1}, "y": f"{MIX}.neuropathic"}
    with pytest.raises(ScenarioError, match=r"two_way\.g\.y: .*are shares of one whole"):
        run({"two_way": {"g": axes}})


# ------------------------------------------------------------------- two ways


def test_a_grid_is_single_runs() -> None:
    axes = {"x": {"parameter": DEVICE, "low": 5000, "high": 30000}, "y": RESPONDERS}
    result = run({"two_way": {"g": {**axes, "points": 4, "threshold": 35000}, "h": {**axes, "points": 2}}})
    table = result.two_way[result.two_way["name"] == "g"]
    assert len(table) == 16 and len(result.two_way) == 16 + 4
    low, high = uncertain(result.scenario)[RESPONDERS].interval or (0, 0)
    assert sorted(set(table["x_value"])) == pytest.approx(np.linspace(5000, 30000, 4))
    assert sorted(set(table["y_value"])) == pytest.approx(np.linspace(low, high, 4))
    assert not table.duplicated(["x_value", "y_value"]).any()
    for row in table.iloc[::3].itertuples():
        nmb = benefit({DEVICE: row.x_value, RESPONDERS: {"value": row.y_value}}, 35000)
        assert row.inmb == pytest.approx(nmb[1] - nmb[0], rel=1e-9)
        assert row.margin == pytest.approx(abs(nmb[1] - nmb[0]), rel=1e-9)
        assert row.best == ("lf", "hf")[nmb.argmax()]
    assert (table["x_base"] == 16648).all() and table["y_base"].iloc[0] == pytest.approx(0.76)


# ----------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("path", "low", "high", "wtp", "unit"), [(DEVICE, 0, 40000, 25000, 1e-6), (LOSS, 0, 2, 35000, 2e-3)]
)
def test_at_a_threshold_both_are_worth_the_same(path: str, low: float, high: float, wtp: float, unit: float) -> None:
    asked = {"parameter": {"parameter": path, "low": low, "high": high}, "threshold": wtp}
    table = run({"thresholds": {"t": asked}}).thresholds

    def lead(x: float) -> float:
        nmb = benefit({path: {"value": x}}, wtp)
        return float(nmb[1] - nmb[0])

    assert len(table) == 1
    row = table.iloc[0]
    assert (row["low"], row["high"], row["wtp"]) == (low, high, wtp)
    assert (row["best_below"], row["best_above"]) == ("hf", "lf")
    assert lead(low) > 0 > lead(high)
    equal = brentq(lead, low, high, xtol=1e-9 * high)
    # Exact where the net benefit is linear in the value, else to a part of the finer grid.
    assert row["value"] == pytest.approx(equal, abs=unit * (high - low))


def test_no_threshold_is_one_row_without_a_value() -> None:
    asked = {"parameter": {"parameter": DEVICE, "low": 30000, "high": 60000}}
    (row,) = run({"thresholds": {"t": asked}}).thresholds.itertuples()
    assert np.isnan(row.value) and row.best_below == row.best_above == "lf"
    assert row.base == 16648


# ------------------------------------------------------------------- contrast


def at(costs: list[float], effects: list[float]) -> Means:
    """Means of one case, without errors."""
    return Means(np.array([costs], dtype=float), np.array([effects], dtype=float), np.zeros((2, 2)), 1)


@pytest.mark.parametrize(
    ("asked", "benefits", "pair"),
    [
        ({}, [5, 7, 9], ("c", "a")),
        ({}, [5, 9, 7], ("b", "a")),
        ({}, [9, 5, 7], ("c", "a")),  # the reference is best: the next best
        ({"reference": "c"}, [5, 7, 9], ("b", "c")),
        ({"strategy": "b"}, [5, 7, 9], ("b", "a")),
        ({"strategy": "a", "reference": "b"}, [5, 7, 9], ("a", "b")),
        ({}, [5, 5, 5], ("b", "a")),
    ],
)
def test_what_is_compared(asked: dict[str, str], benefits: list[float], pair: tuple[str, str]) -> None:
    scenario = tiny({"x": CARE}, {"a": ["x"], "b": ["x"], "c": ["x"]})
    job = make_job(scenario)
    found = Contrast.of(job, Comparison(threshold=1.0, **asked), at([0, 0, 0], benefits))
    assert (found.strategy, found.reference, found.wtp) == (*pair, 1.0)
    assert Contrast.of(job, Comparison(), at([0, 0, 0], [0, 0, 0])).wtp == 20_000
    names, margin = found.best(at([0, 0, 0], [4.0, 8.0, 6.5]))
    assert names == ["b"] and margin.tolist() == [1.5]


def test_a_scenario_of_one_strategy_has_nothing_to_compare() -> None:
    scenario = tiny({"x": CARE})
    found = Contrast.of(make_job(scenario), Comparison(), at([0], [0]))
    assert (found.strategy, found.reference) == ("only", "only")
    d_cost, d_qaly, inmb = found.differences(at([1], [1]))
    assert not (d_cost.any() or d_qaly.any() or inmb.any())
    assert np.isinf(found.best(at([1], [1]))[1]).all()


def test_patients_of_a_sensitivity_analysis() -> None:
    parameters = {"parameters": [RESPONDERS]}
    default, same, fewer = (
        run({"dsa": {**parameters, **more}}).dsa["inmb_base"].iloc[0]
        for more in ({}, {"patients": N}, {"patients": N // 2})
    )
    base, half = benefit(), benefit(patients=N // 2)
    assert default == same == pytest.approx(base[1] - base[0], rel=1e-9)
    assert fewer == pytest.approx(half[1] - half[0], rel=1e-9)
    assert fewer != pytest.approx(default, rel=1e-6)
