"""Running the model at chosen values of parameters, with the same patients every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scssim.engine.job import Job
from scssim.engine.simulator import Simulator
from scssim.engine.totals import contrast, standard_error
from scssim.scenario.analyses import Axis, Comparison
from scssim.scenario.quantity import Quantity
from scssim.scenario.walk import share_rows, walk

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Means:
    """Mean costs and QALYs at some values of parameters.

    Attributes
    ----------
    costs, effects
        Shape (cases, strategies).
    within
        Covariance between patients, averaged over the cases, as `Totals.within`.
    patients
        Patients of each case.
    """

    costs: Array
    effects: Array
    within: Array
    patients: int

    def error(self, one: int, other: int, wtp: float) -> float:
        """Monte Carlo SE of the difference in net benefit between two strategies, by position."""
        return standard_error(contrast(self.costs.shape[1], one, other, -1.0, wtp), self.within, self.patients)


@dataclass(frozen=True)
class Evaluator:
    """The model as a function of its parameters.

    The same patients meet the same luck at every value (common random numbers), so that differences are those of
    the parameters.

    Attributes
    ----------
    job
        What is simulated; parameters that are not set keep their means.
    simulator
        What simulates it.
    """

    job: Job
    simulator: Simulator

    def __call__(self, cases: Sequence[Mapping[str, float]]) -> Means:
        """Mean costs and QALYs in some cases, each with the values that it sets, by path."""
        values: dict[str, Array] = {}
        for i, case in enumerate(cases):
            for path, value in self._with_shares(case).items():
                if path not in values:
                    values[path] = np.full(len(cases), self.mean(path))
                values[path][i] = value
        job = replace(self.job, draws=len(cases), cases=values, visits=None)
        totals = self.simulator(job)
        return Means(totals.draw_means[:, :, 0], totals.draw_means[:, :, 1], totals.within, job.patients)

    def _with_shares(self, case: Mapping[str, float]) -> dict[str, float]:
        """The case with the shares that make room for one that it sets, in proportion to their means."""
        whole = dict(case)
        for row in share_rows(self.job.scenario):
            for path in case.keys() & set(row):
                others = [other for other in row if other != path]
                weights = np.array([self.mean(other) for other in others])
                weights = weights if weights.any() else np.ones(len(others))
                whole |= dict(zip(others, ((1 - case[path]) * weights / weights.sum()).tolist(), strict=True))
        return whole

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Every quantity of the scenario, by path."""
        return dict(walk(self.job.scenario))

    def mean(self, path: str) -> float:
        """The value of a parameter in the base case."""
        distribution = self.quantities[path].distribution
        assert distribution is not None, "references are not varied"
        return distribution.mean

    def ends(self, axis: Axis) -> tuple[float, float]:
        """Lowest and highest value of an axis: as stated, else those of the 95 % interval."""
        interval = self.quantities[axis.parameter].interval
        assert interval is not None, "references are not varied"
        return (
            interval[0] if axis.low is None else axis.low,
            interval[1] if axis.high is None else axis.high,
        )


@dataclass(frozen=True)
class Contrast:
    """A difference between two strategies at a threshold.

    Attributes
    ----------
    names
        Every strategy.
    strategy, reference
        What is compared.
    wtp
        Willingness to pay (currency per QALY).
    """

    names: tuple[str, ...]
    strategy: str
    reference: str
    wtp: float

    @classmethod
    def of(cls, job: Job, asked: Comparison, means: Means) -> Contrast:
        """The comparison that was asked for; what was left open follows from the first case, the base case."""
        settings = job.scenario.settings
        names = tuple(job.scenario.strategies)
        reference = asked.reference or job.scenario.reference
        wtp = settings.willingness_to_pay[0] if asked.threshold is None else asked.threshold
        benefit = wtp * means.effects[0] - means.costs[0]
        order = [names[i] for i in np.argsort(-benefit, kind="stable")]
        strategy = asked.strategy or next((name for name in order if name != reference), reference)
        return cls(names, strategy, reference, wtp)

    def differences(self, means: Means) -> tuple[Array, Array, Array]:
        """Differences in costs and QALYs, and the incremental net benefit, shape (cases,)."""
        s, r = self.names.index(self.strategy), self.names.index(self.reference)
        d_cost, d_qaly = (x[:, s] - x[:, r] for x in (means.costs, means.effects))
        return d_cost, d_qaly, self.wtp * d_qaly - d_cost

    def error(self, means: Means) -> float:
        """Monte Carlo SE of the incremental net benefit of one case (that between cases is far smaller)."""
        return means.error(self.names.index(self.strategy), self.names.index(self.reference), self.wtp)

    def benefit(self, means: Means) -> Array:
        """Net benefit, shape (cases, strategies)."""
        return self.wtp * means.effects - means.costs

    def best(self, means: Means) -> tuple[list[str], Array]:
        """Strategy with the highest net benefit in each case, and its lead over the next best."""
        benefit = self.benefit(means)
        best = benefit.argmax(axis=1)
        if benefit.shape[1] == 1:
            return [self.names[i] for i in best], np.full(len(best), np.inf)
        ordered = np.sort(benefit, axis=1)
        return [self.names[i] for i in best], ordered[:, -1] - ordered[:, -2]
