"""scssim: an open simulator of spinal cord stimulation outcomes, costs and quality of life."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from scssim.errors import ScenarioError, ScssimError

if TYPE_CHECKING:
    from scssim.api import diff, load, run

__version__ = metadata.version("scssim")
__all__ = ["ScenarioError", "ScssimError", "__version__", "diff", "load", "run"]


def __getattr__(name: str) -> Any:
    # Importing scssim alone stays fast: pandas and pydantic come with the first call.
    if name in ("diff", "load", "run"):
        from scssim import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
