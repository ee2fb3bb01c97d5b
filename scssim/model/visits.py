"""Visits: what would be recorded of every patient at fixed months.

Two clocks: `entry` (month 0 = start of follow-up) and `activation` (month 0 = start of effect of the
first implant). Sums are formed per leaf; quantiles come from integer counts in 256 fixed
bins, which merge exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.history import NEVER, Episode
from scssim.model.patients import pick

if TYPE_CHECKING:
    from scssim.model.outcomes import Block

Array = NDArray[np.float64]
Index = NDArray[np.intp]

BINS = 256
RANGES = {
    "back_vas": (0.0, 10.0),
    "leg_vas": (0.0, 10.0),
    "back_relief": (-1.0, 1.0),
    "leg_relief": (-1.0, 1.0),
    "odi": (0.0, 100.0),
    "utility": (-0.6, 1.2),
    "opioid_mme": (0.0, 640.0),
}
"""Continuous measures and the range of their bins; values beyond count in the outermost bin."""
CONTINUOUS = tuple(RANGES)
BINARY = (
    "back_responder",
    "leg_responder",
    "back_remitter",
    "leg_remitter",
    "paresthesia",
    "paresthesia_uncomfortable",
)
DENOMINATORS = ("randomised", "implanted", "assessed", "on_therapy")
COLUMNS = (*CONTINUOUS, *BINARY, *(f"{m}**2" for m in CONTINUOUS), "n")
"""Sums formed of every visit, per leaf and denominator."""
ON, FEELS, HURTS = 1, 2, 4
"""Flags of a cell at a visit: therapy in effect, paresthesia perceived, uncomfortable."""
DEAD = 8
CODES = 9
"""Alive cells carry bits 1 implanted, 2 assessed, 4 on therapy; code 8: dead or not under observation."""


@dataclass
class Counts:
    """Integer counts of visits of all strategies; adding them in any order is exact.

    Attributes
    ----------
    bins
        Shape (strategies, clocks, months, continuous measures, CODES, BINS).
    observed
        Patients under observation, alive or dead, shape (strategies, clocks, months).
    """

    bins: NDArray[np.int64]
    observed: NDArray[np.int64]

    @classmethod
    def empty(cls, strategies: int, visits: Visits) -> Counts:
        """Counts of nobody."""
        lead = (strategies, len(visits.clocks), len(visits.months))
        return cls(np.zeros((*lead, len(CONTINUOUS), CODES, BINS), dtype=np.int64), np.zeros(lead, dtype=np.int64))

    def add(self, other: Counts) -> None:
        """Add counts in place."""
        self.bins += other.bins
        self.observed += other.observed


@dataclass(frozen=True)
class Visits:
    """Which visits to record.

    Attributes
    ----------
    clocks, months
        Clocks and months, the same months on each.
    """

    clocks: tuple[str, ...]
    months: tuple[float, ...]

    @property
    def width(self) -> int:
        """Floating-point sums per leaf and strategy."""
        return len(self.clocks) * len(self.months) * len(DENOMINATORS) * len(COLUMNS)

    def start(self, block: Block) -> State:
        """The state of a strategy before its first step."""
        n = block.cells.n
        slots = len(self.clocks) * len(self.months)
        zero = np.zeros(n)
        # Slots share arrays until one of them changes (see `State.own`).
        return State(
            self,
            block,
            np.full(n, NEVER),
            np.full(n, NEVER),
            {name: [zero] * slots for name in ("back", "leg", "loss")}
            | {"flags": [np.zeros(n, dtype=np.uint8)] * slots, "category": [np.zeros(n, dtype=np.uint8)] * slots},
        )


@dataclass
class State:
    """What is known of one strategy's visits so far.

    Attributes
    ----------
    activation
        Start of effect of the first implant (`NEVER` without).
    lost
        When the patient is lost to follow-up.
    slots
        For each quantity, one array per (clock, month): relief back and leg, utility loss of complications and
        operations, flags, relief category of the base utility source.
    """

    visits: Visits
    block: Block
    activation: Array
    lost: Array
    slots: dict[str, list[Any]]
    owned: set[tuple[str, int]] = field(default_factory=set)

    def copy(self) -> State:
        """An independent state that shares its arrays until it changes them."""
        self.owned = set()
        return State(
            self.visits, self.block, self.activation, self.lost, {k: list(v) for k, v in self.slots.items()}, set()
        )

    def own(self, name: str, slot: int) -> Any:
        """The array of a slot, copied before its first change."""
        if (name, slot) not in self.owned:
            self.slots[name][slot] = self.slots[name][slot].copy()
            self.owned.add((name, slot))
        return self.slots[name][slot]

    def times(self, clock: str, month: float) -> Array | float:
        """Years from entry to a visit: one number, or one per cell; just before the horizon at the latest."""
        last = self.block.horizon * (1 - 1e-12)
        if clock == "entry":
            return min(month / 12, last)
        return self.activation + min(month / 12, last)

    def _slots(self) -> Iterator[tuple[int, str, float]]:
        slot = 0
        for clock in self.visits.clocks:
            for month in self.visits.months:
                yield slot, clock, month
                slot += 1

    def _between(self, rows: Index | None, start: Array, stop: Array) -> Iterator[tuple[int, Index, Any]]:
        """Visits that fall into the stretches (start, stop) of some cells: (slot, which of the cells, times)."""
        for slot, clock, month in self._slots():
            t = self.times(clock, month)
            if clock != "entry":
                t = pick(t, rows)
            k = ((t >= start) & (t < stop)).nonzero()[0]
            if k.size:
                yield slot, k, pick(t, k)

    # ------------------------------------------------------------- overlays

    def activate(self, e: Episode, rows: Index | None) -> None:
        """Start the activation clock at a first implant, and the time to loss of follow-up."""
        if e.plan.therapy.kind != "implant":
            return
        who = e.begun.nonzero()[0]
        where = who if rows is None else rows[who]
        new = self.activation[where] >= NEVER
        who, where = who[new], where[new]
        self.activation = self.activation.copy()
        self.activation[where] = e.t0[who]
        missing = self.block.worth.spec.measurement.missing
        if missing is None:
            return
        at = self.block.cells.at
        rate = np.broadcast_to(np.asarray(at(missing.hazard), dtype=float), self.block.cells.n)[where]
        ratio = np.broadcast_to(np.asarray(at(missing.non_responder_ratio), dtype=float), self.block.cells.n)[where]
        rate = rate * np.where(e.plan.relief["back"][who] < 0.5, ratio, 1.0)
        cells = self.block.cells
        until = cells.once(("missing",), lambda: cells.exponential("missing"))
        self.lost = self.lost.copy()
        with np.errstate(divide="ignore", over="ignore"):
            self.lost[where] = np.minimum(e.t0[who] + until[where] / rate, NEVER)

    def window(self, e: Episode, sel: Index | None, rows: Index | None, a: Array, b: Array) -> None:
        """Record the relief of a therapy in effect over (a, b)."""
        plan, cells = e.plan, e.cells
        therapy = plan.therapy
        for slot, k, t in self._between(rows, a, b):
            own = k if sel is None else sel[k]
            place = k if rows is None else rows[k]
            s = t - e.t0[own]
            size = therapy.shape(s, partial(cells.at, sel=own))
            if plan.loss is not None:
                lost = (s >= plan.loss[own]).astype(float)
                size *= 1 - lost * (1 - cells.at(therapy.residual, own))
            self.own("back", slot)[place] = plan.relief["back"][own] * size
            self.own("leg", slot)[place] = plan.relief["leg"][own] * size
            flags = np.full(k.size, ON, dtype=np.uint8)
            if plan.perceived is not None:
                flags |= plan.perceived[own] * np.uint8(FEELS)
            if plan.uncomfortable is not None:
                flags |= plan.uncomfortable[own] * np.uint8(HURTS)
            self.own("flags", slot)[place] = flags
            effect = self.block.effect(plan, cells)
            stages = effect.categories.get(self.block.worth.base)
            if stages is not None:
                category = stages[0][own]
                for fade in effect.fades:
                    if fade.source == self.block.worth.base:
                        category = category - (s >= fade.time[own])
                for time, stage in zip(plan.review_times, stages[1:], strict=False):
                    category = np.where(s >= time, stage[own], category)
                if plan.loss is not None:
                    left = stages[-1][own] if therapy.has_residual else 0
                    category = np.where(s >= plan.loss[own], left, category)
                self.own("category", slot)[place] = category

    def course(self, e: Episode, cell: Index, rows: Index, start: Array, loss: Array, scale: Array) -> None:
        """Record the relief of a repeat course."""
        plan, cells = e.plan, e.cells
        for slot, k, t in self._between(rows, start, loss):
            own, place = cell[k], rows[k]
            size = plan.therapy.shape(t - start[k], partial(cells.at, sel=own)) * scale[k]
            self.own("back", slot)[place] = plan.relief["back"][own] * size
            self.own("leg", slot)[place] = plan.relief["leg"][own] * size
            stages = self.block.effect(plan, cells).categories.get(self.block.worth.base)
            if stages is not None:
                self.own("category", slot)[place] = stages[len(plan.review_times)][own]

    def outage(self, rows: Index, start: Array, stop: Array) -> None:
        """Record that there is no relief over (start, stop)."""
        for slot, k, _ in self._between(rows, start, stop):
            for name in ("back", "leg", "category"):
                self.own(name, slot)[rows[k]] = 0

    def lose(self, rows: Index, start: Array, stop: Array, loss: Array | float, normed: bool = False) -> None:
        """Record a utility decrement over (start, stop); ``normed`` ones fall with the norm of the age attained."""
        clock = self.block.clock
        for slot, k, t in self._between(rows, start, stop):
            size = pick(loss, k)
            if normed and clock.norm:
                size = size * clock.ratio(np.minimum(t, self.block.exit[rows[k]]), rows[k])
            np.add.at(self.own("loss", slot), rows[k], size)

    # ------------------------------------------------------------- measures

    def finish(self, strategy: int, counts: Counts) -> Array:
        """Record all visits of the strategy.

        Parameters
        ----------
        strategy
            Position of the strategy in ``counts``.
        counts
            Receives the integer counts.

        Returns
        -------
        ndarray
            Shape (rows, clocks * months * denominators * columns): sums of `COLUMNS` per leaf.
        """
        block = self.block
        rows, slots = block.leaves.rows, len(self.visits.clocks) * len(self.visits.months)
        out = np.empty((rows, slots, len(DENOMINATORS), len(COLUMNS)))
        parts = block.leaves.slices()
        among = np.empty((len(DENOMINATORS), block.cells.n))
        values = np.empty((len(COLUMNS), block.cells.n))
        values[-1] = 1.0
        for slot, clock, month in self._slots():
            i, j = divmod(slot, len(self.visits.months))
            code, observed = self._measure(slot, clock, month, values)
            counts.observed[strategy, i, j] += observed
            offset = code * np.int64(BINS)
            for m, (low, high) in enumerate(RANGES.values()):
                x = values[m] - low
                x *= BINS / (high - low)
                np.maximum(x, 0.0, out=x)
                np.minimum(x, BINS - 1, out=x)
                index = x.astype(np.int64)
                index += offset
                counts.bins[strategy, i, j, m] += np.bincount(index, minlength=CODES * BINS).reshape(CODES, BINS)
            squares = len(CONTINUOUS) + len(BINARY)
            np.square(values[: len(CONTINUOUS)], out=values[squares:-1])
            np.less(code, DEAD, out=among[0], casting="unsafe")
            for d, bit in enumerate((1, 2, 4), start=1):
                np.not_equal(code & bit, 0, out=among[d], casting="unsafe")
            for row, part in enumerate(parts):
                np.matmul(among[:, part], values[:, part].T, out=out[row, slot])
        return out.reshape(rows, -1)

    def _measure(self, slot: int, clock: str, month: float, values: Array) -> tuple[NDArray[np.uint8], int]:
        """Fill ``values`` (columns of measures) of one visit; denominator codes and number under observation."""
        block, worth = self.block, self.block.worth
        cells = block.cells
        a = cells.attributes
        t = self.times(clock, month)
        alive = t < block.exit
        implanted = self.activation <= t
        assessed = implanted & (t < self.lost)
        observed = cells.n
        if clock == "activation":
            observed = int(np.count_nonzero(t < block.horizon))
            alive &= implanted
        flags = self.slots["flags"][slot]
        code = implanted.astype(np.uint8)
        code |= assessed.view(np.uint8) << 1
        code |= (flags & ON) << 2
        code *= alive
        code += ~alive * np.uint8(DEAD)
        back, leg = self.slots["back"][slot], self.slots["leg"][slot]
        first = len(CONTINUOUS)
        for i, (site, relief) in enumerate((("back", back), ("leg", leg))):
            vas, recorded = values[i], values[2 + i]
            np.subtract(1, relief, out=vas)
            vas *= a[f"{site}_vas"]
            vas += self._noise(site, clock, month)
            np.maximum(vas, 0.0, out=vas)
            np.minimum(vas, 10.0, out=vas)
            np.multiply(vas, self._inverse_baseline(site), out=recorded)
            np.subtract(1, recorded, out=recorded)
            np.greater_equal(recorded, worth.spec.measurement.responder_relief, out=values[first + i], casting="unsafe")
            np.less_equal(vas, worth.spec.measurement.remitter_vas, out=values[first + 2 + i], casting="unsafe")
        np.not_equal(flags & FEELS, 0, out=values[first + 4], casting="unsafe")
        np.not_equal(flags & HURTS, 0, out=values[first + 5], casting="unsafe")
        mean = 0.5 * (back + leg)
        utilities = worth.spec.utilities
        np.multiply(self._at("odi", utilities.odi_slope), mean, out=values[4])
        np.subtract(1, values[4], out=values[4])
        values[4] *= a["odi"]
        np.maximum(values[4], 0.0, out=values[4])
        np.minimum(values[4], 100.0, out=values[4])
        values[5] = self._utility(slot, clock, month, t, back, leg, mean, flags)
        np.multiply(self._at("opioid", utilities.opioid_slope), mean, out=values[6])
        np.subtract(1, values[6], out=values[6])
        values[6] *= a["opioid_mme"]
        np.maximum(values[6], 0.0, out=values[6])
        return code, observed

    def _utility(
        self, slot: int, clock: str, month: float, t: Any, back: Array, leg: Array, mean: Array, flags: Any
    ) -> Array:
        """Recorded utility of the base source."""
        block, worth = self.block, self.block.worth
        cells, a, at = block.cells, block.cells.attributes, block.cells.at
        source = worth.sources[worth.base]
        level = block.intercepts[worth.base]
        if source.kind == "linear":
            odi, slope_back, slope_leg = cells.once(
                ("slopes",),
                lambda: (
                    at(source.odi) * at(worth.spec.utilities.odi_slope) * a["odi"],
                    at(source.back) * a["back_vas"],
                    at(source.leg) * a["leg_vas"],
                ),
            )
            utility = odi * mean
            utility += slope_back * back
            utility += slope_leg * leg
            utility = np.subtract(level, utility, out=utility)
        else:
            category = self.slots["category"][slot].astype(np.intp)
            utility = level + cells.entry(worth.levels[worth.base], category)
        if block.clock.norm:
            utility *= self._norm(clock, month, t)
        utility -= self.slots["loss"][slot]
        decrements = worth.decrements
        if decrements.depression is not None:
            utility -= at(decrements.depression) * a["depression"]
        if decrements.uncomfortable_paresthesia is not None:
            utility -= at(decrements.uncomfortable_paresthesia) * ((flags & HURTS) > 0)
        residual = getattr(source, "residual", None)
        if residual is not None and residual.sd:
            utility += self._residual(residual, clock, month)
        return np.asarray(utility)

    def _at(self, name: str, number: Any) -> Any:
        """A parameter brought to the cells, once for all visits."""
        cells = self.block.cells
        return cells.once(("visits", name), lambda: cells.at(number))

    def _norm(self, clock: str, month: float, t: Any) -> Array:
        """The norm at a visit over that at entry; under the clock of entry it is the same under every strategy."""
        block = self.block

        def ratio() -> Array:
            return block.clock.ratio(np.minimum(t, block.exit))

        norm: Array = block.cells.once(("norm", month), ratio) if clock == "entry" else ratio()
        return norm

    def _noise(self, site: str, clock: str, month: float) -> Array | float:
        """Measurement noise, the same under every strategy."""
        cells, recorder = self.block.cells, self.block.worth.recorder
        return recorder.noise(cells, site, clock, month)

    def _inverse_baseline(self, site: str) -> Array:
        cells, recorder = self.block.cells, self.block.worth.recorder
        inverse: Array = cells.once(("inverse baseline", site), lambda: 1 / recorder.baseline(cells, site))
        return inverse

    def _residual(self, residual: Any, clock: str, month: float) -> Array:
        cells = self.block.cells

        def draw() -> Array:
            person = cells.once(("residual person",), lambda: cells.normal("noise", "utility", "person"))
            own = cells.normal("noise", "utility", clock, f"{month:g}")
            share = residual.person_share
            total: Array = residual.sd * (np.sqrt(share) * person + np.sqrt(1 - share) * own)
            return total

        noise: Array = cells.once(("residual", clock, month), draw)
        return noise
