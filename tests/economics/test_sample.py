"""What is refused as a sample or as thresholds, and how it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scssim.economics import SampleError, frontier
from scssim.economics.sample import sample, thresholds

GOOD = {"a": [1.0, 2.0], "b": [3.0, 4.0]}


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({}, "no columns"),
        ({"a": [1.0, 2.0]}, "`b` is only in the effects"),
        ({**GOOD, "c": [1.0, 2.0]}, "`c` is only in the costs"),
        ({"a": [1.0, 2.0], "b": [3.0]}, "a 2, b 1"),
        ({"a": [1.0], "b": [3.0]}, "costs have 1 draws, effects 2"),
        ({"a": [1.0, np.nan], "b": [3.0, 4.0]}, "`a` are nan in row 2"),
        ({"a": [1.0, 2.0], "b": [-np.inf, 4.0]}, "`b` are -inf in row 1"),
        ({"a": [1.0, 1e200], "b": [3.0, 4.0]}, "`a` reach 1e.200"),
        ({"a": [1.0, None], "b": [3.0, 4.0]}, "`a` are nan in row 2"),
        ({"a": ["1", "2"], "b": [3.0, 4.0]}, "`a` are not all numbers"),
        ({"a": pd.Series([1, "2"], dtype=object), "b": [3.0, 4.0]}, "`a` are not all numbers"),
        ({"a": pd.to_datetime(["2020-01-01", "2020-01-02"]), "b": [3.0, 4.0]}, "`a` are not all numbers"),
        ({"a": [[1.0, 2.0]], "b": [3.0, 4.0]}, "2 dimensions"),
        ({"a": [], "b": [3.0, 4.0]}, "`a` are empty"),
        (pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "a"]), "`a` twice"),
        (np.ones((2, 2)), "ndarray"),
        (pd.DataFrame({"draw": [1, 0], **GOOD}), None),
    ],
)
def test_what_cannot_be_used_is_refused(costs: Any, message: str | None) -> None:
    if message is None:
        assert sample(costs, GOOD).draws == 2
        return
    for function in (sample, frontier):
        with pytest.raises(SampleError, match=message):
            function(costs, GOOD)


def test_draws_in_another_order_are_refused() -> None:
    one, other = pd.DataFrame({"draw": [0, 1], **GOOD}), pd.DataFrame({"draw": [1, 0], **GOOD})
    assert sample(one, one).strategies == ("a", "b")
    with pytest.raises(SampleError, match="`draw` differs"):
        sample(one, other)


def test_a_strategy_may_be_called_draw() -> None:
    assert sample({"draw": [1.0]}, {"draw": [2.0]}).strategies == ("draw",)
    assert list(frontier({"draw": 1, "b": 2}, {"b": 2, "draw": 1}).strategy) == ["draw", "b"]


def test_columns_are_matched_by_name() -> None:
    found = sample(GOOD, {"b": [30.0, 40.0], "a": [10.0, 20.0]})
    np.testing.assert_array_equal(found.effects, [[10, 30], [20, 40]])
    np.testing.assert_array_equal(found.benefit(2.0), [[19, 57], [38, 76]])


@pytest.mark.parametrize(
    ("wtp", "message"),
    [
        ([], "empty"),
        ([-1.0], "threshold of -1"),
        ([np.nan], "threshold of nan"),
        ([np.inf], "threshold of inf"),
        ([2.0, 1.0], "1 follows 2"),
        ([1.0, 1.0], "1 follows 1"),
        ("many", "not all numbers"),
    ],
)
def test_thresholds_are_checked(wtp: Any, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        thresholds(wtp)
