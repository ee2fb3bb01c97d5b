"""Tables of patients."""

import numpy as np
import pandas as pd
import pytest

from scssim.errors import ScenarioError
from scssim.scenario.load import load
from scssim.scenario.patient_file import read_patients


@pytest.fixture(scope="module")
def scenario(request):
    return load(request.getfixturevalue("small_path")).scenario


GOOD = {
    "id": ["a", "b"],
    "age": [50, 61.5],
    "female": ["f", "0"],
    "back_vas": [7, 10],
    "mechanism": ["mixed", "neuropathic"],
    "smoker": ["true", "0"],
    "bmi": [25, 31.5],
}


def write_csv(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(path, scenario):
    with pytest.raises(ScenarioError) as caught:
        read_patients(path, scenario)
    return caught.value.problems


def check_good(patients):
    assert list(patients) == ["age", "back_vas", "female", "mechanism", "smoker", "bmi"]
    assert patients["age"].tolist() == [50, 61.5]
    assert patients["female"].tolist() == [True, False]
    assert patients["female"].dtype == patients["smoker"].dtype == bool
    assert patients["mechanism"].tolist() == ["mixed", "neuropathic"]


def test_csv(tmp_path, scenario):
    path = tmp_path / "p.csv"
    pd.DataFrame(GOOD).to_csv(path, index=False)
    check_good(read_patients(path, scenario))


def test_parquet(tmp_path, scenario):
    path = tmp_path / "p.parquet"
    frame = pd.DataFrame({**GOOD, "female": [True, False], "smoker": [1, 0]})
    frame["mechanism"] = frame["mechanism"].astype("category")
    frame.to_parquet(path)
    check_good(read_patients(path, scenario))


def test_spaces_blank_lines_quotes_and_a_byte_order_mark(tmp_path, scenario):
    path = write_csv(tmp_path, '\ufeff age , mechanism\r\n\r\n 50 ," mixed"\r\n\r\n"60",mixed\r\n\r\n')
    patients = read_patients(path, scenario)
    assert patients["age"].tolist() == [50, 60]
    assert patients["mechanism"].tolist() == ["mixed", "mixed"]


@pytest.mark.parametrize(
    ("column", "cell", "allowed"),
    [
        ("age", "111", "from 0 to 110"), ("age", "-1", "from 0 to 110"), ("age", "", "from 0 to 110"),
        ("age", "nan", "from 0 to 110"), ("age", "fifty", "from 0 to 110"), ("leg_vas", "10.1", "from 0 to 10"),
        ("odi", "101", "from 0 to 100"), ("opioid_mme", "-5", "from 0 up"), ("opioid_mme", "inf", "from 0 up"),
        ("pain_years", "-1", "from 0"), ("female", "2", "0, 1, false, true, m, f"), ("female", "", "0, 1"),
        ("depression", "maybe", "0, 1, false, true"), ("prior_surgery", "0.5", "0, 1"), ("smoker", "x", "0, 1"),
        ("mechanism", "nerve", "neuropathic, mixed, nociceptive"), ("diagnosed", "", "neuropathic"),
        ("bmi", "x", "a number"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_by_row_and_column(tmp_path, scenario, column, cell, allowed):
    good = {"mechanism": "mixed", "diagnosed": "mixed"}.get(column, "1")
    path = write_csv(tmp_path, f"id,{column}\n1,{good}\n\n2,{cell}\n3,{good}\n")
    (found,) = problems(path, scenario)
    assert found.where == f"{path}:4"
    assert found.what.startswith(f"row 4, column `{column}`: ")
    assert allowed in found.allowed


def test_lines_are_counted_through_cells_with_line_breaks(tmp_path, scenario):
    path = write_csv(tmp_path, 'id,age\n"a\nb",50\n"c\nd",x\n')
    assert problems(path, scenario)[0].where == f"{path}:4"


def test_the_first_twenty_bad_cells_are_reported_together(tmp_path, scenario):
    path = write_csv(tmp_path, "age,odi\n" + "x,50\n" * 15 + "50,x\n" * 15)
    found = problems(path, scenario)
    assert len(found) == 21
    assert {p.what.split(",")[1].split(":")[0] for p in found[:20]} == {" column `age`", " column `odi`"}
    assert "further" in found[-1].what


def test_bad_cells_of_parquet_are_named_by_row(tmp_path, scenario):
    path = tmp_path / "p.parquet"
    pd.DataFrame({"age": [50, None], "mechanism": ["mixed", None], "female": [None, True]}).to_parquet(path)
    found = problems(path, scenario)
    assert {p.what for p in found} == {
        "row 2, column `age`: the cell is empty",
        "row 2, column `mechanism`: the cell is empty",
        "row 1, column `female`: the cell is empty",
    }
    pd.DataFrame({"age": pd.to_datetime(["2020-01-01"])}).to_parquet(path)
    assert "row 1, column `age`" in problems(path, scenario)[0].what
    pd.DataFrame({"age": ["50", "x"], "odi": [True, False]}).to_parquet(path)
    assert {p.what.split(":")[0] for p in problems(path, scenario)} == {
        "row 2, column `age`", "row 1, column `odi`", "row 2, column `odi`",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what", "allowed"),
    [
        ("", "the file is empty", "header"),
        ("\n\n", "the file is empty", "header"),
        ("age\n", "the table has no rows", "one row per patient"),
        ("aeg\n50\n", "unknown column `aeg`", "did you mean `age`?"),
        ("id\n1\n", "no column of attributes", "age"),
        ("age;odi\n50;20\n", "not separated by commas", "comma"),
        ("age,odi,age\n50,20,50\n", "the column `age` is there twice", "once"),
        ("age,odi\n50\n", "row 2 has 1 cells", "2, as in the header"),
        ('age\n"50\n', "not a readable CSV", ""),
    ],
)
def test_not_a_table(tmp_path, scenario, text, what, allowed):
    (found,) = problems(write_csv(tmp_path, text), scenario)
    assert what in found.what
    assert allowed in found.allowed


def test_files_that_cannot_be_read(tmp_path, scenario):
    assert "no such file" in problems(tmp_path / "none.csv", scenario)[0].what
    assert "no such file" in problems(tmp_path / "none.parquet", scenario)[0].what
    assert "directory" in problems(tmp_path, scenario)[0].what
    (tmp_path / "p.csv").write_bytes(b"age\n\xff\xfe\n")
    assert "UTF-8" in problems(tmp_path / "p.csv", scenario)[0].what
    (tmp_path / "p.parquet").write_bytes(b"age\n50\n")
    assert "not a readable Parquet" in problems(tmp_path / "p.parquet", scenario)[0].what


def test_a_large_table_is_read_as_it_is(tmp_path, scenario):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, 5000), "odi": rng.uniform(0, 100, 5000)})
    frame.to_csv(tmp_path / "p.csv", index=False)
    patients = read_patients(tmp_path / "p.csv", scenario)
    np.testing.assert_array_equal(patients["age"], frame["age"])
    np.testing.assert_array_equal(patients["odi"], frame["odi"])
