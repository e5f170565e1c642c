"""A release dossier as one HTML file: card, gates, evidence, approvals, tests, rollout and ledger of one version."""

from __future__ import annotations

from backend.domain.gates import Finding, FindingState
from backend.domain.promotions import Kind, Promotion, StepRecord
from backend.domain.registry import Approval
from backend.domain.release import Release
from backend.operations.card_html import card_in_dossier
from backend.operations.dossier_evidence_html import quotation
from backend.operations.html_document import document
from backend.operations.plain_html import Content, Html, code, escaped, heading, pairs, paragraph, section, stamp, table
from backend.policy.gates import RESTS_ON

PROOF = "An entry's hash is proved by an export of the ledger: <code>mlops audit verify --file ledger.jsonl</code>."

_MEASURED = {
    "traffic": "traffic", "calls": "calls", "min_calls": "calls asked for", "seconds": "seconds",
    "min_seconds": "seconds asked for", "errors": "errors", "error_rate": "error rate",
    "max_error_rate": "limit of the error rate", "p95_ms": "p95 ms", "max_p95_ms": "limit of p95 ms",
    "requests": "requests", "passed": "passed", "digest": "digest", "threshold": "threshold", "evidence": "evidence",
    "job": "job", "until": "until",
}  # fmt: skip
"""What a step measured and is quoted; answers of the model and rows of data are not among it."""


def page(release: Release) -> bytes:
    """The whole file. The same release gives the same bytes."""
    version = release.dossier.version
    parts = (
        _head(release), _lineage(release), _card(release), _gates(release), _evidence(release), _break_glass(release),
        _approvals(release),
        _rollouts(release), _ledger(release),
    )  # fmt: skip
    return document(f"Release dossier: {version.name} v{version.version}", parts, PROOF)


def _head(release: Release) -> Html:
    version, ledger = release.dossier.version, release.ledger
    whole = f"whole, {ledger.entries} entries" if ledger.whole else f"NOT WHOLE: {ledger.problem}"
    title = Html(f"<h1>Release dossier: {escaped(version.name)} v{escaped(version.version)}</h1>")
    facts = pairs(
        (
            ("State", release.dossier.state.value),
            ("Endpoint", release.endpoint),
            ("Repository", release.repository),
            ("Made", stamp(release.made_at)),
            ("Ledger", whole),
            ("Its last hash", code(release.head)),
        )
    )
    about = paragraph(version.description) if version.description else Html("")
    return Html(f"{title}\n{about}\n{facts}")


def _lineage(release: Release) -> Html:
    version = release.dossier.version
    source = version.lineage
    rows: tuple[tuple[str, Content], ...] = (
        ("Author", source.author),
        ("Commit", code(source.commit)),
        ("Pull request", f"#{source.pull_request}" if source.pull_request else None),
        ("Run", code(source.run)),
        ("Data asset", code(source.data_asset)),
        ("Data digest", code(source.data_digest)),
        ("Environment", code(source.environment)),
        ("Model digest", code(version.digest)),
        ("Threshold", version.threshold),
        ("Registered", stamp(version.created_at)),
    )
    metrics = table(("Metric", "Value"), sorted(version.metrics.items()), "The run recorded no metric.")
    return section("Lineage", pairs(rows), heading("Metrics of its own run's holdout"), metrics)


def _card(release: Release) -> Html:
    return card_in_dossier(release.card)


def _gates(release: Release) -> Html:
    heads = ("Gate", "Level", "Limit", "Result", "Found", "Reason of the rule", "Evidence")
    rows = (
        (
            found.title,
            ("hard" if found.rule.hard else "advisory") if found.rule else "",
            found.rule.limit if found.rule else None,
            found.state.value,
            found.sentence,
            found.rule.reason if found.rule else "",
            code(_rests_on(release, found)),
        )
        for found in release.findings
    )
    gates = release.dossier.gates
    file = pairs((("Gate file", code(gates.digest if gates else "")), ("Read at", gates.commit if gates else "")))
    return section("Gates, against the version it was compared with", file, table(heads, rows, "No gate was judged."))


def _rests_on(release: Release, found: Finding) -> str:
    """The digest of the newest evidence that the gate reads, "" where it has found nothing."""
    kinds = RESTS_ON.get(found.gate, "")
    if found.state is FindingState.NOT_RUN or not kinds:
        return ""
    about = (e for e in release.dossier.evidence if e.model_digest == release.dossier.version.digest)
    return next((e.digest for e in about if e.kind == kinds), "")


def _evidence(release: Release) -> Html:
    parts = [part for found in release.dossier.evidence for part in quotation(found)]
    return section("Evidence", *(parts or [paragraph("No evidence has been frozen.")]))


def _break_glass(release: Release) -> Html:
    """In red, for ever, wherever somebody asked to go past a gate; nothing where nobody did."""
    known = release.dossier
    rows = [
        (o.asked_by, stamp(o.asked_at), o.reason, ", ".join(o.gates), o.confirmed_by, stamp(o.confirmed_at),
         o.confirmed_reason, stamp(o.ended_at or o.ends_at))
        for o in known.overrides
    ]  # fmt: skip
    if not rows:
        return Html("")
    heads = ("Asked by", "When", "Why", "Gates", "Confirmed by", "When", "Why", "Ended")
    return Html(f"<div class='alarm'>{section('Break-glass', table(heads, rows, ''))}</div>")


def _approvals(release: Release) -> Html:
    parts = [part for approval in release.dossier.approvals for part in _approval(approval)]
    return section("Approvals", *(parts or [paragraph("Nobody has decided about this version.")]))


def _approval(approval: Approval) -> tuple[Html, Html]:
    bound: tuple[tuple[str, Content], ...] = (
        ("Why", approval.reason),
        ("Bound to the model", code(approval.digest)),
        ("Threshold", approval.threshold),
        ("Commit", code(approval.commit)),
        ("Data", code(approval.data_digest)),
        ("Gate file", code(approval.gates)),
        ("On the evidence", code(approval.evidence)),
        ("Acknowledged, though not passed", ", ".join(approval.acknowledged) or "nothing"),
    )
    return heading(f"{approval.decision.capitalize()} by {approval.actor}, {stamp(approval.at)}"), pairs(bound)


def _rollouts(release: Release) -> Html:
    known = release.dossier
    parts: list[Html] = []
    for promotion in (*known.promotions, *((known.staging,) if known.staging else ())):
        parts += _rollout(promotion)
    plan = known.rollout
    if plan is not None:
        steps = ", ".join(f"{s.weight} % for {s.min_calls} calls and {s.min_seconds:g} s" for s in plan.steps)
        limits = f"at most {plan.max_error_rate:.2%} errors and p95 {plan.max_p95_ms:g} ms"
        parts.append(paragraph(f"Plan of commit {plan.commit}: {steps}; {limits}."))
        parts.append(paragraph(Html(f"Digest of the plan {code(plan.digest)}")))
    return section("Rollouts and tests", *(parts or [paragraph("It has been neither tested nor promoted.")]))


def _rollout(promotion: Promotion) -> tuple[Html, ...]:
    words = {
        Kind.STAGE: "Test on",
        Kind.PROMOTE: "Promotion on",
        Kind.ROLL_BACK: "Rollback on",
        Kind.ADOPT: "Adoption on",
    }
    asked = f"Asked for by {promotion.requested_by} at {stamp(promotion.created_at)}: {promotion.requested_reason}"
    ended = f"{promotion.phase.value.capitalize()} {stamp(promotion.finished_at)}: {promotion.reason}"
    heads = ("Step", "Weight", "State", "Began", "Ended", "Measured", "Said")
    return (
        heading(f"{words[promotion.kind]} {promotion.target.endpoint}, {promotion.target.deployment}"),
        paragraph(Html(f"Id {code(promotion.id)}")),
        paragraph(asked),
        paragraph(ended),
        table(heads, (_step(record) for record in promotion.steps), "It had no step."),
    )


def _step(record: StepRecord) -> tuple[Content, ...]:
    weight = "" if record.step.weight is None else f"{record.step.weight} %"
    values = "; ".join(f"{words} {record.output[key]}" for key, words in _MEASURED.items() if key in record.output)
    kind = record.step.kind.value.replace("_", " ")
    return kind, weight, record.state.value, stamp(record.started_at), stamp(record.finished_at), values, record.reason


def _ledger(release: Release) -> Html:
    heads = ("Entry", "When", "Who", "What", "About", "Why", "Hash")
    rows = (
        (e.sequence, stamp(e.at), f"{e.actor} ({e.channel})", _alarm(e.action), e.subject, e.reason, code(e.hash))
        for e in release.rows
    )
    return section("Ledger entries that concern it", table(heads, rows, "The ledger has no entry about it."))


def _alarm(action: str) -> Content:
    return Html(f"<b class='alarm'>{escaped(action)}</b>") if action.startswith("break_glass.") else action
