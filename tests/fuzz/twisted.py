"""Scenarios whose data are not as they should be: trees with branches replaced, moved, doubled and sawn off."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

from scssim.scenario.merge import read_extended

Path = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2.5, 0.5, 1e15, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan, 10**18,
    10**30, "", "x", "nowhere", "lifetime", "0.5", "x" * 3000, "é\u2028\x7f", "[bold]x[/]", "<b>&amp;</b>", "$\\frac{",
    "a\nb", [], [[]], {}, [0, 1], [1, 0], [[0, 1], [1, 0.5]], [[0, 1], [0, 1]], [None], {"": 1}, {"mean": 1},
    {"x": {"y": 1}}, {"ref": "a.b"}, {"ref": "title"}, {"ref": "population.female"},
    {"ref": "population.female", "times": 1e9},
    {"ref": "population.female", "times": {"mean": 2, "ci": [1, 4]}, "as": "odds"}, {"mean": 1e200, "se": 1e-200},
    {"mean": 1e-200, "se": 1e200}, {"mean": 0.5, "se": 1e-12}, {"mean": 0.5, "se": 0}, {"low": 0, "high": 1},
    {"low": 0, "high": 1, "family": "uniform"}, {"low": 1, "high": 0}, {"alpha": 1, "beta": 0},
    {"alpha": 1e-9, "beta": 1e-9}, {"alpha": 1e12, "beta": 1}, {"shape": 1e-9, "scale": 1e9},
    {"shape": 1e9, "scale": 1}, {"family": "gamma", "mean": 1, "se": 1}, {"family": "lognormal", "mean": 1, "se": 1e6},
    {"events": 1, "of": 0}, {"events": 0, "of": 1}, {"events": 1e-9, "of": 1e9}, {"mean": 0.5, "sd": 1e9, "n": 2},
    {"days": 0}, {"years": 1e9}, {"hazard": 1e9}, {"hazard": 0},
    {"hazard": [{"until_years": 1e-9, "rate": 1e9}, {"rate": 0}]}, {"hazard": []},
    {"distribution": "weibull", "mean": 1, "shape": 1e-3}, {"distribution": "weibull", "mean": 1, "sd": 100},
    {"distribution": "weibull", "median": 1e-9, "shape": 1e3},
    {"distribution": "weibull", "survival": [[1, 0.9], [2, 0.1]]},
    {"distribution": "lognormal", "median": 1e-9, "shape": 50}, {"distribution": "lognormal", "mean": 1, "sd": 1e9},
    {"distribution": "gompertz", "median": 1, "shape": -5}, {"distribution": "gompertz", "rate": 1e-9, "shape": 1e3},
    {"distribution": "gompertz", "rate": 1, "shape": -1e-12}, {"distribution": "exponential", "mean": 1e-12},
    {"distribution": "gompertz", "survival": [[1, 0.999999], [1.0001, 1e-9]]},
    {"distribution": "kaplan_meier", "table": [[0, 1], [1e-9, 0]]},
    {"distribution": "kaplan_meier", "table": [[0, 1], [1, 1]]}, {"distribution": "normal", "mean": 5, "sd": 1e-9},
    {"distribution": "normal", "mean": 5, "sd": 2.8, "min": 0, "max": 10},
    {"distribution": "lognormal", "mean": 5, "sd": 1e3}, {"distribution": "gamma", "mean": 5, "sd": 1e3, "max": 10},
    {"distribution": "gamma", "mean": 9.99, "sd": 1e-6, "min": 9.9, "max": 10},
    {"distribution": "uniform", "min": 0, "max": 1e-9}, {"mean": 5, "sd": 1, "zero": 0.999999},
)  # fmt: skip
"""What may stand in place of anything."""

FACTORS = (
    0,
    -1,
    1e-300,
    1e-100,
    1e-15,
    1e-9,
    1e-3,
    0.1,
    0.5,
    0.999999,
    1.5,
    3,
    10,
    100,
    1e3,
    1e6,
    1e9,
    1e15,
    1e100,
    1e300,
)
"""What numbers are multiplied by."""

SHARES = (0, 1, 5e-324, 1e-300, 1e-100, 1e-16, 1e-9, 1e-3, 0.01, 0.25, 0.5, 0.75, 0.99, 1 - 1e-9, 1 - 2**-53)
"""What stands in place of numbers from 0 to 1."""

CONDITIONS = (
    "true", "False", "1", "0", "age", "age > 1e308", "age > -1e308", "age >= 50", "age < 0", "age in (1, 2)", "not age",
    "age == 'x'", "mechanism", "mechanism == 'neuropathic'", "mechanism == 'x'", "mechanism > 'a'", "mechanism == 1",
    "mechanism in ('mixed', 'x')", "diagnosed != mechanism", "'hf10' in tried", "'x' in tried", "tried in 'hf10'",
    "tried", "responded == 'hf10'", "'hf10' in ('a', 'b')", "not 'lf_scs' in responded", "back_vas_now > leg_vas_now",
    "back_vas_now", "age > 1 > 0", "1 < 2", "age > 1 and", "(age > 1", "age >> 1", "age ** 9 ** 9", "age + 1 > 2",
    "-age < 1", "age is None", "age > 50 if female else age", "lambda: 1", "__import__('os')", "age.real > 1",
    "age[0] > 1", "f(age)", "{}", "[]", "''", "((((((age > 1))))))", "not " * 200 + "age > 1",
    "(" * 300 + "age > 1" + ")" * 300, "age > 1 " + "and age > 1 " * 2000, "female and not depression or prior_surgery",
    "female == 1", "female == 'f'", "depression > 0.5", "smoker", "bmi > 1e9", "pain_years == 10", "opioid_mme < 0",
    "nothing > 1", "age > nan", "age > 1e999", "age > 0x10", "age > 1_000", "age > 1j", "age == True", "age != None",
    "age > '1'", "é > 1", "age > 1\n", "age > 1 # x", "age > 1; age", "age := 1", "a" * 5000,
)  # fmt: skip
"""Conditions, sensible and not."""

WORDS = (
    "x",
    "nowhere",
    "lf_scs",
    "hf10",
    "lf",
    "hf",
    "HF10",
    "a.b",
    "0",
    "",
    "base",
    "dead",
    "waiting",
    "é",
    "a b",
    "end",
)
"""Names that may not exist."""

_IDS = re.compile(r"[a-z][a-z0-9_]*")


def tree(path: Any) -> dict[str, Any]:
    """The merged data of a scenario file."""
    return dict(read_extended(path).plain())


def places(node: Any, path: Path = ()) -> Iterator[Path]:
    """Every path of nested data, but the empty one."""
    if path:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def get(data: Any, path: Path) -> Any:
    """What is at a path."""
    for step in path:
        data = data[step]
    return data


def twist(data: dict[str, Any], random: Random) -> dict[str, Any]:
    """A copy of the data with one to four things done to it; two times of three to its numbers only."""
    data = copy.deepcopy(data)
    gentle = random.random() < 0.65
    for _ in range(random.choice((1, 1, 2, 4))):
        every = list(places(data))
        (_scale if gentle else random.choice(TWISTS))(data, random.choice(every), every, random)
    return data


def _scale(data: Any, path: Path, every: list[Path], random: Random) -> None:
    """Multiply some number: legal in form, and perhaps extreme."""
    numbers = [p for p in every if isinstance(get(data, p), int | float) and not isinstance(get(data, p), bool)]
    # By block first: otherwise most are costs and sources of the longest therapy.
    blocks = sorted({p[:1] for p in numbers})
    if blocks:
        block = random.choice(blocks)
        path = random.choice([p for p in numbers if p[:1] == block])
        number = get(data, path)
        if 0 <= number <= 1 and random.random() < 0.8:
            _put(data, path, random.choice(SHARES))
        else:
            _put(data, path, number * random.choice(FACTORS))


def _put(data: Any, path: Path, value: Any) -> None:
    get(data, path[:-1])[path[-1]] = value


def _replaced(data: Any, path: Path, every: list[Path], random: Random) -> None:
    _put(data, path, copy.deepcopy(random.choice(VALUES)))


def _removed(data: Any, path: Path, every: list[Path], random: Random) -> None:
    del get(data, path[:-1])[path[-1]]


def _stray(data: Any, path: Path, every: list[Path], random: Random) -> None:
    """Something more, under a name that is or is not known elsewhere."""
    parent, (*_, name) = get(data, path[:-1]), random.choice(every)
    if isinstance(parent, dict):
        parent[random.choice((str(name), random.choice(WORDS)))] = copy.deepcopy(random.choice(VALUES))
    else:
        parent.insert(random.randint(0, len(parent)), copy.deepcopy(random.choice(VALUES)))


def _doubled(data: Any, path: Path, every: list[Path], random: Random) -> None:
    parent, value = get(data, path[:-1]), copy.deepcopy(get(data, path))
    if isinstance(parent, dict):
        parent[f"{path[-1]}_2"] = value
    else:
        parent.append(value)


def _renamed(data: Any, path: Path, every: list[Path], random: Random) -> None:
    parent = get(data, path[:-1])
    if isinstance(parent, dict):
        parent[random.choice(WORDS)] = parent.pop(path[-1])


def _swapped(data: Any, path: Path, every: list[Path], random: Random) -> None:
    other = random.choice(every)
    one, two = copy.deepcopy(get(data, path)), copy.deepcopy(get(data, other))
    _put(data, path, two)
    with suppress(KeyError, IndexError, TypeError):  # it may have been inside the first
        _put(data, other, one)


def _moved(data: Any, path: Path, every: list[Path], random: Random) -> None:
    """A branch in place of one of the same name elsewhere, where there is one."""
    alike = [p for p in every if p[-1] == path[-1] and p != path] or every
    _put(data, path, copy.deepcopy(get(data, random.choice(alike))))


def _conditions(data: Any, path: Path, every: list[Path], random: Random) -> None:
    known = [p for p in every if p[-1] in ("if", "among", "condition") or p[-2:-1] in (("subgroups",), ("modifiers",))]
    path = random.choice(known or every)
    condition = random.choice(CONDITIONS)
    if path[-2:-1] == ("modifiers",):
        parent = get(data, path[:-1])
        parent[condition] = parent.pop(path[-1])
    else:
        _put(data, path, condition)


def _named(data: Any, path: Path, every: list[Path], random: Random) -> None:
    """Another name, in place of the id of a strategy, a therapy, a resource, or a path."""
    known = [p for p in every if isinstance(get(data, p), str) and re.fullmatch(r"[\w.*]+", get(data, p))]
    if known:
        names = (*WORDS, *(str(p[-1]) for p in every), ".".join(map(str, random.choice(every))))
        _put(data, random.choice(known), random.choice(names))


TWISTS = (
    _scale, _replaced, _replaced, _removed, _stray, _doubled, _renamed, _swapped, _moved, _conditions, _conditions,
    _named,
)  # fmt: skip


def written(data: Any) -> str:
    """Data as a text that the program reads: JSON, with infinities as YAML has them."""
    text = json.dumps(data)
    return re.sub(r"(?<=[\s\[:])(-?)(Infinity|NaN)\b", lambda m: m[1] + {"Infinity": ".inf", "NaN": ".nan"}[m[2]], text)
