"""The packaged evidence is complete, sourced and readable."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from scssim import library
from scssim.errors import Problem
from scssim.scenario.load import LoadedScenario, load
from scssim.scenario.merge import shipped
from scssim.scenario.quantity import Cost, Quantity
from scssim.scenario.schema import Continuous, Settings, Target
from scssim.scenario.walk import walk
from scssim.scenario.yamlfile import read_yaml

SCENARIOS = sorted(shipped())
GRADES = {"published", "derived", "assumed"}


@pytest.fixture(scope="module")
def loaded() -> dict[str, LoadedScenario]:
    return {name: load(name) for name in SCENARIOS}


def statements(node: Any, path: str = "", around: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every number that was written down, with its source, grade and note or those of the block around it."""
    if isinstance(node, Quantity | Continuous | Target):
        if getattr(node, "ref", None) is None:
            chain = (node, *reversed(around))
            found = {
                key: next((v for block in chain if (v := getattr(block, key, None)) is not None), None)
                for key in ("source", "grade", "note")
            }
            yield path, node, found
        elif node.times is not None:
            yield from statements(node.times, f"{path}.times", around)
    elif isinstance(node, BaseModel) and not isinstance(node, Settings):
        for name, field in type(node).model_fields.items():
            if name in node.model_fields_set:  # defaults are modelling switches
                yield from statements(getattr(node, name), f"{path}.{field.alias or name}", (*around, node))
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from statements(child, f"{path}.{key}", around)
    elif isinstance(node, tuple):
        for i, child in enumerate(node):
            yield from statements(child, f"{path}.{i}", around)


def faults(loaded: LoadedScenario) -> list[str]:
    found = []
    for path, number, said in statements(loaded.scenario):
        if said["source"] not in library.bibliography():
            found.append(f"{path}: source {said['source']!r} is not in the bibliography")
        if said["grade"] not in GRADES:
            found.append(f"{path}: no grade")
        if said["grade"] == "derived" and not said["note"]:
            found.append(f"{path}: derived without its arithmetic")
        uncertain = isinstance(number, Quantity) and number.uncertain
        if said["grade"] == "assumed" and not uncertain and not said["note"]:
            found.append(f"{path}: assumed with neither a distribution nor a note")
        if said["grade"] != "assumed" and said["source"] == "assumption":
            found.append(f"{path}: a judgement presented as {said['grade']}")
        if isinstance(number, Cost):
            if number.price_year != loaded.scenario.settings.price_year:
                found.append(f"{path}: price year {number.price_year}")
            if (o := number.original) is not None:
                assert number.distribution is not None
                if abs(o.value * o.index * o.exchange / number.distribution.mean - 1) > 1e-3:
                    found.append(f"{path}: {o.value} x {o.index} is not {number.distribution.mean}")
                if f"{o.index:g}" not in (said["note"] or ""):
                    found.append(f"{path}: the note does not show the index {o.index:g}")
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_number_has_source_grade_and_arithmetic(name: str, loaded: dict[str, LoadedScenario]) -> None:
    assert sum(1 for _ in statements(loaded[name].scenario)) > 80
    assert faults(loaded[name]) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_number_of_variants_and_cases_has_source_grade_and_arithmetic(
    name: str, loaded: dict[str, LoadedScenario]
) -> None:
    assert {case: found for case, one in loaded[name].cases.items() if (found := faults(one))} == {}
    assert bool(loaded[name].cases) == bool(
        loaded[name].scenario.analyses.variants or loaded[name].scenario.analyses.extrapolation
    )


def test_the_audit_finds_faults(loaded: dict[str, LoadedScenario]) -> None:
    bad = load(
        "back_leg_uk",
        {
            "therapies.lf_scs.trial.success": 0.9,
            "therapies.lf_scs.costs.implant": {"mean": 1, "price_year": 2010},
            "therapies.hf10.costs.device.mean": 17000,
        },
    )
    text = "\n".join(faults(bad))
    for path in ("lf_scs.trial.success: source", "implant: price year 2010", "hf10.costs.device"):
        assert path in text


def test_the_audit_finds_faults_of_variants() -> None:
    values = {"price": {"therapies.hf10.costs.device": 9000}, "longer": {"settings.horizon_years": 30}}
    bad = load("back_leg_uk", {"analyses.variants": values})
    assert any("hf10.costs.device" in fault for fault in faults(bad.cases["variants.price"]))
    assert faults(bad.cases["variants.longer"]) == []


def test_the_scenarios_that_ship() -> None:
    assert {"senza_rct", "back_leg_uk", "sceptical"} <= set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_load_without_serious_warnings(name: str, loaded: dict[str, LoadedScenario]) -> None:
    warnings: list[Problem] = loaded[name].warnings
    assert [w for w in warnings if "no strategy uses" not in w.what] == []
    assert (loaded[name].scenario.analyses.psa is None) == (name != "decision_uk")
    assert loaded[name].scenario.description


@pytest.mark.parametrize("path", [*library.fragments().values(), *shipped().values()], ids=lambda p: p.stem)
def test_files_say_what_they_are_and_name_no_places(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ") and read_yaml(path, path.name).value
    assert not re.search(r"(?<![\w.:/])/\w+/\w", text), "an absolute path"
    assert not re.search("recall|unverified", text, re.IGNORECASE)


def test_every_entry_of_the_bibliography_is_complete_and_mentioned() -> None:
    for key, entry in library.bibliography().items():
        assert key == key.lower() == entry.key
        assert entry.authors and entry.title and entry.read
        assert entry.year is None or 1950 < entry.year < 2100
    used = "".join(p.read_text(encoding="utf-8") for p in [*library.fragments().values(), *shipped().values()])
    for key in ("kapural2015", "carreon2014", "gatzinsky2024", "ncc2024_25", "pssru2025"):
        assert f"source: {key}" in used


def test_explants_come_out_near_the_registry(loaded: dict[str, LoadedScenario]) -> None:
    """17 % at 3 years and 23 % at 5 (Gatzinsky 2024), by the arithmetic of competing hazards."""
    lf = loaded["back_leg_uk"].scenario.therapies["lf_scs"]

    def value(q: Quantity) -> float:
        assert q.distribution is not None
        return q.distribution.mean

    def total(hazard: Any, years: float) -> float:
        if isinstance(hazard, Quantity):
            return value(hazard) * years
        spans = np.diff([0.0, *(min(p.until_years or years, years) for p in hazard)])
        return float(sum(value(p.rate) * span for p, span in zip(hazard, spans, strict=True)))

    assert lf.loss_of_effect is not None and lf.loss_of_effect.delay.weeks is not None
    late = value(lf.loss_of_effect.delay.weeks) / 52.18
    for years, observed in ((3.0, 0.17), (5.0, 0.23)):
        loss = total(lf.loss_of_effect.hazard, years - late) * value(lf.loss_of_effect.stop_after_loss)
        others = sum(total(c.hazard, years) * value(c.explant) for c in lf.complications.values())
        assert 1 - np.exp(-loss - others) == pytest.approx(observed, abs=0.025)


def test_sceptical_gives_hf10_the_relief_of_lf(loaded: dict[str, LoadedScenario]) -> None:
    hf10 = loaded["sceptical"].scenario.therapies["hf10"].relief
    relief = dict(walk(hf10))
    assert {"back.responders", "leg.if_not.sd", "waning.share"} <= set(relief)
    for path, number in relief.items():
        assert number.ref == f"therapies.lf_scs.relief.{path}"


# --------------------------------------------------------------- tables


@pytest.mark.parametrize("name", library.names()["life_tables"])
def test_life_tables_cover_a_life(name: str) -> None:
    table = library.life_table(name)
    assert table.ages[0] == 0 and table.ages[-1] >= 100
    assert np.array_equal(np.diff(table.ages), np.ones(table.ages.size - 1))
    for qx in (table.qx_male, table.qx_female):
        assert qx.shape == table.ages.shape
        assert ((qx > 0) & (qx <= 1)).all()
        assert (np.diff(qx[40:100]) > 0).all()
    assert (table.qx_male[20:90] > table.qx_female[20:90]).all()
    assert table.source in library.bibliography()


def test_uk_life_table_against_printed_values() -> None:
    table = library.life_table("uk_2017_2019")
    assert table.qx_female[[0, 8]] == pytest.approx([0.003536, 0.000064])
    assert table.qx_male[100] == pytest.approx(0.384386)


@pytest.mark.parametrize("name", library.names()["norms"])
def test_norms_are_utilities_of_the_general_population(name: str) -> None:
    norms = library.norms(name)
    assert norms.ages[0] <= 18 and norms.ages[-1] == 100
    for values in (norms.male, norms.female):
        assert values.shape == norms.ages.shape
        assert ((values > 0.5) & (values < 1)).all()
        assert values[0] > values[-1]
    assert norms.source in library.bibliography()


def test_tables_are_cached_and_cannot_be_changed() -> None:
    table = library.life_table("uk_2017_2019")
    assert library.life_table("uk_2017_2019") is table
    with pytest.raises(ValueError, match="read-only"):
        table.qx_male[0] = 0.5


@pytest.mark.parametrize("reader", [library.life_table, library.norms])
def test_an_unknown_name_lists_the_known_ones(reader: Any) -> None:
    with pytest.raises(ValueError, match=r"packaged are .*20"):
        reader("mars_2050")


GOOD = "age,sex,qx\n0,male,0.01\n0,female,0.02\n1,m,0.5\n1,F,1\n"


def test_a_user_may_bring_a_life_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("# my table\n" + GOOD)
    table = library.read_life_table(file)
    assert table.ages.tolist() == [0, 1]
    assert table.qx_male.tolist() == [0.01, 0.5] and table.qx_female.tolist() == [0.02, 1.0]
    assert table.source is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("qx", "rate"), r"row 1: no column qx"),
        (GOOD.replace("0.5", "1.5"), r"row 4, column qx: '1\.5' is not a probability"),
        (GOOD.replace("0.5", "nan"), r"row 4, column qx: 'nan'"),
        (GOOD.replace("1,m,0.5", "1,m"), r"row 4, column qx: ''"),
        (GOOD.replace("1,m", "1,x"), r"row 4, column sex: 'x' is not male or female"),
        (GOOD.replace("1,m", "1.5,m"), r"row 4, column age: '1\.5' is not a whole number"),
        (GOOD.replace("1,m", "0,m"), r"row 4, column age: age 0 is given twice for sex male"),
        (GOOD.replace("1,m,0.5\n", ""), r"column qx has no value for sex male, age 1"),
        ("# nothing\nage,sex,qx\n", r"no rows"),
        ("", r"no rows"),
    ],
)
def test_a_bad_life_table_is_named_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        library.read_life_table(file)


def test_a_missing_life_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        library.read_life_table(tmp_path / "none.csv")


def test_names_describes_everything_in_one_line() -> None:
    about = library.names()
    assert set(about) == {"life_tables", "norms", "fragments"}
    assert set(about["fragments"]) == set(library.fragments())
    for lines in about.values():
        assert all(line and "\n" not in line for line in lines.values())
