"""Checks across a scenario."""

import pytest

from scssim.errors import ScenarioError
from scssim.scenario.check import check_references
from scssim.scenario.load import load
from scssim.scenario.schema import Scenario
from scssim.scenario.yamlfile import read_yaml


def problem(small_path, overrides):
    with pytest.raises(ScenarioError) as caught:
        load(small_path, overrides)
    assert len(caught.value.problems) == 1, [str(p) for p in caught.value.problems]
    return caught.value.problems[0]


def warnings(small_path, overrides):
    return [(w.path, w.what) for w in load(small_path, overrides).warnings]


@pytest.mark.parametrize(
    ("path", "value", "what", "allowed"),
    [
        ("settings.reference", "fl", "no strategy `fl`", "one of lf, hf"),
        ("settings.utility", "maped", "no utility source `maped`", "did you mean `mapped`?"),
        ("strategies.lf.steps.2.therapy", "lfscs", "no therapy `lfscs`", "did you mean `lf_scs`?"),
        ("targets.0.strategy", "hff", "no strategy `hff`", "did you mean `hf`?"),
        ("population.mortality.life_table", "uk_2017_2109", "no life table", "did you mean `uk_2017_2019`?"),
        ("population.mortality.life_table", "/none/table.csv", "/none/table.csv", "a CSV with the columns"),
        ("utilities.norms", "nonesuch", "there are no norms `nonesuch`", ""),
    ],
)
def test_unknown_names(small_path, path, value, what, allowed):
    found = problem(small_path, {path: value})
    assert found.path == path
    assert what in found.what
    assert allowed in found.allowed


def test_assessed_needs_missingness(small_path):
    found = problem(small_path, {"measurement.missing": None})
    assert found.path == "settings.visit_denominators.3"
    overrides = {"measurement.missing": None, "settings.visit_denominators": ["randomised"]}
    assert problem(small_path, {**overrides, "targets.1.denominator": "assessed"}).path == "targets.1.denominator"


def test_observed_outside_its_own_interval(small_path):
    assert "outside its interval" in problem(small_path, {"targets.0.lower": 0.85, "targets.0.upper": 0.9}).what


def test_a_covariate_may_not_hide_an_attribute(small_path):
    found = problem(small_path, {"population.covariates": {"odi": {"probability": 0.1}}})
    assert found.path == "population.covariates.odi"


@pytest.mark.parametrize(
    ("condition", "what", "allowed"),
    [
        ("lge_vas > 3", "unknown attribute `lge_vas`", "did you mean `leg_vas`?"),
        ("diagnosed == 'neuropatic'", "`diagnosed` is never 'neuropatic'", "did you mean `neuropathic`?"),
        ("mechanism in ['mixed', 'other']", "`mechanism` is never 'other'", "neuropathic, mixed, nociceptive"),
        ("'hf01' in tried", "no therapy `hf01`", "did you mean `hf10`?"),
        ("'hf10' not in respondd", "unknown attribute `respondd`", "did you mean `responded`?"),
        ("tried", "otherwise than as 'id' in tried", ""),
        ("tried == 'hf10'", "otherwise than as 'id' in tried", ""),
        ("age in tried", "otherwise than as 'id' in tried", ""),
        ("age", "is not true or false", "leg_vas >= 6"),
        ("mechanism", "is not true or false", ""),
        ("'x'", "is not true or false", ""),
        ("age > 'old'", "compares the number `age` with a text", ""),
        ("mechanism < 'mixed'", "puts mechanisms in an order", ""),
        ("age > back_vas_then", "unknown attribute `back_vas_then`", "did you mean `back_vas_now`?"),
    ],
)
def test_conditions_of_steps(small_path, condition, what, allowed):
    found = problem(small_path, {"strategies.lf.steps.1.if": condition})
    assert found.path == "strategies.lf.steps.1.if"
    assert what in found.what
    assert allowed in found.allowed


@pytest.mark.parametrize(
    "condition",
    [
        "smoker and bmi > 30", "not depression", "18 <= age < 65", "diagnosed in ['mixed', 'neuropathic']", "True",
        "'hf10' in tried or back_vas_now > 5", "mechanism == diagnosed", "female == 1", "'lf_scs' not in responded",
        "-odi < -20", "prior_surgery and opioid_mme > 0 and pain_years >= 2",
    ],
)  # fmt: skip
def test_good_conditions(small_path, condition):
    assert load(small_path, {"strategies.lf.steps.1.if": condition}).scenario.strategies["lf"].steps[1].if_ == condition


def test_modifiers_and_among_know_no_past(small_path):
    ratio = {"odds_ratio": 1.5}
    found = problem(small_path, {"therapies.lf_scs.relief.modifiers": {"'hf10' in tried": ratio}})
    assert "only the `if` of a step can look at the past" in found.allowed
    found = problem(small_path, {"therapies.lf_scs.relief.among": "back_vas_now > 3"})
    assert found.path == "therapies.lf_scs.relief.among"
    found = problem(small_path, {"therapies.lf_scs.relief.modifiers": {"mechanism": ratio}})
    assert "is not true or false" in found.what
    good = {"bmi": ratio, "smoker": ratio, "mechanism == 'mixed'": ratio, "back_vas > 6.5": ratio}
    assert (
        set(good)
        <= load(small_path, {"therapies.lf_scs.relief.modifiers": good})
        .scenario.therapies["lf_scs"]
        .relief.modifiers.keys()
    )


def test_a_modifier_is_found_at_its_key(tmp_path, small_path):
    path = tmp_path / "s.yaml"
    path.write_text(small_path.read_text().replace("depression: {odds_ratio: {mean", "depresion: {odds_ratio: {mean"))
    with pytest.raises(ScenarioError) as caught:
        load(path)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "depresion" in text)
    assert caught.value.problems[0].where == f"{path}:{line}:9"
    assert "did you mean `depression`?" in caught.value.problems[0].allowed


@pytest.mark.parametrize(
    ("correlation", "path", "what"),
    [
        ({"back": {"odi": 0.1}}, "population.correlation.back", "`back` is not an attribute"),
        ({"odi": {"smoker": 0.1}}, "population.correlation.odi.smoker", "`smoker` is not continuous"),
        ({"odi": {"odi": 0.1}}, "population.correlation.odi.odi", "correlated with itself"),
        ({"odi": {"age": 1}}, "population.correlation.odi.age", "correlation of 1 is not possible"),
        ({"odi": {"age": 0.1}, "age": {"odi": 0.2}}, "population.correlation.age.odi", "two correlations, 0.1 and 0.2"),
        ({"odi": {"age": 0.9, "bmi": -0.9}, "age": {"bmi": 0.9}}, "population.correlation", "not positive definite"),
    ],
)
def test_correlations(small_path, correlation, path, what):
    found = problem(small_path, {"population.correlation": {"back_vas": None, "leg_vas": None, **correlation}})
    assert found.path == path
    assert what in found.what


def test_a_correlation_may_be_given_from_both_sides(small_path):
    load(small_path, {"population.correlation": {"odi": {"age": 0.1}, "age": {"odi": 0.1}}})


# ------------------------------------------------------------ tied parameters

RATE = "therapies.hf10.complications.pocket_pain.hazard"


def test_a_reference_must_exist(small_path):
    found = problem(small_path, {RATE: {"ref": "therapies.lf_scs.complications.lead_migration.hazard.1.rat"}})
    assert found.path == f"{RATE}.ref"
    assert "did you mean `therapies.lf_scs.complications.lead_migration.hazard.1.rate`?" in found.allowed


def test_references_in_a_circle_are_shown(small_path):
    other = "therapies.conservative.complications.drowsiness.hazard"
    found = problem(small_path, {RATE: {"ref": other}, other: {"ref": RATE}})
    assert f"{other} -> {RATE} -> {other}" in found.what
    found = problem(small_path, {RATE: {"ref": RATE}})
    assert f"{RATE} -> {RATE}" in found.what
    found = problem(small_path, {RATE: {"ref": other, "times": {"ref": RATE}}})
    assert "leads back to itself" in found.what


def test_a_reference_that_gives_an_impossible_value(small_path):
    found = problem(small_path, {"therapies.hf10.trial.success": {"ref": "therapies.hf10.costs.implant"}})
    assert "5801, outside the permitted range" in found.what
    reference = {"ref": "therapies.lf_scs.trial.success", "times": 1.5}
    assert "outside" in problem(small_path, {"therapies.hf10.trial.success": reference}).what
    load(small_path, {"therapies.hf10.trial.success": {**reference, "as": "odds"}})


def test_references_through_keys_with_dots(small_path):
    data = read_yaml(small_path).plain()
    modifiers = {"back_vas > 6.5": {"odds_ratio": {"ref": "no.such"}}}
    data["therapies"]["lf_scs"]["relief"]["modifiers"] = modifiers
    path = next(f.path for f in check_references(Scenario.model_validate(data)) if "no.such" in f.what)
    assert path == ("therapies", "lf_scs", "relief", "modifiers", "back_vas > 6.5", "odds_ratio", "ref")


def test_joint_parameters(small_path):
    base = "joint.loss.parameters"
    first = "therapies.lf_scs.loss_of_effect.hazard.0.rate"
    assert "no parameter `x.y`" in problem(small_path, {f"{base}.1": "x.y"}).what
    assert "listed twice" in problem(small_path, {f"{base}.1": first}).what
    assert "is a reference" in problem(small_path, {f"{base}.1": "therapies.hf10.relief.onset_weeks"}).what
    assert warnings(small_path, {first: 0.05}) == [
        (f"{base}.0", f"`{first}` has no distribution, so its correlations do nothing")
    ]


# -------------------------------------------------------------------- doubts


def test_assumed_numbers_want_a_distribution_or_a_note(small_path):
    path = "therapies.hf10.trial.success"
    assert [p for p, _ in warnings(small_path, {path: {"value": 0.9, "grade": "assumed"}})] == [path]
    assert warnings(small_path, {path: {"value": 0.9, "grade": "assumed", "note": "by convention"}}) == []
    assert warnings(small_path, {path: {"mean": 0.9, "se": 0.02, "grade": "assumed"}}) == []
    block = {"success": 0.9, "days": {"value": 7, "note": "by design"}, "grade": "assumed"}
    assert [p for p, _ in warnings(small_path, {"therapies.hf10.trial": block})] == [path]


def test_sources_are_looked_up(small_path):
    path = "therapies.hf10.trial.source"
    assert [p for p, _ in warnings(small_path, {path: "nobody1900"})] == [path]


def test_prices_in_another_currency(small_path):
    path = "therapies.hf10.costs.device"
    price = {"value": 20_000, "original": {"value": 16_000, "currency": "USD", "price_year": 2020}}
    assert warnings(small_path, {path: price}) == [
        ("settings.currency", f"costs are told in GBP, but `{path}` was printed in USD and never converted")
    ]
    price["original"]["exchange"] = 1.25
    assert warnings(small_path, {path: price}) == []
    assert warnings(small_path, {path: price, "settings.currency": "USD"}) == []


def test_unused_therapies_of_the_file_itself(small_path, tmp_path):
    text = (
        small_path.read_text()
        .replace("      - conservative\n", "")
        .replace("- {therapy: injection", "- {therapy: lf_scs")
    )
    path = tmp_path / "s.yaml"
    path.write_text(text)
    assert [w.path for w in load(path).warnings] == ["therapies.conservative", "therapies.injection"]
    path.write_text(f"extends: {small_path}\nstrategies: {{lf: {{steps: [lf_scs]}}, hf: {{steps: [hf10]}}}}\n")
    assert load(path, outside=True).warnings == []
