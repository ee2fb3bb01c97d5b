"""The scenario of an earlier run, from the manifest that it left."""

from __future__ import annotations

import json
from pathlib import Path

from scssim.errors import Problem, ScenarioError
from scssim.scenario.load import valid
from scssim.scenario.merge import from_python, shipped
from scssim.scenario.schema import Scenario

MANIFEST = "manifest.json"


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
    name = str(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        resolved = data["scenario"]["resolved"]
    except FileNotFoundError:
        what = "the directory holds no finished run" if path.parent.is_dir() else "there is no such file"
        raise ScenarioError(Problem(name, "", what, "a directory that `scssim run` wrote, a file or a name")) from None
    except OSError as error:
        raise ScenarioError(Problem(name, "", f"the file cannot be read: {error.strerror or error}")) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ScenarioError(Problem(name, "", "this is not the manifest of a run", "what `scssim run` wrote")) from None
    if not isinstance(resolved, dict):
        raise ScenarioError(Problem(name, "", "this is not the manifest of a run", "what `scssim run` wrote"))
    return valid(from_python(resolved, name))
