"""Finding the quantities of a scenario and naming them by their paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from scssim.scenario.quantity import Quantity


def walk(node: Any, path: str = "") -> Iterator[tuple[str, Quantity]]:
    """Yield ``(path, quantity)`` for every quantity below a model, in the order of the schema.

    Paths use the keys of the scenario file, joined by dots; list items by position from 0,
    e.g. ``therapies.hf10.loss_of_effect.hazard.0.rate``.
    """
    if isinstance(node, Quantity):
        yield path, node
        if node.times is not None:
            yield f"{path}.times", node.times
    elif isinstance(node, BaseModel):
        for name, field in type(node).model_fields.items():
            key = field.alias or name
            yield from walk(getattr(node, name), f"{path}.{key}" if path else key)
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from walk(child, f"{path}.{key}" if path else str(key))
    elif isinstance(node, (tuple, list)):
        for i, child in enumerate(node):
            yield from walk(child, f"{path}.{i}")
