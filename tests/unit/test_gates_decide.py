"""Gates at the click: what is bound, what goes stale, what has to be acknowledged."""

from __future__ import annotations

import pytest

from backend.domain.gates import FindingState
from backend.domain.promotions import Phase
from backend.domain.registry import VersionState
from backend.errors import Conflict, Invalid, PolicyDenied
from backend.promotion.gate_watch import GateWatch
from backend.promotion.target import target_on
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import DEPUTY, LEAD, PROJECT, WHY, Hospital


@pytest.fixture
def ready(tmp_path):
    """v1 serves, v2 has been tested."""
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


def decision(hospital, version="2"):
    endpoint = hospital.cloud.reach().endpoints.get(PRODUCTION)
    return hospital.promotions.decision(LEAD, hospital.version(version), endpoint)


def hard(found):
    return {blocker.what for blocker in found.blockers if blocker.hard}


def test_an_approval_is_void_for_another_digest_or_threshold(ready):
    ready.models.approve(LEAD, ready.version("2"), WHY, "key", ready.advisory(ready.version("2")))
    assert ready.models.dossier(ready.version("2")).state is VersionState.APPROVED
    changed = ready.version("2").model_copy(update={"digest": "sha256:changed"})
    with pytest.raises(PolicyDenied, match="is void: it was for another model digest") as refusal:
        ready.promotions.promote(LEAD, changed, ready.promotions.stable(), WHY, "key-2")
    assert any("was tested with another digest or threshold" in s for s in refusal.value.blockers)
    for change, what in (({"commit": "a" * 40}, "commit"), ({"data_digest": "sha256:other"}, "data")):
        lineage = ready.version("2").lineage.model_copy(update=change)
        changed = ready.version("2").model_copy(update={"lineage": lineage})
        with pytest.raises(PolicyDenied, match=f"is void: it was for another {what}"):
            ready.promotions.promote(LEAD, changed, ready.promotions.stable(), WHY, "key-2")


def test_another_threshold_is_tested_first_and_voids_the_approval_of_the_old_one(ready):
    second = ready.version("2")
    ready.models.approve(LEAD, second, WHY, "key", ready.advisory(second))
    ready.promotions.stage(LEAD, second, "fewer missed for more false alarms", "choice", threshold=0.31)
    with pytest.raises(PolicyDenied, match="for another threshold"):
        ready.promotions.promote(LEAD, second, ready.promotions.stable(), WHY, "too-early")
    ready.run("choice")
    chosen = decision(ready)
    assert (chosen.target.threshold, chosen.dossier.proposed_threshold) == (0.31, 0.5)
    assert chosen.dossier.state is VersionState.READY
    assert chosen.target.deployment != target_on(PRODUCTION, second).deployment
    ready.click("2", "at-031")
    ready.run("at-031")
    assert ready.models.dossier(second).approvals[0].threshold == 0.31
    assert ready.store.promotions.stable(PRODUCTION).target.threshold == 0.31
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(Invalid, match="between 0 and 1"):
            ready.promotions.stage(LEAD, second, WHY, "wrong", threshold=wrong)


def test_what_serves_is_judged_anew_at_another_threshold(ready):
    first = ready.version("1")
    ready.promotions.stage(LEAD, first, "hardly anybody would be found", "strict", threshold=0.95)
    ready.run("strict")
    found = ready.promotions.decision(LEAD, first, ready.cloud.reach().endpoints.get(PRODUCTION))
    assert {f.gate: f.state for f in found.findings}["sensitivity"] is FindingState.FAIL
    assert "Sensitivity" in hard(found)
    with pytest.raises(PolicyDenied, match=r"v1 cannot be promoted.* Sensitivity: "):
        ready.click("1", "strict-click")
    with pytest.raises(PolicyDenied, match=r"v1 cannot be approved.* Sensitivity: "):
        ready.models.approve(LEAD, first, WHY, "yes")


def test_a_gate_file_that_changed_on_main_makes_everything_stale_until_it_is_tested_again(ready):
    second = ready.version("2")
    ready.models.approve(LEAD, second, WHY, "key", ready.advisory(second))
    watch = GateWatch(ready.store, ready.cloud.reach().contents, PROJECT)
    assert watch.look()
    assert not watch.look()
    assert hard(decision(ready)) == set()
    ready.cloud.gates = ready.cloud.gates.replace(b"limit = 0.4", b"limit = 0.3")
    assert watch.look()
    assert ready.store.audit.entries(limit=1)[0].action == "gates.changed"
    found = decision(ready)
    assert {"Sensitivity", "Calibration", "Contract", "Approval"} - {"Approval"} <= hard(found)
    assert {f.state for f in found.findings if f.rule is not None} == {FindingState.STALE}
    with pytest.raises(PolicyDenied, match="void: it was for another gate file"):
        ready.promotions.promote(LEAD, second, ready.promotions.stable(), WHY, "click")
    ready.promotions.stage(LEAD, second, "the rules have changed", "again")
    ready.run("again")
    assert hard(decision(ready)) == set()
    ready.click("2", "fresh")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"commit": "a" * 40}, "commit"), ({"data_digest": "sha256:other"}, "data"), ({"run": "r"}, "run")],
)
def test_evidence_of_another_commit_or_of_other_data_than_the_registry_tells_is_stale(ready, change, what):
    known = ready.version("2")
    told = ready.advisory(known)
    moved = known.model_copy(update={"lineage": known.lineage.model_copy(update=change)})
    found = ready.promotions.decision(LEAD, moved, None)
    assert {f.state for f in found.findings if f.rule is not None} == {FindingState.STALE}
    assert {"Sensitivity", "Calibration", "Contract"} <= hard(found)
    with pytest.raises(PolicyDenied, match=f"measured for another {what} than v2 is registered with now"):
        ready.models.approve(LEAD, moved, WHY, "key", told)


def test_what_is_advisory_has_to_be_acknowledged_by_name_and_the_ledger_keeps_it(ready):
    second, stable = ready.version("2"), ready.promotions.stable()
    open_ = ready.advisory(second)
    assert open_ == ("flips",)
    with pytest.raises(PolicyDenied, match="before somebody has acknowledged flips"):
        ready.promotions.approve_and_promote(LEAD, second, stable, WHY, "key")
    with pytest.raises(PolicyDenied, match="acknowledged flips"):
        ready.models.approve(LEAD, second, WHY, "key", ("latency",))
    assert ready.models.approve(LEAD, second, WHY, "key", (*open_, "brier")).acknowledged == open_
    assert ready.store.audit.entries(limit=1)[0].detail["acknowledged"] == "flips"
    assert ready.models.approve(LEAD, second, WHY, "key", open_).id == "key"
    assert ready.promotions.promote(LEAD, second, stable, WHY, "click").phase is Phase.PENDING


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("gates", "gate file [0-9a-f]{12} → none"),
        ("decision", "approvals none → other"),
        ("evidence", "evidence [0-9a-f]{12} → [0-9a-f]{12}"),
    ],
)
def test_a_click_on_a_page_that_has_grown_old_is_refused_with_what_changed(ready, what, words):
    second, told = ready.version("2"), ready.advisory(ready.version("2"))
    seen = decision(ready).seen
    stable = ready.promotions.stable()
    if what == "gates":
        ready.cloud.gates += b"# a remark"
        GateWatch(ready.store, ready.cloud.reach().contents, PROJECT).look()
    elif what == "decision":
        ready.models.approve(DEPUTY, second, WHY, "other", told)
    else:
        ready.promotions.stage(LEAD, second, "fresh evidence, please", "again")
        ready.run("again")
    with pytest.raises(Conflict, match=f"has changed since: .*{words}.*Nothing was done; look again"):
        ready.promotions.approve_and_promote(LEAD, second, stable, WHY, "click", told, seen)
    with pytest.raises(Conflict, match="has changed since"):
        ready.models.approve(LEAD, second, WHY, "approval", told, seen)
    assert ready.promotions.active(PRODUCTION) is None
    if what != "gates":
        fresh = decision(ready).seen
        begun = ready.promotions.approve_and_promote(LEAD, second, stable, WHY, "click", told, fresh)
        again = ready.promotions.approve_and_promote(LEAD, second, stable, WHY, "click", told, fresh)
        assert (begun.phase, again.id) == (Phase.PENDING, begun.id)
