"""Reading a file that somebody else may have made: never without an end, and never waiting for one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_bytes(path: str | Path, most: int, pipe: bool = False) -> bytes:
    """Read a file, but little more of it than a limit.

    Parameters
    ----------
    path
        The file.
    most
        The limit (bytes). Of a longer file one byte more is returned, so that whoever asks can tell.
    pipe
        Whether it may be a pipe or a device, too. A pipe into which nobody writes is empty.

    Raises
    ------
    OSError
        If it cannot be read; also if it is a directory, or (unless allowed) a pipe or a device.
    """
    with open(path, "rb", opener=_open) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            if not pipe:
                raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
            os.set_blocking(file.fileno(), True)
        return file.read(most + 1)


def _open(path: str, flags: int) -> int:
    """Open without waiting for somebody at the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
