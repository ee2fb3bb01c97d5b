"""The inputs of a scenario as one table: what a spreadsheet shows, and what it can change."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scssim.scenario.numbers import numbers
from scssim.scenario.schema import Scenario
from scssim.scenario.walk import attributes

COLUMNS = ("path", "value", "low", "high", "distribution", "source", "grade", "note")
SHAPE = ("mean", "sd", "min", "max", "zero")
"""Numbers of an attribute of patients, a row each."""


def inputs(scenario: Scenario) -> pd.DataFrame:
    """Every number that goes in, one row each, in the order of the schema.

    Parameters
    ----------
    scenario
        The scenario.

    Returns
    -------
    DataFrame
        ``path`` (dotted, as ``--set`` takes it), ``value`` (mean), ``low`` and ``high`` (95 % interval of an
        uncertain number, else missing), ``distribution`` (family; ``fixed``; ``as PATH`` of a number that takes the
        value of another, whose ``value`` is missing), ``source``, ``grade``, ``note`` (empty where nothing is said).
        Attributes of patients have a row for their mean, their SD and each bound.
    """
    return pd.DataFrame(list(_rows(scenario)), columns=list(COLUMNS))


def _rows(scenario: Scenario) -> Iterator[tuple[object, ...]]:
    between = attributes(scenario)
    for one in numbers(scenario, everything=True):
        said = one.source, one.grade, one.note
        node = between.get(one.path)
        if node is None:
            yield one.path, one.mean, one.low, one.high, one.distribution, *said
            continue
        for key in SHAPE:
            if key in node.model_fields_set and getattr(node, key) is not None:
                yield f"{one.path}.{key}", getattr(node, key), float("nan"), float("nan"), one.distribution, *said
