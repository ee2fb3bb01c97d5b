"""Tables of the page that the summary for the terminal does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scssim import library
from scssim.report import stress_tables
from scssim.report.cheers import cheers
from scssim.report.citations import cited
from scssim.report.figures import cost_label, state_label
from scssim.report.html.parts import Cell, Column, Grid
from scssim.report.look import number
from scssim.report.read import Manifest
from scssim.report.stress_facts import Facts
from scssim.report.terminal import number as rounded
from scssim.report.terminal import records
from scssim.report.verification import DONE, HOLDS, NOTHING, PASSED, Row
from scssim.result import Result

GOOD = (PASSED, HOLDS, DONE, NOTHING)
"""Outcomes of checks that need no mark."""

RARE = 0.0005
"""Events and states of fewer patients than this, per patient, are left out where all strategies have so few."""


def steps(result: Result) -> Grid:
    """Strategies and their steps."""
    found = stress_tables.steps(Facts(result.scenario))
    rows = [[Cell(label.strip("`")), Cell(text.replace("`", ""))] for label, text in found]
    return Grid("What the strategies are", [Column("Strategy"), Column("Steps", wide=True)], rows)


def ends(result: Result) -> Grid | None:
    """Share of patients in each state at the horizon."""
    table = result.occupancy
    if table.empty:
        return None
    last = int(table["month"].max())
    wide = _wide(result, table[table["month"] == last], "state", "share")
    wide = wide[(wide > RARE).any(axis=1)]
    wide.index = pd.Index([state_label(result, str(state)) for state in wide.index])
    return _by_strategy(
        result, f"Where patients are at month {last}", "State", wide, lambda x: f"{100 * x:.1f} %" if x else "0",
        "share of all patients", "occupancy", named=True,
    )  # fmt: skip


def events(result: Result) -> Grid | None:
    """Events per patient."""
    table = result.events
    table = table[~table["event"].isin(["death", "horizon"])]
    wide = _wide(result, table, "event", "per_patient")
    wide = wide[(wide > RARE).any(axis=1)]
    if wide.empty:
        return None
    return _by_strategy(
        result, "What happens on the way", "Event", wide, lambda x: rounded(x, 3), "per patient", "events"
    )


def costs(result: Result) -> Grid:
    """Discounted costs by item."""
    wide = _wide(result, result.costs, "item", "discounted")
    note = f"{result.scenario.settings.currency} per patient, discounted"
    outside = set(result.costs[result.costs["perspective"] != "healthcare"]["item"])
    if result.scenario.settings.perspective == "healthcare" and outside & set(wide.index):
        note += "; not in the totals of this perspective: " + ", ".join(_item(result, item) for item in sorted(outside))
    return _by_strategy(result, "Costs by item", "Item", wide[(wide != 0).any(axis=1)], rounded, note, "costs")


def utilities(result: Result) -> Grid | None:
    """QALYs by every utility source."""
    table = result.outcomes[result.outcomes["outcome"].str.startswith("qaly")]
    table = table[~table["outcome"].str.endswith("_undiscounted")]
    if table["outcome"].nunique() < 2:
        return None
    base = result.scenario.settings.utility or next(iter(result.scenario.utilities.sources))
    labels = {f"qaly_{key}": one.label or key for key, one in result.scenario.utilities.sources.items()}
    wide = _wide(result, table, "outcome", "mean")
    wide.index = pd.Index([labels.get(name, f"{labels[f'qaly_{base}']} (base case)") for name in wide.index])
    return _by_strategy(result, "QALYs by source of utilities", "Source", wide, lambda x: rounded(x, 3), "discounted",
                        "outcomes", named=True)  # fmt: skip


def inputs(result: Result) -> Grid:
    """Every number that goes in."""
    rows = []
    for row in records(result.inputs):
        source, grade = str(row["source"]), str(row["grade"])
        rows.append([
            Cell(str(row["path"]), code=True),
            Cell(_value(row), sort=None if pd.isna(row["value"]) else float(row["value"])),
            Cell(_spread(row)),
            Cell(source, link=f"source-{source}" if source in library.bibliography() else "", code=bool(source)),
            Cell(grade or "not stated", mark=grade or "unstated"),
            Cell(str(row["note"])),
        ])  # fmt: skip
    columns = [
        Column("Input"), Column("Value", numeric=True), Column("95 % interval, distribution"), Column("Source"),
        Column("Grade"), Column("Note", wide=True),
    ]  # fmt: skip
    return Grid("Every input", columns, rows, data="inputs", search=True)


def sources(result: Result) -> Grid:
    """Bibliography of the sources of inputs and targets."""
    rows = []
    for key in cited(result):
        entry = library.bibliography().get(key)
        if entry is None:
            rows.append([Cell(key, code=True), Cell("not in the bibliography"), Cell("")])
            continue
        parts = [entry.authors, str(entry.year or ""), entry.title, entry.journal, entry.identifier]
        said = ". ".join(part.rstrip(".") for part in parts if part)
        rows.append([Cell(key, code=True, id=f"source-{key}"), Cell(said), Cell(entry.read)])
    return Grid("Sources", [Column("Key"), Column("Publication", wide=True), Column("What was read of it", wide=True)],
                rows)  # fmt: skip


def cheers_items(result: Result, titles: Mapping[str, str]) -> Grid:
    """CHEERS 2022, item by item, with the titles of the sections that have more."""
    rows = [
        [
            Cell(f"{item.number}. {item.section}: {item.topic}", sort=item.number),
            Cell(item.text or "not reported", spans=bool(item.text), mark="" if item.text else "unstated"),
            Cell(titles.get(item.where, ""), link=item.where if item.where in titles else ""),
        ]
        for item in cheers(result)
    ]  # fmt: skip
    columns = [Column("Item"), Column("Reported", wide=True), Column("Where")]
    return Grid("CHEERS 2022", columns, rows)


def verification_rows(caption: str, found: Sequence[Row]) -> Grid:
    """What was checked and how it came out."""
    rows = [
        [
            Cell(row.what, spans=True), Cell(row.outcome, mark="" if row.outcome in GOOD else "unstated"),
            Cell(row.detail, spans=True), Cell(" ".join(filter(None, (row.stage, row.part)))),
        ]
        for row in found
    ]  # fmt: skip
    columns = [Column("What", wide=True), Column("Outcome"), Column("Remarks", wide=True), Column("Stage, question")]
    return Grid(caption, columns, rows)


def provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """How the run was made, as pairs."""
    pairs = [
        ("Scenario", f"{manifest.scenario.name}: {manifest.scenario.title}"),
        ("Hash of the scenario (SHA-256)", manifest.scenario.sha256),
        ("Command", manifest.command),
        ("Seed", str(manifest.seed)),
        ("scssim", manifest.scssim),
        ("Hash of its code", manifest.code or "not recorded"),
        ("Python", manifest.python),
        ("Packages", ", ".join(f"{name} {version}" for name, version in manifest.packages.items())),
        ("Machine", manifest.platform),
        ("Finished", manifest.finished),
    ]
    return pairs if manifest.seconds is None else [*pairs, ("Time taken", f"{manifest.seconds:.1f} s")]


# ------------------------------------------------------------------- helpers


def _value(row: dict[str, Any]) -> str:
    return "" if pd.isna(row["value"]) else number(row["value"], 5)


def _spread(row: dict[str, Any]) -> str:
    ends = "" if pd.isna(row["low"]) else f"{number(row['low'], 4)} to {number(row['high'], 4)}, "
    return ends + str(row["distribution"])


def _wide(result: Result, table: pd.DataFrame, rows: str, values: str) -> pd.DataFrame:
    """A row per item in the order of the table, a column per strategy in the order of the scenario."""
    order = list(dict.fromkeys(table[rows]))
    wide = table.pivot_table(index=rows, columns="strategy", values=values, aggfunc="sum", fill_value=0.0, sort=False)
    return wide.reindex(index=order, columns=list(result.scenario.strategies), fill_value=0.0)


def _by_strategy(
    result: Result, caption: str, heading: str, wide: pd.DataFrame, show: Any, note: str, data: str, named: bool = False
) -> Grid:
    columns = [Column(heading), *(Column(result.scenario.strategy_label(str(s)), numeric=True) for s in wide.columns)]
    rows = [
        [Cell(str(item) if named else _item(result, str(item))), *(Cell(show(x), sort=float(x)) for x in values)]
        for item, values in zip(wide.index, wide.to_numpy(dtype=float), strict=True)
    ]
    return Grid(caption, columns, rows, note, data)


def _item(result: Result, key: str) -> str:
    """An item of cost, or an event, in words: the label of its therapy, and the rest of its key."""
    head, _, tail = key.partition(".")
    therapy = result.scenario.therapies.get(head)
    if therapy is None or not tail:
        return cost_label(result, key)
    complication = therapy.complications.get(tail.split(".")[0])
    if complication is not None and complication.label:
        tail = ".".join([complication.label, *tail.split(".")[1:]])
    return f"{therapy.label or head}: {tail.replace('end.', 'ends with ').replace('_', ' ').replace('.', ', ')}"
