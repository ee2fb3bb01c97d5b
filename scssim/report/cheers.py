"""The 28 items of CHEERS 2022 [1]_, filled in from a run and its scenario.

References
----------
.. [1] Husereau D, Drummond M, Augustovski F, et al. Consolidated Health Economic Evaluation Reporting Standards 2022
   (CHEERS 2022) statement: updated reporting guidance for health economic evaluations. BMJ 2022;376:e067975.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scssim.report import cheers_methods as methods
from scssim.report import cheers_results as results
from scssim.report.stress_words import listed, several
from scssim.report.study import Study, series, text
from scssim.result import Result


@dataclass(frozen=True)
class Item:
    """One item of the checklist.

    Attributes
    ----------
    number
        1 to 28.
    section, topic
        As the checklist calls them.
    text
        What is reported, in sentences; names and conditions of the scenario stand in backticks, as in its own texts.
        Empty: nothing is reported.
    where
        Id of the section of the page that has more; empty if none has.
    """

    number: int
    section: str
    topic: str
    text: str
    where: str


def cheers(result: Result) -> list[Item]:
    """The checklist, filled in with what a run did and found.

    Parameters
    ----------
    result
        What `scssim.run` returned.

    Returns
    -------
    list of Item
        All 28 items in order. What no model can know is what the scenario says under `reporting`.
    """
    study = Study(result)
    found = []
    for number, (section, topic, words, places) in enumerate(ITEMS, start=1):
        told = words(study)
        where = next((place for place, table in places.items() if table is None or len(getattr(result, table))), "")
        found.append(Item(number, section, topic, told, where if told else ""))
    return found


def title(study: Study) -> str:
    """What kind of study this is, and of what (item 1)."""
    name, authors = study.scenario.title, methods.sentence(study.scenario.reporting.authors)
    kind = f"an economic evaluation (cost-utility analysis) by simulation of {study.names}"
    if not study.compares:
        kind = f"a simulation of the costs and outcomes of {study.names}, compared with nothing"
    return text(f"{methods.sentence(name).rstrip('.')}: {kind}.", f"Authors: {authors}" if authors else "")


def abstract(study: Study) -> str:
    """A structured summary (item 2)."""
    settings, result = study.settings, study.result
    context = methods.sentence(study.scenario.reporting.background or study.scenario.description)
    tried = [
        f"{several(number, word)}{rest}"
        for number, word, rest in (
            (len(study.others(result.variants)), "variant", ""),
            (len(study.others(result.subgroups)), "subgroup", ""),
            (len(study.others(result.extrapolation)), "assumption", " about the time after the data"),
            (len(result.dsa) // 2, "number", " one at a time"),
        )
        if number
    ]
    first = settings.willingness_to_pay[:1]
    return text(
        f"Context: {context}" if context else "",
        f"Methods: patients ({study.patients}) were simulated over {study.horizon} under {study.names}. The "
        f"perspective is {settings.perspective}; present values discount {study.discounting}; costs are in "
        f"{settings.currency} at prices of {settings.price_year}.",
        f"Results: {results.means(study)}",
        *(results.drawn(study)[:1] or [results.best(study, wtp) for wtp in first]),
        f"Alternative analyses: {listed(tried)}." if tried else "",
        results.dominance(study),
        *(results.cases(study, kind) for kind in results.CASES),
    )


def background(study: Study) -> str:
    """Context and question (item 3)."""
    told = [methods.sentence(study.scenario.reporting.background), methods.sentence(study.scenario.description)]
    question = f"The question is which of {series(study.labels.values(), 'or')} gives most health for its cost."
    return text(*told, question if study.compares else "") if any(told) else ""


def _told(key: str) -> Callable[[Study], str]:
    """What the scenario says under `reporting`."""
    return lambda study: methods.sentence(getattr(study.scenario.reporting, key))


Places = dict[str, str | None]
"""Sections of the page, each with the table that it needs."""

ITEMS: tuple[tuple[str, str, Callable[[Study], str], Places], ...] = (
    ("Title", "Title", title, {"answer": None}),
    ("Abstract", "Abstract", abstract, {"answer": None}),
    ("Introduction", "Background and objectives", background, {}),
    ("Methods", "Health economic analysis plan", _told("analysis_plan"), {}),
    ("Methods", "Study population", methods.population, {"inputs": "inputs"}),
    ("Methods", "Setting and location", methods.setting, {"capacity": "waits"}),
    ("Methods", "Comparators", methods.comparators, {"strategies": None}),
    ("Methods", "Perspective", methods.perspective, {"costs": "costs"}),
    ("Methods", "Time horizon", methods.horizon, {"extrapolation": "extrapolation", "methods": None}),
    ("Methods", "Discount rate", methods.discounting, {"methods": None}),
    ("Methods", "Selection of outcomes", methods.outcomes, {"trajectories": "visits", "methods": None}),
    ("Methods", "Measurement of outcomes", methods.measurement, {"methods": None}),
    ("Methods", "Valuation of outcomes", methods.valuation, {"methods": None}),
    ("Methods", "Measurement and valuation of resources and costs", methods.costing, {"costs": "costs"}),
    ("Methods", "Currency, price date, and conversion", methods.prices, {"inputs": "inputs"}),
    ("Methods", "Rationale and description of model", methods.model, {"methods": None}),
    ("Methods", "Analytics and assumptions", methods.analytics, {"methods": None}),
    ("Methods", "Characterising heterogeneity", methods.heterogeneity, {"variants": "subgroups"}),
    ("Methods", "Characterising distributional effects", _told("distributional"), {}),
    ("Methods", "Characterising uncertainty", methods.uncertainty, {"uncertainty": "ceac", "drivers": "dsa"}),
    ("Methods", "Approach to engagement with patients and others affected by the study", _told("engagement"), {}),
    ("Results", "Study parameters", results.parameters, {"inputs": "inputs"}),
    ("Results", "Summary of main results", results.main, {"strategies": None}),
    ("Results", "Effect of uncertainty", results.effect_of_uncertainty, {"uncertainty": "ceac", "drivers": "dsa"}),
    ("Results", "Effect of engagement with patients and others affected by the study", _told("engagement_effect"), {}),
    ("Discussion", "Study findings, limitations, generalisability, and current knowledge", _told("findings"), {}),
    ("Other relevant information", "Source of funding", _told("funding"), {}),
    ("Other relevant information", "Conflicts of interest", _told("conflicts"), {}),
)  # fmt: skip
"""Section, topic, what says it, and where the page has more (the first section that is there)."""
