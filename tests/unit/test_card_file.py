"""The card file: every required field is enforced by name, and an incomplete card is a finding, never a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backend.domain.gates import FindingState
from backend.policy.card_file import REQUIRED, read_card
from backend.policy.gate_file import read_gates
from backend.policy.gates import Exhibits, judge_gates
from tests.recovery.hospital import Hospital

TRAINING = Path(__file__).parents[2] / "training"
FILE = (TRAINING / "card.toml").read_bytes()
COMMIT = "9c1e4d2a7b30"
EMPTY = Exhibits(comparison=None, holdout=None, smoke=None, robustness=None, load=None, champion="")


def judged(card):
    rules = read_gates((TRAINING / "gates.toml").read_bytes(), "main").rules
    return next(f for f in judge_gates(rules, replace(EMPTY, card=card)) if f.gate == "card")


def without(name):
    """The file less one field, however many lines that has."""
    lines, kept, dropping = FILE.decode().splitlines(keepends=True), [], False
    for line in lines:
        key = line.split(" = ")[0]
        if key in REQUIRED:
            dropping = key == name
        if not dropping:
            kept.append(line)
    return "".join(kept).encode()


def test_the_projects_own_card_is_complete_and_states_the_limits_of_its_data():
    card = read_card(FILE, COMMIT)
    assert card.complete
    assert judged(card).state is FindingState.PASS
    assert card.reviewed == date(2026, 11, 26)
    unseen = " ".join(card.cannot_show)
    assert all(axis in unseen for axis in ("Sex", "Ethnicity"))
    limits = " ".join(card.known_limits)
    assert "synthetic" in limits
    assert "41 patients" in limits
    assert not card.intended_use.endswith("\n")


@pytest.mark.parametrize("name", REQUIRED)
def test_each_required_field_is_named_where_it_is_missing_and_the_others_are_kept(name):
    card = read_card(without(name), COMMIT)
    assert card.problems == (f"{name} is missing",)
    whole = read_card(FILE, COMMIT)
    for other in set(REQUIRED) - {name}:
        assert getattr(card, other) == getattr(whole, other)
    assert judged(card).state is FindingState.ADVISORY
    assert f"{name} is missing" in judged(card).sentence


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"reviewed = 2026-11-26", b'reviewed = "soon"'), "reviewed: input should be a valid date"),
        ((b'owner = "Lead data scientist, @lead"', b'owner = "  "'), "owner: string should have at least 3"),
        ((b'owner = "Lead data scientist, @lead"', b"owner = 7"), "owner: input should be a valid string"),
        ((b"owner = ", b"ownr = "), "owner is missing"),
        ((b"reviewed = 2026-11-26", b"reviewed = 2026-11-26\nauc = 0.99"), "auc is no field of a card"),
    ],
)
def test_a_field_that_is_wrong_is_named(change, problem):
    assert FILE.count(change[0]) == 1
    card = read_card(FILE.replace(*change), COMMIT)
    assert any(problem in told for told in card.problems), card.problems
    assert not card.complete


@pytest.mark.parametrize("content", [b"", b"= nothing", b"\xff\xfe", None])
def test_no_card_and_no_file_are_told_and_never_pass(content):
    card = read_card(content, COMMIT)
    assert card.problems
    assert judged(card).state is FindingState.ADVISORY
    assert card.commit == COMMIT


def test_an_empty_list_says_nothing():
    assert "exclusions: " in read_card(without("exclusions") + b"exclusions = []\n", COMMIT).problems[0]


def test_the_card_of_the_versions_own_commit_is_frozen_and_judged(tmp_path):
    hospital = Hospital.after(tmp_path, "1")
    hospital.cloud.card = without("known_limits")
    second = hospital.staged("2")
    hospital.cloud.card = None
    third = hospital.staged("3")
    found = {}
    for version in (second, third):
        dossier = hospital.models.dossier(version)
        (card,) = [e for e in dossier.evidence if e.kind == "card"]
        assert card.card.commit == version.lineage.commit
        found[version.version] = card.card.problems
        assert "card" in hospital.advisory(version)
    assert found == {"2": ("known_limits is missing",), "3": ("training/card.toml is missing at commit 333c0ff",)}
    hospital.close()
