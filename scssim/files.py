"""Files written whole or not at all, and directories made for them."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scssim.errors import ScssimError


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Tell what cannot be written, and where.

    Parameters
    ----------
    out
        The directory to name when the system does not say which file.

    Raises
    ------
    ScssimError
        In place of any `OSError` of the block.
    """
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else f" to {out}"
        raise ScssimError(f"cannot write{where}: {error.strerror or error}") from None


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a directory, and those above it; the ones that were made here and are empty go when the block fails."""
    ours: list[Path] = []
    try:
        for place in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
            try:
                place.mkdir()
            except FileExistsError:
                if not place.is_dir():
                    raise
                continue  # another run was quicker: it is that run's
            ours.append(place)
        yield
    except BaseException:
        with suppress(OSError):
            for place in reversed(ours):
                place.rmdir()
        raise


def replace(path: Path, content: bytes | Callable[[Path], object]) -> Path:
    """Write a file beside its place and move it there, so that nobody ever sees half of it."""
    with replacing(path) as (temporary,):
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        else:
            content(temporary)
    return path


def half_written(folder: Path) -> list[Path]:
    """What `replacing` has left in a directory when a process was killed: ``.NAME.8 characters``."""
    return [path for path in folder.glob(".*") if _TEMPORARY.fullmatch(path.name) and path.is_file()]


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Path]]:
    """Files of this block alone, beside their places; they are moved there, one right after the other, when it ends.

    If the block fails they are removed, and what stood in the places stays. A link stays a link to what is replaced;
    a device or a pipe is written to.

    Parameters
    ----------
    paths
        The places, in existing directories.

    Yields
    ------
    list of Path
        The files to write to, in the same order.

    Raises
    ------
    OSError
        If something cannot be written; it names the place.
    """
    temporary: dict[Path, Path] = {}
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(_naming(path))
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            if path.exists() and not path.is_file():
                temporary[path] = path
                continue
            place = Path(os.path.realpath(path))
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{path.name}.")
            os.close(handle)
            temporary[place] = Path(name)
            stack.callback(temporary[place].unlink, missing_ok=True)
        yield list(temporary.values())
        moved = {place: file for place, file in temporary.items() if file != place}
        for file in moved.values():
            file.chmod(0o666 & ~_UMASK)
        for place, file in moved.items():
            file.replace(place)


def to_disk(paths: Iterable[Path]) -> None:
    """Wait until files are on the disk itself, where they outlast a power cut."""
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error name a file that the user knows, in place of the temporary one beside it."""
    try:
        yield
    except OSError as error:
        ours = error.filename is None or Path(str(error.filename)).name.startswith(f".{path.name}.")
        if ours and error.errno is not None:
            error.filename, error.filename2 = str(path), None
        raise


_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
