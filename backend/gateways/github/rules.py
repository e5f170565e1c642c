"""The rules that hold on a branch, whoever declared them, as one GraphQL answer tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backend.gateways.github import codeowners
from backend.gateways.github.blockers import BranchRules

OWNERS = ("owners1", "owners2", "owners3")


def rules_of(branch: Mapping[str, Any] | None) -> BranchRules:
    """The sum of a branch's rulesets and its older protection, which GitHub shows to administrators only.

    Several rules of one type add up to their strictest, as GitHub applies them.
    """
    if branch is None:
        return BranchRules()
    total = BranchRules()
    for rule in (branch.get("rules") or {}).get("nodes") or ():
        total = total.plus(_of_ruleset(rule.get("parameters") or {}))
    return total.plus(_of_protection(branch.get("branchProtectionRule") or {}))


def owner_rules(repository: Mapping[str, Any]) -> tuple[codeowners.OwnerRule, ...]:
    """CODEOWNERS of the default branch, from the first place that has one."""
    texts: Iterable[str | None] = ((repository.get(place) or {}).get("text") for place in OWNERS)
    return codeowners.parse(next((text for text in texts if text is not None), ""))


def _of_ruleset(values: Mapping[str, Any]) -> BranchRules:
    return BranchRules(
        approvals=int(values.get("requiredApprovingReviewCount") or 0),
        code_owners=bool(values.get("requireCodeOwnerReview")),
        last_push=bool(values.get("requireLastPushApproval")),
        resolved_threads=bool(values.get("requiredReviewThreadResolution")),
        up_to_date=bool(values.get("strictRequiredStatusChecksPolicy")),
        checks=tuple(check["context"] for check in values.get("requiredStatusChecks") or ()),
    )


def _of_protection(values: Mapping[str, Any]) -> BranchRules:
    checked = bool(values.get("requiresStatusChecks"))
    return BranchRules(
        approvals=int(values.get("requiredApprovingReviewCount") or 0) if values.get("requiresApprovingReviews") else 0,
        code_owners=bool(values.get("requiresCodeOwnerReviews")),
        resolved_threads=bool(values.get("requiresConversationResolution")),
        up_to_date=checked and bool(values.get("requiresStrictStatusChecks")),
        checks=tuple(values.get("requiredStatusCheckContexts") or ()) if checked else (),
    )
