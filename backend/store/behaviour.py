"""What the monitor saw at each look, and what it compares with."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import select

from backend.domain.behaviour import Behaviour
from backend.domain.clock import Clock
from backend.domain.data_profile import DataProfile
from backend.store.behaviour_tables import behaviour_looks as looks
from backend.store.behaviour_tables import reference_profiles as profiles
from backend.store.database import Database

KEPT = 1000
"""Looks of an endpoint: 40 days of hourly ones."""


class BehaviourLooks:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, found: Behaviour) -> None:
        """Keep a look; the oldest beyond KEPT go. The same look twice is one."""
        mine = looks.c.endpoint == found.endpoint
        with self._database.writing() as transaction:
            transaction.execute(looks.delete().where(mine, looks.c.at == found.at))
            transaction.execute(
                looks.insert().values(
                    endpoint=found.endpoint, at=found.at, version=found.version, body=found.model_dump_json()
                )
            )
            newest = select(looks.c.at).where(mine).order_by(looks.c.at.desc()).offset(KEPT - 1).limit(1)
            oldest_kept = transaction.execute(newest).scalar_one_or_none()
            if oldest_kept is not None:
                transaction.execute(looks.delete().where(mine, looks.c.at < oldest_kept))

    def newest(self, endpoint: str, most: int = 1) -> tuple[Behaviour, ...]:
        """The newest first."""
        query = select(looks.c.body).where(looks.c.endpoint == endpoint).order_by(looks.c.at.desc()).limit(most)
        with self._database.reading() as connection:
            return tuple(_look(body) for body in connection.execute(query).scalars())

    def keep_profile(self, model: str, version: str, digest: str, profile: DataProfile) -> None:
        """Keep what a version was trained on; the first reading stands."""
        with self._database.writing() as transaction:
            mine = (profiles.c.model == model) & (profiles.c.version == version)
            if transaction.execute(select(profiles.c.digest).where(mine)).first() is None:
                transaction.execute(
                    profiles.insert().values(
                        model=model,
                        version=version,
                        digest=digest,
                        body=profile.model_dump_json(),
                        read_at=self._clock(),
                    )
                )

    def profile(self, model: str, version: str) -> tuple[str, DataProfile] | None:
        """Digest and description; None where it has not been read."""
        chosen = (profiles.c.model == model) & (profiles.c.version == version)
        with self._database.reading() as connection:
            row = connection.execute(select(profiles.c.digest, profiles.c.body).where(chosen)).first()
            return None if row is None else (row.digest, DataProfile.model_validate_json(row.body))


@lru_cache(maxsize=256)
def _look(body: str) -> Behaviour:
    """A look does not change; a page draws dozens of them over and over."""
    return Behaviour.model_validate_json(body)
