"""Everything that a simulation needs, read from a scenario and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scssim import library
from scssim.engine.job import ENGINES, Job
from scssim.errors import ScenarioError, ScssimError
from scssim.model.visits import Visits
from scssim.scenario.common import MOST_DRAWS
from scssim.scenario.load import LoadedScenario
from scssim.scenario.patient_file import read_patients
from scssim.scenario.schema import MECHANISMS, Scenario
from scssim.scenario.walk import used


def make_job(
    loaded: LoadedScenario,
    *,
    patients: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    engine: str = "cohort",
) -> Job:
    """Everything a simulation needs, read from the scenario and its files."""
    if engine not in ENGINES:
        raise ScssimError(f"engine {engine!r} is unknown; allowed: {' or '.join(ENGINES)}")
    scenario: Scenario = used(loaded.scenario)
    settings, psa, service = scenario.settings, scenario.analyses.psa, scenario.service
    if draws is None:
        draws = psa.draws if psa is not None else 0
    limited = patients is not None or service.arrivals is None or service.years is None
    if patients is None:
        patients = psa.patients if draws and psa is not None and psa.patients else settings.patients
    # Those of NumPy are whole numbers too, and do not go everywhere.
    patients, draws = (int(n) if isinstance(n, np.integer) else n for n in (patients, draws))
    if patients < 1:
        raise ScssimError(f"patients: {patients} is not possible; give 1 or more")
    if draws < 0 or draws == 1 or draws > MOST_DRAWS:
        allowed = f"give 2 to {MOST_DRAWS:,}, or 0 for distribution means"
        raise ScssimError(f"draws: {draws} is not possible; {allowed}")
    asked = service.replications
    most, rule = (asked.most, asked) if asked.number is None else (asked.number, None)
    seed = settings.seed if seed is None else seed
    seed = int(seed) if isinstance(seed, np.integer) else seed
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
        sobol=bool(draws) and psa is not None and psa.sampling == "sobol",
        engine=engine,
        replications=1 if engine == "cohort" else most,
        until_precise=None if engine == "cohort" else rule,
        limited=limited,
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
