"""Files to start from: a scenario with its schema for editors, and its numbers as a table."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from scssim.errors import ScssimError
from scssim.files import replace, writing
from scssim.scenario.inputs import going_in
from scssim.scenario.json_schema import TITLE, schema_text
from scssim.scenario.merge import SUFFIXES, fragments, locate, shipped
from scssim.scenario.places import Places, tables
from scssim.scenario.schema import Scenario
from scssim.scenario.yamlfile import Node, read_yaml

SCHEMA = "scenario.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
"""First line of a scenario, by which editors find its schema."""

STARTER = Path(__file__).parents[1] / "scenario" / "starter.yaml"


def start(file: str, source: str | None = None, force: bool = False) -> list[str]:
    """Write a scenario to start from, and the schema beside it.

    Parameters
    ----------
    file
        The scenario to write.
    source
        A shipped scenario, or a file, to copy with its comments; by default a small scenario that explains itself.
    force
        Whether to overwrite the file.

    Returns
    -------
    list of str
        What was done, and what to do next.

    Raises
    ------
    ScssimError
        If the file is there already, is no YAML file by its name, or cannot be written.
    """
    path = Path(file)
    if path.suffix not in SUFFIXES:
        better = f"; {path.name}.yaml, say" if path.name and not path.suffix else ""
        raise ScssimError(f"{file!r} is no name for a scenario: it must end in {' or '.join(SUFFIXES)}{better}")
    _check_place(path, force, "scenario")
    text = STARTER.read_text(encoding="utf-8") if source is None else _copy(source, path)
    schema = path.parent / SCHEMA
    done = []
    with writing(path.parent):
        what = _write_schema(schema)
        try:
            replace(path, text.encode())
        except BaseException:
            if what == "wrote":
                schema.unlink()
            raise
    done.append(f"Wrote {file}" + (f", a copy of {source}" if source is not None else ""))
    if what in ("wrote", "updated"):
        done.append(f"{what.capitalize()} {schema}: editors that know YAML schemas complete and check with it")
    elif what == "left":
        done.append(f"Left {schema} alone: it is something else. `scssim schema --out` writes the schema elsewhere")
    after = shlex.quote(file) + ("" if _stays_inside(path) else " --allow-outside")
    return [*done, "Next:", f"  scssim validate {after}", f"  scssim run {after}"]


def _check_place(path: Path, force: bool, what: str) -> None:
    """Refuse a place where nothing can be written, or where something is that would be lost."""
    if "\0" in str(path):
        raise ScssimError(f"cannot write {str(path)!r}: no name of a file")
    try:
        if path.is_dir():
            raise ScssimError(f"{path} is a directory; name a file in it")
        if not path.parent.is_dir():
            raise ScssimError(f"there is no directory {path.parent}; make it first")
        if os.path.lexists(path) and not force:
            raise ScssimError(f"{path} is there already; choose another name, or give --force to overwrite the {what}")
    except OSError as error:
        raise ScssimError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def _write_schema(path: Path) -> str:
    """Put the schema in its place, unless somebody else's file is there; say what was done."""
    text = schema_text()
    if not os.path.lexists(path):
        replace(path, text.encode())
        return "wrote"
    try:
        before = path.read_text(encoding="utf-8")
        ours = json.loads(before).get("title") == TITLE
    except (OSError, ValueError, AttributeError, RecursionError):
        return "left"
    if before == text:
        return "kept"
    if not ours:
        return "left"
    replace(path, text.encode())
    return "updated"


# -------------------------------------------------------------------- copies


def _copy(source: str, target: Path) -> str:
    """The text of a scenario, so that it says the same from another place."""
    if source in fragments():
        names = ", ".join(shipped())
        raise ScssimError(f"{source!r} is a part of the library, to be extended, no scenario; copy one of {names}")
    path = locate(source, Path(), "--from")
    root = read_yaml(path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    for node in _relative_paths(root):
        there = (path.parent / node.value).resolve()
        moved = os.path.relpath(there, target.parent.resolve())
        _replace_word(lines, node, moved.replace(os.sep, "/"))
    return "\n".join([MODELINE, *(line for line in lines if not _is_modeline(line))]) + "\n"


def _is_modeline(line: str) -> bool:
    return re.match(r"#\s*yaml-language-server:", line) is not None


def _relative_paths(root: Node) -> Iterator[Node]:
    """Files that a scenario names from where it stands."""
    yield from (node for node in _files(root) if _is_relative(node))


def _files(root: Node) -> Iterator[Node]:
    """Files that a scenario names."""
    extends = root.value.get("extends")
    known = {*shipped(), *fragments()}
    entries = [] if extends is None else extends.value if isinstance(extends.value, list) else [extends]
    yield from (node for node in entries if isinstance(node.value, str) and node.value not in known)
    yield from (node for _, node in tables(root))


def _stays_inside(path: Path) -> bool:
    """Whether all files that a scenario names lie in its folder."""
    places = Places(path.parent)
    return all(places.hold(path.parent / node.value) for node in _files(read_yaml(path)))


def _is_relative(node: Node) -> bool:
    return isinstance(node.value, str) and bool(node.value) and not Path(node.value).is_absolute()


def _replace_word(lines: list[str], node: Node, word: str) -> None:
    line = lines[node.line - 1]
    before, rest = line[: node.column - 1], line[node.column - 1 :]
    for old in (node.value, f"'{node.value}'", f'"{node.value}"'):
        if rest.startswith(old):
            lines[node.line - 1] = before + json.dumps(word, ensure_ascii=False) + rest[len(old) :]
            return
    raise ScssimError(f"{node.at_value}: cannot move the path {node.value!r}; write it in one plain line, then copy")


# -------------------------------------------------------------------- tables


def table_text(scenario: Scenario) -> str:
    """The numbers of a scenario as CSV, those of therapies that no strategy uses left out."""
    return going_in(scenario).to_csv(index=False, lineterminator="\n")


def write_table(text: str, path: Path, force: bool = False) -> None:
    """Write such a table to a file.

    Raises
    ------
    ScssimError
        If the file is there already (and `force` is not given), or cannot be written.
    """
    _check_place(path, force, "table")
    # Excel takes a file for UTF-8 only if it begins with this mark; plain ASCII needs none.
    with writing(path.parent):
        replace(path, text.encode("ascii" if text.isascii() else "utf-8-sig"))
