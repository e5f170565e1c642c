"""What setup takes for the file of a data asset, and how it refuses the rest."""

from __future__ import annotations

import pytest

from backend.errors import Invalid
from backend.setup.data_file import check_table


@pytest.mark.parametrize(
    "content",
    [b"PatientID,BMI\n1,20\n", b"\xef\xbb\xbfPatientID,BMI\r\n1,20\r\n\r\n", b'Name,BMI\n"a, b",20\n'],
)
def test_a_table_is_taken(tmp_path, content):
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    check_table(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n1,2\n", "is empty"),
        (b"PatientID,BMI\n", "a header and no rows"),
        (b"1,20.5\n2,21\n", "does not begin with the names of its columns but with '1, 20.5'"),
        (b"hello\nworld\n", "does not begin with the names"),
        (b"PatientID,\n1,2\n", "does not begin with the names"),
        (b"BMI,BMI\n1,2\n", "has the column BMI twice"),
        (b"PatientID,BMI\n1,20\n2\n", "line 3: 1 values under 2 columns"),
        (b"PatientID,BMI\n1,20,3\n", "line 2: 3 values under 2 columns"),
        (b"PK\x03\x04\xff\xfe\x00", "is not text in UTF-8"),
        (b'PatientID,BMI\n"1,20\n', "is not CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(tmp_path, content, words):
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=r"data\.csv") as refused:
        check_table(file)
    assert words in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Invalid, match=r"none\.csv cannot be read"):
        check_table(tmp_path / "none.csv")
