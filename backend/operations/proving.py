"""Proving what serves, over and over: the worker asks each endpoint, and says what nobody of ours did."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import timedelta

from backend.domain.clock import Clock
from backend.domain.endpoints import Endpoint, Served
from backend.domain.promotions import RetirementState
from backend.domain.proofs import ProofState
from backend.domain.registry import ModelVersion
from backend.domain.unexplained import EventKind, Look, Noticed
from backend.errors import Rejected, RemoteError
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.models import Models
from backend.policy.expectation import Expected, expected_weights
from backend.policy.proving import Found, judged, unasked
from backend.promotion.probes import PLAUSIBLE
from backend.settings_project import Project
from backend.store import Store

TRIES = 3
ASKED_FOR = timedelta(hours=1)
"""How long the activity log may take to tell who regenerated a key."""

CHANGING = "What should serve changed while it was asked; the next look will tell."
_FROM_ARM = {EventKind.TRAFFIC, EventKind.FOREIGN_DEPLOYMENT, EventKind.ALTERED_DEPLOYMENT}


class Proving:
    """One look at every endpoint of the project. Any number of workers may look: the same finding is one event."""

    def __init__(
        self,
        store: Store,
        endpoints: Endpoints,
        models: Models,
        project: Project,
        clock: Clock,
        *,
        every: float,
        salt: Callable[[], bytes] = lambda: secrets.token_bytes(32),
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._models = models
        self._project = project
        self._clock = clock
        self._every = every
        self._salt = salt

    def look(self) -> None:
        """Prove each endpoint, unless another worker has just done so."""
        for name in (self._project.endpoint, self._project.test_endpoint):
            latest = self._store.proofs.of(name)
            if latest is None or latest.at <= self._clock() - timedelta(seconds=self._every / 2):
                self._prove(name)

    def _prove(self, name: str) -> None:
        latest = self._store.proofs.of(name)
        proven_at = latest.proven_at if latest else None
        for _ in range(TRIES):
            expected = self.expected(name)
            try:
                found = self._ask(name)
            except (RemoteError, Rejected) as error:
                self._store.proofs.keep(unasked(expected, str(error), self._clock(), proven_at))
                return
            # What is right may have moved while the cloud was asked: only what held on both sides can be judged.
            if self.expected(name) == expected:
                break
        else:
            self._store.proofs.keep(unasked(expected, CHANGING, self._clock(), proven_at))
            return
        proof, look = judged(expected, found, self._clock(), proven_at)
        noticed = tuple(self._with_author(name, one) for one in look.noticed)
        with self._store.writing() as transaction:
            self._store.proofs.keep(proof, transaction)
            self._store.unexplained.take_in(look.model_copy(update={"noticed": noticed}), transaction)
        if found.endpoint is not None and proof.state is not ProofState.UNPROVEN:
            self._compare_keys(name)
            self._attribute_keys(name)

    def expected(self, name: str) -> Expected:
        """What the ledger says should be on an endpoint now."""
        promotions = self._store.promotions.since_success(name, self._clock())
        return Expected(
            endpoint=name,
            weights=expected_weights(promotions, {}),
            targets=self._store.promotions.targets(name),
            warm=tuple(
                r.deployment for r in self._store.retirements.open(name) if r.state is RetirementState.SCHEDULED
            ),
            promoting=bool(promotions) and promotions[-1].finished_at is None,
        )

    def _ask(self, name: str) -> Found:
        endpoint = self._endpoints.get(name)
        answers, silent = self._probe(endpoint) if endpoint is not None else ({}, {})
        return Found(endpoint=endpoint, answers=answers, silent=silent, versions=self._versions())

    def _probe(self, endpoint: Endpoint) -> tuple[dict[str, Served], dict[str, str]]:
        """Ask every deployment that has traffic; a probe that fails proves nothing either way."""
        answers: dict[str, Served] = {}
        silent: dict[str, str] = {}
        for deployment, weight in sorted(endpoint.traffic.items()):
            if not weight:
                continue
            try:
                answers[deployment] = self._endpoints.score(endpoint.name, PLAUSIBLE[:1], deployment)
            except (RemoteError, Rejected) as error:
                silent[deployment] = str(error)
        return answers, silent

    def _versions(self) -> tuple[ModelVersion, ...] | None:
        try:
            return self._models.versions(self._project.model)
        except (RemoteError, Rejected):
            return None

    def _with_author(self, name: str, noticed: Noticed) -> Noticed:
        """With who wrote it last and when, where Azure tells."""
        if noticed.kind not in _FROM_ARM:
            return noticed
        deployment = "" if noticed.subject.startswith("endpoint/") else noticed.subject.rpartition("/")[2]
        try:
            change = self._endpoints.last_change(name, deployment)
        except (RemoteError, Rejected):
            return noticed
        return noticed.model_copy(update={"by": change.by, "happened_at": change.at})

    def _compare_keys(self, name: str) -> None:
        """Notice a key that was regenerated elsewhere: what we replace ourselves is noted by whoever does it.

        Digests are kept, never a key.
        """
        if self._store.key_rotations.open(name) is not None:
            return
        mark = f"keys/{name}"
        known = json.loads(self._store.marks.value(mark) or "{}")
        salt = bytes.fromhex(known["salt"]) if known else self._salt()
        try:
            primary, secondary = self._endpoints.key_prints(name, salt)
        except (RemoteError, Rejected):
            return
        now = {"salt": salt.hex(), "primary": primary, "secondary": secondary}
        if now == known:
            return
        changed = [which for which in ("primary", "secondary") if known and known[which] != now[which]]
        with self._store.writing() as transaction:
            ours = self._store.key_rotations.open(name, transaction) is not None
            if ours or json.loads(self._store.marks.value(mark, transaction) or "{}") != known:
                return
            self._store.marks.set(mark, json.dumps(now, sort_keys=True), transaction)
            noticed = Noticed(
                kind=EventKind.KEYS,
                subject=f"endpoint/{name}",
                expected="the keys that were last seen",
                actual=f"another {' and '.join(changed)} key",
                reference=" ".join(now[which][:16] for which in changed),
            )
            self._store.unexplained.take_in(Look(noticed=(noticed,) if changed else ()), transaction)

    def _attribute_keys(self, name: str) -> None:
        """Ask who regenerated a key: Azure's log tells it minutes later.

        Only what came after the regeneration before is this one's: nobody is named for what somebody else did.
        """
        known = [
            e for e in self._store.unexplained.recent() if (e.kind, e.subject) == (EventKind.KEYS, f"endpoint/{name}")
        ]
        for event in known:
            if event.by or event.first_seen < self._clock() - ASKED_FOR:
                continue
            earlier = (one.first_seen for one in known if one.first_seen < event.first_seen)
            start = max((event.first_seen - ASKED_FOR, *earlier))
            try:
                change = self._endpoints.key_change(name, start, event.first_seen)
            except (RemoteError, Rejected):
                return
            self._store.unexplained.attribute(event.id, change.by, change.at)
