"""The blocks of one job as files, each of which tells by its name whether it is whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from scssim.checkpoint.packed import packed, unpacked
from scssim.files import replace, writing

Found = TypeVar("Found")

NAME = re.compile(r"(\d{7,})-([0-9a-f]{16})\.parquet")
"""Number of the block, and the beginning of the SHA-256 of the file."""


def checksum(content: bytes) -> str:
    """What the name of a file says of its content."""
    return hashlib.sha256(content).hexdigest()[:16]


def numbered(folder: Path) -> dict[int, list[Path]]:
    """Files of blocks in a folder by their numbers, in order."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (match := NAME.fullmatch(path.name)) is not None:
            found.setdefault(int(match[1]), []).append(path)
    return found


def whole(path: Path) -> bytes | None:
    """Content of a file of a block; None if it is not what its name says, or cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if checksum(content) == path.stem.rsplit("-", 1)[1] else None


class BlockFiles(Generic[Found]):
    """Keeps what was found of the blocks of one job.

    Parameters
    ----------
    folder
        The folder; made when the first block is kept.
    kind
        Class of what is found.
    job
        Digest of the job.
    damaged
        Told of files that are not as they were written.
    """

    def __init__(self, folder: Path, kind: type[Found], job: str, damaged: Callable[[Path], None]) -> None:
        self.folder, self.kind, self.job, self.damaged = folder, kind, job, damaged
        self.paths = numbered(folder)

    def get(self, number: int, piece: Any) -> Found | None:
        """What was found of a block; None if it is not there, or not any more."""
        for path in list(self.paths.get(number, ())):
            content = whole(path)
            if content is None:
                self.damaged(path)
                self.paths[number].remove(path)
                with suppress(OSError):
                    path.unlink()
                continue
            try:
                return unpacked(content, self.kind, self._about(number, piece))
            except ValueError:  # of a block that was smaller then
                continue
        return None

    def put(self, number: int, piece: Any, found: Found) -> None:
        """Keep what was found of a block."""
        content = packed(found, self._about(number, piece))
        path = self.folder / f"{number:07d}-{checksum(content)}.parquet"
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace(path, content)
        self.paths.setdefault(number, []).append(path)

    def _about(self, number: int, piece: Any) -> dict[str, Any]:
        return {"job": self.job, "number": number, "piece": str(piece)}
