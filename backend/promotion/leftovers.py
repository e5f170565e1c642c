"""Test deployments that wait for nobody any more: each gets a dated end, like what is kept warm in production."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.promotions import Kind, Phase, Promotion
from backend.settings import Project
from backend.store import Store

WAITS_AGAIN = "somebody waits for it again"


def schedule_ends(store: Store, project: Project) -> None:
    """Give the newest test deployment its end, or take that back where a decision is awaited again."""
    newest = next(iter(store.promotions.latest_on(project.test_endpoint, 1)), None)
    if newest is None or not newest.phase.final:
        return
    name = newest.target.deployment
    since = idle_since(store, project, newest)
    scheduled = any(r.deployment == name for r in store.retirements.open(project.test_endpoint))
    if since is None:
        if scheduled:
            store.retirements.cancel(project.test_endpoint, name, WAITS_AGAIN)
        return
    if not scheduled:
        # Asked again after its end, the first date stands, and nothing happens twice.
        due = since + timedelta(hours=project.keep_test_hours)
        store.retirements.schedule(project.test_endpoint, name, newest.id, due)


def idle_since(store: Store, project: Project, test: Promotion) -> datetime | None:
    """When the tested version stopped waiting: its test failed, it was rejected, or promoted; None while it waits."""
    if test.phase is not Phase.SUCCEEDED:
        return test.finished_at
    target = test.target
    approval = next(iter(store.approvals.of_version(target.model, target.version)), None)
    if approval is not None and approval.decision == "rejected" and approval.digest == target.digest:
        return approval.at
    later = [p for p in store.promotions.of_version(target.model, target.version) if p.kind is Kind.PROMOTE]
    newest = next((p for p in later if p.target.digest == target.digest), None)
    if newest is not None and newest.phase in {Phase.SUCCEEDED, Phase.ROLLED_BACK}:
        return newest.finished_at if newest.created_at > test.created_at else _serves(store, project, target.digest)
    return _serves(store, project, target.digest)


def _serves(store: Store, project: Project, digest: str) -> datetime | None:
    stable = store.promotions.stable(project.endpoint)
    return stable.finished_at if stable is not None and stable.target.digest == digest else None
