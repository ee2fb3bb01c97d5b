"""Reading the histories of patients that a run has written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scssim.errors import ScssimError
from scssim.scenario.names import did_you_mean

TABLES = ("patients", "episodes")
"""Tables of histories, each in a file of its name."""

MARK = b"scssim.histories"
"""Key in the metadata of a file under which the run is described."""


def marked(path: Path) -> bool:
    """Whether a file is one of histories."""
    try:
        return MARK in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


class Histories:
    """What happened to every patient of a run, on disk: nothing is read before it is asked for.

    Parameters
    ----------
    folder
        Directory that ``scssim.run(..., histories=folder)`` or ``scssim run --histories folder`` has written.

    Attributes
    ----------
    folder
        The directory.
    about
        The run: version, scenario, sha256 of it, seed, engine, strategies.

    Raises
    ------
    ScssimError
        If there are no complete histories.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        for name in TABLES:
            path = self._path(name)
            if not path.is_file():
                raise ScssimError(f"{self.folder} has no complete histories: there is no {path.name}")
            if not marked(path):
                raise ScssimError(f"{path} is not a file of histories")
        self.about: dict[str, Any] = json.loads(pq.read_schema(self._path("patients")).metadata[MARK])

    def __repr__(self) -> str:
        return f"Histories({str(self.folder)!r})"

    def episodes(
        self,
        strategy: str | Sequence[str] | None = None,
        *,
        draw: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """One row per episode of therapy, by draw, patient, strategy and episode.

        Parameters
        ----------
        strategy
            Only this strategy, or these.
        draw
            Only this draw or replication.
        columns
            Only these columns; by default all.

        Returns
        -------
        DataFrame
            Times are in years from entry (referral) and missing where something did not come to pass. ``decided`` is
            when the wait began, ``trial`` and ``trial_end`` the screening trial, ``began`` and ``ended`` the therapy
            (of a failed trial, or of a queue that was left: when that was), ``lost`` the loss of effect.

        Raises
        ------
        ScssimError
            For a strategy or a column that there is not.
        """
        return self._read("episodes", strategy, draw, columns)

    def patients(
        self,
        strategy: str | Sequence[str] | None = None,
        *,
        draw: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """One row per draw, patient and strategy: attributes, follow-up (years), costs, QALYs and life years.

        Parameters
        ----------
        strategy, draw, columns
            As of `episodes`.

        Raises
        ------
        ScssimError
            For a strategy or a column that there is not.
        """
        return self._read("patients", strategy, draw, columns)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _read(
        self, name: str, strategy: str | Sequence[str] | None, draw: int | None, columns: Sequence[str] | None
    ) -> pd.DataFrame:
        path, filters = self._path(name), list[tuple[str, str, Any]]()
        if strategy is not None:
            wanted = [strategy] if isinstance(strategy, str) else list(strategy)
            _known("strategy", wanted, self.about["strategies"])
            filters.append(("strategy", "in", wanted))
        if draw is not None:
            filters.append(("draw", "==", draw))
        if columns is not None:
            columns = [columns] if isinstance(columns, str) else list(columns)
            _known("column", columns, pq.read_schema(path).names)
        return pq.read_table(path, columns=columns, filters=filters or None).to_pandas()


def _known(what: str, wanted: Sequence[str], there: Sequence[str]) -> None:
    for name in wanted:
        if name not in there:
            raise ScssimError(f"histories have no {what} {name!r}: {did_you_mean(name, there)}")
