"""`mlops endpoint`: what serves, and what it says of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend, current_actor
from backend.domain.cost import cost_of
from backend.domain.proofs import ProofState
from backend.errors import Invalid, NotFound
from backend.settings import load

ENDPOINT_NAME = r"[A-Za-z][A-Za-z0-9-]{2,31}"


@click.group()
def endpoint() -> None:
    """Endpoints and deployments."""


@endpoint.command()
@click.argument("name", default="")
@json_option
def show(name: str, as_json: bool) -> None:
    """Traffic and deployments of an endpoint (the production endpoint if none is named)."""
    settings = load()
    wanted = _named(name) or settings.project.endpoint
    known = backend()
    found = known.endpoints.show(wanted)
    if found is None:
        raise NotFound(f"There is no endpoint {wanted}: `mlops setup apply` creates the declared ones.")
    if as_json:
        print_json(found)
        return
    ends = {one.deployment: moment(one.due_at) for one in known.promotions.endings(wanted)}
    click.echo(f"{found.name}: {found.state.value}, {found.scoring_uri or 'no address yet'}")
    print_table(
        ("Deployment", "Traffic", "Model", "State", "Instances", "Cost, declared", "Ends", "Problem"),
        (
            (
                d.name,
                f"{found.traffic.get(d.name, 0)} %",
                f"{d.model} v{d.version}",
                d.state.value,
                f"{d.instance_type} x {d.instance_count}",
                cost.words if (cost := cost_of(d, settings.project.prices, settings.project.currency)) else "-",
                ends.get(d.name, "-"),
                d.problem,
            )
            for d in found.deployments
        ),
        "No deployment yet: the first promotion creates one.",
    )


@endpoint.command()
@json_option
@click.pass_context
def proof(context: click.Context, as_json: bool) -> None:
    """Whether each endpoint serves what was approved, as the worker last found it; exit code 1 for a mismatch."""
    found = backend().events.proofs()
    if as_json:
        print_json(found)
    else:
        print_table(
            ("Endpoint", "State", "At", "Last proven", "Why"),
            ((p.endpoint, p.state.value, moment(p.at), moment(p.proven_at), p.reason) for p in found),
            "Nothing was proved yet: a running worker does it.",
        )
        if found:
            click.echo(found[0].limits)
    context.exit(1 if any(p.state is ProofState.MISMATCH for p in found) else 0)


@endpoint.command()
@click.option("--endpoint", "name", default="", help="The production endpoint if none is named.")
@click.option("--deployment", default="", help="A deployment, also one without traffic.")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON with rows.")
@json_option
def score(name: str, deployment: str, file: Path | None, as_json: bool) -> None:
    """Ask the live endpoint to score rows, and show what it says of itself."""
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    rows = _rows(file) if file else [known.endpoints.example_row()]
    served = known.endpoints.score(actor, _named(name) or settings.project.endpoint, rows, deployment)
    if as_json:
        print_json(served)
    else:
        click.echo(
            f"{served.deployment}: version {served.model_version}, {served.digest}\n"
            f"probability {served.probability:.4f} against threshold {served.threshold}, {served.milliseconds:.0f} ms"
        )


def _named(name: str) -> str:
    """The name, or Invalid with Azure's rule: a bad one would be looked up under another address."""
    if name and not re.fullmatch(ENDPOINT_NAME, name):
        raise Invalid(
            f"{name!r} is no endpoint name: 3 to 32 characters, a letter first, then letters, digits and hyphens."
        )
    return name


def _rows(file: Path) -> list[dict[str, float]]:
    try:
        document = json.loads(file.read_text())
        rows = document["rows"] if isinstance(document, dict) else document
    except (ValueError, KeyError) as error:
        raise Invalid(f'{file} is not JSON of the form {{"rows": [...]}}: {error}') from error
    if not isinstance(rows, list):
        raise Invalid(f"{file}: rows is not a list")
    return rows
