"""The public calls: `load` a scenario, `run` it, `read` a result, `diff` two scenarios."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scssim.analysis.run import Run, analyse, probe
from scssim.analysis.service import doubts, is_limited, losses
from scssim.build import build, fingerprint, hashes, unlike
from scssim.checkpoint.numbers import chosen
from scssim.engine.crew import Crew, Hired, Processes, processors
from scssim.engine.des.run import Found, precise
from scssim.engine.digest import digest
from scssim.engine.histories import Keep
from scssim.engine.job import Job
from scssim.engine.precision import Precision
from scssim.engine.run import Watch
from scssim.engine.simulator import Simulator, pieces
from scssim.errors import ScssimError
from scssim.histories import Histories
from scssim.model.face_numbers import face
from scssim.prepare import make_job
from scssim.report import tables
from scssim.report.compare import compare as compare
from scssim.report.guards import check
from scssim.report.history_files import history_files
from scssim.report.log_file import log_file
from scssim.report.read import read_result
from scssim.report.service_tables import described, service_tables
from scssim.result import Result
from scssim.scenario.difference import difference
from scssim.scenario.face import own
from scssim.scenario.inputs import going_in
from scssim.scenario.load import LoadedScenario, load_resolved
from scssim.scenario.load import load as load_scenario
from scssim.scenario.messages import problems
from scssim.scenario.recorded import is_run, recorded

if TYPE_CHECKING:
    from scssim.checkpoint.folder import About, Checkpoint

Progress = Callable[[int, int], None]


def load(
    source: str | Path,
    overrides: Mapping[str, Any] | Sequence[str] | None = None,
    parameters: str | Path | pd.DataFrame | None = None,
    *,
    outside: bool = False,
) -> LoadedScenario:
    """Load and check a scenario.

    Parameters
    ----------
    source
        A file, or the name of a shipped scenario.
    overrides
        ``{"settings.horizon_years": 5}`` or ``["settings.horizon_years=5"]``.
    parameters
        Its table of inputs, edited: a CSV file as ``scssim parameters`` writes it, or a data frame such as
        `Result.inputs`. Rows that say what the scenario says change nothing. Overrides go over it.
    outside
        Whether files that the scenario names (under ``extends``, tables of patients, life tables) may lie outside its
        folder. What is named here, or in overrides, may lie anywhere.

    Raises
    ------
    ScenarioError
        With every problem found.
    """
    loaded = load_scenario(source, overrides, parameters, outside=outside)
    changed = bool(overrides) or parameters is not None
    loaded.warnings.extend(problems(own(face(loaded.scenario), loaded.positions, changed), loaded.positions))
    return loaded


def diff(
    a: str | Path, b: str | Path, parameters: str | Path | pd.DataFrame | None = None, *, outside: bool = False
) -> pd.DataFrame:
    """Tell what differs between two scenarios.

    Parameters
    ----------
    a, b
        Each a file, the name of a shipped scenario, or the directory of a run (its ``manifest.json`` has the scenario).
    parameters
        Table of inputs that goes over the second, see `load`.
    outside
        Whether files that scenarios name may lie outside their folders. Those that a run names are not read.

    Returns
    -------
    DataFrame
        ``path, a, b, what``, see `scssim.scenario.difference.difference`.

    Raises
    ------
    ScenarioError
        If one of them is not valid.
    """
    if parameters is not None and is_run(b):
        raise ScssimError(f"parameters: {b} is a run, which has its parameters; name a scenario")
    first = recorded(a) if is_run(a) else load_scenario(a, outside=outside).scenario
    second = recorded(b) if is_run(b) else load_scenario(b, parameters=parameters, outside=outside).scenario
    return difference(first, second)


def read(folder: str | Path) -> Result:
    """Read a result back from the directory that a run wrote.

    Parameters
    ----------
    folder
        The directory.

    Returns
    -------
    Result
        As `run` returned it, without the results of its cases.

    Raises
    ------
    ScssimError
        If the directory has no complete result.
    """
    return read_result(folder)[0]


def run(
    scenario: LoadedScenario | str | Path,
    *,
    patients: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    workers: int | None = 1,
    executor: Executor | None = None,
    scheduler: str | None = None,
    engine: str = "cohort",
    out: str | Path | None = None,
    restart: bool = False,
    progress: bool | Progress = False,
    precision: float | None = None,
    log: str | Path | None = None,
    histories: str | Path | None = None,
    command: str = "scssim.run",
) -> Result:
    """Run a scenario, and do what its `analyses` ask for.

    With ``out``, everything that is done is kept there until the run is complete: the same call goes on where one was
    interrupted, and ends with the same tables.

    Parameters
    ----------
    scenario
        A loaded scenario, a file, or the name of a shipped scenario. A file that names others outside its folder is
        loaded with ``scssim.load(..., outside=True)`` first.
    patients
        Patients (per draw, with draws); by default the scenario's.
    draws
        Parameter draws; 0 for distribution means; by default what ``analyses.psa`` says, else 0.
    seed
        Seed; by default the scenario's.
    workers
        Processes, started when there is enough to do; None: as many as there are processors. The number does not
        change the results. A script that asks for more than one needs the guard ``if __name__ == "__main__":``, as
        every process reads it again.
    executor
        Somebody else's workers in their place: anything that speaks `concurrent.futures.Executor`.
    scheduler
        Address of a Dask scheduler (``tcp://...``), whose workers are used instead.
    engine
        ``cohort`` (nobody queues) or ``des`` (discrete events: limited resources, referrals over time).
    out
        Directory for tables, figures, ``report.html``, ``results.json`` and ``manifest.json``; None writes nothing.
    restart
        Discard what an unfinished run has left in ``out``.
    progress
        A function of (blocks done, blocks in all), or whether to show a progress bar.
    precision
        Go on with more draws (without draws: more patients) until the half-width of the 95 % Monte Carlo interval of
        every incremental net monetary benefit, at the first threshold, is at most this (currency).
    log
        File (Parquet) for every event of the first replication (``des``); `Result.log` has those of some patients.
    histories
        Directory for what happened to every patient of the run (not of its analyses); `Result.histories` reads it.
        The run itself is then not kept before it is complete.
    command
        How the run is called, for ``manifest.json``.

    Returns
    -------
    Result

    Raises
    ------
    ScssimError
        For a value that is not possible, and if ``out`` has an unfinished run of something else.
    """
    loaded = scenario if isinstance(scenario, LoadedScenario) else load(scenario)
    job = make_job(loaded, patients=patients, draws=draws, seed=seed, engine=engine)
    wanted = None if precision is None else _precision(loaded, precision)
    if wanted is not None and engine == "des":
        raise ScssimError(
            "precision is for the cohort engine; on discrete events, set service.replications to {precision: 0.05}"
        )
    if log is not None and engine != "des":
        raise ScssimError("log: only discrete events have an event log; give engine des")
    if histories is not None and not str(histories).strip():
        raise ScssimError("histories: the name is empty; give a directory")
    places = _Places(*(None if place is None else Path(place) for place in (log, histories)))
    folder = None if out is None else Path(out)
    if folder is None and restart:
        raise ScssimError("restart: only a run with a directory (out) can be begun anew")
    with ExitStack() as stack:
        keeper = None
        if folder is not None:
            keeper = _keeper(stack, folder, _about(loaded, job, precision, command), restart)
        watch = stack.enter_context(_watching(progress))
        crew = stack.enter_context(_crew(workers, executor, scheduler))
        simulator = Simulator(crew, watch, None if keeper is None else keeper.store)
        result = _run(loaded, job, simulator, wanted, places)
        if folder is not None and keeper is not None:
            from scssim.report.render import render
            from scssim.report.write import write

            result = dataclasses.replace(result, warnings=[*result.warnings, *keeper.warnings])
            files = write(result, folder, command)
            render(folder)
            keeper.done(files)
    return result


def run_blocks(
    scenario: LoadedScenario | str | Path,
    blocks: str,
    out: str | Path,
    *,
    patients: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    workers: int | None = 1,
    executor: Executor | None = None,
    scheduler: str | None = None,
    engine: str = "cohort",
    restart: bool = False,
    progress: bool | Progress = False,
    command: str = "scssim.run_blocks",
) -> tuple[range, int]:
    """Simulate some blocks of a run only, and keep them; `merge` joins those of several directories.

    Parameters
    ----------
    scenario, patients, draws, seed, workers, executor, scheduler, engine, restart, progress, command
        As for `run`; the first four and ``engine`` must be the same for all blocks of a run.
    blocks
        ``FIRST:END``, counted from 0 (either may be left out), or ``K/N``, the K-th of N parts.
    out
        Directory.

    Returns
    -------
    blocks : range
        Numbers of the blocks that were asked for, all of which are there now.
    of : int
        How many blocks the whole run has.

    Raises
    ------
    ScssimError
        If the run has no such blocks, or ``out`` has those of another run.
    """
    loaded = scenario if isinstance(scenario, LoadedScenario) else load(scenario)
    job = make_job(loaded, patients=patients, draws=draws, seed=seed, engine=engine)
    if job.rule is not None:
        raise ScssimError("blocks: the number of replications is open; set service.replications to a number")
    of = pieces(job)
    if of < 2:
        raise ScssimError("blocks: the run is so small that it has one block only; run it as a whole")
    numbers = chosen(blocks, of)
    with ExitStack() as stack:
        keeper = _keeper(stack, Path(out), _about(loaded, job, None, command), restart)
        watch = stack.enter_context(_watching(progress))
        crew = stack.enter_context(_crew(workers, executor, scheduler))
        Simulator(crew, watch, keeper.store).blocks(job, numbers)
    return numbers, of


def merge(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    workers: int | None = 1,
    executor: Executor | None = None,
    scheduler: str | None = None,
    restart: bool = False,
    progress: bool | Progress = False,
    command: str = "scssim.merge",
) -> Result:
    """Join the blocks of one run that were simulated in several places, and complete the run.

    Parameters
    ----------
    folders
        Directories that `run_blocks` has written, which stay as they are.
    out
        Directory for the results; the tables are those of a run at once.
    workers, executor, scheduler, restart, progress, command
        As for `run`; the analyses of the scenario are still to be done.

    Returns
    -------
    Result

    Raises
    ------
    ScssimError
        If blocks are missing, damaged, there twice, or of different runs or builds.
    """
    from scssim.checkpoint.join import joined

    if not folders:
        raise ScssimError("merge: give the directories of the blocks")
    places = [Path(folder) for folder in folders]
    about, files = joined(places)
    if told := unlike(about.build, build()):
        raise ScssimError(f"these blocks cannot be joined here ({'; '.join(told)}); do it where they were simulated")
    for place in places:
        if place.resolve() == Path(out).resolve():
            raise ScssimError(f"merge: {place} has blocks to be joined; give another directory for the results")
    loaded = load_resolved(about.resolved, Path(f"{about.scenario}.yaml"))
    with ExitStack() as stack:
        _keeper(stack, Path(out), lambda: about, restart).take_in(files)
    return run(
        loaded, patients=about.patients, draws=about.draws, seed=about.seed, engine=about.engine, out=out,
        workers=workers, executor=executor, scheduler=scheduler, progress=progress, command=command,
    )  # fmt: skip


def _keeper(stack: ExitStack, out: Path, about: Callable[[], About], restart: bool) -> Checkpoint:
    from scssim.checkpoint.folder import Checkpoint
    from scssim.report.write import prepared

    stack.enter_context(prepared(out))
    return stack.enter_context(Checkpoint(out, about, restart))


def _about(loaded: LoadedScenario, job: Job, precision: float | None, command: str) -> Callable[[], About]:
    """Tells what is run, for the directory in which it is kept."""

    def about() -> About:
        from scssim.checkpoint.folder import About

        return About(
            scenario=loaded.name, sha256=loaded.sha256, resolved=loaded.resolved, seed=job.seed, engine=job.engine,
            patients=job.patients if job.limited else None, draws=job.draws, precision=precision, job=digest(job),
            blocks=pieces(job) if precision is None and job.rule is None else None, build=build(), command=command,
        )  # fmt: skip

    return about


@contextmanager
def _watching(progress: bool | Progress) -> Iterator[Watch | None]:
    """What is told of progress."""
    if progress is True:
        from scssim.report.progress import bar

        with bar() as watch:
            yield watch
    elif progress:
        yield lambda status: progress(status.done, status.blocks)
    else:
        yield None


def _crew(workers: int | None, executor: Executor | None, scheduler: str | None) -> Crew:
    workers = processors() if workers is None else workers
    if workers < 1:
        raise ScssimError(f"workers: {workers} is not possible; give 1 or more")
    if executor is not None and scheduler is not None:
        raise ScssimError("executor and scheduler: give one of them")
    if executor is not None:
        return Hired(executor)
    if scheduler is not None:
        from scssim.engine.cluster import Cluster

        return Cluster(scheduler)
    return Processes(workers) if workers > 1 else Crew()


@dataclasses.dataclass(frozen=True)
class _Places:
    """Where what is streamed during a run goes; None: nowhere."""

    log: Path | None
    histories: Path | None


def _precision(loaded: LoadedScenario, half_width: float) -> Precision:
    scenario, settings = loaded.scenario, loaded.scenario.settings
    if not (math.isfinite(half_width) and half_width > 0):
        raise ScssimError(f"precision: {half_width:g} is not possible; give a number above 0 (currency)")
    if not settings.willingness_to_pay:
        raise ScssimError("precision: there is no threshold; set settings.willingness_to_pay")
    return Precision(half_width, settings.willingness_to_pay[0], list(scenario.strategies).index(scenario.reference))


def _run(
    loaded: LoadedScenario, job: Job, simulator: Simulator, precision: Precision | None, places: _Places
) -> Result:
    probe(loaded, job)
    begun = time.perf_counter()
    more: dict[str, Any] = {}
    warnings: list[str] = []
    if job.engine == "des":
        service, more, warnings = _service(loaded, job, simulator, places)
        totals = service.totals
    else:
        with _kept(loaded, job, places.histories, precision) as keep:
            if precision is None:
                totals = simulator(job, keep=keep)
            else:
                totals = simulator.until(job, precision)
                if keep is not None:  # of the run as it has become
                    simulator(totals.job, keep=keep)
    job = totals.job
    if places.histories is not None:
        try:
            more["histories"] = Histories(places.histories)
        except ScssimError as error:  # another run may write there too; the results of this one stand
            warnings.append(f"histories: {error}")
    if job.engine != "des" and is_limited(job.scenario):
        warnings.append("resources are not limited on the cohort engine: nobody queues; give --engine des")
    base = Run(loaded, job, totals)
    plain = _result(base)
    found = analyse(base, plain.parameters, simulator)
    cases = {name: _result(one) for name, one in found.runs.items()}
    more |= {"cases": cases, "assumed_share": found.assumed_share, **found.tables}
    more |= {"warnings": [*plain.warnings, *warnings, *found.warnings], "seconds": time.perf_counter() - begun}
    result = dataclasses.replace(plain, **more)
    for one in (*cases.values(), result):
        check(one)
    return result


def _kept(
    loaded: LoadedScenario, job: Job, folder: Path | None, precision: Precision | None = None
) -> AbstractContextManager[Keep | None]:
    """What receives the histories, if they are wanted."""
    if folder is None:
        return nullcontext()
    about = {
        "scssim": metadata.version("scssim"), "code": fingerprint(hashes()), "scenario": loaded.name,
        "sha256": loaded.sha256, "seed": job.seed, "engine": job.engine,
        "patients": job.patients if job.limited else None, "draws": job.draws,
        "precision": None if precision is None else precision.half_width, "strategies": list(job.scenario.strategies),
    }  # fmt: skip
    return history_files(folder, about)


def _service(
    loaded: LoadedScenario, job: Job, simulator: Simulator, places: _Places
) -> tuple[Found, dict[str, Any], list[str]]:
    """Simulate a service; what it gave, its tables, and what deserves a second look."""
    warnings = doubts(job, Simulator())
    with (
        nullcontext() if places.log is None else log_file(places.log) as sink,
        _kept(loaded, job, places.histories) as keep,
    ):
        found = simulator.service(job, sink, keep)
    more = {"service": described(found), **service_tables(found, losses(found, simulator.service))}
    rule = job.until_precise
    if rule is not None and not job.draws and not precise(found.replications, rule.precision):
        warnings.append(
            f"service.replications: after {len(found.replications)} replications not every mean wait is within "
            f"{100 * rule.precision:g} %; give more (most), or less precision"
        )
    return found, more, warnings


def _result(of: Run) -> Result:
    """The tables of a simulation, without further analyses."""
    job, totals = of.job, of.totals
    visits = tables.visits(job, totals)
    return Result(
        loaded=of.loaded,
        seed=job.seed,
        patients=round(totals.cells / max(job.samples, 1)),
        draws=job.draws or None,
        engine=job.engine,
        seconds=math.nan,
        warnings=[str(w) for w in of.loaded.warnings],
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
        inputs=going_in(job.scenario, job.table or ()),
    )
