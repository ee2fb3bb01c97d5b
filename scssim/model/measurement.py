"""What patients record: true values with a person's bias and a visit's noise.

Noise is keyed by site, clock and month, so that adding a visit changes no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.patients import Cells

Array = NDArray[np.float64]
SITES = ("back", "leg")


class Recorder:
    """Turns true pain into recorded pain.

    Parameters
    ----------
    spec
        Bound ``measurement``.
    """

    def __init__(self, spec: Any) -> None:
        self.person_sd = spec.pain_person_sd
        self.visit_sd = spec.pain_visit_sd

    def noise(self, cells: Cells, site: str, clock: str, month: float) -> Array | float:
        """Noise of one visit, shape (n,) (0 when the scenario declares none)."""

        def draw() -> Array | float:
            total: Array | float = 0.0
            if self.person_sd:
                total = cells.once(("person", site), lambda: self.person_sd * cells.normal("noise", site, "person"))
            if self.visit_sd:
                total = total + self.visit_sd * cells.normal("noise", site, clock, f"{month:g}")
            return total

        noise: Array | float = cells.once(("noise", site, clock, month), draw)  # therapies of a group share it
        return noise

    def baseline(self, cells: Cells, site: str) -> Array:
        """Recorded baseline pain, shape (n,); at least 0.5 so that relative relief exists."""

        def record() -> Array:
            return np.clip(cells.attributes[f"{site}_vas"] + self.noise(cells, site, "entry", 0.0), 0.5, 10.0)

        baseline: Array = cells.once(("baseline", site), record)
        return baseline

    def relief(self, cells: Cells, site: str, clock: str, month: float, true_relief: Array) -> Array:
        """Recorded relief ``1 - recorded VAS / recorded baseline`` of a true relief, shape (n,)."""
        vas = cells.attributes[f"{site}_vas"] * (1 - true_relief) + self.noise(cells, site, clock, month)
        return 1 - np.minimum(np.maximum(vas, 0.0), 10.0) / self.baseline(cells, site)


def passes(rule: str, threshold: float, relief: Sequence[Array]) -> NDArray[np.bool_]:
    """Whether relief of (back, leg) satisfies a rule: back, leg, either, both or mean."""
    back, leg = relief
    match rule:
        case "back":
            return back >= threshold
        case "leg":
            return leg >= threshold
        case "either":
            return (back >= threshold) | (leg >= threshold)
        case "both":
            return (back >= threshold) & (leg >= threshold)
    return (back + leg) >= 2 * threshold
