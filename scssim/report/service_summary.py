"""What happened to a service, in short, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from scssim.report.terminal import ResultPage, Sheet, number, records

if TYPE_CHECKING:
    from scssim.result import Result


def print_service(result: Result, sheet: Sheet) -> None:
    """Print waits, use, what waiting costs, where patients are in the end, and which capacity is enough.

    Parameters
    ----------
    result
        What `scssim.run` returned; nothing is printed of a run on the cohort engine.
    sheet
        Where to write.
    """
    if result.service is None:
        return
    page = Service(result, sheet)
    page.waits(result.service)
    page.burden()
    page.census()
    page.capacity()


class Service(ResultPage):
    """Waits, what they cost, where patients are, and how much capacity is enough."""

    def resource(self, name: object) -> str:
        """Label of a resource."""
        return self.result.scenario.resources[str(name)].label or str(name)

    def waits(self, service: dict[str, Any]) -> None:
        """Waits and use of each resource."""
        waits = self.result.waits
        if waits.empty:
            return
        replications = service["replications"]
        runs = f"{replications} replication{'s' if replications > 1 else ''}"
        warm_up = f" after {service['warm_up_years']:g} of warm-up" if service["warm_up_years"] else ""
        table = self.table("Waits in queues", f"({service['years']:.3g} years{warm_up}, {runs}; ± Monte Carlo SE)")
        table.add_column("Resource", overflow="fold", min_width=10)
        table.add_column("Strategy", overflow="fold", min_width=12)
        for heading in ("Days,\nmean", "±", "90 %\nwithin", "Over\ntarget", "In\nuse", "Queue\nat end"):
            table.add_column(heading, justify="right", no_wrap=True)
        use = self.result.utilisation.set_index(["strategy", "resource"])
        for row in records(waits[waits["n"] > 0].sort_values("resource", kind="stable")):
            own = use.loc[(row["strategy"], row["resource"])]
            late = row["share_over_target"]
            table.add_row(
                self.resource(row["resource"]), self.label(row["strategy"]), number(row["mean_days"], 1),
                number(row["mean_days_mcse"], 1), number(row["p90"], 1), "" if pd.isna(late) else f"{100 * late:.1f} %",
                f"{100 * own['utilisation']:.0f} %", number(own["queue_at_end"], 1),
            )  # fmt: skip
        self.show(table)
        targets = {self.resource(n): r.target for n, r in self.result.scenario.resources.items() if r.target}
        for name, target in targets.items():
            self.line(f"  Target of {name}: {100 * target.share:g} % within {target.weeks:g} weeks in the queue", "dim")

    def burden(self) -> None:
        """What waiting costs."""
        burden = self.result.burden
        if burden.empty:
            return
        table = self.table("What waiting costs", "(against unlimited resources; ± Monte Carlo SE)")
        table.add_column("Strategy", overflow="fold", min_width=12)
        currency = self.settings.currency
        headings = ("QALYs lost,\n100 patients", "±", f"{currency} saved,\npatient", "±", "QALYs lost\na year")
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        for row in records(burden):
            table.add_row(
                self.label(row["strategy"]), number(100 * row["qaly_lost"], 2), number(100 * row["qaly_lost_mcse"], 2),
                number(row["cost_saved"]), number(row["cost_saved_mcse"]), number(row["qaly_lost_per_year"], 2),
            )  # fmt: skip
        self.show(table)

    def census(self) -> None:
        """Where patients are at the end of the period."""
        census = self.result.census
        if census.empty or self.result.waits.empty:
            return
        table = self.table("Patients at the end of the period", "(mean of the replications; warm-up included)")
        table.add_column("State", no_wrap=True)
        names = list(self.result.scenario.strategies)
        for name in names:
            table.add_column(self.label(name), justify="right", overflow="fold", min_width=7)
        wide = census.pivot(index="state", columns="strategy", values="patients")
        for state in dict.fromkeys(census["state"]):
            table.add_row(str(state).replace("_", " ").capitalize(), *(number(wide.loc[state, n], 1) for n in names))
        self.show(table)

    def capacity(self) -> None:
        """The smallest capacity that meets the target."""
        table = self.result.capacity
        if table.empty or table["target_share"].isna().all():
            return
        first = table.iloc[0]
        of = f" of each {first['need']}" if first["need"] else ""
        goal = f"{100 * first['target_share']:g} % within {first['target_days'] / 7:g} weeks{of}"
        self.sheet.gap()
        self.line(f"Smallest capacity of {self.resource(first['resource'])} that meets {goal}", "bold")
        enough = table[table["smallest"]].set_index("strategy")["level"]
        used = table.groupby("strategy")["n"].sum()
        levels = f"{table['level'].min():g} to {table['level'].max():g}"
        for name in self.result.scenario.strategies:
            found = f"{enough[name]:g}" if name in enough.index else f"none of {levels}"
            self.line(f"  {self.label(name)}: {found if used[name] else 'does not need it'}")
        self.line("  In the years that count; a queue may take longer to grow (see the warnings).", "dim")
