"""The decision page's blocks: all of them, in the order of reading, and what each says when little is known."""

from __future__ import annotations

import re
from datetime import timedelta

import hospital_models
import hospital_pulls
import hospital_readings
import pytest
from hospital import LEAD
from visitors import text

from backend.domain.authorship import Authorship, CommitAuthors, Submitter
from backend.domain.decisions import Returned
from backend.domain.evidence import BODIES
from backend.domain.gates import FindingState
from backend.domain.promotions import Kind
from backend.domain.reviews import Review
from backend.domain.supply_chain import Field
from backend.domain.value import Reading
from backend.policy.returning import schema_allows
from console import topics
from console.components.decision_cards import freshness_card, way_back_card
from console.viewmodels.change import first_paragraph, why
from console.viewmodels.evidence_ages import NAMES, freshness_of
from console.viewmodels.now_next import NOT_READ, now_next

ONE, TWO, NOW = hospital_models.version(1), hospital_models.version(2), hospital_models.NOW
ORDER = (
    'class="meta"',
    'class="strip"',
    "now-next",
    "card w6 patients",
    "champion",
    "Blockers",
    "card w3 who",
    "card w3 why",
    "card w3 health",
    "card w3 way-back",
    "fresh",
    "after-click",
)


@pytest.fixture
def decision(world):
    traffic = world.wired.snapshots.watch(topics.traffic(world.project.endpoint, 3600))
    endpoint = world.wired.snapshots.watch(topics.endpoint(world.project.endpoint))
    return world.wired.backend.promotions.decision(LEAD, TWO, endpoint.value, traffic.value)


def pull(number, *reviews):
    """GitHub's answer about a pull request with these verdicts: who, what."""
    detail = hospital_pulls.detail(number)
    given = tuple(Review(author=who, state=what, commit="c", submitted_at=NOW) for who, what in reviews)
    summary = detail.summary.model_copy(update={"reviews": given})
    return Reading(value=detail.model_copy(update={"summary": summary}), at=NOW, problem="", source="GitHub")


def test_all_blocks_stand_in_the_order_of_reading(visit, world):
    shown = text(visit("views/deployments.py", version="2"))
    places = [shown.find(block) for block in ORDER]
    assert min(places) >= 0, dict(zip(ORDER, places, strict=True))
    assert places == sorted(places)


def test_what_is_the_same_is_folded_and_told(decision, world):
    rows = {row.field: row for row in now_next(decision, ONE, world.project, {})}
    assert {name for name, row in rows.items() if row.changed} == {
        "Model digest",
        "Commit",
        "Data asset",
        "Run",
        "Threshold",
        "Serving since",
    }
    assert rows["Schema"].after.raw == hospital_models.SIGNATURE.name
    assert rows["Monthly cost"].after.raw == "no price declared"
    assert rows["Reviewed by"].after.raw == NOT_READ


def test_cost_is_told_by_the_declared_price_of_every_instance(decision, world):
    project = world.project.model_copy(
        update={"prices": {"Standard_DS2_v2": 0.14, "Standard_DS3_v2": 0.28}, "instance_count": 3}
    )
    rows = {row.field: row for row in now_next(decision, ONE, project, {})}
    assert (rows["Monthly cost"].now.raw, rows["Monthly cost"].after.raw) == ("102 USD", "307 USD")


@pytest.mark.parametrize(
    ("reviews", "said"),
    [
        ((("deputy", "APPROVED"), ("lead", "APPROVED")), "deputy, lead"),
        ((("deputy", "APPROVED"), ("deputy", "COMMENTED")), "deputy"),
        ((("deputy", "APPROVED"), ("deputy", "DISMISSED")), "nobody"),
        ((("deputy", "CHANGES_REQUESTED"),), "nobody"),
        ((("scientist", "APPROVED"),), "nobody"),
        ((), "nobody"),
    ],
)
def test_reviewers_are_those_whose_last_verdict_approves(decision, world, reviews, said):
    rows = now_next(decision, ONE, world.project, {"14": pull(14, *reviews)})
    assert next(row.after.raw for row in rows if row.field == "Reviewed by") == said


def test_why_names_the_trigger_and_the_change(decision):
    told = why(decision.dossier, pull(14))
    detail = hospital_pulls.detail(14)
    assert (told.trigger, told.number, told.title.raw) == ("code change", "14", detail.summary.title)
    assert told.summary.raw == first_paragraph(detail.body)
    assert re.fullmatch(r"\d+ files?, \+\d+ −\d+", told.size)


def test_why_of_a_run_by_hand_names_who_submitted_it(decision):
    by_hand = Authorship(
        head=TWO.lineage.commit,
        base="",
        pull_request="14",
        commits=(CommitAuthors(commit=TWO.lineage.commit, authors=("scientist",)),),
        complete=True,
        submitter=Submitter(name="sam", person=True),
        made_at=NOW,
    )
    known = decision.dossier.evidence[0].model_copy(update={"authorship": by_hand})
    dossier = decision.dossier.model_copy(update={"evidence": (known, *decision.dossier.evidence)})
    assert why(dossier, None).trigger == "run of sam, by hand"
    without = TWO.model_copy(update={"lineage": TWO.lineage.model_copy(update={"pull_request": ""})})
    told = why(decision.dossier.model_copy(update={"version": without}), None)
    assert (told.trigger, told.number, bool(told.title)) == ("run without a pull request", "", False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", ""),
        ("One line.\r\nAnd its end.\r\n\r\nAnother.", "One line. And its end."),
        ("## Why\n\n> quoted\n\nThe reason.", "The reason."),
        ("# Title\nRight below it.", "Right below it."),
    ],
)
def test_a_description_begins_with_its_first_words(body, said):
    assert first_paragraph(body) == said


def test_every_kind_of_evidence_has_a_name():
    assert NAMES.keys() == BODIES.keys()


def test_every_piece_of_evidence_tells_its_age(decision):
    found = freshness_of(decision, NOW + timedelta(hours=3))
    names = [piece.name for piece in found.pieces]
    assert names[:2] == ["Champion vs challenger", "Smoke test"]
    assert len(names) == len(set(names)) == 10
    assert {piece.age for piece in found.pieces} <= {"3 h ago", "180 min ago"}
    assert next(piece.about.raw for piece in found.pieces if piece.name == "Holdout figures") == "data diabetes-prod:2"
    assert found.line.startswith("10 pieces of evidence, ")


def test_figures_of_a_stale_comparison_do_not_stand_under_next_against_now(visit, world):
    """Another version has come to serve since v2 was tested: its figures are about the one before."""
    assert "next against now" in text(visit("views/deployments.py", version="2"))
    hotfix = hospital_models.version(1).model_copy(update={"version": "3", "digest": "sha256:" + "77" * 32})
    world.finish(world.begin(Kind.PROMOTE, hotfix))
    shown = text(visit("views/deployments.py", version="2"))
    assert "next against now" not in shown
    assert shown.count("Compared with v1") == 2
    assert "production serves v3" in shown


def test_stale_evidence_is_named_where_freshness_is_told(decision, world):
    stale = decision.findings[0].model_copy(update={"state": FindingState.STALE})
    update = {"findings": (stale, *decision.findings[1:])}
    shown = freshness_card(decision.model_copy(update=update), NOW)
    assert f"{decision.findings[0].group}: stale, so it is tested again and not accepted" in shown
    assert "nothing is stale" in freshness_card(decision, NOW)


def test_the_way_back_tells_the_last_return_and_the_schema(decision):
    assert "none yet" in way_back_card(decision, NOW)
    last = Returned(kind=Kind.ROLL_BACK, seconds=2.14, at=NOW - timedelta(days=3))
    known = decision.way_back.model_copy(update={"last": last})
    shown = way_back_card(decision.model_copy(update={"way_back": known}), NOW)
    assert "2.1 s, 3 days ago" in shown
    assert "the same" in shown
    allowed, sentence = schema_allows("1", hospital_models.SIGNATURE, None)
    unknown = known.model_copy(update={"after": None, "allowed": allowed, "sentence": sentence})
    assert "The schema of the new version was never read" in way_back_card(
        decision.model_copy(update={"way_back": unknown}), NOW
    )
    fewer = hospital_models.SIGNATURE.model_copy(update={"inputs": (Field(name="BMI", type="double"),)})
    allowed, sentence = schema_allows("1", hospital_models.SIGNATURE, fewer)
    broken = known.model_copy(update={"after": fewer, "allowed": allowed, "sentence": sentence})
    shown = way_back_card(decision.model_copy(update={"way_back": broken}), NOW)
    assert "does not allow it" in shown
    assert "v1 asks for Age, PlasmaGlucose, Pregnancies" in shown


def test_health_is_of_a_day_with_the_calls_of_an_hour(visit, world):
    day = hospital_readings.telemetry(world.project.endpoint, [decisive(world)], 86_400)
    world.wired.snapshots.put(topics.traffic(world.project.endpoint, 86_400), day)
    shown = text(visit("views/deployments.py", version="2"))
    card = shown[shown.index("card w3 health") :]
    assert "last 24 h" in card
    assert f"of {day.summaries[0].requests:,}" in card
    assert "Calls an hour" in card


def decisive(world):
    return world.wired.backend.promotions.stable()


def test_grave_acts_are_folded_until_there_is_one_to_answer(visit, world):
    app = visit("views/deployments.py", version="2")
    assert not next(found for found in app.expander if "In earnest" in found.label).proto.expanded
    world.wired.backend.quarantines.quarantine(LEAD, TWO, "It answers otherwise than it should.")
    app = visit("views/deployments.py", version="2")
    assert next(found for found in app.expander if "In earnest" in found.label).proto.expanded


def test_another_threshold_of_what_serves_is_decided_where_its_page_is(visit, world):
    serving = text(visit("views/deployments.py", version="1"))
    assert "diabetes-classifier v1 serves production" in serving
    chosen = ONE.model_copy(update={"threshold": 0.4})
    begun = world.begin(Kind.STAGE, chosen, reason="Fewer missed.")
    assert "Waiting for the test" in text(visit("views/deployments.py", version="1"))
    world.finish(begun)
    app = visit("views/deployments.py", version="1")
    shown = text(app)
    assert "Promote diabetes-classifier v1 at 0.4 to production" in shown
    assert "at threshold 0.4 in steps" in shown
    keys = {button.key for button in app.button}
    assert {"promote", "approve", "roll_back"} <= keys


def test_a_version_without_a_comparison_says_how_another_threshold_is_tested(visit, world):
    assert "mlops stage 1 --threshold" in text(visit("views/models.py", version="1"))
    assert "against v1 at 0.5, which it was compared with" in text(visit("views/models.py", version="2"))
