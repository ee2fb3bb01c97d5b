"""Files of a run."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scssim.errors import ScssimError
from scssim.files import made, replacing, writing
from scssim.report import write as module
from scssim.report.write import prepared, write

KEYS = [
    "scssim", "scenario", "seed", "patients", "draws", "engine", "currency", "price_year", "strategies",
    "outcomes", "frontier", "headline", "targets", "assumed_share", "decision", "service",
]  # fmt: skip


@pytest.fixture(scope="module")
def written(result: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    paths = write(result, out, "scssim run x --seed 1")
    assert sorted(paths) == sorted(p for p in out.rglob("*") if p.is_file())
    return out


def strict(path: Path) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_tables_are_the_frames_unrounded(result: Any, written: Path) -> None:
    for name in module.TABLES:
        path, table = written / "tables" / f"{name}.csv", getattr(result, name)
        assert path.exists() == bool(len(table.columns))
        if not path.exists():
            continue
        again = pd.read_csv(path)
        assert list(again.columns) == list(table.columns)
        for column in table.select_dtypes("number").columns:
            np.testing.assert_array_equal(again[column].to_numpy(float), table[column].to_numpy(float))


def test_long_tables_are_parquet(result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(result, tmp_path, "")
    assert (tmp_path / "tables" / "visits.csv").exists()
    monkeypatch.setattr(module, "CSV_ROWS", len(result.visits) - 1)
    write(result, tmp_path, "")
    assert not (tmp_path / "tables" / "visits.csv").exists()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "tables" / "visits.parquet"), result.visits)


def test_results_have_the_agreed_keys(result: Any, written: Path) -> None:
    found = strict(written / "results.json")
    assert list(found) == KEYS
    assert found["scenario"] == {"title": result.scenario.title, "sha256": "ab" * 32}
    assert found["draws"] is None and found["assumed_share"] is None and found["decision"] is None
    assert found["strategies"] == list(result.scenario.strategies)
    assert set(found["outcomes"]["hf10"]["qaly"]) == {"mean", "mcse"}
    first = result.outcomes.iloc[0]
    assert found["outcomes"][first.strategy][first.outcome] == {"mean": first["mean"], "mcse": first.mcse}
    assert found["frontier"][0]["icer"] is None
    assert len(found["targets"]) == 3


def test_headline_is_the_highest_net_benefit(result: Any, written: Path, fake_result: Callable[..., Any]) -> None:
    frontier = result.frontier.set_index("strategy")
    best = (20000 * frontier.qaly - frontier.cost).idxmax()
    headline = strict(written / "results.json")["headline"]
    icer = frontier.icer[best]
    assert headline == {"wtp": 20000, "best": best, "icer_vs_previous": None if math.isnan(icer) else icer}
    generous = fake_result(7, willingness_to_pay=[90000])
    found = module.headline(generous)
    assert found["best"] == "guided"
    assert found["icer_vs_previous"] == generous.frontier.set_index("strategy").icer["guided"]
    assert module.headline(fake_result(2, willingness_to_pay=[]))["best"] is None


def test_manifest_says_how_to_repeat_the_run(result: Any, written: Path) -> None:
    found = strict(written / "manifest.json")
    assert found["command"] == "scssim run x --seed 1"
    assert set(found["packages"]) == {"numpy", "scipy", "pandas"}
    assert found["packages"]["numpy"] == np.__version__
    assert found["scenario"]["resolved"] == result.loaded.resolved
    assert found["scenario"]["sha256"] == result.loaded.sha256
    assert found["seed"] == result.seed and found["seconds"] == result.seconds
    assert found["cpu_features"]["baseline"] and found["numpy_build"]["Compilers"]
    assert found["warnings"] == result.warnings


def test_a_second_run_replaces_only_our_files(
    fake_result: Callable[..., Any], without: Callable[..., Any], tmp_path: Path
) -> None:
    result = fake_result(1)
    write(result, tmp_path, "first")
    mine = tmp_path / "figures" / "mine.png"
    mine.parent.mkdir()
    mine.write_text("keep")
    for name in ("figures/vas_over_time.svg", "figures/occupancy.png", "report.html"):
        (tmp_path / name).write_text("of the first run")
    (tmp_path / "notes.txt").write_text("keep")
    write(without(result, "visits"), tmp_path, "second")
    assert mine.read_text() == "keep" and (tmp_path / "notes.txt").exists()
    assert strict(tmp_path / "manifest.json")["command"] == "second"
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["mine.png"]
    assert not (tmp_path / "report.html").exists()
    assert not list(tmp_path.rglob(".*"))


def test_only_a_directory_with_a_manifest_is_complete(
    fake_result: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of an earlier run is left beside a new one that was cut off, and nothing says that it is whole."""
    result = fake_result(1)
    write(result, tmp_path, "first")
    (tmp_path / "tables" / "budget.csv").write_text("of a run that had one")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "manifest", stop)
    with pytest.raises(KeyboardInterrupt):
        write(result, tmp_path, "second")
    assert not (tmp_path / "manifest.json").exists()
    assert not (tmp_path / "tables" / "budget.csv").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        module.replace(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with replacing(path) as (one,):
        one.write_text("one")
        with pytest.raises(KeyboardInterrupt), replacing(path) as (broken,):
            broken.write_text("broken")
            raise KeyboardInterrupt
        with replacing(path) as (two,):
            two.write_text("two")
        assert path.read_text() == "two"
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_name_the_file_that_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    for path, why in ((tmp_path / "folder", "Is a directory"), (tmp_path / "no" / "a.csv", "No such file")):
        with pytest.raises(ScssimError, match=f"^cannot write {re.escape(str(path))}: {why}"), writing(tmp_path):
            module.replace(path, b"")

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    path = tmp_path / "a.csv"
    with pytest.raises(ScssimError, match=f"^cannot write {re.escape(str(path))}: Permission"), writing(tmp_path):
        module.replace(path, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    (tmp_path / "there").mkdir()
    link.symlink_to(tmp_path / "there" / "file")
    module.replace(link, b"new")
    assert link.is_symlink() and [path.read_bytes() for path in (tmp_path / "there").iterdir()] == [b"new"]
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    for name in (pipe, Path(f"/dev/fd/{writer}")):  # the second is what /dev/stdout is in a shell
        if name.exists():
            module.replace(name, b"through")
            assert os.read(reader, 100) == b"through" and pipe.is_fifo()
    os.close(reader)
    os.close(writer)


def test_a_full_disk_is_told_as_such(result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(ScssimError, match=r"cannot write.*No space left"):
        write(result, tmp_path, "")


def test_values_that_json_cannot_say(result: Any) -> None:
    odd = {
        "a": np.nan,
        "b": np.inf,
        "c": np.float64(1.5),
        "d": np.bool_(True),
        "e": pd.NA,
        "f": (Path("x"), np.int64(3)),
    }
    assert module._plain(odd) == {"a": None, "b": None, "c": 1.5, "d": True, "e": None, "f": ["x", 3]}
    broken = replace(result, outcomes=result.outcomes.assign(mcse=np.nan))
    assert b"NaN" not in module._json(module.results(broken))


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for out in (file, file / "below"):
        with pytest.raises(ScssimError, match=rf"cannot write results to {out}:"), prepared(out):
            pytest.fail("the run must not start")
    (tmp_path / "tables").write_text("")
    with pytest.raises(ScssimError, match="not a directory"), prepared(tmp_path):
        pytest.fail("the run must not start")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_place_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ScssimError, match="cannot write results to"), prepared(tmp_path):
        pytest.fail("the run must not start")


def test_a_directory_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match="later"), prepared(tmp_path / "new" / "deep"):
        raise ScssimError("later")
    assert list(tmp_path.iterdir()) == []
    with prepared(tmp_path / "new"):
        pass
    assert (tmp_path / "new").is_dir()


def test_only_what_was_made_here_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), made(tmp_path / "a" / "b"):
        with pytest.raises(KeyError), made(tmp_path / "a" / "b"):
            raise KeyError
        assert (tmp_path / "a" / "b").is_dir()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_another_run_made_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def late(self: Path, *_: object) -> None:
        mkdir(self)
        mkdir(self)  # the other was quicker

    monkeypatch.setattr(Path, "mkdir", late)
    with pytest.raises(KeyError), made(tmp_path / "a"):
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ScssimError, match=r"cannot write results to .*link: File exists"), prepared(tmp_path / "link"):
        pytest.fail("the run must not start")
