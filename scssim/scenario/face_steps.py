"""Steps of strategies that nobody can take, and strategies that can therefore never differ."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.scenario.expressions import Expression, parse
from scssim.scenario.messages import Finding
from scssim.scenario.patient_file import CATEGORICAL
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import MECHANISMS, Continuous, Scenario, Step, Therapy
from scssim.scenario.yamlfile import PathTuple

HISTORIES = ("tried", "responded")
NOW = ("back_vas_now", "leg_vas_now")
WORST = 10.0
"""Top of the pain scale."""
MOST_NAMES = 60
"""Most attributes and therapies of a condition that is tried: arrays have no more dimensions."""
MOST_COMBINATIONS = 200_000
"""Kinds of patients on which a condition is tried; beyond, it is given the benefit of the doubt."""


def steps_with(scenario: Scenario, therapy: str) -> tuple[PathTuple, ...]:
    """Places of the steps that a therapy is in."""
    return tuple(
        ("strategies", sid, "steps", i)
        for sid, strategy in scenario.strategies.items()
        for i, step in enumerate(strategy.steps)
        if step.therapy == therapy
    )


def may(quantity: Quantity) -> bool:
    """Whether a probability or rate may be above 0 (a reference may)."""
    return quantity.distribution is None or quantity.distribution.mean > 0


def can_stop(therapy: Therapy) -> bool:
    """Whether loss of effect, a review or a complication can end a therapy."""
    loss, review = therapy.loss_of_effect, therapy.review
    return (
        (loss is not None and may(loss.stop_after_loss))
        or (review is not None and may(review.stop))
        or any(may(complication.explant) for complication in therapy.complications.values())
    )


def doubt_steps(scenario: Scenario) -> Iterator[Finding]:
    """Nobody can ever take a step."""
    for sid in scenario.strategies:
        yield from _walk_through(scenario, sid)[1]


def doubt_same_strategies(scenario: Scenario) -> Iterator[Finding]:
    """Two strategies have the same steps, as far as anybody can take them."""
    seen: dict[tuple[Any, ...], str] = {}
    for sid in scenario.strategies:
        taken = tuple((step.therapy, step.if_, _number(step.acceptance)) for step in _walk_through(scenario, sid)[0])
        first = seen.setdefault(taken, sid)
        if first != sid:
            what = f"everybody has the same care as under `{first}`, so that every difference between the two is 0"
            place: PathTuple = ("strategies", sid)
            yield Finding(place, what, "another step, condition or acceptance", True, (("strategies", first),))


def _number(quantity: Quantity) -> Any:
    """What a quantity is worth, whoever says so."""
    return quantity.distribution or (quantity.ref, quantity.times and _number(quantity.times))


def _walk_through(scenario: Scenario, sid: str) -> tuple[list[Step], list[Finding]]:
    """Steps of a strategy that somebody may take, and what is wrong with the others."""
    taken: list[Step] = []
    doubts: list[Finding] = []
    endless: tuple[int, Step] | None = None
    for i, step in enumerate(scenario.strategies[sid].steps):
        place: PathTuple = ("strategies", sid, "steps", i)
        if endless is not None:
            position, last = endless
            what = (
                f"nobody gets here: all take `{last.therapy}` (step {position + 1}), which never ends "
                "(no loss of effect, review, longest duration or failed trial stops it)"
            )
            because: PathTuple = ("therapies", last.therapy)
            doubts.append(Finding(place, what, f"what ends `{last.therapy}`, or another order", because=(because,)))
        elif not may(step.acceptance):
            what = f"nobody accepts `{step.therapy}` here, so that the step does nothing"
            doubts.append(Finding((*place, "acceptance"), what, "an acceptance above 0, or leave the step out"))
        elif step.if_ is not None and not possible(parse(step.if_), scenario, [s.therapy for s in taken]):
            what = f"no patient can fulfil {step.if_!r} here, so that the step does nothing"
            allowed = "a condition that some fulfil; `tried` and `responded` know earlier steps of this strategy only"
            doubts.append(Finding((*place, "if"), what, allowed, because=(("population",),)))
        else:
            taken.append(step)
            acceptance = step.acceptance.distribution
            everybody = step.if_ is None and acceptance is not None and acceptance.mean == 1
            if everybody and not _ends(scenario.therapies[step.therapy]):
                endless = i, step
    return taken, doubts


def _ends(therapy: Therapy) -> bool:
    """Whether a therapy can end before death."""
    if therapy.kind == "procedure" or therapy.max_duration is not None or can_stop(therapy):
        return True
    leaves = any(need is not None and need.max_wait is not None for _, need in therapy.needs)
    success = None if therapy.trial is None else therapy.trial.success.distribution
    return leaves or (therapy.trial is not None and (success is None or success.mean < 1))


def possible(condition: Expression, scenario: Scenario, earlier: list[str]) -> bool:
    """Whether some patient may fulfil the condition of a step.

    Parameters
    ----------
    condition
        The condition.
    scenario
        Says what patients there are; correlations and distributions within the ranges do not matter.
    earlier
        Therapies of the steps before.
    """
    names: list[tuple[str, str]] = []
    options: list[NDArray[Any]] = []
    for name in sorted(condition.names):
        if name not in HISTORIES:
            names.append((name, ""))
            options.append(_options(name, condition, scenario))
            continue
        for therapy in dict.fromkeys(earlier):
            names.append((name, therapy))
            options.append(np.array([False, True]))
    if math.prod(map(len, options)) > MOST_COMBINATIONS or len(options) > MOST_NAMES:
        return True
    grid = np.meshgrid(*options, indexing="ij")
    values: dict[str, Any] = {name: {} for name in HISTORIES}
    for (name, therapy), one in zip(names, grid, strict=True):
        if therapy:
            values[name][therapy] = one.ravel()
        else:
            values[name] = one.ravel()
    return bool(np.any(condition(values)))


def _options(name: str, condition: Expression, scenario: Scenario) -> NDArray[Any]:
    """Values of an attribute that a condition can tell apart."""
    population = scenario.population
    sampled = population.file is None
    if name in CATEGORICAL:
        certain = sampled and (name == "mechanism" or population.diagnosis is None)
        return np.array([m for m in MECHANISMS if not certain or may(getattr(population.mechanism, m))])
    spec: Any = None
    if name in population.covariates:
        covariate = population.covariates[name]
        spec = covariate.values if covariate.probability is None else covariate.probability
    elif name not in NOW:
        spec = getattr(population, name)
    if isinstance(spec, Quantity):
        mean = 0.5 if spec.distribution is None or not sampled else spec.distribution.mean
        return np.array([value for value, there in ((False, mean < 1), (True, mean > 0)) if there])
    low, high = (0.0, WORST) if spec is None else _ends_of(spec) if sampled else (-np.inf, np.inf)
    constants = (n.value for n in ast.walk(ast.parse(condition.text.strip())) if isinstance(n, ast.Constant))
    numbers = [float(value) for value in constants if isinstance(value, int | float)]
    marks = {0.0, *numbers, *(-number for number in numbers)}
    near = {x for mark in marks for x in (np.nextafter(mark, -np.inf), mark, np.nextafter(mark, np.inf))}
    return np.array(sorted({x for x in near if low <= x <= high} | {low, high}))


def _ends_of(spec: Continuous) -> tuple[float, float]:
    """Smallest and largest value of an attribute."""
    if spec.distribution == "fixed":
        mean = spec.mean or 0.0
        return min(mean, 0.0 if spec.zero else mean), max(mean, 0.0 if spec.zero else mean)
    low = 0.0 if spec.distribution in ("lognormal", "gamma") else -np.inf
    low, high = low if spec.min is None else spec.min, np.inf if spec.max is None else spec.max
    return (min(low, 0.0), max(high, 0.0)) if spec.zero else (low, high)
