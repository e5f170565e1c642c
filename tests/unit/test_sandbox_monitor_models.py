"""What a query asks for and what chDB answers, turned into the service's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.monitor.errors import QueryError, refused
from sandbox.monitor.models import duration, statements, table, window, without_literals
from sandbox.monitor.queries import checked

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT3600.0S", 3600), ("PT1H", 3600), ("PT1M30S", 90), ("P1D", 86_400), ("P1DT2H", 93_600), ("PT0.5S", 0.5)],
)
def test_durations(text, seconds):
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1X", "-PT1H"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is no ISO 8601 duration"):
        duration(text)


@pytest.mark.parametrize(
    ("timespan", "start", "end"),
    [
        ("PT1H", NOW - timedelta(hours=1), NOW),
        ("2026-11-23T10:00:00.000Z/PT300.0S", NOW.replace(hour=10), NOW.replace(hour=10, minute=5)),
        ("2026-11-23T10:00:00.000Z/2026-11-23T11:00:00.000Z", NOW.replace(hour=10), NOW.replace(hour=11)),
        ("PT1H/2026-11-23T11:00:00Z", NOW.replace(hour=10), NOW.replace(hour=11)),
        ("2026-11-23T12:00:00+02:00/PT1H", NOW.replace(hour=10), NOW.replace(hour=11)),
        (None, None, None),
    ],
)
def test_windows_in_all_forms(timespan, start, end):
    found = window(timespan, NOW)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("timespan", ["yesterday", "PT1H/", "/PT1H", "2026-13-01T00:00:00Z/PT1H", "P99999999999D"])
def test_what_is_no_window_is_a_bad_argument(timespan):
    with pytest.raises(QueryError) as raised:
        window(timespan, NOW)
    assert raised.value.body()["error"]["code"] == "BadArgumentError"


def test_statements_split_outside_literals_and_comments():
    query = """let a = 'x;y'; // one; two
    let b = "q\\";r"; let c = @'d'';e';
    T | where A == a"""
    assert [piece.split(" ")[0] for piece in statements(query)] == ["let", "//", "let", "T"]


def test_blanked_query_keeps_its_length():
    query = "T | where A == 'system.tables' // system.tables"
    assert without_literals(query) == "T | where A == " + " " * len("'system.tables'") + " " + " " * 16


@pytest.mark.parametrize(
    "query",
    ["", "  ;; ", "set a = 1; T", "let a = 1;", "T | take 1; T | take 1", "system.tables", "['system'].tables"],
)
def test_queries_that_are_not_run(query):
    with pytest.raises(QueryError) as raised:
        checked(query)
    assert raised.value.status == 400


def test_let_before_one_expression_is_run():
    assert checked("let e = 'system.x';\n T | where A == e;") == "let e = 'system.x'\n;\nT | where A == e"


def test_columns_and_cells_by_type():
    answer = {
        "meta": [
            {"name": "a", "type": "Nullable(DateTime64(7, 'UTC'))"},
            {"name": "b", "type": "LowCardinality(String)"},
            {"name": "c", "type": "UInt64"},
            {"name": "d", "type": "Int32"},
            {"name": "e", "type": "Float64"},
            {"name": "f", "type": "Bool"},
            {"name": "g", "type": "Array(Int8)"},
            {"name": "h", "type": "IntervalNanosecond"},
            {"name": "i", "type": "Nullable(Float64)"},
        ],
        "data": [["2026-11-23T10:00:00Z", "x", 5, 6, "nan", True, [1, 2], 90_061_500_000_000, None]],
    }
    found = table(answer)
    types = ["datetime", "string", "long", "int", "real", "bool", "dynamic", "timespan", "real"]
    assert [column["type"] for column in found["columns"]] == types
    row = ["2026-11-23T10:00:00Z", "x", 5, 6, "NaN", True, "[1,2]", "1.01:01:01.5000000", None]
    assert found["rows"] == [row]


@pytest.mark.parametrize(
    ("said", "inner", "code", "message"),
    [
        (
            "Code: 60. DB::Exception: Unknown table expression identifier 'X'. In scope SELECT 1. (UNKNOWN_TABLE)",
            "SemanticError",
            "SEM0100",
            "Failed to resolve table or column expression named 'X'",
        ),
        (
            "Code: 47. DB::Exception: Unknown expression or function identifier `Y`. In scope SELECT 1. (UNKNOWN)",
            "SemanticError",
            "SEM0100",
            "Failed to resolve column or scalar expression named 'Y'",
        ),
        (
            "Code: 62. DB::Exception: Syntax error in KQL query at position 41: no. (SYNTAX_ERROR)",
            "SyntaxError",
            "SYN0002",
            "Syntax error in KQL query at position 41: no. (SYNTAX_ERROR)",
        ),
        ("Code: 43. DB::Exception: Illegal type. (ILLEGAL)", "SemanticError", "SEM0001", "Illegal type. (ILLEGAL)"),
    ],
)
def test_refusals_in_the_shape_of_the_service(said, inner, code, message):
    error = refused(said).body()["error"]["innererror"]
    assert (error["code"], error["innererror"]) == (inner, {"code": code, "message": message})
