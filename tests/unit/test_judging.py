"""A decision can be judged again from the ledger alone, and a forged one does not come out the same."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from backend.domain.evidence import body_digest
from backend.domain.gates import FindingState
from backend.errors import CorruptState, NotFound, RemoteUnavailable
from backend.operations.judging import ACTION, Judging
from backend.operations.models import WhenServing
from backend.operations.recomputing import recomputed
from backend.store.tables import audit, evidence
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import LEAD, WHY, Hospital


@pytest.fixture
def decided(tmp_path):
    """v1 serves; v2 was approved and is being promoted."""
    made = Hospital.after(tmp_path, "1", staged="2")
    made.click("2")
    yield made
    made.close()


@pytest.fixture
def ready(tmp_path):
    """v1 serves; v2 has been tested."""
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


def judging(world):
    return Judging(world.store, world.cloud.reach().jobs)


def test_every_gate_and_every_figure_comes_out_the_same(decided):
    found = judging(decided).replay(decided.version("2"))
    assert found.same
    done = {line.what for line in found.lines if line.same}
    assert {"gate sensitivity", "gate calibration", "gate contract", "gate flips"} <= done
    assert "comparison computed from its predictions again" in done
    assert "holdout computed from its predictions again" in done
    assert [line for line in found.lines if line.same is None] == []


def test_the_row_of_a_decision_is_written_with_it_and_names_the_champion_of_then(decided):
    decided.run("click-2")
    first = judging(decided).recorded(decided.version("2"))[0]
    assert (first.actor, first.judgement.champion.version) == ("lead", "1")
    assert first.judgement.threshold == 0.5
    assert set(first.judgement.quoted) == {
        "card",
        "comparison",
        "contract",
        "gates",
        "holdout",
        "load",
        "production_flips",
        "robustness",
        "smoke",
    }
    assert {w.gate: w.state for w in first.judgement.words}["flips"] is FindingState.ADVISORY
    assert decided.store.audit.verify().whole


def test_production_and_rules_may_move_on_without_changing_what_was_decided(decided):
    decided.run("click-2")
    decided.serving("3")
    decided.cloud.gates = decided.cloud.gates.replace(b"limit = 0.4", b"limit = 0.1")
    assert judging(decided).replay(decided.version("2")).same


def test_a_row_can_be_named_and_an_unknown_one_says_which_there_are(decided):
    version = decided.version("2")
    decided.models.approve(LEAD, version, WHY, "once more", decided.advisory(version))
    newest, older = judging(decided).recorded(version)
    assert judging(decided).replay(version, older.sequence).recorded == older
    with pytest.raises(NotFound, match=f"ledger rows: {newest.sequence}, {older.sequence}"):
        judging(decided).replay(version, 1)


def test_predictions_that_are_other_bytes_now_are_told(decided):
    decided.cloud.gain = 0.05
    found = judging(decided).replay(decided.version("2"))
    assert not found.same
    wrong = [line for line in found.lines if line.same is False]
    assert {line.what.split()[0] for line in wrong} == {"comparison", "holdout"}
    assert all("other bytes now" in line.detail for line in wrong)
    assert judging(decided).replay(decided.version("2"), offline=True).same


def test_what_cannot_be_read_is_not_claimed_to_be_the_same(decided):
    jobs = decided.cloud.reach().jobs

    class Away:
        def artefact(self, *_):
            raise RemoteUnavailable("no answer", service="Azure ML", operation="read")

    assert jobs
    lines = Judging(decided.store, Away()).replay(decided.version("2")).lines
    assert [line.same for line in lines if "computed" in line.what] == [None, None]


def test_evidence_that_was_changed_is_noticed_even_under_a_fitting_digest(decided):
    version = decided.version("2")
    found = next(e for e in decided.store.evidence.of_version(version.name, "2") if e.comparison)
    forged = json.loads(found.comparison.model_dump_json())
    forged["flips"]["rescued"] = 0
    text = json.dumps(forged)

    def write(**fields):
        with decided.store.database.writing() as connection:
            connection.execute(update(evidence).where(evidence.c.id == found.id).values(**fields))

    write(body=text)
    with pytest.raises(CorruptState, match="changed after it was frozen"):
        judging(decided).replay(version)
    write(body=text, digest=body_digest(text))
    replay = judging(decided).replay(version)
    assert next(line.detail for line in replay.lines if line.same is False) == "Not in the store: comparison."


def test_nobody_decides_on_evidence_that_the_ledger_does_not_tell_of(ready):
    version = ready.version("2")
    found = next(e for e in ready.store.evidence.of_version(version.name, "2") if e.comparison)
    forged = json.loads(found.comparison.model_dump_json())
    forged["flips"]["rescued"] += 1
    text, told = json.dumps(forged), ready.advisory(version)
    with ready.store.database.writing() as connection:
        one = evidence.c.id == found.id
        connection.execute(update(evidence).where(one).values(body=text, digest=body_digest(text)))
    with pytest.raises(CorruptState, match="does not tell of this comparison of v2"):
        ready.models.approve(LEAD, version, WHY, "yes", told)
    with pytest.raises(CorruptState, match="does not tell of this comparison of v2"):
        ready.click("2")
    assert ready.store.approvals.of_version(version.name, "2") == ()
    assert ready.store.promotions.active(PRODUCTION) is None
    report = ready.store.audit.verify()
    assert f"evidence {found.id} is in its table with" in report.problem


def test_a_decision_whose_row_was_changed_is_not_judged_again(decided):
    with decided.store.database.writing() as connection:
        changed = audit.c.action == ACTION
        connection.execute(update(audit).where(changed).values(reason="13 pass"))
    with pytest.raises(CorruptState, match="was changed after it was written"):
        judging(decided).replay(decided.version("2"))


def test_bands_from_before_their_rates_were_measured_are_computed_again_as_they_were(ready):
    version = ready.version("2")
    found = next(e for e in ready.store.evidence.of_version(version.name, "2") if e.holdout)
    assert all(band.sensitivity for band in found.holdout.bands)
    rates = {"sensitivity": None, "specificity": None}
    bands = tuple(band.model_copy(update=rates) for band in found.holdout.bands)
    before = found.model_copy(update={"holdout": found.holdout.model_copy(update={"bands": bands})})
    content = ready.cloud.reach().jobs.artefact(found.source, "evidence/predictions.parquet")
    for quotation in (found, before):
        assert recomputed(quotation, content)[0] == quotation


def test_a_rejection_is_a_word_and_no_judgement(decided):
    version = decided.version("2")
    before = len(judging(decided).recorded(version))
    decided.models.reject(LEAD, version, "the ward does not want it", "no", WhenServing.KEEP)
    assert len(judging(decided).recorded(version)) == before
    assert [e.action for e in decided.store.audit.entries(limit=500)].count(ACTION) == before + 1
