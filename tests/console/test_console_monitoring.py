"""Monitoring: windows and brushes, errors by whose word they are, alerts and objectives where people act on them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hospital import LEAD
from hospital_models import NOW
from hospital_readings import endpoint, telemetry
from visitors import claims, text

from backend.domain.alerts import Alert
from backend.domain.clock import utc_now
from backend.domain.objectives import SLO_PATH, Counted, Severity
from backend.domain.people import Actor, Role
from backend.domain.setup import Change, PlannedResource
from backend.domain.signals import Signal, SignalState
from backend.operations.alerting import Alerting
from backend.operations.objectives import MARK
from backend.policy.burning import standing_of
from backend.policy.slo_file import read_slo
from console import topics
from console.components.charts import parts
from console.viewmodels.alerts import address_of, groups
from console.viewmodels.monitoring import BARS, charts, only
from console.viewmodels.roles import Part, parts_of
from console.viewmodels.series import Chart, Series
from console.viewmodels.sheet import columns_of, csv_of
from console.viewmodels.window import Stretch, bin_seconds, brushed, stretch_of

ROOT = Path(__file__).resolve().parents[2]

OPERATOR = Actor(name="operator", roles=frozenset({Role.OPERATOR}))
FROM, TO = "2026-11-27T02:00Z", "2026-11-27T03:00Z"
CHART = "endpoint=diabetes-endpoint&from=2026-11-27T02%3A00Z&to=2026-11-27T03%3A00Z&chart=errors"
NAMES = ["v1-aaaaaaaa", "v2-bbbbbbbb"]


@pytest.mark.parametrize(
    ("seconds", "width"),
    [(900, 10), (3600, 60), (21_600, 60), (86_400, 60), (604_800, 600), (2_592_000, 1800)],
)
def test_bins_are_minutes_in_a_day_and_never_too_many(seconds, width):
    assert bin_seconds(timedelta(seconds=seconds)) == width
    assert seconds / width <= 1440


def test_a_link_chooses_a_window_and_nonsense_does_not():
    assert stretch_of(FROM, TO) == Stretch(datetime(2026, 11, 27, 2, tzinfo=UTC), datetime(2026, 11, 27, 3, tzinfo=UTC))
    assert stretch_of(FROM, TO).address == {"from": FROM, "to": TO}
    for wrong in (("", ""), (TO, FROM), (FROM, FROM), ("yesterday", TO), ("2020-01-01", TO), (FROM, "<b>")):
        assert stretch_of(*wrong) is None


def test_a_brush_is_read_in_both_ways_that_plotly_tells_time():
    wanted = Stretch(datetime(2026, 11, 27, 2, 1, tzinfo=UTC), datetime(2026, 11, 27, 2, 5, tzinfo=UTC))
    assert brushed(["2026-11-27 02:04:30.5", "2026-11-27 02:01:10"]) == wanted
    assert brushed([wanted.start.timestamp() * 1000 + 5, wanted.end.timestamp() * 1000 - 5]) == wanted
    assert brushed([]) is None
    assert brushed(["2026-11-27 02:04", "x"]) is None


def with_errors(seconds=3600):
    traffic = telemetry("diabetes-endpoint", NAMES, seconds)
    first = traffic.points[3]
    told = first.model_copy(update={"platform": 2, "model": 1, "throttled": 3, "caller": 4, "delay_ms": 100})
    return traffic.model_copy(update={"points": (*traffic.points[:3], told, *traffic.points[4:])})


def test_errors_are_drawn_by_whose_word_they_are():
    errors = next(chart for chart in charts(with_errors(), (), ()) if chart.name == "errors")
    counted = {series.name: sum(y or 0 for y in series.y) for series in errors.series}
    assert counted == {"platform, 5xx": 2, "model, 424 and 408": 1, "throttled, 429": 3, "caller, other 4xx": 4}


def test_no_error_is_a_zero_where_calls_were_and_a_gap_where_none_were():
    errors = next(chart for chart in charts(telemetry("e", NAMES, 3600), (), ()) if chart.name == "errors")
    (calm,) = errors.series
    assert set(calm.y) == {0.0, None}


def test_a_day_of_minutes_is_a_line_and_an_hour_is_bars():
    day = telemetry("diabetes-endpoint", NAMES, 86_400)
    fine = day.model_copy(update={"bin_seconds": 60})
    assert not charts(fine, (), ())[0].series[0].bars
    assert charts(telemetry("diabetes-endpoint", NAMES, 3600), (), ())[0].series[0].bars
    assert BARS < 1440


def test_what_was_before_lies_beneath_at_the_same_time_of_day():
    traffic = telemetry("diabetes-endpoint", NAMES, 3600)
    day = timedelta(days=1)
    before = traffic.model_copy(
        update={
            "start": traffic.start - day,
            "end": traffic.end - day,
            "points": tuple(p.model_copy(update={"at": p.at - day}) for p in traffic.points),
        }
    )
    requests, _, p50, *_ = charts(traffic, (), (), before=before)
    earlier = requests.series[-1]
    assert earlier.name == "before"
    assert traffic.start <= min(earlier.x) <= max(earlier.x) <= traffic.end
    assert max(y for y in earlier.y if y is not None) == 23, "all deployments together"
    assert set(p50.series[-1].y) & set(p50.series[0].y), "of the busiest deployment"


def test_chosen_deployments_are_all_that_is_shown():
    shown = only(telemetry("diabetes-endpoint", NAMES, 3600), (NAMES[1],))
    assert {p.deployment for p in shown.points} == {s.deployment for s in shown.summaries} == {NAMES[1]}


def test_every_deployment_plays_one_part():
    known = endpoint("diabetes-endpoint", {"a": 90, "b": 10, "c": 0, "d": 0})
    known = known.model_copy(update={"mirror_traffic": {"c": 20}})
    assert parts_of(known, "a", ["a", "b", "c", "d", "e", ""]) == {
        "a": Part.STABLE, "b": Part.CANDIDATE, "c": Part.MIRROR, "d": Part.WARM, "e": Part.GONE,
    }  # fmt: skip
    assert parts_of(None, "a", ["a"]) == {}


def test_the_table_behind_a_chart_is_its_numbers_and_no_formula():
    moments = (NOW, NOW + timedelta(minutes=1))
    chart = Chart("p95", (Series("=cmd", moments, (1.5, None)), Series("v2", moments, (None, 3.0))), unit="ms")
    assert list(columns_of(chart)) == ["Time (UTC)", "=cmd, ms", "v2, ms"]
    rows = list(csv.reader(io.StringIO(csv_of(chart).decode())))
    assert rows[0] == ["Time (UTC)", "'=cmd, ms", "v2, ms"]
    assert rows[1][1:] == ["1.5", ""]
    assert rows[2][1:] == ["", "3.0"]
    assert parts(chart, "dark")


def signal(state=SignalState.FIRING, subject="fast", rule="availability-burn"):
    return Signal(
        rule=rule, endpoint="diabetes-endpoint", subject=subject, state=state, value=20.0, limit=13.4, unit="times",
        n=3600, version="1", release="p-1", chart=CHART, words="The budget burns <b>fast</b>.", at=utc_now(),
    )  # fmt: skip


def test_groups_put_what_fires_and_pages_first():
    def alert(name, group, severity, *, calm=False):
        return Alert(
            id=name, rule="r", endpoint="e", subject="", severity=severity, value=None, limit=None, unit="", n=0,
            version="", release="", chart=CHART, words="", group=group, raised_at=NOW, last_seen=NOW,
            quiet_since=NOW if calm else None,
        )  # fmt: skip

    told = groups(
        (alert("a", "a", Severity.PAGE, calm=True), alert("b", "b", Severity.TICKET), alert("c", "b", Severity.PAGE))
    )
    assert [[one.id for one in group.alerts] for group in told] == [["c", "b"], ["a"]]
    address = {"section": "Traffic", "endpoint": "diabetes-endpoint", "from": FROM, "to": TO, "chart": "errors"}
    assert address_of(told[0].head) == address


def section(visit, name, user=None):
    return visit("views/monitoring.py", user=user, section=name)


def test_an_alert_is_told_on_every_page_until_somebody_acknowledges(visit, world):
    (alert,) = Alerting(world.store).judge([signal()])
    shown = text(visit("views/overview.py"))
    assert "Alert: Availability, fast" in shown
    assert "&lt;b&gt;fast" in shown
    app = section(visit, "Alerts", claims("operator"))
    app.button(key=f"ack_{alert.id}").click().run()
    assert not app.exception
    assert world.store.alerts.get(alert.id).acknowledged_by == "operator"
    assert "Alert: Availability, fast" not in text(visit("views/overview.py"))


def test_the_alerts_section_says_who_may_and_what_stands(visit, world):
    (alert,) = Alerting(world.store).judge([signal()])
    known = read_slo((ROOT / SLO_PATH).read_bytes())
    counted = {w.total_seconds(): Counted(seconds=w.total_seconds(), calls=9000, failed=9, answered=8991, slow=0)
               for w in known.windows}  # fmt: skip
    made = standing_of("diabetes-endpoint", known, counted, utc_now(), utc_now())
    world.store.marks.set(f"{MARK}diabetes-endpoint", made.model_dump_json())
    app = section(visit, "Alerts", claims("viewer"))
    assert not app.exception
    for act in ("ack", "own", "silence", "close"):
        assert app.button(key=f"{act}_{alert.id}").disabled
    shown = text(app)
    assert "90 %" in shown
    assert "9 of 9,000" in shown
    assert "kept" in shown
    assert "still fires" in section(visit, "Alerts").button(key=f"close_{alert.id}").help
    world.wired.backend.alerts.silence(OPERATOR, "drift/diabetes-endpoint", 1, "a new clinic joins", "once")
    assert "a new clinic joins" in text(section(visit, "Alerts"))
    assert "Budget left" in text(visit("views/deployments.py", version="2"))


def test_nothing_fires_and_nothing_is_measured_are_said(visit, world):
    shown = text(section(visit, "Alerts"))
    assert "Nothing fires, and every alert has its outcome" in shown
    assert "No objective has been measured yet" in shown


def test_a_link_of_an_alert_shows_its_window_and_its_chart(visit, world):
    stretch = stretch_of(FROM, TO)
    told = with_errors().model_copy(update={"start": stretch.start, "end": stretch.end})
    moved = tuple(p.model_copy(update={"at": stretch.start + (p.at - told.points[0].at)}) for p in told.points)
    world.wired.snapshots.put(
        topics.traffic_between("diabetes-endpoint", stretch), told.model_copy(update={"points": moved})
    )
    app = visit("views/monitoring.py", **{"from": FROM, "to": TO, "chart": "errors"})
    assert not app.exception
    assert "Showing" in text(app)
    assert app.get("plotly_chart")[0].proto.id.find("chart_errors") > 0
    app.button(key="unzoom").click().run()
    assert not app.exception
    assert "from" not in app.query_params


@pytest.mark.parametrize("name", ["diabetes-endpoint", "diabetes-test"])
def test_the_traffic_of_an_endpoint_leads_to_what_its_callers_may_rely_on(visit, world, name):
    app = visit("views/monitoring.py", endpoint=name)
    (link,) = [link.proto for link in app.main.get("page_link") if "callers may rely on" in link.proto.label]
    assert link.query_string == f"endpoint={name}"


def test_logs_that_are_not_set_up_are_told_with_the_button_that_does(visit, world):
    plan = world.wired.snapshots.watch(topics.plan()).value
    missing = PlannedResource(kind="diagnostic setting", name="logs", where="diabetes-endpoint", change=Change.CREATE)
    world.wired.snapshots.put(topics.plan(), plan.model_copy(update={"resources": (*plan.resources, missing)}))
    app = visit("views/monitoring.py")
    assert "There is no diagnostic setting" in text(app)
    assert not app.button(key="set_up_logs").disabled
    assert visit("views/monitoring.py", user=claims("viewer")).button(key="set_up_logs").disabled
    asked = world.wired.backend.setup.make(LEAD, missing, "We want to see the calls.")
    assert world.wired.backend.setup.make(LEAD, missing, "We want to see the calls.") == asked
    assert "The worker has been asked." in visit("views/monitoring.py").button(key="set_up_logs").help
