"""The latest proof of each endpoint, for pages that wait for no network."""

from __future__ import annotations

from sqlalchemy import Connection, select

from backend.domain.proofs import Proof
from backend.store.database import Database
from backend.store.tables import proofs


class Proofs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, proof: Proof, within: Connection | None = None) -> None:
        """Replace the proof of its endpoint; an older look never replaces a newer one."""
        with self._database.writing(within) as transaction:
            mine = proofs.c.endpoint == proof.endpoint
            newest = transaction.execute(select(proofs.c.at).where(mine)).scalar_one_or_none()
            if newest is not None and newest > proof.at:
                return
            transaction.execute(proofs.delete().where(mine))
            transaction.execute(
                proofs.insert().values(endpoint=proof.endpoint, at=proof.at, body=proof.model_dump_json())
            )

    def of(self, endpoint: str) -> Proof | None:
        with self._database.reading() as connection:
            body = connection.execute(select(proofs.c.body).where(proofs.c.endpoint == endpoint)).scalar_one_or_none()
            return None if body is None else Proof.model_validate_json(body)
