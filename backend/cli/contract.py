"""`mlops contract`: what callers are promised, what would change for them, and a practice endpoint."""

from __future__ import annotations

import json
import secrets
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from backend.cli.models import find_version
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.contract import ContractEffect, Language, OfVersion
from backend.domain.key_rotation import Which
from backend.errors import Invalid, NotFound
from backend.settings import load

if TYPE_CHECKING:
    from backend.bootstrap import Backend

FORMS = ("table", "schema", "openapi", "file")


@click.group()
def contract() -> None:
    """The contract of an endpoint with the programs that call it."""


def _of(known: Backend, what: str) -> OfVersion:
    """The contract of a version (`v12`, `12`) or of what serves an endpoint (the production endpoint if "")."""
    if what.removeprefix("v").isdigit():
        return known.contracts.of(find_version(known, what))
    endpoint = what or known.settings.project.endpoint
    found = known.contracts.served(endpoint)
    if found is None:
        raise NotFound(f"Nothing has been brought to {endpoint} yet; name a version, such as v1.")
    return found


@contract.command()
@click.argument("what", default="")
@click.option("--form", type=click.Choice(FORMS), default="table", help="A table, JSON Schema, OpenAPI, or our file.")
@json_option
def show(what: str, form: str, as_json: bool) -> None:
    """What a version (v12), or what serves an endpoint, takes and answers."""
    known = backend()
    of = _of(known, what)
    if as_json or form == "file":
        print_json(of)
        return
    document = known.contracts.document_of(of, of.model if _numbered(what) else what or known.settings.project.endpoint)
    assert of.contract is not None
    if form == "openapi":
        print_json(document)
    elif form == "schema":
        print_json(known.contracts.schema_of(of))
    else:
        click.echo(f"{of.model} v{of.version}, decisions at {of.threshold:g}, {of.digest}")
        print_table(
            ("Field", "Type", "Unit", "Without a warning", "Answered at all"),
            (
                (f.name, "integer" if f.whole else "number", f.unit, f"{f.low:g} to {f.high:g}",
                 f"{f.possible_low:g} to {f.possible_high:g}")
                for f in of.contract.fields
            ),
            "No field.",
        )  # fmt: skip
        click.echo(f"At most {of.contract.max_rows:,} rows and {of.contract.max_bytes:,} bytes a request.")


def _numbered(what: str) -> bool:
    return what.removeprefix("v").isdigit()


@contract.command("diff")
@click.argument("before")
@click.argument("after")
@json_option
@click.pass_context
def diff(context: click.Context, before: str, after: str, as_json: bool) -> None:
    """What a caller of BEFORE would notice under AFTER (versions or endpoints); exit code 1 if it breaks them."""
    known = backend()
    changes = known.contracts.difference(_of(known, before), _of(known, after))
    if as_json:
        print_json(list(changes))
    else:
        print_table(
            ("To a caller", "Where", "What"),
            ((c.effect.value, c.place, c.sentence) for c in changes),
            "Nothing changes for a caller.",
        )
    context.exit(1 if any(c.effect is ContractEffect.BREAKING for c in changes) else 0)


@contract.command()
@click.argument("endpoint", default="")
@json_option
def changes(endpoint: str, as_json: bool) -> None:
    """What has changed for callers of an endpoint, release by release, newest first."""
    from backend.policy.contract.feed import effect, lines

    known = backend()
    found = known.contracts.releases(endpoint or known.settings.project.endpoint)
    if as_json:
        print_json(list(found))
        return
    print_table(
        ("When", "Version", "For a caller", "What"),
        ((moment(r.at), f"v{r.version}", effect(r), printable(" ".join(lines(r)), 400)) for r in found),
        "No release yet.",
    )


@contract.command()
@click.argument("language", type=click.Choice(("curl", "python", "javascript")))
@click.argument("endpoint", default="")
def client(language: str, endpoint: str) -> None:
    """A whole client to copy, for the test endpoint if none is named."""
    known = backend()
    name = endpoint or known.settings.project.test_endpoint
    click.echo(known.contracts.client(Language(language), name), nl=False)


@contract.command()
@click.argument("what", default="")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A contract from the page.")
@click.option("--port", type=click.IntRange(0, 65535), default=8600, show_default=True, help="0 takes a free one.")
@click.option("--key", default="", help="The key that callers must send; a new one if none is given.")
def serve(what: str, file: Path | None, port: int, key: str) -> None:
    """Serve a practice endpoint on this machine, with the contract and the refusals of the real one.

    With --file nothing else is needed: no cloud, no sign-in, no model.
    """
    from backend.cli.practice import REHEARSE, Practice
    from backend.policy.contract.openapi import openapi

    of = _from_file(file) if file else _of(backend(), what)
    if of.contract is None or not of.contract.examples:
        raise NotFound(f"{of.model} v{of.version} has no written contract to practise with.")
    key = key or secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{port}/score"
    try:
        server = Practice(of, of.contract, key, port, openapi("practice", address, of, of.contract, None))
    except OSError as error:
        raise Invalid(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.") from error
    with server:
        click.echo(
            f"export MLOPS_URL={server.url}\nexport MLOPS_KEY={key}\n"
            f"# practice for {of.model} v{of.version}; {REHEARSE}: 429 rehearses that answer. Ctrl+C ends it."
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("ended", err=True)


def _from_file(file: Path) -> OfVersion:
    try:
        return OfVersion.model_validate(json.loads(file.read_text()))
    except (ValueError, ValidationError) as error:
        where = "take it from the Contract page or `mlops contract show --json`"
        raise Invalid(f"{file} is no contract: {where}.") from error


@contract.command()
@click.argument("endpoint", default="")
@click.option("--which", type=click.Choice(("primary", "secondary")), default="primary", show_default=True)
@click.option("--only", is_flag=True, help="The key alone, for $(...).")
def key(endpoint: str, which: str, only: bool) -> None:
    """A key of an endpoint (the test endpoint if none is named); the ledger keeps that you took it."""
    settings, known = load(), backend()
    name = endpoint or settings.project.test_endpoint
    taken = known.keyring.key(current_actor(settings, known), name, Which(which))
    click.echo(taken if only else f"export MLOPS_KEY={taken}")


@contract.command("keys")
@click.argument("endpoint", default="")
@json_option
def keys(endpoint: str, as_json: bool) -> None:
    """Which of an endpoint's two keys is still in use, as far as callers say (production if none is named)."""
    known = backend()
    found = known.keyring.use(endpoint or known.settings.project.endpoint)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Key", "Mark", "Calls in the last hour", "Last", "Callers"),
        (
            (k.which.value, k.mark, f"{k.requests:,}", moment(k.last), printable(", ".join(k.callers)))
            for k in found.keys
        ),
        "No key.",
    )
    click.echo(f"Without a mark: {found.unstated:,} calls. With a wrong key: {found.denied:,}.")
    click.echo(f"The log reaches to {moment(found.data_until)}. Azure logs no key: this is what callers say.")


@contract.command()
@click.argument("endpoint")
@click.argument("which", type=click.Choice(("primary", "secondary")))
@click.option("--reason", required=True, help="Kept in the ledger.")
@click.option("--anyway", is_flag=True, help="Although callers are seen with it, or nobody can say.")
@json_option
def rotate(endpoint: str, which: str, reason: str, anyway: bool, as_json: bool) -> None:
    """Replace one key of an endpoint; whoever still uses it is answered with 401 from then on."""
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    use = known.keyring.use(endpoint)
    asked = known.keyring.rotate(actor, endpoint, Which(which), reason, uuid.uuid4().hex, use, anyway=anyway)
    if as_json:
        print_json(asked)
    else:
        click.echo(f"The worker replaces the {which} key of {endpoint} ({asked.id}).")
