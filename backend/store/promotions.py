"""Promotions and their steps: submission, the claim with lease and fence, and changes with their ledger row."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, Select, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain.clock import Clock
from backend.domain.promotions import Kind, Phase, Promotion, Request, Snapshot, StepRecord, Success, Target
from backend.errors import Conflict, CorruptState, NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.planned_steps import (
    as_shown,
    of_a_later_release,
    read_plan,
    read_step,
    refuse_unread,
    write_plan,
)
from backend.store.tables import promotions, steps

_CLICK = ("kind", "target", "requested_by", "requested_reason", "expected_stable")
_SCALARS = (
    "requested_by", "requested_reason", "expected_stable", "position", "reason", "request_by", "request_reason",
    "attempt", "fence", "created_at", "updated_at", "next_at", "finished_at",
)  # fmt: skip

# Every look of every worker executes these: building them anew each time costs more than the database does.
_BY_ID = select(promotions).where(promotions.c.id == bindparam("wanted"))
_STEPS_OF = (
    select(steps)
    .where(steps.c.promotion.in_(bindparam("wanted", expanding=True)))
    .order_by(steps.c.promotion, steps.c.ordinal)
)
_DUE_IDS = (
    select(promotions.c.id)
    .where(
        promotions.c.finished_at.is_(None),
        promotions.c.due_at <= bindparam("now"),
        or_(promotions.c.lease_until.is_(None), promotions.c.lease_until < bindparam("now")),
    )
    .order_by(promotions.c.due_at)
)
_FIRST_DUE_ID = _DUE_IDS.limit(1)


class Superseded(Exception):
    """The lease ran out and another worker has taken over; what was about to be written must not be."""


class Promotions:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def submit(self, promotion: Promotion, note: Note, within: Connection | None = None) -> Promotion:
        """Record a new promotion, or answer the one this click already made.

        Raises Conflict if the key was used for something else, or another promotion holds the endpoint.
        """
        with self._database.writing(within) as transaction:
            existing = self._find(transaction, promotion.id)
            if existing is not None:
                same_request(existing, promotion, _CLICK)
                return existing
            try:
                with transaction.begin_nested():
                    transaction.execute(
                        promotions.insert().values(**_row(promotion), lease_owner=None, lease_until=None)
                    )
            except IntegrityError as error:
                raise self._held(transaction, promotion) from error
            _write_steps(transaction, None, promotion)
            self._audit.append(note, transaction)
            return promotion

    def _held(self, transaction: Connection, wanted: Promotion) -> Conflict:
        holder = self._one(transaction, _active(wanted.target.endpoint))
        if holder is None:
            return Conflict(
                "Another promotion was recorded at the same moment; reload the page.", expected="none", actual=""
            )
        return Conflict(
            f"{wanted.target.endpoint} is held by {sentence(holder)}; wait for it to finish or abort it.",
            expected="no active promotion",
            actual=holder.id,
        )

    def find(self, promotion_id: str) -> Promotion | None:
        with self._database.reading() as connection:
            return self._find(connection, promotion_id)

    def get(self, promotion_id: str) -> Promotion:
        found = self.find(promotion_id)
        if found is None:
            raise NotFound(f"There is no promotion {promotion_id!r}.")
        return found

    def active(self, endpoint: str) -> Promotion | None:
        with self._database.reading() as connection:
            return self._one(connection, _active(endpoint))

    def recent(self, limit: int = 50) -> tuple[Promotion, ...]:
        return self._many(select(promotions).order_by(promotions.c.created_at.desc()).limit(limit))

    def of_version(self, model: str, version: str) -> tuple[Promotion, ...]:
        """Newest first."""
        chosen = (promotions.c.model == model) & (promotions.c.version == version)
        return self._many(select(promotions).where(chosen).order_by(promotions.c.created_at.desc()))

    def latest_on(self, endpoint: str, limit: int) -> tuple[Promotion, ...]:
        """The newest, oldest of them first."""
        newest = select(promotions).where(promotions.c.endpoint == endpoint).order_by(promotions.c.created_at.desc())
        return self._many(newest.limit(limit))[::-1]

    def since_success(self, endpoint: str, start: datetime) -> tuple[Promotion, ...]:
        """The last that succeeded by `start` and all that ended after it or go on, else all; oldest first.

        A success makes what came before it matter no more for what serves.
        """
        here, succeeded = promotions.c.endpoint == endpoint, promotions.c.phase == Phase.SUCCEEDED.value
        last = select(func.max(promotions.c.finished_at)).where(here, succeeded, promotions.c.finished_at <= start)
        query = select(promotions).where(here).order_by(promotions.c.created_at)
        with self._database.reading() as connection:
            began = connection.execute(last).scalar_one()
        if began is not None:
            query = query.where(or_(promotions.c.finished_at.is_(None), promotions.c.finished_at >= began))
        return self._many(query)

    def successes(self, endpoint: str, limit: int | None = None, version: str = "") -> tuple[Success, ...]:
        """What has come to serve an endpoint, of one version or of all, the latest first; without their steps."""
        done = (promotions.c.endpoint == endpoint) & (promotions.c.phase == Phase.SUCCEEDED.value)
        query = select(promotions.c.kind, promotions.c.target, promotions.c.snapshot).where(
            done, promotions.c.kind != Kind.STAGE.value
        )
        if version:
            query = query.where(promotions.c.version == version)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(promotions.c.finished_at.desc()).limit(limit)).all()
        return tuple(_success(row) for row in rows)

    def latest_target(self, endpoint: str, model: str, digest: str) -> Target | None:
        """What the latest promotion of a model with this digest was to make of it on an endpoint."""
        of_it = (promotions.c.model == model) & promotions.c.target.contains(f'"{digest}"', autoescape=True)
        query = select(promotions.c.target).where(promotions.c.endpoint == endpoint, of_it)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(promotions.c.created_at.desc()).limit(1)).scalar_one_or_none()
            return None if found is None else Target.model_validate_json(found)

    def targets(self, endpoint: str) -> dict[str, Target]:
        """Every deployment that a promotion was to make on an endpoint, by name."""
        chosen = select(promotions.c.target).where(promotions.c.endpoint == endpoint).distinct()
        with self._database.reading() as connection:
            found = [Target.model_validate_json(text) for text in connection.execute(chosen).scalars()]
        return {target.deployment: target for target in found}

    def stable(self, endpoint: str) -> Promotion | None:
        """The latest promotion that succeeded: its target is what the ledger says serves."""
        done = (promotions.c.endpoint == endpoint) & (promotions.c.phase == Phase.SUCCEEDED.value)
        with self._database.reading() as connection:
            return self._one(
                connection, select(promotions).where(done).order_by(promotions.c.finished_at.desc()).limit(1)
            )

    def next_success(self, promotion: Promotion) -> Promotion | None:
        """What took this one's place: the first on its endpoint that succeeded after it."""
        done = (promotions.c.endpoint == promotion.target.endpoint) & (promotions.c.phase == Phase.SUCCEEDED.value)
        after = promotions.c.finished_at > promotion.finished_at
        with self._database.reading() as connection:
            query = select(promotions).where(done, after).order_by(promotions.c.finished_at).limit(1)
            return self._one(connection, query)

    def last_returns(self, endpoint: str, limit: int) -> tuple[Promotion, ...]:
        """The newest rollbacks that succeeded and promotions that were given up, newest first."""
        rolled = (promotions.c.kind == Kind.ROLL_BACK.value) & (promotions.c.phase == Phase.SUCCEEDED.value)
        chosen = (promotions.c.endpoint == endpoint) & (rolled | (promotions.c.phase == Phase.ROLLED_BACK.value))
        return self._many(select(promotions).where(chosen).order_by(promotions.c.finished_at.desc()).limit(limit))

    def staged_versions(self, model: str) -> frozenset[str]:
        """Every version a STAGE was ever recorded for."""
        chosen = (promotions.c.model == model) & (promotions.c.kind == Kind.STAGE.value)
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(promotions.c.version).where(chosen).distinct()).scalars())

    def claim(self, owner: str, lease_seconds: float) -> Promotion | None:
        """Take the promotion that has been due longest: set the lease and raise the fence.

        One that a later release planned is passed over: it neither moves here nor keeps the others waiting.
        """
        now = self._clock()
        with self._database.reading() as connection:
            # Most looks find nothing, and must then neither wait for the only writer nor keep it waiting.
            if connection.execute(_FIRST_DUE_ID, {"now": now}).first() is None:
                return None
        with self._database.writing() as transaction:
            found = self._longest_due(transaction, now)
            if found is None:
                return None
            taken = {"lease_owner": owner, "lease_until": now + timedelta(seconds=lease_seconds)}
            fence = found.fence + 1
            transaction.execute(update(promotions).where(promotions.c.id == found.id).values(**taken, fence=fence))
            return found.model_copy(update={"fence": fence})

    def _longest_due(self, connection: Connection, now: datetime) -> Promotion | None:
        for promotion_id in connection.execute(_DUE_IDS, {"now": now}).scalars().all():
            found = self._find(connection, promotion_id)
            if found is not None and not of_a_later_release(found):
                return found
        return None

    def renew(self, promotion: Promotion, lease_seconds: float) -> bool:
        """Extend the lease if it is still ours; False means another worker has taken over."""
        until = self._clock() + timedelta(seconds=lease_seconds)
        with self._database.writing() as transaction:
            kept = transaction.execute(
                update(promotions)
                .where(
                    promotions.c.id == promotion.id,
                    promotions.c.fence == promotion.fence,
                    promotions.c.finished_at.is_(None),
                )
                .values(lease_until=until)
            )
            return kept.rowcount == 1

    def change(
        self,
        promotion_id: str,
        alter: Callable[[Promotion], Promotion],
        note: Callable[[Promotion, Promotion], Note | None],
        *,
        fence: int | None = None,
        within: Connection | None = None,
    ) -> Promotion:
        """Apply a pure change to the row as it now is, and append its ledger row in the same transaction.

        With `fence` it is a worker's commit: the lease is given back, and Superseded is raised if another
        worker has claimed the row since.
        """
        with self._database.writing(within) as transaction:
            before = self._find(transaction, promotion_id)
            if before is None:
                raise NotFound(f"There is no promotion {promotion_id!r}.")
            if fence is not None and before.fence != fence:
                raise Superseded(promotion_id)
            refuse_unread(before)
            after = alter(before)
            told = note(before, after)
            if told is None and _told_fields(before) != _told_fields(after):
                raise CorruptState(f"promotion {promotion_id}: a change of state without a ledger row was refused")
            values = _row(after)
            if fence is not None:
                values |= {"lease_owner": None, "lease_until": None}
            transaction.execute(update(promotions).where(promotions.c.id == promotion_id).values(**values))
            _write_steps(transaction, before, after)
            if told is not None:
                self._audit.append(told, transaction)
            return after

    def _find(self, connection: Connection, promotion_id: str) -> Promotion | None:
        return self._one(connection, _BY_ID, wanted=promotion_id)

    def _one(self, connection: Connection, query: Select[tuple[object, ...]], **values: object) -> Promotion | None:
        row = connection.execute(query, values).first()
        return None if row is None else _promotion(row, _records(connection, [row.id])[row.id])

    def _many(self, query: Select[tuple[object, ...]]) -> tuple[Promotion, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            records = _records(connection, [row.id for row in rows])
            return tuple(_promotion(row, records[row.id]) for row in rows)


def sentence(promotion: Promotion) -> str:
    """`the promotion of v12 by lead (running)`: how a refusal names what is in the way."""
    noun = {
        Kind.STAGE: "the test",
        Kind.PROMOTE: "the promotion",
        Kind.ROLL_BACK: "the rollback",
        Kind.ADOPT: "the adoption",
    }[promotion.kind]
    to = "to" if promotion.kind is Kind.ROLL_BACK else "of"
    return f"{noun} {to} v{promotion.target.version} by {promotion.requested_by} ({promotion.phase.value})"


def _told_fields(promotion: Promotion) -> tuple[object, ...]:
    return promotion.phase, promotion.position, promotion.request


def _active(endpoint: str) -> Select[tuple[object, ...]]:
    return select(promotions).where(promotions.c.endpoint == endpoint, promotions.c.finished_at.is_(None))


def _due(promotion: Promotion) -> bool:
    """Whether a worker should look: not while a person is awaited, but analysis goes on under a pause."""
    if promotion.request is not Request.NONE:
        return True
    if promotion.phase is Phase.PAUSED:
        return promotion.current is not None and promotion.current.step.kind.watches
    return promotion.phase is not Phase.NEEDS_ATTENTION and not promotion.phase.final


def _row(promotion: Promotion) -> dict[str, object]:
    scalars = {name: getattr(promotion, name) for name in _SCALARS}
    return scalars | {
        "id": promotion.id,
        "kind": promotion.kind.value,
        "endpoint": promotion.target.endpoint,
        "model": promotion.target.model,
        "version": promotion.target.version,
        "target": promotion.target.model_dump_json(),
        "phase": promotion.phase.value,
        "plan": write_plan(promotion.plan),
        "snapshot": promotion.snapshot.model_dump_json() if promotion.snapshot else None,
        "request": promotion.request.value,
        "due_at": promotion.next_at if _due(promotion) else None,
    }


def _promotion(row: Row[tuple[object, ...]], records: tuple[StepRecord, ...]) -> Promotion:
    fields = row._mapping
    stored = Promotion(
        id=fields["id"],
        kind=Kind(fields["kind"]),
        target=Target.model_validate_json(fields["target"]),
        phase=Phase(fields["phase"]),
        plan=read_plan(fields["plan"]),
        steps=records,
        snapshot=Snapshot.model_validate_json(fields["snapshot"]) if fields["snapshot"] else None,
        request=Request(fields["request"]),
        **{name: fields[name] for name in _SCALARS},
    )
    return as_shown(stored)


def _success(row: Row[str, str, str | None]) -> Success:
    before = Snapshot.model_validate_json(row.snapshot).stable if row.snapshot else None
    return Success(kind=Kind(row.kind), target=Target.model_validate_json(row.target), before=before or "")


def _write_steps(transaction: Connection, before: Promotion | None, after: Promotion) -> None:
    known = {} if before is None else {record.ordinal: record for record in before.steps}
    for record in after.steps:
        if known.get(record.ordinal) == record:
            continue
        values = record.model_dump(exclude={"ordinal", "step", "output", "state"}) | {
            "step": record.step.model_dump_json(),
            "state": record.state.value,
            "output": json.dumps(record.output, sort_keys=True),
        }
        if record.ordinal in known:
            mine = (steps.c.promotion == after.id) & (steps.c.ordinal == record.ordinal)
            transaction.execute(update(steps).where(mine).values(**values))
        else:
            transaction.execute(steps.insert().values(promotion=after.id, ordinal=record.ordinal, **values))


def _records(connection: Connection, ids: list[str]) -> dict[str, tuple[StepRecord, ...]]:
    found: dict[str, list[StepRecord]] = {promotion_id: [] for promotion_id in ids}
    for row in connection.execute(_STEPS_OF, {"wanted": ids}):
        fields = dict(row._mapping)
        owner = fields.pop("promotion")
        fields |= {"step": read_step(fields["step"]), "output": json.loads(fields["output"])}
        found[owner].append(StepRecord.model_validate(fields))
    return {owner: tuple(records) for owner, records in found.items()}
