"""What differs between two scenarios."""

import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scssim
from scssim.errors import ScenarioError, ScssimError
from scssim.scenario.difference import difference
from scssim.scenario.load import load, valid
from scssim.scenario.merge import apply_overrides, shipped
from scssim.scenario.recorded import recorded

ONSET = "therapies.{}.relief.onset_weeks"

loaded = cache(load)


@pytest.fixture(scope="module")
def small(small_path):
    return loaded(small_path)


def differences(small, *overrides, base=()):
    """Differences that overrides make."""
    before = apply_overrides(small.positions, list(base))
    after = apply_overrides(before, list(overrides))
    return [tuple(row) for row in difference(valid(before), valid(after)).itertuples(index=False)]


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_does_not_differ_from_itself(name):
    assert scssim.diff(name, name).empty


@pytest.mark.parametrize(
    ("overrides", "rows"),
    [
        (["settings.horizon_years=7"], [("settings.horizon_years", "5", "7", "value")]),
        (["settings.horizon_years=lifetime"], [("settings.horizon_years", "5", "lifetime", "value")]),
        (["settings.visit_months=[0, 3]"], [("settings.visit_months", "[0, 3, 12, 24]", "[0, 3]", "value")]),
        (["population.female=0.7"], [("population.female", "0.6", "0.7", "value")]),
        (
            ["population.female={mean: 0.6, ci: [0.5, 0.7]}"],
            [("population.female", "0.6", "0.6 (0.49817 to 0.69767, beta)", "value")],
        ),
        (
            ["population.female={value: 0.7, source: mine, grade: assumed, note: Ours.}"],
            [("population.female", "0.6", "0.7; mine, assumed", "value, source, grade, note")],
        ),
        (
            ["population.female={value: 0.6, source: mine}"],
            [("population.female", "no source", "mine", "source")],
        ),
        (["population.female={value: 0.6, note: Why.}"], [("population.female", "no note", "Why.", "note")]),
        (
            ["population.age.mean=60"],
            [
                (
                    "population.age",
                    "55, SD 12, from 18, to 90 (normal)",
                    "60, SD 12, from 18, to 90 (normal)",
                    "value",
                )
            ],
        ),
        (
            ["therapies.hf10.relief.onset_weeks.times=2"],
            [("therapies.hf10.relief.onset_weeks.times", "1.2 (0.78306 to 1.7619, lognormal)", "2", "value")],
        ),
        (
            ["therapies.hf10.relief.onset_weeks=3"],
            [
                (ONSET.format("hf10"), f"as `{ONSET.format('lf_scs')}` times a ratio", "3", "value"),
                (ONSET.format("hf10") + ".times", "1.2 (0.78306 to 1.7619, lognormal)", "", "only in A"),
            ],
        ),
        (
            ["therapies.hf10.relief.waning=null"],
            [("therapies.hf10.relief.waning", "{share: 0.1, time_years: 2}", "", "only in A")],
        ),
        (
            ["therapies.lf_scs.loss_of_effect.hazard.1.rate=0.5"],
            [("therapies.lf_scs.loss_of_effect.hazard.1.rate", "0.028 (0.014583 to 0.045721, gamma)", "0.5", "value")],
        ),
        (
            ["therapies.lf_scs.complications.lead_migration.hazard=0.5"],
            [
                (
                    "therapies.lf_scs.complications.lead_migration.hazard",
                    "0.06 until 1 years, then 0.01",
                    "0.5",
                    "value",
                )
            ],
        ),
        (
            ["strategies.lf.steps=[conservative, {therapy: hf10, if: age > 60, acceptance: 0.5}]"],
            [
                (
                    "strategies.lf.steps",
                    "conservative > injection (if leg_vas >= 6)"
                    " > lf_scs (if diagnosed != 'nociceptive', acceptance 0.9)",
                    "conservative > hf10 (if age > 60, acceptance 0.5)",
                    "value",
                )
            ],
        ),
        (["strategies.new={steps: [injection]}"], [("strategies.new", "", "injection", "only in B")]),
        (["settings.norm_adjust=false"], [("settings.norm_adjust", "true", "false", "value")]),
        (
            ["therapies.lf_scs.costs.trial={value: 2170, perspective: patient}"],
            [
                (
                    "therapies.lf_scs.costs.trial",
                    "2170 {perspective: healthcare}",
                    "2170 {perspective: patient}",
                    "value",
                )
            ],
        ),
    ],
)  # fmt: skip
def test_what_differs_is_told_by_its_path(small, overrides, rows):
    assert differences(small, *overrides) == rows


@pytest.mark.parametrize(
    "override",
    [
        "population.female={value: 0.6}",
        "population.female={mean: 0.6}",
        "population.depression={alpha: 30, beta: 70}",
        "therapies.hf10.trial.days={value: 10.0}",
        "settings.norm_adjust=true",
        "strategies.lf.steps.0={therapy: conservative}",
        "population.pain_years={mean: 12, sd: 9}",
    ],
)
def test_another_way_of_writing_is_no_difference(small, override):
    assert differences(small, override) == []


def test_numbers_that_look_alike_are_told_in_full(small):
    ((_, a, b, _),) = differences(small, "population.female=0.600000001")
    assert (a, b) == ("0.6", "0.600000001")


@pytest.mark.parametrize(
    ("key", "rows"), [("strategies", [("strategies", "lf, hf", "hf, lf", "order")]), ("therapies", [])]
)
def test_the_order_of_strategies_matters_and_that_of_therapies_does_not(small, key, rows):
    block = small.positions.value[key]
    turned = replace(block, value=dict(reversed(block.value.items())))
    root = replace(small.positions, value={**small.positions.value, key: turned})
    found = difference(small.scenario, valid(root))
    assert [tuple(row) for row in found.itertuples(index=False)] == rows


def test_an_entry_more_in_a_list_leaves_the_others_alone(small):
    first, *others = small.scenario.targets
    more = first.model_copy(update={"month": 6.0})
    assert others
    found = difference(small.scenario, small.scenario.model_copy(update={"targets": (first, more, *others)}))
    ((path, a, b, what),) = found.itertuples(index=False)
    assert (path, a, what) == ("targets.1", "", "only in B")
    assert "month: 6" in b


def test_long_texts_are_cut(small):
    ((_, _, b, _),) = differences(small, f"description={'long ' * 100}")
    assert len(b) == 90 and b.endswith("...")


@settings(max_examples=20)
@given(horizon=st.integers(1, 20), female=st.floats(0.1, 0.9), step=st.booleans())
def test_the_other_way_round_tells_the_same(small_path, horizon, female, step):
    root = loaded(small_path).positions
    changes = {"settings.horizon_years": horizon, "population.female": female}
    changes |= {"strategies.more": {"steps": ["hf10"]}} if step else {}
    a, b = valid(root), valid(apply_overrides(root, changes))
    there, back = difference(a, b), difference(b, a)
    assert there.path.tolist() == back.path.tolist()
    assert (there.a.tolist(), there.b.tolist()) == (back.b.tolist(), back.a.tolist())
    assert len(there) == (horizon != 5) + (female != 0.6) + step


# ---------------------------------------------------------------- earlier runs


def manifest(folder, resolved):
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"scenario": {"resolved": resolved}}))
    return folder


def test_a_run_is_a_scenario_too(small, small_path, tmp_path):
    folder = manifest(tmp_path / "run", {**small.resolved, "title": "Before"})
    table = scssim.diff(folder, small_path)
    assert table.to_dict("records") == [
        {"path": "title", "a": "Before", "b": "Small scenario for tests", "what": "value"}
    ]
    assert scssim.diff(folder / "manifest.json", folder).empty
    with pytest.raises(ScssimError, match="is a run, which has its parameters"):
        scssim.diff(small_path, folder, parameters="p.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "the directory holds no finished run"),
        ("", "the file is damaged"),
        ("[1]", "the file is damaged"),
        ('{"scenario": {"resolved": 5}}', "not the manifest of a run"),
        ("\x00", "the file is damaged"),
        ('{"scenario": {"resolved": {"title": "x"}}}', "`population` is missing"),
    ],
)
def test_what_is_no_run(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ScenarioError, match=message):
        recorded(tmp_path)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(ScenarioError, match="there is no such directory"):
        recorded(tmp_path / "gone" / "manifest.json")
