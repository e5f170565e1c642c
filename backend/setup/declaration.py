"""The declared state as values, read from `declared.toml` or a file of the project's own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from backend.domain.value import Value
from backend.errors import ConfigurationError

SHIPPED = Path(__file__).with_name("declared.toml")

Scope = Literal["group", "dev", "prod", "logs"]


class LogRules(Value):
    retention_days: Annotated[int, Field(ge=7, le=730)]


class Parts(Value):
    """What a workspace stands on. `{workspace}` in a name is the workspace's name in letters and digits."""

    storage: str
    storage_sku: str
    vault: str
    insights: str

    def named(self, pattern: str, workspace: str) -> str:
        return pattern.format(workspace="".join(filter(str.isalnum, workspace)).lower())


class Compute(Value):
    """`idle_seconds` is how long an unused node is kept."""

    size: str
    min_nodes: int
    max_nodes: int
    idle_seconds: int


class EnvironmentSource(Value):
    image: str
    conda_file: Path


class EndpointRules(Value):
    """`logs` are the diagnostic categories sent to Log Analytics."""

    auth_mode: str
    logs: tuple[str, ...]


class AlertRule(Value):
    """Fires while the average of `metric` over `window` is above; `every` is how often it is looked at (ISO 8601)."""

    name: str
    metric: str
    dimension: str = ""
    values: tuple[str, ...] = ()
    above: float
    window: str
    every: str
    severity: Annotated[int, Field(ge=0, le=4)]


class Alerts(Value):
    group: Annotated[str, Field(max_length=64)]
    email: tuple[str, ...] = ()
    rules: tuple[AlertRule, ...] = ()


class IdentityRules(Value):
    """A user-assigned identity; `trusts` is the end of the subject of the workflows that may become it."""

    name: str
    trusts: str = ""


class RoleRules(Value):
    name: str
    description: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


class AssignmentRules(Value):
    identity: str
    role: str
    scope: Scope


class RepositoryRules(Value):
    """The settings of the repository by GitHub's names."""

    description: str
    private: bool = True
    allow_squash_merge: bool = True
    allow_merge_commit: bool = False
    allow_rebase_merge: bool = False
    allow_auto_merge: bool = False
    delete_branch_on_merge: bool = True


class ActionsRules(Value):
    """`pinned`: an action is used at a commit only. `workflows_may` is what a token of theirs may do unasked."""

    allowed: Literal["all", "local_only", "selected"]
    github_owned: bool = True
    patterns: tuple[str, ...] = ()
    pinned: bool = True
    workflows_may: Literal["read", "write"] = "read"
    may_approve: bool = False


class RulesetRules(Value):
    name: str
    approvals: int


class WebhookRules(Value):
    """What GitHub tells the console of, which then looks by itself; by GitHub's names of events."""

    events: tuple[str, ...] = (
        "check_run",
        "check_suite",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "push",
        "workflow_run",
    )


class OwnerRules(Value):
    path: str
    lines: tuple[str, ...]


class DeploymentEnvironmentRules(Value):
    """`reviewers` are GitHub logins."""

    name: str
    reviewers: tuple[str, ...]


class AnchorRules(Value):
    """The ruleset over the tags that anchor the ledger."""

    name: str
    pattern: str


class Declaration(Value):
    logs: LogRules
    parts: Parts
    compute: Compute
    environment: EnvironmentSource
    endpoint: EndpointRules
    alerts: Alerts
    identities: tuple[IdentityRules, ...]
    roles: tuple[RoleRules, ...]
    assignments: tuple[AssignmentRules, ...]
    repository: RepositoryRules
    actions: ActionsRules
    ruleset: RulesetRules
    codeowners: OwnerRules
    deployment_environment: DeploymentEnvironmentRules
    anchors: AnchorRules
    webhook: WebhookRules = WebhookRules()


def read_declaration(path: Path | None = None) -> Declaration:
    """The file at `path`, or the one we ship. Raises ConfigurationError naming the key that is missing or wrong."""
    path = path or SHIPPED
    try:
        declared = Declaration.model_validate(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {name}", first["msg"].lower()) from error
    known = {identity.name for identity in declared.identities}
    stranger = next((given.identity for given in declared.assignments if given.identity not in known), None)
    if stranger is not None:
        raise ConfigurationError(f"{path.name}: assignments", f"{stranger!r} is not among the [[identities]]")
    return declared
