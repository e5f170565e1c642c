"""Puts one log store through everything that can go wrong; runs in the sandbox's environment, where chDB is.

    python -m tests.wire.log_store_lab FOLDER

prints one JSON object: what happened, by name, as [kind of error, its words] or ["answer", the answer].
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.monitor.store import LogStore, Session

ONE = [{"one": 1}]


def happened(action: Callable[[], Any]) -> list[Any]:
    try:
        return ["answer", action()]
    except Exception as error:  # noqa: BLE001 - the kind of error is what is asked here
        return [type(error).__name__, str(error)]


def sealed(session: Session) -> Any:
    """After this chDB refuses every SET of ours, as an engine in disorder would."""
    session.run("SET readonly = 1")
    return session.kusto("print 1")


def slow(session: Session) -> Any:
    session.set("SET max_execution_time = 0.2")
    try:
        return session.kusto("range x from 1 to 3000000000000 step 1 | summarize count()")
    finally:
        session.set("SET max_execution_time = 30")


def large(session: Session) -> Any:
    session.set("SET max_memory_usage = 2000000")
    try:
        return session.kusto("range x from 1 to 10000000 step 1 | order by x desc")
    finally:
        session.set("SET max_memory_usage = 1000000000")


def main(folder: Path) -> dict[str, list[Any]]:
    store = LogStore(folder / "good")

    def healthy() -> Any:
        return store.ask(lambda session: session.sql("SELECT 1 AS one"))

    def asked(question: Callable[[Session], Any]) -> list[Any]:
        return happened(lambda: store.ask(question))

    found = {
        "refused": asked(lambda session: session.kusto("NoSuchTable | take 1")),
        "slow": asked(slow),
        "large": asked(large),
        "empty": asked(lambda session: session.kusto("// nothing")),
        "no text": asked(lambda session: session.kusto("print '\ud800'")),
        "sealed": asked(sealed),
        "after": happened(healthy),
        "bad column": happened(lambda: store.append("AmlOnlineEndpointTrafficLog", {"Nonsense": 1})),
        "no JSON": happened(lambda: store.append("AmlOnlineEndpointTrafficLog", {"Path": b"/score"})),
    }
    begun, late = threading.Event(), threading.Thread(target=lambda: found.update(last=happened(healthy)))
    holder = threading.Thread(target=lambda: store.ask(lambda _session: begun.set() or late.join(timeout=0.5)))
    holder.start()
    begun.wait(timeout=10)
    late.start()
    holder.join()
    store.close()
    late.join()
    found["closed"] = happened(healthy)
    broken = folder / "broken"
    broken.write_text("no folder")
    unopened = LogStore(broken)
    found["unopened"] = happened(lambda: unopened.ask(lambda session: session.sql("SELECT 1")))
    unopened.close()
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
