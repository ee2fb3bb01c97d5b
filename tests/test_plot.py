"""Plots show the tables of a result, on axes of one's own or of new figures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import scssim
from report.conftest import make
from scssim import plot
from scssim.report.figures import cost_groups
from scssim.report.measures import MEASURES
from scssim.report.style import NothingToDrawError
from scssim.report.write import FIGURES
from scssim.result import Result

NAMES = ["conservative", "lf_scs", "hf10"]

Plot = Callable[..., Axes]
PLOTS: dict[str, Plot] = {
    "trajectories": plot.trajectories,
    "occupancy": plot.occupancy,
    "costs": plot.costs,
    "plane": plot.plane,
    "ceac": plot.ceac,
    "tornado": plot.tornado,
}


@pytest.fixture(scope="module")
def result() -> Result:
    """Three strategies with draws and a one-way analysis."""
    small = {
        "settings.visit_months": [0, 3, 12, 60],
        "settings.visit_clocks": ["entry", "activation"],
        "settings.visit_denominators": ["randomised", "implanted"],
        "strategies": {"injections": None, "lf_scs_rechargeable": None, "lf_then_hf10": None, "guided": None},
        "analyses.extrapolation": None,
        "analyses.dsa": {"threshold": 20_000, "patients": 40, "parameters": ["therapies.hf10.costs.*"]},
    }
    return scssim.run(scssim.load("back_leg_uk", small), patients=40, draws=40)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    pyplot.close("all")
    with matplotlib.rc_context({"backend": "Agg"}):
        yield
        pyplot.close("all")


def lines(axes: Axes) -> dict[str, Any]:
    return {str(line.get_gid()): line for line in axes.lines}


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_can_be_gone_on_with(name: str, result: Result, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    new = PLOTS[name](result)
    assert dict(matplotlib.rcParams) == before
    assert isinstance(new, Axes) and new.get_xlabel() and new.get_legend() is not None
    assert new.figure.number in pyplot.get_fignums()  # so that notebooks show it
    _, given = pyplot.subplots()
    assert PLOTS[name](result, ax=given) is given
    assert len(pyplot.get_fignums()) == 2
    given.set_title("Mine")
    given.figure.savefig(tmp_path / "mine.svg")
    assert "Mine" in (tmp_path / "mine.svg").read_text()


def test_trajectories_are_the_visits(result: Result) -> None:
    visits = result.visits
    ax = plot.trajectories(result, "odi", clock="activation", strategies=["hf10", "lf_scs"])
    assert list(lines(ax)) == ["lf_scs", "hf10"]
    for name, line in lines(ax).items():
        rows = visits[
            (visits.strategy == name) & (visits.measure == "odi") & (visits.clock == "activation")
            & (visits.denominator == "implanted")
        ]  # fmt: skip
        np.testing.assert_allclose(line.get_ydata(), rows.sort_values("month")["mean"])
        assert line.get_label() == plot.style.wrap(result.scenario.strategy_label(name), plot.LABEL_WIDTH)
    assert plot.trajectories(result).get_ylabel() == "Mean back pain (VAS, 0-10)"


def test_every_measure_has_a_name(result: Result) -> None:
    assert set(result.visits.measure) <= set(MEASURES)
    run = scssim.run(Path(__file__).parent / "data" / "small.yaml", patients=30, draws=0)
    assert set(run.visits.measure) == set(MEASURES)


def test_occupancy_is_of_one_strategy(result: Result) -> None:
    ax = plot.occupancy(result)
    assert ax.get_title() == result.scenario.strategy_label(result.scenario.reference)
    for name in NAMES:
        own = result.occupancy[(result.occupancy.strategy == name) & (result.occupancy.share > 0)]
        legend = plot.occupancy(result, name).get_legend()
        assert legend is not None and len(legend.get_texts()) == own.state.nunique()


def test_costs_add_up(result: Result) -> None:
    ax = plot.costs(result, strategies=["hf10"])
    width = sum(bar.get_width() for container in ax.containers for bar in container)
    assert width == pytest.approx(cost_groups(result).loc["hf10"].sum())
    assert len(ax.get_yticklabels()) == 1


def test_plane_shows_the_mean_increments(result: Result) -> None:
    wide = {x: result.psa.pivot(index="draw", columns="strategy", values=x) for x in ("qaly", "cost")}
    found = lines(plot.plane(result))
    for name in NAMES[1:]:
        expected = [(wide[x][name] - wide[x]["conservative"]).mean() for x in ("qaly", "cost")]
        np.testing.assert_allclose(np.ravel(found[name].get_data()), expected)
    assert {"threshold-20000", "threshold-30000"} <= set(found) and "conservative" not in found
    means = make(3)
    found = lines(plot.plane(means))
    rows = means.increments.set_index("strategy")
    np.testing.assert_allclose(np.ravel(found["hf10"].get_data()), rows.loc["hf10", ["d_qaly", "d_cost"]].astype(float))


def test_ceac_shows_curves_and_frontier(result: Result) -> None:
    found = lines(plot.ceac(result))
    for name in NAMES:
        rows = result.ceac[result.ceac.strategy == name].sort_values("wtp")
        np.testing.assert_allclose(found[name].get_ydata(), rows.p_best)
    assert "ceaf" in found


def test_tornado_shows_the_longest_bars_first(result: Result) -> None:
    ax = plot.tornado(result, most=3)
    swing = (
        result.dsa.groupby("parameter")
        .inmb.agg(lambda x: np.ptp([*x, result.dsa.inmb_base.iloc[0]]))
        .sort_values(ascending=False)
    )
    shown = [label.get_text().replace("\n", "").split(" ")[0] for label in ax.get_yticklabels()]
    assert shown == swing.index[:3].tolist()


def test_figures_of_a_run_by_name(result: Result) -> None:
    found = plot.figures(result)
    assert {"vas_over_time", "ceac", "ce_plane", "tornado", "cost_breakdown"} <= set(found) <= set(FIGURES)
    figure = plot.figure(result, "ceac")
    assert isinstance(figure, Figure) and len(figure.axes) == len(found["ceac"].axes)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda r: plot.trajectories(r, "bakc_vas"), "no measure 'bakc_vas' to draw: did you mean `back_vas`"),
        (lambda r: plot.trajectories(r, clock="hour"), "no clock 'hour' to draw: one of entry, activation"),
        (lambda r: plot.trajectories(r, denominator="all"), "no denominator 'all' to draw"),
        (lambda r: plot.trajectories(r, strategies=["hf11"]), "no strategy 'hf11' to draw: did you mean `hf10`"),
        (lambda r: plot.costs(r, strategies=[]), "there is no strategy to draw"),
        (lambda r: plot.occupancy(r, "x"), "no strategy 'x' to draw: one of conservative, lf_scs, hf10"),
        (lambda r: plot.plane(r, strategies="conservative"), "no strategy 'conservative' to draw: one of lf_scs, hf10"),
        (lambda r: plot.tornado(r, most=0), "most: 0 is not possible"),
        (lambda r: plot.tornado(r, wtp=float("nan")), "there is no threshold nan; there are"),
        (lambda r: plot.tornado(r, strategy="x"), "no strategy 'x' to draw"),
        (lambda r: plot.figure(r, "tornadoes"), "no figure 'tornadoes' to draw: did you mean `tornado`"),
        (lambda r: plot.figure(r, "budget"), "nothing to draw for 'budget': its table has no rows"),
    ],
)
def test_what_cannot_be_drawn_is_told(draw: Callable[[Result], Any], message: str, result: Result) -> None:
    with pytest.raises(scssim.ScssimError, match=message):
        draw(result)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("name", ["trajectories", "occupancy", "costs", "ceac", "tornado"])
def test_a_result_without_the_table_is_told(name: str) -> None:
    empty = {table: pd.DataFrame() for table in ("visits", "occupancy", "costs", "ceac", "dsa")}
    with pytest.raises(NothingToDrawError):
        PLOTS[name](replace(make(2), **empty))


def test_importing_scssim_imports_nothing_heavy() -> None:
    code = (
        "import sys, scssim; print(sorted({'numpy', 'pandas', 'pydantic', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_is_exposed_is_there() -> None:
    assert set(scssim.__all__) == set(dir(scssim))
    for name in scssim.__all__:
        assert getattr(scssim, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        _ = scssim.plots
    assert scssim.plot is plot
