"""The patient table: what is accepted, and where an error says it is."""

from __future__ import annotations

import pytest

from training.data import FEATURE_NAMES, FEATURES, HEADER, DataError, load

GOOD = {
    "PatientID": "4711",
    "Pregnancies": "2",
    "PlasmaGlucose": "108",
    "DiastolicBloodPressure": "70",
    "TricepsThickness": "30",
    "SerumInsulin": "90",
    "BMI": "31.5",
    "DiabetesPedigree": "0.3",
    "Age": "34",
    "Diabetic": "0",
}
SICK = {**GOOD, "PatientID": "4712", "Diabetic": "1"}


def _csv(path, rows, header=HEADER):
    lines = [",".join(header), *(",".join(row[name] for name in header) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    return tmp_path / "table.csv"


def test_a_good_table_becomes_arrays_in_schema_order(table):
    dataset = load(_csv(table, [GOOD, SICK, GOOD]))
    assert dataset.features.shape == (3, 8)
    assert dataset.features[0].tolist() == [2, 108, 70, 30, 90, 31.5, 0.3, 34]
    assert dataset.outcome.tolist() == [0, 1, 0]
    assert dataset.digest.startswith("sha256:")


def test_columns_may_come_in_any_order_and_with_a_byte_order_mark(table):
    _csv(table, [GOOD, SICK], header=HEADER[::-1])
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert load(table).features[0].tolist() == [2, 108, 70, 30, 90, 31.5, 0.3, 34]


def test_a_folder_with_one_csv_stands_for_it(table):
    _csv(table, [GOOD, SICK])
    assert len(load(table.parent)) == 2


def test_groups_tell_visits_of_one_patient_without_naming_the_patient(table):
    dataset = load(_csv(table, [SICK, GOOD, SICK]))
    assert dataset.groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("BMI", "thirty", "row 2, column BMI: 'thirty' is not a number"),
        ("BMI", "", "row 2, column BMI: '' is not a number"),
        ("BMI", "2_8", "row 2, column BMI: '2_8' is not a number"),
        ("BMI", "\uff12\uff18", "row 2, column BMI: '\uff12\uff18' is not a number"),
        ("Age", "nan", "row 2, column Age: 'nan' is not a finite number"),
        ("Age", "1e400", "row 2, column Age: '1e400' is not a finite number"),
        ("Age", "5000", "row 2, column Age: 5000 is outside 18 to 110 (years)"),
        ("PlasmaGlucose", "6.0", "row 2, column PlasmaGlucose: 6 is outside 30 to 600 (mg/dL, 2 h after glucose)"),
        ("Pregnancies", "1.5", "row 2, column Pregnancies: 1.5 is not a whole number"),
        ("Diabetic", "2", "row 2, column Diabetic: '2' is neither 0 nor 1"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(table, column, cell, expected):
    _csv(table, [GOOD, {**SICK, column: cell}])
    with pytest.raises(DataError) as caught:
        load(table)
    assert str(caught.value) == expected


def test_a_bad_patient_number_is_not_quoted(table):
    _csv(table, [GOOD, {**SICK, "PatientID": "Jane Doe"}])
    with pytest.raises(DataError, match="row 2, column PatientID") as caught:
        load(table)
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER[:-1], "missing column 'Diabetic'"),
        ((*HEADER, "Name"), "unknown column 'Name'"),
        ((*HEADER, "BMI"), "repeated column 'BMI'"),
    ],
)
def test_another_header_is_refused(table, header, expected):
    _csv(table, [{**GOOD, "Name": "x"}], header=header)
    with pytest.raises(DataError, match=expected):
        load(table)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (",".join(HEADER).encode(), "has 0 rows"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (",".join(HEADER).encode() + b"\n1,2,3\n", "row 1: 3 cells where the header has 10"),
        (",".join(HEADER).encode() + b'\n1,"2,3\n', "line 2: not a CSV"),
    ],
)
def test_a_broken_file_is_refused_in_words(table, content, expected):
    table.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        load(table)


def test_one_outcome_only_is_refused(table):
    with pytest.raises(DataError, match="column Diabetic: every row is 0"):
        load(_csv(table, [GOOD, GOOD]))


def test_too_few_rows_are_refused(table):
    with pytest.raises(DataError, match="has 2 rows; at least 200 are needed"):
        load(_csv(table, [GOOD, SICK]), minimum_rows=200)


def test_a_missing_file_is_refused(table):
    with pytest.raises(DataError, match="No such file"):
        load(table)


def test_the_patient_and_the_outcome_are_no_features():
    assert set(HEADER) - set(FEATURE_NAMES) == {"PatientID", "Diabetic"}
    assert all(column.low < column.high and column.unit for column in FEATURES)
