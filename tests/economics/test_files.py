"""Reading samples and thresholds: nothing is guessed, and every message says where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scssim.economics import SampleError, parse_wtp, read_sample

Write = Callable[[str, "str | bytes"], Path]
GOOD = "a,b\n1,2\n3,4\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def file(name: str, content: str | bytes) -> Path:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        return Path(name)

    return file


@pytest.mark.parametrize(
    "effects",
    [
        "b,a\n2,1\n4,3\n",
        b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n\r\n",
        ' a , "b"\n1, 2.0\n 3,4e0',
        b"a,b\r1,2\r3,4\r",
    ],
    ids=["order of columns", "BOM and CRLF", "blanks and quotes", "CR"],
)
def test_matched_by_name(write: Write, effects: str | bytes) -> None:
    cost, effect, parameter = read_sample(write("c.csv", GOOD), str(write("e.csv", effects)))
    assert list(cost) == list(effect) == ["a", "b"]
    np.testing.assert_array_equal(cost, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(effect, cost)
    assert parameter is None


def test_matched_by_draw(write: Write) -> None:
    costs = write("c.csv", "draw,a,b\n7,1,2\n3,3,4\n")
    effects = write("e.csv", "draw,b,a\n3,40,30\n7,20,10\n")
    parameters = write("p.csv", "draw,x\n3.0,6\n7.0,5\n")
    cost, effect, parameter = read_sample(costs, effects, parameters)
    assert parameter is not None
    assert list(cost.index) == list(effect.index) == list(parameter.index) == [7, 3]
    np.testing.assert_array_equal(effect, 10 * cost)
    assert list(parameter.x) == [5, 6]


def test_one_strategy_and_one_draw(write: Write) -> None:
    cost, effect, _ = read_sample(write("c.csv", "a\n1\n"), write("e.csv", "a\n2\n"))
    assert cost.shape == effect.shape == (1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "e.csv is empty"),
        ("\n \n", "e.csv is empty"),
        ("a,b\n", "e.csv has a header and nothing below"),
        ("a,b\n1,2\n", "c.csv has 2 draws, e.csv 1"),
        ("a,bb\n1,2\n3,4\n", r"`b` is in c.csv but not in e.csv \(there it may be `bb`\)"),
        ("A,b\n1,2\n3,4\n", r"`A` is in e.csv but not in c.csv \(there it may be `a`\)"),
        ("a,b\n1,2\n3,NaN\n", r"e.csv, line 3, column `b`: the cell holds no value \(NaN\)"),
        ("a,b\n1,\n3,\n", "e.csv, line 2, column `b`: the cell is blank .and 1 more"),
        ("a,b\n1,2\n3,four\n", "line 3, column `b`: the cell holds 'four', which is not a number"),
        ("a,b\n1,2\n-inf,4\n", "line 3, column `a`: the cell is -inf, which is not finite"),
        ('a,b\n"1,000",2\n3,4\n', "line 2, column `a`: the cell holds '1,000'"),
        ("a,b\n1_0,2\n3,4\n", "line 2, column `a`: the cell holds '1_0'"),
        ('a,b\n"1\n",2\n3,x\n', "line 4, column `b`: the cell holds 'x'"),
        ("a,b,a\n1,2,3\n4,5,6\n", "line 1: two columns are called `a`"),
        ("a,b\n1,2\n3,4,5\n", "line 3: the row has 3 cells; the header has 2 names"),
        ("a,b\n1\n3,4\n", "line 2: the row has 1 cell;"),
        ("a,b\n1,2\n\n3,4\n", "line 3: the row is empty"),
        ("a;b\n1,5;2\n3;4\n", "separated by semicolons"),
        ("a\tb\n1\t2\n", "separated by tabs"),
        ("1,2\n3,4\n", "line 1: numbers stand where the names"),
        (",a,b\n0,1,2\n1,3,4\n", "column 1 has no name; row numbers are called `draw`"),
        ("a,b,\n1,2,\n3,4,\n", "column 3 has no name$"),
        ("a,b\x01\n1,2\n3,4\n", r"line 1: the name 'b\\x01' has a character that cannot be shown"),
        ("draw,a,b\n0,1,2\n1,3,4\n", "e.csv has a column `draw`, c.csv has none"),
        ("a,b,draw\n1,2,0\n3,4,1\n", "`draw` is column 3; it has to be the first"),
        ("draw\n1\n2\n", "no column but `draw`"),
        ("draw,a,b\n0,1,2\n0,3,4\n", "line 3, column `draw`: 0 is in line 2 already"),
        ("draw,a,b\n0.5,1,2\n1,3,4\n", "line 2, column `draw`: 0.5 is not a whole number"),
        ('a,b\n"1,2\n3,4\n', "line 3: this is not CSV"),
        ("a,é\n1,2\n".encode("latin1"), "line 1: this is not text in UTF-8"),
        (b"a,b\n1,\0002\n", "not a text file"),
    ],
)
def test_what_cannot_be_read_is_told(write: Write, content: str | bytes, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        read_sample(write("c.csv", GOOD), write("e.csv", content))


def test_other_draws_are_told(write: Write) -> None:
    one, other = write("c.csv", "draw,a\n0,1\n1,2\n"), write("e.csv", "draw,a\n0,1\n2,2\n")
    with pytest.raises(SampleError, match=r"draw 1 is in c.csv but not in e.csv"):
        read_sample(one, other)
    with pytest.raises(SampleError, match=r"c.csv has 2 draws, p.csv 1"):
        read_sample(one, one, write("p.csv", "draw,x\n0,1\n"))


def test_missing_files_and_directories(write: Write, tmp_path: Path) -> None:
    good = write("c.csv", GOOD)
    for path, message in ((tmp_path / "no.csv", "no file .*no.csv"), (tmp_path, "is a directory")):
        with pytest.raises(SampleError, match=message):
            read_sample(good, path)


def test_a_long_list_of_differences_is_cut(write: Write) -> None:
    names = [[f"{kind}{i}" for i in range(9)] for kind in ("north", "west")]
    one, other = (write(f"{i}.csv", ",".join(n) + "\n" + ",".join("1" * 9)) for i, n in enumerate(names))
    with pytest.raises(SampleError, match=r"`north5` is in 0.csv but not in 1.csv; and 12 more$"):
        read_sample(one, other)


# ----------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:50000:25000", [0, 25000, 50000]),
        ("0:10:4", [0, 4, 8]),
        ("5:5:1", [5]),
        (" 1e3 : 2e3 : 1e3 ", [1000, 2000]),
        ("20000,30000", [20000, 30000]),
        ("20000", [20000]),
        ("0:1:0.1", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
    ],
)
def test_thresholds_from_text(text: str, values: list[float]) -> None:
    assert list(parse_wtp(text)) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a number is missing"),
        ("::", "a number is missing"),
        ("1,,2", "a number is missing"),
        ("much", "'much' is not a number"),
        ("nan", "'nan' is not a number"),
        ("1_000", "'1_000' is not a number"),
        ("inf", "'inf' is not finite"),
        ("0:1e999:1", "'1e999' is not finite"),
        ("0:10", "start:stop:step"),
        ("1:2:3:4", "start:stop:step"),
        ("0:10:0", "step is 0"),
        ("0:10:-1", "step is -1"),
        ("10:0:1", "stop is below the start"),
        ("-5:10:1", "start is negative"),
        ("-1", "threshold of -1"),
        ("20,000", "0 follows 20; commas separate thresholds"),
        ("1,1", "1 follows 1$"),
        ("0:1e9:1", "more than 100,000"),
        ("0:10:1e-300", "more than 100,000"),
    ],
)
def test_thresholds_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SampleError, match=message) as told:
        parse_wtp(text)
    assert repr(text) in str(told.value)


def test_steps_too_small_to_tell_apart_are_one_threshold() -> None:
    assert parse_wtp("1e17:100000000000000001:1").tolist() == [1e17]


def test_the_draw_may_be_written_in_any_letters(tmp_path: Path) -> None:
    costs, effects = tmp_path / "c.csv", tmp_path / "e.csv"
    costs.write_text("Draw,a,b\n1,10,20\n2,11,21\n")
    effects.write_text("DRAW,a,b\n2,1.1,2.1\n1,1,2\n")
    cost, effect, _ = read_sample(costs, effects)
    assert list(cost) == list(effect) == ["a", "b"]
    assert effect["a"].tolist() == [1.0, 1.1]


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        values = parse_wtp(text)
    except SampleError:
        return
    assert values.size and (np.diff(values) > 0).all()


@given(content=st.binary(max_size=40) | st.text("ab,;\n\"'\r1.5 draw-", max_size=40).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        costs, effects, _ = read_sample(path, path)
    except SampleError as error:
        assert str(path) in str(error)
        return
    assert costs.equals(effects) and np.isfinite(costs.to_numpy()).all() and costs.size
