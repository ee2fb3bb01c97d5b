"""Joining the blocks of one run that were simulated in several places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scssim.checkpoint.files import numbered, whole
from scssim.checkpoint.folder import FOLDER, About
from scssim.checkpoint.numbers import spans
from scssim.errors import ScssimError


def joined(folders: Sequence[Path]) -> tuple[About, list[Path]]:
    """Check that some directories have the blocks of one run between them, each once.

    Parameters
    ----------
    folders
        Directories of runs of blocks.

    Returns
    -------
    about : About
        The run.
    files : list of Path
        Its blocks, in order.

    Raises
    ------
    ScssimError
        If a directory has none, they are of different runs or builds, or blocks overlap, are damaged or missing.
    """
    about: About | None = None
    found: dict[int, Path] = {}
    for folder in folders:
        one = About.read(folder / FOLDER)
        if one is None:
            raise ScssimError(f"{folder} has no blocks of a run; `scssim run --blocks FIRST:END` writes them")
        if about is None:
            about = one
        elif told := one.unlike(about):
            raise ScssimError(
                f"{folder} does not belong together with {folders[0]}: {'; '.join(told)} (there: {folder}, here: "
                f"{folders[0]})"
            )
        mine = numbered(folder / FOLDER / one.job)
        if both := sorted(mine.keys() & found.keys()):
            where = found[both[0]].parents[2]
            both = [number for number in both if found[number].parents[2] == where]
            raise ScssimError(f"{spans(both)} {_are(both)} in {where} and in {folder}; give one of them")
        for number, paths in mine.items():
            sound = next((path for path in paths if whole(path) is not None), None)
            if sound is None:
                raise ScssimError(f"block {number} in {folder} is damaged; give its command again: {one.command}")
            found[number] = sound
    assert about is not None
    if about.blocks is None:
        raise ScssimError(f"{folders[0]} is of a run whose number of blocks is open; go on there with its own command")
    if missing := sorted(set(range(about.blocks)) - found.keys()):
        mend = "simulate them with the command of the others and other --blocks"
        raise ScssimError(f"{spans(missing)} of {about.blocks:,} {_are(missing)} missing; {mend}: {about.command}")
    return about, [found[number] for number in sorted(found)]


def _are(numbers: list[int]) -> str:
    return "is" if len(numbers) == 1 else "are"
