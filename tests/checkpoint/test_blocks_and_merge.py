"""Blocks that were simulated in several places make the run that one place would have made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scssim
from analysis.runs import QUICK, SMALL
from checkpoint.runs import RUNS, Stop, interrupted, kept, loaded, run, simulated, written
from scssim.errors import ScssimError


def some(out: Path, blocks: str, name: str = "draws", **how: Any) -> Path:
    """Simulate some blocks of one of `RUNS`; their directory."""
    scssim.run_blocks(loaded(name), blocks, out, **{**RUNS[name][1], **how})
    return out


@pytest.fixture
def halves(tmp_path: Path) -> list[Path]:
    """The five blocks of a run in two directories."""
    return [some(tmp_path / "a", ":2"), some(tmp_path / "b", "2:")]


def refusal(folders: list[Path], out: Path, **how: Any) -> str:
    """What merging says, which does nothing."""
    with pytest.raises(ScssimError) as caught:
        scssim.merge(folders, out, **how)
    assert not (out / "blocks").exists() and not (out / "results.json").exists()
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in RUNS if not name.startswith("precision")])
def test_thirds_make_the_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole", name)
    thirds = [some(tmp_path / str(n), blocks, name) for n, blocks in enumerate(["3:", "0:1", "1:3"])]
    every = simulated(monkeypatch)
    scssim.merge(thirds, tmp_path / "merged")
    assert all(piece.patients != RUNS[name][1]["patients"] for piece in every) or name == "analyses"
    assert written(tmp_path / "merged") == written(tmp_path / "whole")
    assert not (tmp_path / "merged" / "blocks").exists()


def test_only_these_blocks_are_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = simulated(monkeypatch)
    assert scssim.run_blocks(loaded(), "1:3", tmp_path, **RUNS["draws"][1]) == (range(1, 3), 5)
    assert [piece.draw for piece in every] == [8, 16]
    assert [int(path.name[:7]) for path in kept(tmp_path)] == [1, 2]
    assert not (tmp_path / "results.json").exists() and not (tmp_path / "tables").exists()
    assert scssim.run_blocks(loaded(), ":3", tmp_path, **RUNS["draws"][1]) == (range(3), 5)
    assert [piece.draw for piece in every] == [8, 16, 0]


def test_in_two_processes(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    parts = [some(tmp_path / "a", "0:3", workers=2), some(tmp_path / "b", "3:5")]
    scssim.merge(parts, tmp_path / "merged")
    assert written(tmp_path / "merged") == written(tmp_path / "whole")


def test_interrupted_blocks_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt, match=r"2 of 5 blocks are kept in .*; the same command goes on"):
        some(tmp_path, "0:4", progress=Stop(2))
    every = simulated(monkeypatch)
    told: list[tuple[int, int]] = []
    some(tmp_path, "0:4", progress=lambda *status: told.append(status))
    assert len(every) == 2 and told == [(n, 4) for n in range(1, 5)]


def test_a_whole_run_goes_on_with_some_of_its_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole")
    some(tmp_path / "out", "1:4")
    every = simulated(monkeypatch)
    run(tmp_path / "out")
    assert len(every) == 2 and written(tmp_path / "out") == written(tmp_path / "whole")


def test_an_unfinished_run_is_some_of_its_blocks(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    interrupted(tmp_path / "a", after=2)
    scssim.merge([tmp_path / "a", some(tmp_path / "b", "2:5")], tmp_path / "merged")
    assert written(tmp_path / "merged") == written(tmp_path / "whole")


def test_merging_twice(halves: list[Path], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for half in halves for path in kept(half)}
    assert len(before) == 5
    found = []
    for name in ("one", "two", "two"):
        scssim.merge(halves, tmp_path / name)
        found.append(written(tmp_path / name))
    assert found[0] == found[1] == found[2]
    assert {path: path.read_bytes() for half in halves for path in kept(half)} == before


def test_an_interrupted_merge_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole", "analyses")
    parts = [some(tmp_path / "a", "0:2", "analyses"), some(tmp_path / "b", "2:5", "analyses")]
    for after in (3, 8):
        with pytest.raises(KeyboardInterrupt):
            scssim.merge(parts, tmp_path / "merged", progress=Stop(after))
    every = simulated(monkeypatch)
    scssim.merge(parts, tmp_path / "merged")
    assert all(piece.draw > 2 for piece in every[:4])  # of its one-way analysis, three blocks of two were there
    assert written(tmp_path / "merged") == written(tmp_path / "whole")


def test_into_one_of_them(halves: list[Path], tmp_path: Path) -> None:
    """What is given stays as it is, so it cannot be where results go."""
    for how in ({}, {"restart": True}):
        with pytest.raises(ScssimError, match=rf"merge: {halves[0]} has blocks to be joined; give another directory"):
            scssim.merge(halves, halves[0], **how)
    assert len(kept(halves[0])) == 2


def test_into_another_unfinished_run(halves: list[Path], tmp_path: Path) -> None:
    interrupted(tmp_path / "out", after=2, seed=8)
    with pytest.raises(ScssimError, match=r"holds 2 of 5 blocks of another unfinished run \(seed: 8 there, 7 here\)"):
        scssim.merge(halves, tmp_path / "out")
    scssim.merge(halves, tmp_path / "out", restart=True)
    run(tmp_path / "whole")
    assert written(tmp_path / "out") == written(tmp_path / "whole")


def test_patients_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("age,female,back_vas,leg_vas,odi\n" + "".join(f"{50 + i},{i % 2},7,6,50\n" for i in range(9)))
    scenario = scssim.load(SMALL, {**QUICK, "population": {"file": str(table), "diagnosis": None}})
    how: dict[str, Any] = {"patients": 100, "draws": 16}
    for name, blocks in (("a", "0:1"), ("b", "1:2")):
        scssim.run_blocks(scenario, blocks, tmp_path / name, **how)
    scssim.run(scenario, out=tmp_path / "whole", **how)
    scssim.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    assert written(tmp_path / "merged") == written(tmp_path / "whole")


# ---------------------------------------------------------- what does not fit


def test_missing_blocks_are_named(halves: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert refusal(halves[:1], out).startswith(
        "blocks 2 to 4 of 5 are missing; simulate them with the command of the others"
    )
    kept(halves[1])[1].unlink()
    assert refusal(halves, out).startswith("block 3 of 5 is missing; ")
    kept(halves[0])[0].unlink()
    assert refusal(halves, out).startswith("blocks 0, 3 of 5 are missing; ")


def test_the_command_that_is_missing_can_be_copied(tmp_path: Path, call: Callable[..., Any]) -> None:
    common = ["--patients", "100", "--draws", "16", "--set", "targets=null", "--set", "settings.visit_months=[]"]
    code, out, _ = call("run", str(SMALL), *common, "--blocks", "0:1", "--out", "a b")
    assert code == 0 and out == "Blocks 0:1 of 2 are in a b; `scssim merge` joins those of a run.\n"
    code, out, err = call("merge", "a b", "--out", "merged")
    assert code == 2 and out == "" and not (tmp_path / "merged").exists()
    told = f"scssim run {SMALL} --patients 100 --draws 16 --set targets=null --set 'settings.visit_months=[]'"
    told += " --blocks 0:1 --out 'a b'"
    assert (
        err
        == f"Error: block 1 of 2 is missing; simulate them with the command of the others and other --blocks: {told}\n"
    )


def test_blocks_that_are_there_twice_are_named(halves: list[Path], tmp_path: Path) -> None:
    more = some(tmp_path / "c", "1:3")
    assert refusal([*halves, more], tmp_path / "out") == f"block 1 is in {halves[0]} and in {more}; give one of them"
    assert "blocks 2 to 4 are in" in refusal([*halves, halves[1]], tmp_path / "out")


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-3], lambda content: content + b"x"])
def test_a_damaged_block_is_named(damage: Callable[[bytes], bytes], halves: list[Path], tmp_path: Path) -> None:
    victim = kept(halves[1])[1]
    content = victim.read_bytes()
    victim.write_bytes(damage(content))
    message = refusal(halves, tmp_path / "out")
    assert message.startswith(f"block 3 in {halves[1]} is damaged; give its command again: ")
    # The file that took its place counts, whatever is left of the other one.
    victim.with_name(victim.name.replace("0000003-", "0000003-0")[:24] + ".parquet").write_bytes(b"")
    victim.write_bytes(content)
    scssim.merge(halves, tmp_path / "out")


def test_no_blocks(halves: list[Path], tmp_path: Path) -> None:
    run(tmp_path / "complete")
    (tmp_path / "empty").mkdir()
    for name in ("empty", "complete", "nowhere"):
        message = refusal([halves[0], tmp_path / name], tmp_path / "out")
        assert message.startswith(f"{tmp_path / name} has no blocks of a run; `scssim run --blocks FIRST:END`")
    assert refusal([], tmp_path / "out") == "merge: give the directories of the blocks"
    for path in kept(halves[0]):
        path.unlink()
    assert refusal(halves[:1], tmp_path / "out").startswith("blocks 0 to 4 of 5 are missing")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"seed": 8}, "seed: 8 there, 7 here"),
        ({"patients": 101}, "patients: 101 there, 100 here"),
        ({"draws": 39}, "draws: 39 there, 40 here"),
    ],
)
def test_another_run(how: dict[str, Any], told: str, tmp_path: Path) -> None:
    a, b = some(tmp_path / "a", "0:2"), some(tmp_path / "b", "2:5", **how)
    assert refusal([a, b], tmp_path / "out") == f"{b} does not belong together with {a}: {told} (there: {b}, here: {a})"


def test_another_scenario(tmp_path: Path) -> None:
    a, b = some(tmp_path / "a", "0:2"), tmp_path / "b"
    scssim.run_blocks(loaded(**{"therapies.hf10.costs.device": 17000}), "2:5", b, **RUNS["draws"][1])
    assert "therapies.hf10.costs.device: 17000 there, 16648 here" in refusal([a, b], tmp_path / "out")


def test_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each other, or of who joins them, which would tell in the last digits."""
    a = some(tmp_path / "a", "0:2")
    other = {**scssim.api.build(), "numpy": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr("scssim.api.build", lambda: other)
        b, c = some(tmp_path / "b", "2:5"), some(tmp_path / "c", "0:2")
    assert f"{b} does not belong together with {a}: numpy: 1.0 there, " in refusal([a, b], tmp_path / "out")
    message = refusal([c, b], tmp_path / "out")
    assert message.startswith("these blocks cannot be joined here (numpy: 1.0 there, ")
    with monkeypatch.context() as patch:
        patch.setattr("scssim.api.build", lambda: other)
        scssim.merge([b, c], tmp_path / "out")


def test_an_open_number_of_blocks(tmp_path: Path) -> None:
    interrupted(tmp_path, "precision", 2)
    assert "is of a run whose number of blocks is open; go on there" in refusal([tmp_path], tmp_path / "out")
    rule = {"service.replications": {"precision": 0.05}}
    with pytest.raises(ScssimError, match=r"^blocks: the number of replications is open; set service\.replications"):
        scssim.run_blocks(loaded("des", **rule), "0:2", tmp_path / "b", engine="des", draws=0)


@pytest.mark.parametrize("blocks", ["0:6", "5:6", "2:2", "3:2", "-1:2", ":0", "5:", "0:-1"])
def test_blocks_that_the_run_does_not_have(blocks: str, tmp_path: Path) -> None:
    with pytest.raises(
        ScssimError,
        match=r"^blocks: .* (is not possible; the run has 5 blocks, 0:5|is no range of blocks; give FIRST:END, .*)$",
    ):
        some(tmp_path / "out", blocks)
    assert not (tmp_path / "out").exists()


def test_parts(tmp_path: Path) -> None:
    found = [scssim.run_blocks(loaded(), f"{k}/3", tmp_path, **RUNS["draws"][1])[0] for k in (1, 2, 3)]
    assert found == [range(1), range(1, 3), range(3, 5)]


@pytest.mark.parametrize(("blocks", "told"), [("0/2", "no part 0/2"), ("3/2", "no part 3/2"), ("1/6", "only 5 blocks")])
def test_parts_that_there_are_not(blocks: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match=f"^blocks: .*{told}"):
        some(tmp_path / "out", blocks)


def test_a_run_of_one_block(tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match=r"^blocks: the run is so small that it has one block only"):
        some(tmp_path / "out", "0:1", draws=4)
    assert not (tmp_path / "out").exists()


# -------------------------------------------------------------- command line


@pytest.mark.parametrize("blocks", ["", "3", "0-3", "a:b", "0:3:4", "-1:3", "1.5:3", "²:3", "1/x", "/3"])
def test_nonsense_blocks_are_exit_2(blocks: str, call: Callable[..., Any], tmp_path: Path) -> None:
    code, out, err = call("run", str(SMALL), "--draws", "40", f"--blocks={blocks}")
    assert (code, out) == (2, "") and list(tmp_path.iterdir()) == []
    assert f"blocks: {blocks!r} is no range of blocks; give FIRST:END, such as 0:500, or K/N, such as 1/4" in err


@pytest.mark.parametrize(
    "option", [["--precision", "5"], ["--log", "x"], ["--histories", "x"], ["--excel"]], ids=lambda option: option[0]
)
def test_what_is_for_a_whole_run_is_exit_2(option: list[str], call: Callable[..., Any]) -> None:
    code, out, err = call("run", str(SMALL), "--blocks", "0:1", *option)
    assert (code, out, err) == (2, "", f"Error: --blocks: {option[0]} is for a whole run\n")


def test_merge_on_the_command_line(call: Callable[..., Any], tmp_path: Path) -> None:
    how = ["--patients", "100", "--draws", "40", "--workers", "1"]
    how += [part for name, value in QUICK.items() for part in ("--set", f"{name}={'[]' if value == [] else 'null'}")]
    for out, blocks in (("a", ":2"), ("b", "2:")):
        assert call("run", str(SMALL), *how, "--blocks", blocks, "--out", out)[0] == 0
    assert call("run", str(SMALL), *how, "--out", "whole")[0] == 0
    code, out, err = call("merge", "a", "b", "--out", "merged", "--workers", "1")
    assert (code, err) == (0, "") and "40 draws x 100 patients" in out
    assert written(tmp_path / "merged") == written(tmp_path / "whole")
    code, out, err = call("merge", "a", "--out", "third")
    assert code == 2 and "are missing" in err and not (tmp_path / "third").exists()
    assert call("merge", "--out", "third")[0] == call("merge", "a", "b")[0] == 2


def test_the_command_line_tells_what_it_goes_on_with(call: Callable[..., Any], tmp_path: Path) -> None:
    how = ["run", str(SMALL), "--patients", "100", "--draws", "40", "--workers", "1", "--out", "out"]
    assert call(*how, "--blocks", "0:2")[0] == 0
    code, _, err = call(*how, "--seed", "8")
    assert code == 2 and "holds 2 of 5 blocks of another unfinished run (seed: 7 there, 8 here)" in err
    assert "--restart" in err
    code, _, err = call(*how)
    assert (code, err) == (0, "out has 2 of 5 blocks of an unfinished run.\n")
    assert call(*how, "--seed", "8", "--blocks", "0:2", "--restart")[0] == 0
    code, _, err = call(*how, "--restart")
    assert code == 0 and "Goes on" not in err
