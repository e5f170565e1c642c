"""A worker as a process of its own, with the real engine and store, that can end or freeze itself at a boundary."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from sqlalchemy import event

from backend.domain.promotions import StepKind
from backend.errors import BackendError, RemoteUnavailable
from backend.operations.promotions import Promotions
from backend.promotion.engine import Engine
from backend.store import Store
from tests.recovery.cloud_server import WRITES, RunningClock, far_reach
from tests.recovery.hospital import LEAD, PROJECT, WHY

CONTEXT = get_context("forkserver")
# A forked worker is a process like any other, and its modules need not be imported anew.
CONTEXT.set_forkserver_preload(["tests.recovery.worker_process"])
POLL = 0.02
CLICK = "click"


@dataclass(frozen=True)
class Fate:
    """The boundary at which the process kills itself, counted from 1; or the place where it freezes.

    Once thawed, it makes the file `tells` when the step that it froze in has ended.
    """

    dies_at: int = 0
    freezes: str = ""
    tells: str = ""


FREE = Fate()


def start(url: str, address: str, clock: RunningClock, lease: float, fate: Fate = FREE) -> ForkServerProcess:
    process = CONTEXT.Process(target=_work, args=(url, address, clock, lease, fate), daemon=True)
    process.start()
    return process


def _work(url: str, address: str, clock: RunningClock, lease: float, fate: Fate) -> None:
    store = Store(url, clock)
    boundaries = _Boundaries(store, fate)
    event.listen(store.database.engine, "commit", lambda _connection: boundaries.cross("commit"))
    reach, owner = far_reach(address, boundaries.cross), f"worker {os.getpid()}"
    engine = Engine(store, reach, PROJECT, clock, owner=owner, lease_seconds=lease)
    idle = threading.Event()
    while True:
        busy = False
        with suppress(RemoteUnavailable):
            busy = engine.tick()
        if boundaries.froze:
            Path(fate.tells).touch()
        if not busy:
            idle.wait(POLL)


class _Boundaries:
    """A commit, and the moments before and after each call of the cloud; those of writes are counted."""

    def __init__(self, store: Store, fate: Fate) -> None:
        self._store, self._fate = store, fate
        self._worker, self._crossed, self.froze = threading.current_thread(), 0, False

    def cross(self, where: str) -> None:
        if threading.current_thread() is not self._worker:
            return
        if self._fate.freezes == where and not self.froze and self._at_half():
            self.froze = True
            os.kill(os.getpid(), signal.SIGSTOP)
        if where == "commit" or where.partition(" ")[2] in WRITES:
            self._crossed += 1
            if self._crossed == self._fate.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def _at_half(self) -> bool:
        current = self._store.promotions.get(CLICK).current
        return current is not None and (current.step.kind, current.step.weight) == (StepKind.SHIFT_TRAFFIC, 50)


def click(
    url: str, clock: RunningClock, version: Any, told: tuple[str, ...], key: str, ready: Any, answer: Any
) -> None:
    """One of many simultaneous clicks, as a process: the promotion it was answered, or the refusal's kind."""
    store = Store(url, clock)
    promotions = Promotions(store, PROJECT, clock)
    stable = promotions.stable()
    ready.wait(60)
    try:
        answer.send(promotions.approve_and_promote(LEAD, version, stable, WHY, key, told).id)
    except BackendError as error:
        answer.send(type(error).__name__)
    store.close()
