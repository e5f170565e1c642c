"""Objectives: the file, what is counted, burn rates over two windows, and the budget as a gate of promotion."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from backend.domain.gates import FindingState
from backend.domain.objectives import SLO_PATH, Counted, Measure, Severity
from backend.domain.signals import SignalState
from backend.domain.telemetry import ErrorClass, blame
from backend.errors import Invalid, PolicyDenied
from backend.operations.objectives import MARK, Objectives, ObjectiveWatch
from backend.policy.burning import signals, standing_of
from backend.policy.error_budget import OLD, budget_finding
from backend.policy.slo_file import read_slo
from tests.recovery.cloud import PRODUCTION, Clock
from tests.recovery.hospital import DEPUTY, LEAD, PROJECT, WHY, fresh_store

FILE = (Path(__file__).parents[2] / SLO_PATH).read_bytes()
NOW = Clock()()
SERVED = ("3", "promotion-3")


def window(seconds, calls=1000, failed=0, slow=0):
    return Counted(seconds=seconds, calls=calls, failed=failed, answered=calls - failed, slow=slow)


def counted(**shares):
    """Every window with as many calls as it has at one a second, and these shares of failures by its minutes."""
    slo = read_slo(FILE)
    made = {}
    for stretch in slo.windows:
        calls = int(stretch.total_seconds())
        share = shares.get(f"m{int(stretch.total_seconds() // 60)}", shares.get("every", 0.0))
        made[stretch.total_seconds()] = window(stretch.total_seconds(), calls, failed=round(calls * share))
    return made


def standing(found, until=NOW):
    return standing_of(PRODUCTION, read_slo(FILE), found, until, NOW)


def states(found):
    return {f"{s.rule}/{s.subject}": s.state for s in signals(standing(found), SERVED)}


def test_the_committed_file_is_read_whole():
    slo = read_slo(FILE)
    assert [(one.measure, one.objective) for one in slo.objectives] == [
        (Measure.AVAILABILITY, 0.99),
        (Measure.LATENCY, 0.95),
    ]
    assert [(burn.name, burn.severity) for burn in slo.burns] == [
        ("fast", Severity.PAGE), ("slow", Severity.PAGE), ("steady", Severity.TICKET),
    ]  # fmt: skip
    assert slo.hard
    assert slo.windows[-1] == timedelta(days=28)
    assert slo.windows == tuple(sorted(slo.windows))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("objective = 0.99", "objective = 99", "availability.objective"),
        ("days = 28", "days = 90", "budget.days"),
        ("short_minutes = 5", "short_minutes = 90", "the short window has to be shorter"),
        ('name = "slow"', 'name = "fast"', "two burn rules have the same name"),
        ('promotion = "hard"', 'promotion = "soft"', "budget.promotion"),
        ("[latency]", "[speed]", "latency"),
        ("[budget]", "[budget", "not valid TOML"),
    ],
)
def test_a_wrong_file_names_what_is_wrong(before, after, said):
    with pytest.raises(Invalid, match=said):
        read_slo(FILE.decode().replace(before, after, 1).encode())


@pytest.mark.parametrize(
    ("code", "model", "whose"),
    [
        (200, 200, None), (424, 400, ErrorClass.CALLER), (424, 500, ErrorClass.MODEL), (424, 0, ErrorClass.MODEL),
        (408, 0, ErrorClass.MODEL), (429, 0, ErrorClass.THROTTLED), (502, 0, ErrorClass.PLATFORM),
        (401, 0, ErrorClass.CALLER), (413, 0, ErrorClass.CALLER),
    ],
)  # fmt: skip
def test_every_answer_is_somebodys_word(code, model, whose):
    assert blame(code, model) is whose


def test_a_rule_fires_only_where_both_windows_burn():
    assert states(counted(m60=0.2, m5=0.2))["availability-burn/fast"] is SignalState.FIRING
    assert states(counted(m60=0.2, m5=0.0))["availability-burn/fast"] is SignalState.QUIET
    assert states(counted(m60=0.0, m5=0.2))["availability-burn/fast"] is SignalState.QUIET
    assert states(counted(m60=0.13, m5=0.2))["availability-burn/fast"] is SignalState.QUIET


def test_too_few_calls_say_nothing():
    few = {**counted(), 3600.0: window(3600.0, 99, failed=60), 300.0: window(300.0, 9, failed=9)}
    found = {f"{s.rule}/{s.subject}": s for s in signals(standing(few), SERVED)}
    assert found["availability-burn/fast"].state is SignalState.UNKNOWN
    assert "99 calls in 1 h, fewer than the 100" in found["availability-burn/fast"].words
    assert found["availability-burn/slow"].state is SignalState.QUIET


def test_a_silent_log_is_no_good_news():
    long_ago = NOW - timedelta(hours=2)
    found = signals(standing(counted(every=0.5), until=long_ago), SERVED)
    burning = [s.state for s in found if s.rule == "availability-burn"]
    assert set(burning) == {SignalState.UNKNOWN}
    nobody = signals(standing({}, until=None), SERVED)
    assert {s.state for s in nobody} == {SignalState.UNKNOWN}


def test_a_signal_names_its_figures_and_its_chart():
    found = {f"{s.rule}/{s.subject}": s for s in signals(standing(counted(m60=0.2, m5=0.3)), SERVED)}
    fast = found["availability-burn/fast"]
    assert (fast.value, fast.limit, fast.n) == (pytest.approx(20.0), 13.4, 3600)
    assert (fast.version, fast.release) == SERVED
    assert parse_qs(fast.chart) == {
        "endpoint": [PRODUCTION],
        "from": [f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%MZ}"],
        "to": [f"{NOW + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}"],
        "chart": ["errors"],
    }
    assert fast.words == (
        "The availability budget is spent 20.0 and 30.0 times as fast as evenly over 1 h and 5 min; "
        "limit 13.4 in both, n 3,600."
    )


def test_slow_answers_spend_another_budget():
    found = counted()
    found[3600.0] = window(3600.0, 3600, slow=3000)
    found[300.0] = window(300.0, 300, slow=300)
    assert states(found)["latency-burn/fast"] is SignalState.FIRING
    assert states(found)["availability-burn/fast"] is SignalState.QUIET


def spent():
    return counted(m40320=0.02)


def test_a_spent_budget_stops_and_an_old_measurement_does_not():
    found = budget_finding(standing(spent()), NOW)
    assert found.state is FindingState.FAIL
    assert found.rule.hard
    assert "Availability: nothing of the error budget left" in found.sentence
    assert budget_finding(standing(spent()), NOW + OLD * 2).rule is None
    assert budget_finding(standing(counted()), NOW).state is FindingState.PASS
    assert budget_finding(standing({}), NOW).state is FindingState.NOT_RUN
    assert budget_finding(None, NOW) is None


def test_a_file_may_only_show_the_budget():
    slo = read_slo(FILE.replace(b'promotion = "hard"', b'promotion = "shown"'))
    found = budget_finding(standing_of(PRODUCTION, slo, spent(), NOW, NOW), NOW)
    assert (found.state, found.rule) == (FindingState.ADVISORY, None)


def measured(hospital, found):
    """As the worker would have left it."""
    made = standing_of(PRODUCTION, read_slo(FILE), found, hospital.clock(), hospital.clock())
    hospital.store.marks.set(f"{MARK}{PRODUCTION}", made.model_dump_json())


def test_a_spent_budget_is_a_blocker_and_break_glass_lets_the_fix_through(ready):
    measured(ready, spent())
    decision = ready.decision()
    blocker = next(b for b in decision.blockers if b.what == "Error budget")
    assert blocker.hard
    assert "lead" in blocker.who
    assert decision.overridable == ("error_budget",)
    assert decision.approve_refusal == ""
    with pytest.raises(PolicyDenied, match="Error budget"):
        ready.click("2")
    version = ready.version("2")
    asked = ready.overrides.ask(LEAD, version, ("error_budget",), WHY, 1, "glass")
    ready.overrides.confirm(DEPUTY, version, asked.id, WHY)
    through = next(b for b in ready.decision().blockers if b.what == "Error budget")
    assert (through.hard, through.overridden) == (False, True)
    begun = ready.click("2")
    used = ready.store.audit.entries(subject="model/diabetes-classifier:2")
    assert any(e.action == "break_glass.used" and e.detail["promotion"] == begun.id for e in used)


def test_a_rollback_needs_no_budget(two):
    measured(two, spent())
    back = two.promotions.roll_back(LEAD, two.promotions.stable(), WHY, "back")
    two.run(back.id)
    assert two.store.promotions.get(back.id).phase.value == "succeeded"


class Source:
    """A branch with one file, and a log that answers each window with these shares of failures."""

    def __init__(self, clock, content=FILE, **shares):
        self.clock, self.content, self.shares = clock, content, shares
        self.asked = []

    def file(self, path, _ref):
        assert path == SLO_PATH
        return self.content

    def data_until(self, _endpoint, _start, end):
        return end

    def counted(self, _endpoint, _until, windows, within_ms):
        self.asked.append((len(windows), within_ms))
        found = counted(**self.shares)
        return tuple(found[stretch.total_seconds()] for stretch in windows)


@pytest.fixture
def store(tmp_path):
    made = fresh_store(tmp_path, Clock())
    yield made
    assert made.audit.verify().whole
    made.close()


def test_the_watch_measures_counts_long_windows_seldom_and_raises_alerts(store):
    clock = Clock()
    source = Source(clock, m60=0.2, m5=0.2)
    watch = ObjectiveWatch(store, source, source, PROJECT, clock)
    assert any(s.state is SignalState.FIRING for s in watch.look())
    clock.pass_(60)
    watch.look()
    assert source.asked == [(6, 500.0), (5, 500.0)]
    known = Objectives(store, PROJECT).standing()
    assert known.slo.digest == read_slo(FILE).digest
    assert [alert.key for alert in store.alerts.standing()] == [f"availability-burn/{PRODUCTION}/fast"]
    assert [e.action for e in store.audit.entries(subject=f"file/{SLO_PATH}")] == ["objectives.changed"]


def test_a_file_that_is_wrong_leaves_what_was_declared_and_none_ends_it(store):
    clock = Clock()
    source = Source(clock)
    watch = ObjectiveWatch(store, source, source, PROJECT, clock)
    watch.look()
    source.content = b"[availability"
    clock.pass_(300)
    with pytest.raises(Invalid, match="not valid TOML"):
        watch.look()
    assert Objectives(store, PROJECT).standing() is not None
    clock.pass_(60)
    assert watch.look() != ()
    source.content = None
    clock.pass_(300)
    assert watch.look() == ()
    assert Objectives(store, PROJECT).standing() is None
