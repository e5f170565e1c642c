"""`mlops login`, `logout`, `whoami`."""

from __future__ import annotations

import click

from backend.cli.output import json_option, print_json
from backend.cli.session import backend, current_actor, echo_code, sign_in, sign_out
from backend.settings import load


@click.command()
@click.option("--github", is_flag=True, help="Connect your GitHub account, so that the worker can act as you.")
@json_option
def login(github: bool, as_json: bool) -> None:
    """Sign in by device flow."""
    settings = load()
    if github:
        known = backend()
        actor = current_actor(settings, known)
        name = known.people.connect_github_device(actor, lambda code, address: echo_code(code, address, as_json))
        print_json({"account": actor.name, "github": name}) if as_json else click.echo(f"GitHub connected as {name}")
        return
    claims = sign_in(settings, lambda code, address: echo_code(code, address, as_json))
    actor = backend().people.signed_in(claims, "cli")
    roles = ", ".join(sorted(role.value for role in actor.roles))
    print_json(actor) if as_json else click.echo(f"Signed in as {actor.name} ({roles})")


@click.command()
@click.option("--github", is_flag=True, help="Disconnect your GitHub account instead: nothing acts as you any more.")
def logout(github: bool) -> None:
    """Forget this terminal's sign-in."""
    if github:
        known = backend()
        known.people.disconnect_github(current_actor(load(), known))
        click.echo("GitHub disconnected")
        return
    click.echo("Signed out" if sign_out(load()) else "Nobody was signed in")


@click.command()
@json_option
def whoami(as_json: bool) -> None:
    """Show who is signed in, with which rights."""
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    github = known.people.github_login(actor.name)
    if as_json:
        print_json({**actor.model_dump(mode="json"), "github": github})
    else:
        click.echo(f"{actor.name}: {', '.join(sorted(actor.roles))}; GitHub {github or 'not connected'}")
