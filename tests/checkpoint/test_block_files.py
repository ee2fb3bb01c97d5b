"""Only files that are as they were written, and of the block that is asked for, are ever used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from checkpoint.runs import interrupted, kept, run, simulated, written
from scssim.checkpoint.files import NAME, BlockFiles
from scssim.engine.job import Task
from scssim.files import replacing


@dataclass(frozen=True)
class Found:
    values: NDArray[np.float64]


PIECE = Task(0, 1, 0, 10)
FOUND = Found(np.arange(1000.0))


def store(folder: Path, job: str = "job", damaged: list[Path] | None = None) -> BlockFiles[Found]:
    return BlockFiles(folder, Found, job, ([] if damaged is None else damaged).append)


def test_the_name_tells_number_and_checksum(tmp_path: Path) -> None:
    store(tmp_path).put(12, PIECE, FOUND)
    (path,) = tmp_path.iterdir()
    assert path.name == f"0000012-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.parquet"
    assert NAME.fullmatch(path.name) is not None


def test_what_was_kept_is_found_by_this_store_and_the_next(tmp_path: Path) -> None:
    first = store(tmp_path / "blocks" / "job")
    assert first.get(0, PIECE) is None and not (tmp_path / "blocks").exists()
    first.put(0, PIECE, FOUND)
    for one in (first, store(tmp_path / "blocks" / "job")):
        again = one.get(0, PIECE)
        assert again is not None and np.array_equal(again.values, FOUND.values)
        assert one.get(1, PIECE) is None


def test_another_job_piece_or_number_is_not_used(tmp_path: Path) -> None:
    store(tmp_path).put(0, PIECE, FOUND)
    (path,) = tmp_path.iterdir()
    assert store(tmp_path, "other").get(0, PIECE) is None
    assert store(tmp_path).get(0, Task(0, 1, 0, 11)) is None
    moved = path.rename(tmp_path / path.name.replace("0000000", "0000001"))
    assert store(tmp_path).get(1, PIECE) is None
    assert moved.exists()  # it is whole, and may be somebody's


def test_a_block_that_grew_leaves_the_smaller_one(tmp_path: Path) -> None:
    """A run until a precision begins with blocks that it has again, larger, later on."""
    one, larger = store(tmp_path), Task(0, 2, 0, 10)
    one.put(0, PIECE, FOUND)
    one.put(0, larger, Found(-FOUND.values))
    for again in (one, store(tmp_path)):
        for piece, first in ((PIECE, 1.0), (larger, -1.0)):
            found = again.get(0, piece)
            assert found is not None and found.values[1] == first


def truncate(content: bytes) -> bytes:
    return content[:-1]


def halve(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def empty(content: bytes) -> bytes:
    return b""


def grow(content: bytes) -> bytes:
    return content + b"\0"


DAMAGE = [truncate, halve, flip, empty, grow]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_told_and_goes(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    store(tmp_path).put(0, PIECE, FOUND)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    told: list[Path] = []
    one = store(tmp_path, damaged=told)
    assert one.get(0, PIECE) is None and one.get(0, PIECE) is None
    assert told == [path] and not path.exists()
    one.put(0, PIECE, FOUND)
    assert one.get(0, PIECE) is not None


def test_strangers_are_left_alone(tmp_path: Path) -> None:
    names = ["notes.txt", "0000000.parquet", "0000000-0123456789abcdeg.parquet", "1-0123456789abcdef.parquet"]
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    told: list[Path] = []
    one = store(tmp_path, damaged=told)
    assert one.get(0, PIECE) is None and one.get(1, PIECE) is None and not told
    one.put(0, PIECE, FOUND)
    assert all((tmp_path / name).read_bytes() == b"mine" for name in names)


# ------------------------------------------------------------------ in a run


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_run_simulates_a_damaged_block_again_and_tells(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole")
    interrupted(tmp_path / "out", after=3)
    victim = kept(tmp_path / "out")[1]
    victim.write_bytes(damage(victim.read_bytes()))
    every = simulated(monkeypatch)
    result = run(tmp_path / "out")
    assert [piece.draw // 8 for piece in every] == [1, 3, 4]
    (told,) = (warning for warning in result.warnings if "damaged" in warning)
    assert told.startswith("block 1 in ") and "(by its checksum) and was simulated again" in told
    assert told in (tmp_path / "out" / "manifest.json").read_text()
    assert written(tmp_path / "out") == written(tmp_path / "whole")


def test_a_block_of_another_run_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if somebody puts it in the place of one of this run."""
    run(tmp_path / "whole")
    interrupted(tmp_path / "out", after=3)
    interrupted(tmp_path / "other", after=3, seed=8)
    mine, theirs = kept(tmp_path / "out")[1], kept(tmp_path / "other")[1]
    (mine.parent / theirs.name).write_bytes(theirs.read_bytes())
    mine.unlink()
    every = simulated(monkeypatch)
    run(tmp_path / "out")
    assert [piece.draw // 8 for piece in every] == [1, 3, 4]
    assert written(tmp_path / "out") == written(tmp_path / "whole")


def test_deleted_blocks_are_simulated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole")
    interrupted(tmp_path / "out", after=4)
    for path in kept(tmp_path / "out")[::2]:
        path.unlink()
    every = simulated(monkeypatch)
    run(tmp_path / "out")
    assert [piece.draw // 8 for piece in every] == [0, 2, 4]
    assert written(tmp_path / "out") == written(tmp_path / "whole")


def test_half_written_files_are_swept(tmp_path: Path) -> None:
    """A process that is killed leaves them beside the place of what it was writing."""
    interrupted(tmp_path, after=3)
    (path,) = {path.parent for path in kept(tmp_path)}
    halves = [path / f".{kept(tmp_path)[0].name}.abcd1234", path.parent / ".manifest.json.xyz_5678"]
    for half in halves:
        half.write_bytes(b"half")
    interrupted(tmp_path, after=4)
    assert not any(half.exists() for half in halves) and len(kept(tmp_path)) == 4
    run(tmp_path)


def test_half_written_results_are_swept(tmp_path: Path) -> None:
    run(tmp_path)
    names = ("results.json", "manifest.json", "report.html", "tables/psa.csv", "tables/dsa.parquet", "figures/evpi.svg")
    (tmp_path / "figures").mkdir()
    halves = []
    for name in names:
        with pytest.raises(KeyboardInterrupt), replacing(tmp_path / name) as (half,):
            halves.append(half.rename(half.with_suffix(".abc_1234")))  # out of its reach, as if it had been killed
            raise KeyboardInterrupt
    for half in halves:
        half.write_bytes(b"half")
    mine = [tmp_path / name for name in (".notes", ".notes.txt.abc_1234", "tables/.my.csv.abc_1234")]
    for path in mine:
        path.write_bytes(b"mine")
    run(tmp_path)
    assert not any(half.exists() for half in halves)
    assert all(path.exists() for path in mine)
