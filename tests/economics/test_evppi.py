"""EVPPI against closed forms, quadrature and nested Monte Carlo, and what must hold for every sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from economics.brennan import LARGE, SMALL, WTP, Array, Model, brennan, exact, names, normals, unit_loss
from scssim.economics import Population, evppi
from scssim.economics.sample import SampleError

NORMALS = {"p1": 0.0833154706, "p2": 0.3955931148, "p1,p2": 0.4798107063}
THRESHOLDS = [0.0, 0.5, 1.0, 2.0]


def six(rng: np.random.Generator, draws: int) -> Model:
    """Six strategies, parameters of every kind: skewed, binary, counts, a proportion, an irrelevant, a constant one."""
    p = pd.DataFrame(
        {
            "skewed": rng.lognormal(0, 1, draws),
            "binary": rng.integers(0, 2, draws).astype(float),
            "count": rng.poisson(2, draws).astype(float),
            "share": rng.beta(1, 3, draws),
            "normal": rng.standard_normal(draws),
            "irrelevant": rng.standard_normal(draws),
            "constant": np.full(draws, 0.1),
        }
    )
    noise = rng.standard_normal((draws, 12))
    effects = {
        "a": np.zeros(draws),
        "b": 0.5 * np.log(p["skewed"]),
        "c": 0.8 * p["binary"] - 0.4 + 0.2 * p["normal"],
        "d": 0.2 * (p["count"] - 2) + p["share"] - 0.3,
        "e": p["normal"] * p["share"],
        "f": np.exp(0.5 * p["normal"]) - 1.3,
    }
    frame = pd.DataFrame(effects) + 0.2 * noise[:, :6]
    costs = pd.DataFrame({s: 0.1 * i + 0.1 * noise[:, 6 + i] for i, s in enumerate(effects)})
    costs["f"] += 0.2 * p["count"]
    return costs, frame, p


SIX = six(np.random.default_rng(12), 3000)
GROUPS = ["skewed", "binary", "count", "share", "normal"]


def values(found: pd.DataFrame) -> Array:
    return found["evppi"].to_numpy()


def perfect(costs: pd.DataFrame, effects: pd.DataFrame, wtp: float) -> float:
    benefit = (wtp * effects - costs).to_numpy()
    return float(benefit.max(axis=1).mean() - benefit.mean(axis=0).max())


def test_the_table() -> None:
    groups = {"both": ["share", "count"], "one": "binary", "none": "constant", "all": [*GROUPS, "irrelevant"]}
    found = evppi(*SIX, groups, THRESHOLDS)
    assert list(found.columns) == ["wtp", "group", "parameters", "evppi", "se", "method", "evppi_population"]
    assert list(found.wtp) == [w for w in THRESHOLDS for _ in groups]
    assert list(found.group[:4]) == list(groups)
    assert list(found.parameters[:3]) == ["share,count", "binary", "constant"]
    assert list(found.method[:4]) == ["tensor spline", "spline", "constant", "spline ANOVA"]
    assert list(evppi(*SIX, ["binary", ["share", "count"]], 1.0).group) == ["binary", "share,count"]


def test_population_multiplies() -> None:
    table = evppi(*SIX, GROUPS, 1.0, population=Population(50, 10, 0.0))
    np.testing.assert_allclose(table["evppi_population"], 500 * table["evppi"], rtol=1e-12)
    assert evppi(*SIX, GROUPS, 1.0)["evppi_population"].isna().all()


@pytest.mark.parametrize("parameter", GROUPS)
def test_near_nested_monte_carlo(parameter: str) -> None:
    """Six strategies: mean net benefit of each by value of the parameter, its other causes drawn anew."""
    found = evppi(*SIX, [parameter], 2.0).iloc[0]
    rng = np.random.default_rng(77)
    means = _means(parameter, six(rng, 4000)[2][parameter].to_numpy(), rng)
    truth = means.max(axis=1).mean() - means.mean(axis=0).max()
    assert truth > 0.003
    assert abs(found.evppi - truth) < 3 * found.se + 0.02 * truth


def _means(parameter: str, x: Array, rng: np.random.Generator) -> Array:
    """Mean net benefit at the threshold 2 given each value: without noise, over draws of the other parameters."""
    _, _, p = six(rng, 1000)
    other = {name: column.to_numpy()[None, :] for name, column in p.items()}
    q = other | {parameter: x[:, None]}
    zero = np.zeros((x.size, 1000))
    benefit = [
        zero,
        2 * 0.5 * np.log(q["skewed"]) - 0.1 + zero,
        2 * (0.8 * q["binary"] - 0.4 + 0.2 * q["normal"]) - 0.2 + zero,
        2 * (0.2 * (q["count"] - 2) + q["share"] - 0.3) - 0.3 + zero,
        2 * q["normal"] * q["share"] - 0.4 + zero,
        2 * (np.exp(0.5 * q["normal"]) - 1.3) - 0.5 - 0.2 * q["count"] + zero,
    ]
    return np.stack([b.mean(axis=1) for b in benefit], axis=1)


def test_one_strategy_has_nothing_to_choose() -> None:
    found = evppi({"a": SIX[0]["a"]}, {"a": SIX[1]["a"]}, SIX[2], GROUPS, THRESHOLDS)
    assert (found["evppi"] == 0).all() and (found.se == 0).all()


def test_a_constant_parameter_adds_nothing() -> None:
    found = evppi(*SIX, ["constant", "normal", ["constant", "normal"]], 1.0)
    assert values(found)[0] == 0 and found.se[0] == 0
    assert values(found)[1] == values(found)[2] > 0


def test_an_irrelevant_parameter_is_worth_next_to_nothing() -> None:
    found = evppi(*SIX, ["irrelevant", ["normal", "irrelevant"], "normal"], THRESHOLDS)
    value = values(found).reshape(-1, 3)
    assert (value[:, 0] <= 0.004).all()
    np.testing.assert_allclose(value[:, 1], value[:, 2], atol=0.02)


def test_collinear_parameters_are_worth_what_one_is() -> None:
    p = SIX[2].assign(again=3 - 2 * SIX[2]["normal"])
    found = values(evppi(SIX[0], SIX[1], p, ["normal", "again", ["normal", "again"]], 1.0))
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert found[2] == pytest.approx(found[0], rel=0.03)


def test_order_of_strategies_and_columns_does_not_matter() -> None:
    costs, effects, p = SIX
    groups = [["normal", "share"], "skewed", [*GROUPS, "irrelevant"]]
    found = evppi(costs, effects, p, groups, THRESHOLDS)
    order = list("fbdaec")
    other = evppi(costs[order], effects, p[list(p)[::-1]], [["share", "normal"], *groups[1:]], THRESHOLDS)
    np.testing.assert_allclose(values(other), values(found), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(other.se, found.se, rtol=1e-5, atol=1e-9)


def test_units_and_common_costs_do_not_matter() -> None:
    costs, effects, p = SIX
    found = evppi(costs, effects, p, GROUPS, THRESHOLDS)
    scaled = evppi(costs, effects, -1e4 * p + 7, GROUPS, THRESHOLDS)
    dearer = evppi(costs + 1e3, effects, p, GROUPS, THRESHOLDS)
    common = evppi(costs.add(np.random.default_rng(1).normal(0, 50, len(p)), axis=0), effects, p, GROUPS, THRESHOLDS)
    for other in (scaled, dearer, common):
        np.testing.assert_allclose(values(other), values(found), rtol=1e-5, atol=1e-7)


def test_mappings_and_tables_with_draws_are_the_same() -> None:
    costs, effects, p = SIX
    found = evppi(costs, effects, p, GROUPS, 1.0)
    numbered = [table.copy() for table in SIX]
    for table in numbered:
        table.insert(0, "draw", range(len(table)))
    pd.testing.assert_frame_equal(evppi(*numbered, GROUPS, 1.0), found)
    pd.testing.assert_frame_equal(evppi(dict(costs), dict(effects), dict(p), GROUPS, 1.0), found)


def test_draws_in_another_order_are_refused() -> None:
    costs, effects, p = SIX
    numbered = [table.assign(draw=range(len(table)))[["draw", *table]] for table in SIX]
    with pytest.raises(SampleError, match="`draw` differs between costs and parameters"):
        evppi(*numbered[:2], numbered[2][::-1], ["share"], 1.0)
    with pytest.raises(SampleError, match="effects and parameters have the same rows in another order"):
        evppi(dict(costs), effects, p[::-1], ["share"], 1.0)
    with pytest.raises(SampleError, match="costs and effects have the same rows in another order"):
        evppi(costs, effects[::-1], p, ["share"], 1.0)


def test_names_may_be_numbers() -> None:
    p = SIX[2].set_axis(range(SIX[2].shape[1]), axis=1)
    found = evppi(SIX[0], SIX[1], p, [3, [3, 4]], 1.0)
    assert list(found.group) == ["3", "3,4"]
    np.testing.assert_array_equal(values(found), values(evppi(*SIX, ["share", ["share", "normal"]], 1.0)))


def test_more_information_is_never_worth_less() -> None:
    chain = [[*GROUPS[:n]] for n in range(5, 0, -1)]
    found = values(evppi(*SIX, chain, THRESHOLDS)).reshape(-1, 5)
    assert np.all(np.diff(found, axis=1) <= 0)
    bound = [perfect(SIX[0], SIX[1], w) for w in THRESHOLDS]
    assert np.all(found <= np.array(bound)[:, None])


@settings(max_examples=40)
@given(st.integers(2, 120), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_small_samples_keep_within_bounds(draws: int, strategies: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = pd.DataFrame({"a": rng.standard_normal(draws), "b": rng.integers(0, 3, draws), "c": rng.lognormal(size=draws)})
    many = p.assign(**{f"x{i}": rng.standard_normal(draws) for i in range(7)})
    effects, costs = (pd.DataFrame(rng.normal(size=(draws, strategies))).add(p["a"] * s, axis=0) for s in (1, 0))
    effects.iloc[:, -1] += p["c"] - 1
    found = evppi(costs, effects, many, ["a", ["a", "b"], ["a", "b", "c"], list(many)], [0.0, 1.0])
    value = values(found).reshape(2, 4)
    assert np.all(np.diff(value, axis=1) >= 0) and np.all(value >= 0) and np.isfinite(found.se).all()
    assert value[0, -1] <= perfect(costs, effects, 0) + 1e-12 and value[1, -1] <= perfect(costs, effects, 1) + 1e-12


def test_no_bias_from_fitting_noise() -> None:
    """Noise of nine times the variance that the parameters explain, 150 draws: the mean of many estimates is right."""
    found = []
    for seed in range(150):
        rng = np.random.default_rng([5, seed])
        p = pd.DataFrame(rng.standard_normal((150, 3)), columns=["a", "b", "c"])
        effects = pd.DataFrame({"x": np.zeros(150), "y": 0.5 + 3 * rng.standard_normal(150) + p["a"]})
        found.append(values(evppi(effects * 0, effects, p, [["a", "b", "c"]], 1.0))[0])
    truth = float(unit_loss(0.5, 1.0)) - 0.5
    error = np.std(found) / np.sqrt(150)
    assert error < 0.02
    assert abs(np.mean(found) - truth) < 2.5 * error


def curved(rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """A parameter, and a net benefit that it bends."""
    x = rng.standard_normal(draws)
    return x, np.sin(3 * x) + 0.1 + 0.5 * rng.standard_normal(draws)


def test_noise_of_a_dominated_strategy_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    x, gain = curved(rng, 1000)
    zero = np.zeros(1000)
    effects = {"a": zero, "b": gain}
    noisy = effects | {"c": -2000 + 100 * rng.standard_normal(1000)}
    found, other = (evppi(dict.fromkeys(e, zero), e, {"x": x}, ["x"], 1.0).iloc[0] for e in (effects, noisy))
    assert other.evppi == pytest.approx(found.evppi, rel=1e-6) and other.se == pytest.approx(found.se, rel=1e-6)
    assert found.evppi == pytest.approx(0.2697, abs=3 * found.se)


@pytest.mark.parametrize("wtp", [1.0, 20_000.0])
def test_noise_that_costs_and_effects_have_in_common_does_not_matter(wtp: float) -> None:
    rng = np.random.default_rng(3)
    x, gain = curved(rng, 1000)
    zero, shared = np.zeros(1000), 10 * rng.standard_normal(1000)
    plain = evppi({"a": zero, "b": zero}, {"a": zero, "b": gain}, {"x": x}, ["x"], wtp).iloc[0]
    both = evppi({"a": zero, "b": wtp * shared}, {"a": zero, "b": gain + shared}, {"x": x}, ["x"], wtp).iloc[0]
    assert both.evppi == pytest.approx(plain.evppi, rel=1e-6) and both.se == pytest.approx(plain.se, rel=1e-6)


def test_many_thresholds_are_those_one_by_one() -> None:
    rng = np.random.default_rng(4)
    many = SIX[2].assign(**{f"x{i}": rng.standard_normal(len(SIX[2])) for i in range(20)})
    model = SIX[0][:600], SIX[1][:600], many[:600]
    groups = ["normal", ["share", "count"], list(many)]
    levels = np.linspace(0, 3, 300)
    found = evppi(*model, groups, levels).groupby("wtp")
    for level in levels[[0, 100, 127, 128, 299]]:
        alone = evppi(*model, groups, level)
        np.testing.assert_allclose(values(found.get_group(level)), values(alone), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.get_group(level)["se"], alone["se"], rtol=1e-6, atol=1e-12)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "unknown": (lambda: evppi(*SIX, ["norml"], 1.0), r"no parameter `norml`.*near it is `normal`"),
    "unknown, nothing near": (lambda: evppi(*SIX, ["zzz"], 1.0), r"no parameter `zzz`.*there are skewed, binary"),
    "twice": (lambda: evppi(*SIX, [["share", "share"]], 1.0), "names `share` twice"),
    "empty group": (lambda: evppi(*SIX, ["share", []], 1.0), "number 2 is empty"),
    "empty labelled group": (lambda: evppi(*SIX, {"x": []}, 1.0), "`x` is empty"),
    "no groups": (lambda: evppi(*SIX, [], 1.0), "list of groups is empty"),
    "text": (lambda: evppi(*SIX, "share", 1.0), r'a list is needed, as in \["share"\]'),
    "same group": (lambda: evppi(*SIX, ["share", ["share"]], 1.0), "two groups are called `share`"),
    "rows": (lambda: evppi(SIX[0], SIX[1], SIX[2][:5], ["share"], 1.0), "parameters have 5 draws.*3000"),
    "one draw": (lambda: evppi({"a": [1]}, {"a": [1]}, {"p": [1]}, ["p"], 1.0), "at least 2"),
    "threshold": (lambda: evppi(*SIX, ["share"], [2.0, 1.0]), "not increasing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_named(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(SampleError, match=message):
        call()


def test_brennan_model_has_the_means_and_values_it_is_known_for() -> None:
    costs, effects, _ = brennan(np.random.default_rng(1), 1_000_000)
    np.testing.assert_allclose(effects.mean(), [0.6265, 0.7280], rtol=2e-3)
    np.testing.assert_allclose(costs.mean(), [1208.0, 1695.2], rtol=2e-3)
    assert perfect(costs, effects, WTP) == pytest.approx(1047.5, rel=5e-3)
    for group, value in SMALL.items():
        assert exact(group) == pytest.approx(value, rel=2e-5)
    for sd, value in zip((1, 2, 5**0.5), NORMALS.values(), strict=True):
        assert float(unit_loss(1, sd) - 1) == pytest.approx(value, abs=1e-10)


def replicates(model: Callable[[np.random.Generator, int], Model], groups: list[list[str]], wtp: float) -> Array:
    """EVPPI and standard error, shape (100, groups, 2), each from 10,000 draws."""
    tables = [evppi(*model(np.random.default_rng([20, seed]), 10_000), groups, wtp) for seed in range(100)]
    return np.stack([table[["evppi", "se"]].to_numpy() for table in tables])


def unbiased_and_covered(found: Array, truth: list[float]) -> None:
    value, error = found[..., 0], found[..., 1]
    np.testing.assert_allclose(value.mean(axis=0), truth, rtol=0.02)
    assert np.all((np.abs(value - truth) <= 2 * error).sum(axis=0) >= 85)


@pytest.mark.verification
def test_normal_parameters() -> None:
    found = replicates(normals, [name.split(",") for name in NORMALS], 1.0)
    unbiased_and_covered(found, list(NORMALS.values()))


@pytest.mark.verification
def test_brennan() -> None:
    unbiased_and_covered(replicates(brennan, [names(g) for g in SMALL], WTP), list(SMALL.values()))


@pytest.mark.verification
@pytest.mark.parametrize("group", LARGE, ids=str)
def test_brennan_with_large_groups(group: tuple[int, ...]) -> None:
    truth = LARGE[group]
    assert exact(group) == pytest.approx(truth, rel=1e-6)
    tables = [evppi(*brennan(np.random.default_rng([21, seed]), 2000), [names(group)], WTP) for seed in range(40)]
    found = np.stack([table[["evppi", "se"]].to_numpy() for table in tables])
    assert found[..., 0].mean() == pytest.approx(truth, rel=0.02)
    assert (np.abs(found[..., 0] - truth) <= 2 * found[..., 1]).sum() >= 34
