"""Variants, subgroups and the extrapolation: the same comparison under other assumptions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.economics import frontier
from scssim.engine.job import Job
from scssim.engine.simulator import Simulator
from scssim.engine.totals import Totals
from scssim.scenario.expressions import parse

Array = NDArray[np.float64]

COLUMNS = (
    "name", "strategy", "cost", "qaly", "icer", "status", "inmb", "qaly_gain_after_data", "inmb_mcse", "d_cost",
    "d_qaly", "d_qaly_after_data", "icer_reference", "nmb_change", "nmb_change_mcse", "lead", "lead_mcse",
    "reference", "wtp", "label", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One set of assumptions, simulated.

    Attributes
    ----------
    name, label, note
        Id, name, and what the case rests on.
    totals
        Its simulation.
    early
        Mean costs and QALYs up to the end of the observed data, shape (strategies, 2), or None.
    """

    name: str
    label: str
    note: str
    totals: Totals
    early: Array | None


def subgroup(job: Job, condition: str) -> Job:
    """The job with patients who fulfil a condition only; stated responder shares still hold among all."""
    return replace(job, among=parse(condition))


def variant(job: Job, base: Job) -> Job:
    """The job of a variant, in which stated responder shares hold in the population of the base case."""
    return replace(job, base=base if job.scenario.population != base.scenario.population else None)


def observed(job: Job, years: float, simulator: Simulator) -> Array:
    """Mean costs and QALYs up to the end of the observed data (to the horizon, if that is earlier)."""
    horizon = job.scenario.settings.horizon_years
    if isinstance(horizon, float):
        years = min(years, horizon)
    return simulator(job.until(years)).means


def compare(cases: list[Case], wtp: float, reference: str | None = None) -> pd.DataFrame:
    """Compare strategies in each of some cases.

    Parameters
    ----------
    cases
        The cases; the first is the one that others are held against.
    wtp
        Willingness to pay (currency per QALY).
    reference
        Strategy for increments; by default that of the settings.

    Returns
    -------
    DataFrame
        One row per case and strategy. ``icer`` and ``status`` are those of the full incremental analysis within the
        case, increments (``d_cost``, ``d_qaly``, ``icer_reference``, ``inmb``) are against the reference;
        ``d_qaly_after_data`` is the part of the incremental QALYs that accrues after the observed data, and
        ``qaly_gain_after_data`` its share (NaN where a gain is followed by a loss, or a loss by a gain);
        ``nmb_change`` is the net monetary benefit of the strategy less that in the first case, with the same patients;
        ``lead`` that of the best strategy over the next best (NaN for all others), ``lead_mcse`` its Monte Carlo SE.
    """
    rows = [row for case in cases for row in _rows(case, cases[0].totals, wtp, reference)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(case: Case, first: Totals, wtp: float, reference: str | None) -> list[dict[str, Any]]:
    totals, early = case.totals, case.early
    scenario = totals.job.scenario
    names = list(scenario.strategies)
    asked = reference or scenario.reference
    versus = asked if asked in names else names[0]
    r = names.index(versus)
    means = totals.means
    table = frontier(dict(zip(names, means[:, 0], strict=True)), dict(zip(names, means[:, 1], strict=True)))
    benefit = wtp * means[:, 1] - means[:, 0]
    order = np.argsort(-benefit, kind="stable")
    rows = []
    for s, (name, icer, status) in enumerate(zip(names, table["icer"], table["status"], strict=True)):
        d_cost, d_qaly = (float(x) for x in means[s] - means[r])
        during = np.nan if early is None or s == r else float(early[s, 1] - early[r, 1])
        after = d_qaly - during
        # Parts of opposite signs are no shares of their sum.
        share = after / d_qaly if abs(d_qaly) > 1e-9 and during * after >= 0 else np.nan
        change = _change(totals, first, name, wtp)
        lead, lead_mcse = np.nan, np.nan
        if s == order[0] and len(order) > 1:
            lead = float(benefit[s] - benefit[order[1]])
            lead_mcse = totals.error(s, int(order[1]), -1.0, wtp)
        rows.append(
            {
                "name": case.name, "strategy": name, "cost": means[s, 0], "qaly": means[s, 1], "icer": icer,
                "status": status, "inmb": wtp * d_qaly - d_cost, "qaly_gain_after_data": share,
                "inmb_mcse": totals.error(s, r, -1.0, wtp) if s != r else 0.0,
                "d_cost": d_cost, "d_qaly": d_qaly, "d_qaly_after_data": after,
                "icer_reference": d_cost / d_qaly if s != r and d_qaly else np.nan,
                "nmb_change": change[0], "nmb_change_mcse": change[1], "lead": lead, "lead_mcse": lead_mcse,
                "reference": versus, "wtp": wtp, "label": case.label, "note": case.note,
            }
        )  # fmt: skip
    return rows


def _change(totals: Totals, first: Totals, strategy: str, wtp: float) -> tuple[float, float]:
    """Net benefit less that in the first case, and its Monte Carlo SE from pairs of draws (or of batches of patients).

    Only patients that are the same in both can be compared: not those of a subgroup.
    """
    old = list(first.job.scenario.strategies)
    if strategy not in old or totals.job.among != first.job.among:
        return np.nan, np.nan
    i, k = list(totals.job.scenario.strategies).index(strategy), old.index(strategy)
    after, weights = _benefits(totals, i, wtp)
    before, _ = _benefits(first, k, wtp)
    if after.size != before.size:
        return np.nan, np.nan
    difference = after - before
    mean = float(np.average(difference, weights=weights))
    if difference.size < 2:
        return mean, np.nan
    share = weights / weights.sum()
    variance = float(np.sum(share**2 * (difference - mean) ** 2)) * difference.size / (difference.size - 1)
    return mean, float(np.sqrt(variance))


def _benefits(totals: Totals, strategy: int, wtp: float) -> tuple[Array, Array]:
    """Mean net benefit by draw, or by batch of patients without draws; and the weight of each."""
    if totals.job.samples:
        means = totals.draw_means
        weights = np.ones(len(means))
    else:
        means, weights = totals.batches()
    return wtp * means[:, strategy, 1] - means[:, strategy, 0], weights
