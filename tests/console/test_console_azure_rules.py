"""Azure Monitor's own rules beside ours: which of them fires and since when, and when nobody knows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from visitors import text

from backend.domain.azure_alerts import AzureAlerts, FiringRule
from backend.domain.clock import utc_now
from backend.domain.setup import Change, DeclaredField, PlannedResource
from console import topics
from console.components.azure_rules import azure_rules_card
from console.viewmodels.azure_rules import now_words, rule_pill
from console.viewmodels.figures import clock

ID = "/subscriptions/S/resourceGroups/R/providers/Microsoft.Insights/metricAlerts/"
NAME = "diabetes-endpoint-server-errors"
FIELDS = {"enabled": "yes", "resolves by itself": "yes", "fires when": "Average RequestLatency_P95 GreaterThan 1000"}


def rule(name=NAME, change=Change.NONE, **now):
    fields = tuple(
        DeclaredField(
            name=field,
            declared=declared,
            now=None if change is Change.CREATE else now.get(field.partition(" ")[0], declared),
            change=change,
        )
        for field, declared in FIELDS.items()
    )
    return PlannedResource(kind="alert rule", name=name, where="diabetes-endpoint", change=change, fields=fields)


def fires(name=NAME, minutes=20, severity=1):
    return FiringRule(rule=f"{ID}{name}", since=utc_now() - timedelta(minutes=minutes), severity=severity)


QUIET, FIRING = AzureAlerts(), AzureAlerts(firing=(fires(),))
REFUSED = AzureAlerts(refused="Azure refused alerts: The client 'mlops-console' does not have authorization")


@pytest.mark.parametrize(
    ("planned", "told", "words"),
    [
        (rule(), QUIET, "quiet"),
        (rule(enabled="no", change=Change.UPDATE), QUIET, "off"),
        (rule(enabled="no", change=Change.UPDATE), None, "off"),
        (rule(), None, "not known"),
        (rule(), REFUSED, "not known"),
        (rule(change=Change.UNREADABLE), QUIET, "not known"),
        (rule(resolves="no", change=Change.UPDATE), FIRING, "not known"),
        (rule(resolves="no", change=Change.UPDATE), QUIET, "quiet"),
        (rule("another"), FIRING, "quiet"),
    ],
)
def test_a_rule_is_quiet_only_where_azure_said_so(planned, told, words):
    assert now_words(planned, told, utc_now()).text == words


def test_a_rule_that_is_not_made_yet_is_in_no_state():
    assert now_words(rule(change=Change.CREATE), QUIET, utc_now()) is None
    assert rule_pill(rule(change=Change.CREATE)).text == "not made yet"


@pytest.mark.parametrize(("severity", "tone"), [(0, "bad"), (1, "bad"), (2, "warn"), (4, "warn")])
def test_what_fires_is_told_with_its_beginning_whatever_the_case_of_its_id(severity, tone):
    found = fires(NAME.upper(), severity=severity)
    shown = now_words(rule(), AzureAlerts(firing=(found,)), utc_now())
    assert (shown.text, shown.tone) == (f"fires since {clock(found.since, utc_now())}", tone)
    old = fires(minutes=3 * 1440)
    shown = now_words(rule(), AzureAlerts(firing=(old,)), utc_now())
    assert shown.text == f"fires since {old.since.day} {old.since:%b %H:%M}"


TWO = (rule(), rule("slow-answers"))


@pytest.fixture
def alerts(visit, world):
    """The section as it is drawn for what has been read; None: nothing has."""

    def drawn(rules=TWO, told=None, problem=""):
        snapshots = world.wired.snapshots
        plan = snapshots.watch(topics.plan()).value
        snapshots.put(topics.plan(), plan.model_copy(update={"resources": (*plan.resources, *rules)}))
        if told is not None:
            snapshots.put(topics.azure_alerts(), told)
        if problem:
            snapshots.fail(topics.azure_alerts(), problem)
        app = visit("views/monitoring.py", section="Alerts")
        assert not app.exception
        return text(app)

    return drawn


def card_of(shown):
    return shown[shown.index("Azure Monitor&#x27;s own rules") :]


def test_the_table_says_which_rule_fires(alerts):
    card = card_of(alerts(told=FIRING))
    assert re.search(rf"{NAME}.*fires since.*slow-answers.*quiet", card, re.DOTALL)
    assert re.search(r"<span>read \d+ s ago</span>", card)
    assert "told in Azure" not in card


def test_before_the_first_answer_nothing_is_called_quiet(alerts):
    card = card_of(alerts())
    assert card.count("not known") == 2
    assert "not read yet" in card
    assert ">quiet<" not in card


def test_a_right_that_is_missing_is_said_with_the_role_that_has_it(alerts):
    shown = alerts(told=REFUSED)
    assert card_of(shown).count("not known") == 2
    assert "does not have authorization" in shown
    assert "Monitoring Reader" in shown


def test_a_source_that_is_down_leaves_the_last_reading_with_its_age(alerts):
    shown = alerts(told=FIRING, problem="Azure did not answer for alerts (HTTP 503).")
    assert "Azure Monitor does not answer: shown as it was" in shown
    assert "fires since" in card_of(shown)


def test_one_that_never_answered_is_said_too(alerts):
    shown = alerts(problem="Azure did not answer for alerts (HTTP 503).")
    assert "Azure Monitor has not answered yet" in shown
    assert card_of(shown).count("not known") == 2


def test_without_a_rule_nothing_is_asked_for_and_that_is_said(alerts):
    assert "No rule is declared" in card_of(alerts(rules=(), told=QUIET))


def test_a_name_of_one_long_word_breaks_inside_its_column(alerts):
    long = "r" * 110
    card = str(azure_rules_card((rule(long),), QUIET, "", utc_now()))
    assert re.search(rf'<td class="breaks">(<[^>]+>)?{long}', card)
    assert long in alerts(rules=(rule(long),), told=QUIET)
