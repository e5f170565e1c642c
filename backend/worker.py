"""The worker: it owns all progress. Consoles and commands record what is wanted; this makes it so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.errors import BackendError, CorruptState
from backend.store import Store

HEARTBEAT_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    """Something done over and over: `work` answers whether there was anything to do; `pause` follows when not."""

    name: str
    work: Callable[[], bool]
    pause: float


def once_a_pause(name: str, work: Callable[[], object], pause: float) -> Duty:
    """A duty that is done once in `pause` seconds, however much there was."""

    def idle() -> bool:
        work()
        return False

    return Duty(name, idle, pause)


class Worker:
    """Does its duties side by side in one process. Any number of processes may run beside each other."""

    def __init__(self, store: Store, owner: str, duties: Sequence[Duty], warm: Callable[[], None]) -> None:
        """`warm` is done before the duties begin: it imports the SDKs, on one thread."""
        self._store = store
        self._owner = owner
        self._duties = duties
        self._warm = warm
        self._corrupt: CorruptState | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; steps that are under way end first.

        Raises CorruptState, after everything has stopped, if the ledger or a record contradicts itself.
        """
        report = self._store.audit.verify()
        if not report.whole:
            raise CorruptState(f"the ledger is not whole: {report.problem}; nothing is done until a person has looked")
        self._store.heartbeats.beat(self._owner)
        self._connect()
        threads = [threading.Thread(target=self._repeat, args=(duty, stop), name=duty.name) for duty in self._duties]
        for thread in threads:
            thread.start()
        _log.info("worker %s began with %d ledger entries", self._owner, report.entries)
        self._repeat(
            once_a_pause("heartbeat", lambda: self._store.heartbeats.beat(self._owner), HEARTBEAT_SECONDS), stop
        )
        for thread in threads:
            thread.join()
        _log.info("worker %s ended", self._owner)
        if self._corrupt is not None:
            raise self._corrupt

    def _connect(self) -> None:
        """What is not there yet, each duty finds out and says by itself."""
        try:
            self._warm()
        except BackendError as error:
            _log.warning("not connected yet: %s", error)

    def _repeat(self, duty: Duty, stop: threading.Event) -> None:
        """A duty that fails is tried again after a pause; only corrupt records end the worker."""
        trouble = ""
        while not stop.is_set():
            busy = False
            try:
                busy = duty.work()
                if trouble:
                    _log.info("%s: works again", duty.name)
                trouble = ""
            except CorruptState as error:
                _log.critical("%s: %s", duty.name, error)
                self._corrupt = error
                stop.set()
            except BackendError as error:
                if str(error) != trouble:
                    _log.warning("%s: %s", duty.name, error)
                trouble = str(error)
            except Exception:  # noqa: BLE001  # one defect must not end the other duties; it is logged every time
                _log.exception("%s broke; it is tried again", duty.name)
            if not busy:
                stop.wait(duty.pause)
