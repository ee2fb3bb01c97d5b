"""The publications that a result rests on."""

from __future__ import annotations

from scssim import library
from scssim.result import Result


def cited(result: Result) -> list[str]:
    """Keys of the sources of inputs, life table, norms and targets, in order."""
    scenario, packaged = result.scenario, library.names()
    keys = {key for table in (result.inputs, result.targets) if "source" in table for key in table["source"]}
    if (table := scenario.population.mortality.life_table) in packaged["life_tables"]:
        keys.add(library.life_table(table).source)
    if (norms := scenario.utilities.norms) in packaged["norms"]:
        keys.add(library.norms(norms).source)
    return sorted(key for key in keys if key and isinstance(key, str))
