"""Compare two files that `pytest benchmarks --benchmark-json FILE` wrote: has anything become slower?

python benchmarks/compare.py BEFORE.json AFTER.json

Processor time (the median of the rounds) is compared as a multiple of the processor time that a fixed kernel took just
before and after the same benchmark, so that a slower machine is no regression; memory (`peak_mb`) as it is. `--wall`
compares wall time instead, which needs a machine that nobody else uses. Exit code 0: nothing is over its limit;
1: something is; 2: these files cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

LIMIT, MEMORY_LIMIT = 1.3, 1.1
"""Largest ratio of calibrated seconds, and of memory, that is no regression."""
SHORTEST = 0.05
"""Seconds below which nothing is said."""


class RefusedError(Exception):
    """These files, or this limit, cannot be used; the message says why."""


@dataclass(frozen=True)
class Measured:
    """What one file has of one benchmark: its seconds, those of the kernel beside it, its peak of memory."""

    seconds: float
    calibration: float
    peak_mb: float | None


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    before: float
    after: float
    unit: str
    ratio: float
    raw: float
    verdict: str


def number(found: Any, name: str) -> float:
    """A number above 0."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < math.inf:
        raise ValueError(f"{name} is not a number above 0")
    return float(found)


def measured(found: Any, wall: bool) -> tuple[str, Measured]:
    """Name (file and test, without folders) and measurements of one benchmark."""
    name, extra = str(found["fullname"]).rpartition("/")[2], found["extra_info"]
    if "calibration_seconds" not in extra:
        raise ValueError(f"{name} has no calibration_seconds; measure it anew")
    seconds = found["stats"]["median"] if wall else extra["processor_seconds"]
    kernel = extra["calibration_seconds" if wall else "calibration_processor_seconds"]
    peak = number(extra["peak_mb"], f"peak_mb of {name}") if "peak_mb" in extra else None
    return name, Measured(number(seconds, f"seconds of {name}"), number(kernel, f"calibration of {name}"), peak)


def read(path: Path, wall: bool) -> dict[str, Measured]:
    """All benchmarks of a file."""
    try:
        return dict(measured(found, wall) for found in json.loads(path.read_text(encoding="utf-8"))["benchmarks"])
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror or error}") from None
    except (KeyError, TypeError, RecursionError, json.JSONDecodeError, UnicodeDecodeError):
        raise RefusedError(f"{path}: not a file of `pytest benchmarks --benchmark-json`") from None
    except ValueError as error:
        raise RefusedError(f"{path}: {error}") from None


def verdict(ratio: float, limit: float) -> str:
    """What a ratio means; the limit holds in both directions."""
    return "WORSE" if ratio > limit else "better" if ratio < 1 / limit else "same"


def compare(
    before: dict[str, Measured], after: dict[str, Measured], limit: float, memory_limit: float, shortest: float
) -> list[Row]:
    """A row for the seconds of every benchmark that is in both files, and one for its memory; the worst come first."""
    rows = []
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        raw = new.seconds / old.seconds
        ratio = raw / (new.calibration / old.calibration)
        said = verdict(ratio, limit) if max(old.seconds, new.seconds) >= shortest else "too short"
        rows.append(Row(name, old.seconds, new.seconds, "s", ratio, raw, said))
        if old.peak_mb and new.peak_mb:
            raw = new.peak_mb / old.peak_mb
            rows.append(Row(name, old.peak_mb, new.peak_mb, "MB", raw, raw, verdict(raw, memory_limit)))
    return sorted(rows, key=lambda row: (-row.ratio, row.name, row.unit))


def show(rows: Sequence[Row]) -> str:
    """The table as text."""
    heads = ("benchmark", "before", "after", "ratio", "raw ratio", "verdict")
    lines = [heads] + [
        (r.name, f"{r.before:.4g} {r.unit}", f"{r.after:.4g} {r.unit}", f"{r.ratio:.3f}", f"{r.raw:.3f}", r.verdict)
        for r in rows
    ]
    wide = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join([line[0].ljust(wide[0]), *map(str.rjust, line[1:5], wide[1:5]), line[5]]) for line in lines
    )


class Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message: str) -> NoReturn:
        raise RefusedError(message)


def above(lowest: float) -> Callable[[str], float]:
    """What reads a finite number above another."""

    def read_number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above {lowest:g}")
        return value

    return read_number


def perform(arguments: Sequence[str] | None) -> int:
    """Compare and print; the exit code."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="what to compare with")
    parser.add_argument("after", type=Path, help="what is judged")
    for name, lowest, default, what in (
        ("--limit", 1, LIMIT, "largest calibrated ratio of seconds"),
        ("--memory-limit", 1, MEMORY_LIMIT, "largest ratio of memory"),
        ("--shortest", 0, SHORTEST, "seconds below which nothing is said"),
    ):
        parser.add_argument(name, type=above(lowest), default=default, help=f"{what} (default {default})")
    parser.add_argument("--wall", action="store_true", help="compare wall time, not processor time")
    given = parser.parse_args(arguments)
    before, after = read(given.before, given.wall), read(given.after, given.wall)
    rows = compare(before, after, given.limit, given.memory_limit, given.shortest)
    if not rows:
        raise RefusedError(f"{given.before} and {given.after} have no benchmark in common")
    print(show(rows))
    for path, own, other in ((given.before, before, after), (given.after, after, before)):
        if missing := sorted(own.keys() - other.keys()):
            print(f"Only in {path}: {', '.join(missing)}")
    worse = [f"{row.name} ({row.ratio:.2f} of the {row.unit})" for row in rows if row.verdict == "WORSE"]
    limits = (
        f"{given.limit:g} ({'wall' if given.wall else 'processor'} time, calibrated) or {given.memory_limit:g} (memory)"
    )
    print(f"Over the limit of {limits}: {', '.join(worse)}" if worse else f"Nothing is over the limit of {limits}.")
    return 1 if worse else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; what cannot be compared is told in one line."""
    try:
        return perform(arguments)
    except RefusedError as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
