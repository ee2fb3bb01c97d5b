"""How much of a resource is enough: the same service at several capacities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.engine.des.run import Found
from scssim.engine.des.waits import Waits, lost, standard_error
from scssim.engine.job import Job
from scssim.scenario.analyses import Capacity
from scssim.scenario.service import WaitingTarget

Array = NDArray[np.float64]

COLUMNS = (
    "resource", "level", "strategy", "n", "mean_days", "p90", "share_within_target", "share_mcse", "meets_target",
    "smallest", "utilisation", "queue_at_end", "qaly_lost", "qaly_lost_mcse", "cost", "qaly", "inmb", "inmb_mcse",
    "nmb_change", "nmb_change_mcse", "target_days", "target_share", "reference", "wtp",
    "need",
)  # fmt: skip


def capacity(job: Job, asked: Capacity, run: Callable[[Job], Found]) -> pd.DataFrame:
    """Waits, losses and net benefit of every strategy at each level of a capacity.

    Parameters
    ----------
    job
        The service.
    asked
        Which resource, at which levels.
    run
        Simulates a job.

    Returns
    -------
    DataFrame
        One row per level and strategy. ``qaly_lost`` is that to all waits, per patient; ``inmb`` is against the
        reference strategy at the same level; ``nmb_change`` is the net benefit of the strategy less that at the lowest
        level (what more of the resource is worth to a patient, without its own cost). ``smallest`` marks the lowest
        level from which on the target is met at all higher ones.
    """
    settings, names = job.scenario.settings, list(job.scenario.strategies)
    reference = asked.reference or job.scenario.reference
    wtp = settings.willingness_to_pay[0] if asked.threshold is None else asked.threshold
    target = asked.target or job.scenario.resources[asked.resource].target
    r = names.index(reference)
    rows = []
    first: Found | None = None
    for level in asked.levels:
        found = run(at_level(job, asked.resource, level, target))
        first = first or found
        totals, (losses, errors) = found.totals, lost(found)
        for s, name in enumerate(names):
            waits = Waits.of(found, s, asked.resource)
            d_cost, d_qaly = totals.means[s] - totals.means[r]
            change = _benefit(found, s, wtp) - _benefit(first, s, wtp)
            cost, qaly = totals.means[s] - first.totals.means[s]
            share, error = 1 - waits.share_late, standard_error(waits.late)
            if asked.need is not None:
                judged, late = waits.part(asked.need)[:, 2:4].T
                share = 1 - late.sum() / judged.sum() if judged.any() else np.nan
                error = standard_error(late[judged > 0] / judged[judged > 0])
            rows.append(
                {
                    "resource": asked.resource, "level": level, "strategy": name, "n": waits.served,
                    "mean_days": waits.mean, "p90": waits.quantile(0.9),
                    "share_within_target": share if target else np.nan,
                    "share_mcse": error if target else np.nan,
                    "meets_target": bool(share >= target.share) if target and np.isfinite(share) else None,
                    "utilisation": float(waits.utilisation.mean()),
                    "queue_at_end": float(np.mean([use.waiting for use in waits.uses])),
                    "qaly_lost": losses[s, 0], "qaly_lost_mcse": errors[s, 0],
                    "cost": totals.means[s, 0], "qaly": totals.means[s, 1],
                    "inmb": wtp * d_qaly - d_cost, "inmb_mcse": totals.error(s, r, -1.0, wtp) if s != r else 0.0,
                    "nmb_change": wtp * qaly - cost,
                    "nmb_change_mcse": 0.0 if found is first else standard_error(change),
                    "target_days": 7 * target.weeks if target else np.nan,
                    "target_share": target.share if target else np.nan, "reference": reference, "wtp": wtp,
                    "need": asked.need,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows)
    table["smallest"] = _smallest(table)
    return table[list(COLUMNS)]


def at_level(job: Job, resource: str, level: int, target: WaitingTarget | None) -> Job:
    """The job with another capacity of a resource all through, and without visits."""
    spec = job.scenario.resources[resource]
    kind = "slots" if spec.servers is None else "servers"
    changed = spec.model_copy(update={kind: level, "target": target})
    scenario = job.scenario.model_copy(update={"resources": {**job.scenario.resources, resource: changed}})
    return replace(job, scenario=scenario, visits=None)


def _benefit(found: Found, strategy: int, wtp: float) -> Array:
    """Mean net benefit by replication."""
    means = found.totals.draw_means
    return wtp * means[:, strategy, 1] - means[:, strategy, 0]


def _smallest(table: pd.DataFrame) -> list[bool]:
    """Marks, by strategy, the lowest level from which on the target is always met."""
    best: dict[str, int] = {}
    for strategy, rows in table.groupby("strategy"):
        for level, meets in reversed(list(zip(rows["level"], rows["meets_target"], strict=True))):
            if not meets:
                break
            best[str(strategy)] = level
    return [best.get(s) == level for s, level in zip(table["strategy"], table["level"], strict=True)]
