"""`mlops models card` and `mlops models sbom`: what a version is for, how it does, and what it is made of."""

from __future__ import annotations

from pathlib import Path

import click

from backend.bootstrap import Backend
from backend.cli.models import find_version
from backend.cli.output import json_option, print_json
from backend.cli.printable import printable
from backend.cli.session import backend
from backend.domain.model_card import CardDifference, CardField, ModelCard
from backend.domain.registry import ModelVersion
from backend.operations.ledger_file import write as save

LONGEST = 600


@click.command()
@click.argument("version")
@click.option("--out", "path", type=click.Path(path_type=Path), help="Write it as one self-contained HTML file.")
@click.option("--against", metavar="VERSION", help="What differs from this version's card, by default the champion's.")
@json_option
def card(version: str, path: Path | None, against: str | None, as_json: bool) -> None:
    """The model card, computed from evidence; exit code 1 where a required field is missing."""
    known = backend()
    found = find_version(known, version)
    other = _other(known, found, against)
    made = known.releases.card(found)
    if path is not None:
        save(path, [known.releases.card_file(found, other)])
    compared = known.releases.difference(found, other) if other else None
    if as_json:
        changes = [change.model_dump(mode="json") for change in compared.changes] if compared else []
        told = {"against": other.version if other else "", "differences": changes}
        print_json({**made.model_dump(mode="json"), **told})
    elif path is not None:
        click.echo(f"{path}: the model card of {made.name}")
    elif compared is not None and against is not None:
        _print_difference(compared)
    else:
        _print(made)
    if made.problems:
        click.echo(f"The card is not complete: {printable('; '.join(made.problems), LONGEST)}", err=True)
        click.get_current_context().exit(1)


@click.command()
@click.argument("version")
@click.option("--out", "path", type=click.Path(path_type=Path), help="The file to write; without it, it is printed.")
def sbom(version: str, path: Path | None) -> None:
    """What a version is made of, as CycloneDX JSON: files, packages, image."""
    known = backend()
    found = find_version(known, version)
    made = known.releases.sbom(found)
    if path is None:
        click.echo(made.decode(), nl=False)
        return
    save(path, [made])
    click.echo(f"{path}: the bill of materials of {found.name} v{found.version}")


def _other(known: Backend, found: ModelVersion, against: str | None) -> ModelVersion | None:
    if against is not None:
        return find_version(known, against)
    return known.releases.compared_with(found, known.models.versions())


def _print(made: ModelCard) -> None:
    click.echo(f"Model card of {made.name}")
    for part in made.parts:
        click.echo(f"\n{part.title}")
        for field in part.fields:
            _print_field(field)
        if not part.fields:
            click.echo(f"  {part.empty}")


def _print_field(field: CardField) -> None:
    first, *more = (printable(value, LONGEST) for value in field.values or ("-",))
    click.echo(f"  {field.name}: {first}")
    for value in more:
        click.echo(f"    {value}")


def _print_difference(compared: CardDifference) -> None:
    before, after = f"v{compared.before.version}", f"v{compared.after.version}"
    click.echo(f"{after} against {before}: {len(compared.changes)} of {len(compared.fields)} fields differ")
    for change in compared.changes:
        click.echo(f"  {change.part}, {change.name}")
        for name, values in ((before, change.before), (after, change.after)):
            click.echo(f"    {name}: {printable('; '.join(values) or '-', LONGEST)}")
