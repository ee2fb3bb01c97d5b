"""Strategies for what goes beside a scenario: overrides, tables of inputs, patients, costs and effects."""

from __future__ import annotations

import json
from functools import cache
from random import Random

from hypothesis import strategies as st

import scssim
from fuzz.garbled import BYTES, NONSENSE, SMALL
from fuzz.twisted import CONDITIONS, FACTORS, SHARES, VALUES, places, tree
from scssim.report.start import table_text

CELLS = (
    *NONSENSE, "", " ", "0", "1", "-1", "0.5", "1,5", "1.000,5", "12 000", "5%", "#N/A", "#REF!", "TRUE", "m", "F",
    "neuropathic", "as population.female", "as nowhere", "normal", "beta", "lognormal between patients", "=1+1", '"',
    "a\nb", *(f"{x:g}" for x in (*FACTORS, *SHARES)),
)  # fmt: skip
"""What a cell may hold."""

seeds = st.integers(0, 2**32).map(Random)


@cache
def _paths() -> list[str]:
    return [".".join(map(str, path)) for path in places(tree(SMALL))]


@st.composite
def overrides(draw: st.DrawFn) -> list[str]:
    """Texts for ``--set``: paths that mostly exist, values that mostly make no sense."""
    values = st.one_of(
        st.sampled_from([*NONSENSE, *CONDITIONS]),
        st.sampled_from((*FACTORS, *SHARES)).map(str),
        st.sampled_from(VALUES).map(json.dumps),
        st.text(max_size=20),
    )
    found = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_paths()))
        if draw(st.integers(0, 5)) == 0:
            at = draw(st.integers(0, len(path)))
            path = (
                path[:at]
                + draw(st.sampled_from([".", "x", "0", "*", "", " ", "=", "é", ".0", ".value", ".mean"]))
                + path[at:]
            )
        found.append(f"{path}{draw(st.sampled_from(['='] * 9 + ['', '==', ' = ']))}{draw(values)}")
    return found


@cache
def _inputs() -> list[list[str]]:
    """Rows of the small scenario's table of inputs, with a header."""
    return [line.split(",") for line in table_text(scssim.load(SMALL).scenario).splitlines() if '"' not in line]


def _spoilt(rows: list[list[str]], random: Random, most: int) -> bytes:
    """A table as a file, with up to so many things done to it."""
    rows = [[*row] for row in rows]
    for _ in range(random.randint(0, most)):
        row = random.choice(rows)
        match random.choice(["cell"] * 6 + ["row", "double", "column", "cells", "blank"]):
            case "cell" if row:
                row[random.randrange(len(row))] = random.choice(CELLS)
            case "row" if len(rows) > 1:
                rows.remove(row)
            case "double":
                rows.insert(random.randint(0, len(rows)), [*row])
            case "column":
                at = random.randrange(max(map(len, rows)) + 1)
                rows = [one[:at] + one[at + 1 :] for one in rows]
            case "cells":
                row[random.randint(0, len(row)) :] = random.choice(([], ["x"], ["", "", ""]))
            case "blank":
                rows.insert(random.randint(0, len(rows)), random.choice(([], [""], ["", ""])))
    separator = random.choice(",,,,,;\t|")
    data = random.choice(("\n", "\n", "\r\n", "\r")).join(separator.join(row) for row in rows).encode()
    if random.random() < 0.1:
        at = random.randint(0, len(data))
        data = data[:at] + random.choice((*BYTES, b'"')) + data[at:]
    return data[: random.randint(0, len(data))] if random.random() < 0.05 else data


tables = seeds.map(lambda random: _spoilt(_chosen(_inputs(), random), random, 6))
"""Tables for ``--parameters``, as files."""


def _chosen(rows: list[list[str]], random: Random) -> list[list[str]]:
    """A header and some of the rows."""
    return [rows[0], *random.sample(rows[1:], random.randint(1, 30))]


GOOD: dict[str, tuple[str, ...]] = {
    "id": ("1", "a"), "age": ("50", "0", "110", "33.3"), "female": ("0", "1", "f", "M", "true"),
    "back_vas": ("7", "0", "10"), "leg_vas": ("6", "0", "10"), "odi": ("50", "0", "100"),
    "opioid_mme": ("0", "90", "1e6"), "pain_years": ("5", "0"),
    "mechanism": ("neuropathic", "mixed", "nociceptive"), "diagnosed": ("mixed",), "depression": ("0", "1"),
    "prior_surgery": ("0", "1"), "smoker": ("0", "1"), "bmi": ("28", "1e15", "-1e300"),
}  # fmt: skip
"""What may stand in the columns of a table of patients."""


def _patients(random: Random) -> bytes:
    names = random.sample(list(GOOD), random.randint(1, len(GOOD)))
    rows = [[random.choice(GOOD[name]) for name in names] for _ in range(random.randint(0, 8))]
    return _spoilt([names, *rows], random, random.choice((0, 1, 3)))


patients = seeds.map(_patients)
"""Tables of patients, as CSV files."""

columns = st.sampled_from([
    [50.0, 60.0], [50, 60], [None, None], [50.0, None], ["50", "60"], ["mixed", "neuropathic"], [True, False],
    ["é", ""], [b"x", b"y"], [[1], [2]], [{"a": 1}, {"a": 2}], [float("inf"), 1.0], [2**62, 1],
])  # fmt: skip
frames = st.dictionaries(st.sampled_from([*GOOD, "x", ""]), columns, min_size=1, max_size=5)
"""Columns of a table of patients, of all types that a Parquet file may have."""


def _decision(random: Random) -> dict[str, bytes]:
    """Costs, effects and parameters of some strategies in some draws, as CSV files."""
    names = random.sample(["a", "b", "c", "draw", "A", "é", "x" * 60, "[bold]", "1"], random.randint(1, 4))
    draws = random.choice((1, 2, 3, 10, 40))
    numbered = random.random() < 0.3
    size = random.choice((0, 1, 1, 1, 1e-300, 1e-20, 1e20, 1e59, 1e300))
    files = {}
    for which, columns in (("costs", names), ("effects", random.sample(names, len(names))), ("parameters", ["p", "q"])):

        def value() -> str:
            return repr(random.choice((random.gauss(10, 3), random.gauss(10, 3), 5.0)) * size)

        rows = [[*(["draw"] if numbered else []), *columns]]
        rows += [[*([str(i)] if numbered else []), *(value() for _ in columns)] for i in range(draws)]
        files[which] = _spoilt(rows, random, random.choice((0, 0, 0, 1, 2)))
    return files


decisions = seeds.map(_decision)
"""Files for ``scssim cea``, by name."""

wtps = st.one_of(
    st.sampled_from(["0:50000:10000", "20000", "0,20000,30000", "0:1e6:2e5", "0", "1e60"]),
    st.sampled_from(["", ":", "a", "0:1:0", "1:0:1", "-1", "nan", "inf", "0:inf:1", "20,000", "0:1:1e-9", "1e61"]),
    st.sampled_from(["1,1", "0::1", "0:1:1:1", "5e-324", "0:1e60:1e59"]),
    st.text(max_size=8),
)  # fmt: skip
options = st.fixed_dictionaries(
    {"--wtp": wtps},
    optional={
        "--evppi": st.sampled_from(["p", "p,q", "q,", "", "x", "p,p", '"p,q"', '"', "draw"]),
        "--reference": st.sampled_from(["a", "b", "x", "", "draw"]),
        "--population": st.sampled_from(["100", "0", "-1", "nan", "1e300", "x"]),
        "--years": st.sampled_from(["10", "0", "201", "nan"]),
        "--discount": st.sampled_from(["0.035", "0", "1", "-0.1", "inf"]),
    },
)
"""Options of ``scssim cea``."""
