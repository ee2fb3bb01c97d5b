"""What spreadsheets do to a table."""

import pandas as pd
import pytest

from scssim.errors import ScenarioError
from scssim.scenario.spreadsheet import Cell, read_rows

COLUMNS, NUMERIC = ("path", "value", "note"), ("value",)


def rows(tmp_path, content):
    path = tmp_path / "p.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(path, COLUMNS, NUMERIC)


def texts(tmp_path, content):
    return [{key: cell.text for key, cell in row.cells.items()} for row in rows(tmp_path, content)]


PLAIN = [{"path": "a.b", "value": "0.5", "note": "x, y"}]


@pytest.mark.parametrize(
    "content",
    [
        'path,value,note\na.b,0.5,"x, y"\n',
        '\ufeffpath,value,note\r\na.b,0.5,"x, y"\r\n',
        "path;value;note\na.b;0.5;x, y\n",
        "path\tvalue\tnote\na.b\t0.5\tx, y\n",
        'note,PATH , Value\n"x, y", a.b ,0.5\n',
        '\n\npath,value,note,,\n,,,,\na.b,0.5,"x, y",,\n,,,,\n\n',
        'checked,path,value,note,by\nTRUE,a.b,0.5,"x, y",me\n',
    ],
)
def test_the_same_table_written_in_many_ways(tmp_path, content):
    assert texts(tmp_path, content) == PLAIN


def test_a_data_frame_is_a_table():
    (row,) = read_rows(pd.DataFrame({"path": ["a.b"], "value": [0.1 + 0.2]}), COLUMNS, NUMERIC)
    assert row.cells["value"].number("a.b") == 0.1 + 0.2
    assert row.where == "parameters:2"


def test_short_rows_and_lines_in_quotes(tmp_path):
    first, second = rows(tmp_path, 'path,value,note\na,1,"two\nlines"\nb\n')
    assert (first.line, second.line) == (2, 4)
    assert [second.cells[key].text for key in COLUMNS] == ["b", "", ""]
    assert first.cells["note"].says_text("two lines")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.05", 0.05),
        ("12000", 12000),
        ("1E-3", 0.001),
        ("1.5e+05", 150_000),
        ("-.5", -0.5),
        ("+7", 7),
        ("3.", 3),
        ("", None),
    ],
)
def test_numbers(text, value):
    assert Cell(text, "p.csv:2 (value)").number("a") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5%", "0.05 for 5 %"),
        ("5 %", "0.05 for 5 %"),
        ("12,000", "no thousands separator"),
        ("12'000", "no thousands separator"),
        ("1,234.5", "no thousands separator"),
        ("0,5", "decimal point"),
        ("TRUE", "'TRUE' is not a number"),
        ("05. Jan", "is not a number"),
        ("nan", "is not a number"),
        ("inf", "is not a number"),
        ("1E999", "is not a number"),
        ("1_000", "is not a number"),
        ("£12", "is not a number"),
        ("#NAME?", "error of the spreadsheet"),
        ("####", "error of the spreadsheet"),
        ("٣", "is not a number"),
    ],
)
def test_what_is_no_number_is_told_with_its_place(text, why):
    with pytest.raises(ScenarioError, match=r"^p\.csv:2 \(value\): a\.b: ") as caught:
        Cell(text, "p.csv:2 (value)").number("a.b")
    assert why in str(caught.value)


def test_decimal_commas_go_with_semicolons(tmp_path):
    first, second = rows(tmp_path, "path;value;note\na;0,5;1.5 of 2\nb;12000;\n")
    assert (first.cells["value"].number("a"), second.cells["value"].number("b")) == (0.5, 12000)
    with pytest.raises(ScenarioError, match=r"p\.csv:3: '1\.5' here, '0,5' in line 2: which is the decimal mark"):
        rows(tmp_path, "path;value\na;0,5\nb;1.5\n")
    with pytest.raises(ScenarioError, match="no thousands separators"):
        rows(tmp_path, "path;value\na;1.234,5\n")


@pytest.mark.parametrize(
    ("text", "number", "same"),
    [
        ("0.1", 0.1, True),
        ("0.3", 0.1 + 0.2, True),
        ("0.333333333333333", 1 / 3, True),
        ("0.333333333", 1 / 3, True),
        ("0.333333", 1 / 3, True),
        ("0.3333", 1 / 3, False),
        ("1.23457E-05", 1.234567e-5, True),
        ("1.2E-05", 1.234567e-5, False),
        ("2440.01", 2440, False),
        ("2440.01", 2440.0123, True),
        ("0.5", 0.5000000003, True),
        ("1000000", 1000004, False),
        ("1000004", 1000000, False),
        ("0", 0.0, True),
        ("-0", 0.0, True),
        ("0", 1e-9, False),
        ("", float("nan"), True),
        ("", 0.0, False),
        ("0", float("nan"), False),
        ("x", 1.0, False),
        ("0E999", 0.0, True),
        ("0E999", 1.0, False),
    ],
)
def test_a_rounded_number_is_the_same_number(text, number, same):
    assert Cell(text, "").says(number) is same


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the table is empty"),
        ("\n\n", "the table is empty"),
        ("value,note\n1,x\n", "there is no column `path`"),
        ("path,value,value\na,1,2\n", "the column `value` is there twice"),
        ("path,note\na,x, y\n", "p.csv:2: the row has 3 cells"),
        ('path,note\na,"x\n', "not a readable CSV"),
        ('path,note\na,"x"y\n', "p.csv:2: not a readable CSV"),
        (b"path,note\na,caf\xe9\n", "p.csv:2: the file is not a text in UTF-8 (in a spreadsheet, save as CSV UTF-8)"),
        ("path,value\na,1\n".encode("utf-16"), "not a text in UTF-8"),
        ("path,value\na,1\n".encode("utf-16-le"), "not a text"),
        (b"PK\x03\x04rest", "a workbook"),
    ],
)
def test_unreadable_tables(tmp_path, content, message):
    with pytest.raises(ScenarioError) as caught:
        rows(tmp_path, content)
    assert message in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(ScenarioError, match="there is no such file"):
        read_rows(tmp_path / "none.csv", COLUMNS, NUMERIC)
    with pytest.raises(ScenarioError, match="this is a directory"):
        read_rows(tmp_path, COLUMNS, NUMERIC)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_rows("a\0b", COLUMNS, NUMERIC)
