"""Relief under SCS, fitted to SENZA-RCT with the simulator itself as forward model.

``python -m scssim.calibration.senza --out FILE`` fits and writes the fragment ``scs_relief_senza`` of the library;
``--check`` holds the shipped one against the published results. The documentation (calibration) explains
data, priors and limits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim.api import load, run
from scssim.calibration.fitting import Estimate, Problem, fit
from scssim.calibration.fragment import Fitted, format_fragment, round_estimate
from scssim.calibration.parameters import ARMS, HAZARD, LOSS, NAMES, PATHS, Part, part
from scssim.result import Result
from scssim.scenario.load import LoadedScenario

Array = NDArray[np.float64]

SCENARIO = "senza_rct"
MEASURES = ("back_responder", "leg_responder", "back_relief", "leg_relief")
SEED = 20150901
PATIENTS = 100_000
"""Patients per arm of the forward model: Monte-Carlo errors of shares below 0.002, against 0.05 in the trial."""
TRIALS = 400
"""Simulated trials behind the covariance of the observations."""
RANDOMISED = 99
"""Patients per arm of such a trial (101 and 97 in SENZA-RCT)."""
CHECK_SEEDS = (SEED, 1, 2, 3, 4, 5, 6, 7)
CHECK_PATIENTS = 10_000


def observations() -> pd.DataFrame:
    """The results that are fitted: the published targets of the scenario on relief, with the patients behind them.

    Returns
    -------
    DataFrame
        Columns target (position in the scenario), strategy, measure, month, denominator, clock, statistic, observed, n.
    """
    rows = [
        (i, t.strategy, t.measure, t.month, t.denominator, t.clock, t.statistic, t.observed, t.n)
        for i, t in enumerate(load(SCENARIO).scenario.targets)
        if t.grade == "published" and t.measure in MEASURES
    ]
    names = ["target", "strategy", "measure", "month", "denominator", "clock", "statistic", "observed", "n"]
    return pd.DataFrame(rows, columns=names)


def scenario_at(x: Array) -> LoadedScenario:
    """The scenario with other values of the fitted parameters, in the order of `PATHS`."""
    return load(SCENARIO, {p: float(value) for p, value in zip(PATHS, x, strict=True)})


def _simulated(result: Result) -> Array:
    values: Array = result.targets.simulated.to_numpy(dtype=np.float64)
    return values


def start() -> Array:
    """Starting values, in the order of `PATHS`."""
    return np.array([part(name).start[i] for i in range(len(ARMS)) for name in NAMES] + [LOSS.start[0]])


def calibrate(
    patients: int = PATIENTS,
    trials: int = TRIALS,
    seed: int = SEED,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[Estimate, pd.DataFrame]:
    """Fit relief under SCS, and the trial's hazard of loss of effect, to SENZA-RCT.

    Parameters
    ----------
    patients
        Patients per arm of the forward model.
    trials
        Simulated trials behind the covariance of the observations.
    seed
        Seed of the forward model.
    report
        Receives a line of progress.

    Returns
    -------
    estimate, table
        The fit, in the order of `PATHS`; the observations with their standard errors (``se``) and fitted values.
    """
    data = observations()
    target: NDArray[np.intp] = data.target.to_numpy(dtype=np.intp)
    arm = np.array([ARMS.index(s) for s in data.strategy])
    k = len(NAMES)

    def model(x: Array) -> Array:
        result = run(scenario_at(x), patients=patients, draws=0, seed=seed)
        return _simulated(result)[target]

    def slope(x: Array, which: list[int], step: float) -> Array:
        shift = np.zeros_like(x)
        shift[which] = step
        difference: Array = (model(x + shift) - model(x - shift)) / (2 * step)
        return difference

    def jacobian(x: Array) -> Array:
        # The arms share no parameter but the hazard, so one pair of runs serves a parameter of both.
        out = np.zeros((len(data), x.size))
        for i, name in enumerate(NAMES):
            both = slope(x, [a * k + i for a in range(len(ARMS))], part(name).step)
            out[np.arange(len(data)), arm * k + i] = both
        out[:, -1] = slope(x, [x.size - 1], LOSS.step)
        return out

    report(f"covariance of the observations from {trials} simulated trials")
    covariance = sampling_covariance(data, scenario_at(start()), trials)
    kinds: list[Part] = [*(part(name) for _ in ARMS for name in NAMES), LOSS]
    priors = [kind.prior or (0.0, np.inf) for kind in kinds]
    problem = Problem(
        observed=data.observed.to_numpy(dtype=float),
        covariance=covariance,
        start=start(),
        prior_mean=np.array([mean for mean, _ in priors]),
        prior_sd=np.array([sd for _, sd in priors]),
        lower=np.array([kind.lower for kind in kinds]),
        upper=np.array([kind.upper for kind in kinds]),
    )

    def progress(step: int, misfit: float, size: float) -> None:
        report(f"step {step}: weighted sum of squares {misfit:.2f}, step of {size:.3f} standard errors")

    estimate = fit(problem, model, jacobian, report=progress)
    return estimate, data.assign(se=np.sqrt(np.diag(covariance)), fitted=estimate.fitted)


def sampling_covariance(data: pd.DataFrame, scenario: LoadedScenario, trials: int) -> Array:
    """Covariance of the observations, from simulated trials of the size of SENZA-RCT.

    Each simulated trial gives all observations at once, so that their correlations (the same patients
    at two visits, back and leg, share and mean) are in it. Variances are scaled from the simulated to the
    published numbers of patients. Arms are independent: their patients are different people.

    Parameters
    ----------
    data
        See `observations`.
    scenario
        What is simulated.
    trials
        Number of trials, with seeds 0 to ``trials - 1``.

    Returns
    -------
    ndarray
        Shape (observations, observations).
    """
    keys = ["strategy", "clock", "month", "measure", "denominator"]
    index = pd.MultiIndex.from_frame(data[keys])
    values, sizes = np.empty((2, trials, len(data)))
    for i in range(trials):
        result = run(scenario, patients=RANDOMISED, draws=0, seed=i)
        values[i] = _simulated(result)[data.target]
        sizes[i] = result.visits.set_index(keys).n.loc[index]
    scale = np.sqrt(sizes.mean(axis=0) / data.n.to_numpy(dtype=float))
    covariance: Array = np.cov(values, rowvar=False) * np.outer(scale, scale)
    arms = data.strategy.to_numpy()
    covariance[arms[:, None] != arms[None, :]] = 0.0
    return covariance


def check(
    scenario: LoadedScenario | None = None, seeds: Iterable[int] = CHECK_SEEDS, patients: int = CHECK_PATIENTS
) -> pd.DataFrame:
    """Hold a scenario against its targets under several seeds.

    Parameters
    ----------
    scenario
        By default the shipped scenario of the trial.
    seeds, patients
        Seeds, and patients per arm.

    Returns
    -------
    DataFrame
        One row per target: target, observed, lower, upper, tolerance, simulated (mean over seeds), lowest, highest,
        agrees (under every seed within the tolerance, and inside the interval where there is one; None without
        tolerance).
    """
    scenario = scenario or load(SCENARIO)
    results = [run(scenario, patients=patients, draws=0, seed=seed) for seed in seeds]
    simulated = np.stack([_simulated(result) for result in results])
    runs = [result.targets for result in results]
    out = runs[0][["target", "observed", "lower", "upper", "tolerance"]].copy()
    out["simulated"], out["lowest"], out["highest"] = simulated.mean(0), simulated.min(0), simulated.max(0)
    verdicts: list[bool | None] = []
    for i, tolerance in enumerate(out.tolerance):
        judged = not np.isnan(float(tolerance))
        verdicts.append(all(t.agrees[i] and t.inside[i] is not False for t in runs) if judged else None)
    out["agrees"] = pd.Series(verdicts, dtype=object)
    return out


def format_check(table: pd.DataFrame) -> str:
    """The table of `check` as text."""
    lines = [
        f"{'target':<26}{'observed':>9}  {'95 % interval':<15}{'simulated':>9}  {'range over seeds':<17}{'verdict'}"
    ]
    for row in table.to_dict("records"):
        verdict = "not judged" if row["agrees"] is None else "agrees" if row["agrees"] else "DISAGREES"
        interval = "" if np.isnan(row["lower"]) else f"{row['lower']:.3f} - {row['upper']:.3f}"
        spread = f"{row['lowest']:.3f} - {row['highest']:.3f}"
        numbers = f"{row['observed']:>9.3f}  {interval:<15}{row['simulated']:>9.3f}  {spread:<17}"
        lines.append(f"{row['target']:<26}{numbers}{verdict}")
    return "\n".join(lines)


def format_fit(fitted: Fitted, data: pd.DataFrame) -> str:
    """A fit as text: observations with fitted values, then parameters."""
    lines = [f"{'observation':<40}{'observed':>9}{'se':>8}{'fitted':>9}"]
    for row in data.to_dict("records"):
        name = f"{row['strategy']} {row['measure']} {row['month']:g} months" + (
            " (SD)" if row["statistic"] == "sd" else ""
        )
        lines.append(f"{name:<40}{row['observed']:>9.3f}{row['se']:>8.3f}{row['fitted']:>9.3f}")
    lines += ["", f"{'parameter':<52}{'estimate':>9}{'se':>8}"]
    lines += [f"{p:<52}{fitted.mean[p]:>9.4f}{fitted.se[p]:>8.4f}" for p in PATHS]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code (1: a target is missed)."""
    parser = argparse.ArgumentParser(
        prog="python -m scssim.calibration.senza", description="Fit SCS relief to SENZA-RCT."
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--out", type=Path, metavar="FILE", help="write the fragment of the library here")
    what.add_argument("--check", action="store_true", help="fit nothing: run the shipped scenario under several seeds")
    given = parser.parse_args(arguments)
    if given.check:
        table = check()
        print(format_check(table))
        return int(table.agrees.eq(False).any())
    estimate, data = calibrate(report=lambda line: print(line, file=sys.stderr))
    fitted = round_estimate(estimate)
    print(format_fit(fitted, data))
    if given.out is not None:
        given.out.write_text(format_fragment(fitted), encoding="utf-8")
        print(f"\nwritten: {given.out}\nput into the scenario {SCENARIO} by hand: {HAZARD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
