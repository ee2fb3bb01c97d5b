"""The exceptions that scssim raises on purpose. Everything else is a defect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ScssimError(Exception):
    """Base of every error that a user can cause and mend."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input, told so that its author can mend it.

    Attributes
    ----------
    where
        ``file:line:column`` (as far as known) of the offending text.
    path
        Dotted path inside the scenario, e.g. ``therapies.hf10.trial.success``.
    what
        What is wrong, with the offending value.
    allowed
        What would be right, or how to mend it; may be empty.
    """

    where: str
    path: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        path = f"{self.path}: " if self.path else ""
        tail = f" ({self.allowed})" if self.allowed else ""
        return f"{head}{path}{self.what}{tail}"


class ScenarioError(ScssimError):
    """A scenario, patient table or override is not valid.

    Parameters
    ----------
    problems
        Every problem found, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", "", problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems = list(problems)
        super().__init__("\n".join(str(p) for p in self.problems))
