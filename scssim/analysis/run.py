"""Doing what the `analyses` of a scenario ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from scssim.analysis import budget, cases, sensitivity
from scssim.analysis.capacity import capacity
from scssim.analysis.decision import decide
from scssim.analysis.evaluate import Evaluator
from scssim.analysis.service import is_limited
from scssim.engine.job import Job
from scssim.engine.members import members
from scssim.engine.simulator import Simulator
from scssim.engine.totals import Totals
from scssim.errors import Problem, ScenarioError, ScssimError
from scssim.model.parameters import Draws, bind
from scssim.model.patients import Population
from scssim.prepare import make_job
from scssim.scenario.analyses import BASE, CONTINUE, Extrapolation, Sensitivity
from scssim.scenario.load import LoadedScenario

UNCUT = (
    "with queues a shorter follow-up of each patient is another service, not a part of this one; give --engine cohort"
)
"""Why some analyses are not of a service."""

ENOUGH = 5000
"""Most patients of a sensitivity analysis that does not say how many."""


FEW = 32
"""Members of a subgroup that are looked for before a run: a subgroup in which they are hard to find is refused."""


@dataclass(frozen=True)
class Run:
    """A simulation and the scenario that it is of."""

    loaded: LoadedScenario
    job: Job
    totals: Totals


@dataclass
class Findings:
    """What the analyses of a run found.

    Attributes
    ----------
    tables
        By name.
    warnings
        What deserves a second look.
    runs
        Variants and subgroups, by ``variants.NAME`` and ``subgroups.NAME``.
    assumed_share
        See `sensitivity.assumed_share`; None without a one-way analysis.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    assumed_share: float | None = None


def analyse(base: Run, parameters: pd.DataFrame, simulator: Simulator) -> Findings:
    """Do every analysis that the scenario of a run asks for.

    Parameters
    ----------
    base
        The run itself.
    parameters
        Values of its uncertain parameters, one row per draw.
    simulator
        What simulates whatever else is needed.
    """
    job, analyses = base.job, base.job.scenario.analyses
    found = Findings()
    tables = found.tables
    if job.draws and len(parameters.columns) < 2:  # the number of the draw alone
        found.warnings.append("no number of the scenario is uncertain: draws differ by the luck of patients only")
    elif job.draws:
        decided, warnings = decide(job, base.totals, parameters)
        tables |= decided
        found.warnings += warnings
    elif analyses.evppi:
        found.warnings.append("analyses.evppi needs draws: give --draws, or analyses.psa in the scenario")
    if job.sobol:
        text = "draws come from a Sobol sequence: a parameter more or less changes the draws of all others"
        if job.draws & (job.draws - 1):
            text += f"; {job.draws} draws are not a power of two, for which it is made"
        found.warnings.append(text)

    def evaluator(asked: Sensitivity) -> Evaluator:
        patients = asked.patients or min(ENOUGH, _patients(job))
        return Evaluator(replace(job, draws=0, patients=patients, sobol=False), simulator)

    if analyses.dsa is not None:
        tables["dsa"] = sensitivity.one_way(evaluator(analyses.dsa), analyses.dsa)
        found.assumed_share = sensitivity.assumed_share(tables["dsa"])
    if analyses.two_way:
        grids = [sensitivity.two_way(evaluator(one), name, one) for name, one in analyses.two_way.items()]
        tables["two_way"] = pd.concat(grids, ignore_index=True)
    if analyses.thresholds:
        parts = [sensitivity.thresholds(evaluator(one), name, one) for name, one in analyses.thresholds.items()]
        tables["thresholds"] = pd.concat(parts, ignore_index=True)
    cut = job.engine == "des" and is_limited(job.scenario)
    if analyses.extrapolation is not None and cut:
        found.warnings.append(f"analyses.extrapolation is left out: {UNCUT}")
    _cases(base, found, simulator, None if cut else analyses.extrapolation)
    if analyses.capacity is not None:
        if job.engine == "des":
            tables["capacity"] = capacity(_at_means(job), analyses.capacity, simulator.service)
        else:
            found.warnings.append("analyses.capacity needs queues: give --engine des")
    if analyses.budget is not None and cut:
        found.warnings.append(f"analyses.budget is left out: {UNCUT}")
    elif analyses.budget is not None:
        plain = replace(job, draws=0, patients=_patients(job), sobol=False)
        tables["budget"] = budget.budget(plain, analyses.budget, simulator)
    return found


def _at_means(job: Job) -> Job:
    """A service without draws, in as many replications as the scenario says (at least)."""
    if not job.draws:
        return job
    asked = job.scenario.service.replications
    return replace(job, draws=0, sobol=False, replications=asked.number or asked.least)


def probe(loaded: LoadedScenario, job: Job) -> None:
    """Find out, before anything is simulated, whether the subgroups have members.

    Raises
    ------
    ScenarioError
        If one has none.
    """
    subgroups = job.scenario.analyses.subgroups
    if subgroups and job.engine == "des":
        what = "subgroups are analysed on the cohort engine: a service has all patients in it"
        allowed = "--engine cohort, or --set analyses.subgroups=null"
        raise ScenarioError(Problem(loaded.where(("analyses", "subgroups")), "analyses.subgroups", what, allowed))
    if not subgroups:
        return  # binding the population takes as long as simulating some thousand patients
    one = replace(job, patients=FEW, draws=0, sobol=False)
    draws = Draws(0, 0, {})
    population = Population(bind(job.scenario, draws).population, None, job.table)
    for name, spec in subgroups.items():
        try:
            members(cases.subgroup(one, spec.condition), population, draws)
        except ScssimError as error:
            place = ("analyses", "subgroups", name)
            raise ScenarioError(Problem(loaded.where(place), ".".join(place), str(error))) from None


def _patients(job: Job) -> int:
    """Patients of a deterministic analysis beside a run: as many, or with draws as many as the scenario says."""
    return min(job.scenario.settings.patients, job.patients * job.draws) if job.draws else job.patients


def _cases(base: Run, found: Findings, simulator: Simulator, extrapolation: Extrapolation | None) -> None:
    """Variants, subgroups and the extrapolation."""
    job, analyses = base.job, base.job.scenario.analyses
    if not (analyses.variants or analyses.subgroups or extrapolation):
        return
    draws, own = analyses.cases.draws, analyses.cases.patients
    patients = own or (job.patients if draws else _patients(job))
    # A variant with one uncertain number more or less would have other Sobol points, and no pairs with the base case.
    plain = replace(job, draws=draws, patients=patients, sobol=False)
    same = (plain.draws, plain.patients, plain.sobol) == (job.draws, job.patients, job.sobol)
    settings = job.scenario.settings
    wtp = settings.willingness_to_pay[0] if settings.willingness_to_pay else 0.0

    def case(name: str, label: str, note: str, one: Job, totals: Totals | None = None) -> cases.Case:
        early = None
        if extrapolation is not None:
            early = cases.observed(one, extrapolation.data_until_years, simulator)
        if totals is None:
            totals = simulator(replace(one, visits=None))
        return cases.Case(name, label, note, totals, early)

    def variant(name: str) -> Job:
        loaded = base.loaded.cases[name]
        one = make_job(loaded, patients=patients, draws=draws, seed=job.seed, engine=job.engine)
        one = replace(one, replications=job.replications, until_precise=None, limited=job.limited)
        return cases.variant(one, job)

    def full(place: str, loaded: LoadedScenario, one: Job) -> Totals:
        """A run of its own, of which everything is kept."""
        totals = simulator(one)
        found.runs[place] = Run(loaded, one, totals)
        return totals

    first = case(BASE, "Base case", "", plain, base.totals if same else None)
    rows = [first]
    for name, spec in analyses.variants.items():
        place = f"variants.{name}"
        if place in base.loaded.cases:  # else inherited, and does not fit
            one = variant(place)
            totals = full(place, base.loaded.cases[place], one)
            rows.append(case(name, spec.label or name, spec.note or "", one, totals))
    if analyses.variants:
        found.tables["variants"] = cases.compare(rows, wtp)
    rows = [first]
    for name, group in analyses.subgroups.items():
        one = cases.subgroup(plain, group.condition)
        rows.append(case(name, group.label or name, "", one, full(f"subgroups.{name}", base.loaded, one)))
    if analyses.subgroups:
        found.tables["subgroups"] = cases.compare(rows, wtp)
    if extrapolation is not None:
        rows = [replace(first, name=CONTINUE, label="Hazards continue (base case)")]
        rows += [
            case(name, spec.label or name, spec.note or "", variant(f"extrapolation.{name}"))
            for name, spec in extrapolation.cases.items()
            if f"extrapolation.{name}" in base.loaded.cases
        ]
        level = wtp if extrapolation.threshold is None else extrapolation.threshold
        found.tables["extrapolation"] = cases.compare(rows, level, extrapolation.reference)
