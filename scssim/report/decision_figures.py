"""All figures of a decision analysis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scssim.report import style
from scssim.report.bar_figures import evppi as evppi_figure
from scssim.report.bar_figures import tornado
from scssim.report.budget_figure import budget as budget_figure
from scssim.report.case_figures import extrapolation as extrapolation_figure
from scssim.report.case_figures import two_way as two_way_figure
from scssim.report.look import Look
from scssim.report.plane_figure import ce_plane
from scssim.report.style import NothingToDrawError
from scssim.report.threshold_figures import acceptability, expected_loss
from scssim.report.threshold_figures import evpi as evpi_figure

if TYPE_CHECKING:
    from scssim.result import Result


def makers(
    look: Look,
    *,
    psa: pd.DataFrame | None = None,
    ceac: pd.DataFrame | None = None,
    pairwise: pd.DataFrame | None = None,
    evpi: pd.DataFrame | None = None,
    evppi: pd.DataFrame | None = None,
    dsa: pd.DataFrame | None = None,
    two_way: pd.DataFrame | None = None,
    extrapolation: pd.DataFrame | None = None,
    budget: pd.DataFrame | None = None,
    reference: str | None = None,
    strategy: str | None = None,
    best: str | None = None,
) -> style.Makers:
    """What draws the figures of a decision analysis, by file name.

    Parameters
    ----------
    look
        Names and units.
    psa
        Columns draw, strategy, cost, qaly.
    pairwise
        Columns wtp, strategy, p_cost_effective: shares that the figure `ce_plane` names.
    ceac, evpi, evppi, dsa, two_way, extrapolation, budget
        Tables of the figures `acceptability` and `expected_loss`, `evpi`, `evppi`, `tornado`, `two_way` (one figure
        for each ``name``), `extrapolation` and `budget`.
    reference
        Strategy that others are compared with, where the table does not say; by default the first with a label.
    strategy
        Strategy whose gains the figure of extrapolation splits; by default the best of the first case.
    best
        Strategy with the highest net benefit in the base case, for the tornado.

    Returns
    -------
    Makers
        Of figures named ce_plane, ceac, expected_loss, evpi, evppi, tornado, two_way (or two_way_NAME, if there are
        several), extrapolation and budget.
    """
    base = reference if reference is not None else next(iter(look.labels), None)
    found: style.Makers = {
        "ce_plane": lambda: ce_plane(look, *_wide(psa), base, _better(look, pairwise)),
        "ceac": lambda: acceptability(look, _table(ceac)),
        "expected_loss": lambda: expected_loss(look, _table(ceac)),
        "evpi": lambda: evpi_figure(look, _table(evpi)),
        "evppi": lambda: evppi_figure(look, _table(evppi), evpi=_evpi_at(look, _table(evppi), evpi)),
        "tornado": lambda: tornado(look, _table(dsa), best=best),
    }
    maps = {str(name): rows for name, rows in _table(two_way).groupby("name", sort=False)} if _has(two_way) else {}
    for name, rows in maps.items():
        found["two_way" if len(maps) == 1 else f"two_way_{name}"] = partial(two_way_figure, look, rows)
    found["extrapolation"] = lambda: extrapolation_figure(
        look, _table(extrapolation), strategy, _reference(_table(extrapolation), base)
    )
    found["budget"] = lambda: budget_figure(look, _table(budget))
    return found


def makers_of(result: Result) -> style.Makers:
    """What draws the figures of the analyses of a run, by file name."""
    scenario = result.scenario
    settings, extrapolation = scenario.settings, scenario.analyses.extrapolation
    best = str(result.dsa["best_base"].iloc[0]) if not result.dsa.empty else None
    return makers(
        Look.of(scenario),
        psa=result.psa,
        ceac=result.ceac,
        pairwise=None if result.noise.empty else result.pairwise,  # else as simulated, as the draws show
        evpi=result.evpi,
        evppi=result.evppi,
        dsa=result.dsa,
        two_way=result.two_way,
        extrapolation=result.extrapolation,
        budget=result.budget,
        reference=settings.reference,
        strategy=None if extrapolation is None else extrapolation.strategy,
        best=best,
    )


def _better(look: Look, pairwise: pd.DataFrame | None) -> dict[str, float]:
    """Share of the draws in which a strategy beats the reference at the first threshold, by strategy."""
    if pairwise is None or not _has(pairwise) or not look.thresholds:
        return {}
    rows = pairwise[pairwise["wtp"] == look.thresholds[0]]
    return dict(zip(rows["strategy"].astype(str), rows["p_cost_effective"].astype(float), strict=True))


def _has(table: pd.DataFrame | None) -> bool:
    return table is not None and not table.empty


def _table(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None or table.empty:
        raise NothingToDrawError("its table has no rows")
    return table


def _reference(table: pd.DataFrame, base: str | None) -> str | None:
    """Strategy that the increments of a table are over."""
    return str(table["reference"].iloc[0]) if "reference" in table.columns else base


def _wide(psa: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Costs and effects, one row per draw and one column per strategy."""
    table = _table(psa)
    costs, effects = (table.pivot(index="draw", columns="strategy", values=v) for v in ("cost", "qaly"))
    return costs, effects


def _evpi_at(look: Look, evppi: pd.DataFrame, evpi: pd.DataFrame | None) -> float | None:
    """Value of perfect information at the threshold that the figure of partial information shows."""
    if evpi is None or evpi.empty:
        return None
    known = evpi.dropna(subset=["evpi"]).sort_values("wtp")
    wtp, value = known["wtp"].to_numpy(dtype=float), known["evpi"].to_numpy(dtype=float)
    at = look.threshold(evppi.dropna(subset=["evppi"])["wtp"])
    return float(np.interp(at, wtp, value)) if wtp.size and wtp[0] <= at <= wtp[-1] else None
