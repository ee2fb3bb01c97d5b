"""The scenario of an earlier run, from the manifest that it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scssim.errors import Problem, ScenarioError
from scssim.reading import read_bytes
from scssim.scenario.load import valid
from scssim.scenario.merge import from_python, shipped
from scssim.scenario.schema import Scenario

MANIFEST = "manifest.json"
MOST_BYTES = 50_000_000


def is_run(source: str | Path) -> bool:
    """Whether a source is the directory of a run, or its manifest; the name of a shipped scenario is none."""
    if str(source) in shipped():
        return False
    try:
        return Path(source).is_dir() or Path(source).name == MANIFEST
    except (OSError, ValueError):
        return False


def recorded(source: str | Path) -> Scenario:
    """Read the scenario that a run was of, with everything that was set.

    Parameters
    ----------
    source
        Directory of the run, or its ``manifest.json``.

    Raises
    ------
    ScenarioError
        If there is no manifest, it holds no scenario, or the scenario is of a version that said things differently.
    """
    path = Path(source)
    path = path / MANIFEST if path.is_dir() else path
    scenario = document(path).get("scenario")
    resolved = scenario.get("resolved") if isinstance(scenario, dict) else None
    if not isinstance(resolved, dict):
        raise ScenarioError(Problem(str(path), "", "this is not the manifest of a run", "one that `scssim run` wrote"))
    return valid(from_python(resolved, str(path)))


def document(path: Path) -> dict[str, Any]:
    """Read a document that a run wrote.

    Raises
    ------
    ScenarioError
        If it is not there, cannot be read, or is damaged.
    """
    name = str(path)
    try:
        data = read_bytes(path, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        what = (
            "there is no such file: the directory holds no finished run"
            if path.parent.is_dir()
            else "there is no such directory"
        )
        raise ScenarioError(Problem(name, "", what, "a directory that `scssim run` wrote")) from None
    except OSError as error:
        raise ScenarioError(Problem(name, "", f"the file cannot be read: {error.strerror or error}")) from None
    if len(data) > MOST_BYTES:
        raise ScenarioError(Problem(name, "", f"the file is larger than {MOST_BYTES // 1_000_000} MB"))
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ScenarioError(Problem(name, "", "the file is damaged", "run the scenario again"))
    return found
