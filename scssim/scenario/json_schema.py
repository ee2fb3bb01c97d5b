"""The JSON Schema of scenario files, for editors: completion, descriptions and checks while typing."""

from __future__ import annotations

import json
from typing import Any

from scssim.scenario.analyses import Axis, Subgroup, Variant
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import Background, Continuous, Scenario, Step
from scssim.scenario.service import Need, Replications

TITLE = "scssim scenario"


def schema_text() -> str:
    """The JSON Schema as a text, for a file."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of scenario files: the schema of a complete scenario, plus what a file may leave out or shorten.

    A file that extends another may leave out anything, so nothing is required below the top level:
    what is missing after merging is found by ``scssim validate``.
    """
    document = Scenario.model_json_schema(by_alias=True)
    required = document["required"]
    document = _relaxed(document)
    definitions = document["$defs"]
    definitions[Background.__name__]["properties"]["per_year"] = {
        "$ref": "#/$defs/Cost",
        "description": "Cost per year, when it is the same all the time (in place of pieces).",
    }
    for name in ("if", "among"):
        for definition in definitions.values():
            if name in definition.get("properties", {}):
                definition["properties"][name]["anyOf"].append({"type": ["boolean", "number"]})
    condition = ["string", "boolean", "number"]
    definitions[Subgroup.__name__]["properties"]["condition"]["type"] = condition
    definitions[Variant.__name__]["additionalProperties"] = True  # paths, beside or in place of `set`
    numbers: dict[str, dict[str, Any]] = {Continuous.__name__: {"type": "number"}, Step.__name__: {"type": "string"}}
    numbers |= {Axis.__name__: {"type": "string"}, Subgroup.__name__: {"type": condition}}
    numbers |= {Need.__name__: {"type": "string"}, Replications.__name__: {"type": "integer", "minimum": 1}}
    for kind in Quantity.__subclasses__():
        short: dict[str, Any] = {"type": "number"}
        if abs(kind.lowest) != float("inf"):
            short["exclusiveMinimum" if kind.open_low else "minimum"] = kind.lowest
        if abs(kind.highest) != float("inf"):
            short["maximum"] = kind.highest
        numbers[kind.__name__] = short
    for name, short in numbers.items():
        if name in definitions:
            mapping = definitions[name]
            definitions[name] = {"description": mapping.pop("description", ""), "anyOf": [short, mapping]}
    for prop in document["properties"].values():
        # pydantic leaves out a description that only repeats that of the class.
        if "description" not in prop:
            reference = prop.get("$ref") or prop["anyOf"][0]["$ref"]
            prop["description"] = definitions[reference.rpartition("/")[2]]["description"]
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    about = "What this one builds on: a shipped scenario, library fragment or file, or a list; what is said here wins."
    document["properties"] = {"extends": {"description": about, **names}, **document["properties"]}
    document["if"] = {"not": {"required": ["extends"]}}
    document["then"] = {"required": required}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **document}


def _relaxed(node: Any) -> Any:
    """Let parts be left out (``required``) or deleted (null), and drop what only repeats names."""
    if isinstance(node, list):
        return [_relaxed(item) for item in node]
    if not isinstance(node, dict):
        return node
    required = node.get("required", [])
    node = {
        {"oneOf": "anyOf"}.get(key, key): _compact(value) if key == "default" else _relaxed(value)
        for key, value in node.items()
        if not (key == "required" and isinstance(value, list))
        and not (key == "title" and isinstance(value, str))
        and key != "discriminator"
    }
    properties, named = node.get("properties"), node.get("patternProperties")
    if isinstance(properties, dict) and node.get("type") == "object":
        node["properties"] = {name: p if name in required else _or_null(p) for name, p in properties.items()}
    if isinstance(named, dict):
        node["patternProperties"] = {name: _or_null(value) for name, value in named.items()}
        node["additionalProperties"] = False
    elif isinstance(node.get("additionalProperties"), dict):
        node["additionalProperties"] = _or_null(node["additionalProperties"])
    return node


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    """The schema, or null; annotations stay outside, where editors look for them."""
    outer = {key: value for key, value in node.items() if key in ("description", "default")}
    inner = {key: value for key, value in node.items() if key not in outer}
    options = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    return {**outer, "anyOf": options if {"type": "null"} in options else [*options, {"type": "null"}]}


def _compact(default: Any) -> Any:
    """A default as one would write it."""
    if isinstance(default, list):
        return [_compact(item) for item in default]
    if not isinstance(default, dict):
        return default
    kept = {key: _compact(value) for key, value in default.items() if value is not None}
    if "value" in kept and kept.keys() <= {"value", "as", "perspective"}:
        return kept["value"]
    return kept
