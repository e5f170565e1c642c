"""Promotions in words: step names for people, action names for the ledger. Pure."""

from __future__ import annotations

from backend.domain.promotions import FOUND, FOUND_SINCE, Phase, Promotion, Step, StepKind, StepRecord, Target


def named(step: Step) -> str:
    """A step in words: `Shifting to 10 %`."""
    weight = f"{step.weight} %"
    return {
        StepKind.SNAPSHOT: "Recording production as it is",
        StepKind.CREATE_DEPLOYMENT: "Creating the deployment",
        StepKind.VERIFY_DIGEST: "Verifying the model digest",
        StepKind.SMOKE_TEST: "The smoke test",
        StepKind.LOAD_TEST: "The load test",
        StepKind.REPLAY: "Replaying rows in other batches",
        StepKind.REPLAY_COLLECTED: "Replaying what production was asked",
        StepKind.MIRROR_TRAFFIC: f"Mirroring {weight}" if step.weight else "Ending the mirror",
        StepKind.OBSERVE_MIRROR: f"Observing a mirror of {weight}",
        StepKind.COLLECT_EVIDENCE: "Collecting evidence",
        StepKind.SHIFT_TRAFFIC: f"Shifting to {weight}",
        StepKind.OBSERVE: f"Observing at {weight}",
        StepKind.RESTORE_TRAFFIC: "Returning traffic",
        StepKind.REMOVE_CANDIDATE: "Removing the candidate",
        StepKind.RETIRE_OTHERS: "Clearing the test endpoint",
        StepKind.SCHEDULE_RETIREMENT: "Scheduling the retirement",
        StepKind.UNKNOWN: "A step of a later release",
    }[step.kind]


def doing(step: Step, target: Target) -> str:
    return f"{named(step)} ({target.deployment})."


def action(before: Promotion, after: Promotion) -> str:
    """How the ledger names the change: the phase where that is the news, else the step's new state; "" for no news."""
    turned = after.phase is not before.phase
    if turned and (after.phase.final or after.phase in {Phase.PAUSED, Phase.ROLLING_BACK, Phase.NEEDS_ATTENTION}):
        return f"promotion.{after.phase.value.replace(' ', '_')}"
    for was, now in zip(before.steps, after.steps, strict=False):
        if was.state is not now.state and now.finished_at is not None:
            return f"step.{now.step.kind.value}.{now.state.value}"
    if turned or before.request is not after.request or before.position != after.position:
        return f"promotion.{after.phase.value}"
    return ""


def settled_step(before: Promotion, after: Promotion) -> StepRecord | None:
    """The step that this change ended, or else the one it stands at."""
    was = {record.ordinal: record for record in before.steps}
    for record in after.steps:
        if record.finished_at is not None and was[record.ordinal].finished_at is None:
            return record
    return after.current


def detail(promotion: Promotion, step: StepRecord | None = None) -> dict[str, str | int | float | bool]:
    """What the ledger keeps of a promotion beside its phase."""
    target = promotion.target
    kept: dict[str, str | int | float | bool] = {
        "kind": promotion.kind.value,
        "endpoint": target.endpoint,
        "deployment": target.deployment,
        "model": target.model,
        "version": target.version,
        "digest": target.digest,
        "threshold": target.threshold,
        "commit": target.commit,
        "position": promotion.position,
    }
    if step is not None:
        kept |= {"step": step.step.kind.value, "step_state": step.state.value}
        kept |= {} if step.step.weight is None else {"weight": step.step.weight}
        if step.step.kind is StepKind.SNAPSHOT and "traffic" in step.output:
            kept["traffic"] = step.output["traffic"]
        kept |= {name: step.output[name] for name in (FOUND, FOUND_SINCE) if name in step.output}
    return kept
