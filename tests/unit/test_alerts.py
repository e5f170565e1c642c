"""Alerts: one for what goes on, grouped, silenced, told once, closed by a person with an outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.alerts import AlertState
from backend.domain.notifications import NotificationKind
from backend.domain.people import Actor, Role
from backend.domain.signals import Signal, SignalState
from backend.errors import Conflict, Invalid, NotFound
from backend.operations.alerting import Alerting
from backend.operations.alerts import RUNBOOKS, Alerts
from backend.operations.history import History
from tests.databases import FILES
from tests.recovery.cloud import PRODUCTION, Clock
from tests.recovery.hospital import OPERATOR, PROJECT, WHY, fresh_store

CHART = "endpoint=diabetes-endpoint&from=2026-11-27T02:00Z&to=2026-11-27T03:00Z&chart=errors"


class Ward:
    """One store with the operations over it, and signals of now."""

    def __init__(self, folder, databases):
        self.clock = Clock()
        self.store = fresh_store(folder, self.clock, databases)
        self.alerts = Alerts(self.store, self.clock)
        self.alerting = Alerting(self.store)

    def signal(self, state=SignalState.FIRING, rule="availability-burn", subject="fast", value=20.0):
        return Signal(
            rule=rule, endpoint=PRODUCTION, subject=subject, state=state, value=value, limit=13.4, unit="times", n=3600,
            version="3", release="promotion-3", chart=CHART, words=f"{rule} {value}", at=self.clock(),
        )  # fmt: skip

    def see(self, state=SignalState.FIRING, after=60.0, **told):
        self.clock.pass_(after)
        return self.alerting.judge([self.signal(state, **told)])

    @property
    def told(self):
        """What people's inbox holds of alerts, oldest first."""
        found = self.store.notifications.of("operator", [NotificationKind.ALERT])
        return [notice.sentence for notice in reversed(found)]

    def actions(self, alert_id):
        return [entry.action for entry in reversed(self.store.audit.entries(subject=f"alert/{alert_id}"))]


@pytest.fixture
def ward(tmp_path):
    yield from kept(Ward(tmp_path, FILES))


@pytest.fixture
def ward_on(tmp_path, databases):
    """On both databases, for what depends on them."""
    yield from kept(Ward(tmp_path, databases))


def kept(made):
    yield made
    report = made.store.audit.verify()
    made.store.close()
    assert report.whole, report.problem


def test_what_goes_on_is_one_alert_with_the_newest_figures(ward):
    (first,) = ward.see()
    (again,) = ward.see(value=31.0)
    assert again.id == first.id
    assert [a.value for a in ward.alerts.standing()] == [31.0]
    assert ward.actions(first.id) == ["alert.raised"]
    assert len(ward.told) == 1
    assert ward.told[0].startswith("Alert Availability, fast: raised")


def test_an_alert_names_everything_and_its_notice_leads_to_the_chart(ward):
    (alert,) = ward.see()
    assert (alert.value, alert.limit, alert.n, alert.version, alert.release) == (20.0, 13.4, 3600, "3", "promotion-3")
    row = ward.store.audit.entries(subject=f"alert/{alert.id}")[0]
    assert row.detail == {
        "title": "Availability, fast", "severity": "page", "endpoint": PRODUCTION, "unit": "times", "n": 3600,
        "value": 20.0, "limit": 13.4, "version": "3", "release": "promotion-3", "chart": CHART, "group": alert.id,
        "told": True,
    }  # fmt: skip
    notice = ward.store.notifications.of("operator", [NotificationKind.ALERT])[0]
    assert notice.link == f"/monitoring?{CHART}"


def test_calm_closes_nothing_and_unknown_calms_nothing(ward):
    (alert,) = ward.see()
    assert ward.see(SignalState.UNKNOWN) == ()
    assert ward.alerts.standing()[0].firing
    ward.see(SignalState.QUIET)
    assert ward.see(SignalState.QUIET) == ()
    (standing,) = ward.alerts.standing()
    assert (standing.state, standing.firing) == (AlertState.OPEN, False)
    ward.see()
    assert ward.alerts.standing()[0].times == 2
    assert ward.actions(alert.id) == ["alert.raised", "alert.calm", "alert.fires_again"]


def test_a_quiet_rule_without_an_alert_is_nothing(ward):
    assert ward.see(SignalState.QUIET) == ()
    assert ward.alerts.standing() == ()


def test_what_begins_together_is_one_group_and_told_once(ward):
    (first,) = ward.see()
    (second,) = ward.see(rule="latency-burn")
    (later,) = ward.see(rule="drift", subject="BMI", after=3600)
    assert (second.group, second.leads) == (first.id, False)
    assert later.group == later.id
    assert len(ward.told) == 2


def test_a_page_in_a_group_of_tickets_is_told_as_well(ward):
    ward.see(rule="drift", subject="BMI")
    (page,) = ward.see()
    assert page.leads is False
    assert len(ward.told) == 2


def test_a_chain_of_life_owner_outcome_and_the_next_one(ward):
    (alert,) = ward.see()
    seen = ward.alerts.ack(OPERATOR, alert.id)
    assert (seen.state, seen.acknowledged_by) == (AlertState.ACKNOWLEDGED, "operator")
    owned = ward.alerts.own(OPERATOR, alert.id, WHY)
    assert owned.owner == "operator"
    ward.alerts.own(OPERATOR, alert.id, WHY)
    with pytest.raises(Conflict, match="still fires"):
        ward.alerts.close(OPERATOR, alert.id, "the scoring script was broken")
    ward.see(SignalState.QUIET)
    ward.see()
    assert len(ward.told) == 1, "whoever acknowledged it knows"
    ward.see(SignalState.QUIET)
    closed = ward.alerts.close(OPERATOR, alert.id, "the scoring script was broken")
    assert (closed.state, closed.outcome) == (AlertState.CLOSED, "the scoring script was broken")
    assert ward.alerts.close(OPERATOR, alert.id, "something else entirely").outcome == closed.outcome
    assert ward.actions(alert.id) == [
        "alert.raised", "alert.acknowledged", "alert.owned", "alert.calm", "alert.fires_again", "alert.calm",
        "alert.closed",
    ]  # fmt: skip
    (following,) = ward.see(after=7200)
    assert following.id != alert.id
    assert [a.id for a in ward.alerts.list(OPERATOR)] == [following.id, alert.id]


def test_owning_acknowledges(ward):
    (alert,) = ward.see()
    owned = ward.alerts.own(OPERATOR, alert.id, WHY)
    assert (owned.state, owned.acknowledged_by) == (AlertState.ACKNOWLEDGED, "operator")


def test_a_silence_covers_below_its_name_and_ends(ward):
    ward.alerts.silence(OPERATOR, f"drift/{PRODUCTION}", 2, "a new clinic is joining", "once")
    ward.alerts.silence(OPERATOR, f"drift/{PRODUCTION}", 2, "a new clinic is joining", "once")
    assert len(ward.alerts.silences()) == 1
    (quiet,) = ward.see(rule="drift", subject="BMI")
    assert quiet.silenced == "once"
    assert ward.told == []
    (loud,) = ward.see(after=3600)
    assert loud.silenced == ""
    assert len(ward.told) == 1
    (ended,) = ward.see(rule="drift", subject="BMI", after=3601)
    assert (ended.id, ended.silenced) == (quiet.id, "")
    assert len(ward.told) == 2, "it still fires, and nobody has heard of it yet"


def test_a_silence_is_lifted_before_its_time(ward):
    ward.alerts.silence(OPERATOR, "", 24, "the endpoint is rebuilt today", "once")
    ward.see()
    lifted = ward.alerts.lift(OPERATOR, "once", "the rebuild was put off")
    assert lifted.lifted_by == "operator"
    assert ward.alerts.silences() == ()
    ward.see()
    assert len(ward.told) == 1
    with pytest.raises(NotFound):
        ward.alerts.lift(OPERATOR, "never", WHY)


@pytest.mark.parametrize("hours", [0, -1, 24 * 7 + 0.1, float("nan")])
def test_a_silence_has_an_end(ward, hours):
    with pytest.raises(Invalid, match="168 h"):
        ward.alerts.silence(OPERATOR, "", hours, WHY, "once")


def test_a_neighbour_is_not_covered(ward):
    ward.alerts.silence(OPERATOR, f"drift/{PRODUCTION}/BMI", 1, "a scale is being mended", "once")
    (other,) = ward.see(rule="drift", subject="BMIScore")
    assert other.silenced == ""


def test_alerts_are_marks_on_the_charts(ward):
    ward.see()
    now = ward.clock()
    marks = History(ward.store, PROJECT).marks(now - timedelta(hours=1), now)
    assert [(mark.kind, mark.text) for mark in marks] == [("alert", "alert: Availability, fast")]


def test_every_rule_has_a_runbook(ward):
    from backend.domain.alerts import OTHER, RULES

    named = {rule.runbook for rule in (*RULES.values(), OTHER)}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == named
    assert "scoring script" in ward.alerts.runbook("availability-burn")
    assert "without a runbook" in ward.alerts.runbook("nobody-knows-this-rule")


def test_two_workers_at_once_raise_one(ward_on):
    from concurrent.futures import ThreadPoolExecutor

    signal = ward_on.signal()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ward_on.alerting.judge([signal]), range(8)))
    assert len(ward_on.alerts.standing()) == 1
    assert len(ward_on.told) == 1
    ward_on.alerts.silence(OPERATOR, "drift", 1, WHY, "once")
    assert [one.id for one in ward_on.alerts.silences()] == ["once"]
    assert ward_on.alerts.list(OPERATOR, 1)[0].n == 3600


def test_an_alert_of_another_endpoint_stands_alone(ward):
    (here,) = ward.see()
    other = ward.signal().model_copy(update={"endpoint": "diabetes-test"})
    (there,) = ward.alerting.judge([other])
    assert there.group != here.group


def test_only_who_controls_may_close(ward):
    (alert,) = ward.see()
    viewer = Actor(name="viewer", roles=frozenset({Role.VIEWER}))
    assert "viewer" in ward.alerts.refusal(viewer)
    assert ward.alerts.refusal(OPERATOR) == ""
    assert ward.alerts.list(viewer)[0].id == alert.id
