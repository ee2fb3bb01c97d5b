"""Every number of a scenario with its source, grade and note, in Markdown.

``python -m scssim.scenario.evidence back_leg_uk > docs/evidence-numbers.md``
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from scssim import library
from scssim.scenario.load import load
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


def document(name: str) -> str:
    """The whole list for a scenario, Markdown."""
    loaded = load(name)
    found = list(numbers(loaded.scenario))
    grades = Counter(n.grade for n in found if n.grade)
    used = sorted({n.source for n in found if n.source} | {t.source for t in loaded.scenario.targets if t.source})
    lines = [
        f"# Numbers of `{loaded.name}`",
        "",
        f"Made by `python -m scssim.scenario.evidence {loaded.name}`. Means with the 95 % interval and family of the",
        "distribution that draws come from; a number without an interval is the same in every draw. Attributes of",
        "patients are given with their SD between patients. Source, grade and note may be those of the block that a",
        "number stands in. Not listed: the confusion matrix of the work-up, measurement noise, life table and norms.",
        "",
        ", ".join(f"{count} {grade}" for grade, count in sorted(grades.items(), key=lambda item: -item[1]))
        + f"; {sum(n.value.startswith('as `') for n in found)} take the value of another.",
        "",
        "| number | value | source | grade | note |",
        "|---|---|---|---|---|",
    ]
    lines += [
        "| " + " | ".join(x.replace("|", "\\|") for x in (f"`{n.path}`", n.value, n.source, n.grade, n.note)) + " |"
        for n in found
    ]
    lines += ["", "# Sources", "", "| key | publication | what was read of it |", "|---|---|---|"]
    for key in used:
        e = library.bibliography()[key]
        parts = [e.authors, str(e.year or ""), e.title, e.journal, e.identifier]
        lines.append(f"| {key} | {'. '.join(part for part in parts if part)} | {e.read} |".replace("\n", " "))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(sys.argv[1] if len(sys.argv) > 1 else "back_leg_uk"))
