"""Frozen evidence and rollout plans: dated quotations that are never changed, only joined by newer ones."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, select

from backend.domain.clock import Clock
from backend.domain.decisions import Rollout
from backend.domain.evidence import BODIES, Body, Evidence, body_digest
from backend.domain.promotions import Target
from backend.errors import CorruptState
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import evidence, rollouts

KEPT = 128
"""Quotations kept as values: every redraw of a page asks for the same ones, and to read one takes milliseconds."""


class EvidenceRecords:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def freeze(self, key: str, body: Body, target: Target, source: str) -> Evidence:
        """Keep what was measured, once per key: a repeated step gets the first quotation back."""
        with self._database.writing() as transaction:
            existing = self._find(transaction, key)
            if existing is not None:
                return existing
            kind = next(name for name, of in BODIES.items() if isinstance(body, of))
            text = body.model_dump_json()
            fields = {
                "id": key,
                "kind": kind,
                "model": target.model,
                "version": target.version,
                "model_digest": target.digest,
                "digest": body_digest(text),
                "source": source,
                "made_at": self._clock(),
            }
            frozen = Evidence.model_validate(fields | {kind: body})
            transaction.execute(evidence.insert().values(**fields, body=text))
            self._audit.append(_note(frozen), transaction)
            return frozen

    def has(self, key: str) -> bool:
        """Whether something has been frozen under this key."""
        with self._database.reading() as connection:
            return connection.execute(select(evidence.c.id).where(evidence.c.id == key)).first() is not None

    def find(self, key: str) -> Evidence | None:
        """What was frozen under this key."""
        with self._database.reading() as connection:
            return self._find(connection, key)

    def of_version(self, model: str, version: str) -> tuple[Evidence, ...]:
        """Newest first. Raises CorruptState if a stored quotation no longer matches its digest."""
        chosen = (evidence.c.model == model) & (evidence.c.version == version)
        with self._database.reading() as connection:
            rows = connection.execute(select(evidence).where(chosen).order_by(evidence.c.made_at.desc()))
            return tuple(_quoted(tuple(row)) for row in rows)

    def newest(self, target: Target, kind: str) -> Evidence | None:
        """The newest quotation of this kind about exactly this digest."""
        about = (evidence.c.model == target.model) & (evidence.c.version == target.version)
        chosen = about & (evidence.c.kind == kind) & (evidence.c.model_digest == target.digest)
        with self._database.reading() as connection:
            query = select(evidence.c.id).where(chosen).order_by(evidence.c.made_at.desc()).limit(1)
            key = connection.execute(query).scalar_one_or_none()
            return None if key is None else self._find(connection, key)

    def keep_rollout(self, target: Target, rollout: Rollout) -> None:
        """Keep the plan committed with a version; the first reading stands."""
        with self._database.writing() as transaction:
            if self._rollout(transaction, target.model, target.version) is None:
                transaction.execute(
                    rollouts.insert().values(
                        model=target.model,
                        version=target.version,
                        digest=rollout.digest,
                        body=rollout.model_dump_json(),
                        read_at=self._clock(),
                    )
                )

    def rollout(self, model: str, version: str) -> Rollout | None:
        with self._database.reading() as connection:
            return self._rollout(connection, model, version)

    def _rollout(self, connection: Connection, model: str, version: str) -> Rollout | None:
        chosen = (rollouts.c.model == model) & (rollouts.c.version == version)
        body = connection.execute(select(rollouts.c.body).where(chosen)).scalar_one_or_none()
        return None if body is None else Rollout.model_validate_json(body)

    def _find(self, connection: Connection, key: str) -> Evidence | None:
        row = connection.execute(select(evidence).where(evidence.c.id == key)).first()
        return None if row is None else _quoted(tuple(row))


@lru_cache(maxsize=KEPT)
def _quoted(row: tuple[object, ...]) -> Evidence:
    """The value of a stored row, by all that stands in it: a row that was changed is another one."""
    fields = dict(zip(evidence.columns.keys(), row, strict=True))
    text, kind = str(fields.pop("body")), str(fields["kind"])
    body = BODIES[kind].model_validate_json(text)
    if body_digest(text) != fields["digest"]:
        raise CorruptState(f"evidence {fields['id']} was changed after it was frozen; do not decide on it")
    return Evidence.model_validate(fields | {kind: body})


def _note(frozen: Evidence) -> Note:
    return Note(
        actor="worker",
        channel="worker",
        action=f"evidence.{frozen.kind}",
        subject=f"model/{frozen.model}:{frozen.version}",
        after=frozen.digest,
        detail={"source": frozen.source, "model_digest": frozen.model_digest},
    )
