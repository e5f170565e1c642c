"""Frozen values that the modules of this service hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.accounts import GITHUB_APP_ID

ZERO = "0" * 40
ACTIONS_APP_ID = 15368  # GitHub Actions' real app id, which rulesets name as `integration_id`


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App that writes check runs."""

    id: int
    slug: str
    name: str


APPS = {
    "github-actions": App(ACTIONS_APP_ID, "github-actions", "GitHub Actions"),
    "mlops-console": App(GITHUB_APP_ID, "mlops-console", "MLOps Console"),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who wrote a commit, and when (ISO 8601, UTC)."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def title(self) -> str:
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Tag:
    """An annotated tag of the object `target`, which is of `kind`."""

    sha: str
    name: str
    message: str
    target: str
    kind: str
    tagger: Signature


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of a diff; `patch` holds the hunks, "" for a binary or very large file."""

    path: str
    previous_path: str
    status: str
    additions: int
    deletions: int
    blob: str
    patch: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    mode: str
    kind: str
    sha: str
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a rule refuses a merge: the rule's type and GitHub's sentence."""

    rule: str
    sentence: str
