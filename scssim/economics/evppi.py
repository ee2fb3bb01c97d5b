"""Expected value of partial perfect information: what it is worth to know some parameters exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scssim.economics.groups import Group, Groups, read
from scssim.economics.information import Population
from scssim.economics.sample import Array, SampleError, Table, columns, same_draws, sample, thresholds
from scssim.economics.splines import Smooth, SmoothingSpline, left_out

THRESHOLDS = 128
"""Thresholds that are looked at together."""


def evppi(
    costs: Table,
    effects: Table,
    parameters: Table,
    groups: Groups,
    wtp: float | ArrayLike,
    population: Population | None = None,
) -> pd.DataFrame:
    r"""EVPPI of groups of parameters from a probabilistic sensitivity analysis (PSA), by regression.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw.
    parameters
        By name, one value per draw, in the same order. A leading column ``draw`` of a table has to be the same in all.
    groups
        Each a name or several names; a mapping gives labels.
    wtp
        Willingness to pay per unit of effect: one threshold or several, increasing.
    population
        Patients whom the decision concerns.

    Returns
    -------
    DataFrame
        One row per threshold and group: wtp, group (label), parameters (names joined by commas), evppi, se, and
        method: ``spline`` (one parameter), ``tensor spline`` (two to four, every interaction), ``spline ANOVA``
        (more, interactions of few), or ``constant`` (the group does not vary, so that it is worth nothing); and
        evppi_population (NaN without a population).

    Raises
    ------
    SampleError
        If the samples do not fit together, or for groups or thresholds that cannot be used.

    Notes
    -----
    With net benefit NB, strategies d and the parameters of the group :math:`\varphi`,

    .. math:: \mathrm{EVPPI} = E_\varphi[\max_d E[NB_d \mid \varphi]] - \max_d E[NB_d].

    The inner expectation is a regression of net benefit on :math:`\varphi` (Strong, Oakley and Brennan 2014). What
    is smoothed (:class:`~scssim.economics.splines.SmoothingSpline`) is the net benefit of each strategy over the
    one with the highest expected net benefit, at every threshold as much as its own noise asks for: noise that
    costs and effects have in common, or that only a dominated strategy has, does not decide how smooth it is. The
    columns of the regression and their products are made once per group, those of a contrast follow from those of
    costs and effects. First-order noise in the draws is averaged out with everything else that the group does not
    explain.

    The largest of several fitted values is too large on average, because each is partly noise; a smoothed fit may
    as well be too flat. The fitted values are therefore used only to choose: in draw i strategy :math:`s_i`
    by the fit, :math:`r_i` by the fit without draw i. The estimate is the mean of

    .. math:: \psi_i = \tfrac12 (NB_{s_i, i} + NB_{r_i, i}) - NB_{b, i}

    where b has the highest expected net benefit. Choosing by fits with the mean squared error :math:`\delta^2`
    near indifference, of density f there, loses :math:`f \delta^2 / 2`; draws that take part in their own fit gain
    :math:`f \delta^2` by it, since the mean squared error of a smoothed value is about the residual variance times
    its leverage (Nychka 1988). So the first choice is as much too good as the second is too bad. The standard error
    is :math:`\mathrm{sd}(\psi) / \sqrt n`. It is 0 where no draw would change the decision.

    Among more than twenty parameters, interactions of those without an effect of their own are not seen: the value is
    then too small, and its standard error does not show it.

    No value is below 0 or above the EVPI of the sample. When one group is part of another in the same call, the
    larger is given at least the value of the smaller (with its error): more information cannot be worth less.

    References
    ----------
    Nychka D. Bayesian confidence intervals for smoothing splines. Journal of the American Statistical Association
    1988;83:1134-1143.
    Strong M, Oakley JE, Brennan A. Estimating multiparameter partial expected value of perfect information from a
    probabilistic sensitivity analysis sample: a nonparametric regression approach. Medical Decision Making
    2014;34:311-326.
    """
    data = sample(costs, effects)
    for table, what in ((costs, "costs"), (effects, "effects")):
        same_draws(table, parameters, what, "parameters")
    known, values = columns(parameters, "parameters")
    if len(values) != data.draws:
        raise SampleError(
            f"the parameters have {len(values)} draws, costs and effects {data.draws}; both need one row per draw"
        )
    if data.draws < 2:
        raise SampleError("one draw says nothing about information; at least 2 are needed")
    wanted = read(groups, known)
    limits = thresholds(wtp)
    cost, effect = (np.ascontiguousarray((x - x.mean(axis=1, keepdims=True)).T) for x in (data.costs, data.effects))
    parts = [_Contrasts.of(cost, effect, limits[i : i + THRESHOLDS]) for i in range(0, limits.size, THRESHOLDS)]
    found: dict[frozenset[str], tuple[str, Array, Array]] = {}
    for group in wanted:
        members = frozenset(group.names)
        if members not in found:
            chosen = values[:, [i for i, name in enumerate(known) if name in members]]
            varying = chosen[:, np.ptp(chosen, axis=0) > 0]
            found[members] = _estimate(parts, varying)
    _lift(found)
    return _table(wanted, found, limits, math.nan if population is None else population.size)


@dataclass(frozen=True)
class _Contrasts:
    """Net benefit of every strategy over the one with the highest expected net benefit, at some thresholds.

    Attributes
    ----------
    costs, effects
        Differences from the mean of all strategies, shape (strategies, draws). Any reference would serve; with this
        one the order of the strategies is irrelevant.
    limits
        Thresholds, shape (thresholds,).
    best
        Position of the strategy with the highest expected net benefit, shape (thresholds,).
    others
        Positions of the others, shape (strategies - 1, thresholds).
    """

    costs: Array
    effects: Array
    limits: Array
    best: NDArray[np.intp]
    others: NDArray[np.intp]

    @classmethod
    def of(cls, costs: Array, effects: Array, limits: Array) -> _Contrasts:
        """Find out what is compared with what."""
        benefit = limits[:, None] * effects.mean(axis=1) - costs.mean(axis=1)
        best = benefit.argmax(axis=1)
        # Those before the best stay, those after it move up.
        others = np.arange(len(costs) - 1)[:, None]
        return cls(costs, effects, limits, best, others + (others >= best))

    @property
    def weights(self) -> Array:
        """What makes contrasts (strategy, threshold) of costs and effects, shape (2 strategies, contrasts)."""
        strategies, (rest, thresholds) = len(self.costs), self.others.shape
        weights = np.zeros((2, strategies, rest, thresholds))
        s, t = np.ogrid[:rest, :thresholds]
        for positions, sign in ((self.others, 1.0), (self.best, -1.0)):
            weights[0, positions, s, t] -= sign
            weights[1, positions, s, t] += sign * self.limits
        return weights.reshape(2 * strategies, rest * thresholds)

    def at(self, rows: slice) -> Array:
        """The contrasts in some draws, shape (strategies - 1, thresholds, draws)."""
        costs, effects = self.costs[:, rows], self.effects[:, rows]
        gain = self.limits[:, None] * (effects[self.others] - effects[self.best])
        return gain - (costs[self.others] - costs[self.best])


def _estimate(parts: list[_Contrasts], x: Array) -> tuple[str, Array, Array]:
    """Method, EVPPI and standard error at every threshold, from the varying parameters of a group."""
    costs, effects = parts[0].costs, parts[0].effects
    if not x.shape[1] or len(costs) < 2:
        nothing = np.zeros((2, sum(part.limits.size for part in parts)))
        return ("spline" if x.shape[1] else "constant"), *nothing
    spline = SmoothingSpline(x, np.vstack([costs, effects]).T)
    value, error = np.hstack([_gain(part, spline.smooth(part.weights)) for part in parts])
    method = "spline" if x.shape[1] == 1 else "tensor spline" if x.shape[1] <= 4 else "spline ANOVA"
    return method, value, error


def _gain(data: _Contrasts, fit: Smooth) -> Array:
    """Mean gain of choosing by a fit, and its standard error, shape (2, thresholds)."""
    total, squares, perfect = np.zeros((3, data.limits.size))
    for rows, fitted, leverage in fit.blocks():
        own = data.at(rows)
        without = left_out(own.reshape(fitted.shape), fitted, leverage)
        gain = (_chosen(own, fitted.reshape(own.shape)) + _chosen(own, without.reshape(own.shape))) / 2
        total += gain.sum(axis=-1)
        squares += (gain**2).sum(axis=-1)
        perfect += np.maximum(own.max(axis=0), 0.0).sum(axis=-1)
    mean = total / fit.draws
    variance = np.maximum(squares - fit.draws * mean**2, 0.0) / (fit.draws - 1)
    return np.stack([np.clip(mean, 0.0, perfect / fit.draws), np.sqrt(variance / fit.draws)])


def _chosen(own: Array, expected: Array) -> Array:
    """Contrast of the strategy with the highest expected one (0: the best), shape (thresholds, draws)."""
    highest, chosen = np.zeros((2, *own.shape[1:]))
    for candidate, value in zip(expected, own, strict=True):
        better = candidate > highest
        highest = np.where(better, candidate, highest)
        chosen = np.where(better, value, chosen)
    return chosen


def _lift(found: dict[frozenset[str], tuple[str, Array, Array]]) -> None:
    """Give every group at least the value of the groups that are part of it."""
    for larger in sorted(found, key=len):
        _, value, error = found[larger]
        for smaller in found:
            if smaller < larger:
                _, least, its_error = found[smaller]
                low = value < least
                value[low], error[low] = least[low], its_error[low]


def _table(
    wanted: list[Group], found: dict[frozenset[str], tuple[str, Array, Array]], limits: Array, size: float
) -> pd.DataFrame:
    """Rows by threshold, then group."""
    rows = []
    for i, limit in enumerate(limits):
        for group in wanted:
            method, value, error = found[frozenset(group.names)]
            rows.append((limit, group.label, ",".join(group.names), value[i], error[i], method, size * value[i]))
    return pd.DataFrame(rows, columns=["wtp", "group", "parameters", "evppi", "se", "method", "evppi_population"])
