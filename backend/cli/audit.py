"""`mlops audit`: the ledger, and whether its chain is whole."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.audit_answers import at, export
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend
from backend.domain.anchors import AnchorReport
from backend.domain.audit import AuditKind, ChainReport
from backend.errors import CorruptState
from backend.operations.auditing import verified_file

KINDS = {kind.value.replace(" ", "-"): kind for kind in AuditKind}


@click.group()
def audit() -> None:
    """Who did what, when and why."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--subject", default="", help="Only this subject, such as model/diabetes-classifier:2.")
@click.option("--actor", default="", help="Only this actor.")
@click.option("--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, help="Only these kinds of act.")
@json_option
def list_entries(limit: int, subject: str, actor: str, kinds: tuple[str, ...], as_json: bool) -> None:
    """The newest entries first."""
    chosen = [KINDS[kind] for kind in kinds]
    entries = backend().ledger.entries(limit=limit, subject=subject, actor=actor, kinds=chosen)
    if as_json:
        print_json(entries)
        return
    print_table(
        ("#", "When", "Who", "What", "Subject", "Why"),
        ((e.sequence, moment(e.at), f"{e.actor} ({e.channel})", e.action, e.subject, e.reason) for e in entries),
        "The ledger is empty: it begins with the first sign-in, setup or decision.",
    )


@audit.command()
@click.option("--file", "path", type=click.Path(path_type=Path), help="An exported ledger; needs no database.")
@json_option
def verify(path: Path | None, as_json: bool) -> None:
    """Walk the hash chain from the first entry to the last, and compare it with its anchors in the repository."""
    if path is not None:
        _say(verified_file(path), None, f"{path.name} is not whole", "Prove nothing by this file.", as_json)
        return
    known = backend()
    report, anchors = known.ledger.verify(), known.anchoring.compare()
    _say(report, anchors, "The ledger is not whole", "Stop the worker and call an administrator.", as_json)


def _say(report: ChainReport, anchors: AnchorReport | None, broken: str, to_do: str, as_json: bool) -> None:
    if as_json:
        told = {} if anchors is None else {"anchors": anchors.model_dump(mode="json")}
        print_json({**report.model_dump(mode="json"), **told})
    problem = report.problem or (anchors.problem if anchors else "")
    if problem:
        raise CorruptState(f"{broken}: {problem}. {to_do}")
    if not as_json:
        click.echo(f"Whole: {report.entries} entries")
    if anchors is not None and not as_json:
        click.echo(_anchored(anchors))


def _anchored(anchors: AnchorReport) -> str:
    if anchors.unread:
        return f"Anchors unread, so only the chain itself is proved: {printable(anchors.unread, 300)}"
    if not anchors.agreeing:
        return "No anchor yet: one is written after the first promotion, or after a day."
    return f"Anchors: {anchors.agreeing} agree, the newest at entry {anchors.newest}"


audit.add_command(at)
audit.add_command(export)
