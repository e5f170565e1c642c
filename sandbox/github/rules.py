"""Rulesets and branch protection: what is stored, and what applies to one branch or tag.

Ruleset payloads: https://docs.github.com/rest/repos/rules
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.github.errors import GitHubError, invalid, not_found
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.world import World

RULESET = "github_ruleset"  # by repository/id
PROTECTION = "github_branch_protection"  # by repository@branch
ENFORCED = ("creation", "deletion", "non_fast_forward", "pull_request", "required_linear_history")
RULE_TYPES = (*ENFORCED, "required_status_checks", "update")
TAG_RULE_TYPES = ("creation", "deletion", "non_fast_forward", "update")
PLACES = {"branch": "refs/heads/", "tag": "refs/tags/"}
METHODS = ("merge", "squash", "rebase")
REVIEW_PARAMETERS = (
    "required_approving_review_count",
    "dismiss_stale_reviews_on_push",
    "require_code_owner_review",
    "require_last_push_approval",
    "required_review_thread_resolution",
)
ROLE_RANKS = {4: ("write", "admin"), 5: ("admin",), 2: ("admin",)}  # RepositoryRole ids: write, admin, maintain


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check that must succeed; `integration` is the only app whose result counts, None for any."""

    context: str
    integration: int | None = None


@dataclass(frozen=True, slots=True)
class BranchRules:
    """Everything that applies to one branch, all sources added up. `legacy`: branch protection alone says so."""

    types: frozenset[str] = frozenset()
    approvals: int = 0
    dismiss_stale: bool = False
    code_owners: bool = False
    last_push: bool = False
    threads: bool = False
    methods: frozenset[str] = frozenset(METHODS)
    checks: tuple[RequiredCheck, ...] = ()
    strict: bool = False
    checks_on_create: bool = True
    legacy: bool = False
    sources: tuple[tuple[Document, Document], ...] = field(default=(), compare=False)

    @property
    def reviewed(self) -> bool:
        return "pull_request" in self.types


def rulesets(world: World, repository: Document) -> list[Document]:
    return [body for _, body in world.documents.list(RULESET, f"{repository['full_name'].lower()}/")]


def ruleset(world: World, repository: Document, number: int) -> Document:
    found = world.documents.get(RULESET, _key(repository, number))
    if found is None:
        raise not_found()
    return found


def save_ruleset(world: World, repository: Document, given: Mapping[str, Any], number: int | None = None) -> Document:
    """Create a ruleset, or change the named one; 422 in GitHub's shape when it is not well formed."""
    before = ruleset(world, repository, number) if number is not None else None
    body: Document = before or {
        "id": 9_000 + world.documents.next_number("github_ruleset"),
        "target": "branch",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": [], "exclude": []}},
        "rules": [],
        "created_at": stamp(world),
    }
    fields = ("name", "target", "enforcement", "bypass_actors", "conditions", "rules")
    body = body | {name: given[name] for name in fields if name in given} | {"updated_at": stamp(world)}
    _validate(body)
    if any(other["name"] == body["name"] and other["id"] != body["id"] for other in rulesets(world, repository)):
        raise GitHubError(422, "Validation Failed", errors=["Name must be unique"])
    world.documents.put(RULESET, _key(repository, body["id"]), body)
    return body


def delete_ruleset(world: World, repository: Document, number: int) -> None:
    if not world.documents.delete(RULESET, _key(repository, number)):
        raise not_found()


def _validate(body: Document) -> None:
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise invalid("Ruleset", "name", "missing_field")
    if body.get("enforcement") not in {"active", "evaluate", "disabled"}:
        raise invalid("Ruleset", "enforcement")
    if body["target"] not in PLACES:
        raise GitHubError(501, f"The sandbox has rulesets for branches and tags, not target {body['target']!r}")
    if not isinstance(body["rules"], list) or not all(isinstance(rule, dict) for rule in body["rules"]):
        raise invalid("Ruleset", "rules")
    if not isinstance(body["conditions"], dict) or not isinstance(body["bypass_actors"], list):
        raise invalid("Ruleset", "conditions")
    for rule in body["rules"]:
        parameters = rule.get("parameters") or {}
        if rule.get("type") not in (RULE_TYPES if body["target"] == "branch" else TAG_RULE_TYPES):
            raise GitHubError(501, f"The sandbox does not enforce the rule {rule.get('type')!r} on a {body['target']}")
        if rule["type"] == "pull_request":
            _need(rule["type"], parameters, REVIEW_PARAMETERS)
        if rule["type"] == "required_status_checks":
            _need(rule["type"], parameters, ("required_status_checks", "strict_required_status_checks_policy"))


def _need(rule: str, parameters: Mapping[str, Any], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in parameters]
    if missing:
        sentences = [f"Invalid rule '{rule}': Missing required parameter '{name}'" for name in missing]
        raise GitHubError(422, "Validation Failed", errors=sentences)


def protection(world: World, repository: Document, branch: str) -> Document | None:
    return world.documents.get(PROTECTION, f"{repository['full_name'].lower()}@{branch}")


def save_protection(world: World, repository: Document, branch: str, given: Document) -> None:
    world.documents.put(PROTECTION, f"{repository['full_name'].lower()}@{branch}", given)


def delete_protection(world: World, repository: Document, branch: str) -> bool:
    return world.documents.delete(PROTECTION, f"{repository['full_name'].lower()}@{branch}")


def branch_rules(world: World, repository: Document, branch: str, permission: str = "none") -> BranchRules:
    """What applies to a branch. `permission` is the actor's; rulesets that it may bypass are left out."""
    found = _applying(world, repository, "branch", branch, permission)
    legacy = protection(world, repository, branch)
    if legacy is not None:
        for name, parameters in _as_rules(legacy):
            found = _with_rule(found, name, parameters)
        found = replace(found, legacy=not found.sources)
    return found


def ref_rules(world: World, repository: Document, ref: str, permission: str) -> BranchRules | None:
    """What applies to a full ref name; None where no rule can: rulesets know branches and tags."""
    if ref.startswith(PLACES["tag"]):
        return _applying(world, repository, "tag", ref.removeprefix(PLACES["tag"]), permission)
    if ref.startswith(PLACES["branch"]):
        return branch_rules(world, repository, ref.removeprefix(PLACES["branch"]), permission)
    return None


def _applying(world: World, repository: Document, target: str, name: str, permission: str) -> BranchRules:
    pairs = [
        (rule, body)
        for body in rulesets(world, repository)
        if body["target"] == target and body["enforcement"] == "active"
        if covers(body, repository, name) and not _bypasses(body, permission)
        for rule in body["rules"]
    ]
    found = BranchRules(sources=tuple(pairs))
    for rule, _ in pairs:
        found = _with_rule(found, rule["type"], rule.get("parameters") or {})
    return found


def covers(body: Document, repository: Document, name: str) -> bool:
    """Whether a ruleset's conditions select the branch, or the tag where it is one for tags."""
    names = (body.get("conditions") or {}).get("ref_name") or {}
    place, default = PLACES[body["target"]], str(repository["default_branch"])
    selected = any(_selects(pattern, name, place, default) for pattern in names.get("include", []))
    return selected and not any(_selects(pattern, name, place, default) for pattern in names.get("exclude", []))


def _selects(pattern: str, name: str, place: str, default: str) -> bool:
    if pattern in {"~ALL", "~DEFAULT_BRANCH"}:
        return pattern == "~ALL" or (place == PLACES["branch"] and name == default)
    text = re.escape(pattern.removeprefix(place))
    text = text.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.fullmatch(text, name) is not None


def _bypasses(body: Document, permission: str) -> bool:
    for actor in body["bypass_actors"]:
        always = actor.get("bypass_mode", "always") in {"always", "exempt"}
        if always and actor.get("actor_type") == "OrganizationAdmin" and permission == "admin":
            return True
        if always and actor.get("actor_type") == "RepositoryRole":
            return permission in ROLE_RANKS.get(actor.get("actor_id"), ())
    return False


def _with_rule(rules: BranchRules, name: str, parameters: Mapping[str, Any]) -> BranchRules:
    rules = replace(rules, types=rules.types | {name})
    if name == "pull_request":
        return replace(
            rules,
            approvals=max(rules.approvals, int(parameters["required_approving_review_count"])),
            dismiss_stale=rules.dismiss_stale or bool(parameters["dismiss_stale_reviews_on_push"]),
            code_owners=rules.code_owners or bool(parameters["require_code_owner_review"]),
            last_push=rules.last_push or bool(parameters["require_last_push_approval"]),
            threads=rules.threads or bool(parameters["required_review_thread_resolution"]),
            methods=rules.methods & frozenset(parameters.get("allowed_merge_methods") or METHODS),
        )
    if name == "required_linear_history":
        return replace(rules, methods=rules.methods - {"merge"})
    if name == "required_status_checks":
        checks = (RequiredCheck(c["context"], c.get("integration_id")) for c in parameters["required_status_checks"])
        return replace(
            rules,
            checks=tuple(dict.fromkeys((*rules.checks, *checks))),
            strict=rules.strict or bool(parameters["strict_required_status_checks_policy"]),
            checks_on_create=rules.checks_on_create and not parameters.get("do_not_enforce_on_create", False),
        )
    return rules


def _as_rules(legacy: Document) -> list[tuple[str, dict[str, Any]]]:
    """Branch protection in the terms of rules."""
    found: list[tuple[str, dict[str, Any]]] = []
    if not legacy.get("allow_force_pushes"):
        found.append(("non_fast_forward", {}))
    if not legacy.get("allow_deletions"):
        found.append(("deletion", {}))
    if legacy.get("required_linear_history"):
        found.append(("required_linear_history", {}))
    reviews = legacy.get("required_pull_request_reviews")
    if reviews is not None:
        values: dict[str, Any] = {
            "required_approving_review_count": reviews.get("required_approving_review_count", 1),
            "dismiss_stale_reviews_on_push": reviews.get("dismiss_stale_reviews", False),
            "require_code_owner_review": reviews.get("require_code_owner_reviews", False),
            "require_last_push_approval": reviews.get("require_last_push_approval", False),
            "required_review_thread_resolution": bool(legacy.get("required_conversation_resolution")),
        }
        found.append(("pull_request", values))
    required = legacy.get("required_status_checks")
    if required is not None:
        named = required.get("checks") or [{"context": name} for name in required.get("contexts") or []]
        checks = [{"context": c["context"], "integration_id": c.get("app_id")} for c in named]
        values = {"required_status_checks": checks, "strict_required_status_checks_policy": required["strict"]}
        found.append(("required_status_checks", values))
    return found


def _key(repository: Document, number: int) -> str:
    return f"{repository['full_name'].lower()}/{number}"
