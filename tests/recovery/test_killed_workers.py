"""Worker processes ended by kill -9, frozen and thawed, over a cloud that outlives them; and clicks all at once."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from backend.domain.promotions import Phase
from tests.databases import temporary_folder
from tests.recovery.cloud import PRODUCTION, ROLLOUT
from tests.recovery.cloud_server import CloudServer, RunningClock
from tests.recovery.hospital import Hospital
from tests.recovery.worker_process import CLICK, CONTEXT, FREE, Fate, click, start

LEASE = 1.0
PATIENT_LEASE = 4.0
"""Long enough for a busy machine to be told apart from a dead worker."""

FEWEST_BOUNDARIES = 43
POINTS = tuple(1 + n * FEWEST_BOUNDARIES // 24 for n in range(24))
"""24 of the boundaries of one promotion: commits, and the moments before and after each write to the cloud."""

AT_A_TIME = 6
SECONDS = 240
CLICKS = 20
FAST = ROLLOUT.replace(b"min_calls = 30", b"min_calls = 0").replace(b"min_seconds = 10", b"min_seconds = 0")


@cache
def _prepared(databases):
    hospital = Hospital(temporary_folder(), databases=databases)
    hospital.cloud.rollout, hospital.cloud.slowness = FAST, 0.1
    hospital.serving("1")
    hospital.staged("2")
    return databases.keep(hospital.store), hospital.cloud


class Ward:
    """v1 serves, v2 has been tested; time is real, and the workers are processes."""

    def __init__(self, folder, databases, lease=LEASE) -> None:
        folder.mkdir(exist_ok=True)
        model, cloud = _prepared(databases)
        running = copy.deepcopy(cloud)
        running.clock = RunningClock(cloud.clock())
        self.hospital = Hospital(folder, running, model, databases)
        self.clock = self.hospital.clock
        self.server, self.lease = CloudServer(self.hospital.cloud), lease
        self.first_effect = len(self.hospital.cloud.effects)
        self.workers = []

    def click(self) -> None:
        self.hospital.click("2", CLICK)

    def start(self, fate: Fate = FREE):
        worker = start(self.hospital.url, self.server.address, self.clock, self.lease, fate)
        self.workers.append(worker)
        return worker

    @property
    def promotion(self):
        return self.hospital.store.promotions.get(CLICK)

    def until(self, what, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, f"{what}: {self.promotion.phase.value}, {self.promotion.reason}"
            time.sleep(0.02)

    def check(self) -> None:
        promotion, effects = self.promotion, self.hospital.cloud.effects[self.first_effect :]
        assert promotion.phase is Phase.SUCCEEDED, promotion.reason
        assert set(Counter(effects).values()) == {1}, effects
        assert self.hospital.traffic == {promotion.target.deployment: 100}
        assert [r.deployment for r in self.hospital.store.retirements.open(PRODUCTION)] == [promotion.snapshot.stable]
        report = self.hospital.store.audit.verify()
        assert report.whole, report.problem

    def end(self) -> None:
        for worker in self.workers:
            if worker.is_alive():
                worker.kill()
            worker.join(20)
        self.server.end()
        self.hospital.close()


def outlive(ward, point):
    """Kill the worker at this point of the promotion; a peer finishes it."""
    try:
        ward.click()
        doomed = ward.start(Fate(dies_at=point))
        doomed.join(SECONDS)
        assert doomed.exitcode == -signal.SIGKILL, f"point {point} was never reached: {ward.promotion.reason}"
        assert not ward.promotion.phase.final
        ward.start()
        ward.until(f"the end after a kill at {point}", lambda: ward.promotion.phase.final)
        ward.check()
    finally:
        ward.end()


@pytest.mark.recovery
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_is_outlived(tmp_path, databases):
    outlive(Ward(tmp_path / "killed", databases), POINTS[len(POINTS) // 2])


@pytest.mark.recovery
@pytest.mark.timeout(1800)
def test_workers_are_killed_at_many_points(tmp_path, databases):
    assert len(set(POINTS)) >= 24
    wards = [Ward(tmp_path / str(point), databases) for point in POINTS]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(outlive, wards, POINTS))


@pytest.mark.recovery
@pytest.mark.timeout(600)
def test_a_peer_takes_over_within_two_leases(tmp_path, databases):
    ward = Ward(tmp_path / "peer", databases, PATIENT_LEASE)
    try:
        ward.click()
        doomed = ward.start(Fate(freezes="after set_traffic"))
        ward.until("frozen", lambda: _stopped(doomed.pid))
        ward.start()
        os.kill(doomed.pid, signal.SIGKILL)
        killed, fence = time.monotonic(), ward.promotion.fence
        ward.until("taken over", lambda: ward.promotion.fence > fence)
        assert time.monotonic() - killed < 2 * PATIENT_LEASE
        ward.until("the end", lambda: ward.promotion.phase.final)
        ward.check()
    finally:
        ward.end()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("freezes", ["before the write", "after the write"])
def test_a_frozen_worker_that_thaws_commits_nothing(tmp_path, databases, freezes):
    """It is stopped at the shift to 50 %, a peer finishes the promotion, and it is let go on."""
    ward = Ward(tmp_path / "frozen", databases)
    try:
        ward.click()
        where = {"before the write": "after get", "after the write": "after set_traffic"}[freezes]
        told = tmp_path / "the step has ended"
        frozen = ward.start(Fate(freezes=where, tells=str(told)))
        ward.until("frozen", lambda: _stopped(frozen.pid))
        ward.start()
        ward.until("the end", lambda: ward.promotion.phase.final)
        ended, entries = ward.promotion, ward.hospital.store.audit.verify().entries
        effects = list(ward.hospital.cloud.effects)
        os.kill(frozen.pid, signal.SIGCONT)
        ward.until("thawed", told.exists)
        assert frozen.is_alive(), "it does not break, it has lost"
        assert ward.promotion == ended
        assert ward.hospital.store.audit.verify().entries == entries
        assert ward.hospital.cloud.effects == effects
        ward.check()
    finally:
        ward.end()


def _stopped(pid):
    """Whether the process is stopped, as the kernel tells it."""
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123  # a file of the kernel's
        return stat.read().rpartition(")")[2].split()[0] == "T"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("keys", ["one key", "a key each"])
def test_twenty_processes_that_click_at_once_make_one_promotion(tmp_path, databases, keys):
    ward = Ward(tmp_path / "clicks", databases)
    version = ward.hospital.version("2")
    told, ready, lines, clicks = ward.hospital.advisory(version), CONTEXT.Barrier(CLICKS), [], []
    try:
        for number in range(CLICKS):
            ours, theirs = CONTEXT.Pipe(duplex=False)
            key = CLICK if keys == "one key" else f"{CLICK}-{number}"
            arguments = (ward.hospital.url, ward.clock, version, told, key, ready, theirs)
            clicks.append(CONTEXT.Process(target=click, args=arguments, daemon=True))
            clicks[-1].start()
            lines.append(ours)
        answers = Counter(line.recv() for line in lines if line.poll(SECONDS))
    finally:
        for process in clicks:
            process.join(20)
        made = ward.hospital.store.promotions.latest_on(PRODUCTION, 1_000)[1:]
        report = ward.hospital.store.audit.verify()
        ward.end()
    assert len(made) == 1
    if keys == "one key":
        assert answers == {CLICK: CLICKS}
    else:
        assert answers.pop(made[0].id) == 1
        assert sum(answers.values()) == CLICKS - 1
        assert set(answers) <= {"Conflict", "PolicyDenied"}
    assert report.whole, report.problem
