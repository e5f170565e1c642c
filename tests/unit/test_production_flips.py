"""Collected inputs of production, answered again: counted, judged, quoted, shown, replayed, and deleted in time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from backend.domain.gates import FindingState
from backend.domain.production_flips import Answers, CollectedRow
from backend.domain.promotions import StepKind, StepState
from backend.errors import CredentialsRejected, NotFound, PolicyDenied, RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.collected import _digest, _events, _hour, _rows
from backend.operations.dossier_evidence_html import quotation
from backend.operations.judging import Judging
from backend.operations.retention import ACTION, Retention
from backend.policy.gate_changes import gate_changes
from backend.policy.gate_file import read_gates
from backend.policy.gates import judge_gates
from backend.policy.production_flips import FEWEST, MOST_CASES, MOST_ROWS, answered, cases, flipped, turned
from backend.store.evidence import body_digest
from backend.store.tables import evidence
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.hospital import LEAD, PROJECT, WHY, Hospital

FILE = (Path(__file__).parents[2] / "training" / "gates.toml").read_bytes()


def row(risk, positive, band="age 30 to 44"):
    return CollectedRow(features={"Age": 36.0}, probability=risk, positive=positive, bands=(band,))


def said(was, now, before, after):
    return Answers(champion=before, was_positive=was, challenger=after, is_positive=now)


def test_the_largest_change_of_risk_comes_first_whichever_its_direction():
    answers = (
        said(False, False, 0.1, 0.4),
        said(False, True, 0.45, 0.55),
        said(True, False, 0.9, 0.2),
        said(False, True, 0.4, 0.5),
    )
    assert flipped(answers) == (2, 1, 3)
    assert turned(answers) == (2, 1)
    rows = tuple(row(a.champion, a.was_positive, f"age {place}") for place, a in enumerate(answers))
    assert [case.bands for case in cases(rows, answers)] == [("age 2",), ("age 1",), ("age 3",)]
    assert next(case.change for case in cases(rows, answers)) == pytest.approx(-0.7)


def test_the_recorded_answer_counts_and_not_a_threshold_of_today():
    (found,) = answered((row(0.3, True),), [(0.3, "negative")])
    assert flipped((found,)) == (0,)


def world(tmp_path, **changes):
    """v1 serves; v2 is tested under these changes of the cloud."""
    made = Hospital.after(tmp_path, "1")
    for name, value in changes.items():
        setattr(made.cloud, name, value)
    made.staged("2")
    return made


def found_in(hospital, version="2"):
    return next(e for e in hospital.models.dossier(hospital.version(version)).evidence if e.production_flips)


def gate(hospital, version="2"):
    findings = hospital.promotions.decision(LEAD, hospital.version(version), None).findings
    return next((f for f in findings if f.gate == "production_flips"), None)


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, FindingState.PASS, "0 of 200 inputs of v1-"),
        ({"asked": 10_000, "shifts": {"2": 0.25}}, FindingState.ADVISORY, "500 of 500 inputs"),
        ({"asked": FEWEST - 1}, FindingState.INCONCLUSIVE, f"fewer than {FEWEST} say too little"),
        ({"asked": 0}, FindingState.NOT_RUN, "no input was collected in the 7 days before"),
    ],
)
def test_the_gate_is_green_only_where_enough_was_asked_and_little_changes(tmp_path, changes, state, words):
    hospital = world(tmp_path, **changes)
    assert gate(hospital).state is state
    assert words in gate(hospital).sentence
    assert ("production_flips" in hospital.advisory(hospital.version("2"))) == (state is not FindingState.PASS)
    hospital.close()


def test_more_change_than_allowed_needs_the_leads_name_on_it(tmp_path):
    hospital = world(tmp_path, shifts={"2": 0.25})
    second, stable = hospital.version("2"), hospital.promotions.stable()
    with pytest.raises(PolicyDenied, match="acknowledged flips, production_flips"):
        hospital.promotions.approve_and_promote(LEAD, second, stable, WHY, "key")
    promotion = hospital.promote(second)
    assert promotion.phase.final
    approved = next(e for e in hospital.store.audit.entries(limit=500) if e.action == "version.approved")
    assert "production_flips" in str(approved.detail["acknowledged"])
    hospital.close()


def test_what_is_frozen_names_both_sides_and_no_row(tmp_path):
    hospital = world(tmp_path, shifts={"2": 0.25})
    kept = found_in(hospital)
    body = kept.production_flips
    assert (body.rows, body.turned_positive, body.turned_negative) == (200, 200, 0)
    assert (body.champion.version, body.challenger.version) == ("1", "2")
    assert body.champion.digest != body.challenger.digest
    assert len(body.cases) == MOST_CASES < len(body.answers) == 200
    assert kept.source == body.inputs
    assert all(case.positive and case.bands[0].startswith("age ") for case in body.cases)
    text = body.model_dump_json()
    assert all(name not in text for name in ("PlasmaGlucose", "Pregnancies", "PatientID", "features", "66.0"))
    page = "".join(quotation(kept))
    assert "200 of 200 inputs" in page
    assert kept.digest in page
    assert "Digest of the inputs" in page
    hospital.close()


def test_without_a_champion_nothing_is_replayed_and_the_gate_is_left_out(tmp_path):
    hospital = Hospital(tmp_path)
    hospital.staged("1")
    record = step(hospital, "1")
    assert record.state is StepState.SKIPPED
    assert "No champion yet" in record.reason
    assert gate(hospital, "1") is None
    hospital.close()


def test_what_serves_is_not_compared_with_itself(tmp_path):
    hospital = Hospital.after(tmp_path, "1")
    hospital.promotions.stage(LEAD, hospital.version("1"), "it is looked at once more", "again")
    hospital.run("again")
    assert step(hospital, "1").reason == "v1 is what serves production."
    hospital.close()


def step(hospital, version):
    staging = hospital.models.dossier(hospital.version(version)).staging
    return next(r for r in staging.steps if r.step.kind is StepKind.REPLAY_COLLECTED)


def test_production_collects_and_the_test_endpoint_does_not(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    collects = {
        name: {m.collects for m in hospital.cloud.places[name].machines.values()} for name in (PRODUCTION, TEST)
    }
    assert collects == {PRODUCTION: {100.0}, TEST: {0.0}}
    hospital.close()


FORBIDDEN = CredentialsRejected("no role", service="Azure ML", operation="read collected inputs", status=403)


@pytest.mark.parametrize(
    "error",
    [
        FORBIDDEN,
        NotFound("no datastore workspaceblobstore"),
        RemoteRejected("refused", service="Azure ML", operation="read collected inputs"),
    ],
)
def test_inputs_that_cannot_be_read_stop_no_test_and_are_not_green(tmp_path, error):
    hospital = world(tmp_path, no_storage=error)
    assert hospital.models.dossier(hospital.version("2")).staging.phase.value == "succeeded"
    assert gate(hospital).state is FindingState.NOT_RUN
    assert str(error) in gate(hospital).sentence
    hospital.close()


def test_a_storage_that_is_away_for_a_while_is_waited_for(tmp_path):
    hospital = Hospital.after(tmp_path, "1")
    hospital.cloud.no_storage = RemoteUnavailable("no answer", service="Azure ML", operation="read collected inputs")
    hospital.cloud.register("2")
    for _ in range(400):
        hospital.tick()
        current = next((p.current for p in hospital.store.promotions.recent() if not p.phase.final), None)
        if current is not None and current.step.kind is StepKind.REPLAY_COLLECTED and current.attempts > 1:
            break
    else:
        pytest.fail("never came to the replay")
    hospital.cloud.no_storage = None
    hospital.run()
    assert gate(hospital).state is FindingState.PASS
    hospital.close()


def test_a_replay_is_stale_once_something_else_serves(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    hospital.serving("3")
    assert gate(hospital).state is FindingState.STALE
    assert "What v3 was asked in production" in gate(hospital).sentence
    hospital.close()


@pytest.fixture
def decided(tmp_path):
    hospital = world(tmp_path, shifts={"2": 0.25})
    hospital.click("2")
    yield hospital
    hospital.close()


def replayed(hospital):
    return Judging(hospital.store, hospital.cloud.reach().jobs).replay(hospital.version("2"))


def test_a_decision_counts_them_again_from_the_ledger(decided):
    found = replayed(decided)
    assert found.same
    lines = {line.what for line in found.lines if line.same}
    assert {"gate production_flips", "production_flips counted from its answers again"} <= lines


def test_a_count_that_was_forged_with_its_digest_is_noticed(decided):
    kept = found_in(decided)
    forged = json.loads(kept.production_flips.model_dump_json())
    forged["turned_positive"] = 1
    text = json.dumps(forged)
    with decided.store.database.writing() as connection:
        chosen = update(evidence).where(evidence.c.id == kept.id)
        connection.execute(chosen.values(body=text, digest=body_digest(text)))
    assert not replayed(decided).same


def test_a_gate_file_from_before_puts_production_under_its_rule_for_the_holdout():
    start = FILE.index(b"[production_flips]")
    older = FILE[:start] + FILE[FILE.index(b"[latency]") :]
    rules = {rule.name: rule for rule in read_gates(older.replace(b"0.10", b"0.20"), "main").rules}
    assert rules["production_flips"] == rules["flips"].model_copy(update={"name": "production_flips"})
    assert any(change.startswith("production_flips: another reason") for change in gate_changes(older, FILE))
    assert read_gates(older, "main").digest != read_gates(FILE, "main").digest


def test_an_older_judgement_does_not_know_the_gate(tmp_path):
    hospital = world(tmp_path)
    rules = tuple(r for r in read_gates(FILE, "main").rules if r.name != "production_flips")
    from tests.unit.test_gates import EMPTY

    assert "production_flips" not in {f.gate for f in judge_gates(rules, EMPTY)}
    hospital.close()


def event(identifier, *rows, time="2026-11-26T12:00:00Z"):
    return json.dumps({"id": identifier, "time": time, "data": list(rows)}).encode()


def collected(age, version="1", **more):
    answer = {"probability": 0.25, "decision": "negative", "version": version}
    return {"Age": age, "band_age": "30 to 44", **answer, **more}


def test_lines_are_read_from_the_last_and_what_is_no_line_of_ours_is_left_out():
    lines = [event("a", collected(31)), b"{", b"[]", b'{"id": "b"}', event("c", collected(32)), b'{"id": "d", "ti']
    assert [found["id"] for found in _events(b"\n".join(lines))] == ["c", "a"]


def test_rows_are_features_an_answer_and_bands_of_the_version_that_was_asked_for():
    data = [collected(31), collected(32, version="9"), {"Age": 33}, "text", collected(34, decision="positive")]
    moment = datetime(2026, 11, 26, 7, tzinfo=UTC)
    found = _rows(data, "1", moment)
    assert {(r.request, r.row, r.at) for r in found} == {("", 0, moment)}
    assert [(r.features, r.positive, r.bands) for r in found] == [
        ({"Age": 34.0}, True, ("age 30 to 44",)),
        ({"Age": 31.0}, False, ("age 30 to 44",)),
    ]
    assert _digest(found) != _digest(found[::-1])


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("modelDataCollector/e/d/model_inputs_outputs/2026/11/26/07/x.jsonl", datetime(2026, 11, 26, 7, tzinfo=UTC)),
        ("modelDataCollector/e/d/model_inputs/2026/11/26/07/x.jsonl", None),
        ("modelDataCollector/e/d/model_inputs_outputs/2026/11/31/07/x.jsonl", None),
        ("modelDataCollector/e/d/model_inputs_outputs/x.jsonl", None),
    ],
)
def test_only_our_own_hours_are_deleted(name, hour):
    assert _hour(name) == hour


def test_what_is_too_old_is_deleted_and_the_ledger_says_so(tmp_path):
    hospital = Hospital(tmp_path)
    now = hospital.clock()
    for age in (0, 10, 29, 31, 400):
        hour = now - timedelta(days=age)
        hospital.cloud.blobs[f"modelDataCollector/{PRODUCTION}/v1-1111/{age}"] = hour
        hospital.cloud.blobs[f"modelDataCollector/another/v1-1111/{age}"] = hour
    retention = Retention(hospital.store, hospital.cloud.reach().collected, PROJECT, hospital.clock)
    assert (retention.sweep(), retention.sweep()) == (2, 0)
    left = sorted(name.rpartition("/")[2] for name in hospital.cloud.blobs if PRODUCTION in name)
    assert left == ["0", "10", "29"]
    assert len(hospital.cloud.blobs) == 8
    (told,) = (e for e in hospital.store.audit.entries(limit=50) if e.action == ACTION)
    assert (told.subject, told.detail["blobs"]) == (f"endpoint/{PRODUCTION}", 2)
    assert told.detail["before"] == (now - timedelta(days=30)).isoformat(timespec="seconds")
    assert hospital.store.audit.verify().whole
    hospital.close()


def test_the_request_of_a_replay_is_one_the_scoring_contract_allows():
    from training.request import MAX_ROWS

    assert MOST_ROWS <= MAX_ROWS
