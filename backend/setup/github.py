"""The GitHub side: the repository, its Actions, its owners and environment, and the rulesets that guard it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.domain.drills import STAND_IN
from backend.errors import RemoteRejected
from backend.gateways.github.actions_permissions import ActionsPermissions, Permissions
from backend.gateways.github.contents import Contents
from backend.gateways.github.environments import DeploymentEnvironment, DeploymentEnvironments, lacks_plan
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.rulesets import Ruleset, Rulesets, shown, tags_for_ever
from backend.gateways.github.stand_in import StandIn
from backend.gateways.github.webhooks import Webhooks
from backend.settings_project import Project
from backend.setup.declaration import Declaration
from backend.setup.resource import Fields, Resource, words

ENTERPRISE = "enterprise"
NO_REVIEWERS = "none: the plan has none; the ruleset and the console's approval decide"


@dataclass(frozen=True, slots=True)
class GitHubSide:
    """The gateways of one repository."""

    repositories: Repositories
    rulesets: Rulesets
    contents: Contents
    actions: ActionsPermissions
    environments: DeploymentEnvironments
    stand_in: StandIn
    webhooks: Webhooks


def repository_resource(project: Project, declared: Declaration, github: GitHubSide) -> Resource:
    wanted = declared.repository.model_dump()

    def look() -> Fields | None:
        found = github.repositories.read()
        if found is None:
            return None
        told = {name: words(value) if name in found.settings else None for name, value in wanted.items()}
        told |= {name: words(value) for name, value in found.settings.items()}
        return {_spoken(name): value for name, value in told.items()}

    def make() -> None:
        if github.repositories.exists():
            github.repositories.change(wanted)
        else:
            github.repositories.create(wanted)

    return Resource(
        kind="repository",
        name=project.repository,
        where="GitHub",
        declared=lambda: {_spoken(name): words(value) for name, value in wanted.items()},
        look=look,
        make=make,
    )


def github_resources(
    project: Project, declared: Declaration, variables: Mapping[str, Callable[[], str]], github: GitHubSide
) -> Sequence[Resource]:
    """What lies in the repository. The ruleset of the default branch comes last: it ends direct pushes."""
    settings = [_variable(project, name, value, github.repositories) for name, value in sorted(variables.items())]
    branch, tags = declared_rulesets(project, declared)
    return [
        *settings,
        _actions(project, declared, github),
        _deployment_environment(project, declared, github),
        _owners(project, declared, github),
        _stand_in(project, github),
        _ruleset("tag ruleset", project, tags, github),
        _ruleset("ruleset", project, branch, github),
    ]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _variable(project: Project, name: str, value: Callable[[], str], repositories: Repositories) -> Resource:
    differs, same = "differs from the settings", "as in the settings"

    def look() -> Fields | None:
        now = repositories.variables().get(name) if repositories.exists() else None
        return None if now is None else {"value": same if now == value() else differs}

    return Resource(
        kind="Actions variable",
        name=name,
        where=project.repository,
        declared=lambda: {"value": same},
        look=look,
        make=lambda: repositories.set_variable(name, value()),
        waits_for=lambda: "" if value() else "waits for the identity whose client id it holds",
    )


def _actions(project: Project, declared: Declaration, github: GitHubSide) -> Resource:
    rules = declared.actions
    wanted = Permissions(
        enabled=True,
        allowed=rules.allowed,
        pinned=rules.pinned,
        github_owned=rules.github_owned and rules.allowed == "selected",
        patterns=tuple(sorted(rules.patterns)),
        token_rights=rules.workflows_may,
        may_approve=rules.may_approve,
    )

    def read(found: Permissions) -> dict[str, str]:
        return {
            "enabled": words(found.enabled),
            "which": found.allowed,
            "GitHub's own": words(found.github_owned),
            "patterns": words(found.patterns),
            "pinned to commits": words(found.pinned),
            "a token's rights": found.token_rights,
            "may approve": words(found.may_approve),
        }

    def look() -> Fields | None:
        if not github.repositories.exists():
            return None
        found = github.actions.read()
        # An older GitHub server does not know the rule: nobody can say that it holds.
        return read(found) if found.pinned is not None else {**read(found), "pinned to commits": None}

    return Resource(
        kind="Actions permissions",
        name="Actions",
        where=project.repository,
        declared=lambda: read(wanted),
        look=look,
        make=lambda: github.actions.set(wanted),
    )


def _deployment_environment(project: Project, declared: Declaration, github: GitHubSide) -> Resource:
    rules, branches = declared.deployment_environment, (project.default_branch,)
    reviewed = DeploymentEnvironment(tuple(sorted(rules.reviewers)), branches)
    open_to_main = DeploymentEnvironment((), branches)

    def possible() -> bool:
        """Only where GitHub says that the plan lacks them: an unknown plan is asked for what is declared."""
        facts, plan = github.repositories.read(), github.repositories.plan()
        return facts is None or not facts.private or not plan or plan == ENTERPRISE

    def declare() -> Mapping[str, str]:
        return {"reviewers": words(reviewed.reviewers) if possible() else NO_REVIEWERS, "branches": words(branches)}

    def look() -> Fields | None:
        now = github.environments.find(rules.name) if github.repositories.exists() else None
        if now is None:
            return None
        missing = NO_REVIEWERS if not now.reviewers and not possible() else words(now.reviewers)
        return {"reviewers": missing, "branches": words(now.branches)}

    def make() -> None:
        try:
            github.environments.ensure(rules.name, reviewed if possible() else open_to_main)
        except RemoteRejected as error:
            if not lacks_plan(error):
                raise
            github.environments.ensure(rules.name, open_to_main)

    return Resource(
        kind="deployment environment",
        name=rules.name,
        where=project.repository,
        declared=declare,
        look=look,
        make=make,
    )


def _owners(project: Project, declared: Declaration, github: GitHubSide) -> Resource:
    """Read at the default branch. Setup changes no file there: nobody may, but by a pull request."""
    rules = declared.codeowners

    def look() -> Fields | None:
        if not github.repositories.exists() or not github.contents.has_branch(project.default_branch):
            return None
        text = github.contents.file(rules.path, project.default_branch)
        return None if text is None else {"owners": words(_rules_in(text.decode(errors="replace")))}

    return Resource(
        kind="code owners",
        name=rules.path,
        where=project.repository,
        declared=lambda: {"owners": words(rules.lines)},
        look=look,
        make=None,
        waits_for=lambda: _waits_for_branch(project, github),
        by_hand=f"open a pull request that changes {rules.path}, or declare what it says",
    )


def _rules_in(text: str) -> list[str]:
    """The lines that count, with single spaces."""
    lines = (" ".join(line.partition("#")[0].split()) for line in text.splitlines())
    return [line for line in lines if line]


def _stand_in(project: Project, github: GitHubSide) -> Resource:
    """Made before the ruleset is in force on it, which also keeps it from being deleted again."""

    def look() -> Fields | None:
        there = github.repositories.exists() and bool(github.stand_in.head())
        return {"stands in for": project.default_branch} if there else None

    return Resource(
        kind="stand-in branch",
        name=STAND_IN,
        where=project.repository,
        declared=lambda: {"stands in for": project.default_branch},
        look=look,
        make=lambda: github.stand_in.make(github.contents.head(project.default_branch)),
        waits_for=lambda: _waits_for_branch(project, github),
    )


def declared_rulesets(project: Project, declared: Declaration) -> tuple[Ruleset, Ruleset]:
    """The one that guards the default branch and its stand-in, and the one that guards the ledger's anchors."""
    branch = Ruleset(
        name=declared.ruleset.name,
        refs=("~DEFAULT_BRANCH", f"refs/heads/{STAND_IN}"),
        approvals=declared.ruleset.approvals,
        checks=(project.required_check,),
    )
    return branch, tags_for_ever(declared.anchors.name, declared.anchors.pattern)


def _ruleset(kind: str, project: Project, wanted: Ruleset, github: GitHubSide) -> Resource:
    """Of tags: the ledger's anchors may be written, and stay; without it whoever may push could move them."""

    def look() -> Fields | None:
        now = github.rulesets.find(wanted.name) if github.repositories.exists() else None
        return None if now is None else shown(now)

    def waits_for() -> str:
        # With the ruleset in force nobody could push the first commit of main.
        return _waits_for_branch(project, github) if wanted.target == "branch" else ""

    return Resource(
        kind=kind,
        name=wanted.name,
        where=project.repository,
        declared=lambda: {name: str(value) for name, value in shown(wanted).items()},
        look=look,
        make=lambda: github.rulesets.ensure(wanted),
        waits_for=waits_for,
    )


def _waits_for_branch(project: Project, github: GitHubSide) -> str:
    if github.repositories.exists() and github.contents.has_branch(project.default_branch):
        return ""
    return f"waits for the first push of {project.default_branch}"
