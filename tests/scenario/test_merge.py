"""extends, deep merging, dotted overrides."""

import numpy as np
import pytest

from scssim.errors import ScenarioError
from scssim.scenario import merge
from scssim.scenario.load import load
from scssim.scenario.merge import apply_overrides, locate, read_extended
from scssim.scenario.yamlfile import parse_yaml


def merged(base, own):
    return merge.merge(parse_yaml(base, "base.yaml"), parse_yaml(own, "own.yaml"))


def chain(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path / f"{next(iter(files))}.yaml"


# ------------------------------------------------------------------ merging


def test_mappings_merge_and_lists_replace():
    root = merged("settings: {seed: 1, visit_months: [1, 2]}", "settings: {patients: 5, visit_months: [3]}")
    assert root.plain() == {"settings": {"seed": 1, "patients": 5, "visit_months": [3]}}


def test_every_value_keeps_its_place():
    root = merged("settings:\n  seed: 1\n  patients: 2\n", "\nsettings: {patients: 3}\n")
    assert root.find(("settings", "seed"))[0].at_value == "base.yaml:2:9"
    assert root.find(("settings", "patients"))[0].at_value == "own.yaml:2:22"


SUCCESS = "therapies: {{a: {{trial: {{success: {}, days: 7}}}}}}"


@pytest.mark.parametrize(
    ("base", "own", "result"),
    [
        ("{events: 90, of: 97, source: x}", "{mean: 0.9, se: 0.1}", {"mean": 0.9, "se": 0.1}),
        ("{mean: 0.9, se: 0.1, note: n}", "{mean: 0.8}", {"mean": 0.8}),
        ("{mean: 0.9, se: 0.1}", "{note: why}", {"mean": 0.9, "se": 0.1, "note": "why"}),
        ("{mean: 0.9, se: 0.1}", "0.5", 0.5),
        ("0.5", "{events: 1, of: 2}", {"events": 1, "of": 2}),
        ("{ref: a.b, times: {mean: 2}}", "{value: 1}", {"value": 1}),
    ],
)
def test_a_number_in_a_new_form_replaces_the_old_form(base, own, result):
    root = merged(SUCCESS.format(base), SUCCESS.format(own))
    assert root.plain()["therapies"]["a"]["trial"] == {"success": result, "days": 7}


def test_a_new_time_replaces_the_old_but_keeps_what_follows_from_it():
    base = "therapies: {a: {loss_of_effect: {distribution: weibull, mean: 3, shape: 2, unit: months, residual: 0.1}}}"
    root = merged(base, "therapies: {a: {loss_of_effect: {hazard: 0.1}}}")
    assert root.plain()["therapies"]["a"]["loss_of_effect"] == {"hazard": 0.1, "residual": 0.1}


def test_attributes_and_relief_parts_merge_key_by_key():
    """Their mean and SD between patients are separate numbers, not two halves of one."""
    base = "population: {age: {distribution: lognormal, mean: 50, sd: 9, max: 80}}"
    root = merged(base, "population: {age: {mean: 60}}")
    assert root.plain()["population"]["age"] == {"distribution": "lognormal", "mean": 60, "sd": 9, "max": 80}


def test_cost_keeps_its_perspective_but_not_the_printed_price():
    base = "therapies: {a: {costs: {trial: {mean: 1, se: 2, perspective: patient, original: {value: 3}}}}}"
    root = merged(base, "therapies: {a: {costs: {trial: {mean: 5}}}}")
    assert root.plain()["therapies"]["a"]["costs"]["trial"] == {"mean": 5, "perspective": "patient"}


def test_null_deletes_a_key():
    assert merged("therapies: {a: {kind: x}, b: {kind: y}}", "therapies: {a: null}").plain() == {
        "therapies": {"b": {"kind": "y"}}
    }


def test_null_is_kept_where_it_means_something():
    root = merged("population: {mortality: {life_table: us_2017}}", "population: {mortality: {life_table: null}}")
    assert root.plain()["population"]["mortality"] == {"life_table": None}


# ------------------------------------------------------------------ extends


def test_later_entries_override_earlier_ones_and_own_keys_all(tmp_path):
    path = chain(
        tmp_path,
        top="extends: [one, ./two.yaml]\nsettings: {seed: 3}\n".replace("one,", "one.yaml,"),
        one="title: one\nsettings: {seed: 1, patients: 1, price_year: 1}\n",
        two="extends: deep.yaml\nsettings: {seed: 2, patients: 2}\n",
        deep="settings: {patients: 9, price_year: 9}\n",
    )
    assert read_extended(path).plain() == {"title": "one", "settings": {"seed": 3, "patients": 2, "price_year": 9}}


def test_extending_a_small_scenario(tmp_path, small_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {small_path}\ntitle: Mine\nsettings: {{patients: 7}}\n")
    loaded = load(path, outside=True)
    assert loaded.scenario.title == "Mine"
    assert (loaded.scenario.settings.patients, loaded.scenario.settings.seed) == (7, 7)
    assert "extends" not in loaded.resolved
    assert loaded.where(("settings", "seed")).startswith(merge._display(small_path))


def test_what_a_scenario_says_of_itself_is_not_inherited(tmp_path, small_path):
    base, mine = tmp_path / "base.yaml", tmp_path / "mine.yaml"
    (tmp_path / "small.yaml").write_text(small_path.read_text())
    base.write_text("extends: small.yaml\nreporting: {funding: A trust., authors: A. Nonymous}\n")
    mine.write_text("extends: base.yaml\nreporting: {authors: Me}\n")
    assert load(base).scenario.reporting.funding == "A trust."
    assert load(mine).scenario.reporting.model_dump(exclude_none=True) == {"authors": "Me"}
    set_here = load(mine, ["reporting.funding=None."]).scenario.reporting
    assert (set_here.authors, set_here.funding) == ("Me", "None.")


def test_circular_extends_shows_the_chain(tmp_path):
    path = chain(tmp_path, a="extends: b.yaml\n", b="\nextends: [c.yaml]\n", c="extends: b.yaml\n")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    (found,) = caught.value.problems
    assert found.what == "circular extends: b.yaml -> c.yaml -> b.yaml"
    assert found.where.endswith("c.yaml:1:10")


def test_a_file_that_extends_itself(tmp_path):
    with pytest.raises(ScenarioError, match=r"circular extends: a\.yaml -> a\.yaml"):
        load(chain(tmp_path, a="extends: a.yaml\n"))


def test_a_diamond_is_no_circle(tmp_path):
    path = chain(tmp_path, a="extends: [b.yaml, c.yaml]", b="extends: d.yaml", c="extends: d.yaml", d="title: d")
    assert read_extended(path).plain() == {"title": "d"}


def test_unknown_names_are_guessed(tmp_path, monkeypatch):
    monkeypatch.setattr(merge, "shipped", lambda: {"back_leg_uk": tmp_path / "x.yaml"})
    path = chain(tmp_path, a="title: x\nextends: back_leg_ku\n", base="title: b")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    (found,) = caught.value.problems
    assert found.where.endswith("a.yaml:2:10")
    assert "did you mean `back_leg_uk`?" in found.allowed
    path.write_text("extends: bas.yaml")
    with pytest.raises(ScenarioError, match=r"did you mean `base\.yaml`"):
        load(path)


def test_shipped_and_library_names_are_found(tmp_path, monkeypatch):
    fragment = tmp_path / "f.yaml"
    fragment.write_text("title: from the library")
    monkeypatch.setattr(merge, "fragments", lambda: {"library/therapies": fragment})
    path = chain(tmp_path, a="extends: library/therapies")
    assert read_extended(path).plain() == {"title": "from the library"}
    assert locate("library/therapies", tmp_path, "") == fragment


@pytest.mark.parametrize("extends", ["5", "{a: b}", "[[a]]", "''", "[null]"])
def test_malformed_extends(tmp_path, extends):
    with pytest.raises(ScenarioError, match="names no scenario"):
        load(chain(tmp_path, a=f"extends: {extends}"))


def test_extends_of_a_directory(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ScenarioError, match="directory"):
        load(chain(tmp_path, a="extends: folder"))


def test_patient_tables_are_relative_to_the_file_that_names_them(tmp_path, small_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "people.csv").write_text("age\n50\n60\n")
    (inner / "base.yaml").write_text(f"extends: {small_path}\npopulation: {{file: people.csv}}\n")
    path = chain(tmp_path, top="extends: inner/base.yaml\n")
    assert load(path, outside=True).scenario.population.file == str(inner / "people.csv")


def test_patient_tables_in_overrides_are_relative_to_the_working_directory(tmp_path, small_path, monkeypatch):
    (tmp_path / "people.csv").write_text("age\n50\n")
    monkeypatch.chdir(tmp_path)
    loaded = load(small_path, ["population.file=people.csv"])
    assert loaded.scenario.population.file == str(tmp_path / "people.csv")


# ---------------------------------------------------------------- overrides


def test_overrides_as_text_and_as_values_agree(small_path):
    texts = load(small_path, ["settings.horizon_years=3", "therapies.hf10.trial.success={events: 1, of: 2}"])
    values = load(small_path, {"settings.horizon_years": 3, "therapies.hf10.trial.success": {"events": 1, "of": 2}})
    assert texts.scenario == values.scenario
    assert texts.sha256 == values.sha256
    assert texts.scenario.settings.horizon_years == 3
    assert texts.scenario.therapies["hf10"].trial.success.events == 1


def test_a_number_over_a_mapping_replaces_it(small_path):
    success = load(small_path, ["therapies.hf10.trial.success=0.9"]).scenario.therapies["hf10"].trial.success
    assert (success.value, success.events) == (0.9, None)


def test_a_path_through_a_list(small_path):
    loaded = load(small_path, {"therapies.lf_scs.loss_of_effect.hazard.1.rate": 0.5, "settings.visit_months.3": 36})
    assert loaded.scenario.therapies["lf_scs"].loss_of_effect.hazard[1].rate.value == 0.5
    assert loaded.scenario.settings.visit_months == (0, 3, 12, 36)


def test_a_key_that_holds_dots_and_equals_signs(small_path):
    path = "therapies.lf_scs.relief.modifiers.mechanism == 'neuropathic'.odds_ratio"
    loaded = load(small_path, [f"{path}=2.5"])
    assert loaded.scenario.therapies["lf_scs"].relief.modifiers["mechanism == 'neuropathic'"].odds_ratio.value == 2.5
    root = apply_overrides(parse_yaml("a: {x > 6.5: {y: 1}}", "f"), {"a.x > 6.5.y": 2})
    assert root.plain() == {"a": {"x > 6.5": {"y": 2}}}


def test_missing_optional_parents_are_made(small_path):
    loaded = load(small_path, {"therapies.conservative.costs.procedure.value": 5, "analyses.psa.draws": np.int64(9)})
    assert loaded.scenario.therapies["conservative"].costs.procedure.value == 5
    assert loaded.scenario.analyses.psa.draws == 9


def test_null_deletes_and_mappings_merge(small_path):
    loaded = load(small_path, ["targets=null", "settings={seed: 3}"])
    assert loaded.scenario.targets == ()
    assert (loaded.scenario.settings.seed, loaded.scenario.settings.patients) == (3, 500)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("therapies.hf01.trial.success=0.9", "did you mean `hf10`?"),
        ("setings.seed=3", "did you mean `settings`?"),
        ("settings.sed=3", "did you mean `seed`?"),
        ("settings.seed.x=3", "`settings.seed` is the number 7 and has nothing below it"),
        ("settings.visit_months.9=3", "has no position 9"),
        ("settings.seed", "the value is missing"),
        ("=3", "'' is not a path"),
        ("settings..seed=3", "is not a path"),
        ("settings.seed=[1", "not valid YAML"),
        ("settings.seed=!!int 3", "tag"),
        ("settings.patients=0", "0 is out of range"),
    ],
)
def test_bad_overrides(small_path, override, part):
    with pytest.raises(ScenarioError) as caught:
        load(small_path, [override])
    (found,) = caught.value.problems
    assert part in str(found)
    assert found.where.startswith("--set")


def test_overrides_from_python_are_named(small_path):
    with pytest.raises(ScenarioError) as caught:
        load(small_path, {"settings.patients": -1, "settings.seed": object()})
    (found,) = caught.value.problems
    assert (found.where, found.path) == ("overrides", "settings.seed")
    with pytest.raises(ScenarioError) as caught:
        load(small_path, {"settings.patients": -1})
    assert caught.value.problems[0].where == "overrides"


@pytest.mark.parametrize(
    ("overrides", "path", "value"),
    [
        (["population.age=50", "population.age.mean=55"], "population.age", {"distribution": "fixed", "mean": 55}),
        (["population.female=0.5", "population.female.source=me"], "population.female", {"value": 0.5, "source": "me"}),
        (["strategies.lf.steps.0.if=age > 50"], "strategies.lf.steps.0", {"therapy": "conservative", "if": "age > 50"}),
        (["service.replications=2", "service.replications.number=7"], "service.replications", {"number": 7}),
        (
            ["costs.background.x={per_year: 5}", "costs.background.x.pieces.0.per_year=7"],
            "costs.background.x",
            {"pieces": [{"per_year": 7}]},
        ),
        (["costs.background.x={per_year: 5}", "costs.background.x.per_year=7"], "costs.background.x", {"per_year": 7}),
    ],
)  # fmt: skip
def test_what_is_written_short_can_be_set_in_part(small_path, overrides, path, value):
    root = apply_overrides(read_extended(small_path), overrides)
    node, depth = root.find([int(part) if part.isdecimal() else part for part in path.split(".")])
    assert (depth, node.plain()) == (len(path.split(".")), value)
