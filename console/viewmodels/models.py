"""Model versions as rows, and one version with everything it came from."""

from __future__ import annotations

from datetime import datetime

from backend.domain.decisions import Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.registry import ModelVersion
from console.viewmodels.figures import ago, asset, metric, stamp
from console.viewmodels.state import KINDS
from console.viewmodels.text import Untrusted

NBSP = "\N{NO-BREAK SPACE}"
METRICS = ("auc", "sensitivity", "specificity", "brier")
"""What a list of versions shows of each."""


def where(version: ModelVersion, endpoints: tuple[Endpoint | None, ...]) -> str:
    """`diabetes-endpoint 100 %, diabetes-test 0 %`: the deployments that carry this version now."""
    found = [
        f"{endpoint.name}{NBSP}{endpoint.traffic.get(deployment.name, 0)}{NBSP}%"
        for endpoint in endpoints
        if endpoint is not None
        for deployment in endpoint.deployments
        if deployment.version == version.version
    ]
    return ", ".join(found) or "nowhere"


def lineage(version: ModelVersion) -> tuple[tuple[str, Untrusted], ...]:
    """From the commit to the digest, in the order in which it came to be."""
    from_ = version.lineage
    return (
        ("Author", Untrusted(from_.author or "unknown")),
        ("Commit", Untrusted(from_.commit or "–")),
        ("Pull request", Untrusted(f"#{from_.pull_request}" if from_.pull_request else "–")),
        ("Run", Untrusted(from_.run or "–", 60)),
        ("Data asset", Untrusted(asset(from_.data_asset))),
        ("Data digest", Untrusted(from_.data_digest or "–")),
        ("Environment", Untrusted(asset(from_.environment))),
        ("Model digest", Untrusted(version.digest, 80)),
        ("Threshold", Untrusted(f"{version.threshold:.3g}")),
        ("Registered", Untrusted(stamp(version.created_at))),
    )


def figures(version: ModelVersion) -> tuple[str, ...]:
    return tuple(metric(version.metrics.get(name)) for name in METRICS)


def history(dossier: Dossier, now: datetime) -> tuple[tuple[str, Untrusted, Untrusted], ...]:
    """Decisions and promotions of a version: what and when, by whom, why; of a test, how it ended."""
    told = [
        (a.at, f"{a.decision.capitalize()} {ago(a.at, now)}", Untrusted(a.actor, 60), Untrusted(a.reason, 240))
        for a in dossier.approvals
    ]
    if (test := dossier.staging) is not None:
        what = f"{test.kind.value.capitalize()}, {test.phase.value}, {ago(test.created_at, now)}"
        told.append((test.created_at, what, Untrusted(test.requested_by, 60), Untrusted(test.reason, 400)))
    told += [
        (
            p.created_at,
            f"{KINDS[p.kind]} {p.phase.value}, {ago(p.created_at, now)}",
            Untrusted(p.requested_by, 60),
            Untrusted(p.requested_reason or p.reason, 240),
        )
        for p in dossier.promotions
    ]
    return tuple((what, who, why) for _, what, who, why in sorted(told, key=lambda line: line[0], reverse=True))
