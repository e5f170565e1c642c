"""Who had a hand in a version, read for those that wait for a decision: commit authors, and who submitted the run."""

from __future__ import annotations

import hashlib

from backend.domain.authorship import Authorship, CommitAuthors, Submitter
from backend.domain.clock import Clock
from backend.domain.registry import ModelVersion
from backend.errors import NotFound
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.github.commits import Commits, Written
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store

LATEST = 8
"""Versions that are looked at; older ones wait for nobody."""
NAMED = "login or address"
"""How authors are named in a list. Lists of an earlier release hold bare names and are read again."""
NOTHING = Written((), complete=True)


class AuthorshipWatch:
    """Freezes one list for each version and champion; the same list has the same key, whoever reads it."""

    def __init__(self, store: Store, commits: Commits, jobs: Jobs, project: Project, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._jobs = jobs
        self._project = project
        self._clock = clock

    def look(self, versions: tuple[ModelVersion, ...]) -> bool:
        """Read the newest list that is missing; False where none is."""
        stable = self._store.promotions.stable(self._project.endpoint)
        base = stable.target.commit if stable else ""
        newest = sorted((v for v in versions if v.lineage.commit), key=lambda v: v.created_at, reverse=True)[:LATEST]
        for version in newest:
            if stable is not None and stable.target.digest == version.digest:
                continue
            key = authorship_key(version, base)
            if not self._store.evidence.has(key):
                self._freeze(key, version, base)
                return True
        return False

    def _freeze(self, key: str, version: ModelVersion, base: str) -> None:
        lineage = version.lineage
        pull = self._commits.of_pull(int(lineage.pull_request)) if lineage.pull_request.isdecimal() else NOTHING
        since = self._commits.between(base, lineage.commit) if base and base != lineage.commit else NOTHING
        found = Authorship(
            head=lineage.commit,
            base=base,
            pull_request=lineage.pull_request,
            commits=_each_once((*pull.commits, *since.commits)),
            complete=pull.complete and since.complete,
            submitter=self._submitter(lineage.run),
            made_at=self._clock(),
        )
        source = f"GitHub, {self._project.repository}"
        self._store.evidence.freeze(key, found, target_on(self._project.endpoint, version), source)

    def _submitter(self, run: str) -> Submitter | None:
        try:
            return self._jobs.submitter(run) if run else None
        except NotFound:
            return None


def authorship_key(version: ModelVersion, base: str) -> str:
    made_of = f"{NAMED}\n{version.name}\n{version.version}\n{version.digest}\n{version.lineage.commit}\n{base}"
    return f"authorship-v{version.version}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _each_once(commits: tuple[CommitAuthors, ...]) -> tuple[CommitAuthors, ...]:
    return tuple({commit.commit: commit for commit in commits}.values())
