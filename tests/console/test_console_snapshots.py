"""The read cache: at once, aged, kept when a source is down, and across a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from backend.errors import RemoteUnavailable
from console.snapshots import SOON_SECONDS, Snapshots, Source, Topic

NUMBERS = TypeAdapter(tuple[int, ...])
MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def topic(
    load: Callable[[object], tuple[int, ...]], key: str = "numbers", every: float = 0.02
) -> Topic[tuple[int, ...]]:
    return Topic(key, Source.GITHUB, NUMBERS, load, every)


def wait_until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def snapshots(tmp_path):
    made = Snapshots(object, tmp_path / "cache", lambda: MOMENT)
    yield made
    made.stop()


def test_the_first_look_waits_for_nobody(snapshots):
    release = threading.Event()
    slow = topic(lambda _: (release.wait(10), (1,))[1])
    snapshots.start()
    began = time.monotonic()
    first = snapshots.watch(slow)
    assert time.monotonic() - began < 1
    assert (first.value, first.at, first.source) == (None, None, "GitHub")
    release.set()
    wait_until(lambda: snapshots.watch(slow).value == (1,))
    assert snapshots.watch(slow).at == MOMENT


def test_a_failing_source_keeps_the_last_value_with_the_reason(snapshots):
    answers = iter([(1,)])

    def load(_: object) -> tuple[int, ...]:
        for answer in answers:
            return answer
        raise RemoteUnavailable("connection refused", service="GitHub", operation="list")

    snapshots.start()
    wait_until(lambda: snapshots.watch(topic(load)).problem != "")
    reading = snapshots.watch(topic(load))
    assert (reading.value, reading.problem) == ((1,), "connection refused")


def test_a_surprise_in_one_load_stops_no_other(snapshots):
    def broken(_: object) -> tuple[int, ...]:
        raise ZeroDivisionError("surprise")

    snapshots.start()
    snapshots.watch(topic(broken, "broken"))
    wait_until(lambda: snapshots.watch(topic(lambda _: (2,), "whole")).value == (2,))
    wait_until(lambda: "surprise" in snapshots.watch(topic(broken, "broken")).problem)


def test_a_restarted_console_shows_the_last_known_value_at_once(snapshots, tmp_path):
    snapshots.start()
    wait_until(lambda: snapshots.watch(topic(lambda _: (7,))).value == (7,))
    wait_until(lambda: any((tmp_path / "cache").glob("*.json")))
    later = Snapshots(object, tmp_path / "cache")
    reading = later.watch(topic(lambda _: (8,)))
    assert (reading.value, reading.at) == ((7,), MOMENT)


@pytest.mark.parametrize("content", ["", "{", '{"at": "2026-11-23T12:00:00+00:00", "value": "text"}', '{"value": [1]}'])
def test_a_kept_value_that_cannot_be_read_is_dropped(snapshots, tmp_path, content):
    snapshots.start()
    wait_until(lambda: snapshots.watch(topic(lambda _: (7,))).value == (7,))
    wait_until(lambda: any((tmp_path / "cache").glob("*.json")))
    snapshots.stop()
    for file in (tmp_path / "cache").glob("*.json"):
        file.write_text(content)
    assert Snapshots(object, tmp_path / "cache").watch(topic(lambda _: (8,))).value is None


def test_the_version_grows_only_when_something_changed(snapshots):
    answer = [(1,)]
    numbers = topic(lambda _: answer[0])
    snapshots.start()
    wait_until(lambda: snapshots.watch(numbers).value == (1,))
    (before,) = snapshots.versions(("numbers",))
    time.sleep(0.1)
    assert snapshots.versions(("numbers",)) == (before,)
    answer[0] = (1, 2)
    wait_until(lambda: snapshots.watch(numbers).value == (1, 2))
    assert snapshots.versions(("numbers",))[0] > before
    assert snapshots.versions(("unknown",)) == (-1,)


def test_each_source_has_one_thread_and_one_backend(tmp_path):
    made: list[str] = []

    def connect() -> object:
        made.append(threading.current_thread().name)
        return object()

    snapshots = Snapshots(connect, tmp_path / "cache")
    snapshots.start()
    for key in ("a", "b", "c"):
        snapshots.watch(topic(lambda _: (1,), key))
    wait_until(lambda: all(snapshots.watch(topic(lambda _: (1,), key)).value for key in "abc"))
    snapshots.stop()
    assert made == ["poll GitHub"]


def test_health_tells_when_a_source_last_answered(snapshots):
    snapshots.put(topic(lambda _: (1,)), (1,))
    snapshots.fail(topic(lambda _: (1,)), "down")
    health = snapshots.health()[Source.GITHUB]
    assert (health.at, health.problem) == (MOMENT, "down")
    assert snapshots.health()[Source.MONITOR].at is None


def test_a_source_that_says_when_it_answers_again_is_left_alone_until_then(snapshots):
    """A rate limit holds for all that is asked of a service. A person may look at once."""
    asked: list[str] = []
    limited = threading.Event()
    limited.set()

    def load(key: str) -> Callable[[object], tuple[int, ...]]:
        def answer(_: object) -> tuple[int, ...]:
            asked.append(key)
            if limited.is_set():
                raise RemoteUnavailable("API rate limit exceeded", service="GitHub", operation="list", retry_after=600)
            return (1,)

        return answer

    one, other = topic(load("one"), "one"), topic(load("other"), "other")
    snapshots.start()
    snapshots.watch(one)
    wait_until(lambda: snapshots.watch(one).problem != "")
    snapshots.watch(other)
    wait_until(lambda: snapshots.watch(other).problem != "")
    told = list(asked)
    time.sleep(0.3)
    assert asked == told, "neither topic is asked for again"
    limited.clear()
    snapshots.refresh("one")
    wait_until(lambda: snapshots.watch(one).value == (1,))
    assert snapshots.watch(one).problem == ""


def test_what_its_source_is_still_computing_is_read_again_soon(snapshots):
    answers = iter([(0,), (1,)])
    seldom = Topic(
        "numbers", Source.GITHUB, NUMBERS, lambda _: next(answers), 3600, unsettled=lambda found: found == (0,)
    )
    snapshots.start()
    snapshots.watch(seldom)
    began = time.monotonic()
    wait_until(lambda: snapshots.watch(seldom).value == (1,), seconds=SOON_SECONDS * 4)
    assert time.monotonic() - began >= SOON_SECONDS * 0.9
