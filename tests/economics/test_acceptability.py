"""Acceptability curves and comparisons two by two, against definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_samples import Pair, normal, samples

from scssim.economics import SampleError, ceac, ceaf_switches, evpi, pairwise

WTP = [0, 100, 200, 1000]


def test_acceptability_by_hand() -> None:
    costs = {"a": [0.0, 0.0, 0.0, 0.0], "b": [10.0, 10.0, 10.0, 10.0]}
    effects = {"a": [0.0, 0.0, 0.0, 0.0], "b": [3.0, 1.0, 0.0, 0.0]}
    table = ceac(costs, effects, [0, 10, 20])
    assert list(table.columns) == ["wtp", "strategy", "p_best", "p_ceaf", "expected_loss", "is_optimal"]
    assert list(table.wtp) == [0, 0, 10, 10, 20, 20] and list(table.strategy) == ["a", "b"] * 3
    # At 10, b gains 20, 0, -10, -10 on a: equal on average (a stands first), and a tie in the second draw.
    assert list(table.p_best) == [1, 0, 0.625, 0.375, 0.5, 0.5]
    assert list(table.p_ceaf) == [1, 1, 0.625, 0.625, 0.5, 0.5]
    assert list(table.is_optimal) == [True, False, True, False, False, True]
    assert list(table.expected_loss) == [0, 10, 5, 5, 15, 5]


def test_the_most_probable_strategy_need_not_be_optimal() -> None:
    table = ceac({"a": [0.0] * 4, "b": [1.0, 1.0, 1.0, -10.0]}, {"a": [0.0] * 4, "b": [0.0] * 4}, 0)
    assert list(table.p_best) == [0.75, 0.25] and list(table.is_optimal) == [False, True]
    assert list(table.p_ceaf) == [0.25, 0.25]


@given(samples())
def test_agrees_with_the_definitions(pair: Pair) -> None:
    costs, effects = pair
    table = ceac(costs, effects, WTP)
    perfect = evpi(costs, effects, WTP)
    for wtp, rows in table.groupby("wtp"):
        benefit = wtp * effects.to_numpy() - costs.to_numpy()
        highest = benefit.max(axis=1)
        p_best = np.zeros(costs.shape[1])
        for draw in benefit:
            winners = [i for i, x in enumerate(draw) if x == max(draw)]
            p_best[winners] += 1 / len(winners) / len(benefit)
        np.testing.assert_allclose(rows.p_best, p_best, atol=1e-12)
        assert rows.p_best.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(rows.expected_loss, highest.mean() - benefit.mean(axis=0), atol=1e-9)
        assert (rows.expected_loss >= 0).all()
        assert rows.expected_loss.min() == pytest.approx(perfect.set_index("wtp").evpi[wtp], abs=1e-9)
        best = rows[rows.is_optimal]
        assert len(best) == 1
        assert best.expected_loss.iloc[0] == pytest.approx(rows.expected_loss.min(), abs=1e-9)
        assert (rows.p_ceaf == best.p_best.iloc[0]).all()


@given(samples(), st.randoms(use_true_random=False))
def test_order_of_strategies_and_effects_is_irrelevant(pair: Pair, random: object) -> None:
    costs, effects = pair
    names = list(costs)
    random.shuffle(names)  # type: ignore[attr-defined]
    straight = ceac(costs, effects, WTP)
    pd.testing.assert_frame_equal(straight, ceac(costs, effects[names], WTP))
    permuted = ceac(costs[names], effects, WTP)
    assert list(permuted.strategy) == names * len(WTP)
    kept = ["wtp", "strategy", "p_best", "expected_loss"]
    pd.testing.assert_frame_equal(
        straight[kept].sort_values(["wtp", "strategy"], ignore_index=True),
        permuted[kept].sort_values(["wtp", "strategy"], ignore_index=True),
    )
    assert list(evpi(costs, effects, WTP).evpi) == pytest.approx(list(evpi(costs[names], effects, WTP).evpi), abs=1e-9)


@given(samples())
def test_a_dominated_copy_changes_nothing_else(pair: Pair) -> None:
    costs, effects = pair
    copy = costs.assign(worse=costs["s0"] + 1), effects.assign(worse=effects["s0"] - 1)
    before, after = ceac(costs, effects, WTP), ceac(*copy, WTP)
    worse = after.strategy == "worse"
    assert (after.p_best[worse] == 0).all() and not after.is_optimal[worse].any()
    pd.testing.assert_frame_equal(before, after[~worse].reset_index(drop=True))
    pd.testing.assert_frame_equal(evpi(costs, effects, WTP), evpi(*copy, WTP))
    rows = pairwise(*copy, WTP)
    pd.testing.assert_frame_equal(
        pairwise(costs, effects, WTP), rows[rows.strategy != "worse"].reset_index(drop=True), check_dtype=False
    )


@given(samples(least=2))
def test_pairwise_is_antisymmetric(pair: Pair) -> None:
    forth = pairwise(*pair, WTP, reference="s0").query("strategy == 's1'").reset_index()
    back = pairwise(*pair, WTP, reference="s1").query("strategy == 's0'").reset_index()
    np.testing.assert_allclose(forth.p_cost_effective, 1 - back.p_cost_effective, atol=1e-12)
    np.testing.assert_allclose(forth.inmb, -back.inmb, atol=1e-9)
    np.testing.assert_allclose(forth.inmb_lower, -back.inmb_upper, atol=1e-9)
    np.testing.assert_allclose(forth.inmb_upper, -back.inmb_lower, atol=1e-9)


def test_pairwise_of_two_is_the_acceptability_curve() -> None:
    costs, effects = normal(3, 500, 2)
    table = pairwise(costs, effects, [0, 20_000, 50_000])
    assert list(table.columns) == [
        "wtp", "strategy", "reference", "p_cost_effective", "inmb", "inmb_lower", "inmb_upper",
    ]  # fmt: skip
    curve = ceac(costs, effects, [0, 20_000, 50_000]).query("strategy == 's1'")
    np.testing.assert_allclose(table.p_cost_effective, curve.p_best)
    drawn = 20_000 * (effects.s1 - effects.s0) - (costs.s1 - costs.s0)
    np.testing.assert_allclose(table.loc[1, ["inmb_lower", "inmb_upper"]].astype(float), drawn.quantile([0.025, 0.975]))
    narrow = pairwise(costs, effects, 20_000, level=0.5)
    assert narrow.inmb_upper[0] == pytest.approx(drawn.quantile(0.75))


def test_one_strategy_has_no_pairs() -> None:
    table = pairwise({"a": [1.0, 2.0]}, {"a": [1.0, 2.0]}, WTP)
    assert table.empty
    assert list(table.columns) == list(pairwise({"a": 1, "b": 1}, {"a": 1, "b": 1}, 1).columns)


def test_pairwise_refuses() -> None:
    with pytest.raises(SampleError, match="`z`"):
        pairwise({"a": 1}, {"a": 1}, 1, reference="z")
    with pytest.raises(SampleError, match="level of 95"):
        pairwise({"a": 1}, {"a": 1}, 1, level=95)


def test_switches_are_where_the_optimum_changes() -> None:
    costs, effects = normal(4, 300, 6)
    switches = ceaf_switches(costs, effects)
    assert len(switches) > 2 and switches.wtp[0] == 0 and pd.isna(switches.versus[0])
    for row in switches.itertuples():
        just_above = ceac(costs, effects, row.wtp + 1e-3)
        assert list(just_above.strategy[just_above.is_optimal]) == [row.strategy]
        if row.wtp > 0:
            just_below = ceac(costs, effects, row.wtp - 1e-3)
            assert list(just_below.strategy[just_below.is_optimal]) == [row.versus]
