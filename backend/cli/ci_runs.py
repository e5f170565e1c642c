"""The checks of a pull request that run jobs in the dev workspace: data, training, and the comparison of both runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from backend.bootstrap_ci import CiParts, build_ci
from backend.cli import quality
from backend.cli.source import author_of, extract
from backend.cli.train import progress
from backend.cli.workflow import event, variable
from backend.domain.clock import utc_now
from backend.domain.gates import GATES_PATH
from backend.errors import BackendError, CredentialsRejected, RemoteRejected
from backend.operations.report import Rules, TrainedPair, compare, publish, summary
from backend.operations.report_comment import say
from backend.operations.training import Subject
from backend.settings import load


@click.command()
def data() -> None:
    """The data asset against the schema of this checkout, by a run in the dev workspace."""
    parts = _parts()
    asset = parts.training.data()
    with _told():
        name = parts.training.check_data(Path.cwd(), _subject("data check"), asset)
        parts.training.wait(name, 900, progress)
    click.echo(f"{asset.name}:{asset.version} fits the schema ({asset.digest})")


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def train(out: Path) -> None:
    """Train this change and the champion's commit on the same dev data."""
    parts, root = _parts(), Path.cwd()
    asset, subject = parts.training.data(), _subject("pull request")
    champion = parts.deployments.latest("production") or event()["pull_request"]["base"]["sha"]
    click.echo(f"Champion is {champion[:10]}, data {asset.name}:{asset.version}")
    with _told(), tempfile.TemporaryDirectory() as folder:
        source = extract(root, champion, Path(folder))
        origin = Subject(
            purpose="champion", commit=champion, pull_request="", branch="main", author=author_of(root, champion)
        )
        names = [parts.training.train(root, subject, asset), parts.training.train(source, origin, asset)]
        for name in names:
            parts.training.wait(name, 2400, progress)
    pair = TrainedPair(champion, names[1], subject.commit, names[0], f"{asset.name}:{asset.version}", asset.digest)
    out.write_text(pair.to_json())
    click.echo(f"Trained {names[0]} and {names[1]}")


@click.command()
@click.option("--runs", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
def report(file: Path) -> None:
    """Compare both runs on their common holdout and write the check run."""
    parts = _parts()
    with _told():
        comparison = compare(parts.jobs, TrainedPair.from_json(file.read_text()), utc_now())
        pull = event()["pull_request"]
        own = Path(GATES_PATH)
        base = parts.contents.file(GATES_PATH, pull["base"]["sha"])
        rules = Rules(base, own.read_bytes() if own.is_file() else None)
        head = pull["head"]["sha"]
        click.echo(publish(parts.checks, head, comparison, rules))
        _comment(parts, int(str(pull["number"])), head, summary(comparison, rules))


def _comment(parts: CiParts, number: int, head: str, text: str) -> None:
    """The same in the conversation. Where this job may not write there, the check run alone has it, as the log says."""
    run, words = int(variable("GITHUB_RUN_ID")), f"### Model comparison of `{head[:9]}`\n\n{text}"
    try:
        told = say(parts.comments, number, run, words)
    except (CredentialsRejected, RemoteRejected) as error:
        click.echo(f"::warning title=comment::{error} Give the job `pull-requests: write`.")
    else:
        click.echo("The comment says so" if told else "The comment has what a later run says")


class _told:  # noqa: N801  # reads as a word in `with`
    """Tell a refusal as an annotation too, so that the check run carries the sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BackendError):
            quality.annotate([quality.Problem("training", 1, "training", str(error))])


def _parts() -> CiParts:
    settings = load()
    return build_ci(settings, settings.project.dev_workspace, os.environ.get("GITHUB_TOKEN", ""))


def _subject(purpose: str) -> Subject:
    """The pull request this runs for; its head commit, not the test merge that is checked out."""
    pull = event()["pull_request"]
    return Subject(
        purpose=purpose,
        commit=pull["head"]["sha"],
        pull_request=str(pull["number"]),
        branch=pull["head"]["ref"],
        author=pull["user"]["login"],
    )
