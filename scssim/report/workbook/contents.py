"""A result as an Excel workbook: every table, and the decision as formulas."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from scssim import library
from scssim.errors import ScssimError
from scssim.files import replace, writing
from scssim.report.citations import cited
from scssim.report.workbook.book import LINE, MOST_LINES, Book, text, wrapped_lines
from scssim.report.workbook.columns import DRAWS, SHEET
from scssim.report.write import CSV_ROWS
from scssim.result import TABLES, Result

WIDTHS = (28, 100)
"""Widths of the columns of the first sheet, in characters."""

ABOUT = {
    "outcomes": "Mean cost, QALYs and life years of each strategy",
    "increments": "Differences from the reference, ICER and incremental net monetary benefit (INMB)",
    "frontier": "Full incremental analysis",
    "visits": "Measures at visits: pain, relief, utility and others",
    "occupancy": "Share of patients in each state by month",
    "events": "Events per patient and per 100 patient-years",
    "costs": "Cost per patient by item",
    "targets": "Published results against the simulation",
    "psa": "Mean cost, QALYs and life years of each draw",
    "parameters": "Values of the uncertain parameters in each draw",
    "inputs": "Every number that goes in; rows of assumed ones are bold and shaded. Changes here change nothing",
    "ceac": "Probability that each strategy is the best, and its expected loss, by threshold",
    "pairwise": "Each strategy against the reference alone, by threshold",
    "evpi": "Expected value of perfect information by threshold",
    "evppi": "Expected value of information about groups of parameters",
    "noise": "What of the variance between draws is noise between simulated patients",
    "dsa": "One-way sensitivity analysis: each parameter at both ends of its interval",
    "two_way": "Best strategy by the values of two parameters",
    "thresholds": "Values of parameters at which the best strategy changes",
    "variants": "Strategies under other assumptions",
    "subgroups": "Strategies among some patients",
    "extrapolation": "Strategies by what happens after the observed data",
    "budget": "Patients, devices and cash flow by year, under the current and the new mix",
    "waits": "Waits for limited resources, in days",
    "waits_by_need": "Waits by what they are for and by year",
    "waiting_times": "Share served within so many weeks",
    "queues": "Queue, use and capacity over time",
    "utilisation": "How much of each resource was used",
    "burden": "QALYs lost to waiting in queues, and costs saved by it",
    "census": "Where patients are at the end of the period",
    "flows": "Who goes on to which therapy",
    "replications": "Precision of mean waits by number of replications",
    "capacity": "Waits, losses and net benefit by capacity of a resource",
    "log": "Events of some patients of the first replication",
}
"""A line about the sheet of each table."""


def ready(path: Path) -> None:
    """Make sure, before a run, that a workbook can be written.

    Parameters
    ----------
    path
        Where it will be written.

    Raises
    ------
    ScssimError
        If the package for it is not installed, or the place is a directory.
    """
    try:
        import xlsxwriter  # noqa: F401
    except ImportError:
        raise ScssimError(
            'a workbook for Excel needs a package that is not installed: pip install "scssim[excel]", '
            'or ".[excel]" in a checkout'
        ) from None
    if os.path.isdir(path):
        raise ScssimError(f"cannot write {path}: it is a directory")


def write_workbook(result: Result, path: Path) -> Path:
    """Write a result as an Excel workbook, all at once or not at all.

    The same result gives the same bytes. Tables of more than 100,000 rows are left out, which the first sheet says.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    path
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ScssimError
        If the package for it is not installed, or the file cannot be written.
    """
    ready(path)
    with writing(path):
        return replace(path, workbook(result))


def workbook(result: Result) -> bytes:
    """The workbook of a result, as bytes."""
    from scssim.report.workbook.decision import write_decision
    from scssim.report.workbook.draws import write_draws

    settings = result.scenario.settings
    book = Book(result.scenario.title, f"scssim {result.version}")
    found = {name: getattr(result, name) for name in TABLES}
    tables = {name: table for name, table in found.items() if 0 < len(table) <= CSV_ROWS}
    long = {name: len(table) for name, table in found.items() if len(table) > CSV_ROWS}
    sources = _sources(result)
    decision = "outcomes" in tables
    draws = decision and "psa" in tables
    sheets = {}
    if decision:
        sheets[SHEET] = "Costs, QALYs, ICERs and net benefit as formulas, at a threshold that you may change"
    if "inputs" in tables:
        sheets["Inputs"] = ABOUT["inputs"]
    if len(sources):
        sheets["Sources"] = "Publications behind inputs and targets, and what was read of each"
    sheets |= {name: ABOUT[name] for name in tables if name != "inputs"}
    if draws:
        sheets[DRAWS] = "Net benefit of each draw as formulas, at the threshold of the sheet Decision"
    units = {"currency": settings.currency, "year": str(settings.price_year)}
    _summary(book, result, sheets, long)
    for name in sheets:
        if name == SHEET:
            write_decision(book, result, draws)
        elif name == DRAWS:
            write_draws(book, result)
        elif name == "Inputs":
            book.table(name, tables["inputs"], units, tables["inputs"]["grade"] == "assumed")
        elif name == "Sources":
            book.table(name, sources, units)
        else:
            book.table(name, tables[name], units)
    return book.bytes()


def _summary(book: Book, result: Result, sheets: Mapping[str, str], long: Mapping[str, int]) -> None:
    """Add the first sheet: what was run, what deserves a second look, and what is where."""
    sheet = book.sheet("Summary", landscape=False)
    sheet.set_column(0, 0, WIDTHS[0])
    sheet.set_column(1, 1, WIDTHS[1])
    book.put(sheet, 0, 0, result.scenario.title, bold=True, font_size=14)
    row = 2
    for heading, lines in (
        ("What was run", list(_facts(result))),
        ("Warnings", [("", warning) for warning in result.warnings] or [("", "None")]),
        ("Sheets", [*sheets.items()]),
        ("Left out", [(name, f"{rows:,} rows: see tables/{name}.parquet") for name, rows in long.items()]),
    ):
        if not lines:
            continue
        book.put(sheet, row, 0, heading, bold=True, font_size=12)
        row += 1
        for name, words in lines:
            if heading == "Sheets":
                sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
            else:
                book.put(sheet, row, 0, name, valign="top")
            book.put(sheet, row, 1, words, text_wrap=True, valign="top")
            sheet.set_row(row, LINE * min(wrapped_lines(text(words), WIDTHS[1]), MOST_LINES))
            row += 1
        row += 1


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """How a result came about, line by line."""
    scenario, settings = result.scenario, result.scenario.settings
    horizon, rates = settings.horizon_years, settings.discount_rate
    yield "Scenario", result.loaded.name
    if scenario.description:
        yield "Description", scenario.description
    yield "Engine", "cohort" if result.service is None else "discrete events"
    if result.draws:
        yield "Draws", f"{result.draws:,}"
    elif result.service is not None:
        yield "Replications", f"{result.service['replications']:,}"
    yield "Patients", f"{result.patients:,}" + (" per draw" if result.draws else "")
    yield "Seed", str(result.seed)
    yield "Version", f"scssim {result.version}"
    yield "Horizon", horizon if isinstance(horizon, str) else f"{horizon:g} years"
    yield "Discount rates", f"{100 * rates.costs:g} % for costs, {100 * rates.effects:g} % for effects"
    yield "Perspective", settings.perspective
    yield "Currency", f"{settings.currency}, {settings.price_year} prices"
    yield "Thresholds", ", ".join(f"{wtp:,.10g}" for wtp in settings.willingness_to_pay) or "none"
    yield "Reference", scenario.strategy_label(scenario.reference)
    for name in scenario.strategies:
        yield f"Strategy {name}", scenario.strategy_label(name)


def _sources(result: Result) -> pd.DataFrame:
    """The publications behind the inputs, life table, norms and targets, by key."""
    columns = ["key", "authors", "year", "title", "journal", "identifier", "read"]
    known = library.bibliography()
    rows: list[list[object]] = []
    for key in cited(result):
        if key in known:
            rows.append([getattr(known[key], column) for column in columns])
        else:
            rows.append([key, *[None] * 5, "not in the bibliography"])
    return pd.DataFrame(rows, columns=columns, dtype=object)
