"""Reading a sample from CSV files, and thresholds from text."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from scssim.economics.sample import DRAW, Array, SampleError, steps, thresholds

MOST_THRESHOLDS = 100_000
MOST_NAMED = 6
"""Differences between files that a message lists."""

BLANK = {"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"}
"""How programs write a value that is not there."""


def read_sample(
    costs: Path | str, effects: Path | str, parameters: Path | str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Read costs, effects and parameters of every draw from CSV files.

    Parameters
    ----------
    costs, effects
        CSV files in UTF-8, separated by commas: the names of the strategies in the first line, then one row per draw.
        A first column ``draw`` (whole numbers, each once) may number the draws, in all files or in none; rows are
        matched by it, else by position. Columns are matched by name.
    parameters
        The same with the names of parameters.

    Returns
    -------
    costs, effects, parameters : DataFrame
        One row per draw, in the order of the costs; the strategies in the order of the costs; the index is the number
        of the draw (from 0 by position without ``draw``). None for parameters that were not given.

    Raises
    ------
    SampleError
        If a file cannot be read, a cell is not a finite number, or the files do not belong together; names the file,
        and the line and column as an editor counts them.
    """
    cost, effect = _read(Path(costs)), _read(Path(effects))
    _same_names(cost, effect)
    effect_frame = _in_order_of(cost, effect)[list(cost.names)]
    parameter_frame = _in_order_of(cost, _read(Path(parameters))) if parameters is not None else None
    return _frame(cost), effect_frame, parameter_frame


def parse_wtp(text: str) -> Array:
    """Read thresholds: ``start:stop:step`` (with both ends), ``20000,30000`` or ``20000``.

    Parameters
    ----------
    text
        The thresholds as written; a stop that the steps do not meet is left out.

    Returns
    -------
    Array
        Shape (thresholds,), increasing.

    Raises
    ------
    SampleError
        If the text cannot be read, the step is not above 0, the thresholds are negative or not increasing, or there
        are more than 100,000.
    """
    parts = text.split(":")
    if len(parts) == 1:
        values = [_threshold(part, text) for part in text.split(",")]
        if len(values) > MOST_THRESHOLDS:
            raise SampleError(f"these are {len(values):,} thresholds; at most {MOST_THRESHOLDS:,} are possible")
        try:
            return thresholds(values)
        except SampleError as error:
            grouped = re.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*", text)
            hint = "; commas separate thresholds, so 20,000 is written 20000" if grouped else ""
            raise SampleError(f"thresholds {text!r}: {error}{hint}") from None
    if len(parts) != 3:
        raise SampleError(f"thresholds {text!r}: a range is start:stop:step, such as 0:50000:500")
    start, stop, step = (_threshold(part, text) for part in parts)
    if start < 0:
        raise SampleError(f"thresholds {text!r}: the start is negative; a number from 0 up is needed")
    if step <= 0:
        raise SampleError(f"thresholds {text!r}: the step is {step:g}; a number above 0 is needed")
    if stop < start:
        raise SampleError(f"thresholds {text!r}: the stop is below the start")
    if (stop - start) / step > MOST_THRESHOLDS - 1 + 1e-6:
        raise SampleError(f"thresholds {text!r}: these are more than {MOST_THRESHOLDS:,}; take a larger step")
    return thresholds(steps(start, stop, step))


def _threshold(part: str, text: str) -> float:
    number = _number(part.strip())
    if math.isnan(number):
        what = f"{part.strip()!r} is not a number" if part.strip() else "a number is missing"
        raise SampleError(f"thresholds {text!r}: {what}; write start:stop:step, or numbers with commas between")
    if math.isinf(number):
        raise SampleError(f"thresholds {text!r}: {part.strip()!r} is not finite")
    return number


# -------------------------------------------------------------------- one file


@dataclass(frozen=True)
class _File:
    """Names and numbers of a file, and the numbers of its draws if it gives them."""

    path: Path
    names: tuple[str, ...]
    values: Array
    draws: tuple[int, ...] | None


def _read(path: Path) -> _File:
    rows = _rows(path, _text(path))
    _, header = next(rows, (0, []))
    names = _header(path, [DRAW if i == 0 and name.lower() == DRAW else name for i, name in enumerate(header)])
    lines, cells = [], []
    for line, row in rows:
        if len(row) != len(names):
            what = f"has {len(row)} cell{'s' * (len(row) > 1)}" if any(row) else "is empty"
            raise SampleError(f"{path}, line {line}: the row {what}; the header has {len(names)} names")
        lines.append(line)
        cells.append(row)
    if not cells:
        raise SampleError(f"{path} has a header and nothing below; one row per draw is needed")
    columns = [_column(path, name, lines, column) for name, column in zip(names, zip(*cells, strict=True), strict=True)]
    if names[0] != DRAW:
        return _File(path, tuple(names), np.stack(columns).T, None)
    if len(names) == 1:
        raise SampleError(f"{path} has no column but `{DRAW}`; one per name is needed")
    return _File(path, tuple(names[1:]), np.stack(columns[1:]).T, _draws(path, lines, columns[0]))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SampleError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise SampleError(f"{path} is a directory; a CSV file is needed") from None
    except (OSError, ValueError) as error:
        raise SampleError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SampleError(f"{path}, line {line}: this is not text in UTF-8; save it as CSV in UTF-8") from None
    if "\0" in text:
        raise SampleError(f"{path} is not a text file; a CSV file in UTF-8 is needed")
    if not text.strip():
        raise SampleError(f"{path} is empty; a line of names and one row per draw are needed")
    return text


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which a row begins and its cells; empty lines at the end are left out."""
    reader = csv.reader(io.StringIO(text.rstrip() + "\n", newline=""), strict=True, skipinitialspace=True)
    line = 1
    try:
        for row in reader:
            yield line, [cell.strip() for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        raise SampleError(f"{path}, line {reader.line_num}: this is not CSV ({error})") from None


def _header(path: Path, names: list[str]) -> list[str]:
    if not any(names):
        raise SampleError(f"{path}, line 1: the line is empty; the names of the columns are needed there")
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and mark in names[0]:
            raise SampleError(
                f"{path}, line 1: the columns are separated by {word}; save the file with commas between columns "
                "and points in decimals"
            )
    if all(not math.isnan(_number(name)) for name in names):
        raise SampleError(f"{path}, line 1: numbers stand where the names of the columns are needed")
    for position, name in enumerate(names):
        if not name:
            hint = f"; row numbers are called `{DRAW}`, or left out" if position == 0 else ""
            raise SampleError(f"{path}, line 1: column {position + 1} has no name{hint}")
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", name):
            raise SampleError(f"{path}, line 1: the name {name!r} has a character that cannot be shown")
        if name in names[:position]:
            raise SampleError(f"{path}, line 1: two columns are called `{name}`; every name needs one column")
        if name == DRAW and position > 0:
            raise SampleError(f"{path}, line 1: `{DRAW}` is column {position + 1}; it has to be the first")
    return names


def _number(cell: str) -> float:
    """The number, or NaN if it is none. Python alone would read 1_000 as a number."""
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return math.nan


def _column(path: Path, name: str, lines: list[int], cells: tuple[str, ...]) -> Array:
    values = np.array([_number(cell) for cell in cells])
    wrong = np.flatnonzero(~np.isfinite(values))
    if not wrong.size:
        return values
    row = int(wrong[0])
    cell = cells[row]
    if cell.lower() in BLANK:
        what = f"holds no value ({cell})" if cell else "is blank"
    elif math.isinf(values[row]):
        what = f"is {cell}, which is not finite"
    else:
        what = f"holds {cell[:40]!r}, which is not a number"
    more = f" (and {wrong.size - 1:,} more in this column)" if wrong.size > 1 else ""
    raise SampleError(f"{path}, line {lines[row]}, column `{name}`: the cell {what}{more}; a finite number is needed")


def _draws(path: Path, lines: list[int], values: Array) -> tuple[int, ...]:
    seen: dict[float, int] = {}
    for line, value in zip(lines, values.tolist(), strict=True):
        if not value.is_integer():
            raise SampleError(f"{path}, line {line}, column `{DRAW}`: {value:g} is not a whole number")
        if value in seen:
            raise SampleError(f"{path}, line {line}, column `{DRAW}`: {value:.0f} is in line {seen[value]} already")
        seen[value] = line
    return tuple(int(value) for value in seen)


# --------------------------------------------------------------- several files


def _same_names(one: _File, other: _File) -> None:
    odd = []
    for this, that in ((one, other), (other, one)):
        for name in this.names:
            if name not in that.names:
                others = {n.lower(): n for n in that.names if n not in this.names}
                close = get_close_matches(name.lower(), list(others), n=1)
                guess = f" (there it may be `{others[close[0]]}`)" if close else ""
                odd.append(f"`{name}` is in {this.path} but not in {that.path}{guess}")
    if odd:
        more = f"; and {len(odd) - MOST_NAMED} more" if len(odd) > MOST_NAMED else ""
        raise SampleError(f"the files name different strategies: {'; '.join(odd[:MOST_NAMED])}{more}")


def _in_order_of(first: _File, other: _File) -> pd.DataFrame:
    """The values of a file with its draws in the order of the first one's."""
    rows = len(first.values), len(other.values)
    if rows[0] != rows[1]:
        raise SampleError(f"{first.path} has {rows[0]:,} draws, {other.path} {rows[1]:,}; all need the same draws")
    if (first.draws is None) != (other.draws is None):
        with_, without = (first, other) if other.draws is None else (other, first)
        raise SampleError(f"{with_.path} has a column `{DRAW}`, {without.path} has none; all files need it, or none")
    if first.draws is None or other.draws is None:
        return _frame(other)
    missing = set(first.draws) - set(other.draws)
    if missing:
        raise SampleError(f"draw {min(missing)} is in {first.path} but not in {other.path}; all need the same draws")
    return _frame(other).loc[list(first.draws)]


def _frame(file: _File) -> pd.DataFrame:
    index = pd.RangeIndex(len(file.values), name=DRAW) if file.draws is None else pd.Index(file.draws, name=DRAW)
    return pd.DataFrame(file.values, columns=list(file.names), index=index)
