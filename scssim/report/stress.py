"""A scenario under the headings of the STRESS-DES checklist [1]_, in Markdown.

``python -m scssim.report.stress pain_service > docs/stress-des.md``

References
----------
.. [1] Monks T, Currie CSM, Onggo BS, Robinson S, Kunc M, Taylor SJE. Strengthening the reporting of empirical
   simulation studies: introducing the STRESS guidelines. J Simulation 2019;13:55-67.
"""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from scssim.errors import ScssimError
from scssim.report import stress_tables, stress_words
from scssim.report.look import number
from scssim.report.stress_facts import Facts
from scssim.report.stress_words import UNSTATED, plain
from scssim.scenario.load import LoadedScenario, load
from scssim.scenario.merge import shipped

WIDTH = 119
TEMPLATE = "stress-des.md.j2"


def stress_des(loaded: LoadedScenario, service: Mapping[str, Any] | None = None) -> str:
    """The checklist, filled in.

    Parameters
    ----------
    loaded
        The scenario.
    service
        What a run took (``service`` of its result); None: there has been no run.

    Returns
    -------
    str
        Markdown, which depends on the scenario and the run only.
    """
    return laid_out(environment().get_template(TEMPLATE).render(context(loaded, service)))


def context(loaded: LoadedScenario, service: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the template asks for, by name (see `stress_des`)."""
    facts = Facts(loaded.scenario)
    name = loaded.name if loaded.name in shipped() else shlex.quote(loaded.path.name)
    return {
        "scenario": loaded.scenario, "name": name, "ran": service, "unstated": UNSTATED,
        **facts.told(), **stress_tables.tables(facts),
    }  # fmt: skip


def environment() -> Environment:
    """Where the template is rendered: every name in it must be known."""
    made = Environment(
        loader=PackageLoader("scssim", "report"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"number": number, "table": table}
    for word in ("codes", "graded", "listed", "plain", "several", "share", "target", "unit"):
        made.filters[word] = getattr(stress_words, word)
    return made


def table(rows: Iterable[Sequence[str]], *columns: str) -> str:
    """A table in Markdown; nothing without rows."""
    lines = ["| " + " | ".join(plain(cell).replace("|", "\\|") for cell in row) + " |" for row in (columns, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(columns)}", *lines[1:]]) if len(lines) > 1 else ""


def laid_out(text: str) -> str:
    """Markdown with its lines broken anew: rows of tables on a line each, other text wrapped; lists are numbered."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines: list[str] = []
        entries = re.split(r"\n(?=\* |1\. |\|)", block)
        for position, entry in enumerate(entries, start=1):
            line = re.sub(r"\s*\n\s*", " ", entry).rstrip()
            if entry.startswith("```"):
                lines.append(entry)
            elif entry.startswith(("|", "#")):
                lines.append(line)
            else:
                mark = next((mark for mark in ("* ", "1. ") if line.startswith(mark)), "")
                text, mark = line.removeprefix(mark), mark.replace("1", str(position))
                lines += textwrap.wrap(
                    text, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark), break_long_words=False,
                    break_on_hyphens=False,
                )  # fmt: skip
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(stress_des(load(sys.argv[1] if len(sys.argv) > 1 else "pain_service")))
    except ScssimError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
