"""Budget impact: what a payer pays year by year when care is redistributed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.engine.job import Job
from scssim.engine.simulator import Simulator
from scssim.scenario.analyses import Budget

Array = NDArray[np.float64]

COLUMNS = (
    "year", "strategy", "patients", "devices", "cost", "procedures", "patients_current", "devices_current",
    "cost_current", "procedures_current", "impact",
)  # fmt: skip

OPERATIONS = ("trial", "implant", "replacement", "revision", "explant")
"""Events of an implant that take an operation."""


@dataclass(frozen=True)
class Yearly:
    """What one patient uses in each year since entry, shape (strategies, years)."""

    cost: Array
    devices: Array
    procedures: Array


def per_patient(job: Job, years: int, simulator: Simulator) -> Yearly:
    """Undiscounted cost, devices and procedures per patient in each year since entry.

    They are differences between runs that end after 1, 2, ... years: a shorter horizon cuts the same histories.

    Parameters
    ----------
    job
        The scenario; draws are not used (distribution means).
    years
        Number of years.
    simulator
        What simulates it.
    """
    scenario = job.scenario
    kinds = {name: therapy.kind for name, therapy in scenario.therapies.items()}
    sums = np.zeros((3, len(scenario.strategies), years + 1))
    for year in range(1, years + 1):
        totals = simulator(replace(job.until(float(year)), draws=0))
        for s in range(totals.strategies):
            sums[0, s, year] = totals.sums(s)[0][3] / totals.cells
            for event, (times, _) in totals.events[s].items():
                therapy, _, what = event.partition(".")
                if kinds.get(therapy) == "implant":
                    sums[1, s, year] += times * (what in ("implant", "replacement")) / totals.cells
                    sums[2, s, year] += times * (what in OPERATIONS) / totals.cells
                elif kinds.get(therapy) == "procedure":
                    sums[2, s, year] += times * (what in ("start", "repeat")) / totals.cells
    cost, devices, procedures = np.diff(sums, axis=2)
    return Yearly(cost, devices, procedures)


def budget(job: Job, asked: Budget, simulator: Simulator) -> pd.DataFrame:
    """Yearly cash flow of the current and of the new mix of strategies.

    Parameters
    ----------
    job
        The scenario.
    asked
        Eligible patients and the mixes.
    simulator
        What simulates it.

    Returns
    -------
    DataFrame
        One row per year and strategy: patients who start it in that year, and devices, undiscounted cost and
        procedures of all who have started it so far, under the new mix and (``_current``) the current one; ``impact``
        is the difference in cost.

    Notes
    -----
    Patients enter at the start of a year and cost in calendar year ``y`` what patients cost in year ``y - c + 1``
    since entry if they entered in year ``c`` (Mauskopf et al. 2007, Value in Health 10:336-347: undiscounted yearly
    cash flow under both mixes).
    """
    use = per_patient(job, asked.years, simulator)
    rows = []
    for s, name in enumerate(job.scenario.strategies):
        mixes = [np.array(asked.entering) * np.array(asked.shares(mix, name)) for mix in ("new", "current")]
        for year in range(1, asked.years + 1):
            both: list[list[float]] = []
            for entering in mixes:
                # Those who entered first are in their last year.
                flows = [float(entering[:year] @ x[s, :year][::-1]) for x in (use.devices, use.cost, use.procedures)]
                both.append([float(entering[year - 1]), *flows])
            new, current = both
            rows.append((year, name, *new, *current, new[2] - current[2]))
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("year", kind="stable", ignore_index=True)
