"""Deployment environments: who reviews, and from which branches. https://docs.github.com/rest/deployments/environments"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from backend.errors import NotFound, RemoteRejected
from backend.gateways.github.client import GitHubConnection


@dataclass(frozen=True, slots=True)
class DeploymentEnvironment:
    """`reviewers` are logins, `branches` name patterns; no pattern means that every branch may use it."""

    reviewers: tuple[str, ...]
    branches: tuple[str, ...]


class DeploymentEnvironments:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def find(self, name: str) -> DeploymentEnvironment | None:
        try:
            answer = self._connection.get(f"{{repo}}/environments/{quote(name, safe='')}", "read an environment")
        except NotFound:
            return None
        rules = {rule["type"]: rule for rule in answer.get("protection_rules") or ()}
        reviewers = [
            str(one["reviewer"].get("login") or one["reviewer"].get("slug"))
            for one in rules.get("required_reviewers", {}).get("reviewers", ())
        ]
        return DeploymentEnvironment(tuple(sorted(reviewers)), self._branches(name, answer))

    def ensure(self, name: str, wanted: DeploymentEnvironment) -> None:
        """Create or change it. A branch pattern that is there and not wanted stays: nothing is deleted here.

        Raises RemoteRejected with GitHub's words where the plan has no reviewers.
        """
        reviewers = [{"type": "User", "id": self._number(login)} for login in wanted.reviewers]
        body = {
            "reviewers": reviewers,
            "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        }
        place = f"{{repo}}/environments/{quote(name, safe='')}"
        self._connection.send("PUT", place, "change an environment", body)
        there = self.find(name)
        for branch in wanted.branches:
            if there is None or branch not in there.branches:
                policy = {"name": branch, "type": "branch"}
                self._connection.send("POST", f"{place}/deployment-branch-policies", "let a branch deploy", policy)

    def _branches(self, name: str, answer: dict[str, object]) -> tuple[str, ...]:
        policy = answer.get("deployment_branch_policy")
        if not isinstance(policy, dict):
            return ()
        if policy.get("protected_branches"):
            return ("protected branches",)
        place = f"{{repo}}/environments/{quote(name, safe='')}/deployment-branch-policies"
        found = self._connection.pages(place, "read who may deploy", "branch_policies")
        return tuple(sorted(str(one["name"]) for one in found))

    def _number(self, login: str) -> int:
        return int(self._connection.get(f"/users/{quote(login)}", "read an account")["id"])


def lacks_plan(error: RemoteRejected) -> bool:
    """Whether GitHub refused reviewers for the plan's sake; its sentence is all that says so."""
    return error.status == 422 and "billing plan" in str(error)
