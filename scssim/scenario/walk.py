"""Finding the quantities of a scenario and naming them by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import MECHANISMS, Continuous, Scenario
from scssim.scenario.shape import keys_of


def walk(node: Any, path: str = "") -> list[tuple[str, Quantity]]:
    """Every ``(path, quantity)`` below a model, in the order of the schema.

    Paths use the keys of the scenario file, joined by dots; list items by position from 0,
    e.g. ``therapies.hf10.loss_of_effect.hazard.0.rate``.
    """
    found: list[tuple[str, Quantity]] = []
    _walk(node, path, found)
    return found


def _walk(node: Any, path: str, found: list[tuple[str, Quantity]]) -> None:
    if isinstance(node, Quantity):
        found.append((path, node))
        if node.times is not None:
            found.append((f"{path}.times", node.times))
        return
    children: Iterable[tuple[Any, Any]]
    if isinstance(node, BaseModel):
        children = [(key, getattr(node, name)) for key, name in keys_of(type(node)).items()]
    elif isinstance(node, dict):
        children = node.items()
    else:
        children = enumerate(node)
    dot = f"{path}." if path else ""
    for key, child in children:
        if isinstance(child, (BaseModel, dict, tuple, list)):
            _walk(child, f"{dot}{key}", found)


def attributes(scenario: Scenario) -> dict[str, Continuous]:
    """Continuous attributes of patients, by path."""
    population = scenario.population
    found = {f"population.{key}": node for key, node in population if isinstance(node, Continuous)}
    for key, one in population.covariates.items():
        if one.values is not None:
            found[f"population.covariates.{key}.values"] = one.values
    return found


def taken(scenario: Scenario) -> set[str]:
    """Therapies that a strategy has."""
    return {step.therapy for strategy in scenario.strategies.values() for step in strategy.steps}


def used(scenario: Scenario) -> Scenario:
    """The scenario without the therapies that no strategy has, unless numbers of those that one has refer to them."""
    ids = taken(scenario)
    if ids >= set(scenario.therapies):
        return scenario
    wanted = ids | {path.split(".")[1] for path in referred(scenario) if path.startswith("therapies.")}
    therapies = {k: v for k, v in scenario.therapies.items() if k in wanted}
    return scenario.model_copy(update={"therapies": therapies})


def referred(scenario: Scenario) -> set[str]:
    """Paths of the numbers that others take their value from, beginning with those of therapies that a strategy has."""
    quantities = dict(walk(scenario))
    own = taken(scenario)
    pending = [q.ref for path, q in quantities.items() if q.ref is not None and not foreign(path, own)]
    found: set[str] = set()
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            deeper = (quantities[p].ref for p in (path, f"{path}.times") if p in quantities)
            pending += [ref for ref in deeper if ref is not None]
    return found


def foreign(path: str, own: set[str]) -> bool:
    """Whether a path is that of a number of a therapy that is not one of those."""
    head, _, rest = path.partition(".")
    return head == "therapies" and rest.split(".")[0] not in own


def uncertain(scenario: Scenario) -> dict[str, Quantity]:
    """Quantities with a distribution of their own, by path."""
    return {path: quantity for path, quantity in walk(used(scenario)) if quantity.uncertain}


def share_rows(scenario: Scenario) -> list[tuple[str, ...]]:
    """Paths of the shares that sum to 1, row by row."""
    rows = ["population.mechanism"]
    if scenario.population.diagnosis is not None:
        rows += [f"population.diagnosis.confusion.{mechanism}" for mechanism in MECHANISMS]
    return [tuple(f"{row}.{mechanism}" for mechanism in MECHANISMS) for row in rows]


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Paths that a pattern stands for; ``*`` is anything, also dots."""
    first, *more = map(re.escape, pattern.split("*"))
    # What one `*` has skipped is settled (an atomic group): trying it all again would take for ever with many of them.
    middle = "".join(f"(?>.*?{part})" for part in more[:-1])
    compiled = re.compile(first + middle + (f".*{more[-1]}" if more else ""))
    return [path for path in paths if compiled.fullmatch(path)]
