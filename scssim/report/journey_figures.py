"""Figures of the ways of patients: those of a few of them one by one, and all of them from therapy to therapy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import ScaledTranslation

from scssim.report import style
from scssim.report.layout import MARK_SIZE, Page, legend_columns
from scssim.report.look import Look, need, number
from scssim.scenario.times import DAYS_PER_YEAR

MOST_CASES = 12
"""Patients in each panel of a swimmer plot."""

ROW = 0.19
"""Height of a patient's row, in inches."""

BEYOND = 0.07
"""Distance between the end of a bar and the mark for no further therapy, in inches."""

SMALL = 0.01
"""Share of patients below which an end has no name."""

PALE = 0.45
"""Strength of the colours of flows."""

BAR = 0.1
"""Width of the bar of a therapy, in inches."""

LEGIBLE = 0.14
"""Least width of a flow with a percentage, in inches."""

GAP = 0.07
"""Distance between flows side by side, in inches."""

END_WIDTH = 26
"""Characters of a line of the name of an end."""

NO_BREAK = "\N{NO-BREAK SPACE}"

REFERRAL, STAYING = "referral", "staying:"
"""Where ways begin, and what stands before a therapy that goes on at the horizon."""

ENDS = {"waiting": "Waiting", "background": "No therapy", "dead": "Dead"}
"""Other ends."""

PLACES = {REFERRAL: "#888888", "background": "#CDBB99"}
"""Colours of places that are no states, or that are too pale as states for a thin line."""

MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    "repeat": ("Repeat course", {"marker": "o", "markerfacecolor": "white", "markersize": 4.0}),
    "revision": ("Revision", {"marker": "^", "markerfacecolor": "white", "markersize": 5.0}),
    "replacement": ("Replacement", {"marker": "s", "markerfacecolor": "white", "markersize": 4.2}),
    "explant": ("Explant", {"marker": "X", "markersize": 6.5, "markeredgecolor": "white"}),
    "left": ("Left the queue", {"marker": "<", "markersize": 6.0, "markeredgecolor": "white"}),
    "finish": ("No further therapy", {"marker": "|", "markersize": 8.0, "markeredgewidth": 1.4}),
    "horizon": ("Follow-up ends", {"marker": ">", "markersize": 4.5, "markerfacecolor": "white"}),
    "death": ("Death", {"marker": "D", "markersize": 5.2, "markeredgecolor": "white"}),
}
"""Marks of a swimmer plot: what they are called and how they look."""


# ------------------------------------------------------------------- swimmer


def swimmer(look: Look, log: pd.DataFrame, therapies: Mapping[str, str], most: int = MOST_CASES) -> Figure:
    """Ways of some patients, the same under every strategy: what they wait for, have, and what happens to them.

    Parameters
    ----------
    look
        Names and units.
    log
        Event log: columns case_id, day, event, therapy, lifecycle and strategy.
    therapies
        Label of every therapy by its id, in their order, which fixes colours.
    most
        How many patients; they are spread evenly over the log.

    Raises
    ------
    NothingToDrawError
        If there are no events.
    """
    names = look.order(need(log, "event log")["strategy"])
    cases = np.unique(log["case_id"].to_numpy())
    cases = cases[np.unique(np.linspace(0, len(cases) - 1, min(most, len(cases))).round().astype(int))]
    log = log[log["case_id"].isin(cases)].sort_values("day", kind="stable")
    ways = {key: _Way.of(rows) for key, rows in log.groupby(["strategy", "case_id"])}
    last = 12 * max(way.end for way in ways.values())
    colors = style.state_colors(list(therapies))
    states = {span[0] for way in ways.values() for span in way.spans}
    marks = {mark[0] for way in ways.values() for mark in way.marks}
    called = {"waiting": "Waiting", "trial": "Screening trial", **therapies}
    with style.context():
        handles: list[Artist] = [
            Patch(facecolor=colors[state][0], hatch=colors[state][1], edgecolor="white", label=called[state])
            for state in colors
            if state in states
        ]
        handles += [
            Line2D([], [], linestyle="none", label=label, **_mark(kind))
            for kind, (label, _) in MARKS.items()
            if kind in marks
        ]
        columns = 1 if len(names) <= 3 else 2
        rows = -(-len(names) // columns)
        legend_width = legend_columns([str(handle.get_label()) for handle in handles])
        left, right, between = 0.8, 0.25, 0.55
        width = (style.WIDTH - left - right - between * (columns - 1)) / columns
        titles = {name: style.wrap(look.label(name), int(width * 12)) for name in names}
        over = 0.15 + 0.17 * max(title.count("\n") + 1 for title in titles.values())
        cell, below = ROW * len(cases) + 0.08, 0.55 + 0.21 * -(-len(handles) // legend_width)
        page = Page.start(
            "Ways of single patients",
            "Some patients of the first replication, the same under every strategy: when they wait, which therapy they "
            "are under, and what happens to them, by time since their own referral.",
            rows * (cell + over) + 0.28 * (rows - 1) + below,
        )
        for i, name in enumerate(names):
            row, column = divmod(i, columns)
            bottom = page.body - (row + 1) * (cell + over) - 0.28 * row
            axes = page.axes(left + column * (width + between), bottom, width, cell, f"swimmer-{name}")
            style.time_axis(axes, last)
            axes.set_ylim(len(cases) - 0.5 + 0.04 / ROW, -0.5 - 0.04 / ROW)
            axes.set_yticks(range(len(cases)), [f"{case}" for case in cases], fontsize=MARK_SIZE)
            axes.tick_params(axis="y", length=0)
            axes.xaxis.grid(True)
            axes.set_title(titles[name])
            scale = 1.0 if style.time_unit(last) == "Years" else 12.0
            own = {place: ways[name, case] for place, case in enumerate(cases) if (name, case) in ways}
            _swim(axes, own, scale, colors)
            if column == 0:
                axes.set_ylabel("Patient")
            if i + columns >= len(names):
                axes.set_xlabel(f"{style.time_unit(last)} since referral")
        style.legend(page.figure, handles, page.place(0.12, 0.07), legend_width)
    return page.figure


@dataclass(frozen=True)
class _Way:
    """Way of one patient under one strategy, in years since referral.

    Attributes
    ----------
    spans
        State, begin and end.
    marks
        What happened (of `MARKS`) and when.
    end
        When the log of the patient ends.
    """

    spans: list[tuple[str, float, float]]
    marks: list[tuple[str, float]]
    end: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Way:
        """From the events of a patient, in order."""
        days = rows["day"].to_numpy(dtype=float)
        times = ((days - days[0]) / DAYS_PER_YEAR).tolist()
        spans: list[tuple[str, float, float]] = []
        marks: list[tuple[str, float]] = []
        state, since = "waiting", 0.0
        columns = (rows[column].tolist() for column in ("event", "therapy", "lifecycle"))
        for time, event, therapy, lifecycle in zip(times, *columns, strict=True):
            if new := _state_after(event, therapy, lifecycle):
                spans.append((state, since, time))
                state, since = new, time
            if mark := _mark_of(event, lifecycle):
                marks.append((mark, time))
        spans.append((state, since, times[-1]))
        # Who dies or reaches the horizon also leaves the queue, which is no event of its own.
        if marks and marks[-1][0] in ("death", "horizon"):
            marks = [m for m in marks if m[0] != "left" or m[1] < times[-1]]
        return cls([span for span in spans if span[2] > span[1]], marks, times[-1])


def _state_after(event: str, therapy: Any, lifecycle: str) -> str | None:
    """State that an event puts a patient into; None: no change."""
    if event == "trial" and lifecycle in ("start", "complete"):
        return "trial" if lifecycle == "start" else "waiting"
    if event == "treatment" and lifecycle in ("start", "complete"):
        return str(therapy) if lifecycle == "start" else "waiting"
    return None


def _mark_of(event: str, lifecycle: str) -> str | None:
    """Mark of an event; None: it has none."""
    if event in ("revision", "replacement", "repeat", "explant"):
        # Who does not queue any more for one of these has nothing left to wait for.
        return event if lifecycle == "complete" else None
    if event == "leave" or lifecycle == "withdraw":
        return "left"
    return event if event in MARKS else None


def _mark(kind: str) -> dict[str, Any]:
    return {"color": style.INK, "markeredgecolor": style.INK, "markeredgewidth": 0.8, **MARKS[kind][1]}


def _swim(axes: Axes, ways: Mapping[int, _Way], scale: float, colors: Mapping[str, tuple[str, str]]) -> None:
    """Draw patients, given by their row."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    beyond = axes.transData + ScaledTranslation(BEYOND, 0, figure.dpi_scale_trans)
    for place, way in ways.items():
        for state, begin, end in way.spans:
            color, hatch = colors[state]
            axes.barh(place, scale * (end - begin), left=scale * begin, height=0.62, color=color, hatch=hatch,
                      edgecolor="white" if hatch else color, linewidth=0, gid=f"{state}-{place}")  # fmt: skip
    for kind in MARKS:
        found = [(scale * time, place) for place, way in ways.items() for own, time in way.marks if own == kind]
        if found:
            axes.plot(*np.transpose(found), linestyle="none", clip_on=False, zorder=3, gid=kind,
                      transform=beyond if kind == "finish" else axes.transData, **_mark(kind))  # fmt: skip


# --------------------------------------------------------------------- flows


def flows(look: Look, table: pd.DataFrame, therapies: Mapping[str, str]) -> Figure:
    """Who goes on from one therapy to which other, and where it ends; one panel per strategy.

    Parameters
    ----------
    look
        Names and units.
    table
        Columns strategy, from (``referral`` or a therapy), to (a therapy, ``staying``, ``background`` or ``dead``) and
        patients.
    therapies
        Label of every therapy by its id, in their order, which fixes colours.

    Raises
    ------
    NothingToDrawError
        If nobody was referred.
    """
    table = need(table, "flows")
    table = need(table[table["patients"] > 0], "flows")
    names = look.order(table.loc[table["from"] == REFERRAL, "strategy"])
    need(table if names else None, "flows")
    maps = {name: _Flows.of(table[table["strategy"] == name]) for name in names}
    colors = {key: color for key, (color, _) in style.state_colors(list(therapies)).items()}
    with style.context():
        ends = {name: one.named_ends(therapies) for name, one in maps.items()}
        measured = {name: style.measure(list(own.values()), style.LABEL_SIZE) for name, own in ends.items()}
        left, right = 0.5, max(float(widths.max(initial=0.0)) for widths, _ in measured.values()) + 0.4
        width = style.WIDTH - left - right
        heads = {name: _heads(one, therapies, width / one.last) for name, one in maps.items()}
        titles = {name: style.wrap(look.label(name), 90) for name in names}
        least = 1.7 if len(names) <= 4 else 1.3
        tall = {name: max(least, float((heights + 0.05).sum())) for name, (_, heights) in measured.items()}
        above = {name: 0.12 + heights for name, (_, heights) in heads.items()}
        over = {name: above[name] + 0.17 * (titles[name].count("\n") + 1) + 0.12 for name in names}
        subtitle = "Widths are numbers of patients (mean of replications); percentages are of those "
        subtitle += f"referred. Ends below {100 * SMALL:g} % have no name."
        if any(one.back for one in maps.values()):
            subtitle += " Not shown: who comes back to an earlier therapy."
        gaps = 0.16 * (len(names) - 1)
        page = Page.start("From therapy to therapy", subtitle, sum(tall.values()) + sum(over.values()) + gaps + 0.15)
        top = page.body
        for name, one in maps.items():
            top -= over[name] + tall[name]
            axes = page.axes(left, top, width, tall[name], f"flows-{name}")
            axes.set_axis_off()
            axes.set_xlim(0, width)
            axes.set_ylim(0, tall[name])
            axes.set_title(titles[name], x=(0.12 - left) / width, pad=72 * above[name])
            centres = _alluvial(axes, one, (width, tall[name]), colors)
            for column, text, raised in heads[name][0]:
                axes.text(column * width / one.last, tall[name] + raised + 0.05, text, fontsize=MARK_SIZE, ha="center",
                          va="bottom")  # fmt: skip
            style.end_labels(axes, {end: centres[end] for end in ends[name]}, ends[name],
                             dict.fromkeys(ends[name], style.FAINT))  # fmt: skip
            top -= 0.16
    return page.figure


@dataclass(frozen=True)
class _Flows:
    """Flows of one strategy between places in columns: the referral, therapies, and ends.

    Attributes
    ----------
    total
        Patients referred.
    column
        Column of each place; places of a column from the top down. What stays under a therapy is an end of its own.
    shares
        Shares of those referred by (from, to).
    back
        Whether some flows lead back, and are left out.
    """

    total: float
    column: dict[str, int]
    shares: dict[tuple[str, str], float]
    back: bool

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Flows:
        """From rows of the table of flows."""
        steps: dict[tuple[str, str], float] = {}
        for start, end, patients in zip(rows["from"], rows["to"], rows["patients"], strict=True):
            key = str(start), STAYING + str(start) if end == "staying" else str(end)
            steps[key] = steps.get(key, 0.0) + float(patients)
        total = sum(patients for (start, _), patients in steps.items() if start == REFERRAL)
        therapies = _in_order([pair for pair in steps if not _is_end(pair[1])])
        ends = [*(STAYING + name for name in reversed(therapies)), "waiting", "background", "dead"]
        ends = [end for end in ends if any(end == after for _, after in steps)]
        column = {name: i for i, name in enumerate([REFERRAL, *therapies])} | dict.fromkeys(ends, len(therapies) + 1)
        forward = {pair: n / total for pair, n in steps.items() if column[pair[0]] < column[pair[1]]}
        return cls(total, column, forward, len(forward) < len(steps))

    @property
    def last(self) -> int:
        """Number of the column of ends."""
        return max(self.column.values())

    def into(self, place: str) -> float:
        """Share that comes to a place."""
        return 1.0 if place == REFERRAL else sum(share for (_, end), share in self.shares.items() if end == place)

    def passing(self, column: int, place: str) -> float:
        """Share that is on its way past a column to a place."""
        return sum(share for (start, end), share in self.shares.items() if end == place and self.column[start] < column)

    def height(self, column: int, place: str) -> float:
        """Height of a place, or of what passes a column on the way to it."""
        if self.column[place] > column:
            return self.passing(column, place)
        return max(self.into(place), sum(share for (start, _), share in self.shares.items() if start == place))

    def stack(self, column: int) -> list[str]:
        """What is in a column, from the top down."""
        return [place for place, own in self.column.items() if own >= column and self.height(column, place) > 0]

    def named_ends(self, therapies: Mapping[str, str]) -> dict[str, str]:
        """Names of the ends that are not too small."""
        found = {}
        for end in self.stack(self.last):
            if self.into(end) >= SMALL:
                therapy = end.removeprefix(STAYING)
                name = ENDS.get(end) or f"{therapies.get(therapy, therapy)}, ongoing"
                found[end] = style.wrap(f"{name} {_percent(self.into(end))}", END_WIDTH)
        return found


def _is_end(place: str) -> bool:
    return place in ENDS or place.startswith(STAYING)


def _in_order(steps: list[tuple[str, str]]) -> list[str]:
    """Therapies such that flows lead from earlier to later ones, as far as that can be."""
    names = list(dict.fromkeys(name for pair in steps for name in pair if name != REFERRAL))
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for start, end in steps:
            if start != end and start != REFERRAL:
                depth[end] = min(max(depth[end], depth[start] + 1), len(names))
    return sorted(names, key=depth.__getitem__)


def _heads(one: _Flows, therapies: Mapping[str, str], spacing: float) -> tuple[list[tuple[int, str, float]], float]:
    """What stands above the columns: number, text and how far it is raised (inches); and the height of all.

    Neighbours are on as many levels as it takes that none is over another.
    """
    places = [place for place in one.column if place != REFERRAL and not _is_end(place)]
    texts = [f"{therapies.get(place, place)} {_percent(one.into(place))}" for place in places]

    def wrapped(room: float) -> list[str]:
        # Words are not broken.
        lines = [style.wrap(text, max(int(room / 0.068), *map(len, text.split()))) for text in texts]
        return [f"Referred\n{number(round(one.total), 9)}", *lines]

    for levels in range(1, one.last + 1):
        lines = wrapped(levels * (spacing - 0.1))
        widths, heights = style.measure(lines, MARK_SIZE)
        if float(widths.max()) <= levels * spacing - 0.06:
            break
    tall = [float(heights[level::levels].max(initial=0.0)) + 0.03 for level in range(levels)]
    return [(i, text, sum(tall[: i % levels])) for i, text in enumerate(lines)], sum(tall)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{NO_BREAK}%" if share >= 0.01 else f"<{NO_BREAK}1{NO_BREAK}%"


def _place_color(place: str, colors: Mapping[str, str]) -> str:
    return PLACES.get(place) or colors[place.removeprefix(STAYING)]


def _alluvial(
    axes: Axes, one: _Flows, inches: tuple[float, float], colors: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Draw the flows of a strategy from the left to the right; return the middles of the ends."""
    width, height = inches
    colors = {place: _place_color(place, colors) for place in one.column}
    pale = {place: style.tint(color, PALE) for place, color in colors.items()}
    stacks = [one.stack(column) for column in range(one.last + 1)]
    free = height - GAP * (max(map(len, stacks)) - 1)
    scale = free / max(sum(one.height(c, place) for place in stack) for c, stack in enumerate(stacks))
    tops: list[dict[str, float]] = []
    for column, stack in enumerate(stacks):
        tops.append({})
        y = height
        for place in stack:
            tops[-1][place] = y
            y -= scale * one.height(column, place) + GAP
    step = width / one.last
    centres = {}
    for column, stack in enumerate(stacks):
        x = column * step
        for place in stack:
            high, here = scale * one.height(column, place), one.column[place] == column
            # What passes reaches into the flows on both sides, or one would see where they meet.
            half = BAR / 2 if here else BAR / 2 + 0.01
            box = Rectangle((x - half, tops[column][place] - high), 2 * half, high, linewidth=0, clip_on=False,
                            facecolor=colors[place] if here else pale[place], gid=place if here else "lane",
                            zorder=2.5 if here else 2 / (1 + high))  # fmt: skip
            axes.add_patch(box)
            if column == one.last:
                centres[place] = x + BAR / 2, tops[column][place] - high / 2
        if column == one.last:
            break
        # To the next column: what leaves the place of this column, and below it what passes.
        start, ends = tops[column][stack[0]], (x + BAR / 2, x + step - BAR / 2)
        for place in (p for p, own in one.column.items() if own > column and p in tops[column + 1]):
            own, passing = scale * one.shares.get((stack[0], place), 0.0), scale * one.passing(column, place)
            into = tops[column + 1][place]
            _ribbon(axes, ends, (start, into), own, pale[place], f"{stack[0]}-{place}")
            share = one.shares.get((stack[0], place), 0.0)
            # Where it is all that comes there, the number is there.
            if own >= LEGIBLE and share < 0.99 * one.into(place):
                text = _percent(share)
                axes.text(ends[0] + 0.04, start - own / 2, text, fontsize=MARK_SIZE - 0.5, va="center", zorder=3)
            start -= own
            if passing:
                _ribbon(axes, ends, (tops[column][place], into - own), passing, pale[place], "lane")
    return centres


def _ribbon(axes: Axes, x: tuple[float, float], top: tuple[float, float], width: float, color: str, gid: str) -> None:
    """Draw a flow between two columns, given its upper ends."""
    if width <= 0:
        return
    middle = (x[0] + x[1]) / 2
    upper = [(x[0], top[0]), (middle, top[0]), (middle, top[1]), (x[1], top[1])]
    lower = [(a, b - width) for a, b in reversed(upper)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    path = Path([*upper, *lower, upper[0]], codes)
    # Thin ones above broad ones.
    axes.add_patch(PathPatch(path, facecolor=color, linewidth=0, clip_on=False, zorder=2 / (1 + width), gid=gid))
