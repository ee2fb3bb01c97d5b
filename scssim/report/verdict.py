"""What `scssim validate` says of a valid scenario: its warnings, block by block."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from scssim.errors import Problem
from scssim.report.stress_words import several
from scssim.report.terminal import WIDTH
from scssim.scenario.load import LoadedScenario
from scssim.scenario.schema import Scenario

OTHER = "other"


def verdict(loaded: LoadedScenario) -> Iterator[str]:
    """Lines of text: that the scenario is valid, then what deserves a second look.

    Warnings are grouped by block (``settings``, ``therapies``, ...), inside a block in the order of the file; those
    that say the same of several places say it once. A place is on a line of its own, so that an editor can follow it.
    """
    found = loaded.scenario
    what = f"{several(len(found.strategies), 'strategy')}, {several(len(found.therapies), 'therapy')}"
    count = len(loaded.warnings)
    yield f"OK: {found.title} ({what}); {several(count, 'warning') if count else 'no warnings'}"
    if not count:
        return
    blocks = [*Scenario.model_fields, OTHER]
    grouped: dict[str, dict[tuple[str, str], list[Problem]]] = {block: {} for block in blocks}
    for warning in sorted(loaded.warnings, key=_place):
        block = warning.path.split(".")[0]
        same = grouped[block if block in grouped else OTHER]
        same.setdefault((warning.what, warning.allowed), []).append(warning)
    parts = [f"{sum(map(len, same.values()))} in {block}" for block, same in grouped.items() if same]
    yield f"Valid, but this may not be what was meant: {', '.join(parts)}"
    for block, same in grouped.items():
        if not same:
            continue
        yield ""
        yield block
        for (text, mend), places in same.items():
            yield from (f"  {place.where}: {place.path}" for place in places)
            yield from _wrapped(text)
            if mend:
                yield from _wrapped(f"To mend it: {mend}")


def _place(problem: Problem) -> tuple[str, tuple[int, ...]]:
    """File, line and column of a warning."""
    file, *place = problem.where.rsplit(":", 2)
    return file, tuple(int(part) for part in place if part.isdecimal())


def _wrapped(text: str) -> list[str]:
    indent = " " * 6
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
