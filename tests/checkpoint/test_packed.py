"""What is kept of a block is what was found of it, to the last bit; anything else is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from checkpoint.runs import RUNS, loaded
from scssim.checkpoint.packed import MARK, SCHEMA, packed, unpacked
from scssim.engine.des.run import Replication, replicate
from scssim.engine.job import blocks
from scssim.engine.part import BlockSums
from scssim.engine.run import simulate_block
from scssim.prepare import make_job

ABOUT = {"job": "abc", "number": 3, "piece": "Task"}


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal in value, type, and every bit of every number."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes(), where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where  # in the same order: sums are told in it
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{i}]")
    elif isinstance(one, float):
        assert np.float64(one).tobytes() == np.float64(other).tobytes(), where
    else:
        assert one == other, where


def found(name: str) -> Any:
    how = {key: value for key, value in RUNS[name][1].items() if key != "precision"}
    job = make_job(loaded(name), **how)
    return replicate(job, 0) if job.engine == "des" else simulate_block(job, blocks(job)[0])


@pytest.mark.parametrize(
    "name", ["draws", "no draws", "visits", "parts of draws with visits", "one sample with visits", "des"]
)
def test_a_block_comes_back_as_it_was(name: str) -> None:
    one = found(name)
    assert isinstance(one, Replication if name == "des" else BlockSums)
    assert_same(unpacked(packed(one, ABOUT), type(one), ABOUT), one)
    assert packed(one, ABOUT) == packed(one, ABOUT)


@dataclass(frozen=True)
class Inner:
    floats: NDArray[np.float64]
    number: int


@dataclass(frozen=True)
class Outer:
    by_name: dict[str, NDArray[np.intp]]
    by_pair: dict[tuple[str, int], list[float]]
    either: Inner | None
    several: tuple[dict[str, tuple[int, int]], ...]
    yes: bool
    text: str


FLOATS = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4), elements=st.floats(width=64)
)
WHOLE = arrays.arrays(
    np.int64, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
    elements=st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INNER = st.builds(Inner, FLOATS, st.integers(-(2**70), 2**70))
OUTER = st.builds(
    Outer,
    st.dictionaries(NAMES, WHOLE, max_size=3),
    st.dictionaries(st.tuples(NAMES, st.integers()), st.lists(st.floats(), max_size=3), max_size=3),
    st.none() | INNER,
    st.lists(st.dictionaries(NAMES, st.tuples(st.integers(), st.integers()), max_size=2), max_size=2).map(tuple),
    st.booleans(),
    NAMES,
)


@settings(max_examples=60)
@given(OUTER)
@example(Outer({"": np.zeros((0, 3), dtype=np.int64)}, {("a.b", 1): [math.nan, math.inf, -0.0]}, None, (), False, "\0"))
@example(Outer({}, {}, Inner(np.array([math.nan, math.inf, -math.inf, -0.0, 5e-324]), 0), ({},), True, "é\n"))
def test_anything_comes_back_as_it_was(value: Outer) -> None:
    again = unpacked(packed(value, ABOUT), Outer, ABOUT)
    # A NaN that is no element of an array is some NaN.
    for one in (value, again):
        for key, numbers in one.by_pair.items():
            one.by_pair[key] = [abs(math.nan) if math.isnan(number) else number for number in numbers]
    assert_same(again, value)


def test_arrays_in_any_order_of_memory() -> None:
    for array in (np.arange(12.0).reshape(3, 4).T, np.arange(12.0)[::-2], np.asfortranarray(np.ones((2, 3)))):
        again = unpacked(packed(Inner(array, 1), ABOUT), Inner, ABOUT)
        assert np.array_equal(again.floats, array) and again.floats.flags.c_contiguous and again.floats.flags.writeable


# ------------------------------------------------------------- anything else


@pytest.fixture(scope="module")
def content() -> bytes:
    return packed(Inner(np.arange(3000.0), 7), ABOUT)


@pytest.mark.parametrize("about", [{}, {**ABOUT, "job": "abd"}, {**ABOUT, "number": 4}, {**ABOUT, "more": 1}])
def test_of_something_else(about: dict[str, Any], content: bytes) -> None:
    with pytest.raises(ValueError, match="is of"):
        unpacked(content, Inner, about)


def test_of_another_type(content: bytes) -> None:
    for kind in (Outer, BlockSums, Replication):
        with pytest.raises(ValueError, match="holds something else"):
            unpacked(content, kind, ABOUT)


@pytest.mark.parametrize("garbage", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + bytes(100) + b"PAR1", b"\x80\x04K\x01."])
def test_garbage(garbage: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(garbage, Inner, ABOUT)


@given(st.binary(max_size=200))
def test_any_garbage(garbage: bytes) -> None:
    for content in (garbage, b"PAR1" + garbage + b"PAR1"):
        with pytest.raises(ValueError):
            unpacked(content, Inner, ABOUT)


def test_truncated(content: bytes) -> None:
    for length in {*range(0, len(content), 97), len(content) - 1, len(content) - 4, len(content) - 8}:
        with pytest.raises(ValueError):
            unpacked(content[:length], Inner, ABOUT)


def test_flipped_bits_are_refused_or_change_something_else(content: bytes) -> None:
    """No bit makes reading fail in any other way; that values are right is for the checksum to say."""
    rng = np.random.default_rng(1)
    for place in rng.choice(8 * len(content), 300, replace=False):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        try:
            unpacked(bytes(flipped), Inner, ABOUT)
        except ValueError:
            continue


PLAIN = {"floats": 0, "number": 7}
ROW = {"name": ["floats"], "shape": [[2]], "floats": [[1.0, 2.0]], "integers": [None]}


def parquet(mark: bytes | None, rows: dict[str, list[Any]] | None = None) -> bytes:
    metadata = {} if mark is None else {MARK: mark}
    file = io.BytesIO()
    pq.write_table(pa.table(rows or ROW, schema=SCHEMA.with_metadata(metadata)), file)
    return file.getvalue()


def noted(data: Any) -> bytes:
    return json.dumps({**ABOUT, "data": data}).encode()


@pytest.mark.parametrize(
    "content",
    [
        parquet(None),
        parquet(b""),
        parquet(b"\xff\xfe"),
        parquet(b"[1]"),
        parquet(b"3"),
        parquet(b"[" * 100_000),
        parquet(json.dumps(ABOUT).encode()),
        parquet(noted(None)),
        parquet(noted([1, 2])),
        parquet(noted({"floats": 0})),
        parquet(noted({"floats": 1, "number": 7})),
        parquet(noted({"floats": None, "number": 7})),
        parquet(noted({"floats": 0, "number": "seven"})),
        parquet(noted({"floats": 0, "number": None})),
        parquet(noted({"floats": 0, "number": float("inf")})),
        parquet(noted(PLAIN), {**ROW, "shape": [[3]]}),
        parquet(noted(PLAIN), {**ROW, "shape": [None]}),
        parquet(noted(PLAIN), {**ROW, "floats": [None]}),
    ],
    ids=range(18),
)
def test_other_parquet_files(content: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(content, Inner, ABOUT)


def test_the_file_of_the_last_test_is_else_one_of_ours() -> None:
    again = unpacked(parquet(noted(PLAIN)), Inner, ABOUT)
    assert again.number == 7 and list(again.floats) == [1.0, 2.0]


def test_what_cannot_be_kept_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Strange:
        path: Path

    with pytest.raises(TypeError):
        packed(Strange(tmp_path), ABOUT)
