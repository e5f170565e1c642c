"""`mlops decision`: what the promotion screen says, at a terminal."""

from __future__ import annotations

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.decisions import Decision
from backend.domain.gates import strip
from backend.policy.blockers import to_acknowledge
from backend.settings import load


@click.command()
@click.argument("version")
@json_option
def decision(version: str, as_json: bool) -> None:
    """What a promotion would do, what every gate found, and what stands in the way."""
    known, settings = backend(), load()
    actor = current_actor(settings, known)
    found = known.promotions.decision(
        actor, find_version(known, version), known.endpoints.show(settings.project.endpoint)
    )
    if as_json:
        print_json({**found.model_dump(mode="json"), "to_acknowledge": to_acknowledge(found.blockers)})
        return
    _print(found)


def _print(found: Decision) -> None:
    click.echo(found.effect)
    click.echo(" · ".join(f"{word.group} {word.state.value}" for word in strip(found.findings)))
    print_table(
        ("Gate", "Level", "Result", "Why"),
        (
            (
                f.title,
                "hard" if f.rule and f.rule.hard else "advisory" if f.rule else "-",
                f.state.value,
                printable(f.sentence, 300),
            )
            for f in found.findings
        ),
        "Nothing has been judged yet.",
    )
    for blocker in found.blockers:
        kind = "blocks" if blocker.hard else f"advisory, --acknowledge {blocker.gate}" if blocker.gate else "advisory"
        why = printable(f"{blocker.why} {blocker.because}".strip(), 600)
        click.echo(f"{blocker.what} ({kind}): {why} Can clear it: {blocker.who}")
    if found.refusal:
        click.echo(f"You may not: {printable(found.refusal, 400)}")
