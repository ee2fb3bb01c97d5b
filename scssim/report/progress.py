"""Progress of a run: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from scssim.engine.run import Status, Watch
from scssim.report.terminal import number
from scssim.scenario.distributions import Z95

PATIENCE = 2.0
"""Seconds that a run takes before it shows its progress."""

BETWEEN_LINES = 60.0
"""Seconds between two lines of progress where there is no terminal."""

BETWEEN_LOOKS = 1.0
"""Seconds between two looks at the net benefit, which take as long as there are draws."""

FEWEST = 10
"""Draws from which an interval is told."""


@dataclass
class Meter:
    """How fast jobs are, by the clock of this process.

    Attributes
    ----------
    status
        The latest.
    begun
        When its job was first heard of, and how many of its blocks were done then without having been there.
    """

    status: Status | None = None
    begun: tuple[float, int] = (0.0, 0)
    started: float = field(default_factory=lambda: time.monotonic())

    def note(self, status: Status) -> None:
        """Take notice of a status."""
        if self.status is None or self.status.job is not status.job:
            before = self.started if self.status is None else time.monotonic()
            self.begun = before, 0 if self.status is None else status.done - status.kept
        self.status = status

    @property
    def per_second(self) -> float:
        """Blocks per second."""
        if self.status is None:
            return 0.0
        when, done = self.begun
        return (self.status.done - self.status.kept - done) / max(time.monotonic() - when, 1e-9)

    def words(self) -> str:
        """Blocks, rate and time left, in words."""
        if self.status is None:
            return ""
        job, todo = self.status.job, self.status.blocks - self.status.done
        service = job.engine == "des"
        told = [f"{self.status.done:,} of {self.status.blocks:,} {'replications' if service else 'blocks'}"]
        if rate := self.per_second:
            if not service:
                told.append(f"{rate * job.lifetimes / self.status.blocks / 1e6:.2f} million lifetimes/s")
            told.append(f"{_duration(todo / rate)} left")
        return ", ".join(told)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def benefit(status: Status) -> str:
    """The incremental net benefit so far, with its 95 % Monte Carlo interval; empty as long as nothing can be said.

    It is that of the strategy with the highest net benefit at the first threshold, among all but the reference.
    """
    job, totals = status.job, status.totals
    settings, names = job.scenario.settings, list(job.scenario.strategies)
    if totals is None or not job.draws or totals.closed < FEWEST or not settings.willingness_to_pay or len(names) < 2:
        return ""
    wtp, r = settings.willingness_to_pay[0], names.index(job.scenario.reference)
    means = totals.draw_means[: totals.closed]
    net = wtp * means[:, :, 1] - means[:, :, 0]
    gain = net - net[:, [r]]
    best = max((s for s in range(len(names)) if s != r), key=lambda s: float(gain[:, s].mean()))
    mean, error = gain[:, best].mean(), gain[:, best].std(ddof=1) / np.sqrt(totals.closed)
    low, high = (number(mean + sign * Z95 * error) for sign in (-1, 1))
    label = job.scenario.strategy_label
    return (
        f"{label(names[best])} against {label(names[r])} at {number(wtp)}: INMB {number(mean)} {settings.currency} "
        f"(95 % {low} to {high}) after {totals.closed:,} draws"
    )


@contextmanager
def bar() -> Iterator[Watch]:
    """Show progress on standard error, once a run takes long: a bar on a terminal, else a line every minute.

    Yields
    ------
    callable
        To be called with every status.
    """
    with _bar() if sys.stderr.isatty() else _lines() as watch:
        yield watch


@contextmanager
def _lines() -> Iterator[Watch]:
    meter, told = Meter(), time.monotonic()

    def watch(status: Status) -> None:
        nonlocal told
        meter.note(status)
        if time.monotonic() - told >= BETWEEN_LINES:
            told = time.monotonic()
            text = "; ".join(filter(None, (meter.words(), benefit(status))))
            print(text, file=sys.stderr, flush=True)

    yield watch


@contextmanager
def _bar() -> Iterator[Watch]:
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    class Bar(Progress):
        """A bar with a line of text below."""

        below = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            if self.below:
                yield Text(self.below, style="dim", overflow="ellipsis", no_wrap=True)

    meter = Meter()
    columns = (TextColumn("Simulating"), BarColumn(30), TextColumn("{task.fields[words]}"))
    progress = Bar(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("run", total=None, words="")
    shown, looked = False, -BETWEEN_LOOKS

    def watch(status: Status) -> None:
        nonlocal shown, looked
        meter.note(status)
        if shown and time.monotonic() - looked >= BETWEEN_LOOKS:
            progress.below, looked = benefit(status), time.monotonic()
        progress.update(task, completed=status.done, total=status.blocks, words=meter.words())
        if not shown and status.done < status.blocks and time.monotonic() - meter.started > PATIENCE:
            progress.start()
            shown = True

    try:
        yield watch
    finally:
        if shown:
            progress.stop()
