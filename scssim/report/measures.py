"""What visits measure, in words: titles, axes, and how a value is shown."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = "Share of patients, or of baseline pain (%)"
"""Axis of all shares together."""


@dataclass(frozen=True)
class Measure:
    """A measure of a visit.

    Attributes
    ----------
    title
        Its name as a title.
    axis
        Axis of its mean.
    among
        Axis that it shares with measures like it.
    words
        Its name within a sentence; empty: its id.
    places
        Decimals of its mean; of shares, in percent.
    """

    title: str
    axis: str
    among: str
    words: str = ""
    places: int = 1

    @property
    def share(self) -> bool:
        """Whether it is a share."""
        return self.among == SHARE


def _share(title: str) -> Measure:
    return Measure(title, title, SHARE, places=0)


MEASURES = {
    "back_vas": Measure("Back pain", "Mean back pain (VAS, 0-10)", "Pain (VAS, 0-10)", "back VAS"),
    "leg_vas": Measure("Leg pain", "Mean leg pain (VAS, 0-10)", "Pain (VAS, 0-10)", "leg VAS"),
    "back_relief": _share("Mean relief of back pain"),
    "leg_relief": _share("Mean relief of leg pain"),
    "back_responder": _share("Responders, back pain"),
    "leg_responder": _share("Responders, leg pain"),
    "back_remitter": _share("Remitters, back pain"),
    "leg_remitter": _share("Remitters, leg pain"),
    "odi": Measure("Disability", "Mean disability (ODI, 0-100)", "Disability (ODI, 0-100)", "ODI"),
    "utility": Measure("Utility", "Mean utility (1 = full health, 0 = dead)", "Utility", places=2),
    "opioid_mme": Measure(
        "Opioid dose", "Mean opioid dose (MME, mg per day)", "Opioid dose (MME per day)", "opioid MME"
    ),
    "paresthesia": _share("Feel paresthesia"),
    "paresthesia_uncomfortable": _share("Feel uncomfortable paresthesia"),
    "alive": _share("Alive"),
}
"""Every measure of the table `visits`, by id."""

SHARES = frozenset(name for name, measure in MEASURES.items() if measure.share)
"""Measures that are shares."""


def words(measure: str) -> str:
    """Name of a measure within a sentence."""
    known = MEASURES.get(measure)
    return (known.words if known else "") or measure.replace("_", " ")
