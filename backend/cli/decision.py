"""`mlops decision`: what the promotion screen says, at a terminal."""

from __future__ import annotations

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, print_json, print_table
from backend.cli.printable import printable
from backend.cli.promotions import last_hour
from backend.cli.session import backend, current_actor
from backend.domain.clock import utc_now
from backend.domain.decisions import Decision
from backend.domain.gates import strip
from backend.domain.headline import headline
from backend.domain.pace import calls_per_hour, paces
from backend.operations.approvals_told import approval_lines
from backend.policy.blockers import to_acknowledge
from backend.policy.returning import way_back_line
from backend.settings import load


@click.command()
@click.argument("version")
@json_option
def decision(version: str, as_json: bool) -> None:
    """What a promotion would do, what every gate found, and what stands in the way."""
    known, settings = backend(), load()
    actor = current_actor(settings, known)
    wanted, name = find_version(known, version), settings.project.endpoint
    traffic = last_hour(known, name, utc_now())
    found = known.promotions.decision(actor, wanted, known.endpoints.show(name), traffic)
    rollout = found.dossier.rollout if found.expected_stable not in ("", found.target.deployment) else None
    plan = paces(rollout, calls_per_hour(traffic)) if rollout is not None and traffic is not None else ()
    if as_json:
        told = {"to_acknowledge": to_acknowledge(found.blockers), "plan": [one.model_dump(mode="json") for one in plan]}
        print_json({**found.model_dump(mode="json"), "headline": headline(found).words, **told})
        return
    _print(found)
    for line in approval_lines(found):
        click.echo(printable(line, 600))
    for override, said, _ in known.overrides.told(found.dossier):
        click.echo(f"BREAK-GLASS {override.id}: {printable(said, 900)}")
    if found.way_back is not None:
        click.echo(f"Way back: {printable(way_back_line(found.way_back), 600)}")
    for one in plan:
        shows = f"no error in {one.calls:,} excludes a rate above {100 * one.excluded:.1f} %"
        click.echo(f"{'Mirror of ' if one.mirrored else ''}{one.weight} %: {one.sentence}; {shows}.")


def _print(found: Decision) -> None:
    click.echo(f"{printable(headline(found).words, 160)}. {found.effect}")
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
        kind = f"{blocker.weight}, --acknowledge {blocker.gate}" if blocker.gate else blocker.weight
        click.echo(f"{blocker.what} ({kind}): {printable(blocker.cause, 600)} Can clear it: {blocker.who}")
    if found.approve_refusal:
        click.echo(f"You may not approve: {printable(found.approve_refusal, 400)}")
    if found.refusal:
        click.echo(f"You may not promote: {printable(found.refusal, 400)}")
