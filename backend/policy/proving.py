"""What was found on an endpoint against what the ledger says: the proof, and what nobody of ours did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from backend.domain.endpoints import Deployment, Endpoint, Served
from backend.domain.promotions import Target
from backend.domain.proofs import Part, Proof, ProofState
from backend.domain.registry import ModelVersion
from backend.domain.unexplained import EventKind, Look, Noticed
from backend.domain.value import Value
from backend.policy.expectation import Expected, Weights
from backend.policy.traffic_story import MIRRORED


class Found(Value):
    """One look at an endpoint. `answers` are by deployment, `silent` says why one could not be asked.

    `versions` is the registry as it lists what is not archived, None where it could not be read.
    """

    endpoint: Endpoint | None
    answers: dict[str, Served] = {}
    silent: dict[str, str] = {}
    versions: tuple[ModelVersion, ...] | None = None


def judged(expected: Expected, found: Found, at: datetime, proven_at: datetime | None = None) -> tuple[Proof, Look]:
    """The proof of one endpoint and what was noticed on the way.

    What could not be asked is unproven, and resolves nothing; what differs is a mismatch even if a part was silent.
    """
    noticed = tuple(_noticed(expected, found))
    live = _live(found.endpoint)
    split = live if live in expected.weights else expected.weights[0]
    state, reason = _verdict(expected, found, noticed)
    proof = Proof(
        endpoint=expected.endpoint,
        at=at,
        state=state,
        reason=reason,
        expected=tuple(_wanted(expected, split)),
        served=tuple(_served(found)),
        proven_at=at if state is ProofState.PROVEN else proven_at,
    )
    return proof, Look(noticed=noticed, checked=frozenset(_checked(expected, found)))


def unasked(expected: Expected, why: str, at: datetime, proven_at: datetime | None) -> Proof:
    """The proof where nothing could be read: no verdict, and the reason for it."""
    return Proof(
        endpoint=expected.endpoint,
        at=at,
        state=ProofState.UNPROVEN,
        reason=why,
        expected=tuple(_wanted(expected, expected.weights[0])),
        proven_at=proven_at,
    )


def _verdict(expected: Expected, found: Found, noticed: tuple[Noticed, ...]) -> tuple[ProofState, str]:
    live = _live(found.endpoint)
    wrong = [event for event in noticed if _concerns_serving(event, live)]
    if wrong:
        first = wrong[0]
        return ProofState.MISMATCH, f"{first.kind.value.capitalize()}: {first.actual}, expected {first.expected}."
    doubt = _doubt(expected, found, live)
    if doubt:
        return ProofState.UNPROVEN, doubt
    served = ", ".join(f"v{expected.targets[name].version} at {weight} %" for name, weight in sorted(live.items()))
    return ProofState.PROVEN, f"{expected.endpoint} serves {served}, as approved."


def _doubt(expected: Expected, found: Found, live: Weights) -> str:
    """Why nobody can say that what serves is what was approved, or ""."""
    adopted = [target for target in _serving(expected, live) if target.adopted]
    missing = sorted(live.keys() - found.answers.keys())
    if adopted:
        named = f"v{adopted[0].version} ({adopted[0].deployment})"
        return f"{named} was adopted: it served before, and no run of ours made it."
    if found.silent:
        name, why = next(iter(sorted(found.silent.items())))
        return f"{name} could not be asked: {why}"
    if not live:
        return f"Nothing serves on {expected.endpoint} yet."
    if found.versions is None:
        return "The registry could not be read."
    return f"{missing[0]} was not asked." if missing else ""


def _concerns_serving(event: Noticed, live: Weights) -> bool:
    """What stands at 0 % is noticed too, but says nothing about what patients are answered with."""
    if event.kind in {EventKind.TRAFFIC, EventKind.SERVED, EventKind.MODEL}:
        return True
    return event.subject.rpartition("/")[2] in live


def _noticed(expected: Expected, found: Found) -> Iterator[Noticed]:
    place = f"endpoint/{expected.endpoint}"
    rest = split_in_words(expected.weights[0])
    if found.endpoint is None:
        if expected.weights[0]:
            yield Noticed(kind=EventKind.TRAFFIC, subject=place, expected=rest, actual="the endpoint is gone")
        return
    live = _live(found.endpoint)
    mirrored = "" if expected.promoting else split_in_words(found.endpoint.mirror_traffic, "")
    if live not in expected.weights or mirrored:
        also = f"{MIRRORED}{mirrored}" if mirrored else ""
        yield Noticed(kind=EventKind.TRAFFIC, subject=place, expected=rest, actual=f"{split_in_words(live)}{also}")
    there = {deployment.name: deployment for deployment in found.endpoint.deployments}
    for name in sorted(expected.needed - there.keys()):
        yield _about(expected, EventKind.MISSING_DEPLOYMENT, name, "kept until it is retired", "it is not there")
    for _, deployment in sorted(there.items()):
        yield from _on_record(expected, deployment)
    for name, served in sorted(found.answers.items()):
        yield from _by_its_word(expected, name, served)
    yield from _in_registry(expected, found, live)


def _on_record(expected: Expected, deployment: Deployment) -> Iterator[Noticed]:
    target = expected.targets.get(deployment.name)
    if target is None:
        made_of = f"it runs {deployment.model} v{deployment.version}"
        yield _about(expected, EventKind.FOREIGN_DEPLOYMENT, deployment.name, "only what was promoted", made_of)
        return
    wrong = recorded_differences(target, deployment)
    if wrong:
        yield _about(expected, EventKind.ALTERED_DEPLOYMENT, deployment.name, *_two_sides(wrong))


def recorded_differences(target: Target, deployment: Deployment) -> tuple[tuple[str, str, str], ...]:
    """`(what, wanted, found)` for each thing that ARM's record says otherwise."""
    there = deployment.variables.get("MLOPS_THRESHOLD")
    wanted = "none" if target.adopted and there is None else repr(target.threshold)
    records = (
        ("model", f"{target.model}:{target.version}", f"{deployment.model}:{deployment.version}"),
        ("environment", _asset(target.environment), _asset(deployment.environment)),
        ("threshold", wanted, there or "none"),
    )
    return tuple(record for record in records if record[1] != record[2])


def _by_its_word(expected: Expected, name: str, served: Served) -> Iterator[Noticed]:
    target = expected.targets.get(name)
    if target is None:
        return
    said = (
        ("deployment", name, served.deployment),
        ("version", target.version, served.model_version),
        ("digest", target.digest, served.digest),
        ("threshold", repr(target.threshold), repr(served.threshold)),
    )
    wrong = tuple(one for one in said if one[1] != one[2])
    if wrong:
        yield _about(expected, EventKind.SERVED, name, *_two_sides(wrong))


def _in_registry(expected: Expected, found: Found, live: Weights) -> Iterator[Noticed]:
    """The registered version of what serves: still listed, under the digest that was approved."""
    if found.versions is None:
        return
    listed = {version.version: version for version in found.versions}
    for target in _serving(expected, live):
        version = listed.get(target.version)
        if version is None:
            yield _of_model(target, "listed in the registry", "archived or deleted")
        elif version.digest != target.digest and not (target.adopted and not version.digest):
            # What was adopted may have been registered without a digest; its target has that of its files.
            yield _of_model(target, f"digest {target.digest}", f"digest {version.digest or 'none'}")


def _checked(expected: Expected, found: Found) -> Iterator[tuple[EventKind, str]]:
    """What this look could vouch for: an event that is not noticed again here is as it should be."""
    yield EventKind.TRAFFIC, f"endpoint/{expected.endpoint}"
    names = {deployment.name for deployment in found.endpoint.deployments} if found.endpoint else set()
    for kind in (EventKind.FOREIGN_DEPLOYMENT, EventKind.MISSING_DEPLOYMENT, EventKind.ALTERED_DEPLOYMENT):
        yield kind, f"deployment/{expected.endpoint}/*"
    silent = found.silent.keys()
    for name in expected.targets.keys() | names:
        if name not in silent:
            yield EventKind.SERVED, f"deployment/{expected.endpoint}/{name}"
    # Each endpoint is looked at by itself: only what is seen to be right is vouched for, not what is not served here.
    listed = {version.version: version.digest for version in found.versions or ()}
    for target in expected.targets.values():
        if listed.get(target.version) == target.digest:
            yield EventKind.MODEL, _model_subject(target)


def _wanted(expected: Expected, split: Weights) -> Iterator[Part]:
    for name, weight in sorted(split.items()):
        target = expected.targets.get(name)
        known = {"version": target.version, "digest": target.digest, "threshold": target.threshold} if target else {}
        yield Part.model_validate({"deployment": name, "weight": weight, **known})


def _served(found: Found) -> Iterator[Part]:
    for name, weight in sorted(_live(found.endpoint).items()):
        said = found.answers.get(name)
        known = {"version": said.model_version, "digest": said.digest, "threshold": said.threshold} if said else {}
        yield Part.model_validate({"deployment": name, "weight": weight, **known})


def split_in_words(weights: Weights, nothing: str = "no traffic") -> str:
    """`v11-3c9e 90 %, v12-7f3a 10 %`."""
    live = sorted((-weight, name) for name, weight in weights.items() if weight)
    return ", ".join(f"{name} {-weight} %" for weight, name in live) or nothing


def _live(endpoint: Endpoint | None) -> Weights:
    return endpoint.live if endpoint else {}


def _serving(expected: Expected, live: Weights) -> list[Target]:
    return [expected.targets[name] for name in sorted(live) if name in expected.targets]


def _about(expected: Expected, kind: EventKind, deployment: str, wanted: str, actual: str) -> Noticed:
    return Noticed(kind=kind, subject=f"deployment/{expected.endpoint}/{deployment}", expected=wanted, actual=actual)


def _of_model(target: Target, wanted: str, actual: str) -> Noticed:
    return Noticed(kind=EventKind.MODEL, subject=_model_subject(target), expected=wanted, actual=actual)


def _model_subject(target: Target) -> str:
    return f"model/{target.model}:{target.version}"


def _two_sides(differences: Iterable[tuple[str, str, str]]) -> tuple[str, str]:
    pairs = tuple(differences)
    return (
        ", ".join(f"{what} {wanted}" for what, wanted, _ in pairs),
        ", ".join(f"{what} {found}" for what, _, found in pairs),
    )


def _asset(asset_id: str) -> str:
    """Name and version of an asset id: ARM's spelling of the path in front varies in case."""
    if "/versions/" in asset_id:
        parts = asset_id.rstrip("/").split("/")
        return f"{parts[-3]}:{parts[-1]}"
    return asset_id.removeprefix("azureml:")
