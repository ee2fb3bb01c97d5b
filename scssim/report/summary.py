"""A summary of a run for the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from scssim.report.analysis_summary import print_analyses
from scssim.report.measures import MEASURES, SHARES, words
from scssim.report.service_summary import print_service
from scssim.report.study import Study
from scssim.report.terminal import ResultPage, Screen, Sheet, number, records

if TYPE_CHECKING:
    from scssim.result import Result

MONTHS = (3, 12, 24)
MOST_WARNINGS = 10
COLUMNS = {
    "back_responder": "Back\nresp. %",
    "leg_responder": "Leg\nresp. %",
    "back_vas": "Back VAS",
    "leg_vas": "Leg VAS",
    "utility": "Utility",
}
"""Measures that are shown, with their headings."""


def print_summary(result: Result, console: Console, page: Path | None = None) -> None:
    """Print what a run found, at most 100 columns wide.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    console
        Where to print; without colours and rules when it is no terminal.
    page
        The report, beside the tables.
    """
    screen = Screen(console)
    printer = Summary(result, screen, _marks(console.encoding))
    printer.head()
    printer.strategies()
    printer.increments()
    printer.clinical()
    printer.targets()
    print_service(result, screen)
    print_analyses(result, screen)
    printer.warnings()
    if page is not None:
        printer.line(f"Tables and figures: {page.parent}")
        printer.line(f"Report: {page}", "bold")


def _marks(encoding: str) -> tuple[str, str]:
    """Signs of agreement that can be printed."""
    try:
        "✓✗".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ("yes", "NO")
    return ("✓", "✗")


class Summary(ResultPage):
    """Strategies, clinical results and published results against simulated ones."""

    def __init__(self, result: Result, sheet: Sheet, marks: tuple[str, str] = ("yes", "NO")) -> None:
        super().__init__(result, sheet)
        self.marks = marks

    # ------------------------------------------------------------- sections

    def head(self) -> None:
        """What was run."""
        result, settings = self.result, self.settings
        horizon = settings.horizon_years
        draws = f"{result.draws:,} draws x {result.patients:,}" if result.draws else f"{result.patients:,}"
        self.line(result.scenario.title, "bold")
        if result.service is not None and (n := result.service["replications"]) > 1 and not result.draws:
            draws = f"{n} replications x {draws}"
        engine = "cohort engine" if result.service is None else "discrete events"
        self.line(f"{draws} patients, seed {result.seed}, {engine}, {result.seconds:.1f} s", "dim")
        span = "a lifetime" if isinstance(horizon, str) else f"{horizon:g} years"
        self.line(
            f"over {span}, {settings.perspective} perspective, {settings.currency} at {settings.price_year} prices",
            "dim",
        )

    def strategies(self) -> None:
        """Costs and QALYs, and the incremental analysis."""
        frontier = self.result.frontier
        if frontier.empty:
            return
        outcomes = self.result.outcomes.set_index(["strategy", "outcome"])["mcse"]
        table = self.table(
            "Cost and QALYs per patient", "(± Monte Carlo SE); ICER against the one before on the frontier, by cost"
        )
        table.add_column("Strategy", overflow="fold", min_width=12)
        for name in ("Cost", "±", "QALYs", "±", f"ICER, {self.settings.currency}/QALY"):
            table.add_column(name, justify="right", no_wrap=len(name) < 10)
        table.add_column("Status", overflow="fold")
        for row in records(frontier.sort_values("cost", kind="stable")):
            name = str(row["strategy"])
            on = row["status"] == "frontier"
            table.add_row(
                self.label(name),
                number(row["cost"]),
                number(outcomes.get((name, "cost"))),
                number(row["qaly"], 3),
                number(outcomes.get((name, "qaly")), 3),
                number(row["icer"]),
                Text(self._status(row), style="green" if on else "dim"),
            )
        self.show(table)
        self.best()

    def _status(self, row: dict[str, Any]) -> str:
        if row["status"] != "frontier":
            return str(row["status"])
        return f"after {self.label(row['versus'])}" if isinstance(row["versus"], str) else "least costly"

    def best(self) -> None:
        """The strategy with the highest net benefit at each threshold, and how clear that is."""
        study = Study(self.result)
        for wtp in self.settings.willingness_to_pay:
            if (name := study.best(wtp)) is None:
                continue
            text = f"  Highest net benefit at {number(wtp)} {self.settings.currency}/QALY: {self.label(name)}"
            lead = study.lead(wtp)
            if lead is not None:
                margin = f"{number(lead.by)} ± {number(lead.error)}"
                text += f", {margin} ahead of {self.label(lead.next)}" + (": too close to tell" if lead.close else "")
            self.line(text)

    def increments(self) -> None:
        """Differences from the reference."""
        rows = self.result.increments
        rows = rows[rows["strategy"] != rows["reference"]]
        if rows.empty:
            return
        reference = self.label(str(rows["reference"].iloc[0]))
        table = self.table(f"Difference from {reference}", "(± Monte Carlo SE)")
        table.add_column("Strategy", overflow="fold", min_width=12)
        thresholds = [wtp for wtp in self.settings.willingness_to_pay if f"inmb_{wtp:g}" in rows][:3]
        for heading in ("Cost", "±", "QALYs", "±"):
            table.add_column(heading, justify="right", no_wrap=True)
        for wtp in thresholds:
            table.add_column(f"INMB\n{number(wtp)}", justify="right", no_wrap=True)
            table.add_column("±", justify="right", no_wrap=True)
        for row in records(rows):
            cells: list[Text | str] = [self.label(str(row["strategy"]))]
            cells += [
                number(row["d_cost"]),
                number(row["d_cost_mcse"]),
                number(row["d_qaly"], 3),
                number(row["d_qaly_mcse"], 3),
            ]
            for wtp in thresholds:
                cells += [number(row[f"inmb_{wtp:g}"]), number(row[f"inmb_{wtp:g}_mcse"])]
            table.add_row(*cells)
        self.show(table)

    def clinical(self) -> None:
        """Pain, response and utility at a few visits."""
        visits = self.result.visits
        if visits.empty:
            return
        clock = "activation" if (visits["clock"] == "activation").any() else "entry"
        denominator = "implanted" if clock == "activation" else "randomised"
        rows = visits[(visits["clock"] == clock) & (visits["denominator"] == denominator)]
        months = [m for m in MONTHS if (rows["month"] == m).any()]
        if not months:
            return
        since = "activation of the first implant" if clock == "activation" else "entry"
        whom = "patients ever implanted" if clock == "activation" else "all patients alive"
        means = rows.set_index(["strategy", "measure", "month"])["mean"]
        table = self.table(f"Month {'/'.join(map(str, months))} since {since}", f"({whom})")
        table.add_column("Strategy", overflow="fold", min_width=12)
        measures = [m for m in COLUMNS if (rows["measure"] == m).any()]
        for measure in measures:
            table.add_column(COLUMNS[measure], justify="right", no_wrap=True)
        shown = 0
        for name in self.result.scenario.strategies:
            cells = []
            for measure in measures:
                values = [means.get((name, measure, float(month))) for month in months]
                factor, places = 100 if measure in SHARES else 1, MEASURES[measure].places
                texts = [number(None if v is None else float(v) * factor, places) or "-" for v in values]
                cells.append("/".join(texts) if any(t != "-" for t in texts) else "")
            if any(cells):
                shown += 1
                table.add_row(self.label(name), *cells)
        self.show(table)
        if shown < len(self.result.scenario.strategies):
            self.line("  Strategies without such patients are left out.", "dim")

    def targets(self) -> None:
        """Published results against simulated ones."""
        targets = self.result.targets
        if targets.empty:
            return
        table = self.table("Published results against the simulation")
        table.add_column("Target", overflow="fold", min_width=12)
        for heading in ("Observed", "95 % CI", "Simulated", "Diff.", "Allowed"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("Agrees")
        agreeing = judged = 0
        for row in records(targets):
            percent = row.get("measure") in SHARES
            factor, decimals, unit = (100, 1, " %") if percent else (1, 2, "")

            points = " pt" if percent else ""
            interval = ""
            if not pd.isna(row["lower"]) and not pd.isna(row["upper"]):
                interval = f"{number(row['lower'] * factor, decimals)} to {number(row['upper'] * factor, decimals)}"
            simulated = not pd.isna(row["simulated"])
            difference = (row["simulated"] - row["observed"]) * factor
            tolerance, verdict = row.get("tolerance"), row.get("agrees")
            if verdict is None or pd.isna(verdict):
                mark = Text("-", style="dim")
            else:
                judged += 1
                agreeing += bool(verdict)
                mark = Text(self.marks[0], style="green") if verdict else Text(self.marks[1], style="bold red")
            table.add_row(
                Text(self._target(row)),
                number(row["observed"] * factor, decimals) + unit,
                interval,
                number(row["simulated"] * factor, decimals) + unit if simulated else "",
                f"{difference:+,.{decimals}f}{points}" if simulated else "",
                number(tolerance * factor, decimals) + points if tolerance and not pd.isna(tolerance) else "",
                mark,
            )
        self.show(table)
        if judged:
            self.line(f"  {agreeing} of {judged} targets with a tolerance agree.")
        if judged < len(targets):
            self.line("  - without a tolerance: reported only", "dim")

    def _target(self, row: dict[str, Any]) -> str:
        if not row.get("measure"):
            return str(row["target"])
        statistic = "SD of " if row.get("statistic") == "sd" else ""
        return f"{row['strategy']}: {statistic}{words(str(row['measure']))}, {row['month']:g} mo, {row['denominator']}"

    def warnings(self) -> None:
        """What deserves a second look."""
        warnings = list(self.result.warnings)
        self.sheet.gap()
        for text in warnings[:MOST_WARNINGS]:
            self.line(f"Warning: {text}", "yellow")
        if len(warnings) > MOST_WARNINGS:
            self.line(f"... and {len(warnings) - MOST_WARNINGS} more warnings; all are in manifest.json.", "yellow")
