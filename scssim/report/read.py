"""Reading back what a run wrote: the result in a directory, without its variants and subgroups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from scssim.errors import ScssimError
from scssim.result import TABLES, Result
from scssim.scenario.load import LoadedScenario, restore
from scssim.scenario.recorded import MANIFEST, document

RESULTS = "results.json"

_EXACT: dict[str, Any] = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}
"""Reads a number to its last bit, as later versions of pandas do by themselves."""

TEXTS = ("label", "note", "source", "grade", "need", "therapy", "resource", "detail")
"""Columns of words, in which an empty cell is an empty word and not a missing number."""


def read_result(out: str | Path) -> tuple[Result, dict[str, Any]]:
    """Read the result in a directory that `scssim.run` wrote.

    Parameters
    ----------
    out
        The directory.

    Returns
    -------
    result : Result
        With every table that was written, and the scenario that was run; `Result.cases` is empty.
    manifest : dict
        How it was made.

    Raises
    ------
    ScssimError
        If the directory has no complete result, or one that this version cannot read.
    """
    folder = Path(out)
    manifest = document(folder / MANIFEST)
    headline = document(folder / RESULTS)
    try:
        loaded = _scenario(manifest["scenario"])
        tables: dict[str, Any] = {name: _table(folder / "tables", name) for name in TABLES}
        return Result(
            loaded=loaded,
            seed=manifest["seed"],
            patients=manifest["patients"],
            draws=manifest["draws"],
            engine=manifest["engine"],
            seconds=math.nan if manifest["seconds"] is None else manifest["seconds"],
            warnings=manifest["warnings"],
            service=headline["service"],
            assumed_share=headline["assumed_share"],
            **tables,
        ), manifest
    except (KeyError, TypeError, ValidationError) as error:
        made = manifest.get("scssim")
        what = f"{folder / MANIFEST} is not what this version of scssim writes"
        if isinstance(error, KeyError):
            what += f": {error} is missing"
        raise ScssimError(f"{what} (it was made by scssim {made}); run the scenario again") from None


def told_of(folder: Path) -> str | None:
    """The run in a directory in a few words; None if there is none."""
    try:
        manifest = document(folder / MANIFEST)
        draws = f"{manifest['draws']:,} draws x " if manifest["draws"] else ""
        return f"{manifest['scenario']['title']}, {draws}{manifest['patients']:,} patients, {manifest['finished']}"
    except (ScssimError, KeyError, TypeError, ValueError):
        return None


def _scenario(said: Mapping[str, Any]) -> LoadedScenario:
    return restore(said["resolved"], name=said["name"], sha256=said["sha256"])


def _table(folder: Path, name: str) -> pd.DataFrame:
    """A table, to the last digit of what was written; empty when there is none."""
    try:
        if (path := folder / f"{name}.parquet").exists():
            return pd.read_parquet(path)
        path = folder / f"{name}.csv"
        if not path.exists():
            return pd.DataFrame()
        # Only an empty cell is missing: `nan` and `null` are names that a strategy may have.
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], **_EXACT)
        words = [column for column in TEXTS if column in table]
        table[words] = table[words].astype(object).fillna("")
        return table
    except OSError as error:
        raise ScssimError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # as pandas and pyarrow raise for what they cannot parse
        raise ScssimError(f"{path} is damaged ({' '.join(str(error).split())}); run the scenario again") from None
