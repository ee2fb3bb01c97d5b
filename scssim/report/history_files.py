"""Histories of patients, streamed to Parquet files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scssim.engine.histories import Columns, Histories, Keep
from scssim.errors import ScssimError
from scssim.files import made, replacing
from scssim.histories import MARK, TABLES, described
from scssim.model.patients import Category

ROWS = 65536
"""Rows of a group, which are kept in memory until they are written."""


@contextmanager
def history_files(folder: Path, about: Mapping[str, Any]) -> Iterator[Keep]:
    """A receiver of histories that writes them to a directory, as `scssim.Histories` reads them.

    The files appear when the block ends without an error, both right after each other: of runs that write to the same
    directory at the same time, the last one wins. What is written does not depend on how rows are cut into blocks, but
    on their order.

    Parameters
    ----------
    folder
        The directory; made if missing.
    about
        What is noted in both files about the run: everything that their contents depend on, so that files of two
        runs are told apart.

    Raises
    ------
    ScssimError
        If the directory cannot be written to, or has files of these names that are not histories.
    """
    places = {name: folder / f"{name}.parquet" for name in TABLES}
    try:
        if folder.exists() and not folder.is_dir():
            raise ScssimError(f"cannot write histories to {folder}: it is a file; give a directory, for two files")
        for path in places.values():
            if path.exists() and described(path) is None:
                what = "is not a file of histories, and is not overwritten; give another directory"
                raise ScssimError(f"cannot write histories to {folder}: {path.name} there {what}")
        with made(folder), replacing(*places.values()) as files, ExitStack() as stack:
            opened = zip(places, files, strict=True)
            tables = {name: stack.enter_context(_Table(path, about)) for name, path in opened}

            def keep(one: Histories) -> None:
                for name, table in tables.items():
                    table.add(getattr(one, name))

            yield keep
    except OSError as error:
        raise ScssimError(f"cannot write histories to {folder}: {error.strerror or error}") from None


class _Table:
    """A Parquet file that is written in groups of `ROWS` rows."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.file = path.open("wb")
        self.about = {MARK: json.dumps(about, sort_keys=True).encode()}
        self.writer: pq.ParquetWriter | None = None
        self.rows: list[pa.Table] = []
        self.waiting = 0

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self.file:
            if self.writer is not None:
                if kind is None:
                    self._write(self.waiting)
                self.writer.close()

    def add(self, columns: Columns) -> None:
        """Add the rows of one block."""
        table = pa.table({name: _array(column) for name, column in columns.items()})
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.file, table.schema.with_metadata(self.about))
        self.rows.append(table)
        self.waiting += table.num_rows
        self._write(self.waiting // ROWS * ROWS)

    def _write(self, rows: int) -> None:
        """Write so many of the rows that wait, in groups."""
        if rows and self.writer is not None:
            every = pa.concat_tables(self.rows)
            self.writer.write_table(every.slice(0, rows).combine_chunks(), row_group_size=ROWS)
            self.rows = [every.slice(rows)]
            self.waiting -= rows


def _array(column: Any) -> pa.Array:
    if isinstance(column, Category):
        return pa.DictionaryArray.from_arrays(pa.array(column.codes, pa.int32()), pa.array(column.names, pa.string()))
    return pa.array(column, from_pandas=True)  # NaN is a time that never came
