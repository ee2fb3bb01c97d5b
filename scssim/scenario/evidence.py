"""Every number of a scenario with its source, grade and note, in Markdown.

``python -m scssim.scenario.evidence back_leg_uk > docs/evidence-numbers.md``
"""

from __future__ import annotations

import sys
from collections import Counter

from scssim import library
from scssim.scenario.load import load
from scssim.scenario.numbers import numbers


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
        "number stands in. Not listed: measurement noise, life table and norms.",
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
        if key not in library.bibliography():
            lines.append(f"| {key} | not in the bibliography | |")
            continue
        e = library.bibliography()[key]
        parts = [e.authors, str(e.year or ""), e.title, e.journal, e.identifier]
        lines.append(f"| {key} | {'. '.join(part for part in parts if part)} | {e.read} |".replace("\n", " "))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(sys.argv[1] if len(sys.argv) > 1 else "back_leg_uk"))
