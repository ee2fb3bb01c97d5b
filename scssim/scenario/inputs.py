"""The inputs of a scenario as one table: what a spreadsheet shows, and what it can change."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pandas as pd

from scssim.scenario.numbers import numbers
from scssim.scenario.schema import Scenario
from scssim.scenario.walk import attributes, foreign, referred, taken

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


def going_in(scenario: Scenario, given: Collection[str] = ()) -> pd.DataFrame:
    """The rows of `inputs` that a run uses.

    Parameters
    ----------
    scenario
        The scenario.
    given
        Attributes that a table of patients gives, so that nothing else of them goes in.

    Returns
    -------
    DataFrame
        `inputs` without the numbers of therapies that no strategy has (unless others take their value from them) and
        without those of the attributes given.
    """
    table = inputs(scenario)
    own, others = taken(scenario), referred(scenario)
    known = tuple(f"population.{kind}{name}." for name in given for kind in ("", "covariates."))

    def goes(path: str) -> bool:
        return (not foreign(path, own) or path.removesuffix(".times") in others) and not f"{path}.".startswith(known)

    return table[table["path"].map(goes).astype(bool)].reset_index(drop=True)


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
