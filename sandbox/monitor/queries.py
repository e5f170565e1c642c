"""Answers one Kusto query: what it may see is decided here, the language is chDB's."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.monitor.columns import CONSOLE, EVENTS, METRICS, TRAFFIC
from sandbox.monitor.errors import QueryError, bad_argument, refused
from sandbox.monitor.models import Window, statements, table, window, without_literals
from sandbox.monitor.store import ClosedError, RefusedError, Session, literal
from sandbox.monitor.tables import store
from sandbox.world import World

_FOREIGN = re.compile(r"(?i)[`\[\"']?\b(system|information_schema|platform|default)\b[`\]\"']*\s*\.")


def answer(world: World, body: Any, *, resource_id: str = "") -> dict[str, Any]:
    """The 200 body of a query; `resource_id` limits it to one resource and what lies below it.

    Raises QueryError in the service's shape for a malformed request and for everything chDB refuses.
    """
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise bad_argument("The request needs a JSON body with a query")
    query = checked(body["query"])
    seen = filters(window(body.get("timespan"), world.now()), world.settings.ingestion_seconds, resource_id)

    def ask(session: Session) -> dict[str, Any]:
        session.filtered(seen)
        try:
            return session.kusto(query)
        finally:
            session.filtered({})

    try:
        result = store(world).ask(ask)
    except RefusedError as error:
        raise refused(str(error)) from error
    except TimeoutError as error:
        raise QueryError(504, "GatewayTimeout", "The query took too long; ask for a shorter window") from error
    except ClosedError as error:
        raise QueryError(503, "ServiceUnavailable", str(error)) from error
    return {"tables": [table(result)]}


def checked(query: str) -> str:
    """The query if it is `let` statements followed by one tabular expression over the workspace's own tables."""
    pieces = statements(query)
    if not pieces:
        raise QueryError(400, "BadArgumentError", "The query is empty", inner="SyntaxError", innermost="SYN0002")
    *before, last = pieces
    foreign = next((piece for piece in before if not re.match(r"let\b", piece)), None)
    if foreign is not None or re.match(r"(set|let)\b", last):
        said = f"Expected let statements and then one tabular expression, got: {(foreign or last)[:80]}"
        raise QueryError(400, "BadArgumentError", said, inner="SyntaxError", innermost="SYN0002")
    if match := _FOREIGN.search(without_literals(query)) or re.search(r"(?i)\[\s*['\"](system|platform)", query):
        raise refused(f"Unknown table expression identifier '{match[1]}'")
    return ";\n".join(pieces)


def filters(seen: Window, ingestion_seconds: float, resource_id: str) -> dict[str, str]:
    """SQL conditions by table: what was received long enough ago, within the window, below the resource."""
    received = f"now64(3, 'UTC') - toIntervalMillisecond({round(ingestion_seconds * 1000)})"
    common = []
    if seen.start is not None:
        common.append(f"TimeGenerated >= {_sql_time(seen.start)}")
    if seen.end is not None:
        common.append(f"TimeGenerated <= {_sql_time(seen.end)}")
    if resource_id:
        below = resource_id.lower().strip("/")
        common.append(
            f"(_ResourceId = {literal('/' + below)} OR startsWith(_ResourceId, {literal('/' + below + '/')}))"
        )
    arrived = {name: [f"_TimeReceived <= {received}", *common] for name in (TRAFFIC, CONSOLE, EVENTS)}
    arrived[METRICS] = [f"TimeGenerated <= {received} - toIntervalMinute(1)", *common]
    return {f"default.{name}": " AND ".join(conditions) for name, conditions in arrived.items()}


def _sql_time(moment: datetime) -> str:
    return f"toDateTime64('{moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f')}', 6, 'UTC')"
