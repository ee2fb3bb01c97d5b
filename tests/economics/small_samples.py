"""Samples of costs and effects for property tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

Pair = tuple[pd.DataFrame, pd.DataFrame]


@st.composite
def samples(draw: st.DrawFn, least: int = 1, draws: int = 1) -> Pair:
    """Costs and effects of a few strategies: whole numbers from a small range, so that ties of all kinds occur."""
    shape = (draw(st.integers(draws, 12)), draw(st.integers(least, 5)))
    number = st.integers(-4, 4)
    size = shape[0] * shape[1]
    names = [f"s{i}" for i in range(shape[1])]
    tables = [np.reshape(draw(st.lists(number, min_size=size, max_size=size)), shape).astype(float) for _ in "ce"]
    return pd.DataFrame(tables[0] * 100, columns=names), pd.DataFrame(tables[1] / 2, columns=names)


def normal(seed: int, draws: int, strategies: int) -> Pair:
    """Correlated costs and effects without ties."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(draws, 1))
    names = [f"s{i}" for i in range(strategies)]
    costs = 10_000 + 4_000 * np.arange(strategies) + 2_000 * common + 1_500 * rng.normal(size=(draws, strategies))
    effects = 5 + 0.2 * np.arange(strategies) + 0.3 * common + 0.2 * rng.normal(size=(draws, strategies))
    return pd.DataFrame(costs, columns=names), pd.DataFrame(effects, columns=names)
