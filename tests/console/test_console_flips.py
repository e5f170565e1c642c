"""Whose answer changes: on the holdout, where the outcome is known, and among what production was asked."""

from __future__ import annotations

import hospital_models
import pytest
from visitors import text

from backend.domain.promotions import Kind
from console import topics
from console.components.evidence_cards import flips_card
from console.viewmodels.flips import SHOWN, asked_rows, asked_tally


def test_the_versions_page_shows_both_halves(visit, world):
    shown = text(visit("views/models.py", version="2"))
    assert "On the holdout" in shown
    assert "Of what production was asked" in shown
    assert "8 of 240 inputs that v1 answered between" in shown
    assert 'aria-label="Inputs of production whose answer changes"' in shown
    assert "age 45 to 59, bmi under 25" in shown
    assert "Production flips" in shown


def test_the_largest_change_comes_first_and_no_more_than_a_screen():
    found = hospital_models.production_flips()
    listed = asked_rows(found)
    assert len(listed) == 8 <= SHOWN
    assert (listed[0].answers, listed[0].risks) == ("negative → positive", "0.21 → 0.38")
    changes = [float(row.change.replace("−", "-")) for row in listed]
    assert changes == sorted(changes, reverse=True)


def test_a_first_version_will_not_be_compared_and_one_in_its_test_is_not_yet(visit, world):
    first = text(visit("views/models.py", version="1"))
    assert first.count("Nothing to compare with") == 3
    assert first.count("No champion yet: the first version has nothing to be compared with.") == 3
    assert "Not compared yet" not in first
    third = hospital_models.version(3)
    world.wired.snapshots.put(topics.versions(), (third, hospital_models.version(2), hospital_models.version(1)))
    world.begin(Kind.STAGE, third, reason="Registered by the workflow.")
    waiting = text(visit("views/models.py", version="3"))
    assert waiting.count("Not compared yet") == 3
    assert "Nothing to compare with" not in waiting


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"problem": "no role <b>"}, "were not replayed: no role <b>"),
        ({"rows": 0, "cases": (), "turned_positive": 0}, "No input of v1-"),
        ({}, "get another answer, 3.3 %."),
    ],
)
def test_the_sentence_says_why_there_is_nothing(changes, said):
    assert said in asked_tally(hospital_models.production_flips().model_copy(update=changes))


def test_before_a_replay_the_card_says_what_would_be_there_and_escapes_what_came_from_outside():
    compared = hospital_models.comparison()
    assert "Not replayed: the test does that" in flips_card(compared, None)
    hostile = hospital_models.production_flips().model_copy(update={"problem": "<script>", "cases": ()})
    assert "<script>" not in flips_card(compared, hostile)
