"""Builds what a workflow may use. Apart from the console's parts: it needs no database."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from backend.bootstrap import as_person
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.client import Workspace, apply_environment
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models as ModelGateway
from backend.gateways.azureml.runs import Runs as RunGateway
from backend.gateways.credentials import ProgramIdentity
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubWriter
from backend.gateways.github.comments import Comments
from backend.gateways.github.contents import Contents
from backend.gateways.github.deployments import Deployments
from backend.gateways.github.pulls import Pulls
from backend.operations.training import Training
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class CiParts:
    """What a workflow may use: one workspace with its own federated identity, and GitHub with the job's token."""

    settings: Settings
    workspace: Workspace
    jobs: Jobs
    runs: RunGateway
    models: ModelGateway
    assets: Assets
    training: Training
    github: GitHubWriter
    pulls: Pulls
    checks: Checks
    comments: Comments
    contents: Contents
    deployments: Deployments


def build_ci(settings: Settings, workspace: str, github_token: str = "") -> CiParts:
    """One workspace for a workflow. Needs no database; `workspace` is the project's dev or prod one.

    Without a GitHub token everything but GitHub works, and GitHub's first use says what is missing.
    """
    apply_environment(settings)
    project = settings.project
    chosen = Workspace(settings, project, workspace, ProgramIdentity(settings.identity, settings.cloud))
    data = project.prod_data if workspace == project.prod_workspace else project.dev_data
    jobs, assets, models = Jobs(chosen), Assets(chosen), ModelGateway(chosen)
    github = as_person(settings, project, SecretStr(github_token))
    return CiParts(
        settings=settings,
        workspace=chosen,
        jobs=jobs,
        runs=RunGateway(chosen),
        models=models,
        assets=assets,
        training=Training(project, data, jobs, assets, models),
        github=github,
        pulls=Pulls(github),
        checks=Checks(github),
        comments=Comments(github),
        contents=Contents(github),
        deployments=Deployments(github),
    )
