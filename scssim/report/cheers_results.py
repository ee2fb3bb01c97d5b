"""What a run found, in sentences for a reader (CHEERS 2022, items 22 to 24)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from scssim.report.look import number
from scssim.report.stress_words import listed, several, share
from scssim.report.study import Study, enumerated, qalys, series, spelt, text
from scssim.report.terminal import records
from scssim.report.write import decision

GRADES = ("published", "derived", "assumed")
MOST = 3
"""Parameters of a ranking that are named."""

CASES = {
    "variants": "variants", "extrapolation": "assumptions about the time after the data", "subgroups": "subgroups",
}  # fmt: skip
"""Tables of cases in words."""


def parameters(study: Study) -> str:
    """What went in (item 22)."""
    inputs, swings = study.result.inputs, study.result.assumed_share
    if inputs.empty:
        return ""
    copied = inputs["distribution"].str.startswith("as ")
    own = inputs[~copied]
    uncertain = own[own["low"].notna()]
    count = Counter(own["grade"])
    graded = [f"{count[grade]} are {grade}" for grade in GRADES if count[grade]]
    graded += [f"{count['']} have no grade"] if count[""] else []
    return text(
        f"The scenario states {several(len(own), 'number')}, of which {listed(graded)}.",
        f"The assumed are {share(count['assumed'] / len(own))} of all." if count["assumed"] else "",
        f"For {copied.sum()} more it takes the value of one of these." if copied.any() else "",
        f"{len(uncertain)} of them have a distribution ({spelt(uncertain['distribution'])}); the others are the same "
        "in every draw." if len(uncertain) else "None of them is uncertain.",
        f"{share(swings)} of the sum of all one-way swings of the net benefit is of assumed numbers."
        if swings is not None else "",
        "The list of inputs has the value, 95 % interval, distribution, source and grade of each.",
    )  # fmt: skip


def main(study: Study) -> str:
    """Costs, outcomes and their comparison (item 23)."""
    levels = study.settings.willingness_to_pay
    found = [means(study), *against(study), dominance(study), *(best(study, wtp) for wtp in levels)]
    return text(*found, cases(study, "subgroups"))


def means(study: Study) -> str:
    """Mean cost and QALYs of each strategy."""
    found = [
        f"{study.label(row['strategy'])} {study.money(row['cost'])} and {qalys(row['qaly'])}"
        for row in records(study.result.frontier)
    ]
    return f"Mean discounted costs and QALYs of a patient are {enumerated(found)}." if found else ""


def against(study: Study) -> list[str]:
    """Each strategy against the reference."""
    rows = study.result.increments
    rows = rows[rows["strategy"] != rows["reference"]] if len(rows) else rows
    return [f"{study.label(row['strategy'])} {_difference(study, row)}." for row in records(rows)]


def _difference(study: Study, row: dict[str, Any]) -> str:
    cost, gain = row["d_cost"], row["d_qaly"]
    ratio = ""
    if cost > 0 and gain > 0:
        ratio = f", {study.per_qaly(cost / gain)} gained"
    elif cost < 0 and gain < 0:
        ratio = f", {study.money(cost / gain)} saved per QALY lost"
    elif cost * gain < 0:
        ratio = ", which it dominates" if gain > 0 else ", which dominates it"
    costs = f"costs {study.money(abs(cost))} {'less' if cost < 0 else 'more'}"
    return f"{costs} and gives {qalys(abs(gain))} {'less' if gain < 0 else 'more'} than {study.reference}{ratio}"


def dominance(study: Study) -> str:
    """Full incremental analysis."""
    rows = study.result.frontier
    if rows.empty or not study.compares:
        return ""
    on = records(rows[rows["status"] == "frontier"].sort_values("cost", kind="stable"))
    ratios = ["" if pd.isna(row["icer"]) else f" ({study.per_qaly(row['icer'])})" for row in on]
    ladder = [study.label(row["strategy"]) + ratio for row, ratio in zip(on, ratios, strict=True)]
    off = [f"{study.label(row['strategy'])} ({row['status']})" for row in records(rows[rows["status"] != "frontier"])]
    return text(
        f"On the efficiency frontier, each against the one before: {series(ladder)}.",
        f"Not on it: {series(off)}." if off else "",
    )


def best(study: Study, wtp: float) -> str:
    """Which strategy has the highest net benefit at a threshold."""
    name, lead = study.best(wtp), study.lead(wtp)
    if not name:
        return ""
    ahead = ""
    if lead is not None:
        ahead = f", {study.money(lead.by)} per patient ahead of {study.label(lead.next)}"
        ahead += ", which the simulation cannot tell from it" if lead.close else ""
    return f"At {study.per_qaly(wtp)} {study.label(name)} has the highest net benefit{ahead}."


# -------------------------------------------------------------------- uncertainty


def effect_of_uncertainty(study: Study) -> str:
    """What uncertainty does to the findings (item 24)."""
    found = [*drawn(study), *one_way(study), *grids(study), *thresholds(study)]
    analysed = text(*found, cases(study, "variants"), cases(study, "extrapolation"))
    return text(precision(study), analysed or "Uncertainty about the numbers was not explored.", conventions(study))


def precision(study: Study) -> str:
    """Monte Carlo error of the net benefits."""
    rows, levels = study.result.increments, study.settings.willingness_to_pay
    name = f"inmb_{levels[0]:g}_mcse" if levels else ""
    if name not in rows or not study.compares or rows[name].isna().all():
        return ""
    largest = study.money(rows[name].max())
    at = study.per_qaly(levels[0])
    return f"The Monte Carlo standard error of incremental net benefits at {at} is at most {largest}."


def drawn(study: Study) -> list[str]:
    """How sure the decision is, with draws."""
    found = []
    if study.result.draws and not study.enough_draws:
        return [f"{several(study.result.draws, 'draw')} are too few to say how sure this is."]
    for row in decision(study.result) or [] if study.compares else ():
        pair = row["inmb"].get(row["best"])
        span = ""
        if pair:
            ends = f"{number(pair['lower'], 1)} to {number(pair['upper'], 1)}"
            span = f"; over {study.reference} it gains {study.money(pair['mean'])} (95 % interval {ends})"
        found.append(
            f"At {study.per_qaly(row['wtp'])} {study.label(row['best'])} has the highest expected net benefit, and the "
            f"highest in {share(row['p_best'])} of the draws{span}; perfect information is worth "
            f"{study.money(row['evpi'])} per patient."
        )
    return found


def one_way(study: Study) -> list[str]:
    """Which numbers matter most, one at a time."""
    dsa = study.result.dsa
    if dsa.empty:
        return []
    first, order = records(dsa)[0], list(dict.fromkeys(map(str, dsa["parameter"])))
    ends = dsa.groupby("parameter")["inmb"].agg(["min", "max"])
    top = [f"`{name}` ({number(ends['min'][name], 1)} to {number(ends['max'][name], 1)})" for name in order[:MOST]]
    turned = dsa[dsa["best"] != dsa["best_base"]]["parameter"].nunique()
    return [
        f"The net benefit of {study.label(first['strategy'])} over {study.label(first['reference'])} at "
        f"{study.per_qaly(first['wtp'])} ({study.settings.currency}) moves most with {listed(top)}.",
        f"The best strategy changes within the range of {turned} of {several(len(order), 'number')}.",
    ]


def grids(study: Study) -> list[str]:
    """Which strategies are best over grids of two numbers."""
    found = []
    for _, rows in study.result.two_way.groupby("name", sort=False) if len(study.result.two_way) else ():
        points = Counter(map(str, rows["best"])).most_common()
        names = [f"{study.label(name)} in {share(count / len(rows))}" for name, count in points]
        x, y = rows["x"].iloc[0], rows["y"].iloc[0]
        found.append(f"Over the grid of `{x}` and `{y}` the best strategy is {series(names)} of the points.")
    return found


def thresholds(study: Study) -> list[str]:
    """Where the decision changes."""
    found = []
    for _, rows in study.result.thresholds.groupby("name", sort=False) if len(study.result.thresholds) else ():
        first, last = rows.iloc[0], rows.iloc[-1]
        span = f"With `{first['parameter']}` from {number(first['low'])} to {number(first['high'])}"
        if pd.isna(first["value"]):
            found.append(f"{span}, {study.label(first['best_base'])} stays the best.")
            continue
        ends = [f"{study.label(row['best_below'])} is best up to {number(row['value'])}" for row in records(rows)]
        found.append(f"{span}, {'; then '.join(ends)}; {study.label(last['best_above'])} beyond.")
    return found


def cases(study: Study, kind: str) -> str:
    """In which cases (`variants`, `subgroups`, `extrapolation`) another strategy is best."""
    table = getattr(study.result, kind)
    others = study.others(table)
    if not others or not study.compares:
        return ""
    base = next(iter(study.cases(table).values())).best
    changed = [f"{one.label} ({study.label(one.best)})" for one in others.values() if one.best != base]
    close = sum(one.close for one in others.values())
    at_means = study.result.draws and not study.scenario.analyses.cases.draws
    level = f"At {study.per_qaly(float(table['wtp'].iloc[0]))}{', with numbers at their means,' if at_means else ''}"
    return text(
        f"{level} {study.label(base)} is best in the base case and in {len(others) - len(changed)} of "
        f"{len(others)} {CASES[kind]}.",
        f"Another is best in {enumerated(changed)}." if changed else "",
        f"In {close} of them the best leads by less than twice the Monte Carlo standard error." if close else "",
    )


def conventions(study: Study) -> str:
    """Whether the choice of discount rate and horizon was varied."""
    asked, result = study.scenario.analyses, study.result
    ran = [one for name, one in asked.variants.items() if name in study.others(result.variants)]
    if asked.extrapolation is not None:
        after = study.others(result.extrapolation)
        ran += [one for name, one in asked.extrapolation.cases.items() if name in after]
    paths = {path for one in ran for path in one.set_}
    varied = {
        "discount rate": any(path.startswith("settings.discount_rate") for path in paths),
        "time horizon": "settings.horizon_years" in paths,
    }
    within, without = ([what for what, done in varied.items() if done is wanted] for wanted in (True, False))
    return text(
        f"The effect of the {listed(within)} is among these." if within else "",
        f"The effect of the {listed(without)} was not analysed." if without else "",
    )
