"""Reading the histories of patients that a run has written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scssim.errors import ScssimError
from scssim.scenario.names import did_you_mean

TABLES = ("patients", "episodes")
"""Tables of histories, each in a file of its name."""

MARK = b"scssim.histories"
"""Key in the metadata of a file under which the run is described."""


def described(path: Path) -> dict[str, Any] | None:
    """What a file of histories says about its run; None if it is something else."""
    try:
        found = json.loads((pq.read_schema(path).metadata or {})[MARK])
    except (pa.ArrowException, OSError, LookupError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("strategies"), list) else None


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
        The run: version, hash of the code, scenario, sha256 of it, seed, engine, patients, draws, precision and
        strategies.

    Raises
    ------
    ScssimError
        If there are no complete histories of one run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.about, other = (self._described(name) for name in TABLES)
        if self.about != other:
            files = " and ".join(f"{name}.parquet" for name in TABLES)
            raise ScssimError(f"{files} in {self.folder} are of two different runs; run again, each into its own place")

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
            For a strategy or a column that there is not, a draw that cannot be, a file that is damaged, or when
            another run has replaced the histories.
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
            For a strategy or a column that there is not, a draw that cannot be, a file that is damaged, or when
            another run has replaced the histories.
        """
        return self._read("patients", strategy, draw, columns)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _described(self, name: str) -> dict[str, Any]:
        path = self._path(name)
        if not os.path.isfile(path):
            raise ScssimError(f"{self.folder} has no complete histories: there is no {path.name}")
        about = described(path)
        if about is None:
            raise ScssimError(f"{path} is not a file of histories")
        return about

    def _read(
        self, name: str, strategy: str | Sequence[str] | None, draw: int | None, columns: Sequence[str] | None
    ) -> pd.DataFrame:
        path, filters = self._path(name), list[tuple[str, str, Any]]()
        if self._described(name) != self.about:
            raise ScssimError(f"another run has replaced the histories in {self.folder}; open them again")
        if strategy is not None:
            filters.append(("strategy", "in", _chosen("strategy", strategy, self.about["strategies"])))
        if draw is not None:
            if not isinstance(draw, int | np.integer) or isinstance(draw, bool) or not 0 <= draw < 2**31:
                raise ScssimError(f"draw: {draw!r} is not possible; give a whole number from 0")
            filters.append(("draw", "==", int(draw)))
        try:
            chosen = None if columns is None else _chosen("column", columns, pq.read_schema(path).names)
            return pq.read_table(path, columns=chosen, filters=filters or None).to_pandas()
        except (pa.ArrowException, OSError) as error:
            why = " ".join(str(error).split())
            raise ScssimError(f"{path} cannot be read: {why}; if it is damaged, run again") from None


def _chosen(what: str, wanted: str | Sequence[str], there: Sequence[str]) -> list[str]:
    """The names wanted, which must be there."""
    names = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Iterable) else []
    if not names:
        raise ScssimError(f"{what}: {wanted!r} is not possible; give one of {', '.join(there)}, or a list of them")
    for name in names:
        if name not in there:
            raise ScssimError(f"histories have no {what} {name!r}: {did_you_mean(str(name), there)}")
    return names
