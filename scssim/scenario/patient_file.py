"""Reading a table of individual patients (CSV or Parquet)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.errors import Problem, ScenarioError
from scssim.reading import read_bytes
from scssim.scenario.limits import MAX_CELL, MAX_TABLE_BYTES, MOST_COLUMNS, MOST_ROWS
from scssim.scenario.names import did_you_mean
from scssim.scenario.schema import MECHANISMS, Scenario

CONTINUOUS = ("age", "back_vas", "leg_vas", "odi", "opioid_mme", "pain_years")
BINARY = ("female", "depression", "prior_surgery")
CATEGORICAL = ("mechanism", "diagnosed")
ATTRIBUTES = (*CONTINUOUS, *BINARY, *CATEGORICAL)

MOST_PROBLEMS = 20
_RANGES = {
    "age": (0.0, 110.0),
    "back_vas": (0.0, 10.0),
    "leg_vas": (0.0, 10.0),
    "odi": (0.0, 100.0),
    "opioid_mme": (0.0, np.inf),
    "pain_years": (0.0, 110.0),
}
_TRUTH = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
_SEX = {**_TRUTH, "m": False, "f": True, "male": False, "female": True}

Column = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class _Table:
    """Columns of a file, and the line (or row) of each entry."""

    name: str
    columns: dict[str, Column]
    lines: Sequence[int]
    unit: str


def read_patients(path: Path, scenario: Scenario) -> dict[str, NDArray[Any]]:
    """Read patients, one per row.

    Parameters
    ----------
    path
        A CSV file with a header line, or a Parquet file (``.parquet``).
    scenario
        Declares the covariates.

    Returns
    -------
    dict
        Arrays (patients,) by attribute: float for continuous attributes, bool for yes/no ones (``female``:
        true for women), text for ``mechanism`` and ``diagnosed``. Columns that the file lacks are absent.

    Raises
    ------
    ScenarioError
        If the file cannot be read, has no rows, an unknown column or a bad cell (the first 20 are named).
    """
    table = _read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _read_csv(path)
    covariates = scenario.population.covariates
    known = [*ATTRIBUTES, *covariates]
    problems = [
        Problem(table.name, "", f"unknown column `{name}`", did_you_mean(name, [*known, "id"]))
        for name in table.columns
        if name not in known and name != "id"
    ]
    if not table.lines:
        problems.append(Problem(table.name, "", "the table has no rows", "one row per patient"))
    if not any(name in known for name in table.columns) and not problems:
        problems.append(Problem(table.name, "", "the table has no column of attributes", f"some of {', '.join(known)}"))
    patients: dict[str, NDArray[Any]] = {}
    for name in [name for name in known if name in table.columns]:
        column = table.columns[name]
        if name in CATEGORICAL:
            values, bad, allowed = _words(column)
        elif name in BINARY or (name in covariates and covariates[name].probability is not None):
            values, bad, allowed = _truths(column, _SEX if name == "female" else _TRUTH)
        else:
            values, bad, allowed = _numbers(column, *_RANGES.get(name, (-np.inf, np.inf)))
        problems += [_bad_cell(table, name, int(row), allowed) for row in bad[:MOST_PROBLEMS]]
        patients[name] = values
    if problems:
        more = len(problems) - MOST_PROBLEMS
        problems = problems[:MOST_PROBLEMS]
        if more > 0:
            problems.append(Problem(table.name, "", "and further bad cells", "mend these first"))
        raise ScenarioError(problems)
    return patients


def _bad_cell(table: _Table, name: str, row: int, allowed: str) -> Problem:
    value = table.columns[name][row]
    missing = value is None or str(value).strip() in ("", "nan", "NaN")
    what = "the cell is empty" if missing else f"{str(value)[:60]!r} is not permitted"
    where = f"{table.name}:{table.lines[row]}" if table.unit == "line" else table.name
    return Problem(where, "", f"row {table.lines[row]}, column `{name}`: {what}", allowed)


# ------------------------------------------------------------------- columns


def _numbers(column: Column, low: float, high: float) -> tuple[NDArray[Any], NDArray[Any], str]:
    try:
        values = np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        values = np.array([_number(cell) for cell in column])
    if isinstance(column, np.ndarray) and column.dtype.kind not in "iuf":
        values = np.full(len(column), np.nan) if column.dtype.kind != "O" else values
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= low) & (values <= high)))
    if np.isfinite(high):
        allowed = f"a number from {low:g} to {high:g}"
    else:
        allowed = f"a number from {low:g} up" if np.isfinite(low) else "a number"
    return values, bad, allowed


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def _truths(column: Column, words: dict[str, bool]) -> tuple[NDArray[Any], NDArray[Any], str]:
    codes = [words.get(str(cell).strip().lower()) for cell in column]
    bad = np.array([i for i, code in enumerate(codes) if code is None], dtype=int)
    allowed = f"one of {', '.join(word for word in words if '.' not in word)}"
    return np.array([bool(code) for code in codes]), bad, allowed


def _words(column: Column) -> tuple[NDArray[Any], NDArray[Any], str]:
    values = np.array([str(cell).strip() for cell in column], dtype=str)
    return values, np.flatnonzero(~np.isin(values, MECHANISMS)), f"one of {', '.join(MECHANISMS)}"


# --------------------------------------------------------------------- files


def _refuse(path: Path, what: str, allowed: str = "", line: int = 0) -> ScenarioError:
    return ScenarioError(Problem(f"{path}:{line}" if line else str(path), "", what, allowed))


def _read_bytes(path: Path) -> bytes:
    try:
        data = read_bytes(path, MAX_TABLE_BYTES)
    except FileNotFoundError:
        raise _refuse(path, "there is no such file") from None
    except IsADirectoryError:
        raise _refuse(path, "this is a directory, not a table of patients") from None
    except (OSError, ValueError) as error:
        raise _refuse(path, f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_TABLE_BYTES:
        raise _refuse(path, f"the file is larger than {MAX_TABLE_BYTES // 1_000_000} MB")
    return data


def _check_shape(path: Path, columns: int, rows: int) -> None:
    """Refuse a table that is too wide or too long."""
    for what, number, most in (("columns", columns, MOST_COLUMNS), ("rows", rows, MOST_ROWS)):
        if number > most:
            raise _refuse(path, f"the table has more than {most:,} {what}")


def _read_csv(path: Path) -> _Table:
    data = _read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refuse(path, "the file is not a CSV text in UTF-8", "a CSV, or a .parquet file", line) from None
    rows = _rows(path, text)
    header, _ = next(rows, ([], 0))
    names = [cell.strip() for cell in header]
    _check_shape(path, len(names), 0)
    if not any(names):
        raise _refuse(path, "the file is empty", "a header line and one row per patient")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise _refuse(path, "the columns are not separated by commas", "a comma-separated file", 1)
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise _refuse(path, f"the column `{twice[0]}` is there twice", "each column once", 1)
    cells, lines = [], []
    problems: list[Problem] = []
    for row, line in rows:
        if len(row) == len(names):
            cells.append(row)
            lines.append(line)
            _check_shape(path, 0, len(lines))
        elif len(problems) < MOST_PROBLEMS:
            what = f"row {line} has {len(row)} cells"
            problems.append(Problem(f"{path}:{line}", "", what, f"{len(names)}, as in the header"))
    if problems:
        raise ScenarioError(problems)
    columns: dict[str, Column] = dict.fromkeys(names, ())
    if cells:
        columns = dict(zip(names, zip(*cells, strict=True), strict=True))
    return _Table(str(path), columns, lines, "line")


def _rows(path: Path, text: str) -> Iterator[tuple[list[str], int]]:
    """Yield the rows that are not blank, with their line numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for row in reader:
            if max(map(len, row), default=0) > MAX_CELL:
                raise _refuse(path, f"a cell is longer than {MAX_CELL:,} characters", "", start)
            if len(row) > 1 or any(cell.strip() for cell in row):
                yield row, start
            start = reader.line_num + 1
    except csv.Error as error:
        raise _refuse(path, f"not a readable CSV: {error}", "", reader.line_num) from None


def _read_parquet(path: Path) -> _Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = _read_bytes(path)
    try:
        # A file of few bytes may say the same a billion times: its size is asked for first, and texts stay unrepeated.
        about = pq.ParquetFile(pa.BufferReader(data))
        _check_shape(path, len(about.schema), about.metadata.num_rows)
        _check_flat(path, about.schema_arrow)
        table = pq.read_table(pa.BufferReader(data), read_dictionary=_texts(about.schema_arrow))
        columns = {name: _values(path, name, table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, KeyError, NotImplementedError) as error:
        raise _refuse(path, f"not a readable Parquet table: {str(error).splitlines()[0]}") from None
    return _Table(str(path), columns, range(1, table.num_rows + 1), "row")


def _check_flat(path: Path, schema: Any) -> None:
    """Refuse columns that hold lists and the like."""
    for field in schema:
        if field.type.num_fields:
            raise _refuse(path, f"the column `{field.name[:60]}` holds {str(field.type)[:60]}", "one value per row")


def _texts(schema: Any) -> list[str]:
    """Columns of texts."""
    return [field.name for field in schema if str(field.type) in ("string", "large_string", "binary", "large_binary")]


def _values(path: Path, name: str, column: Any) -> Column:
    """A column as an array in which equal texts are one object."""
    if not str(column.type).startswith("dictionary"):
        values: Column = column.to_numpy()
        return values
    parts = [np.empty(0, dtype=object)]
    for chunk in column.chunks:
        words = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)
        if any(isinstance(word, str | bytes) and len(word) > MAX_CELL for word in words):
            raise _refuse(path, f"a cell of the column `{name}` is longer than {MAX_CELL:,} characters")
        codes = chunk.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
        parts.append(words[codes])
    return np.concatenate(parts)
