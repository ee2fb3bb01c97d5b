"""The full incremental analysis against published tables and a brute-force lower hull."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scssim.economics import frontier

F, D, X, T = "frontier", "dominated", "extendedly dominated", "tie"

# cost, effect, status, incremental ratio of each strategy in the order given
CASES = {
    "six strategies": (
        ["E", "D", "C", "B", "A", "UC"],
        (55000, 35000, 25000, 10000, 12000, 5000),
        (5, 4, 3, 2, 1.5, 1),
        (F, F, X, F, D, F),
        {"B": 5000, "D": 12500, "E": 20000},
    ),
    "eight strategies": (
        ["1", "2", "3", "4", "5", "6", "7", "8"],
        (14807, 26041, 49706, 64266, 40022, 57392, 91744, 54651),
        (9.635, 10.2497, 11.1654, 11.5152, 11.582, 11.6248, 11.6296, 11.6588),
        (F, X, D, D, F, D, D, F),
        {"5": 12950.6934, "8": 190481.7708},
    ),
    "the least effective is not the cheapest": (
        ["1", "2", "3", "4", "5"],
        (26041, 14807, 49706, 64266, 40022),
        (9.13, 9.635, 11.1654, 11.5152, 11.582),
        (D, F, D, D, F),
        {"5": (40022 - 14807) / (11.582 - 9.635)},
    ),
    "two extendedly dominated": (
        ["1", "2", "3", "4", "5", "6"],
        (25000, 35000, 50000, 54651, 64266, 91744),
        (10.2497, 11.1654, 11.3, 11.6588, 11.7, 12.1),
        (F, F, X, F, X, F),
        {"2": 10920.6072, "4": 39827.726, "6": 84072.9828},
    ),
    "equal effects": (
        ["1", "2", "3", "4", "5", "6"],
        (26041, 49706, 64266, 57392, 91744, 54651),
        (10.2497, 11.1654, 11.5152, 11.6248, 11.6296, 11.6296),
        (F, X, D, D, D, F),
        {"6": 20733.3865},
    ),
    "identical strategies": (
        ["1", "2", "3", "4", "5", "6", "7"],
        (25000, 25000, 50000, 58500, 58500, 64266, 91744),
        (10.2497, 10.25, 11.3, 11.6588, 11.6588, 11.7, 12.1),
        (D, F, X, F, T, X, F),
        {
            "4": (58500 - 25000) / (11.6588 - 10.25),
            "5": (58500 - 25000) / (11.6588 - 10.25),
            "7": (91744 - 58500) / (12.1 - 11.6588),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_published_tables(case: str) -> None:
    names, costs, effects, status, ratios = CASES[case]
    table = frontier(dict(zip(names, costs, strict=True)), dict(zip(names, effects, strict=True)))
    assert list(table.strategy) == names
    assert tuple(table.status) == status
    found = table.set_index("strategy").icer.dropna()
    assert set(found.index) == set(ratios)
    for name, ratio in ratios.items():
        assert found[name] == pytest.approx(ratio, rel=1e-8)


def test_columns_and_increments() -> None:
    table = frontier({"a": 100, "b": 400, "c": 300}, {"a": 1, "b": 4, "c": 1.5})
    assert list(table.columns) == ["strategy", "cost", "qaly", "inc_cost", "inc_qaly", "icer", "status", "versus"]
    b = table.set_index("strategy").loc["b"]
    assert (b.inc_cost, b.inc_qaly, b.icer, b.versus) == (300, 3, 100, "a")
    c = table.set_index("strategy").loc["c"]
    assert c.status == X and pd.isna(c.versus) and np.isnan(c.icer)


def test_one_strategy_alone() -> None:
    (row,) = frontier({"a": 5}, {"a": 1}).itertuples(index=False)
    assert row.status == F and pd.isna(row.versus)
    assert np.isnan([row.inc_cost, row.inc_qaly, row.icer]).all()


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_with_equal_effects(order: str) -> None:
    costs, effects = {"a": 5, "b": 9}, {"a": 1, "b": 1}
    table = frontier({k: costs[k] for k in order}, {k: effects[k] for k in order}).set_index("strategy")
    assert table.status.to_dict() == {"a": F, "b": D}
    assert table.icer.isna().all()


def test_cheapest_and_best_alone() -> None:
    table = frontier({"a": 5, "b": 9, "c": 7}, {"a": 3, "b": 2, "c": 1})
    assert list(table.status) == [F, D, D]


def test_negative_costs_and_effects() -> None:
    table = frontier({"a": -10, "b": -5, "c": 20}, {"a": -2, "b": -1, "c": 1})
    assert list(table.status) == [F, F, F]
    assert list(table.icer[1:]) == [5, 12.5]


def test_means_of_draws() -> None:
    costs = pd.DataFrame({"a": [0.0, 2.0], "b": [10.0, 12.0]})
    effects = pd.DataFrame({"b": [4.0, 6.0], "a": [1.0, 1.0]})
    table = frontier(costs, effects)
    assert list(table.cost) == [1, 11] and list(table.qaly) == [1, 5]
    assert table.icer[1] == 2.5


def test_names_are_matched_not_positions() -> None:
    costs = {"a": 5000, "b": 10000, "c": 35000}
    effects = {"a": 1, "b": 2, "c": 4}
    straight = frontier(costs, effects)
    swapped = frontier(costs, dict(reversed(effects.items())))
    pd.testing.assert_frame_equal(straight, swapped)


def test_different_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"b.*c|c.*b"):
        frontier({"a": 1, "b": 2}, {"a": 1, "c": 2})


def test_ties_off_the_frontier_are_judged_alike() -> None:
    # b and c are identical and dominated by a; e and f identical and extendedly dominated.
    costs = {"a": 10, "b": 20, "c": 20, "d": 100, "e": 90, "f": 90}
    effects = {"a": 5, "b": 4, "c": 4, "d": 10, "e": 6, "f": 6}
    assert list(frontier(costs, effects).status) == [F, D, D, F, X, X]


def test_rounding_is_no_difference() -> None:
    forth, back = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    assert np.mean(forth) != np.mean(back)
    assert list(frontier({"a": forth, "b": back}, {"a": [1] * 3, "b": [1] * 3}).status) == [F, T]
    assert list(frontier({"a": 1, "b": 1}, {"a": 0.1 + 0.2, "b": 0.3}).status) == [F, T]


@pytest.mark.parametrize("scale", [1, 3, 7, 10, 1000, 1e-7])
def test_the_middle_of_a_line_is_extendedly_dominated_in_any_currency(scale: float) -> None:
    effects = {"a": 0.1, "b": 0.2, "c": 0.3}
    costs = {name: scale * effect for name, effect in effects.items()}
    assert list(frontier(costs, effects).status) == [F, X, F]


# Whole numbers from a small range: ties, equal costs, equal effects and straight lines all occur.
points = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=9)


@settings(max_examples=300)
@given(points)
def test_agrees_with_a_brute_force_lower_hull(chosen: list[tuple[int, int]]) -> None:
    names = [f"s{i}" for i in range(len(chosen))]
    table = frontier(
        {n: c for n, (c, _) in zip(names, chosen, strict=True)}, {n: e for n, (_, e) in zip(names, chosen, strict=True)}
    )
    assert list(table.status) == [_status(i, chosen) for i in range(len(chosen))]
    kept = table[table.status == F].sort_values("qaly")
    assert np.all(np.diff(kept.icer.to_numpy()[1:]) > 0)
    assert list(kept.versus[1:]) == list(kept.strategy[:-1])
    np.testing.assert_allclose(kept.icer[1:], np.diff(kept.cost) / np.diff(kept.qaly), rtol=1e-12)


def _status(i: int, chosen: list[tuple[int, int]]) -> str:
    """Status by definition: every other point, every straight line between two points."""
    c, e = chosen[i]
    others = [p for p in set(chosen) if p != (c, e)]
    if any(c2 <= c and e2 >= e for c2, e2 in others):
        return D
    for c1, e1 in others:
        for c2, e2 in others:
            if e1 < e < e2 and c1 + Fraction(c2 - c1) * Fraction(e - e1, e2 - e1) <= c:
                return X
    return F if chosen.index((c, e)) == i else T


def test_hundred_random_sets_against_the_hull() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        n = int(rng.integers(2, 20))
        cost, effect = rng.gamma(2, 10000, n), rng.normal(5, 2, n)
        names = [f"s{i}" for i in range(n)]
        table = frontier(dict(zip(names, cost, strict=True)), dict(zip(names, effect, strict=True)))
        chosen = [(float(c), float(e)) for c, e in zip(cost, effect, strict=True)]
        hull = {i for i in range(n) if _on_hull(i, chosen)}
        assert set(np.flatnonzero(table.status == F)) == hull


def _on_hull(i: int, chosen: list[tuple[float, float]]) -> bool:
    """Whether some willingness to pay makes the strategy the best: the thresholds are pairwise ratios."""
    c, e = chosen[i]
    low, high = 0.0, np.inf
    for j, (c2, e2) in enumerate(chosen):
        if j == i:
            continue
        if e2 == e:
            if c2 < c:
                return False
        elif e2 > e:
            high = min(high, (c2 - c) / (e2 - e))
        else:
            low = max(low, (c - c2) / (e - e2))
    return low < high
