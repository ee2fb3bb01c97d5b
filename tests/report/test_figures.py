"""Figures show the tables, completely and legibly."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.legible import assert_legible
from scssim.errors import ScssimError
from scssim.report import figures, style, write


def lines(axes: Axes) -> dict[str, Any]:
    return {line.get_gid(): line for line in axes.lines if line.get_gid() != "leader"}


def panel(figure: Figure, gid: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_gid() == gid)


@pytest.fixture(scope="module")
def drawn(result: Any) -> dict[str, Figure]:
    return style.drawn(figures.makers(result))


def test_every_figure_is_made_and_known_to_the_writer(drawn: dict[str, Figure]) -> None:
    assert list(drawn) == list(write.FIGURES)[: len(drawn)] and len(drawn) == 9


def test_axes_have_labels_and_every_figure_has_a_title(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        assert figure.texts and figure.texts[0].get_text(), name
        assert any(axes.get_xlabel() for axes in figure.axes), name
        if name != "cost_breakdown":  # Its vertical axis names the strategies.
            assert any(axes.get_ylabel() for axes in figure.axes), name


@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("vas_over_time", ["back_vas", "leg_vas"]),
        ("utility_over_time", ["utility"]),
        ("responders", ["back_responder", "leg_responder", "back_remitter", "leg_remitter"]),
    ],
)
def test_lines_are_the_means_of_all_patients(
    result: Any, drawn: dict[str, Figure], name: str, measures: list[str]
) -> None:
    figure = drawn[name]
    assert [axes.get_gid() for axes in figure.axes] == measures
    assert "all patients alive" in figure.texts[1].get_text()
    for measure in measures:
        found = lines(panel(figure, measure))
        assert list(found) == list(result.scenario.strategies)
        for strategy, line in found.items():
            visits = result.visits
            rows = visits[
                (visits.strategy == strategy)
                & (visits.measure == measure)
                & (visits.clock == "entry")
                & (visits.denominator == "randomised")
            ]
            np.testing.assert_array_equal(line.get_xdata(), rows.month / 12)
            np.testing.assert_array_equal(line.get_ydata(), rows["mean"])


def test_bands_are_the_intervals(result: Any, drawn: dict[str, Figure]) -> None:
    band = panel(drawn["utility_over_time"], "utility").collections[0].get_paths()[0].vertices
    visits = result.visits
    rows = visits[
        (visits.strategy == "conservative") & (visits.measure == "utility") & (visits.denominator == "randomised")
    ]
    assert band[:, 1].min() == rows.lower.min()
    assert band[:, 1].max() == rows.upper.max()


def test_strategies_without_an_implant_are_named_not_drawn(drawn: dict[str, Figure]) -> None:
    figure = drawn["paresthesia"]
    assert set(lines(panel(figure, "paresthesia"))) == {"lf_scs", "hf10", "lf_then_hf10", "guided"}
    assert "Reoperation instead of stimulation" in figure.texts[1].get_text().replace("\n", " ")
    assert "ever implanted" in figure.texts[1].get_text()


@pytest.mark.parametrize("count", [2, 7])
def test_labels_do_not_overlap_and_stay_on_the_page(fake_result: Callable[..., Any], count: int) -> None:
    for name, figure in style.drawn(figures.makers(fake_result(count))).items():
        assert_legible(figure, name)


def test_short_runs_are_drawn_in_months(fake_result: Callable[..., Any]) -> None:
    axes = panel(figures.vas_over_time(fake_result(2, last=24)), "leg_vas")
    assert axes.get_xlabel() == "Months since entry"
    assert axes.get_xlim() == (0, 24)


def test_intervals_say_what_they_contain(fake_result: Callable[..., Any], result: Any) -> None:
    assert "uncertainty of parameters" in figures.utility_over_time(fake_result(2, draws=20)).texts[1].get_text()
    assert "Monte Carlo" in figures.utility_over_time(result).texts[1].get_text()


def test_occupancy_stacks_to_one(result: Any, drawn: dict[str, Figure]) -> None:
    figure = drawn["occupancy"]
    assert len(figure.axes) == len(result.scenario.strategies)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "Waiting" and legend[-1] == "Dead" and "10 kHz SCS" in legend
    for axes in figure.axes:
        top = axes.collections[-1].get_paths()[0].vertices[:, 1].max()
        assert top == pytest.approx(1)


def test_states_keep_their_order_and_colour_whatever_is_present(fake_result: Callable[..., Any], result: Any) -> None:
    few = replace(result, occupancy=result.occupancy[result.occupancy.state.isin(["dead", "hf10", "waiting"])])
    states, looks = figures.states_of(few)
    assert states == ["waiting", "hf10", "dead"]
    assert looks == {state: look for state, look in figures.states_of(result)[1].items() if state in looks}


def test_cost_bars_add_up_to_what_the_perspective_counts(result: Any, drawn: dict[str, Figure]) -> None:
    groups = figures.cost_groups(result)
    counted = result.costs[result.costs.perspective == "healthcare"]
    totals = counted.groupby("strategy").discounted.sum()
    np.testing.assert_allclose(groups.sum(axis=1), totals[groups.index])
    axes = drawn["cost_breakdown"].axes[0]
    widths = np.array([[bar.get_width() for bar in bars] for bars in axes.containers])
    np.testing.assert_allclose(widths.T, groups)
    printed = [text.get_text() for text in axes.texts]
    assert printed == [f"{totals[name]:,.0f}" for name in groups.index]


def test_small_costs_are_merged(result: Any) -> None:
    groups = figures.cost_groups(result)
    assert groups.columns[-1] == "Other"
    assert "Complications" not in groups.columns
    assert len(groups.columns) <= figures.MOST_GROUPS


def test_societal_costs_count_when_the_perspective_is_societal(fake_result: Callable[..., Any]) -> None:
    assert "Lost work" in figures.cost_groups(fake_result(2, perspective="societal")).columns


def test_without_visits_only_the_visit_figures_are_left_out(result: Any, without: Callable[..., Any]) -> None:
    assert set(style.drawn(figures.makers(without(result, "visits")))) == {"occupancy", "cost_breakdown"}
    assert style.drawn(figures.makers(without(result, "visits", "occupancy", "costs"))) == {}
    with pytest.raises(ScssimError, match="no rows in `visits`"):
        figures.vas_over_time(without(result, "visits"))


def test_one_visit_is_no_line(result: Any) -> None:
    only = replace(result, visits=result.visits[result.visits.month == 3])
    assert "vas_over_time" not in style.drawn(figures.makers(only))


def test_global_settings_stay_as_they_were(result: Any, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    style.save(figures.utility_over_time(result), tmp_path / "a.svg", "svg")
    assert dict(matplotlib.rcParams) == before


def test_svg_is_text_and_the_same_every_time(result: Any, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        style.save(figures.occupancy(result), tmp_path / name, "svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "Where patients are over time" in text
    assert not re.search(r"<dc:date>", text)


@given(
    st.lists(st.tuples(st.floats(-1, 11), st.floats(0.1, 1.0)), min_size=1, max_size=9),
)
def test_spread_labels_keep_apart_in_order_and_in_range(labels: list[tuple[float, float]]) -> None:
    wanted, heights = (np.array(column) for column in zip(*labels, strict=True))
    centres = style.spread(wanted, heights, 0.0, 10.0)
    order = np.argsort(wanted, kind="stable")
    edges = [(centres[i] - heights[i] / 2, centres[i] + heights[i] / 2) for i in order]
    for (_, top), (bottom, _) in itertools.pairwise(edges):
        assert bottom >= top - 1e-9
    assert edges[0][0] >= -1e-9 and edges[-1][1] <= 10 + 1e-9


def test_labels_that_have_room_do_not_move() -> None:
    wanted = np.array([8.0, 2.0, 5.0])
    np.testing.assert_allclose(style.spread(wanted, np.ones(3), 0, 10), wanted)
