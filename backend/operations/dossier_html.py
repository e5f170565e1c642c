"""A release dossier as one HTML file: no script, no address outside it, light, made to be printed.

Its `main` element is the content; the sha256 of those bytes stands below it, and the command that proves it.
"""

from __future__ import annotations

import hashlib
import html

from backend.domain.authorship import Authorship
from backend.domain.comparison import Comparison
from backend.domain.evidence import Evidence, SmokeResult
from backend.domain.promotions import Kind, Promotion, StepRecord
from backend.domain.release import Release
from backend.operations.plain_html import Content, Html, code, escaped, heading, pairs, paragraph, section, stamp, table

_STYLE = """
:root { color-scheme: light; }
body { font: 13px/1.45 system-ui, sans-serif; color: #16202c; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; } h3 { font-size: .9rem; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 .8rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #d8dee6;
  overflow-wrap: anywhere; }
th { font-weight: 600; color: #4a5a6b; } .pairs th { width: 12rem; } code { font: 11.5px ui-monospace, monospace; }
.alarm { border-left: 4px solid #b3261e; padding-left: .8rem; color: #8c1d18; } .alarm th { color: #8c1d18; }
footer { border-top: 2px solid #16202c; margin-top: 2rem; padding-top: .6rem; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } section { break-before: auto; }
  tr { break-inside: avoid; } thead { display: table-header-group; } h2, h3 { break-after: avoid; } }
"""

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
    content = "\n".join(
        ("<main>", _head(release), _lineage(release), _gates(release), _evidence(release), _break_glass(release),
         _approvals(release), _rollouts(release), _ledger(release), "</main>\n")
    )  # fmt: skip
    digest = hashlib.sha256(content.encode()).hexdigest()
    name = html.escape(f"{version.name} v{version.version}")
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Release dossier: {name}</title>\n<style>{_STYLE}</style></head><body>\n"
        f"{content}{_foot(digest)}</body></html>\n"
    ).encode()


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


def _gates(release: Release) -> Html:
    rows = ((found.gate, found.state.value, found.sentence) for found in release.findings)
    return section(
        "Gates, against the version it was compared with", table(("Gate", "Result", "Why"), rows, "No gate was judged.")
    )


def _evidence(release: Release) -> Html:
    parts = [part for found in release.dossier.evidence for part in _quotation(found)]
    return section("Evidence", *(parts or [paragraph("No evidence has been frozen.")]))


def _quotation(found: Evidence) -> tuple[Html, ...]:
    about = pairs(
        (
            ("Digest", code(found.digest)),
            ("About the model", code(found.model_digest)),
            ("Source", code(found.source)),
            ("Frozen", stamp(found.made_at)),
        )
    )
    head = heading(f"{found.kind.capitalize()}, {stamp(found.made_at)}")
    if found.comparison is not None:
        return (head, about, *_comparison(found.comparison))
    if found.authorship is not None:
        return (head, about, *_authorship(found.authorship))
    return (head, about, *(() if found.smoke is None else _smoke(found.smoke)))


def _comparison(compared: Comparison) -> tuple[Html, ...]:
    sides = (
        (name, side.version and f"v{side.version}", code(side.digest), code(side.commit), code(side.run))
        for name, side in (("champion", compared.champion), ("challenger", compared.challenger))
    )
    holdout = f"{compared.rows} holdout rows of {compared.data_asset}, {compared.positives} positive, "
    shared = f"patients on both sides of the split: {compared.shared_groups}"
    differences = (
        (d.metric, f"{d.champion:.4f}", f"{d.challenger:.4f}", f"{d.difference:+.4f}",
         f"{d.low:+.4f} to {d.high:+.4f} ({d.confidence:.0%})", d.verdict.value)
        for d in compared.differences
    )  # fmt: skip
    names = sorted(set(compared.figures.get("champion", {})) | set(compared.figures.get("challenger", {})))
    figures = ((n, *(compared.figures.get(side, {}).get(n) for side in ("champion", "challenger"))) for n in names)
    return (
        table(("Side", "Version", "Digest", "Commit", "Run"), sides, ""),
        paragraph(holdout + shared),
        paragraph(Html(f"Data digest {code(compared.data_digest)}")),
        table(("Paired", "Champion", "Challenger", "Difference", "Interval", "Verdict"), differences, "No difference."),
        table(("Figure, without interval", "Champion", "Challenger"), figures, "No figures."),
    )


def _smoke(smoke: SmokeResult) -> tuple[Html, ...]:
    asked = paragraph(f"{smoke.passed} of {smoke.requests} requests answered as they should, p95 {smoke.p95_ms:g} ms.")
    return asked, *(paragraph(failure) for failure in smoke.failures)


def _authorship(known: Authorship) -> tuple[Html, ...]:
    commits = ((code(c.commit), ", ".join(c.authors)) for c in known.commits)
    by = (
        "not told"
        if known.submitter is None
        else f"{known.submitter.name}{', by hand' if known.submitter.person else ''}"
    )
    return (
        paragraph(f"The run was submitted by: {by}. {'' if known.complete else 'Not every commit could be listed.'}"),
        table(("Commit", "Authors"), commits, "No commit."),
    )


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
    heads = ("Decision", "By", "When", "Why", "Threshold", "Bound to the model", "On the evidence")
    rows = (
        (a.decision, a.actor, stamp(a.at), a.reason, a.threshold, code(a.digest), code(a.evidence))
        for a in release.dossier.approvals
    )
    return section("Approvals", table(heads, rows, "Nobody has decided about this version."))


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
    words = {Kind.STAGE: "Test on", Kind.PROMOTE: "Promotion on", Kind.ROLL_BACK: "Rollback on"}
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


def _foot(digest: str) -> str:
    check = r"sed -n '/^&lt;main&gt;$/,/^&lt;\/main&gt;$/p' FILE | sha256sum"
    return (
        f"<footer><p>sha256 of the content: <code>{digest}</code></p>\n<p>To check: <code>{check}</code>. An entry's "
        "hash is proved by an export of the ledger: <code>mlops audit verify --file ledger.jsonl</code>.</p></footer>\n"
    )
