"""Identities, whom they trust, what their roles allow, and where they hold them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backend.errors import ConfigurationError
from backend.gateways.azureml.arm import AUTHORIZATION_VERSION, IDENTITY_VERSION, ArmResources
from backend.gateways.github.repositories import RepositoryFacts
from backend.settings_project import Project
from backend.setup.arm_resource import Document, arm_resource, name_in
from backend.setup.declaration import AssignmentRules, Declaration, IdentityRules, RoleRules
from backend.setup.resource import Resource, words

AUDIENCE = "api://AzureADTokenExchange"
FEDERATED_NAME = "github-actions"
IDS_SINCE = datetime(2026, 7, 15, tzinfo=UTC)
"""Repositories created since then carry ids in the subject of their workflows' tokens; Entra compares it literally."""

BUILT_IN = {
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Monitoring Reader": "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
    "Log Analytics Reader": "73c42c96-874c-492b-b04d-ab87d138a893",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""


@dataclass(frozen=True, slots=True)
class Scopes:
    """Ids at which roles are held, by the words of the declaration; `group` is where identities and roles lie."""

    ids: Mapping[str, str]
    issuer: str

    @property
    def group(self) -> str:
        return self.ids["group"]

    def identity(self, name: str) -> str:
        return f"{self.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"

    def role(self, declared: Declaration, name: str) -> str:
        """The id of a declared role or of a built-in one. Raises ConfigurationError for another name."""
        providers = f"{self.group}/providers/Microsoft.Authorization/roleDefinitions"
        if any(role.name == name for role in declared.roles):
            return f"{providers}/{uuid.uuid5(uuid.NAMESPACE_URL, f'{self.group.lower()}/{name}')}"
        if name not in BUILT_IN:
            raise ConfigurationError(
                "assignments", f"{name!r} is neither among the [[roles]] nor one of {', '.join(BUILT_IN)}"
            )
        return f"{providers}/{BUILT_IN[name]}"


def identity_resources(
    project: Project, declared: Declaration, arm: ArmResources, scopes: Scopes
) -> Sequence[Resource]:
    """The identities and their roles: what needs no repository."""
    identities = [_identity(project, arm, scopes, rules) for rules in declared.identities]
    roles = [_role(declared, arm, scopes, rules) for rules in declared.roles]
    held = [_assignment(declared, arm, scopes, rules) for rules in declared.assignments]
    more = [_nothing_more(declared, arm, scopes, rules.name) for rules in declared.identities]
    return (*identities, *roles, *held, *more)


def federated_resources(
    project: Project,
    declared: Declaration,
    arm: ArmResources,
    scopes: Scopes,
    repository: Callable[[], RepositoryFacts | None],
) -> Sequence[Resource]:
    return [_federated(project, arm, scopes, rules, repository) for rules in declared.identities if rules.trusts]


def _identity(project: Project, arm: ArmResources, scopes: Scopes, rules: IdentityRules) -> Resource:
    return arm_resource(
        arm,
        kind="identity",
        name=rules.name,
        where=project.resource_group,
        at=scopes.identity(rules.name),
        version=IDENTITY_VERSION,
        body=lambda: {"location": project.region},
        read=lambda found: {"region": words(found.get("location"))},
    )


def _federated(
    project: Project,
    arm: ArmResources,
    scopes: Scopes,
    rules: IdentityRules,
    repository: Callable[[], RepositoryFacts | None],
) -> Resource:
    def body() -> dict[str, Any]:
        return {
            "properties": {
                "issuer": scopes.issuer,
                "subject": subject(repository(), project, rules.trusts),
                "audiences": [AUDIENCE],
            }
        }

    def read(found: Document) -> Mapping[str, str]:
        trusted = found.get("properties") or {}
        return {
            "issuer": words(trusted.get("issuer")),
            "subject": words(trusted.get("subject")),
            "audiences": words(trusted.get("audiences")),
        }

    return arm_resource(
        arm,
        kind="federated credential",
        name=FEDERATED_NAME,
        where=rules.name,
        at=f"{scopes.identity(rules.name)}/federatedIdentityCredentials/{FEDERATED_NAME}",
        version=IDENTITY_VERSION,
        body=body,
        read=read,
        waits_for=lambda: "" if repository() is not None else f"waits for the repository {project.repository}",
    )


def subject(facts: RepositoryFacts | None, project: Project, trusts: str) -> str:
    """The `sub` claim of the workflows that are trusted."""
    where = trusts.format(default_branch=project.default_branch)
    owner, _, name = project.repository.partition("/")
    if facts is not None and facts.created >= IDS_SINCE:
        return f"repo:{owner}@{facts.owner_id}/{name}@{facts.id}:{where}"
    return f"repo:{owner}/{name}:{where}"


def _role(declared: Declaration, arm: ArmResources, scopes: Scopes, rules: RoleRules) -> Resource:
    def body() -> dict[str, Any]:
        return {
            "properties": {
                # Unique in the directory, where other projects have roles of the same kind.
                "roleName": f"{rules.name} ({scopes.group.rpartition('/')[2]})",
                "description": rules.description,
                "type": "CustomRole",
                "permissions": [{"actions": list(rules.actions), "notActions": list(rules.not_actions)}],
                "assignableScopes": [scopes.group],
            }
        }

    def read(found: Document) -> Mapping[str, str]:
        properties = found.get("properties") or {}
        permissions = properties.get("permissions") or []
        return {
            "allows": words(sorted(a for one in permissions for a in one.get("actions") or ())),
            "but not": words(sorted(a for one in permissions for a in one.get("notActions") or ())),
            "on data": words(sorted(a for one in permissions for a in one.get("dataActions") or ())),
        }

    return arm_resource(
        arm,
        kind="role",
        name=rules.name,
        where=name_in(scopes.group),
        at=scopes.role(declared, rules.name),
        version=AUTHORIZATION_VERSION,
        body=body,
        read=read,
    )


def _assignment(declared: Declaration, arm: ArmResources, scopes: Scopes, rules: AssignmentRules) -> Resource:
    """Found by who and what, not by name: Azure refuses a second assignment of the same role under another name."""
    scope, role = scopes.ids[rules.scope], scopes.role(declared, rules.role)
    assignments = f"{scope}/providers/Microsoft.Authorization/roleAssignments"

    def look() -> Mapping[str, str] | None:
        held = _held(arm, scope, _principal(arm, scopes, rules.identity))
        return {"role": rules.role} if (scope.lower(), name_in(role)) in held else None

    def make() -> None:
        who = _principal(arm, scopes, rules.identity)
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}/{role.lower()}/{who}")
        given = {"roleDefinitionId": role, "principalId": who, "principalType": "ServicePrincipal"}
        arm.put(f"{assignments}/{name}", AUTHORIZATION_VERSION, {"properties": given})

    return Resource(
        kind="role assignment",
        name=f"{rules.identity}: {rules.role}",
        where=name_in(scope),
        declared=lambda: {"role": rules.role},
        look=look,
        make=make,
        waits_for=lambda: _waits_for_identity(arm, scopes, rules.identity),
    )


def _nothing_more(declared: Declaration, arm: ArmResources, scopes: Scopes, identity: str) -> Resource:
    """An identity holds the declared roles and no other: one more, given by hand, undoes what they withhold."""
    wanted = {
        (scopes.ids[given.scope].lower(), name_in(scopes.role(declared, given.role)))
        for given in declared.assignments
        if given.identity == identity
    }

    def look() -> Mapping[str, str] | None:
        who = _principal(arm, scopes, identity)
        if not who:
            return None
        extra = sorted(_held(arm, scopes.group, who) - wanted)
        return {"further roles": words([f"{_role_name(arm, scopes, role)} on {name_in(at)}" for at, role in extra])}

    return Resource(
        kind="rights",
        name=identity,
        where=name_in(scopes.group),
        declared=lambda: {"further roles": "none"},
        look=look,
        make=None,
        waits_for=lambda: _waits_for_identity(arm, scopes, identity),
        by_hand="take the further role away in Azure's access control, or declare it",
    )


def _principal(arm: ArmResources, scopes: Scopes, identity: str) -> str:
    found = arm.get(scopes.identity(identity), IDENTITY_VERSION)
    return str((found or {}).get("properties", {}).get("principalId", ""))


def _waits_for_identity(arm: ArmResources, scopes: Scopes, identity: str) -> str:
    return "" if _principal(arm, scopes, identity) else f"waits for the identity {identity}"


def _held(arm: ArmResources, scope: str, principal: str) -> set[tuple[str, str]]:
    """(scope, role's name) of each assignment of the principal that Azure lists here: above and below it too."""
    if not principal:
        return set()
    listed = arm.listed(f"{scope}/providers/Microsoft.Authorization/roleAssignments", AUTHORIZATION_VERSION)
    return {
        (str(one["properties"]["scope"]).lower(), name_in(one["properties"]["roleDefinitionId"]))
        for one in listed
        if one["properties"]["principalId"] == principal
    }


def _role_name(arm: ArmResources, scopes: Scopes, role: str) -> str:
    found = arm.get(f"{scopes.group}/providers/Microsoft.Authorization/roleDefinitions/{role}", AUTHORIZATION_VERSION)
    return str((found or {}).get("properties", {}).get("roleName", role))
