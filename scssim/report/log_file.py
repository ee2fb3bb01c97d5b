"""The whole event log of a replication, streamed to a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scssim.engine.des.run import Sink
from scssim.engine.des.world import Event
from scssim.errors import ScssimError
from scssim.files import made, replacing
from scssim.report.service_tables import COLUMNS, log_rows

ROWS = 65536
"""Events kept in memory before they are written."""

NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(name, {"case_id": pa.int64(), "day": pa.float64()}.get(name, NAME)) for name in COLUMNS["log"]])


@contextmanager
def log_file(path: Path) -> Iterator[Sink]:
    """A sink of events that writes them to a file, with the columns of the table `log`.

    Events of one strategy come in order; strategies take turns. The file appears when the block ends without an error.
    Of runs that write to the same file at the same time, the last one wins.

    Parameters
    ----------
    path
        The file; its name ends in ``.parquet``.

    Raises
    ------
    ScssimError
        If the name does not, or the file cannot be written.
    """
    if path.suffix != ".parquet":
        raise ScssimError(f"the event log is a Parquet file: {path} should end in .parquet")
    rows: list[tuple[Any, ...]] = []
    try:
        with made(path.parent), replacing(path) as (file,), pq.ParquetWriter(file, SCHEMA) as writer:

            def write(strategy: str, event: Event) -> None:
                rows.extend(log_rows(strategy, [event]))
                if len(rows) >= ROWS:
                    flush()

            def flush() -> None:
                columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
                arrays = [pa.array(list(x), field.type) for x, field in zip(columns, SCHEMA, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
                rows.clear()

            yield write
            flush()
    except OSError as error:
        raise ScssimError(f"cannot write the event log to {path}: {error.strerror or error}") from None
