"""Whose tokens an identity takes, and what its roles let it do at a scope. All of it is read.

Federated credentials: https://learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials
Role assignments: https://learn.microsoft.com/rest/api/authorization/role-assignments
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.drills import Granted, Trusted
from backend.errors import NotFound
from backend.gateways.azureml.arm import AUTHORIZATION_VERSION, IDENTITY_VERSION, ArmResources

PROVIDER = "/providers/Microsoft.Authorization"


class Trust:
    """The identities of one resource group; `group` is its id."""

    def __init__(self, arm: ArmResources, group: str) -> None:
        self._arm = arm
        self._group = group

    def of(self, identity: str) -> tuple[Trusted, ...]:
        """Its federated credentials. Raises NotFound for an identity that is not there."""
        self._principal(identity)
        found = self._arm.listed(f"{self._place(identity)}/federatedIdentityCredentials", IDENTITY_VERSION)
        return tuple(_trusted(identity, one.get("properties") or {}) for one in found)

    def granted(self, identity: str, scope: str) -> tuple[Granted, ...]:
        """Every role that holds at the scope, given there or above it. Raises NotFound without the identity."""
        principal = self._principal(identity)
        listed = self._arm.listed(f"{scope}{PROVIDER}/roleAssignments", AUTHORIZATION_VERSION)
        held = [one["properties"] for one in listed if one["properties"]["principalId"] == principal]
        return tuple(
            self._granted(identity, one["roleDefinitionId"], str(one["scope"]))
            for one in held
            if _covers(str(one["scope"]), scope)
        )

    def _granted(self, identity: str, role: str, scope: str) -> Granted:
        name = role.rpartition("/")[2]
        found = self._arm.get(f"{self._group}{PROVIDER}/roleDefinitions/{name}", AUTHORIZATION_VERSION)
        if found is None:
            raise NotFound(f"The role {name}, which {identity} holds, cannot be read.")
        properties = found["properties"]
        permissions = properties.get("permissions") or []
        return Granted(
            identity=identity,
            role=str(properties.get("roleName", name)),
            scope=scope.rpartition("/")[2],
            actions=tuple(str(a) for one in permissions for a in one.get("actions") or ()),
            not_actions=tuple(str(a) for one in permissions for a in one.get("notActions") or ()),
        )

    def _principal(self, identity: str) -> str:
        found = self._arm.get(self._place(identity), IDENTITY_VERSION)
        if found is None:
            raise NotFound(f"There is no identity {identity} in the resource group: `mlops setup apply` makes it.")
        return str(found["properties"]["principalId"])

    def _place(self, identity: str) -> str:
        return f"{self._group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}"


def _covers(given: str, scope: str) -> bool:
    """An assignment holds at its scope and below it; Azure lists those below the asked one too."""
    return f"{scope.lower()}/".startswith(f"{given.lower().rstrip('/')}/")


def _trusted(identity: str, properties: Mapping[str, Any]) -> Trusted:
    expression = properties.get("claimsMatchingExpression") or {}
    return Trusted(
        identity=identity,
        issuer=str(properties.get("issuer", "")),
        subject=str(properties.get("subject") or ""),
        expression=str(expression.get("value", "")),
    )
