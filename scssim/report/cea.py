"""Decision analysis of costs and effects from files: tables, and a summary for the terminal."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from scssim.economics import Population, ceac, ceaf_switches, evpi, evppi, frontier, pairwise
from scssim.errors import ScssimError
from scssim.files import writing
from scssim.report.stress_words import several
from scssim.report.terminal import Page, Screen, number
from scssim.report.write import prepared, write_csv, write_figures
from scssim.scenario.names import did_you_mean

TABLES = ("frontier", "ceac", "pairwise", "evpi", "evppi")
"""Tables that an analysis can have."""

FIGURES = ("ce_plane", "ceac", "expected_loss", "evpi", "evppi")
"""Figures that it can have."""

MOST_THRESHOLDS = 6
"""Thresholds in the summary."""


def parameter_groups(texts: Sequence[str], parameters: Path | None) -> list[list[str]]:
    """Groups of parameters as given on the command line, ``a,b`` for two in one group.

    Raises
    ------
    ScssimError
        If there are groups without a file of parameters or the other way round, or a name is missing or repeated.
    """
    if texts and parameters is None:
        raise ScssimError("--evppi needs the values of the parameters in every draw; give their file with --parameters")
    if parameters is not None and not texts:
        raise ScssimError("--parameters is of use with --evppi only; name parameters there, such as --evppi a,b")
    # As in a line of CSV: a name with a comma stands in quotes.
    lines = [next(csv.reader([text], skipinitialspace=True), []) or [""] for text in texts]
    groups = [[name.strip() for name in line] for line in lines]
    for text, group in zip(texts, groups, strict=True):
        if not all(group):
            raise ScssimError(f"--evppi {text!r}: the name of a parameter is missing")
        if len(set(group)) < len(group):
            raise ScssimError(f"--evppi {text!r}: a parameter is named twice")
    return groups


def patients(population: float | None, years: float | None, discount: float | None) -> Population | None:
    """The population as given on the command line; None if nothing was.

    Raises
    ------
    ScssimError
        If some of the three numbers are missing.
    SampleError
        If a number is not possible.
    """
    given = {"--population": population, "--years": years, "--discount": discount}
    if all(value is None for value in given.values()):
        return None
    if population is None or years is None or discount is None:
        missing = " and ".join(name for name, value in given.items() if value is None)
        raise ScssimError(f"--population, --years and --discount belong together; give {missing} too")
    return Population(population, years, discount)


def analyse(
    costs: pd.DataFrame,
    effects: pd.DataFrame,
    wtp: np.ndarray,
    *,
    reference: str | None = None,
    population: Population | None = None,
    parameters: pd.DataFrame | None = None,
    groups: Sequence[Sequence[str]] = (),
) -> dict[str, pd.DataFrame]:
    """Make every table of a decision analysis.

    Parameters
    ----------
    costs, effects
        By strategy, one value per draw. Matched by name.
    wtp
        Increasing thresholds.
    reference
        Strategy for comparisons two by two; by default the first of the costs.
    population
        Patients whom the decision concerns.
    parameters
        By parameter, one value per draw.
    groups
        Names of parameters whose value of information is wanted, together in a group.

    Returns
    -------
    dict
        ``frontier``, ``ceac``, ``pairwise``, ``evpi``, and ``evppi`` if there are groups.

    Raises
    ------
    ScssimError
        If a parameter of a group is not there.
    SampleError
        If anything else cannot be used.
    """
    names = [] if parameters is None else [str(name) for name in parameters.columns]
    for name in (name for group in groups for name in group):
        if name not in names:
            raise ScssimError(f"there is no parameter `{name}`: {did_you_mean(name, names)}")
    tables = {
        "frontier": frontier(costs, effects),
        "ceac": ceac(costs, effects, wtp),
        "pairwise": pairwise(costs, effects, wtp, reference),
        "evpi": evpi(costs, effects, wtp, population),
    }
    if parameters is not None and groups:
        tables["evppi"] = evppi(costs, effects, parameters, [list(group) for group in groups], wtp, population)
    return tables


@contextmanager
def place(out: Path) -> Iterator[None]:
    """Make a directory for the tables, and make sure before an analysis that it can be written to.

    Raises
    ------
    ScssimError
        If the place is no directory, cannot be written to, or holds the results of ``scssim run``, some of which have
        the same names.
    """
    if (out / "manifest.json").exists():
        raise ScssimError(f"{out} holds the results of a run of a scenario; choose another place with --out")
    with prepared(out):
        yield


def marked(wtp: np.ndarray, asked: Sequence[float]) -> tuple[float, ...]:
    """Thresholds to mark in figures, increasing.

    Raises
    ------
    ScssimError
        If one is outside the range of the thresholds.
    """
    low, high = float(wtp[0]), float(wtp[-1])
    for mark in asked:
        if not low <= mark <= high:
            raise ScssimError(f"--mark {mark:g} is outside the thresholds of --wtp, {low:g} to {high:g}")
    return tuple(sorted(set(asked)))


def _peak(found: pd.DataFrame) -> float:
    """Threshold at which perfect information is worth most: what is marked if nobody says what; else the middle."""
    value = found["evpi"].to_numpy()
    return float(found["wtp"].iloc[int(value.argmax()) if value.max() > 0 else value.size // 2])


def write(
    tables: dict[str, pd.DataFrame],
    costs: pd.DataFrame,
    effects: pd.DataFrame,
    out: Path,
    marks: tuple[float, ...] = (),
    currency: str = "currency",
    reference: str | None = None,
) -> list[Path]:
    """Write tables as CSV to ``out/tables`` and figures to ``out/figures``; those of an earlier analysis are replaced.

    Parameters
    ----------
    tables
        What `analyse` returned.
    costs, effects
        What it was made from.
    out
        Directory.
    marks, currency, reference
        Thresholds that figures mark (none: where EVPI is highest), the unit of costs, and the strategy that others
        are compared with.

    Raises
    ------
    ScssimError
        If a file cannot be written.
    """
    from scssim.report import decision_figures, style
    from scssim.report.look import Look
    from scssim.report.plane_figure import ce_plane

    folder = out / "tables"
    with writing(out):
        folder.mkdir(parents=True, exist_ok=True)
        written = [write_csv(table, folder / f"{name}.csv") for name, table in tables.items()]
        look = Look({name: name for name in map(str, costs.columns)}, currency, marks or (_peak(tables["evpi"]),))
        makers = decision_figures.makers(look, ceac=tables["ceac"], evpi=tables["evpi"], evppi=tables.get("evppi"))
        if len(costs) > 1:  # one draw is no cloud
            makers["ce_plane"] = lambda: ce_plane(look, costs, effects, reference)
        written += write_figures(style.drawn(makers), out / "figures")
        ours = {folder / f"{name}.csv" for name in TABLES}
        ours |= {out / "figures" / f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
        for path in ours - set(written):
            path.unlink(missing_ok=True)
    return written


def print_analysis(
    tables: dict[str, pd.DataFrame],
    costs: pd.DataFrame,
    effects: pd.DataFrame,
    console: Console,
    out: Path,
    marks: tuple[float, ...] = (),
) -> None:
    """Print what a decision analysis found, at most 100 columns wide.

    Parameters
    ----------
    tables
        What `analyse` returned.
    costs, effects
        What it was made from.
    console
        Where to print; without colours and rules when it is no terminal.
    out
        Where the tables were written.
    marks
        Thresholds that figures mark; the value of parameters is printed at the first.
    """
    page = Page(Screen(console))
    draws, strategies = costs.shape
    page.line("Decision analysis", "bold")
    page.line(f"{several(draws, 'draw')}, {several(strategies, 'strategy')}", "dim")
    _frontier(page, tables["frontier"])
    _best(page, ceaf_switches(costs, effects))
    _uncertainty(page, tables)
    if "evppi" in tables:
        _partial(page, tables, marks)
    if draws == 1:
        page.line("One draw: no uncertainty, so no value of information.", "yellow")
    console.print()
    page.line(f"Results: {out}", "bold")


def _frontier(page: Page, found: pd.DataFrame) -> None:
    table = page.table("Costs and QALYs", "(means of the draws); ICER against the one before on the frontier")
    table.add_column("Strategy", overflow="fold", min_width=12)
    for name in ("Cost", "QALYs", "ICER, cost/QALY"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Status", overflow="fold")
    costs, icers = _amounts(found["cost"]), _amounts(found["icer"])
    for row, cost, icer in zip(found.to_dict("records"), costs, icers, strict=True):
        on = row["status"] == "frontier"
        status = Text("on the frontier" if on else str(row["status"]), style="green" if on else "dim")
        table.add_row(Text(str(row["strategy"])), cost, number(row["qaly"], 3), icer, status)
    page.show(table)


def _best(page: Page, switches: pd.DataFrame) -> None:
    """Print from which threshold on which strategy is best."""
    amounts = ["0", *_amounts(switches["wtp"])[1:]]
    parts = [f"{name} from {amount}" for name, amount in zip(switches["strategy"], amounts, strict=True)]
    page.line(f"  Highest expected net benefit, by threshold: {', '.join(parts)}")


def _uncertainty(page: Page, tables: dict[str, pd.DataFrame]) -> None:
    chosen = _some(len(tables["evpi"]))
    value = tables["evpi"].iloc[chosen]
    best = tables["ceac"][tables["ceac"]["is_optimal"]].iloc[chosen]
    whole = value["evpi_population"].notna().any()
    table = page.table("Uncertainty of the decision", "(± Monte Carlo SE)")
    table.add_column("Threshold", justify="right", no_wrap=True)
    table.add_column("Highest expected benefit", overflow="fold", min_width=12)
    for name in ("Probability best", "EVPI per patient", "±", *(["EVPI of population"] if whole else [])):
        table.add_column(name, justify="right")
    columns = [_amounts(value["wtp"]), list(best["strategy"]), [number(p, 3) for p in best["p_best"]]]
    columns += [_amounts(value["evpi"]), _amounts(value["se"], value["evpi"])]
    columns += [_amounts(value["evpi_population"])] if whole else []
    for cells in zip(*columns, strict=True):
        table.add_row(*(Text(cell) for cell in cells))
    page.show(table)


def _partial(page: Page, tables: dict[str, pd.DataFrame], marks: tuple[float, ...]) -> None:
    """Print the value of each group at the first threshold marked, or where perfect information is worth most."""
    partial = tables["evppi"]
    known = partial["wtp"].unique()
    wtp = next((mark for mark in marks if mark in known), _peak(tables["evpi"]))
    why = "" if marks else ", where EVPI is highest"
    table = page.table("Value of information about parameters", f"(at {number(wtp)}{why}; ± SE)")
    table.add_column("Parameters", overflow="fold", min_width=12)
    for name in ("EVPPI per patient", "±"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = partial[partial["wtp"] == wtp]
    for cells in zip(rows["group"], _amounts(rows["evppi"]), _amounts(rows["se"], rows["evppi"]), strict=True):
        table.add_row(*(Text(str(cell)) for cell in cells))
    page.show(table)


def _some(length: int) -> list[int]:
    """Positions spread evenly over a list, with both ends."""
    return sorted({round(x) for x in np.linspace(0, length - 1, min(length, MOST_THRESHOLDS))})


def _amounts(values: pd.Series, like: pd.Series | None = None) -> list[str]:
    """Amounts of money, with decimals if all of them (or of others) are small: costs may be in thousands."""
    decimals = 0 if (values if like is None else like).abs().max() >= 100 else 2
    return [number(value, decimals) for value in values]
