"""`mlops models`: registered versions, their lineage and what is known about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.lazy import LazyGroup
from backend.cli.output import comparison_lines, json_option, moment, print_json, print_table, short
from backend.cli.printable import printable
from backend.cli.session import backend
from backend.domain.decisions import Dossier
from backend.domain.registry import ModelVersion
from backend.errors import NotFound
from backend.operations.ledger_file import write as save

if TYPE_CHECKING:
    from backend.bootstrap import Backend


@click.group(cls=LazyGroup, later={"card": "backend.cli.model_card", "sbom": "backend.cli.model_card"})
def models() -> None:
    """Model versions."""


def find_version(known: Backend, version: str) -> ModelVersion:
    """The version as the registry holds it now. Raises NotFound with the versions there are."""
    versions = known.models.versions()
    for candidate in versions:
        if candidate.version == version.removeprefix("v"):
            return candidate
    there = ", ".join(v.version for v in versions[:10]) or "none yet"
    raise NotFound(f"There is no model version {version}; registered: {there}.")


@models.command("list")
@json_option
def list_versions(as_json: bool) -> None:
    """Registered versions, newest first."""
    known = backend()
    dossiers = [known.models.dossier(version) for version in known.models.versions()]
    if as_json:
        print_json([_summary(dossier) for dossier in dossiers])
        return
    print_table(
        ("Version", "State", "AUC", "Commit", "PR", "Run", "Digest", "Registered"),
        (
            (
                d.version.version,
                d.state.value,
                f"{d.version.metrics['auc']:.4f}" if "auc" in d.version.metrics else "-",
                short(d.version.lineage.commit),
                d.version.lineage.pull_request or "-",
                d.version.lineage.run,
                short(d.version.digest),
                moment(d.version.created_at),
            )
            for d in dossiers
        ),
        "No version yet: a merge that touches training/ registers one.",
    )


@models.command()
@click.argument("version")
@json_option
def show(version: str, as_json: bool) -> None:
    """One version with its lineage, evidence, decisions and promotions."""
    known = backend()
    dossier = known.models.dossier(find_version(known, version))
    if as_json:
        print_json({**_summary(dossier), "dossier": dossier.model_dump(mode="json")})
        return
    found = dossier.version
    click.echo(f"{found.name} v{found.version}: {dossier.state.value}")
    if dossier.why:
        click.echo(printable(dossier.why, 400))
    click.echo(f"digest {found.digest}, threshold {found.threshold}")
    for name, value in found.lineage.model_dump().items():
        click.echo(f"  {name.replace('_', ' ')}: {printable(value or '-')}")
    if dossier.staging:
        click.echo(f"  test: {dossier.staging.phase.value}. {printable(dossier.staging.reason, 400)}")
    for evidence in dossier.evidence:
        if evidence.comparison:
            for line in comparison_lines(evidence.comparison):
                click.echo(f"  against v{evidence.comparison.champion.version}: {line}")
        if evidence.smoke:
            click.echo(f"  smoke test: {evidence.smoke.passed} of {evidence.smoke.requests} passed")
    for approval in dossier.approvals:
        click.echo(
            f"  {approval.decision} by {approval.actor}, {moment(approval.at)}: {printable(approval.reason, 400)}"
        )


def _summary(dossier: Dossier) -> dict[str, object]:
    reason = dossier.why or (dossier.staging.reason if dossier.staging else "")
    return {**dossier.version.model_dump(mode="json"), "state": dossier.state.value, "reason": reason}


@models.command("dossier")
@click.argument("version")
@click.option("--out", "path", type=click.Path(path_type=Path), required=True, help="The HTML file to write.")
def write_dossier(version: str, path: Path) -> None:
    """Write all that is recorded about a version as one self-contained HTML file."""
    known = backend()
    found = find_version(known, version)
    save(path, [known.releases.dossier_file(found)])
    click.echo(f"{path}: {found.name} v{found.version}")
