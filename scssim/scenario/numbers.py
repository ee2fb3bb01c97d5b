"""Every number of a scenario with its source and grade."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Continuous, Scenario
from scssim.scenario.shape import keys_of

NOT_INPUTS = frozenset({"settings", "analyses", "targets", "joint"})
"""Blocks whose plain numbers say what to do, or what was observed, not what goes in."""


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
    mean, low, high
        Its mean, and the 95 % interval of an uncertain number; not a number where there is none.
    distribution
        Family of the distribution that draws come from; ``between patients``, with its family, of an attribute;
        ``fixed`` of a number without uncertainty; ``as PATH`` of a number that takes the value of another.
    """

    path: str
    value: str
    source: str
    grade: str
    note: str
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    distribution: str = ""


def numbers(scenario: Scenario, everything: bool = False) -> Iterator[Number]:
    """Every sourced number and every attribute that differs between patients, in the order of the schema.

    Parameters
    ----------
    scenario
        The scenario.
    everything
        Also numbers that the scenario states without a source, and those that cannot be uncertain, such as the
        months of a review.
    """
    yield from _search(scenario, "", {"source": "", "grade": "", "note": ""}, everything)


def _search(node: Any, path: str, said: Mapping[str, str], everything: bool, given: bool = True) -> Iterator[Number]:
    if isinstance(node, BaseModel):
        said = {key: getattr(node, key, None) or above for key, above in said.items()}
        if isinstance(node, Quantity | Continuous):
            sourced = said["source"] or (isinstance(node, Quantity) and node.ref is not None)
            if sourced or (everything and given):
                yield Number(path=path, value=value_text(node), **{**said, **_facts(node)})
            if isinstance(node, Quantity) and node.times is not None:
                yield from _search(node.times, f"{path}.times", said, everything)
            return
        keys = keys_of(type(node)).items()
        children: Any = [(key, getattr(node, name), name in node.model_fields_set) for key, name in keys]
        if not path:
            children = [child for child in children if not (everything and child[0] in NOT_INPUTS)]
    elif isinstance(node, dict):
        children = [(key, child, True) for key, child in node.items()]
    elif isinstance(node, tuple):
        children = [(key, child, True) for key, child in enumerate(node)]
    elif everything and given and isinstance(node, int | float) and not isinstance(node, bool):
        facts: dict[str, Any] = {**said, "mean": float(node), "distribution": "fixed"}
        yield Number(path=path, value=f"{node:g}", **facts)
        return
    else:
        return
    for key, child, child_given in children:
        yield from _search(child, f"{path}.{key}" if path else str(key), said, everything, child_given)


def _facts(node: Quantity | Continuous) -> dict[str, Any]:
    """The value as numbers."""
    if isinstance(node, Continuous):
        return {"mean": _mean(node), "distribution": f"{node.distribution} between patients"}
    if node.distribution is None:
        return {"distribution": f"as {node.ref}"}
    if not node.uncertain or node.interval is None:
        return {"mean": node.distribution.mean, "distribution": "fixed"}
    low, high = node.interval
    return {"mean": node.distribution.mean, "low": low, "high": high, "distribution": node.distribution.family}


def _mean(node: Continuous) -> float:
    """Mean of an attribute; a uniform one may state its ends alone."""
    return node.mean if node.mean is not None else ((node.min or 0.0) + (node.max or 0.0)) / 2


def value_text(node: Quantity | Continuous, digits: int = 6) -> str:
    """The value; 95 % interval of an uncertain number, or SD between patients of an attribute.

    Parameters
    ----------
    node
        The number.
    digits
        Significant digits of the mean; the interval has two less.
    """
    if isinstance(node, Continuous):
        bounds = "".join(
            f", {word} {bound:.{digits}g}"
            for word, bound in (("from", node.min), ("to", node.max))
            if bound is not None
        )
        zero = f", {node.zero:.0%} have 0" if node.zero else ""
        return f"{_mean(node):.{digits}g}, SD {node.sd or 0:.{digits}g}{bounds}{zero} ({node.distribution})"
    if node.distribution is None:
        return f"as `{node.ref}`" + (" times a ratio" if node.times is not None else "")
    if not node.uncertain or node.interval is None:
        return f"{node.distribution.mean:.{digits}g}"
    low, high = node.interval
    interval = f"{low:.{digits - 2}g} to {high:.{digits - 2}g}"
    return f"{node.distribution.mean:.{digits}g} ({interval}, {node.distribution.family})"
