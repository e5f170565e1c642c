"""The tab of model behaviour, and the training data on a version's page: n and age, a table behind each chart."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from urllib.parse import parse_qsl

import numpy as np
import pytest
from hospital_models import target, version
from visitors import claims, text

from backend.domain.behaviour import Asked, Labels, Outcome, Watch
from backend.domain.clock import utc_now
from backend.domain.data_profile import DataProfile
from backend.domain.production_flips import Collected, CollectedRow
from backend.domain.retraining import Proposal, ProposalState, Trigger
from backend.domain.signals import SignalState
from backend.operations.alerting import Alerting
from backend.policy.behaviour import Served, look
from training import cohort
from training import profile as describing
from training.data import FEATURE_NAMES, Dataset
from training.split import grouped_split

PAGE = "views/monitoring.py"
SECTION = "Behaviour"


def drawn(rows, seed):
    table = np.array([[float(cell) for cell in row] for row in cohort.draw(rows, seed)])
    return table[:, 1:-1], table[:, -1].astype(np.int8)


def described(seed=1):
    features, outcome = drawn(2000, seed)
    dataset = Dataset(features, outcome, np.arange(len(features)), "sha256:d")
    split = grouped_split(dataset.groups, holdout_fraction=0.3, seed=0)
    score = np.clip(features[split.holdout, 1] / 200, 0.01, 0.99)
    return DataProfile.model_validate(json.loads(json.dumps(describing.profile(dataset, split, score))))


PROFILE = described()


def looked(world, *, factor=1.0, minutes=0, problems=()):
    """Keep a look of the worker's at 300 rows, a third of them with labels."""
    features, _ = drawn(300, 5)
    features[:, FEATURE_NAMES.index("SerumInsulin")] *= factor
    now = utc_now() - timedelta(minutes=minutes)
    rows = tuple(
        CollectedRow(
            features=dict(zip(FEATURE_NAMES, map(float, row), strict=True)),
            probability=float(np.clip(row[1] / 200, 0.01, 0.99)),
            positive=bool(row[1] > 100),
            at=now - timedelta(seconds=place),
        )
        for place, row in enumerate(features)
    )
    outcomes = [
        Outcome(
            at=now - timedelta(hours=place),
            labelled_at=now,
            version="1",
            probability=0.4,
            positive=place % 3 == 0,
            ill=place % 2 == 0,
            bands=("age under 30",),
        )
        for place in range(100)
    ]
    served = Served(target(version(1), world.project.endpoint), "sha256:p", PROFILE, None)
    labels = Labels(answered=300, labelled=100, unmatched=2, pending=1, delay_median=48.0, delay_p90=60.0)
    watch = Watch(looked_at=now, every_minutes=60, newest_row=now, collected_percent=100, problems=problems)
    collected = Collected(rows=rows, digest="sha256:c", blobs=1, oldest=now, newest=now)
    calls = Asked(since=now, until=now, calls=480, refused=30, fields={"BMI": 29, "<b>Age": 1})
    before = calls.model_copy(update={"calls": 3360, "refused": 7})
    world.store.behaviour.keep(look(served, collected, outcomes, labels, watch, (calls, before)))


def proposed(world):
    one = Proposal(
        id="retrain-v1-1",
        endpoint=world.project.endpoint,
        version="1",
        trigger=Trigger.DRIFT,
        why="Age has drifted <b>far</b>.",
        proposed_at=utc_now(),
    )
    world.store.retrainings.propose(one)
    return one


def button(app, key):
    return next(found for found in app.button if found.key == key)


def test_before_the_first_look_the_tab_says_what_would_be_there(visit, world):
    app = visit(PAGE, section=SECTION)
    assert not app.exception
    assert "Not looked yet" in text(app)


def test_a_look_shows_bands_numbers_ages_and_labels(visit, world):
    looked(world, minutes=50)
    looked(world)
    app = visit(PAGE, section=SECTION, feature="BMI")
    shown = text(app)
    assert not app.exception
    for words in (
        "looked at",
        "300 rows",
        "in band",
        "Top of the band",
        "at most 1 false alarm",
        "Labels of 100 of 300 collected answers (33.3 %)",
        "Half came within 2 days",
        "2 labels fit no collected answer",
        "Estimated, before labels",
        "age under 30",
        "Calibration over time",
        "30 of 480 calls (6.2 %); 7 of 3,360 in the week before",
        "&lt;b&gt;Age",
        "None was proposed",
    ):
        assert words in shown, words
    assert app.selectbox(key="feature").value == "BMI"
    tables = [found.label for found in app.expander]
    assert tables.count("Table") == 3


def test_a_confused_unit_is_named_on_the_page(visit, world):
    looked(world, factor=6.0)
    shown = text(visit(PAGE, section=SECTION))
    assert "out of band" in shown
    assert "insulin in pmol/L" in shown


def test_a_monitor_that_stands_still_or_fails_is_not_trusted(visit, world):
    looked(world, minutes=300, problems=("Collected inputs cannot be read: <b>no role</b>",))
    shown = text(visit(PAGE, section=SECTION))
    assert "The monitor is not to be trusted now" in shown
    assert "looks were missed" in shown
    assert "<b>no role" not in shown


def test_a_scientist_may_accept_a_retraining_and_a_viewer_may_not(visit, world):
    looked(world)
    one = proposed(world)
    viewer = visit(PAGE, section=SECTION, user=claims("viewer", "viewer"))
    assert button(viewer, f"accept_{one.id}").disabled
    lead = visit(PAGE, section=SECTION)
    assert not button(lead, f"accept_{one.id}").disabled
    assert "<b>far" not in text(lead)
    button(lead, f"accept_{one.id}").click().run()
    lead.text_area(key=f"reason_accept_{one.id}").set_value("the ward has changed for good")
    button(lead, f"confirm_accept_{one.id}").click().run()
    accepted = world.store.retrainings.get(one.id)
    assert (accepted.state, accepted.decided_by) == (ProposalState.ACCEPTED, "lead")
    assert "the ward has changed for good" in text(lead)


def test_one_that_is_dismissed_says_why_and_asks_no_more(visit, world):
    looked(world)
    one = proposed(world)
    app = visit(PAGE, section=SECTION, user=claims("scientist"))
    button(app, f"dismiss_{one.id}").click().run()
    app.text_area(key=f"reason_dismiss_{one.id}").set_value("it is the holiday season")
    button(app, f"confirm_dismiss_{one.id}").click().run()
    assert world.store.retrainings.get(one.id).state is ProposalState.DISMISSED
    assert "it is the holiday season" in text(app)
    assert not [found for found in app.button if found.key == f"accept_{one.id}"]


def chosen(app):
    """The cards that are marked, and the first cells of the rows that are."""
    found, blocks = [], [app.main]
    while blocks:
        block = blocks.pop()
        blocks += list(getattr(block, "children", {}).values())
        found += re.findall(r"-(chosen_\w+)$", getattr(getattr(block, "proto", None), "id", ""))
    return found, re.findall(r'<tr aria-current="true"><td>(\w+)', text(app))


def test_the_link_of_each_kind_of_alert_leads_to_its_chart_and_its_row(visit, world):
    looked(world, minutes=300)
    there = {
        ("drift", "score"): ("chosen_drift", "score"),
        ("data-quality", "Age"): ("chosen_quality", "Age"),
        ("estimated-performance", "auc"): ("chosen_estimated", "AUC"),
        ("realised-performance", "specificity"): ("chosen_realised", "Specificity"),
        ("refused-requests", ""): ("chosen_refused", None),
        ("monitor", ""): None,
    }
    said = [
        one for one in world.wired.backend.behaviour.signals(world.project.endpoint) if (one.rule, one.subject) in there
    ]
    fired = [one.model_copy(update={"state": SignalState.FIRING}) for one in said]
    alerts = {(one.rule, one.subject): one for one in Alerting(world.store).judge(fired)}
    assert {one.runbook for one in alerts.values()}.isdisjoint({"any-alert"})
    page = visit(PAGE, section="Alerts")
    links = [one.proto.query_string for one in page.main.get("page_link") if one.proto.label == "Chart"]
    for (rule, subject), wanted in there.items():
        address = alerts[rule, subject].chart
        assert address in links
        app = visit(PAGE, **dict(parse_qsl(address)))
        assert not app.exception
        assert chosen(app) == (([], []) if wanted is None else ([wanted[0]], [wanted[1]] if wanted[1] else []))
        if rule == "drift":
            assert app.selectbox(key="feature").value == subject
        if rule == "monitor":
            assert "The monitor is not to be trusted now" in text(app)


@pytest.mark.parametrize("known", [False, True])
def test_a_version_shows_what_it_was_trained_on(visit, world, known):
    if known:
        for number in ("1", "2"):
            world.store.behaviour.keep_profile("diabetes-classifier", number, "sha256:p", described(int(number)))
    app = visit("views/models.py", version="2")
    assert not app.exception
    shown = text(app)
    assert ("2,000 rows of 2,000 patients" in shown) is known
    assert ("Not described" in shown) is not known
    if known:
        app.selectbox(key="profile_against").select("v1").run()
        assert "Mean of v1 (difference)" in text(app)
