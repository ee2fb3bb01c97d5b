"""The histories that a run writes agree with its tables, patient by patient, however it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import scssim
from engine.test_des_service import busy
from engine.tiny import Data, load
from engine.wild import scenarios
from scssim.engine import histories as engine_histories
from scssim.engine import run as cohort
from scssim.engine.block import Compiled
from scssim.errors import ScssimError
from scssim.histories import MARK, TABLES, Histories
from scssim.report import history_files
from scssim.result import Result

SMALL = Path(__file__).parent / "data" / "small.yaml"
WHO = ["draw", "patient", "strategy"]
TIMES = ["decided", "trial", "trial_end", "began", "lost", "ended"]


def kept(folder: Path, scenario: Any = SMALL, **how: Any) -> tuple[Result, pd.DataFrame, pd.DataFrame]:
    """A run with its episodes and patients."""
    result = scssim.run(scenario, histories=folder, **how)
    assert result.histories is not None
    return result, result.histories.episodes(), result.histories.patients()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_agrees(result: Result, episodes: pd.DataFrame, patients: pd.DataFrame) -> None:
    """The tables of a run follow from its histories."""
    cells = len(patients) // len(result.scenario.strategies)
    assert not patients.duplicated(WHO).any()
    assert (patients.groupby("strategy", observed=False).size() == cells).all()

    outcomes = result.outcomes.pivot(index="strategy", columns="outcome", values="mean")
    means = patients.groupby("strategy", observed=True)[[*outcomes.columns]].mean()
    np.testing.assert_allclose(means, outcomes.loc[list(means.index)], rtol=1e-9, atol=1e-9)

    events = result.events.set_index(["strategy", "event"]).per_patient * cells
    expected = {key: round(n) for key, n in events.items() if n > 0.5}
    found: dict[Any, int] = {}
    kinds = {name: therapy.kind for name, therapy in result.scenario.therapies.items()}
    for (strategy, therapy), own in episodes.groupby(["strategy", "therapy"], observed=True):
        counts = {
            "implant" if kinds[therapy] == "implant" else "start": own.began.notna().sum(),
            "trial": own.trial.notna().sum(),
            **{f"end.{name}": n for name, n in own.reason.value_counts().items() if name not in ("death", "horizon")},
            "repeat": own.repeats.sum(), "revision": own.revisions.sum(),
            "depletion": own.depletions.sum(), "replacement": own.replacements.sum(),
            **{name.removeprefix("complication_"): own[name].sum() for name in own if name.startswith("complication_")},
        }  # fmt: skip
        stopped = own.reason.isin(["explant", "review_stop", "stop_after_loss", "max_duration"]) & own.began.notna()
        counts |= {"explant": stopped.sum()} if kinds[therapy] == "implant" else {}
        found |= {(strategy, f"{therapy}.{name}"): int(n) for name, n in counts.items() if n}
    for strategy, own in patients.groupby("strategy", observed=True):
        ends = {"death": int(own.died.sum()), "horizon": int((~own.died).sum())}
        found |= {(strategy, name): n for name, n in ends.items() if n}
    assert found == expected
    assert (episodes.complications == episodes.filter(regex="^complication_").sum(axis=1)).all()

    shares = result.occupancy.set_index(["strategy", "state", "month"]).share
    for month in sorted(set(result.occupancy.month))[::7]:
        now = month / 12 + 1e-9 / 12
        there = episodes[(episodes.began <= now) & (episodes.ended > now)]
        staying = episodes.ended.eq(episodes.merge(patients, on=WHO).years) & episodes.reason.eq("horizon")
        if month == 12 * float(patients.years.max()):
            there = episodes[(episodes.began <= now) & staying]
        n = there.groupby(["strategy", "therapy"], observed=True).size()
        for strategy in result.scenario.strategies:
            for therapy in kinds:
                if (strategy, therapy, month) in shares.index:
                    expected_n = round(shares[strategy, therapy, month] * cells)
                    assert n.get((strategy, therapy), 0) == expected_n, (strategy, therapy, month)


def assert_in_order(episodes: pd.DataFrame, patients: pd.DataFrame) -> None:
    """Rows are in order, times too, and nothing lies after the end of follow-up."""
    for table, keys in ((patients, WHO), (episodes, [*WHO, "episode"])):
        codes = table[keys].assign(strategy=table.strategy.cat.codes)
        assert codes.equals(codes.sort_values(keys, kind="stable"))
    counted = episodes.groupby(WHO, observed=True).episode
    assert (counted.cumcount() + 1).equals(episodes.episode.astype("int64"))
    times = episodes[TIMES].to_numpy()
    latest = np.fmax.accumulate(times, axis=1)
    assert not (times < latest - 1e-12).any()
    before = episodes.groupby(WHO, observed=True).ended.shift()
    assert not (episodes.decided < before - 1e-12).any()
    both = episodes.merge(patients, on=WHO, suffixes=("", "_of_patient"))
    assert len(both) == len(episodes)
    assert (both[TIMES].max(axis=1) <= both.years).all()
    last = both[both.reason.isin(["death", "horizon"])]
    assert (last.ended == last.years).all() and (last.died == (last.reason == "death")).all()
    unbegun = episodes[episodes.began.isna()]
    assert unbegun.relief_back.isna().all() and not unbegun[["responder_back", "responded"]].any().any()


@pytest.mark.parametrize("engine", ["cohort", "des"])
@pytest.mark.parametrize("draws", [0, 3])
def test_tables_follow_from_histories(engine: str, draws: int, tmp_path: Path) -> None:
    found = kept(tmp_path, engine=engine, draws=draws, patients=200)
    assert_agrees(*found)
    assert_in_order(*found[1:])
    assert found[2].draw.nunique() == max(draws, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=scenarios())
def test_tables_follow_from_histories_of_random_scenarios(data: Data, tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load(data)
    tables = []
    for engine in ("cohort", "des"):
        result, episodes, patients = kept(tmp_path_factory.mktemp("histories"), loaded, engine=engine)
        assert_agrees(result, episodes, patients)
        assert_in_order(episodes, patients)
        tables.append((episodes, patients))
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-9)


def test_discrete_events_without_limits_have_the_same_histories(tmp_path: Path) -> None:
    (_, *one), (_, *other) = (kept(tmp_path / e, "back_leg_uk", engine=e, patients=300) for e in ("cohort", "des"))
    for mine, theirs in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("patients", "draws"), [(2500, 0), (30, 40)])
def test_blocks_and_workers_leave_no_trace(
    patients: int, draws: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_files, "ROWS", 1000)
    how = {"patients": patients, "draws": draws}
    scssim.run(SMALL, histories=tmp_path / "one", **how)
    monkeypatch.setattr(cohort, "CELLS_WITH_HISTORIES", 1024)
    monkeypatch.setattr("scssim.engine.crew.WORTH_A_POOL", 0)
    scssim.run(SMALL, histories=tmp_path / "two", workers=2, **how)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    groups = pq.ParquetFile(tmp_path / "one" / "patients.parquet").metadata
    assert groups.num_row_groups == -(-groups.num_rows // 1000)


def test_replications_in_workers_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scssim.engine.crew.WORTH_A_POOL", 0)
    loaded = busy(service={"arrivals": {"per_year": 150}, "years": 1, "replications": 3})
    result, episodes, patients = kept(tmp_path / "one", loaded, engine="des")
    scssim.run(loaded, engine="des", workers=2, histories=tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert set(patients.draw) == {0, 1, 2}
    assert_agrees(result, episodes, patients)
    logged = result.log[(result.log.event == "implant") & (result.log.lifecycle == "start")]
    referred = result.log[result.log.event == "referral"].set_index("case_id").day
    waited = (logged.set_index("case_id").day - referred).dropna() / 365.25
    mine = episodes[episodes.draw == 0].set_index("patient").began.loc[waited.index]
    np.testing.assert_allclose(mine, waited, atol=1e-9)
    assert waited.max() > 0.1


def test_a_run_until_precise_has_all_its_patients(tmp_path: Path) -> None:
    result, episodes, patients = kept(tmp_path, draws=0, patients=1024, precision=400)
    assert result.patients > 1024 and len(patients) == 2 * result.patients
    assert_agrees(result, episodes, patients)


def test_patients_of_a_file_keep_their_attributes(tmp_path: Path) -> None:
    table = pd.DataFrame({"age": [40.0, 50.0, 60.0], "mechanism": ["mixed", "neuropathic", "nociceptive"]})
    table.to_csv(tmp_path / "patients.csv", index=False)
    (tmp_path / "small.yaml").write_text(SMALL.read_text())
    (tmp_path / "own.yaml").write_text("extends: small.yaml\npopulation: {file: patients.csv}\n")
    patients = kept(tmp_path / "found", tmp_path / "own.yaml", patients=9)[2]
    assert (patients.age == table.age.to_numpy()[patients.patient % 3]).all()
    assert (patients.mechanism == table.mechanism.to_numpy()[patients.patient % 3]).all()


def test_histories_change_nothing_else(tmp_path: Path) -> None:
    one, other = (scssim.run(SMALL, patients=2000, histories=place) for place in (None, tmp_path))
    assert one.histories is None
    for name in ("outcomes", "increments", "visits", "occupancy", "events", "costs"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


# ------------------------------------------------------------------ reading


def test_parts_can_be_read(tmp_path: Path) -> None:
    result, episodes, patients = kept(tmp_path, draws=2, patients=50)
    assert result.histories is not None
    found = Histories(str(tmp_path))
    assert found.about["seed"] == 7 and found.about["scenario"] == "small"
    pd.testing.assert_frame_equal(found.episodes(), episodes)
    own = found.episodes("hf", draw=1, columns=["patient", "therapy"])
    wanted = episodes[(episodes.strategy == "hf") & (episodes.draw == 1)]
    assert own.to_numpy().tolist() == wanted[["patient", "therapy"]].to_numpy().tolist()
    assert len(found.patients(["lf", "hf"])) == len(patients) and found.patients("lf").strategy.eq("lf").all()
    assert repr(found) == f"Histories({str(tmp_path)!r})"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda h: h.episodes("hf10"), "histories have no strategy 'hf10': did you mean `hf`"),
        (lambda h: h.patients(["lf", "x"]), "no strategy 'x'"),
        (lambda h: h.patients([5]), "no strategy 5: one of lf, hf"),
        (lambda h: h.patients([]), r"strategy: \[\] is not possible; give one of lf, hf, or a list of them"),
        (lambda h: h.patients(5), "strategy: 5 is not possible"),
        (lambda h: h.patients(columns=["ages"]), "no column 'ages': did you mean `age`"),
        (lambda h: h.patients(columns=[]), r"column: \[\] is not possible; give one of draw, patient"),
        (lambda h: h.patients(draw="x"), "draw: 'x' is not possible; give a whole number from 0"),
        (lambda h: h.patients(draw=1.5), "draw: 1.5 is not possible"),
        (lambda h: h.patients(draw=True), "draw: True is not possible"),
        (lambda h: h.patients(draw=-1), "draw: -1 is not possible"),
        (lambda h: h.patients(draw=10**30), "is not possible; give a whole number"),
    ],
)
def test_what_is_not_there_is_told(ask: Callable[[Histories], Any], message: str, tmp_path: Path) -> None:
    scssim.run(SMALL, patients=20, histories=tmp_path)
    with pytest.raises(ScssimError, match=message):
        ask(Histories(tmp_path))


@pytest.mark.parametrize("text", [b"{}", b"[]", b"?", json.dumps({"strategies": "hf"}).encode()])
def test_a_description_that_is_none_is_refused(text: bytes, tmp_path: Path) -> None:
    for name in TABLES:
        pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({MARK: text}), tmp_path / f"{name}.parquet")
    with pytest.raises(ScssimError, match="is not a file of histories"):
        Histories(tmp_path)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    scssim.run(SMALL, patients=200, histories=tmp_path)
    path = tmp_path / "patients.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * (len(whole) // 2) + whole[len(whole) // 2 + 4 :])  # the end is whole
    found = Histories(tmp_path)
    with pytest.raises(ScssimError, match=r"patients\.parquet cannot be read: .*if it is damaged, run again"):
        found.patients()
    path.unlink()
    with pytest.raises(ScssimError, match=r"there is no patients\.parquet"):
        found.patients()


def test_histories_that_are_not_complete_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScssimError, match=r"no complete histories: there is no patients\.parquet"):
        Histories(tmp_path / "nowhere")
    scssim.run(SMALL, patients=20, histories=tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "episodes.parquet")
    with pytest.raises(ScssimError, match=r"episodes\.parquet is not a file of histories"):
        Histories(tmp_path)


def test_files_of_two_runs_are_refused(tmp_path: Path) -> None:
    one = kept(tmp_path / "one", draws=0, patients=20)[0]
    scssim.run(SMALL, draws=0, patients=30, histories=tmp_path / "two")
    (tmp_path / "two" / "episodes.parquet").replace(tmp_path / "one" / "episodes.parquet")
    message = r"patients\.parquet and episodes\.parquet in .*one are of two different runs; run again"
    with pytest.raises(ScssimError, match=message):
        Histories(tmp_path / "one")
    assert one.histories is not None and len(one.histories.patients()) == 40
    with pytest.raises(ScssimError, match=r"another run has replaced the histories in .*one; open them again"):
        one.histories.episodes()


@pytest.mark.parametrize("how", [{"patients": 30}, {"seed": 8}, {"draws": 2}, {"engine": "des"}, {"precision": 1e6}])
def test_runs_that_differ_are_told_apart(how: Any, tmp_path: Path) -> None:
    usual = {"patients": 20, "draws": 0}
    (one, *_), (other, *_) = kept(tmp_path / "a", **usual), kept(tmp_path / "b", **(usual | how))
    assert one.histories is not None and other.histories is not None
    assert one.histories.about != other.histories.about


# ------------------------------------------------------------------ writing


def test_runs_with_one_place_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Runs begin, fail and end while another is on its way; the last to end has both files."""
    folder = tmp_path / "new" / "place"

    def run(name: str) -> Any:
        return history_files.history_files(folder, {"scenario": name, "strategies": []})

    def rows(name: str) -> Any:
        column = {"name": np.array([name])}
        return engine_histories.Histories(column, column)

    def assert_has(name: str) -> None:
        found = Histories(folder)
        assert found.about["scenario"] == name
        assert [table().name.tolist() for table in (found.patients, found.episodes)] == [[name], [name]]
        assert {path.name for path in folder.glob("[!.]*")} == {"episodes.parquet", "patients.parquet"}

    with run("first") as keep:
        keep(rows("first"))
        with pytest.raises(KeyboardInterrupt), run("broken") as broken:
            broken(rows("broken"))
            raise KeyboardInterrupt
        with run("second") as other:
            other(rows("second"))
        assert_has("second")
    assert_has("first")
    assert not list(folder.glob(".*"))


def test_results_stand_even_if_their_histories_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(folder: Path) -> None:
        raise ScssimError(f"{folder} has no complete histories")

    monkeypatch.setattr("scssim.api.Histories", gone)
    result = scssim.run(SMALL, patients=20, histories=tmp_path)
    assert result.histories is None and len(result.outcomes)
    assert f"histories: {tmp_path} has no complete histories" in result.warnings


def test_earlier_histories_are_replaced_and_other_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    scssim.run(SMALL, patients=20, histories=tmp_path)
    patients = kept(tmp_path, draws=0, patients=30)[2]
    assert len(patients) == 60
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "episodes.parquet", "patients.parquet"}


@pytest.mark.parametrize("engine", ["cohort", "des"])
def test_histories_are_complete_or_not_there(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scssim.run(SMALL, patients=20, histories=tmp_path / "old")
    before = contents(tmp_path / "old")

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Compiled, "play", broken)
    monkeypatch.setattr("scssim.engine.des.ward.Ward.account", broken)
    for folder in ("old", "new/place"):
        with pytest.raises(KeyboardInterrupt):
            scssim.run(SMALL, patients=20, engine=engine, histories=tmp_path / folder)
    assert contents(tmp_path / "old") == before
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_files_of_others_are_not_overwritten(tmp_path: Path) -> None:
    for name, content in (("patients.parquet", b""), ("episodes.parquet", b"mine")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ScssimError, match=f"{name} there is not a file of histories, and is not overwritten"):
            scssim.run(SMALL, patients=20, histories=tmp_path)
        assert contents(tmp_path) == {name: content}
        (tmp_path / name).unlink()


def test_a_place_that_cannot_be_written_to_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Compiled, "play", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ScssimError, match="file: it is a file; give a directory"):
        scssim.run(SMALL, histories=tmp_path / "file")
    with pytest.raises(ScssimError, match=r"cannot write histories to .*below: Not a directory"):
        scssim.run(SMALL, histories=tmp_path / "file" / "below")
    with pytest.raises(ScssimError, match="the name is empty"):
        scssim.run(SMALL, histories="")


def test_on_the_command_line(call: Callable[..., tuple[int, str, str]]) -> None:
    command = ["run", str(SMALL), "--patients", "50", "--draws", "0", "--out", "found", "--histories"]
    code, _, err = call(*command, "found/histories")
    assert not code, err
    assert len(Histories("found/histories").patients()) == 100
    code, _, err = call(*command, "found/results.json")
    assert code == 2 and "give a directory" in err
    code, _, err = call(*command, " ")
    assert code == 2 and "histories: the name is empty; give a directory" in err
