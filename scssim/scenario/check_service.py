"""Checks of resources and of what needs them: they exist, and servers are held for a duration."""

from __future__ import annotations

from collections.abc import Iterator

from scssim.scenario.messages import Finding
from scssim.scenario.names import did_you_mean
from scssim.scenario.schema import Scenario
from scssim.scenario.service import Needs


def check_needs(scenario: Scenario) -> Iterator[Finding]:
    """Needs name resources; a server is held for a duration, a slot is not."""
    for tid, therapy in scenario.therapies.items():
        for event in Needs.model_fields:
            need = getattr(therapy.needs, event)
            if need is None:
                continue
            place = ("therapies", tid, "needs", event)
            if need.resource not in scenario.resources:
                what = f"there is no resource `{need.resource}`"
                allowed = "a resource of `resources`, of which there are none"
                if scenario.resources:
                    allowed = did_you_mean(need.resource, scenario.resources)
                yield Finding((*place, "resource"), what, allowed)
                continue
            servers = scenario.resources[need.resource].servers is not None
            if servers and need.duration is None:
                what = f"the servers of `{need.resource}` are held for a duration, which is missing"
                yield Finding(place, what, "duration: {days: 0.25}, or a distribution")
            if not servers and need.duration is not None:
                what = f"`{need.resource}` has slots, which are used up: a duration has no meaning"
                yield Finding((*place, "duration"), what, "leave it out, or give the resource `servers`")


def check_capacity(scenario: Scenario) -> Iterator[Finding]:
    """The capacity analysis is about a resource and a strategy that exist."""
    asked = scenario.analyses.capacity
    if asked is None:
        return
    if asked.resource not in scenario.resources:
        what = f"there is no resource `{asked.resource}`"
        allowed = did_you_mean(asked.resource, scenario.resources) if scenario.resources else "one under `resources`"
        yield Finding(("analyses", "capacity", "resource"), what, allowed)
    if asked.reference is not None and asked.reference not in scenario.strategies:
        what = f"there is no strategy `{asked.reference}`"
        yield Finding(("analyses", "capacity", "reference"), what, did_you_mean(asked.reference, scenario.strategies))
    if asked.threshold is None and not scenario.settings.willingness_to_pay:
        what = "no threshold: `settings.willingness_to_pay` is empty"
        yield Finding(("analyses", "capacity"), what, "threshold: 20000", True)


def doubt_resources(scenario: Scenario) -> Iterator[Finding]:
    """A resource is needed by no therapy of any strategy."""
    taken = {step.therapy for strategy in scenario.strategies.values() for step in strategy.steps}
    needed = {
        need.resource
        for tid in taken & scenario.therapies.keys()
        for event in Needs.model_fields
        if (need := getattr(scenario.therapies[tid].needs, event)) is not None
    }
    for name in scenario.resources.keys() - needed:
        what = f"no therapy in any strategy needs the resource `{name}`"
        yield Finding(("resources", name), what, "`needs` of a therapy, e.g. {implant: " + name + "}", True)
