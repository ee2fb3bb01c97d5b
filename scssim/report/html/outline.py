"""What stands where on the page of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from scssim.report.analysis_summary import Analyses
from scssim.report.html import tables
from scssim.report.html.answer import answer, facts
from scssim.report.html.diagram import with_tables
from scssim.report.html.methods import methods
from scssim.report.html.parts import Block, Facts, Grid, Picture, Points, Prose, Section, strong
from scssim.report.html.sheet import collect
from scssim.report.read import Manifest
from scssim.report.service_summary import Service
from scssim.report.stress import stress_des
from scssim.report.summary import Summary
from scssim.report.terminal import records
from scssim.report.verification import verification
from scssim.result import Result

Pictures = Callable[[str], Sequence[Picture]]
"""The figures of a name (several, where it stands for a family of them)."""

RANKED = 20
"""Rows of a ranking on the page."""

ASK = {
    "psa": "draws of all uncertain inputs (`analyses.psa`, or `--draws 1000`)",
    "dsa": "one-way sensitivity (`analyses.dsa`)",
    "evppi": "value of partial information (`analyses.evppi`)",
    "variants": "other assumptions (`analyses.variants`)",
    "subgroups": "subgroups of patients (`analyses.subgroups`)",
    "extrapolation": "assumptions about the time after the data (`analyses.extrapolation`)",
    "budget": "budget impact (`analyses.budget`)",
}
"""Analyses that a run can lack, and how to ask for them."""


def outline(result: Result, manifest: Manifest, pictures: Pictures) -> list[Section]:
    """Sections of the page in their order; those without content are left out."""
    found = [
        Section("answer", "The answer", _answer(result)),
        Section("strategies", "Strategies", _strategies(result)),
        Section("trajectories", "Pain, response and quality of life over time", _trajectories(result, pictures)),
        Section("ends", "Who ends where", _ends(result, pictures)),
        Section("costs", "Costs", [*pictures("cost_breakdown"), tables.costs(result)]),
        Section("uncertainty", "Uncertainty", _uncertainty(result, pictures)),
        Section("drivers", "What drives the result", _drivers(result, pictures)),
        Section("variants", "Other assumptions, other patients", _variants(result)),
        Section("extrapolation", "After the data", _extrapolation(result, pictures)),
        Section("information", "Value of information", _information(result, pictures)),
        Section("budget", "Budget impact", _budget(result, pictures)),
        Section("capacity", "Capacity and waiting", _capacity(result, pictures)),
        Section("observed", "Observed against simulated", _observed(result, pictures)),
        Section("inputs", "Inputs", _inputs(result)),
        Section("sources", "Sources", [tables.sources(result)]),
        Section("methods", "Methods", _methods(result)),
        Section("stress-des", "STRESS-DES", _stress(result)),
        Section("verification", "Verification", _verification(result, manifest)),
        Section("provenance", "Provenance", [Facts(tables.provenance(manifest))]),
    ]
    sections = [section for section in found if section.blocks]
    titles = {section.id: section.title for section in sections}
    place = next(i for i, section in enumerate(sections) if section.id == "methods") + 1
    return [*sections[:place], Section("cheers", "CHEERS 2022", _cheers(result, titles)), *sections[place:]]


def _some(*blocks: Block | None) -> list[Block]:
    return [block for block in blocks if block is not None]


def _answer(result: Result) -> list[Block]:
    blocks: list[Block] = [Prose(text, look="lead", plain=True) for text in answer(result)]
    blocks.append(Facts(facts(result)))
    if result.warnings:
        blocks.append(Points(result.warnings, "Worth a second look", look="warnings"))
    missing = [words for name, words in ASK.items() if getattr(result, name).empty]
    if missing:
        blocks.append(Points(missing, "Not asked for in this run:", look="note"))
    return blocks


def _strategies(result: Result) -> list[Block]:
    about = result.scenario.description
    blocks: list[Block] = [] if not about else [Prose(about)]
    return [
        *blocks, tables.steps(result),
        *collect("frontier", lambda sheet: Summary(result, sheet).strategies()),
        *collect("increments", lambda sheet: Summary(result, sheet).increments()),
        *_some(tables.utilities(result)),
    ]  # fmt: skip


def _trajectories(result: Result, pictures: Pictures) -> list[Block]:
    names = ("vas_over_time", "responders", "utility_over_time", "paresthesia")
    drawn = [one for name in names for one in (*pictures(name), *pictures(f"{name}_activation"))]
    return [*drawn, *collect("visits", lambda sheet: Summary(result, sheet).clinical())]


def _ends(result: Result, pictures: Pictures) -> list[Block]:
    return [*pictures("occupancy"), *_some(tables.ends(result), tables.events(result))]


def _uncertainty(result: Result, pictures: Pictures) -> list[Block]:
    drawn = [one for name in ("ce_plane", "ceac", "expected_loss") for one in pictures(name)]
    return [*drawn, *collect("ceac", lambda sheet: Analyses(result, sheet).decision())]


def _drivers(result: Result, pictures: Pictures) -> list[Block]:
    return [
        *pictures("tornado"),
        *collect("dsa", lambda sheet: Analyses(result, sheet, RANKED).one_way()),
        *pictures("two_way"),
        *collect("thresholds", lambda sheet: Analyses(result, sheet).changes()),
    ]


def _cases(result: Result, name: str, title: str) -> list[Block]:
    return collect(name, lambda sheet: Analyses(result, sheet).cases(name, title))


def _variants(result: Result) -> list[Block]:
    return [*_cases(result, "variants", "Variants"), *_cases(result, "subgroups", "Subgroups")]


def _extrapolation(result: Result, pictures: Pictures) -> list[Block]:
    table = result.extrapolation
    notes = []
    if not table.empty:
        first = records(table.drop_duplicates("name"))
        notes = [f"{strong(row['label'])}: {row['note']}" for row in first if row["note"]]
    blocks: list[Block] = [Points(notes)] if notes else []
    return [
        *pictures("extrapolation"), *_cases(result, "extrapolation", "What happens after the data"), *blocks,
    ]  # fmt: skip


def _information(result: Result, pictures: Pictures) -> list[Block]:
    many = len(result.evppi)
    return [
        *pictures("evpi"),
        *pictures("evppi"),
        *collect("evppi", lambda sheet: Analyses(result, sheet, many).information()),
    ]


def _budget(result: Result, pictures: Pictures) -> list[Block]:
    return [*pictures("budget"), *collect("budget", lambda sheet: Analyses(result, sheet).budget())]


def _capacity(result: Result, pictures: Pictures) -> list[Block]:
    service = result.service
    if service is None:
        return []
    page = Service
    return [
        *collect("waits", lambda sheet: page(result, sheet).waits(service)),
        *(one for name in ("waiting_times", "queues", "utilisation") for one in pictures(name)),
        *collect("burden", lambda sheet: page(result, sheet).burden()),
        *collect("capacity", lambda sheet: page(result, sheet).capacity()),
        *pictures("capacity"),
        *collect("census", lambda sheet: page(result, sheet).census()),
        *pictures("flows"),
        *pictures("swimmer"),
    ]


def _observed(result: Result, pictures: Pictures) -> list[Block]:
    return [*pictures("targets"), *collect("targets", lambda sheet: Summary(result, sheet).targets())]


def _inputs(result: Result) -> list[Block]:
    grid: Grid = tables.inputs(result)
    if not grid.rows:
        return []
    text = (
        "Every number that goes in, of the therapies that are used. *Published* is printed in its source, *derived* "
        "is arithmetic that its note gives, **assumed** is a judgement. The life table, the norms of utility and the "
        "settings above are not in the list. The table can be edited in a spreadsheet and read back."
    )
    return [Prose(text), grid]


def _methods(result: Result) -> list[Block]:
    return [Prose(text, plain=True) for text in methods(result)]


def _cheers(result: Result, titles: Mapping[str, str]) -> list[Block]:
    text = (
        "The items of the *Consolidated Health Economic Evaluation Reporting Standards 2022* (Husereau 2022), filled "
        "in from the scenario and this run. What no model can know comes from the scenario's `reporting` block."
    )
    return [Prose(text), tables.cheers_items(result, titles)]


def _verification(result: Result, manifest: Manifest) -> list[Block]:
    found = verification(result, manifest.code)
    return [
        Prose(found.status, plain=True),
        tables.verification_rows("This run: bookkeeping that must hold", found.guards),
        tables.verification_rows("Validation of this scenario (AdViSHE)", found.validation),
        tables.verification_rows("The program: checks by its tests (TECH-VER)", found.checks),
    ]


def _stress(result: Result) -> list[Block]:
    if result.service is None:
        return []
    return [Prose(with_tables(stress_des(result.loaded, result.service)), look="document")]
