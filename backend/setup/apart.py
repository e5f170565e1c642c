"""Dev and prod are really two: another workspace, storage and identity, and other data by digest."""

from __future__ import annotations

from backend.gateways.azureml.arm import IDENTITY_VERSION, ArmResources
from backend.settings_project import Project
from backend.setup.arm_resource import name_in
from backend.setup.declaration import Declaration
from backend.setup.resource import Fields, Resource
from backend.setup.rights import Scopes
from backend.setup.workspaces import Place

APART = "different"
NAMES = ("workspace", "storage", "key vault", "CI identity", "data")
SHOWN = 19
"""Of a digest: `sha256:` and twelve digits."""


def apart_resource(
    project: Project, declared: Declaration, arm: ArmResources, scopes: Scopes, dev: Place, prod: Place
) -> Resource:
    """Nothing makes this so but the resources themselves; where it is not so, a person finds out why."""
    trusted = {rules.name for rules in declared.identities if rules.trusts}
    ci = {given.scope: given.identity for given in declared.assignments if given.identity in trusted}

    def look() -> Fields | None:
        in_dev, in_prod = dev.foundation.workspace(), prod.foundation.workspace()
        data = [_digest(place) for place in (dev, prod)] if in_dev is not None and in_prod is not None else []
        if in_dev is None or in_prod is None or not all(data):
            return None
        identities = [_client(arm, scopes, name) for name in (ci.get("dev", ""), ci.get("prod", ""))]
        pairs = (
            (dev.workspace.name, prod.workspace.name),
            (name_in(in_dev.storage), name_in(in_prod.storage)),
            (name_in(in_dev.vault), name_in(in_prod.vault)),
            (identities[0], identities[1]),
            (data[0], data[1]),
        )
        return {name: apart(*pair) for name, pair in zip(NAMES, pairs, strict=True)}

    def declare() -> dict[str, str]:
        """What both have stands in the field, so that a person can see the two; it is right if they differ."""
        return {name: str(value) if str(value).startswith(APART) else APART for name, value in (look() or {}).items()}

    return Resource(
        kind="separation",
        name="dev and prod",
        where=project.resource_group,
        declared=declare,
        look=look,
        make=None,
        waits_for=lambda: "waits for both workspaces and their data",
        by_hand="dev and prod share what they must not share: name another one in the settings or the declaration",
    )


def apart(dev: str, prod: str) -> str:
    """`different: X and Y`, or what both have; two that nobody can tell are not two."""
    if dev and prod and dev != prod:
        return f"{APART}: {dev[:SHOWN]} and {prod[:SHOWN]}"
    return f"the same: {dev}" if dev or prod else "cannot be told apart"


def _digest(place: Place) -> str:
    asset = place.assets.data(place.data_name)
    return "" if asset is None else asset.digest or f"{asset.name} without a digest"


def _client(arm: ArmResources, scopes: Scopes, identity: str) -> str:
    found = arm.get(scopes.identity(identity), IDENTITY_VERSION) if identity else None
    return str((found or {}).get("properties", {}).get("clientId", ""))
