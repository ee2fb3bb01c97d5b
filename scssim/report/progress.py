"""Progress of a run on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0
"""Seconds that a run takes before it shows its progress."""


@contextmanager
def bar() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error, if that is a terminal and the run takes long; otherwise nothing.

    Yields
    ------
    callable
        To be called with (blocks done, blocks in all).
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    started = time.monotonic()
    columns = (TextColumn("Simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("run", total=None)
    shown = False

    def report(done: int, total: int) -> None:
        nonlocal shown
        progress.update(task, completed=done, total=total)
        if not shown and done < total and time.monotonic() - started > PATIENCE:
            progress.start()
            shown = True

    try:
        yield report
    finally:
        if shown:
            progress.stop()
