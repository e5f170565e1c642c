"""The worker's looks over the hospital in memory: what is kept, what labels find, what is proposed and what starts."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from backend.domain.alerts import RULES
from backend.domain.behaviour import Asked, Standing
from backend.domain.people import Actor, Role
from backend.domain.retraining import ProposalState, Trigger
from backend.domain.signals import SignalState
from backend.domain.telemetry import LogLine
from backend.errors import Conflict, Invalid, NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.github.actions import WorkflowRun
from backend.operations.behaviour import ModelBehaviour
from backend.operations.behaviour_watch import BehaviourWatch
from backend.operations.labels import Labels, read_labels, request_key
from backend.operations.retention import Retention
from backend.operations.retraining_starts import WORKFLOW, RetrainingStarts
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import LEAD, PROJECT, WHY
from tests.unit.test_drift import drawn, risk, rows
from training import profile as describing
from training.collection import key
from training.data import Dataset
from training.split import grouped_split

VIEWER = Actor(name="vic", roles=frozenset({Role.VIEWER}))


def description():
    features, outcome = drawn(4000, 1)
    dataset = Dataset(features, outcome.astype(np.int8), np.arange(len(features)), "sha256:d")
    split = grouped_split(dataset.groups, holdout_fraction=0.3, seed=0)
    return json.dumps(describing.profile(dataset, split, risk(features[split.holdout]))).encode()


PROFILE = description()


class Watched:
    """The hospital with a watch of its own and 500 quiet rows of the last hours."""

    def __init__(self, hospital, **settings):
        self.hospital, self.cloud, self.clock, self.store = hospital, hospital.cloud, hospital.clock, hospital.store
        self.project = PROJECT.model_copy(update=settings)
        self.lines, self.refused, self.calls = [], {}, 480
        reach = self.cloud.reach()
        self.labels = Labels(self.store, self.project, self.clock)
        self.watch = BehaviourWatch(
            self.store, reach.collected, reach.jobs, reach.models, self.labels, self.console, self.asked,
            self.project, self.clock,
        )  # fmt: skip
        self.behaviour = ModelBehaviour(self.store, self.project, self.clock)
        self.cloud.profile = PROFILE
        self.ask(drawn(500, 2)[0])

    def asked(self, since, until, named):
        """480 calls a day; those of the last day are refused as `refused` says, by field."""
        if isinstance(self.refused, Exception):
            raise self.refused
        last = until == self.clock()
        assert named is last, "only the fields of the last day are shown"
        fields = self.refused if last else {}
        days = (until - since) / timedelta(days=1)
        refused = sum(fields.values()) if last else 7
        return Asked(since=since, until=until, calls=int(self.calls * days), refused=refused, fields=fields)

    def console(self, deployment):
        assert deployment.startswith("v1-")
        if isinstance(self.lines, Exception):
            raise self.lines
        return tuple(
            LogLine(at=self.clock() - timedelta(minutes=minutes), deployment=deployment, name="stdout", message=message)
            for minutes, message in self.lines
        )

    def ask(self, features, **spoilt):
        now = self.clock()
        self.cloud.answered = tuple(
            row.model_copy(
                update={
                    "request": request_key(f"r{place}"),
                    "at": now - timedelta(seconds=20 * place),
                    "bands": ("age x",),
                }
            )
            for place, row in enumerate(rows(features, **spoilt))
        )

    def told(self, action):
        return [one for one in self.store.audit.entries(limit=500) if one.action == action]


@pytest.fixture
def watched(ready):
    return Watched(ready)


def csv(*lines):
    return "\n".join(("request_id,outcome", *lines)).encode()


def test_a_quiet_look_is_kept_and_fires_nothing(watched):
    assert watched.behaviour.newest(PRODUCTION) is None
    assert watched.behaviour.monitor_problem(PRODUCTION) == "The monitor has not looked yet."
    watched.watch.look_if_due()
    found = watched.behaviour.newest(PRODUCTION)
    assert (found.version, found.rows, found.out, found.watch.problems) == ("1", 500, (), ())
    assert found.estimated[0].metric == "auc"
    states = {(one.rule, one.state) for one in watched.behaviour.signals(PRODUCTION)}
    assert ("drift", SignalState.QUIET) in states
    assert ("realised-performance", SignalState.UNKNOWN) in states
    assert SignalState.FIRING not in {state for _, state in states}
    assert {rule for rule, _ in states} <= RULES.keys()
    assert watched.behaviour.proposals(PRODUCTION) == ()
    assert watched.behaviour.profile("1").rows == watched.behaviour.profile("2").rows == 4000
    watched.watch.look_if_due()
    assert len(watched.behaviour.history(PRODUCTION)) == 1
    watched.clock.pass_(3600)
    watched.watch.look_if_due()
    assert [one.at for one in watched.behaviour.history(PRODUCTION)] == sorted(
        one.at for one in watched.behaviour.history(PRODUCTION)
    )
    assert len(watched.behaviour.history(PRODUCTION)) == 2


def test_a_monitor_that_stands_still_says_so_by_itself(watched):
    watched.watch.look()
    watched.clock.pass_(4 * 3600)
    assert "4 looks were missed" in watched.behaviour.monitor_problem(PRODUCTION)
    (monitor,) = [one for one in watched.behaviour.signals(PRODUCTION) if one.rule == "monitor"]
    assert monitor.state is SignalState.FIRING


def test_a_confused_unit_fires_is_named_and_is_no_reason_to_retrain(watched):
    watched.ask(drawn(500, 3)[0], SerumInsulin=lambda values: values * 6)
    watched.watch.look()
    fired = [one for one in watched.behaviour.signals(PRODUCTION) if one.state is SignalState.FIRING]
    assert ("drift", "SerumInsulin") in {(one.rule, one.subject) for one in fired}
    assert any("insulin in pmol/L" in one.words for one in fired)
    assert watched.behaviour.proposals(PRODUCTION) == ()


def older():
    features, _ = drawn(6000, 4)
    return features[features[:, 7] >= 40][:500]


def test_drift_proposes_one_retraining_and_none_in_a_loop(watched):
    watched.ask(older())
    for _ in range(3):
        watched.watch.look()
        watched.clock.pass_(3600)
        watched.ask(older())
    (one,) = watched.behaviour.proposals(PRODUCTION)
    assert (one.trigger, one.state, one.version) == (Trigger.DRIFT, ProposalState.PROPOSED, "1")
    assert one.why.startswith("Age has drifted")
    watched.behaviour.dismiss(LEAD, one.id, WHY)
    watched.watch.look()
    assert len(watched.behaviour.proposals(PRODUCTION)) == 1
    assert "none is proposed before" in watched.behaviour.holds_back(PRODUCTION)
    watched.clock.pass_(7 * 86400 + 3600)
    watched.ask(older())
    watched.watch.look()
    assert [one.state for one in watched.behaviour.proposals(PRODUCTION)] == [
        ProposalState.PROPOSED,
        ProposalState.DISMISSED,
    ]
    assert [one.actor for one in watched.told("retraining.proposed")] == ["worker", "worker"]
    assert len(watched.told("retraining.dismissed")) == 1


def test_a_hold_and_a_schedule_are_settings(ready):
    held = Watched(ready, retrain_hold="the register moves")
    held.ask(older())
    held.watch.look()
    assert held.behaviour.proposals(PRODUCTION) == ()
    assert held.behaviour.holds_back(PRODUCTION) == "Retraining is on hold: the register moves"
    due = Watched(ready, retrain_every_days=0.001)
    due.clock.pass_(3600)
    due.ask(drawn(500, 2)[0])
    due.watch.look()
    assert [one.trigger for one in due.behaviour.proposals(PRODUCTION)] == [Trigger.SCHEDULE]


class ActionsInMemory:
    """GitHub's workflow runs; `away` is raised, `lost` starts the run and loses the answer."""

    def __init__(self, clock):
        self.clock, self.runs, self.away, self.lost = clock, [], None, False

    def dispatched(self, branch, path):
        assert (branch, path) == ("main", WORKFLOW)
        if self.away:
            raise self.away
        return tuple(self.runs)

    def dispatch(self, branch, file):
        assert (branch, file) == ("main", "retrain.yml")
        run = WorkflowRun(
            id=len(self.runs) + 1,
            name="Retrain",
            completed=False,
            conclusion="",
            started_at=self.clock(),
            path=WORKFLOW,
        )
        self.runs.append(run)
        if self.lost:
            raise RemoteUnavailable("no answer", service="github", operation="start a workflow")


def test_an_accepted_retraining_is_started_once_whatever_is_lost(watched):
    actions = ActionsInMemory(watched.clock)
    starts = RetrainingStarts(watched.store, actions, watched.project)
    assert not starts.start_next()
    watched.ask(older())
    watched.watch.look()
    (one,) = watched.behaviour.proposals(PRODUCTION)
    assert not starts.start_next()
    watched.behaviour.accept(LEAD, one.id, WHY)
    watched.behaviour.accept(LEAD, one.id, WHY)
    with pytest.raises(Conflict, match="accepted already, by lead"):
        watched.behaviour.dismiss(LEAD, one.id, WHY)
    actions.lost = True
    assert not starts.start_next()
    actions.lost = False
    assert starts.start_next()
    assert len(actions.runs) == 1
    done = watched.behaviour.proposals(PRODUCTION)[0]
    assert (done.state, done.outcome) == (ProposalState.STARTED, "Retrain runs on main (run 1).")
    assert not starts.start_next()
    assert [one.actor for one in watched.told("retraining.accepted")] == ["lead"]


def test_a_refusal_of_github_ends_it_with_its_words(watched):
    actions = ActionsInMemory(watched.clock)
    actions.away = RemoteRejected("no such workflow", service="github", operation="start a workflow")
    watched.ask(older())
    watched.watch.look()
    one = watched.behaviour.proposals(PRODUCTION)[0]
    watched.behaviour.accept(LEAD, one.id, WHY)
    assert RetrainingStarts(watched.store, actions, watched.project).start_next()
    assert watched.behaviour.proposals(PRODUCTION)[0].state is ProposalState.FAILED
    with pytest.raises(NotFound):
        watched.behaviour.accept(LEAD, "none", WHY)


def test_labels_find_their_answers_and_say_how_far_they_reach(watched):
    watched.clock.pass_(3 * 86400)
    told = watched.labels.take_in(LEAD, "week.csv", csv(*(f"r{place},{place % 2}" for place in range(200)), "gone,1"))
    assert (told.rows, told.added) == (201, 201)
    watched.watch.look()
    found = watched.behaviour.newest(PRODUCTION)
    assert (found.labels.labelled, found.labels.answered, found.labels.unmatched) == (200, 500, 1)
    assert 71 < found.labels.delay_median < 74
    assert found.realised[0].n == 100
    assert found.bands[0].n == 200
    again = watched.labels.take_in(LEAD, "week.csv", csv(*(f"r{place},{place % 2}" for place in range(200)), "gone,1"))
    assert (again.added, again.changed, again.known) == (0, 0, 201)
    assert len(watched.told("labels.imported")) == 1
    fixed = watched.labels.take_in(LEAD, "fix.csv", csv("r0,1"))
    assert (fixed.added, fixed.changed) == (0, 1)
    assert "r0" not in str([entry.model_dump() for entry in watched.told("labels.imported")])
    watched.clock.pass_(31 * 86400)
    Retention(watched.store, watched.cloud.reach().collected, watched.project, watched.clock).sweep()
    assert watched.store.labels.outcomes("1", watched.clock() - timedelta(days=400)) == ()


def test_outcomes_that_are_worse_than_the_holdout_propose_a_retraining(watched):
    wrong = (f"r{place},{0 if row.positive else 1}" for place, row in enumerate(watched.cloud.answered))
    watched.labels.take_in(LEAD, "bad.csv", csv(*wrong))
    watched.watch.look()
    (one,) = watched.behaviour.proposals(PRODUCTION)
    assert one.trigger is Trigger.PERFORMANCE
    assert "sensitivity 0.000" in one.why


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"request_id\nr1\n", "column 'outcome' is missing"),
        (b"request_id,outcome,name\nr1,1,Ann\n", "column 3 is none of request_id, outcome, row"),
        (csv("r1,1", "r2,2"), "Row 2, column outcome: neither 0 nor 1"),
        (csv(",1"), "Row 1, column request_id"),
        (b"request_id,outcome,row\nr1,1,x\n", "Row 1, column row"),
        (csv("r1,1,0"), "Row 1 has more or fewer cells"),
        (csv("r1,1", "r1,0"), "Row 2, column outcome: an earlier row says otherwise"),
        (b"\xff\xfe", "not UTF-8"),
        (b'request_id,outcome\n"r1,1\n', "not CSV"),
    ],
)
def test_a_bad_file_is_named_by_row_and_column_and_nothing_of_it_is_kept(watched, content, words):
    with pytest.raises(Invalid, match=words) as caught:
        watched.labels.take_in(LEAD, "bad.csv", content)
    assert "Ann" not in str(caught.value)
    assert watched.store.labels.waiting_since() is None


def test_both_sides_cut_a_requests_id_alike():
    """The scoring script may not import the console's code, so it is written twice."""
    assert request_key("7c1d-ä") == key("7c1d-ä")


def test_several_rows_of_one_request_have_a_label_each():
    found = read_labels(b"row,request_id,outcome\n0,r1,1\n1,r1,0\n")
    assert [(one.request, one.row, one.ill) for one in found] == [
        (request_key("r1"), 0, True),
        (request_key("r1"), 1, False),
    ]


def test_a_folder_of_labels_is_read_once_and_a_bad_file_is_told_at_each_look(ready, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    watched = Watched(ready, labels_folder=folder)
    (folder / "good.csv").write_bytes(csv("r1,1"))
    (folder / "bad.csv").write_bytes(csv("r1,7"))
    for _ in range(2):
        watched.watch.look()
        (problem,) = watched.behaviour.newest(PRODUCTION).watch.problems
        assert problem == "bad.csv was not imported: Row 1, column outcome: neither 0 nor 1."
        watched.clock.pass_(60)
    assert len(watched.told("labels.imported")) == 1
    (folder / "bad.csv").write_bytes(csv("r2,0"))
    watched.watch.look()
    assert watched.behaviour.newest(PRODUCTION).watch.problems == ()
    gone = Watched(ready, labels_folder=tmp_path / "nowhere")
    assert gone.labels.look_into_folder()[0].startswith("The folder of labels cannot be read")


def test_what_cannot_be_read_is_a_problem_and_no_quiet_day(watched):
    watched.cloud.no_storage = RemoteRejected("no role on the storage", service="azureml", operation="read")
    watched.watch.look()
    found = watched.behaviour.newest(PRODUCTION)
    assert {one.standing for one in found.drift} == {Standing.TOO_LITTLE}
    assert [problem.partition(":")[0] for problem in found.watch.problems] == [
        "Collected inputs cannot be read",
        "Labels could not be matched",
    ]


def test_a_collector_that_complains_is_told_and_so_is_one_that_cannot_be_heard(watched):
    watched.lines = [
        (90, "not collected: old"),
        (5, "mlops-scores {}"),
        (2, "WARNING 7 rows came too fast to be collected"),
    ]
    watched.watch.look()
    (problem,) = watched.behaviour.newest(PRODUCTION).watch.problems
    assert problem == (
        "The collector complained 1 times in the last hour: WARNING 7 rows came too fast to be collected"
    )
    watched.lines = RemoteUnavailable("Azure Monitor is away", service="monitor", operation="read")
    watched.clock.pass_(1)
    watched.watch.look()
    (problem,) = watched.behaviour.newest(PRODUCTION).watch.problems
    assert problem == "What the collector says cannot be read: Azure Monitor is away"


def test_a_description_that_is_not_the_registered_one_is_not_compared_with(watched):
    one = watched.cloud.registered["1"]
    lineage = one.lineage.model_copy(update={"data_profile": "sha256:another"})
    watched.cloud.registered["1"] = one.model_copy(update={"lineage": lineage})
    with pytest.raises(RemoteRejected, match="describes its data otherwise"):
        watched.watch.look()
    assert watched.behaviour.newest(PRODUCTION) is None


def test_rows_that_stopped_coming_are_told(watched):
    watched.clock.pass_(26 * 3600)
    watched.watch.look()
    (problem,) = watched.behaviour.newest(PRODUCTION).watch.problems
    assert problem == "The newest collected row is 26 h old: does the collector work?"


def test_a_version_whose_run_described_nothing_is_not_compared(ready):
    watched = Watched(ready)
    watched.cloud.profile = None
    assert watched.watch.look() is None
    assert watched.behaviour.profile("1") is None
    assert watched.behaviour.history(PRODUCTION) == ()
