"""What workflows could do to production: read from their files, from Azure's trust and roles, and from GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from backend.domain.drills import Control, Verdict
from backend.errors import CredentialsRejected, NotFound
from backend.gateways.azureml.trust import Trust
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.environments import DeploymentEnvironments
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.stand_in import StandIn
from backend.operations.drills_branch import asked
from backend.policy.drills_ci import of_comments, of_reviewers, of_rights, of_trust
from backend.settings_project import Project
from backend.setup.declaration import Declaration
from backend.setup.rights import subject

T = TypeVar("T")


@dataclass(frozen=True)
class CiDrill:
    """`workspace` and `endpoint` are the ids of production's; `issuer` signs the tokens of workflows."""

    project: Project
    declared: Declaration
    app: GitHubConnection
    trust: Trust
    workspace: str
    endpoint: str
    issuer: str

    def verdicts(self) -> Iterator[Verdict]:
        branch = self.project.default_branch
        yield asked(Control.COMMENT_COMMAND, lambda: of_comments(StandIn(self.app).workflows(branch), branch))
        yield asked(Control.REVIEWERS, self._reviewers)
        yield asked(Control.BRANCH_CREDENTIALS, self._credentials)
        yield asked(Control.CI_RIGHTS, self._rights)

    def _reviewers(self) -> Verdict:
        repositories, name = Repositories(self.app), self.declared.deployment_environment.name
        facts = repositories.read()
        if facts is None:
            raise NotFound(f"There is no repository {self.project.repository}.")
        found = DeploymentEnvironments(self.app).find(name)
        reviewers = None if found is None else found.reviewers
        return of_reviewers(name, reviewers, repositories.plan(), private=facts.private)

    def _credentials(self) -> Verdict:
        """Of every declared identity: whichever reaches production may trust main's workflows alone."""
        names = [one.name for one in self.declared.identities]
        reach, unseen = self._each(names, lambda name: self.trust.granted(name, self.workspace))
        reaching = {one.identity for one in reach}
        trusted, unread = self._each(sorted(reaching), self.trust.of)
        return of_trust(trusted, reaching, self.issuer, self._allowed(), " ".join(unseen + unread))

    def _rights(self) -> Verdict:
        names = [one.name for one in self.declared.identities if one.trusts]
        granted, unseen = self._each(names, lambda name: self.trust.granted(name, self.endpoint))
        return of_rights(granted, names, " ".join(unseen))

    def _allowed(self) -> tuple[str, ...]:
        """Main's pushes, and the environment where only main may use it."""
        facts = Repositories(self.app).read()
        name = self.declared.deployment_environment.name
        environment = DeploymentEnvironments(self.app).find(name)
        places = ["ref:refs/heads/{default_branch}"]
        if environment is not None and environment.branches == (self.project.default_branch,):
            places.append(f"environment:{name}")
        return tuple(subject(facts, self.project, place) for place in places)

    def _each(self, names: list[str], read: Callable[[str], tuple[T, ...]]) -> tuple[list[T], list[str]]:
        """What could be read of each identity, and why not of the others."""
        found: list[T] = []
        unseen: list[str] = []
        for name in names:
            try:
                found += read(name)
            except (NotFound, CredentialsRejected) as error:
                unseen.append(str(error))
        return found, unseen
