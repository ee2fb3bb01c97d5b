"""Every number of a scenario with its source and grade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Continuous, Scenario
from scssim.scenario.shape import keys_of


@dataclass(frozen=True)
class Number:
    """One number of a scenario.

    Attributes
    ----------
    path
        Where it stands.
    value
        Its value and uncertainty, as text.
    source, grade, note
        Its own, or those of the block that it stands in; empty where nothing is said.
    """

    path: str
    value: str
    source: str
    grade: str
    note: str


def numbers(scenario: Scenario) -> Iterator[Number]:
    """Every sourced number and every attribute that differs between patients, in the order of the schema."""
    yield from _search(scenario, "", {"source": "", "grade": "", "note": ""})


def _search(node: Any, path: str, said: Mapping[str, str]) -> Iterator[Number]:
    if isinstance(node, BaseModel):
        said = {key: getattr(node, key, None) or above for key, above in said.items()}
        if isinstance(node, Quantity | Continuous):
            if said["source"] or (isinstance(node, Quantity) and node.ref is not None):
                yield Number(path, _value(node), **said)
            if isinstance(node, Quantity) and node.times is not None:
                yield from _search(node.times, f"{path}.times", said)
            return
        children: Any = ((key, getattr(node, name)) for key, name in keys_of(type(node)).items())
    elif isinstance(node, dict):
        children = node.items()
    elif isinstance(node, tuple):
        children = enumerate(node)
    else:
        return
    for key, child in children:
        yield from _search(child, f"{path}.{key}" if path else str(key), said)


def _value(node: Quantity | Continuous) -> str:
    """The value; 95 % interval of an uncertain number, or SD between patients of an attribute."""
    if isinstance(node, Continuous):
        bounds = "".join(
            f", {word} {bound:g}" for word, bound in (("from", node.min), ("to", node.max)) if bound is not None
        )
        zero = f", {node.zero:.0%} have 0" if node.zero else ""
        return f"{node.mean:g}, SD {node.sd or 0:g}{bounds}{zero} ({node.distribution})"
    if node.distribution is None:
        return f"as `{node.ref}`" + (" times a ratio" if node.times is not None else "")
    if not node.uncertain:
        return f"{node.distribution.mean:.6g}"
    low, high = node.distribution.quantile(np.array([0.025, 0.975]))
    return f"{node.distribution.mean:.6g} ({low:.4g} to {high:.4g}, {node.distribution.family})"
