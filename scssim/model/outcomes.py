"""What histories are worth: pain, visits, QALYs and costs, for both engines.

`Account` follows one strategy: episodes are added in order and then it is closed. Accounts are
values: `Account.add` returns a new one, so strategies that begin alike share the beginning.

Between events everything is an exact integral. Outcomes are built as differences from a life
without relief: that life is valued once per cell, each stretch of relief adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.clock import Clock
from scssim.model.discount import annuity_from_zero, continuous_rate, lasting
from scssim.model.history import NEVER, Episode
from scssim.model.measurement import Recorder
from scssim.model.patients import OLDEST, Cells, pick
from scssim.model.plan import Plan, Reason
from scssim.model.therapy import Number
from scssim.model.visits import Visits
from scssim.scenario.schema import WEEKS_PER_YEAR

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]

LEAF = 1024
"""Patients whose sums are formed together; sums of leaves are merged in order."""

STOPPED = (Reason.EXPLANT, Reason.REVIEW_STOP, Reason.STOP_AFTER_LOSS, Reason.MAX_DURATION)
"""Ends that take an operation or a visit of their own."""

_STOPS = np.isin(np.arange(256), [int(r) for r in STOPPED])

CATEGORIES = ("none", "suboptimal", "optimal")
COSTS = ""
"""Key of the categories that costs go by, beside those of utility sources (no source can have this id)."""


@dataclass(frozen=True)
class Leaves:
    """Rows (draw, leaf of patients) of a block, in order, and sums over them.

    Attributes
    ----------
    draws, patients
        Shape of the block.
    """

    draws: int
    patients: int

    @property
    def per_draw(self) -> int:
        """Leaves of one draw."""
        return -(-self.patients // LEAF)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.draws * self.per_draw

    def sum(self, x: Array) -> Array:
        """Sums over each leaf of values of all cells; leading axes are kept.

        Parameters
        ----------
        x
            Shape (..., draws * patients).

        Returns
        -------
        ndarray
            Shape (..., rows).
        """
        lead = x.shape[:-1]
        x = x.reshape(*lead, self.draws, self.patients)
        if self.patients <= LEAF:
            return x.sum(axis=-1)
        whole = self.patients // LEAF
        full = np.ascontiguousarray(x[..., : whole * LEAF]).reshape(*lead, self.draws, whole, LEAF).sum(axis=-1)
        if self.patients % LEAF:
            rest = np.ascontiguousarray(x[..., whole * LEAF :]).sum(axis=-1)[..., None]
            full = np.concatenate([full, rest], axis=-1)
        return full.reshape(*lead, self.rows)

    def moments(self, x: Array) -> Array:
        """Sums and sums of squares over each leaf of rows of values, shape (rows, 2 * len(x))."""
        out = np.empty((self.rows, 2, len(x)))
        for row, part in enumerate(self.slices()):
            values = x[:, part]
            values.sum(axis=1, out=out[row, 0])
            np.einsum("ij,ij->i", values, values, out=out[row, 1])
        return out.reshape(self.rows, -1)

    def slices(self) -> list[slice]:
        """Cells of each row."""
        out = []
        for d in range(self.draws):
            for first in range(0, self.patients, LEAF):
                begin = d * self.patients + first
                out.append(slice(begin, begin + min(LEAF, self.patients - first)))
        return out

    @cached_property
    def row(self) -> Index:
        """Row of each cell."""
        sizes = [part.stop - part.start for part in self.slices()]
        return np.repeat(np.arange(self.rows), sizes)

    def sum_at(self, cell: Index, x: Array) -> Array:
        """Sums over each leaf of values at some cells, shape (rows,)."""
        return _total(self.row.take(cell), x, self.rows)


class Levels:
    """Values of the relief categories beyond those of no relief, per draw.

    Parameters
    ----------
    spec
        Has ``none``, ``suboptimal`` and ``optimal``.
    none
        Its value without relief.
    """

    def __init__(self, spec: Any, none: Number) -> None:
        levels = [np.asarray(getattr(spec, c) - none, dtype=float) for c in CATEGORIES]
        self.per_draw = any(x.ndim for x in levels)
        self.table = np.stack(np.broadcast_arrays(*levels), axis=-1).ravel()
        self.offset = np.arange(0, self.table.size, len(CATEGORIES))  # where each draw's values begin

    def of(self, category: Index, cells: Cells, sel: Index | None) -> Array:
        """Value of each cell's category (of the cells ``sel``, or all)."""
        category = pick(category, sel)
        if self.per_draw and cells.draw is not None:
            offset: Index = cells.at(self.offset, sel)
            category = category + offset
        return self.table.take(category)


class Worth:
    """The values of a bound scenario: prices, utilities, discount rates.

    Parameters
    ----------
    spec
        Bound scenario.
    norm
        Utility norm (2, ages) or None.
    perspectives
        Who bears each cost item of a therapy; those not named are healthcare.
    """

    def __init__(self, spec: Any, norm: Array | None, perspectives: dict[str, str]) -> None:
        self.spec = spec
        settings = spec.settings
        self.horizon = OLDEST if settings.horizon_years == "lifetime" else float(settings.horizon_years)
        self.cost_rate = continuous_rate(settings.discount_rate.costs)
        self.effect_rate = continuous_rate(settings.discount_rate.effects)
        base = settings.utility or next(iter(spec.utilities.sources))
        others = [name for name in spec.utilities.sources if name != base]
        self.sources = {name: spec.utilities.sources[name] for name in (base, *others)}
        self.base = base
        self.norm = norm if settings.norm_adjust else None
        self.decrements = spec.utilities.decrements
        self.by_relief = spec.costs.by_relief
        self.background = spec.costs.background
        self.perspective = settings.perspective
        self.recorder = Recorder(spec.measurement)
        self.perspectives = perspectives
        self.levels = {name: Levels(s, s.none) for name, s in self.sources.items() if s.kind == "states"}
        self.prices = {name: Levels(item, item.none) for name, item in self.by_relief.items()}

    def counts(self, perspective: str) -> bool:
        """Whether the run's perspective includes a cost."""
        return perspective == "healthcare" or self.perspective == "societal"


@dataclass
class Effect:
    """What a plan's relief is worth per cell, valued once and used for each stretch of it."""

    gains: dict[str, Array]
    categories: dict[str, list[NDArray[np.intp]]]


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
        self.clock = Clock(cells, worth.effect_rate, worth.norm)
        self.months = int(np.floor(12 * worth.horizon + 1e-9))
        self.effects: dict[int, tuple[Plan, Effect]] = {}
        self.life, self.life0 = annuity_from_zero(self.exit, worth.effect_rate), self.exit
        self.cost_life = self.life
        if worth.cost_rate != worth.effect_rate:
            self.cost_life = annuity_from_zero(self.exit, worth.cost_rate)
        self.quality, self.quality0 = self.clock.upto(self.exit)
        self.intercepts: dict[str, Number] = {}
        self.track_pain = track_pain

    def start(self) -> Account:
        """The account of a life without any therapy, up to its first step."""
        account = Account(self)
        a = self.cells.attributes
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
            account.qaly[name] = level * self.quality
            if name == worth.base:
                account.qaly0 = level * self.quality0
            if worth.decrements.depression is not None:
                sad = at(worth.decrements.depression) * a["depression"]
                account.qaly[name] -= sad * self.life
                if name == worth.base:
                    account.qaly0 -= sad * self.life0
        for name, item in worth.by_relief.items():
            account.charge(name, item.none, item.perspective, self.cells, None, self.cost_life, self.life0)
        for name, item in worth.background.items():
            account.yearly(name, item, self.cells, None, None, self.exit, 1.0)
        return account

    def bins(self, t: Array) -> NDArray[np.intp]:
        """Numbers of times by the first whole month not before each; beyond the last month for the horizon."""
        month = t * 12
        month -= 1e-9  # a time at a whole month counts in it, whatever its rounding
        np.ceil(month, out=month)
        month += (self.months + 2) * (t >= self.horizon)
        np.maximum(month, 0.0, out=month)
        np.minimum(month, self.months + 1, out=month)
        return np.bincount(month.astype(np.intp), minlength=self.months + 2)

    def effect(self, plan: Plan, cells: Cells) -> Effect:
        """Value of a plan's full relief."""
        key = id(plan)
        if key not in self.effects:
            self.effects[key] = plan, self._effect(plan, cells)  # keeping the plan keeps its id unique
        return self.effects[key][1]

    def _effect(self, plan: Plan, cells: Cells) -> Effect:
        a, at = cells.attributes, cells.at
        back, leg = plan.relief["back"], plan.relief["leg"]
        mean = 0.5 * (back + leg)
        gains = {}
        categories: dict[str, list[NDArray[np.intp]]] = {}
        slope = at(self.worth.spec.utilities.odi_slope)
        for name, source in self.worth.sources.items():
            if source.kind == "linear":
                gains[name] = -(
                    at(source.odi) * slope * a["odi"] * mean
                    + at(source.back) * a["back_vas"] * back
                    + at(source.leg) * a["leg_vas"] * leg
                )
            else:
                categories[name] = self._categories(plan, cells, source.site, source)
        if self.worth.by_relief:
            costs = self.worth.spec.costs
            for name, source in self.worth.sources.items():
                if source.kind == "states" and _rule(source, source.site) == _rule(costs, costs.relief_site):
                    categories[COSTS] = categories[name]
            if COSTS not in categories:
                categories[COSTS] = self._categories(plan, cells, costs.relief_site, costs)
        return Effect(gains, categories)

    def _categories(self, plan: Plan, cells: Cells, site: str, rule: Any) -> list[NDArray[np.intp]]:
        """Relief category until the first review (true relief), after each review (recorded), after the loss."""
        stages = [(plan.relief["back"], plan.relief["leg"]), *plan.recorded]
        if plan.loss is not None and plan.therapy.has_residual:
            kept = cells.at(plan.therapy.residual)
            stages.append((kept * plan.relief["back"], kept * plan.relief["leg"]))
        out = []
        for back, leg in stages:
            relief = back if site == "back" else leg if site == "leg" else 0.5 * (back + leg)
            out.append((relief >= rule.suboptimal_from).astype(np.intp) + (relief >= rule.optimal_from))
        return out


def _rule(rule: Any, site: str) -> tuple[Any, ...]:
    return (site, rule.optimal_from, rule.suboptimal_from)


@dataclass(frozen=True)
class Bridge:
    """A continuous therapy that goes on after its end until the next effect starts."""

    episode: Episode
    open: Bools


@dataclass
class Account:
    """Totals of one strategy up to a step.

    Attributes
    ----------
    cost, cost0
        Discounted and undiscounted cost of each cell.
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
    tried, responded
        By therapy: whether it has begun, and whether its last review was passed.
    pain
        Pain relief (back, leg) just before the last episode ended.
    """

    block: Block
    cost: Array = field(init=False)
    cost0: Array = field(init=False)
    qaly0: Array = field(init=False)
    qaly: dict[str, Array] = field(default_factory=dict)
    items: dict[tuple[str, str], Array] = field(default_factory=dict)
    events: dict[str, list[Index]] = field(default_factory=dict)
    states: dict[str, NDArray[np.intp]] = field(default_factory=dict)
    now: Array = field(init=False)
    tried: dict[str, Bools] = field(default_factory=dict)
    responded: dict[str, Bools] = field(default_factory=dict)
    relief_now: dict[str, Array] = field(default_factory=dict)
    bridges: list[Bridge] = field(default_factory=list)
    visits: Any = None

    def __post_init__(self) -> None:
        n = self.block.cells.n
        self.cost, self.cost0, self.qaly0 = np.zeros(n), np.zeros(n), np.zeros(n)
        self.now = np.zeros(n)
        if self.block.visits is not None:
            self.visits = self.block.visits.start(self.block)

    def copy(self) -> Account:
        """An independent account with the same totals."""
        new = object.__new__(Account)
        new.__dict__.update(self.__dict__)
        new.cost, new.cost0, new.qaly0 = self.cost.copy(), self.cost0.copy(), self.qaly0.copy()
        new.qaly = {name: q.copy() for name, q in self.qaly.items()}
        new.items, new.states = dict(self.items), dict(self.states)
        new.events = {name: list(pieces) for name, pieces in self.events.items()}
        new.tried, new.responded = dict(self.tried), dict(self.responded)
        new.relief_now, new.bridges = dict(self.relief_now), list(self.bridges)
        if self.visits is not None:
            new.visits = self.visits.copy()
        return new

    # ------------------------------------------------------------ one episode

    def add(self, episode: Episode) -> Account:
        """The account after one more episode of the same cells (a re-implant: of some of them)."""
        new = self.copy()
        new._add(episode)
        return new

    def extend(self, episode: Episode) -> None:
        """Add a re-implant in place: the episode goes on for some of the cells."""
        self._add(episode)

    def _add(self, e: Episode) -> None:
        block, plan, cells = self.block, e.plan, e.cells
        therapy, costs = plan.therapy, plan.therapy.spec.costs
        rows = None if cells is block.cells else cells.index
        book = Book(self, e)
        self._close_bridges(e, rows)
        begun = np.flatnonzero(e.begun)
        t0 = e.t0.take(begun)

        if costs.referral is not None and not e.again:
            who = np.flatnonzero(e.active)
            book.charge("referral", costs.referral, who, e.start.take(who), most=True)
        if therapy.spec.trial is not None and not e.again:
            tried = np.flatnonzero(e.trial < pick(block.exit, rows))
            book.count("trial", tried)
            book.charge("trial", costs.trial, tried, e.trial.take(tried), most=True)
        if therapy.kind == "implant":
            book.count("implant", begun)
            book.charge("implant", costs.implant, begun, t0, most=True)
            book.charge("device", costs.device, begun, t0, most=True)
        else:
            book.count("start", begun)
            book.charge("procedure", costs.procedure, begun, t0, most=True)
        if therapy.kind == "implant" or therapy.spec.surgery:
            book.operation(begun, t0)
        if self.visits is not None:
            self.visits.activate(e, rows)
        # Cells whose effect never began have an empty stretch: leaving them in is cheaper unless they are many.
        sel = None if 2 * begun.size > cells.n else begun
        self.window(e, sel, pick(e.t0, sel), pick(e.end, sel))

        for cell, start, loss, scale in e.courses:
            book.count("repeat", cell)
            book.charge("procedure", costs.procedure, cell, start)
            if therapy.spec.surgery:
                book.operation(cell, start)
            self.relief(e, cell, start, loss, scale=scale)
            if self.visits is not None and cell.size:
                self.visits.course(e, cell, self._rows(cells, cell), start, loss, scale)
        for key, cell, time, revision, _, _ in e.occurrences:
            spec = therapy.spec.complications[key]
            book.count(key, cell)
            book.charge(key, spec.cost, cell, time)
            revised = np.flatnonzero(revision < NEVER)
            again = cell.take(revised), revision.take(revised)
            book.count("revision", again[0])
            book.charge("revision", costs.revision, *again)
            book.operation(*again)
            if spec.utility is not None:
                book.suffer(spec.utility, cell, time)
        if therapy.device is not None:
            cell, _, replaced = e.replacements
            book.count("depletion", cell)
            done = np.flatnonzero(replaced < NEVER)
            cell, replaced = cell.take(done), replaced.take(done)
            book.count("replacement", cell)
            book.charge("replacement", costs.replacement, cell, replaced)
            generator = costs.device if costs.pulse_generator is None else costs.pulse_generator
            book.charge("generator", generator, cell, replaced)
            book.operation(cell, replaced)
        cell, start, stop = book.outages
        if cell.size:
            self.relief(e, cell, start, stop, sign=-1.0)
            if self.visits is not None:
                self.visits.outage(self._rows(cells, cell), start, stop)

        stopped = np.flatnonzero(_STOPS.take(e.reason) & e.begun)
        book.charge("explant", costs.explant, stopped, e.end.take(stopped))
        if therapy.kind == "implant":
            book.count("explant", stopped)
            book.operation(stopped, e.end.take(stopped))
        ended = e.reason + np.uint8(100) * ~e.active
        for reason in Reason:
            if reason > Reason.HORIZON:
                book.count(f"end.{reason.name.lower()}", np.flatnonzero(ended == reason))
        book.close()
        self._states(e, rows)
        self._remember(e, rows)

    def _remember(self, e: Episode, rows: Index | None) -> None:
        """Note what conditions of later steps may ask about, and whether the therapy goes on as a bridge."""
        plan, name = e.plan, e.plan.therapy.id
        n = self.block.cells.n
        if rows is None:
            self.now = np.where(e.active, e.free, self.now)
        else:
            who = np.flatnonzero(e.active)
            self.now = self.now.copy()
            self.now[rows[who]] = e.free[who]
        if e.again:
            return
        begun = _spread(e.begun, rows, n)
        no = np.zeros(n, dtype=bool)
        self.tried[name] = self.tried.get(name, no) | begun
        self.responded[name] = np.where(begun, _spread(plan.responded, rows, n), self.responded.get(name, no))
        if self.block.track_pain:
            self._note_pain(e, begun, rows)
        self.bridges = [Bridge(b.episode, b.open & ~begun) for b in self.bridges]
        if plan.therapy.kind == "continuous" and plan.therapy.spec.bridge:
            ongoing = e.begun & (e.end < pick(self.block.exit, rows))
            self.bridges.append(Bridge(e, _spread(ongoing, rows, n)))

    def _note_pain(self, e: Episode, begun: Bools, rows: Index | None) -> None:
        """Relief just before the end of the episode."""
        plan, at, n = e.plan, e.cells.at, self.block.cells.n
        s = np.minimum(np.maximum(e.end - e.t0, 0.0), plan.stop)
        size = plan.therapy.shape(s, at)
        if plan.loss is not None:
            size = size * np.where(s > plan.loss, at(plan.therapy.residual), 1.0)
        for site, relief in plan.relief.items():
            before = self.relief_now.get(site, np.zeros(n))
            self.relief_now[site] = np.where(begun, _spread(relief * size, rows, n), before)

    def condition_values(self) -> dict[str, Any]:
        """What a condition of the next step may ask about, by name."""
        a = self.block.cells.attributes
        values = {**a, "tried": self.tried, "responded": self.responded}
        for site in ("back", "leg"):
            values[f"{site}_vas_now"] = a[f"{site}_vas"] * (1 - self.relief_now.get(site, 0.0))
        return values

    def _close_bridges(self, e: Episode, rows: Index | None) -> None:
        """Value bridging therapies up to the start of this effect (or the exit, while waiting for it)."""
        if e.again or not self.bridges:
            return
        n = self.block.cells.n
        pending = e.active & ~e.begun & (e.reason == Reason.TRIAL_FAILURE)
        closed = _spread(e.active & ~pending, rows, n)
        until = e.t0 if rows is None else np.zeros(n)
        if rows is not None:
            until[rows] = e.t0
        for bridge in self.bridges:
            self._bridge(bridge.episode, bridge.open & closed, until)
        self.bridges = [Bridge(b.episode, b.open & ~closed) for b in self.bridges]

    def close(self) -> None:
        """End the strategy: bridges that led nowhere end with the last attempt; then background care."""
        now = np.minimum(self.now, self.block.exit)
        for bridge in self.bridges:
            self._bridge(bridge.episode, bridge.open, now)
        self.bridges = []

    def _bridge(self, e: Episode, closing: Bools, until: Array) -> None:
        """Value the stretch from an episode's end until the given times, for the cells marked (all of the block's)."""
        rows = None if e.cells is self.block.cells else e.cells.index
        until = np.where(pick(closing, rows), pick(until, rows), 0.0)
        until = np.maximum(until, e.end)
        who = np.flatnonzero(until > e.end)
        if 2 * who.size > e.cells.n:
            self.window(e, None, e.end, until, bridging=True)
        elif who.size:
            self.window(e, who, e.end.take(who), until.take(who), bridging=True)

    # ------------------------------------------------------------ stretches

    def window(self, e: Episode, sel: Index | None, a: Array, b: Array, bridging: bool = False) -> None:
        """A stretch (a, b) of an episode: its relief, its yearly cost, its paresthesia.

        Parameters
        ----------
        e
            Episode whose therapy is in effect.
        sel
            Cells of the episode concerned (None: all); ``a`` and ``b`` are theirs.
        a, b
            Years since entry.
        bridging
            Whether the stretch comes after the episode's own end.
        """
        plan, cells, worth = e.plan, e.cells, self.block.worth
        costs = plan.therapy.spec.costs
        spread = not e.again
        self.relief(e, sel, a, b, own=not bridging, spread=spread)
        if self.visits is not None:
            self.visits.window(e, sel, self._rows(cells, sel), a, b)
        name = plan.therapy.id
        if costs.per_year is not None:
            discounted = lasting(a, b - a, worth.cost_rate)
            item = f"{name}.per_year"
            bearer = worth.perspectives.get(item, "healthcare")
            self.charge(item, costs.per_year, bearer, cells, sel, discounted, b - a, spread)
        for key, item in worth.background.items():
            self.yearly(key, item, cells, sel, a, b, -1.0, spread)
        if plan.uncomfortable is not None and worth.decrements.uncomfortable_paresthesia is not None:
            share = pick(plan.uncomfortable, sel).astype(float)
            size = share * cells.at(worth.decrements.uncomfortable_paresthesia, sel)
            time = b - a
            discounted = lasting(a, time, worth.effect_rate)
            self.lose(self._rows(cells, sel), size * discounted, size * time)

    def relief(
        self,
        e: Episode,
        sel: Index | None,
        a: Array,
        b: Array,
        scale: Array | None = None,
        sign: float = 1.0,
        own: bool = False,
        spread: bool = False,
    ) -> None:
        """Value the relief of a stretch (a, b): utility and costs by relief category.

        Parameters
        ----------
        scale
            Size of the relief (repeat courses); their effect sets in anew at ``a``.
        sign
            -1 takes the relief away (outages).
        own
            Whether the stretch begins with the effect (``a`` is t0).
        spread
            Whether costs are summed as if of all cells (see `_book`).
        """
        plan, cells, block, worth = e.plan, e.cells, self.block, self.block.worth
        therapy, effect, clock = plan.therapy, block.effect(plan, cells), block.clock
        rows = self._rows(cells, sel)
        t0 = a if scale is not None or own else pick(e.t0, sel)
        lost = b
        if plan.loss is not None and scale is None:
            lost = np.minimum(np.maximum(pick(e.t0 + plan.loss, sel), a), b)
        cuts = [a]
        for t in plan.review_times:
            cuts.append(np.minimum(np.maximum(pick(e.t0, sel) + t, a), lost))
        cuts.append(lost)
        last = len(cuts) - 1
        residual = plan.loss is not None and scale is None and therapy.has_residual
        if residual:
            cuts.append(b)
        value = [clock.upto(t, rows) for t in cuts]
        if effect.gains:
            steady, steady0 = value[last][0] - value[0][0], value[last][1] - value[0][1]
            whole, whole0 = self._shaped(e, sel, rows, t0, a, lost, steady, steady0)
            if residual:
                steady, steady0 = value[-1][0] - value[last][0], value[-1][1] - value[last][1]
                rest, rest0 = self._shaped(e, sel, rows, t0, lost, b, steady, steady0)
                kept = cells.at(therapy.residual, sel)
                whole, whole0 = whole + kept * rest, whole0 + kept * rest0
            if scale is not None:
                whole, whole0 = whole * scale, whole0 * scale
            for name, gain in effect.gains.items():
                size = pick(gain, sel) * sign
                _add_at(self.qaly[name], rows, size * whole)
                if name == worth.base:
                    _add_at(self.qaly0, rows, size * whole0)
        for name, stages in effect.categories.items():
            if name == COSTS:
                self._by_relief(cells, sel, rows, cuts, stages, sign, spread)
                continue
            levels = worth.levels[name]
            for i, stage in enumerate(stages[: len(cuts) - 1]):
                gain = levels.of(stage, cells, sel)
                if sign < 0:
                    gain = -gain
                _add_at(self.qaly[name], rows, gain * (value[i + 1][0] - value[i][0]))
                if name == worth.base:
                    _add_at(self.qaly0, rows, gain * (value[i + 1][1] - value[i][1]))

    def _shaped(
        self, e: Episode, sel: Index | None, rows: Index | None, t0: Array, a: Array, b: Array, s: Array, s0: Array
    ) -> tuple[Array, Array]:
        """Integral over (a, b) of the shape of relief: ``(1 - e^-s/tau)(1 - w + w e^-s/tau_w)``."""
        therapy, cells, clock = e.plan.therapy, e.cells, self.block.clock
        sudden = np.ndim(therapy.tau) == 0 and therapy.tau == 0
        if not therapy.has_waning:
            if sudden:
                return s, s0
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

    def _by_relief(
        self,
        cells: Cells,
        sel: Index | None,
        rows: Index | None,
        cuts: list[Array],
        stages: list[NDArray[np.intp]],
        sign: float,
        spread: bool,
    ) -> None:
        """Charge what the relief categories cost beyond no relief."""
        rate = self.block.worth.cost_rate
        points = [annuity_from_zero(t, rate) for t in cuts]
        for name, item in self.block.worth.by_relief.items():
            levels = self.block.worth.prices[name]
            total, total0 = np.zeros(()), np.zeros(())
            for i, stage in enumerate(stages[: len(cuts) - 1]):
                price = levels.of(stage, cells, sel)
                if sign < 0:
                    price = -price
                total = total + price * (points[i + 1] - points[i])
                total0 = total0 + price * (cuts[i + 1] - cuts[i])
            self._book(name, item.perspective, rows, total, total0, spread)

    # ------------------------------------------------------------ events

    def lose(self, rows: Index | None, loss: Array, loss0: Array, linear: bool = False) -> None:
        """Take discounted and undiscounted QALYs away, from every source or from the linear ones."""
        for name, total in self.qaly.items():
            if linear and self.block.worth.sources[name].kind != "linear":
                continue
            _add_at(total, rows, -loss)
            if name == self.block.worth.base:
                _add_at(self.qaly0, rows, -loss0)

    def charge(
        self,
        name: str,
        cost: Number,
        perspective: str,
        cells: Cells,
        sel: Index | None,
        units: Array,
        units0: Array,
        spread: bool = False,
    ) -> None:
        """Charge ``cost`` times discounted and undiscounted units."""
        price = cells.at(cost, sel)
        self._book(name, perspective, self._rows(cells, sel), price * units, price * units0, spread)

    def yearly(
        self,
        name: str,
        item: Any,
        cells: Cells,
        sel: Index | None,
        a: Array | None,
        b: Array,
        sign: float,
        spread: bool = False,
    ) -> None:
        """Charge a yearly cost, in pieces of time since entry, over (a, b) (from 0 when ``a`` is None)."""
        rate = self.block.worth.cost_rate
        total, total0 = np.zeros(b.size), np.zeros(b.size)
        begin = 0.0
        for piece in item.pieces:
            finish = np.inf if piece.until_years is None else piece.until_years
            if np.ndim(piece.per_year) == 0 and piece.per_year == 0:
                begin = finish
                continue
            low = np.full_like(b, begin) if a is None else np.maximum(a, begin)
            high = np.minimum(b, finish)
            length = np.maximum(high - low, 0.0)
            price = cells.at(piece.per_year, sel) * sign
            total = total + price * lasting(low, length, rate)
            total0 = total0 + price * length
            begin = finish
        self._book(name, item.perspective, self._rows(cells, sel), total, total0, spread)

    def _book(
        self, name: str, perspective: str, rows: Index | None, cost: Array, cost0: Array, spread: bool = False
    ) -> None:
        """Add costs of some cells (None: all) to the totals and to an item.

        ``spread`` sums them as if they were costs of all cells. Whether an item's sums are formed so must not
        depend on how many cells there are: then results would depend on the blocks.
        """
        block = self.block
        if rows is not None and spread:
            cost, cost0 = _total(rows, cost, block.cells.n), _total(rows, cost0, block.cells.n)
            rows = None
        if block.worth.counts(perspective):
            _add_at(self.cost, rows, cost)
            _add_at(self.cost0, rows, cost0)
        if rows is None:
            sums = np.stack([block.leaves.sum(cost), block.leaves.sum(cost0)])
        else:
            sums = np.stack([block.leaves.sum_at(rows, cost), block.leaves.sum_at(rows, cost0)])
        self.enter((name, perspective), sums)

    def enter(self, key: tuple[str, str], sums: Array) -> None:
        """Add discounted and undiscounted leaf sums (2, rows) to a cost item."""
        self.items[key] = self.items[key] + sums if key in self.items else sums

    def _states(self, e: Episode, rows: Index | None) -> None:
        block, name = self.block, e.plan.therapy.id
        leaves = pick(block.exit, rows)
        start = block.bins(np.minimum(e.start, leaves))
        trial = block.bins(np.minimum(e.trial, leaves))
        begin = trial
        if e.plan.trial_ok is not None:
            over = np.where(e.begun, e.t0, np.where(e.active, e.free, leaves))
            self._stay("trial", trial - block.bins(np.minimum(over, leaves)))
            begin = block.bins(e.t0)
        self._stay("waiting", start - trial)
        self._stay(name, begin - block.bins(e.end))

    def _stay(self, state: str, change: NDArray[np.intp]) -> None:
        self.states[state] = self.states[state] + change if state in self.states else change

    def _rows(self, cells: Cells, sel: Index | None) -> Index | None:
        if cells is self.block.cells:
            return sel
        return cells.index if sel is None else cells.index[sel]


class Book:
    """The one-off charges, utility losses and events of one episode, valued together.

    Parameters
    ----------
    account
        Account that receives them.
    episode
        The episode.
    """

    def __init__(self, account: Account, episode: Episode) -> None:
        self.account, self.block = account, account.block
        self.e, self.cells = episode, episode.cells
        self.prefix = episode.plan.therapy.id
        self.charges: dict[str, list[tuple[Index, Array, Number, bool]]] = {}
        self.factors: dict[int, tuple[Array, Array]] = {}
        self.operations: list[tuple[Index, Array]] = []
        self.sufferings: list[tuple[Index, Array, Array, Array]] = []
        self.outages = outages(episode)

    def _place(self, cell: Index) -> Index:
        """Position of some of the episode's cells in the block."""
        return cell if self.cells is self.block.cells else self.cells.index[cell]

    def count(self, event: str, cell: Index) -> None:
        """Note that an event happened to some cells (repeats allowed)."""
        if cell.size:
            piece = self._place(cell)
            self.account.events.setdefault(f"{self.prefix}.{event}", []).append(piece)

    def charge(self, item: str, cost: Number | None, cell: Index, time: Array, most: bool = False) -> None:
        """Charge a cost to some cells at their times; ``most`` says that most cells are among them, once each."""
        if cost is not None:
            price = self.cells.at(cost, cell)
            self.charges.setdefault(f"{self.prefix}.{item}", []).append((cell, time, price, most and not self.e.again))

    def operation(self, cell: Index, time: Array) -> None:
        """Note an operation, which costs utility."""
        if cell.size:
            self.operations.append((cell, time))

    def suffer(self, decrement: Any, cell: Index, time: Array) -> None:
        """Note a complication that costs utility for a while."""
        if cell.size:
            weeks = np.broadcast_to(self.cells.at(decrement.weeks, cell), cell.size)
            self.sufferings.append((cell, time, weeks, np.broadcast_to(self.cells.at(decrement.loss, cell), cell.size)))

    def close(self) -> None:
        """Value everything noted."""
        self._costs()
        self._operations()
        self._complications()

    def _costs(self) -> None:
        """Many small charges go through one sum; those of most cells are summed one by one."""
        few: list[tuple[int, Index, Array, Number]] = []
        sums = np.zeros((len(self.charges), 2, self.block.leaves.rows))
        who = [self.block.worth.perspectives.get(name, "healthcare") for name in self.charges]
        for i, group in enumerate(self.charges.values()):
            for cell, time, price, most in group:
                if not most:
                    few.append((i, cell, time, price))
                else:
                    n = self.block.cells.n
                    rows = self._place(cell)
                    v = _total(rows, price * self._factor(time), n)
                    v0 = _total(rows, np.broadcast_to(price, cell.size), n)
                    sums[i] += [self.block.leaves.sum(v), self.block.leaves.sum(v0)]
                    if self.block.worth.counts(who[i]):
                        self.account.cost += v
                        self.account.cost0 += v0
        if few:
            self._few(few, sums, [self.block.worth.counts(w) for w in who])
        for i, name in enumerate(self.charges):
            self.account.enter((name, who[i]), sums[i])

    def _factor(self, time: Array) -> Array:
        """Discount factors; charges at the same times share them."""
        key = id(time)
        if key not in self.factors:
            self.factors[key] = time, np.exp(-self.block.worth.cost_rate * time)
        return self.factors[key][1]

    def _few(self, few: list[tuple[int, Index, Array, Number]], sums: Array, counts: list[bool]) -> None:
        account, leaves = self.account, self.block.leaves
        sizes = [f[1].size for f in few]
        price = np.concatenate([np.broadcast_to(f[3], f[1].size) for f in few])
        v = price * np.exp(-self.block.worth.cost_rate * np.concatenate([f[2] for f in few]))
        item = np.repeat([f[0] for f in few], sizes)
        rows = self._place(np.concatenate([f[1] for f in few]))
        where = item * leaves.rows + leaves.row.take(rows)
        shape = (len(self.charges), leaves.rows)
        sums[:, 0] += _total(where, v, shape[0] * shape[1]).reshape(shape)
        sums[:, 1] += _total(where, price, shape[0] * shape[1]).reshape(shape)
        if not all(counts):
            keep = np.flatnonzero(np.array(counts)[item])
            rows, v, price = rows[keep], v[keep], price[keep]
        np.add.at(account.cost, rows, v)
        np.add.at(account.cost0, rows, price)

    def _operations(self) -> None:
        decrement = self.block.worth.decrements.surgery
        if decrement is None or not self.operations:
            return
        cell, time = (np.concatenate(x) for x in zip(*self.operations, strict=True))
        self._lose(cell, time, self.cells.at(decrement.weeks, cell), self.cells.at(decrement.loss, cell), False)

    def _complications(self) -> None:
        if not self.sufferings:
            return
        cell, time, weeks, loss = (np.concatenate(x) for x in zip(*self.sufferings, strict=True))
        length = self._lose(cell, time, weeks, loss, True)
        states = [name for name, source in self.block.worth.sources.items() if source.kind == "states"]
        if not states:
            return
        # In a `states` source a complication is a state of its own while there is relief: overlapping ones
        # count once, and time without relief (an outage) is not worse than no relief.
        ill = cell, time, np.minimum(time + length, self.e.end[cell])
        either = disjoint(*(np.concatenate(x) for x in zip(ill, self.outages, strict=True)))
        for name in states:
            self._drop(name, *either, -1.0)
            self._drop(name, *self.outages, 1.0)

    def _drop(self, name: str, cell: Index, start: Array, stop: Array, sign: float) -> None:
        """Add the difference between states with and without complication over stretches of time."""
        e, account, worth = self.e, self.account, self.block.worth
        source, rows, t0 = worth.sources[name], self._place(cell), e.t0[cell]
        drops = (
            0.0,
            0.0 if source.suboptimal_complication is None else source.suboptimal - source.suboptimal_complication,
            0.0 if source.optimal_complication is None else source.optimal - source.optimal_complication,
        )
        lost = stop if e.plan.loss is None else np.minimum(t0 + e.plan.loss[cell], stop)
        ends = [*(np.minimum(t0 + t, lost) for t in e.plan.review_times), lost]
        stages = self.block.effect(e.plan, e.cells).categories[name]
        if len(stages) > len(ends):
            ends.append(stop)
        for stage, end in zip(stages, ends, strict=True):
            end = np.maximum(end, start)
            category = stage[cell]
            size = sum((category == i) * self.cells.at(drops[i], cell) for i in (1, 2)) * sign
            begin, finish = self.block.clock.upto(start, rows), self.block.clock.upto(end, rows)
            np.add.at(account.qaly[name], rows, size * (finish[0] - begin[0]))
            if name == worth.base:
                np.add.at(account.qaly0, rows, size * (finish[1] - begin[1]))
                if account.visits is not None:
                    account.visits.lose(rows, start, end, -size, normed=True)
            start = end

    def _lose(self, cell: Index, time: Array, weeks: Any, loss: Any, linear: bool) -> Array:
        """Lose utility for some weeks from each time on (at most until the exit); the lengths in years."""
        rows = self._place(cell)
        length = np.minimum(weeks / WEEKS_PER_YEAR, self.block.exit[rows] - time)
        d, n = self.block.worth.effect_rate, self.block.cells.n
        size = loss * lasting(time, length, d)
        self.account.lose(None, _total(rows, size, n), _total(rows, loss * length, n), linear)
        if self.account.visits is not None and (
            not linear or self.block.worth.sources[self.block.worth.base].kind == "linear"
        ):
            self.account.visits.lose(rows, time, time + length, loss)
        return length


def outages(e: Episode) -> tuple[Index, Array, Array]:
    """Stretches without relief inside the effect: (cell, from, to), disjoint within each cell."""
    plan = e.plan
    cells_, starts, stops = [], [], []
    for _, cell, time, revision, suspended, _ in e.occurrences:
        who = np.flatnonzero(suspended)
        cells_.append(cell[who])
        starts.append(time[who])
        stops.append(np.minimum(revision[who], e.end[cell[who]]))
    cell, depleted, replaced = e.replacements
    cells_.append(cell)
    starts.append(depleted)
    stops.append(np.minimum(replaced, e.end[cell]))
    if plan.therapy.has_residual:
        cell, time = e.depleted
        cells_.append(cell)
        starts.append(time)
        stops.append(e.end[cell])
    return disjoint(np.concatenate(cells_), np.concatenate(starts), np.concatenate(stops))


def disjoint(cell: Index, start: Array, stop: Array) -> tuple[Index, Array, Array]:
    """The same stretches without empty ones and without overlaps in a cell (later ones are cut)."""
    keep = np.flatnonzero(stop > start)
    cell, start, stop = cell[keep], start[keep], stop[keep]
    if cell.size < 2:
        return cell, start, stop
    many = np.flatnonzero(np.bincount(cell)[cell] > 1)
    if many.size:
        order = many[np.argsort(cell[many] * 128.0 + start[many], kind="stable")]
        own, begin, end = cell[order], start[order], stop[order]
        same = own[1:] == own[:-1]
        while (bad := np.flatnonzero(same & (begin[1:] < end[:-1]))).size:
            begin[bad + 1] = end[bad]
            end[bad + 1] = np.maximum(end[bad + 1], end[bad])
        start[order], stop[order] = begin, end
    keep = np.flatnonzero(stop > start)
    return cell[keep], start[keep], stop[keep]


def _spread(x: Any, rows: Index | None, n: int) -> Any:
    """Values of some cells among those of the whole block; 0 (False) elsewhere."""
    if rows is None:
        return x
    out = np.zeros(n, dtype=x.dtype)
    out[rows] = x
    return out


def _total(where: Index, x: Array, length: int) -> Array:
    """Sums of ``x`` by position."""
    sums: Array = np.bincount(where, weights=x, minlength=length).astype(np.float64, copy=False)
    return sums


def _add_at(total: Array, rows: Index | None, x: Array) -> None:
    if rows is None:
        total += x
    else:
        np.add.at(total, rows, x)
