"""What has been checked: the program by its tests, a result by its guards, a scenario against published results.

The stages are those of TECH-VER [1]_, the questions those of AdViSHE [2]_. What nobody has done is listed as not done.

References
----------
.. [1] Büyükkaramikli NC, Rutten-van Mölken MPMH, Severens JL, Al M. TECH-VER: a verification checklist to reduce errors
   in models and improve their credibility. PharmacoEconomics 2019;37:1391-1408.
.. [2] Vemer P, Corro Ramos I, van Voorn GAK, Al MJ, Feenstra TL. AdViSHE: a validation-assessment tool of
   health-economic models for decision makers and model users. PharmacoEconomics 2016;34:349-361.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scssim.build import fingerprint, hashes, installed
from scssim.report.checks import Catalogue, Check, Record, Tally, catalogue, read_record
from scssim.report.guards import GUARDS, DefectError
from scssim.report.stress_words import capital, listed, several
from scssim.report.study import Study, enumerated
from scssim.report.terminal import records
from scssim.result import Result
from scssim.scenario.schema import Target

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
EARLIER = "passed with other code"
UNRECORDED = "not recorded"
HOLDS, BROKEN, NOTHING = "holds", "does not hold", "does not apply"
DONE, IN_PART, NOT_DONE = "done", "in part", "not done"
MOST = 5
"""Changed files that are named."""
NEED_NOT = "what passed then need not hold for it."


@dataclass(frozen=True)
class Row:
    """One line of the page.

    Attributes
    ----------
    stage
        What the line is about: a stage of TECH-VER, *This run*, or *Validation*.
    part
        Question of AdViSHE (``A1`` to ``E1``); empty where it asks none.
    what
        What was checked, or asked, in a sentence.
    outcome
        Of tests ``passed``, ``failed``, ``skipped``, ``passed with other code`` or ``not recorded``; of guards
        ``holds``, ``does not hold`` or ``does not apply``; of questions ``done``, ``in part`` or ``not done``.
    detail
        Numbers and remarks; may be empty.
    """

    stage: str
    part: str
    what: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class Verification:
    """What has been checked.

    Attributes
    ----------
    status
        In sentences, whether the code that made the result is the code that was checked.
    checks
        The program, by its tests.
    guards
        This result, by its guards.
    validation
        Questions of AdViSHE that tests alone do not answer: this scenario against data, and what is not done.
    """

    status: str
    checks: list[Row]
    guards: list[Row]
    validation: list[Row]


def verification(result: Result, code: str | None = None, record: Record | None = None) -> Verification:
    """Everything that is known to have been checked about a result and the program that made it.

    Parameters
    ----------
    result
        What `scssim.run` returned. Its guards are run again.
    code
        Hash of the code that made it (``code`` of its manifest); by default the code that is installed.
    record
        Of the checks; by default the one that comes with the program.
    """
    record = read_record() if record is None else record
    known = catalogue()
    status, same = _status(code, record)
    checks = [_check(one, known.stages[one.stage], record, same) for one in known.checks]
    return Verification(status, checks, _guards(result), _validation(result, known, checks))


# ---------------------------------------------------------------------- the program


def _status(made: str | None, record: Record | None) -> tuple[str, bool]:
    if record is None:
        return "No record of checks comes with this installation.", False
    files = hashes()
    installed = fingerprint(files)
    run = f"The checks were run on {record.date} with scssim {record.scssim}"
    if (made or installed) == record.code:
        return f"{run}, with the very code that made this run (hash {record.code}).{_elsewhere(record)}", True
    if made is not None and made != installed:
        return f"{run}. This run was made by other code (hash {made}, not {record.code}): {NEED_NOT}", False
    changed = sorted(name for name in files.keys() | record.files if files.get(name) != record.files.get(name))
    names = [*changed[:MOST], *([f"{len(changed) - MOST} more"] if len(changed) > MOST else [])]
    return f"{run}. Since then {several(len(changed), 'file')} of the code changed ({listed(names)}): {NEED_NOT}", False


def _elsewhere(record: Record) -> str:
    """Versions with which the checks were run, if others are used here."""
    here = {"Python": platform.python_version(), **{name: installed(name) or "none" for name in record.packages}}
    there = {"Python": record.python, **record.packages}
    other = [f"{name} {there[name]} (here {here[name]})" for name in there if there[name] != here[name]]
    return f" They were run with {listed(other)}." if other else ""


def _check(check: Check, stage: str, record: Record | None, same: bool) -> Row:
    tally = (record.checks if record else {}).get(check.id, Tally())
    count = {FAILED: tally.failed, PASSED: tally.passed, SKIPPED: tally.skipped}
    outcome = next((outcome for outcome, tests in count.items() if tests), UNRECORDED)
    told = [f"{several(tests, 'test')} {outcome}" for outcome, tests in count.items() if tests]
    if outcome == PASSED and not same:
        outcome = EARLIER
    return Row(stage, check.part, check.what, outcome, ", ".join(told))


# ----------------------------------------------------------------------- the result


def _guards(result: Result) -> list[Row]:
    rows = []
    for guard in GUARDS:
        outcome, detail = (HOLDS, "") if guard.applies(result) else (NOTHING, "")
        if outcome == HOLDS:
            try:
                guard.check(result)
            except DefectError as defect:
                outcome, detail = BROKEN, str(defect)
        rows.append(Row("This run", "", guard.what, outcome, detail))
    return rows


# --------------------------------------------------------------------- the scenario


def _validation(result: Result, known: Catalogue, checks: list[Row]) -> list[Row]:
    """Answers to the questions, in order."""
    rows = []
    for part, question in known.questions.items():
        if part == "D3":
            rows.append(_alternatives(result, question.what))
        elif part == "D4":
            rows += _observed(result, question.what)
        elif question.done:
            rows.append(Row("Validation", part, question.what, question.done, question.note))
        else:
            rows.append(_tested(part, question.what, [row.outcome for row in checks if row.part == part]))
    return rows


def _tested(part: str, what: str, outcomes: list[str]) -> Row:
    """A question that checks of the program answer, as far as they have passed."""
    worst = next(one for one in (FAILED, UNRECORDED, SKIPPED, EARLIER, PASSED) if one in outcomes)
    passed = outcomes.count(PASSED) + outcomes.count(EARLIER)
    earlier = ", with other code than this run's" if EARLIER in outcomes else ""
    detail = f"{passed} of {several(len(outcomes), 'check')} of the program passed{earlier}."
    return Row("Validation", part, what, DONE if worst == PASSED else worst, detail)


def _alternatives(result: Result, what: str) -> Row:
    labels = [case.label for case in Study(result).others(result.variants).values()]
    if not labels:
        return Row("Validation", "D3", what, NOT_DONE, "This run has no variants.")
    return Row("Validation", "D3", what, IN_PART, f"Other assumptions in this run: {enumerated(labels)}.")


def _observed(result: Result, what: str) -> list[Row]:
    """The scenario against published results: those that went into it, and those that were left out."""
    targets = list(zip(result.scenario.targets, records(result.targets), strict=False))
    if not targets:
        return [Row("Validation", "D4", what, NOT_DONE, "The scenario names no published results.")]
    groups = {
        True: "published results that numbers of the scenario were fitted to or taken from (no test of the model)",
        False: "published results that were left out",
        None: "published results, of which the scenario does not say whether it was fitted to them",
    }
    used = {target.source for target, _ in targets if target.fitted and target.source}
    rows = []
    for fitted, words in groups.items():
        group = [(target, row) for target, row in targets if target.fitted is fitted]
        if not group:
            if fitted is False and used:
                rows.append(Row("Validation", "D4", f"{what} {capital(words)}.", NOT_DONE))
            continue
        shared = sorted({str(target.source) for target, _ in group if target.source in used})
        also = f" They come from sources of the fitted ones ({listed(shared)}), so are not independent."
        detail = _agreement(group) + (also if fitted is False and shared else "")
        rows.append(Row("Validation", "D4", f"{what} {capital(words)}.", DONE, detail))
    return rows


def _agreement(group: Sequence[tuple[Target, dict[str, Any]]]) -> str:
    """How many results of a group the simulation meets."""
    agrees = [bool(row["agrees"]) for target, row in group if target.tolerance is not None]
    inside = [bool(row["inside"]) for _, row in group if row["inside"] in (True, False)]
    said = [
        f"{sum(agrees)} of {len(agrees)} agree within their tolerance" if agrees else "",
        f"{sum(inside)} of {len(inside)} lie in the 95 % interval of what was observed" if inside else "",
        f"{len(group) - len(agrees)} are reported without a verdict" if len(agrees) < len(group) else "",
    ]
    return f"{listed(said)}."
