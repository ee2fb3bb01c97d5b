"""What the schema permits at a path: the types behind keys, for merging and for messages."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Union, get_args
from typing import get_origin as _get_origin

from pydantic import BaseModel

Types = tuple[Any, ...]
"""The alternatives that an annotation permits, unions and annotations unwrapped."""


def get_origin(kind: Any) -> Any:
    """``dict`` for ``dict[str, int]``, and so on; None for a plain type."""
    return _get_origin(kind)


@cache
def alternatives(annotation: Any) -> Types:
    """Unwrap ``Annotated`` and unions into their members."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in alternatives(part))
    return (annotation,)


@cache
def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Keys of a model as written in a file, each with the name of its field."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


@cache
def below(permitted: Types, key: str | int) -> Types:
    """Types permitted at a key (or list position) below any of the given types."""
    found: list[Any] = []
    for kind in permitted:
        if is_model(kind):
            name = keys_of(kind).get(str(key))
            if name is not None:
                found.extend(alternatives(kind.model_fields[name].annotation))
        elif get_origin(kind) is dict and isinstance(key, str):
            found.extend(alternatives(get_args(kind)[1]))
        elif get_origin(kind) is tuple and isinstance(key, int):
            found.extend(alternatives(get_args(kind)[0]))
    return tuple(dict.fromkeys(found))


def is_model(kind: Any) -> bool:
    """Whether a type is a pydantic model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def models(permitted: Types) -> list[type[BaseModel]]:
    """The models among some types."""
    return [kind for kind in permitted if is_model(kind)]
