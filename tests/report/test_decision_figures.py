"""Figures of a decision analysis show their tables, completely and legibly."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from report import decision_tables as made
from report.legible import assert_legible
from scssim.economics.sample import SampleError
from scssim.report import layout, style
from scssim.report.bar_figures import evppi, tornado
from scssim.report.budget_figure import budget
from scssim.report.case_figures import extrapolation, two_way
from scssim.report.decision_figures import makers
from scssim.report.look import MINUS, Look, amount, number, signed, tick
from scssim.report.plane_figure import MOST_POINTS, ce_plane
from scssim.report.style import NothingToDrawError
from scssim.report.threshold_figures import acceptability, evpi, expected_loss

NAMES = ["ce_plane", "ceac", "expected_loss", "evpi", "evppi", "tornado", "two_way", "extrapolation", "budget"]


def drawn(strategies: int = 7, long: bool = False, **tables: pd.DataFrame) -> dict[str, Figure]:
    return style.drawn(makers(made.look(strategies, long), **{**made.tables(strategies), **tables}, best="hf10"))


def panel(figure: Figure, gid: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_gid() == gid)


def artist(axes: Axes, gid: str) -> Any:
    return next(child for child in axes.get_children() if child.get_gid() == gid)


def artists(axes: Axes, gid: str) -> list[Any]:
    return [child for child in axes.get_children() if child.get_gid() == gid]


def words(figure: Figure) -> str:
    """Title and subtitle, unwrapped."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def printed(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


# ---------------------------------------------------------------- legibility


@pytest.mark.parametrize(("strategies", "long"), [(7, False), (7, True), (2, False), (3, True), (5, False)])
def test_nothing_overlaps_or_is_cut(strategies: int, long: bool) -> None:
    figures = drawn(strategies, long)
    assert list(figures) == NAMES
    for name, figure in figures.items():
        assert figure.get_figwidth() == style.WIDTH
        assert figure.texts[0].get_text() and any(axes.get_xlabel() or name == "budget" for axes in figure.axes)
        assert_legible(figure, name)


def test_with_one_strategy_there_is_nothing_to_compare() -> None:
    figures = drawn(1)
    assert list(figures) == ["evpi", "evppi", "tornado", "two_way", "budget"]
    for name, figure in figures.items():
        assert_legible(figure, name)


@pytest.mark.parametrize("years", [1, 3, 10, 20])
def test_budgets_of_any_length_are_legible(years: int) -> None:
    assert_legible(budget(made.look(), made.budget(years=years)), f"{years} years")


@pytest.mark.parametrize("factor", [1e-4, 1e-2, 0.1, 8, 1e2, 1e4])
def test_currencies_of_any_size_are_legible(factor: float) -> None:
    look = replace(made.look(), thresholds=(20_000 * factor, 30_000 * factor), currency="units")
    scaled = made.tables()
    money = ["cost", "wtp", "evpi", "evpi_population", "evppi", "se", "expected_loss", "inmb", "inmb_base", "d_cost"]
    for table in scaled.values():
        for column in {*money, "cost_current"} & set(table.columns):
            table[column] *= factor
    for name, figure in style.drawn(makers(look, **scaled, best="hf10")).items():
        assert_legible(figure, name)


def test_the_same_tables_give_the_same_bytes_and_leave_settings_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    for name, figure in drawn().items():
        style.save(figure, tmp_path / f"{name}.svg", "svg")
    for name, figure in drawn().items():
        style.save(figure, tmp_path / "again.svg", "svg")
        text = (tmp_path / "again.svg").read_text(encoding="utf-8")
        assert text == (tmp_path / f"{name}.svg").read_text(encoding="utf-8"), name
        assert not re.search(r"<dc:date>", text)
    assert dict(matplotlib.rcParams) == before


# ------------------------------------------------------------- nothing to draw


@pytest.mark.parametrize("given", list(made.tables(2)))
def test_a_figure_without_its_table_is_left_out(given: str) -> None:
    table = made.tables(2)[given]
    own = {"psa": ["ce_plane"], "ceac": ["ceac", "expected_loss"], "dsa": ["tornado"]}.get(given, [given])
    assert list(style.drawn(makers(made.look(2), **{given: table}))) == own
    assert style.drawn(makers(made.look(2), **{given: table.iloc[:0]})) == {}


@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (acceptability, made.ceac(2)),
        (expected_loss, made.ceac(2)),
        (evpi, made.evpi(2)),
        (evppi, made.evppi()),
        (tornado, made.dsa()),
        (two_way, made.two_way(2)),
        (extrapolation, made.extrapolation(2)),
        (budget, made.budget(2)),
    ],
)
def test_an_empty_table_is_an_error(draw: Callable[[Look, pd.DataFrame], Figure], table: pd.DataFrame) -> None:
    with pytest.raises(NothingToDrawError, match="no rows"):
        draw(made.look(2), table.iloc[:0])


def test_what_needs_two_of_something_says_so() -> None:
    look = made.look(2)
    costs, effects = made.psa(1)
    with pytest.raises(NothingToDrawError, match="compare"):
        ce_plane(look, costs, effects)
    for draw in (acceptability, expected_loss):
        with pytest.raises(NothingToDrawError, match="two strategies and two thresholds"):
            draw(look, made.ceac(2).query("wtp == 20000"))
    with pytest.raises(NothingToDrawError, match="at least two"):
        evpi(look, made.evpi(2).head(1))
    with pytest.raises(NothingToDrawError, match="two values"):
        two_way(look, made.two_way(2).query("x_value == 8000"))
    flat = made.dsa(3).assign(inmb=4_200.0)
    with pytest.raises(NothingToDrawError, match="no parameter changes"):
        tornado(look, flat)
    with pytest.raises(NothingToDrawError, match="no strategy has an expected loss"):
        expected_loss(look, made.ceac(2).assign(expected_loss=0.0))


# --------------------------------------------------------------------- plane


def test_the_plane_shows_increments_over_the_reference() -> None:
    costs, effects = made.psa(3)
    figure = ce_plane(made.look(3), costs, effects, "injections")
    assert [axes.get_gid() for axes in figure.axes] == ["plane-conservative", "plane-lf_scs"]
    axes = panel(figure, "plane-lf_scs")
    increments = np.stack([(t["lf_scs"] - t["injections"]).to_numpy() for t in (effects, costs)], axis=1)
    np.testing.assert_array_equal(artist(axes, "draws").get_offsets(), increments)
    (mean,) = artists(axes, "mean")
    np.testing.assert_allclose(np.ravel(mean.get_data()), increments.mean(axis=0))
    assert "increments over Injections" in words(figure)
    better = 100 * (20_000 * increments[:, 0] > increments[:, 1]).mean()
    assert f"Higher net benefit in {better:.0f} % of draws" in printed(axes)[0]


def test_the_ellipse_holds_95_percent_of_normal_draws() -> None:
    rng = np.random.default_rng(2)
    pairs = rng.multivariate_normal([0.4, 9_000], [[0.09, 500], [500, 16e6]], 20_000)
    zero = np.zeros(len(pairs))
    costs, effects = (pd.DataFrame({"a": zero, "b": pairs[:, i]}) for i in (1, 0))
    axes = ce_plane(Look(), costs, effects).axes[0]
    shape: Ellipse = artist(axes, "ellipse")
    # In the ellipse's own coordinates it is the unit circle.
    own = shape.get_patch_transform().inverted().transform(pairs)
    assert (np.hypot(*own.T) <= 1).mean() == pytest.approx(0.95, abs=0.005)


def test_few_points_are_drawn_of_many_draws_and_as_a_picture() -> None:
    costs, effects = made.psa(2, 5_000)
    figure = ce_plane(made.look(2), costs, effects, "conservative")
    points = artist(figure.axes[0], "draws")
    assert len(points.get_offsets()) == MOST_POINTS
    assert points.get_rasterized()
    assert "5,000 draws (2,000 of them shown)" in words(figure)


def test_threshold_lines_have_their_slope_and_name() -> None:
    figure = ce_plane(made.look(7), *made.psa(7), "conservative")
    for axes in figure.axes:
        for threshold in (20_000, 30_000):
            x, y = artist(axes, f"threshold-{threshold}").get_data()
            np.testing.assert_allclose(y, threshold * np.asarray(x))
    assert {"20,000 GBP\nper QALY", "30,000 GBP\nper QALY"} <= set(printed(panel(figure, "plane-guided")))


def test_a_sample_without_spread_has_no_ellipse() -> None:
    costs, effects = pd.DataFrame({"a": [1.0] * 5, "b": [9.0] * 5}), pd.DataFrame({"a": [1.0] * 5, "b": [1.5] * 5})
    figure = ce_plane(Look(), costs, effects, "a")
    assert not [p for p in figure.axes[0].patches if isinstance(p, Ellipse)]
    assert "ellipse" not in words(figure)
    assert_legible(figure, "no spread")


def test_a_reference_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SampleError, match="no strategy `surgery`"):
        ce_plane(made.look(2), *made.psa(2), "surgery")


# -------------------------------------------------------------------- curves


def test_acceptability_curves_and_their_frontier() -> None:
    table = made.ceac()
    axes = acceptability(made.look(), table).axes[0]
    for name in made.LABELS:
        rows = table[table.strategy == name]
        np.testing.assert_array_equal(artist(axes, name).get_xdata(), rows.wtp)
        np.testing.assert_array_equal(artist(axes, name).get_ydata(), rows.p_best)
    frontier = np.concatenate([np.stack(line.get_data(), axis=1) for line in artists(axes, "ceaf")])
    best = table[table.is_optimal]
    found = pd.DataFrame(frontier, columns=["wtp", "p"]).drop_duplicates().set_index("wtp")
    np.testing.assert_allclose(found.p[best.wtp], best.p_ceaf)
    colors = [line.get_color() for line in artists(axes, "ceaf")]
    runs = best.strategy[best.strategy != best.strategy.shift()]
    assert colors == [artist(axes, name).get_color() for name in runs]
    assert set(made.LABELS.values()) <= set(printed(axes))
    assert [line.get_xdata()[0] for line in artists(axes, "mark")] == [20_000, 30_000]


def test_marks_outside_the_thresholds_shown_are_left_out() -> None:
    axes = acceptability(made.look(2), made.ceac(2, top=25_000)).axes[0]
    assert [line.get_xdata()[0] for line in artists(axes, "mark")] == [20_000]


def test_the_lowest_expected_loss_is_marked() -> None:
    table = made.ceac()
    figure = expected_loss(made.look(), table)
    axes = figure.axes[0]
    np.testing.assert_array_equal(artist(axes, "evpi").get_ydata(), table.groupby("wtp").expected_loss.min())
    np.testing.assert_array_equal(artist(axes, "hf10").get_ydata(), table[table.strategy == "hf10"].expected_loss)
    assert axes.get_yscale() == "log" and "logarithmic" in words(figure)
    assert "EVPI" in printed(axes)


def test_losses_of_one_size_have_a_linear_axis() -> None:
    table = made.ceac(2).assign(expected_loss=lambda t: 100 + t.wtp / 1_000 + 50 * (t.strategy == "injections"))
    figure = expected_loss(made.look(2), table)
    assert figure.axes[0].get_yscale() == "linear" and figure.axes[0].get_ylim()[0] == 0
    assert "logarithmic" not in words(figure)


def test_losses_of_nothing_are_named_on_a_logarithmic_axis() -> None:
    table = made.ceac()
    table.loc[(table.strategy == "hf10") & (table.wtp > 50_000), "expected_loss"] = 0.0
    figure = expected_loss(made.look(), table)
    assert "are not shown" in words(figure)
    assert_legible(figure, "zero loss")


def test_perfect_information_per_patient_and_for_all() -> None:
    table = made.evpi()
    figure = evpi(made.look(), table)
    each, every = panel(figure, "evpi"), panel(figure, "evpi_population")
    np.testing.assert_array_equal(artist(each, "evpi").get_ydata(), table.evpi)
    np.testing.assert_allclose(artist(every, "evpi_population").get_ydata(), table.evpi_population / 1e6)
    assert "million GBP" in every.get_ylabel()
    at = table.set_index("wtp").loc[20_000]
    assert f"20,000:\n{at.evpi:,.0f}" in printed(each)
    band = each.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx((table.evpi + 1.96 * table.se).max())
    assert band[:, 1].min() == pytest.approx(max((table.evpi - 1.96 * table.se).min(), 0))


def test_a_population_that_is_not_known_has_no_panel() -> None:
    figure = evpi(made.look(), made.evpi(population=np.nan))
    assert [axes.get_gid() for axes in figure.axes] == ["evpi"]
    assert_legible(figure, "one panel")


# ---------------------------------------------------------------------- bars


def test_partial_information_is_sorted_with_whiskers_cut_at_zero() -> None:
    table = made.evppi(30)
    figure = evppi(made.look(), table, wtp=30_000, evpi=2_500)
    axes = figure.axes[0]
    rows = table[table.wtp == 30_000].sort_values("evppi", ascending=False).head(20)
    bars, whiskers = axes.containers[0], axes.containers[1]
    np.testing.assert_allclose([bar.get_width() for bar in bars], rows.evppi)
    spans = np.array([segment[:, 0] for segment in whiskers.lines[2][0].get_segments()])
    np.testing.assert_allclose(spans[:, 0], np.maximum(rows.evppi - 1.96 * rows.se, 0))
    np.testing.assert_allclose(spans[:, 1], rows.evppi + 1.96 * rows.se)
    assert spans[-1, 0] == 0
    assert "And 10 more" in words(figure) and "30,000 GBP per QALY" in words(figure)
    assert artist(axes, "mark").get_xdata()[0] == 2_500 and "EVPI 2,500" in printed(axes)
    names = [text.get_text().replace("\n", "") for text in axes.get_yticklabels()]
    assert names[0] == made.PATHS[0]
    assert names[1] == "Relief, group 1 (4 parameters)"


def test_the_line_of_perfect_information_is_that_of_the_threshold() -> None:
    tables = {"evpi": made.evpi(), "evppi": made.evppi()}
    axes = style.drawn(makers(made.look(), **tables))["evppi"].axes[0]
    known = tables["evpi"].set_index("wtp").evpi
    assert artist(axes, "mark").get_xdata()[0] == pytest.approx(known[20_000])


def test_the_tornado_is_sorted_and_its_bars_go_from_the_base_case_to_both_ends() -> None:
    table = made.dsa()
    figure = tornado(made.look(), table, best="hf10")
    axes = figure.axes[0]
    ends = table.pivot(index="parameter", columns="end", values="inmb")
    swing = ends.max(axis=1).clip(lower=4_200) - ends.min(axis=1).clip(upper=4_200)
    wanted = list(swing.sort_values(ascending=False).index[:20])
    names = [text.get_text().replace("\n", "") for text in axes.get_yticklabels()]
    assert [name.removesuffix(" ○") for name in names] == wanted
    grades = table.drop_duplicates("parameter").set_index("parameter").grade
    assert [name.endswith("○") for name in names] == [grades[p] == "assumed" for p in wanted]
    assert "○ graded assumed" in words(figure)
    for parameter in wanted:
        bars = artists(axes, parameter)
        assert {bar.get_x() for bar in bars} == {4_200}
        reached = sorted(bar.get_x() + bar.get_width() for bar in bars)
        np.testing.assert_allclose(reached, sorted(ends.loc[parameter]))
    assert f"And 10 more with a swing below {int(np.ceil(swing[wanted[-1]])):,} GBP" in words(figure)
    values = table.set_index(["parameter", "end"]).value
    assert number(values[wanted[0], "high"]) in printed(axes)


def test_ends_where_another_strategy_is_best_are_marked_and_name_it() -> None:
    table = made.dsa(8)
    figure = tornado(made.look(), table, best="hf10")
    changed = table[table.best != "hf10"]
    marks = artists(figure.axes[0], "changed")
    assert sorted(float(mark.get_xdata()[0]) for mark in marks) == pytest.approx(sorted(changed.inmb))
    assert sum("→ Injections" in text for text in printed(figure.axes[0])) == len(changed) > 0
    assert "Diamond" in words(figure)
    plain = tornado(made.look(), table)
    assert not artists(plain.axes[0], "changed") and "Diamond" not in words(plain)


def test_both_values_of_a_bar_on_one_side_stand_at_its_end() -> None:
    texts = printed(tornado(made.look(), made.dsa(6)).axes[0])
    assert "7,625 | 22,875" in texts


@pytest.mark.parametrize(("base", "shown"), [(4_200.0, True), (12_000.0, True), (-12_000.0, True), (80_000.0, False)])
def test_the_line_at_zero_is_shown_when_it_is_near(base: float, shown: bool) -> None:
    figure = tornado(made.look(), made.dsa(6, base))
    assert bool(artists(figure.axes[0], "zero")) == shown
    assert_legible(figure, f"base {base}")


def test_the_tornado_of_a_chosen_strategy_and_threshold() -> None:
    rows = made.dsa(3)
    other = rows.assign(strategy="guided", inmb=rows.inmb + 500, inmb_base=4_700.0)
    dear = rows.assign(wtp=30_000.0, inmb=rows.inmb + 900, inmb_base=5_100.0)
    table = pd.concat([rows, other, dear], ignore_index=True)
    for chosen, words_of, base in (
        ({}, "of HF10 over Conservative care at 20,000", "+4,200"),
        ({"strategy": "guided"}, "of Guided by diagnosis over", "+4,700"),
        ({"wtp": 30_000.0}, "at 30,000 GBP per QALY", "+5,100"),
    ):
        figure = tornado(made.look(), table, **chosen)
        assert words_of in words(figure)
        assert f"base case {base}" in printed(figure.axes[0])
    with pytest.raises(NothingToDrawError, match="of lf_scs"):
        tornado(made.look(), table, "lf_scs")


# ---------------------------------------------------------------------- maps


def test_the_map_has_the_best_strategy_in_every_cell() -> None:
    table = made.two_way()
    figure = two_way(made.look(), table)
    axes = figure.axes[0]
    mesh = artist(axes, "best")
    wide = table.pivot(index="y_value", columns="x_value", values="best")
    names = [name for name in made.LABELS if name in set(table.best)]
    np.testing.assert_array_equal(mesh.get_array(), wide.map(names.index))
    assert artist(axes, "base").get_xydata().tolist() == [[15_000.0, 0.48]]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["LF-SCS", "Incremental net benefit of 0", "Base case"]


def test_names_stand_in_their_regions() -> None:
    table = made.two_way()
    axes = two_way(made.look(), table).axes[0]
    named = [text for text in axes.texts if text.get_gid()]
    assert {text.get_gid() for text in named} == set(table.best) - {"lf_scs"}
    for text in named:
        x, y = text.get_position()
        near = ((table.x_value - x) / 1_000) ** 2 + ((table.y_value - y) / 0.05) ** 2
        assert table.best[near.idxmin()] == text.get_gid()


def test_places_without_a_value_stay_white_and_marks_are_optional() -> None:
    table = made.two_way(base=False).drop(index=[0, 5, 40]).assign(inmb=5.0)
    figure = two_way(made.look(), table)
    assert np.ma.getmaskarray(artist(figure.axes[0], "best").get_array()).sum() == 3
    assert not artists(figure.axes[0], "base")
    assert "Base case" not in [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_every_analysis_of_two_parameters_has_its_figure() -> None:
    both = pd.concat([made.two_way(name="a"), made.two_way(name="b")], ignore_index=True)
    assert list(style.drawn(makers(made.look(), two_way=both))) == ["two_way_a", "two_way_b"]


# --------------------------------------------------------------- extrapolation


def test_cases_show_the_net_benefit_of_every_strategy_and_name_the_best() -> None:
    table = made.extrapolation()
    figure = extrapolation(made.look(), table, "hf10", "conservative")
    axes = panel(figure, "inmb")
    wide = table.pivot(index="name", columns="strategy", values="inmb")
    for name in list(made.LABELS)[1:]:
        dots = np.concatenate(
            [np.stack(a.get_data()) for g in (name, f"best-{name}") for a in artists(axes, g)], axis=1
        )
        np.testing.assert_array_equal(dots[0, np.argsort(-dots[1])], wide[name])
    assert not artists(axes, "conservative")
    names = [text.get_text().replace("\n", " ") for text in axes.texts]
    best = wide.idxmax(axis=1)
    assert [name for name in names if name in made.LABELS.values()][: len(best)] == [made.LABELS[b] for b in best]
    assert "conservative" in set(best) and len(set(best)) == 3


def test_threshold_and_reference_are_those_of_the_analysis() -> None:
    """Not the first of the settings: an analysis may name its own."""
    cases = made.extrapolation().assign(wtp=35_000.0, reference="injections", label=lambda t: t["label"])
    cases["inmb"] -= cases["name"].map(cases[cases.strategy == "injections"].set_index("name")["inmb"])
    grid = made.two_way().assign(wtp=42_000.0)
    figures = style.drawn(makers(made.look(), extrapolation=cases, two_way=grid, reference="conservative"))
    said = words(figures["extrapolation"])
    assert "over Injections at 35,000 GBP per QALY" in said and "at 20,000" not in said
    axes = panel(figures["extrapolation"], "inmb")
    assert artists(axes, "conservative") and not artists(axes, "injections")
    assert "at 42,000 GBP per QALY" in words(figures["two_way"])


def test_gains_are_split_at_the_end_of_the_data() -> None:
    table = made.extrapolation()
    figure = extrapolation(made.look(), table, "hf10", "conservative")
    axes = panel(figure, "gain")
    rows = table[table.strategy == "hf10"]
    during, after = axes.containers
    np.testing.assert_allclose([bar.get_width() for bar in after], rows.d_qaly_after_data)
    np.testing.assert_allclose([a.get_width() + b.get_width() for a, b in zip(during, after, strict=True)], rows.d_qaly)
    # A loss after the data goes to the left of 0.
    lost = int(np.argmin(rows.d_qaly_after_data))
    assert after[lost].get_width() < 0 and after[lost].get_x() == 0
    assert printed(axes) == [f"+{gain:.2f}" for gain in rows.d_qaly]


def test_gains_that_are_not_split_have_no_panel() -> None:
    table = made.extrapolation(3, 2).assign(d_qaly_after_data=np.nan)
    figure = extrapolation(made.look(3), table, None, "conservative")
    assert [axes.get_gid() for axes in figure.axes] == ["inmb"]
    assert_legible(figure, "no split")


# -------------------------------------------------------------------- budget


def test_budget_bars_add_up_and_their_difference_is_printed() -> None:
    table = made.budget()
    figure = budget(made.look(), table)
    axes = figure.axes[0]
    for column, own in (("cost_current", axes.containers[:7]), ("cost", axes.containers[7:])):
        heights = np.array([[bar.get_height() for bar in bars] for bars in own])
        wide = table.pivot(index="strategy", columns="year", values=column).loc[list(made.LABELS)]
        np.testing.assert_allclose(heights, wide / 1e6)
        tops = np.array([bar.get_y() + bar.get_height() for bar in own[-1]])
        np.testing.assert_allclose(tops, wide.sum() / 1e6)
    net = table.groupby("year").impact.sum() / 1e6
    assert printed(axes)[:5] == [f"+{value:.3f}" for value in net]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(made.LABELS.values())


# ------------------------------------------------------------ words and numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567.8, "1,234,568"), (-4200.4, f"{MINUS}4,200"), (0.012345, "0.0123"), (0.5, "0.5"),
     (99.96, "100"), (float("nan"), "none"), (-0.4, f"{MINUS}0.4")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_signs_decimals_ticks_and_amounts() -> None:
    assert [signed(v, places=2) for v in (0.5, -0.5, 0.001)] == ["+0.50", f"{MINUS}0.50", "+0.001"]
    assert [tick(v) for v in (20_000, -0.1 - 0.2, 0)] == ["20,000", f"{MINUS}0.3", "0"]
    assert [amount(Look(), v) for v in (12_345.6, 4_210_000)] == ["12,346 GBP", "4.21 million GBP"]


def test_strategies_keep_their_order_and_look_whatever_is_present() -> None:
    look = made.look()
    assert look.order(["new", "hf10", "lf_scs", "hf10"]) == ["lf_scs", "hf10", "new"]
    assert look.styles(["hf10"])["hf10"] == look.styles(list(made.LABELS))["hf10"]
    assert look.label("new") == "new"


@given(st.lists(st.from_regex(r"[a-z_0-9]{1,20}", fullmatch=True), min_size=1, max_size=8), st.integers(12, 40))
def test_broken_paths_lose_nothing(parts: list[str], width: int) -> None:
    path = ".".join(parts)
    lines = style.wrap_path(path, width).split("\n")
    assert "".join(lines) == path
    assert all(len(line) <= width or not re.search(r"[._].", line) for line in lines)


@given(
    st.lists(
        st.tuples(st.floats(-1e5, 1e5), st.floats(1, 1e5), st.floats(0, 1.5), st.floats(0, 1.5)),
        min_size=1,
        max_size=9,
    )
)
def test_texts_beside_bars_have_room(bars: list[tuple[float, float, float, float]]) -> None:
    left, length, left_width, right_width = (np.array(column) for column in zip(*bars, strict=True))
    low, high = layout.room(6.0, left, left_width, left + length, right_width)
    scale = (high - low) / 6.0
    tolerance = 1e-6 * (high - low)
    assert (left - left_width * scale >= low - tolerance).all()
    assert (left + length + right_width * scale <= high + tolerance).all()
