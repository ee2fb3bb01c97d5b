"""Reading YAML 1.2 with positions, safely."""

import math

import pytest

from scssim.errors import ScenarioError
from scssim.scenario import yamlfile
from scssim.scenario.yamlfile import parse_yaml, read_yaml

PARSERS = [None] if yamlfile.CParser is None else [None, yamlfile.CParser]


@pytest.fixture(params=PARSERS, autouse=True, ids=lambda p: "pure" if p is None else "c")
def parser(request, monkeypatch):
    """Every test holds for the pure parser and (where installed) the C parser."""
    monkeypatch.setattr(yamlfile, "CParser", request.param)


def problem(text):
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "f.yaml")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "Yes", "NO", "y", "n", "1_000", "1:30", "0b1", "2001-01-01"]
)
def test_words_of_yaml_1_1_are_strings(word):
    assert parse_yaml(f"a: {word}", "f").plain() == {"a": word}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("3", 3), ("-3", -3), ("+3", 3),
        ("0o17", 15), ("017", 17), ("0x1F", 31), ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("1E3", 1000.0),
        ("-1.5e+2", -150.0), ("'3'", "3"), ('"true"', "true"), ("12345678901234567890", 1.2345678901234567e19),
        (".inf", math.inf), ("-.INF", -math.inf), (".", "."), ("-", "-"), ("1e", "1e"), ("+.", "+."),
    ],
)  # fmt: skip
def test_core_schema(text, value):
    if text == "-":
        text = "'-'"
    read = parse_yaml(f"a: {text}", "f").plain()["a"]
    assert read == value
    assert type(read) is type(value)


def test_not_a_number():
    assert math.isnan(parse_yaml("a: .nan", "f").plain()["a"])


def test_positions_of_keys_and_values():
    root = parse_yaml("a: 1\nbig:\n  inner: [x, {deep: 2}]\n", "f.yaml")
    assert root.find(("a",))[0].at_value == "f.yaml:1:4"
    assert root.find(("a",))[0].at_key == "f.yaml:1:1"
    deep, steps = root.find(("big", "inner", 1, "deep"))
    assert (deep.value, steps, deep.at_value, deep.at_key) == (2, 4, "f.yaml:3:21", "f.yaml:3:15")
    nearest, steps = root.find(("big", "inner", 7))
    assert (steps, nearest.at_key) == (2, "f.yaml:3:3")


def test_duplicate_key_names_both_places():
    found = problem("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")
    assert found.where == "f.yaml:5:3"
    assert "`c` is given twice, first at line 3, column 3" in found.what


@pytest.mark.parametrize(
    ("text", "where", "part"),
    [
        ("a: 1\n\tb: 2\n", "f.yaml:2:1", "a tab is used for indentation"),
        ("a: b: c", "f.yaml:1:5", "not valid YAML"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2", "not valid YAML"),
        ('a: "abc', "f.yaml:1:8", "not valid YAML"),
        ("a: @x", "f.yaml:1:4", "not valid YAML"),
        ("a: !!python/object:os.system x", "f.yaml:1:4", "tag"),
        ("a: !!int '3'", "f.yaml:1:4", "tag"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "second document"),
        ("? [1, 2]\n: 3", "f.yaml:1:3", "plain word"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:3:3", "merge keys"),
        ("a: *nowhere", "f.yaml:1:4", "names no anchor"),
        ("a: &x [1, *x]", "f.yaml:1:11", "names no anchor"),
        ("a: \x00", "f.yaml:1:4", "the character U+0000, which cannot be shown"),
        ("a: 1\nb: x\x1b[1m", "f.yaml:2:5", "the character U+001B"),
        ("a: 1\nb: \udcff", "f.yaml:2:4", "the character U+DCFF"),
    ],
)
def test_syntax_errors_are_one_problem_with_a_place(text, where, part):
    found = problem(text)
    assert found.where == where
    assert part in found.what


def test_aliases_are_expanded():
    assert parse_yaml("a: &x {b: [1, 2]}\nc: *x\n", "f").plain() == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_a_billion_laughs_are_refused():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "aliases expand" in problem("\n".join(lines)).what


def test_nesting_limit():
    assert parse_yaml("[" * 50 + "]" * 50, "f").value == parse_yaml("[" * 50 + "]" * 50, "f").value
    assert "nested deeper than 50" in problem("[" * 60 + "]" * 60).what
    assert "nested deeper than 50" in problem("[" * 20000).what


@pytest.mark.parametrize(
    ("content", "where", "part"),
    [
        (b"", ":1:1", "the file is empty"),
        (b"# only a comment\n", ":1:1", "the file is empty"),
        (b"---\n", ":2:1", "the file is empty"),
        (b"- a\n- b\n", ":1:1", "the file holds a list"),
        (b"just words", ":1:1", "the text 'just words'"),
        (b"a: 1\nb: caf\xe9\n", ":2:7", "byte 0xe9 is not UTF-8"),
        (b"x" * 5_000_001, "", "larger than 5 MB"),
    ],
)
def test_files_that_hold_no_mapping(tmp_path, content, where, part):
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        read_yaml(path)
    (found,) = caught.value.problems
    assert found.where == f"{path}{where}"
    assert part in found.what


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(ScenarioError, match="there is no such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="directory"):
        read_yaml(tmp_path)


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes("\ufeffa: 1\r\nb: é\r\n".encode())
    assert read_yaml(path).plain() == {"a": 1, "b": "é"}
