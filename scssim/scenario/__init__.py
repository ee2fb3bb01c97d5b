"""The scenario language: schema, loading and checking."""

from scssim.scenario.load import LoadedScenario, load
from scssim.scenario.schema import Scenario

__all__ = ["LoadedScenario", "Scenario", "load"]
