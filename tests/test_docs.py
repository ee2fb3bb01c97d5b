"""What the documentation says can be done: its code runs, its commands exist, its generated pages are current."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import scssim
from scssim import cli, library
from scssim.report.stress import stress_des
from scssim.report.write import FIGURES
from scssim.scenario import evidence, reference
from scssim.scenario.merge import shipped

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *ROOT.glob("docs/**/*.md")]
)
NAMED = re.compile(r"# (\w+\.yaml)\n")
"""First line of a scenario in a page: the file that the rest of the page calls it."""


def blocks(page: str, language: str) -> list[str]:
    """Fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


def pages(*languages: str) -> list[str]:
    """Pages with fenced blocks of all these languages."""
    names = [str(page.relative_to(ROOT)) for page in PAGES]
    return [name for name in names if all(blocks(name, language) for language in languages)]


def scenarios() -> dict[str, str]:
    """Text of the scenarios that pages show and name, by file."""
    return {match[1]: text for page in pages("yaml") for text in blocks(page, "yaml") if (match := NAMED.match(text))}


def commands() -> list[tuple[str, str]]:
    """Page and text of every call of the command line in a block of shell commands."""
    return [
        (page.name, part.strip().removeprefix(".venv/bin/"))
        for page in PAGES
        for block in blocks(str(page.relative_to(ROOT)), "bash")
        for line in block.splitlines()
        for part in line.split("&&")
        if part.strip().removeprefix(".venv/bin/").startswith("scssim ")
    ]


def test_pages_with_code_are_found() -> None:
    analyses = {f"docs/analyses/{page.name}" for page in (ROOT / "docs" / "analyses").glob("*.md")}
    assert len(analyses) == 9
    own = ("getting-started", "authoring", "services", "tutorial", "verification", "large-studies")
    others = {"README.md", *(f"docs/{name}.md" for name in own)}
    assert others | analyses - {"docs/analyses/README.md"} == set(pages("python"))


@pytest.mark.parametrize("page", pages("python"))
def test_python_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in scenarios().items():
        Path(name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    exec(compile("\n".join(blocks(page, "python")), page, "exec"), {"__name__": page})


def test_scenarios_of_pages_are_named_and_used() -> None:
    """Each has a name of its own, and a command of its page runs it."""
    named = [page for page in pages("yaml") if page.startswith(("docs/analyses/", "docs/tutorial"))]
    shown = [text for page in named for text in blocks(page, "yaml")]
    assert sorted(shown) == sorted(scenarios().values())
    assert set(scenarios()) - {"our_reference_case.yaml"} <= {word for _, text in commands() for word in text.split()}


@pytest.mark.parametrize(("name", "text"), scenarios().items(), ids=scenarios())
def test_scenarios_of_pages_are_valid(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    loaded = scssim.load(path)
    assert not loaded.warnings
    assert loaded.scenario.analyses.model_fields_set


def test_commands_are_found() -> None:
    assert {page for page, _ in commands()} >= {"README.md", "getting-started.md"}


@pytest.mark.parametrize(("page", "text"), commands())
def test_commands_exist(page: str, text: str) -> None:
    _, name, *arguments = shlex.split(text, comments=True)
    command = typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments)
    scenario = context.params.get("scenario")
    known = {*shipped(), *scenarios(), "cheaper.yaml", "my_scenario.yaml"}
    assert scenario is None or scenario in known or (ROOT / scenario).is_file(), page


@pytest.mark.parametrize("name", ["run", "test"])
def test_readme_marks_its_two_commands(name: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"<!-- command: {name} -->\n```bash\n(.*)\n```", text)
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert f"\nperform {name}\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_scenario_of_getting_started_runs(tmp_path: Path) -> None:
    (text,) = blocks("docs/getting-started.md", "yaml")
    path = tmp_path / "cheaper.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = scssim.load(path)
    assert all("is left out" in warning.what for warning in loaded.warnings)  # cases that need its strategies
    result = scssim.run(loaded, patients=200)
    assert list(result.frontier.strategy) == ["lf_scs", "hf10", "lf_then_hf10", "younger"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if file.startswith("http"):
            continue
        where = (page.parent / file) if file else page
        assert where.exists(), target
        if anchor and where.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", where.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}, target


@pytest.mark.parametrize(
    ("page", "command", "text"),
    [
        ("scenario-reference.md", "scssim.scenario.reference", reference.reference),
        ("evidence-numbers.md", "scssim.scenario.evidence back_leg_uk", lambda: evidence.document("back_leg_uk")),
        ("stress-des.md", "scssim.report.stress pain_service", lambda: stress_des(scssim.load("pain_service"))),
    ],
    ids=["scenario-reference", "evidence-numbers", "stress-des"],
)
def test_generated_pages_are_current(page: str, command: str, text: object) -> None:
    assert callable(text)
    current = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert current == text(), f"run: python -m {command} > docs/{page}"


def test_a_source_that_is_not_in_the_bibliography_is_listed_as_such(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("extends: back_leg_uk\ntherapies:\n  hf10:\n    costs: {trial: {value: 1, source: nobody2020}}\n")
    assert "| nobody2020 | not in the bibliography | |" in evidence.document(str(path))


def test_the_table_of_performance_is_that_of_its_csv() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    table = page.split("<!-- table: cost per lifetime -->")[1].split("<!-- end of the table -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    with (ROOT / "docs" / "performance.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(lines) == len(rows) > 20
    for line, row in zip(lines, rows, strict=True):
        shown = [cell.strip().replace(",", "") for cell in line.split("|")]
        assert shown[1] == row["varied"] and shown[3] == row["lifetimes"]
        for cell, name in enumerate(("wall_ns", "processor_ns", "relative_wall", "relative_processor"), start=4):
            assert float(shown[cell]) == pytest.approx(float(row[name]), abs=0.51 if name.endswith("_ns") else 0.0051)


def test_readme_is_right_about_the_two_views() -> None:
    """HF10 has the highest net benefit at 20,000 a QALY in one scenario, injections in the other."""
    for name, best in (("back_leg_uk", "hf10"), ("sceptical", "injections")):
        means = scssim.run(name, patients=5_000).frontier.set_index("strategy")
        assert (20_000 * means.qaly - means.cost).idxmax() == best


def test_table_columns_are_documented() -> None:
    """Every column of every table, in the section of the table."""
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    sections = {heading: rest for heading, _, rest in (part.partition("\n") for part in text.split("\n## "))}
    small = {
        "settings.patients": 60,
        "settings.visit_months": [0],
        "analyses.decision.curve": {"from": 0, "to": 40_000, "step": 10_000},
        "analyses.dsa.parameters": ["therapies.hf10.device.*"],
        "analyses.two_way.price_and_loss.points": 2,
        "analyses.thresholds.responders_of_hf10": None,
        "analyses.thresholds.battery_of_hf10": None,
    }
    result = scssim.run(scssim.load("decision_uk", overrides=small), patients=20, draws=20)
    short = {
        "service.years": 1,
        "service.warm_up_years": 0.1,
        "service.replications": 2,
        "analyses.capacity.levels": [9],
    }
    service = scssim.run(scssim.load("pain_service", overrides=short), engine="des")
    for name in scssim.result.TABLES:  # type: ignore[attr-defined]
        columns = [*getattr(result, name).columns, *getattr(service, name).columns]
        assert len(columns), f"the run has no table {name}"
        section = "\n".join(rest for heading, rest in sections.items() if f"`{name}`" in heading)
        for column in columns:
            if "." not in column and not re.match(r"(inmb|behind)_\d", column):
                assert re.search(rf"\b{column}\b", section), f"{name}.{column}"


def test_columns_of_histories_are_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    section = text.split("\n## Histories\n")[1].split("\n## ")[0]
    found = scssim.run("back_leg_uk", patients=10, histories=tmp_path).histories
    assert found is not None
    outcomes = "cost, qaly, life_years, ..."
    for name, table in (("episodes", found.episodes()), ("patients", found.patients())):
        part = next(part for part in section.split("\n\n") if part.startswith(f"| `{name}`"))
        for column in table.columns:
            if column.startswith("complication_"):
                column = "complication_KIND"
            assert re.search(rf"\b{column}\b", part) or (
                outcomes in part and column.startswith(("cost", "qaly", "life"))
            )


def test_the_reference_of_the_python_interface_can_be_written(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="it takes pdoc: pip install '.[docs]'")
    command = [sys.executable, "-W", "error", str(ROOT / "docs" / "api.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    page = (tmp_path / "scssim.html").read_text(encoding="utf-8")
    for name in scssim.__all__:
        module = tmp_path / "scssim" / f"{name}.html"
        assert f'id="{name}"' in page or module.is_file(), name
        if module.is_file():
            text = module.read_text(encoding="utf-8")
            assert all(f'id="{own}"' in text for own in getattr(scssim, name).__all__)
    assert 'id="Histories.episodes"' in page and "Parameters" in page


def test_figures_are_documented() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    section = text.split("\n## Figures\n")[1].split("\n## ")[0]
    for name in FIGURES:
        assert f"`{name.replace('*', 'NAME')}`" in section, name


def test_sources_that_doubts_are_held_against_are_in_the_bibliography_and_on_their_page() -> None:
    package = ROOT / "scssim"
    modules = (
        package / "model" / "face_numbers.py",
        package / "scenario" / "face.py",
        package / "scenario" / "face_steps.py",
    )
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    cited = {key for path in modules for key in re.findall(r"\(([a-z]+(?:_[a-z]+)?\d{4})\)", path.read_text("utf-8"))}
    assert len(cited) >= 8
    assert cited <= library.bibliography().keys()
    assert all(f"`{key}`" in page for key in cited)
