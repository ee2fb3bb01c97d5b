"""Trying a scenario out: it is refused with a message that helps, or it runs and gives numbers."""

from __future__ import annotations

import io
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

import scssim
from scssim.errors import ScenarioError, ScssimError
from scssim.report.render import render
from scssim.report.summary import print_summary
from scssim.report.write import write
from scssim.scenario.analyses import Analyses
from scssim.scenario.load import LoadedScenario
from scssim.scenario.schema import Scenario
from scssim.scenario.service import Replications

PATIENTS = 3
LIMIT = 120
"""Seconds after which an attempt counts as a hang: some hundred times what the slowest takes."""


class HangError(Exception):
    """An attempt does not end."""


@contextmanager
def limited(seconds: int = LIMIT) -> Iterator[None]:
    """Raise `HangError` after some seconds."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"nothing came of it in {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(
    path: Path,
    overrides: Mapping[str, Any] | Sequence[str] | None = None,
    parameters: Path | None = None,
    draws: int = 0,
    engines: Sequence[str] = ("cohort", "des"),
    analyses: bool = True,
    out: Path | None = None,
) -> str:
    """Load a scenario, and run it for a few patients if it can be loaded.

    Parameters
    ----------
    path
        The scenario file.
    overrides, parameters
        What goes over it, see `scssim.load`.
    draws
        Parameter draws of the runs.
    engines
        Engines to run it on.
    analyses
        Whether to do what its ``analyses`` ask for.
    out
        Directory for tables and report; None: only the summary is printed.

    Returns
    -------
    str
        ``refused``, ``stopped`` (loaded, and refused when it was run) or ``ran``.

    Raises
    ------
    Exception
        Any error that is no `ScssimError`, such as a `RuntimeWarning` of NumPy or a breach of the bookkeeping.
    """
    with limited(), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            loaded = scssim.load(path, overrides, parameters)
        except ScssimError as error:
            check_message(error, len(str(overrides)))
            return "refused"
        outcome = "ran"
        small = bounded(loaded, analyses)
        for engine in engines:
            if engine == "des" and small.scenario.analyses.subgroups:
                continue  # they are analysed on the cohort engine alone
            try:
                result = scssim.run(small, patients=PATIENTS, draws=draws, engine=engine)
            except ScssimError as error:
                check_message(error)
                outcome = "stopped"
                continue
            print_summary(result, Console(file=io.StringIO(), width=100))
            if out is not None:
                write(result, out / engine, "scssim run")
                render(out / engine)
        return outcome


def check_message(error: ScssimError, said: int = 0) -> None:
    """The message names a place and speaks of scenarios, not of the program's insides.

    It is short, but for the path that an override of so many characters was given.
    """
    text = str(error)
    assert text.strip(), "the message is empty"
    for word in ("pydantic", "Input should", "Traceback", "<class", "object at 0x", "SimpleNamespace"):
        assert word not in text, text
    assert len(text) < 20_000 + 4 * said, f"a message of {len(text)} characters: {text[:500]}"
    if isinstance(error, ScenarioError):
        assert error.problems
        for problem in error.problems:
            assert problem.what, text
            assert problem.where or problem.path, text


def bounded(loaded: LoadedScenario, analyses: bool) -> LoadedScenario:
    """The scenario with all that says how much is simulated made small: those numbers may rightly be huge."""
    cases = {name: replace(case, scenario=_small(case.scenario, False)) for name, case in loaded.cases.items()}
    return replace(loaded, scenario=_small(loaded.scenario, analyses), cases=cases)


def _small(scenario: Scenario, with_analyses: bool) -> Scenario:
    service = scenario.service.model_copy(
        update={"replications": Replications(number=2), "warm_up_years": 0.0, "backlog": 0, "record_days": None}
    )
    asked = scenario.analyses if with_analyses else Analyses()
    few = {"patients": PATIENTS}
    analyses = asked.model_copy(
        update={
            "decision": asked.decision.model_copy(update={"curve": None}),
            "cases": asked.cases.model_copy(update={"draws": 0, **few}),
            "dsa": asked.dsa and asked.dsa.model_copy(update=few),
            "two_way": {k: v.model_copy(update={"points": 2, **few}) for k, v in asked.two_way.items()},
            "thresholds": {k: v.model_copy(update=few) for k, v in asked.thresholds.items()},
            "capacity": asked.capacity and asked.capacity.model_copy(update={"levels": asked.capacity.levels[:2]}),
        }
    )
    return scenario.model_copy(update={"service": service, "analyses": analyses})
