"""Look before you leap: what exists, who can go around it, and what setup would change. Nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.domain.checkup import Checked, Checkup, Outcome
from backend.domain.endpoints import Deployment, Endpoint
from backend.domain.setup import Change, SetupPlan
from backend.errors import NotFound
from backend.gateways.azureml.arm import DIAGNOSTICS_VERSION, ArmResources
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.foundation import Foundation
from backend.gateways.azureml.limits import Limits
from backend.gateways.azureml.model_folder import read_folder
from backend.gateways.azureml.models import Models
from backend.gateways.azureml.runs import Runs
from backend.gateways.github.guards import Guards
from backend.gateways.github.repositories import Repositories
from backend.operations.checking import Answer, ask, judged
from backend.policy.bypass import bypasses
from backend.policy.quota import enough
from backend.settings_project import Project

SHOWN = 12
TRAFFIC_LOG = "AmlOnlineEndpointTrafficLog"


@dataclass(frozen=True, slots=True)
class Existing:
    """What is looked at, through the gateways of one project."""

    project: Project
    workspace_id: str
    endpoint_id: str
    arm: ArmResources
    limits: Limits
    foundation: Foundation
    endpoints: Endpoints
    models: Models
    runs: Runs
    guards: Guards
    repositories: Repositories
    plan: Callable[[], SetupPlan]
    clock: Callable[[], Answer]


class Assessing:
    def __init__(self, existing: Existing) -> None:
        self._there = existing

    def assess(self) -> Checkup:
        """Every question with its proof; what may not be seen is unknown. Reads only, and downloads what serves."""
        return Checkup(checked=(*self._main(), *self._served(), *self._missing(), self._setup()))

    def _main(self) -> tuple[Checked, ...]:
        project = self._there.project
        try:
            return bypasses(self._there.guards.of(project.default_branch))
        except NotFound:
            question = f"Who can change {project.default_branch} without a review?"
            return (
                Checked(
                    area="GitHub",
                    question=question,
                    outcome=Outcome.UNKNOWN,
                    answer=f"There is no {project.repository}, or this token may not see it.",
                    proof=f"/repos/{project.repository}",
                ),
            )

    def _served(self) -> tuple[Checked, ...]:
        endpoint = self._endpoint()
        if endpoint is None:
            missing = f"There is no endpoint {self._there.project.endpoint} in {self._there.project.prod_workspace}."
            proof = self._there.endpoint_id
            return (ask("endpoint", "What serves?", proof, lambda: (Outcome.WRONG, missing, "")),)
        live = [d for d in endpoint.deployments if endpoint.traffic.get(d.name, 0) > 0]
        return tuple(self._trained(deployment, endpoint.traffic[deployment.name]) for deployment in live)

    def _trained(self, deployment: Deployment, weight: int) -> Checked:
        """Only bytes that are downloaded now, and hash to what the run wrote down, are what was trained."""
        question = f"Is what {deployment.name} serves ({weight} %) what was trained?"

        def look() -> Answer:
            version = self._there.models.get(deployment.model, deployment.version)
            named = f"{deployment.model} v{deployment.version}"
            if not version.digest:
                return Outcome.UNKNOWN, f"Unproven: {named} was registered without a digest.", ADOPT
            with tempfile.TemporaryDirectory() as folder:
                found = self._there.models.download(deployment.model, deployment.version, Path(folder))
                digest = read_folder(found).digest
            if digest != version.digest:
                return Outcome.WRONG, f"{named} holds {digest[:19]}, registered was {version.digest[:19]}.", QUARANTINE
            if not version.lineage.run:
                return Outcome.UNKNOWN, f"Unproven: {named} is {digest[:19]}, but names no run that made it.", ADOPT
            run = self._there.runs.get(version.lineage.run)
            return Outcome.FINE, f"{named} is {digest[:19]}, registered by run {run.id} ({run.state.value}).", ""

        return ask("endpoint", question, f"models/{deployment.model}/versions/{deployment.version}, its files", look)

    def _missing(self) -> tuple[Checked, ...]:
        project = self._there.project
        return (
            ask("logs", "Do the endpoint's calls reach Log Analytics?", self._there.endpoint_id, self._diagnostics),
            ask("logs", "Has the workspace Application Insights?", self._there.workspace_id, self._insights),
            ask("quota", f"Is there room for a rollout of {project.instance_type}?", project.region, self._quota),
            ask("region", "Do workspace and declaration name the same region?", self._there.workspace_id, self._region),
            ask("clock", "Does this machine's clock agree with GitHub's?", "the Date of its answer", self._there.clock),
            ask("GitHub", "Has the plan reviewers of environments?", project.repository, self._plan),
            ask("rights", "Could this identity change what serves?", self._there.workspace_id, self._rights),
        )

    def _diagnostics(self) -> Answer:
        place = f"{self._there.endpoint_id}/providers/Microsoft.Insights/diagnosticSettings"
        sent = {
            str(entry["category"])
            for setting in self._there.arm.listed(place, DIAGNOSTICS_VERSION)
            for entry in setting["properties"].get("logs") or ()
            if entry.get("enabled")
        }
        said = f"sent are {', '.join(sorted(sent)) or 'no logs'}"
        return judged(TRAFFIC_LOG in sent, said, "Without them no call is seen, and no rollout can be observed.")

    def _insights(self) -> Answer:
        found = self._there.foundation.workspace()
        has = found is not None and bool(found.insights)
        return judged(has, found.insights if found and has else "none", "Monitoring in Azure's studio needs it.")

    def _region(self) -> Answer:
        found = self._there.foundation.workspace()
        if found is None:
            return Outcome.WRONG, f"There is no workspace {self._there.project.prod_workspace}.", ""
        said = f"{found.region} and {self._there.project.region}"
        return judged(found.region == self._there.project.region, said, "Set `region` to the workspace's.")

    def _quota(self) -> Answer:
        project = self._there.project
        endpoint = self._endpoint()
        running = [d for d in endpoint.deployments if d.instance_type == project.instance_type] if endpoint else []
        ours = sum(deployment.instance_count for deployment in running)
        size = self._there.limits.size(project.instance_type)
        fine, said = enough(size, project.instance_count, ours, self._there.limits.usages())
        return judged(fine, said, "Ask Azure for more vCPUs of this family before the first rollout.")

    def _plan(self) -> Answer:
        facts = self._there.repositories.read()
        plan = self._there.repositories.plan()
        if facts is not None and not facts.private:
            return Outcome.FINE, "The repository is public: every plan has them.", ""
        if not plan:
            hidden = "GitHub does not tell the plan to this token."
            return Outcome.UNKNOWN, hidden, "Give the app *Organization plan: read*."
        instead = "The ruleset and the console's approval stand in for them."
        return judged(plan == "enterprise", f"the plan is {plan}", instead)

    def _rights(self) -> Answer:
        action = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"
        may = self._there.limits.may(self._there.workspace_id, action)[action]
        told = "It could change endpoints; it does not: an assessment only reads." if may else "It can only read."
        return Outcome.FINE, told, ""

    def _setup(self) -> Checked:
        def look() -> Answer:
            found = self._there.plan()
            return judged(not found.pending, _would(found), "`mlops setup plan` tells it field by field.")

        return ask("setup", "What would setup change?", "the declaration beside what is there", look)

    def _endpoint(self) -> Endpoint | None:
        return self._there.endpoints.get(self._there.project.endpoint)


ADOPT = "Train it anew by a workflow, or serve a version that a run has registered."
QUARANTINE = "Somebody changed the registered files: take the version out of service."


def _would(found: SetupPlan) -> str:
    made = [r for r in found.pending if r.change is Change.CREATE]
    changed = [r for r in found.pending if r.change is Change.UPDATE]
    said = [f"{len(made)} created: {_named([r.name for r in made])}"] if made else []
    said += [f"{len(changed)} changed: {_named([f'{r.kind} {r.name}' for r in changed])}"] if changed else []
    unseen = f"; {len(found.unknown)} may not be seen" if found.unknown else ""
    return ("; ".join(said) or "nothing") + unseen


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
