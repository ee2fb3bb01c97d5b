"""The result of a run: tidy tables and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import pandas as pd

from scssim.histories import Histories
from scssim.scenario.load import LoadedScenario
from scssim.scenario.schema import Scenario

TABLES = (
    "outcomes",
    "increments",
    "frontier",
    "visits",
    "occupancy",
    "events",
    "costs",
    "targets",
    "psa",
    "parameters",
    "inputs",
    "ceac",
    "pairwise",
    "evpi",
    "evppi",
    "noise",
    "dsa",
    "two_way",
    "thresholds",
    "variants",
    "subgroups",
    "extrapolation",
    "budget",
    "waits",
    "waits_by_need",
    "waiting_times",
    "queues",
    "utilisation",
    "burden",
    "census",
    "flows",
    "replications",
    "capacity",
    "log",
)
"""Tables in the order in which they are written; those of analyses that were not asked for are empty."""


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes
    ----------
    loaded
        The scenario and where it came from.
    seed, patients, draws, engine
        How it was run; ``draws`` is None for distribution means, and ``patients`` is then the whole
        sample, else the sample per draw.
    seconds
        Wall time of the run, with its analyses.
    warnings
        What deserves a second look.
    outcomes
        Mean, SD between patients and Monte Carlo SE of costs (currency), QALYs and life years, by strategy.
    increments
        Paired differences from the reference, ICER and incremental net monetary benefit.
    frontier
        Full incremental analysis.
    visits
        Measures by visit: fractions for relief and yes/no measures, VAS 0-10, ODI 0-100, MME per day.
        ``lower`` and ``upper``: without draws the 95 % Monte Carlo interval of the mean, with draws the mean and
        1.96 SDs between draws to either side.
    occupancy
        Share of patients in each state by month.
    events
        Events per patient, share of patients, rate per 100 patient-years.
    costs
        Mean discounted and undiscounted cost per patient by item.
    targets
        Published results against simulated ones.
    psa
        Mean cost, QALYs and life years by draw and strategy.
    parameters
        Values of the uncertain parameters by draw.
    inputs
        Every number that went in, with its interval, distribution, source and grade.
    ceac, pairwise, evpi, evppi
        Acceptability curves and frontier, expected losses, pairwise comparisons, value of perfect and of partial
        perfect information, by threshold (with draws).
    noise
        What of the variance between draws is noise between simulated patients (with draws).
    dsa, two_way, thresholds
        Deterministic sensitivity analyses.
    variants, subgroups, extrapolation
        Strategies under other assumptions, among some patients, and by what happens after the observed data.
    budget
        Yearly cash flow of the current and the new mix of strategies.
    waits, waits_by_need, waiting_times, queues, utilisation
        Waits for limited resources (days), by what they are for and by year, and their distribution by week; queue,
        use and capacity over time; how much was used (discrete events).
    burden
        QALYs lost to waiting and costs saved by it, against unlimited resources.
    census, flows
        Where patients are at the end of the period that is counted; who goes on to what.
    replications
        Mean waits and their precision by number of replications.
    capacity
        Waits, losses and net benefit by capacity of a resource.
    log
        Events of some patients of the first replication.
    service
        Run length, warm-up and replications; None on the cohort engine.
    version
        Of scssim, which made it.
    assumed_share
        Share of the one-way swings of the net benefit that comes from assumed inputs; None without ``dsa``.
    cases
        The full results of ``variants.NAME`` and ``subgroups.NAME``.
    histories
        What happened to every patient, on disk; None unless asked for.
    """

    loaded: LoadedScenario
    seed: int
    patients: int
    draws: int | None
    engine: str
    seconds: float
    warnings: list[str]
    outcomes: pd.DataFrame
    increments: pd.DataFrame
    frontier: pd.DataFrame
    visits: pd.DataFrame
    occupancy: pd.DataFrame
    events: pd.DataFrame
    costs: pd.DataFrame
    targets: pd.DataFrame
    psa: pd.DataFrame
    parameters: pd.DataFrame
    inputs: pd.DataFrame = field(default_factory=pd.DataFrame)
    ceac: pd.DataFrame = field(default_factory=pd.DataFrame)
    pairwise: pd.DataFrame = field(default_factory=pd.DataFrame)
    evpi: pd.DataFrame = field(default_factory=pd.DataFrame)
    evppi: pd.DataFrame = field(default_factory=pd.DataFrame)
    noise: pd.DataFrame = field(default_factory=pd.DataFrame)
    dsa: pd.DataFrame = field(default_factory=pd.DataFrame)
    two_way: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: pd.DataFrame = field(default_factory=pd.DataFrame)
    variants: pd.DataFrame = field(default_factory=pd.DataFrame)
    subgroups: pd.DataFrame = field(default_factory=pd.DataFrame)
    extrapolation: pd.DataFrame = field(default_factory=pd.DataFrame)
    budget: pd.DataFrame = field(default_factory=pd.DataFrame)
    waits: pd.DataFrame = field(default_factory=pd.DataFrame)
    waits_by_need: pd.DataFrame = field(default_factory=pd.DataFrame)
    waiting_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    queues: pd.DataFrame = field(default_factory=pd.DataFrame)
    utilisation: pd.DataFrame = field(default_factory=pd.DataFrame)
    burden: pd.DataFrame = field(default_factory=pd.DataFrame)
    census: pd.DataFrame = field(default_factory=pd.DataFrame)
    flows: pd.DataFrame = field(default_factory=pd.DataFrame)
    replications: pd.DataFrame = field(default_factory=pd.DataFrame)
    capacity: pd.DataFrame = field(default_factory=pd.DataFrame)
    log: pd.DataFrame = field(default_factory=pd.DataFrame)
    service: dict[str, Any] | None = None
    version: str = field(default_factory=lambda: metadata.version("scssim"))
    cases: dict[str, Result] = field(default_factory=dict)
    assumed_share: float | None = None
    histories: Histories | None = None

    @property
    def scenario(self) -> Scenario:
        """The scenario that was run."""
        return self.loaded.scenario
