"""The packaged evidence: life tables, utility norms, bibliography and scenario fragments.

Everything here is data, each number with its source. Fragments are partial scenarios that a
scenario lists under ``extends``; every ``source`` in them is a key of :func:`bibliography`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.reading import read_bytes

__all__ = [
    "Entry", "LifeTable", "Norms",
    "bibliography", "fragments", "life_table", "names", "norms", "read_life_table",
]  # fmt: skip

_HERE = Path(__file__).parent
MAX_BYTES = 1_000_000
"""Largest life table of a user: ages 0 to 150 for both sexes take 10 kB."""
OLDEST = 150
"""Highest age of a table."""
_SEXES = {"male": "male", "m": "male", "female": "female", "f": "female"}


@dataclass(frozen=True, eq=False)
class LifeTable:
    """Probabilities of dying within a year, by age and sex.

    Attributes
    ----------
    name
        Name of the packaged table, or the file's path.
    ages
        Exact ages in years, shape (ages,), consecutive.
    qx_male, qx_female
        Probability that a person of each age dies before the next birthday, shape (ages,).
    source
        Key in the bibliography; None for a user's table.
    """

    name: str
    ages: NDArray[np.int64]
    qx_male: NDArray[np.float64]
    qx_female: NDArray[np.float64]
    source: str | None = None


@dataclass(frozen=True, eq=False)
class Norms:
    """Mean utility of the general population, by age and sex.

    Attributes
    ----------
    name
        Name of the packaged series.
    ages
        Ages in years, shape (ages,), consecutive.
    male, female
        Mean EQ-5D utility at each age, shape (ages,).
    source
        Key in the bibliography.
    """

    name: str
    ages: NDArray[np.int64]
    male: NDArray[np.float64]
    female: NDArray[np.float64]
    source: str


@dataclass(frozen=True)
class Entry:
    """One publication.

    Attributes
    ----------
    key
        What ``source`` says in a scenario.
    authors, year, title, journal
        Titles may be shortened; ``year`` is None where none was found.
    identifier
        DOI, PMID or address.
    read
        What was read of it, and where; or that nobody has read it yet.
    """

    key: str
    authors: str
    year: int | None
    title: str
    journal: str
    identifier: str
    read: str


@lru_cache
def life_table(name: str) -> LifeTable:
    """Return a packaged life table.

    Raises
    ------
    ValueError
        If there is no table of that name.
    """
    path = _packaged("lifetables", name, "life table")
    return _life_table(path, name, _header(path).get("source"))


def read_life_table(path: str | Path) -> LifeTable:
    """Read a life table from a CSV file with the columns ``age``, ``sex`` and ``qx``.

    One row per age in whole years and sex (male or female), ages consecutive and the same for
    both sexes; lines that start with ``#`` are comments.

    Raises
    ------
    ValueError
        If the file is missing or wrong; the message names the file, row and column.
    """
    return _life_table(Path(path), str(path), None)


@lru_cache
def norms(name: str) -> Norms:
    """Return a packaged series of utility norms.

    Raises
    ------
    ValueError
        If there is no series of that name.
    """
    path = _packaged("norms", name, "series of utility norms")
    ages, male, female = _by_age_and_sex(path, "eq5d", lambda v: -1 <= v <= 1, "a utility in [-1, 1]")
    return Norms(name, ages, male, female, _header(path)["source"])


@lru_cache
def bibliography() -> MappingProxyType[str, Entry]:
    """Every source that the library and the shipped scenarios cite, by key."""
    with (_HERE / "bibliography.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        entries = [Entry(**{**row, "year": int(row["year"]) if row["year"] else None}) for row in rows]  # type: ignore[arg-type]
    return MappingProxyType({entry.key: entry for entry in entries})


@lru_cache
def fragments() -> MappingProxyType[str, Path]:
    """Paths of the packaged partial scenarios, by the name used in ``extends`` (``library/therapies``)."""
    return MappingProxyType({f"library/{path.stem}": path for path in sorted(_HERE.glob("*.yaml"))})


def names() -> dict[str, dict[str, str]]:
    """What the library holds: ``life_tables``, ``norms`` and ``fragments``, each name with one line about it."""
    return {
        "life_tables": {path.stem: _about(path) for path in sorted((_HERE / "lifetables").glob("*.csv"))},
        "norms": {path.stem: _about(path) for path in sorted((_HERE / "norms").glob("*.csv"))},
        "fragments": {name: _about(path) for name, path in fragments().items()},
    }


def _packaged(folder: str, name: str, what: str) -> Path:
    known = {path.stem: path for path in sorted((_HERE / folder).glob("*.csv"))}
    if name not in known:
        raise ValueError(f"there is no {what} called {name!r}; packaged are {', '.join(known)}")
    return known[name]


def _comments(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                return
            yield line.lstrip("# ").rstrip()


def _about(path: Path) -> str:
    return next(_comments(path), "")


def _header(path: Path) -> dict[str, str]:
    """``key: value`` lines among the leading comments."""
    pairs = (line.split(": ", 1) for line in _comments(path))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _life_table(path: Path, name: str, source: str | None) -> LifeTable:
    ages, male, female = _by_age_and_sex(path, "qx", lambda v: 0 <= v <= 1, "a probability in [0, 1]")
    return LifeTable(name, ages, male, female, source)


def _by_age_and_sex(
    path: Path, column: str, good: Callable[[float], bool], allowed: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Read the columns age, sex and `column`; return ages, values of men, values of women."""
    values: dict[str, dict[int, float]] = {"male": {}, "female": {}}
    try:
        data = read_bytes(path, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise ValueError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
        lines = data.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file in UTF-8") from None
    # Comments are blanked, not removed, so that the reader's line numbers are the file's.
    reader = csv.reader("" if line.startswith("#") else line for line in lines)
    titles: list[str] | None = None
    for cells in _rows(reader, path):
        if not any(cell.strip() for cell in cells):
            continue
        if titles is None:
            titles = [cell.strip().lower() for cell in cells]
            for title in ("age", "sex", column):
                if title not in titles:
                    raise ValueError(f"{path}: row {reader.line_num}: no column {title}; needed are age, sex, {column}")
            continue
        where = f"{path}: row {reader.line_num}"
        row = dict(zip(titles, (cell.strip() for cell in cells), strict=False))
        age = _number(row, "age", where, lambda v: 0 <= v <= OLDEST and v == int(v), f"a whole number, 0 to {OLDEST}")
        sex = _SEXES.get(row.get("sex", "").lower())
        if sex is None:
            raise ValueError(f"{where}, column sex: {row.get('sex', '')!r} is not male or female")
        if int(age) in values[sex]:
            raise ValueError(f"{where}, column age: age {age:g} is given twice for sex {sex}")
        values[sex][int(age)] = _number(row, column, where, good, allowed)
    return _arrays(path, column, values)


def _rows(reader: Any, path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(f"{path}: row {reader.line_num}: not a readable CSV: {error}") from None


def _number(row: dict[str, str], column: str, where: str, good: Callable[[float], bool], allowed: str) -> float:
    text = row.get(column, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not good(value):
        raise ValueError(f"{where}, column {column}: {text!r} is not {allowed}")
    return value


def _arrays(
    path: Path, column: str, values: dict[str, dict[int, float]]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    everyone = sorted(values["male"].keys() | values["female"].keys())
    if not everyone:
        raise ValueError(f"{path}: no rows with age, sex and {column}")
    for sex in ("male", "female"):
        absent = [age for age in range(everyone[0], everyone[-1] + 1) if age not in values[sex]]
        if absent:
            raise ValueError(f"{path}: column {column} has no value for sex {sex}, age {absent[0]}")
    arrays: list[NDArray[Any]] = [np.array(everyone, dtype=np.int64)]
    arrays += [np.array([values[sex][age] for age in everyone], dtype=np.float64) for sex in ("male", "female")]
    for array in arrays:
        array.setflags(write=False)
    return arrays[0], arrays[1], arrays[2]
