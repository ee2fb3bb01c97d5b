"""Probabilities that a strategy is cost-effective: all at once (CEAC, CEAF) and two by two."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scssim.economics.benefit import against, proportion
from scssim.economics.frontier import frontier
from scssim.economics.sample import Array, Table, sample, thresholds


def ceac(costs: Table, effects: Table, wtp: ArrayLike) -> pd.DataFrame:
    """Cost-effectiveness acceptability curves and frontier, and expected losses.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Willingness to pay for a unit of effect: a number, or increasing numbers.

    Returns
    -------
    DataFrame
        One row per threshold and strategy, in the order of the costs:

        * wtp, strategy;
        * p_best: share of draws in which the strategy has the highest net monetary benefit (NMB); exact ties
          count in equal parts, so that a threshold's rows sum to 1;
        * p_ceaf: p_best of the strategy with the highest expected NMB at this threshold;
        * expected_loss: mean of what is lost against the best strategy of each draw, ``E[max_j NMB_j - NMB_i]``,
          in the unit of the costs; its minimum over the strategies is the EVPI;
        * is_optimal: whether the strategy has the highest expected NMB (the first of exact ties).

    Raises
    ------
    SampleError
        If costs, effects or thresholds cannot be used.

    Notes
    -----
    The frontier follows the expected NMB, not p_best (Fenwick, Claxton, Sculpher 2001, Health Economics 10:779-787);
    losses as in Alarid-Escudero et al. 2019, Value in Health 22:611-618.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    strategies = len(checked.strategies)
    p_best, losses = np.empty((2, levels.size, strategies))
    optimal = np.empty(levels.size, dtype=np.intp)
    for row, level in enumerate(levels):
        benefit = checked.benefit(level)
        optimal[row], loss = regret(benefit)
        best = loss == 0.0
        p_best[row] = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
        losses[row] = loss.mean(axis=0)
    return pd.DataFrame(
        {
            "wtp": np.repeat(levels, strategies),
            "strategy": np.tile(np.array(checked.strategies, dtype=object), levels.size),
            "p_best": p_best.reshape(-1),
            "p_ceaf": np.repeat(p_best[np.arange(levels.size), optimal], strategies),
            "expected_loss": losses.reshape(-1),
            "is_optimal": (optimal[:, None] == np.arange(strategies)).reshape(-1),
        }
    )


def pairwise(
    costs: Table, effects: Table, wtp: ArrayLike, reference: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Compare every strategy with a reference alone: probability and incremental net monetary benefit.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Willingness to pay for a unit of effect: a number, or increasing numbers.
    reference
        The strategy to compare with; by default the first of the costs.
    level
        Share of the draws between inmb_lower and inmb_upper.

    Returns
    -------
    DataFrame
        One row per threshold and strategy but the reference: wtp, strategy, reference, p_cost_effective (share of
        draws with a positive incremental net monetary benefit (INMB); exact ties count one half), inmb (its mean),
        inmb_lower, inmb_upper (its quantiles between draws). Empty with one strategy.

    Raises
    ------
    SampleError
        If costs, effects, thresholds or the level cannot be used, or there is no such reference.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    base, others = against(checked, reference)
    tail = (1.0 - proportion(level)) / 2.0
    d_cost = checked.costs.T[others] - checked.costs[:, base]
    d_effect = checked.effects.T[others] - checked.effects[:, base]
    found = np.empty((levels.size, len(others), 4))
    for row, wtp_level in enumerate(levels):
        inmb = wtp_level * d_effect - d_cost
        found[row, :, 0] = ((inmb > 0).mean(axis=1) + (inmb >= 0).mean(axis=1)) / 2.0
        found[row, :, 1] = inmb.mean(axis=1)
        if others:
            found[row, :, 2:] = np.quantile(inmb, [tail, 1.0 - tail], axis=1).T
    values = found.reshape(-1, 4)
    return pd.DataFrame(
        {
            "wtp": np.repeat(levels, len(others)),
            "strategy": np.tile(np.array([checked.strategies[i] for i in others], dtype=object), levels.size),
            "reference": np.full(len(values), checked.strategies[base], dtype=object),
            "p_cost_effective": values[:, 0],
            "inmb": values[:, 1],
            "inmb_lower": values[:, 2],
            "inmb_upper": values[:, 3],
        }
    )


def ceaf_switches(costs: Table, effects: Table) -> pd.DataFrame:
    """Thresholds at which the strategy with the highest expected net benefit changes.

    Parameters
    ----------
    costs, effects
        By strategy: a number, or one value per draw. Matched by name.

    Returns
    -------
    DataFrame
        strategy, versus, wtp, in increasing order: from the threshold ``wtp`` on, ``strategy`` has the highest
        expected net benefit in place of ``versus``. The first row is the strategy that is best at a threshold of 0.
        The thresholds are the ICERs of the efficiency frontier, so they are exact.

    Raises
    ------
    SampleError
        If costs or effects cannot be used.
    """
    table = frontier(costs, effects)
    kept = table[table["status"] == "frontier"].sort_values("qaly")[["strategy", "versus", "icer"]]
    return kept.rename(columns={"icer": "wtp"}).fillna({"wtp": 0.0}).reset_index(drop=True)


def regret(benefit: Array) -> tuple[int, Array]:
    """Which strategy is best on average, and what each loses against the best of each draw.

    Parameters
    ----------
    benefit
        Net monetary benefit, shape (draws, strategies).

    Returns
    -------
    best : int
        Position of the highest mean (the first of exact ties).
    loss : Array
        Shape (draws, strategies), 0 where a strategy is the best of a draw.
    """
    best = int(np.argmax(benefit.mean(axis=0)))
    return best, benefit.max(axis=1, keepdims=True) - benefit
