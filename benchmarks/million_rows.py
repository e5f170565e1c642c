"""How long a million rows of the traffic log take to be summarised at the source; prints one JSON object.

    python -m benchmarks.million_rows ROWS

The query is the console's own. The peer sends the same columns row by row, which says what summarising in the console
would begin with. Runs in the sandbox's environment.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from sandbox.monitor.store import Session

ROUNDS = 5
MINUTES = 1440
BATCH = 100_000


def main(rows: int) -> dict[str, list[float]]:
    from backend.gateways.monitor import kusto

    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        session = Session(Path(folder))
        session.set("SET max_execution_time = 0")
        for first in range(0, rows, BATCH):
            session.set(_insert(first, min(BATCH, rows - first), rows))
        session.set("SET max_execution_time = 30")
        summarise = kusto.points("diabetes-endpoint", 60)
        send = "AmlOnlineEndpointTrafficLog | project TimeGenerated, DeploymentName, ResponseCode, TotalDurationMs"
        answered = session.kusto(summarise)["data"]
        if len(answered) != 2 * MINUTES:
            raise RuntimeError(f"{len(answered)} rows instead of two a minute")
        found = {
            "summarised": [_seconds(session, summarise) for _ in range(ROUNDS)],
            "sent": [_seconds(session, send) for _ in range(2)],
        }
        session.close()
        return found


def _insert(first: int, count: int, rows: int) -> str:
    """A day of calls to two deployments, evenly spread; every five hundredth was answered badly by the model."""
    return (
        "INSERT INTO AmlOnlineEndpointTrafficLog (TimeGenerated, EndpointName, DeploymentName, UserAgent, "  # noqa: S608  # ours
        "OperationName, ResponseCode, TotalDurationMs) SELECT toDateTime64('2026-11-26 00:00:00', 3, 'UTC') + "
        f"toIntervalMillisecond(intDiv(number * {MINUTES * 60_000}, {rows})), 'diabetes-endpoint', "
        "if(number % 10 = 0, 'v2-90bc', 'v1-7f3a'), 'ward', 'x/score', if(number % 500 = 0, 424, 200), "
        f"30 + rand() % 90 FROM numbers({first}, {count})"
    )


def _seconds(session: Session, query: str) -> float:
    started = time.perf_counter()
    session.kusto(query)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
