"""The rulesets that guard the default branch and the ledger's tags: read, create, change, compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from backend.gateways.github.client import GitHubConnection

ACTIONS_APP = 15368
"""GitHub Actions' app id: only its check runs satisfy the required check, so nobody can fake one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """The rules we declare, and the same read back. `bypass` is None where GitHub hides it from this token.

    `refs` are patterns of branches, or of tags where `target` is `tag`.
    """

    name: str
    target: str = "branch"
    active: bool = True
    refs: tuple[str, ...] = ("~DEFAULT_BRANCH",)
    bypass: tuple[str, ...] | None = ()
    no_deletion: bool = True
    no_force_push: bool = True
    no_update: bool = False
    approvals: int = 1
    dismiss_stale: bool = True
    code_owners: bool = True
    last_push_approval: bool = True
    resolved_threads: bool = True
    merge_methods: tuple[str, ...] = ("squash",)
    checks: tuple[str, ...] = ()
    up_to_date: bool = True


def tags_for_ever(name: str, pattern: str) -> Ruleset:
    """Tags that may be made, and then neither moved nor deleted by anybody."""
    return Ruleset(
        name=name,
        target="tag",
        refs=(f"refs/tags/{pattern}",),
        no_update=True,
        approvals=0,
        dismiss_stale=False,
        code_owners=False,
        last_push_approval=False,
        resolved_threads=False,
        merge_methods=(),
        up_to_date=False,
    )


class Rulesets:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def find(self, name: str) -> Ruleset | None:
        """The repository's ruleset of that name, or None."""
        id_ = self._id(name)
        if id_ is None:
            return None
        return as_ruleset(self._connection.get(f"{{repo}}/rulesets/{id_}", "read a ruleset"))

    def names(self) -> tuple[str, ...]:
        return tuple(str(item["name"]) for item in self._connection.pages("{repo}/rulesets", "list rulesets"))

    def ensure(self, declared: Ruleset) -> None:
        """Create the ruleset, or change the one of that name until it reads as declared."""
        id_ = self._id(declared.name)
        if id_ is None:
            self._connection.send("POST", "{repo}/rulesets", "create a ruleset", as_payload(declared))
        else:
            self._connection.send("PUT", f"{{repo}}/rulesets/{id_}", "change a ruleset", as_payload(declared))

    def _id(self, name: str) -> int | None:
        found = self._connection.pages("{repo}/rulesets", "list rulesets")
        return next((int(item["id"]) for item in found if item["name"] == name), None)


def differences(now: Ruleset, declared: Ruleset) -> tuple[str, ...]:
    """`field: now -> declared` lines; an unreadable bypass list is a difference, since it cannot be vouched for."""
    before, after = shown(now), shown(declared)
    return tuple(
        f"{name}: {'not readable with this token' if before[name] is None else before[name]} -> {value}"
        for name, value in after.items()
        if before[name] != value
    )


def shown(ruleset: Ruleset) -> dict[str, str | None]:
    """Its rules in words, by name; None where GitHub hides one from this token."""
    values = {field.name.replace("_", " "): getattr(ruleset, field.name) for field in fields(Ruleset)}
    return {name: None if value is None else _words(value) for name, value in values.items() if name != "name"}


def as_payload(ruleset: Ruleset) -> dict[str, Any]:
    """The body of `POST/PUT rulesets`. The `update` rule is for tags: on a branch it would block every merge."""
    rules: list[dict[str, Any]] = []
    if ruleset.no_deletion:
        rules.append({"type": "deletion"})
    if ruleset.no_force_push:
        rules.append({"type": "non_fast_forward"})
    if ruleset.no_update:
        rules.append({"type": "update"})
    if ruleset.target == "branch":
        rules.append(_review(ruleset))
    if ruleset.checks:
        rules.append(_required_checks(ruleset))
    return {
        "name": ruleset.name,
        "target": ruleset.target,
        "enforcement": "active" if ruleset.active else "disabled",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": list(ruleset.refs), "exclude": []}},
        "rules": rules,
    }


def _review(ruleset: Ruleset) -> dict[str, Any]:
    return {
        "type": "pull_request",
        "parameters": {
            "required_approving_review_count": ruleset.approvals,
            "dismiss_stale_reviews_on_push": ruleset.dismiss_stale,
            "require_code_owner_review": ruleset.code_owners,
            "require_last_push_approval": ruleset.last_push_approval,
            "required_review_thread_resolution": ruleset.resolved_threads,
            "allowed_merge_methods": list(ruleset.merge_methods),
        },
    }


def _required_checks(ruleset: Ruleset) -> dict[str, Any]:
    return {
        "type": "required_status_checks",
        "parameters": {
            "strict_required_status_checks_policy": ruleset.up_to_date,
            "do_not_enforce_on_create": False,
            "required_status_checks": [{"context": name, "integration_id": ACTIONS_APP} for name in ruleset.checks],
        },
    }


def as_ruleset(body: Mapping[str, Any]) -> Ruleset:
    """A ruleset as GitHub answers it. `bypass_actors` is absent where the token may not see it: unknown, not empty."""
    rules = {rule["type"]: rule.get("parameters") or {} for rule in body.get("rules") or ()}
    review, checks = rules.get("pull_request"), rules.get("required_status_checks", {})
    values = review or {}
    actors = body.get("bypass_actors")
    return Ruleset(
        name=body["name"],
        target=str(body.get("target", "branch")),
        active=body["enforcement"] == "active",
        refs=tuple(body.get("conditions", {}).get("ref_name", {}).get("include", ())),
        bypass=None if actors is None else tuple(f"{a['actor_type']} {a.get('actor_id', '')}" for a in actors),
        no_deletion="deletion" in rules,
        no_force_push="non_fast_forward" in rules,
        no_update="update" in rules,
        approvals=int(values.get("required_approving_review_count", 0)),
        dismiss_stale=bool(values.get("dismiss_stale_reviews_on_push")),
        code_owners=bool(values.get("require_code_owner_review")),
        last_push_approval=bool(values.get("require_last_push_approval")),
        resolved_threads=bool(values.get("required_review_thread_resolution")),
        merge_methods=tuple(values.get("allowed_merge_methods") or ()),
        checks=tuple(check["context"] for check in checks.get("required_status_checks", ())),
        up_to_date=bool(checks.get("strict_required_status_checks_policy")),
    )


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
