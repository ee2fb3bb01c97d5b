"""Dataclasses of arrays and plain values as Parquet, without pickles: nothing that is read is ever executed.

A file has one row per array (its name, shape and values); everything else is JSON in the file's metadata, and is read
back by the types that the dataclasses declare.
"""

from __future__ import annotations

import dataclasses
import io
import json
import types
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Kind = TypeVar("Kind")
Arrays = list[tuple[str, NDArray[Any]]]

SCHEMA = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("shape", pa.list_(pa.int64())),
        pa.field("floats", pa.list_(pa.float64())),
        pa.field("integers", pa.list_(pa.int64())),
    ]
)

MARK = b"scssim"


def packed(value: Any, about: dict[str, Any]) -> bytes:
    """A dataclass as the content of a Parquet file.

    Parameters
    ----------
    value
        A dataclass of arrays (of float64 or int64), numbers, texts, and containers or dataclasses of such.
    about
        What else is noted in the file.
    """
    arrays: Arrays = []
    data = _plain(value, "", arrays)
    whole = [array.dtype.kind in "iu" for _, array in arrays]
    flat = [array.ravel() for _, array in arrays]
    table = pa.table(
        {
            "name": [name for name, _ in arrays],
            "shape": [list(array.shape) for _, array in arrays],
            "floats": [None if integer else x for x, integer in zip(flat, whole, strict=True)],
            "integers": [x if integer else None for x, integer in zip(flat, whole, strict=True)],
        },
        schema=SCHEMA.with_metadata({MARK: json.dumps({**about, "data": data})}),
    )
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def unpacked(content: bytes, kind: type[Kind], about: dict[str, Any]) -> Kind:
    """Read what `packed` has made.

    Parameters
    ----------
    content
        Of the file.
    kind
        Class of the value.
    about
        What the file must have been noted with.

    Raises
    ------
    ValueError
        If the content is not that of such a file.
    """
    try:
        table = pq.read_table(io.BytesIO(content))
        noted = json.loads((table.schema.metadata or {})[MARK])
        data = noted.pop("data")
        if noted != about:
            raise ValueError(f"is of {noted}")
        arrays: Arrays = []
        for i, name in enumerate(table["name"].to_pylist()):
            column = table["floats"] if table["integers"][i].as_py() is None else table["integers"]
            values = column[i].values.to_numpy(zero_copy_only=False)
            arrays.append((name, values.reshape(tuple(table["shape"][i].as_py())).copy()))
        value: Kind = _typed(data, kind, arrays)
    except Exception as error:  # whatever a strange file makes Arrow, JSON or a dataclass say
        raise ValueError(f"holds something else ({error})") from None
    return value


def _plain(value: Any, name: str, arrays: Arrays) -> Any:
    """The value as JSON; of an array its number among the arrays."""
    if isinstance(value, np.ndarray):
        arrays.append((name, value))
        return len(arrays) - 1
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
        return {field: _plain(getattr(value, field), f"{name}.{field}".lstrip("."), arrays) for field in fields}
    if isinstance(value, dict):
        return [[_plain(key, name, arrays), _plain(item, f"{name}.{key}", arrays)] for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def _typed(data: Any, kind: Any, arrays: Arrays) -> Any:
    """A value of some type from its JSON."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if data is None else _typed(data, next(one for one in inner if one is not type(None)), arrays)
    if origin is np.ndarray:
        return arrays[data][1]
    if origin is dict:
        return {_typed(key, inner[0], arrays): _typed(item, inner[1], arrays) for key, item in data}
    if origin is list:
        return [_typed(item, inner[0], arrays) for item in data]
    if origin is tuple:
        kinds = [inner[0]] * len(data) if inner[-1] is Ellipsis else inner
        return tuple(_typed(item, one, arrays) for item, one in zip(data, kinds, strict=True))
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _typed(data[name], hints[name], arrays) for name in hints})  # type: ignore[operator]
    if kind not in (int, float, str, bool):
        raise TypeError(f"{kind} is not packed")
    return kind(data)
