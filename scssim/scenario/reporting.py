"""The `reporting` block of a scenario: what a reader asks about an analysis and no model can know."""

from __future__ import annotations

from scssim.scenario.quantity import Base


class Reporting(Base):
    """What a reader asks about an analysis and no model can know. These texts go into reports as they stand; they
    change no result. They hold for the analysis in this file only: a scenario that extends it does not inherit them.
    """

    authors: str | None = None
    """Who did the analysis."""
    background: str | None = None
    """Context of the analysis, and why it matters for a decision."""
    analysis_plan: str | None = None
    """Whether there was a health economic analysis plan, and where it is."""
    setting: str | None = None
    """Setting and location: what about them may influence the findings."""
    engagement: str | None = None
    """How patients, the public, payers or others who are affected took part."""
    engagement_effect: str | None = None
    """What difference that made to methods or findings."""
    distributional: str | None = None
    """How impacts are spread over different people, or what was done for groups with priority."""
    findings: str | None = None
    """Key findings, limitations, considerations of ethics or equity, and how they bear on policy and practice."""
    funding: str | None = None
    """Who paid for the analysis, and their part in it."""
    conflicts: str | None = None
    """Conflicts of interest of the authors."""
