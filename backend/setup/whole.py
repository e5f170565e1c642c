"""Every declared resource of a project, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from backend.gateways.azureml.arm import IDENTITY_VERSION, ArmResources
from backend.settings import Settings, public_toml
from backend.settings_project import Project
from backend.setup.apart import apart_resource
from backend.setup.declaration import Declaration
from backend.setup.endpoints import endpoint_resources
from backend.setup.github import GitHubSide, github_resources, repository_resource
from backend.setup.resource import Resource
from backend.setup.rights import Scopes, federated_resources, identity_resources
from backend.setup.webhook import webhook_resources
from backend.setup.workspaces import Place, shared_resources, workspace_resources

CI_VARIABLES = {"AZURE_CI_DEV_CLIENT_ID": "pull_request", "AZURE_CI_PROD_CLIENT_ID": "ref:"}
"""Actions variables by what begins the subject that the identity behind them trusts."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of one project, and what connects them."""

    settings: Settings
    project: Project
    declared: Declaration
    dev: Place
    prod: Place
    github: GitHubSide

    @property
    def arm(self) -> ArmResources:
        return ArmResources(self.prod.workspace)

    @property
    def scopes(self) -> Scopes:
        ids = {
            "group": self.project.group_id,
            "dev": self.dev.workspace.arm_id,
            "prod": self.prod.workspace.arm_id,
            "logs": self.prod.workspace.logs_id,
        }
        return Scopes(ids, self.settings.github.actions_issuer)


def declared_resources(sides: Sides) -> Sequence[Resource]:
    """Resources that look and make anew each time they are asked. A workflow's trust needs the repository's ids."""
    project, declared, github = sides.project, sides.declared, sides.github
    return (
        *azure_resources(sides),
        repository_resource(project, declared, github),
        *federated_resources(project, declared, sides.arm, sides.scopes, github.repositories.read),
        *github_resources(project, declared, _variables(sides), github),
        *webhook_resources(sides.settings, declared, github.webhooks, github.repositories),
    )


def azure_resources(sides: Sides) -> Sequence[Resource]:
    """All of Azure that needs no repository."""
    project, declared, arm, scopes = sides.project, sides.declared, sides.arm, sides.scopes
    logs_id = sides.prod.workspace.logs_id
    workspaces = chain.from_iterable(
        workspace_resources(project, declared, arm, place, logs_id) for place in (sides.dev, sides.prod)
    )
    return (
        *shared_resources(project, declared, arm, logs_id),
        *workspaces,
        *identity_resources(project, declared, arm, scopes),
        *endpoint_resources(project, declared, arm, sides.prod, logs_id),
        apart_resource(project, declared, arm, scopes, sides.dev, sides.prod),
    )


def _variables(sides: Sides) -> Mapping[str, Callable[[], str]]:
    """What workflows read. A client id that is not in the settings is the one of the identity that setup makes."""
    identity = sides.settings.identity
    given = {
        "AZURE_CI_DEV_CLIENT_ID": identity.ci_dev_client_id,
        "AZURE_CI_PROD_CLIENT_ID": identity.ci_prod_client_id,
    }

    def client_of(name: str) -> str:
        return given[name] or _client_id(sides, CI_VARIABLES[name])

    clients = {name: (lambda name=name: client_of(name)) for name in given}
    return {"MLOPS_TOML": lambda: public_toml(sides.settings), **clients}


def _client_id(sides: Sides, trusts: str) -> str:
    found = next((one for one in sides.declared.identities if one.trusts and one.trusts.startswith(trusts)), None)
    made = None if found is None else sides.arm.get(sides.scopes.identity(found.name), IDENTITY_VERSION)
    return str((made or {}).get("properties", {}).get("clientId", ""))
