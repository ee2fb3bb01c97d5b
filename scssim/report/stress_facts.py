"""What is true of a scenario: what can happen to its patients, and what they queue for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scssim.engine.des.calendar import Calendar
from scssim.engine.des.ward import NEEDS
from scssim.model.parameters import Draws, bind
from scssim.report.stress_words import plain
from scssim.scenario.quantity import Cost
from scssim.scenario.schema import Scenario, Therapy
from scssim.scenario.service import Need
from scssim.scenario.walk import used, walk


@dataclass(frozen=True)
class Use:
    """One need of one therapy, as stated (`need`) and with means (`bound`)."""

    therapy: str
    event: str
    need: Need
    bound: Any


class Facts:
    """What is true of a scenario.

    Parameters
    ----------
    scenario
        The scenario.

    Attributes
    ----------
    bound
        The scenario with the means of its numbers.
    therapies
        Those that a strategy uses.
    uses
        Their needs.
    entering, implanting
        Needs that are queued for after the wait, and after a successful trial.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.bound = bind(scenario, Draws(0, 0, {}))
        taken = {step.therapy for strategy in scenario.strategies.values() for step in strategy.steps}
        self.therapies = {name: one for name, one in scenario.therapies.items() if name in taken}
        self.uses = [
            Use(name, event, need, getattr(self.bound.therapies[name].needs, event))
            for name, therapy in self.therapies.items()
            for event in NEEDS
            if (need := getattr(therapy.needs, event)) is not None
        ]
        implants = [use for use in self.uses if use.event == "implant"]
        self.implanting = [use for use in implants if self.therapies[use.therapy].trial is not None]
        others = [use for use in self.uses if use.event in ("start", "trial")]
        self.entering = others + [use for use in implants if use not in self.implanting]

    def therapy(self, name: str) -> str:
        """Label of a therapy, or its id."""
        return plain(self.scenario.therapies[name].label or f"`{name}`")

    def resource(self, name: str) -> str:
        """Label of a resource, or its id."""
        return plain(self.scenario.resources[name].label or f"`{name}`")

    def resources(self, uses: list[Use]) -> list[str]:
        """Labels of the resources of some needs."""
        return list(dict.fromkeys(self.resource(use.need.resource) for use in uses))

    def needed(self, *events: str) -> list[str]:
        """Labels of the resources that some events need."""
        return self.resources([use for use in self.uses if use.event in events])

    def has(self, part: str, *kinds: str) -> bool:
        """Whether a therapy (of some kinds) has a part."""
        return any(getattr(one, part) and (not kinds or one.kind in kinds) for one in self.therapies.values())

    def may(self, what: str) -> bool:
        """Whether a complication may lead to something."""
        return any(self.leading(name, therapy, what) for name, therapy in self.therapies.items())

    def leading(self, name: str, therapy: Therapy, what: str) -> list[str]:
        """Complications of a therapy that may lead to something, also if only in a draw."""
        bound = self.bound.therapies[name].complications
        found = {key: getattr(one, what) for key, one in therapy.complications.items()}
        return [key for key, chance in found.items() if chance.uncertain or getattr(bound[key], what) > 0]

    @property
    def again(self) -> bool:
        """Whether there are new implants after explants."""
        return any(
            therapy.complications[key].reimplant
            for name, therapy in self.therapies.items() if therapy.reimplant is not None
            for key in self.leading(name, therapy, "explant")
        )  # fmt: skip

    @property
    def bridges(self) -> list[str]:
        """Labels of the therapies that go on until the next one."""
        before = {step.therapy for strategy in self.scenario.strategies.values() for step in strategy.steps[:-1]}
        bridging = {n for n, one in self.therapies.items() if one.kind == "continuous" and one.bridge}
        return [self.therapy(name) for name in self.therapies if name in before & bridging]

    def told(self) -> dict[str, Any]:
        """What the text of the page asks for, by name."""
        scenario, therapies = self.scenario, self.therapies.values()
        psa, sources = scenario.analyses.psa, scenario.utilities.sources.items()
        asked = {use.need.resource: scenario.resources[use.need.resource] for use in self.uses}
        servers = [one for one in asked.values() if one.servers is not None]
        slots = [one for one in asked.values() if one.slots is not None]
        queued, implanting = ({use.therapy for use in uses} for uses in (self.entering, self.implanting))
        queues = {"queue": self.entering, "implanting": self.implanting}
        return {
            # of the scenario
            "strategies": {name: f"*{plain(scenario.strategy_label(name))}*" for name in scenario.strategies},
            "utilities": [f"{one.label or f'`{key}`'} ({one.instrument}; {one.tariff})" for key, one in sources],
            "costs": [quantity for _, quantity in walk(used(scenario)) if isinstance(quantity, Cost)],
            "draws": 0 if psa is None else psa.draws,
            "patients": (psa.patients if psa is not None and psa.draws else None) or scenario.settings.patients,
            # of therapies
            "has": self.has, "may": self.may, "trial": self.has("trial"),
            "implants": any(one.kind == "implant" for one in therapies),
            "repeats": any(one.repeat is not None and one.repeat.courses > 1 for one in therapies),
            "again": self.again, "bridges": self.bridges,
            # of queues
            "queues": bool(self.uses), "needed": self.needed, "resource": self.resource,
            "entering": self.resources(self.entering), "implanting": self.resources(self.implanting),
            "patience": [name for name, uses in queues.items() if any(use.need.max_wait is not None for use in uses)],
            "ways": sorted({(n in queued, one.trial is not None) for n, one in self.therapies.items()}, reverse=True),
            "implanted_at_once": any(one.trial and name not in implanting for name, one in self.therapies.items()),
            # of resources
            "servers": bool(servers), "slots": bool(slots), "weekly": any(one.per == "week" for one in slots),
            "closes": any(not Calendar(one).always for one in servers),
            "changes": sorted({year for one in asked.values() for year in Calendar(one).changes}),
            "servers_change": any(len(one.capacity) > 1 for one in servers),
            "slots_change": any(len(one.capacity) > 1 for one in slots),
        }  # fmt: skip
