"""Reading back what a run wrote: the result in a directory, without its variants and subgroups."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from scssim.errors import ScssimError
from scssim.result import TABLES, Result
from scssim.scenario.load import restore
from scssim.scenario.recorded import MANIFEST, document

RESULTS = "results.json"
_OTHER = "is not what this version of scssim writes; run the scenario again"

_EXACT: dict[str, Any] = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}
"""Reads a number to its last bit, as later versions of pandas do by themselves."""

IDS = (
    "strategy", "reference", "versus", "status", "outcome", "clock", "measure", "denominator", "state", "event", "item",
    "perspective", "target", "statistic", "group", "parameters", "method", "quantity", "parameter", "end", "best",
    "best_base", "best_below", "best_above", "name", "x", "y", "from", "to", "lifecycle", "path", "distribution",
)  # fmt: skip
"""Columns of ids, which may look like numbers (`inf` and `nan` are names that a strategy may have)."""

TEXTS = ("label", "note", "source", "grade", "need", "therapy", "resource", "detail")
"""Columns of words, in which an empty cell is an empty word and not a missing one."""


Model = TypeVar("Model", bound=BaseModel)


class _Scenario(BaseModel):
    name: str
    title: str
    sha256: str
    resolved: dict[str, Any]


class Manifest(BaseModel):
    """What is read of ``manifest.json``."""

    scssim: str
    python: str
    packages: dict[str, str | None]
    platform: str
    command: str
    finished: str
    seconds: float | None
    seed: int
    patients: int
    draws: int | None
    engine: Literal["cohort", "des"]
    warnings: list[str]
    code: str | None = None
    tables: dict[str, str]
    scenario: _Scenario


class _Service(BaseModel):
    years: float
    warm_up_years: float
    replications: int
    referred_in_warm_up: float
    referred: float
    resources: list[str]


class _Headline(BaseModel):
    service: _Service | None
    assumed_share: float | None


def read_result(out: str | Path) -> tuple[Result, Manifest]:
    """Read the result in a directory that `scssim.run` wrote.

    Parameters
    ----------
    out
        The directory.

    Returns
    -------
    result : Result
        With every table that was written, and the scenario that was run; `Result.cases` is empty.
    manifest : Manifest
        How it was made.

    Raises
    ------
    ScssimError
        If the directory has no complete result, or one that this version cannot read.
    """
    folder = Path(out)
    manifest = _document(Manifest, folder / MANIFEST)
    headline = _document(_Headline, folder / RESULTS)
    for name, sha256 in manifest.tables.items():
        _check(folder / "tables" / name, sha256)
    said = manifest.scenario
    try:
        loaded = restore(said.resolved, name=said.name, sha256=said.sha256)
    except ValidationError:
        raise ScssimError(f"{folder / MANIFEST} {_OTHER} (it was made by scssim {manifest.scssim})") from None
    tables: dict[str, Any] = {name: _table(folder / "tables", name) for name in TABLES}
    result = Result(
        loaded=loaded,
        seed=manifest.seed,
        patients=manifest.patients,
        draws=manifest.draws,
        engine=manifest.engine,
        seconds=math.nan if manifest.seconds is None else manifest.seconds,
        warnings=manifest.warnings,
        service=None if headline.service is None else headline.service.model_dump(),
        assumed_share=headline.assumed_share,
        version=manifest.scssim,
        **tables,
    )
    return result, manifest


def _document(kind: type[Model], path: Path) -> Model:
    try:
        return kind.model_validate(document(path), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ScssimError(f"{path} {_OTHER} (`{where}`: {first['msg'].lower()})") from None


def _check(path: Path, sha256: str) -> None:
    """Refuse a table that is not the one that the run wrote."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise ScssimError(f"{path} is missing; run the scenario again") from None
    except OSError as error:
        raise ScssimError(f"cannot read {path}: {error.strerror or error}") from None
    if found != sha256:
        raise ScssimError(f"{path} is not as the run wrote it; run the scenario again")


def told_of(folder: Path) -> str | None:
    """The run in a directory in a few words; None if there is none."""
    try:
        manifest = _document(Manifest, folder / MANIFEST)
    except ScssimError:
        return None
    draws = f"{manifest.draws:,} draws x " if manifest.draws else ""
    return f"{manifest.scenario.title}, {draws}{manifest.patients:,} patients, {manifest.finished}"


def _table(folder: Path, name: str) -> pd.DataFrame:
    """A table, to the last digit of what was written; empty when there is none."""
    try:
        if (path := folder / f"{name}.parquet").exists():
            return pd.read_parquet(path)
        path = folder / f"{name}.csv"
        if not path.exists():
            return pd.DataFrame()
        kinds = dict.fromkeys((*IDS, *TEXTS), str)
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=kinds, **_EXACT)
        words = [column for column in TEXTS if column in table]
        table[words] = table[words].astype(object).fillna("")
        return table
    except OSError as error:
        raise ScssimError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # as pandas and pyarrow raise for what they cannot parse
        raise ScssimError(f"{path} is damaged ({' '.join(str(error).split())}); run the scenario again") from None
