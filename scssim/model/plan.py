"""Plans: everything random about one therapy episode, for all cells at once.

A plan holds durations and marks on the clock of its episode (years since the start of effect,
t0), never absolute times, and does not know when the episode begins. Engines turn plans
into histories; they only decide *when*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scssim.model.complications import Occurrences
from scssim.model.measurement import SITES, Recorder, passes
from scssim.model.patients import Cells
from scssim.model.relief import quantile
from scssim.model.therapy import Number, Site, Therapy, log_odds
from scssim.model.timing import Timer, years
from scssim.scenario.times import DAYS_PER_YEAR, WEEKS_PER_YEAR

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


SHORTEST_LIFE = 1 / DAYS_PER_YEAR
"""A device lasts at least a day."""

TIE = 1e-9
"""Events closer than this (years) count as simultaneous and follow the order of `Reason`."""


class Reason(IntEnum):
    """Why an episode ended, in the order that breaks ties."""

    DEATH = 0
    HORIZON = 1
    TRIAL_FAILURE = 2
    EXPLANT = 3
    REVIEW_STOP = 4
    STOP_AFTER_LOSS = 5
    MAX_DURATION = 6
    EFFECT_OVER = 7
    LEFT_QUEUE = 8


@dataclass(frozen=True)
class Courses:
    """Repeat courses of a procedure: the second ones of all cells, then the third ones ...

    Attributes
    ----------
    cell
        Cell that has the course.
    start, loss
        Its start and the loss of its effect (years since t0 in a plan, since entry in an episode).
    scale
        Size of its relief as a share of the first course's.
    """

    cell: Index
    start: Array
    loss: Array
    scale: Array

    def until(self, stop: Array) -> Courses:
        """What is left of them when the therapy stops at some time, shape (n,)."""
        kept = (self.start < stop.take(self.cell)).nonzero()[0]
        cell = self.cell.take(kept)
        return Courses(
            cell, self.start.take(kept), np.minimum(self.loss.take(kept), stop.take(cell)), self.scale.take(kept)
        )


NO_COURSES = Courses(np.zeros(0, dtype=np.intp), *(np.zeros(0) for _ in range(3)))


@dataclass(frozen=True)
class Plan:
    """One therapy episode on its own clock, arrays over the cells.

    Attributes
    ----------
    wait, trial_years
        Years from the decision to the start of the trial, and of the trial.
    trial_ok
        Whether the trial succeeds; None: always.
    relief
        Full relief by site (fraction of baseline).
    loss
        Years from t0 to the loss of effect; None: never.
    stop, reason
        Years from t0 to the end of the episode by itself, and the `Reason` code.
    recorded
        Recorded relief (back, leg) at each review (or the assessment).
    review_times
        Times of these (years since t0).
    responded
        Whether the last review or assessment was passed (without one: true relief >= 0.5 anywhere).
    courses
        Repeat courses.
    occurrences
        Complications up to ``stop``.
    depletion_cell, depletion_time
        Depletions of the device before ``stop`` that are followed by a replacement.
    died_cell, died_time
        First depletion after the loss of effect, which is not replaced.
    reimplanted
        Cells whose explant may be followed by a new implant (index).
    perceived, uncomfortable
        Paresthesia; None: nobody.
    """

    therapy: Therapy
    wait: Number
    trial_years: Number
    trial_ok: Bools | None
    relief: dict[str, Array]
    loss: Array | None
    stop: Array
    reason: NDArray[np.uint8]
    recorded: tuple[tuple[Array, Array], ...]
    review_times: tuple[float, ...]
    responded: Bools
    courses: Courses
    occurrences: Occurrences
    depletion_cell: Index
    depletion_time: Array
    died_cell: Index
    died_time: Array
    reimplanted: Index
    perceived: Bools | None
    uncomfortable: Bools | None

    @property
    def bridges(self) -> bool:
        """Whether the therapy goes on after its end until the next effect starts."""
        return self.therapy.kind == "continuous" and bool(self.therapy.spec.bridge)


def make_plan(
    therapy: Therapy,
    cells: Cells,
    recorder: Recorder,
    longest: Array,
    step: int = 0,
    occurrence: int = 0,
    again: int = 0,
    relief: dict[str, Array] | None = None,
) -> Plan:
    """Draw the plan of one episode for all cells.

    Parameters
    ----------
    therapy
        Compiled therapy.
    cells
        Cells with their attributes.
    recorder
        Measurement of pain.
    longest
        Years after which nothing matters any more (death or horizon), shape (n,).
    step
        How many earlier steps of the strategy use this therapy.
    occurrence
        How many earlier steps of the strategy use its response group.
    again
        0 for the episode itself, k for its k-th re-implant (no trial; same response).
    relief
        Full relief by site, if at hand (re-implants: that of the first implant).

    Returns
    -------
    Plan
    """
    key = (therapy.id, step, again)
    # Noise of reviews: the same for first implants of a group, another for each later one.
    clock = f"review {therapy.group} {occurrence} {again}"
    n = cells.n
    trial_ok: Bools | None = None
    trial_years: Number = 0.0
    if again:
        wait: Number = cells.at(years(therapy.spec.reimplant.delay))
    else:
        wait = _time(therapy.wait, cells, "wait", *key)
        if therapy.spec.trial is not None:
            trial_ok = cells.chance(therapy.trial_success, "trial", *key)
            trial_years = cells.at(therapy.trial_years)
    loss = None
    if therapy.loss is not None:
        loss = np.asarray(_time(therapy.loss, cells, "loss", *key)) + np.zeros(n)
        if therapy.late is not None:
            begin, mean = (cells.at(x) for x in therapy.late)
            loss = np.minimum(loss, begin + mean * cells.exponential("late loss", *key))
    if relief is None:
        relief = _relief(therapy, cells, occurrence)
    stop = np.full(n, np.inf)
    reason = np.full(n, Reason.EFFECT_OVER, dtype=np.uint8)
    courses = NO_COURSES
    if therapy.kind == "procedure":
        assess = therapy.spec.assess
        times: tuple[float, ...] = (assess.weeks / WEEKS_PER_YEAR,)
        recorded = _reviews(therapy, cells, recorder, relief, loss, times, clock)
        responded = passes(assess.rule, assess.threshold, recorded[0])
        failed = (~responded).nonzero()[0]
        stop[failed] = times[0]
        reason[failed] = Reason.REVIEW_STOP
        if loss is not None:
            well = responded.nonzero()[0]
            stop[well] = np.maximum(loss[well], times[0])
            courses = _courses(therapy, cells, key, stop, well)
    else:
        times = therapy.reviews
        recorded = _reviews(therapy, cells, recorder, relief, loss, times, clock)
        responded = (relief["back"] >= 0.5) | (relief["leg"] >= 0.5)
        review = therapy.spec.review
        reviews: list[Bools] = []
        for i, t in enumerate(times):
            passed = passes(review.rule, review.threshold, recorded[i])
            reviews.append(passed)
            quits = ~passed & cells.chance(review.stop, "stop", *key, f"{12 * t:g}")
            quits &= t < stop
            stop[quits] = t
            reason[quits] = Reason.REVIEW_STOP
        if loss is not None:
            leaves = loss + cells.at(therapy.stop_delay)
            stops = cells.chance(therapy.stop_after_loss, "stop after loss", *key)
            who = (stops & (leaves < stop)).nonzero()[0]
            stop[who] = leaves[who]
            reason[who] = Reason.STOP_AFTER_LOSS
        if therapy.max_duration is not None:
            most = np.asarray(cells.at(therapy.max_duration)) + np.zeros(n)
            ends = most < stop
            if not therapy.spec.stop_responders:
                ends &= ~_responds_at(therapy, cells, recorder, relief, loss, therapy.max_duration, clock)
            who = ends.nonzero()[0]
            stop[who] = most.take(who)
            reason[who] = Reason.MAX_DURATION

    longest = np.minimum(longest, stop)
    if trial_ok is not None:
        longest *= trial_ok
    occurrences = therapy.complications.draw(cells, key, longest)
    reimplanted = np.zeros(0, dtype=np.intp)
    explants = occurrences.take(occurrences.explanted.nonzero()[0])
    if explants.cell.size:
        first = np.full(n, np.inf)
        may = np.zeros(n, dtype=bool)
        np.minimum.at(first, explants.cell, explants.time)
        one = (explants.time == first.take(explants.cell)).nonzero()[0][::-1]  # of equal ones the first is entered last
        may[explants.cell.take(one)] = therapy.complications.reimplant.take(explants.kind.take(one))
        ends = first <= stop
        np.minimum(stop, first, out=stop)
        np.putmask(reason, ends, Reason.EXPLANT)
        reimplant = therapy.spec.reimplant
        if reimplant is not None and again < reimplant.most:
            who = (ends & may).nonzero()[0]
            reimplanted = who[cells.take(who).chance(reimplant.probability, "reimplant", *key)]
        occurrences = occurrences.take((occurrences.time <= stop.take(occurrences.cell)).nonzero()[0])
        courses = courses.until(stop)
        longest = np.minimum(longest, stop)
    if therapy.kind != "procedure":
        for t, passed in zip(times, reviews, strict=True):  # the last review that took place counts
            responded = np.where(t <= stop, passed, responded)
    return Plan(
        therapy, wait, trial_years, trial_ok, relief, loss, stop, reason, recorded, times, responded, courses,
        occurrences, *_depletions(therapy, cells, key, longest, loss), reimplanted, *_paresthesia(therapy, cells, key),
    )  # fmt: skip


def _time(timer: Timer, cells: Cells, *name: str | int) -> Number:
    if timer.is_fixed:
        return timer.time(np.zeros(0), cells.at)
    return timer.time(cells.exponential(*name), cells.at)


def _relief(therapy: Therapy, cells: Cells, occurrence: int) -> dict[str, Array]:
    """True full relief by site: the two-component mixture driven by correlated latent normals."""
    group = therapy.group
    what = (therapy.rho, therapy.share, therapy.correlation, therapy.modifiers, *therapy.sites.values())
    same = (x if isinstance(x, float) else id(x) for x in what)
    key = ("relief", group, occurrence, *same)  # systems that differ in other things may share it
    return cells.once(key, lambda: _draw_relief(therapy, cells, occurrence))


def _draw_relief(therapy: Therapy, cells: Cells, occurrence: int) -> dict[str, Array]:
    group = therapy.group
    rho = np.asarray(cells.at(therapy.rho))
    shared, own = np.sqrt(rho), np.sqrt(1 - rho)
    r = np.asarray(cells.at(therapy.correlation))
    rest = np.sqrt(1 - r * r)
    latent = {}
    for site in SITES:
        common, single = (
            cells.once(("response", group, site, which), partial(cells.normal, "response", group, site, which))
            for which in ("group", occurrence)
        )
        latent[site] = shared * common + own * single
    # Independent latents per site become correlated ones, with a correlation that may differ by therapy.
    latent["leg"] = r * latent["back"] + rest * latent["leg"]
    shift = log_odds(therapy.modifiers, cells)
    relief = {site: _mixture(special.ndtr(latent[site]), therapy.sites[site], shift, cells, site) for site in SITES}
    if not (np.ndim(therapy.share) == 0 and therapy.share == 1):
        for x in relief.values():
            x *= cells.at(therapy.share)
    return relief


@np.errstate(over="ignore", divide="ignore")  # odds beyond any number; no pain, of which none can be relieved
def _mixture(u: Array, site: Site, shift: Number, cells: Cells, name: str) -> Array:
    """Relief whose mixture quantile is ``u``; bounded so that pain stays at most 10."""
    q = 1 / (1 + np.exp(cells.at(site.intercept) + shift))  # share that does not respond
    responds = u >= q
    good = responds.astype(float)
    v = u - q * good
    good -= q
    v /= np.abs(good, out=good)
    np.maximum(v, 1e-15, out=v)
    np.minimum(v, 1 - 1e-15, out=v)
    relief = quantile(v, *cells.entry(site.shapes, responds.astype(np.intp)))
    good[:] = responds
    relief *= (0.5 - site.lowest) + site.lowest * good  # width of [lowest, 0.5], of [0.5, 1]
    relief += site.lowest + (0.5 - site.lowest) * good
    worst = cells.once(("worst relief", name), lambda: 1 - 10 / cells.attributes[f"{name}_vas"])  # pain of 10
    return np.maximum(relief, worst, out=relief)


def _true_relief(
    therapy: Therapy, cells: Cells, relief: dict[str, Array], loss: Array | None, s: Number
) -> tuple[Array, Array]:
    """Relief of back and leg at a time since t0, which may differ by draw."""
    size = cells.at(therapy.shape(np.asarray(s), np.asarray))
    back, leg = (relief[site] * size for site in SITES)
    if loss is not None:
        lost = cells.at(s) > loss + TIE  # at the same moment a review comes first
        kept = 1 - lost * (1 - cells.at(therapy.residual)) if therapy.has_residual else ~lost
        back *= kept
        leg *= kept
    return back, leg


def _reviews(
    therapy: Therapy,
    cells: Cells,
    recorder: Recorder,
    relief: dict[str, Array],
    loss: Array | None,
    times: tuple[float, ...],
    clock: str,
) -> tuple[tuple[Array, Array], ...]:
    """Recorded relief (back, leg) at each review."""
    out = []
    for t in times:
        true = _true_relief(therapy, cells, relief, loss, t)
        back, leg = (recorder.relief(cells, site, clock, 12 * t, x) for site, x in zip(SITES, true, strict=True))
        out.append((back, leg))
    return tuple(out)


def _responds_at(
    therapy: Therapy,
    cells: Cells,
    recorder: Recorder,
    relief: dict[str, Array],
    loss: Array | None,
    s: Number,
    clock: str,
) -> Bools:
    """Recorded response when the longest duration is over."""
    rule, threshold = "either", 0.5
    if therapy.spec.review is not None:
        rule, threshold = therapy.spec.review.rule, therapy.spec.review.threshold
    true = _true_relief(therapy, cells, relief, loss, s)
    both = [recorder.relief(cells, site, f"{clock} longest", 0.0, x) for site, x in zip(SITES, true, strict=True)]
    return passes(rule, threshold, both)


def _courses(therapy: Therapy, cells: Cells, key: tuple[str, int, int], stop: Array, well: Index) -> Courses:
    """Repeat courses of responders; moves ``stop`` to the loss of the last one."""
    repeat = therapy.spec.repeat
    if repeat is None or therapy.loss is None:
        return NO_COURSES
    found = []
    cell, start, end, scale = well, np.zeros(well.size), stop.take(well), np.ones(well.size)
    for k in range(1, repeat.courses):
        sub = cells.take(cell)
        goes = sub.chance(repeat.probability, "repeat", *key, k).nonzero()[0]
        cell, sub = cell.take(goes), sub.take(goes)
        start, end, scale = (x.take(goes) for x in (start, end, scale))
        if not cell.size:
            break
        start = np.maximum(end, start + repeat.min_months / 12)
        end = start + np.asarray(_time(therapy.loss, sub, "loss", *key, k))
        scale = scale * sub.at(repeat.relief_ratio)
        found.append((cell, start, end, scale))
        stop[cell] = end
    return Courses(*(np.concatenate(x) for x in zip(*found, strict=True))) if found else NO_COURSES


def _depletions(
    therapy: Therapy, cells: Cells, key: tuple[str, int, int], limit: Array, loss: Array | None
) -> tuple[Index, Array, Index, Array]:
    """Cells and times of depletions before ``limit``: replaced ones, and those after the loss of effect.

    The device is not replaced after the loss, so that there is one such depletion at most; without relief that
    remains it does not matter.
    """
    kept, died = ([(np.zeros(0, dtype=np.intp), np.zeros(0))] for _ in range(2))
    index = np.arange(0 if therapy.device is None else cells.n)
    begin = np.zeros(index.size)
    k = 0
    while index.size and therapy.device is not None:
        u = cells.repeated(index, np.uint64(k), "device", *key)
        time = begin + np.maximum(therapy.device.time(-np.log(u), partial(cells.at, sel=index)), SHORTEST_LIFE)
        inside = (time < limit.take(index)).nonzero()[0]
        index, time = index.take(inside), time.take(inside)
        if loss is not None:
            works = time < loss.take(index)
            if therapy.has_residual:
                left = (~works).nonzero()[0]
                died.append((index.take(left), time.take(left)))
            left = works.nonzero()[0]
            index, time = index.take(left), time.take(left)
        kept.append((index, time))
        begin = time + cells.at(therapy.replacement_wait, index)
        k += 1
    cell, time = (np.concatenate(x) for x in zip(*kept, strict=True))
    died_cell, died_time = (np.concatenate(x) for x in zip(*died, strict=True))
    return cell, time, died_cell, died_time


def _paresthesia(therapy: Therapy, cells: Cells, key: tuple[str, int, int]) -> tuple[Bools | None, Bools | None]:
    spec = therapy.spec.paresthesia
    if np.ndim(spec.perceived) == 0 and spec.perceived == 0:
        return None, None
    perceived = cells.chance(spec.perceived, "paresthesia", therapy.id, key[1])
    if np.ndim(spec.uncomfortable) == 0 and spec.uncomfortable == 0:
        return perceived, None
    bad = cells.chance(spec.uncomfortable, "uncomfortable", therapy.id, key[1])
    return perceived, perceived & bad
