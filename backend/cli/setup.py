"""`mlops setup`: show what would be created, then make it so."""

from __future__ import annotations

from pathlib import Path

import click

from backend.bootstrap import build_setup
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.setup import AppliedResource, Change, PlannedResource, SetupFinding
from backend.errors import Rejected
from backend.settings import load

MARKS = {Change.CREATE: "+", Change.UPDATE: "~", Change.NONE: "=", Change.UNREADABLE: "?"}
file_option = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def setup() -> None:
    """The declared resources of Azure and GitHub."""


@setup.command()
@click.option("--dev-data", type=file_option, help="CSV of the dev data asset.")
@click.option("--prod-data", type=file_option, help="CSV of the production data asset.")
@json_option
def plan(dev_data: Path | None, prod_data: Path | None, as_json: bool) -> None:
    """What apply would create or change. Nothing is changed by this."""
    found = build_setup(load(), dev_data, prod_data).plan()
    if as_json:
        print_json(found)
        return
    print_table(("", "Kind", "Name", "Where", "What"), map(_row, found.resources), "Nothing is declared.")
    click.echo(f"{len(found.pending)} to create or change, {len(found.unknown)} not to be seen")
    if found.cost is not None:
        click.echo(f"About {found.cost.words}")


def _row(planned: PlannedResource) -> tuple[str, ...]:
    said = (planned.change.value, *planned.sentences, *((planned.note,) if planned.note else ()))
    what = "; ".join(map(printable, said))
    return MARKS[planned.change], planned.kind, planned.name, planned.where, what


@setup.command()
@click.option("--dev-data", type=file_option, help="CSV of the dev data asset.")
@click.option("--prod-data", type=file_option, help="CSV of the production data asset.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(dev_data: Path | None, prod_data: Path | None, yes: bool) -> None:
    """Create and change what differs, in order. A failure stops; repeating continues."""
    settings = load()
    actor = current_actor(settings, backend())
    operations = build_setup(settings, dev_data, prod_data)
    if not yes:
        click.confirm(f"Apply {len(operations.plan().pending)} changes?", abort=True)
    left: list[AppliedResource] = []

    def report(applied: AppliedResource) -> None:
        resource = applied.resource
        mark = "done" if applied.done else "left"
        click.echo(f"{mark}  {resource.kind} {resource.name} ({resource.where}): {applied.message}")
        if not applied.done:
            left.append(applied)

    if not operations.apply(actor, report) and any(a.resource.change is Change.UNREADABLE for a in left):
        raise Rejected("Some resources could not be read, so it is unknown whether they are as declared.")


@setup.command()
@json_option
def findings(as_json: bool) -> None:
    """What the worker found not to be as declared, or could not see; the oldest first."""
    found = backend().setup.findings()
    if as_json:
        print_json(found)
        return
    print_table(
        ("Id", "First seen", "State", "Owner", "What", "Fix"),
        ((one.id, moment(one.first_seen), one.state.value, one.owner or "-", one.sentence, _fix(one)) for one in found),
        "Nothing has drifted, and everything can be seen.",
    )


@setup.command()
@click.argument("finding_id")
@click.option("--reason", required=True, help="What you will do about it.")
@json_option
def take(finding_id: str, reason: str, as_json: bool) -> None:
    """Become the one who looks after a finding."""
    settings, known = load(), backend()
    _told(known.setup.take(current_actor(settings, known), finding_id, reason), as_json)


@setup.command()
@click.argument("finding_id")
@click.option("--reason", required=True, help="Why it is to be as declared again.")
@json_option
def fix(finding_id: str, reason: str, as_json: bool) -> None:
    """Ask the worker to make it as declared; where it may not, it says what a person has to do."""
    settings, known = load(), backend()
    _told(known.setup.fix(current_actor(settings, known), finding_id, reason), as_json)


def _told(finding: SetupFinding, as_json: bool) -> None:
    if as_json:
        print_json(finding)
        return
    click.echo(f"{finding.owner} looks after {finding.sentence}. {_fix(finding)}".rstrip())


def _fix(finding: SetupFinding) -> str:
    return f"Fix {finding.fix.value}. {finding.fix_outcome}".rstrip() if finding.fix.value else ""
