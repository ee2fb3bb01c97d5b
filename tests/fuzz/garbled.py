"""Scenario files as they should not be: shipped texts with lines, words and bytes out of place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import scssim
from scssim.scenario.merge import fragments, shipped

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
STARTER = Path(scssim.__file__).parent / "scenario" / "starter.yaml"

NONSENSE = (
    "NaN", ".nan", ".inf", "-.inf", "1e400", "-1e400", "1e300", "1e-300", "-5", "0", "1.2", "1_000", "1,5", "50%",
    '""', "''", "null", "~", "", "[]", "{}", "[[]]", "{{}}", "[1, 2", "{a: 1", "true", "yes", "0x" + "f" * 40, "0o17",
    "9" * 400, "x" * 5000, "é" * 70, "\u2028", "日本", "\U0001f9a0", "!!python/object:os.system x", "!x 1", "&a 1",
    "*a", "*undefined", "<<: *a", "2024-01-01", "12:30", "|", ">-", "? x", "- x", "%", "@", "`", "lifetime", "tried",
    "__class__", "../../etc/passwd", "/dev/null", "a.b.c", "age > 1", "not", "{mean: 1, se: 0}", "{low: 1, high: 0}",
    "{events: 5, of: 0}", "{ref: therapies}", "{ref: population.age}", "{value: {value: 1}}", "[" * 80, "{a: " * 80,
)  # fmt: skip
BYTES = (b"\0", b"\x07", b"\x1b[31m", b"\xff\xfe", b"\xc3", b"\t", b"\r", b"\x85", b"\xef\xbb\xbf", b"\xed\xa0\x80")

Change = Callable[[list[str], Random], list[str]]


def texts() -> dict[str, str]:
    """The shipped scenarios and library fragments, the starter, and the small scenario of the tests, by name."""
    paths = {**shipped(), **fragments(), "starter": STARTER, "small": SMALL}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items()}


def garble(text: str, random: Random) -> bytes:
    """The text with one to three things done to it."""
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        lines = random.choice(CHANGES)(lines, random)
    data = "\n".join(lines).encode("utf-8")
    if random.random() < 0.1:
        at = random.randint(0, len(data))
        data = data[:at] + random.choice(BYTES) + data[at:]
    return data[: random.randint(0, len(data))] if random.random() < 0.05 else data


def _at(lines: list[str], random: Random) -> int:
    """A line that says something."""
    said = [i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    return random.choice(said) if said else 0


def _drop(lines: list[str], random: Random) -> list[str]:
    at = _at(lines, random)
    return lines[:at] + lines[at + random.choice((1, 1, 1, 5)) :]


def _double(lines: list[str], random: Random) -> list[str]:
    at, to = _at(lines, random), _at(lines, random)
    return lines[:to] + lines[at : at + random.choice((1, 1, 4))] + lines[to:]


def _swap(lines: list[str], random: Random) -> list[str]:
    one, other = _at(lines, random), _at(lines, random)
    lines = [*lines]
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _indent(lines: list[str], random: Random) -> list[str]:
    at = _at(lines, random)
    lead = random.choice((" ", "  ", "    ", "\t", "", " " * 60))
    return [*lines[:at], lead + lines[at].lstrip(), *lines[at + 1 :]]


def _replace(lines: list[str], random: Random, pattern: str, new: Callable[[str], str]) -> list[str]:
    """Replace one match of a pattern in some line."""
    for _ in range(20):
        at = _at(lines, random)
        found = list(re.finditer(pattern, lines[at]))
        if found:
            match = random.choice(found)
            line = lines[at][: match.start(1)] + new(match[1]) + lines[at][match.end(1) :]
            return [*lines[:at], line, *lines[at + 1 :]]
    return lines


def _scalar(lines: list[str], random: Random) -> list[str]:
    return _replace(lines, random, r"(?:: |- |\[|, )([^\s,\[\]{}#]+)", lambda _: random.choice(NONSENSE))


def _number(lines: list[str], random: Random) -> list[str]:
    return _replace(
        lines, random, r"(?<![\w.])(-?[0-9]+(?:\.[0-9]+)?)(?![\w.])", lambda _: random.choice(NONSENSE[:20])
    )


def _letter(lines: list[str], random: Random) -> list[str]:
    def misspelt(word: str) -> str:
        at = random.randrange(len(word))
        return word[:at] + random.choice(("", word[at] * 2, "x", "_", "É", ".", " ")) + word[at + 1 :]

    return _replace(lines, random, r"(\w+)(?=:)", misspelt)


def _character(lines: list[str], random: Random) -> list[str]:
    at = _at(lines, random)
    place = random.randint(0, len(lines[at]))
    mark = random.choice("{}[]:,-&*!|>'\"%@`#?~ =\\éß\u00a0")
    return [*lines[:at], lines[at][:place] + mark + lines[at][place + random.choice((0, 1)) :], *lines[at + 1 :]]


def _alias(lines: list[str], random: Random) -> list[str]:
    """An anchor at some value, and its alias in place of another, before or after it."""
    lines = _replace(lines, random, r":( )\S", lambda _: " &anchor ")
    return _replace(lines, random, r": (\S.*)", lambda _: "*anchor")


def _bomb(lines: list[str], random: Random) -> list[str]:
    """Aliases of aliases, each ten times."""
    levels = [f"bomb{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else 'x'] * 10)}]" for i in range(random.choice((2, 9)))]
    return [*levels, *lines]


def _nest(lines: list[str], random: Random) -> list[str]:
    depth = random.choice((10, 49, 51, 3000))
    opened, closed = random.choice((("[", "]"), ("{a: ", "}")))
    return _replace(lines, random, r": ([^\s{\[][^#]*)", lambda _: opened * depth + "1" + closed * depth)


CHANGES: tuple[Change, ...] = (
    _drop, _drop, _double, _swap, _indent, _scalar, _scalar, _scalar, _number, _number, _letter, _letter, _character,
    _character, _alias, _bomb, _nest,
)  # fmt: skip
