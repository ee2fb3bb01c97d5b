"""Face validity of the numbers of a scenario: whether they say something that is believed of patients like these.

Each ``doubt_`` function takes a valid scenario and its bound twin, with numbers at their means in place of quantities.
See `scssim.scenario.face` for the doubts that need no arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.measurement import SITES
from scssim.model.parameters import Draws, bind
from scssim.model.therapy import relief_shapes, u_shaped
from scssim.model.timing import LN2, Timer, hazard_timer, timer, years
from scssim.scenario.face import horizon, percent
from scssim.scenario.messages import Finding
from scssim.scenario.schema import Scenario
from scssim.scenario.yamlfile import PathTuple

Array = NDArray[np.float64]
Shapes = dict[tuple[str, str, str], tuple[Array, Array]]

SEEN = 3.0
"""Years after which explants are compared with published ones."""
USUAL, MOST, FEWEST = 0.17, 0.393, 0.076
"""Implants removed for any reason within three years: 17 % of 400 (gatzinsky2024); 39.3 % of 126, a survival of the
device of 60.7 %, the most known of (hf_explant2021); 7.6 % of 1,289, a crude share and the fewest (rauck2023)."""
SOON = 2.0
"""Years within which most patients should not lose the effect; it lasted 4.66 in those who lost it (rescue2020)."""
FREQUENT = 0.5
"""Share with a surgical complication within two years; about a fifth had any (dhruva2023)."""
LIVES = (1.0, 25.0)
"""Median lives of a generator (years) that nobody would doubt: the shortest seen was 2 (abejon2020), the longest that
is claimed 25 (hornberger2008)."""
ROUNDING = 1e-9
"""Utilities closer than this are the same."""


def face(scenario: Scenario) -> list[Finding]:
    """Every doubt about the numbers of a scenario."""
    bound = bind(scenario, Draws(0, 0, {}))
    return [finding for doubt in FACE for finding in doubt(scenario, bound)]


# ------------------------------------------------------------------ relief


def doubt_relief(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Responders are relieved less than others, a mean is impossible, or a component is U-shaped."""
    strange: set[str] = set()
    for tid, therapy in bound.therapies.items():
        for site in SITES:
            part = getattr(therapy.relief, site)
            place: PathTuple = ("therapies", tid, "relief", site)
            means = {kind: getattr(part, kind).mean for kind in ("if_responder", "if_not")}
            places = {kind: (*place, kind, "mean") for kind in means}
            if means["if_responder"] < means["if_not"] and 0 < part.responders < 1:
                what = (
                    f"responders ({means['if_responder']:g}) are relieved less than the others ({means['if_not']:g}): "
                    "a responder is who has at least half of the pain relieved"
                )
                yield Finding(places["if_responder"], what, "the two the other way round?", because=(places["if_not"],))
                strange |= {".".join(map(str, (*place, kind))) for kind in means}
                continue
            for kind, low, high in (("if_responder", 0.5, 1.0), ("if_not", part.lowest, 0.5)):
                nobody = part.responders == (0 if kind == "if_responder" else 1)
                if not (low <= means[kind] <= high or nobody):
                    who = "responders" if kind == "if_responder" else "non-responders"
                    what = (
                        f"a mean of {means[kind]:g} is impossible where the relief of {who} lies between "
                        f"{low:g} and {high:g}: the nearest possible one is simulated"
                    )
                    yield Finding(places[kind], what, f"a mean between {low:g} and {high:g}")
                    strange.add(".".join(map(str, (*place, kind))))
    for path in u_shaped(bound):
        if path not in strange:
            what = "this mean and SD give a U-shaped distribution of relief: most patients at its two ends"
            yield Finding(tuple(path.split(".")), what, "a smaller SD")


# ----------------------------------------------------------------- utility


def doubt_utilities(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Utilities are above 1, below 0 for the usual patient, or rise with pain."""
    population = bound.population
    for uid, source in bound.utilities.sources.items():
        place: PathTuple = ("utilities", "sources", uid)
        if source.kind == "states":
            yield from _states(source, place)
            continue
        slopes = {"odi": source.odi, "leg": source.leg, "back": source.back}
        wrong = [name for name, slope in slopes.items() if slope > 0]
        for name in wrong:
            what = f"utility rises by {slopes[name]:g} with each point of {name}: worse off, patients would gain QALYs"
            yield Finding((*place, name), what, f"{-slopes[name]:g}, if the sign is a slip")
        if wrong:
            continue
        # The best that a patient can be: no pain, and what is then left of the least disability.
        odi = population.odi
        least = max((odi.mean if odi.distribution == "fixed" else odi.min) or 0.0, 0.0)
        best = source.intercept + source.odi * least * (1 - bound.utilities.odi_slope)
        if best > 1 + ROUNDING:
            what = f"a patient without pain would have a utility of {best:.3g}, above full health, which is 1"
            yield Finding((*place, "intercept"), what, "an intercept up to 1; coefficients below 0")
        if scenario.population.file is None:
            scores = {"odi": population.odi, "leg": population.leg_vas, "back": population.back_vas}
            usual = source.intercept + sum(slopes[name] * _middle(spec) for name, spec in scores.items())
            if usual < 0:
                what = f"the usual patient at entry would have a utility of {usual:.3g}, worse than dead, which is 0"
                yield Finding(place, what, "coefficients per ODI point (0-100) and per VAS point (0-10)", True)


def _states(source: Any, place: PathTuple) -> Iterator[Finding]:
    """State values are in another order than the states."""
    for better, worse in (
        ("optimal", "suboptimal"),
        ("suboptimal", "none"),
        ("optimal", "optimal_complication"),
        ("suboptimal", "suboptimal_complication"),
    ):
        high, low = getattr(source, better), getattr(source, worse)
        if low is not None and low > high + ROUNDING:
            what = f"`{worse}` ({low:g}) is worth more than `{better}` ({high:g}): worse off, patients would gain QALYs"
            yield Finding((*place, worse), what, f"at most {high:g}", because=((*place, better),))
    if source.suboptimal < 0:
        what = f"patients whose pain is partly relieved would be worse than dead ({source.suboptimal:g}; dead is 0)"
        yield Finding((*place, "suboptimal"), what, "a value of 0 or above")


def _middle(spec: Any) -> float:
    """Mean of a bound attribute."""
    return float((spec.min + spec.max) / 2 if spec.mean is None else spec.mean)


# ------------------------------------------------------------------- costs


def doubt_costs_by_relief(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Care costs more where pain is better relieved."""
    for cid, costs in bound.costs.by_relief.items():
        for better, worse in (("optimal", "suboptimal"), ("suboptimal", "none")):
            high, low = getattr(costs, worse), getattr(costs, better)
            if low > high:
                what = f"`{better}` relief costs more a year ({low:g}) than `{worse}` ({high:g}): relief is punished"
                place: PathTuple = ("costs", "by_relief", cid)
                yield Finding((*place, better), what, "the two the other way round?", because=((*place, worse),))


# ---------------------------------------------------------------- implants


def doubt_explants(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Implants lose their effect very soon, or far more or fewer of them are removed than any study has found."""
    shapes = relief_shapes(bound.therapies)
    for tid, therapy in bound.therapies.items():
        if therapy.kind != "implant":
            continue
        place: PathTuple = ("therapies", tid)
        removed = _removed(tid, therapy, shapes)
        total = 1 - math.prod(1 - share for share in removed.values())
        parts = {name: (*place, name) for name in removed}
        told = f"within {SEEN:g} years"
        lost = 0.0 if therapy.loss_of_effect is None else _lost(therapy.loss_of_effect, SOON)
        if lost > 0.5:
            what = (
                f"{percent(lost)} lose the effect within {SOON:g} years: patients whose SCS failed in the end "
                "had had relief for 4.7 years on average (rescue2020)"
            )
            allowed = "a lower hazard (per year) or a longer time (unit: years by default)"
            yield Finding(parts["loss_of_effect"], what, allowed)
        elif removed["complications"] > USUAL:
            what = (
                f"complications alone remove {percent(removed['complications'])} of the implants {told}: "
                f"explants for any reason are {percent(USUAL)} (gatzinsky2024)"
            )
            yield Finding(parts["complications"], what, "a lower `hazard` or `explant`; rates are per year in effect")
        elif total > MOST:
            largest = max(removed, key=lambda name: removed[name])
            causes = ", ".join(f"{name} {percent(share)}" for name, share in removed.items() if share)
            what = (
                f"{percent(total)} of the implants are removed {told} ({causes}): "
                f"published are {percent(USUAL)} (gatzinsky2024), at most {percent(MOST)} (hf_explant2021)"
            )
            allowed = "a lower hazard or stop; published explants contain those that a review would stop"
            yield Finding(parts[largest], what, allowed, because=tuple(parts.values()))
        elif total < FEWEST and horizon(scenario) >= SEEN:
            what = (
                f"only {percent(total)} of the implants are removed {told}: published are {percent(USUAL)} "
                f"(gatzinsky2024), at least {percent(FEWEST)} (rauck2023); implants that stay pay off more"
            )
            yield Finding(
                parts["loss_of_effect"], what, "loss_of_effect with stop_after_loss", because=tuple(parts.values())
            )


def _removed(tid: str, therapy: Any, shapes: Shapes) -> dict[str, float]:
    """Share of implants removed within `SEEN` years by each cause, were it the only one."""
    lost, stopped = 0.0, 0.0
    loss, review = therapy.loss_of_effect, therapy.review
    if loss is not None:
        lost = _lost(loss, SEEN - float(years(loss.delay))) * loss.stop_after_loss
    if review is not None:
        reviews = sum(month <= 12 * SEEN for month in review.months)
        stopped = _failing(tid, therapy.relief, review, shapes) * (1 - (1 - review.stop) ** reviews)
    by_complication = sum(_hazard(c, SEEN) * c.explant for c in therapy.complications.values())
    return {"loss_of_effect": float(lost), "review": float(stopped), "complications": -math.expm1(-by_complication)}


def _lost(loss: Any, until: float) -> float:
    """Share who have lost the effect."""
    kept = 1 - _share_by(timer(loss), until)
    if loss.late is not None:
        kept *= math.exp(-max(until - loss.late.from_years, 0.0) / loss.late.time_years)
    return 1 - kept


def _hazard(complication: Any, until: float) -> float:
    return float(hazard_timer(complication.hazard, complication.ratio).cumulative_hazard(until))


def _share_by(time: Timer, until: float) -> float:
    """Share whose time has come."""
    exponentials = -np.log((np.arange(2000) + 0.5) / 2000)
    return float(np.mean(np.asarray(time.time(exponentials, lambda x: x)) <= until))


def _failing(tid: str, relief: Any, review: Any, shapes: Shapes) -> float:
    """Share of patients whose true relief does not pass a review, rather too low: noise and waning make it more.

    Relief of back and leg goes together, so that more fail both than if it did not (rule ``either``).
    """
    if relief.share == 0:
        return 1.0
    needed = review.threshold / relief.share
    fails = {site: _below(tid, site, getattr(relief, site), needed, shapes) for site in SITES}
    match review.rule:
        case "back" | "leg":
            return fails[review.rule]
        case "either":
            return math.prod(fails.values())
        case "both":
            return max(fails.values())
    return min(fails.values())


def _below(tid: str, site: str, part: Any, needed: float, shapes: Shapes) -> float:
    """Share whose relief at a site is below what is needed."""
    share = 0.0
    for kind, low, high, weight in (
        ("if_responder", 0.5, 1.0, part.responders),
        ("if_not", part.lowest, 0.5, 1 - part.responders),
    ):
        a, b = (float(x[0]) for x in shapes[tid, site, kind])
        x = min(max((needed - low) / (high - low), 0.0), 1.0)
        share += weight * (1 - (1 - x**a) ** b)
    return share


def doubt_complications(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Most patients with an implant have a surgical complication."""
    for tid, therapy in bound.therapies.items():
        if therapy.kind == "implant":
            surgical = [c for c in therapy.complications.values() if c.revision + c.explant > 0]
            share = -math.expm1(-sum(_hazard(c, 2.0) for c in surgical))
            if share > FREQUENT:
                what = (
                    f"{percent(share)} have a complication that may need surgery within two years: "
                    "about 20 % had any (dhruva2023), 21 % in pooled series (blackburn2021)"
                )
                allowed = "lower hazards; they are events per year, 0.06 for 6 %"
                yield Finding(("therapies", tid, "complications"), what, allowed)


def doubt_batteries(scenario: Scenario, bound: Any) -> Iterator[Finding]:
    """Generators last too short or too long a time, or those without recharging longer than the others."""
    lives = {
        tid: float(np.ravel(timer(therapy.device.life).time(np.array([LN2]), lambda x: x))[0])
        for tid, therapy in bound.therapies.items()
        if therapy.device is not None
    }
    places: dict[str, PathTuple] = {tid: ("therapies", tid, "device", "life") for tid in lives}
    shortest, longest = LIVES
    for tid, life in lives.items():
        if not shortest <= life <= longest:
            what = (
                f"half of the generators last {life:.3g} years: 2 to 8 were seen without recharging (abejon2020), "
                "10 to 25 are claimed with it (hornberger2008)"
            )
            yield Finding(places[tid], what, "check the unit (unit: months; by default years)", True)
    lives = {tid: life for tid, life in lives.items() if shortest <= life <= longest}
    recharged = {tid: life for tid, life in lives.items() if bound.therapies[tid].device.rechargeable}
    if not recharged:
        return
    least = min(recharged, key=lambda tid: recharged[tid])
    for tid, life in lives.items():
        if tid not in recharged and life > recharged[least]:
            what = (
                f"its generator lasts longer without recharging ({life:.3g} years, median) than that of "
                f"`{least}`, which is recharged ({recharged[least]:.3g}): replacements would favour `{tid}`"
            )
            yield Finding(places[tid], what, "the two the other way round?", True, (places[least],))


Doubt = Callable[[Scenario, Any], Iterator[Finding]]

FACE: tuple[Doubt, ...] = (
    doubt_relief, doubt_utilities, doubt_costs_by_relief, doubt_explants, doubt_complications, doubt_batteries,
)  # fmt: skip
