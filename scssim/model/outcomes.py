"""What histories are worth: pain, visits, QALYs and costs, for both engines.

`Account` follows one strategy: episodes are added in order and then it is closed. Strategies that begin
alike share the beginning: they go on from copies.

Between events everything is an exact integral. Outcomes are built as differences from a life
without relief: that life is valued once per cell, each stretch of relief adds to it. A stretch is
given by the marks (`Clock.marks`) of its begin and end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.book import STOPS, Book
from scssim.model.clock import Clock
from scssim.model.history import NEVER, Episode
from scssim.model.leaves import Leaves
from scssim.model.past import Past, placed
from scssim.model.patients import Cells, pick
from scssim.model.plan import Plan, Reason
from scssim.model.therapy import Number
from scssim.model.visits import Visits
from scssim.model.worth import CATEGORIES, Worth, part, within

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


class Effect:
    """What a plan's relief is worth per cell, valued once and used for each stretch of it.

    Attributes
    ----------
    gains
        By linear utility source: utility of the full relief.
    categories
        By utility source of relief categories: the category at each stage, i.e. until the first review (true
        relief), after each review (recorded), after the loss.
    levels
        The same as utility beyond that of no relief.
    paid
        By stage: whether costs are those of suboptimal, of optimal relief (0 or 1); None when no cost goes by relief.
    prices
        By stage: what these costs of a year are beyond those without relief, as far as they count.
    changed
        Whether any category changes at a review.
    fades
        Where relief wanes: when it falls out of a category.
    """

    def __init__(self, plan: Plan, cells: Cells, worth: Worth) -> None:
        a, at = cells.attributes, cells.at
        back, leg = plan.relief["back"], plan.relief["leg"]
        mean = 0.5 * (back + leg)
        self.gains: dict[str, Array] = {}
        self.categories: dict[str, list[Index]] = {}
        self.levels: dict[str, list[Array]] = {}
        for name, source in worth.sources.items():
            if source.kind == "linear":
                self.gains[name] = -(
                    at(source.odi * worth.spec.utilities.odi_slope) * a["odi"] * mean
                    + at(source.back) * a["back_vas"] * back
                    + at(source.leg) * a["leg_vas"] * leg
                )
            else:
                self.categories[name] = [
                    np.add(good, best, dtype=np.intp) for good, best in _stages(plan, cells, source.site, source)
                ]
                self.levels[name] = [cells.entry(worth.levels[name], stage) for stage in self.categories[name]]
        self.paid: list[tuple[Array, Array]] | None = None
        if worth.by_relief:
            costs = worth.spec.costs
            self.paid = [
                ((good & ~best).astype(float), best.astype(float))
                for good, best in _stages(plan, cells, costs.relief_site, costs)
            ]
            less, more = (at(price) for price in worth.relief_prices)
            self.prices = [less * good + more * best for good, best in self.paid]
        self.fades: list[Fade] = []
        if plan.therapy.has_waning:
            for name, source in worth.sources.items():
                if source.kind == "states":
                    self.fades += _fades(plan, cells, source.site, source, name, worth.levels[name])
            if worth.by_relief:
                self.fades += _fades(plan, cells, worth.spec.costs.relief_site, worth.spec.costs)
        self.changed = np.zeros(cells.n, dtype=bool)
        for i in range(len(plan.review_times)):
            for stages in self.categories.values():
                self.changed |= stages[i] != stages[i + 1]
            if self.paid is not None:
                for before, after in zip(self.paid[i], self.paid[i + 1], strict=True):
                    self.changed |= before != after


def _stages(plan: Plan, cells: Cells, site: str, rule: Any) -> list[tuple[Bools, Bools]]:
    """Whether relief is at least suboptimal, and optimal, at each stage."""
    reliefs = [(plan.relief["back"], plan.relief["leg"]), *plan.recorded]
    if plan.loss is not None and plan.therapy.has_residual:
        kept = cells.at(plan.therapy.residual)
        reliefs.append((kept * plan.relief["back"], kept * plan.relief["leg"]))
    out = []
    for back, leg in reliefs:
        relief = back if site == "back" else leg if site == "leg" else 0.5 * (back + leg)
        out.append((relief >= rule.suboptimal_from, relief >= rule.optimal_from))
    return out


@dataclass(frozen=True)
class Fade:
    """When waning relief falls from a category into the next lower one, until the first review.

    Attributes
    ----------
    source
        Utility source; None: costs by relief.
    category
        The category that is left.
    time
        Years since the start of effect, shape (n,); infinite where it never falls, or is lower from the start.
    drop
        Utility lost by it.
    """

    source: str | None
    category: int
    time: Array
    drop: Array


def _fades(
    plan: Plan, cells: Cells, site: str, rule: Any, source: str | None = None, levels: Array | None = None
) -> list[Fade]:
    """When full relief times ``1 - w + w exp(-s / tau_w)`` crosses the bounds of the categories."""
    back, leg = plan.relief["back"], plan.relief["leg"]
    relief = back if site == "back" else leg if site == "leg" else 0.5 * (back + leg)
    w = np.broadcast_to(np.asarray(cells.at(plan.therapy.waning), dtype=float), relief.shape)
    out = []
    for category, bound in ((2, rule.optimal_from), (1, rule.suboptimal_from)):
        falls = (relief >= bound) & (relief * (1 - w) < bound)
        left = np.where(falls, (bound / np.where(falls, relief, 1.0) - 1 + w) / np.where(falls, w, 1.0), 1.0)
        time = np.where(falls, -cells.at(plan.therapy.tau_waning) * np.log(left), np.inf)
        drop = np.zeros(cells.n)
        if levels is not None:
            upper, lower = (cells.entry(levels, np.full(cells.n, c, dtype=np.intp)) for c in (category, category - 1))
            drop = upper - lower
        out.append(Fade(source, category, time, drop))
    return out


class Block:
    """A block of cells with everything that is the same under every strategy.

    Parameters
    ----------
    cells
        Cells with their attributes.
    death
        Years to death, shape (n,).
    leaves
        Rows of the block.
    worth
        Values.
    visits
        What to record at visits, or None.
    track_pain
        Whether a condition asks for the pain just before the last episode ended.

    Attributes
    ----------
    recording
        Whether accounts keep the episodes that they value.
    """

    def __init__(
        self, cells: Cells, death: Array, leaves: Leaves, worth: Worth, visits: Visits | None, track_pain: bool = False
    ) -> None:
        self.cells = cells
        self.leaves = leaves
        self.worth = worth
        self.visits = visits
        self.death = death
        self.horizon = worth.horizon
        self.exit = np.minimum(death, worth.horizon)
        self.clock = Clock(cells, worth.effect_rate, worth.norm, worth.cost_rate)
        self.months = int(np.floor(12 * worth.horizon + 1e-9))
        self.effects: dict[int, tuple[Plan, Effect]] = {}
        self.whole = self.clock.marks(self.exit)
        self.life, self.life0 = self.whole[self.clock.effect], self.whole[self.clock.years]
        self.intercepts: dict[str, Number] = {}
        self.track_pain = track_pain
        self.recording = False

    def start(self) -> Account:
        """The account of a life without any therapy, up to its first step."""
        account = Account(self)
        a, clock = self.cells.attributes, self.clock
        worth, at = self.worth, self.cells.at
        for name, source in worth.sources.items():
            if source.kind == "linear":
                level: Number = (
                    at(source.intercept)
                    + at(source.odi) * a["odi"]
                    + at(source.leg) * a["leg_vas"]
                    + at(source.back) * a["back_vas"]
                )
            else:
                level = at(source.none)
            self.intercepts[name] = level
            account.qaly[name] = level * self.whole[clock.quality]
            if name == worth.base:
                account.qaly0 = level * self.whole[clock.quality0]
            if worth.decrements.depression is not None:
                sad = at(worth.decrements.depression) * a["depression"]
                account.qaly[name] -= sad * self.life
                if name == worth.base:
                    account.qaly0 -= sad * self.life0
        account.pay([(name, i.perspective, i.none) for name, i in worth.by_relief.items()], None, self.whole[:2])
        account.background(None, np.zeros((2, 1)), self.whole[:2], 1.0)
        return account

    def place(self, cells: Cells, sel: Index | None = None) -> Index | None:
        """Where some of an episode's cells are in the block (None: they are all of its cells)."""
        if cells is self.cells:
            return sel
        return cells.index if sel is None else cells.index.take(sel)

    def by_row(self, number: Number) -> Number:
        """A parameter brought to the rows of `leaves`."""
        if np.ndim(number) == 0:
            return number
        if self.cells.regular is None:
            return float(np.asarray(number)[0])
        return np.asarray(number)[self.cells.regular[0]].repeat(self.leaves.per_draw)

    def bins(self, t: Array) -> Index:
        """Numbers of times (the horizon at most) by the first whole month not before each; for the horizon one more."""
        month = t * 12
        month += 1 - 1e-9  # a time at a whole month counts in it, whatever its rounding
        numbers = np.bincount(month.astype(np.intp), minlength=self.months + 2)
        staying = np.count_nonzero(t == self.horizon)
        numbers[int(self.horizon * 12 + (1 - 1e-9))] -= staying
        numbers[self.months + 1] += staying
        return numbers

    def effect(self, plan: Plan, cells: Cells) -> Effect:
        """Value of a plan's full relief."""
        key = id(plan)
        if key not in self.effects:
            self.effects[key] = plan, Effect(plan, cells, self.worth)  # keeping the plan keeps its id unique
        return self.effects[key][1]


class Marks:
    """Marks of the times of an episode, made when they are first asked for.

    Attributes
    ----------
    rows
        Where its cells are in the block (None: they are all of its cells).
    """

    def __init__(self, block: Block, e: Episode) -> None:
        self.block, self.e = block, e
        self.rows = block.place(e.cells)
        self._exit = pick(block.exit, self.rows)

    @cached_property
    def begin(self) -> Array:
        """Of the start of effect."""
        return self.block.clock.marks(self.e.t0, self.rows)

    @cached_property
    def end(self) -> Array:
        """Of the end of the therapy."""
        return self.block.clock.marks(self.e.end, self.rows)

    @cached_property
    def lost(self) -> Array:
        """Of the loss of effect (at the latest, of the end; of the exit if the therapy may go on as a bridge)."""
        e, clock = self.e, self.block.clock
        loss = e.plan.loss
        if loss is None:
            return part(self.block.whole, self.rows)
        if e.plan.bridges:
            return clock.marks(np.minimum(e.t0 + loss, self._exit), self.rows)
        time = e.t0 + loss
        early = (time < e.end).nonzero()[0]
        marks = self.end.copy()
        earlier = clock.marks(time.take(early), self.block.place(e.cells, early))
        for row, values in zip(marks, earlier, strict=True):  # far faster than all at once
            row[early] = values
        return marks

    def review(self, time: float, cell: Index) -> Array:
        """Marks of a review of some cells (the exit at the latest)."""
        return self.after(time, cell)

    def after(self, time: Number, cell: Index) -> Array:
        """Marks of a time since the start of effect of some cells (the exit at the latest)."""
        t = np.minimum(self.e.t0.take(cell) + time, self._exit.take(cell))
        return self.block.clock.marks(t, self.block.place(self.e.cells, cell))


@dataclass(frozen=True)
class Bridge:
    """A continuous therapy that goes on after its end until the next effect starts."""

    marks: Marks
    open: Bools


@dataclass
class Account:
    """Totals of one strategy up to a step.

    Attributes
    ----------
    money
        Discounted and undiscounted cost of each cell, shape (2, n).
    qaly
        Discounted QALYs of each cell by utility source; `qaly0` undiscounted, base source.
    items
        By (item, perspective): sums over leaves, discounted and undiscounted.
    events
        By event: cells it happened to, once per occurrence, in pieces.
    states
        By state: change of the number of patients in it at each month.
    now
        When the next step may begin.
    past
        What conditions of later steps may ask about.
    history
        The episodes in order, if they are kept.
    """

    block: Block
    money: Array = field(init=False)
    qaly0: Array = field(init=False)
    qaly: dict[str, Array] = field(default_factory=dict)
    items: dict[tuple[str, str], Array] = field(default_factory=dict)
    events: dict[str, list[Index]] = field(default_factory=dict)
    states: dict[str, Index] = field(default_factory=dict)
    now: Array = field(init=False)
    past: Past = field(init=False)
    bridges: list[Bridge] = field(default_factory=list)
    history: list[Episode] | None = None
    visits: Any = None

    def __post_init__(self) -> None:
        n = self.block.cells.n
        self.money, self.qaly0, self.now = np.zeros((2, n)), np.zeros(n), np.zeros(n)
        self.past = Past(self.block.track_pain)
        if self.block.recording:
            self.history = []
        if self.block.visits is not None:
            self.visits = self.block.visits.start(self.block)

    @property
    def cost(self) -> Array:
        """Discounted cost of each cell."""
        return self.money[0]

    @property
    def cost0(self) -> Array:
        """Undiscounted cost of each cell."""
        return self.money[1]

    def copy(self) -> Account:
        """An independent account with the same totals."""
        new = object.__new__(Account)
        new.__dict__.update(self.__dict__)
        new.money, new.qaly0 = self.money.copy(), self.qaly0.copy()
        new.qaly = {name: q.copy() for name, q in self.qaly.items()}
        new.items, new.states = dict(self.items), dict(self.states)
        new.events = {name: list(pieces) for name, pieces in self.events.items()}
        new.past, new.bridges = self.past.copy(), list(self.bridges)
        if self.history is not None:
            new.history = list(self.history)
        if self.visits is not None:
            new.visits = self.visits.copy()
        return new

    # ------------------------------------------------------------ one episode

    def add(self, e: Episode) -> None:
        """Add one more episode, of all cells or of some of them."""
        if self.history is not None:
            self.history.append(e)
        block, plan, cells = self.block, e.plan, e.cells
        therapy, costs = plan.therapy, plan.therapy.spec.costs
        marks = Marks(block, e)
        rows = marks.rows
        book = Book(self, e)
        self._close_bridges(marks)
        begun = e.begun.nonzero()[0]

        if costs.referral is not None and not e.again:
            book.pay({"referral": costs.referral}, e.active, e.start)
        if therapy.spec.trial is not None and not e.again:
            tried = e.trial < pick(block.exit, rows)
            book.count("trial", tried.nonzero()[0])
            book.pay({"trial": costs.trial}, tried, e.trial)
        if therapy.kind == "implant":
            book.count("implant", begun)
            book.pay({"implant": costs.implant, "device": costs.device}, e.begun, e.t0, begun)
        else:
            book.count("start", begun)
            book.pay({"procedure": costs.procedure}, e.begun, e.t0, begun)
        if therapy.kind == "implant" or therapy.spec.surgery:
            book.operation(begun, e.t0.take(begun))
        if self.visits is not None:
            self.visits.activate(e, rows)
        # Cells whose effect never began have an empty stretch: leaving them in is cheaper unless they are many.
        sel = None if 2 * begun.size > cells.n else begun
        self.window(marks, sel, part(marks.begin, sel), part(marks.end, sel))

        if therapy.spec.repeat is not None:
            cell, start, loss, scale = e.courses.cell, e.courses.start, e.courses.loss, e.courses.scale
            book.count("repeat", cell)
            book.charge("procedure", costs.procedure, cell, start)
            if therapy.spec.surgery:
                book.operation(cell, start)
            if cell.size:
                at = block.place(cells, cell)
                self.relief(marks, cell, *block.clock.stretch(start, loss, at), scale=scale)
                if self.visits is not None:
                    self.visits.course(e, cell, at, start, loss, scale)
        book.complications()
        revised = (e.revisions < NEVER).nonzero()[0]
        cell, time = e.occurrences.cell.take(revised), e.revisions.take(revised)
        book.count("revision", cell)
        book.charge("revision", costs.revision, cell, time)
        book.operation(cell, time)
        if therapy.device is not None:
            cell, _, replaced = e.replacements
            book.count("depletion", cell)
            done = (replaced < NEVER).nonzero()[0]
            cell, replaced = cell.take(done), replaced.take(done)
            book.count("replacement", cell)
            book.charge("replacement", costs.replacement, cell, replaced)
            generator = costs.device if costs.pulse_generator is None else costs.pulse_generator
            book.charge("generator", generator, cell, replaced)
            book.operation(cell, replaced)
        cell, start, stop = book.outages
        if cell.size:
            at = block.place(cells, cell)
            self.relief(marks, cell, *block.clock.stretch(start, stop, at), sign=-1.0)
            if self.visits is not None:
                self.visits.outage(at, start, stop)

        stopped = (STOPS.take(e.reason) & e.begun).nonzero()[0]
        book.charge("explant", costs.explant, stopped, e.end.take(stopped))
        if therapy.kind == "implant":
            book.count("explant", stopped)
            book.operation(stopped, e.end.take(stopped))
        over = ((e.reason > Reason.HORIZON) & e.active).nonzero()[0]
        why = e.reason.take(over)
        for code in np.bincount(why).nonzero()[0]:
            book.count(f"end.{Reason(int(code)).name.lower()}", over.take((why == code).nonzero()[0]))
        book.close(marks)
        self._states(e, rows)
        self._remember(marks)

    def _remember(self, marks: Marks) -> None:
        """Note what conditions of later steps may ask about, and whether the therapy goes on as a bridge."""
        e, rows = marks.e, marks.rows
        n = self.block.cells.n
        if rows is None:
            self.now = np.where(e.active, e.free, self.now)
        else:
            who = e.active.nonzero()[0]
            self.now = self.now.copy()
            self.now[rows[who]] = e.free[who]
        if e.again:
            return
        begun = placed(e.begun, rows, n)
        self.past.note(e.plan, e.cells, begun, rows)
        self.bridges = [Bridge(b.marks, b.open & ~begun) for b in self.bridges]
        if e.plan.bridges:
            ongoing = e.begun & (e.end < pick(self.block.exit, rows))
            self.bridges.append(Bridge(marks, placed(ongoing, rows, n)))

    def _close_bridges(self, marks: Marks) -> None:
        """Value bridging therapies up to the start of this effect (or the exit, while waiting for it)."""
        e = marks.e
        if e.again or not self.bridges:
            return
        pending = e.active & ~e.begun & (e.reason > Reason.HORIZON)  # a failed trial, or a queue that was left
        closed = placed(e.active & ~pending, marks.rows, self.block.cells.n)
        for bridge in self.bridges:
            self._bridge(bridge.marks, bridge.open & closed, marks.begin, marks.rows)
        self.bridges = [Bridge(b.marks, b.open & ~closed) for b in self.bridges]

    def close(self) -> None:
        """End the strategy: bridges that led nowhere end with the last attempt; then background care."""
        if self.bridges:
            until = self.block.clock.marks(np.minimum(self.now, self.block.exit))
            for bridge in self.bridges:
                self._bridge(bridge.marks, bridge.open, until, None)
        self.bridges = []

    def _bridge(self, marks: Marks, closing: Bools, until: Array, rows: Index | None) -> None:
        """Value the stretch from an episode's end until marks of some cells (None: all), for those closing."""
        years, n = self.block.clock.years, self.block.cells.n
        who = closing.nonzero()[0]
        if marks.rows is None and rows is None and 2 * who.size > n:
            finish = np.maximum(np.where(closing, until, marks.end), marks.end)
            self.window(marks, None, marks.end, finish, bridging=True)
            return
        own = who if marks.rows is None else np.searchsorted(marks.rows, who)
        column = who if rows is None else np.searchsorted(rows, who)
        longer = (until[years].take(column) > marks.e.end.take(own)).nonzero()[0]
        if longer.size:
            own, column = own.take(longer), column.take(longer)
            self.window(marks, own, part(marks.end, own), part(until, column), bridging=True)

    # ------------------------------------------------------------ stretches

    def window(self, marks: Marks, sel: Index | None, begin: Array, finish: Array, bridging: bool = False) -> None:
        """A stretch of an episode: its relief, its yearly cost, its paresthesia.

        Parameters
        ----------
        marks
            Marks of the episode whose therapy is in effect.
        sel
            Cells of the episode concerned (None: all).
        begin, finish
            Marks of the stretch.
        bridging
            Whether the stretch comes after the episode's own end.
        """
        e, worth, clock = marks.e, self.block.worth, self.block.clock
        plan, cells, costs = e.plan, e.cells, e.plan.therapy.spec.costs
        rows = self.block.place(cells, sel)
        spread = not e.again
        self.relief(marks, sel, begin, finish, own=not bridging, spread=spread)
        if self.visits is not None:
            self.visits.window(e, sel, rows, begin[clock.years], finish[clock.years])
        if costs.per_year is not None:
            item = f"{plan.therapy.id}.per_year"
            self.pay([(item, worth.bearer(item), costs.per_year)], rows, finish[:2] - begin[:2], cells, sel, spread)
        if not plan.therapy.spec.background:
            self.background(rows, begin[:2], finish[:2], -1.0, cells, sel, spread)
        if plan.uncomfortable is not None and worth.decrements.uncomfortable_paresthesia is not None:
            size = pick(plan.uncomfortable, sel) * cells.at(worth.decrements.uncomfortable_paresthesia, sel)
            loss = size * (finish[clock.effect] - begin[clock.effect])
            self.lose(rows, loss, size * (finish[clock.years] - begin[clock.years]))

    def relief(
        self,
        marks: Marks,
        sel: Index | None,
        begin: Array,
        finish: Array,
        scale: Array | None = None,
        sign: float = 1.0,
        own: bool = False,
        spread: bool = False,
    ) -> None:
        """Value the relief of a stretch: utility and costs by relief category.

        Parameters
        ----------
        marks, sel, begin, finish
            As for `window`.
        scale
            Size of the relief (repeat courses); their effect sets in anew at ``begin``.
        sign
            -1 takes the relief away (outages).
        own
            Whether the stretch begins with the effect.
        spread
            Whether costs are summed as if of all cells (see `pay`).
        """
        e, block, clock = marks.e, self.block, self.block.clock
        plan, cells, worth = e.plan, e.cells, self.block.worth
        effect = block.effect(plan, cells)
        rows = block.place(cells, sel)
        lost = finish
        if plan.loss is not None and scale is None:
            lost = part(marks.lost, sel)
            if not own or plan.bridges:  # else it is between them
                lost = np.minimum(np.maximum(lost, begin), finish)
        residual = plan.loss is not None and scale is None and plan.therapy.has_residual
        if effect.gains:
            fresh = own or scale is not None
            t0 = begin[clock.years] if fresh else pick(e.t0, sel)
            whole, whole0 = self._shaped(e, sel, rows, t0, begin, lost, fresh)
            if residual:
                rest, rest0 = self._shaped(e, sel, rows, t0, lost, finish, False)
                kept = cells.at(plan.therapy.residual, sel)
                whole, whole0 = whole + kept * rest, whole0 + kept * rest0
            if scale is not None:
                whole, whole0 = whole * scale, whole0 * scale
            for name, gain in effect.gains.items():
                size = pick(gain, sel) if sign == 1 else pick(gain, sel) * sign
                _add_at(self.qaly[name], rows, size * whole)
                if name == worth.base:
                    _add_at(self.qaly0, rows, size * whole0)
        if not effect.levels and effect.paid is None:
            return
        reviews = plan.review_times
        time = lost - begin
        if sign != 1:
            time *= sign
        self._by_category(effect, len(reviews), None, sel, rows, cells, time, spread)
        if residual:
            self._by_category(effect, len(reviews) + 1, None, sel, rows, cells, sign * (finish - lost), spread)
        if scale is None:
            for fade in effect.fades:
                self._fade(fade, marks, sel, begin, lost, sign)
        if not reviews or scale is not None:
            return
        # Before a review the category may have been another one.
        some = pick(effect.changed, sel).nonzero()[0]
        who = some if sel is None else sel.take(some)
        where = block.place(cells, who)
        begin, lost = part(begin, some), part(lost, some)
        for i, review in enumerate(reviews):
            before = sign * (np.minimum(np.maximum(marks.review(review, who), begin), lost) - begin)
            self._by_category(effect, i, i + 1, who, where, cells, before, False)

    def _fade(self, fade: Fade, marks: Marks, sel: Index | None, begin: Array, lost: Array, sign: float) -> None:
        """Value a stretch of relief in the next lower category from when it has waned that far, up to a review."""
        e, block, clock = marks.e, self.block, self.block.clock
        own = pick(fade.time, sel)
        some = np.isfinite(own).nonzero()[0]
        who = some if sel is None else sel.take(some)
        rows = block.place(e.cells, who)
        until = part(lost, some)
        if e.plan.review_times:
            until = np.minimum(marks.review(e.plan.review_times[0], who), until)
        time = sign * (until - np.minimum(np.maximum(marks.after(own.take(some), who), part(begin, some)), until))
        if fade.source is None:
            upper, lower = CATEGORIES[fade.category], CATEGORIES[fade.category - 1]
            items = block.worth.by_relief.items()
            prices = [(name, item.perspective, getattr(item, lower) - getattr(item, upper)) for name, item in items]
            self.pay(prices, rows, time[:2], e.cells, who)
            return
        drop = -fade.drop.take(who)
        _add_at(self.qaly[fade.source], rows, drop * time[clock.quality])
        if fade.source == block.worth.base:
            _add_at(self.qaly0, rows, drop * time[clock.quality0])

    def _by_category(
        self,
        effect: Effect,
        stage: int,
        other: int | None,
        sel: Index | None,
        rows: Index | None,
        cells: Cells,
        time: Array,
        spread: bool,
    ) -> None:
        """Value time (differences of marks) in the relief category of a stage, in place of that of another."""
        clock, worth = self.block.clock, self.block.worth
        for name, levels in effect.levels.items():
            gain = pick(levels[stage], sel)
            if other is not None:
                gain = gain - pick(levels[other], sel)
            _add_at(self.qaly[name], rows, gain * time[clock.quality])
            if name == worth.base:
                _add_at(self.qaly0, rows, gain * time[clock.quality0])
        if effect.paid is None:
            return
        for i, prices in enumerate(worth.by_category):
            units = pick(effect.paid[stage][i], sel) * time[:2]
            if other is not None:
                units -= pick(effect.paid[other][i], sel) * time[:2]
                self.pay(prices, rows, units, cells, sel, spread)
            else:
                self._enter(prices, rows, units, spread)
        if other is None:
            self._spend(rows, pick(effect.prices[stage], sel) * time[:2])

    def _shaped(
        self, e: Episode, sel: Index | None, rows: Index | None, t0: Array, begin: Array, finish: Array, fresh: bool
    ) -> tuple[Array, Array]:
        """Integral of the shape of relief, ``(1 - e^-s/tau)(1 - w + w e^-s/tau_w)``, weighted as quality is.

        ``fresh`` says that the stretch begins at t0.
        """
        therapy, cells, clock = e.plan.therapy, e.cells, self.block.clock
        s, s0 = finish[clock.quality] - begin[clock.quality], finish[clock.quality0] - begin[clock.quality0]
        sudden = np.ndim(therapy.tau) == 0 and therapy.tau == 0
        if sudden and not therapy.has_waning:
            return s, s0
        a, b = t0 if fresh else begin[clock.years], finish[clock.years]
        if not therapy.has_waning:
            fast = clock.decay(t0, a, b, 1 / np.asarray(cells.at(therapy.tau, sel)), rows)
            return s - fast[0], s0 - fast[1]
        w = np.asarray(cells.at(therapy.waning, sel))
        k_w = 1 / np.asarray(cells.at(therapy.tau_waning, sel))
        slow = clock.decay(t0, a, b, k_w, rows)
        total, total0 = (1 - w) * s + w * slow[0], (1 - w) * s0 + w * slow[1]
        if sudden:
            return total, total0
        k = 1 / np.asarray(cells.at(therapy.tau, sel))
        fast, both = clock.decay(t0, a, b, k, rows), clock.decay(t0, a, b, k + k_w, rows)
        return total - (1 - w) * fast[0] - w * both[0], total0 - (1 - w) * fast[1] - w * both[1]

    # ------------------------------------------------------------ sums

    def lose(self, rows: Index | None, loss: Array, loss0: Array, linear: bool = False) -> None:
        """Take discounted and undiscounted QALYs away, from every source or from the linear ones."""
        for name, total in self.qaly.items():
            if linear and self.block.worth.sources[name].kind != "linear":
                continue
            _add_at(total, rows, -loss)
            if name == self.block.worth.base:
                _add_at(self.qaly0, rows, -loss0)

    def pay(
        self,
        items: list[tuple[str, str, Number]],
        rows: Index | None,
        units: Array,
        cells: Cells | None = None,
        sel: Index | None = None,
        spread: bool = False,
    ) -> None:
        """Pay for discounted and undiscounted units of some cells, each cell once.

        Parameters
        ----------
        items
            (cost item, who bears it, price per unit).
        rows
            The cells (None: all).
        units
            Shape (2, number of cells).
        cells, sel
            The same cells, for their parameters (None: all of the block).
        spread
            Sum them as if they were costs of all cells. Whether an item's sums are formed so must not
            depend on how many cells there are: then results would depend on the blocks.
        """
        if not items:
            return
        cells = self.block.cells if cells is None else cells
        self._enter(items, rows, units, spread)
        self._spend(rows, cells.at(self.block.worth.counted(items), sel) * units)

    def _enter(self, items: list[tuple[str, str, Number]], rows: Index | None, units: Array, spread: bool) -> None:
        """Add prices times sums of units to cost items."""
        sums = self._sums(rows, units, spread)
        for name, perspective, number in items:
            self.enter((name, perspective), self.block.by_row(number) * sums)

    def background(
        self,
        rows: Index | None,
        begin: Array,
        finish: Array,
        sign: float,
        cells: Cells | None = None,
        sel: Index | None = None,
        spread: bool = False,
    ) -> None:
        """Charge background care from begin to finish (cost and year marks); other arguments as for `pay`."""
        cells = self.block.cells if cells is None else cells
        for name, (perspective, pieces) in self.block.worth.background.items():
            cost: Array | None = None
            for price, low, high in pieces:
                piece = within(finish, low, high) - within(begin, low, high)
                piece *= cells.at(price * sign, sel)
                cost = piece if cost is None else np.add(cost, piece, out=cost)
            if cost is None:
                cost = np.zeros((2, finish.shape[1]))
            self.enter((name, perspective), self._sums(rows, cost, spread))
            if self.block.worth.counts(perspective):
                self._spend(rows, cost)

    def _spend(self, rows: Index | None, cost: Array) -> None:
        if rows is None:
            self.money += cost
        else:
            _add_at(self.money[0], rows, cost[0])
            _add_at(self.money[1], rows, cost[1])

    def _sums(self, rows: Index | None, x: Array, spread: bool) -> Array:
        """Sums over leaves of discounted and undiscounted values of some cells."""
        leaves = self.block.leaves
        if rows is None:
            return leaves.sum(x)
        if spread:
            return leaves.sum(placed(x, rows, self.block.cells.n))
        return np.array([leaves.sum_at(rows, x[0]), leaves.sum_at(rows, x[1])])

    def enter(self, key: tuple[str, str], sums: Array) -> None:
        """Add discounted and undiscounted leaf sums (2, rows) to a cost item."""
        self.items[key] = self.items[key] + sums if key in self.items else sums

    def _states(self, e: Episode, rows: Index | None) -> None:
        block, name = self.block, e.plan.therapy.id
        leaves = pick(block.exit, rows)
        start = block.bins(np.minimum(e.start, leaves))
        begin = trial = block.bins(np.minimum(e.trial, e.free))
        if (e.reason == Reason.LEFT_QUEUE).any():
            begin = block.bins(e.t0)
        waiting = start - trial
        if e.plan.trial_ok is not None:
            tried = block.bins(np.minimum(e.tried, e.free))
            self._stay("trial", trial - tried)
            begin = block.bins(e.t0)
            waiting += tried - block.bins(np.minimum(e.t0, e.free))  # in the queue for the implant
        self._stay("waiting", waiting)
        self._stay(name, begin - block.bins(e.end))

    def _stay(self, state: str, change: Index) -> None:
        self.states[state] = self.states[state] + change if state in self.states else change


def _add_at(total: Array, rows: Index | None, x: Array) -> None:
    if rows is None:
        total += x
    else:
        np.add.at(total, rows, x)
