"""Scenario files from strangers: nothing is executed, no file elsewhere is read, and everything ends."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scssim
from scssim import library
from scssim.errors import Problem, ScenarioError
from scssim.reading import read_bytes
from scssim.scenario import expressions, limits, merge, patient_file, yamlfile
from scssim.scenario.merge import shipped
from scssim.scenario.places import Places
from scssim.scenario.walk import matching

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
BASE = "extends: small.yaml\n"
SECRET = "hunter2"
TABLE = "age,sex,qx\n" + "".join(f"{age},{sex},0.01\n" for age in range(111) for sex in "mf")

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
Refused = Callable[..., Problem]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a stranger's scenario; beside it lies what is none of the stranger's business."""
    inner = tmp_path / "theirs"
    inner.mkdir()
    shutil.copy(SMALL, inner)
    (tmp_path / "secret.yaml").write_text(f"{SECRET}: 1\n")
    (tmp_path / "secret.csv").write_text(f"age,{SECRET}\n50,1\n")
    return inner


@pytest.fixture
def refused(folder: Path) -> Refused:
    """Load a stranger's scenario; return the one thing that is wrong with it."""

    def refuse(text: str | bytes, **options: Any) -> Problem:
        path = folder / "mine.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        with pytest.raises(ScenarioError) as caught:
            scssim.load(path, **options)
        assert SECRET not in str(caught.value)
        return caught.value.problems[0]

    return refuse


# ------------------------------------------------------------ nothing is executed


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system [touch hacked]", "!!python/name:os.system", "!!python/module:os",
        "!!python/object/new:type [x]", "!<tag:yaml.org,2002:python/object:os.system> x", "!include secret.yaml",
        "!!binary aGk=", "!!set {a}", "!!str x",
    ],
)  # fmt: skip
def test_tags_construct_nothing(refused: Refused, value: str) -> None:
    found = refused(f"{BASE}title: {value}\n")
    assert found.where.endswith("mine.yaml:2:8") and found.what.startswith("the tag ")


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('id')", "age.__class__", "age.__class__.__mro__", "().__class__", "age[0]",
        "[x for x in (1, 2)]", "{x for x in age}", "{1: 2}", "(x for x in age)", "lambda: 1", "(lambda: age)()",
        "open('/etc/passwd')", "f'{age}'", "age if female else 1", "(yield)", "await age", "(a := 1)", "*age", "...",
        "b'a' == mechanism", "1j < age", "9 ** 9 ** 9 ** 9 > age", "1 << 10 ** 10", "'a' * 10 ** 10 == mechanism",
        "age + 1 > 2", "~female", "age @ age", "1 is 1", "age; age", "import os", "age\nage",
        "age > " + "1+" * 490 + "1", "age" + ".a" * 490, "age" + "[0]" * 330, "(" * 490 + "age" + ")" * 490,
        "not " * 240 + "female", "age > " + "-" * 900 + "1", "age > 1 or 1" + "0" * 400 + " > 1",
        "age > 0x" + "f" * 900, "age > 1 " + "and age > 1 " * 100,
    ],
)  # fmt: skip
def test_conditions_are_no_code(refused: Refused, condition: str) -> None:
    found = refused(f"{BASE}analyses: {{subgroups: {{a: {json.dumps(condition)}}}}}\n")
    assert found.path == "analyses.subgroups.a" and found.where.endswith("mine.yaml:2:27"), found
    with pytest.raises(ValueError, match=r"condition|in place of"):
        expressions.parse(condition)


def test_conditions_everywhere_are_parsed(refused: Refused) -> None:
    evil = json.dumps("__import__('os')")
    for text in (
        f"strategies: {{hf: {{steps: [{{therapy: hf10, if: {evil}}}]}}}}",
        f"therapies: {{hf10: {{relief: {{among: {evil}}}}}}}",
        f"therapies: {{hf10: {{relief: {{modifiers: {{{evil}: {{odds_ratio: 1}}}}}}}}}}",
    ):
        assert "is not allowed in a condition" in refused(f"{BASE}{text}\n").what


def test_huge_numbers_in_conditions_are_numbers(folder: Path) -> None:
    for condition in ("age < 1e99999", "age < 1" + "0" * 300, "age < " * 100 + "1"):
        path = folder / "mine.yaml"
        path.write_text(f"{BASE}analyses: {{subgroups: {{a: {json.dumps(condition)}}}}}\n")
        scssim.load(path)


def test_conditions_on_many_attributes(folder: Path) -> None:
    names = [f"c{i}" for i in range(80)]
    population = json.dumps({"covariates": {name: {"probability": 1} for name in names}})
    steps = json.dumps([{"therapy": "hf10", "if": " and ".join(names)}])
    (folder / "mine.yaml").write_text(f"{BASE}population: {population}\nstrategies: {{hf: {{steps: {steps}}}}}\n")
    scssim.load(folder / "mine.yaml")


# --------------------------------------------------------------------- places

OUTSIDE = ["/etc/passwd", "../secret.{}", "./../theirs/../secret.{}", "link.{}", "folder/secret.{}", "../nowhere.{}"]
NAMING: dict[str, tuple[str, str, str]] = {
    "extends": ("extends: {}\n", "extends", "yaml"),
    "second": ("extends: [small.yaml, {}]\n", "extends", "yaml"),
    "patients": (BASE + "population: {{file: {}}}\n", "population.file", "csv"),
    "life table": (BASE + "population: {{mortality: {{life_table: {}}}}}\n", "population.mortality.life_table", "csv"),
    "variant": (BASE + "analyses: {{variants: {{v: {{population.file: {}}}}}}}\n", "population.file", "csv"),
    "set": (BASE + "analyses: {{variants: {{v: {{set: {{population: {{file: {}}}}}}}}}}}\n", "population.file", "csv"),
    "case": (
        BASE + "analyses: {{extrapolation: {{data_until_years: 1, cases: {{c: {{population.mortality: "
        "{{life_table: {}}}}}}}}}}}\n",
        "population.mortality.life_table",
        "csv",
    ),
}
"""Where a scenario names a file: a text with it, the path of the message, and the kind of the file."""


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("naming", NAMING)
def test_files_elsewhere_are_refused(refused: Refused, folder: Path, naming: str, name: str) -> None:
    text, path, kind = NAMING[naming]
    (folder / f"link.{kind}").symlink_to(folder.parent / f"secret.{kind}")
    (folder / "folder").symlink_to(folder.parent)
    name = name.format(kind) + (".csv" if "life_table" in text and "{" not in name else "")
    found = refused(text.format(name))
    assert found.path.endswith(path) and re.search(r"mine\.yaml:\d+:\d+$", found.where), found
    assert found.what == f"{name!r} leads out of the folder of the scenario"
    assert "--allow-outside" in found.allowed


@pytest.mark.parametrize("name", ["{}", "inner/{}", "./inner/../{}", "inner/up.{}", "../theirs/{}", "{folder}/{}"])
@pytest.mark.parametrize("naming", NAMING)
def test_files_inside_are_read(folder: Path, naming: str, name: str) -> None:
    text, _, kind = NAMING[naming]
    good = {"yaml": "title: Good\n" if naming == "second" else SMALL.read_text(), "csv": TABLE}[kind]
    if "file: " in text:
        good = "age\n50\n"
    (folder / "inner").mkdir()
    for place in (folder, folder / "inner"):
        (place / f"good.{kind}").write_text(good)
    (folder / "inner" / f"up.good.{kind}").symlink_to(folder / f"good.{kind}")
    path = folder / "mine.yaml"
    path.write_text(text.format(name.replace("{folder}", str(folder)).replace("{}", f"good.{kind}").format(kind)))
    scssim.load(path)


@pytest.mark.parametrize("naming", ["patients", "variant", "life table", "case"])
def test_tables_are_found_beside_the_file_that_names_them(
    folder: Path, naming: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "t.csv").write_text(TABLE if "life_table" in NAMING[naming][0] else "age\n50\n")
    (folder / "mine.yaml").write_text(NAMING[naming][0].format("t.csv"))
    scssim.load("theirs/mine.yaml")


def test_a_file_below_may_name_files_above_it_in_the_folder(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "base.yaml").write_text("extends: ../small.yaml\npopulation: {file: ../p.csv}\n")
    (folder / "p.csv").write_text("age\n50\n")
    (folder / "mine.yaml").write_text("extends: inner/base.yaml\n")
    assert scssim.load(folder / "mine.yaml").scenario.population.file == str(folder / "p.csv")
    (folder / "inner" / "base.yaml").write_text("extends: ../../secret.yaml\n")
    with pytest.raises(ScenarioError, match=r"inner/base\.yaml:1:10: extends: .*leads out of the folder"):
        scssim.load(folder / "mine.yaml")


def test_whoever_asks_may_go_outside(folder: Path, call: Callable[..., Any]) -> None:
    shutil.copy(SMALL, folder.parent)
    path = folder / "mine.yaml"
    path.write_text("extends: ../small.yaml\n")
    assert scssim.load(path, outside=True).scenario == scssim.load(SMALL).scenario
    assert scssim.diff(path, SMALL, outside=True).empty
    for command in (["validate", str(path)], ["parameters", str(path)], ["diff", str(path), str(SMALL)]):
        code, out, err = call(*command)
        assert code == 2 and not out and "leads out of the folder" in err and "Traceback" not in err
        assert call(*command, "--allow-outside")[0] == 0
    assert call("run", str(path), "--out", "o")[0] == 2 and not Path("o").exists()


def test_what_the_user_names_may_lie_anywhere(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.csv").write_text("age\n50\n")
    (folder / "mine.yaml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    for overrides in (["population.file=p.csv"], {"population": {"file": tmp_path / "p.csv"}}):
        loaded = scssim.load("theirs/mine.yaml", overrides)
        assert loaded.scenario.population.file == str(tmp_path / "p.csv")
    scssim.load("theirs/mine.yaml", ["analyses.variants={v: {population.file: p.csv}}"])


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_can_be_extended_from_anywhere(folder: Path, name: str) -> None:
    (folder / "mine.yaml").write_text(f"extends: {name}\n")
    scssim.load(folder / "mine.yaml")


def test_the_paths_that_a_run_recorded_are_not_read(folder: Path, call: Callable[..., Any]) -> None:
    resolved = {**scssim.load(SMALL).resolved}
    resolved["population"] = {**resolved["population"], "file": str(folder.parent / "secret.csv")}
    (folder / "manifest.json").write_text(json.dumps({"scenario": {"resolved": resolved}}))
    code, out, err = call("diff", str(SMALL), str(folder))
    assert (code, err) == (0, "") and "secret.csv" in out and SECRET not in out


parts = st.lists(st.sampled_from(["..", ".", "a", "b", "out", "up", "loop", "x.yaml", ""]), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(parts)
def test_any_path_leads_inside_or_is_refused(tmp_path: Path, parts: list[str]) -> None:
    folder = tmp_path / "in"
    if not folder.exists():
        (folder / "a" / "b").mkdir(parents=True)
        (tmp_path / "out").mkdir()
        (tmp_path / "x.yaml").touch()
        for link, target in (("out", "../out"), ("a/up", ".."), ("a/b/up", "../../.."), ("loop", "loop")):
            (folder / link).symlink_to(target)
    path = folder / "/".join(parts).lstrip("/")
    found = os.path.realpath(path)
    assert Places(folder).hold(path) == (found == str(folder) or found.startswith(f"{folder}{os.sep}"))
    with pytest.raises(ScenarioError) as caught:
        (folder / "mine.yaml").write_text(json.dumps({"extends": "/".join(parts).lstrip("/") or "."}))
        merge.read_extended(folder / "mine.yaml", outside=False)
    assert ("leads out" in str(caught.value)) != Places(folder).hold(path)


# ------------------------------------------------------------- no end, no answer


@pipes
@pytest.mark.parametrize("naming", ["extends", "patients", "life table", "variant"])
def test_pipes_are_refused(refused: Refused, folder: Path, naming: str) -> None:
    text, _, kind = NAMING[naming]
    os.mkfifo(folder / f"pipe.{kind}")
    assert "it is a pipe or a device, not a file" in refused(text.format(f"pipe.{kind}")).what


@pipes
def test_a_pipe_that_the_user_names_is_read_but_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    with pytest.raises(ScenarioError, match="the file is empty"):
        scssim.load(folder / "pipe.yaml")
    with pytest.raises(ScenarioError, match="the table is empty"):
        scssim.load(SMALL, parameters=folder / "pipe.yaml")
    reader, writer = os.pipe()
    os.write(writer, b"title: x\n")
    os.close(writer)
    if Path("/dev/fd").exists():
        assert yamlfile.read_yaml(Path(f"/dev/fd/{reader}"), pipe=True).plain() == {"title": "x"}
    os.close(reader)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_devices(refused: Refused) -> None:
    for naming in ("extends", "patients"):
        found = refused(NAMING[naming][0].format("/dev/zero"), outside=True)
        assert "it is a pipe or a device" in found.what
    with pytest.raises(ScenarioError, match="larger than 5 MB"):
        scssim.load("/dev/zero")
    with pytest.raises(OSError, match="a pipe or a device"):
        read_bytes("/dev/zero", 10)
    assert read_bytes("/dev/zero", 10, pipe=True) == bytes(11)


# -------------------------------------------------------------- size and nesting


def test_large_files(refused: Refused, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(b"#" * 50_000_000).what == "the file is larger than 5 MB"
    text = SMALL.read_text()
    assert "larger than 5 MB" in refused(text + "#" * (yamlfile.MAX_BYTES - len(text) + 1)).what
    (folder / "mine.yaml").write_text(text + "#" * (yamlfile.MAX_BYTES - len(text)))
    scssim.load(folder / "mine.yaml")
    monkeypatch.setattr(merge, "MAX_BYTES_TOGETHER", len(BASE) + SMALL.stat().st_size)
    (folder / "mine.yaml").write_text(BASE)
    scssim.load(folder / "mine.yaml")
    assert "with the files before it, it is larger than" in refused(f"{BASE}#\n").what


def test_many_values(refused: Refused, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more than 100000 values" in refused("a: [" + "1," * yamlfile.MAX_NODES + "]").what
    bomb = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 10)}]" for i in range(9)]
    assert "the aliases expand to more than" in refused("\n".join(bomb)).what
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text("\n".join(f"{name}{i}: [{'1,' * 600}]" for i in range(100)))
    assert refused("extends: [small.yaml, one.yaml, two.yaml]").what == "the scenario holds more than 100,000 values"


@pytest.mark.parametrize("text", ["title: " + "[" * 100_000, "\n".join(" " * i + "a:" for i in range(2_000))])
def test_deep_nesting(refused: Refused, text: str) -> None:
    assert refused(BASE + text).what == "nested deeper than 50 levels"


def test_aliases_nest_too() -> None:
    def chain(links: int) -> str:
        return "a0: &a0 [x]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, links))

    yamlfile.parse_yaml(chain(yamlfile.MAX_DEPTH - 1), "f").plain()
    with pytest.raises(ScenarioError, match="nested deeper than 50 levels"):
        yamlfile.parse_yaml(chain(yamlfile.MAX_DEPTH), "f")


def test_levels_and_numbers_of_extends(refused: Refused, folder: Path) -> None:
    last = limits.MAX_LEVELS
    for i in range(1, last):
        (folder / f"e{i}.yaml").write_text(f"extends: e{i + 1}.yaml\n")
    (folder / f"e{last - 1}.yaml").write_text(SMALL.read_text())
    (folder / "mine.yaml").write_text("extends: e1.yaml\n")
    scssim.load(folder / "mine.yaml")
    (folder / f"e{last - 1}.yaml").write_text(BASE)
    scssim.load(folder / "e1.yaml")
    assert refused("extends: e1.yaml").what == "more than 20 files extend each other in a chain"
    (folder / "mine.yaml").write_text(f"extends: [{'small.yaml, ' * limits.MAX_EXTENDS}]")
    scssim.load(folder / "mine.yaml")
    assert "more than 100 files" in refused(f"extends: [{'small.yaml, ' * (limits.MAX_EXTENDS + 1)}]").what


@pytest.mark.parametrize(("path", "most"), limits.FEWER.items(), ids=map(str, limits.FEWER))
def test_many_entries(refused: Refused, path: tuple[str, ...], most: int) -> None:
    def text(count: int) -> str:
        value: Any = {f"k{i}": {} for i in range(count)} if path[-1] not in _LISTS else list(range(count))
        for key in reversed(path):
            value = {key.replace("*", "hf"): value}
        return json.dumps({"extends": "small.yaml", **value})

    assert refused(text(most + 1)).what.endswith(" entries")
    assert not refused(text(most) + "\nx: 1").what.endswith(" entries")


_LISTS = ("visit_months", "willingness_to_pay", "steps")


def test_long_texts_keys_and_names(refused: Refused, folder: Path) -> None:
    for key, most in (("title", limits.MAX_LABEL), ("description", limits.MAX_TEXT)):
        (folder / "mine.yaml").write_text(f"{BASE}{key}: {'x' * most}\n")
        scssim.load(folder / "mine.yaml")
        found = refused(f"{BASE}{key}: {'x' * (most + 1)}\n")
        assert (found.path, found.what) == (key, f"the text has {most + 1:,} characters")
    assert "the key is longer than 1000 characters" in refused(f"{BASE}? {'x' * 1001}\n: 1\n").what
    assert "longer than 1000 characters" in refused(f"{BASE}analyses: {{subgroups: {{a: 'age > {'1' * 999}'}}}}").what
    variants = BASE + "analyses: {{variants: {{{}: {{settings.horizon_years: 3}}}}}}\n"
    (folder / "mine.yaml").write_text(variants.format("x" * 64))
    scssim.load(folder / "mine.yaml")
    for name in ("x" * 65, "..", ".", "../x", "a/b", "a\\\\b", "/etc", "", "a\\0", "con:", "A"):
        assert refused(variants.format(f'"{name}"')).path.startswith("analyses.variants.") or "\\0" in name


@pytest.mark.parametrize("key", ["\\e[31mred", "a\\nb", "a\\tb", "\\0"])
def test_keys_cannot_write_to_the_terminal(refused: Refused, key: str) -> None:
    found = refused(f'{BASE}"{key}": 1\n')
    assert found.where.endswith("mine.yaml:2:1") and found.allowed == "a key in one line"
    assert str(found).isprintable()


def test_only_so_many_mistakes_are_told(folder: Path) -> None:
    path = folder / "mine.yaml"
    for text in (
        json.dumps({"extends": "small.yaml", **{f"k{i}": 1 for i in range(900)}}),
        BASE + "analyses: {dsa: {parameters: [" + ", ".join(f"x{i}" for i in range(900)) + "]}}",
        BASE + "settings: {visit_months: [" + "a, " * 400 + "]}",
    ):
        path.write_text(text)
        with pytest.raises(ScenarioError) as caught:
            scssim.load(path)
        found = caught.value.problems
        assert len(found) == limits.MOST_FOUND + 1 and found[-1].what == "and there is more"


def test_results_that_fit_into_no_memory(refused: Refused) -> None:
    strategies = ", ".join(f"s{i}: {{steps: [hf10]}}" for i in range(90))
    months = ", ".join(map(str, range(1, 101)))
    found = refused(f"{BASE}settings: {{visit_months: [{months}]}}\nstrategies: {{{strategies}}}\n")
    assert found.path == "settings.visit_months" and "visits (92 strategies" in found.what
    for block in ("psa", "cases"):
        found = refused(f"{BASE}analyses: {{{block}: {{draws: 10000000}}}}\nstrategies: {{{strategies}}}\n")
        assert found.path == f"analyses.{block}.draws" and found.what == "10,000,000 draws of 92 strategies"


@pytest.mark.parametrize("block", ["psa: {draws: 2, ", "cases: {", "dsa: {"])
def test_patients_of_analyses_have_a_limit(refused: Refused, block: str) -> None:
    assert "1e+18 is out of range" in refused(f"{BASE}analyses: {{{block}patients: 1000000000000000000}}}}").what


# ------------------------------------------------------------------------- time


def covariates(count: int, entry: str) -> str:
    inner = ", ".join(f"c{i}: {{probability: {entry.replace('NEXT', f'c{i + 1}')}}}" for i in range(count))
    return f"{BASE}population: {{covariates: {{{inner}, c{count}: {{probability: 0.5}}}}}}\n"


def test_references_that_double_at_every_step(folder: Path) -> None:
    follow = "population.covariates.NEXT.probability"
    path = folder / "mine.yaml"
    path.write_text(covariates(45, f"{{ref: {follow}, times: {{ref: {follow}}}}}"))
    with pytest.raises(ScenarioError, match="the reference gives"):
        scssim.load(path)


def test_long_and_many_references(refused: Refused, folder: Path) -> None:
    follow = "{ref: population.covariates.NEXT.probability}"
    most = limits.MOST_REFERENCES_IN_A_ROW
    (folder / "mine.yaml").write_text(covariates(most, follow))
    scssim.load(folder / "mine.yaml")
    assert refused(covariates(most + 1, follow)).what == "more than 50 references follow one another"
    pieces = ", ".join(f"{{until_years: {i + 1}, rate: {{ref: population.female}}}}" for i in range(2_100))
    found = refused(f"{BASE}therapies: {{hf10: {{loss_of_effect: {{hazard: [{pieces}, {{rate: 1}}]}}}}}}\n")
    assert "references" in found.what and found.allowed == "at most 2,000"


def test_patterns_with_many_stars() -> None:
    assert matching("*a" * 30 + "b", ["a" * 400]) == []
    assert matching("a*c*.e", ["abc.d.e", "ac.e", "abcd", "c.e"]) == ["abc.d.e", "ac.e"]
    assert matching("*", ["a.b"]) == ["a.b"] and matching("a.b", ["a.b", "a.bc"]) == ["a.b"]


@given(st.text("ab.*", max_size=6), st.text("ab.", max_size=8))
def test_patterns_match_as_regular_expressions_do(pattern: str, path: str) -> None:
    plain = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    assert matching(pattern, [path]) == ([path] if plain.fullmatch(path) else [])


# ----------------------------------------------------------------------- tables


def test_large_tables_of_patients(refused: Refused, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{BASE}population: {{file: p.csv}}\n"
    place = folder / "p.csv"
    for name, most in (("MOST_ROWS", 3), ("MOST_COLUMNS", 3), ("MAX_CELL", 3), ("MAX_TABLE_BYTES", 20)):
        monkeypatch.setattr(patient_file, name, most)
    cases = {"rows": ("age\n50\n60\n70\n", "80\n"), "columns": ("id,age,odi\n1,50,5\n", ""), "cell": ("id\n", "1234")}
    place.write_text(cases["rows"][0])
    (folder / "good.yaml").write_text(text)
    scssim.load(folder / "good.yaml")
    place.write_text("".join(cases["rows"]))
    assert refused(text).what.endswith("the table has more than 3 rows")
    place.write_text("a,b,c,d\n")
    assert refused(text).what.endswith("the table has more than 3 columns")
    place.write_text("id\n1234\n")
    assert refused(text).what.endswith("a cell is longer than 3 characters")
    place.write_text("age\n" + "50\n" * 10)
    assert "the file is larger than" in refused(text).what


def test_parquet_files_that_grow_when_they_are_read(refused: Refused, folder: Path) -> None:
    text = f"{BASE}population: {{file: p.parquet}}\n"
    place = folder / "p.parquet"
    pq.write_table(pa.table({"age": np.full(limits.MOST_ROWS + 1, 50.0)}), place)
    assert place.stat().st_size < 100_000
    assert refused(text).what.endswith("the table has more than 1,000,000 rows")
    pq.write_table(pa.table({"mechanism": ["x" * 1_000_000] * 1_000}), place)
    assert refused(text).what.endswith("a cell of the column `mechanism` is longer than 100 characters")
    pq.write_table(pa.table({"age": [[50.0] * 10] * 10}), place)
    assert refused(text).what.endswith("the column `age` holds list<element: double>")
    pq.write_table(pa.table({"mechanism": ["mixed", "neuropathic", "mixed"], "age": [50, 60, 70]}), place)
    (folder / "good.yaml").write_text(text)
    scssim.load(folder / "good.yaml")
    pq.write_table(pa.table({"mechanism": ["mixed", None]}), place)
    assert refused(text).what.endswith("row 2, column `mechanism`: the cell is empty")


def test_a_table_is_not_read_again_for_every_variant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "p.csv").write_text("age\n50\n")
    variants = ", ".join(f"v{i}: {{settings.horizon_years: {i + 1}}}" for i in range(20))
    (folder / "mine.yaml").write_text(f"{BASE}population: {{file: p.csv}}\nanalyses: {{variants: {{{variants}}}}}\n")
    read: list[Path] = []
    real = patient_file._read_csv

    def counted(path: Path) -> Any:
        read.append(path)
        return real(path)

    monkeypatch.setattr(patient_file, "_read_csv", counted)
    scssim.load(folder / "mine.yaml")
    assert len(read) == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("age,sex,qx\n0,m,0.1\n1000000000000,m,0.1\n", "is not a whole number, 0 to 150"),
        ("age,sex,qx\n0,m," + "1" * 200_000, "not a readable CSV"),
        ("#" * (library.MAX_BYTES + 1), "larger than 1 MB"),
    ],
)
def test_life_tables(refused: Refused, folder: Path, table: str, message: str) -> None:
    (folder / "t.csv").write_text(table)
    assert message in refused(f"{BASE}population: {{mortality: {{life_table: t.csv}}}}\n").what


def test_memory_that_does_not_suffice_is_told(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(scssim, "load", fail)
    code, _, err = call("validate", "back_leg_uk")
    assert code == 2 and err.startswith("Error: the memory does not suffice")
