"""Drift is told once, owned, fixed or left with an instruction; what may not be seen is unknown and never fine."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from backend.domain.notifications import NotificationKind
from backend.domain.people import Actor, Role
from backend.domain.setup import Change, FindingState, FixState
from backend.errors import Conflict, CredentialsRejected, Invalid, NotPermitted, RemoteUnavailable
from backend.operations.setup import Setup
from backend.operations.setup_watch import SetupWatch
from backend.setup.resource import Resource, plan
from backend.store import Store

LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
VIEWER = Actor(name="viewer", roles=frozenset({Role.VIEWER}))
REASON = "It was changed for a test."


@dataclass
class Thing:
    """One resource of the world: what it has, what is declared, and whether it may be seen and changed."""

    now: dict | None = None
    wanted: dict = field(default_factory=lambda: {"checks": "quality-gate"})
    hidden: bool = False
    fixed: bool = False
    answers: bool = True
    by_hand: str = ""
    made: int = 0

    def resource(self):
        return Resource(
            kind="ruleset",
            name="main",
            where="hospital/diabetes",
            declared=lambda: self.wanted,
            look=self.look,
            make=None if self.by_hand else self.make,
            by_hand=self.by_hand,
        )

    def look(self):
        if not self.answers:
            raise RemoteUnavailable("GitHub is away", service="GitHub", operation="read")
        if self.hidden:
            raise CredentialsRejected("GitHub hides it.", service="GitHub", operation="read", status=403)
        return self.now

    def make(self):
        if self.fixed:
            raise CredentialsRejected("Azure refused it.", service="Azure", operation="write", status=403)
        self.made += 1
        self.now = dict(self.wanted)


@pytest.fixture
def thing():
    return Thing(now={"checks": "quality-gate"})


@pytest.fixture
def store(databases, tmp_path):
    opened = Store(databases.fresh(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def watch(store, thing):
    return SetupWatch(store, lambda: [thing.resource()], 0.0)


@pytest.fixture
def setup(store, thing):
    return Setup(store, lambda: [thing.resource()])


def actions(store):
    return [entry.action for entry in store.audit.entries(limit=50)][::-1]


def test_what_was_never_made_is_no_drift(watch, setup, thing):
    thing.now = None
    watch.look()
    assert setup.findings() == ()


def test_a_new_declaration_is_no_drift(watch, setup, thing):
    watch.look()
    thing.wanted = {"checks": "quality-gate, lint"}
    watch.look()
    assert setup.findings() == ()


@pytest.mark.parametrize(("now", "line"), [({"checks": "none"}, "checks: none -> quality-gate"), (None, "it is gone")])
def test_drift_is_told_once_and_resolves_by_itself(watch, setup, store, thing, now, line):
    watch.look()
    thing.now = now
    watch.look()
    watch.look()
    (finding,) = setup.findings()
    assert (finding.state, finding.lines) == (FindingState.DRIFTED, (line,))
    thing.now = {"checks": "quality-gate"}
    watch.look()
    assert setup.findings() == ()
    assert store.setup_findings.get(finding.id).resolved_at is not None
    assert actions(store) == ["setup.drifted", "setup.in_order"]
    ended, began = store.notifications.of("admin", [NotificationKind.SETUP])
    assert (began.sentence.startswith("Setup drifted: ruleset main"), began.link) == (True, "/setup")
    assert ended.sentence.startswith("Setup in order: no longer so: ruleset main")
    thing.now = {"checks": "none"}
    watch.look()
    assert setup.findings()[0].id != finding.id


def test_what_setup_has_made_may_drift_before_the_worker_has_ever_looked(watch, setup, thing):
    thing.now = None
    assert setup.apply(LEAD, lambda _told: None)
    thing.now = {"checks": "none"}
    watch.look()
    assert [one.lines for one in setup.findings()] == [("checks: none -> quality-gate",)]


def test_what_may_not_be_seen_is_unknown_from_the_first_look(watch, setup, thing):
    thing.hidden = True
    watch.look()
    (finding,) = setup.findings()
    assert (finding.state, finding.lines) == (FindingState.UNKNOWN, ("GitHub hides it.",))
    thing.hidden, thing.now = False, {"checks": None}
    watch.look()
    assert setup.findings()[0].lines == ("checks: not readable with this identity -> quality-gate",)


def test_a_service_that_is_away_says_nothing_about_the_setup(watch, setup, thing):
    watch.look()
    thing.now = {"checks": "none"}
    watch.look()
    thing.answers = False
    with pytest.raises(RemoteUnavailable):
        watch.look()
    assert len(setup.findings()) == 1


def test_a_fix_is_performed_once_and_has_its_ledger_rows(watch, setup, store, thing):
    watch.look()
    thing.now = {"checks": "none"}
    watch.look()
    (finding,) = setup.findings()
    setup.fix(LEAD, finding.id, REASON)
    setup.fix(LEAD, finding.id, REASON)
    assert watch.fix_next()
    assert not watch.fix_next()
    ended = store.setup_findings.get(finding.id)
    assert (thing.made, ended.fix, ended.owner, ended.fix_outcome) == (1, FixState.DONE, "lead", "It is as declared.")
    assert ended.resolved_at is not None
    assert actions(store) == ["setup.drifted", "setup.fix_asked", "setup.in_order", "setup.fix_done"]
    with pytest.raises(Conflict, match="as declared again"):
        setup.fix(LEAD, finding.id, REASON)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"fixed": True}, "Run `mlops setup apply` with the setup identity: the worker may not. Azure refused it."),
        ({"by_hand": "open a pull request"}, "Open a pull request."),
    ],
)
def test_a_fix_beyond_the_workers_rights_ends_in_an_instruction(watch, setup, store, thing, trouble, said):
    watch.look()
    thing.now = {"checks": "none"}
    for name, value in trouble.items():
        setattr(thing, name, value)
    watch.look()
    (finding,) = setup.findings()
    setup.fix(LEAD, finding.id, REASON)
    assert watch.fix_next()
    ended = store.setup_findings.get(finding.id)
    assert ended.fix is FixState.LEFT
    assert ended.fix_outcome.startswith(said)
    assert ended.resolved_at is None


def test_a_fix_waits_for_a_service_that_is_away(watch, setup, store, thing):
    watch.look()
    thing.now = {"checks": "none"}
    watch.look()
    (finding,) = setup.findings()
    setup.fix(LEAD, finding.id, REASON)
    thing.answers = False
    assert not watch.fix_next()
    assert store.setup_findings.get(finding.id).fix is FixState.WANTED
    thing.answers = True
    assert watch.fix_next()
    assert store.setup_findings.get(finding.id).fix is FixState.DONE


def test_who_may_and_why(watch, setup, thing):
    watch.look()
    thing.now = {"checks": "none"}
    watch.look()
    (finding,) = setup.findings()
    with pytest.raises(NotPermitted):
        setup.fix(VIEWER, finding.id, REASON)
    with pytest.raises(NotPermitted):
        setup.take(VIEWER, finding.id, REASON)
    with pytest.raises(Invalid):
        setup.take(LEAD, finding.id, " ")
    assert setup.take(LEAD, finding.id, REASON).owner == "lead"
    assert setup.refusal(LEAD) == ""
    assert "apply setup" in setup.refusal(VIEWER)


def test_the_plan_names_what_is_unknown(thing):
    thing.now = {"checks": None}
    found = plan([thing.resource()])
    assert [one.change for one in found.unknown] == [Change.UNREADABLE]
    assert found.pending == ()
