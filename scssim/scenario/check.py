"""Checks that look across a scenario: names that must exist, parts that must fit together.

Each ``check_`` function takes a valid :class:`Scenario` and yields what it finds; ``CHECKS`` find
errors, ``DOUBTS`` find what may be meant but deserves a second look.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from scssim import library
from scssim.errors import ScenarioError
from scssim.scenario.expressions import Expression, parse
from scssim.scenario.limits import MOST_REFERENCES, MOST_REFERENCES_IN_A_ROW
from scssim.scenario.messages import Finding
from scssim.scenario.names import did_you_mean
from scssim.scenario.patient_file import ATTRIBUTES, BINARY, CATEGORICAL, CONTINUOUS, read_patients
from scssim.scenario.quantity import Cost, Quantity
from scssim.scenario.schema import MECHANISMS, YES_NO, Scenario
from scssim.scenario.shape import keys_of
from scssim.scenario.walk import used, walk
from scssim.scenario.yamlfile import PathTuple

HISTORIES = ("tried", "responded")
"""Sets of therapy ids that conditions of steps may look into."""
CURRENT = ("back_vas_now", "leg_vas_now")
"""Pain just before the last episode ended; for conditions of steps."""


def continuous_names(scenario: Scenario) -> list[str]:
    """Names of the continuous attributes, covariates included."""
    return [*CONTINUOUS, *(k for k, c in scenario.population.covariates.items() if c.values is not None)]


# -------------------------------------------------------------------- names


def check_steps(scenario: Scenario) -> Iterator[Finding]:
    """Every step names a therapy."""
    for sid, strategy in scenario.strategies.items():
        for i, step in enumerate(strategy.steps):
            if step.therapy not in scenario.therapies:
                what = f"there is no therapy `{step.therapy}`"
                yield Finding(
                    ("strategies", sid, "steps", i, "therapy"), what, did_you_mean(step.therapy, scenario.therapies)
                )


def check_settings(scenario: Scenario) -> Iterator[Finding]:
    """The reference strategy and the utility source exist; ``assessed`` visits have a missingness."""
    settings = scenario.settings
    if settings.reference is not None and settings.reference not in scenario.strategies:
        what = f"there is no strategy `{settings.reference}`"
        yield Finding(("settings", "reference"), what, did_you_mean(settings.reference, scenario.strategies))
    if settings.utility is not None and settings.utility not in scenario.utilities.sources:
        what = f"there is no utility source `{settings.utility}`"
        yield Finding(("settings", "utility"), what, did_you_mean(settings.utility, scenario.utilities.sources))
    if "assessed" in settings.visit_denominators and scenario.measurement.missing is None:
        path = ("settings", "visit_denominators", settings.visit_denominators.index("assessed"))
        yield Finding(path, "`assessed` visits need `measurement.missing`", "declare who is lost, or leave it out")


def check_covariates(scenario: Scenario) -> Iterator[Finding]:
    """No covariate takes the name of something else."""
    for name in scenario.population.covariates:
        if name in (*ATTRIBUTES, *HISTORIES, *CURRENT, "id"):
            path = ("population", "covariates", name)
            yield Finding(path, f"`{name}` already means something else", "another name", True)


def check_targets(scenario: Scenario) -> Iterator[Finding]:
    """Targets name strategies, ``assessed`` ones have a missingness, and shares are shares."""
    for i, target in enumerate(scenario.targets):
        if target.strategy not in scenario.strategies:
            what = f"there is no strategy `{target.strategy}`"
            yield Finding(("targets", i, "strategy"), what, did_you_mean(target.strategy, scenario.strategies))
        if target.denominator == "assessed" and scenario.measurement.missing is None:
            what = "`assessed` needs `measurement.missing`"
            yield Finding(("targets", i, "denominator"), what, "declare who is lost, or another denominator")
        low = -np.inf if target.lower is None else target.lower
        high = np.inf if target.upper is None else target.upper
        if not low <= target.observed <= high:
            what = f"the observed {target.observed:g} is outside its interval [{low:g}, {high:g}]"
            yield Finding(("targets", i, "observed"), what, "lower <= observed <= upper")
        if target.measure in YES_NO and target.statistic == "mean" and not 0 <= target.observed <= 1:
            what = f"a share of {target.observed:g} is not possible"
            yield Finding(("targets", i, "observed"), what, "a share from 0 to 1: 0.8 for 80 %")


def check_tables(scenario: Scenario) -> Iterator[Finding]:
    """The life table and the utility norms exist and can be read."""
    table, norms = scenario.population.mortality.life_table, scenario.utilities.norms
    known = library.names()
    if table is not None and table not in known["life_tables"]:
        path = ("population", "mortality", "life_table")
        if table.lower().endswith(".csv"):
            try:
                library.read_life_table(table)
            except ValueError as error:
                yield Finding(path, str(error), "a CSV with the columns age, sex, qx")
        else:
            what = f"there is no life table `{table}`"
            yield Finding(path, what, f"{did_you_mean(table, known['life_tables'])}; or a CSV (age, sex, qx)")
    if norms is not None and norms not in known["norms"]:
        yield Finding(("utilities", "norms"), f"there are no norms `{norms}`", did_you_mean(norms, known["norms"]))


# --------------------------------------------------------------- conditions


def check_conditions(scenario: Scenario) -> Iterator[Finding]:
    """Conditions use known names, sensibly."""
    for sid, strategy in scenario.strategies.items():
        for i, step in enumerate(strategy.steps):
            if step.if_ is not None:
                path: PathTuple = ("strategies", sid, "steps", i, "if")
                yield from condition_findings(scenario, parse(step.if_), path, history=True, number=False)
    for tid, therapy in scenario.therapies.items():
        base: PathTuple = ("therapies", tid, "relief")
        if therapy.relief.among is not None:
            among = parse(therapy.relief.among)
            yield from condition_findings(scenario, among, (*base, "among"), history=False, number=False)
        for text in therapy.relief.modifiers:
            yield from condition_findings(scenario, parse(text), (*base, "modifiers", text), history=False, number=True)


def condition_findings(
    scenario: Scenario, expression: Expression, path: PathTuple, *, history: bool, number: bool
) -> Iterator[Finding]:
    """Check one condition.

    Parameters
    ----------
    history
        Whether it may look at the past (``tried``, ``responded``, current pain).
    number
        Whether its value may be a number (a modifier per unit of an attribute).
    """
    values = _sample_values(scenario, history)
    at_key = "modifiers" in path
    found = False
    for name in sorted(expression.names - values.keys()):
        found = True
        if name in (*HISTORIES, *CURRENT):
            allowed = "only the `if` of a step can look at the past"
        else:
            allowed = did_you_mean(name, values)
        yield Finding(path, f"unknown attribute `{name}` in the condition {expression.text!r}", allowed, at_key)
    for name, text in sorted(expression.strings):
        options: Any = None
        if name in CATEGORICAL:
            options, what = MECHANISMS, f"`{name}` is never {text!r}"
        elif name in HISTORIES and history:
            options, what = scenario.therapies, f"there is no therapy `{text}`"
        if options is not None and text not in options:
            found = True
            yield Finding(path, f"{what} in the condition {expression.text!r}", did_you_mean(text, options), at_key)
    if not found and (what := _misuse(expression, values, number)):
        allowed = "e.g. mechanism == 'neuropathic', leg_vas >= 6" + (", 'hf10' in tried" if history else "")
        yield Finding(path, f"the condition {expression.text!r} {what}", allowed, at_key)


def _sample_values(scenario: Scenario, history: bool) -> dict[str, Any]:
    """Two made-up patients, to try conditions on."""
    values: dict[str, Any] = {name: np.array([1.0, 2.0]) for name in continuous_names(scenario)}
    values |= {name: np.array([True, False]) for name in BINARY}
    values |= {name: np.array(["neuropathic", "nociceptive"]) for name in CATEGORICAL}
    binary = [k for k, c in scenario.population.covariates.items() if c.probability is not None]
    values |= {name: np.array([True, False]) for name in binary}
    if history:
        values |= {name: np.array([1.0, 2.0]) for name in CURRENT}
        values |= {name: dict.fromkeys(scenario.therapies, np.array([True, False])) for name in HISTORIES}
    return values


def _misuse(expression: Expression, values: Mapping[str, Any], number: bool) -> str:
    """Say what is wrong with a condition whose names are all known."""
    tree = ast.parse(expression.text.strip(), mode="eval")
    members = 0
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        items = [node.left, *node.comparators]
        for left, operator, right in zip(items, node.ops, items[1:], strict=False):
            named = [item.id for item in (left, right) if isinstance(item, ast.Name)]
            text = any(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in (left, right))
            if isinstance(right, ast.Name) and right.id in HISTORIES and isinstance(operator, (ast.In, ast.NotIn)):
                members += text and isinstance(left, ast.Constant)
            elif any(name in CATEGORICAL for name in named):
                if not isinstance(operator, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
                    return "puts mechanisms in an order"
                if not all(_names_mechanisms(item) for item in (left, right)):
                    return "compares a mechanism with something else"
            elif text and named and named[0] not in HISTORIES:
                return f"compares the number `{named[0]}` with a text"
    if members != sum(isinstance(node, ast.Name) and node.id in HISTORIES for node in ast.walk(tree)):
        return "uses `tried` or `responded` otherwise than as 'id' in tried"
    try:
        result = np.asarray(expression(values))
    except Exception:  # Whatever goes wrong here would go wrong in the run.
        return "cannot be evaluated"
    if result.dtype.kind == "b" or (number and result.dtype.kind in "iuf"):
        return ""
    return "is not true or false"


def _names_mechanisms(node: ast.expr) -> bool:
    """Whether it is a text, a list, or another attribute that is a mechanism."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.Name(id=name):
            return name in CATEGORICAL
    return isinstance(node, ast.List | ast.Tuple)


# -------------------------------------------------------------- correlations


def check_correlation(scenario: Scenario) -> Iterator[Finding]:
    """Correlations are between continuous attributes, consistent, and possible together."""
    names = continuous_names(scenario)
    matrix = np.eye(len(names))
    given: dict[frozenset[str], float] = {}
    sound = True
    for a, row in scenario.population.correlation.items():
        for b, value in row.items():
            path: PathTuple = ("population", "correlation", a, b)
            what = allowed = ""
            at_key = False
            unknown = a if a not in names else b
            if unknown not in names:
                known = unknown in (*ATTRIBUTES, *scenario.population.covariates)
                what = f"`{unknown}` is not {'continuous' if known else 'an attribute'}"
                allowed, at_key = did_you_mean(unknown, names), True
                path = path[:-1] if unknown == a else path
            elif a == b:
                what, allowed, at_key = f"`{a}` is correlated with itself", "two different attributes", True
            elif not -1 < value < 1:
                what, allowed = (
                    f"a correlation of {value:g} is not possible",
                    "a number above -1 and below 1",
                )
            elif given.get(frozenset((a, b)), value) != value:
                other = given[frozenset((a, b))]
                what, allowed = f"{a} and {b} are given two correlations, {other:g} and {value:g}", "give it once"
            if what:
                sound = False
                yield Finding(path, what, allowed, at_key)
                continue
            given[frozenset((a, b))] = value
            i, j = names.index(a), names.index(b)
            matrix[i, j] = matrix[j, i] = value
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if sound and smallest <= 1e-10:
        what = f"the correlation matrix is not positive definite (smallest eigenvalue {smallest:.3g})"
        yield Finding(("population", "correlation"), what, "weaker or fewer correlations")


# --------------------------------------------------------- tied parameters


def check_references(scenario: Scenario) -> Iterator[Finding]:
    """``ref`` names a quantity, never in a circle, and its value is possible here."""
    quantities = dict(walk(scenario))
    references = [path for path, quantity in quantities.items() if quantity.ref is not None]
    if len(references) > MOST_REFERENCES:
        at = (*locate_parameter(scenario, references[MOST_REFERENCES]), "ref")
        yield Finding(at, f"there are {len(references):,} references", f"at most {MOST_REFERENCES:,}")
        return
    means: dict[str, float | None] = {}
    for path, quantity in quantities.items():
        if quantity.ref is None:
            continue
        at = (*locate_parameter(scenario, path), "ref")
        if quantity.ref not in quantities:
            what = f"there is no parameter `{quantity.ref}`"
            yield Finding(at, what, did_you_mean(quantity.ref, near(quantity.ref, quantities)))
            continue
        circle = _circle(path, quantities)
        if circle:
            if path == min(circle):
                loop = " -> ".join((*circle, circle[0]))
                yield Finding(at, f"the reference leads back to itself: {loop}", "give one of them a value")
            continue
        try:
            value = _mean(path, quantities, means)
        except RecursionError:
            what = f"more than {MOST_REFERENCES_IN_A_ROW} references follow one another"
            yield Finding(at, what, "a number that is stated")
            continue
        outside = value is not None and (
            value < quantity.lowest or value > quantity.highest or (quantity.open_low and value <= quantity.lowest)
        )
        if outside:
            yield Finding(at, f"the reference gives {value:g}, outside the permitted range", quantity.allowed())


def near(path: str, quantities: Mapping[str, object]) -> list[str]:
    """Paths that share their first or last key with one, to guess from."""
    parts = path.split(".")
    keep = [q for q in quantities if q.split(".")[:2] == parts[:2] or q.rsplit(".", 1)[-1] == parts[-1]]
    return keep or list(quantities)


def _next(path: str, quantities: Mapping[str, Quantity]) -> list[str]:
    """Parameters that one depends on directly."""
    quantity = quantities.get(path)
    if quantity is None or quantity.ref is None:
        return []
    return [quantity.ref] if quantity.times is None else [quantity.ref, f"{path}.times"]


def _circle(start: str, quantities: Mapping[str, Quantity]) -> list[str]:
    """The circle of references through a parameter, if there is one."""
    before: dict[str, str] = {}
    trail = [start]
    while trail:
        path = trail.pop()
        for following in _next(path, quantities):
            if following == start:
                steps = [path]
                while steps[-1] != start:
                    steps.append(before[steps[-1]])
                return steps[::-1]
            if following not in before:
                before[following] = path
                trail.append(following)
    return []


def _mean(
    path: str, quantities: Mapping[str, Quantity], known: dict[str, float | None], steps: int = 0
) -> float | None:
    """Mean of a parameter through its references; None where it has none. Means that were found are kept.

    Raises
    ------
    RecursionError
        If too many references follow one another.
    """
    if path in known:
        return known[path]
    if steps > MOST_REFERENCES_IN_A_ROW:
        raise RecursionError
    quantity = quantities.get(path)
    found: float | None = None
    if quantity is not None and quantity.ref is None:
        found = None if quantity.distribution is None else quantity.distribution.mean
    elif quantity is not None and quantity.ref is not None:
        value = _mean(quantity.ref, quantities, known, steps + 1)
        ratio = 1.0 if quantity.times is None else _mean(f"{path}.times", quantities, known, steps + 1)
        if value is not None and ratio is not None:
            found = value * ratio
            if quantity.as_ != "risk" and 0 <= value < 1:
                odds = ratio * value / (1 - value)
                found = odds / (1 + odds)
    known[path] = found
    return found


def check_joint(scenario: Scenario) -> Iterator[Finding]:
    """Jointly estimated parameters exist, are no references, and are in one group only."""
    quantities = dict(walk(scenario))
    owner: dict[str, str] = {}
    for gid, group in scenario.joint.items():
        for i, path in enumerate(group.parameters):
            at = ("joint", gid, "parameters", i)
            if path not in quantities:
                yield Finding(at, f"there is no parameter `{path}`", did_you_mean(path, near(path, quantities)))
            elif quantities[path].ref is not None:
                yield Finding(at, f"`{path}` is a reference", f"the parameter itself, `{quantities[path].ref}`")
            elif path in owner:
                yield Finding(at, f"`{path}` is listed twice (also in `{owner[path]}`)", "each parameter once")
            owner.setdefault(path, gid)


def locate_parameter(scenario: Scenario, path: str) -> PathTuple:
    """Steps of a parameter's path; keys may hold dots themselves."""
    parts = path.split(".")
    steps: list[str | int] = []
    current: Any = scenario
    at = 0
    while at < len(parts):
        if isinstance(current, dict):
            end = next((e for e in range(at + 1, len(parts) + 1) if ".".join(parts[at:e]) in current), at + 1)
            step: str | int = ".".join(parts[at:end])
            current = current.get(step)
        elif isinstance(current, (tuple, list)):
            end, step = at + 1, int(parts[at])
            current = current[step] if step < len(current) else None
        else:
            end, step = at + 1, parts[at]
            current = getattr(current, parts[at], None)
        steps.append(step)
        at = end
    return tuple(steps)


# ------------------------------------------------------------ patient tables


def check_patient_table(scenario: Scenario) -> Iterator[Finding]:
    """The table of patients can be read."""
    if scenario.population.file is None:
        return
    try:
        read_patients(Path(scenario.population.file), scenario)
    except ScenarioError as error:
        for problem in error.problems:
            what = f"{problem.where}: {problem.what}" if problem.where else problem.what
            yield Finding(("population", "file"), what, problem.allowed)


# ------------------------------------------------------------------- doubts


def doubt_assumed(scenario: Scenario) -> Iterator[Finding]:
    """An assumed number has neither a distribution nor a reason."""

    def search(node: Any, path: PathTuple, grade: str | None, note: str | None) -> Iterator[Finding]:
        if isinstance(node, BaseModel):
            grade, note = getattr(node, "grade", None) or grade, getattr(node, "note", None) or note
            if isinstance(node, Quantity):
                if grade == "assumed" and note is None and node.ref is None and not node.uncertain:
                    yield Finding(path, "an assumed number without a distribution or a note", "say why it is certain")
                return
            for key, name in keys_of(type(node)).items():
                if name in node.model_fields_set:
                    yield from search(getattr(node, name), (*path, key), grade, note)
        elif isinstance(node, dict):
            for key, child in node.items():
                yield from search(child, (*path, key), grade, note)
        elif isinstance(node, tuple):
            for i, child in enumerate(node):
                yield from search(child, (*path, i), grade, note)

    yield from search(scenario, (), None, None)


def doubt_joint(scenario: Scenario) -> Iterator[Finding]:
    """A jointly estimated parameter is certain (an override may have fixed it)."""
    quantities = dict(walk(scenario)) if scenario.joint else {}
    for gid, group in scenario.joint.items():
        for i, path in enumerate(group.parameters):
            if not quantities[path].uncertain:
                what = f"`{path}` has no distribution, so its correlations do nothing"
                yield Finding(("joint", gid, "parameters", i), what, "e.g. {mean: 0.8, se: 0.02}")


def doubt_sources(scenario: Scenario) -> Iterator[Finding]:
    """A source is not in the bibliography."""

    def search(node: Any, path: PathTuple) -> Iterator[tuple[PathTuple, str]]:
        if isinstance(node, BaseModel):
            if getattr(node, "source", None) is not None:
                yield (*path, "source"), node.source  # type: ignore[attr-defined]
            for key, name in keys_of(type(node)).items():
                child = getattr(node, name)
                if name in node.model_fields_set and isinstance(child, (BaseModel, dict, tuple)):
                    yield from search(child, (*path, key))
        elif isinstance(node, dict):
            for key, child in node.items():
                yield from search(child, (*path, key))
        elif isinstance(node, tuple):
            for i, child in enumerate(node):
                yield from search(child, (*path, i))

    sources = list(search(scenario, ()))
    known = library.bibliography() if sources else {}
    for path, source in sources:
        if source not in known:
            yield Finding(path, f"`{source}` is not in the bibliography", did_you_mean(source, known))


def doubt_currency(scenario: Scenario) -> Iterator[Finding]:
    """Prices were printed in another currency than the scenario's and are taken as they are."""
    ours = scenario.settings.currency
    strange = [
        (path, q.original.currency)
        for path, q in walk(used(scenario))
        if isinstance(q, Cost) and q.original is not None and q.original.currency != ours and q.original.exchange == 1
    ]
    if strange:
        first, printed = strange[0]
        some = f"`{first}` was" if len(strange) == 1 else f"`{first}` and {len(strange) - 1} more were"
        what = f"costs are told in {ours}, but {some} printed in {printed} and never converted"
        yield Finding(("settings", "currency"), what, f"{printed}, or prices in {ours} (`original.exchange`)")


def doubt_unused(scenario: Scenario) -> Iterator[Finding]:
    """A therapy is in no strategy, or a response group holds no therapy."""
    used = {step.therapy for strategy in scenario.strategies.values() for step in strategy.steps}
    for tid in scenario.therapies.keys() - used:
        yield Finding(("therapies", tid), f"no strategy uses the therapy `{tid}`", "", True)
    groups = {therapy.response_group for therapy in scenario.therapies.values()} | scenario.therapies.keys()
    for gid in scenario.response_groups.keys() - groups:
        yield Finding(("response_groups", gid), f"no therapy is in the response group `{gid}`", "", True)


Check = Callable[[Scenario], Iterator[Finding]]

NAME_CHECKS: tuple[Check, ...] = (
    check_steps, check_settings, check_covariates, check_targets, check_conditions, check_correlation,
)  # fmt: skip
"""Checks that make sense even while some numbers of the scenario are still wrong."""

CHECKS: tuple[Check, ...] = (*NAME_CHECKS, check_tables, check_references, check_joint, check_patient_table)
DOUBTS: tuple[Check, ...] = (doubt_assumed, doubt_joint, doubt_sources, doubt_currency)
