"""A run in words: who was simulated, what was compared, which strategy came out best where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from scssim.report.look import Look, amount, number
from scssim.report.stress_facts import Facts
from scssim.report.stress_words import listed, plain, several, share
from scssim.result import Result
from scssim.scenario.analyses import BASE, CONTINUE

FEW_DRAWS = 100
"""Draws below which nothing is said of intervals, probabilities and the value of information."""


def text(*sentences: str | None) -> str:
    """Sentences in a row; empty ones are left out."""
    return " ".join(sentence for sentence in sentences if sentence)


def qalys(value: float) -> str:
    """QALYs with three decimals."""
    return f"{number(value, 3, 3)} QALYs"


@dataclass(frozen=True)
class Case:
    """A variant, a subgroup or a case of the extrapolation.

    Attributes
    ----------
    label
        Its name for people.
    best
        Id of its strategy with the highest net benefit.
    close
        Whether that leads the next best by less than twice the Monte Carlo standard error.
    """

    label: str
    best: str
    close: bool


@dataclass(frozen=True)
class Lead:
    """How far the best strategy is ahead.

    Attributes
    ----------
    best, next
        Ids of the strategies with the highest and the second highest net monetary benefit.
    by
        Difference of their net benefits (currency per patient).
    error
        Monte Carlo standard error of it; not a number where there is none.
    low, high
        95 % of the draws of it, as simulated; None without enough draws.
    """

    best: str
    next: str
    by: float
    error: float
    low: float | None = None
    high: float | None = None

    @property
    def close(self) -> bool:
        """Whether the simulation cannot tell the two apart."""
        return self.by <= 0 or self.by < 2 * self.error


class Study:
    """What sentences about a run need.

    Parameters
    ----------
    result
        What `scssim.run` returned.

    Attributes
    ----------
    facts
        What is true of the scenario.
    labels
        Label of every strategy, by id.
    """

    def __init__(self, result: Result) -> None:
        self.result, self.scenario, self.settings = result, result.scenario, result.scenario.settings
        self.labels = {name: plain(self.scenario.strategy_label(name)) for name in self.scenario.strategies}

    @cached_property
    def facts(self) -> Facts:
        """What is true of the scenario."""
        return Facts(self.scenario)

    def label(self, strategy: object) -> str:
        """Label of a strategy, or its id."""
        return self.labels.get(str(strategy)) or str(strategy)

    def money(self, value: float) -> str:
        """An amount in the currency of the scenario."""
        return amount(Look(currency=self.settings.currency), value)

    def per_qaly(self, value: float) -> str:
        """A willingness to pay, or an incremental ratio."""
        return f"{self.money(value)} per QALY"

    @property
    def names(self) -> str:
        """Labels of all strategies in a row."""
        return series(self.labels.values())

    @property
    def compares(self) -> bool:
        """Whether there is more than one strategy."""
        return len(self.labels) > 1

    @property
    def reference(self) -> str:
        """Label of the strategy that others are compared with."""
        return self.label(self.scenario.reference)

    @property
    def horizon(self) -> str:
        """How long patients are followed."""
        years = self.settings.horizon_years
        return "a lifetime (until age 110)" if isinstance(years, str) else several(years, "year")

    @property
    def patients(self) -> str:
        """How many patients were simulated."""
        result = self.result
        each = several(result.patients, "patient")
        if result.draws:
            return f"{several(result.draws, 'draw')} of {each} each"
        replications = 1 if result.service is None else result.service["replications"]
        return f"{several(replications, 'replication')} of {each} each" if replications > 1 else each

    @property
    def discounting(self) -> str:
        """Discount rates, such as ``costs and effects at 3.5 % a year``."""
        rate = self.settings.discount_rate
        if rate.costs == rate.effects:
            return f"costs and effects at {share(rate.costs)} a year"
        return f"costs at {share(rate.costs)} and effects at {share(rate.effects)} a year"

    # ------------------------------------------------------------------ what came out

    def best(self, wtp: float) -> str | None:
        """Id of the strategy with the highest net benefit in the run; None if nothing can be compared."""
        table = self.result.frontier
        rows = table[table[["cost", "qaly"]].notna().all(axis=1)] if len(table) else table
        return str(best_row(rows, wtp)["strategy"]) if len(rows) and self.compares else None

    def lead(self, wtp: float) -> Lead | None:
        """How far the best strategy is ahead of the next best; None if nothing can be compared."""
        name, best = f"behind_{wtp:g}", self.best(wtp)
        if best is None or name not in self.result.increments or len(self.result.increments) < 2:
            return None
        others = self.result.increments.set_index("strategy").drop(index=best)
        runner_up = str(others[name].idxmin())
        by, error = float(others[name][runner_up]), float(others[f"{name}_mcse"][runner_up])
        low = high = None
        if self.enough_draws:
            psa = self.result.psa
            benefit = (wtp * psa["qaly"] - psa["cost"]).to_numpy().reshape(-1, psa["strategy"].nunique())
            order = list(psa["strategy"][: benefit.shape[1]])
            ahead = benefit[:, order.index(best)] - benefit[:, order.index(runner_up)]
            low, high = (float(x) for x in np.quantile(ahead, (0.025, 0.975)))
        return Lead(best, runner_up, by, error, low, high)

    @property
    def enough_draws(self) -> bool:
        """Whether there are enough draws to speak of intervals and probabilities."""
        return (self.result.draws or 0) >= FEW_DRAWS and not self.result.psa.empty

    def cases(self, table: pd.DataFrame) -> dict[str, Case]:
        """Cases of a table (`variants`, `subgroups`, `extrapolation`) by name; the base case comes first."""
        if table.empty:
            return {}
        return {str(name): _case(rows) for name, rows in table.groupby("name", sort=False)}

    def others(self, table: pd.DataFrame) -> dict[str, Case]:
        """The cases without the base case."""
        return {name: case for name, case in self.cases(table).items() if name not in (BASE, CONTINUE)}


def series(words: Iterable[str], last: str = "and") -> str:
    """`listed`, also for words that hold commas."""
    names = list(words)
    *before, final = names or [""]
    if len(names) < 2 or not any("," in name for name in names):
        return listed(names, last)
    return f"{'; '.join(before)}; {last} {final}"


def enumerated(words: Iterable[str]) -> str:
    """Items of a list that may hold commas."""
    return "; ".join(words)


def spelt(families: Iterable[str]) -> str:
    """How many numbers have which distribution."""
    return listed(f"{count} {family}" for family, count in Counter(families).most_common())


def _case(rows: pd.DataFrame) -> Case:
    best = best_row(rows, float(rows["wtp"].iloc[0]))
    label = plain(str(best["label"]))
    return Case(label, str(best["strategy"]), bool(best["lead"] < 2 * best["lead_mcse"]))


def best_row(rows: pd.DataFrame, wtp: float) -> pd.Series[Any]:
    """Row of the strategy with the highest net benefit; the first of equals."""
    return rows.iloc[int((wtp * rows["qaly"] - rows["cost"]).to_numpy().argmax())]
