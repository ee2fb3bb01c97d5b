"""Draws of uncertain parameters, and scenarios with numbers in place of quantities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import scssim
from engine.tiny import AT_ONCE, HALF, merged, tiny
from scssim.model.parameters import Draws, bind, draw
from scssim.scenario.load import LoadedScenario
from scssim.scenario.schema import Scenario
from scssim.scenario.walk import uncertain, used

N = 20000


@pytest.fixture(scope="module")
def small(small_path: Path) -> LoadedScenario:
    return scssim.load(small_path)


@pytest.fixture(scope="module")
def drawn(small: LoadedScenario) -> Draws:
    return draw(small.scenario, 1, 0, N)


def test_every_uncertain_parameter_is_drawn(small: LoadedScenario, drawn: Draws) -> None:
    assert set(drawn.values) == set(uncertain(small.scenario)) and len(drawn.values) > 25
    for values in drawn.values.values():
        assert values.shape == (N,) and np.isfinite(values).all()


def test_means_and_sds(small: LoadedScenario, drawn: Draws) -> None:
    for path, quantity in uncertain(small.scenario).items():
        x, d = drawn.values[path], quantity.distribution
        assert d is not None
        assert x.mean() == pytest.approx(d.mean, abs=4.5 * d.sd / np.sqrt(N)), path
        # The standard error of an SD needs the fourth moment.
        z = (x - x.mean()) / x.std()
        error = np.sqrt((np.mean(z**4) - 1) / 4 / N)
        assert x.std() == pytest.approx(d.sd, rel=4.5 * error), path


def test_values_stay_in_their_range(small: LoadedScenario, drawn: Draws) -> None:
    for path, quantity in uncertain(small.scenario).items():
        x = drawn.values[path]
        assert x.min() >= quantity.lowest and x.max() <= quantity.highest
        if quantity.open_low:
            assert x.min() > quantity.lowest


def test_whatever_was_not_estimated_together_is_independent(small: LoadedScenario, drawn: Draws) -> None:
    paths = list(drawn.values)
    together = set(small.scenario.joint["loss"].parameters)
    r = np.corrcoef(np.stack([stats.rankdata(drawn.values[p]) for p in paths]))
    for i, a in enumerate(paths):
        for j, b in enumerate(paths[:i]):
            if {a, b} != together:
                assert abs(r[i, j]) < 5 / np.sqrt(N), (a, b)


def test_joint_correlation(small: LoadedScenario, drawn: Draws) -> None:
    a, b = small.scenario.joint["loss"].parameters
    # A Gaussian copula with correlation r has the rank correlation 6/pi asin(r/2).
    rank = stats.spearmanr(drawn.values[a], drawn.values[b]).statistic
    assert rank == pytest.approx(6 / np.pi * np.arcsin(0.4 / 2), abs=4 / np.sqrt(N))


def test_joint_of_three() -> None:
    paths = [f"therapies.one.costs.{item}" for item in ("procedure", "explant", "per_year")]
    r = [[1, 0.7, -0.3], [0.7, 1, 0.1], [-0.3, 0.1, 1]]
    loaded = tiny(
        {"one": {"kind": "continuous", "relief": AT_ONCE,
                 "costs": {k: {"mean": 100, "se": 10} for k in ("procedure", "explant", "per_year")}}},
        joint={"costs": {"parameters": paths, "correlation": r}},
    )  # fmt: skip
    values = draw(loaded.scenario, 5, 0, N).values
    found = stats.spearmanr(np.stack([values[p] for p in paths], axis=1)).statistic
    np.testing.assert_allclose(found, 6 / np.pi * np.arcsin(np.array(r) / 2), atol=4 / np.sqrt(N))


@pytest.mark.parametrize(("first", "count"), [(0, 7), (5, 3), (1023, 2), (1024, 100), (4, 1020)])
def test_any_part_of_the_draws_has_the_same_bits(small: LoadedScenario, drawn: Draws, first: int, count: int) -> None:
    part = draw(small.scenario, 1, first, count)
    assert (part.first, part.count) == (first, count)
    for path, values in part.values.items():
        assert np.array_equal(values, drawn.values[path][first : first + count]), path


def test_a_single_draw_has_the_same_bits(small: LoadedScenario, drawn: Draws) -> None:
    for first in range(40):
        for path, values in draw(small.scenario, 1, first, 1).values.items():
            assert np.array_equal(values, drawn.values[path][first : first + 1]), (first, path)


def test_slices(drawn: Draws) -> None:
    part = drawn.slice(10, 14).slice(12, 14)
    assert (part.first, part.count) == (12, 2)
    assert all(np.array_equal(v, drawn.values[p][12:14]) for p, v in part.values.items())
    assert Draws(0, 0, {}).slice(0, 5).count == 0


def test_seeds_differ(small: LoadedScenario, drawn: Draws) -> None:
    other = draw(small.scenario, 2, 0, N)
    for path, values in drawn.values.items():
        assert abs(np.corrcoef(values, other.values[path])[0, 1]) < 5 / np.sqrt(N)


CHANGES: dict[str, dict[str, Any]] = {
    "a cost": {"therapies": {"lf_scs": {"costs": {"referral": {"mean": 100, "se": 10}}}}},
    "the spread of one": {"therapies": {"injection": {"wait": {"weeks": {"mean": 6, "se": 2}}}}},
    "a complication": {"therapies": {"lf_scs": {"complications": {"aaa": {"hazard": {"mean": 0.1, "se": 0.01}}}}}},
    "a joint group": {
        "joint": {
            "costs": {
                "parameters": ["therapies.lf_scs.costs.implant", "therapies.lf_scs.costs.explant"],
                "correlation": [[1, 0.5], [0.5, 1]],
            }
        }
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_other_column_moves(small: LoadedScenario, drawn: Draws, change: str) -> None:
    data = merged(small.scenario.model_dump(mode="json", by_alias=True, exclude_unset=True), CHANGES[change])
    other = draw(Scenario.model_validate(data), 1, 0, 1000).values
    touched = {
        "a cost": {"therapies.lf_scs.costs.referral"},
        "the spread of one": {"therapies.injection.wait.weeks"},
        "a complication": {"therapies.lf_scs.complications.aaa.hazard"},
        "a joint group": {"therapies.lf_scs.costs.explant"},
    }[change]
    assert touched <= set(other)
    moved = {p for p in drawn.values.keys() & other.keys() if not np.array_equal(drawn.values[p][:1000], other[p])}
    assert moved <= touched
    assert set(other) - set(drawn.values) <= touched


def test_therapies_that_no_strategy_uses_are_left_out(small: LoadedScenario) -> None:
    data = small.scenario.model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["strategies"]["hf"]["steps"] = ["conservative", "hf10"]
    data["strategies"]["lf"]["steps"] = ["conservative"]
    scenario = Scenario.model_validate(data)
    # lf_scs is no step any more, but hf10's onset refers to it.
    assert set(used(scenario).therapies) == {"conservative", "hf10", "lf_scs"}
    assert not any(p.startswith("therapies.injection") for p in uncertain(scenario))


# ------------------------------------------------------------------- binding


def tied() -> LoadedScenario:
    relief = {**AT_ONCE, "back": {**HALF, "responders": {"mean": 0.4, "se": 0.1}}}
    others = {
        "same": {"ref": "therapies.a.relief.back.responders"},
        "half": {"ref": "therapies.a.relief.back.responders", "times": {"mean": 0.5, "ci": [0.3, 0.9]}},
        "double": {"ref": "therapies.a.relief.back.responders", "times": 2.4},
        "odds": {"ref": "therapies.a.relief.back.responders", "times": 3, "as": "odds"},
        "chain": {"ref": "therapies.half.relief.back.responders", "times": 0.5},
    }
    therapies = {"a": {"kind": "continuous", "relief": relief}}
    for name, responders in others.items():
        part = {**AT_ONCE, "back": {**HALF, "responders": responders}}
        therapies[name] = {"kind": "continuous", "relief": part}
    return tiny(therapies)


def shares(bound: Any) -> dict[str, Any]:
    return {name: t.relief.back.responders for name, t in bound.therapies.items()}


def test_references_without_draws() -> None:
    p = shares(bind(tied().scenario, Draws(0, 0, {})))
    assert p["a"] == p["same"] == pytest.approx(0.4)
    assert p["half"] == pytest.approx(0.2) and p["chain"] == pytest.approx(0.1)
    assert p["double"] == pytest.approx(0.96)
    assert p["odds"] == pytest.approx(2 / 3)  # odds 2/3, times 3
    assert all(np.ndim(x) == 0 for x in p.values())


def test_references_with_draws() -> None:
    loaded = tied()
    draws = draw(loaded.scenario, 1, 0, 4000)
    p = shares(bind(loaded.scenario, draws))
    a = draws.values["therapies.a.relief.back.responders"]
    ratio = draws.values["therapies.half.relief.back.responders.times"]
    assert ratio.mean() == pytest.approx(0.5, rel=0.02)
    assert np.array_equal(p["a"], a) and np.array_equal(p["same"], a)
    assert np.array_equal(p["half"], np.minimum(a * ratio, 1))
    assert np.array_equal(p["chain"], np.minimum(p["half"] * 0.5, 1))
    assert (a * 2.4 > 1).any() and p["double"].max() == 1.0
    np.testing.assert_allclose(p["odds"] / (1 - p["odds"]), 3 * a / (1 - a), rtol=1e-12)


def test_mechanism_shares_of_draws_sum_to_one() -> None:
    mix = {"neuropathic": {"mean": 0.4, "se": 0.1}, "mixed": {"mean": 0.35, "se": 0.1}, "nociceptive": 0.25}
    loaded = tiny({"a": {"kind": "continuous", "relief": AT_ONCE}}, population={"mechanism": mix})
    bound = bind(loaded.scenario, draw(loaded.scenario, 1, 0, 100)).population.mechanism
    total = bound.neuropathic + bound.mixed + bound.nociceptive
    np.testing.assert_allclose(total, 1, rtol=1e-14)
    assert np.std(bound.nociceptive) > 0.01  # rescaled with the others


def test_binding_leaves_the_rest_alone(small: LoadedScenario) -> None:
    bound = bind(small.scenario, Draws(0, 0, {}))
    lf = bound.therapies["lf_scs"]
    assert lf.kind == "implant" and lf.review.months == (6.0, 12.0) and lf.wait.weeks == 8
    assert lf.trial.success == pytest.approx(81 / 92)
    assert [piece.rate for piece in lf.loss_of_effect.hazard] == pytest.approx([0.045, 0.028])
    assert bound.therapies["hf10"].relief.onset_weeks == pytest.approx(3 * 1.2)
    assert bound.settings.horizon_years == 5
