"""Runs that people ask for, until the worker has submitted them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Select, select, update

from backend.domain.clock import Clock
from backend.domain.run_requests import RequestState, RunRequest
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.run_tables import run_requests as requests

LEASE = timedelta(seconds=120)
"""After which another worker may try: the job's name is the request's, so that two tries make one run."""
_CLICK = ("kind", "workspace", "of_run", "branch", "params", "by")
MOST = 200


class RunRequests:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def ask(self, wanted: Sequence[RunRequest]) -> tuple[RunRequest, ...]:
        """Record a click's requests once. Raises Conflict where its key was used for others."""
        click = wanted[0].click
        with self._database.writing() as transaction:
            known = tuple(
                _request(row)
                for row in transaction.execute(
                    select(requests).where(requests.c.click == click).order_by(requests.c.part)
                )
            )
            for existing, asked in zip(known, wanted, strict=False):
                same_request(existing, asked, _CLICK)
            if known:
                return known
            for one in wanted:
                transaction.execute(requests.insert().values(**_values(one), due_at=one.at))
            first = wanted[0]
            about = first.of_run or first.branch
            detail: dict[str, str | int] = {"workspace": first.workspace, "runs": len(wanted), "commit": first.commit}
            params = [one.params for one in wanted if one.params]
            self._audit.append(
                Note(
                    actor=first.by,
                    channel=first.channel,
                    action=f"run.{first.kind.value}",
                    subject=f"run/{about}" if first.of_run else f"branch/{about}",
                    reason=first.reason,
                    after=RequestState.WANTED.value,
                    detail=detail | ({"params": json.dumps(params)[:4000]} if params else {}),
                ),
                transaction,
            )
            return tuple(wanted)

    def claim(self) -> RunRequest | None:
        """The request that waits longest; it is this worker's for `LEASE`. None if none is due."""
        now = self._clock()
        due = (requests.c.state == RequestState.WANTED.value) & (requests.c.due_at <= now)
        with self._database.reading() as connection:
            if connection.execute(select(requests.c.id).where(due)).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(select(requests).where(due).order_by(requests.c.due_at, requests.c.part)).first()
            if row is None:
                return None
            taken = {"due_at": now + LEASE, "attempts": row.attempts + 1}
            transaction.execute(update(requests).where(requests.c.id == row.id).values(**taken))
            return _request(row).model_copy(update={"attempts": row.attempts + 1})

    def settle(self, claimed: RunRequest, state: RequestState, run: str, outcome: str) -> None:
        """Say what came of it; a worker whose turn has passed to another changes nothing."""
        mine = (requests.c.id == claimed.id) & (requests.c.attempts == claimed.attempts)
        standing = mine & (requests.c.state == RequestState.WANTED.value)
        with self._database.writing() as transaction:
            told = {"state": state.value, "run": run, "outcome": outcome}
            if transaction.execute(update(requests).where(standing).values(**told)).rowcount:
                self._audit.append(
                    Note(
                        actor="worker",
                        channel="worker",
                        action=f"run.{claimed.kind.value}_{state.value}",
                        subject=f"run/{run or claimed.of_run or claimed.branch}",
                        reason=outcome,
                        before=RequestState.WANTED.value,
                        after=state.value,
                        detail={"workspace": claimed.workspace, "asked_by": claimed.by},
                    ),
                    transaction,
                )

    def later(self, claimed: RunRequest, seconds: float, why: str) -> None:
        """Try again after a while, and say why meanwhile."""
        mine = (requests.c.id == claimed.id) & (requests.c.attempts == claimed.attempts)
        told = {"due_at": self._clock() + timedelta(seconds=seconds), "outcome": why}
        with self._database.writing() as transaction:
            transaction.execute(update(requests).where(mine).values(**told))

    def of_run(self, workspace: str, run: str) -> tuple[RunRequest, ...]:
        """What was asked about a run, newest first."""
        here = (requests.c.workspace == workspace) & (requests.c.of_run == run)
        return self._list(select(requests).where(here).order_by(requests.c.at.desc()).limit(MOST))

    def of_click(self, click: str) -> tuple[RunRequest, ...]:
        return self._list(select(requests).where(requests.c.click == click).order_by(requests.c.part))

    def recent(self, limit: int = 20) -> tuple[RunRequest, ...]:
        """Newest first."""
        return self._list(select(requests).order_by(requests.c.at.desc(), requests.c.part).limit(limit))

    def _list(self, query: Select[Any]) -> tuple[RunRequest, ...]:
        with self._database.reading() as connection:
            return tuple(_request(row) for row in connection.execute(query))


def _values(request: RunRequest) -> dict[str, object]:
    changed = {"kind": request.kind.value, "state": request.state.value, "params": json.dumps(request.params)}
    return request.model_dump() | changed


def _request(row: Row[tuple[object, ...]]) -> RunRequest:
    fields: dict[str, object] = dict(row._mapping)
    fields.pop("due_at")
    fields["params"] = json.loads(str(fields["params"]))
    return RunRequest.model_validate(fields)
