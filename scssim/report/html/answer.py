"""The answer of a run in a few sentences, with how sure it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd

from scssim.report.html.parts import strong
from scssim.report.look import number
from scssim.report.stress_words import listed, several
from scssim.report.study import FEW_DRAWS, Study
from scssim.report.terminal import records
from scssim.result import Result
from scssim.scenario.distributions import Z95


def answer(result: Result) -> list[str]:
    """Paragraphs (`parts.spans`): the decision, how sure it is, and what it rests on."""
    study = Study(result)
    paragraphs = (" ".join(part(study)) for part in (_decision, _sure, _rests_on))
    return [paragraph for paragraph in paragraphs if paragraph]


def _decision(study: Study) -> Iterator[str]:
    rows = {row["strategy"]: row for row in records(study.result.frontier)}
    levels = study.settings.willingness_to_pay
    if len(rows) < 2:
        for only in rows.values():
            yield f"{strong(study.label(only['strategy']))} costs {study.money(only['cost'])} and yields"
            yield f"{_qalys(only['qaly'])} QALYs per patient over {study.horizon}. There is nothing to compare it with."
        return
    if not levels:
        on = [study.label(name) for name, row in rows.items() if row["status"] == "frontier"]
        yield f"No willingness to pay is stated, so no strategy is best. On the efficiency frontier: {listed(on)}."
        return
    first, *others = levels
    best = rows[str(study.best(first))]
    yield f"At {study.per_qaly(first)}, {strong(study.label(best['strategy']))} has the highest net monetary benefit of"
    yield f"{len(rows)} strategies{_ahead(study, first)}"
    yield f"Over {study.horizon} it costs {study.money(best['cost'])} and yields {_qalys(best['qaly'])} QALYs per"
    yield "patient (discounted)."
    if isinstance(best["versus"], str):
        before = study.label(best["versus"])
        yield f"Its ICER is {study.per_qaly(best['icer'])}, against {before}, the one before it on the frontier"
        yield f"({study.money(best['inc_cost'])} more for {_qalys(best['inc_qaly'])} more QALYs)."
    elif best["status"] == "frontier":
        yield "It is the least costly strategy."
    if best["strategy"] != study.scenario.reference:
        yield from _against_reference(study, best["strategy"], first)
    for wtp in others:
        same = study.best(wtp) == best["strategy"]
        which = "the same" if same else f"{strong(study.label(study.best(wtp)))}"
        yield f"At {number(wtp)} the best is {which}{_ahead(study, wtp, interval=False)}"


def _ahead(study: Study, wtp: float, interval: bool = True) -> str:
    """How far the best is ahead, to end a sentence with."""
    lead = study.lead(wtp)
    if lead is None:
        return "."
    other = study.label(lead.next)
    if lead.by <= 0:
        return f", as has {other}: the two are worth the same."
    if lead.close:
        margin = f"{study.money(lead.by)}, Monte Carlo standard error {number(lead.error, 2)}"
        return f", but the simulation cannot tell it from {other} ({margin}): more patients are needed."
    span = ""
    if interval and lead.low is not None and lead.high is not None:
        span = f" (95 % of the draws: {number(lead.low)} to {number(lead.high)})"
    return f", {study.money(lead.by)} per patient ahead of {other}{span}."


def _against_reference(study: Study, best: str, wtp: float) -> Iterator[str]:
    """Incremental net benefit over the reference, with its interval."""
    result = study.result
    row = next(row for row in records(result.increments) if row["strategy"] == best)
    mean, error = row[f"inmb_{wtp:g}"], row[f"inmb_{wtp:g}_mcse"]
    ends, what = (mean - Z95 * error, mean + Z95 * error), "95 % Monte Carlo interval"
    if study.enough_draws and not result.pairwise.empty:
        pairs = result.pairwise
        pair = records(pairs[(pairs["wtp"] == wtp) & (pairs["strategy"] == best)])[0]
        clean = "" if result.noise.empty else ", noise between patients taken away"
        ends, what = (pair["inmb_lower"], pair["inmb_upper"]), f"95 % of the draws{clean}"
    elif result.draws:
        ends = (float("nan"),) * 2
    interval = "" if pd.isna(ends[0]) else f" ({what}: {number(ends[0])} to {number(ends[1])})"
    yield f"Its net benefit is {study.money(mean)} above that of {study.reference}, the reference{interval}."


def _sure(study: Study) -> Iterator[str]:
    result, levels = study.result, study.settings.willingness_to_pay
    if not result.draws:
        yield "Every input stands at its mean in this run: it says nothing about how uncertain the inputs are."
    elif not study.enough_draws:
        yield f"{several(result.draws, 'draw')} are too few to say how sure this is: take {FEW_DRAWS} or more, 1,000"
        yield "for a decision."
    elif levels and study.compares and not result.ceac.empty:
        rows = result.ceac[result.ceac["wtp"] == levels[0]].set_index("strategy")
        value = result.evpi[result.evpi["wtp"] == levels[0]]["evpi"].iloc[0]
        share = 100 * rows["p_best"][str(study.best(levels[0]))]
        yield f"At {number(levels[0])} it is the best strategy in {share:.0f} % of {number(result.draws)} draws of all"
        yield "uncertain inputs; to know every input for certain would be worth"
        yield f"{study.money(value)} per patient."
    yield from _changing(study)
    if not result.burden.empty:
        lost = [
            f"{number(100 * row['qaly_lost'], 2)} under {study.label(row['strategy'])}"
            for row in records(result.burden)
        ]  # fmt: skip
        yield f"QALYs lost to waiting, per 100 patients: {', '.join(lost)}."


def _rests_on(study: Study) -> Iterator[str]:
    result = study.result
    grades = Counter(result.inputs["grade"]) if len(result.inputs) else Counter[str]()
    total = sum(count for grade, count in grades.items() if grade)
    if total:
        yield f"Of {total} graded numbers that go in, {grades['assumed']} are assumptions,"
        yield f"{grades['published']} are printed in a publication and {grades['derived']} are derived."
    if result.assumed_share is not None:
        yield f"{100 * result.assumed_share:.0f} % of what single inputs can move the net benefit by comes from assumed"
        yield "ones."
    judged = [row for row in records(result.targets) if pd.notna(row["agrees"])] if len(result.targets) else []
    for fitted, words in ((True, "that the model was fitted to"), (False, "left out of the fit"), (None, "")):
        own = [row for row in judged if _said(row.get("fitted")) is fitted]
        if own:
            agree = sum(bool(row["agrees"]) for row in own)
            what = f"{several(len(own), 'published result')} {words}".rstrip()
            yield f"Of {what}, {agree} agree within the allowed difference."
    rest = len(result.targets) - len(judged)
    if rest:
        yield f"{several(rest, 'more published result')} without an allowed difference can be compared below."


def _said(value: Any) -> bool | None:
    return None if value is None or pd.isna(value) else bool(value)


def _changing(study: Study) -> Iterator[str]:
    """How many cases of the extrapolation and variants have another best strategy."""
    result = study.result
    kinds = {
        "extrapolation": ("other assumption", "about the time after the data"),
        "variants": ("variant", ""), "subgroups": ("subgroup", ""),
    }  # fmt: skip
    parts = []
    for name, (word, more) in kinds.items():
        table: pd.DataFrame = getattr(result, name)
        others = study.others(table)
        if others and study.compares:
            base = next(iter(study.cases(table).values())).best
            changed = sum(one.best != base for one in others.values())
            parts.append(f"{changed or 'none'} of {several(len(others), word)} {more}".rstrip())
    if parts:
        yield f"Another strategy is best under {'; '.join(parts)}."


def _qalys(value: float) -> str:
    return number(value, 3, 2)


def facts(result: Result) -> list[tuple[str, str]]:
    """What was run, as pairs."""
    study, settings = Study(result), result.scenario.settings
    service: dict[str, Any] = result.service or {}
    patients = f"{result.patients:,}" + (" in each draw" if result.draws else "")
    return [
        ("Perspective", settings.perspective),
        ("Horizon", study.horizon),
        ("Prices", f"{settings.currency}, {settings.price_year}"),
        ("Discounting", study.discounting),
        ("Patients", patients + (f", {several(service['replications'], 'replication')}" if service else "")),
        ("Draws", f"{result.draws:,} of all uncertain inputs" if result.draws else "none: inputs at their means"),
        ("Engine", "discrete events" if result.engine == "des" else "cohort"),
        ("Seed", f"{result.seed}"),
    ]
