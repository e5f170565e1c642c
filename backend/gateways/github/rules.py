"""The rules that hold on a branch, whoever declared them."""

from __future__ import annotations

from backend.gateways.github.blockers import BranchRules
from backend.gateways.github.client import GitHubConnection


def branch_rules(connection: GitHubConnection, branch: str) -> BranchRules:
    """`GET rules/branches/{branch}`: the sum of the active rulesets, organisation's included.

    Several pull-request rules add up to their strictest, as GitHub applies them.
    """
    total = BranchRules()
    for rule in connection.pages(f"{{repo}}/rules/branches/{branch}", "read the branch's rules"):
        values = rule.get("parameters") or {}
        if rule["type"] == "pull_request":
            total = BranchRules(
                approvals=max(total.approvals, int(values.get("required_approving_review_count", 0))),
                code_owners=total.code_owners or bool(values.get("require_code_owner_review")),
                resolved_threads=total.resolved_threads or bool(values.get("required_review_thread_resolution")),
                up_to_date=total.up_to_date,
                checks=total.checks,
            )
        elif rule["type"] == "required_status_checks":
            names = [check["context"] for check in values.get("required_status_checks", ())]
            total = BranchRules(
                approvals=total.approvals,
                code_owners=total.code_owners,
                resolved_threads=total.resolved_threads,
                up_to_date=total.up_to_date or bool(values.get("strict_required_status_checks_policy")),
                checks=tuple(dict.fromkeys((*total.checks, *names))),
            )
    return total
