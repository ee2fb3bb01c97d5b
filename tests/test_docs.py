"""What the documentation says can be done: its code runs, its commands exist, its generated pages are current."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import scssim
from scssim import cli
from scssim.scenario import evidence, reference
from scssim.scenario.merge import shipped

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *ROOT.glob("docs/*.md")])


def blocks(page: str, language: str) -> list[str]:
    """Fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


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


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_python_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = blocks(page, "python")
    assert code
    exec(compile("\n".join(code), page, "exec"), {"__name__": page})


def test_commands_are_found() -> None:
    assert {page for page, _ in commands()} >= {"README.md", "getting-started.md"}


@pytest.mark.parametrize(("page", "text"), commands())
def test_commands_exist(page: str, text: str) -> None:
    _, name, *arguments = shlex.split(text, comments=True)
    command = typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments)
    scenario = context.params.get("scenario")
    known = {*shipped(), "cheaper.yaml", "my_scenario.yaml"}
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
    assert not loaded.warnings
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
    ("page", "module", "text"),
    [
        ("scenario-reference.md", "reference", reference.reference),
        ("evidence-numbers.md", "evidence", lambda: evidence.document("back_leg_uk")),
    ],
    ids=["scenario-reference", "evidence-numbers"],
)
def test_generated_pages_are_current(page: str, module: str, text: object) -> None:
    assert callable(text)
    current = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert current == text(), f"run: python -m scssim.scenario.{module} > docs/{page}"


def test_readme_is_right_about_the_two_views() -> None:
    """HF10 has the highest net benefit at 20,000 a QALY in one scenario, injections in the other."""
    for name, best in (("back_leg_uk", "hf10"), ("sceptical", "injections")):
        means = scssim.run(name, patients=5_000).frontier.set_index("strategy")
        assert (20_000 * means.qaly - means.cost).idxmax() == best


def test_table_columns_are_documented() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    result = scssim.run("senza_rct", patients=50, draws=2)
    for name in scssim.result.TABLES:  # type: ignore[attr-defined]
        section = text.split(f"`{name}`", 1)[1]
        for column in getattr(result, name).columns:
            if "." not in column and not column.startswith("inmb_"):
                assert re.search(rf"\b{column}\b", section), f"{name}.{column}"
