"""Saying in plain words, and where, what is wrong with a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

import annotated_types
from pydantic import BaseModel, ValidationError

from scssim.errors import Problem
from scssim.scenario.common import LARGEST, Sourced
from scssim.scenario.limits import MOST_FOUND
from scssim.scenario.names import closest, did_you_mean
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Continuous, Scenario, Step
from scssim.scenario.shape import Types, below, get_origin, is_model, keys_of, models
from scssim.scenario.yamlfile import UNFIT, Node, PathTuple, describe, unfit

ROOT: Types = (Scenario,)
LONGEST = 300
_NAME = "up to 64 lower-case letters, digits and _, beginning with a letter"
_PLAIN = (float, int, bool)
_ONE_LINE = (("title",), ("label",))
_SHORT_FORMS: dict[Any, str] = {Step: "the id of a therapy or ", Continuous: "a number or "}


class Finding(NamedTuple):
    """Something wrong (or doubtful) at a path of the scenario."""

    path: PathTuple
    what: str
    allowed: str = ""
    at_key: bool = False
    """Whether the key is wrong, rather than its value."""
    because: tuple[PathTuple, ...] = ()
    """Other places without which there would be no doubt."""


def dotted(path: PathTuple) -> str:
    """Write a path as in messages and overrides."""
    return ".".join(map(str, path))


def problems(findings: Iterable[Finding], root: Node) -> list[Problem]:
    """Give findings their places, in the order of the file, each once.

    Parameters
    ----------
    findings
        What was found.
    root
        The merged scenario; its own file comes first, files that it extends next, overrides last.
    """
    placed: dict[tuple[str, str], tuple[tuple[Any, ...], Problem]] = {}
    for finding in findings:
        node, depth = root.find(finding.path)
        container = isinstance(node.value, (dict, list))
        at_key = depth < len(finding.path) or finding.at_key or container
        where = node.at_key if at_key else node.at_value
        line, column = (node.key_line, node.key_column) if at_key and node.key_line else (node.line, node.column)
        rank = 2 if not line else int(node.file != root.file)
        problem = Problem(where, dotted(finding.path), _cut(finding.what), _cut(finding.allowed))
        placed.setdefault((problem.path, problem.what), ((rank, node.file, line, column), problem))
    return [problem for _, problem in sorted(placed.values(), key=lambda pair: pair[0])]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def words(permitted: Types) -> str:
    """Describe what the schema permits at a place."""
    parts: list[str] = []
    for kind in permitted:
        if is_model(kind):
            if issubclass(kind, Quantity):
                parts.append(kind.allowed())
            else:
                required = [f.alias or n for n, f in kind.model_fields.items() if f.is_required()]
                shown = required or [key for key in keys_of(kind) if key not in keys_of(Sourced)][:6]
                with_keys = f"a mapping with {'the keys' if required else 'keys such as'} {', '.join(shown)}"
                parts.append(_SHORT_FORMS.get(kind, "") + with_keys)
        elif get_origin(kind) is Literal:
            parts.append(" or ".join(map(str, get_args(kind))))
        elif get_origin(kind) is dict:
            parts.append("a mapping")
        elif get_origin(kind) is tuple:
            parts.append("a list")
        else:
            parts.append({float: "a number", int: "a whole number", bool: "true or false", str: "text"}.get(kind, ""))
    return " or ".join(dict.fromkeys(part for part in parts if part))


# ----------------------------------------------------- stricter than pydantic


def check_scalars(node: Node, permitted: Types = ROOT, path: PathTuple = ()) -> Iterator[Finding]:
    """Find infinite and huge numbers, characters that cannot be shown, and scalars that pydantic would quietly convert
    (`"5"`, `yes`, `true` for 1).
    """
    value = node.value
    if node.blank:
        block = any(not issubclass(model, Quantity) for model in models(permitted))
        more = "`{}` for its defaults, `null` for none" if block else "`null` for none"
        yield Finding(path, "no value is given", f"{words(permitted) or 'a value'}; {more}")
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from check_scalars(child, below(permitted, key), (*path, key))
    elif isinstance(value, list):
        inner = below(permitted, 0)
        for index, child in enumerate(value):
            yield from check_scalars(child, inner, (*path, index))
    elif isinstance(value, float) and not abs(value) < float("inf"):
        yield Finding(path, "the number is not finite", words(permitted))
    elif isinstance(value, str) and (match := UNFIT.search(value)):
        yield Finding(path, unfit(match[0]), "text without it")
    elif isinstance(value, str) and path[-1:] in _ONE_LINE and re.search(r"[\t\r\n]", value.rstrip()):
        yield Finding(path, "the text has a line break or a tab", "text in one line")
    elif isinstance(value, float | int) and abs(value) > LARGEST and int not in permitted:
        yield Finding(path, f"{value:g} is too large to compute with", f"numbers up to {LARGEST:g}")
    elif permitted and not any(_accepts(kind, value) for kind in permitted):
        yield misfit(path, value, permitted)


def _accepts(kind: Any, value: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
    if kind is bool:
        return isinstance(value, bool)
    if kind is type(None):
        return value is None
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    return True  # Left to the model.


def misfit(path: PathTuple, value: Any, permitted: Types) -> Finding:
    """A value of a type or word that the schema does not permit here."""
    allowed = words(permitted)
    if isinstance(value, str):
        options = [str(arg) for kind in permitted if get_origin(kind) is Literal for arg in get_args(kind)]
        guess = closest(value, options)
        if guess:
            allowed += f"; did you mean `{guess}`?"
    what = "no value is given" if value is None else f"{describe(value)} is not permitted here"
    return Finding(path, what, allowed)


# ------------------------------------------------------- pydantic, translated


class _Place(NamedTuple):
    """Where a pydantic error sits in the data."""

    node: Node
    path: PathTuple
    permitted: Types
    parent: Types
    branch: str
    """Branch of a union that the parent is, as pydantic calls it."""
    rest: str


def translate(error: ValidationError, root: Node) -> list[Finding]:
    """Translate pydantic's errors, dropping those of branches that the author did not mean."""
    findings: list[Finding] = []
    missing: list[tuple[PathTuple, Finding]] = []
    meant: set[PathTuple] = set()
    for item in error.errors(include_url=False)[: MOST_FOUND + 1]:
        place = _follow(item["loc"], root)
        if place is None:
            continue
        match item["type"]:
            case "missing" if isinstance(place.node.value, list):
                what = f"the list has {len(place.node.value)} entries"
                findings.append(Finding(place.path, what, "one entry more"))
            case "missing":
                path = (*place.path, place.rest)
                what = f"`{place.rest}` is missing"
                missing.append((path, Finding(path, what, words(below(place.permitted, place.rest)))))
            case "extra_forbidden":
                key = str(place.path[-1])
                options = _options(place)
                findings.append(Finding(place.path, f"unknown key `{key}`", did_you_mean(key, options), True))
                meant.add((*place.path[:-1], closest(key, options) or ""))
            case _:
                findings.append(_finding(item, place))
    # A misspelt required key is one mistake, not two.
    findings += [finding for path, finding in missing if path not in meant]
    return findings


def _follow(loc: tuple[int | str, ...], root: Node) -> _Place | None:
    """Follow pydantic's location through the data; None for a branch of a union that does not suit the value."""
    node, permitted, parent = root, ROOT, ROOT
    path: list[str | int] = []
    label = branch = rest = ""
    for step in loc:
        value = dict(enumerate(node.value)) if isinstance(node.value, list) else node.value
        if isinstance(value, dict) and step in value and not rest:
            node, parent = value[step], permitted
            permitted = below(permitted, step)
            path.append(step)
            label, branch = "", label
        elif isinstance(step, str) and _is_label(step, permitted):
            label = step
            lists = any(get_origin(kind) is tuple for kind in permitted)
            if lists and len(permitted) > 1 and step.startswith("tuple") != isinstance(node.value, list):
                return None
        else:
            rest = str(step)
    return _Place(node, tuple(path), permitted, parent, branch, rest)


def _is_label(step: str, permitted: Types) -> bool:
    """Whether a step of a location names a branch of a union rather than a key."""
    return len(permitted) > 1 and not any(step in keys_of(model) for model in models(permitted))


def _options(place: _Place) -> list[str]:
    """Keys that may stand beside an unknown one, those of every block last."""
    kinds = models(place.parent)
    if place.branch:
        chosen = [k for k in kinds if k.__name__ in place.branch or place.branch in _tags(k)]
        kinds = chosen or kinds
    keys = [key for model in kinds for key in keys_of(model)]
    return sorted(keys, key=lambda key: key in keys_of(Sourced))


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    """Values of `kind` that choose a model among those of a union."""
    field = model.model_fields.get("kind")
    return () if field is None else get_args(field.annotation)


def _finding(item: Any, place: _Place) -> Finding:
    value, path, permitted = place.node.value, place.path, place.permitted
    context = item.get("ctx", {})
    kind = item["type"]
    if kind == "scssim":
        what = context["what"]
        if what.endswith(" is not a number") and not isinstance(value, dict):
            what = "no value is given" if value is None else f"{describe(value)} is not a number"
        return Finding(path, what, context["allowed"])
    if place.rest == "[key]":
        what = f"`{path[-1]}` is not a permitted name"
        return Finding(path, what, _NAME, True)
    if kind == "string_pattern_mismatch":
        return Finding(path, f"{value!r} is not a permitted name", _NAME)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag = str(context["discriminator"]).strip("'")
        tags = [t.strip(" '") for t in str(context.get("expected_tags", "")).split(",")] if "tag" in context else []
        if kind == "union_tag_invalid":
            return Finding((*path, tag), f"unknown {tag} {context['tag']!r}", did_you_mean(str(context["tag"]), tags))
        return Finding((*path, tag), f"`{tag}` is missing", words(below(permitted, tag)))
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal") and not isinstance(value, str):
        return Finding(path, f"{value:g} is out of range", _bounds(place))
    if kind in ("too_long", "too_short"):
        wanted = context.get("max_length", context.get("min_length"))
        return Finding(path, f"the list has {context['actual_length']} entries", f"{wanted} entries")
    if kind in ("value_error", "assertion_error"):
        return Finding(path, str(context.get("error") or "the value is not valid"), words(permitted))
    return misfit(path, value, permitted)


def _bounds(place: _Place) -> str:
    """The range of a plain number, from its field."""
    low = high = ""
    for model in models(place.parent):
        name = keys_of(model).get(str(place.path[-1]))
        for rule in model.model_fields[name].metadata if name else ():
            match rule:
                case annotated_types.Ge(ge=bound):
                    low = f"from {bound:g}"
                case annotated_types.Gt(gt=bound):
                    low = f"above {bound:g}"
                case annotated_types.Le(le=bound):
                    high = f"up to {bound:g}"
                case annotated_types.Lt(lt=bound):
                    high = f"below {bound:g}"
    noun = words(tuple(kind for kind in place.permitted if kind in _PLAIN)) or "a number"
    return " ".join(part for part in (noun, low, high) if part)


# ------------------------------------------------------------ last resorts


def overflowing(node: Node, permitted: Types = ROOT, path: PathTuple = ()) -> Finding:
    """Find the innermost value whose numbers are too extreme to compute with."""
    children: Iterable[tuple[str | int, Node]] = ()
    if isinstance(node.value, dict):
        children = node.value.items()
    elif isinstance(node.value, list):
        children = enumerate(node.value)
    for key, child in children:
        inner = below(permitted, key)
        if any(_overflows(model, child) for model in models(inner)):
            return overflowing(child, inner, (*path, key))
        if isinstance(child.value, (dict, list)):
            found = overflowing(child, inner, (*path, key))
            if found.path != (*path, key):
                return found
    return Finding(path, "the numbers here are too extreme to compute with", words(permitted))


def _overflows(model: type[BaseModel], node: Node) -> bool:
    try:
        model.model_validate(node.plain())
    except ValidationError:
        return False
    except ArithmeticError:
        return True
    return False
