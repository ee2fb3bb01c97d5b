"""Figures of a service show its tables, completely and legibly."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import scssim
from engine.tiny import BARE, CARE, SHOT, Data, tiny
from report.legible import assert_legible
from scssim.report import journey_figures, style
from scssim.report.journey_figures import flows, swimmer
from scssim.report.look import Look
from scssim.report.service_figures import capacity, makers, queues, utilisation, waiting_times
from scssim.report.style import NothingToDrawError
from scssim.result import Result

NAMES = ["queues", "utilisation", "waiting_times", "swimmer", "flows", "capacity"]
SHORT = ("LF-SCS first", "HF10 first", "Guided", "Rescue", "Denervation", "Reoperation", "Drugs")
LONG = (
    "Conservative care, then injections, then LF-SCS",
    "Conservative care, then injections, then HF10 (10 kHz)",
    "Guided by the mechanism that was diagnosed at referral",
    "LF-SCS first, with HF10 rescue of non-responders",
    "Radiofrequency denervation before any stimulation at all",
    "Reoperation instead of stimulation",
    "Drugs only for those diagnosed neuropathic",
)
RESOURCES = {
    "theatre": "Theatre slots of the regional neurosurgical centre, with all its staff",
    "programme": "Places in a multidisciplinary pain management programme",
    "list": "Injection list",
    "clinic": "Medication review by a specialist pharmacist",
    "ward": "Beds",
    "nurse": "Specialist nurses who programme devices",
    "scanner": "Scanner",
}
THERAPIES = {
    "care": "Conservative care",
    "drugs": "Drugs for neuropathic pain",
    "shot": "Epidural steroid injection",
    "denervation": "Radiofrequency denervation of the facet joints",
    "lf": "LF-SCS",
    "hf": "HF10 (10 kHz) SCS",
}


def look(strategies: int, long: bool = False) -> Look:
    return Look({f"s{i}": label for i, label in enumerate((LONG if long else SHORT)[:strategies])})


def some(count: int) -> dict[str, str]:
    return dict(list(RESOURCES.items())[:count])


def queue_table(strategies: int = 3, resources: int = 2, weeks: int = 520, replications: bool = True) -> pd.DataFrame:
    """Queues that differ, but for the second resource."""
    rng, frames = np.random.default_rng(1), []
    for r, resource in enumerate(some(resources)):
        for i in range(strategies):
            queue = np.abs(rng.normal(0, 3, weeks)) + np.linspace(0, 20 + 9 * i + r, weeks) * (r != 1)
            used = rng.integers(4, 9, weeks)
            if r == 1:
                queue, used = 5 + np.sin(np.arange(weeks) / 20), np.full(weeks, 7)
            half = 0.3 * queue if replications else 0.0
            frames.append(
                pd.DataFrame(
                    {"resource": resource, "day": 7.0 * np.arange(weeks), "queue": queue, "in_use": used,
                     "capacity": 9, "strategy": f"s{i}", "queue_p05": queue - half, "queue_p95": queue + half}
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def waits_table(strategies: int = 3, resources: int = 2) -> pd.DataFrame:
    """Exponential waits up to the week in which nearly everybody was served; slower in later strategies."""
    rows = []
    for r, resource in enumerate(some(resources)):
        for i in range(strategies):
            mean = 1.0 + 4 * i * (r != 1) + r
            last = 1 + int(np.ceil(-mean * np.log(0.001)))
            rows += [(resource, week, 1 - 0.8 * np.exp(-week / mean), f"s{i}") for week in range(last + 1)]
    return pd.DataFrame(rows, columns=["resource", "weeks", "share_within", "strategy"])


def capacity_table(strategies: int = 3, target: float = 0.92) -> pd.DataFrame:
    rows = []
    for i in range(strategies):
        for level in (4, 6, 8, 9, 12):
            share = min(1.0, 0.35 + 0.08 * level - 0.06 * i)
            rows.append((level, f"s{i}", share, 0.01, (12 - level) * 0.02 * (i + 1), 0.004))
    table = pd.DataFrame(
        rows, columns=["level", "strategy", "share_within_target", "share_mcse", "qaly_lost", "qaly_lost_mcse"]
    )
    table["smallest"] = False
    enough = table[table.share_within_target >= target].groupby("strategy")["level"].idxmin()
    table.loc[enough, "smallest"] = True
    return table.assign(target_days=126.0, target_share=target, resource="theatre")


EVENTS = [
    (0, "arrival", None, "complete", None), (0, "referral", "care", "complete", None),
    (14, "start", "care", "schedule", None), (20, "treatment", "care", "start", None),
    (200, "treatment", "care", "complete", "max_duration"), (200, "referral", "lf", "complete", None),
    (228, "trial", "lf", "schedule", None), (300, "trial", "lf", "start", None), (310, "trial", "lf", "complete", None),
    (310, "implant", "lf", "schedule", None), (320, "treatment", "lf", "start", None),
    (900, "lead_migration", "lf", "complete", None), (910, "revision", "lf", "schedule", None),
    (917, "revision", "lf", "start", None), (917, "revision", "lf", "complete", None),
    (1600, "depletion", "lf", "complete", None),
    (1601, "replacement", "lf", "schedule", None), (1650, "replacement", "lf", "start", None),
    (1650, "replacement", "lf", "complete", None),
    (2500, "treatment", "lf", "complete", "stop_after_loss"), (2500, "explant", "lf", "complete", None),
]  # fmt: skip
"""Way of a patient up to an explant: days since the referral."""


def log_table(strategies: int = 3, cases: int = 40) -> pd.DataFrame:
    ends = [
        [(2500, "finish", None, "complete", None)],
        [(2520, "start", "shot", "schedule", None), (2600, "start", "shot", "withdraw", None),
         (2600, "leave", None, "complete", None)],
        [(2520, "start", "shot", "schedule", None), (2700, "start", "shot", "withdraw", None),
         (2700, "death", None, "complete", None)],
        [(2520, "treatment", "shot", "start", None), (2620, "repeat", "shot", "complete", None),
         (3652, "horizon", None, "complete", None)],
    ]  # fmt: skip
    rows = [
        (case, 9.0 * case + day, event, therapy, lifecycle, f"s{s}", detail)
        for s in range(strategies)
        for case in range(cases)
        for day, event, therapy, lifecycle, detail in [*EVENTS, *ends[(case + s) % 4]]
    ]
    columns = ["case_id", "day", "event", "therapy", "lifecycle", "strategy", "detail"]
    return pd.DataFrame(rows, columns=columns).sort_values("day", kind="stable", ignore_index=True)


FLOWS = [
    ("referral", "care", 990.0), ("referral", "dead", 10.0), ("care", "drugs", 300.0), ("care", "shot", 500.0),
    ("care", "background", 150.0), ("care", "dead", 30.0), ("care", "staying", 10.0), ("drugs", "shot", 250.0),
    ("drugs", "dead", 2.0), ("drugs", "staying", 48.0), ("shot", "lf", 600.0), ("shot", "background", 150.0),
    ("lf", "hf", 100.0), ("lf", "staying", 300.0), ("lf", "dead", 200.0), ("hf", "dead", 40.0), ("hf", "staying", 60.0),
]  # fmt: skip


def flow_table(strategies: int = 3, flows: list[tuple[str, str, float]] = FLOWS) -> pd.DataFrame:
    rows = [(f"s{s}", *flow) for s in range(strategies) for flow in flows]
    return pd.DataFrame(rows, columns=["strategy", "from", "to", "patients"])


def drawn(strategies: int = 3, resources: int = 2, long: bool = False, targets: bool = True) -> dict[str, Figure]:
    own, labels = look(strategies, long), some(resources)
    changes = {name: {1.5: "→ 6", 1.6: "→ 7", 5.0: "→ 12"} for name in labels}
    waiting = dict.fromkeys(labels, (18.0, 0.92)) if targets else {}
    table = capacity_table(strategies)
    if not targets:
        table = table.assign(share_within_target=np.nan, share_mcse=np.nan, smallest=False)
    return {
        "queues": queues(own, queue_table(strategies, resources), labels),
        "utilisation": utilisation(own, queue_table(strategies, resources), labels, changes),
        "waiting_times": waiting_times(own, waits_table(strategies, resources), labels, waiting),
        "swimmer": swimmer(own, log_table(strategies), THERAPIES),
        "flows": flows(own, flow_table(strategies), THERAPIES),
        "capacity": capacity(own, table, labels["theatre"], "slots per week"),
    }


def panel(figure: Figure, gid: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_gid() == gid)


def artists(axes: Axes, gid: str) -> list[Any]:
    return [child for child in axes.get_children() if child.get_gid() == gid]


def artist(axes: Axes, gid: str) -> Any:
    (found,) = artists(axes, gid)
    return found


def words(figure: Figure) -> str:
    """Title and subtitle, unwrapped."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def printed(axes: Axes) -> list[str]:
    return [re.sub(r"\s", " ", text.get_text()) for text in axes.texts]


def rows_of(table: pd.DataFrame, strategy: str, resource: str) -> pd.DataFrame:
    return table[(table.strategy == strategy) & (table.resource == resource)]


# ---------------------------------------------------------------- legibility


@pytest.mark.parametrize(
    ("strategies", "resources", "long", "targets"),
    [(1, 1, False, False), (7, 5, True, True), (4, 6, True, False), (2, 2, True, True)],
)  # fmt: skip
def test_nothing_overlaps_or_is_cut(strategies: int, resources: int, long: bool, targets: bool) -> None:
    figures = drawn(strategies, resources, long, targets)
    for name, figure in figures.items():
        assert figure.get_figwidth() == style.WIDTH and figure.get_figheight() < 20
        assert figure.texts[0].get_text()
        assert_legible(figure, name)


def test_the_same_tables_give_the_same_bytes_and_leave_settings_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    for name in ("a", "b"):
        for kind, figure in drawn(2, 2).items():
            style.save(figure, tmp_path / f"{kind}-{name}.svg", "svg")
    for kind in NAMES:
        assert (tmp_path / f"{kind}-a.svg").read_bytes() == (tmp_path / f"{kind}-b.svg").read_bytes()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "draw",
    [
        lambda own: queues(own, queue_table().iloc[:0], RESOURCES),
        lambda own: utilisation(own, pd.DataFrame(), RESOURCES),
        lambda own: queues(own, queue_table().assign(queue=0.0, in_use=0.0), RESOURCES),
        lambda own: waiting_times(own, waits_table().iloc[:0], RESOURCES),
        lambda own: swimmer(own, log_table().iloc[:0], THERAPIES),
        lambda own: flows(own, flow_table().iloc[:0], THERAPIES),
        lambda own: flows(own, flow_table().assign(patients=0.0), THERAPIES),
        lambda own: capacity(own, capacity_table().iloc[:0], "Theatre"),
        lambda own: queues(own, queue_table(), {"other": "Another resource"}),
    ],
)
def test_without_rows_there_is_nothing_to_draw(draw: Callable[[Look], Figure]) -> None:
    with pytest.raises(NothingToDrawError, match="no rows"):
        draw(look(3))


def test_what_needs_two_of_something_says_so() -> None:
    with pytest.raises(NothingToDrawError, match="two times"):
        queues(look(3), queue_table(weeks=1), RESOURCES)
    with pytest.raises(NothingToDrawError, match="at least two"):
        capacity(look(3), capacity_table().query("level == 6"), "Theatre")


# ---------------------------------------------------------------- over time


def test_queues_are_means_with_the_range_of_replications() -> None:
    table = queue_table()
    figure = queues(look(3), table, some(2))
    axes = panel(figure, "theatre")
    for name in ("s0", "s1", "s2"):
        rows = rows_of(table, name, "theatre")
        np.testing.assert_allclose(artist(axes, name).get_ydata(), rows.queue)
        np.testing.assert_allclose(artist(axes, name).get_xdata(), (rows.day + 3.5) / 365.25)
        band = artist(axes, f"band-{name}").get_paths()[0].vertices[:, 1]
        assert band.min() == rows.queue_p05.min() and band.max() == rows.queue_p95.max()
    assert printed(axes) == list(SHORT[:3])
    assert axes.get_ylim()[0] == 0 and axes.get_title(loc="left") == style.wrap(RESOURCES["theatre"], 200)
    assert "averages over 7 days" in words(figure) and "5 % to 95 %" in words(figure)


def test_lines_that_are_the_same_are_one_line_with_all_names() -> None:
    table = queue_table(4, 2)
    axes = panel(queues(look(4), table, some(2)), "programme")
    np.testing.assert_allclose(artist(axes, "all").get_ydata(), rows_of(table, "s2", "programme").queue)
    assert printed(axes) == ["all strategies"] and not artists(axes, "s0")
    same = table[table.resource == "programme"].copy()
    same.loc[same.strategy == "s3", "queue"] += 3
    axes = panel(queues(look(4), same, some(2)), "programme")
    assert set(printed(axes)) == {"Rescue", "all but Rescue"}
    own = [artist(axes, name) for name in ("s0", "s1", "s2")]
    assert len({line.get_color() for line in own}) == 3
    # Dashes of one line are where those of the others are not.
    offsets = [line._unscaled_dash_pattern for line in own]
    assert sorted(offset for offset, _ in offsets) == [0, 4, 8] and {tuple(dash) for _, dash in offsets} == {(4, 8)}
    same.loc[same.strategy == "s2", "queue"] += 2
    axes = panel(queues(look(4), same, some(2)), "programme")
    assert "LF-SCS first; HF10 first" in printed(axes)


def test_who_does_not_use_a_resource_has_no_line() -> None:
    table = queue_table(3, 2)
    table.loc[(table.strategy == "s1") & (table.resource == "programme"), ["queue", "in_use"]] = 0
    for figure in (queues(look(3), table, some(2)), utilisation(look(3), table, some(2))):
        assert printed(panel(figure, "programme")) == ["all that use it"]
        assert artists(panel(figure, "theatre"), "s1")


def test_one_replication_has_no_band() -> None:
    figure = queues(look(2), queue_table(2, 1, replications=False), some(1))
    assert not figure.axes[0].collections and "Shaded" not in words(figure)


def test_a_long_idle_end_is_cut_off() -> None:
    table = queue_table(2, 1, 500)
    table.loc[table.day >= 700, ["queue", "in_use", "queue_p05", "queue_p95"]] = 0
    for figure in (queues(look(2), table, some(1)), utilisation(look(2), table, some(1))):
        assert figure.axes[0].get_xlim()[1] == pytest.approx(12 * 770 / 365.25)
        assert figure.axes[0].get_xlabel() == "Months since the start" and "Later nobody needs" in words(figure)


def test_many_resources_are_not_all_shown_but_named() -> None:
    figure = queues(look(2), queue_table(2, 7, 50), RESOURCES)
    assert [axes.get_gid() for axes in figure.axes] == list(RESOURCES)[:6]
    assert "Not shown: Scanner." in words(figure)


def test_where_names_have_no_room_there_is_a_legend() -> None:
    figure = queues(look(7, True), queue_table(7, 5, 60), some(5))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*LONG, "All strategies"]
    assert not printed(figure.axes[0])
    assert len({round(axes.get_position().x0, 3) for axes in figure.axes}) == 2


def test_use_is_the_sum_of_what_was_used_over_what_was_there() -> None:
    table = queue_table(2, 1)
    table["capacity"] = np.where(table.day % 364 < 14, 0, 9)
    table.loc[table.capacity == 0, "in_use"] = 0
    figure = utilisation(look(2), table, some(1), {"theatre": {1.5: "→ 9", 30.0: "→ 1"}})
    axes = figure.axes[0]
    rows = rows_of(table, "s1", "theatre")
    piece = np.arange(len(rows)) // 13
    wanted = np.bincount(piece, rows.in_use) / np.bincount(piece, rows.capacity)
    np.testing.assert_allclose(artist(axes, "s1").get_ydata(), wanted)
    assert axes.get_ylim() == (0, 1) and "over 91 days" in words(figure)
    assert [float(line.get_xdata()[0]) for line in artists(axes, "mark")] == [1.5]
    assert "→ 9" in printed(axes) and "→ 1" not in printed(axes)


def test_use_of_a_closed_resource_is_a_gap_and_a_short_period_has_short_pieces() -> None:
    table = queue_table(1, 1, 16)
    table.loc[table.day.between(42, 49), ["in_use", "capacity"]] = 0
    share = artist(utilisation(look(1), table, some(1)).axes[0], "s0").get_ydata()
    assert len(share) == 8 and np.isnan(share).sum() == 1


def test_changes_that_are_too_many_to_be_named_are_still_marked() -> None:
    changes = {"theatre": {year / 8: f"→ {year}" for year in range(1, 79)}}
    figure = utilisation(look(1), queue_table(1, 1), some(1), changes)
    assert len(artists(figure.axes[0], "mark")) == 78 and printed(figure.axes[0])[-1] == SHORT[0]
    assert_legible(figure, "many changes")


# ------------------------------------------------------------ waits, capacity


def test_waiting_times_reach_their_target_or_not() -> None:
    table = waits_table(3, 2)
    figure = waiting_times(look(3), table, some(2), {"theatre": (18.0, 0.92)})
    axes, other = panel(figure, "theatre"), panel(figure, "programme")
    for name in ("s0", "s1", "s2"):
        x, y = artist(axes, name).get_data()
        rows = rows_of(table, name, "theatre")
        np.testing.assert_allclose(y, np.interp(x, rows.weeks, rows.share_within))
    assert artist(axes, "target").get_xydata().tolist() == [[18.0, 0.92]]
    assert "92 % within 18 weeks" in printed(axes) and "Diamond" in words(figure)
    # At least 95 % of the slowest are on the axis.
    slowest = rows_of(table, "s2", "theatre")
    assert axes.get_xlim() == (0, float(slowest.weeks[slowest.share_within >= 0.95].iloc[0]))
    assert printed(other) == ["all strategies"] and not artist(other, "target").get_xydata().size
    assert other.get_xlim() == (0, 6)
    assert "Diamond" not in words(waiting_times(look(3), table, some(2)))


def test_the_target_is_on_the_axis_when_nobody_waits_that_long() -> None:
    table = waits_table(1, 1)
    axes = waiting_times(look(1), table, some(1), {"theatre": (40.0, 0.9)}).axes[0]
    assert axes.get_xlim() == (0, pytest.approx(46))
    np.testing.assert_allclose(artist(axes, "s0").get_ydata()[-1], table.share_within.iloc[-1])


def test_the_smallest_capacity_that_is_enough_is_ringed() -> None:
    table = capacity_table(3)
    table.loc[table.strategy == "s2", ["share_within_target", "smallest"]] = (0.4, False)
    figure = capacity(look(3), table, "Theatre", "slots per week")
    axes, lost = panel(figure, "share"), panel(figure, "lost")
    for name in ("s0", "s1", "s2"):
        rows = table[table.strategy == name]
        np.testing.assert_allclose(artist(axes, name).get_xydata(), rows[["level", "share_within_target"]])
        np.testing.assert_allclose(artist(lost, name).get_ydata(), 100 * rows.qaly_lost)
        bars = np.array([segment[:, 1] for segment in artist(lost, f"bars-{name}").get_segments()])
        np.testing.assert_allclose(bars[:, 1] - bars[:, 0], 2 * 1.96 * 0.4)
    tops = [segment[:, 1].max() for segment in artist(axes, "bars-s0").get_segments()]
    assert max(tops) == 1
    rings = sorted(map(tuple, artist(axes, "enough").get_xydata()))
    assert rings == sorted(table[table.smallest][["level", "share_within_target"]].itertuples(index=False, name=None))
    assert artist(axes, "level").get_ydata()[0] == 0.92 and "target: 92 %" in printed(axes)
    assert "Not met at the highest level: Guided." in words(figure)
    assert "Theatre" in words(figure) and lost.get_xlabel() == "Capacity (slots per week)"
    assert axes.get_title(loc="left") == "Waits within the target of 18 weeks"


def test_without_a_target_there_are_only_losses_and_without_errors_no_bars() -> None:
    table = capacity_table(2).assign(share_within_target=np.nan, share_mcse=np.nan, qaly_lost_mcse=np.nan)
    figure = capacity(look(2), table.assign(qaly_lost=table.qaly_lost - 0.1), "Theatre")
    assert [axes.get_gid() for axes in figure.axes] == ["lost"]
    assert figure.axes[0].get_ylim()[0] < -10 and not figure.axes[0].collections
    assert "Bars" not in words(figure) and "Ringed" not in words(figure)
    assert_legible(figure, "no target")


# ------------------------------------------------------------------- journeys


def spans(axes: Axes, place: int) -> list[tuple[str, float, float]]:
    bars = [bar for bar in axes.patches if str(bar.get_gid()).endswith(f"-{place}")]
    return [(bar.get_gid().rsplit("-", 1)[0], bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]


def test_a_swimmer_plot_shows_states_and_what_happened() -> None:
    figure = swimmer(look(1), log_table(1, 4), THERAPIES)
    axes = panel(figure, "swimmer-s0")
    days = [("waiting", 0, 20), ("care", 20, 200), ("waiting", 200, 300), ("trial", 300, 310), ("waiting", 310, 320),
            ("lf", 320, 2500)]  # fmt: skip
    ends: list[list[tuple[str, int, int]]] = [
        [], [("waiting", 2500, 2600)], [("waiting", 2500, 2700)], [("waiting", 2500, 2520), ("shot", 2520, 3652)]
    ]  # fmt: skip
    for place, more in enumerate(ends):
        found = spans(axes, place)
        assert [state for state, *_ in found] == [state for state, *_ in [*days, *more]]
        times = [[begin / 365.25, end / 365.25] for _, begin, end in [*days, *more]]
        np.testing.assert_allclose([times for _, *times in found], times)
    marks = {
        "revision": [(917, place) for place in range(4)], "replacement": [(1650, place) for place in range(4)],
        "explant": [(2500, place) for place in range(4)], "finish": [(2500, 0)], "left": [(2600, 1)],
        "death": [(2700, 2)], "horizon": [(3652, 3)], "repeat": [(2620, 3)],
    }  # fmt: skip
    for kind, wanted in marks.items():  # Who dies in a queue has not left it.
        found_marks = {tuple(at) for at in artist(axes, kind).get_xydata().round(6)}
        assert found_marks == {(round(day / 365.25, 6), place) for day, place in wanted}, kind
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:5] == ["Waiting", "Screening trial", "Conservative care", THERAPIES["shot"], "LF-SCS"]
    assert legend[5:] == [label for label, _ in journey_figures.MARKS.values()]


def test_what_needs_no_resource_is_marked_too() -> None:
    log = log_table(1, 4)
    free = log[~log.lifecycle.isin(["schedule", "withdraw"])]
    free = free[~(free.event.isin(["revision", "replacement"]) & (free.lifecycle == "start"))]
    (axes,) = swimmer(look(1), free, THERAPIES).axes
    assert len(artist(axes, "revision").get_xydata()) == len(artist(axes, "replacement").get_xydata()) == 4


def test_the_same_patients_are_shown_under_every_strategy() -> None:
    log = log_table(3, 200)
    figure = swimmer(look(3), log[(log.strategy != "s1") | (log.case_id != 0)], THERAPIES)
    shown = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
    assert shown[0] == shown[1] == shown[2]
    cases = [int(case) for case in shown[0]]
    assert len(cases) == 12 and cases[0] == 0 and cases[-1] == 199 and set(np.diff(cases)) == {18, 19}
    assert not spans(panel(figure, "swimmer-s1"), 0) and spans(panel(figure, "swimmer-s2"), 0)


def test_colours_of_therapies_are_those_of_the_scenario() -> None:
    assert [color for color, _ in style.state_colors(list(THERAPIES)).values()][2:5] == list(style.AREAS[:3])


def test_a_short_log_is_shown_in_months() -> None:
    log = log_table(1, 2)
    figure = swimmer(look(1), log[log.day < 100], THERAPIES)
    assert figure.axes[0].get_xlabel() == "Months since referral"
    assert spans(figure.axes[0], 0)[0] == ("waiting", 0, pytest.approx(20 * 12 / 365.25))
    assert_legible(figure, "short")


def heights(axes: Axes, gid: str) -> list[float]:
    return [patch.get_height() for patch in artists(axes, gid)]


def test_flows_are_as_wide_as_they_are_large() -> None:
    axes = panel(flows(look(2), flow_table(2), THERAPIES), "flows-s1")
    (all_,) = heights(axes, "referral")
    wanted = {"care": 0.99, "drugs": 0.3, "shot": 0.75, "lf": 0.6, "hf": 0.1, "dead": 0.282, "background": 0.3,
              "staying:lf": 0.3, "staying:hf": 0.06, "staying:care": 0.01}  # fmt: skip
    for place, share in wanted.items():
        assert heights(axes, place) == [pytest.approx(share * all_)], place
    for start, end, patients in FLOWS:
        (ribbon,) = artists(axes, f"{start}-staying:{start}" if end == "staying" else f"{start}-{end}")
        path = ribbon.get_path().vertices
        assert abs(path[0, 1] - path[7, 1]) == pytest.approx(patients / 1000 * all_)
    # Everything that stands in a column adds up to all patients.
    columns: dict[float, float] = {}
    for patch in axes.patches:
        if hasattr(patch, "get_height"):
            x = round(patch.get_x() + patch.get_width() / 2, 6)
            columns[x] = columns.get(x, 0.0) + patch.get_height()
    np.testing.assert_allclose(list(columns.values()), all_)
    assert len(columns) == 7


def test_flows_are_named_with_their_shares() -> None:
    axes = panel(flows(look(1), flow_table(1), THERAPIES), "flows-s0")
    texts = printed(axes)
    assert "Referred 1,000" in texts and "Conservative care 99 %" in texts and "LF-SCS 60 %" in texts
    assert {"No therapy 30 %", "Dead 28 %", "LF-SCS, ongoing 30 %", "Conservative care, ongoing 1 %"} <= set(texts)
    assert "25 %" in texts  # from drugs to injections, where others come too


def test_small_ends_have_no_name() -> None:
    few = [*FLOWS[:2], ("care", "dead", 985.0), ("care", "background", 5.0)]
    figure = flows(look(1), flow_table(1, few), THERAPIES)
    assert not any(text.startswith("No therapy") for text in printed(figure.axes[0]))
    assert heights(figure.axes[0], "background") and "Ends below 1 %" in words(figure)


def test_who_comes_back_is_not_shown_but_mentioned() -> None:
    again = [*FLOWS, ("shot", "care", 7.0), ("shot", "shot", 5.0)]
    figure = flows(look(1), flow_table(1, again), THERAPIES)
    assert "Not shown: who comes back" in words(figure)
    assert_legible(figure, "back")
    assert "comes back" not in words(flows(look(1), flow_table(1), THERAPIES))


def test_many_therapies_with_long_names_are_legible() -> None:
    names = {f"t{i}": f"Neuropsychopharmacological intervention {i}" for i in range(9)}
    steps = list(names)
    chain = [("referral", "t0", 1e7)] + [(a, b, 9e6 - i * 1e6) for i, (a, b) in enumerate(itertools.pairwise(steps))]
    chain += [(name, "dead", 1e6) for name in steps]
    figure = flows(look(2, True), flow_table(2, chain), names)
    assert_legible(figure, "many therapies")


# ----------------------------------------------------------------- whole runs


def service(**changes: Any) -> Result:
    room: Data = {"slots": [{"until_years": 0.5, "number": 1}, {"number": 2}], "label": "Theatre", "per": "week"}
    scenario: Data = {
        "settings": {"horizon_years": 3, "patients": 60},
        "resources": {"room": {**room, "target": {"weeks": 8, "share": 0.8}}, "desk": {"servers": 2}},
        "service": {"arrivals": {"per_year": 60}, "years": 1, "replications": 2},
        "analyses": {"capacity": {"resource": "room", "levels": [1, 2, 4]}},
        **changes,
    }
    desk = {"resource": "desk", "duration": {"weeks": 4}}
    therapies = {"care": {**CARE, "needs": {"start": desk}}, "shot": SHOT,
                 "scs": {**BARE, "label": "SCS", "needs": {"trial": "room"}}}  # fmt: skip
    return scssim.run(tiny(therapies, {"all": ["care", "shot", "scs"], "few": ["care"]}, **scenario), engine="des")


def test_a_run_on_the_discrete_event_engine_has_all_figures() -> None:
    figures = style.drawn(makers(service()))
    assert list(figures) == NAMES
    for name, figure in figures.items():
        assert_legible(figure, name)
    used = panel(figures["utilisation"], "room")
    assert used.get_title(loc="left") == "Theatre (capacity 1 per week)" and "→ 2" in printed(used)
    assert panel(figures["utilisation"], "desk").get_title(loc="left") == "desk (capacity 2)"
    assert artist(used, "all").get_color() == style.LINES[0]
    assert "80 % within 8 weeks" in printed(panel(figures["waiting_times"], "room"))
    assert "How much capacity is enough: Theatre" in words(figures["capacity"])
    assert figures["capacity"].axes[-1].get_xlabel() == "Capacity (slots per week)"


def test_figures_without_data_are_left_out() -> None:
    closed = service(service={}, analyses={}, resources={"room": {"slots": 1}, "desk": {"servers": 60}})
    figures = style.drawn(makers(closed))
    assert list(figures) == NAMES[:-1]
    for name, figure in figures.items():
        assert_legible(figure, name)
    quiet = service(analyses={}, service={"arrivals": {"per_year": 60}, "years": 1, "log_patients": 0})
    assert list(style.drawn(makers(quiet))) == ["queues", "utilisation", "waiting_times", "flows"]


def test_without_resources_there_are_journeys_alone() -> None:
    figures = style.drawn(makers(scssim.run(tiny({"care": CARE, "scs": BARE}), engine="des")))
    assert list(figures) == ["swimmer", "flows"]


def test_the_cohort_engine_has_no_figures_of_a_service() -> None:
    assert style.drawn(makers(scssim.run(tiny({"care": CARE})))) == {}


def test_the_event_that_is_judged_is_named() -> None:
    figure = capacity(look(3), capacity_table().assign(need="trial"), "Theatre")
    assert panel(figure, "share").get_title(loc="left") == "Waits for each trial within the target of 18 weeks"
