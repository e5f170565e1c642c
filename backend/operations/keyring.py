"""An endpoint's two keys: reading one, seeing who uses which, and asking for one to be replaced."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.clock import Clock
from backend.domain.key_rotation import KeyRotation, KeyUse, RotationState, Which
from backend.domain.people import Actor, Right
from backend.errors import Invalid, NotFound, PolicyDenied
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.monitor.logs import Logs
from backend.operations.authorise import refusal, require, require_key, require_reason
from backend.policy.contract.key_use import in_the_way, key_use
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

LOOKED_BACK = timedelta(hours=1)
"""A key that nobody has used for an hour is taken for silent."""


class Keyring:
    """Only `key`, `read` and `use` reach the network; the worker replaces keys."""

    def __init__(self, store: Store, project: Project, endpoints: Endpoints, logs: Logs, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._endpoints = endpoints
        self._logs = logs
        self._clock = clock

    def refusal(self, actor: Actor) -> str:
        """Why the actor may neither read nor replace a key; "" where they may."""
        return refusal(actor, Right.KEYS)

    def announce(self, actor: Actor, endpoint: str, which: Which) -> None:
        """Tell the ledger that somebody takes a key; the key itself is told nowhere."""
        require(actor, Right.KEYS)
        self._known(endpoint)
        self._store.audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action="key.read",
                subject=f"endpoint/{endpoint}",
                detail={"key": which.value},
            )
        )

    def read(self, actor: Actor, endpoint: str, which: Which) -> str:
        """The key that was announced."""
        require(actor, Right.KEYS)
        known = self._known(endpoint)
        return self._endpoints.keys(known).of(which)

    def key(self, actor: Actor, endpoint: str, which: Which) -> str:
        """One key, told to the ledger first."""
        self.announce(actor, endpoint, which)
        return self.read(actor, endpoint, which)

    def use(self, endpoint: str) -> KeyUse:
        """Who used which key in the last hour, as far as the traffic log tells."""
        end = self._clock()
        window = (end - LOOKED_BACK, end)
        keys = self._endpoints.keys(self._known(endpoint))
        return key_use(
            endpoint, keys, self._logs.key_callers(endpoint, *window), window, self._logs.data_until(endpoint, *window)
        )

    def in_the_way(self, use: KeyUse | None, which: Which) -> tuple[str, ...]:
        """What speaks against replacing this key now."""
        return in_the_way(use, which, self._clock())

    def rotate(
        self, actor: Actor, endpoint: str, which: Which, reason: str, key: str, use: KeyUse | None, *, anyway: bool
    ) -> KeyRotation:
        """Ask the worker to replace one key; from then on the old one is answered with 401.

        Raises PolicyDenied while callers are seen with that key, or while nobody can say, unless `anyway`; Conflict
        while another replacement is under way. What was seen of the key goes to the ledger.
        """
        require(actor, Right.KEYS)
        said, key = require_reason(reason), require_key(key)
        against = self.in_the_way(use, which)
        if against and not anyway:
            raise PolicyDenied(f"The {which.value} key may still be in use. {' '.join(against)}", against)
        now: datetime = self._clock()
        wanted = KeyRotation(
            id=key,
            endpoint=self._known(endpoint),
            which=which,
            asked_by=actor.name,
            reason=said,
            asked_at=now,
            state=RotationState.WANTED,
        )
        seen: dict[str, str | bool] = {"against": " ".join(against), "anyway": anyway and bool(against)}
        return self._store.key_rotations.ask(wanted, actor, seen)

    def rotations(self, endpoint: str) -> tuple[KeyRotation, ...]:
        """The newest replacements of an endpoint's keys."""
        return self._store.key_rotations.recent(endpoint)

    def _known(self, endpoint: str) -> str:
        if not endpoint:
            raise Invalid("Name an endpoint.")
        if endpoint not in {self._project.endpoint, self._project.test_endpoint}:
            declared = f"{self._project.endpoint} and {self._project.test_endpoint}"
            raise NotFound(f"{endpoint} is none of this project's endpoints, which are {declared}.")
        return endpoint
