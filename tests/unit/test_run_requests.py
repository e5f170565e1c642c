"""Asking for runs and remarking on them: what is checked, what is recorded once, and what the worker makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.domain.people import Actor, Role
from backend.domain.run_remarks import RemarkKind
from backend.domain.run_requests import RequestKind, RequestState, Startable
from backend.domain.run_search import Search
from backend.domain.runs import Run, RunState
from backend.errors import Conflict, Invalid, NotFound, NotPermitted, RemoteUnavailable
from backend.gateways.azureml.run_index import RunIndex
from backend.operations.run_remarks import RunRemarks
from backend.operations.run_requests import RunRequests
from backend.operations.runs import Price, Runs
from backend.operations.submitting_runs import MAX_ATTEMPTS, SubmittingRuns
from backend.policy.artefact_preview import LARGEST, preview
from backend.policy.reproduction import repeated
from backend.policy.run_params import MOST_PARTS, check, flat, parts, read_changes, written
from backend.store import Store
from tests.recovery.cloud import Clock
from tests.recovery.hospital import PROJECT

ANN = Actor(name="ann", roles=frozenset({Role.SCIENTIST}))
VIC = Actor(name="vic", roles=frozenset({Role.VIEWER}))
WHY = "To see whether it holds."
NOW = datetime(2026, 11, 27, tzinfo=UTC)
PLACE = PROJECT.dev_workspace
TRAINING = Path(__file__).parents[2] / "training"
TOML, SCHEMA = (TRAINING / "params.toml").read_text(), (TRAINING / "params.schema.json").read_text()
BRANCH = Startable(branch="feature/x", commit="c" * 40, values=flat(TOML), schema_text=SCHEMA)


def made(number: int, state: RunState = RunState.COMPLETED, **metrics: float) -> Run:
    return Run(
        id=f"run-{number}", name=f"run {number}", experiment="diabetes", workspace=PLACE, state=state,
        started_at=NOW, ended_at=NOW + timedelta(minutes=30), author="ann", metrics=metrics, params={}, tags={},
    )  # fmt: skip


@pytest.fixture
def world(tmp_path):
    clock = Clock()
    store = Store(f"sqlite:///{tmp_path}/console.db", clock)
    store.migrate()
    index = RunIndex(tmp_path / "cache")
    index.take_in([made(1), made(2, RunState.FAILED), made(3, RunState.RUNNING)])
    runs = Runs({}, store, index, Price(0.5, "USD"), clock)
    yield store, clock, runs, RunRequests(store, PROJECT, runs, None, clock)  # type: ignore[arg-type]  # GitHub is not asked
    store.close()


def test_a_sweep_is_every_combination_and_each_is_recorded_once(world):
    store, _, _, requests = world
    changes = read_changes(["logistic.reg_rate = 0.001, 0.1", "seed=1,2"])
    asked = requests.start(ANN, BRANCH, changes, WHY, "click")
    assert [one.params for one in asked] == [
        {"logistic.reg_rate": rate, "seed": seed} for rate in (0.001, 0.1) for seed in (1, 2)
    ]
    assert requests.start(ANN, BRANCH, changes, WHY, "click") == asked
    assert len({one.name for one in asked}) == 4
    assert all(len(one.name) <= 32 for one in asked), "Azure ML's run ids hold no more"
    assert [entry.action for entry in store.audit.entries()] == ["run.start"]
    with pytest.raises(Conflict, match="already recorded with another params"):
        requests.start(ANN, BRANCH, {"seed": ("7",)}, WHY, "click")
    with pytest.raises(NotPermitted, match="To start, stop or annotate a run takes the role scientist or lead"):
        requests.start(VIC, BRANCH, {}, WHY, "other")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["logistic.reg_rate=0"], "logistic.reg_rate must be a number from 1e-09 to 1e+09, not 0.0."),
        (["seed=1.5"], "seed must be a whole number from 0 to 4.29497e+09, not '1.5'."),
        (["seed=-1"], "seed must be a whole number"),
        (["threshold=nan"], "threshold must be a number from 0.001 to 0.999"),
        (["model=forest"], "model must be one of logistic, hist_gradient_boosting, not 'forest'."),
        (["depth=3"], "depth is not a parameter; there are"),
        (["seed"], "“seed” does not read name=value"),
        (["seed=1", "seed=2"], "seed is given twice"),
        (["seed=1,,2"], "“seed=1,,2” does not read"),
        (
            [f"seed={','.join(map(str, range(MOST_PARTS + 1)))}"],
            f"These are {MOST_PARTS + 1} runs; a sweep has at most",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(said, words):
    with pytest.raises(Invalid) as refused:
        parts(BRANCH.values, BRANCH.schema_text, read_changes(said))
    assert str(refused.value).startswith(words)


def test_what_is_refused_is_not_recorded(world):
    store, _, _, requests = world
    with pytest.raises(Invalid, match="depth is not a parameter"):
        requests.start(ANN, BRANCH, {"depth": ("3",)}, WHY, "click")
    assert (store.audit.entries(), requests.recent()) == ((), ())


def test_a_parameter_file_is_written_as_it_was_read():
    values = flat(TOML)
    assert flat(written(values)) == values
    assert parts(values, SCHEMA, {}) == ({},)
    with pytest.raises(Invalid, match=r"logistic\.solver is missing"):
        check({name: value for name, value in values.items() if name != "logistic.solver"}, SCHEMA)
    with pytest.raises(Invalid, match="is no schema that can be read"):
        check(values, "{}")
    with pytest.raises(Invalid, match="is not TOML"):
        flat("a = ")


def test_what_ended_as_the_kind_needs_is_made_again(world):
    _, _, _, requests = world
    again = requests.again(ANN, RequestKind.REPRODUCE, PLACE, "run-1", WHY, "a")
    assert requests.again(ANN, RequestKind.REPRODUCE, PLACE, "run-1", WHY, "a") == again
    assert requests.of_run(PLACE, "run-1") == (again,)
    retried = requests.again(ANN, RequestKind.RETRY, PLACE, "run-2", WHY, "b")
    assert retried.name == "retry-b-1"
    for kind, run in ((RequestKind.RETRY, "run-1"), (RequestKind.REPRODUCE, "run-2"), (RequestKind.RETRY, "run-3")):
        with pytest.raises(Conflict, match="this one is"):
            requests.again(ANN, kind, PLACE, run, WHY, "c")
    with pytest.raises(NotFound):
        requests.again(ANN, RequestKind.RETRY, PLACE, "nothing", WHY, "c")
    with pytest.raises(Invalid):
        requests.again(ANN, RequestKind.START, PLACE, "run-1", WHY, "c")


def test_a_request_whose_workspace_is_not_there_ends_with_a_word(world):
    store, _, _, requests = world
    requests.again(ANN, RequestKind.REPRODUCE, PLACE, "run-1", WHY, "a")
    worker = SubmittingRuns(store, {}, None, PROJECT)  # type: ignore[arg-type]  # GitHub is not asked
    assert worker.perform_next()
    assert not worker.perform_next()
    (ended,) = requests.recent()
    assert (ended.state, ended.outcome) == (RequestState.FAILED, f"There is no workspace {PLACE}.")
    assert [entry.action for entry in store.audit.entries()] == ["run.reproduce_failed", "run.reproduce"]


def test_a_worker_whose_turn_has_passed_changes_nothing(world):
    store, clock, _, requests = world
    requests.again(ANN, RequestKind.REPRODUCE, PLACE, "run-1", WHY, "a")
    first = store.run_requests.claim()
    assert store.run_requests.claim() is None
    clock.pass_(121)
    second = store.run_requests.claim()
    assert (first.attempts, second.attempts) == (1, 2)
    store.run_requests.settle(first, RequestState.FAILED, "", "late")
    assert requests.recent()[0].state is RequestState.WANTED
    store.run_requests.settle(second, RequestState.SUBMITTED, "again-a-1", "Submitted.")
    store.run_requests.settle(second, RequestState.FAILED, "", "twice")
    assert (requests.recent()[0].state, requests.recent()[0].run) == (RequestState.SUBMITTED, "again-a-1")


def test_a_service_that_is_away_is_asked_again_and_given_up_in_the_end(world):
    store, clock, _, requests = world
    requests.again(ANN, RequestKind.REPRODUCE, PLACE, "run-1", WHY, "a")

    class Away:
        def get(self, _name):
            raise RemoteUnavailable("It does not answer.", service="Azure ML", operation="read a job", status=503)

    worker = SubmittingRuns(store, Away(), None, PROJECT)  # type: ignore[arg-type]
    for _ in range(MAX_ATTEMPTS):
        assert requests.recent()[0].state is RequestState.WANTED
        assert worker.perform_next()
        clock.pass_(61)
    assert requests.recent()[0].outcome == "It does not answer. Given up after 8 tries."


def test_remarks_are_recorded_once_found_again_and_taken_back(world):
    store, clock, runs, _ = world
    remarks = RunRemarks(store, clock)
    remarks.add(ANN, RemarkKind.NOTE, PLACE, "run-1", "Overfits the young.", "n")
    label = remarks.add(ANN, RemarkKind.LABEL, PLACE, "run-1", "keep", "l")
    assert remarks.add(ANN, RemarkKind.LABEL, PLACE, "run-1", "keep", "another click") == label
    clock.pass_(1)
    remarks.add(ANN, RemarkKind.PIN, PLACE, "run-1", "Best so far.", "p")
    assert remarks.marks() == {f"{PLACE}/run-1": frozenset({"keep", "pinned"})}
    assert [run.id for run in runs.find(Search(text="label=keep pinned:yes")).runs] == ["run-1"]
    remarks.end(ANN, label.id)
    remarks.end(ANN, label.id)
    assert [remark.kind for remark in remarks.of_run(PLACE, "run-1")] == [RemarkKind.PIN, RemarkKind.NOTE]
    assert [e.action for e in store.audit.entries()] == ["run.label_ended", "run.pin", "run.label", "run.note"]
    for kind, text in ((RemarkKind.NOTE, " "), (RemarkKind.LABEL, "*"), (RemarkKind.LABEL, "Pinned"),
                       (RemarkKind.NOTE, "x" * 2001)):  # fmt: skip
        with pytest.raises(Invalid):
            remarks.add(ANN, kind, PLACE, "run-1", text, f"k{len(text)}")
    with pytest.raises(NotPermitted):
        remarks.add(VIC, RemarkKind.NOTE, PLACE, "run-1", "Mine.", "v")
    with pytest.raises(Conflict):
        remarks.add(ANN, RemarkKind.NOTE, PLACE, "run-1", "Something else.", "n")
    with pytest.raises(NotFound):
        remarks.end(ANN, "nothing")


def test_a_view_is_its_owners_and_everybody_reads_it(world):
    store, clock, _, _ = world
    remarks = RunRemarks(store, clock)
    remarks.keep_view(ANN, " my  best ", "q=auc%3E0.9")
    kept = remarks.keep_view(ANN, "my best", "q=auc%3E0.95")
    assert remarks.views() == (kept,)
    with pytest.raises(NotPermitted, match="is ann's"):
        remarks.drop_view(VIC, "ann", "my best")
    with pytest.raises(Invalid):
        remarks.keep_view(ANN, " ", "q=")
    remarks.drop_view(ANN, "ann", "my best")
    with pytest.raises(NotFound):
        remarks.drop_view(ANN, "ann", "my best")


def test_what_a_run_cost_is_the_time_of_its_node(world):
    _, _, runs, _ = world
    assert runs.cost(made(1)).words == "0.2500 USD"
    assert runs.cost(made(1).model_copy(update={"ended_at": None})) is None


def test_a_reproduction_says_the_same_within_the_tolerance_and_counts_exactly():
    before = made(1, auc=0.9, rows_train=700.0, brier=0.1)
    after = made(4, auc=0.9004, rows_train=701.0, specificity=0.5, brier=0.102)
    assert {one.metric: one.within for one in repeated(before, after)} == {
        "auc": True, "rows_train": False, "brier": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("a.json", b"{}", "text"),
        ("a.csv", b"a,b\n1,2\n3\n", "table"),
        ("a.png", b"\x89PNG\r\n\x1a\nrest", "image"),
        ("a.pkl", b"\x80\x04\x95\0\0", "other"),
        ("a.txt", b"nul \0 inside", "other"),
        ("a.parquet", b"PAR1 and nothing more", "other"),
        ("a.txt", b"x" * (LARGEST + 1), "other"),
    ],
)
def test_a_preview_is_what_the_bytes_are(path, content, kind):
    found = preview(path, content)
    assert (found.kind, found.size) == (kind, len(content))
    if kind == "table":
        assert (found.columns, found.rows, found.total_rows) == (("a", "b"), (("1", "2"), ("3", "")), 2)
