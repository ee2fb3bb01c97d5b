"""Rows of the tables of a STRESS-DES page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scssim.report.look import number
from scssim.report.stress_facts import Facts
from scssim.report.stress_words import (
    THERE,
    UNSTATED,
    capacity,
    later,
    length,
    listed,
    opening,
    plain,
    several,
    share,
    spread,
    target,
    time,
)
from scssim.scenario.numbers import numbers
from scssim.scenario.quantity import Quantity
from scssim.scenario.schema import MECHANISMS, Scenario, Therapy
from scssim.scenario.times import PER_YEAR, TimeToEvent
from scssim.scenario.walk import walk

Rows = list[tuple[str, ...]]

ATTRIBUTES = {
    "age": "age (years)", "back_vas": "back pain (0-10)", "leg_vas": "leg pain (0-10)", "odi": "ODI (0-100)",
    "opioid_mme": "opioid dose (MME a day)", "pain_years": "years in pain",
}  # fmt: skip
FAILED = {
    "back": "back relief below", "leg": "leg relief below", "mean": "mean relief below",
    "either": "relief of both sites below", "both": "relief of a site below",
}  # fmt: skip
"""Who fails a review, by its rule."""
SERVICE = re.compile(
    r"therapies\.\w+\."
    r"(wait|trial\.days|needs|complications\.\w+\.revision_wait|reimplant\.delay|device\.replacement_wait)\b"
)
"""Numbers of therapies that are numbers of the service: waits, and what is needed for how long."""


def tables(facts: Facts) -> dict[str, Any]:
    """Rows of all tables, by name; and the grades of all numbers of the scenario."""
    return {
        "steps": steps(facts), "attributes": attributes(facts), "activities": activities(facts),
        "resources": resources(facts), "needs": needs(facts), "inputs": inputs(facts),
        "grades": [grade_of(one.grade, one.value.startswith("as `")) for one in numbers(facts.scenario)],
    }  # fmt: skip


def steps(facts: Facts) -> Rows:
    """Strategy and its steps."""
    rows: Rows = []
    for name, strategy in facts.scenario.strategies.items():
        texts = []
        for i, (step, bound) in enumerate(
            zip(strategy.steps, facts.bound.strategies[name].steps, strict=True), start=1
        ):
            condition = "" if step.if_ is None else f", if `{plain(step.if_)}`"
            accepted = "" if bound.acceptance == 1 else f", accepted by {share(bound.acceptance)}"
            texts.append(f"{i}. {facts.therapy(step.therapy)}{condition}{accepted}")
        rows.append((strategy.label or f"`{name}`", "; ".join(texts)))
    return rows


def attributes(facts: Facts) -> Rows:
    """Attribute of patients and its values."""
    population, bound = facts.scenario.population, facts.bound.population
    rows: Rows = [(label, spread(getattr(population, key))) for key, label in ATTRIBUTES.items()]
    binary = "; ".join(share(x) for x in (bound.female, bound.depression, bound.prior_surgery))
    rows.append(("women; depression; previous surgery", binary))
    rows.append(("pain mechanism", ", ".join(f"{m} {share(getattr(bound.mechanism, m))}" for m in MECHANISMS)))
    right = "the true one"
    if bound.diagnosis is not None:
        found = {m: share(getattr(getattr(bound.diagnosis.confusion, m), m)) for m in MECHANISMS}
        right += f" if {', '.join(f'{m} in {chance}' for m, chance in found.items())}"
    rows.append(("diagnosed mechanism", right))
    for name, one in population.covariates.items():
        values = share(bound.covariates[name].probability) if one.values is None else spread(one.values)
        rows.append((f"`{name}`", values))
    pairs = [f"{a}-{b} {value:g}" for a, others in population.correlation.items() for b, value in others.items()]
    rows.append(("correlations (normal scores)", ", ".join(pairs) or "none"))
    table, ratio = population.mortality.life_table, number(bound.mortality.smr)
    death = "nobody dies" if table is None else f"life table `{Path(table).name}`, mortality ratio {ratio}"
    return [*rows, ("time of death", death)]


def activities(facts: Facts) -> Rows:
    """Therapy, its kind, its wait, what ends it by itself, and what happens on the way."""
    rows: Rows = []
    for name, therapy in facts.therapies.items():
        bound, stops = facts.bound.therapies[name], facts.leading(name, therapy, "explant")
        ends = "; ".join(_ends(therapy, bound, stops)) or "nothing"
        way = "; ".join(_on_the_way(therapy, bound, facts.leading(name, therapy, "revision"))) or "nothing"
        rows.append((facts.therapy(name), therapy.kind, time(therapy.wait, bound.wait), ends, way))
    return rows


def _ends(therapy: Therapy, bound: Any, stops: list[str]) -> Iterator[str]:
    if (review := therapy.review) is not None:
        months = listed(f"{month:g}" for month in review.months)
        failed = f"{FAILED[review.rule]} {share(review.threshold)}"
        yield f"review at month {months} ({failed}: stopped with {share(bound.review.stop)})"
    if (assess := therapy.assess) is not None:
        failed = f"{FAILED[assess.rule]} {share(assess.threshold)}"
        yield f"assessment after {several(assess.weeks, 'week')} ({failed})"
    if therapy.loss_of_effect is not None and therapy.kind == "procedure":
        yield "effect over"
    elif therapy.loss_of_effect is not None:
        stopped = share(bound.loss_of_effect.stop_after_loss)
        yield f"loss of effect (stopped with {stopped}{later(bound.loss_of_effect.delay)})"
    if therapy.max_duration is not None:
        who = "everybody" if therapy.stop_responders else "who does not respond"
        yield f"{who} after {length(bound.max_duration) or 'no time'}"
    if stops:
        how = "explant" if therapy.kind == "implant" else "stopped"
        yield f"{how} for {listed((_complication(therapy, key) for key in stops), 'or')}"


def _on_the_way(therapy: Therapy, bound: Any, revised: list[str]) -> Iterator[str]:
    if therapy.trial is not None:
        yield f"trial of {several(bound.trial.days, 'day')}, {share(bound.trial.success)} succeed"
    if (repeat := therapy.repeat) is not None and repeat.courses > 1:
        least, chance = several(repeat.min_months, "month"), share(bound.repeat.probability)
        yield f"up to {repeat.courses} courses, {least} apart or more, each with {chance}"
    for key in therapy.complications:
        own = bound.complications[key]
        revision = f" (revision in {share(own.revision)}{later(own.revision_wait)})" if key in revised else ""
        yield _complication(therapy, key) + revision
    if therapy.device is not None:
        life, wait = time(therapy.device.life, bound.device.life), length(bound.device.replacement_wait)
        yield f"device that runs down (life: {life}) and is replaced {f'{wait} later' if wait else 'at once'}"
    if therapy.reimplant is not None:
        chance, delay = share(bound.reimplant.probability), length(bound.reimplant.delay) or "at once"
        yield f"re-implant with {chance}, {delay} after the explant, at most {therapy.reimplant.most}"


def _complication(therapy: Therapy, key: str) -> str:
    """Label of a complication inside a sentence."""
    label = plain(therapy.complications[key].label or key.replace("_", " "))
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def resources(facts: Facts) -> Rows:
    """Resource, its capacity, when it is open, and its target."""
    needed = {use.need.resource for use in facts.uses}
    rows: Rows = []
    for name, one in facts.scenario.resources.items():
        label = (f"{one.label} (`{name}`)" if one.label else f"`{name}`") + (
            "" if name in needed else ", which nobody needs"
        )
        rows.append((label, capacity(one), opening(one), "none" if one.target is None else target(one.target)))
    return rows


def needs(facts: Facts) -> Rows:
    """Resource, class, event, how long it is held, the longest wait, and the therapies that have such a need."""
    order = list(facts.scenario.resources)
    rows: dict[tuple[str, ...], list[str]] = {}
    for use in sorted(facts.uses, key=lambda use: (order.index(use.need.resource), use.need.priority)):
        need, again = use.need, use.event == "implant" and facts.therapies[use.therapy].reimplant is not None
        held = "one slot" if need.duration is None else time(need.duration, use.bound.duration)
        most = "none" if need.max_wait is None else time(need.max_wait, use.bound.max_wait)
        event = f"`{use.event}`" + (" (also of re-implants)" if again else "")
        row = facts.resource(need.resource), str(need.priority), event, held, most
        rows.setdefault(row, []).append(facts.therapy(use.therapy))
    return [(*row, ", ".join(therapies)) for row, therapies in rows.items()]


# ------------------------------------------------------------ numbers of the service


def inputs(facts: Facts) -> Rows:
    """Numbers of the service: path, value, grade, source and note."""
    scenario = facts.scenario
    backlog, arrivals = scenario.service.backlog, scenario.service.arrivals
    values = {
        f"resources.{name}": capacity(one) + ("" if one.target is None else f"; target {target(one.target)}")
        for name, one in scenario.resources.items()
    }
    if arrivals is not None and arrivals.per_year is not None:
        growth = f", growth {arrivals.growth:g}" if arrivals.growth else ""
        values["service.arrivals"] = f"{number(arrivals.per_year, 6)} a year{growth}"
    elif arrivals is not None:
        values["service.arrivals"] = "the schedule of 2.5.5"
    if backlog:
        values["service.backlog"] = several(backlog, "patient")
    copied = set()
    for path, quantity in walk(scenario.model_copy(update={"therapies": facts.therapies})):
        if SERVICE.match(path) and not _idle(path, quantity):
            values[path] = _value(facts, path, quantity)
            copied |= {path} if quantity.ref else set()
    values |= _curves(facts)
    rows: Rows = []
    for path, value in values.items():
        source, grade, note = (_said(scenario, path, what) for what in ("source", "grade", "note"))
        rows.append((f"`{path}`", value, grade_of(grade, path in copied), source, note))
    return rows


def grade_of(grade: str, copied: bool) -> str:
    """Grade of a number, or why it has none."""
    return grade or (THERE if copied else UNSTATED)


def _idle(path: str, quantity: Quantity) -> bool:
    """Whether a number changes nothing, and may be one that nobody has stated: no wait, or a ratio of 1."""
    return quantity.grade is None and quantity.value == (1 if path.endswith(".ratio") else 0)


def _value(facts: Facts, path: str, quantity: Quantity) -> str:
    """A number with its unit, and where it is from: the interval that draws come from, or another number."""
    block, key = _way(facts.scenario, path)[-2], path.rpartition(".")[2]
    unit = block.unit if isinstance(block, TimeToEvent) and key in ("mean", "sd", "median", "scale") else key
    distribution = quantity.distribution
    mean = _way(facts.bound, path)[-1] if distribution is None else distribution.mean
    value = several(mean, unit[:-1]) if unit in PER_YEAR else number(mean, 6)
    if quantity.ref is not None:
        other = quantity.ref.removesuffix("." + path.split(".", 2)[2])  # the same number of another therapy
        return f"{value} (as `{other}`{'' if quantity.times is None else ', times a ratio'})"
    if distribution is not None and quantity.uncertain and quantity.interval is not None:
        low, high = (number(x, 4) for x in quantity.interval)
        value += f" ({low} to {high}, {distribution.family})"
    return value


def _curves(facts: Facts) -> dict[str, str]:
    """Waits and durations of needs that are given by their survival, by path."""
    times = [(f"{name}.wait", one.wait, facts.bound.therapies[name].wait) for name, one in facts.therapies.items()]
    times += [
        (f"{use.therapy}.needs.{use.event}.{part}", getattr(use.need, part), getattr(use.bound, part))
        for use in facts.uses for part in ("duration", "max_wait") if getattr(use.need, part) is not None
    ]  # fmt: skip
    return {f"therapies.{path}": time(spec, bound) for path, spec, bound in times if spec.survival or spec.table}


def _said(scenario: Scenario, path: str, what: str) -> str:
    """Source, grade or note of a number, or of the innermost block around it that has one; empty: there is none."""
    return next((said for node in reversed(_way(scenario, path)) if (said := getattr(node, what, None))), "")


def _way(node: Any, path: str) -> list[Any]:
    """What stands at a path of a scenario, and at each part of the way to it."""
    way = [node]
    for key in path.split("."):
        node = (
            node[key] if isinstance(node, dict) else node[int(key)] if isinstance(node, tuple) else getattr(node, key)
        )
        way.append(node)
    return way
