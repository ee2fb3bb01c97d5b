"""A hash of what a job is, by which its blocks are known again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from scssim.engine.job import Job
from scssim.scenario.expressions import Expression
from scssim.scenario.schema import Scenario


def digest(job: Job) -> str:
    """Hash of everything that the blocks of a job depend on (16 digits).

    How many blocks there are does not count: a larger job of the same kind begins with the same ones.
    """
    alike = {
        "draws": job.draws > 0,
        "patients": job.patients if job.draws or job.engine == "des" else 0,
        "replications": job.samples > 0,
        "until_precise": None,
    }
    hasher = hashlib.sha256()
    for piece in _told({**_fields(job), **alike}):
        hasher.update(piece)
    return hasher.hexdigest()[:16]


def _placeless(scenario: Scenario) -> Scenario:
    """The scenario without the places of the files that it names, whose contents are in the job."""
    mortality = scenario.population.mortality.model_copy(update={"life_table": None})
    population = scenario.population.model_copy(update={"file": None, "mortality": mortality})
    return scenario.model_copy(update={"population": population})


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _told(value: Any) -> Iterator[bytes]:
    """The value in bytes that are the same for equal values only."""
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape} ".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Scenario):
        yield f"Scenario {_placeless(value).model_dump_json()}\n".encode()
    elif isinstance(value, BaseModel):
        yield f"{type(value).__name__} {value.model_dump_json()}\n".encode()
    elif isinstance(value, Expression):
        yield from _told(value.text)
    elif dataclasses.is_dataclass(value):
        yield from _told(_fields(value))
    elif isinstance(value, Mapping):
        yield f"map {len(value)} ".encode()
        for key, item in value.items():
            yield from _told(key)
            yield from _told(item)
    elif isinstance(value, (tuple, list)):
        yield f"list {len(value)} ".encode()
        for item in value:
            yield from _told(item)
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield f"{type(value).__name__} {json.dumps(value)}\n".encode()
    else:
        raise TypeError(f"{type(value)} cannot be told apart")
