"""What Actions may do in the repository: read and set. https://docs.github.com/rest/actions/permissions"""

from __future__ import annotations

from dataclasses import dataclass

from backend.gateways.github.client import GitHubConnection

PLACE = "{repo}/actions/permissions"


@dataclass(frozen=True, slots=True)
class Permissions:
    """`pinned` is None where this GitHub does not know the rule; the next two count where actions are `selected`."""

    enabled: bool
    allowed: str
    pinned: bool | None
    github_owned: bool
    patterns: tuple[str, ...]
    token_rights: str
    may_approve: bool


class ActionsPermissions:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def read(self) -> Permissions:
        """Needs the right to read the repository's administration."""
        general = self._connection.get(PLACE, "read the Actions permissions")
        allowed = str(general.get("allowed_actions", "all"))
        # GitHub answers 409 to this question where nothing is selected.
        selected = (
            self._connection.get(f"{PLACE}/selected-actions", "read the selected actions")
            if allowed == "selected"
            else {}
        )
        token = self._connection.get(f"{PLACE}/workflow", "read what a workflow's token may do")
        pinned = general.get("sha_pinning_required")
        return Permissions(
            enabled=bool(general["enabled"]),
            allowed=allowed,
            pinned=None if pinned is None else bool(pinned),
            github_owned=bool(selected.get("github_owned_allowed")),
            patterns=tuple(sorted(selected.get("patterns_allowed") or ())),
            token_rights=str(token["default_workflow_permissions"]),
            may_approve=bool(token["can_approve_pull_request_reviews"]),
        )

    def set(self, wanted: Permissions) -> None:
        general = {"enabled": wanted.enabled, "allowed_actions": wanted.allowed, "sha_pinning_required": wanted.pinned}
        self._connection.send("PUT", PLACE, "change the Actions permissions", general)
        if wanted.allowed == "selected":
            selected = {
                "github_owned_allowed": wanted.github_owned,
                "verified_allowed": False,
                "patterns_allowed": list(wanted.patterns),
            }
            self._connection.send("PUT", f"{PLACE}/selected-actions", "select actions", selected)
        token = {
            "default_workflow_permissions": wanted.token_rights,
            "can_approve_pull_request_reviews": wanted.may_approve,
        }
        self._connection.send("PUT", f"{PLACE}/workflow", "change what a workflow's token may do", token)
