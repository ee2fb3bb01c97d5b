"""Tiny scenarios whose results can be worked out by hand.

Everybody is 50, nobody dies, nothing is discounted, and utility is 1 - 0.05 * back pain: with a
back pain of 8 the utility is 0.6, and the relief of one half is worth 0.2.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

import scssim
from scssim.model.discount import annuity, continuous_rate, factor
from scssim.result import Result
from scssim.scenario.load import LoadedScenario

ROUNDING = 1e-12
"""Nobody's relief of `HALF` is further than this from one half."""

HALF = {
    "responders": 0,
    "if_responder": {"mean": 0.75, "sd": 0.1},
    "if_not": {"mean": 0.5 - ROUNDING / 2, "sd": ROUNDING / 10},
    "lowest": 0.5 - ROUNDING,
}
"""Relief of one half (just below, so nobody is a responder)."""

AT_ONCE = {"back": HALF, "leg": HALF, "onset_weeks": 0}
USELESS = {**AT_ONCE, "onset_weeks": 1e12}
"""Relief that never sets in."""
GAIN = 0.2
"""What `HALF` is worth a year; pain takes 0.4."""

WEEK = 7 / 365.25
DAY = 1 / 365.25
MONTH = 1 / 12

Data = dict[str, Any]

BASE: Data = {
    "title": "Tiny",
    "settings": {
        "horizon_years": 10,
        "discount_rate": {"costs": 0, "effects": 0},
        "patients": 64,
        "seed": 3,
        "norm_adjust": False,
    },
    "population": {
        "age": 50,
        "female": 0.5,
        "back_vas": 8,
        "leg_vas": 6,
        "odi": 50,
        "mechanism": {"neuropathic": 1, "mixed": 0, "nociceptive": 0},
        "mortality": {"life_table": None},
    },
    "utilities": {
        "sources": {
            "line": {
                "kind": "linear",
                "instrument": "none",
                "tariff": "none",
                "country": "none",
                "intercept": 1,
                "back": -0.05,
            }
        }
    },
}


C, Q = continuous_rate(0.05), continuous_rate(0.02)
DISCOUNTED = {"discount_rate": {"costs": 0.05, "effects": 0.02}}
"""Settings under which an amount tells when it was paid."""


def merged(base: Any, changes: Any) -> Any:
    """Changes laid over a base; dictionaries are merged, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return {k: merged(base.get(k), changes[k]) if k in changes else base[k] for k in base} | {
        k: v for k, v in changes.items() if k not in base
    }


def load(data: dict[str, Any]) -> LoadedScenario:
    """Load a scenario given as plain data."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.yaml"
        path.write_text(json.dumps(data))
        return scssim.load(path, outside=True)


def tiny(
    therapies: dict[str, Any], steps: list[Any] | dict[str, list[Any]] | None = None, **changes: Any
) -> LoadedScenario:
    """A scenario with the given therapies, by default all in order as strategy ``only``.

    Parameters
    ----------
    therapies
        By id.
    steps
        Steps of the only strategy, or steps by strategy.
    **changes
        Sections laid over `BASE`.
    """
    steps = list(therapies) if steps is None else steps
    strategies = steps if isinstance(steps, dict) else {"only": steps}
    sections = {
        "therapies": therapies,
        "strategies": {name: {"steps": one} for name, one in strategies.items()},
    }
    return load(merged(merged(BASE, sections), changes))


def outcome(result: Result, name: str, strategy: str = "only") -> float:
    """Mean of an outcome."""
    table = result.outcomes
    (value,) = table[(table.strategy == strategy) & (table.outcome == name)]["mean"]
    return float(value)


def cost(result: Result, item: str, strategy: str = "only", column: str = "discounted") -> float:
    """Mean cost of an item; 0 if it does not occur."""
    table = result.costs
    return float(table[(table.strategy == strategy) & (table.item == item)][column].sum())


def events(result: Result, event: str, strategy: str = "only", column: str = "per_patient") -> float:
    """Events per patient; 0 if there are none."""
    table = result.events
    return float(table[(table.strategy == strategy) & (table.event == event)][column].sum())


def visit(
    result: Result,
    measure: str,
    month: float,
    clock: str = "entry",
    denominator: str = "randomised",
    strategy: str = "only",
    column: str = "mean",
) -> float:
    """One number of the visits table."""
    t = result.visits
    (value,) = t[
        (t.strategy == strategy) & (t.clock == clock) & (t.month == month)
        & (t.measure == measure) & (t.denominator == denominator)
    ][column]  # fmt: skip
    return float(value)


def share(result: Result, state: str, month: float, strategy: str = "only") -> float:
    """Share of patients in a state."""
    t = result.occupancy
    return float(t[(t.strategy == strategy) & (t.state == state) & (t.month == month)].share.sum())


def run(*args: Any, **changes: Any) -> Result:
    """Run a `tiny` scenario."""
    return scssim.run(tiny(*args, **changes))


def close(value: float) -> Any:
    """Equal but for rounding."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def paid(t: float) -> float:
    """Discount factor of money."""
    return float(factor(t, C))


def money(a: float, b: float) -> float:
    """Discounted years of costs."""
    return float(annuity(a, b, C))


def years(a: float, b: float) -> float:
    """Discounted years of QALYs."""
    return float(annuity(a, b, Q))


def burst(at: float, **more: Any) -> dict[str, Any]:
    """A complication that strikes everybody, about thirty times, within 1e-9 years after a moment."""
    pieces = [{"until_years": at, "rate": 0}, {"until_years": at + 1e-9, "rate": 3e10}, {"rate": 0}]
    return {"hazard": pieces, **more}


# ----------------------------------------------------------------- therapies

CARE: dict[str, Any] = {
    "kind": "continuous",
    "relief": AT_ONCE,
    "max_duration": {"months": 6},
    "costs": {"per_year": 100},
}
IMPLANT: dict[str, Any] = {
    "kind": "implant",
    "wait": {"weeks": 8},
    "trial": {"success": 1, "days": 10},
    "relief": AT_ONCE,
    "costs": {"referral": 30, "trial": 2000, "implant": 5000, "device": 12000, "explant": 1600, "per_year": 250},
}
T0 = 8 * WEEK + 10 * DAY
"""When its effect starts."""

BARE = {**IMPLANT, "relief": USELESS}
BACKGROUND = {"background": {"other": {"per_year": 7}}}

INFECTED = {
    **IMPLANT,
    "complications": {"infection": burst(1, cost=0, explant=1, reimplant=True)},
    "reimplant": {"probability": 1, "delay": {"months": 4}},
}

SHOT: dict[str, Any] = {
    "kind": "procedure",
    "relief": AT_ONCE,
    "assess": {"weeks": 4, "threshold": 0.4},
    "loss_of_effect": {"months": 2},
    "costs": {"procedure": 1000},
}
