"""What the columns of the tables hold, so that a spreadsheet can show them: number formats and units."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import pandas as pd

from scssim.report.measures import SHARES

MOST_SHOWN = 1e11
"""Numbers from here on are shown with an exponent."""


@dataclass(frozen=True)
class Kind:
    """What a number is.

    Attributes
    ----------
    places
        Decimals that are shown; None: four significant digits.
    unit
        Unit, with ``{currency}`` and ``{year}`` where they belong; empty where it is not known.
    percent
        Whether it is a share, shown in percent.
    plain
        Whether it only numbers something, so that thousands are not separated.
    """

    places: int | None
    unit: str = ""
    percent: bool = False
    plain: bool = False


GENERAL = Kind(None)
MONEY = Kind(0, "{currency}, {year} prices")
RATE = Kind(0, "{currency} per QALY")
QALYS = Kind(4, "QALYs")
YEARS = Kind(3, "years")
DAYS = Kind(1, "days")
SHARE = Kind(1, "share, shown in percent", percent=True)
NUMBER = Kind(0, plain=True)

KINDS: tuple[tuple[str, Kind], ...] = (
    (
        r"share|share_.*|.*_share|p_(best|ceaf|cost_effective)(_.*)?|utilisation.*|relative_half_width"
        r"|qaly_gain_after_data",
        SHARE,
    ),
    (r"draw|case_id|year|month|weeks", NUMBER),
    (r"wtp|icer.*", RATE),
    (
        r"(.*_)?cost(_.*)?|(un)?discounted|i?nmb.*|evpi.*|evppi.*|expected_loss.*|lead|lead_mcse|margin|impact|se",
        MONEY,
    ),
    (r"(.*_)?qaly(_.*)?", QALYS),
    (r"life_years.*", YEARS),
    (r"(.*_)?days(_mcse)?|day", DAYS),
)
"""Kinds by the names of columns, outcomes and quantities: the first that fits."""

KEYED: dict[str, tuple[str, frozenset[str]]] = {
    "outcomes": ("outcome", frozenset({"mean", "sd", "mcse"})),
    "noise": ("quantity", frozenset({"mean", "mcse", "sd_parameters", "sd_patients"})),
    "visits": ("measure", frozenset(["mean", "sd", "p05", "p25", "p50", "p75", "p95", "lower", "upper"])),
    "targets": ("measure", frozenset(["observed", "lower", "upper", "simulated", "mcse", "tolerance"])),
}
"""Tables in which another column says what is in some columns."""

WAITS = frozenset({"p50", "p90"})
"""Columns that are quantiles of waits wherever they are not those of a measure."""


def kind(name: str) -> Kind:
    """What a column, outcome, quantity or measure is, by its name."""
    if name in SHARES:
        return SHARE
    return next((found for pattern, found in KINDS if re.fullmatch(pattern, name)), GENERAL)


def kinds(table: str, frame: pd.DataFrame, column: str) -> list[Kind]:
    """What is in each row of a column.

    Parameters
    ----------
    table, frame
        Name of the table, and the table.
    column
        One of its columns.
    """
    key, columns = KEYED.get(table, ("", frozenset()))
    if column in columns and key in frame:
        known = {name: kind(str(name)) for name in frame[key].unique()}
        return [known[name] for name in frame[key]]
    # Columns of parameters are paths, which may hold any word.
    one = GENERAL if "." in column or table == "inputs" else DAYS if column in WAITS else kind(column)
    return [one] * len(frame)


def formats(kinds: Sequence[Kind], values: Sequence[object]) -> list[str]:
    """Number formats of the cells of a column, in the language of spreadsheets.

    Cells of one kind have the same decimals; amounts of money below 100 have two.

    Parameters
    ----------
    kinds
        Of each cell.
    values
        Of each cell; what is no finite number counts for nothing.
    """
    largest: dict[Kind, float] = {}
    whole: dict[Kind, bool] = {}
    for one, value in zip(kinds, values, strict=True):
        if is_number(value):
            largest[one] = max(largest.get(one, 0.0), abs(value))
            whole[one] = whole.get(one, True) and value == math.floor(value)
    shown = {one: _format(one, largest[one], whole[one]) for one in largest}
    return [
        "" if not is_number(value) else general(value) if one.places is None and not whole[one] else shown[one]
        for one, value in zip(kinds, values, strict=True)
    ]


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number (and no yes or no)."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


def general(value: float) -> str:
    """Format that shows up to four significant digits of a number, and none of a whole number dropped."""
    size = abs(value)
    if value == math.floor(value) and size < MOST_SHOWN:
        return "#,##0"
    if not 1e-4 <= size < MOST_SHOWN:
        return "0.000E+00"
    places = max(3 - math.floor(math.log10(size)), 0)
    return decimals(len(f"{size:.{places}f}".rstrip("0").partition(".")[2]) if places else 0)


def decimals(places: int) -> str:
    """Format with so many decimals, thousands separated."""
    return "#,##0" + ("." + "0" * places if places else "")


def _format(one: Kind, largest: float, whole: bool) -> str:
    if largest >= MOST_SHOWN:
        return "0.000E+00"
    if one.percent:
        return f"{decimals(one.places or 0)}%"
    if one.plain:
        return "0" if whole else "0.0"
    if whole:
        return "#,##0"
    return decimals(2 if one in (MONEY, RATE) and largest < 100 else one.places or 0)
