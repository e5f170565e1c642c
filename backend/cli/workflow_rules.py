"""Our own rules for workflow files: each finding says what it lets somebody do, and what to write instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from backend.cli.quality import Problem

COMMENTS = {
    "issue_comment",
    "pull_request_review_comment",
    "pull_request_review",
    "commit_comment",
    "discussion_comment",
    "issues",
    "discussion",
}
"""Events that people without any right in the repository can cause on one that they can read."""
_TRUSTED = {"pull_request_target", "workflow_run", *COMMENTS}
"""Events whose run is given the secrets and the token of the base branch, whoever caused it."""
_HEAD = re.compile(r"github\.head_ref|\.pull_request\.head\.|\.head_sha|\.head_branch|refs/pull/")
_PRODUCTION = re.compile(r"vars\.AZURE_CI_PROD_CLIENT_ID|secrets\.\w*PROD\w*", re.IGNORECASE)
_COMMIT = re.compile(r"@[0-9a-f]{40}$")
_IMAGE = re.compile(r"^docker://[^@]+@sha256:[0-9a-f]{64}$")
_LOCAL = "./"


@dataclass(frozen=True, slots=True)
class Spot:
    """A node of the file; `line` counts from 1."""

    node: yaml.Node | None
    line: int

    def items(self) -> Iterator[tuple[str, Spot]]:
        """Keys and values of a mapping; of a list, its words as keys; of a word, itself."""
        if isinstance(self.node, yaml.MappingNode):
            for key, value in self.node.value:
                yield str(key.value), Spot(value, key.start_mark.line + 1)
        elif isinstance(self.node, yaml.SequenceNode):
            for item in self.node.value:
                yield str(item.value), Spot(item, item.start_mark.line + 1)
        elif isinstance(self.node, yaml.ScalarNode):
            yield str(self.node.value), self

    def get(self, name: str) -> Spot:
        if not isinstance(self.node, yaml.MappingNode):
            return Spot(None, self.line)
        return next((spot for key, spot in self.items() if key == name), Spot(None, self.line))

    def each(self) -> Iterator[Spot]:
        """The members of a list."""
        if isinstance(self.node, yaml.SequenceNode):
            for item in self.node.value:
                yield Spot(item, item.start_mark.line + 1)

    @property
    def there(self) -> bool:
        return self.node is not None

    @property
    def word(self) -> str:
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    @property
    def text(self) -> str:
        """Everything below, as it would be written."""
        return "" if self.node is None else yaml.serialize(self.node)


Finding = tuple[str, int, str]
"""Rule, line, sentence."""


def problems(file: str, text: str) -> list[Problem]:
    """What our rules say of one workflow file; a file that is no YAML is one problem."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        said = getattr(error, "problem", "") or "it cannot be read"
        return [Problem(file, line, "workflow", f"{file}:{line} is no YAML: {said}. Nothing of it is checked or run.")]
    workflow = Spot(node, 1)
    found = [finding for rule in RULES for finding in rule(workflow)]
    return [
        Problem(file, line, f"workflow {name}", f"{file}:{line}: {sentence}")
        for name, line, sentence in sorted(found, key=lambda finding: (finding[1], finding[0]))
    ]


def _events(workflow: Spot) -> dict[str, Spot]:
    return dict(workflow.get("on").items())


def _jobs(workflow: Spot) -> Iterator[tuple[str, Spot]]:
    jobs = workflow.get("jobs")
    if isinstance(jobs.node, yaml.MappingNode):
        yield from jobs.items()


def _steps(workflow: Spot) -> Iterator[Spot]:
    for _, job in _jobs(workflow):
        yield from job.get("steps").each()


def comment_triggers(workflow: Spot) -> Iterator[Finding]:
    for event, spot in _events(workflow).items():
        if event in COMMENTS:
            yield (
                "comment-trigger",
                spot.line,
                (
                    f"`{event}` starts this workflow. Anybody who can write a comment or open an issue then starts "
                    "it with this repository's token and secrets, and decides when a deployment runs. Start it by "
                    "`pull_request`, `push` of main or `workflow_dispatch` instead."
                ),
            )


def target_triggers(workflow: Spot) -> Iterator[Finding]:
    spot = _events(workflow).get("pull_request_target")
    if spot is not None:
        yield (
            "pull-request-target",
            spot.line,
            (
                "`pull_request_target` starts this workflow. It gives the secrets of main to a run that anybody "
                "causes by opening a pull request. Write `pull_request`, whose runs can read nothing of production."
            ),
        )


def head_checkouts(workflow: Spot) -> Iterator[Finding]:
    trusted = sorted(_TRUSTED & set(_events(workflow)))
    if not trusted:
        return
    for step in _steps(workflow):
        chosen = step.get("with").get("ref").word + step.get("with").get("repository").word
        fetched = step.get("run").word if "git " in step.get("run").word else ""
        if _HEAD.search(chosen) or _HEAD.search(fetched):
            yield (
                "head-with-secrets",
                step.line,
                (
                    f"the code of a pull request is checked out in a run started by `{trusted[0]}`. Whoever opens a "
                    "pull request then runs their own code with this repository's secrets. Check out the base "
                    "branch here, and run the change's code in a workflow started by `pull_request`."
                ),
            )


def unpinned(workflow: Spot) -> Iterator[Finding]:
    called = [job.get("uses") for _, job in _jobs(workflow)] + [step.get("uses") for step in _steps(workflow)]
    for spot in called:
        uses = spot.word
        if uses and not uses.startswith(_LOCAL) and not _COMMIT.search(uses) and not _IMAGE.match(uses):
            yield (
                "unpinned-action",
                spot.line,
                (
                    f"`{uses}` is not pinned to a commit. Whoever can move that tag or branch runs their code in "
                    "this job, with its token. Write the 40 digits of the commit, and the version behind a `#`."
                ),
            )


def permissions(workflow: Spot) -> Iterator[Finding]:
    general = workflow.get("permissions")
    if not general.there:
        yield (
            "permissions",
            1,
            (
                "the workflow has no `permissions`. Its jobs hold whatever the repository's settings give, so one "
                "bad step may change contents and releases. Write `permissions: {}` at the top, and each job's own "
                "below it."
            ),
        )
    elif general.word in {"write-all", "read-all"} or any(value.word == "write" for _, value in general.items()):
        yield (
            "permissions",
            general.line,
            (
                "every job of this workflow holds these rights. One bad step of any of them can use all. Write "
                "`permissions: {}` at the top, and give a right to the job that needs it."
            ),
        )
    for name, job in _jobs(workflow):
        if job.get("permissions").word in {"write-all", "read-all"}:
            yield (
                "permissions",
                job.get("permissions").line,
                (
                    f"job `{name}` holds every right. One bad step of it can push, release and approve deployments. "
                    "Name the rights that it uses."
                ),
            )


def production_from_branches(workflow: Spot) -> Iterator[Finding]:
    if "pull_request" not in _events(workflow):
        return
    for name, job in [("", workflow.get("env")), *_jobs(workflow)]:
        found = _PRODUCTION.search(job.text)
        environment = job.get("environment")
        named = environment.word or environment.get("name").word
        if found or named == "production":
            what = found.group() if found else "the environment `production`"
            who = f"job `{name}`" if name else "the whole workflow"
            yield (
                "production-credentials",
                environment.line if environment.there else job.line,
                (
                    f"{who} of a pull request asks for {what}. A change that nobody has approved would hold "
                    "production's credentials. Use them in a workflow of main alone."
                ),
            )


RULES: tuple[Callable[[Spot], Iterator[Finding]], ...] = (
    comment_triggers,
    target_triggers,
    head_checkouts,
    unpinned,
    permissions,
    production_from_branches,
)
COVERED: Mapping[str, str] = {
    "dangerous-triggers": "comment-trigger and pull-request-target",
    "unpinned-uses": "unpinned-action",
    "excessive-permissions": "permissions",
}
"""Audits of zizmor that say the same as a rule of ours, which says it in plain words."""
