"""Putting a scenario together: ``extends``, deep merging, dotted overrides."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from scssim.errors import Problem, ScenarioError
from scssim.scenario.limits import MAX_BYTES_TOGETHER, MAX_EXTENDS, MAX_LEVELS
from scssim.scenario.names import did_you_mean
from scssim.scenario.places import ANYWHERE, Places, tables
from scssim.scenario.quantity import Base, Quantity
from scssim.scenario.schema import Scenario
from scssim.scenario.shape import Types, below, keys_of, models
from scssim.scenario.times import Duration, TimeToEvent
from scssim.scenario.yamlfile import Node, describe, parse_yaml, read_yaml

SUFFIXES = (".yaml", ".yml")
ROOT: Types = (Scenario,)
MAX_OVERRIDE_DEPTH = 50
NOT_INHERITED = ("reporting",)
"""What a scenario says of itself alone: who paid for it and what was found hold for no other analysis."""

# A mapping with one of these keys states a number or a time anew ...
_FORM = frozenset({
    "value", "events", "of", "mean", "low", "high", "alpha", "beta", "ref", "rate", "median", "survival", "table",
    "distribution", "hazard", "days", "weeks", "months", "years",
})  # fmt: skip
# ... and then nothing of the old statement may linger.
_STATEMENT = _FORM | {
    "se", "ci", "sd", "n", "family", "shape", "scale", "times", "as", "unit", "source", "grade", "note", "original",
}  # fmt: skip


# ------------------------------------------------------------ finding files

_PACKAGE = Path(__file__).parents[1]


def shipped() -> dict[str, Path]:
    """Scenarios that come with the program, by name."""
    folder = _PACKAGE / "shipped"
    if not folder.is_dir():
        folder = _PACKAGE.parent / "scenarios"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def fragments() -> dict[str, Path]:
    """Library fragments that ``extends`` can name, e.g. ``library/therapies``."""
    folder = _PACKAGE / "library"
    return {f"library/{path.stem}": path for path in sorted(folder.glob("*.yaml"))}


def locate(name: str | Path, folder: Path, where: str, path: str = "", places: Places = ANYWHERE) -> Path:
    """Find a scenario by its shipped name, its library name or its path.

    Parameters
    ----------
    name
        ``back_leg_uk``, ``library/therapies`` or a path.
    folder
        Where relative paths start.
    where, path
        Place that names it, for messages.
    places
        Where a path may lead.

    Raises
    ------
    ScenarioError
        If there is none, or its path leads elsewhere.
    """
    text = str(name)
    known = {**shipped(), **fragments()}
    if text in known:
        return known[text]
    candidate = folder / Path(text)
    places.check(candidate, text, where, path)
    try:
        if candidate.is_file():
            return candidate
        if candidate.is_dir():
            raise ScenarioError(Problem(where, path, f"{text!r} is a directory, not a file"))
        if candidate.exists():  # A pipe, for example.
            return candidate
    except (OSError, ValueError):
        pass
    try:
        files = [str(Path(text).parent / f.name) for f in candidate.parent.iterdir() if f.suffix in SUFFIXES]
    except (OSError, ValueError):
        files = []
    if candidate.suffix in SUFFIXES:
        what, options = f"there is no file {text!r}", [*files, *known]
    else:
        what, options = f"there is no scenario {text!r}", [*known, *files]
    raise ScenarioError(Problem(where, path, what, f"a file or a shipped scenario: {did_you_mean(text, options)}"))


# ------------------------------------------------------------------ extends


def read_extended(path: Path, outside: bool = True) -> Node:
    """Read a scenario file and everything that it extends, merged.

    Relative paths of tables are resolved against the file that names them.

    Parameters
    ----------
    path
        The file.
    outside
        Whether files that it names may lie outside its folder.

    Raises
    ------
    ScenarioError
        If a file is not readable, unknown, elsewhere, or extends itself, or if they are too large together.
    """
    return _Extender().read(path, _display(path), (), ANYWHERE if outside else Places(path.parent))


class _Extender:
    """Reads every file once, however often it is extended."""

    def __init__(self) -> None:
        self.done: dict[Path, Node] = {}
        self.bytes = 0
        self.names = 0

    def read(self, path: Path, name: str, chain: tuple[tuple[Path, str], ...], places: Places) -> Node:
        key = path.resolve()
        if key in self.done:
            return self.done[key]
        own = read_yaml(path, name, pipe=not chain)
        self.bytes += path.stat().st_size
        if self.bytes > MAX_BYTES_TOGETHER:
            what = f"with the files before it, it is larger than {MAX_BYTES_TOGETHER // 1_000_000} MB"
            raise ScenarioError(Problem(name, "", what, "fewer or smaller files under `extends`"))
        _resolve_paths(own, path.parent, places)
        extends = own.value.pop("extends", None)
        merged: Node | None = None
        for entry in [] if extends is None else _entries(extends):
            self.names += 1
            if self.names > MAX_EXTENDS:
                what = f"more than {MAX_EXTENDS} files are extended"
                raise ScenarioError(Problem(entry.at_value, "extends", what, "fewer files"))
            target = locate(entry.value, path.parent, entry.at_value, "extends", places)
            steps = (*chain, (key, name))
            if len(steps) >= MAX_LEVELS:
                what = f"more than {MAX_LEVELS} files extend each other in a chain"
                raise ScenarioError(Problem(entry.at_value, "extends", what, "fewer levels"))
            seen = [step[0] for step in steps]
            if target.resolve() in seen:
                start = seen.index(target.resolve())
                loop = " -> ".join(Path(step[1]).name for step in (*steps[start:], steps[start]))
                raise ScenarioError(
                    Problem(entry.at_value, "extends", f"circular extends: {loop}", "remove one of them")
                )
            theirs = entry.value in shipped() or entry.value in fragments()
            base = _without_own(self.read(target, _display(target), steps, ANYWHERE if theirs else places))
            merged = base if merged is None else merge(merged, base)
        result = own if merged is None else merge(merged, own)
        self.done[key] = result
        return result


def _without_own(base: Node) -> Node:
    """What others inherit of a scenario."""
    return replace(base, value={key: child for key, child in base.value.items() if key not in NOT_INHERITED})


def _display(path: Path) -> str:
    """Name a file in messages: as short as it can be."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _entries(extends: Node) -> list[Node]:
    items = extends.value if isinstance(extends.value, list) else [extends]
    for item in items:
        if not isinstance(item.value, str) or not item.value:
            what = f"{describe(item.value)} names no scenario"
            raise ScenarioError(Problem(item.at_value, "extends", what, "a name or path, or a list of them"))
    return items


def _resolve_paths(root: Node, folder: Path, places: Places = ANYWHERE) -> None:
    """Make the paths of tables in a scenario file relative to that file; refuse those that lead elsewhere."""
    problems: list[Problem] = []
    for key, node in tables(root):
        path = Path(os.path.abspath(folder / node.value))
        try:
            places.check(path, node.value, node.at_value, key)
        except ScenarioError as error:
            problems.extend(error.problems)
        node.value = str(path)
    if problems:
        raise ScenarioError(problems)


# ------------------------------------------------------------------ merging


def merge(base: Node, own: Node, permitted: Types = ROOT) -> Node:
    """Merge two nodes; what ``own`` says wins.

    Mappings merge key by key, anything else replaces. A mapping that states a number or a time
    anew replaces the whole old statement, and a key that takes the place of others (``instead_of`` of a model) removes
    them; null deletes a key, except where null is a value of its own.

    Parameters
    ----------
    base, own
        The nodes; neither is changed.
    permitted
        What the schema permits at this place.

    Returns
    -------
    Node
        The merged node; every value keeps the place where it was written.
    """
    if not isinstance(base.value, dict) or not isinstance(own.value, dict):
        return own
    children = dict(base.value)
    if _FORM & own.value.keys() and any(issubclass(m, (Quantity, TimeToEvent, Duration)) for m in models(permitted)):
        children = {key: child for key, child in children.items() if key not in _STATEMENT}
    for model in models(permitted):
        gone = {other for key in own.value for other in getattr(model, "instead_of", {}).get(key, ())}
        children = {key: child for key, child in children.items() if key not in gone}
    for key, child in own.value.items():
        _put(children, key, child, permitted)
    return replace(own, value=children)


def _put(children: dict[str, Node], key: str, new: Node, permitted: Types) -> None:
    if key not in children:
        children[key] = new
    elif new.value is None and not new.blank and not _null_is_value(permitted, key):
        del children[key]
    else:
        children[key] = merge(children[key], new, below(permitted, key))


def _null_is_value(permitted: Types, key: str) -> bool:
    """Whether null at a key means something other than its default."""
    for model in models(permitted):
        name = keys_of(model).get(key)
        if name is not None and NoneType in below((model,), key):
            return model.model_fields[name].default is not None
    return False


# ---------------------------------------------------------------- overrides


def apply_overrides(root: Node, overrides: Mapping[str, Any] | Sequence[str]) -> Node:
    """Set values by dotted paths.

    Parameters
    ----------
    root
        The scenario; not changed.
    overrides
        ``{"settings.horizon_years": 5}``, or ``["settings.horizon_years=5"]`` whose values are YAML. Values may be
        nodes, which keep their places.

    Returns
    -------
    Node
        The scenario with the overrides.

    Raises
    ------
    ScenarioError
        If an override is malformed or its path leads through something that is no mapping or list.
    """
    problems: list[Problem] = []
    for path, node in _override_nodes(overrides, problems):
        try:
            root = _set(root, path.split("."), 0, node, path, ROOT)
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    _resolve_paths(root, Path())  # Paths from files are absolute by now.
    return root


def _override_nodes(overrides: Any, problems: list[Problem]) -> Iterator[tuple[str, Node]]:
    if isinstance(overrides, str):
        overrides = [overrides]
    is_text = not isinstance(overrides, Mapping)
    pairs: Iterable[tuple[Any, Any]] = [_split(item) for item in overrides] if is_text else overrides.items()
    for path, value in pairs:
        where = f"--set {path}" if is_text else "overrides"
        if isinstance(value, Node):
            where = value.at_key
        if not isinstance(path, str) or not all(part.strip() for part in path.split(".")):
            problems.append(Problem(where, "", f"{path!r} is not a path", "e.g. settings.horizon_years"))
            continue
        if isinstance(value, Node):
            yield path.strip(), value
            continue
        if is_text and (value is None or not value.split("#")[0].strip()):
            problems.append(Problem(where, "", "the value is missing", f"{path}=VALUE, or {path}=null"))
            continue
        try:
            node = parse_yaml(value, where) if is_text else from_python(value, where)
        except ScenarioError as error:
            problems.extend(Problem(where, path, p.what, p.allowed) for p in error.problems)
            continue
        yield path.strip(), _placed(node, where)


def _split(item: Any) -> tuple[Any, str | None]:
    """Split ``path=value`` at the first ``=`` that belongs to no comparison (``==``, ``<=``) in a key."""
    if not isinstance(item, str):
        return item, None
    match = re.search(r"(?<![=<>!])=(?!=)", item)
    return (item[: match.start()], item[match.end() :]) if match else (item, None)


def _placed(node: Node, where: str) -> Node:
    """Name the override in place of a line that nobody can look up."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _placed(child, where) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_placed(child, where) for child in value]
    return Node(value, where)


def from_python(value: Any, where: str, depth: int = 0) -> Node:
    """Make nodes of plain data, all at one place; refuse what a file cannot say."""
    if depth > MAX_OVERRIDE_DEPTH:
        raise ScenarioError(Problem(where, "", f"nested deeper than {MAX_OVERRIDE_DEPTH} levels"))
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    elif isinstance(value, Path):
        value = str(value)
    if isinstance(value, Mapping):
        return Node({str(key): from_python(child, where, depth + 1) for key, child in value.items()}, where)
    if isinstance(value, (list, tuple)):
        return Node([from_python(child, where, depth + 1) for child in value], where)
    if value is None or isinstance(value, (str, bool, float)):
        return Node(value, where)
    if isinstance(value, int):
        return Node(value if abs(value) < 2**63 else float("inf"), where)
    what = f"a {type(value).__name__} cannot be a value"
    raise ScenarioError(Problem(where, "", what, "a number, text, truth value, None, list or mapping"))


def _set(node: Node, parts: list[str], done: int, new: Node, path: str, permitted: Types) -> Node:
    """Return a copy of the node with the value at ``parts[done:]`` replaced."""
    here = ".".join(parts[:done])
    if not isinstance(node.value, dict) or parts[done] not in node.value:
        node = _written_out(node, permitted)
    value = node.value
    if isinstance(value, dict):
        # Keys may hold dots themselves (conditions such as `back_vas > 6.5`).
        ends = range(done + 1, len(parts) + 1)
        end = next((e for e in ends if ".".join(parts[done:e]) in value), done + 1)
        key = ".".join(parts[done:end])
        children = dict(value)
        if end == len(parts):
            _put(children, key, new, permitted)
        else:
            if key not in children:
                _check_optional(key, children, here, new, path, permitted)
            child = children.get(key, Node({}, new.file))
            children[key] = _set(child, parts, end, new, path, below(permitted, key))
        return replace(node, value=children)
    if isinstance(value, list):
        part = parts[done]
        if not part.isdecimal() or int(part) >= len(value):
            allowed = f"a position from 0 to {len(value) - 1}" if value else "the list is empty: set it as a whole"
            raise ScenarioError(Problem(new.at_key, path, f"the list `{here}` has no position {part}", allowed))
        index, inner = int(part), below(permitted, int(part))
        last = done + 1 == len(parts)
        child = merge(value[index], new, inner) if last else _set(value[index], parts, done + 1, new, path, inner)
        return replace(node, value=[*value[:index], child, *value[index + 1 :]])
    what = f"`{here}` is {describe(value)} and has nothing below it"
    raise ScenarioError(Problem(new.at_key, path, what, f"set `{here}` as a whole"))


def _written_out(node: Node, permitted: Types) -> Node:
    """A short form as the mapping that it stands for, so that something in it can be set."""

    def placed(value: Any) -> Node:
        if isinstance(value, Node):
            return value
        if isinstance(value, dict):
            value = {key: placed(child) for key, child in value.items()}
        elif isinstance(value, list):
            value = [placed(child) for child in value]
        return replace(node, value=value)

    for model in models(permitted):
        mapping = model.written_out(node.value) if issubclass(model, Base) else node.value
        if mapping is not node.value:
            return placed(mapping)
    return node


def _check_optional(key: str, children: Mapping[str, Node], here: str, new: Node, path: str, permitted: Types) -> None:
    """Let a missing parent be made only where the schema knows it by name."""
    fields = [name for model in models(permitted) for name in keys_of(model)]
    if key in fields:
        return
    what = f"`{here}` has no `{key}`" if here else f"there is no `{key}`"
    raise ScenarioError(Problem(new.at_key, path, what, did_you_mean(key, fields or children)))
