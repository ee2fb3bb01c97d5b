"""Checks of the `analyses` block: one message for each mistake, where it is, with what would be right."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scssim.errors import Problem, ScenarioError
from scssim.scenario.load import load

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"
DEVICE = "therapies.hf10.costs.device"
TRIAL = "therapies.hf10.trial.success"
BUDGET = {"eligible": 100, "years": 2, "current": {"lf": 1}, "new": {"lf": 0.4, "hf": 0.6}}


def problems(analyses: dict[str, Any], **more: Any) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        load(SMALL, {**{f"analyses.{k}": v for k, v in analyses.items()}, **more})
    return caught.value.problems


# Each mistake: the analysis, what it says, the path it is reported at, words of the message, of what is allowed.
MISTAKES: dict[str, tuple[str, Any, str, str, str]] = {
    "misspelt analysis": ("das", {}, "das", "unknown key `das`", "did you mean `dsa`?"),
    "unknown strategy": ("dsa", {"strategy": "hff"}, "dsa.strategy", "no strategy `hff`", "did you mean `hf`?"),
    "unknown reference": ("dsa", {"reference": "x"}, "dsa.reference", "no strategy `x`", "one of lf, hf"),
    "reference of the extrapolation": (
        "extrapolation", {"data_until_years": 1, "reference": "fl"}, "extrapolation.reference", "no strategy `fl`",
        "one of lf, hf",
    ),
    "compared with itself": ("dsa", {"strategy": "lf"}, "dsa.strategy", "compared with itself", "another strategy"),
    "compared with itself, both named": (
        "dsa", {"strategy": "hf", "reference": "hf"}, "dsa.strategy", "`hf` is compared with itself", "another",
    ),
    "parameter of no name": (
        "dsa", {"parameters": ["therapies.hf10.trial.sucess"]}, "dsa.parameters.0",
        "no uncertain parameter is called `therapies.hf10.trial.sucess`", f"did you mean `{TRIAL}`?",
    ),
    "pattern of nothing": ("dsa", {"parameters": [TRIAL, "x.*"]}, "dsa.parameters.1", "called `x.*`", "one of "),
    "certain parameter": ("dsa", {"parameters": [DEVICE]}, "dsa.parameters.0", "no distribution of its own", "ranges"),
    "range of nothing": ("dsa", {"ranges": {f"{DEVICE}s": [1, 2]}}, f"dsa.ranges.{DEVICE}s", "no parameter", DEVICE),
    "range of a reference": (
        "dsa", {"ranges": {"therapies.hf10.relief.onset_weeks": [1, 2]}},
        "dsa.ranges.therapies.hf10.relief.onset_weeks", "follows another parameter",
        "vary `therapies.lf_scs.relief.onset_weeks` or `therapies.hf10.relief.onset_weeks.times`",
    ),
    "range beyond what is permitted": (
        "dsa", {"ranges": {TRIAL: [0.5, 1.5]}}, f"dsa.ranges.{TRIAL}", "1.5 is outside",
        "a probability: a number in [0, 1]",
    ),
    "range of an open end": (
        "dsa", {"ranges": {"therapies.hf10.device.life.mean": [0, 5]}}, "dsa.ranges.therapies.hf10.device.life.mean",
        "0 is outside", "above 0",
    ),
    "decreasing range": ("dsa", {"ranges": {TRIAL: [0.9, 0.5]}}, "dsa.ranges", "[0.9, 0.5]", "[low, high]"),
    "too few patients": ("dsa", {"patients": 0}, "dsa.patients", "0 is out of range", "from 1"),
    "group of nothing": ("evppi", [[TRIAL], ["none.*"]], "evppi.1.0", "called `none.*`", "one of "),
    "empty group": ("evppi", {"mine": []}, "evppi.mine", "the group is empty", "paths of parameters"),
    "named group of nothing": ("evppi", {"mine": [TRIAL, "y"]}, "evppi.mine.1", "called `y`", "one of "),
    "axis of nothing": (
        "two_way", {"g": {"x": "therapies.hf10.costs.devise", "y": TRIAL}}, "two_way.g.x", "there is no parameter",
        f"did you mean `{DEVICE}`?",
    ),
    "axis without a distribution": (
        "two_way", {"g": {"x": TRIAL, "y": DEVICE}}, "two_way.g.y", "no distribution to take an interval from",
        "low and high",
    ),
    "axis with half a range": (
        "two_way", {"g": {"x": TRIAL, "y": {"parameter": DEVICE, "low": 1}}}, "two_way.g.y", "no distribution",
        "low and high",
    ),
    "axis that ends before it begins": (
        "thresholds", {"t": {"parameter": {"parameter": TRIAL, "low": 0.999}}}, "thresholds.t.parameter",
        "is not increasing", "low and high",
    ),
    "axis of a reference": (
        "thresholds", {"t": {"parameter": "therapies.hf10.relief.modifiers.depression.odds_ratio"}},
        "thresholds.t.parameter", "follows another parameter",
        "vary `therapies.lf_scs.relief.modifiers.depression.odds_ratio`",
    ),
    "axis beyond what is permitted": (
        "thresholds", {"t": {"parameter": {"parameter": TRIAL, "low": -1, "high": 1}}}, "thresholds.t.parameter",
        "-1 is outside", "a probability",
    ),
    "twice the same axis": (
        "two_way", {"g": {"x": TRIAL, "y": TRIAL}}, "two_way.g.y", "both axes are the same", "two parameters",
    ),
    "unknown strategy of a grid": (
        "two_way", {"g": {"x": TRIAL, "y": {"parameter": DEVICE, "low": 1, "high": 2}, "strategy": "hg"}},
        "two_way.g.strategy", "no strategy `hg`", "one of lf, hf",
    ),
    "thresholds compare all": (
        "thresholds", {"t": {"parameter": TRIAL, "strategy": "a"}}, "thresholds.t.strategy", "unknown key", "patients",
    ),
    "huge threshold": ("dsa", {"threshold": 1e13}, "dsa.threshold", "out of range", "1e+12"),
    "points": ("two_way", {"g": {"x": TRIAL, "y": DEVICE, "points": 1}}, "two_way.g.points", "1 is out of range", "2"),
    "condition of nothing": ("subgroups", {"a": "aeg > 3"}, "subgroups.a", "unknown attribute `aeg`", "`age`"),
    "condition on the past": (
        "subgroups", {"a": "'hf10' in tried"}, "subgroups.a", "unknown attribute `tried`", "only the `if` of a step",
    ),
    "condition that is no condition": ("subgroups", {"a": "age"}, "subgroups.a", "'age'", "e.g. mechanism"),
    "unreadable condition": ("subgroups", {"a": "age >"}, "subgroups.a", "age >", "comparisons"),
    "unknown mechanism": (
        "subgroups", {"a": "mechanism == 'neuropatic'"}, "subgroups.a", "never 'neuropatic'", "`neuropathic`",
    ),
    "subgroup called base": ("subgroups", {"base": "age > 3"}, "subgroups.base", "name of the base case", "another"),
    "variant called base": ("variants", {"base": {}}, "variants.base", "name of the base case", "another name"),
    "case called as the base": (
        "extrapolation", {"data_until_years": 1, "cases": {"hazards_continue": {}}},
        "extrapolation.cases.hazards_continue", "name of the base case", "another name",
    ),
    "no years of data": ("extrapolation", {"data_until_years": 0}, "extrapolation.data_until_years", "0", "above 0"),
    "budget of nobody": (
        "budget", {**BUDGET, "new": {"lf": 0.4, "hg": 0.6}}, "budget.new.hg", "no strategy `hg`", "one of lf, hf",
    ),
    "shares": ("budget", {**BUDGET, "new": {"lf": 0.4}}, "budget", "`new` in year 1 sum to 0.4", "sum to 1"),
    "shares of one year": (
        "budget", {**BUDGET, "new": {"lf": [0.4, 0.3], "hf": 0.6}}, "budget", "`new` in year 2 sum to 0.9", "sum to 1",
    ),
    "negative share": (
        "budget", {**BUDGET, "current": {"lf": 1.2, "hf": -0.2}}, "budget", "`current.lf` has a share outside",
        "0 to 1",
    ),
    "years of shares": (
        "budget", {**BUDGET, "new": {"lf": [0.4], "hf": 0.6}}, "budget", "`new.lf` has 1 values for 2 years",
        "one per year",
    ),
    "years of people": ("budget", {**BUDGET, "eligible": [1, 2, 3]}, "budget", "3 values for 2 years", "one per year"),
    "no people": ("budget", {**BUDGET, "eligible": 0}, "budget", "not a number above 0", "patients per year"),
    "no mix": ("budget", {**BUDGET, "new": {}}, "budget", "`new` names no strategy", "sum to 1"),
    "curve": (
        "decision", {"curve": {"from": 5, "to": 5, "step": 1}}, "decision.curve", "before it begins", "above from",
    ),
    "fine curve": ("decision", {"curve": {"to": 1e6, "step": 1}}, "decision.curve", "10,000 points", "a larger step"),
    "one draw": ("psa", {"draws": 1}, "psa.draws", "1 is out of range", "2"),
    "sampling": ("psa", {"sampling": "halton"}, "psa.sampling", "'halton'", "random"),
    "a number for a name": ("variants", {"High": {}}, "variants.High", "High", ""),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(mistake: tuple[str, Any, str, str, str]) -> None:
    analysis, value, path, what, allowed = mistake
    (found,) = problems({analysis: value})
    assert found.path == f"analyses.{path}"
    assert what in found.what and allowed in found.allowed
    assert found.where == "overrides"


@pytest.mark.parametrize("asked", ["dsa", "two_way", "thresholds"])
def test_a_share_beside_one_that_follows_another(asked: str) -> None:
    share = "population.mechanism.nociceptive"
    mix = {"neuropathic": 0.4, "mixed": {"ref": "population.mechanism.neuropathic"}, "nociceptive": 0.2}
    axis = {"parameter": share, "low": 0, "high": 1}
    analyses = {
        "dsa": {"ranges": {share: [0.1, 0.9]}}, "two_way": {"g": {"x": axis, "y": TRIAL}},
        "thresholds": {"t": {"parameter": axis}},
    }  # fmt: skip
    (found,) = problems({asked: analyses[asked]}, **{"population.mechanism": mix})
    assert f"`{share}` cannot vary alone: `population.mechanism.mixed`" in found.what
    assert found.path.startswith(f"analyses.{asked}")


def test_no_threshold() -> None:
    none = {"settings.willingness_to_pay": []}
    analyses = {"dsa": {}, "thresholds": {"t": {"parameter": TRIAL}}, "extrapolation": {"data_until_years": 1}}
    found = problems(analyses, **none)
    assert {p.path for p in found} == {"analyses.dsa", "analyses.extrapolation", "analyses.thresholds.t"}
    assert all("`settings.willingness_to_pay` is empty" in p.what and p.allowed == "threshold: 20000" for p in found)
    load(SMALL, {**none, "analyses.dsa": {"threshold": 100}})


def test_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    shutil.copy(SMALL, tmp_path)
    path.write_text(
        f"extends: {SMALL.name}\n"
        "analyses:\n"
        "  dsa:\n"
        "    strategy: hff\n"
        "    parameters: [therapies.*, nothing.*]\n"
        "  subgroups:\n"
        "    old: age > limit\n"
    )
    with pytest.raises(ScenarioError) as caught:
        load(path)
    told = [(p.where.rsplit("mine.yaml", 1)[1], p.path) for p in caught.value.problems]
    assert told == [
        (":4:15", "analyses.dsa.strategy"),
        (":5:31", "analyses.dsa.parameters.1"),
        (":7:10", "analyses.subgroups.old"),
    ]


def test_parameters_of_unused_therapies_are_none() -> None:
    lf_only = {"strategies.hf": None, "strategies.care": {"steps": ["conservative"]}, "targets": None}
    (found,) = problems({"dsa": {"parameters": ["therapies.hf10.*"]}}, **lf_only)
    assert found.path == "analyses.dsa.parameters.0"


# ------------------------------------------------------------------------ fuzz

FULL: dict[str, Any] = {
    "psa": {"draws": 20, "patients": 100, "sampling": "sobol"},
    "decision": {
        "curve": {"from": 0, "to": 50000, "step": 500},
        "population": {"incidence": 100, "years": 5, "source": "assumption", "grade": "assumed"},
    },
    "evppi": [["therapies.*"], [TRIAL, "costs.*"]],
    "dsa": {"parameters": ["*"], "ranges": {DEVICE: [1, 20000]}, "strategy": "hf", "reference": "lf", "threshold": 1},
    "two_way": {"grid": {"x": TRIAL, "y": {"parameter": DEVICE, "low": 1, "high": 2}, "points": 3}},
    "thresholds": {"price": {"parameter": {"parameter": DEVICE, "low": 1, "high": 20000}, "patients": 10}},
    "cases": {"patients": 10, "draws": 2},
    "variants": {"a": {"label": "A", DEVICE: 5}, "b": {"note": "n", "set": {"settings.horizon_years": 3}}},
    "subgroups": {"old": "age > 60", "young": {"label": "Young", "condition": "age < 40"}},
    "extrapolation": {
        "data_until_years": 2, "reference": "lf",
        "cases": {"worse": {"therapies.hf10.loss_of_effect.late": {"from_years": 2, "time_years": 1}}},
    },
    "budget": BUDGET,
}  # fmt: skip

VALUES = st.sampled_from([
    None, True, False, 0, 1, -1, 2.5, 1e308, 1e-308, float("inf"), float("nan"), 10**18, "", "x", "*", "a.b",
    "lifetime", "tried", "lf", "hf", TRIAL, DEVICE, "therapies.hf10.relief.onset_weeks", [], [[]], {}, [0, 1], [1, 0],
    {"set": None}, {"set": {}}, {"set": {"": 1}}, {"analyses": {}}, {"analyses.psa": None}, {"extends": "x"},
    {"settings": None}, {"strategies": None}, {"population": 3}, {"": 1}, {"a..b": 1}, {"parameter": TRIAL, "low": 2},
    {"lf": 1}, {"lf": [0.5, 0.5], "hf": 0.5}, {"condition": 1}, {"base": {}},
])  # fmt: skip
KEYS = st.sampled_from(
    ["x", "set", "label", "base", "", "A", "a.b", "0", "lf", "settings.seed", "strategies.hf", TRIAL]
)


def paths(node: Any, path: tuple[Any, ...] = ()) -> Any:
    """Every path of nested data."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


PATHS = [path for path in paths(FULL) if path]


@st.composite
def mutations(draw: Any) -> dict[str, Any]:
    """Analyses with up to three values replaced, removed, moved or renamed."""
    data: dict[str, Any] = json.loads(json.dumps(FULL))
    for _ in range(draw(st.integers(1, 3))):
        *steps, last = draw(st.sampled_from(PATHS))
        parent: Any = data
        try:
            for step in steps:
                parent = parent[step]
            what = draw(st.sampled_from(["replace", "remove", "rename", "add", "swap"]))
            if what == "replace":
                parent[last] = deepcopy(draw(VALUES))
            elif what == "remove":
                del parent[last]
            elif what == "rename":
                parent[draw(KEYS)] = parent.pop(last)
            elif what == "add":
                parent[last][draw(KEYS)] = draw(VALUES)
            else:
                moved: Any = FULL
                for step in draw(st.sampled_from(PATHS)):
                    moved = moved[step]
                parent[last] = deepcopy(moved)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    return data


def test_the_unmutated_analyses_load() -> None:
    loaded = load(SMALL, {"analyses": FULL})
    assert list(loaded.cases) == ["variants.a", "variants.b", "extrapolation.worse"]
    assert loaded.warnings == []


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(analyses=mutations(), inherited=st.booleans())
def test_mutated_analyses_load_or_raise_scenario_errors(
    analyses: dict[str, Any], inherited: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = json.dumps({"extends": str(SMALL), "analyses": analyses})
    path = folder / "analyses.yaml"
    path.write_text(text.replace("Infinity", ".inf").replace("NaN", ".nan"))
    if inherited:
        path = folder / "heir.yaml"
        path.write_text("extends: analyses.yaml\nstrategies: {hf: null}\ntargets: null\n")
    try:
        loaded = load(path)
    except ScenarioError as error:
        assert error.problems
        assert all(p.what and p.where for p in error.problems)
        assert all("pydantic" not in str(p) and "Input should" not in str(p) for p in error.problems)
    else:
        assert set(loaded.cases) <= {f"variants.{name}" for name in loaded.scenario.analyses.variants} | {
            f"extrapolation.{name}" for name in getattr(loaded.scenario.analyses.extrapolation, "cases", ())
        }
