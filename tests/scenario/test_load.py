"""Loading: one clear message for each mistake, all of them together, and nothing but ScenarioError."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scssim.errors import ScenarioError
from scssim.scenario import yamlfile
from scssim.scenario.load import load
from scssim.scenario.yamlfile import parse_yaml

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
TEXT = SMALL.read_text()
LINES = TEXT.splitlines()


@pytest.fixture
def edited(tmp_path):
    """Write the small scenario with some texts replaced; return its path."""

    def edit(*pairs):
        text = TEXT
        for old, new in pairs:
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        path = tmp_path / "edited.yaml"
        path.write_text(text)
        return path

    return edit


def line_of(part):
    return next(i for i, line in enumerate(LINES, 1) if part in line)


def problems_of(path, overrides=None):
    with pytest.raises(ScenarioError) as caught:
        load(path, overrides)
    return caught.value.problems


# Each mistake: text, its replacement, the path it is reported at, words of the message, words of what is allowed.
MISTAKES = {
    "misspelt optional key": (
        "onset_weeks: 4", "onset_wekks: 4", "therapies.conservative.relief.onset_wekks", "unknown key `onset_wekks`",
        "did you mean `onset_weeks`?",
    ),
    "misspelt required key": (
        "  age: {", "  aeg: {", "population.aeg", "unknown key `aeg`", "did you mean `age`?",
    ),
    "misspelt key of a number": (
        "{events: 90, of: 97}", "{event: 90, of: 97}", "therapies.hf10.trial.success.event", "unknown key `event`",
        "did you mean `events`?",
    ),
    "missing key": (
        "  female: 0.6\n", "", "population.female", "`female` is missing", "a probability: a number in [0, 1]",
    ),
    "probability above 1": (
        "female: 0.6", "female: 1.2", "population.female", "1.2 is outside", "a probability: a number in [0, 1]",
    ),
    "negative cost": (
        "device: 12000", "device: -12000", "therapies.lf_scs.costs.device", "-12000 is outside", "from 0 up",
    ),
    "number in words": (
        "device: 12000", "device: lots", "therapies.lf_scs.costs.device", "the text 'lots' is not a number", "a cost",
    ),
    "no value": ("female: 0.6", "female:", "population.female", "no value is given", "a probability"),
    "half a pair": (
        "[3, 0.6]", "[3]", "therapies.injection.loss_of_effect.table.2", "the list has 1 entries", "one entry more",
    ),
    "three of a pair": (
        "[3, 0.6]", "[3, 0.6, 1]", "therapies.injection.loss_of_effect.table.2", "3 entries", "2 entries",
    ),
    "quoted number": (
        "horizon_years: 5", "horizon_years: '5'", "settings.horizon_years", "the text '5' is not permitted",
        "a number or lifetime",
    ),
    "rising Kaplan-Meier table": (
        "[3, 0.6]", "[3, 0.95]", "therapies.injection.loss_of_effect.table", "survival rises from 0.9 to 0.95",
        "never rises",
    ),
    "confusion row": (
        "{neuropathic: 0.8, mixed: 0.15, nociceptive: 0.05}", "{neuropathic: 0.8, mixed: 0.25, nociceptive: 0.05}",
        "population.diagnosis.confusion.neuropathic", "the shares sum to 1.1", "shares that sum to 1",
    ),
    "mechanism shares": (
        "neuropathic: 0.4, mixed", "neuropathic: 0.5, mixed", "population.mechanism", "sum to 1.1", "sum to 1",
    ),
    "patient correlations not positive definite": (
        "leg_vas: {odi: 0.3}", "leg_vas: {odi: -0.9}", "population.correlation", "not positive definite", "weaker",
    ),
    "joint correlations not positive definite": (
        "[[1, 0.4], [0.4, 1]]", "[[1, 1.4], [1.4, 1]]", "joint.loss", "not positive definite", "weaker",
    ),
    "empty strategy": (
        "      - conservative\n      - {therapy: injection, if: \"leg_vas >= 6\"}\n"
        "      - {therapy: lf_scs, if: diagnosed != 'nociceptive', acceptance: 0.9}\n",
        "      []\n", "strategies.lf.steps", "no steps", "at least one therapy",
    ),
    "unknown therapy": (
        "{therapy: hf10, if", "{therapy: hf01, if", "strategies.hf.steps.2.therapy", "there is no therapy `hf01`",
        "did you mean `hf10`?",
    ),
    "zero patients": ("patients: 500", "patients: 0", "settings.patients", "0 is out of range", "from 1"),
    "part of a patient": (
        "patients: 500", "patients: 0.5", "settings.patients", "0.5 is not permitted", "whole number",
    ),
    "horizon 0": ("horizon_years: 5", "horizon_years: 0", "settings.horizon_years", "horizon of 0", "`lifetime`"),
    "horizon in words": (
        "horizon_years: 5", "horizon_years: lifetme", "settings.horizon_years", "'lifetme'", "did you mean `lifetime`?",
    ),
    "vast number": (
        "patients: 500", "patients: 0x" + "f" * 300, "settings.patients", "not finite", "whole number",
    ),
    "infinite number": ("horizon_years: 5", "horizon_years: .inf", "settings.horizon_years", "not finite", "a number"),
    "no number": ("smr: 1.1", "smr: .nan", "population.mortality.smr", "not finite", "ratio"),
    "choice": (
        "kind: procedure", "kind: procedur", "therapies.injection.kind", "'procedur' is not permitted",
        "did you mean `procedure`?",
    ),
    "yes for true": (
        "rechargeable: true", "rechargeable: yes", "therapies.hf10.device.rechargeable", "the text 'yes'",
        "true or false",
    ),
    "true for a number": ("sd: 0.149", "sd: true", "utilities.sources.mapped.residual.sd", "truth value", "a number"),
    "wrong hazard, constant": (
        "hazard: 0.04,", "hazard: -0.04,", "therapies.hf10.complications.pocket_pain.hazard", "-0.04 is outside",
        "rate per year",
    ),
    "wrong hazard, in pieces": (
        "{until_years: 0.1, rate: 0.3}", "{until_years: 0.1, rate: -0.3}",
        "therapies.injection.complications.headache.hazard.0.rate", "-0.3 is outside", "rate per year",
    ),
    "mapping expected": ("costs: {per_year: {mean: 900, se: 90}}", "costs: 5", "therapies.conservative.costs",
                         "the number 5 is not permitted", "a mapping"),
    "utility kind": (
        "kind: linear", "kind: lineal", "utilities.sources.mapped.kind", "'lineal'", "did you mean `linear`?",
    ),
    "utility kind missing": (
        "      kind: linear\n", "", "utilities.sources.mapped.kind", "`kind` is missing", "states",
    ),
    "name with a capital": (
        "  hf10:\n    label", "  HF10:\n    label", "therapies.HF10", "`HF10` is not a permitted name",
        "lower-case letters",
    ),
    "condition": (
        "\"leg_vas >= 6\"", "\"leg_vas >== 6\"", "strategies.lf.steps.1.if", "cannot read the condition", "and, or",
    ),
    "code in a condition": (
        "\"leg_vas >= 6\"", "\"__import__('os')\"", "strategies.lf.steps.1.if", "not allowed in a condition", "",
    ),
    "control character": (
        "label: 10 kHz SCS", 'label: "10\\x01 kHz"', "therapies.hf10.label",
        "the text has the character U+0001, which cannot be shown", "text without it",
    ),
    "control character in a text of several lines": (
        "title: Small", 'reporting: {funding: "a\\n\\tb\\e"}\ntitle: Small', "reporting.funding",
        "the character U+001B", "text without it",
    ),
    "label of two lines": (
        "label: 10 kHz SCS", 'label: "10\\nkHz"', "therapies.hf10.label", "a line break or a tab", "text in one line",
    ),
    "extremes": (
        "device: 12000", "device: {mean: 1e10, se: 1e-200}", "therapies.lf_scs.costs.device",
        "too extreme to compute with", "a cost",
    ),
    "a mean that is no number": (
        "device: 12000", "device: {mean: 1e10, se: 1e-300}", "therapies.lf_scs.costs.device",
        "too extreme to compute with", "a cost",
    ),
    "too large a number": (
        "device: 12000", "device: 1e16", "therapies.lf_scs.costs.device", "1e+16 is too large to compute with", "1e+15",
    ),
    "a quoted number out of range": (
        "patients: 500", "patients: '0'", "settings.patients", "the text '0'", "a whole number",
    ),
    "too wide a truncated attribute": (
        "mean: 54, sd: 12, min: 10", "mean: 54, sd: 12, min: 53", "population.odi", "truncated so near its mean of 54",
        "an SD up to 0.98",
    ),
    "too narrow an attribute": (
        "mean: 54, sd: 12,", "mean: 54, sd: 1e-9,", "population.odi", "an sd of 1e-09 is too small", "fixed",
    ),
    "too wide a positive attribute": (
        "mean: 12, sd: 9", "mean: 1e-9, sd: 9", "population.pain_years", "an sd of 9 is too large", "1000 times it",
    ),
    "a complication all the time": (
        "{hazard: 0.04, ratio: 1.2,", "{hazard: 400, ratio: 1.2,", "therapies.hf10.complications.pocket_pain",
        "480 times a year", "once a day",
    ),
    "a share in percent": (
        "observed: 0.8,", "observed: 80,", "targets.0.observed", "a share of 80 is not possible", "0.8 for 80 %",
    ),
    "a Weibull shape near 0": (
        "mean: 4.8, shape: 3", "mean: 4.8, shape: 0.001", "therapies.lf_scs.device.life", "shape from 0.01 up", "",
    ),
    "a Weibull time all over the place": (
        "mean: 4.8, shape: 3", "mean: 4.8, sd: 1e9", "therapies.lf_scs.device.life", "no weibull time has a mean",
        "0.002 to 1000",
    ),
    "a Gompertz time with an edge": (
        "weibull, mean: 4.8, shape: 3", "gompertz, median: 4.8, shape: 11", "therapies.lf_scs.device.life",
        "a shape of 11 is too steep", "at most 50",
    ),
    "a Gompertz curve with an edge": (
        "weibull, mean: 4.8, shape: 3", "gompertz, survival: [[1, 0.999999], [1.0001, 1e-9]]",
        "therapies.lf_scs.device.life", "no Gompertz curve bends so sharply", "kaplan_meier",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_one_clear_message(edited, name):
    old, new, path, what, allowed = MISTAKES[name]
    found = problems_of(edited((old, new)))
    assert len(found) == 1, [str(p) for p in found]
    (problem,) = found
    assert problem.path == path
    assert what in problem.what
    assert allowed in problem.allowed
    assert re.search(r"edited\.yaml:\d+:\d+$", problem.where)


def test_line_and_column_are_those_of_the_file(edited):
    old, new = "female: 0.6", "female: 1.2"
    (problem,) = problems_of(edited((old, new)))
    line = line_of(old)
    assert problem.where.endswith(f":{line}:{LINES[line - 1].index('0.6') + 1}")
    (problem,) = problems_of(edited(("onset_weeks: 4", "onset_wekks: 4")))
    assert problem.where.endswith(f":{line_of('onset_weeks: 4')}:7")


def test_several_mistakes_are_reported_together_in_the_order_of_the_file(edited):
    path = edited(
        ("seed: 7", "sede: 7"),
        ("female: 0.6", "female: 1.2"),
        ("weeks: 8}\n    trial", "weeks: -8}\n    trial"),
        ("device: 12000", "device: -1"),
        ("{therapy: hf10, if", "{therapy: hf01, if"),
        ("strategy: lf,", "strategy: fl,"),
        ("draws: 20", "draws: many"),
    )
    found = problems_of(path)
    lines = [int(p.where.rsplit(":", 2)[1]) for p in found]
    assert [p.path for p in found] == [
        "settings.sede",
        "population.female",
        "therapies.lf_scs.wait.weeks",
        "therapies.lf_scs.costs.device",
        "strategies.hf.steps.2.therapy",
        "targets.1.strategy",
        "analyses.psa.draws",
    ]
    texts = [
        "seed: 7",
        "female: 0.6",
        "wait: {weeks: 8}",
        "device: 12000",
        "{therapy: hf10, if",
        "strategy: lf,",
        "draws:",
    ]
    assert lines == [line_of(text) for text in texts]


def test_problems_in_extended_files_follow_and_overrides_come_last(tmp_path):
    (tmp_path / "base.yaml").write_text(TEXT.replace("female: 0.6", "female: 1.2"))
    (tmp_path / "top.yaml").write_text("extends: base.yaml\n\nsettings: {patients: 0}\n")
    found = problems_of(tmp_path / "top.yaml", ["settings.seed=-1"])
    assert [p.path for p in found] == ["settings.patients", "population.female", "settings.seed"]
    assert found[0].where.endswith("top.yaml:3:22")
    assert found[1].where.endswith(f"base.yaml:{line_of('female: 0.6')}:11")
    assert found[2].where == "--set settings.seed"


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[1m", "a\x7f", "\udcff", "\uffff"])
def test_characters_that_cannot_be_shown_are_refused_in_overrides(text, small_path):
    for overrides in ({"title": text}, [f"title={text}"]):
        (problem,) = problems_of(small_path, overrides)
        assert problem.path == "title" and "cannot be shown" in problem.what


def test_other_characters_stand_in_texts(edited):
    text = "Café\t€ 😀\nline two\r\n"
    loaded = load(edited(("title: Small", "title: |\n  Café 😀 Small")), {"description": text})
    assert loaded.scenario.description == text
    assert loaded.scenario.title == "Café 😀 Small scenario for tests\n"


def test_no_false_alarm_about_what_a_mistake_hides(edited):
    """A therapy that is wrong itself is still known to the strategies; a broken covariate to the conditions."""
    path = edited(("smoker: {probability: 0.25}", "smoker: {probability: 2}"), ("kind: implant", "kind: implants"),
                  ("\"leg_vas >= 6\"", "smoker"))  # fmt: skip
    assert [p.path for p in problems_of(path)] == ["population.covariates.smoker.probability", "therapies.lf_scs.kind"]


def test_source_that_does_not_exist(tmp_path):
    (problem,) = problems_of(tmp_path / "smal.yaml")
    assert "there is no file" in problem.what
    (problem,) = problems_of("no_such_scenario")
    assert "there is no scenario 'no_such_scenario'" in problem.what


# --------------------------------------------------------------- what comes out


def test_the_small_scenario_loads(small_path):
    loaded = load(small_path)
    assert loaded.name == "small"
    assert loaded.warnings == []
    assert list(loaded.scenario.strategies) == ["lf", "hf"]
    assert json.loads(json.dumps(loaded.resolved)) == loaded.resolved
    line = line_of("seed: 7")
    assert loaded.where(("settings", "seed")).endswith(f":{line}:9")


def test_the_hash_does_not_depend_on_formatting_or_place(tmp_path, small_path):
    same = tmp_path / "other_name.yaml"
    text = TEXT.replace("{sd: 0.149, person_share: 0.5}", "{person_share: 5.0e-1, sd: 0.149}  # a comment")
    same.write_text(text.replace("female: 0.6", "female: {value: 0.60}").replace("\n", "\r\n"))
    assert load(same).sha256 == load(small_path).sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 7", "seed: 8"),
        ("{mean: 0.5, se: 0.05}", "{mean: 0.5, se: 0.06}"),
        ("if: diagnosed != 'nociceptive', acceptance", "if: diagnosed == 'mixed', acceptance"),
    ],
)
def test_the_hash_depends_on_what_the_scenario_says(edited, small_path, old, new):
    assert load(edited((old, new))).sha256 != load(small_path).sha256


def test_the_hash_depends_on_the_order_of_strategies(tmp_path, small_path):
    head, rest = TEXT.split("strategies:\n")
    first, second = rest.split("  hf:\n")
    second, tail = second.split("\nutilities:")
    path = tmp_path / "turned.yaml"
    path.write_text(f"{head}strategies:\n  hf:\n{second}{first}\nutilities:{tail}")
    turned = load(path)
    assert turned.scenario.strategies == load(small_path).scenario.strategies
    assert turned.sha256 != load(small_path).sha256


def test_the_hash_counts_patient_tables_by_their_contents(tmp_path, small_path):
    hashes = []
    for folder, text in (("a", "age\n50\n"), ("b", "age\n50\n"), ("c", "age\n51\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.csv").write_text(text)
        path = tmp_path / folder / "s.yaml"
        path.write_text(f"extends: {small_path}\npopulation: {{file: p.csv}}\n")
        hashes.append(load(path, outside=True).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_unreadable_patient_table_is_named_by_row_and_column(tmp_path, small_path):
    (tmp_path / "people.csv").write_text("age,back_vas\n50,7\n61,eleven\n70,12\n")
    path = tmp_path / "s.yaml"
    (tmp_path / "small.yaml").write_text(small_path.read_text())
    path.write_text("extends: small.yaml\npopulation:\n  file: people.csv\n")
    found = problems_of(path)
    assert [p.path for p in found] == ["population.file"] * 2
    assert "row 3, column `back_vas`: 'eleven' is not permitted" in found[0].what
    assert "row 4, column `back_vas`: '12' is not permitted" in found[1].what
    assert found[0].allowed == "a number from 0 to 10"
    assert found[0].where.endswith("s.yaml:3:9")


# ------------------------------------------------------------------------ fuzz

VALUES = st.sampled_from([
    None, True, False, 0, 1, -1, 2.5, 1e308, -1e308, 1e-308, float("inf"), float("nan"), 10**18, "", "x", "lifetime",
    "0.5", "age > 1", "tried", "therapies.hf10.trial.success", [], [[]], {}, [0, 1], [[0, 1], [1, 0.5]], {"mean": 1},
    {"ref": "a.b"}, {"ref": "therapies.hf10.trial.success"},
    {"mean": 1e200, "se": 1e-200}, {"mean": 1e-200, "se": 1e200},
    {"low": 0, "high": 1}, {"alpha": 1, "beta": 0}, {"family": "gamma", "mean": 1, "se": 1}, {"events": 1, "of": 0},
    {"": 1},
])  # fmt: skip
RESOLVED = parse_yaml(TEXT, "small").plain()


def paths(node, path=()):
    """Every path of nested data."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


PATHS = [path for path in paths(RESOLVED) if path]


@st.composite
def mutations(draw):
    """The small scenario with up to three values replaced, removed or given a stray key."""
    data = json.loads(json.dumps(RESOLVED))
    for _ in range(draw(st.integers(1, 3))):
        *steps, last = draw(st.sampled_from(PATHS))
        parent = data
        try:
            for step in steps:
                parent = parent[step]
            what = draw(st.sampled_from(["replace", "remove", "rename", "swap"]))
            if what == "replace":
                parent[last] = draw(VALUES)
            elif what == "remove":
                del parent[last]
            elif what == "rename" and isinstance(parent, dict):
                parent[draw(st.sampled_from(["x", "meen", "value", "", "HF10", "a.b", "0"]))] = parent.pop(last)
            else:
                source = draw(st.sampled_from(PATHS))
                moved = RESOLVED
                for step in source:
                    moved = moved[step]
                parent[last] = moved
        except (KeyError, IndexError, TypeError):
            continue
    return data


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=mutations())
def test_mutated_scenarios_load_or_raise_scenario_errors(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    text = json.dumps(data).replace("Infinity", ".inf").replace("NaN", ".nan").replace("-.inf", "-.inf")
    path.write_text(text)
    try:
        load(path)
    except ScenarioError as error:
        assert error.problems
        assert all(p.what and p.where for p in error.problems)
        assert all("pydantic" not in str(p) and "Input should" not in str(p) for p in error.problems)


@pytest.mark.parametrize("parser", [None, yamlfile.CParser], ids=["pure", "c"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, len(TEXT)),
    cut=st.integers(0, 30),
    insert=st.text("{}[]:,-&*!|>'\"%@`#?~ \n\t0a\x07é\u2028", max_size=6),
)
def test_garbled_text_loads_or_raises_scenario_errors(parser, at, cut, insert, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(yamlfile, "CParser", parser)
    path = tmp_path_factory.getbasetemp() / "garbled.yaml"
    path.write_text(TEXT[:at] + insert + TEXT[at + cut :], encoding="utf-8")
    try:
        load(path)
    except ScenarioError as error:
        assert error.problems
