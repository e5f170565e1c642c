"""Test deployments that wait for nobody any more: each gets a dated end, like what is kept warm in production."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.approvals import REJECTED
from backend.domain.promotions import Kind, Phase, Promotion, StepKind, StepState
from backend.settings_project import Project
from backend.store import Store

WAITS_AGAIN = "somebody waits for it again"
RECENT = 20
"""Tests among which the newest deployment is looked for: one that was refused before it deployed leaves none."""


def schedule_ends(store: Store, project: Project) -> None:
    """Give the newest test deployment its end, or take that back where a decision is awaited again."""
    latest = reversed(store.promotions.latest_on(project.test_endpoint, RECENT))
    newest = next((test for test in latest if not test.phase.final or _left(test)), None)
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


def _left(test: Promotion) -> bool:
    """Whether it came so far as to leave a deployment: one that was refused before that leaves nothing to miss."""
    made = (record for record in test.steps if record.step.kind is StepKind.CREATE_DEPLOYMENT)
    return any(record.state is StepState.SUCCEEDED or record.output.get("begun") for record in made)


def idle_since(store: Store, project: Project, test: Promotion) -> datetime | None:
    """When the tested version stopped waiting: its test failed, it was rejected, or promoted; None while it waits."""
    if test.phase is not Phase.SUCCEEDED:
        return test.finished_at
    target = test.target
    approval = next(iter(store.approvals.of_version(target.model, target.version)), None)
    if approval is not None and approval.decision == REJECTED and approval.digest == target.digest:
        return approval.at
    later = [p for p in store.promotions.of_version(target.model, target.version) if p.kind is Kind.PROMOTE]
    newest = next((p for p in later if p.target.deployment == target.deployment), None)
    if newest is not None and newest.phase in {Phase.SUCCEEDED, Phase.ROLLED_BACK}:
        return newest.finished_at if newest.created_at > test.created_at else _serves(store, project, target.deployment)
    return _serves(store, project, target.deployment)


def _serves(store: Store, project: Project, deployment: str) -> datetime | None:
    """By the deployment's name, which tells the threshold too."""
    stable = store.promotions.stable(project.endpoint)
    return stable.finished_at if stable is not None and stable.target.deployment == deployment else None
