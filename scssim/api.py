"""The public calls: `load` a scenario, `run` it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scssim import library
from scssim.engine.block import Job
from scssim.engine.run import simulate
from scssim.errors import Problem, ScenarioError, ScssimError
from scssim.model.parameters import Draws, bind, used
from scssim.model.therapy import u_shaped
from scssim.model.visits import Visits
from scssim.report import tables
from scssim.report.guards import check
from scssim.result import Result
from scssim.scenario.load import LoadedScenario
from scssim.scenario.load import load as load_scenario
from scssim.scenario.patient_file import read_patients
from scssim.scenario.schema import MECHANISMS, Scenario

Progress = Callable[[int, int], None]


def load(source: str | Path, overrides: Mapping[str, Any] | Sequence[str] | None = None) -> LoadedScenario:
    """Load and check a scenario.

    Parameters
    ----------
    source
        A file, or the name of a shipped scenario.
    overrides
        ``{"settings.horizon_years": 5}`` or ``["settings.horizon_years=5"]``.

    Raises
    ------
    ScenarioError
        With every problem found.
    """
    loaded = load_scenario(source, overrides)
    for path in u_shaped(bind(loaded.scenario, Draws(0, 0, {}))):
        what = "this mean and SD give a U-shaped distribution of relief: most patients at its two ends"
        where = loaded.where(tuple(path.split(".")))
        loaded.warnings.append(Problem(where, path, what, "a smaller SD"))
    return loaded


def run(
    scenario: LoadedScenario | str | Path,
    *,
    patients: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    engine: str = "cohort",
    out: str | Path | None = None,
    progress: bool | Progress = False,
) -> Result:
    """Run a scenario.

    Parameters
    ----------
    scenario
        A loaded scenario, a file, or the name of a shipped scenario.
    patients
        Patients (per draw, with draws); by default the scenario's.
    draws
        Parameter draws; 0 for distribution means; by default what ``analyses.psa`` says, else 0.
    seed
        Seed; by default the scenario's.
    workers
        Processes. The number does not change the results.
    engine
        ``cohort``.
    out
        Directory for tables, figures, ``results.json`` and ``manifest.json``; None writes nothing.
    progress
        A function of (blocks done, blocks in all), or whether to show a progress bar.

    Returns
    -------
    Result

    Raises
    ------
    ScssimError
        For a value that is not possible.
    """
    loaded = scenario if isinstance(scenario, LoadedScenario) else load(scenario)
    job = make_job(loaded, patients=patients, draws=draws, seed=seed)
    if engine != "cohort":
        what = "the discrete-event engine is not part of this version" if engine == "des" else "unknown engine"
        raise ScssimError(f"engine {engine!r}: {what}; use --engine cohort")
    if workers < 1:
        raise ScssimError(f"workers: {workers} is not possible; give 1 or more")
    if out is not None:
        from scssim.report.write import prepared, write

        with prepared(Path(out)):
            result = _run(loaded, job, engine, workers, progress)
            write(result, Path(out), command="scssim.run")
        return result
    return _run(loaded, job, engine, workers, progress)


def _run(loaded: LoadedScenario, job: Job, engine: str, workers: int, progress: bool | Progress) -> Result:
    begun = time.perf_counter()
    if progress is True:
        from scssim.report.progress import bar

        with bar() as show:
            totals, counts = simulate(job, workers, progress=show)
    else:
        totals, counts = simulate(job, workers, progress=progress or None)
    visits = tables.visits(job, totals, counts)
    result = Result(
        loaded=loaded,
        seed=job.seed,
        patients=job.patients,
        draws=job.draws or None,
        engine=engine,
        seconds=time.perf_counter() - begun,
        warnings=[str(w) for w in loaded.warnings],
        outcomes=tables.outcomes(job, totals),
        increments=tables.increments(job, totals),
        frontier=tables.incremental(job, totals),
        visits=visits,
        occupancy=tables.occupancy(job, totals),
        events=tables.events(job, totals),
        costs=tables.costs(job, totals),
        targets=tables.targets(job, totals, visits),
        psa=tables.psa(job, totals),
        parameters=tables.parameters(job),
    )
    check(result)
    return result


def make_job(
    loaded: LoadedScenario, *, patients: int | None = None, draws: int | None = None, seed: int | None = None
) -> Job:
    """Everything a simulation needs, read from the scenario and its files."""
    scenario: Scenario = used(loaded.scenario)
    settings, psa = scenario.settings, scenario.analyses.psa
    if draws is None:
        draws = psa.draws if psa is not None else 0
    if patients is None:
        patients = psa.patients if draws and psa is not None and psa.patients else settings.patients
    if patients < 1:
        raise ScssimError(f"patients: {patients} is not possible; give 1 or more")
    if draws < 0 or draws == 1:
        raise ScssimError(f"draws: {draws} is not possible; give 2 or more, or 0 for distribution means")
    seed = settings.seed if seed is None else seed
    if seed < 0:
        raise ScssimError(f"seed: {seed} is not possible; give a whole number from 0 up")
    table = None
    if scenario.population.file is not None:
        table = _columns(read_patients(loaded.path.parent / scenario.population.file, scenario))
    months = sorted({*settings.visit_months, *(t.month for t in scenario.targets)})
    horizon = 110.0 if settings.horizon_years == "lifetime" else settings.horizon_years
    months = [m for m in months if m <= 12 * horizon + 1e-9]
    clocks = tuple(
        c for c in ("entry", "activation") if c in {*settings.visit_clocks, *(t.clock for t in scenario.targets)}
    )
    return Job(
        scenario=scenario,
        table=table,
        life_table=_life_table(scenario.population.mortality.life_table, loaded.path.parent),
        norm=None if scenario.utilities.norms is None else _norm(scenario.utilities.norms),
        seed=seed,
        patients=patients,
        draws=draws,
        visits=Visits(clocks, tuple(months)) if months else None,
    )


def _columns(table: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a patient table as the model holds attributes: numbers, and codes of mechanisms."""
    codes = {str(name): i for i, name in enumerate(MECHANISMS)}
    return {
        name: np.array([codes[str(v)] for v in values])
        if name in ("mechanism", "diagnosed")
        else np.asarray(values, dtype=float)
        for name, values in table.items()
    }


def _life_table(name: str | None, folder: Path) -> tuple[Any, dict[str, Any]] | None:
    if name is None:
        return None
    if name in library.names()["life_tables"]:
        table = library.life_table(name)
    else:
        try:
            table = library.read_life_table(folder / name)
        except (ValueError, OSError) as error:
            raise ScenarioError(f"population.mortality.life_table: {error}") from None
    return table.ages.astype(float), {"male": table.qx_male, "female": table.qx_female}


def _norm(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Norms by single year of age from 0, shape (2, ages); ages outside the table take its nearest value."""
    norms = library.norms(name)
    ages = np.arange(0, 112)
    return np.stack([np.interp(ages, norms.ages, norms.male), np.interp(ages, norms.ages, norms.female)])
