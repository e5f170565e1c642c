"""The contract with callers: what breaks them, the gate on it, and its forms for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.contract import ContractEffect, ContractEvidence, OfVersion
from backend.domain.evidence import SmokeResult
from backend.domain.gates import FindingState
from backend.errors import Invalid
from backend.policy.card_file import read_card
from backend.policy.contract import schema
from backend.policy.contract.difference import difference, in_words
from backend.policy.contract.keeping import Broken, rows_of, warnings_of
from backend.policy.contract.openapi import openapi
from backend.policy.contract.reading import read_contract
from backend.policy.gate_file import read_gates
from backend.policy.gates import Exhibits, judge_gates
from tests.contracts import CONTRACT, WRITTEN, changed, with_field
from tests.recovery.cloud import CARD, GATES
from training.request import InvalidInput, parse

NOW = datetime(2026, 11, 27, tzinfo=UTC)
BREAKING, ADDITIVE = ContractEffect.BREAKING, ContractEffect.ADDITIVE
ANSWER = CONTRACT.answer
DECISION = next(one for one in ANSWER if one.values)


def told(name, **fields):
    """The answer with one value another."""
    return changed(answer=tuple(o.model_copy(update=fields) if o.name == name else o for o in ANSWER))


@pytest.mark.parametrize(
    ("after", "effect", "words"),
    [
        (changed(fields=CONTRACT.fields[1:]), BREAKING, "Pregnancies is no longer taken"),
        (with_field("BMI", unit="lb/in²"), BREAKING, "BMI is expected in lb/in², before in kg/m²"),
        (with_field("Age", whole=True), BREAKING, "Age must be a whole number"),
        (with_field("Pregnancies", whole=False), ADDITIVE, "Pregnancies need not be a whole number"),
        (with_field("Age", possible_high=90.0), BREAKING, "Age is refused outside 1.8 to 90, before 1.8 to 1100"),
        (with_field("Age", possible_low=0.5), ADDITIVE, "Age is refused outside 0.5 to 1100"),
        (with_field("Age", possible_low=0.5, possible_high=90.0), BREAKING, "Age is refused outside 0.5 to 90"),
        (with_field("Age", low=21.0), ADDITIVE, "Age is answered with a warning outside 21 to 110"),
        (changed(max_rows=10), BREAKING, "At most 10 rows in a request, before 1,000"),
        (changed(max_rows=5000), ADDITIVE, "At most 5,000 rows"),
        (changed(request_id_headers=()), BREAKING, "x-request-id is no longer repeated"),
        (changed(answer=ANSWER[1:]), BREAKING, "The answer no longer holds request_id"),
        (told("threshold", kind="string"), BREAKING, "threshold is a string, before a number"),
        (told("digest", nullable=True), BREAKING, "digest may be null"),
        (told(DECISION.name, values=(*DECISION.values, "unsure")), BREAKING, "may be unsure, which callers do not"),
        (told(DECISION.name, values=("negative",)), ADDITIVE, "is one of negative"),
        (told("predictions[].probability", high=100.0), BREAKING, "lies in 0 to 100, before 0 to 1"),
        (changed(refusal=CONTRACT.refusal[:-1]), BREAKING, "The refusal no longer holds error.message"),
    ],
)
def test_a_change_is_named_with_what_it_does_to_callers(after, effect, words):
    found = difference(CONTRACT, after)
    assert found[0].effect is effect
    assert any(words in change.sentence for change in found)


def test_a_field_more_breaks_callers_too_and_a_value_more_does_not():
    assert difference(changed(fields=CONTRACT.fields[1:]), CONTRACT)[0].effect is BREAKING
    more = difference(changed(answer=ANSWER[:-1]), CONTRACT)
    assert [change.effect for change in more] == [ADDITIVE]
    assert in_words(more) == "1 additive change"


def test_other_examples_and_words_are_no_difference():
    other = changed(examples=(), answer=told("digest", meaning="Something else.").answer)
    assert difference(CONTRACT, other) == ()
    assert in_words(()) == "nothing changes for a caller"


def gate(**exhibits):
    smoke = SmokeResult(requests=20, passed=20, failures=(), model_version="2", digest="sha256:2", p95_ms=9.0)
    empty = Exhibits(comparison=None, holdout=None, smoke=smoke, robustness=None, load=None, champion="1")
    found = judge_gates(read_gates(GATES, "main").rules, replace(empty, **exhibits))
    return next(f for f in found if f.gate == "contract")


def beside(before, contract=CONTRACT, problem=""):
    return ContractEvidence(
        contract=contract, problem=problem, run="train-2", champion="1", champion_digest="sha256:1", before=before,
        made_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("exhibits", "state", "words"),
    [
        ({}, "pass", "20 of 20 requests answered as the contract says."),
        ({"contract": beside(CONTRACT)}, "pass", "Against v1: nothing changes for a caller."),
        ({"contract": beside(changed(answer=ANSWER[:-1]))}, "pass", "Against v1: 1 additive change. The answer holds"),
        ({"contract": beside(with_field("BMI", unit="lb/in²"))}, "fail", "Against v1: 1 breaking change. BMI is expec"),
        ({"contract": beside(None)}, "pass", "A written contract of 8 fields, v1 has none to compare with."),
        ({"contract": beside(None, None)}, "pass", "Its run has left no contract to compare."),
        ({"contract": beside(CONTRACT, None)}, "fail", "v1 has a written contract; of this version its run has left"),
        ({"contract": beside(None, None, "format 9")}, "fail", "format 9"),
        ({"stale_contract": True}, "stale", "The contract was not compared with that of v1, which serves now."),
        ({"smoke": None, "contract": beside(CONTRACT)}, "not run", "Not asked on the test endpoint yet."),
    ],
)
def test_the_gate_blocks_what_breaks_callers_and_says_what_is_added(exhibits, state, words):
    found = gate(**exhibits)
    assert (found.state, found.sentence[: len(words)]) == (FindingState(state), words)


def test_a_request_that_fails_is_no_pass_whatever_is_promised():
    smoke = SmokeResult(requests=20, passed=19, failures=("x",), model_version="2", digest="d", p95_ms=9.0)
    assert gate(smoke=smoke, contract=beside(CONTRACT)).state is FindingState.FAIL


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "has format None"),
        (json.dumps({**json.loads(WRITTEN), "format": 2}).encode(), "has format 2"),
        (json.dumps({**json.loads(WRITTEN), "fields": [{"name": "Age"}]}).encode(), "fields.0.unit: field required"),
    ],
)
def test_a_contract_that_cannot_be_read_is_refused_by_its_key(content, words):
    with pytest.raises(Invalid, match=words):
        read_contract(content)


ROW = dict(schema.example_rows(CONTRACT)[0])
NUMBERS = st.one_of(
    st.integers(-(10**7), 10**7), st.floats(allow_nan=True), st.booleans(), st.none(), st.text(max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from([*ROW, "PatientID"]), NUMBERS, max_size=2),
    gone=st.sets(st.sampled_from(list(ROW)), max_size=1),
    rows=st.integers(0, 2),
)
def test_the_contract_alone_refuses_and_warns_as_the_scoring_script_does(changes, gone, rows):
    row = {name: value for name, value in {**ROW, **changes}.items() if name not in gone}
    same(json.dumps({"rows": [row] * rows}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"[]", b'{"rows": 1}', b'{"rows": [], "more": 1}', b'{"rows": [], "rows": []}', b'{"rows": [3]}',
        b'{"rows": [{"Age": 1, "Age": 2}]}', b'{"rows": [' + b"1," * 1000 + b"1]}", b"[" * 100_000,
        b'{"rows": ["' + b"x" * (1 << 20) + b'"]}',
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)  # fmt: skip
def test_broken_bodies_are_refused_in_the_same_words(body):
    same(body)


def same(body):
    assert by_contract(body) == by_script(body)


def by_script(body):
    try:
        return parse(body)[1]
    except InvalidInput as refusal:
        return refusal.body


def by_contract(body):
    try:
        return warnings_of(CONTRACT, rows_of(CONTRACT, body))
    except Broken as refusal:
        return refusal.body


def test_the_openapi_document_carries_units_limits_errors_and_the_version():
    of = OfVersion(model="diabetes-classifier", version="12", digest="sha256:12", threshold=0.29, contract=CONTRACT)
    card = read_card(CARD, "c0ffee")
    made = openapi("diabetes-endpoint", "https://x.example/endpoints/score", of, CONTRACT, card)
    assert (made["openapi"], made["info"]["version"], made["info"]["x-threshold"]) == ("3.1.0", "12", 0.29)
    assert "No diagnosis" in made["info"]["description"]
    assert made["servers"] == [{"url": "https://x.example/endpoints"}]
    post = made["paths"]["/score"]["post"]
    assert list(post["responses"]) == ["200", "401", "404", "408", "413", "424", "429", "503"]
    assert "ms-azureml-model-error-reason" in post["responses"]["424"]["headers"]
    row = made["components"]["schemas"]["Row"]
    assert row["properties"]["BMI"] == {
        "type": "number",
        "minimum": 1,
        "maximum": 900,
        "description": "kg/m²; 10 to 90 without a warning",
        "x-unit": "kg/m²",
        "x-plausible": {"low": 10, "high": 90},
    }
    assert set(row["required"]) == set(row["properties"]) == {field.name for field in CONTRACT.fields}
    answer = made["components"]["schemas"]["Answer"]
    assert answer["properties"]["predictions"]["items"]["properties"]["decision"]["enum"] == ["negative", "positive"]
    assert made["components"]["schemas"]["Refusal"]["properties"]["error"]["properties"]["row"]["type"] == [
        "integer",
        "null",
    ]
    json.dumps(made, allow_nan=False)
