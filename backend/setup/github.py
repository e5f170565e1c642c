"""The GitHub side: the repository, its Actions variables, and the rulesets on its default branch and its anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.gateways.github.contents import Contents
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.rulesets import Ruleset, Rulesets, differences, tags_for_ever
from backend.settings import Project
from backend.setup.declaration import Declaration
from backend.setup.resource import Resource


def github_resources(
    project: Project,
    declared: Declaration,
    variables: Mapping[str, str],
    repositories: Repositories,
    rulesets: Rulesets,
    contents: Contents,
) -> Sequence[Resource]:
    repository = Resource(
        kind="repository",
        name=project.repository,
        where="GitHub",
        look=lambda: () if repositories.exists() else None,
        make=lambda: repositories.create(declared.repository.description),
    )
    settings = [_variable(project, name, value, repositories) for name, value in sorted(variables.items())]
    anchors = _anchors(project, declared, repositories, rulesets)
    return [repository, *settings, anchors, _ruleset(project, declared, repositories, rulesets, contents)]


def _variable(project: Project, name: str, value: str, repositories: Repositories) -> Resource:
    def look() -> tuple[str, ...] | None:
        now = repositories.variables().get(name) if repositories.exists() else None
        if now is None:
            return None
        return () if now == value else ("value: differs from the settings",)

    return Resource(
        kind="Actions variable",
        name=name,
        where=project.repository,
        look=look,
        make=lambda: repositories.set_variable(name, value),
    )


def declared_rulesets(project: Project, declared: Declaration) -> tuple[Ruleset, Ruleset]:
    """The one that guards the default branch, and the one that guards the ledger's anchors."""
    branch = Ruleset(name=declared.ruleset.name, approvals=declared.ruleset.approvals, checks=(project.required_check,))
    return branch, tags_for_ever(declared.anchors.name, declared.anchors.pattern)


def _anchors(project: Project, declared: Declaration, repositories: Repositories, rulesets: Rulesets) -> Resource:
    """The ledger's anchors may be written, and stay: without it whoever may push could move them."""
    _, wanted = declared_rulesets(project, declared)

    def look() -> tuple[str, ...] | None:
        now = rulesets.find(wanted.name) if repositories.exists() else None
        return None if now is None else differences(now, wanted)

    return Resource(
        kind="tag ruleset", name=wanted.name, where=project.repository, look=look, make=lambda: rulesets.ensure(wanted)
    )


def _ruleset(
    project: Project, declared: Declaration, repositories: Repositories, rulesets: Rulesets, contents: Contents
) -> Resource:
    wanted, _ = declared_rulesets(project, declared)

    def look() -> tuple[str, ...] | None:
        now = rulesets.find(wanted.name) if repositories.exists() else None
        return None if now is None else differences(now, wanted)

    def waits_for() -> str:
        # With the ruleset in force nobody could push the first commit of main.
        if repositories.exists() and contents.has_branch(project.default_branch):
            return ""
        return f"waits for the first push of {project.default_branch}"

    return Resource(
        kind="ruleset",
        name=wanted.name,
        where=project.repository,
        look=look,
        make=lambda: rulesets.ensure(wanted),
        waits_for=waits_for,
    )
