"""How the numbers of a run came about, in words that hold for its scenario."""

from __future__ import annotations

from collections.abc import Iterator

from scssim.report.html.parts import strong
from scssim.report.stress_facts import Facts
from scssim.report.stress_words import listed, several
from scssim.report.study import Study
from scssim.report.terminal import number
from scssim.result import Result


def methods(result: Result) -> list[str]:
    """Paragraphs (`parts.spans`)."""
    facts = Facts(result.scenario)
    parts = (_patients, _course, _effects, _worth, _engine, _uncertainty)
    return [" ".join(part(result, facts)) for part in parts]


def _patients(result: Result, _: Facts) -> Iterator[str]:
    population = result.scenario.population
    yield (
        strong("Patients.")
        + " Every patient is simulated one by one, and is the same person under every strategy, with the"
    )
    yield "same luck wherever strategies do the same (common random numbers)."
    if population.file is not None:
        yield "Patients are the rows of a table, again and again."
    else:
        yield "Age, sex, pain, disability, opioid dose, pain mechanism and further attributes are drawn from their"
        yield "distributions, with the stated correlations (Gaussian copula)."
    table = population.mortality.life_table
    yield "Nobody dies." if table is None else "The time of death comes from a life table by age and sex."


def _course(result: Result, facts: Facts) -> Iterator[str]:
    yield strong("Course.") + " A strategy is a list of steps. A therapy is decided on, waited for,"
    yield "tried out" + (" (screening trial)" if facts.has("trial") else "") + ", works after its onset, and ends by"
    ends = ["death", "the horizon"]
    ends += ["a failed trial"] if facts.has("trial") else []
    ends += ["a review that it does not pass"] if facts.has("review") or facts.has("assess") else []
    ends += ["loss of effect"] if facts.has("loss_of_effect") else []
    ends += ["a complication (explant)"] if facts.may("explant") else []
    ends += ["its maximum duration"] if facts.has("max_duration") else []
    yield listed(ends, "or") + "; then the next step is looked at. Events happen in continuous time: there is no cycle."
    if facts.has("device"):
        yield "Devices run down and are replaced."


def _effects(result: Result, _: Facts) -> Iterator[str]:
    rule = result.scenario.measurement
    yield strong("Effects.") + " Each patient has one relief per site and therapy, from a mixture of responders and"
    yield "non-responders with the stated means, SDs and shares; therapies of one response group share a part of the"
    yield f"patient's luck. A responder has at least {100 * rule.responder_relief:g} % relief of the recorded baseline,"
    yield f"a remitter a VAS of {rule.remitter_vas:g} or less. Visits record pain with measurement noise, as a trial"
    yield "would."


def _worth(result: Result, facts: Facts) -> Iterator[str]:
    scenario, settings, study = result.scenario, result.scenario.settings, Study(result)
    rate = settings.discount_rate
    yield strong("Worth.") + " QALYs and costs are integrals over each patient's history, discounted continuously at"
    yield f"{100 * rate.effects:g} % (effects) and {100 * rate.costs:g} % (costs) a year over {study.horizon}."
    sources = scenario.utilities.sources
    base = settings.utility or next(iter(sources))
    labels = {key: one.label or key for key, one in sources.items()}
    others = [label for key, label in labels.items() if key != base]
    beside = f"; beside it stand {listed(others)}" if others else ""
    instrument = f"{sources[base].instrument}, {sources[base].tariff}"
    yield f"The base case values health by {labels[base]} ({instrument}){beside}."
    yield f"Costs are in {settings.currency} at {settings.price_year} prices, {settings.perspective} perspective."


def _engine(result: Result, _: Facts) -> Iterator[str]:
    if result.service is None:
        yield strong("Engine.") + " The cohort engine plays all patients at once; nobody queues."
    else:
        yield (
            strong("Engine.")
            + " A discrete-event engine plays patients one by one and lets them queue for limited resources;"
        )
        yield f"{several(result.service['replications'], 'replication')} of {result.service['years']:g} years after"
        yield f"{result.service['warm_up_years']:g} years of warm-up. The STRESS-DES page below says more."


def _uncertainty(result: Result, _: Facts) -> Iterator[str]:
    yield strong("Uncertainty.") + " "
    if result.draws:
        yield f"{number(result.draws)} draws of all uncertain inputs at once, each with {number(result.patients)}"
        yield "patients."
        if not result.noise.empty:
            yield "The noise between simulated patients is taken away from probabilities and values of information."
    else:
        yield f"{number(result.patients)} patients with inputs at their means; intervals are Monte Carlo error."
    if not result.dsa.empty:
        yield f"One-way analyses move each of {result.dsa['parameter'].nunique()} inputs to the ends of its interval."
