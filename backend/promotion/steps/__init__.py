"""The step of each kind: `run(ctx)` looks first, acts at most once, and returns. It neither waits nor sleeps."""

from __future__ import annotations

from backend.domain.promotions import StepKind
from backend.promotion.context import Run
from backend.promotion.steps import (
    collect_evidence,
    create_deployment,
    load_test,
    mirror_traffic,
    observe,
    observe_mirror,
    remove_candidate,
    replay,
    replay_collected,
    restore_traffic,
    retire_others,
    schedule_retirement,
    shift_traffic,
    smoke_test,
    snapshot,
    verify_digest,
)

STEPS: dict[StepKind, Run] = {
    StepKind.SNAPSHOT: snapshot.run,
    StepKind.CREATE_DEPLOYMENT: create_deployment.run,
    StepKind.VERIFY_DIGEST: verify_digest.run,
    StepKind.SMOKE_TEST: smoke_test.run,
    StepKind.LOAD_TEST: load_test.run,
    StepKind.REPLAY: replay.run,
    StepKind.REPLAY_COLLECTED: replay_collected.run,
    StepKind.MIRROR_TRAFFIC: mirror_traffic.run,
    StepKind.OBSERVE_MIRROR: observe_mirror.run,
    StepKind.COLLECT_EVIDENCE: collect_evidence.run,
    StepKind.SHIFT_TRAFFIC: shift_traffic.run,
    StepKind.OBSERVE: observe.run,
    StepKind.RESTORE_TRAFFIC: restore_traffic.run,
    StepKind.REMOVE_CANDIDATE: remove_candidate.run,
    StepKind.RETIRE_OTHERS: retire_others.run,
    StepKind.SCHEDULE_RETIREMENT: schedule_retirement.run,
}
