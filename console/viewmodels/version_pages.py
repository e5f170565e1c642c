"""A version among the others: where it served and when, what it came from and what came of it, and any two apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from backend.domain.comparison import METRIC_NAMES
from backend.domain.contract import ContractChange
from backend.domain.decisions import Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import Serving
from console.viewmodels.figures import asset, duration, metric, short_commit, short_digest, signed, stamp
from console.viewmodels.models import METRICS
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Node:
    """One station of a version's descent. `page` and `selected` say where it leads, "" where no page shows it."""

    kind: str
    label: Untrusted
    symbol: str
    page: str = ""
    selected: tuple[tuple[str, str], ...] = ()


def version_of(deployment: str) -> str:
    """`12` of `v12-7f3a`, "" for what we have not named."""
    name, _, rest = deployment.partition("-")
    return name.removeprefix("v") if rest and name.startswith("v") and name[1:].isdecimal() else ""


def spans(
    served: Iterable[Serving], now: datetime, version: str = "", most: int = 12
) -> tuple[tuple[str, str, str, str], ...]:
    """Version, from, until, how long; the newest `most`, of one version or of all."""
    told = ((s.version or version_of(s.deployment), s) for s in sorted(served, key=lambda s: s.start, reverse=True))
    chosen = ((number, s) for number, s in told if version in {"", number})
    return tuple(
        (
            f"v{number}" if number else s.deployment,
            stamp(s.start),
            stamp(s.end) if s.end else "now",
            duration(((s.end or now) - s.start).total_seconds()),
        )
        for number, s in islice(chosen, most)
    )


def descent(dossier: Dossier, run_page: str, endpoints: tuple[Endpoint | None, ...]) -> tuple[Node, ...]:
    """Commit → pull request → run → data → model → approval → deployment."""
    version, source = dossier.version, dossier.version.lineage
    subject = f"model/{version.name}:{version.version}"
    pull = source.pull_request if source.pull_request.isdecimal() else ""
    to_pull = "pull" if pull else ""
    nodes = [
        Node("Commit", Untrusted(short_commit(source.commit)), "commit", to_pull, _pick(number=pull)),
        Node(
            "Pull request", Untrusted(f"#{pull}" if pull else "–"), "merge", "pull" if pull else "", _pick(number=pull)
        ),
        Node("Run", Untrusted(source.run or "–", 40), "experiment", "run" if run_page else "", _pick(run=run_page)),
        Node("Data", Untrusted(asset(source.data_asset), 60), "database"),
        Node("Model", Untrusted(f"v{version.version}"), "deployed_code"),
    ]
    nodes += [
        Node("Approval", Untrusted(f"{a.decision} by {a.actor}", 80), "how_to_reg", "audit", _pick(subject=subject))
        for a in dossier.approvals[:2]
    ] or [Node("Approval", Untrusted("nobody yet"), "how_to_reg", "decision", _pick(version=version.version))]
    nodes += [
        Node(
            "Deployment",
            Untrusted(f"{e.name} {e.traffic.get(d.name, 0)} %", 80),
            "dns",
            "deployments",
            _promotion(dossier),
        )
        for e in endpoints
        if e is not None
        for d in e.deployments
        if d.version == version.version
    ] or [Node("Deployment", Untrusted("none now"), "dns")]
    return tuple(nodes)


def _pick(**selected: str) -> tuple[tuple[str, str], ...]:
    return tuple(selected.items())


def _promotion(dossier: Dossier) -> tuple[tuple[str, str], ...]:
    return _pick(promotion=dossier.promotions[0].id) if dossier.promotions else ()


def relatives(version: ModelVersion, versions: Iterable[ModelVersion]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The way back: which other versions came of the same data, commit or pull request, or hold the same bytes."""
    others = [v for v in versions if (v.name, v.version) != (version.name, version.version)]
    shared: dict[str, Callable[[ModelVersion], str]] = {
        "Same data": lambda v: v.lineage.data_digest,
        "Same commit": lambda v: v.lineage.commit,
        "Same pull request": lambda v: v.lineage.pull_request,
        "Same bytes": lambda v: v.digest,
    }
    same = {name: [v for v in others if of(version) and of(v) == of(version)] for name, of in shared.items()}
    return tuple((name, tuple(v.version for v in found)) for name, found in same.items() if found)


Row = tuple[str, Untrusted, Untrusted, str]
"""What, in the one, in the other, and the difference where it is a number."""


def apart(
    before: ModelVersion,
    after: ModelVersion,
    params: Mapping[str, tuple[str, str]],
    signatures: tuple[str, str],
    *,
    everything: bool = False,
) -> tuple[Row, ...]:
    """Figures, threshold, origin, signature and parameters; only what differs, unless everything is asked for."""
    rows: list[Row] = []
    for name in METRICS:
        one, other = before.metrics.get(name), after.metrics.get(name)
        change = signed(other - one) if one is not None and other is not None else ""
        rows.append((METRIC_NAMES[name], Untrusted(metric(one)), Untrusted(metric(other)), change))
    moved = signed(after.threshold - before.threshold, 2)
    rows.append(("Threshold", Untrusted(f"{before.threshold:.3g}"), Untrusted(f"{after.threshold:.3g}"), moved))
    texts = [
        ("Data", asset(before.lineage.data_asset), asset(after.lineage.data_asset)),
        ("Data digest", short_digest(before.lineage.data_digest), short_digest(after.lineage.data_digest)),
        ("Environment", asset(before.lineage.environment), asset(after.lineage.environment)),
        ("Commit", short_commit(before.lineage.commit), short_commit(after.lineage.commit)),
        ("Author", before.lineage.author or "–", after.lineage.author or "–"),
        ("Model digest", short_digest(before.digest), short_digest(after.digest)),
        ("Signature", *signatures),
        *((f"Parameter {name[:60]}", *sides) for name, sides in sorted(params.items())),
    ]
    rows += [(name, Untrusted(one), Untrusted(other), "") for name, one, other in texts]
    return tuple(row for row in rows if everything or row[1] != row[2])


def contract_rows(changes: tuple[ContractChange, ...]) -> tuple[tuple[str, Untrusted], ...]:
    return tuple((change.effect.value.capitalize(), Untrusted(change.sentence, 240)) for change in changes)
