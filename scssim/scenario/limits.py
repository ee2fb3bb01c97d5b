"""How large a scenario and its files may be.

Far beyond what anybody writes, and small enough that a file from a stranger is refused with a message before it costs
much time or memory. `docs/authoring.md` tells each with its reason.
"""

from __future__ import annotations

from scssim.scenario.yamlfile import PathTuple

MAX_BYTES_TOGETHER = 20_000_000
"""Largest size of a scenario with all the files that it extends."""
MAX_EXTENDS = 100
"""Most names under ``extends``, in all these files together."""
MAX_LEVELS = 20
"""Most files in a chain of which each extends the next."""

MAX_TEXT = 20_000
"""Longest text (characters)."""
MAX_LABEL = 300
"""Longest text of those that stand in figures: `LABELS`."""
LABELS = ("title", "label", "currency")

MOST_KEYS = 1_000
"""Most keys of a mapping."""
MOST_ITEMS = 10_000
"""Most entries of a list."""
FEWER: dict[PathTuple, int] = {
    ("settings", "visit_months"): 500,
    ("settings", "willingness_to_pay"): 100,
    ("strategies",): 100,
    ("strategies", "*", "steps"): 100,
    ("analyses", "two_way"): 100,
    ("analyses", "thresholds"): 100,
    ("analyses", "variants"): 100,
    ("analyses", "subgroups"): 100,
    ("analyses", "extrapolation", "cases"): 100,
}
"""Most entries where each takes simulations, tables and figures of its own; ``*`` is any key."""

MOST_VISITS = 4_000
"""Most visits that are counted: strategies times clocks times months."""
MOST_DRAWN = 20_000_000
"""Most results of draws that are kept: draws times strategies."""

MOST_REFERENCES = 2_000
"""Most numbers that take the value of another (`ref`)."""
MOST_REFERENCES_IN_A_ROW = 50
"""Most of them that follow one another."""

MOST_FOUND = 100
"""Most mistakes that are told at once: telling what was probably meant takes time."""

MAX_TABLE_BYTES = 50_000_000
"""Largest table of patients."""
MOST_ROWS = 1_000_000
"""Most patients in it."""
MOST_COLUMNS = 1_000
"""Most columns of it."""
MAX_CELL = 100
"""Longest cell of it (characters)."""
