"""Variants and inherited analyses: what fits is loaded, what does not is told where it was written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import scssim
from scssim.errors import Problem, ScenarioError
from scssim.scenario.json_schema import scenario_schema
from scssim.scenario.load import LoadedScenario, load
from scssim.scenario.yamlfile import parse_yaml

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
DEVICE = "therapies.hf10.costs.device"
TRIAL = "therapies.hf10.trial.success"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a scenario that extends the small one (or another); return its path."""

    def make(text: str, name: str = "mine.yaml", extends: str = SMALL.name) -> Path:
        shutil.copy(SMALL, tmp_path)
        path = tmp_path / name
        path.write_text(f"extends: {extends}\n{text}")
        return path

    return make


def problems(path: Path) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return caught.value.problems


def at(problem: Problem) -> str:
    """Place without the folder."""
    return problem.where.rsplit("/", 1)[-1]


# ------------------------------------------------------------------- variants


def test_a_variant_is_the_scenario_with_its_values(write: Any) -> None:
    loaded = load(
        write(
            "analyses:\n"
            "  variants:\n"
            "    cheap: {label: Cheap, note: why, therapies.hf10.costs.device: 9000}\n"
            "    long:\n"
            "      set: {settings.horizon_years: lifetime}\n"
            "    short: {settings.horizon_years: 3}\n"
            "    plain: {}\n"
            "  extrapolation:\n"
            "    data_until_years: 2\n"
            "    cases:\n"
            "      late: {therapies.hf10.loss_of_effect.late: {from_years: 2, time_years: 1}}\n"
        )
    )
    assert list(loaded.cases) == [
        "variants.cheap", "variants.long", "variants.short", "variants.plain", "extrapolation.late",
    ]  # fmt: skip
    scenario = {name: case.scenario for name, case in loaded.cases.items()}
    assert scenario["variants.cheap"].therapies["hf10"].costs.device.value == 9000
    assert loaded.scenario.therapies["hf10"].costs.device.value == 16648
    horizons = [scenario[f"variants.{name}"].settings.horizon_years for name in ("long", "short", "plain")]
    assert horizons == ["lifetime", 3.0, 5.0] and isinstance(horizons[1], float)
    late = scenario["extrapolation.late"].therapies["hf10"].loss_of_effect
    assert late is not None and late.late is not None and late.late.from_years.value == 2
    spec = loaded.scenario.analyses.variants["cheap"]
    assert (spec.label, spec.note, spec.set_) == ("Cheap", "why", {DEVICE: 9000})
    assert len({case.sha256 for case in loaded.cases.values()}) == 5
    assert all(case.scenario.analyses.psa is None and not case.cases for case in loaded.cases.values())


@pytest.mark.parametrize(
    ("line", "path", "what", "column"),
    [
        ("therapies.hf10.costs.device: -3", DEVICE, "-3 is outside", 36),
        ("therapies.hf10.costs.devise: 3", "therapies.hf10.costs.devise", "unknown key `devise`", 7),
        ("settings.reference: none", "settings.reference", "no strategy `none`", 27),
        ("strategies.hf.steps: [hf01]", "strategies.hf.steps.0.therapy", "no therapy `hf01`", 29),
        ("set: {therapies.hf10.trial.success: 1.5}", TRIAL, "1.5 is outside", 43),
        ("therapys.hf10: 3", "therapys.hf10", "there is no `therapys`", 7),
        ("analyses.psa: {draws: 3}", "analyses.psa", "a variant cannot change `analyses`", 7),
        ("extends: back_leg_uk", "extends", "a variant cannot change `extends`", 7),
    ],
)
@pytest.mark.parametrize("place", ["variants", "extrapolation"])
def test_mistakes_point_to_the_line_of_the_variant(
    write: Any, line: str, path: str, what: str, column: int, place: str
) -> None:
    head = "  variants:\n    v:\n" if place == "variants" else "  extrapolation: {data_until_years: 1, cases: {v:\n"
    tail = "" if place == "variants" else "    }}\n"
    body = f"      {line}\n" if place == "variants" else f"     {{{line}}}\n"
    (found,) = problems(write(f"analyses:\n{head}{body}{tail}"))
    assert what in found.what
    assert found.path == path
    number = 5 if place == "variants" else 4
    assert at(found) == f"mine.yaml:{number}:{column}"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("settings.seed: 3", "seed"),
        ("settings: {seed: 3}", "seed"),
        ("settings.patients: 3", "patients"),
        ("settings.willingness_to_pay: [5000]", "willingness_to_pay"),
        ("settings.currency: USD", "currency"),
    ],
)
def test_a_variant_cannot_change_what_all_share(write: Any, line: str, name: str) -> None:
    (found,) = problems(write(f"analyses:\n  variants:\n    v:\n      {line}\n"))
    assert found.path == f"settings.{name}" and "in `variants.v`, a variant cannot change it" in found.what
    assert at(found) == "mine.yaml:5:7" and found.allowed


def test_what_a_variant_breaks_elsewhere_is_laid_to_it(write: Any) -> None:
    (found,) = problems(write("analyses: {variants: {gone: {strategies.hf: null}}}\n"))
    assert found.path == "targets.0.strategy" and "in `variants.gone`, there is no strategy `hf`" in found.what


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("therapies: {hf10: {costs: {device: }}}", DEVICE, "a number from 0 up; `null` for none"),
        ("analyses:\n  dsa:\n", "analyses.dsa", "`{}` for its defaults"),
        ("analyses: {variants: {v: {therapies.hf10.costs.device: }}}", f"analyses.variants.v.{DEVICE}", "a value"),
    ],
)
def test_nothing_written_is_not_null(write: Any, text: str, path: str, allowed: str) -> None:
    (found,) = problems(write(text + "\n"))
    assert found.path == path and found.what == "no value is given" and allowed in found.allowed
    assert load(write(text.replace(": }", ": null}").replace("dsa:", "dsa: null") + "\n")).scenario


def test_nothing_set_on_the_command_line_is_not_null(write: Any) -> None:
    with pytest.raises(ScenarioError, match=r"the value is missing \(.*=null\)"):
        load(SMALL, [f"{DEVICE}="])
    assert load(SMALL, [f"{DEVICE}=null"]).scenario.therapies["hf10"].costs.device is None


def test_all_variants_are_checked(write: Any) -> None:
    found = problems(write("analyses: {variants: {a: {settings.seed: -1}, b: {}, c: {settings.patients: 0}}}\n"))
    assert [p.path for p in found] == ["settings.seed", "settings.patients"]


# ------------------------------------------------------------------ inherited

PARENT = f"""\
analyses:
  dsa: {{strategy: hf, parameters: [{TRIAL}]}}
  evppi: [[therapies.hf10.relief.*], [therapies.hf10.*], [costs.*], [therapies.hf10.trial.*]]
  two_way: {{g: {{x: {TRIAL}, y: {{parameter: {DEVICE}, low: 1, high: 2}}}}}}
  thresholds:
    t: {{parameter: {TRIAL}}}
    u: {{parameter: therapies.lf_scs.trial.success}}
  variants:
    cheap: {{{DEVICE}: 9000, strategies.hf.label: Cheap}}
    old: {{population.age.mean: 70}}
  subgroups: {{smokers: smoker, old: age > 60}}
  extrapolation:
    data_until_years: 2
    cases: {{hf: {{strategies.hf.label: Late}}, long: {{settings.horizon_years: 9}}}}
  budget: {{eligible: 10, current: {{lf: 1}}, new: {{hf: 1}}}}
"""
HEIR = "strategies: {hf: null, care: {steps: [conservative]}}\n"
HEIR += "targets: null\ntherapies: {hf10: null}\npopulation: {covariates: {smoker: null}}\n"


@pytest.fixture
def heir(write: Any) -> LoadedScenario:
    write(PARENT, "parent.yaml")
    return load(write(HEIR, "heir.yaml", "parent.yaml"))


def test_inherited_analyses_that_do_not_fit_are_left_out(heir: LoadedScenario) -> None:
    analyses = heir.scenario.analyses
    assert analyses.dsa is None and analyses.budget is None and not analyses.two_way
    assert analyses.evppi == (("costs.*",),)
    assert list(analyses.thresholds) == ["u"] and list(analyses.subgroups) == ["old"]
    assert list(heir.cases) == ["variants.old", "extrapolation.long"]
    told = [w for w in heir.warnings if "left out" in w.what]
    places = {w.path for w in told}
    assert {"analyses.dsa.strategy", "analyses.budget.new.hf", "analyses.subgroups.smokers"} < places
    assert {"analyses.evppi.0.0", "analyses.evppi.1.0", "analyses.evppi.3.0"} < places
    assert all(at(w).startswith("parent.yaml:") for w in told)
    assert any("`variants.cheap` is left out" in w.what for w in told)
    assert any("`extrapolation.hf` is left out" in w.what for w in told)


def test_what_is_left_out_is_not_run(heir: LoadedScenario) -> None:
    result = scssim.run(heir, patients=20, draws=0)
    assert result.variants["name"].unique().tolist() == ["base", "old"]
    assert result.extrapolation["name"].unique().tolist() == ["hazards_continue", "long"]
    assert result.thresholds["name"].unique().tolist() == ["u"]
    assert result.dsa.empty and result.budget.empty and set(result.cases) == {"variants.old", "subgroups.old"}
    assert sum("left out" in w for w in result.warnings) >= 8


@pytest.mark.parametrize(
    "own",
    [
        "analyses: {dsa: {strategy: hf}}\n",
        "analyses: {thresholds: {mine: {parameter: therapies.hf10.trial.success}}}\n",
        "analyses: {variants: {mine: {strategies.hf.label: Cheap}}}\n",
        "analyses: {budget: {new: {hf: 1}}}\n",
    ],
)
def test_own_analyses_that_do_not_fit_are_errors(write: Any, own: str) -> None:
    write(PARENT, "parent.yaml")
    found = problems(write(HEIR + own, "heir.yaml", "parent.yaml"))
    assert found and all(at(p).startswith("heir.yaml:6:") for p in found)


def test_overrides_that_do_not_fit_are_errors(write: Any) -> None:
    path = write(PARENT, "parent.yaml")
    for override in (
        "analyses.dsa.strategy=no",
        "analyses.variants.v={settings.seed: -1}",
        "analyses.subgroups.s=agee>1",
    ):
        with pytest.raises(ScenarioError):
            load(path, [override])


@pytest.mark.parametrize("gone", ["analyses: null", "analyses: {dsa: null}", "analyses: {variants: {cheap: null}}"])
def test_null_removes(write: Any, gone: str) -> None:
    write(PARENT, "parent.yaml")
    loaded = load(write(gone + "\n", "heir.yaml", "parent.yaml"))
    analyses = loaded.scenario.analyses
    assert (analyses.dsa is None) == (gone != "analyses: {variants: {cheap: null}}")
    assert (analyses.psa is None) == (gone == "analyses: null") == (not analyses.variants)
    assert ("variants.cheap" in loaded.cases) == (gone == "analyses: {dsa: null}")
    assert loaded.warnings == []
    assert load(SMALL, {"analyses": None}).scenario.analyses.psa is None
    assert load(SMALL, ["analyses.psa=null"]).scenario.analyses.psa is None


def test_analyses_change_the_fingerprint() -> None:
    hashes = {load(SMALL, {"analyses": a}).sha256 for a in (None, {"dsa": {}}, {"dsa": {"threshold": 1}})}
    assert len(hashes) == 3


# ---------------------------------------------------------------- short forms

SHORT = f"""\
analyses:
  variants:
    a: {{{DEVICE}: 1}}
  subgroups: {{old: age > 60, everyone: true}}
  two_way: {{g: {{x: {TRIAL}, y: {{parameter: {DEVICE}, low: 1, high: 2}}}}}}
  thresholds: {{t: {{parameter: {TRIAL}}}}}
  evppi: {{mine: [costs.*]}}
  budget: {{eligible: [1, 2], years: 2, current: {{lf: 1}}, new: {{lf: [1, 0], hf: [0, 1]}}}}
"""
LONG = f"""\
analyses:
  variants:
    a: {{set: {{{DEVICE}: 1}}}}
  subgroups: {{old: {{condition: age > 60}}, everyone: {{condition: true}}}}
  two_way: {{g: {{x: {{parameter: {TRIAL}}}, y: {{parameter: {DEVICE}, low: 1, high: 2}}}}}}
  thresholds: {{t: {{parameter: {{parameter: {TRIAL}}}}}}}
  evppi: {{mine: [costs.*]}}
  budget: {{eligible: [1, 2], years: 2, current: {{lf: [1, 1]}}, new: {{lf: [1, 0], hf: [0, 1]}}}}
"""


def test_short_forms_say_the_same(write: Any) -> None:
    short, long = (load(write(text)).scenario.analyses for text in (SHORT, LONG))
    for name in ("variants", "subgroups", "two_way", "thresholds", "evppi"):
        assert getattr(short, name) == getattr(long, name), name
    assert short.budget is not None and long.budget is not None
    assert short.budget.shares("current", "lf") == long.budget.shares("current", "lf") == (1, 1)


def test_the_schema_accepts_short_and_long_forms() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(scenario_schema())
    for text in (SHORT, LONG, PARENT, HEIR, "analyses: null", "analyses: {dsa: null, variants: {a: null}}"):
        data = {"extends": "mine.yaml", **parse_yaml(text, "mine.yaml").plain()}
        assert [error.message for error in validator.iter_errors(data)] == []
    for wrong in (
        {"das": {}},
        {"variants": {"A": {}}},
        {"variants": {"a": 3}},
        {"subgroups": {"a": {"conditon": "age > 3"}}},
        {"two_way": {"g": {"x": 3, "y": TRIAL}}},
        {"psa": {"draws": 1}},
        {"budget": {"eligible": "all"}},
    ):
        assert not validator.is_valid({"extends": "mine.yaml", "analyses": wrong}), wrong
