"""Refreshing the list of 100 open pull requests against PyGithub's methods, and how soon a push is on it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

from github import Auth, Github

from backend.gateways.github.app import program_credential
from backend.gateways.github.board import Board
from backend.gateways.github.client import GitHubReader
from benchmarks import pushes
from benchmarks.measure import Row, Sample, alternate, seconds
from benchmarks.worlds import World, say
from sandbox.accounts import ORGANISATION
from sandbox.demo.first_world import REPOSITORY, FirstWorld

OPEN = 100
ROUNDS = 3


def run(world: World) -> list[Row]:
    settings = world.settings.github
    started = time.monotonic()
    open_pull_requests(world.first)
    say(f"{OPEN} pull requests opened", started)
    bundle = world.settings.cloud.ca_bundle
    reader = GitHubReader(settings.api_url, REPOSITORY, program_credential(settings), bundle)
    token = Auth.Token(world.first.lead.token)
    client = Github(auth=token, base_url=settings.api_url, verify=bundle, timeout=30, seconds_between_requests=0)
    calls: dict[str, list[float]] = {"ours": [], "peer": []}

    def measured(who: str, read: Callable[[], int]) -> Callable[[], float]:
        def once() -> float:
            before = world.requests()
            took = seconds(lambda: _all_of(read()))
            calls[who].append(float(world.requests() - before))
            return took

        return once

    times = alternate(
        measured("ours", lambda: len(Board(reader).look())), measured("peer", lambda: naive(client)), ROUNDS, "s"
    )
    counts = [Sample(tuple(calls[who][1:]), "calls") for who in ("ours", "peer")]
    return [
        Row(f"Refresh {OPEN} pull requests: HTTP calls", *counts, aim="4 calls"),
        Row(f"Refresh {OPEN} pull requests: time, against PyGithub's methods", *times),
        pushes.run(world),
    ]


def _all_of(found: int) -> None:
    if found != OPEN:
        raise RuntimeError(f"{found} pull requests were listed instead of {OPEN}")


def naive(client: Github) -> int:
    """Title, merge state, reviews and checks of each open pull request, as PyGithub's documentation reads them."""
    repository = client.get_repo(REPOSITORY)
    found = 0
    for pull in repository.get_pulls(state="open"):
        full = repository.get_pull(pull.number)
        _ = full.title, full.mergeable_state, list(full.get_reviews())
        _ = list(repository.get_commit(pull.head.sha).get_check_runs())
        found += 1
    return found


def open_pull_requests(first: FirstWorld, count: int = OPEN) -> None:
    """A repository without workflows; its branches are pushed by git, the pull requests opened by REST."""
    lead, scientist = first.lead, first.scientist
    try:
        lead.github(f"/repos/{REPOSITORY}")
    except HTTPError as error:
        if error.code != 404:
            raise
        name = REPOSITORY.rpartition("/")[2]
        lead.github(f"/orgs/{ORGANISATION}/repos", "POST", {"name": name, "private": True})
    with tempfile.TemporaryDirectory(dir=first.home) as folder:
        tree = Path(folder) / "diabetes"
        (tree / "training").mkdir(parents=True)
        (tree / "training" / "params.toml").write_text("reg_rate = 0.01\n")
        first.git(tree, "init", "-q", "-b", "main")
        first.commit(tree, "Begin")
        first.git(tree, "push", "-q", first.remote(lead), "main")
        for number in range(count):
            first.git(tree, "checkout", "-q", "-b", f"change-{number}", "main")
            (tree / "training" / f"change_{number}.toml").write_text(f"reg_rate = {number}\n")
            first.commit(tree, f"Change {number}")
        first.git(tree, "push", "-q", first.remote(scientist), "refs/heads/change-*:refs/heads/change-*")
    for number in range(count):
        body = {"title": f"Change {number}", "body": "", "head": f"change-{number}", "base": "main"}
        scientist.github(f"/repos/{REPOSITORY}/pulls", "POST", body)
