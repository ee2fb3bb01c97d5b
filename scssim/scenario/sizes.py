"""Refusing a merged scenario that is larger than anybody means, before anything is done with it."""

from __future__ import annotations

from collections.abc import Iterator

from scssim.scenario.limits import (
    FEWER,
    LABELS,
    MAX_LABEL,
    MAX_TEXT,
    MOST_DRAWN,
    MOST_ITEMS,
    MOST_KEYS,
    MOST_VISITS,
)
from scssim.scenario.messages import Finding
from scssim.scenario.schema import Scenario
from scssim.scenario.yamlfile import MAX_NODES, Node, PathTuple


def check_sizes(root: Node) -> Iterator[Finding]:
    """Find texts, mappings and lists that are too long, and a scenario of too many values.

    What is below something too long is not looked at.
    """
    pending: list[tuple[PathTuple, Node]] = [((), root)]
    count = 0
    while pending:
        path, node = pending.pop()
        count += 1
        if count > MAX_NODES:
            yield Finding((), f"the scenario holds more than {MAX_NODES:,} values", "fewer")
            return
        value = node.value
        if isinstance(value, str):
            most = MAX_LABEL if path and path[-1] in LABELS else MAX_TEXT
            if len(value) > most:
                yield Finding(path, f"the text has {len(value):,} characters", f"at most {most:,}")
        elif isinstance(value, dict | list):
            most = _most(path, MOST_KEYS if isinstance(value, dict) else MOST_ITEMS)
            if len(value) > most:
                yield Finding(path, f"there are {len(value):,} entries", f"at most {most:,}")
                continue
            children = value.items() if isinstance(value, dict) else enumerate(value)
            pending.extend(((*path, key), child) for key, child in children)


def _most(path: PathTuple, usual: int) -> int:
    if path in FEWER:
        return FEWER[path]
    return FEWER.get((path[0], "*", *path[2:]), usual) if len(path) > 2 else usual


def check_results(scenario: Scenario) -> Iterator[Finding]:
    """What is counted of all strategies fits into the memory of usual machines."""
    settings, analyses = scenario.settings, scenario.analyses
    strategies = len(scenario.strategies)
    months = {*settings.visit_months, *(target.month for target in scenario.targets)}
    clocks = {*settings.visit_clocks, *(target.clock for target in scenario.targets)}
    visits = strategies * len(clocks) * len(months)
    if visits > MOST_VISITS:
        parts = f"{strategies} strategies, {len(clocks)} clocks, {len(months)} months"
        yield Finding(("settings", "visit_months"), f"{visits:,} visits ({parts})", f"at most {MOST_VISITS:,} in all")
    draws = {("analyses", "psa", "draws"): 0 if analyses.psa is None else analyses.psa.draws}
    draws["analyses", "cases", "draws"] = analyses.cases.draws
    for path, number in draws.items():
        if number * strategies > MOST_DRAWN:
            what = f"{number:,} draws of {strategies} strategies"
            yield Finding(path, what, f"draws times strategies at most {MOST_DRAWN:,}")
