"""Face validity: what a careful reader of a scenario would ask about, each doubt with its reason.

Each ``doubt_`` function takes a valid :class:`Scenario`, without the therapies that no strategy uses, and yields what
it finds. Those that look at the order of steps are in `scssim.scenario.face_steps`, those that need every number
worked out in `scssim.model.face_numbers`. Authors hear only of what they wrote or changed themselves (`own`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from scssim import library
from scssim.scenario.check import Check, locate_parameter
from scssim.scenario.face_steps import can_stop, doubt_same_strategies, doubt_steps, may, steps_with
from scssim.scenario.merge import fragments, shipped
from scssim.scenario.messages import Finding
from scssim.scenario.names import listed
from scssim.scenario.numbers import numbers
from scssim.scenario.quantity import Cost
from scssim.scenario.schema import Continuous, Scenario, Therapy
from scssim.scenario.walk import matching, uncertain, used, walk
from scssim.scenario.yamlfile import Node, PathTuple

HIGHEST_DISCOUNT = 0.10
"""Yearly discount rates above this are doubted."""
LONG = 10.0
"""Years over which utilities should fall with age, and generators run down."""
SPILLED = 0.05
"""Share of the draws that may lie outside the permitted range."""
TAIL = 1.96
"""SDs from the mean at which an unbounded attribute is looked at: one patient in 40 lies beyond."""
OLDEST = 100.0
"""Age to which a life table should go when all are followed to their deaths."""
SCALES = {"back_vas": 10.0, "leg_vas": 10.0, "odi": 100.0}
"""Top of the scales of pain and disability; they begin at 0."""
INFLUENTIAL = (
    "therapies.*.relief.*.responders", "therapies.*.relief.*.mean", "therapies.*.trial.success",
    "therapies.*.loss_of_effect.*", "therapies.*.device.life.*", "utilities.sources.*",
)  # fmt: skip
"""Numbers that decide most, and that studies estimate with an error."""


def face(scenario: Scenario) -> list[Finding]:
    """Every doubt about what a scenario says."""
    part = used(scenario)
    return [finding for doubt in FACE for finding in doubt(part)]


# ------------------------------------------------------------- whose it is


def own(findings: Iterable[Finding], root: Node, overridden: bool) -> list[Finding]:
    """Findings about what the author of a file wrote.

    Parameters
    ----------
    findings
        What was found.
    root
        The merged scenario.
    overridden
        Whether there are overrides: of a shipped scenario, these alone are then the author's.

    Returns
    -------
    list of Finding
        Those of which any place (``path`` or ``because``) is in the file itself, in an override, or in a file that it
        extends and that does not come with the program.
    """
    theirs = {path.resolve() for path in (*shipped().values(), *fragments().values())}
    ours: dict[str, bool] = {} if overridden else {root.file: True}

    def written(node: Node) -> bool:
        if not node.line:  # an override
            return True
        if node.file not in ours:
            ours[node.file] = Path(node.file).resolve() not in theirs
        if ours[node.file]:
            return True
        children = node.value.values() if isinstance(node.value, dict) else node.value
        return isinstance(node.value, dict | list) and any(written(child) for child in children)

    return [f for f in findings if any(written(root.find(path)[0]) for path in (f.path, *f.because))]


def horizon(scenario: Scenario) -> float:
    """Years of follow-up; infinite for a lifetime."""
    years = scenario.settings.horizon_years
    return math.inf if isinstance(years, str) else years


# ---------------------------------------------------------------- settings


def doubt_discount(scenario: Scenario) -> Iterator[Finding]:
    """Costs or effects are not discounted over years, or by more than 10 % a year."""
    rates = scenario.settings.discount_rate.model_dump()
    path: PathTuple = ("settings", "discount_rate")
    zero = [name for name, rate in rates.items() if rate == 0]
    if zero and horizon(scenario) > 1:
        place = path if len(zero) > 1 else (*path, zero[0])
        what = f"{listed(zero)} are not discounted, so that what is gained late weighs as much as what is paid at once"
        yield Finding(place, what, "0.035 for the 3.5 % of NICE, 0.015 for the 1.5 % of CADTH; 0 in a variant")
    for name, rate in rates.items():
        if rate > HIGHEST_DISCOUNT:
            what = (
                f"at {rate:.3g} a year, {name} in ten years count {percent(1 / (1 + rate) ** 10)} of what they do today"
            )
            yield Finding((*path, name), what, "0.035 for the 3.5 % of NICE, 0.015 for the 1.5 % of CADTH")


def doubt_after_the_end(scenario: Scenario) -> Iterator[Finding]:
    """Visits, targets or reviews come after the horizon."""
    years = horizon(scenario)
    end = f"after the horizon of {years:g} years"
    mend = "earlier months, or a longer settings.horizon_years"
    months = scenario.settings.visit_months
    late = [i for i, month in enumerate(months) if month > 12 * years]
    if late:
        which = f"the visit at month {months[late[0]]:g}" + (f" and {len(late) - 1} later" if late[1:] else "")
        what = f"{which} would come {end}: nobody is seen then, and tables leave them out"
        yield Finding(("settings", "visit_months", late[0]), what, mend)
    for i, target in enumerate(scenario.targets):
        if target.month > 12 * years:
            what = f"month {target.month:g} is {end}: there is no simulated result to hold against this one"
            yield Finding(("targets", i, "month"), what, mend)
    for tid, therapy in scenario.therapies.items():
        if therapy.review is not None and therapy.review.months[0] > 12 * years:
            what = f"the first review, in month {therapy.review.months[0]:g}, would come {end}: nobody is ever stopped"
            yield Finding(("therapies", tid, "review", "months"), what, mend)


def doubt_draws(scenario: Scenario) -> Iterator[Finding]:
    """Draws are asked for, but nothing is uncertain, or there is no threshold to judge them at."""
    if scenario.analyses.psa is None:
        return
    psa: PathTuple = ("analyses", "psa")
    if not uncertain(scenario):
        what = "no number is uncertain, so that draws differ by the luck of patients only, and show no uncertainty"
        yield Finding(psa, what, "a `se` or `ci` to the numbers that matter, e.g. {mean: 0.8, se: 0.05}", True)
    if not scenario.settings.willingness_to_pay:
        what = "draws are asked for without a threshold, at which the probability of being cost-effective could be told"
        allowed = "e.g. [20000, 30000] (currency per QALY)"
        yield Finding(("settings", "willingness_to_pay"), what, allowed, because=(psa,))


def doubt_perspective(scenario: Scenario) -> Iterator[Finding]:
    """The societal perspective has no cost that the healthcare one has not."""
    settings, costs = scenario.settings, scenario.costs
    borne = {q.perspective for _, q in walk(scenario) if isinstance(q, Cost)}
    borne |= {block.perspective for block in costs.by_relief.values()}
    borne |= {block.perspective for block in costs.background.values()}
    if settings.perspective == "societal" and borne == {"healthcare"}:
        what = "every cost is borne by healthcare, so that this gives what `healthcare` gives, under another name"
        yield Finding(("settings", "perspective"), what, "costs with perspective: patient or societal; or healthcare")


def doubt_norms(scenario: Scenario) -> Iterator[Finding]:
    """Utilities are to fall with age over a long horizon, but there are no norms."""
    if scenario.settings.norm_adjust and scenario.utilities.norms is None and horizon(scenario) > LONG:
        what = "without norms utility does not fall with age: over a horizon this long QALYs, and gains, are too high"
        allowed = "norms: hse2014_uk_3l (see `scssim list`), or settings.norm_adjust: false"
        yield Finding(("utilities", "norms"), what, allowed, because=(("settings", "horizon_years"),))


def doubt_price_years(scenario: Scenario) -> Iterator[Finding]:
    """Amounts are at prices of another year than the scenario's."""
    year = scenario.settings.price_year
    other = [
        (path, q.price_year)
        for path, q in walk(scenario)
        if isinstance(q, Cost) and q.price_year is not None and q.price_year != year
    ]
    if other:
        places = [locate_parameter(scenario, path) for path, _ in other]
        more = f" ({len(other) - 1} more are of another year, too)" if other[1:] else ""
        what = f"this amount is at prices of {other[0][1]}, the scenario at those of {year}{more}: they are added up"
        allowed = f"the amount at {year} prices, with the printed one and its index under `original`"
        yield Finding(places[0], what, allowed, because=(*places[1:], ("settings", "price_year")))


# -------------------------------------------------------------- population


def doubt_correlation_signs(scenario: Scenario) -> Iterator[Finding]:
    """Pain and disability fall as each other rises."""
    for a, row in scenario.population.correlation.items():
        for b, value in row.items():
            if value < 0 and a in SCALES and b in SCALES:
                what = f"patients with more {a} would have less {b}: scores of pain and disability rise together"
                yield Finding(("population", "correlation", a, b), what, f"{-value:g}, if the sign is a slip")


def doubt_scales(scenario: Scenario) -> Iterator[Finding]:
    """Pain or disability goes beyond the ends of its scale."""
    for name, top in SCALES.items():
        low, high = _range(getattr(scenario.population, name))
        if low < 0 or high > top:
            worst = high if high > top else low
            what = f"values reach {worst:.3g}, but the scale goes from 0 to {top:g}: utilities and costs follow them"
            yield Finding(("population", name), what, f"min: 0 and max: {top:g}, on the scale 0 to {top:g}")


def doubt_ages(scenario: Scenario) -> Iterator[Finding]:
    """Patients are younger, or grow older, than anybody in the life table."""
    population = scenario.population
    name = population.mortality.life_table
    if name is None or population.file is not None:
        return
    packaged = name in library.names()["life_tables"]
    ages = (library.life_table(name) if packaged else library.read_life_table(name)).ages
    first, last = float(ages[0]), float(ages[-1])
    youngest, oldest = _range(population.age)
    middle = (youngest + oldest) / 2 if population.age.mean is None else population.age.mean
    grown = min(middle + horizon(scenario), OLDEST)
    what = ""
    if youngest < first:
        what = f"patients are from {youngest:.3g} years old, the life table begins at {first:g}, whose deaths are used"
    elif oldest > last:
        what = f"patients are up to {oldest:.3g} years old, the life table ends at {last:g}, whose deaths are used"
    elif grown > last:
        what = f"patients grow to {grown:.3g} years and beyond, but the life table ends at {last:g}: too few would die"
    if what:
        table: PathTuple = ("population", "mortality", "life_table")
        allowed = "a life table of all ages (`scssim list`), or `min` and `max` within it"
        yield Finding(("population", "age"), what, allowed, because=(table,))


def _range(spec: Continuous) -> tuple[float, float]:
    """From where to where an attribute goes, as far as more than a few patients do."""
    mean = spec.mean or 0.0
    if spec.distribution == "fixed":
        return mean, mean
    reach = TAIL * (spec.sd or 0.0)
    low, high = mean - reach, mean + reach
    if spec.distribution in ("lognormal", "gamma"):
        low = max(low, 0.0)
    return (low if spec.min is None else spec.min), (high if spec.max is None else spec.max)


# ------------------------------------------------------------------- costs


def doubt_free(scenario: Scenario) -> Iterator[Finding]:
    """A therapy does something for nothing, or nothing in the scenario costs anything."""
    if not any(isinstance(q, Cost) for _, q in walk(scenario)):
        what = "nothing here costs anything, so that incremental costs, net benefits and curves mean nothing"
        yield Finding(("strategies",), what, "`costs` of therapies and of care; or read clinical results only")
        return
    for tid, therapy in scenario.therapies.items():
        free, where = _free(therapy), steps_with(scenario, tid)
        if free and where:  # else it is only referred to
            what = f"no cost of {listed(free.values())}: strategies with `{tid}` look cheaper than they are"
            allowed = f"costs: {{{', '.join(f'{key}: ...' for key in free)}}}; 0 where another price holds it"
            yield Finding(("therapies", tid, "costs"), what, allowed, because=where)


def _free(therapy: Therapy) -> dict[str, str]:
    """Cost items that a therapy gives cause for and does not have, with what each of them is of."""
    costs = therapy.costs
    if therapy.kind == "continuous":
        nothing = not therapy.background and all(getattr(costs, key) is None for key in ("procedure", "per_year"))
        return {"per_year": "the therapy"} if nothing else {}
    happens = {
        "procedure": (therapy.kind == "procedure", "the procedure"),
        "trial": (therapy.trial is not None, "the screening trial"),
        "implant": (therapy.kind == "implant", "the operation"),
        "device": (therapy.kind == "implant", "the device"),
        "replacement": (therapy.device is not None, "replacing the generator"),
        "revision": (any(may(c.revision) for c in therapy.complications.values()), "revisions"),
        "explant": (therapy.kind == "implant" and can_stop(therapy), "explants"),
    }
    return {key: what for key, (there, what) in happens.items() if there and getattr(costs, key) is None}


def doubt_devices(scenario: Scenario) -> Iterator[Finding]:
    """An implant has no `device`, so that its generator lasts for ever."""
    for tid, therapy in scenario.therapies.items():
        where = steps_with(scenario, tid)
        if where and therapy.kind == "implant" and therapy.device is None and horizon(scenario) >= LONG:
            what = "without `device` its generator lasts for ever, and nobody pays for a replacement or undergoes it"
            allowed = "device: {rechargeable: false, life: {...}}; median life 4.2 years there (tinsley2019)"
            yield Finding(("therapies", tid), what, allowed, True, because=where)


# ------------------------------------------------------------- uncertainty


def doubt_distributions(scenario: Scenario) -> Iterator[Finding]:
    """Draws of a number pile up at the ends of what is permitted."""
    for path, quantity in uncertain(scenario).items():
        distribution = quantity.distribution
        assert distribution is not None
        what = ""
        if distribution.family == "beta" and max(distribution.a, distribution.b) < 1:
            ends = f"{distribution.lo:g} and {distribution.hi:g}"
            what = f"this interval is so wide that most draws lie near {ends}, and few near {distribution.mean:.3g}"
        outside = distribution.probability(quantity.lowest) if math.isfinite(quantity.lowest) else 0.0
        outside += 1 - distribution.probability(quantity.highest) if math.isfinite(quantity.highest) else 0.0
        if not what and outside > SPILLED:
            edge = f"[{quantity.lowest:g}, {quantity.highest:g}]"
            mean = f"the mean of what is used is not {distribution.mean:.3g}"
            what = f"{percent(outside)} of the draws fall outside {edge} and are moved to its edge: {mean}"
        if what:
            allowed = f"a narrower interval, or the family made for a {quantity.kind} ({quantity.family_default})"
            yield Finding(locate_parameter(scenario, path), what, allowed)


def doubt_certain(scenario: Scenario) -> Iterator[Finding]:
    """A published number that decides much has no uncertainty, though others have."""
    if scenario.analyses.psa is None and not uncertain(scenario):
        return
    stated = {
        n.path: n
        for n in numbers(scenario)
        if n.distribution == "fixed" and n.grade != "assumed" and n.source != "assumption" and not n.note
    }
    for path in dict.fromkeys(path for pattern in INFLUENTIAL for path in matching(pattern, stated)):
        what = "a published number without its uncertainty: the same in every draw, it makes the decision look surer"
        yield Finding(locate_parameter(scenario, path), what, "its se, ci or events/of; or a `note` why it is certain")


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.3g} %"


FACE: tuple[Check, ...] = (
    doubt_discount, doubt_after_the_end, doubt_draws, doubt_perspective, doubt_norms, doubt_price_years,
    doubt_correlation_signs, doubt_scales, doubt_ages, doubt_free, doubt_devices, doubt_steps, doubt_same_strategies,
    doubt_distributions, doubt_certain,
)  # fmt: skip
