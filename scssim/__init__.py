"""scssim: an open simulator of spinal cord stimulation outcomes, costs and quality of life.

`load` a scenario, `run` it, look at the tables of its `Result`:

    import scssim

    result = scssim.run(scssim.load("back_leg_uk"), patients=2_000)
    print(result.frontier)

`scssim.plot` draws results, `scssim.economics` analyses a decision from anybody's costs and effects.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from scssim.errors import ScenarioError, ScssimError

if TYPE_CHECKING:
    from scssim import economics, plot
    from scssim.api import compare, diff, load, merge, read, run, run_blocks
    from scssim.histories import Histories
    from scssim.result import Result
    from scssim.scenario.load import LoadedScenario

__version__ = metadata.version("scssim")
__all__ = [
    "Histories",
    "LoadedScenario",
    "Result",
    "ScenarioError",
    "ScssimError",
    "__version__",
    "compare",
    "diff",
    "economics",
    "load",
    "merge",
    "plot",
    "read",
    "run",
    "run_blocks",
]

_WHERE = {
    "diff": "scssim.api",
    "load": "scssim.api",
    "merge": "scssim.api",
    "read": "scssim.api",
    "run": "scssim.api",
    "run_blocks": "scssim.api",
    "compare": "scssim.api",
    "Result": "scssim.result",
    "Histories": "scssim.histories",
    "LoadedScenario": "scssim.scenario.load",
}
_MODULES = ("economics", "plot")


def __getattr__(name: str) -> Any:
    # Importing scssim alone stays fast: pandas, pydantic and Matplotlib come with what needs them.
    if name in _MODULES:
        return import_module(f"scssim.{name}")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
