"""Names in messages: in a row, and which one was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

MOST_LISTED = 12


def listed(words: Iterable[Any], last: str = "and") -> str:
    """One, two and three; empty words are left out."""
    *before, final = [text for word in words if (text := str(word))] or [""]
    return f" {last} ".join([", ".join(before), final]) if before else final


def closest(word: str, options: Iterable[str]) -> str | None:
    """The permitted name that resembles a word most, if any does."""
    lower = {str(name).lower(): str(name) for name in options}
    close = get_close_matches(word[:100].lower(), list(lower), n=1, cutoff=0.6)
    return lower[close[0]] if close else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Say which of the permitted names was probably meant.

    Parameters
    ----------
    word
        The unknown name.
    options
        The permitted names.

    Returns
    -------
    str
        ``did you mean `x`?`` when one is close, else the permitted names (when they are few).
    """
    names = list(dict.fromkeys(str(o) for o in options))
    if guess := closest(word, names):
        return f"did you mean `{guess}`?"
    if not names:
        return "none is defined"
    if len(names) > MOST_LISTED:
        return f"one of {', '.join(names[:MOST_LISTED])}, ... ({len(names)} in all)"
    return f"one of {', '.join(names)}" if len(names) > 1 else f"only {names[0]}"
