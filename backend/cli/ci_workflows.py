"""`mlops ci workflows`: the repository's own workflow files, judged in the pull request that changes them."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli import quality, workflow_rules, workflow_tools
from backend.cli.quality import Problem

FOLDER = Path(".github") / "workflows"


def lint(root: Path) -> list[Problem]:
    """Every finding in every workflow file, by file and line."""
    files = sorted(str(path.relative_to(root)) for path in (root / FOLDER).glob("*.y*ml"))
    if not files:
        return []
    found = [problem for file in files for problem in workflow_rules.problems(file, (root / file).read_text())]
    schema = workflow_tools.schema_problems(root, files)
    # zizmor leaves out what does not fit the schema, and says so only in its log.
    whole = [file for file in files if file not in {problem.file for problem in schema}]
    found += schema + workflow_tools.audit_problems(root, whole, frozenset(workflow_rules.COVERED))
    return sorted(set(found), key=lambda problem: (problem.file, problem.line, problem.title))


@click.command()
@click.pass_context
def workflows(context: click.Context) -> None:
    """The workflow files: GitHub's schema, a security audit, and our rules."""
    problems = lint(Path.cwd())
    quality.annotate(problems)
    for problem in problems:
        click.echo(problem.message)
    click.echo("No findings in the workflows" if not problems else f"{len(problems)} findings in the workflows")
    context.exit(1 if problems else 0)
