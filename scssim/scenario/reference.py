"""The reference of the scenario language in Markdown, made from the schema.

``python -m scssim.scenario.reference > docs/scenario-reference.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc, getdoc
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from scssim.scenario import quantity
from scssim.scenario.common import Sourced
from scssim.scenario.quantity import Original, Quantity
from scssim.scenario.schema import Scenario
from scssim.scenario.shape import alternatives, get_origin, is_model, keys_of

PLAIN = {str: "text", bool: "true or false", int: "whole number", float: "plain number", Any: "any value"}

HEAD = """
# Scenario reference

Made from the schema by `python -m scssim.scenario.reference`; `scssim schema` prints a JSON Schema for editors.

A scenario is a YAML file. Unknown keys are refused, with the line and a suggestion. **Bold** keys are required (after
merging with what the file extends). Ids are lower-case words with underscores.

* `extends:` (at the top of a file) names a shipped scenario, a fragment of the library (`library/therapies`), a file,
  or a list of these. Later ones and then the file itself override what came before, key by key; lists are replaced as
  a whole. `null` deletes an entry, and a new statement of a number replaces the old one with its source and note.
  `reporting` is not inherited.
* Wherever a number with uncertainty is expected (see [Numbers](#numbers)), a plain number will do.
* Times carry their unit in the key: `{weeks: 8}`, `{months: 6}`, `delay: {days: 3}`.
* Conditions (`if`, `among`, the keys of `modifiers`) are comparisons joined by `and`, `or`, `not`, `in` on attributes
  of patients: `age`, `female`, `back_vas`, `leg_vas`, `odi`, `opioid_mme`, `pain_years`, `mechanism`, `diagnosed`,
  `depression`, `prior_surgery` and the scenario's own covariates. Steps may also ask for `back_vas_now`,
  `leg_vas_now` (pain just before the last episode ended), `'hf10' in tried` and `'hf10' in responded`. Conditions are
  parsed, never run as code.
* `--set path=value` on the command line and `overrides` in Python change single values by their dotted path.

# Keys
"""

NUMBERS = """
# Numbers

Every uncertain number is one of the following kinds; the kind decides which values are allowed and which family a
stated uncertainty gets unless `family` names another.

| kind | allowed | family |
|---|---|---|
{kinds}

{forms}

A run without draws uses the mean. `grade: assumed` needs an uncertainty, or a note that says why not. All keys:
"""


def reference() -> str:
    """The whole reference, Markdown."""
    parts = [HEAD.strip()]
    seen: list[type[BaseModel]] = [Scenario]
    for model in seen:  # grows while it is read: breadth first
        parts.append(_section(model))
        seen += [found for found in _below(model) if found not in seen]
    parts += [_numbers(), _section(Quantity), _section(Original)]
    return "\n\n".join(parts) + "\n"


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        for found in _models(field.annotation):
            if not issubclass(found, Quantity):
                yield found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for kind in alternatives(annotation):
        if is_model(kind):
            yield kind
        elif get_origin(kind) in (dict, tuple):
            for inner in get_args(kind):
                if inner is not Ellipsis:
                    yield from _models(inner)


def _section(model: type[BaseModel]) -> str:
    rows = [f"## {model.__name__}", "", " ".join(cleandoc(getdoc(model) or "").split()), ""]
    rows += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] in Sourced.model_fields):
        key = field.alias or name
        required = field.is_required()
        about = " ".join((field.description or "").split())
        cells = (f"**{key}**" if required else key, _type(field), "" if required else _default(field), about)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _type(field: FieldInfo) -> str:
    bounds = {name: getattr(m, name) for m in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(m, name)}
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    text = _name(field.annotation)
    return text + "".join(f", {signs[name]} {bound:g}" for name, bound in bounds.items())


def _name(annotation: Any) -> str:
    names = []
    for kind in alternatives(annotation):
        origin = get_origin(kind)
        if kind is type(None):
            continue
        if origin is Literal:
            names.append(", ".join(f"`{value}`" for value in get_args(kind)))
        elif origin is dict:
            names.append(f"by name: {_name(get_args(kind)[1])}")
        elif origin is tuple:
            inner = get_args(kind)
            pair = Ellipsis not in inner
            names.append(f"[{', '.join(map(_name, inner))}]" if pair else f"list of {_name(inner[0])}")
        elif is_model(kind):
            title = kind.__name__ if not issubclass(kind, Quantity) else kind.kind
            anchor = kind.__name__.lower() if not issubclass(kind, Quantity) else "numbers"
            names.append(f"[{title}](#{anchor})")
        else:
            names.append(PLAIN[kind])
    return " or ".join(names)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "" if value is None or value is PydanticUndefined else f"`{_written(value)}`"


def _written(value: Any) -> str:
    """A default as one would write it in a file."""
    if isinstance(value, BaseModel):
        given = {
            key: getattr(value, name)
            for key, name in keys_of(type(value)).items()
            if getattr(value, name) is not None and getattr(value, name) != type(value).model_fields[name].get_default()
        }
        if isinstance(value, Quantity) and given.keys() <= {"value"}:
            return _written(value.value)
        return "{" + ", ".join(f"{key}: {_written(v)}" for key, v in given.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, (int, float)) else str(value)


def _allowed(kind: type[Quantity]) -> str:
    return kind.allowed().rpartition(": ")[2] if kind is not Quantity else "any number"


def _numbers() -> str:
    every: list[type[Quantity]] = [Quantity, *Quantity.__subclasses__()]
    kinds = [f"| {kind.kind} | {_allowed(kind)} | {kind.family_default} |" for kind in every if kind.__name__ != "Real"]
    forms = cleandoc(quantity.__doc__ or "").partition("\n\n")[2].replace("``", "`")
    return NUMBERS.strip().format(kinds="\n".join(kinds), forms=forms)


if __name__ == "__main__":
    sys.stdout.write(reference())
