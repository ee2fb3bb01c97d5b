"""What is fitted to SENZA-RCT: the parameters of relief under SCS, where they start, and their priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ARMS = ("lf_scs", "hf10")
SITES = ("back", "leg")
HAZARD = "therapies.lf_scs.loss_of_effect.hazard"
"""Common hazard of loss of effect in the trial; it belongs to the scenario, not to the fragment."""


@dataclass(frozen=True)
class Part:
    """One parameter of each arm and site.

    Attributes
    ----------
    start, step
        Starting value, and half-width of the finite difference.
    prior
        Mean and SD of its normal prior; None: flat.
    bounds
        Permitted range.
    """

    start: Mapping[str, float]
    step: float
    prior: tuple[float, float] | None
    bounds: tuple[float, float]


def _both(value: float) -> dict[str, float]:
    return {arm: value for arm in ARMS}


PARTS: dict[str, Part] = {
    "responders": Part({"hf10": 0.83, "lf_scs": 0.48}, 0.02, None, (0.02, 0.98)),
    "if_responder.mean": Part(_both(0.80), 0.02, None, (0.55, 0.95)),
    "if_responder.sd": Part(_both(0.13), 0.01, (0.13, 0.03), (0.03, 0.20)),
    "if_not.mean": Part(_both(0.15), 0.02, (0.15, 0.05), (-0.20, 0.40)),
    "if_not.sd": Part(_both(0.18), 0.01, (0.18, 0.03), (0.05, 0.28)),
}
"""Parameters of the relief at one site, and their priors (see the documentation for their reasons)."""
LOSS = Part(_both(0.03), 0.01, (0.03, 0.015), (0.0, 0.10))
"""The common hazard of loss of effect (per year)."""

NAMES = tuple(f"{site}.{part}" for site in SITES for part in PARTS)
"""Parameters of one arm, in order."""


def path(arm: str, name: str) -> str:
    """Path of a parameter of one arm in a scenario."""
    return f"therapies.{arm}.relief.{name}"
