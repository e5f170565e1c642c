"""What happens in one service and matters to another: a push, a merge, a finished job."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)

Event = dict[str, Any]


class Events:
    """Named events, delivered in order on one thread of their own, so that a publisher never waits."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Callable[[Event], None]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="events")

    def subscribe(self, name: str, receive: Callable[[Event], None]) -> None:
        with self._lock:
            self._subscribers[name].append(receive)

    def publish(self, name: str, event: Event) -> None:
        with self._lock:
            receivers = list(self._subscribers[name])
        for receive in receivers:
            self._pool.submit(self._deliver, name, receive, event)

    @staticmethod
    def _deliver(name: str, receive: Callable[[Event], None], event: Event) -> None:
        try:
            receive(event)
        except Exception:
            log.exception("A receiver of %s failed", name)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
