"""What served at a moment, as rows: who answers for each deployment, and by which ledger entry."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.serving import LedgerRow, ServedAt, Share
from console.viewmodels.figures import short_commit, stamp
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about a deployment; `entry` is the ledger row that tells it, "" where none does."""

    name: str
    value: Untrusted
    why: Untrusted
    entry: str
    digest: str = ""


def facts(share: Share) -> tuple[Fact, ...]:
    """Everything that is known of a deployment that had traffic, from what it was to what it was judged by."""
    if share.promoted is None:
        why = Untrusted("No promotion of this ledger brought it.")
        return (Fact("Origin", Untrusted("unknown"), why, ""),)
    threshold = "–" if share.threshold is None else f"{share.threshold:.3g}"
    change = f"#{share.pull_request}" if share.pull_request else "no pull request recorded"
    author = f"by {share.author}" if share.author else ""
    return (
        Fact("Model", Untrusted(f"{share.model} v{share.version}"), Untrusted(f"threshold {threshold}"), ""),
        Fact("Digest", Untrusted(share.digest, 80), Untrusted(""), "", share.digest),
        Fact("Change", Untrusted(f"{short_commit(share.commit)}, {change}"), Untrusted(author), ""),
        _by("Promoted", share.promoted),
        *(_by("Approved", row) for row in share.approved or (None,)),
        *(
            Fact(
                f"Evidence, {row.action.removeprefix('evidence.')}",
                Untrusted(row.told, 80),
                Untrusted(f"frozen {stamp(row.at)}"),
                entry(row),
                row.told,
            )
            for row in share.evidence
        ),
    )


def since(answer: ServedAt) -> str:
    if answer.since is None:
        return ""
    return f"{'found so' if answer.elsewhere else 'so'} since {stamp(answer.since)}"


def entry(row: LedgerRow) -> str:
    return f"#{row.sequence} {row.hash.removeprefix('sha256:')[:8]}"


def _by(name: str, row: LedgerRow | None) -> Fact:
    if row is None:
        return Fact(name, Untrusted("by nobody"), Untrusted("No such entry stands before it in the ledger."), "")
    return Fact(name, Untrusted(f"{row.actor}, {stamp(row.at)}"), Untrusted(row.reason or row.action, 300), entry(row))
