"""Edited tables of inputs: what is unchanged changes nothing, what is edited changes that and nothing else."""

import math
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from scssim.errors import ScenarioError
from scssim.scenario.edits import edits
from scssim.scenario.inputs import inputs
from scssim.scenario.load import load, valid
from scssim.scenario.merge import apply_overrides, shipped
from scssim.scenario.yamlfile import parse_yaml

NUMERIC = ["value", "low", "high"]
BASE = """
population:
  age: 50
  female: {mean: 0.6, ci: [0.5, 0.7], source: kapural2015, grade: published, note: "Table 1"}
therapies:
  lf_scs:
    wait: {weeks: {mean: 8, ci: [4, 12], source: assumption, grade: assumed, note: Waits., family: gamma}}
    costs: {trial: {value: 2170, source: mtg41, grade: derived, note: Price., perspective: patient}}
  hf10:
    wait: {weeks: {ref: therapies.lf_scs.wait.weeks, times: {mean: 1.5, ci: [1, 2]}}}
costs:
  background: {care: {pieces: null, per_year: 900, source: weir2017, grade: assumed, note: "x"}}
measurement: {source: williams2025}
"""


loaded = cache(load)


@cache
def small(path):
    """The small scenario with some numbers of every sort."""
    root = loaded(path).positions
    for key, node in parse_yaml(BASE, "base.yaml").value.items():
        root = apply_overrides(root, {key: node})
    return root


@pytest.fixture
def root(small_path):
    return small(small_path)


def table(root):
    return inputs(valid(root))


def differs(a, b):
    return a != b and not (a != a and b != b)


def changed(root, found):
    """Rows of the table that a table of changes makes different."""
    before, after = table(root), table(apply_overrides(root, found.overrides))
    merged = before.merge(after, on="path", how="outer", suffixes=("", "_after"))
    columns = [name for name in before.columns if name != "path"]
    different = [row for row in merged.to_dict("records") if any(differs(row[c], row[f"{c}_after"]) for c in columns)]
    return {row["path"]: {c: row[f"{c}_after"] for c in columns} for row in different}


def edit(root, path, **cells):
    """The row of a path with some cells edited, as texts."""
    (row,) = table(root).query("path == @path").to_dict("records")
    texts = {key: "" if value != value else str(value) for key, value in row.items()}
    return pd.DataFrame([{**texts, **{key: str(value) for key, value in cells.items()}}])


def told(root, path, **cells):
    with pytest.raises(ScenarioError) as caught:
        valid(apply_overrides(root, edits(valid(root), edit(root, path, **cells)).overrides))
    return str(caught.value)


# --------------------------------------------------------------- round trips


def fifteen(number):
    return "" if number != number else f"{number:.15g}"


def shown(number):
    """As a spreadsheet shows a number of no special format, and saves it: in at most 11 characters."""
    if number != number:
        return ""
    texts = (f"{number:.{digits}G}" for digits in range(15, 0, -1))
    return next(text for text in texts if len(text.lstrip("-")) <= 11)


@pytest.mark.parametrize("name", [*shipped(), "small"])
@pytest.mark.parametrize("rewrite", [None, fifteen, shown], ids=["as written", "15 digits", "as shown"])
def test_a_table_that_nobody_edited_changes_nothing(name, rewrite, small_path, tmp_path):
    source = small_path if name == "small" else name
    before = loaded(source)
    rows = inputs(before.scenario)
    if rewrite is not None:
        rows[NUMERIC] = rows[NUMERIC].map(rewrite)
    path = tmp_path / "p.csv"
    rows.to_csv(path, index=False)
    after = load(source, parameters=path)
    assert after.sha256 == before.sha256
    assert after.resolved == before.resolved
    assert after.warnings == before.warnings


def test_a_table_through_a_spreadsheet_with_decimal_commas(small_path, tmp_path):
    before = loaded(small_path)
    path = tmp_path / "p.csv"
    inputs(before.scenario).iloc[::-1].to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig")
    assert load(small_path, parameters=path).sha256 == before.sha256


def test_deleted_rows_and_columns_change_nothing(root):
    rows = table(root)
    assert edits(valid(root), rows.sample(40, random_state=1)[["path", "grade", "value"]]).overrides == {}


@settings(max_examples=40)
@given(data=st.data())
def test_one_edited_value_changes_that_number_alone(data, small_path):
    root = small(small_path)
    rows = table(root)
    sums = r"\.(?:mechanism|confusion)\."
    fixed = rows.path.str.contains(sums) | rows.path.str.contains(r"\.table\.0\.") | rows.path.str.endswith(".courses")
    single = rows[rows.value.notna() & ~fixed]
    row = data.draw(st.sampled_from(single.to_dict("records")))
    factor = data.draw(st.floats(0.95, 1.05).filter(lambda x: abs(x - 1) > 1e-4))
    value = row["value"] * factor if row["value"] else 0.01
    found = edits(valid(root), edit(root, row["path"], value=value))
    try:
        differ = changed(root, found)
    except ScenarioError:  # beyond what is possible, such as an age above 110
        assert not 0 <= row["value"] <= 0.5
        return
    assert list(differ) == [row["path"]]
    after = differ[row["path"]]
    assert math.isclose(after["value"], value, rel_tol=1e-9)
    assert [after[key] for key in ("distribution", "source", "grade", "note")] == [
        row[key] for key in ("distribution", "source", "grade", "note")
    ]
    if row["distribution"] == "lognormal":
        assert math.isclose(after["high"] / after["low"], row["high"] / row["low"], rel_tol=1e-6)
    elif row["low"] == row["low"]:
        assert math.isclose(after["high"] - after["low"], row["high"] - row["low"], rel_tol=1e-6)


@settings(max_examples=20)
@given(value=st.floats(1, 1e5), width=st.floats(0.01, 1), where=st.floats(0.3, 0.7))
def test_a_table_of_what_a_table_made_changes_nothing_more(value, width, where, small_path):
    root = small(small_path)
    low, high = value * (1 - width * where), value * (1 + width * (1 - where))
    found = edits(valid(root), edit(root, "therapies.lf_scs.costs.trial", value=value, low=low, high=high))
    after = apply_overrides(root, found.overrides)
    again = table(after)
    again[NUMERIC] = again[NUMERIC].map(shown)
    assert edits(valid(after), again).overrides == {}


# ------------------------------------------------------------- what is edited

FEMALE, TRIAL, WAIT = "population.female", "therapies.lf_scs.costs.trial", "therapies.hf10.wait.weeks"
DEVICE = "therapies.lf_scs.costs.device"


def test_the_value_of_an_uncertain_number_keeps_its_interval_and_its_source(root):
    found = edits(valid(root), edit(root, FEMALE, value=0.62))
    ((path, row),) = changed(root, found).items()
    assert (path, row["value"], row["distribution"]) == (FEMALE, 0.62, "beta")
    (doubt,) = found.doubts
    assert str(doubt) == (
        "parameters:2: population.female: the number changed, but is still called published in kapural2015 "
        "(its own source, grade and note)"
    )


def test_an_interval_can_change_alone_or_go(root):
    ((_, row),) = changed(root, edits(valid(root), edit(root, FEMALE, low=0.55, high=0.65))).items()
    assert (row["value"], round(row["low"], 2), round(row["high"], 2)) == (0.6, 0.55, 0.65)
    ((_, row),) = changed(root, edits(valid(root), edit(root, FEMALE, low="", high=""))).items()
    assert (row["value"], row["distribution"]) == (0.6, "fixed")
    ((_, row),) = changed(root, edits(valid(root), edit(root, FEMALE, distribution="fixed"))).items()
    assert (row["value"], row["distribution"]) == (0.6, "fixed")


def test_the_family_can_change(root):
    ((_, row),) = changed(root, edits(valid(root), edit(root, FEMALE, distribution=" Uniform"))).items()
    before = table(root).set_index("path").loc[FEMALE]
    assert (row["value"], row["distribution"]) == (0.6, "uniform")
    assert row["high"] - row["low"] == pytest.approx(before.high - before.low)


def test_a_fixed_number_becomes_uncertain_and_keeps_the_rest(root):
    found = edits(valid(root), edit(root, TRIAL, low=2000, high=2300, grade="assumed", note="Ours."))
    ((_, row),) = changed(root, found).items()
    assert (row["value"], row["distribution"], row["source"], row["note"]) == (2170, "gamma", "mtg41", "Ours.")
    cost = valid(apply_overrides(root, found.overrides)).therapies["lf_scs"].costs.trial
    assert cost is not None and cost.perspective == "patient"
    assert not found.doubts


def test_a_number_that_was_that_of_another_gets_its_own(root):
    differ = changed(root, edits(valid(root), edit(root, WAIT, value=10)))
    assert differ.keys() == {WAIT, f"{WAIT}.times"}  # there is nothing left to multiply
    assert (differ[WAIT]["value"], differ[WAIT]["distribution"]) == (10, "fixed")
    differ = changed(root, edits(valid(root), edit(root, WAIT, value=10, low=8, high=12)))
    assert differ[WAIT]["distribution"] == "gamma"


def test_a_number_can_take_the_value_of_another(root):
    path = "therapies.hf10.costs.trial"
    found = edits(valid(root), edit(root, path, distribution=f"as {TRIAL}", value=""))
    assert changed(root, found)[path]["distribution"] == f"as {TRIAL}"
    other = "therapies.injection.wait.weeks"
    differ = changed(root, edits(valid(root), edit(root, WAIT, distribution=f"as {other}")))
    assert list(differ) == [WAIT], "its ratio stays"
    assert "has no value of its own" in told(root, path, distribution=f"as {TRIAL}", value=3)


@pytest.mark.parametrize("word", ["source", "grade", "note"])
def test_a_source_can_change_alone(root, word):
    text = "assumed" if word == "grade" else "mine"
    for path in (FEMALE, "population.depression", "costs.background.care.pieces.0.per_year"):
        found = edits(valid(root), edit(root, path, **{word: text}))
        before = table(root).set_index("path").loc[path]
        differ = changed(root, found)
        if before[word] == text:
            assert differ == {}
            continue
        ((where, row),) = differ.items()
        assert (where, row[word], row["value"], row["low"]) == (
            path,
            text,
            before.value,
            pytest.approx(before.low, nan_ok=True),
        )
        assert not found.doubts
    ((_, row),) = changed(root, edits(valid(root), edit(root, FEMALE, **{word: ""}))).items()
    assert row[word] == ""


def test_attributes_of_patients(root):
    ((path, row),) = changed(root, edits(valid(root), edit(root, "population.odi.sd", value=13))).items()
    assert (path, row["value"]) == ("population.odi.sd", 13)
    bmi = "population.covariates.bmi.values.mean"
    assert changed(root, edits(valid(root), edit(root, bmi, value=30))).keys() == {bmi}
    differ = changed(root, edits(valid(root), edit(root, "population.odi.mean", note="Ours.")))
    assert {path.rpartition(".")[0] for path in differ} == {"population.odi"}
    assert {row["note"] for row in differ.values()} == {"Ours."}


def test_an_attribute_given_as_a_bare_number(root):
    ((path, row),) = changed(root, edits(valid(root), edit(root, "population.age.mean", value=60))).items()
    assert (path, row["value"], row["distribution"]) == ("population.age.mean", 60, "fixed between patients")
    rows = pd.DataFrame(
        {"path": ["population.age.sd", "population.age.mean"], "value": [9, 50], "distribution": "normal"}
    )
    age = valid(apply_overrides(root, edits(valid(root), rows).overrides)).population.age
    assert (age.distribution, age.mean, age.sd) == ("normal", 50, 9)


def test_an_attribute_that_nobody_states_is_not_in_the_table(root):
    bare = apply_overrides(root, ["population.opioid_mme=null"])
    assert edits(valid(bare), table(bare)).overrides == {}
    with pytest.raises(ScenarioError, match="there is no such number"):
        edits(valid(bare), pd.DataFrame({"path": ["population.opioid_mme.mean"], "value": [5]}))


def test_capitals_are_no_edit(root):
    assert edits(valid(root), edit(root, FEMALE, distribution="Beta")).overrides == {}


def test_set_goes_over_a_table(small_path):
    rows = pd.DataFrame({"path": ["population.odi.mean", "population.odi.sd"], "value": [50, 11]})
    odi = scssim.load(small_path, overrides=["population.odi.mean=40"], parameters=rows).scenario.population.odi
    assert (odi.mean, odi.sd) == (40, 11)


def test_a_table_may_say_what_a_variant_goes_over(small_path):
    variant = {"analyses.variants": {"old": {"population.odi.mean": 45}}}
    rows = pd.DataFrame({"path": ["population.odi.sd"], "value": [11]})
    odi = load(small_path, variant, rows).cases["variants.old"].scenario.population.odi
    assert (odi.mean, odi.sd) == (45, 11)


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("path", "cells", "message"),
    [
        (FEMALE, {"value": "most"}, "parameters:2 (value): population.female: 'most' is not a number"),
        (FEMALE, {"value": ""}, "parameters:2 (value): population.female: the value is missing"),
        (FEMALE, {"value": "60%"}, "0.05 for 5 %"),
        (FEMALE, {"value": 1.2, "low": "", "high": ""}, "(value, low, high): population.female: 1.2 is outside"),
        (FEMALE, {"value": 0.9}, "parameters:2 (value): population.female: 0.9 is outside its interval"),
        (FEMALE, {"low": 0.65}, "parameters:2 (low): population.female: 0.6 is outside its interval"),
        (FEMALE, {"low": ""}, "parameters:2 (low): population.female: there is no low"),
        (FEMALE, {"high": ""}, "parameters:2 (high): population.female: there is no high"),
        (FEMALE, {"low": 0.7, "high": 0.5}, "not increasing"),
        (FEMALE, {"distribution": "bta"}, "'bta' is no distribution (did you mean `beta`?; or `as PATH`)"),
        (FEMALE, {"distribution": "gamma", "low": "", "high": ""}, "a gamma needs low and high"),
        (FEMALE, {"distribution": "fixed", "low": 0.55}, "a fixed number has no low and high"),
        (FEMALE, {"grade": "publshed"}, "parameters:2 (grade): population.female.grade: the text 'publshed'"),
        (TRIAL, {"value": -5}, "parameters:2 (value): therapies.lf_scs.costs.trial"),
        (WAIT, {"low": 5, "high": 9}, "the value is missing"),
        (f"{WAIT}.times", {"value": 1, "low": "", "high": "", "grade": "x"}, "(grade): therapies.hf10.wait.weeks"),
        ("population.odi.mean", {"low": 5}, "an attribute of patients has no low"),
        ("population.odi.mean", {"distribution": "beta"}, "'beta' is no distribution between patients"),
        ("population.odi.mean", {"value": ""}, "the value is missing"),
        ("population.odi.mean", {"value": 1000}, "population.odi"),
        ("measurement.pain_visit_sd", {"low": 0.1}, "this number cannot be uncertain"),
        ("measurement.pain_visit_sd", {"distribution": "normal"}, "this number cannot be uncertain"),
        ("measurement.pain_visit_sd", {"source": "me"}, "has no source of its own"),
        ("measurement.pain_visit_sd", {"value": ""}, "the value is missing"),
        ("costs.background.care.pieces.0.per_year", {"source": ""}, "the source is that of its block"),
        ("therapies.injection.repeat.courses", {"value": 2.5}, "a whole number"),
        (DEVICE, {"low": 0, "high": 1e308}, f"parameters:2 (low): {DEVICE}: 12000 and 0 to 1e+308 are too extreme"),
        (FEMALE, {"note": "a\x01b"}, "(note): population.female.note: the text has the character U+0001"),
    ],
)  # fmt: skip
def test_rows_that_make_no_sense(root, path, cells, message):
    assert message in told(root, path, **cells)


@pytest.mark.parametrize("other", ["population.femal", "population.female", "population.odi"])
def test_a_reference_that_leads_nowhere(small_path, other):
    rows = pd.DataFrame({"path": [FEMALE], "distribution": [f"as {other}"]})
    with pytest.raises(ScenarioError, match=r"parameters:2 \(distribution\): population\.female\.ref: "):
        load(small_path, parameters=rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"path": ["population.femal"], "value": [1]}, "there is no such number (did you mean `population.female`?)"),
        ({"path": [""], "value": [1]}, "the path is missing"),
        ({"path": [FEMALE, FEMALE], "value": [0.6, 0.6]}, "the path is there twice, first in line 2"),
        ({"path": ["settings.seed"], "value": [1]}, "there is no such number"),
        (
            {"path": ["population.odi.mean", "population.odi.sd"], "source": ["me", "you"]},
            "parameters:3 (source): population.odi.source: 'you' here, 'me' in parameters:2 (source)",
        ),
    ],
)  # fmt: skip
def test_tables_that_make_no_sense(root, rows, message):
    with pytest.raises(ScenarioError) as caught:
        edits(valid(root), pd.DataFrame(rows))
    assert message in str(caught.value)


def test_only_the_first_mistakes_are_told(root):
    with pytest.raises(ScenarioError) as caught:
        edits(valid(root), pd.DataFrame({"path": [f"nothing.{i}" for i in range(50)]}))
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1].what == "and further rows"
