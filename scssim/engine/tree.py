"""Strategies as a prefix tree: what they share is played once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scssim.scenario.expressions import Expression
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Scenario, Step


@dataclass
class Node:
    """One step after the steps above it.

    Attributes
    ----------
    therapy
        Id of the therapy.
    condition
        Who has it; None: everybody.
    acceptance
        Path in the bound scenario: (strategy id, step index).
    step
        How many earlier steps of the strategy use the same therapy.
    occurrence
        How many earlier steps use its response group.
    ends
        Positions of the strategies that end with this step.
    children
        Next steps.
    """

    therapy: str
    condition: Expression | None
    acceptance: tuple[str, int]
    step: int
    occurrence: int
    ends: list[int] = field(default_factory=list)
    children: dict[Any, Node] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, int]:
        """Steps with equal keys have the same plan."""
        return self.therapy, self.step, self.occurrence


def build(scenario: Scenario) -> list[Node]:
    """First steps of all strategies; each node leads to the steps that may follow it."""
    roots: dict[Any, Node] = {}
    for position, (name, strategy) in enumerate(scenario.strategies.items()):
        level, node = roots, None
        seen: list[str] = []
        for i, step in enumerate(strategy.steps):
            key = _key(step, name, i)
            if key not in level:
                group = _group(scenario, step.therapy)
                level[key] = Node(
                    step.therapy,
                    step.condition,
                    (name, i),
                    seen.count(step.therapy),
                    sum(_group(scenario, t) == group for t in seen),
                )
            node = level[key]
            level = node.children
            seen.append(step.therapy)
        assert node is not None
        node.ends.append(position)
    return list(roots.values())


def paths(roots: list[Node]) -> dict[int, list[Node]]:
    """Steps of each strategy, by its position."""
    found: dict[int, list[Node]] = {}

    def follow(node: Node, before: list[Node]) -> None:
        path = [*before, node]
        found.update(dict.fromkeys(node.ends, path))
        for child in node.children.values():
            follow(child, path)

    for root in roots:
        follow(root, [])
    return found


def _group(scenario: Scenario, therapy: str) -> str:
    return scenario.therapies[therapy].response_group or therapy


def _key(step: Step, strategy: str, i: int) -> tuple[Any, ...]:
    """Steps with equal keys are the same step; an uncertain acceptance is a parameter of its own."""
    acceptance: Quantity = step.acceptance
    if acceptance.distribution is None or acceptance.uncertain:
        return (step.therapy, step.if_, strategy, i)
    return (step.therapy, step.if_, acceptance.distribution.mean)


def conditions(nodes: Mapping[Any, Node] | list[Node]) -> list[Expression]:
    """Every condition in the tree."""
    found = []
    for node in nodes.values() if isinstance(nodes, Mapping) else nodes:
        if node.condition is not None:
            found.append(node.condition)
        found += conditions(node.children)
    return found
