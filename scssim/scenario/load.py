"""Loading a scenario: read, merge, override, validate, check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from scssim.errors import Problem, ScenarioError
from scssim.scenario.analyses import Variant
from scssim.scenario.check import CHECKS, DOUBTS, NAME_CHECKS, Check, check_patient_table, doubt_unused
from scssim.scenario.check_analyses import ANALYSIS_CHECKS
from scssim.scenario.check_service import check_capacity, check_needs, doubt_resources
from scssim.scenario.edits import edits
from scssim.scenario.face import face, own
from scssim.scenario.limits import MOST_FOUND
from scssim.scenario.merge import apply_overrides, from_python, locate, read_extended
from scssim.scenario.messages import ROOT, Finding, check_scalars, overflowing, problems, translate
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Scenario
from scssim.scenario.shape import below, keys_of, models
from scssim.scenario.sizes import check_results, check_sizes
from scssim.scenario.yamlfile import Node, PathTuple


@dataclass(frozen=True)
class LoadedScenario:
    """A valid scenario and where it came from.

    Attributes
    ----------
    scenario
        The validated scenario.
    name
        File name without its suffix.
    path
        The file.
    resolved
        The merged file as plain data, without ``extends``.
    sha256
        Hash of what the scenario says; formatting, the order of keys (except of strategies and utility
        sources, whose first is special) and the place of the file do not matter. Patient tables and
        life tables count by their contents.
    positions
        The merged file with the place of every value.
    warnings
        What may be meant but deserves a second look.
    cases
        Its variants (``variants.NAME``) and the cases of its extrapolation (``extrapolation.NAME``), each a
        scenario without analyses.
    """

    scenario: Scenario
    name: str
    path: Path
    resolved: dict[str, Any]
    sha256: str
    positions: Node
    warnings: list[Problem]
    cases: dict[str, LoadedScenario] = field(default_factory=dict)

    def where(self, path: PathTuple) -> str:
        """``file:line:column`` of a value, or of the nearest one above it."""
        return self.positions.find(path)[0].at_value


def load(
    source: str | Path,
    overrides: Mapping[str, Any] | Sequence[str] | None = None,
    parameters: str | Path | pd.DataFrame | None = None,
    *,
    outside: bool = False,
) -> LoadedScenario:
    """Load a scenario.

    Parameters
    ----------
    source
        A file, or the name of a shipped scenario.
    overrides
        Values by dotted path, ``{"settings.horizon_years": 5}``, or texts ``["settings.horizon_years=5"]``.
    parameters
        Its table of inputs, edited (a CSV file or a data frame); see `scssim.scenario.edits`. Overrides go over it.
    outside
        Whether files that the scenario names may lie outside its folder.

    Returns
    -------
    LoadedScenario
        The scenario with its provenance and warnings.

    Raises
    ------
    ScenarioError
        With every problem found, in the order of the file.
    """
    path = locate(source, Path(), "")
    root = read_extended(path, outside)
    kept: list[Problem] = []
    if parameters is not None:
        found = edits(valid(root), parameters)
        root, kept = apply_overrides(root, found.overrides), found.doubts
    if overrides:
        root = apply_overrides(root, overrides)
    return _checked(root, path, kept, changed=bool(overrides) or parameters is not None)


def load_resolved(resolved: Mapping[str, Any], path: Path) -> LoadedScenario:
    """Load a scenario from what it says, as `LoadedScenario.resolved` holds it, with its cases.

    Parameters
    ----------
    resolved
        What it says, without ``extends``.
    path
        A file to name it by, which is not read.

    Raises
    ------
    ScenarioError
        With every problem found.
    """
    return _checked(from_python(resolved, str(path)), path, [], changed=False)


def _checked(root: Node, path: Path, kept: list[Problem], changed: bool) -> LoadedScenario:
    root, scenario, left_out = _fitting(root)
    cases, unfit = _cases(root, scenario, path)
    doubtful = [*_run((*DOUBTS, doubt_resources), scenario), *_unused(scenario, root)]
    doubts = problems([*doubtful, *own(face(scenario), root, changed)], root)
    return replace(_loaded(root, scenario, path, path.stem), warnings=[*left_out, *unfit, *doubts, *kept], cases=cases)


def restore(resolved: Mapping[str, Any], name: str, sha256: str) -> LoadedScenario:
    """A scenario as it was loaded once: no file is read, and what was checked then is not checked again.

    Parameters
    ----------
    resolved, name, sha256
        Of the `LoadedScenario` that it was.

    Returns
    -------
    LoadedScenario
        Without cases, warnings and places in files.

    Raises
    ------
    pydantic.ValidationError
        If the schema does not permit it.
    """
    scenario = Scenario.model_validate(resolved)
    return LoadedScenario(scenario, name, Path(f"{name}.yaml"), dict(resolved), sha256, Node({}, name), [])


def _loaded(root: Node, scenario: Scenario, path: Path, name: str) -> LoadedScenario:
    return LoadedScenario(scenario, name, path, root.plain(), fingerprint(scenario), root, [])


def _fitting(root: Node) -> tuple[Node, Scenario, list[Problem]]:
    """The valid scenario, without those inherited analyses that do not fit it (they are told)."""
    left_out: list[Problem] = []
    while True:
        scenario = valid(root)
        _refuse(_run((*CHECKS, check_needs, check_results), scenario), root)
        findings = _run((*ANALYSIS_CHECKS, check_capacity), scenario)
        strange = [finding for finding in findings if _inherited(root, finding.path)]
        _refuse([finding for finding in findings if finding not in strange], root)
        if not strange:
            return root, scenario, left_out
        for problem in problems(strange, root):
            left_out.append(replace(problem, what=f"left out: {problem.what}"))
        places = {_analysis(finding.path) for finding in strange}
        for place in sorted(places, key=lambda path: [str(key).zfill(9) for key in path], reverse=True):
            root = _without(root, place)  # the last of a list first: the others keep their positions


def _inherited(root: Node, path: PathTuple) -> bool:
    """Whether a value stands in a file that this one extends (overrides have no line)."""
    node = root.find(path)[0]
    return node.file != root.file and node.line > 0


def _analysis(path: PathTuple) -> PathTuple:
    """The part of a path that names one analysis."""
    return path[: 2 if path[1] in ("dsa", "budget", "extrapolation", "decision") else 3]


def _without(root: Node, path: PathTuple) -> Node:
    """The node without what is at a path."""
    first, *rest = path
    children = root.value
    if isinstance(children, list):
        return replace(root, value=[child for i, child in enumerate(children) if i != first])
    inner = {} if not rest else {first: _without(children[first], tuple(rest))}
    return replace(root, value={key: inner.get(key, child) for key, child in children.items() if rest or key != first})


def _cases(root: Node, scenario: Scenario, path: Path) -> tuple[dict[str, LoadedScenario], list[Problem]]:
    """A scenario's variants and the cases of its extrapolation, validated; and inherited ones that do not fit."""
    analyses = scenario.analyses
    kinds: list[tuple[str, PathTuple, dict[str, Variant]]] = [("variants", ("variants",), analyses.variants)]
    if analyses.extrapolation is not None:
        kinds.append(("extrapolation", ("extrapolation", "cases"), analyses.extrapolation.cases))
    bare = replace(root, value={key: child for key, child in root.value.items() if key != "analyses"})
    found: dict[str, LoadedScenario] = {}
    wrong: list[Problem] = []
    unfit: list[Problem] = []
    every = [(kind, place, name, spec) for kind, place, specs in kinds for name, spec in specs.items()]
    for kind, place, key, spec in every:
        name, where = f"{kind}.{key}", ("analyses", *place, key)
        written = root.find(where)[0].value
        written = written["set"].value if "set" in written else written
        try:
            values = {item: written[item] for item in spec.set_}
            found[name] = _case(bare, values, path, name, scenario)
            _refuse_held(found[name], scenario, values)
        except ScenarioError as error:
            if _inherited(root, where):
                first = error.problems[0]
                unfit.append(replace(first, what=f"`{name}` is left out: {first.what}"))
            else:
                wrong.extend(replace(problem, what=f"in `{name}`, {problem.what}") for problem in error.problems)
    if wrong:
        raise ScenarioError(wrong)
    return found, unfit


HELD = {
    "seed": "every variant has the luck of the run",
    "patients": "`analyses.cases.patients` for all variants",
    "willingness_to_pay": "the thresholds of the run are used",
    "currency": "the currency of the run is used",
}
"""Settings that a variant cannot change, and what holds in their place."""


def _refuse_held(case: LoadedScenario, base: Scenario, values: dict[str, Node]) -> None:
    """Refuse a variant that changes what all share."""
    for name, why in HELD.items():
        if getattr(case.scenario.settings, name) != getattr(base.settings, name):
            node = values.get(f"settings.{name}") or next(n for key, n in values.items() if key.startswith("settings"))
            raise ScenarioError(Problem(node.at_key, f"settings.{name}", "a variant cannot change it", why))


def _case(root: Node, values: dict[str, Node], path: Path, name: str, base: Scenario) -> LoadedScenario:
    """The scenario with the values of a variant."""
    for key, node in values.items():
        if (head := key.split(".")[0]) in ("analyses", "extends"):
            raise ScenarioError(Problem(node.at_key, key, f"a variant cannot change `{head}`"))
    root = apply_overrides(root, values) if values else root
    scenario = valid(root)
    read = base.population.file, base.population.covariates
    same = (scenario.population.file, scenario.population.covariates) == read
    checks = [check for check in CHECKS if not (same and check is check_patient_table)]  # reading it takes longest
    _refuse(_run((*checks, check_needs, check_results), scenario), root)
    return _loaded(root, scenario, path, name)


def _run(checks: Iterable[Check], scenario: Scenario) -> list[Finding]:
    """What checks find, as much of it as is told at once."""
    return list(islice(chain.from_iterable(check(scenario) for check in checks), MOST_FOUND + 1))


def _unused(scenario: Scenario, root: Node) -> list[Finding]:
    """What the file itself defines and does not use; a library may offer more than is used."""
    return [finding for finding in doubt_unused(scenario) if root.find(finding.path)[0].file == root.file]


def _refuse(findings: list[Finding], root: Node) -> None:
    if findings:
        raise ScenarioError(_first(problems(findings, root)))


def _first(found: list[Problem]) -> list[Problem]:
    """As many problems as are told at once."""
    more = [Problem(found[-1].where, "", "and there is more", "mend these first")] if found[MOST_FOUND:] else []
    return [*found[:MOST_FOUND], *more]


def valid(root: Node) -> Scenario:
    """Validate a merged scenario by the schema.

    Raises
    ------
    ScenarioError
        With every problem found.
    """
    _refuse(list(islice(check_sizes(root), MOST_FOUND + 1)), root)
    strict = list(islice(check_scalars(root), MOST_FOUND + 1))
    try:
        scenario = Scenario.model_validate(root.plain())
    except ValidationError as error:
        told = {finding.path for finding in strict}
        found = [finding for finding in translate(error, root) if finding.path not in told]
        every = [*strict, *found, *_names_despite(strict + found, root)]
        raise ScenarioError(_first(problems(every, root))) from None
    except ArithmeticError:
        raise ScenarioError(_first(problems([*strict, overflowing(root)], root))) from None
    _refuse(strict, root)
    return scenario


# ------------------------------------------- checking names despite bad values


def _names_despite(found: list[Finding], root: Node) -> list[Finding]:
    """Run the checks of names on a scenario in which what was found wrong is patched over."""
    data = root.plain()
    if not all(_patch(data, finding) for finding in found):
        return []
    try:
        scenario = Scenario.model_validate(data)
    except (ValidationError, ArithmeticError):
        return []
    wrong = {finding.path for finding in found}
    return [
        finding
        for finding in _run(NAME_CHECKS, scenario)
        if not any(finding.path[: len(path)] == path or path[: len(finding.path)] == finding.path for path in wrong)
    ]


def _patch(data: dict[str, Any], finding: Finding) -> bool:
    """Put something harmless in place of a wrong value; False if nothing will do."""
    parent: Any = data
    permitted = ROOT
    *steps, last = finding.path or ("",)
    for step in steps:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return False
        permitted = below(permitted, step)
    inner = below(permitted, last)
    if any(issubclass(model, Quantity) for model in models(inner)) and isinstance(parent, dict):
        parent[last] = 0.5  # Within the range of every kind of quantity.
        return True
    if not isinstance(parent, dict):
        return False
    fields = [model.model_fields[keys_of(model)[last]] for model in models(permitted) if last in keys_of(model)]
    stray = finding.at_key and bool(models(permitted))
    if any(field.is_required() for field in fields) or not (fields or stray):
        return False
    parent.pop(last, None)
    return True


# --------------------------------------------------------------- fingerprint


def fingerprint(scenario: Scenario) -> str:
    """SHA-256 of what a scenario says, see :class:`LoadedScenario`."""
    data = scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["strategies"] = list(data["strategies"].items())
    data["utilities"]["sources"] = list(data["utilities"]["sources"].items())
    population = data["population"]
    if population.get("file"):
        population["file"] = _contents(population["file"])
    mortality = population.get("mortality", {})
    if (mortality.get("life_table") or "").lower().endswith(".csv"):
        mortality["life_table"] = _contents(mortality["life_table"])
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _contents(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
