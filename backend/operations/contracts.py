"""What callers of an endpoint are promised, what changed for them, and one call to try it."""

from __future__ import annotations

import json
import time

from backend.domain.card_file import CardFile
from backend.domain.clock import Clock
from backend.domain.contract import ContractChange, ContractEvidence, Language, OfVersion, Release, Tried
from backend.domain.json_value import JsonObject
from backend.domain.people import Actor, Right
from backend.domain.promotions import Kind, Phase, Promotion, Target
from backend.domain.quality import LoadResult
from backend.domain.registry import ModelVersion
from backend.domain.statuses import DEPLOYMENT, MODEL_REASON, MODEL_STATUS
from backend.errors import Invalid, NotFound
from backend.gateways.azureml.endpoints import Endpoints
from backend.operations.authorise import require
from backend.policy.contract import feed
from backend.policy.contract.clients import client, environment
from backend.policy.contract.difference import difference
from backend.policy.contract.openapi import openapi
from backend.policy.contract.schema import request_schema, standalone
from backend.settings_project import Project
from backend.store import Store

REMEMBERED = 200
"""Promotions of an endpoint that are looked through for its changes."""
LONGEST_BODY = 1 << 20


class Contracts:
    """Only `attempt` reaches the network: the rest is told from our own records."""

    def __init__(self, store: Store, project: Project, endpoints: Endpoints, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._endpoints = endpoints
        self._clock = clock

    def of(self, version: ModelVersion) -> OfVersion:
        """A version's own contract, as its latest test found it."""
        return self._known(version.name, version.version, version.digest, version.threshold)

    def served(self, endpoint: str) -> OfVersion | None:
        """What the endpoint answers by now, as the ledger tells it; None before anything was brought there."""
        stable = self._store.promotions.stable(endpoint)
        if stable is None:
            return None
        target = stable.target
        return self._known(target.model, target.version, target.digest, target.threshold)

    def card(self, of: OfVersion) -> CardFile | None:
        """What people have written about the version."""
        return next((e.card for e in self._store.evidence.of_version(of.model, of.version) if e.card), None)

    def difference(self, before: OfVersion, after: OfVersion) -> tuple[ContractChange, ...]:
        """What a caller of `before` would notice. Raises NotFound where one of them has left no contract."""
        for one in (before, after):
            if one.contract is None:
                raise NotFound(_none(one))
        assert before.contract is not None
        assert after.contract is not None
        return difference(before.contract, after.contract)

    def document(self, endpoint: str, scoring_uri: str = "") -> JsonObject:
        """The endpoint's OpenAPI document. Raises NotFound where nothing serves, or what serves left no contract."""
        of = self.served(endpoint)
        if of is None:
            raise NotFound(f"Nothing has been brought to {endpoint} yet, so it promises nothing.")
        return self.document_of(of, endpoint, scoring_uri)

    def document_of(self, of: OfVersion, endpoint: str, scoring_uri: str = "") -> JsonObject:
        """The OpenAPI document of a version as this endpoint would serve it."""
        if of.contract is None:
            raise NotFound(_none(of))
        return openapi(endpoint, scoring_uri, of, of.contract, self.card(of))

    def schema_of(self, of: OfVersion) -> JsonObject:
        """The JSON Schema of a request to a version. Raises NotFound where it has left no contract."""
        if of.contract is None:
            raise NotFound(_none(of))
        comment = f"{of.model} v{of.version}, {of.digest}"
        return standalone(request_schema(of.contract), f"A request to {of.model}", comment)

    def client(self, language: Language, endpoint: str) -> str:
        """A whole program that calls the endpoint, to copy. Raises NotFound as `document` does."""
        of = self.served(endpoint)
        if of is None or of.contract is None:
            raise NotFound(_none(of) if of else f"Nothing has been brought to {endpoint} yet.")
        return client(language, endpoint, of.contract)

    def environment(self, endpoint: str, scoring_uri: str, ca_bundle: str) -> str:
        """The shell's lines before a client runs."""
        return environment(scoring_uri, endpoint, ca_bundle)

    def load(self, of: OfVersion) -> LoadResult | None:
        """What the test endpoint stood when the version was tested."""
        return next((e.load for e in self._store.evidence.of_version(of.model, of.version) if e.load), None)

    def json_feed(self, endpoint: str, home: str) -> JsonObject:
        """The changes as JSON Feed 1.1; `home` is the page for people."""
        return feed.json_feed(f"{endpoint}: what changes for you", home, self.releases(endpoint))

    def atom_feed(self, endpoint: str, home: str) -> bytes:
        """The changes as Atom."""
        return feed.atom_feed(f"{endpoint}: what changes for you", home, self.releases(endpoint))

    def releases(self, endpoint: str) -> tuple[Release, ...]:
        """What has changed for callers, newest first: each promotion and each way back that succeeded."""
        done = [p for p in self._store.promotions.latest_on(endpoint, REMEMBERED) if p.phase is Phase.SUCCEEDED]
        befores: tuple[Promotion | None, ...] = (None, *done[:-1])
        told = [self._release(before, after) for before, after in zip(befores, done, strict=True)]
        return tuple(reversed(told))

    def attempt(self, actor: Actor, row: dict[str, float | int]) -> Tried:
        """Ask the test endpoint about one row, as a caller would; what it refuses is an answer too."""
        require(actor, Right.READ)
        body = json.dumps({"rows": [row]}).encode()
        if len(body) > LONGEST_BODY:
            raise Invalid("One row does not need that many bytes.")
        started = time.perf_counter()
        answer = self._endpoints.raw_score(self._project.test_endpoint, body)
        milliseconds = 1000 * (time.perf_counter() - started)
        return Tried(
            at=self._clock(),
            endpoint=self._project.test_endpoint,
            status=answer.status,
            model_status=answer.headers.get(MODEL_STATUS, ""),
            reason=answer.headers.get(MODEL_REASON, ""),
            deployment=answer.headers.get(DEPLOYMENT, ""),
            request_id=answer.headers.get("x-ms-request-id", ""),
            milliseconds=milliseconds,
            body=answer.body[:LONGEST_BODY].decode(errors="replace"),
        )

    def _known(self, model: str, version: str, digest: str, threshold: float) -> OfVersion:
        found = self._evidence(model, version, digest)
        return OfVersion(
            model=model,
            version=version,
            digest=digest,
            threshold=threshold,
            contract=found.contract if found else None,
            problem=found.problem if found else "",
        )

    def _evidence(self, model: str, version: str, digest: str) -> ContractEvidence | None:
        known = self._store.evidence.of_version(model, version)
        return next((e.contract for e in known if e.contract and e.model_digest == digest), None)

    def _release(self, before: Promotion | None, after: Promotion) -> Release:
        was = before.target if before else None
        then, now = (self._of_target(was) if was else None), self._of_target(after.target)
        known = then is not None and then.contract is not None and now.contract is not None
        changes = difference(then.contract, now.contract) if then and then.contract and now.contract else ()
        return Release(
            id=after.id,
            at=after.finished_at or after.updated_at,
            kind="test" if after.kind is Kind.STAGE else after.kind.value,
            endpoint=after.target.endpoint,
            version=after.target.version,
            before=was.version if was else "",
            threshold=after.target.threshold,
            threshold_before=was.threshold if was else None,
            changes=changes,
            known=known,
            reason=after.requested_reason,
            by=after.requested_by,
        )

    def _of_target(self, target: Target) -> OfVersion:
        return self._known(target.model, target.version, target.digest, target.threshold)


def _none(of: OfVersion) -> str:
    why = of.problem or "its training run left none, or it has not been tested yet"
    return f"{of.model} v{of.version} has no written contract: {why}."
