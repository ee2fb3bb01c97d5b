"""The decision under uncertainty: what the draws of a run say, freed from the noise between simulated patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from scssim import economics
from scssim.economics.sample import steps
from scssim.engine.job import Job
from scssim.engine.totals import Totals
from scssim.scenario.analyses import Decision
from scssim.scenario.schema import Settings
from scssim.scenario.walk import matching

Array = NDArray[np.float64]

LOUD = 0.05
"""Share of noise in the variance of a net benefit between draws above which a run says so."""

USEFUL = 0.005
"""QALYs whose worth at the first threshold is the half-width that numbers of draws are recommended for."""

OVERHEAD = 20.0
"""Effort of compiling the parameters of a draw, in patients simulated under every strategy (measured)."""

DROWNED = 0.1
"""Share of noise above which the error of its removal matters, which no standard error contains."""


def decide(job: Job, totals: Totals, parameters: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Analyse the draws of a run.

    Parameters
    ----------
    job, totals
        A run with draws.
    parameters
        Values of the uncertain parameters, one row per draw.

    Returns
    -------
    tables
        ``ceac``, ``pairwise``, ``evpi``, ``evppi`` and ``noise``. Probabilities, losses and values of information are
        those of the draws after the noise between simulated patients has been taken away (`economics.corrected`);
        columns ``..._uncorrected`` give them as simulated.
    warnings
        Where noise is more than 5 % of the variance between draws.
    """
    # Several BLAS threads may sum in another order, and crawl when other programs use the processors.
    with threadpool_limits(1):
        return _decide(job, totals, parameters)


def _decide(job: Job, totals: Totals, parameters: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], list[str]]:
    settings, analyses = job.scenario.settings, job.scenario.analyses
    names = list(job.scenario.strategies)
    means = totals.draw_means
    costs, effects = (pd.DataFrame(means[:, :, k], columns=names) for k in (0, 1))
    reference = job.scenario.reference
    levels = curve(settings, analyses.decision)
    plain = clean = costs, effects
    tables: dict[str, pd.DataFrame] = {}
    if why := _unknown_noise(job):
        warnings = [f"curves and values of information are not corrected for noise between patients: {why}"]
    else:
        marks = settings.willingness_to_pay or (float(levels[-1]),)
        half_width = USEFUL * marks[0] or None
        noise = economics.decompose(*plain, totals.within, job.patients, marks, reference, half_width, OVERHEAD)
        clean = economics.corrected(*plain, totals.within, job.patients)
        tables["noise"], warnings = noise, _warnings(noise)
    population = analyses.decision.population
    people = None
    if population is not None:
        people = economics.Population(population.incidence, population.years, population.discount_rate)
    ceac, raw = economics.ceac(*clean, levels), economics.ceac(*plain, levels)
    evpi = economics.evpi(*clean, levels, people)
    tables |= {
        "ceac": ceac.assign(p_best_uncorrected=raw["p_best"], expected_loss_uncorrected=raw["expected_loss"]),
        "pairwise": economics.pairwise(*clean, levels, reference),
        "evpi": evpi.assign(evpi_uncorrected=economics.evpi(*plain, levels)["evpi"]),
    }
    chosen = groups(analyses.evppi, [str(name) for name in parameters.columns if name != "draw"])
    if chosen:
        # Regression averages the noise out; taking it away first would only blur its standard error.
        evppi = economics.evppi(*plain, parameters, chosen, levels)
        ceiling = evppi["wtp"].map(dict(zip(evpi["wtp"], evpi["evpi"], strict=True)))
        value = evppi["evppi"].clip(upper=ceiling)
        tables["evppi"] = evppi.assign(
            evppi=value, evppi_population=value * (np.nan if people is None else people.size)
        )
    return tables, warnings


def _unknown_noise(job: Job) -> str:
    """Why noise between patients cannot be told apart; empty if it can."""
    if job.table is not None:
        return "patients are the same rows of a table in every draw, so that their differences are no noise"
    return "one patient per draw says nothing about it" if job.patients == 1 else ""


def curve(settings: Settings, decision: Decision) -> Array:
    """Thresholds of the curves: the stated or default grid, and those of the settings."""
    marks = list(settings.willingness_to_pay)
    if decision.curve is not None:
        grid = steps(decision.curve.from_, decision.curve.to, decision.curve.step)
    else:
        grid = 2 * (max(marks, default=0.0) or 25_000.0) * np.linspace(0.0, 1.0, 101)
    return np.unique(np.concatenate([grid, marks]))


def groups(
    asked: Sequence[Sequence[str]] | Mapping[str, Sequence[str]], parameters: Sequence[str]
) -> dict[str, list[str]]:
    """Groups of parameters by label, patterns replaced by the paths that they stand for; without empty groups."""
    named = asked.items() if isinstance(asked, Mapping) else ((",".join(patterns), patterns) for patterns in asked)
    found = {
        label: list(dict.fromkeys(path for pattern in patterns for path in matching(pattern, parameters)))
        for label, patterns in named
    }
    return {label: paths for label, paths in found.items() if paths}


def _warnings(noise: pd.DataFrame) -> list[str]:
    """Tell the largest share of noise in an incremental net benefit, if it matters."""
    rows = noise[noise["quantity"] == "inmb"]
    if rows.empty or float(rows["noise_share"].max()) <= LOUD:
        return []
    worst = rows.iloc[int(rows["noise_share"].to_numpy().argmax())]
    share, needed = float(worst["noise_share"]), float(worst["patients_for_5_percent"])
    more = f"{needed:,.0f} patients per draw would bring it to 5 %" if np.isfinite(needed) else "use more patients"
    text = (
        f"noise between simulated patients is {100 * share:.1f} % of the variance between draws of the net benefit of "
        f"`{worst['strategy']}` at {worst['wtp']:g}; curves and values of information are corrected for it; {more}"
    )
    if share > DROWNED:
        text += "; with so much noise the correction itself is uncertain, which standard errors do not show"
    return [text]
