"""The quotations of a release dossier: each piece of frozen evidence with its digest, source and figures."""

from __future__ import annotations

from collections.abc import Callable

from backend.domain.authorship import Authorship
from backend.domain.card_file import CardFile
from backend.domain.comparison import METRIC_NAMES, Comparison, Flips
from backend.domain.contract import ContractEvidence
from backend.domain.evidence import Evidence, SmokeResult
from backend.domain.gates import GateFile
from backend.domain.production_flips import ProductionFlips
from backend.domain.quality import HoldoutFigures, LoadResult, Robustness
from backend.domain.supply_chain import SupplyChain
from backend.operations.plain_html import Html, code, heading, pairs, paragraph, stamp, table
from backend.policy.contract.difference import difference


def quotation(found: Evidence) -> tuple[Html, ...]:
    """Heading, digests and body of one piece of evidence."""
    about = pairs(
        (
            ("Digest", code(found.digest)),
            ("About the model", code(found.model_digest)),
            ("Source", code(found.source)),
            ("Frozen", stamp(found.made_at)),
        )
    )
    head = heading(f"{found.kind.replace('_', ' ').capitalize()}, {stamp(found.made_at)}")
    drawn = BODIES.get(found.kind)
    return (head, about, *(drawn(getattr(found, found.kind)) if drawn else ()))


def _comparison(compared: Comparison) -> tuple[Html, ...]:
    sides = (
        (
            name,
            side.version and f"v{side.version}",
            side.threshold,
            code(side.digest),
            code(side.commit),
            code(side.run),
        )
        for name, side in (("champion", compared.champion), ("challenger", compared.challenger))
    )
    holdout = f"{compared.rows} holdout rows of {compared.data_asset}, {compared.positives} positive, "
    shared = f"patients on both sides of the split: {compared.shared_groups}"
    differences = (
        (METRIC_NAMES.get(d.metric, d.metric), f"{d.champion:.4f}", f"{d.challenger:.4f}", f"{d.difference:+.4f}",
         f"{d.low:+.4f} to {d.high:+.4f} ({d.confidence:.0%})", d.verdict.value)
        for d in compared.differences
    )  # fmt: skip
    names = sorted(set(compared.figures.get("champion", {})) | set(compared.figures.get("challenger", {})))
    figures = ((n, *(compared.figures.get(side, {}).get(n) for side in ("champion", "challenger"))) for n in names)
    return (
        table(("Side", "Version", "Threshold", "Digest", "Commit", "Run"), sides, ""),
        paragraph(holdout + shared),
        paragraph(Html(f"Data digest {code(compared.data_digest)}")),
        *(paragraph(Html(f"Digest of the predictions {code(digest)}")) for digest in compared.predictions),
        table(("Paired", "Champion", "Challenger", "Difference", "Interval", "Verdict"), differences, "No difference."),
        table(("Figure, without interval", "Champion", "Challenger"), figures, "No figures."),
        *(_flips(compared.flips) if compared.flips else ()),
    )


def _flips(found: Flips) -> tuple[Html, ...]:
    counts = pairs(
        (
            ("Another answer", f"{found.count:,} of {found.rows:,} patients"),
            ("Ill, now found", found.rescued),
            ("Ill, now missed", found.lost),
            ("Well, now alarmed", found.alarmed),
            ("Well, now cleared", found.cleared),
        )
    )
    cases = ", ".join(str(case.case) for case in found.cases)
    told = f"Cases with the largest change of risk, by their ordinal in the holdout, which names no patient: {cases}."
    return (counts, paragraph(told)) if cases else (counts,)


def _production_flips(found: ProductionFlips) -> tuple[Html, ...]:
    asked = f"{stamp(found.oldest)} to {stamp(found.newest)}" if found.oldest and found.newest else "nothing"
    counts = pairs(
        (
            ("Answered in production by", f"v{found.champion.version}, {found.deployment}"),
            ("Asked again of", f"v{found.challenger.version} at threshold {found.challenger.threshold}"),
            ("Another answer", f"{found.count:,} of {found.rows:,} inputs"),
            ("Positive now", found.turned_positive),
            ("Negative now", found.turned_negative),
            ("Asked", asked),
            ("Digest of the inputs", code(found.inputs)),
            *((("Not replayed", found.problem),) if found.problem else ()),
        )
    )
    heads = ("Answer now", "Risk before", "Risk now", "Bands")
    rows = (
        ("positive" if c.positive else "negative", f"{c.champion:.3f}", f"{c.challenger:.3f}", ", ".join(c.bands))
        for c in found.cases
    )
    return counts, table(heads, rows, "No answer changes.")


def _smoke(smoke: SmokeResult) -> tuple[Html, ...]:
    asked = paragraph(f"{smoke.passed} of {smoke.requests} requests answered as they should, p95 {smoke.p95_ms:g} ms.")
    return asked, *(paragraph(failure) for failure in smoke.failures)


def _contract(found: ContractEvidence) -> tuple[Html, ...]:
    if found.contract is None:
        return (paragraph(found.problem or "The run has left no contract."),)
    fields = (
        (f.name, f.unit, f"{f.low:g} to {f.high:g}", f"{f.possible_low:g} to {f.possible_high:g}")
        for f in found.contract.fields
    )
    asked = table(("Field", "Unit", "Without a warning", "Answered at all"), fields, "No field.")
    if found.before is None:
        return (asked,)
    changes = ((c.effect.value, c.sentence) for c in difference(found.before, found.contract))
    return asked, table(
        ("To a caller", f"Against v{found.champion}"), changes, f"Nothing differs from v{found.champion}."
    )


def _load(load: LoadResult) -> tuple[Html, ...]:
    asked = (
        f"{load.requests:,} requests, {load.at_a_time} at a time, {load.errors} errors, {load.per_second:.0f} a second"
    )
    return (paragraph(f"{asked}; p50 {load.p50_ms:.1f}, p95 {load.p95_ms:.1f}, p99 {load.p99_ms:.1f} ms."),)


def _holdout(found: HoldoutFigures) -> tuple[Html, ...]:
    named = (
        ("Sensitivity", found.sensitivity),
        ("Specificity", found.specificity),
        ("AUC", found.auc),
        ("Brier score", found.brier),
        ("Calibration slope", found.slope),
        ("Calibration intercept", found.intercept),
    )
    rows = ((name, f"{e.value:.4f}", f"{e.low:.4f} to {e.high:.4f}") for name, e in named if e is not None)
    about = f"{found.rows:,} rows, {found.positives:,} ill, at threshold {found.threshold:g}; patients on both sides: "
    return (
        paragraph(f"{about}{found.shared_groups}"),
        paragraph(Html(f"Digest of the predictions {code(found.predictions)}")),
        table(("Figure", "Value", f"Interval ({found.confidence:.0%})"), rows, "No figures."),
    )


def _robustness(found: Robustness) -> tuple[Html, ...]:
    groups = (
        ("refused", found.let_through),
        ("risk rises", found.falls),
        ("told or unchanged", found.silent),
    )
    rows = [("same answer in any batch", found.batch.check, found.batch.rows, f"{found.batch.share:.2g}", "")]
    rows += [(what, c.check, c.rows, f"{100 * c.share:.1f} %", c.note) for what, checks in groups for c in checks]
    return (table(("Expected", "Check", "Rows", "Otherwise", "Note"), rows, "Nothing was tried."),)


def _gate_file(found: GateFile) -> tuple[Html, ...]:
    rows = ((r.name, "hard" if r.hard else "advisory", r.limit, r.reason) for r in found.rules)
    changed = "yes, by the change that made the version" if found.changed_with_model else "no"
    return (
        pairs(
            (("Digest of the file", code(found.digest)), ("Read at", found.commit), ("Changed with the model", changed))
        ),
        table(("Gate", "Level", "Limit", "Reason"), rows, "The file holds no rule."),
    )


def _card_file(found: CardFile) -> tuple[Html, ...]:
    rows = (("Digest of the file", code(found.digest)), ("Commit", code(found.commit)))
    problems = "; ".join(found.problems) or "All required fields are written."
    return pairs(rows), paragraph(problems)


def _supply_chain(found: SupplyChain) -> tuple[Html, ...]:
    environment = found.environment
    files = ((file.path, f"{file.size:,}", code(file.sha256)) for file in found.files)
    asked = environment.packages if environment else ()
    packages = ", ".join(f"{p.name} {p.version or 'unpinned'}" for p in asked)
    return (
        pairs(
            (
                ("Digest of the folder", code(found.digest)),
                ("Digest its run left", code(found.run_digest)),
                ("Could run code", "; ".join(found.runs_code) or "nothing"),
                ("Refused because", "; ".join(found.refusals) or "it is not"),
                ("Types that are loaded", ", ".join(found.types)),
                ("Environment", code(environment.asset if environment else "")),
                ("Its definition", code(environment.digest if environment else "")),
                ("Its image", environment.image if environment else ""),
                ("Its packages", packages),
            )
        ),
        table(("File", "Bytes", "sha256"), files, "The folder is empty."),
    )


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


BODIES: dict[str, Callable[..., tuple[Html, ...]]] = {
    "comparison": _comparison,
    "production_flips": _production_flips,
    "smoke": _smoke,
    "contract": _contract,
    "load": _load,
    "holdout": _holdout,
    "robustness": _robustness,
    "gates": _gate_file,
    "card": _card_file,
    "supply_chain": _supply_chain,
    "authorship": _authorship,
}
"""How each kind is quoted; one that is missing here is quoted by its digests alone."""
