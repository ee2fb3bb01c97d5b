"""What several parts of the schema share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from scssim.scenario.expressions import parse
from scssim.scenario.quantity import Base, Grade, invalid

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A name; some become the names of files."""

LARGEST_THRESHOLD = 1e12
"""Largest willingness to pay, in any currency."""

LARGEST = 1e15
"""Largest number of a scenario: products and squares of some of them are still numbers."""

MOST_PATIENTS = 10**9
"""Most patients of a run, or of each draw."""

MOST_DRAWS = 10**7
"""Most parameter draws."""


class Sourced(Base):
    """Mixin: where a block of numbers comes from."""

    source: str | None = None
    """Key in the bibliography."""
    grade: Grade | None = None
    """`published`, `derived` (arithmetic in the note) or `assumed`."""
    note: str | None = None
    """Arithmetic, caveats, or which paper should confirm an assumed value."""


def valid_condition(text: Any) -> Any:
    """Parse a condition so that a mistake in it is reported with the rest."""
    if isinstance(text, bool | int | float):
        text = str(text)
    if isinstance(text, str):
        try:
            parse(text)
        except ValueError as error:
            raise invalid(str(error), "comparisons, and, or, not, in; e.g. diagnosed != 'nociceptive'") from None
    return text
