"""Answers one Kusto query: what it may see is decided here, the language is chDB's."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.monitor.columns import CONSOLE, EVENTS, METRICS, TRAFFIC
from sandbox.monitor.errors import QueryError, bad_argument, refused, store_failures
from sandbox.monitor.models import Window, statements, table, window, without_literals
from sandbox.monitor.store import RefusedError, Session, literal
from sandbox.monitor.tables import store
from sandbox.world import World

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)
"""What chDB's times can hold."""
_FOREIGN = re.compile(r"(?i)[`\[\"']?\b(system|information_schema|platform|default)\b[`\]\"']*\s*\.")


def answer(world: World, body: Any, *, resource_id: str = "") -> dict[str, Any]:
    """The 200 body of a query; `resource_id` limits it to one resource and what lies below it.

    Raises QueryError in the service's shape: 400 for a malformed request and for everything chDB refuses, 5xx for
    what we failed at.
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

    with store_failures(QueryError):
        try:
            result = store(world).ask(ask)
        except RefusedError as error:
            raise refused(str(error)) from error
    return {"tables": [table(result)]}


def checked(query: str) -> str:
    """The query if it is `let` statements followed by one tabular expression over the workspace's own tables."""
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise bad_argument("The query holds half of a surrogate pair, which is no text")
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
    return "\n;\n".join(pieces)  # a piece may end in a comment, which must not swallow the semicolon


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
    moment = min(max(moment, EARLIEST), LATEST)
    return f"toDateTime64('{moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f')}', 6, 'UTC')"
