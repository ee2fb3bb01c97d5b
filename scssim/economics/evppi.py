"""Expected value of partial perfect information: what it is worth to know some parameters exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scssim.economics.groups import Group, Groups, read
from scssim.economics.information import Population
from scssim.economics.sample import Array, Sample, SampleError, Table, columns, sample, thresholds
from scssim.economics.splines import SmoothingSpline


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
        By name, one value per draw, in the same order. A leading column ``draw`` of a table is ignored.
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

    The inner expectation is a regression of net benefit on :math:`\varphi` (Strong, Oakley and Brennan 2014). Costs
    and effects, each as the difference from the mean of all strategies, are smoothed once per group
    (:class:`~scssim.economics.splines.SmoothingSpline`) and combined for every threshold. First-order noise
    in the draws is averaged out with everything else that the group does not explain.

    The largest of several fitted values is too large on average, because each is partly noise; a smoothed fit may
    as well be too flat. The fitted values are therefore used only to choose: in draw i strategy :math:`s_i`
    by the fit, :math:`r_i` by the fit without draw i. The estimate is the mean of

    .. math:: \psi_i = \tfrac12 (NB_{s_i, i} + NB_{r_i, i}) - NB_{b, i}

    where b has the highest expected net benefit. Choosing by fits with the mean squared error :math:`\delta^2`
    near indifference, of density f there, loses :math:`f \delta^2 / 2`; draws that take part in their own fit gain
    :math:`f \delta^2` by it, since the mean squared error of a smoothed value is about the residual variance times
    its leverage (Nychka 1988). So the first choice is as much too good as the second is too bad. The standard error
    is :math:`\mathrm{sd}(\psi) / \sqrt n`. It is 0 where no draw would change the decision.

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
    known, values = columns(parameters, "parameters")
    if len(values) != data.draws:
        raise SampleError(
            f"the parameters have {len(values)} draws, costs and effects {data.draws}; both need one row per draw"
        )
    if data.draws < 2:
        raise SampleError("one draw says nothing about information; at least 2 are needed")
    wanted = read(groups, known)
    limits = thresholds(wtp)
    outcomes = _Outcomes.of(data)
    found: dict[frozenset[str], tuple[str, Array, Array]] = {}
    for group in wanted:
        members = frozenset(group.names)
        if members not in found:
            chosen = values[:, [i for i, name in enumerate(known) if name in members]]
            found[members] = _estimate(outcomes, chosen[:, np.ptp(chosen, axis=0) > 0], limits)
    _lift(found)
    return _table(wanted, found, limits, math.nan if population is None else population.size)


@dataclass(frozen=True)
class _Outcomes:
    """Costs and effects as differences from the mean of all strategies, shape (strategies, draws)."""

    costs: Array
    effects: Array

    @classmethod
    def of(cls, data: Sample) -> _Outcomes:
        """Any reference serves; the mean makes the order of the strategies irrelevant."""
        costs = data.costs - data.costs.mean(axis=1, keepdims=True)
        effects = data.effects - data.effects.mean(axis=1, keepdims=True)
        return cls(np.ascontiguousarray(costs.T), np.ascontiguousarray(effects.T))

    def smoothed(self, x: Array) -> tuple[_Outcomes, _Outcomes]:
        """Fitted outcomes, and those predicted without the draw itself."""
        fit = SmoothingSpline().fit(x, np.vstack([self.costs, self.effects]).T)
        both = [np.ascontiguousarray(values.T) for values in (fit.fitted, fit.left_out)]
        fitted, left_out = (_Outcomes(*np.split(values, 2)) for values in both)
        return fitted, left_out

    def benefit(self, wtp: float) -> Array:
        """Net monetary benefit, shape (strategies, draws)."""
        return wtp * self.effects - self.costs


def _estimate(outcomes: _Outcomes, x: Array, limits: Array) -> tuple[str, Array, Array]:
    """Method, EVPPI and standard error at every threshold, from the varying parameters of a group."""
    value, error = np.zeros(limits.size), np.zeros(limits.size)
    if not x.shape[1]:
        return "constant", value, error
    fits = outcomes.smoothed(x)
    for i, limit in enumerate(limits):
        benefit = outcomes.benefit(limit)
        now = benefit[benefit.mean(axis=1).argmax()]
        gain = sum(_chosen(benefit, fit.benefit(limit)) for fit in fits) / 2 - now
        perfect = float((benefit.max(axis=0) - now).mean())
        value[i] = min(max(float(gain.mean()), 0.0), perfect)
        error[i] = gain.std(ddof=1) / math.sqrt(gain.size)
    method = "spline" if x.shape[1] == 1 else "tensor spline" if x.shape[1] <= 4 else "spline ANOVA"
    return method, value, error


def _chosen(benefit: Array, expected: Array) -> Array:
    """Benefit in each draw of the strategy with the highest expected one, shape (draws,)."""
    highest, chosen = expected[0], benefit[0]
    for candidate, own in zip(expected[1:], benefit[1:], strict=True):
        better = candidate > highest
        highest = np.where(better, candidate, highest)
        chosen = np.where(better, own, chosen)
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
