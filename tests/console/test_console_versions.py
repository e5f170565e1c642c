"""The Models pages: what served when, where a version comes from, any two apart, and one put out of use."""

from __future__ import annotations

from hospital_models import version
from visitors import claims, text

from backend.domain.registry import VersionState
from console import topics

EVIL = "<img src=x onerror=alert(1)>"


def test_the_list_tells_what_served_production_and_leads_to_the_contract(visit, world):
    shown = text(visit("views/models.py"))
    served = shown[shown.index("What served production") :]
    assert "<b>v1</b>" in served
    assert "now" in served


def test_a_version_leads_to_everything_it_comes_from(visit, world):
    app = visit("views/models.py", version="2")
    assert not app.exception
    shown = text(app)
    for said in ("Commit", "Pull request", "Run", "Data", "Approval", "Deployment", "diabetes-prod:2"):
        assert said in shown, said
    labels = {e.proto.label.replace("\\", "") for e in app.main.get("page_link")}
    assert "#14" in labels
    assert "train-2-3f2a" in shown
    assert any(label.startswith("diabetes-test") for label in labels)
    assert "Same data" in shown
    assert "v1" in labels


def test_any_two_versions_are_laid_side_by_side(visit, world):
    app = visit("views/models.py", version="2", against="1")
    shown = text(app)
    apart = shown[shown.index("Against any other version") :].split("</ul>")[0]
    for said in ("Threshold", "0.5", "0.29", "+0.140", "Environment"):
        assert (said in apart) is (said != "Environment"), said
    assert "BMI is answered with a warning outside 12 to 90" in apart
    app.toggle(key="against_all").set_value(True)
    app.run()
    same = text(app)
    assert "Environment" in same[same.index("Against any other version") :].split("</ul>")[0]


def test_names_from_outside_stay_text(visit, world):
    two = version(2)
    hostile = two.model_copy(update={"lineage": two.lineage.model_copy(update={"author": EVIL, "data_asset": EVIL})})
    world.wired.snapshots.put(topics.versions(), (hostile, version(1)))
    shown = text(visit("views/models.py", version="2", against="1"))
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_what_serves_is_not_retired_and_the_button_says_so(visit, world):
    retire = visit("views/models.py", version="1").button(key="retire")
    assert (retire.disabled, retire.help) == (True, "v1 serves: bring another version there first.")


def test_a_lead_retires_a_version_and_others_are_told_who_may(visit, world):
    refused = visit("views/models.py", user=claims("otis", "operator"), version="2").button(key="retire")
    assert (refused.disabled, refused.help) == (True, "Only a lead retires a version.")
    app = visit("views/models.py", version="2")
    app.button(key="retire").click().run()
    app.text_area(key="reason_retire_2").set_value("Its cohort was recalled.")
    app.button(key="confirm_retire_2").click().run()
    dossier = world.wired.backend.models.dossier(version(2))
    assert (dossier.state, dossier.quarantine.retired) == (VersionState.QUARANTINED, True)
    shown = text(visit("views/models.py", version="2"))
    assert "Retired" in shown
    assert "Its cohort was recalled." in shown
