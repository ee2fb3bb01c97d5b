"""What the analyses of a run found, in short, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from scssim.analysis.decision import USEFUL
from scssim.report.study import best_row
from scssim.report.terminal import ResultPage, Sheet, number, records

if TYPE_CHECKING:
    from scssim.result import Result

MOST = 5
"""Rows of a ranking on a terminal."""


def print_analyses(result: Result, sheet: Sheet) -> None:
    """Print the decision under uncertainty, sensitivity, variants, extrapolation and budget, as far as they are there.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    sheet
        Where to write.
    """
    page = Analyses(result, sheet)
    page.decision()
    page.information()
    page.one_way()
    page.changes()
    for name, title in (
        ("extrapolation", "What happens after the data"), ("variants", "Variants"), ("subgroups", "Subgroups"),
    ):  # fmt: skip
        page.cases(name, title)
    page.budget()


def _value(x: float) -> str:
    """The value of a parameter: four digits, or a whole number."""
    return f"{x:,.4g}" if abs(x) < 1000 else number(x)


class Analyses(ResultPage):
    """What the analyses found.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    sheet
        Where to write.
    most
        Rows of a ranking.
    """

    def __init__(self, result: Result, sheet: Sheet, most: int = MOST) -> None:
        super().__init__(result, sheet)
        self.most = most
        self.currency, self.levels = self.settings.currency, self.settings.willingness_to_pay

    def decision(self) -> None:
        """Probability of being best and value of perfect information at the thresholds of the scenario."""
        ceac, evpi = self.result.ceac, self.result.evpi
        if ceac.empty or not self.levels:
            return
        clean = "" if self.result.noise.empty else "; noise between patients taken away"
        note = f"({self.result.draws:,} draws{clean})"
        table = self.table("Probability of the highest net benefit", note)
        table.add_column("Strategy", overflow="fold", min_width=12)
        for wtp in self.levels:
            table.add_column(f"at {number(wtp)}", justify="right", no_wrap=True)
        first = self.levels[0]
        table.add_column(f"INMB at {number(first)}, 95 %", justify="right", no_wrap=True)
        shares = ceac.pivot(index="strategy", columns="wtp", values="p_best")
        pairs = self.result.pairwise
        spans = pairs[pairs["wtp"] == first].set_index("strategy")
        for name in self.result.scenario.strategies:
            span = ""
            if name in spans.index:
                span = f"{number(spans['inmb_lower'][name])} to {number(spans['inmb_upper'][name])}"
            table.add_row(self.label(name), *(f"{100 * shares[wtp][name]:.0f} %" for wtp in self.levels), span)
        self.show(table)
        for wtp in self.levels:
            row = evpi[evpi["wtp"] == wtp].iloc[0]
            text = f"  Value of perfect information at {number(wtp)}: {number(row['evpi'])} {self.currency} per patient"
            if pd.notna(row["evpi_population"]):
                text += f", {number(row['evpi_population'])} for the population"
            self.line(text)
        self.size()

    def size(self) -> None:
        """How much of the uncertainty is noise, and how many draws and patients serve best."""
        noise = self.result.noise
        if noise.empty:
            return
        rows = noise[(noise["quantity"] == "inmb") & (noise["wtp"] == self.levels[0])]
        if rows.empty:
            return
        share, patients, draws = (
            float(rows[column].max()) for column in ("noise_share", "patients_for_5_percent", "draws_for_precision")
        )
        text = f"  Noise between patients: at most {100 * share:.1f} % of the variance of net benefits between draws"
        text += f" at {number(self.levels[0])} (5 % takes {number(patients)} patients per draw)."
        if pd.notna(draws):
            half = number(USEFUL * self.levels[0])
            text += f" Means within ± {half} {self.currency}: {number(draws)} draws of this size."
        self.line(text)

    def information(self) -> None:
        """Groups of parameters about which knowing more is worth most, at the first threshold."""
        evppi = self.result.evppi
        if evppi.empty or not self.levels:
            return
        rows = evppi[evppi["wtp"] == self.levels[0]].sort_values("evppi", ascending=False, kind="stable")
        table = self.table(
            f"Value of knowing parameters, at {number(self.levels[0])}", f"({self.currency} per patient)"
        )
        table.add_column("Parameters", overflow="fold")
        for heading in ("EVPPI", "±"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in records(rows.head(self.most)):
            table.add_row(Text(str(row["group"])), number(row["evppi"]), number(row["se"]))
        self.show(table)
        if len(rows) > self.most:
            self.line(f"  And {len(rows) - self.most} more in the table `evppi`.", "dim")

    def one_way(self) -> None:
        """Parameters that move the net benefit most."""
        dsa = self.result.dsa
        if dsa.empty:
            return
        first = dsa.iloc[0]
        note = f"({self.label(first['strategy'])} against {self.label(first['reference'])} at {number(first['wtp'])})"
        table = self.table("Largest swings of the net benefit", note)
        table.add_column("Parameter", overflow="fold")
        for heading in ("Low", "INMB", "High", "INMB"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("Grade")
        for start in range(0, min(len(dsa), 2 * self.most), 2):
            low, high = dsa.iloc[start], dsa.iloc[start + 1]
            table.add_row(
                Text(str(low["parameter"])), _value(low["value"]), number(low["inmb"]), _value(high["value"]),
                number(high["inmb"]), Text(str(low["grade"]), style="dim"),
            )  # fmt: skip
        self.show(table)
        share = self.result.assumed_share
        error = f" (± {number(first['inmb_mcse'])})" if pd.notna(first["inmb_mcse"]) else ""
        base = f"{number(first['inmb_base'])}{error} {self.currency}"
        text = f"  {len(dsa) // 2} parameters, {number(first['patients'])} patients; INMB {base} at their means."
        if share is not None:
            text += f" {100 * share:.0f} % of the sum of all swings is of assumed ones."
        self.line(text)

    def changes(self) -> None:
        """Values at which the decision changes."""
        found = self.result.thresholds
        if found.empty:
            return
        table = self.table("Where the decision changes", "(± Monte Carlo SE)")
        for heading in ("Parameter", "Below", "Value", "±", "Above"):
            table.add_column(heading, overflow="fold", justify="right" if heading in ("Value", "±") else "left")
        for row in records(found):
            value = "nowhere" if pd.isna(row["value"]) else _value(row["value"])
            error = "" if pd.isna(row["value_mcse"]) else _value(row["value_mcse"])
            ends = (self.label(row["best_below"]), value, error, self.label(row["best_above"]))
            table.add_row(Text(str(row["parameter"])), *ends)
        self.show(table)

    def cases(self, name: str, title: str) -> None:
        """The best strategy of each case, and how it compares."""
        found: pd.DataFrame = getattr(self.result, name)
        if found.empty:
            return
        wtp = float(found["wtp"].iloc[0])
        drawn = self.result.draws and not self.result.scenario.analyses.cases.draws
        means = "; parameters at their means" if drawn else ""
        table = self.table(title, f"(highest net benefit at {number(wtp)}{means})")
        table.add_column("Case", overflow="fold")
        table.add_column("Best", overflow="fold")
        headings = ["Cost", "QALYs", "INMB"] + (["its ΔQALYs after data"] if name == "extrapolation" else [])
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        unsure = False
        for _, rows in found.groupby("name", sort=False):
            best = best_row(rows, wtp)
            cells = [number(best["cost"]), number(best["qaly"], 3), number(best["inmb"])]
            if name == "extrapolation":
                share = best["qaly_gain_after_data"]
                cells.append("" if pd.isna(share) else f"{100 * share:.0f} %")
            close = best["lead"] < 2 * best["lead_mcse"]
            mark = " *" if close else ""
            unsure = unsure or close
            table.add_row(Text(str(best["label"])), self.label(best["strategy"]) + mark, *cells)
        self.show(table)
        if unsure:
            self.line("  * Leads the next best by less than twice the Monte Carlo standard error.", "dim")
        if name == "variants":
            self.differences(found)

    def differences(self, found: pd.DataFrame) -> None:
        """Which net benefit changes most, in each variant that leaves the reference as it is."""
        rows = found[found["nmb_change"].notna() & (found["name"] != "base")]
        for _, each in rows.groupby("name", sort=False):
            same = each[each["strategy"] == each["reference"]]["nmb_change"].abs().sum() < 1e-6
            if not same or each["nmb_change"].abs().max() < 1e-6:
                continue
            top = each.iloc[int(each["nmb_change"].abs().to_numpy().argmax())]
            error = f" (± {number(top['nmb_change_mcse'])})" if pd.notna(top["nmb_change_mcse"]) else ""
            change = f"{number(top['nmb_change'])}{error} {self.currency}"
            self.line(f"  {top['label']}: net benefit of {self.label(top['strategy'])} changes by {change}")
            if top["note"]:
                self.line(f"    {top['note']}", "dim")

    def budget(self) -> None:
        """Yearly totals of both mixes."""
        found = self.result.budget
        if found.empty:
            return
        table = self.table("Budget impact", f"({self.currency}, undiscounted)")
        for heading in ("Year", "Current", "New", "Impact", "Devices, current", "Devices, new"):
            table.add_column(heading, justify="right", no_wrap=True)
        columns = ["cost_current", "cost", "impact", "devices_current", "devices"]
        for year, row in found.groupby("year")[columns].sum().iterrows():
            table.add_row(str(year), *(f"{row[column]:,.0f}" for column in columns))
        self.show(table)
