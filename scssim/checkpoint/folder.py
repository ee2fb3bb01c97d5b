"""The directory of a run while it is under way: locked, and with what is done of it so far."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
from pydantic import BaseModel, ValidationError

from scssim.build import unlike
from scssim.checkpoint.files import NAME, BlockFiles, numbered
from scssim.engine.crew import Store
from scssim.engine.des.run import Replication
from scssim.engine.digest import digest
from scssim.engine.job import Job
from scssim.engine.part import BlockSums
from scssim.engine.simulator import pieces
from scssim.errors import ScenarioError, ScssimError
from scssim.files import half_written, replace, to_disk, writing
from scssim.scenario.difference import difference
from scssim.scenario.schema import Scenario

FOLDER = "blocks"
"""Where blocks are kept in the directory of a run."""

MANIFEST = "manifest.json"
"""What the blocks are of."""

REMOVED = ".blocks"
"""What `FOLDER` is called while it is removed: blocks without their manifest would be nobody's."""

LOCK = ".lock"
"""Held by the process that works in a directory."""


class About(BaseModel):
    """What blocks are of: those of two runs belong together if this is the same.

    Attributes
    ----------
    scenario
        Name of the scenario.
    sha256
        Hash of what it says.
    resolved
        What it says.
    seed, engine, patients, draws, precision
        How it is run.
    job
        Digest of the run itself (its analyses have others).
    blocks
        How many blocks the run itself has; None if that is found out as it goes on.
    build
        See `scssim.build.build`.
    command
        How the run was called; not compared.
    """

    scenario: str
    sha256: str
    resolved: dict[str, Any]
    seed: int
    engine: str
    patients: int | None
    draws: int
    precision: float | None
    job: str
    blocks: int | None
    build: dict[str, str]
    command: str

    def unlike(self, here: About) -> list[str]:
        """What differs from another run, in words; nothing if blocks of both belong together."""
        told = []
        if self.sha256 != here.sha256:
            told = _differences(self.resolved, here.resolved) or ["scenario: it says something else there"]
        settings = ("engine", "seed", "patients", "draws", "precision")
        told += unlike(
            {name: getattr(self, name) for name in settings}, {name: getattr(here, name) for name in settings}
        )
        told += unlike(self.build, here.build)
        if not told and (self.job, self.blocks) != (here.job, here.blocks):
            told = ["scenario: the order of its keys"]
        return told

    @classmethod
    def read(cls, folder: Path) -> About | None:
        """Read the manifest of a folder of blocks; None if there is none that can be read."""
        try:
            return cls.model_validate_json((folder / MANIFEST).read_bytes())
        except (OSError, ValidationError):
            return None


def _differences(there: dict[str, Any], here: dict[str, Any], most: int = 3) -> list[str]:
    """The first few numbers in which two scenarios differ."""
    try:
        table = difference(Scenario.model_validate(there), Scenario.model_validate(here))
    except ValidationError:
        return []
    if table.empty:
        return ["scenario: a file that it names, of patients or deaths, has other content"]
    told = [f"{row.path}: {row.a} there, {row.b} here" for row in table.head(most).itertuples()]
    return told if len(table) <= most else [*told, f"and {len(table) - most} more values of the scenario"]


def begun(out: Path) -> str | None:
    """What a directory holds of an unfinished run, in a few words; None if it holds nothing."""
    about = About.read(out / FOLDER)
    if about is None:
        return None
    if number := len(numbered(out / FOLDER / about.job)):
        more = "" if about.blocks is None else f" of {about.blocks:,}"
        return f"{number:,}{more} blocks"
    others = sum(1 for _ in _kept(out / FOLDER))
    return f"{others:,} blocks of analyses" if others else None


def _kept(folder: Path) -> Iterator[Path]:
    """Files of blocks of any job."""
    return (path for path in folder.glob("*/*.parquet") if NAME.fullmatch(path.name))


class Checkpoint:
    """Keeps what a run has done so far in its directory, and goes on with what is there.

    Only one process at a time can work in a directory. When the block ends without `done`, what is kept stays.

    Parameters
    ----------
    out
        Directory of the run, which exists.
    about
        Tells what is run, when that is asked.
    restart
        Discard what is there of an unfinished run.

    Attributes
    ----------
    warnings
        Files that were not as they were written.

    Raises
    ------
    ScssimError
        If another process works in the directory, or it has blocks of another run.
    """

    def __init__(self, out: Path, about: Callable[[], About], restart: bool = False) -> None:
        self.out, self.folder, self.restart = out, out / FOLDER, restart
        self._about = about
        self._lock = filelock.FileLock(out / LOCK, timeout=0)
        self.warnings: list[str] = []

    @cached_property
    def about(self) -> About:
        """What is run; noted in the folder before the first block."""
        about = self._about()
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            to_disk([replace(self.folder / MANIFEST, (about.model_dump_json(indent=2) + "\n").encode())])
        return about

    def __enter__(self) -> Checkpoint:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ScssimError(
                f"another process works in {self.out}: wait until it has ended, or give another directory"
            ) from None
        except (NotImplementedError, OSError) as error:
            self.warnings.append(f"{self.out} cannot be locked ({error}): two runs there at once would not be noticed")
        try:
            if self.restart:
                self._remove()
            self._sweep()
            self._refuse_others()
            for folder in (self.folder, *self.folder.glob("*/")):
                for path in half_written(folder):
                    path.unlink(missing_ok=True)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise ScssimError(f"cannot use {self.folder}: {error.strerror or error}") from None
            raise
        return self

    def _refuse_others(self) -> None:
        """Refuse a directory with blocks of another run."""
        if not any(_kept(self.folder)):
            return
        there = About.read(self.folder)
        mend = "go on with the command that began it, give another directory, or discard them with --restart"
        if there is None:
            raise ScssimError(f"{self.folder} has blocks, and no {MANIFEST} that says of which run; {mend}")
        if told := there.unlike(self._about()):
            what = f"{self.out} holds {begun(self.out)} of another unfinished run"
            raise ScssimError(f"{what} ({'; '.join(told)}); {mend}")

    def store(self, job: Job) -> Store[Any] | None:
        """What keeps the blocks of a job; None if there is one only, which is done or not."""
        if pieces(job) < 2:
            return None
        name = digest(job)
        kind: type[Any] = Replication if job.engine == "des" else BlockSums
        _ = self.about
        return BlockFiles(self.folder / name, kind, name, self._damaged)

    def _damaged(self, path: Path) -> None:
        number = int(path.name.split("-")[0])
        self.warnings.append(f"block {number} in {path.parent} was damaged (by its checksum) and was simulated again")

    def take_in(self, files: Iterable[Path]) -> None:
        """Copy blocks of the run itself from elsewhere."""
        folder = self.folder / self.about.job
        for path in files:
            content = path.read_bytes()
            with writing(folder):
                folder.mkdir(exist_ok=True)
                replace(folder / path.name, content)

    def done(self, results: Iterable[Path]) -> None:
        """The run is complete, and its results are in some files: what was kept is not needed any more."""
        if self.folder.exists():
            with writing(self.out):
                to_disk(results)
        with suppress(ScssimError):  # what cannot be removed now is removed by the next run
            self._remove()

    def _remove(self) -> None:
        with writing(self.folder):
            self._sweep()
            if self.folder.exists():
                self.folder.rename(self.out / REMOVED)
            self._sweep()

    def _sweep(self) -> None:
        """Remove what was being removed when a process was killed."""
        if (self.out / REMOVED).exists():
            shutil.rmtree(self.out / REMOVED)

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        with suppress(OSError):
            if [path.name for path in self.out.iterdir()] == [LOCK]:
                (self.out / LOCK).unlink()  # a directory in which nothing has come to pass goes again
        self._lock.release()
        if not isinstance(error, KeyboardInterrupt | ScssimError) or (there := begun(self.out)) is None:
            return
        kept = f"{there} are kept in {self.folder}; the same command goes on from there"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(kept) from None
        if not isinstance(error, ScenarioError):
            raise ScssimError(f"{error}; {kept}, --restart discards them") from None
