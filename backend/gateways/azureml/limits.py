"""Quota, instance types, and what this identity may do. All of it is read.

Usages and sizes: https://learn.microsoft.com/rest/api/azureml/usages, .../virtual-machine-sizes
Permissions: https://learn.microsoft.com/rest/api/authorization/permissions
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from backend.domain.quota import Size, Usage
from backend.gateways.azureml.arm import AUTHORIZATION_VERSION, USAGES_VERSION, ArmResources


class Limits:
    def __init__(self, arm: ArmResources, subscription: str, region: str) -> None:
        self._arm = arm
        self._place = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{region}"

    def usages(self) -> Mapping[str, Usage]:
        """By family of instance types, in vCPUs."""
        found = self._arm.listed(f"{self._place}/usages", USAGES_VERSION)
        return {
            str(one["name"]["value"]): Usage(used=int(one["currentValue"]), limit=int(one["limit"])) for one in found
        }

    def size(self, instance_type: str) -> Size | None:
        """What an instance type takes, or None where the region has none of that name."""
        for one in self._arm.listed(f"{self._place}/vmSizes", USAGES_VERSION):
            if str(one["name"]).lower() == instance_type.lower():
                return Size(family=str(one["family"]), cores=int(one["vCPUs"]))
        return None

    def may(self, scope: str, *actions: str) -> Mapping[str, bool]:
        """Whether this identity may do each action at the scope, by Azure's own answer."""
        place = f"{scope}/providers/Microsoft.Authorization/permissions"
        held = self._arm.listed(place, AUTHORIZATION_VERSION)
        return {action: any(_allows(one, action.lower()) for one in held) for action in actions}


def _allows(permission: Mapping[str, Any], action: str) -> bool:
    def matches(name: str) -> bool:
        return any(fnmatchcase(action, str(pattern).lower()) for pattern in permission.get(name) or ())

    return matches("actions") and not matches("notActions")
