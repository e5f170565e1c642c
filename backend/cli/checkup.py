"""`mlops doctor` and `mlops assess`: what is fine, wrong, or not to be known. Nothing is changed."""

from __future__ import annotations

import click

from backend.cli.output import json_option, print_json, print_table
from backend.domain.checkup import Checked, Checkup, Outcome
from backend.settings import load
from backend.settings_project import Project

MARKS = {Outcome.FINE: "=", Outcome.WRONG: "!", Outcome.UNKNOWN: "?"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Can this installation work: settings, clock, rights, reach, quota. Exit code 1 where something is wrong."""
    from backend.bootstrap_checkup import build_doctor

    _told(build_doctor(load()).examine(), as_json)


@click.command()
@click.option("--repository", help="owner/name; else the project's.")
@click.option("--subscription", help="Azure subscription id.")
@click.option("--group", help="Resource group.")
@click.option("--workspace", help="Azure ML workspace with the endpoint.")
@click.option("--endpoint", help="Online endpoint.")
@json_option
def assess(as_json: bool, **named: str | None) -> None:
    """Look at what exists: who can bypass main, whether what serves was trained, what is missing. Reads only."""
    from backend.bootstrap_checkup import build_assessing

    settings = load()
    project = _pointed(settings.project, named)
    _told(build_assessing(settings, project).assess(), as_json)


def _pointed(project: Project, named: dict[str, str | None]) -> Project:
    fields = {
        "repository": named["repository"],
        "subscription_id": named["subscription"],
        "resource_group": named["group"],
        "prod_workspace": named["workspace"],
        "endpoint": named["endpoint"],
    }
    return Project.model_validate({**project.model_dump(), **{name: value for name, value in fields.items() if value}})


def _told(found: Checkup, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        heads = ("", "Area", "Question", "Answer", "What to do", "Read from")
        print_table(heads, map(_row, found.checked), "Nothing was asked.")
        click.echo(f"{len(found.wrong)} wrong, {len(found.unknown)} not to be known")
    if found.wrong:
        raise click.exceptions.Exit(1)


def _row(one: Checked) -> tuple[str, ...]:
    return MARKS[one.outcome], one.area, one.question, one.answer, one.advice, one.proof
