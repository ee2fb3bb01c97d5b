"""The STRESS-DES page of a scenario: complete, well formed, right about what the engine logs and the scenario says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jinja2 import meta

import scssim
from engine.tiny import BARE, CARE, IMPLANT, SHOT, Data, tiny
from scssim.report import stress
from scssim.report.stress import UNSTATED, laid_out, stress_des
from scssim.scenario.load import LoadedScenario
from scssim.scenario.merge import shipped
from scssim.scenario.numbers import numbers

ROOT = Path(__file__).parents[2]
HEADINGS = [
    "1 Objectives", "1.1 Purpose of the model", "1.2 Model outputs", "1.3 Experimentation aims",
    "2 Logic", "2.1 Base model overview diagram", "2.2 Base model logic", "2.3 Scenario logic", "2.4 Algorithms",
    "2.5 Components", "2.5.1 Entities", "2.5.2 Activities", "2.5.3 Resources", "2.5.4 Queues",
    "2.5.5 Entry and exit points",
    "3 Data", "3.1 Data sources", "3.2 Pre-processing", "3.3 Input parameters", "3.4 Assumptions",
    "4 Experimentation", "4.1 Initialisation", "4.2 Run length", "4.3 Estimation approach",
    "5 Implementation", "5.1 Software or programming language", "5.2 Random sampling", "5.3 Model execution",
    "5.4 System specification",
    "6 Code access", "6.1 Computer model sharing statement",
]  # fmt: skip


def odd() -> LoadedScenario:
    """Nothing has a label or source; capacities come in pieces, times by distributions, referrals by a schedule."""
    shot: Data = {
        **SHOT, "wait": {"distribution": "weibull", "unit": "weeks", "mean": {"mean": 3, "se": 0.3}, "shape": 2},
        "repeat": {"courses": 3, "min_months": 2}, "complications": {"sore_spot": {"hazard": 0.4, "explant": 0.2}},
        "needs": {
            "start": {
                "resource": "desk",
                "max_wait": {"distribution": "exponential", "unit": "months", "survival": [[3, 0.5]]},
                "duration": {"distribution": "kaplan_meier", "unit": "days", "table": [[0, 1], [1, 0.5], [2, 0]]},
            },
            "repeat": {"resource": "room", "priority": 1},
        },
    }  # fmt: skip
    imp: Data = {
        **IMPLANT, "trial": None, "wait": {"hazard": [{"until_years": 0.5, "rate": 0.3}, {"rate": 1.5}], "ratio": 1.2},
        "needs": {"implant": "room", "replacement": "room"},
        "device": {"rechargeable": False, "life": {"distribution": "gompertz", "median": 3, "shape": 0.5}},
    }  # fmt: skip
    return tiny(
        {"shot": shot, "imp": imp},
        {"both": [{"therapy": "shot", "if": "leg_vas >= 6", "acceptance": 0.8}, "imp"], "one": ["imp"]},
        settings={"horizon_years": 4},
        resources={
            "desk": {"label": "Desk | one `a`", "open": ["mon", "tue"],
                     "servers": [{"until_years": 1, "number": 0}, {"number": 2}]},
            "room": {"slots": [{"until_years": 1, "number": 3}, {"until_years": 2, "number": 0}, {"number": 4}]},
            "idle": {"slots": 1, "per": "week", "closed_weeks": [1, 52], "target": {"weeks": 18}},
        },
        service={
            "arrivals": {"schedule": [{"day": 0, "patients": 4}, {"day": 3, "patients": 1}], "every_days": 70},
            "backlog": 3, "years": 3, "replications": 2, "log_patients": None,
        },
    )  # fmt: skip


def closed() -> LoadedScenario:
    """A closed cohort without resources, in which next to nothing happens."""
    return tiny({"care": CARE})


def queueing() -> LoadedScenario:
    """Everything that an implant can queue for, with a warm-up."""
    implant: Data = {
        **BARE, "loss_of_effect": {"hazard": 0.2, "stop_after_loss": 0.5}, "review": {"months": [6], "stop": 0.1},
        "complications": {
            "moved_lead": {"hazard": 0.4, "revision": 0.8, "relief_lost": 0.5, "revision_wait": {"weeks": 2}},
            "infection": {"hazard": 0.3, "explant": 0.5, "reimplant": True},
        },
        "reimplant": {"probability": 1, "delay": {"months": 3}},
        "device": {"rechargeable": False, "life": {"years": 2}, "replacement_wait": {"weeks": 1}},
        "trial": {"success": 0.7, "days": 10},
        "needs": {
            "trial": {"resource": "room", "max_wait": {"weeks": 6}}, "implant": "room", "revision": "room",
            "replacement": {"resource": "room", "priority": 2},
        },
    }  # fmt: skip
    care = {**CARE, "needs": {"start": {"resource": "desk", "duration": {"weeks": 4}, "max_wait": {"weeks": 30}}}}
    return tiny(
        {"care": care, "implant": implant},
        settings={"horizon_years": 5},
        population={"mortality": {"life_table": "uk_2017_2019", "smr": 40}},
        resources={"room": {"slots": 2, "per": "week", "open": ["tue", "fri"]}, "desk": {"servers": 6}},
        service={
            "arrivals": {"per_year": 60, "growth": -0.1}, "years": 3, "warm_up_years": 0.5, "log_patients": None,
            "replications": {"least": 2, "most": 3, "precision": 0.2},
        },
    )  # fmt: skip


SCENARIOS = {
    **{name: lambda name=name: scssim.load(name) for name in shipped()},
    "small": lambda: scssim.load(ROOT / "tests" / "data" / "small.yaml"),
    "odd": odd, "closed": closed, "queueing": queueing,
}  # fmt: skip


def section(page: str, heading: str) -> str:
    """Text under a heading, up to the next one."""
    return re.split(r"^#+ ", page.partition(f" {heading}\n")[2], flags=re.M)[0]


def rows(text: str) -> list[list[str]]:
    """Rows of all tables, without their heads, as cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i + k for i, line in enumerate(lines) for k in (-1, 0) if line.startswith("|---")}
    return [re.split(r"(?<!\\) \| ", line[2:-2]) for i, line in enumerate(lines) if i not in heads]


# -------------------------------------------------------------------- the form


def test_the_page_of_the_pain_service_is_short() -> None:
    assert len(stress_des(scssim.load("pain_service")).splitlines()) < 370


def test_text_is_laid_out() -> None:
    items, table, code = f"* {'long ' * 30}\n* two\n  lines", "| x\n  | y |\n|---|---|", "```mermaid\n  a\n```"
    parts = ["# A", items, "1. a\n1. b\n   c", table, code]
    made = laid_out("\n\n\n".join(parts) + "\n").split("\n\n")
    assert made[1] == f"* {'long ' * 22}long\n  {'long ' * 6}long\n* two lines"
    assert [made[0], *made[2:]] == ["# A", "1. a\n2. b c", "| x | y |\n|---|---|", "```mermaid\n  a\n```\n"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_item_of_the_checklist_is_there(name: str) -> None:
    page = stress_des(SCENARIOS[name]())
    assert re.findall(r"^##+ (.*)$", page, re.M) == HEADINGS
    for heading in HEADINGS:
        if "." in heading.split()[0] and not heading.startswith("2.5 "):
            assert section(page, heading).strip(), heading


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_is_well_formed(name: str) -> None:
    page = stress_des(SCENARIOS[name]())
    text = re.sub(r"```mermaid\n.*?```\n", "", page, flags=re.S)
    assert not re.search(r"[{}]| [.,;:)]|\( |;\.|  [^ |]", re.sub(r"`[^`]*`|^ +", "x", text, flags=re.M), re.M)
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120
    assert "\n\n\n" not in page and page.endswith(".\n")
    width = 0
    for line in text.splitlines():  # every row of a table has as many cells as its head
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not width or cells in (0, width), line
        width = cells
    assumed = re.findall(r"^(\d+)\. ", section(page, "3.4 Assumptions"), re.M)
    assert assumed == [str(k) for k in range(1, len(assumed) + 1)] and len(assumed) > 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_diagram_has_no_loose_ends(name: str) -> None:
    """Every node of the flowchart is defined once and can be reached from the referral."""
    (chart,) = re.findall(r"```mermaid\nflowchart TD\n(.*?)```", stress_des(SCENARIOS[name]()), re.S)
    bare = re.sub(r'\|"[^"]*"\|', "", chart)
    defined = re.findall(r"(\w+)[\[({]+/?\"", bare)
    assert len(defined) == len(set(defined))
    plain = re.sub(r'[\[({]+/?"[^"]*"/?[\])}]+', "", bare)
    assert set(re.findall(r"\w+", plain)) == set(defined)
    reached, edges = {"referral"}, []
    for line in plain.splitlines():
        nodes = [part.strip() for part in line.split("-->")]
        edges += pairwise(nodes)
    for _ in edges:
        reached |= {b for a, b in edges if a in reached}
    assert reached == set(defined)


def test_what_the_page_asks_for_is_known() -> None:
    """Every name in the template is computed, and everything that is computed is asked for."""
    environment = stress.environment()
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, stress.TEMPLATE)
    assert meta.find_undeclared_variables(environment.parse(source)) == set(stress.context(closed()))


def test_the_template_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert f"**/*{Path(stress.TEMPLATE).suffix}" in listed["package-data"]["*"]


def test_the_page_depends_on_the_scenario_alone(tmp_path: Path) -> None:
    pages = []
    for folder in ("a", "b"):
        place = tmp_path / folder / "mine.yaml"
        place.parent.mkdir()
        place.write_text(json.dumps({"extends": "pain_service", "title": "Mine"}), encoding="utf-8")
        pages.append(stress_des(scssim.load(place)))
    assert pages[0] == pages[1]
    assert "`scssim run mine.yaml --engine des`" in pages[0] and str(tmp_path) not in pages[0]


def test_the_command_line_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scssim.report.stress", "senza_rct"], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout == stress_des(scssim.load("senza_rct"))


# ------------------------------------------------------------------ the contents


@pytest.mark.parametrize("name", ["odd", "queueing", "pain_service"])
def test_every_event_of_a_run_is_in_the_list_of_events(name: str) -> None:
    loaded = SCENARIOS[name]()
    few: dict[str, Any] = {} if name != "pain_service" else {"patients": 300}
    if few:
        small = {"analyses.capacity": None, "service.replications": 2, "service.warm_up_years": 0, "service.years": 2}
        loaded = scssim.load(name, overrides=small)
    log = scssim.run(loaded, engine="des", **few).log
    page = stress_des(loaded)
    text = section(page, "2.2 Base model logic")
    events = {(row[0], row[3]) for row in rows(text) if len(row) == 4}
    told = " ".join(cell for _, cell in events)
    needs = {row[2].split()[0].strip("`") for row in rows(section(page, "2.5.3 Resources")) if len(row) == 6}
    complications = {key for therapy in loaded.scenario.therapies.values() for key in therapy.complications}
    for event, lifecycle in set(zip(log.event, log.lifecycle, strict=True)):
        if lifecycle in ("schedule", "withdraw") or (lifecycle == "start" and event in needs):
            assert event in needs and f"`{lifecycle}`" in told
        elif event in complications:
            assert "its name" in told
        else:
            assert f"`{event}`" in told, event
    reasons = {cell for row in rows(text) if len(row) == 3 for cell in re.findall(r"`(\w+)`", row[2])}
    assert {detail for detail in log.detail.dropna() if detail} <= reasons
    if name == "queueing":  # and what is in the list does take place
        once = {"finish", "leave", "horizon", "death", "revision", "replacement", "depletion", "loss", "trial"}
        assert once <= set(log.event)


def test_resources_and_needs_are_told() -> None:
    text = section(stress_des(scssim.load("pain_service")), "2.5.3 Resources")
    resources = {row[0]: row[1:] for row in rows(text) if len(row) == 4}
    assert resources["Theatre slots (`theatre`)"] == [
        "6 to year 1.5, then 9 slots per week", "Monday and Thursday; closed in weeks 1 and 52 of each year",
        "92 % within 18 weeks",
    ]  # fmt: skip
    needs = [row for row in rows(text) if len(row) == 6]
    assert ["Programme places", "5", "`start`", "8 weeks", "none", "Conservative care"] in needs
    assert ["Theatre slots", "2", "`revision`", "one slot", "none", "LF-SCS, HF10 (10 kHz) SCS"] in needs
    assert [row[1] for row in needs if row[0] == "Theatre slots"] == ["2", "2", "3", "4", "5"]


def test_odd_scenarios_are_told_right() -> None:
    page = stress_des(odd())
    resources = section(page, "2.5.3 Resources")
    assert r"| Desk \| one `a` (`desk`) | 0 to year 1, then 2 servers | Monday and Tuesday | none |" in resources
    assert "| `room` | 3 to year 1, then 0 to year 2, then 4 slots per opening day | every day | none |" in resources
    assert (
        "| `idle`, which nobody needs | 1 slot per week | every day; closed in weeks 1 and 52 of each year |"
        in resources
    )
    table = "random, Kaplan-Meier in days: [0, 1], [1, 0.5], [2, 0]"
    assert table in resources
    assert "random, exponential in months: 50 % later than 3" in resources
    assert "| `both` | 1. `shot`, if `leg_vas >= 6`, accepted by 80 %; 2. `imp` |" in page
    entry = section(page, "2.5.5 Entry and exit points")
    assert "4 patients on day 0; 1 patient on day 3; again every 70 days." in entry
    assert "3 patients are there when the run starts. They count." in entry
    inputs = {row[0].strip("`"): row[1:3] for row in rows(section(page, "3.3 Input parameters"))}
    assert inputs["therapies.imp.wait.hazard.1.rate"] == ["1.5", UNSTATED]
    assert inputs["therapies.shot.wait.mean"][0].startswith("3 weeks (2.4")
    assert inputs["therapies.shot.needs.start.duration"] == [table, UNSTATED]
    assert "Year" not in section(page, "4.1 Initialisation") and "no warm-up" in section(page, "4.1 Initialisation")
    assert f"{UNSTATED[0].upper()}{UNSTATED[1:]}." in section(page, "1.1 Purpose of the model")
    events = section(page, "2.2 Base model logic")
    assert "| Change of capacity | year 1 and 2 | Servers: at once;" in events
    assert "Start of the trial" not in events and "Revision" not in events and "| Death |" not in events


def test_a_closed_cohort_without_resources_has_no_queues() -> None:
    page = stress_des(closed())
    assert section(page, "2.5.4 Queues").strip() == "None."
    assert "A closed cohort: 64 patients enter at once" in page
    assert "Everybody is there at the start." in section(page, "4.1 Initialisation")
    assert section(page, "4.2 Run length").strip() == "Every patient is followed for 10 years."
    for word in ("slot", "server", "queue", "warm-up"):
        assert word not in section(page, "3.4 Assumptions"), word
    assert "Queue" not in section(page, "2.1 Base model overview diagram")


def test_numbers_are_counted_by_grade() -> None:
    def own(loaded: LoadedScenario) -> str:
        return " ".join(re.findall(r"waits and needs\): (.*?)\.\n", stress_des(loaded), re.S)[0].split())

    loaded = scssim.load("pain_service")
    # Three resources, referrals, waits 4, duration, trial, three revisions, re-implant.
    assert own(loaded) == "0 published, 0 derived, 14 assumed; 6 take the value of another"
    ward = {"grade": "published", "source": "nice_ta159", "note": "From a report."}
    changed = scssim.load("pain_service", overrides={"resources.programme": {"servers": 7, **ward}})
    assert own(changed) == "1 published, 0 derived, 13 assumed; 6 take the value of another"
    assert "bibliography: `assumption`, `nice_ta159`." in section(stress_des(changed), "3.1 Data sources")
    every = re.findall(r"have a source: (\d+) published, (\d+) derived, (\d+) assumed", stress_des(loaded))
    grades = [n.grade for n in numbers(loaded.scenario)]
    assert every == [tuple(str(grades.count(grade)) for grade in ("published", "derived", "assumed"))]


def test_numbers_that_refer_to_others_are_told(tmp_path: Path) -> None:
    place = tmp_path / "mine.yaml"
    wait = {"weeks": {"ref": "therapies.lf_scs.wait.weeks", "times": {"mean": 1.5, "ci": [1, 2], "grade": "assumed"}}}
    place.write_text(json.dumps({"extends": "pain_service", "title": "Mine", "therapies": {"hf10": {"wait": wait}}}))
    inputs = {
        row[0].strip("`"): row[1:3] for row in rows(section(stress_des(scssim.load(place)), "3.3 Input parameters"))
    }
    assert inputs["therapies.hf10.wait.weeks.times"] == ["1.5 (1.044 to 2.088, lognormal)", "assumed"]
    assert inputs["therapies.hf10.wait.weeks"] == ["6 weeks (as `therapies.lf_scs`, times a ratio)", "as there"]
    assert inputs["therapies.hf10.trial.days"] == ["10 days (as `therapies.lf_scs`)", "as there"]


def test_a_run_is_told() -> None:
    loaded = queueing()
    result = scssim.run(loaded, engine="des")
    assert result.service is not None
    page = stress_des(loaded, result.service)
    took = " ".join(section(page, "4.3 Estimation approach").split())
    number = result.service["replications"]
    assert f"* The run took {number} replications of 3 years after 0.5 years of warm-up; on average " in took
    assert f"{result.service['referred']:,.6g} patients counted in each, after " in took
    assert "results.json" not in took and "results.json" in section(stress_des(loaded), "4.3 Estimation approach")
    assert "2 to 3 replications" in took and "at most 20 % of that mean, or one day" in took


def test_draws_are_replications() -> None:
    text = section(stress_des(scssim.load("decision_uk")), "4.3 Estimation approach")
    assert "* 1,000 draws of the uncertain numbers; each is a replication." in text
    assert "between replications" in text
    assert "Standard errors are those between patients" in stress_des(closed())
