"""The answer of a run in a few sentences, with how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from scssim.report.terminal import number, records
from scssim.result import Result
from scssim.scenario.distributions import Z95


def answer(result: Result) -> list[str]:
    """Paragraphs in Markdown: the decision, how sure it is, and what it rests on."""
    decision = " ".join(_decision(result))
    trust = " ".join(_trust(result))
    return [paragraph for paragraph in (decision, trust) if paragraph]


def _decision(result: Result) -> Iterator[str]:
    settings, scenario = result.scenario.settings, result.scenario
    rate = f"{settings.currency} per QALY"
    rows = {row["strategy"]: row for row in records(result.frontier)}
    if not rows:
        return
    if len(rows) == 1:
        only = next(iter(rows.values()))
        yield f"**{_name(result, only['strategy'])}** costs {_money(result, only['cost'])} and yields"
        yield f"{number(only['qaly'], 2)} QALYs per patient over {span(result)}. There is nothing to compare it with."
        return
    best_at = best_strategies(result)
    if not best_at:
        on = [_name(result, name) for name, row in rows.items() if row["status"] == "frontier"]
        yield f"No willingness to pay is stated, so no strategy is best. On the efficiency frontier: {', '.join(on)}."
        return
    first, *others = best_at
    best = rows[best_at[first]]
    yield f"At {number(first)} {rate}, **{_name(result, best['strategy'])}** has the highest net monetary benefit of"
    yield f"{len(rows)} strategies. Over {span(result)} it costs {_money(result, best['cost'])} and yields"
    yield f"{number(best['qaly'], 2)} QALYs per patient (discounted)."
    if isinstance(best["versus"], str):
        against = _name(result, best["versus"])
        yield f"Against {against}, the strategy before it on the frontier, it costs"
        yield f"{number(best['inc_cost'])} {settings.currency} more for {number(best['inc_qaly'], 2)} more QALYs:"
        yield f"{number(best['icer'])} {rate}."
    elif best["status"] == "frontier":
        yield "No strategy costs less."
    if best["strategy"] != scenario.reference:
        yield from _against_reference(result, best["strategy"], first)
    for wtp in others:
        same = best_at[wtp] == best["strategy"]
        yield f"At {number(wtp)} it is " + ("the same strategy." if same else f"**{_name(result, best_at[wtp])}**.")


def _against_reference(result: Result, best: str, wtp: float) -> Iterator[str]:
    """Incremental net benefit with its interval."""
    currency, reference = result.scenario.settings.currency, _name(result, result.scenario.reference)
    if not result.pairwise.empty:
        pairs = result.pairwise
        pair = records(pairs[(pairs["wtp"] == wtp) & (pairs["strategy"] == best)])[0]
        ends, what = (pair["inmb_lower"], pair["inmb_upper"]), f"95 % of {number(result.draws)} draws of the inputs"
        mean = pair["inmb"]
    else:
        row = records(result.increments[result.increments["strategy"] == best])[0]
        mean, error = row[f"inmb_{wtp:g}"], row[f"inmb_{wtp:g}_mcse"]
        ends, what = (mean - Z95 * error, mean + Z95 * error), "95 % Monte Carlo interval"
    interval = "" if pd.isna(ends[0]) else f" ({what}: {number(ends[0])} to {number(ends[1])})"
    yield f"Its net benefit is {number(mean)} {currency} per patient above that of {reference}{interval}."


def _trust(result: Result) -> Iterator[str]:
    settings = result.scenario.settings
    best_at = best_strategies(result)
    if result.ceac.empty:
        yield "Every input stands at its mean here, so the intervals are those of the simulation alone and say nothing"
        yield "about how uncertain the inputs are."
    elif best_at:
        wtp, best = next(iter(best_at.items()))
        rows = result.ceac[result.ceac["wtp"] == wtp].set_index("strategy")
        value = result.evpi[result.evpi["wtp"] == wtp]["evpi"].iloc[0]
        yield f"It is the best strategy in {100 * rows['p_best'][best]:.0f} % of the draws at {number(wtp)}; to know"
        yield f"every input for certain would be worth {number(value)} {settings.currency} per patient."
    if result.assumed_share is not None:
        yield f"{100 * result.assumed_share:.0f} % of what single inputs can move the net benefit by comes from"
        yield "inputs that are assumed."
    grades = result.inputs["grade"].replace("", np.nan).value_counts()
    if grades.sum():
        yield f"Of {grades.sum()} graded numbers that go in, {grades.get('assumed', 0)} are assumptions,"
        yield f"{grades.get('published', 0)} are printed in a publication and {grades.get('derived', 0)} are derived."
    cases = _changing(result)
    if cases:
        yield cases
    judged = result.targets["agrees"].dropna() if "agrees" in result.targets else pd.Series(dtype=bool)
    if len(judged):
        yield f"{int(judged.astype(bool).sum())} of {len(judged)} published results with an allowed difference are"
        yield "reproduced."
    if not result.burden.empty:
        lost = [
            f"{number(100 * row['qaly_lost'], 1)} under {_name(result, row['strategy'])}"
            for row in records(result.burden)
        ]
        yield f"QALYs lost to waiting, per 100 patients: {', '.join(lost)}."


def _changing(result: Result) -> str:
    """How many cases of the extrapolation and variants have another best strategy."""
    parts = []
    for name, words in (("extrapolation", "assumptions about the time after the data"), ("variants", "variants")):
        table: pd.DataFrame = getattr(result, name)
        if table.empty:
            continue
        best = {
            str(case): str(rows["strategy"].iloc[int((rows["wtp"] * rows["qaly"] - rows["cost"]).to_numpy().argmax())])
            for case, rows in table.groupby("name", sort=False)
        }
        base, *others = best.values()
        if others:
            count = sum(other != base for other in others)
            parts.append(f"{count or 'none'} of {len(others)} other {words}")
    return f"Another strategy is best under {' and under '.join(parts)}." if parts else ""


def best_strategies(result: Result) -> dict[float, str]:
    """Strategy with the highest expected net monetary benefit, by threshold of the scenario."""
    found = {}
    table = result.frontier.dropna(subset=["cost", "qaly"])
    for wtp in result.scenario.settings.willingness_to_pay if len(table) else ():
        benefit = (wtp * table["qaly"] - table["cost"]).to_numpy()
        found[wtp] = str(table["strategy"].iloc[int(benefit.argmax())])
    return found


def span(result: Result) -> str:
    """The horizon in words."""
    horizon = result.scenario.settings.horizon_years
    return "a lifetime" if isinstance(horizon, str) else f"{horizon:g} years"


def _name(result: Result, strategy: str) -> str:
    return result.scenario.strategy_label(strategy)


def _money(result: Result, value: float) -> str:
    return f"{number(value)} {result.scenario.settings.currency}"


def facts(result: Result) -> list[tuple[str, str]]:
    """What was run, as pairs."""
    settings = result.scenario.settings
    draws = "none: inputs at their means" if not result.draws else f"{result.draws:,} of all uncertain inputs"
    patients = f"{result.patients:,}" + (" in each draw" if result.draws else "")
    rate = settings.discount_rate
    service: dict[str, Any] = result.service or {}
    engine = "discrete events" if result.engine == "des" else "cohort"
    return [
        ("Perspective", settings.perspective),
        ("Horizon", span(result)),
        ("Prices", f"{settings.currency}, {settings.price_year}"),
        ("Discount rates", f"costs {100 * rate.costs:g} %, effects {100 * rate.effects:g} %"),
        ("Patients", patients + (f", {service['replications']} replications" if service else "")),
        ("Draws", draws),
        ("Engine", engine),
        ("Seed", f"{result.seed}"),
    ]
