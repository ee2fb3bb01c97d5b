"""Numbers, times and capacities of a scenario in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from scssim.report.look import number
from scssim.scenario.names import listed as listed
from scssim.scenario.schema import Continuous
from scssim.scenario.service import DAYS, Resource, WaitingTarget
from scssim.scenario.times import PER_YEAR, TimeToEvent

UNSTATED = "not stated in the scenario"
THERE = "as there"
"""Grade of a number that takes the value of another."""

LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FAMILIES = {"weibull": "Weibull", "lognormal": "log-normal", "gompertz": "Gompertz", "kaplan_meier": "Kaplan-Meier"}


def plain(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def capital(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def codes(names: Iterable[str]) -> str:
    """Names as code."""
    return ", ".join(f"`{name}`" for name in names)


def share(x: Any) -> str:
    """A share in percent."""
    return f"{number(100 * float(x))} %"


def several(x: Any, word: str) -> str:
    """A number of things."""
    plural = f"{word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{word}s"
    return f"{number(float(x), 6)} {word if x == 1 else plural}"


def graded(grades: Iterable[str]) -> str:
    """How many numbers have which grade."""
    count = Counter(grades)
    parts = [f"{count[grade]} {grade}" for grade in ("published", "derived", "assumed")]
    parts += [f"{count[UNSTATED]} without a grade"] if count[UNSTATED] else []
    return ", ".join(parts) + (f"; {count[THERE]} take the value of another" if count[THERE] else "")


# ------------------------------------------------------------------------- times


def length(bound: Any) -> str | None:
    """A fixed length of time, empty if it is 0; None if it is random."""
    for unit in PER_YEAR:
        value = getattr(bound, unit)
        if value is not None:
            return several(value, unit[:-1]) if value else ""
    return None


def later(bound: Any) -> str:
    """How much later something follows: a comma and a fixed length of time, or nothing."""
    return f", {after} later" if (after := length(bound)) else ""


def time(spec: TimeToEvent, bound: Any) -> str:
    """A time that may be random, with the means of its numbers."""
    fixed = length(bound)
    if fixed is not None:
        return fixed or "no time"
    ratio = "" if bound.ratio == 1 else f", hazard ratio {number(bound.ratio, 4)}"
    if spec.hazard is not None:
        hazard = pieced(bound.hazard, "rate") if isinstance(bound.hazard, tuple) else number(bound.hazard, 4)
        return f"random, hazard {hazard} a year{ratio}"
    names = ("mean", "sd", "median", "scale", "rate", "shape")
    parts = [f"{name} {number(getattr(bound, name), 4)}" for name in names if getattr(spec, name) is not None]
    parts += [f"{share(left)} later than {after:g}" for after, left in spec.survival or ()]
    parts += [f"[{after:g}, {left:g}]" for after, left in spec.table or ()]
    return (
        f"random, {FAMILIES.get(str(spec.distribution), spec.distribution)} in {spec.unit}: {', '.join(parts)}{ratio}"
    )


def pieced(pieces: Iterable[Any], what: str) -> str:
    """A number that changes with time."""
    return ", then ".join(
        number(getattr(piece, what), 4) + ("" if piece.until_years is None else f" to year {piece.until_years:g}")
        for piece in pieces
    )


def spread(spec: Continuous) -> str:
    """How an attribute differs between patients."""
    if spec.distribution == "fixed":
        return f"{spec.mean:g} (everybody)"
    if spec.distribution == "uniform":
        return f"uniform from {spec.min:g} to {spec.max:g}"
    bounds = "".join(f", {word} {x:g}" for word, x in (("at least", spec.min), ("at most", spec.max)) if x is not None)
    zero = f"; 0 for {share(spec.zero)}" if spec.zero else ""
    return f"{FAMILIES.get(spec.distribution, spec.distribution)}, mean {spec.mean:g}, SD {spec.sd:g}{bounds}{zero}"


# --------------------------------------------------------------------- resources


def unit(resource: Resource, count: int = 2) -> str:
    """What a capacity is counted in."""
    word = "server" if resource.servers is not None else "slot"
    per = "" if word == "server" else " per week" if resource.per == "week" else " per opening day"
    return word + ("" if count == 1 else "s") + per


def capacity(resource: Resource) -> str:
    """Capacity over time."""
    return f"{pieced(resource.capacity, 'number')} {unit(resource, resource.capacity[-1].number)}"


def target(of: WaitingTarget) -> str:
    """A waiting-time target."""
    return f"{share(of.share)} within {several(of.weeks, 'week')}"


def opening(resource: Resource) -> str:
    """When a resource is open."""
    days = listed(long for day, long in zip(DAYS, LONG_DAYS, strict=True) if day in resource.open)
    weeks = sorted(set(resource.closed_weeks))
    closed = f"; closed in week{'s' if len(weeks) > 1 else ''} {listed(weeks)} of each year" if weeks else ""
    return ("every day" if len(set(resource.open)) == len(DAYS) else days) + closed
