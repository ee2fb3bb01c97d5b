"""Two runs side by side: what differs, and by how much more than the Monte Carlo error explains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from scssim.report.study import Study
from scssim.report.terminal import Page, Screen, number, records
from scssim.result import Result
from scssim.scenario.distributions import Z95

COLUMNS = ("table", "strategy", "quantity", "a", "b", "difference", "mcse", "beyond")
PLACES = {"cost": 0, "d_cost": 0, "qaly": 3, "d_qaly": 3, "life_years": 3, "p_best": 3}


def compare(a: Result, b: Result) -> pd.DataFrame:
    """Numbers that two runs both have, side by side.

    Parameters
    ----------
    a, b
        Results of `scssim.run`, or of `scssim.report.read.read_result`.

    Returns
    -------
    DataFrame
        One row per number: ``table`` (that it is from), ``strategy``, ``quantity``, ``a``, ``b``, ``difference``
        (b - a), ``mcse`` (Monte Carlo standard error of the difference between independent runs, from those of the
        two; runs of the same seed share their luck, so that it is then smaller than this) and ``beyond``: whether the
        difference is more than 1.96 of these. The last two are missing where a number has no error of its own.
    """
    rows = [row for part in (_outcomes, _increments, _acceptability, _targets) for row in part(a, b)]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:5], "error_a", "error_b"])
    table["difference"] = table["b"] - table["a"]
    table["mcse"] = np.hypot(table.pop("error_a").astype(float), table.pop("error_b").astype(float))
    known = table["mcse"].notna() & table["difference"].notna()
    table["beyond"] = (table["difference"].abs() > Z95 * table["mcse"]).where(known)
    return table[list(COLUMNS)]


Rows = Iterator[tuple[str, str, str, float, float, float, float]]


def _joined(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> list[dict[str, Any]]:
    """Rows that both tables have, with the suffixes ``_x`` and ``_y``."""
    if a.empty or b.empty:
        return []
    # Several rows of one key (targets from several sources) go together in their order.
    one, other = (table.assign(_place=table.groupby(keys, sort=False).cumcount()) for table in (a, b))
    return records(one.merge(other, on=[*keys, "_place"], how="inner"))


def _outcomes(a: Result, b: Result) -> Rows:
    for row in _joined(a.outcomes, b.outcomes, ["strategy", "outcome"]):
        values = row["mean_x"], row["mean_y"], row["mcse_x"], row["mcse_y"]
        yield ("outcomes", row["strategy"], row["outcome"], *values)


def _increments(a: Result, b: Result) -> Rows:
    if a.scenario.reference != b.scenario.reference:
        return
    shared = [name for name in a.increments if f"{name}_mcse" in a.increments and f"{name}_mcse" in b.increments]
    for row in _joined(a.increments, b.increments, ["strategy", "reference"]):
        if row["strategy"] != row["reference"]:
            for name in shared:
                values = (row[f"{name}_{side}"] for side in ("x", "y", "mcse_x", "mcse_y"))
                yield ("increments", row["strategy"], str(name), *values)


def _acceptability(a: Result, b: Result) -> Rows:
    thresholds = a.scenario.settings.willingness_to_pay
    for row in _joined(a.ceac, b.ceac, ["wtp", "strategy"]):
        if row["wtp"] in thresholds:
            errors = (np.sqrt(row[f"p_best_{side}"] * (1 - row[f"p_best_{side}"]) / max(n or 1, 1))
                      for side, n in (("x", a.draws), ("y", b.draws)))  # fmt: skip
            name = f"p_best_{row['wtp']:g}"
            yield ("ceac", row["strategy"], name, row["p_best_x"], row["p_best_y"], *errors)


def _targets(a: Result, b: Result) -> Rows:
    keys = ["target", "strategy", "clock", "denominator"]
    for row in _joined(a.targets, b.targets, keys):
        values = row["simulated_x"], row["simulated_y"], row["mcse_x"], row["mcse_y"]
        yield ("targets", row["strategy"], row["target"], *values)


# ------------------------------------------------------------------- the terminal


def print_comparison(a: Result, b: Result, names: tuple[str | Path, str | Path], console: Console) -> None:
    """Print two runs side by side.

    Parameters
    ----------
    a, b
        Results.
    names
        What to call them.
    console
        Where to print.
    """
    page = Page(Screen(console))
    for letter, one, name in (("A", a, names[0]), ("B", b, names[1])):
        draws = f"{one.draws:,} draws x " if one.draws else ""
        page.line(f"{letter}: {name}", "bold")
        page.line(f"   {one.scenario.title}; {draws}{one.patients:,} patients, seed {one.seed}, {one.engine}", "dim")
    _print_sameness(page, a, b)
    table = compare(a, b)
    for name, title, note in (
        ("outcomes", "Costs and QALYs per patient", "± Monte Carlo SE of the difference"),
        ("increments", f"Differences from {a.scenario.strategy_label(a.scenario.reference)}", "± of the difference"),
        ("ceac", "Probability of the highest net benefit", ""),
        ("targets", "Simulated results that have a published one", ""),
    ):
        rows = table[table["table"] == name]
        if name == "outcomes":
            rows = rows[rows["quantity"].isin(["cost", "qaly"])]
        if not rows.empty:
            _print_rows(page, a, rows, title, f"({note})" if note else "")
    _print_best(page, a, b)
    judged = table["beyond"].dropna()
    if len(judged):
        page.sheet.gap()
        page.line(
            f"{int(judged.sum())} of {len(judged)} numbers with a Monte Carlo error differ by more than 1.96 of it (*);"
            f" by chance about {round(0.05 * len(judged))} would."
        )


def _print_sameness(page: Page, a: Result, b: Result) -> None:
    same = a.loaded.sha256 == b.loaded.sha256
    page.line("The scenarios are the same." if same else "The scenarios differ: `scssim diff A B` tells how.")
    if a.seed == b.seed:
        page.line("The seed is the same, so patients share their luck: the errors below are too large, if anything.")
    for letter, one, other in (("A", a, b), ("B", b, a)):
        only = [one.scenario.strategy_label(s) for s in one.scenario.strategies if s not in other.scenario.strategies]
        if only:
            page.line(f"Only in {letter}: {', '.join(only)}.")
    shared = [s for s in a.scenario.strategies if s in b.scenario.strategies]
    for name in shared:
        steps = [r.scenario.strategies[name].steps for r in (a, b)]
        if steps[0] != steps[1] or a.scenario.strategy_label(name) != b.scenario.strategy_label(name):
            labels = f"{a.scenario.strategy_label(name)!r} in A, {b.scenario.strategy_label(name)!r} in B"
            page.line(f"`{name}` is not the same strategy in both, or has other steps: {labels}.", "yellow")
    units = {(r.scenario.settings.currency, r.scenario.settings.price_year) for r in (a, b)}
    if len(units) > 1:
        said = " and ".join(f"{r.scenario.settings.currency} {r.scenario.settings.price_year}" for r in (a, b))
        page.line(f"Prices are not of one kind: {said}.", "yellow")


def _print_rows(page: Page, a: Result, rows: pd.DataFrame, title: str, note: str) -> None:
    table = page.table(title, note)
    table.add_column("Strategy", overflow="fold", min_width=12)
    table.add_column("Quantity", overflow="fold")
    for heading in ("A", "B", "B - A", "±", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in records(rows):
        places = _places(row)
        table.add_row(
            Text(a.scenario.strategy_label(row["strategy"])), Text(row["quantity"]), number(row["a"], places),
            number(row["b"], places), number(row["difference"], places), number(row["mcse"], places),
            "*" if row["beyond"] == 1 else "",
        )  # fmt: skip
    page.show(table)


def _places(row: dict[str, Any]) -> int:
    quantity = row["quantity"]
    if row["table"] == "targets":
        return 3
    return next((places for name, places in PLACES.items() if quantity.startswith(name)), 0)


def _print_best(page: Page, a: Result, b: Result) -> None:
    studies = Study(a), Study(b)
    for wtp in a.scenario.settings.willingness_to_pay:
        if wtp in b.scenario.settings.willingness_to_pay:
            one, two = (_leader(study, wtp) for study in studies)
            verdict = f"{one} in both" if one == two else f"{one} in A, {two} in B"
            page.line(f"  Highest net benefit at {number(wtp)}: {verdict}", "" if one == two else "bold yellow")


def _leader(study: Study, wtp: float) -> str:
    """The best strategy, with those that the simulation cannot tell from it."""
    lead, label = study.lead(wtp), study.label(study.best(wtp))
    return f"{label} (or {study.label(lead.next)}: too close to tell)" if lead is not None and lead.close else label
