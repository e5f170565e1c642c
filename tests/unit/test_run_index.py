"""The run index and what feeds it, over a real MLflow store in files: filled, kept up to date, kept across a start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}

from mlflow import MlflowClient

from backend.domain.run_search import Search
from backend.domain.runs import RunState
from backend.errors import RemoteUnavailable
from backend.gateways.azureml import run_feed, run_table
from backend.gateways.azureml.run_feed import RunFeed
from backend.gateways.azureml.run_index import FILE, LOCK, RunIndex, shared
from backend.gateways.azureml.runs import Runs
from backend.operations.runs import Runs as Operations
from backend.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PLACE = "diabetes-dev"
HOLD = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Place:
    """A workspace whose tracking service is MLflow's store in a folder; `refuse` makes it one that is away."""

    name = PLACE

    def __init__(self, folder: Path) -> None:
        self.client = MlflowClient(tracking_uri=folder.as_uri())
        self.experiment = self.client.create_experiment("diabetes")
        self.refuse = False

    def tracking(self) -> MlflowClient:
        if self.refuse:
            raise RemoteUnavailable("It asks us to slow down.", service="Azure ML", operation="list runs", status=429)
        return self.client

    def add(self, start: int, *, end: bool = True, **tags: str) -> str:
        run = self.client.create_run(self.experiment, start_time=start, tags=tags)
        self.client.log_param(run.info.run_id, "model", "gbm")
        self.client.log_metric(run.info.run_id, "auc", 0.5 + start / 1000)
        if end:
            self.client.set_terminated(run.info.run_id, end_time=start + 5)
        return str(run.info.run_id)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("mlruns"))
    place.runs = [place.add(start) for start in range(1, 13)]
    return place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "mlruns")


@pytest.fixture
def index(tmp_path):
    return RunIndex(tmp_path / "cache")


def feed(place: Any, index: RunIndex, elapsed=time.monotonic, **sizes: int) -> RunFeed:
    return RunFeed(PLACE, Runs(place), index, lambda: NOW, elapsed, **sizes)


def states(index: RunIndex) -> dict[str, RunState]:
    return {run.id: run.state for run in run_table.runs_in(index.table)}


def test_the_first_walk_goes_page_by_page_and_its_end_is_said(filled, index):
    looking = feed(filled, index, newest=3, page=5)
    looking.look(seconds=0)
    assert (index.state([PLACE]).runs, index.state([PLACE]).complete) == (3, False)
    looking.look(seconds=60)
    assert index.state([PLACE]).complete
    assert set(states(index)) == set(filled.runs)
    assert run_table.names(index.table).metrics == ("auc",)


def test_a_walk_that_is_refused_goes_on_where_it_was(filled, index):
    # One page of the walk, then the look's time is over; the next looks have all the time of the world.
    ticks = iter([0, 0, 61, *[200] * 50])
    looking = feed(filled, index, lambda: next(ticks), newest=2, page=5)
    looking.look(seconds=60)
    assert index.state([PLACE]).runs == 5
    filled.refuse = True
    with pytest.raises(RemoteUnavailable):
        looking.look(seconds=60)
    filled.refuse = False
    assert index.state([PLACE]).runs == 5
    looking.look(seconds=60)
    assert index.state([PLACE]).complete
    assert index.state([PLACE]).runs == 12


def test_new_changed_and_deleted_runs_are_noticed(place, index):
    going = place.add(1, end=False)
    old, gone = place.add(2), place.add(3)
    clock = [0.0]
    looking = feed(place, index, lambda: clock[0])
    looking.look(seconds=60)
    assert states(index)[going] is RunState.RUNNING

    new = place.add(4)
    place.client.set_terminated(going)
    looking.look(seconds=60)
    assert states(index)[new] is RunState.COMPLETED
    assert states(index)[going] is RunState.COMPLETED

    place.client.set_tag(old, "purpose", "looked at again")
    place.client.delete_run(gone)
    for _ in range(3):
        clock[0] += run_feed.WALK_SECONDS + 1
        looking.look(seconds=60)
    assert set(states(index)) == {going, old, new}
    assert [run.tags["purpose"] for run in run_table.runs_in(index.table) if run.id == old] == ["looked at again"]


def test_an_unfinished_run_beyond_the_newest_is_asked_after(place, index):
    going = place.add(1, end=False)
    for start in range(2, 6):
        place.add(start)
    looking = feed(place, index, newest=2)
    looking.look(seconds=60)
    place.client.set_terminated(going, status="FAILED")
    looking.look(seconds=60)
    assert states(index)[going] is RunState.FAILED


def test_the_index_outlives_its_process_and_is_made_again_when_it_is_deleted(filled, tmp_path, index):
    looking = feed(filled, index)
    looking.look(seconds=60)
    index.write()
    assert not index.unwritten
    again = RunIndex(tmp_path / "cache")
    assert again.state([PLACE]) == index.state([PLACE]).model_copy(update={"version": 1})
    assert again.table.num_rows == 12
    (tmp_path / "cache" / FILE).unlink()
    assert RunIndex(tmp_path / "cache").table.num_rows == 0
    (tmp_path / "cache" / FILE).write_bytes(b"not Arrow at all")
    broken = RunIndex(tmp_path / "cache")
    assert (broken.table.num_rows, broken.state([PLACE]).complete) == (0, False)


def test_one_process_feeds_and_another_reads_what_it_wrote(filled, tmp_path):
    store = Store(f"sqlite:///{tmp_path}/console.db")
    store.migrate()
    folder = tmp_path / "cache"
    other = Operations({PLACE: filled}, store, RunIndex(folder))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(_made(folder) / LOCK)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        holder.stdout.readline()
        assert other.refresh().runs == 0, "it must not ask while another process feeds"
        writer = RunIndex(folder)
        feed(filled, writer).look(seconds=60)
        writer.write()
        assert (other.refresh().runs, other.state().complete) == (12, True)
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
    found = other.find(Search(text="auc>0.505 gbm", sort="-metrics.auc", size=4))
    assert (found.total, found.pages, len(found.runs)) == (7, 2, 4)
    assert found.runs[0].metrics["auc"] == 0.512
    assert other.known([found.runs[1].key, "diabetes-dev/none"]) == (found.runs[1],)
    store.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_parts_are_counted_and_can_be_left_out(place, tmp_path):
    parent = place.add(1)
    for start in (2, 3):
        place.add(start, **{"mlflow.parentRunId": parent})
    swept = place.add(4, sweep="sweep-1")
    store = Store(f"sqlite:///{tmp_path}/console.db")
    store.migrate()
    runs = Operations({PLACE: place}, store, RunIndex(tmp_path / "cache"))
    assert runs.refresh(60).complete
    assert runs.find(Search()).children == {parent: 2}
    assert [run.id for run in runs.find(Search(nested=False)).runs] == [parent]
    assert [run.id for run in runs.find(Search(text="sweep=sweep-1")).runs] == [swept]
    assert runs.parts(parent) == 2
    store.close()


def test_one_folder_has_one_index_in_a_process(tmp_path):
    assert shared(tmp_path) is shared(tmp_path / ".." / tmp_path.name)
