"""Files to start from."""

import json
import os
import re
from pathlib import Path

import pytest

import scssim
from scssim.errors import ScssimError
from scssim.report.start import MODELINE, SCHEMA, STARTER, start
from scssim.scenario.json_schema import schema_text
from scssim.scenario.merge import shipped

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_starter_is_valid_without_a_warning_and_small(folder):
    assert start("mine.yaml")[-2:] == ["  scssim validate mine.yaml", "  scssim run mine.yaml"]
    loaded = scssim.load("mine.yaml")
    assert loaded.warnings == []
    scenario = loaded.scenario
    lives = scenario.analyses.psa.draws * scenario.analyses.psa.patients * len(scenario.strategies)
    assert 0 < lives <= 200_000
    result = scssim.run(loaded, patients=30, draws=3)
    assert list(result.outcomes.strategy.unique()) == list(scenario.strategies)


def test_what_the_starter_offers_can_be_asked_for():
    """The lines that begin with # in its `analyses`, each alone."""
    text = STARTER.read_text(encoding="utf-8")
    offered = re.findall(r"^  # (\w+): (\{.*\})$", text, re.M)
    assert {name for name, _ in offered} == {"dsa", "evppi", "thresholds", "variants", "subgroups"}
    for name, value in offered:
        loaded = scssim.load(STARTER, overrides=[f"analyses.{name}={value}"])
        assert name in loaded.scenario.analyses.model_fields_set
    stated = re.findall(r"\{(?:mean|events|low|ref).*?\}(?=[, \n])", text.split("population:")[0].replace("\n# ", " "))
    assert len(stated) >= 5
    for number in stated:
        scssim.load(STARTER, overrides=[f"therapies.hf10.costs.trial={number}"])


@pytest.mark.parametrize("name", shipped())
def test_copies_of_shipped_scenarios_say_the_same(name, folder):
    start("copy.yaml", name)
    assert scssim.load("copy.yaml").sha256 == scssim.load(name).sha256
    text = Path("copy.yaml").read_text(encoding="utf-8")
    assert text == shipped()[name].read_text(encoding="utf-8")
    assert text.startswith(f"{MODELINE}\n# ")


def test_a_copy_finds_the_files_of_the_original(folder, small_path):
    (folder / "a" / "data").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "a" / "data" / "base.yaml").write_text(small_path.read_text())
    table = "age,sex,qx\n" + "".join(f"{age},{sex},0.01\n" for sex in ("male", "female") for age in range(111))
    (folder / "a" / "life.csv").write_text(table)
    (folder / "a" / "patients.csv").write_text("age\n50\n60\n")
    (folder / "a" / "mine.yaml").write_text(
        "# yaml-language-server: $schema=../other.json\n# Mine\n"
        "title: Mine\nextends: [library/nice_reference_case, 'data/base.yaml']  # ours\n"
        'population:\n  file: patients.csv\n  mortality: {life_table: "life.csv", smr: 1.2}\n'
    )
    assert start("b/copy.yaml", "a/mine.yaml")[-1] == "  scssim run b/copy.yaml --allow-outside"
    assert scssim.load("b/copy.yaml", outside=True).sha256 == scssim.load("a/mine.yaml").sha256
    text = (folder / "b" / "copy.yaml").read_text()
    assert text.startswith(f"{MODELINE}\n# Mine\n") and "other.json" not in text
    assert 'extends: [library/nice_reference_case, "../a/data/base.yaml"]  # ours' in text


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("mine", None, "must end in .yaml or .yml; mine.yaml, say"),
        ("mine.json", None, "must end in .yaml or .yml"),
        ("", None, "must end in"),
        ("folder.yaml", None, "is a directory"),
        ("there.yaml", None, "is there already"),
        ("dangling.yaml", None, "is there already"),
        ("no/such/place.yaml", None, "there is no directory no/such; make it first"),
        ("there.yaml/x.yaml", None, "there is no directory"),
        ("a\0.yaml", None, "cannot write"),
        ("x" * 300 + ".yaml", None, "cannot write"),
        ("mine.yaml", "back_leg_ku", "did you mean `back_leg_uk`"),
        ("mine.yaml", "library/therapies", "part of the library"),
        ("mine.yaml", "folder.yaml", "is a directory"),
        ("mine.yaml", "empty.yaml", "the file is empty"),
        ("mine.yaml", "binary.yaml", "is not UTF-8"),
    ],
)
def test_what_cannot_be_started(folder, file, source, message):
    (folder / "folder.yaml").mkdir()
    (folder / "there.yaml").write_text("mine")
    (folder / "empty.yaml").write_text("")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe")
    (folder / "dangling.yaml").symlink_to("nowhere.yaml")
    before = sorted(folder.rglob("*"))
    with pytest.raises(ScssimError) as caught:
        start(file, source)
    assert message in str(caught.value)
    assert sorted(folder.rglob("*")) == before
    assert (folder / "there.yaml").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_place_that_cannot_be_written_to(folder):
    (folder / "locked").mkdir(mode=0o500)
    with pytest.raises(ScssimError, match="cannot write"):
        start("locked/mine.yaml")


def test_force_overwrites_the_scenario_alone(folder):
    (folder / "mine.yaml").write_text("old")
    (folder / SCHEMA).write_text("{}")
    lines = start("mine.yaml", force=True)
    assert (folder / "mine.yaml").read_text() == STARTER.read_text()
    assert (folder / SCHEMA).read_text() == "{}"
    assert any("Left" in line and "it is something else" in line for line in lines)


@pytest.mark.parametrize(
    ("before", "kept", "word"),
    [
        (None, False, "Wrote"),
        (json.dumps({"title": "scssim scenario", "of": "an earlier version"}), False, "Updated"),
        (json.dumps({"title": "another program's"}), True, "Left"),
        ("not JSON", True, "Left"),
        ("[]", True, "Left"),
    ],
)
def test_the_schema_stands_beside_it(folder, before, kept, word):
    if before is not None:
        (folder / SCHEMA).write_text(before)
    lines = start("mine.yaml")
    assert (folder / SCHEMA).read_text(encoding="utf-8") == (before if kept else schema_text())
    assert lines[1].startswith(f"{word} {SCHEMA}")
    assert not any(SCHEMA in line for line in start("other.yaml")) or kept


def test_a_schema_that_is_a_directory_is_left_alone(folder):
    (folder / SCHEMA).mkdir()
    assert any("Left" in line for line in start("mine.yaml"))


def test_shipped_scenarios_have_the_schema_beside_them():
    """Editors find it by the first line."""
    assert (ROOT / "scenarios" / SCHEMA).read_text(encoding="utf-8") == schema_text(), (
        "run: scssim schema --out scenarios/scenario.schema.json"
    )
    for path in [*shipped().values(), STARTER]:
        assert path.read_text(encoding="utf-8").startswith(f"{MODELINE}\n"), path.name
