"""Bookkeeping that must hold in every run; a breach is our defect, not the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scssim.result import Result


class DefectError(AssertionError):
    """An internal invariant does not hold: a defect of scssim, please report it."""


def check_occupancy(result: Result) -> None:
    """Every patient is in exactly one state at every month."""
    sums = result.occupancy.groupby(["strategy", "month"]).share.sum()
    low = result.occupancy.share.min()
    if abs(sums - 1).max() > 1e-9 or low < 0:
        raise DefectError(f"occupancy sums to {sums.min():g}..{sums.max():g}, smallest share {low:g}")


def check_ends(result: Result) -> None:
    """Every patient ends with death or the horizon."""
    ends = result.events[result.events.event.isin(["death", "horizon"])].groupby("strategy").per_patient.sum()
    if abs(ends - 1).max() > 1e-9:
        raise DefectError(f"ends per patient: {ends.to_dict()}")


def check_costs(result: Result) -> None:
    """Items of the perspective add up to the total."""
    costs = result.costs
    if result.scenario.settings.perspective == "healthcare":
        costs = costs[costs.perspective == "healthcare"]
    for column, outcome in (("discounted", "cost"), ("undiscounted", "cost_undiscounted")):
        items = costs.groupby("strategy")[column].sum()
        total = result.outcomes[result.outcomes.outcome == outcome].set_index("strategy")["mean"]
        for strategy, cost in total.items():
            if abs(items.get(strategy, 0.0) - cost) > 1e-6 * max(1.0, abs(cost)):
                raise DefectError(f"{strategy}: items sum to {items.get(strategy, 0.0)!r}, the total is {cost!r}")


def check_numbers(result: Result) -> None:
    """No outcome is missing, and visit means are numbers wherever anybody was seen."""
    known = ["mean", "sd"] if result.patients * (result.draws or 1) > 1 else ["mean"]
    if not np.isfinite(result.outcomes[known].to_numpy()).all():
        raise DefectError("an outcome is not a number")
    seen = result.visits[result.visits.n > 0]
    if not np.isfinite(seen[["mean", "sd", "lower", "upper"]].to_numpy(dtype=float)).all():
        raise DefectError("a visit measure is not a number")


def check_acceptability(result: Result) -> None:
    """Probabilities of being best sum to 1, and the smallest expected loss is what perfect information is worth."""
    sums = result.ceac.groupby("wtp").p_best.sum()
    if abs(sums - 1).max() > 1e-9 or result.ceac.expected_loss.min() < -1e-6:
        raise DefectError(f"probabilities of being best sum to {sums.min():g}..{sums.max():g}")
    least = result.ceac.groupby("wtp").expected_loss.min()
    if not np.allclose(least, result.evpi.set_index("wtp").evpi.loc[least.index], rtol=1e-9, atol=1e-6):
        raise DefectError("the smallest expected loss is not the value of perfect information")


def check_information(result: Result) -> None:
    """What partial information is worth lies between nothing and perfect information."""
    ceiling = result.evppi.wtp.map(result.evpi.set_index("wtp").evpi)
    if result.evppi.evppi.min() < 0 or (result.evppi.evppi > ceiling * (1 + 1e-9) + 1e-9).any():
        raise DefectError("a value of partial information is below 0 or above that of perfect information")


@dataclass(frozen=True)
class Guard:
    """Something that must hold in every result.

    Attributes
    ----------
    what
        It, in a sentence for readers.
    check
        Raises `DefectError` if it does not hold.
    table
        The table that it is about; without rows there is nothing to guard.
    """

    what: str
    check: Callable[[Result], None]
    table: str

    def applies(self, result: Result) -> bool:
        """Whether the result has what it is about."""
        return len(getattr(result, self.table)) > 0


GUARDS = (
    Guard("Every patient is in exactly one state at every month.", check_occupancy, "occupancy"),
    Guard("Every patient ends once, with death or the horizon.", check_ends, "events"),
    Guard("Cost items of the perspective add up to the total of every strategy.", check_costs, "outcomes"),
    Guard("No outcome is missing, and no measure of a visit at which anybody was seen.", check_numbers, "outcomes"),
    Guard(
        "Probabilities of being best sum to 1, and the smallest expected loss is the value of perfect information.",
        check_acceptability, "ceac",
    ),
    Guard(
        "Values of partial information lie between nothing and that of perfect information.", check_information, "evppi"
    ),
)  # fmt: skip
"""All guards; they run at the end of every run."""


def check(result: Result) -> None:
    """Check a result by all guards.

    Raises
    ------
    DefectError
        If occupancy does not sum to 1, a patient has no end, cost items do not sum to the total, a number is
        missing, or information is worth less than nothing or more than perfect information.
    """
    for guard in GUARDS:
        if guard.applies(result):
            guard.check(result)
