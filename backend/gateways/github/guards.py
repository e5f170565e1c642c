"""What guards a branch, and who stands above it: effective rules, bypass actors, and people by permission.

Effective rules: https://docs.github.com/rest/repos/rules#get-rules-for-a-branch
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from backend.domain.guards import BranchGuards, Guardian
from backend.errors import CredentialsRejected, NotFound
from backend.gateways.github.client import GitHubConnection

ADMIN, WRITE = "admin", "write"


class Guards:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def of(self, branch: str) -> BranchGuards:
        """The rules in force on the branch, the organisation's included. Raises NotFound without a repository."""
        place = f"{{repo}}/rules/branches/{quote(branch, safe='')}"
        rules = list(self._connection.pages(place, "read the rules of a branch"))
        named = {int(rule["ruleset_id"]): str(rule.get("ruleset_source_type", "Repository")) for rule in rules}
        review = _parameters(rules, "pull_request")
        checks = _parameters(rules, "required_status_checks")
        return BranchGuards(
            branch=branch,
            rules=tuple(sorted({str(rule["type"]) for rule in rules})),
            approvals=int(review.get("required_approving_review_count", 0)),
            code_owners=bool(review.get("require_code_owner_review")),
            dismiss_stale=bool(review.get("dismiss_stale_reviews_on_push")),
            checks=tuple(str(one["context"]) for one in checks.get("required_status_checks", ())),
            guardians=tuple(self._guardian(number, source) for number, source in sorted(named.items())),
            administrators=self._people(ADMIN),
            writers=self._people(WRITE),
        )

    def _guardian(self, number: int, source: str) -> Guardian:
        path = f"/repos/{self._connection.repository}/rulesets/{number}"
        try:
            found = self._connection.get(path, "read a ruleset", includes_parents="true")
        except (CredentialsRejected, NotFound):
            return Guardian(name=f"ruleset {number} of the {source.lower()}", path=path, bypass=None)
        actors = found.get("bypass_actors")
        bypass = (
            None if actors is None else tuple(f"{a['actor_type']} {a.get('actor_id') or ''}".strip() for a in actors)
        )
        return Guardian(name=str(found["name"]), path=path, bypass=bypass)

    def _people(self, permission: str) -> tuple[str, ...] | None:
        """Logins that hold the permission, None where this token may not list them."""
        try:
            found = list(self._connection.pages("{repo}/collaborators", "list collaborators", affiliation="all"))
        except (CredentialsRejected, NotFound):
            return None
        wanted = "admin" if permission == ADMIN else "push"
        return tuple(sorted(str(one["login"]) for one in found if (one.get("permissions") or {}).get(wanted)))


def _parameters(rules: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = next((rule for rule in rules if rule["type"] == kind), {})
    return dict(found.get("parameters") or {})
