"""The model card on a version's page: what people wrote, what differs from the champion's, and what is missing."""

from __future__ import annotations

from hospital_models import CARD, target, version
from visitors import text

from backend.domain.card_file import CardFile

EVIL = "<img src=x onerror=alert(1)> **bold** \u202e"


def test_the_version_page_shows_the_card_and_only_what_differs(visit, world):
    app = visit("views/models.py", version="2")
    assert not app.exception
    shown = text(app)
    for said in ("Model card", "Helps a practitioner decide", "The data cannot show", "Ethnicity and origin"):
        assert said in shown, said
    assert "Against the card of v1" in shown
    difference = shown[shown.index("card-difference") :].split("</section>")[0]
    assert version(2).digest in difference
    assert "Intended use" not in difference
    assert "Calibration by band" in shown
    assert "Not complete" not in shown


def test_a_first_version_has_nothing_to_be_held_against(visit, world):
    shown = text(visit("views/models.py", version="1"))
    assert "Helps a practitioner decide" in shown
    assert "Against the card of" not in shown


def test_a_card_with_hostile_text_and_missing_fields_says_so_and_stays_text(visit, world):
    written = {**CARD.model_dump(), "intended_use": EVIL, "exclusions": (), "problems": ("exclusions is missing", EVIL)}
    on_test = target(version(2), world.project.test_endpoint)
    world.store.evidence.freeze("card-hostile", CardFile.model_validate(written), on_test, "commit")
    shown = text(visit("views/models.py", version="2"))
    assert "Not complete: <bdi>exclusions is missing" in shown
    assert "&lt;img src=x" in shown
    assert "<img" not in shown
    assert "\u202e" not in shown
