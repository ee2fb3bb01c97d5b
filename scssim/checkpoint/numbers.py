"""Numbers of blocks as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scssim.errors import ScssimError


def chosen(text: str, of: int) -> range:
    """The blocks that are meant by ``FIRST:END`` (from 0; either may be left out) or ``K/N`` (the K-th of N parts).

    Parameters
    ----------
    text
        What was asked for.
    of
        How many blocks the run has.

    Raises
    ------
    ScssimError
        If that means nothing, or the run has no such blocks.
    """
    how = "give FIRST:END, such as 0:500, or K/N, such as 1/4 for the first quarter"
    if match := re.fullmatch(r"\s*(\d{0,18})\s*:\s*(\d{0,18})\s*", text, re.ASCII):
        first, end = int(match[1] or 0), int(match[2] or of)
    elif match := re.fullmatch(r"\s*(\d{1,18})\s*/\s*(\d{1,18})\s*", text, re.ASCII):
        part, parts = int(match[1]), int(match[2])
        if not 1 <= part <= parts:
            raise ScssimError(f"blocks: there is no part {text}; {how}")
        if parts > of:
            raise ScssimError(f"blocks: the run has only {of} blocks, which makes no {parts} parts")
        first, end = of * (part - 1) // parts, of * part // parts
    else:
        raise ScssimError(f"blocks: {text!r} is no range of blocks; {how}")
    if not first < end <= of:
        raise ScssimError(f"blocks: {text} is not possible; the run has {of} blocks, 0:{of}")
    return range(first, end)


def spans(numbers: Iterable[int]) -> str:
    """Numbers of blocks in words: ``blocks 0 to 4, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    more = f" and {len(told) - 5} more ranges" if len(told) > 5 else ""
    return f"{'block' if runs[0][0] == runs[-1][1] else 'blocks'} {', '.join(told[:5])}{more}"
