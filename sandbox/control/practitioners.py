"""Simulated practitioners: a background thread that sends real scoring requests to the production endpoint."""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from sandbox.control.outcomes import Outcomes
from sandbox.control.patients import Target, Visit, find_target, read_visits
from sandbox.control.population import Population, read_population
from sandbox.control.rate import FASTEST, read_rate
from sandbox.world import World

log = logging.getLogger(__name__)

USER_AGENT = "practitioner-app/2.4"
AT_ONCE = 8
LOOK_EVERY = 2.0
TIMEOUT = 10.0
LAST_ANSWERS = 5.0
"""Seconds that an end waits for what is being asked; a launcher kills what takes longer than 15."""
JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Activity:
    """What the practitioners did since this process started; `asking` is False while nothing serves."""

    asking: bool
    sent: int
    answered: int
    errors: int
    skipped: int
    last_minute: int
    last_error: str
    last_error_at: datetime | None


class Practitioners:
    """One scheduling thread and a small pool; a request that cannot start at once is skipped, never queued up."""

    def __init__(self, world: World, seed: int | None = None) -> None:
        self._world = world
        self._random = random.Random(seed)  # noqa: S311  # who visits when is no secret
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._free = threading.Semaphore(AT_ONCE)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="practitioner")
        self._asking: set[Future[None]] = set()
        self._thread = threading.Thread(target=self._run, name="practitioners", daemon=True)
        self._target: Target | None = None
        self._visits: tuple[str, Sequence[Visit]] = ("", ())
        self._population = Population()
        self._outcomes = Outcomes(world, self._random)
        self._client: httpx.Client | None = None
        self._times: deque[float] = deque(maxlen=int(FASTEST * 60) + 1)
        self._sent = self._answered = self._errors = self._skipped = 0
        self._last_error: tuple[str, datetime | None] = ("", None)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        # A connection that is opened after the client was closed would never be closed itself.
        wait(list(self._asking), timeout=LAST_ANSWERS)
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def activity(self) -> Activity:
        with self._lock:
            recent = sum(1 for moment in self._times if moment > time.monotonic() - 60)
            return Activity(
                asking=self._target is not None,
                sent=self._sent,
                answered=self._answered,
                errors=self._errors,
                skipped=self._skipped,
                last_minute=recent,
                last_error=self._last_error[0],
                last_error_at=self._last_error[1],
            )

    def _run(self) -> None:
        look_at = due = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= look_at:
                self._look()
                look_at = now + LOOK_EVERY
            rate = read_rate(self._world).per_second(self._world.now())
            if self._target is None or rate <= 0:
                due = look_at
            elif now >= due:
                self._send_one(self._target)
                due = now + max(self._random.uniform(1 - JITTER, 1 + JITTER) / rate, 1 / FASTEST)
            # A night's gap may be long; somebody who makes them busy does not wait for its end.
            due = min(due, now + (1 + JITTER) / rate) if rate > 0 else due
            self._stopping.wait(max(0.0, min(due, look_at) - time.monotonic()))

    def _look(self) -> None:
        """Find the endpoint, its key and the rows again: promotions and rotations happen meanwhile."""
        try:
            target = find_target(self._world)
            if target is not None and target.data_id != self._visits[0]:
                self._visits = (target.data_id, read_visits(self._world, target.data_id))
            self._population = read_population(self._world)
            self._outcomes.hand_out()
        except Exception as error:
            log.exception("The practitioners found nothing to ask about")
            self._failed(f"{type(error).__name__}: {error}")
            target = None
        with self._lock:
            self._target = target

    def _send_one(self, target: Target) -> None:
        if not self._free.acquire(blocking=False):
            with self._lock:
                self._skipped += 1
            return
        visit = self._population.choose(self._visits[1], self._random)
        sent = replace(visit, row=self._population.sent(visit.row))
        with self._lock:
            self._sent += 1
            self._times.append(time.monotonic())
        asking = self._pool.submit(self._ask, target, sent)
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    def _ask(self, target: Target, visit: Visit) -> None:
        try:
            answer = self._connected().post(
                target.scoring_uri, json={"rows": [dict(visit.row)]}, headers={"Authorization": f"Bearer {target.key}"}
            )
            if answer.is_success:
                with self._lock:
                    self._answered += 1
                self._outcomes.answered(_request_id(answer), visit.ill)
            else:
                self._failed(f"HTTP {answer.status_code}: {answer.text[:200]}")
        except httpx.HTTPError as error:
            self._failed(f"{type(error).__name__}: {error}")
        finally:
            self._free.release()

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                trust = ssl.create_default_context(cafile=self._world.settings.ca_file)
                headers = {"User-Agent": USER_AGENT}
                self._client = httpx.Client(verify=trust, timeout=TIMEOUT, headers=headers, trust_env=False)
            return self._client

    def _failed(self, problem: str) -> None:
        with self._lock:
            self._errors += 1
            self._last_error = (problem, self._world.now())


def _request_id(answer: httpx.Response) -> str:
    """What the answer says of itself; "" where it is no answer of our scoring script."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("request_id") or "") if isinstance(body, dict) else ""
