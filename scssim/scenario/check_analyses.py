"""Checks of the `analyses` block: its strategies, parameters and conditions exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from scssim.scenario.analyses import BASE, CONTINUE, AtThreshold, Axis, Sensitivity
from scssim.scenario.check import Check, condition_findings, near
from scssim.scenario.expressions import parse
from scssim.scenario.messages import Finding
from scssim.scenario.names import did_you_mean
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Scenario
from scssim.scenario.shape import keys_of
from scssim.scenario.walk import matching, share_rows, uncertain, used, walk
from scssim.scenario.yamlfile import PathTuple


def check_comparisons(scenario: Scenario) -> Iterator[Finding]:
    """Analyses compare strategies that exist, and not one with itself."""
    analyses = scenario.analyses
    found: dict[PathTuple, AtThreshold | None] = {("dsa",): analyses.dsa, ("extrapolation",): analyses.extrapolation}
    found |= {("two_way", name): one for name, one in analyses.two_way.items()}
    found |= {("thresholds", name): one for name, one in analyses.thresholds.items()}
    for place, one in found.items():
        if one is None:
            continue
        for key in ("strategy", "reference"):
            name = getattr(one, key, None)
            if name is not None and name not in scenario.strategies:
                what = f"there is no strategy `{name}`"
                yield Finding(("analyses", *place, key), what, did_you_mean(name, scenario.strategies))
        versus = getattr(one, "reference", None) or scenario.reference
        if len(scenario.strategies) < 2 and isinstance(one, Sensitivity):
            yield Finding(
                ("analyses", *place), "there is only one strategy, nothing to compare", "two strategies", True
            )
        elif getattr(one, "strategy", None) == versus:
            what = f"the strategy `{versus}` is compared with itself"
            yield Finding(("analyses", *place, "strategy"), what, "another strategy or reference")
        if one.threshold is None and not scenario.settings.willingness_to_pay:
            what = "no threshold: `settings.willingness_to_pay` is empty"
            yield Finding(("analyses", *place), what, "threshold: 20000", True)


def check_parameters(scenario: Scenario) -> Iterator[Finding]:
    """Analyses name parameters that exist and can vary, over ranges that are permitted."""
    analyses = scenario.analyses
    quantities = dict(walk(used(scenario)))
    may_vary = list(uncertain(scenario))
    if analyses.dsa is not None:
        for i, pattern in enumerate(analyses.dsa.parameters):
            if pattern != "*" or not (may_vary or analyses.dsa.ranges):
                yield from _pattern(pattern, ("analyses", "dsa", "parameters", i), may_vary, quantities)
        if not analyses.dsa.parameters and not analyses.dsa.ranges:
            yield Finding(
                ("analyses", "dsa", "parameters"), "no parameter is named", "paths of parameters, or leave it out"
            )
        for path, ends in analyses.dsa.ranges.items():
            yield from _range(path, ends, ("analyses", "dsa", "ranges", path), scenario, quantities, True)
    groups = analyses.evppi
    entries = groups.items() if isinstance(groups, dict) else enumerate(groups)
    for key, patterns in entries:
        if not patterns:
            yield Finding(("analyses", "evppi", key), "the group is empty", "paths of parameters")
        for i, pattern in enumerate(patterns):
            yield from _pattern(pattern, ("analyses", "evppi", key, i), may_vary, quantities)
    for name, grid in analyses.two_way.items():
        for key in ("x", "y"):
            yield from _axis(getattr(grid, key), ("analyses", "two_way", name, key), scenario, quantities)
        if grid.x.parameter == grid.y.parameter:
            yield Finding(("analyses", "two_way", name, "y"), "both axes are the same parameter", "two parameters")
    for name, one in analyses.thresholds.items():
        yield from _axis(one.parameter, ("analyses", "thresholds", name, "parameter"), scenario, quantities)


def check_shares(scenario: Scenario) -> Iterator[Finding]:
    """A share varies alone, and the others of its whole make room: they cannot vary too, nor follow another one."""
    analyses = scenario.analyses
    quantities = dict(walk(used(scenario)))
    varied: dict[PathTuple, list[str]] = {}
    if analyses.dsa is not None:
        may_vary = list(uncertain(scenario))
        chosen = [p for pattern in analyses.dsa.parameters for p in matching(pattern, may_vary)]
        varied["dsa",] = [*chosen, *analyses.dsa.ranges]
    pairs = {name: [grid.x.parameter, grid.y.parameter] for name, grid in analyses.two_way.items()}
    varied |= {("two_way", name): pair for name, pair in pairs.items()}
    varied |= {("thresholds", name): [one.parameter.parameter] for name, one in analyses.thresholds.items()}
    for row in share_rows(scenario):
        following = [path for path in row if quantities[path].ref is not None]
        for place, paths in varied.items():
            alone = [path for path in paths if path in row and path not in following]
            if following and alone:
                what = f"`{alone[0]}` cannot vary alone: `{following[0]}` of the same whole follows another"
                yield Finding(("analyses", *place), what, "numbers for all of these shares")
        for name, (x, y) in pairs.items():
            if x != y and x in row and y in row:
                what = f"`{x}` and `{y}` are shares of one whole; others make room for one at a time"
                yield Finding(("analyses", "two_way", name, "y"), what, "a parameter that is not a share of the same")


def _pattern(pattern: str, place: PathTuple, paths: list[str], quantities: dict[str, Quantity]) -> Iterator[Finding]:
    if matching(pattern, paths):
        return
    if not paths:
        yield Finding(place, "no number of the scenario is uncertain", "numbers with a distribution")
    elif pattern in quantities:
        what = f"`{pattern}` has no distribution of its own"
        yield Finding(place, what, "an uncertain parameter; `dsa` also takes `ranges: {PATH: [low, high]}`")
    else:
        what = f"no uncertain parameter is called `{pattern}`"
        yield Finding(place, what, did_you_mean(pattern, near(pattern, dict.fromkeys(paths))))


def _exists(scenario: Scenario, path: str) -> bool:
    """Whether a path leads to something."""
    node: Any = scenario
    for step in path.split("."):
        if isinstance(node, BaseModel):
            node = getattr(node, keys_of(type(node)).get(step, ""), None)
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node is not None


def _axis(axis: Axis, place: PathTuple, scenario: Scenario, quantities: dict[str, Quantity]) -> Iterator[Finding]:
    ends = tuple(x for x in (axis.low, axis.high) if x is not None)
    yield from _range(axis.parameter, ends, place, scenario, quantities, False)
    quantity = quantities.get(axis.parameter)
    if quantity is None or quantity.interval is None or len(ends) == 2:
        return
    allowed = f"low and high, e.g. {{parameter: {axis.parameter}, low: 1, high: 2}}"
    if not quantity.uncertain:
        yield Finding(place, f"`{axis.parameter}` has no distribution to take an interval from", allowed)
        return
    low = quantity.interval[0] if axis.low is None else axis.low
    high = quantity.interval[1] if axis.high is None else axis.high
    if not low < high:
        yield Finding(place, f"the range [{low:g}, {high:g}] is not increasing", allowed)


def _range(
    path: str,
    ends: tuple[float, ...],
    place: PathTuple,
    scenario: Scenario,
    quantities: dict[str, Quantity],
    at_key: bool,
) -> Iterator[Finding]:
    quantity = quantities.get(path)
    if quantity is None:
        what, allowed = f"there is no parameter `{path}`", did_you_mean(path, near(path, quantities))
        if _exists(scenario, path):
            what, allowed = f"`{path}` is no number that can be varied", "a variant with another value"
        yield Finding(place, what, allowed, at_key)
    elif quantity.ref is not None:
        allowed = f"vary `{quantity.ref}`" + (f" or `{path}.times`" if quantity.times is not None else "")
        yield Finding(place, f"`{path}` follows another parameter", allowed, at_key)
    else:
        for end in ends:
            if not quantity.lowest <= end <= quantity.highest or (quantity.open_low and end <= quantity.lowest):
                yield Finding(place, f"{end:g} is outside the permitted range of `{path}`", quantity.allowed())


def check_subgroups(scenario: Scenario) -> Iterator[Finding]:
    """Conditions of subgroups look at attributes of patients at entry only."""
    for name, subgroup in scenario.analyses.subgroups.items():
        place = ("analyses", "subgroups", name)
        yield from condition_findings(scenario, parse(subgroup.condition), place, history=False, number=False)


def check_case_names(scenario: Scenario) -> Iterator[Finding]:
    """No variant, subgroup or case is called as the base case is in tables."""
    analyses = scenario.analyses
    named: list[tuple[PathTuple, str, Iterable[str]]] = [
        (("analyses", "variants"), BASE, analyses.variants),
        (("analyses", "subgroups"), BASE, analyses.subgroups),
    ]
    if analyses.extrapolation is not None:
        named.append((("analyses", "extrapolation", "cases"), CONTINUE, analyses.extrapolation.cases))
    for place, taken, names in named:
        if taken in names:
            yield Finding((*place, taken), f"`{taken}` is the name of the base case", "another name", True)


def check_budget(scenario: Scenario) -> Iterator[Finding]:
    """The budget distributes patients over strategies that exist."""
    budget = scenario.analyses.budget
    if budget is None:
        return
    for mix in ("current", "new"):
        for name in getattr(budget, mix):
            if name not in scenario.strategies:
                what = f"there is no strategy `{name}`"
                yield Finding(("analyses", "budget", mix, name), what, did_you_mean(name, scenario.strategies), True)


ANALYSIS_CHECKS: tuple[Check, ...] = (
    check_comparisons,
    check_parameters,
    check_shares,
    check_subgroups,
    check_case_names,
    check_budget,
)
