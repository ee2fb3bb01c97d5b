"""What a lifetime costs, against patients, draws, strategies, visits and workers.

python benchmarks/cost.py                     # some six minutes; renews table, CSV and plot of docs/performance.md
python benchmarks/cost.py --quick --out DIR   # half a minute: jobs a tenth as large, one pair each; writes into DIR

Every case is measured in turns with one reference case. What is reported is the median ratio of a case to the
reference beside it, and that ratio times the median of the reference in nanoseconds: a machine that slows down for a
while slows both down. A job is everything but imports and the writing of files.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import scssim
from case import MONTHS, SCENARIO
from machine import kernel_rate, processor_seconds

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- table: cost per lifetime -->", "<!-- end of the table -->"
NAME = "cost_per_lifetime"


@dataclass(frozen=True)
class Case:
    """One job: what is varied, by which series (a line of the plot), and its size."""

    varied: str
    series: str
    value: int
    patients: int
    draws: int = 0
    strategies: int = 7
    visits: int = 0
    clocks: int = 1
    workers: int = 1

    @property
    def lifetimes(self) -> int:
        """Patients times draws times strategies."""
        return self.patients * (self.draws or 1) * self.strategies


@dataclass(frozen=True)
class Row:
    """What came out for a case; times in nanoseconds per lifetime, `relative` times as multiples of the reference."""

    varied: str
    series: str
    value: int
    lifetimes: int
    wall_ns: float
    processor_ns: float
    relative_wall: float
    relative_processor: float


def cases(scale: int) -> tuple[Case, list[Case]]:
    """The reference, and all cases; jobs are as large as can be divided by `scale`."""
    most, many = 1_000_000 // scale, 100_000 // scale
    reference = Case("reference", "", 1, many)
    found = [Case("patients", "no draws", n, n) for n in (10, 100, 1_000, 10_000, 100_000, 1_000_000) if n <= most]
    found += [
        Case("draws", f"{patients:,} patients", draws, patients, draws)
        for patients in (100, 1_000, 10_000)
        for draws in (10, 100, 1_000)
        if patients * draws <= most
    ]
    found += [Case("strategies", "", n, reference.lifetimes // n, strategies=n) for n in range(1, 8)]
    found += [Case("visits", "one clock", 0, many)]
    found += [
        Case("visits", "two clocks" if clocks == 2 else "one clock", n, many, visits=n, clocks=clocks)
        for clocks in (1, 2)
        for n in (1, 3, 6, 12)
    ]
    counts = sorted({1, 2, *(n for n in (4, 8, 16) if n <= (os.cpu_count() or 1))})
    found += [
        Case("workers", f"2,000 draws of {1_000 // scale:,} patients", n, 1_000 // scale, 2_000, workers=n)
        for n in counts
    ]
    return reference, found


@cache
def strategies() -> list[str]:
    """Strategies of the scenario, in its order."""
    return list(scssim.load(SCENARIO).scenario.strategies)


def overrides(case: Case) -> dict[str, Any]:
    """Changes of the scenario: without analyses; the first strategies; visits spread over the horizon."""
    values: dict[str, Any] = {f"strategies.{name}": None for name in strategies()[case.strategies :]}
    step = len(MONTHS) // case.visits if case.visits else 0
    return values | {
        "analyses": None,
        "settings.reference": strategies()[0],
        "settings.visit_months": MONTHS[step - 1 :: step] if step else [],
        "settings.visit_clocks": ["entry", "activation"][: case.clocks],
    }


def measure(case: Case) -> tuple[float, float]:
    """Nanoseconds per lifetime: wall time, processor time."""
    values = overrides(case)
    gc.collect()
    wall, processor = time.perf_counter(), processor_seconds()
    result = scssim.run(scssim.load(SCENARIO, values), patients=case.patients, draws=case.draws, workers=case.workers)
    wall, processor = time.perf_counter() - wall, processor_seconds() - processor
    assert len(result.scenario.strategies) == case.strategies
    return wall / case.lifetimes * 1e9, processor / case.lifetimes * 1e9


def measure_all(scale: int, pairs: int) -> tuple[list[Row], str]:
    """All rows, the reference first, and a sentence on how they were measured."""
    reference, todo = cases(scale)
    measure(reference)  # imports
    references: list[tuple[float, float]] = []
    ratios: list[tuple[Case, float, float]] = []
    kernel = []
    for done, case in enumerate(todo, 1):
        kernel.append(kernel_rate())
        wall, processor = [], []
        for _ in range(pairs):
            base, own = measure(reference), measure(case)
            references.append(base)
            wall.append(own[0] / base[0])
            processor.append(own[1] / base[1])
        ratios.append((case, statistics.median(wall), statistics.median(processor)))
        print(f"{done}/{len(todo)} {case.varied} {case.series} {case.value}: {ratios[-1][1]:.3f}", flush=True)
    unit_wall, unit_processor = (statistics.median(one[i] for one in references) for i in (0, 1))
    rows = [
        Row(
            case.varied, case.series, case.value, case.lifetimes,
            round(wall * unit_wall, 1), round(processor * unit_processor, 1), round(wall, 3), round(processor, 3),
        )
        for case, wall, processor in [(reference, 1.0, 1.0), *ratios]
    ]  # fmt: skip
    where = f"{platform.system()} on {platform.machine()} with {os.cpu_count()} cores"
    what = f"Python {platform.python_version()}, NumPy {version('numpy')}"
    speed = (
        f"the fixed kernel of `benchmarks/machine.py` handled {statistics.median(kernel):.0f} million numbers a second"
    )
    said = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {where}, {what}; {speed}. Medians of {pairs} pairs. The "
        f"reference is {reference.patients:,} patients without draws and visits, seven strategies, one worker; its "
        f"wall time was {unit_wall / unit_processor:.2f} times its processor time (1 on an idle machine)."
    )
    return rows, said


def markdown(rows: Iterable[Row]) -> str:
    """The table of the page."""
    lines = [
        "| varied | case | lifetimes | wall time, ns | processor time, ns | wall, relative | processor, relative |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        case = f"{row.value:,}" + (f", {row.series}" if row.series else "")
        lines.append(
            f"| {row.varied} | {'' if row.varied == 'reference' else case} | {row.lifetimes:,} | {row.wall_ns:,.0f} | "
            f"{row.processor_ns:,.0f} | {row.relative_wall:,.2f} | {row.relative_processor:,.2f} |"
        )
    return "\n".join(lines)


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """The table for programs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(row) for row in rows)


def read_csv(path: Path) -> list[Row]:
    """The rows of such a table."""
    kinds = (str, str, int, int, float, float, float, float)
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(*(kind(text) for kind, text in zip(kinds, row, strict=True))) for row in list(csv.reader(file))[1:]]


def between_marks(page: str, text: str) -> str:
    """A page with what stands between its two marks replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the page has no {BEGIN} or no {END} after it")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


LABELS = {
    "patients": ("Patients: processor time", "Number of patients, without draws"),
    "draws": ("Draws: processor time", "Number of draws"),
    "strategies": ("Strategies: processor time", "Number of strategies"),
    "visits": ("Visits: processor time", "Number of visit months"),
    "workers": ("Workers: wall and processor time", "Number of worker processes"),
}
"""Title and horizontal axis of each panel."""


def short(number: int) -> str:
    """A round number in few characters."""
    return f"{number // 10**6}m" if number >= 10**6 else f"{number // 1000}k" if number >= 1000 else str(number)


def draw(rows: Sequence[Row], path: Path) -> None:
    """The plot: a panel for what is varied, in the style of the project's figures."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    from scssim.report import style

    plain = FuncFormatter(lambda value, _: f"{value:,.0f}")
    with style.context():
        heading = style.Heading.fit(
            "What a simulated lifetime costs",
            f"Nanoseconds per lifetime (a patient in a draw under a strategy), scenario {SCENARIO}, everything but "
            f"imports and the writing of files. Dotted: the reference, {rows[0].lifetimes // 7:,} patients without "
            "draws and visits, seven strategies, one worker.",
            style.WIDTH,
        )
        width, cell, left, between, below = style.WIDTH, 2.0, 0.98, 0.68, 0.95
        height = heading.height + 0.35 + 2 * (cell + below) - 0.4
        figure = Figure(figsize=(width, height))
        heading.draw(figure)
        panel = (width - left - 0.2 - 2 * between) / 3
        for i, (varied, (title, axis)) in enumerate(LABELS.items()):
            line, column = divmod(i, 3)
            x = left + column * (panel + between)
            y = height - heading.height - 0.35 - cell - line * (cell + below)
            axes = figure.add_axes((x / width, y / height, panel / width, cell / height))
            own = [row for row in rows if row.varied == varied]
            lines: dict[str, list[tuple[int, float]]] = {}
            for row in own:
                if varied == "workers":
                    lines.setdefault("wall time", []).append((row.value, row.wall_ns))
                    lines.setdefault("processor time", []).append((row.value, row.processor_ns))
                else:
                    lines.setdefault(row.series, []).append((row.value, row.processor_ns))
            looks = style.line_styles(list(lines))
            for name, points in lines.items():
                look = looks[name]
                axes.plot(
                    *zip(*points, strict=True), label=name, color=look.color, linestyle=look.dash, marker=look.marker,
                    markersize=4.5, linewidth=1.6,
                )  # fmt: skip
            axes.axhline(rows[0].processor_ns, color=style.FAINT, linestyle=":", linewidth=1)
            ticks = sorted({row.value for row in own})
            if varied in ("patients", "draws"):
                axes.set_xscale("log")
                axes.set_yscale("log")
            else:  # room for the legend above the lines
                largest = max(cost for points in lines.values() for _, cost in points)
                axes.set_ylim(0, (1.5 if varied == "workers" else 1.15) * largest)
            axes.grid(axis="y")
            axes.set_xticks(ticks, [short(tick) for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(plain)
            axes.set_title(title)
            axes.set_xlabel(axis)
            if column == 0:
                axes.set_ylabel("ns per lifetime")
            if len(lines) > 1:
                axes.legend(loc="upper left" if varied == "visits" else "upper right")
    style.save(figure, path, "png")


def main() -> None:
    """Measure; write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="jobs a tenth as large, one pair each")
    parser.add_argument("--pairs", type=int, help="pairs of each case (default 5; 1 with --quick)")
    parser.add_argument("--out", type=Path, help="folder for table and plot, in place of docs/")
    given = parser.parse_args()
    if given.quick and not given.out:
        parser.error("--quick is no measurement for docs/performance.md: name a folder with --out")
    rows, said = measure_all(10 if given.quick else 1, given.pairs or (1 if given.quick else 5))
    text = f"{said}\n\n{markdown(rows)}"
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{NAME}.md").write_text(text + "\n", encoding="utf-8")
        write_csv(rows, given.out / f"{NAME}.csv")
        draw(rows, given.out / f"{NAME}.png")
        return
    page = DOCS / "performance.md"
    page.write_text(between_marks(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    write_csv(rows, DOCS / "performance.csv")
    draw(rows, DOCS / "img" / f"{NAME}.png")


if __name__ == "__main__":
    main()
