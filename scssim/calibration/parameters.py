"""What is fitted to SENZA-RCT: the parameters of relief under SCS, where they start, and their priors."""

from __future__ import annotations

from dataclasses import dataclass

ARMS = ("lf_scs", "hf10")
SITES = ("back", "leg")


@dataclass(frozen=True)
class Part:
    """A kind of parameter.

    Attributes
    ----------
    start
        Starting value, by arm.
    step
        Half-width of its finite difference.
    lower, upper
        Bounds.
    prior
        Mean and SD of its normal prior; None: flat.
    """

    start: tuple[float, float]
    step: float
    lower: float
    upper: float
    prior: tuple[float, float] | None = None


PARTS = {
    "responders": Part((0.52, 0.88), 0.02, 0.02, 0.98),
    "if_responder.mean": Part((0.78, 0.79), 0.02, 0.55, 0.95),
    "if_responder.sd": Part((0.12, 0.12), 0.01, 0.03, 0.20, (0.12, 0.02)),
    "if_not.mean": Part((0.15, 0.15), 0.02, -0.20, 0.40, (0.15, 0.05)),
    "if_not.sd": Part((0.18, 0.18), 0.01, 0.05, 0.28, (0.18, 0.03)),
}
"""Relief at one site of one arm."""

LOSS = Part((0.04, 0.04), 0.01, 0.0, 0.15, (0.04, 0.02))
"""The hazard of loss of effect in the trial (per year), one for both arms."""
HAZARD = "therapies.lf_scs.loss_of_effect.hazard"
"""Its path. It belongs to the scenario of the trial; practice has its own."""

NAMES = tuple(f"{site}.{part}" for site in SITES for part in PARTS)
"""Parameters of one arm, in order."""


def part(name: str) -> Part:
    """The kind of a parameter of one arm."""
    return PARTS[name.split(".", 1)[1]]


def path(arm: str, name: str) -> str:
    """Path of a parameter of one arm in a scenario."""
    return f"therapies.{arm}.relief.{name}"


PATHS = (*(path(arm, name) for arm in ARMS for name in NAMES), HAZARD)
"""Paths of all fitted parameters, in order."""
