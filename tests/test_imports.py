"""Which part of the package may import which: one direction of flow, no way back.

An own test rather than a tool: it reads sixty lines of rules in the language of the project, looks
inside functions and type-checking blocks too, and adds no dependency.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import scssim

PACKAGE = Path(scssim.__file__).parent

OURS = {
    "errors": set(),
    "reading": set(),
    "files": {"errors"},
    "library": {"reading"},
    "scenario": {"errors", "reading", "library"},
    "build": {"scenario"},
    "model": {"errors", "scenario"},
    "engine": {"errors", "build", "scenario", "model"},
    "checkpoint": {"errors", "files", "build", "scenario", "engine"},
    "economics": set(),
    "histories": {"errors", "scenario"},
    "plot": {"errors", "scenario", "economics", "report", "result"},
    "result": {"errors", "scenario", "histories"},
    "report": {
        "errors",
        "files",
        "build",
        "library",
        "scenario",
        "model",
        "engine",
        "economics",
        "analysis",
        "result",
        "histories",
    },
    "prepare": {"errors", "library", "scenario", "model", "engine"},
    "analysis": {"errors", "scenario", "model", "engine", "economics", "prepare"},
    "api": {
        "errors",
        "build",
        "scenario",
        "model",
        "engine",
        "checkpoint",
        "result",
        "report",
        "prepare",
        "analysis",
        "histories",
    },
    "__init__": {"errors", "api", "economics", "plot", "result", "histories", "scenario"},
    "calibration": {"errors", "scenario", "model", "result", "api"},
    "cli": {"", "errors", "files", "checkpoint", "library", "scenario", "economics", "result", "report", "api"},
}
"""Parts of the package ('' is ``import scssim`` itself), each with the other parts that it may import."""

THEIRS = {
    "errors": set(),
    "library": {"numpy"},
    "scenario": {"numpy", "scipy", "pandas", "pyarrow", "pydantic", "pydantic_core", "annotated_types", "ruamel"},
    "model": {"numpy", "scipy", "pydantic"},
    "engine": {"numpy", "scipy", "simpy", "threadpoolctl", "pydantic", "distributed"},
    "checkpoint": {"numpy", "pydantic", "pyarrow", "filelock"},
    "economics": {"numpy", "scipy", "pandas"},
    "analysis": {"numpy", "pandas", "threadpoolctl"},
}
"""Outside packages that a part may import, for the parts that are restricted."""

DRAWING = {"plot"} | {
    f"report.{name}"
    for name in (
        "style",
        "layout",
        "figures",
        "plane_figure",
        "threshold_figures",
        "bar_figures",
        "case_figures",
        "budget_figure",
        "decision_figures",
        "panels",
        "service_figures",
        "journey_figures",
        "target_figure",
        "render",
    )
}
"""The only modules that may import Matplotlib (`render` for types)."""


def modules() -> dict[str, Path]:
    """Every module by its dotted name below the package; a package goes by its folder."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path, everything: bool = True) -> Iterator[tuple[int, str]]:
    """Line and dotted name of what a module imports, wherever in it the import stands (or only when it is loaded)."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}".removeprefix("scssim.")
                yield node.lineno, f"scssim.{submodule}" if submodule in MODULES else str(node.module)
        elif everything or not (isinstance(node, ast.FunctionDef) or (isinstance(node, ast.If) and for_types(node))):
            pending += ast.iter_child_nodes(node)


def for_types(node: ast.If) -> bool:
    """Whether a block is read by type checkers only."""
    return ast.unparse(node.test) == "TYPE_CHECKING"


def part(name: str) -> str:
    """The part of the package that a dotted name below it belongs to."""
    return name.partition(".")[0]


def test_every_part_has_a_rule() -> None:
    assert {part(name) for name in MODULES} == OURS.keys()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_one_way(name: str) -> None:
    own, path = part(name), MODULES[name]
    for line, target in imported(path):
        top, _, rest = target.partition(".")
        where = f"{path.relative_to(PACKAGE.parent)}:{line}"
        if top == "scssim":
            allowed = OURS[own] | {own}
            assert part(rest) in allowed, f"{where}: {own} may not import {target}, only {sorted(allowed)}"
            continue
        assert top != "matplotlib" or name in DRAWING, f"{where}: only {sorted(DRAWING)} may import matplotlib"
        if own in THEIRS and top not in sys.stdlib_module_names:
            assert top in THEIRS[own], f"{where}: {own} may not import {top}, only {sorted(THEIRS[own])}"


def test_every_package_is_installed() -> None:
    """The list of packages to install is written by hand: it also holds the scenarios, which live elsewhere."""
    checkout = Path(__file__).parents[1]
    listed = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(checkout) for path in (checkout / "scssim").rglob("__init__.py")}
    assert {*listed["packages"]} == {".".join(folder.parts) for folder in folders} | {"scssim.shipped"}


def test_no_part_depends_on_itself_in_a_circle() -> None:
    TopologicalSorter({own: {p or "__init__" for p in others} for own, others in OURS.items()}).prepare()


def test_no_module_needs_itself_to_load() -> None:
    graph = {
        name: {t.removeprefix("scssim.") for _, t in imported(path, everything=False) if t.startswith("scssim.")}
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
