"""Expected value of perfect information (EVPI), per patient and for a population."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scssim.economics.acceptability import regret
from scssim.economics.sample import SampleError, Table, sample, thresholds


@dataclass(frozen=True)
class Population:
    """Patients whom a decision concerns while it stands.

    Attributes
    ----------
    incidence
        Patients per year.
    years
        Years for which information would be useful; a broken last year counts in proportion.
    discount_rate
        Annual rate, 0.035 for 3.5 %.

    Raises
    ------
    SampleError
        If a value is negative, not finite, beyond 200 years or a discount rate of 1.
    """

    incidence: float
    years: float
    discount_rate: float

    def __post_init__(self) -> None:
        for name, most in (("incidence", math.inf), ("years", 200.0), ("discount_rate", 1.0)):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and math.isfinite(value) and 0 <= value <= most):
                allowed = "a number from 0 up" if math.isinf(most) else f"a number from 0 to {most:g}"
                raise SampleError(
                    f"the {name.replace('_', ' ')} of the population is {value}; {allowed} is needed"
                    + (" (0.035 is 3.5 %)" if name == "discount_rate" else "")
                )

    @property
    def size(self) -> float:
        """Discounted number of patients.

        ``sum over t = 1..years of incidence / (1 + discount_rate)^t``: the patients of year t are discounted by
        t years (Briggs, Claxton, Sculpher 2006, Decision Modelling for Health Economic Evaluation, chapter 6).
        """
        whole = math.floor(self.years)
        factor = math.log1p(self.discount_rate)
        # The sum of a geometric series, in a form that loses no digits for small rates.
        full = -math.expm1(-whole * factor) / self.discount_rate if self.discount_rate else float(whole)
        return float(self.incidence * (full + (self.years - whole) * math.exp(-(whole + 1) * factor)))


def evpi(costs: Table, effects: Table, wtp: ArrayLike, population: Population | None = None) -> pd.DataFrame:
    """Expected value of perfect information: what it would be worth to know every parameter before deciding.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Willingness to pay for a unit of effect: a number, or increasing numbers.
    population
        Patients whom the decision concerns.

    Returns
    -------
    DataFrame
        One row per threshold, in the unit of the costs: wtp, evpi (per patient), evpi_population (NaN without a
        population), se (Monte Carlo standard error of evpi; NaN with one draw).

    Raises
    ------
    SampleError
        If costs, effects or thresholds cannot be used.

    Notes
    -----
    The mean over draws of the highest net monetary benefit minus the highest mean. With ``b`` the strategy with the
    highest mean, that is the mean of ``max_j NMB_j - NMB_b``, whose SD between draws over the root of their number is
    the standard error (the influence function: which strategy is ``b`` changes nothing to first order, unless several
    have the same mean). The highest of several means is too high, and hence the estimate too low, by a little for few
    draws, more where the best strategies are close; the standard error does not show it. Noise between simulated
    patients makes it too high: see `scssim.economics.corrected`.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    value, error = np.empty((2, levels.size))
    for row, level in enumerate(levels):
        best, loss = regret(checked.benefit(level))
        value[row] = loss[:, best].mean()
        error[row] = loss[:, best].std(ddof=1) / math.sqrt(checked.draws) if checked.draws > 1 else np.nan
    size = population.size if population is not None else np.nan
    return pd.DataFrame({"wtp": levels, "evpi": value, "evpi_population": value * size, "se": error})
