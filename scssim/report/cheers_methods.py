"""What the methods of a run were, in sentences for a reader (CHEERS 2022, items 5 to 20)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scssim.analysis.service import is_limited
from scssim.report.look import number
from scssim.report.stress_tables import steps
from scssim.report.stress_words import capital, codes, listed, plain, several, share
from scssim.report.study import Study, enumerated, series, spelt, text
from scssim.scenario.quantity import Cost
from scssim.scenario.schema import MECHANISMS, Continuous, TherapyCosts, UtilityLinear
from scssim.scenario.walk import used, walk

MEASURED = {
    "age": ("age", " years"), "back_vas": ("back pain", " of 10"), "leg_vas": ("leg pain", " of 10"),
    "odi": ("Oswestry Disability Index", " of 100"), "opioid_mme": ("opioid dose", " MME a day"),
    "pain_years": ("time in pain", " years"),
}  # fmt: skip
"""Attributes of patients, and units of their means."""

CHARGED = {
    "referral": "referrals", "trial": "screening trials", "procedure": "procedures", "implant": "implant operations",
    "device": "devices", "pulse_generator": "new generators", "replacement": "replacement operations",
    "revision": "revisions", "explant": "explants", "per_year": "yearly care under a therapy",
}  # fmt: skip
"""Cost items of therapies in words."""

RELIEF = re.compile(r"therapies\.\w+\.relief\.")
"""Paths of numbers about relief."""

ASSUMED = "assumption"
"""Source of numbers that have none."""


def population(study: Study) -> str:
    """Who was simulated (item 5)."""
    spec, bound = study.scenario.population, study.facts.bound.population
    size = f"{study.patients} were simulated under {'each strategy' if study.compares else study.names}."
    if spec.file is not None:
        source = f"Patients come from the table {Path(spec.file).name}, one row each; what it lacks is sampled."
        return text(capital(size), source)
    means = [f"{label} {_spread(getattr(spec, key), unit)}" for key, (label, unit) in MEASURED.items()]
    binary = {
        "are women": bound.female,
        "have depression": bound.depression,
        "have had spine surgery": bound.prior_surgery,
    }
    mechanism = listed(f"{m} in {share(getattr(bound.mechanism, m))}" for m in MECHANISMS)
    more = [name.replace("_", " ") for name in spec.covariates]
    return text(
        capital(size),
        f"At entry patients have, on average (SD between patients): {enumerated(means)}.",
        f"{capital(listed(f'{share(value)} {what}' for what, value in binary.items()))}.",
        f"The pain is {mechanism}.",
        f"Further attributes are {listed(more)}." if more else "",
    )


def setting(study: Study) -> str:
    """Where, and under which limits of capacity (item 6)."""
    told = study.scenario.reporting.setting
    result = study.result
    if result.service is None or not is_limited(study.scenario):
        return sentence(told)
    resources = [study.facts.resource(name) for name in result.service["resources"]]
    return text(
        sentence(told),
        f"Care is a service with limited resources ({listed(resources)}), observed over "
        f"{several(result.service['years'], 'year')}; patients wait for them.",
    )


def comparators(study: Study) -> str:
    """Strategies and their steps (item 7)."""
    ways = [f"{label}: {way}" for label, way in steps(study.facts)]
    return text(
        "Each strategy is a series of steps.",
        *(f"{way}." for way in ways),
        f"Differences are from {study.reference}." if study.compares else "",
    )


def perspective(study: Study) -> str:
    """Whose costs count (item 8)."""
    counted = {
        "healthcare": "Costs that patients or society bear do not count.",
        "societal": "Costs of health care, of patients and of society count.",
    }
    return f"The perspective is {_perspective(study)}. {counted[study.settings.perspective]}"


def horizon(study: Study) -> str:
    """How long patients are followed (item 9)."""
    events = study.result.events
    alive = sorted(map(float, events[events["event"] == "horizon"]["per_patient"])) if len(events) else []
    left = f"At its end {_span(alive[0], alive[-1])} of patients are alive." if alive else ""
    start = "the referral of each patient" if study.result.service is not None else "entry"
    return text(f"Costs and outcomes are counted over {study.horizon} from {start}.", left)


def discounting(study: Study) -> str:
    """Discount rates (item 10)."""
    return f"Present values discount {study.discounting}. Undiscounted results are in the table of outcomes."


def outcomes(study: Study) -> str:
    """Measures of benefit and harm (item 11)."""
    events = study.result.events
    harms = {
        plain(one.label or key.replace("_", " ")).lower()
        for therapy in study.facts.therapies.values() for key, one in therapy.complications.items()
    }  # fmt: skip
    levels = study.settings.willingness_to_pay
    return text(
        "The measure of benefit is the quality-adjusted life year (QALY); life years are reported beside it.",
        f"Net monetary benefit values a QALY at {listed(map(study.money, levels), 'or')}." if levels else "",
        "Clinical outcomes are back and leg pain, responders, disability and opioid dose."
        if len(study.result.visits) else "",
        f"Harms are operations and complications ({series(sorted(harms))})." if harms and len(events) else "",
    )  # fmt: skip


def measurement(study: Study) -> str:
    """How outcomes were measured (item 12)."""
    spec, bound = study.scenario.measurement, study.facts.bound.utilities
    months = study.settings.visit_months
    noise = spec.pain_person_sd or spec.pain_visit_sd
    return text(
        "Relief of pain is a fraction of the pain at entry. It begins, wanes and is lost at times of its own in every "
        "patient, and QALYs are the exact area under the utility of each patient over time.",
        f"Disability falls by {share(bound.odi_slope)} of the mean relief"
        + (f" and opioid dose by {share(bound.opioid_slope)} of it." if bound.opioid_slope else "."),
        f"Visits record patients at month {listed(f'{month:g}' for month in months)}." if months else "",
        f"Recorded pain has noise: SD {spec.pain_person_sd:g} points between persons and {spec.pain_visit_sd:g} "
        "between visits." if months and noise else "",
        _sources(study, "Relief rests on", RELIEF.match),
    )  # fmt: skip


def valuation(study: Study) -> str:
    """How health was valued (item 13)."""
    utilities, settings = study.scenario.utilities, study.settings
    base = settings.utility or next(iter(utilities.sources))
    one = utilities.sources[base]
    how = (
        "a linear mapping from disability and pain"
        if isinstance(one, UtilityLinear)
        else "a value for each category of relief"
    )
    others = [
        f"{plain(other.label or key)} ({other.instrument}, {other.country})"
        for key, other in utilities.sources.items() if key != base
    ]  # fmt: skip
    lost = [
        key.replace("_", " ") for key in type(utilities.decrements).model_fields if getattr(utilities.decrements, key)
    ]
    norm = utilities.norms is not None and settings.norm_adjust
    return text(
        f"Utility is {one.instrument} by {plain(one.label or base)}{f' ({one.source})' if one.source else ''}: {how}.",
        f"Its value set ({one.country}) is {plain(one.tariff)}.",
        f"QALYs by {listed(others)} are reported beside it." if others else "",
        f"Utility falls with age as the norms {utilities.norms} do." if norm else "",
        f"Utility is lost for {listed(lost)}." if lost else "",
    )


def costing(study: Study) -> str:
    """How resources were valued (item 14)."""
    costs = study.scenario.costs
    charged: dict[str, str] = {}
    for therapy in study.facts.therapies.values():
        charged |= {key: CHARGED[key] for key in TherapyCosts.model_fields if getattr(therapy.costs, key) is not None}
    complications = any(
        one.cost for therapy in study.facts.therapies.values() for one in therapy.complications.values()
    )
    items = [word for key, word in CHARGED.items() if key in charged] + ["treatment of complications"] * complications
    relief = [plain(one.label or key.replace("_", " ")) for key, one in costs.by_relief.items()]
    without = [plain(one.label or key.replace("_", " ")) for key, one in costs.background.items()]
    return text(
        "Resources are counted in every patient as they are used and multiplied by unit costs.",
        f"Therapies cost {listed(items)}." if items else "",
        f"Yearly costs depend on relief for {listed(relief)}." if relief else "",
        f"Costs while no therapy is in effect are {listed(without)}." if without else "",
        _sources(study, "Unit costs rest on", {path for path, _ in _prices(study)}.__contains__),
    )


def prices(study: Study) -> str:
    """Currency, price year and conversion (item 15)."""
    settings, found = study.settings, [cost for _, cost in _prices(study)]
    converted = [cost.original for cost in found if cost.original is not None]
    printed = Counter(f"{one.currency} of {one.price_year}" for one in converted)
    exchanged = sum(one.exchange != 1 for one in converted)
    how = f"with a price index{f' and, for {exchanged}, an exchange rate' if exchanged else ''}"
    return text(
        f"Costs are in {settings.currency} at prices of {settings.price_year}.",
        f"{len(converted)} of {several(len(found), 'unit cost')} were printed at other prices "
        f"({listed(f'{count} in {price}' for price, count in printed.items())}) and carried to these {how}; the "
        "printed amounts and factors are in the scenario."
        if converted else "Unit costs are used as the scenario states them.",
    )  # fmt: skip


def model(study: Study) -> str:
    """The model, and why there is one (item 16)."""
    engine = "Capacity is not limited: nobody waits for another patient."
    if study.result.service is not None:
        queues = is_limited(study.scenario)
        engine = f"Events are discrete{'; patients queue for limited resources' if queues else ', without queues'}."
    mortal = study.scenario.population.mortality.life_table is not None
    return text(
        f"The model is scssim {study.result.version}, an open-source simulation (MIT licence) of spinal cord "
        "stimulation and care around it.",
        "A patient takes the steps of a strategy in order; each step is an episode of a therapy with its wait, trial, "
        "effect, complications and end, up to "
        f"{'death or the end of follow-up' if mortal else 'the end of follow-up'}.",
        "Single patients are simulated because what comes next depends on what has happened to each: earlier "
        "therapies, response, complications, the age of the device.",
        engine,
    )


def analytics(study: Study) -> str:
    """Methods of analysis, extrapolation and validation (item 17)."""
    result, asked = study.result, study.scenario.analyses.extrapolation
    joint = len(study.scenario.joint) if result.draws else 0
    judged = [bool(agrees) for agrees in result.targets["agrees"].dropna()] if len(result.targets) else []
    after = len(study.others(result.extrapolation))
    return text(
        "Time is continuous: events, costs and QALYs fall where they occur, without cycles.",
        "The same patients with the same luck take every strategy, so that differences are not those between samples."
        if study.compares else "",
        f"Numbers that were estimated together are drawn together ({several(joint, 'group')})." if joint else "",
        "Noise between simulated patients is taken out of the uncertainty about numbers." if len(result.noise) else "",
        "What happens after the data follows the hazards of the scenario.",
        f"Results rest on data up to year {asked.data_until_years:g}; other assumptions about the time after: {after}."
        if asked is not None and after else "",
        f"Of {several(len(judged), 'published result')} the simulation meets {sum(judged)} within the tolerance."
        if judged else "",
    )  # fmt: skip


def heterogeneity(study: Study) -> str:
    """How results differ between patients (item 18)."""
    on = {key for therapy in study.facts.therapies.values() for key in therapy.relief.modifiers}
    asked = study.scenario.analyses.subgroups
    groups = [
        f"{one.label} (`{plain(asked[name].condition)}`)" if name in asked else one.label
        for name, one in study.others(study.result.subgroups).items()
    ]
    return text(
        f"The odds of responding to a therapy depend on {codes(sorted(on))}." if on else "",
        f"Results were estimated apart for {several(len(groups), 'subgroup')}: {enumerated(groups)}."
        if groups else "Results were not estimated apart for any subgroup.",
    )  # fmt: skip


def uncertainty(study: Study) -> str:
    """How uncertainty was explored (item 20)."""
    result = study.result
    alone, grids, ways = len(result.dsa) // 2, _named(result.two_way), _named(result.thresholds)
    families = spelt(result.inputs[result.inputs["low"].notna()]["distribution"]) if len(result.inputs) else ""
    return text(
        f"All uncertain numbers were drawn from their distributions at once, {number(result.draws or 0)} times"
        f"{f' ({families})' if families else ''}." if result.draws else
        "No draws of uncertain numbers were made: every number is the mean of its distribution.",
        f"One at a time, {several(alone, 'number')} took both ends of the range." if alone else "",
        f"Two numbers were varied at once in {several(grids, 'grid')}." if grids else "",
        f"The value at which the decision changes was looked for in {several(ways, 'number')}." if ways else "",
        _cases(study, "variants", "Other assumptions were tried in"),
        _cases(study, "extrapolation", "What happens after the data was varied in"),
        f"The capacity of {study.facts.resource(str(result.capacity['resource'].iloc[0]))} was varied."
        if len(result.capacity) else "",
        "The value of perfect information was estimated." if len(result.evpi) else "",
        f"So was that of {several(result.evppi['group'].nunique(), 'group')} of numbers." if len(result.evppi) else "",
        "Monte Carlo standard errors say how much is luck of the simulation.",
    )  # fmt: skip


# -------------------------------------------------------------------------- parts


def sentence(told: str | None) -> str:
    """What the scenario says, on one line; empty if it says nothing."""
    return plain(told or "")


def _perspective(study: Study) -> str:
    return {"healthcare": "that of the health service", "societal": "societal"}[study.settings.perspective]


def _spread(spec: Continuous, unit: str) -> str:
    if spec.distribution == "uniform":
        return f"{number(((spec.min or 0) + (spec.max or 0)) / 2)}{unit} (from {spec.min:g} to {spec.max:g})"
    spread = "the same in all" if spec.distribution == "fixed" else f"{spec.sd:g}"
    zero = f"; among the {share(1 - spec.zero)} above 0" if spec.zero else ""
    return f"{spec.mean:g}{unit} ({spread}{zero})"


def _span(low: float, high: float) -> str:
    """One share, or the range of several."""
    return share(low) if share(low) == share(high) else f"{share(low)} to {share(high)}"


def _prices(study: Study) -> list[tuple[str, Cost]]:
    """Unit costs that the scenario states, by path."""
    found = [(path, one) for path, one in walk(used(study.scenario)) if isinstance(one, Cost)]
    return [(path, one) for path, one in found if one.ref is None]


def _sources(study: Study, what: str, belongs: Callable[[str], object]) -> str:
    """Which sources some inputs rest on, chosen by their paths."""
    inputs = study.result.inputs
    if inputs.empty:
        return ""
    keys = {str(one) for path, one in zip(inputs["path"], inputs["source"], strict=True) if one and belongs(path)}
    sources = sorted(keys - {ASSUMED}) + ["assumptions"] * (ASSUMED in keys)
    return f"{what} {listed(sources)}." if sources else ""


def _named(table: pd.DataFrame) -> int:
    """How many analyses a table is of."""
    return int(table["name"].nunique()) if len(table) else 0


def _cases(study: Study, kind: str, what: str) -> str:
    labels = [one.label for one in study.others(getattr(study.result, kind)).values()]
    return f"{what} {several(len(labels), 'case')}: {enumerated(labels)}." if labels else ""
