"""What a killed worker's world needs, made through our own gateways in a process of its own.

    python -m tests.recovery.prepare setup DEV_CSV PROD_CSV | train TREE COMMIT | by_hand TREE COMMIT | adopt |
        endpoints NAME...

One process talks to one cloud, and the process of the tests may talk to another one. Prints one JSON document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from backend.bootstrap import build_setup, connect
from backend.bootstrap_checkup import build_adopting
from backend.bootstrap_ci import build_ci
from backend.domain.people import Actor, Role
from backend.domain.setup import AppliedResource
from backend.gateways.azureml.endpoints import Endpoints
from backend.operations.training import Subject
from backend.settings import load

SERVE = """\
import os
import pathlib


def init():
    assert list(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("MLmodel"))


def run(data):
    return {"prediction": "of another contract"}
"""

LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}), channel="test")


def setup(dev: str, prod: str) -> object:
    """Apply the declared setup; the names of what could not be made."""
    failed: list[str] = []

    def report(applied: AppliedResource) -> None:
        if not applied.done:
            failed.append(f"{applied.resource.kind} {applied.resource.name}: {applied.message}")

    build_setup(load(), Path(dev), Path(prod)).apply(LEAD, report)
    return failed


def train(tree: str, commit: str) -> object:
    """Train the tree on production data and register the version, as the retraining workflow does."""
    settings = load()
    parts = build_ci(settings, settings.project.prod_workspace)
    subject = Subject(purpose="retrain", commit=commit, pull_request="1", branch="main", author="scientist")
    data = parts.training.data()
    job = parts.training.train(Path(tree), subject, data)
    parts.training.wait(job, 300, lambda _state, _seconds: None)
    return parts.training.register(job, subject, data).model_dump(mode="json")


def by_hand(tree: str, commit: str) -> object:
    """What somebody made before the console came: a version with nothing said of it, served in a layout of its own."""
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment, Model

    settings = load()
    parts, prod = build_ci(settings, settings.project.prod_workspace), connect(settings).prod
    project, ml = settings.project, prod.ml()
    subject = Subject(purpose="try", commit=commit, pull_request="", branch="notebook", author="somebody")
    job = parts.training.train(Path(tree), subject, parts.training.data())
    parts.training.wait(job, 300, lambda _state, _seconds: None)
    output = f"azureml://jobs/{job}/outputs/model"
    made = ml.models.create_or_update(Model(name=project.model, path=output, type="mlflow_model"))
    folder = Path(tree).parent / "theirs"
    folder.mkdir()
    (folder / "serve.py").write_text(SERVE)
    blue = ManagedOnlineDeployment(
        name="blue",
        endpoint_name=project.endpoint,
        model=made.id,
        environment=parts.assets.environment(project.environment).id,
        code_configuration=CodeConfiguration(code=str(folder), scoring_script="serve.py"),
        instance_type=project.instance_type,
        instance_count=1,
    )
    ml.online_deployments.begin_create_or_update(blue).result(120)
    endpoint = ml.online_endpoints.get(project.endpoint)
    endpoint.traffic = {"blue": 100}
    ml.online_endpoints.begin_create_or_update(endpoint).result(60)
    return str(made.version)


def adopt() -> object:
    return build_adopting(load()).adopt(LEAD, "It has served the clinic for a year.").model_dump(mode="json")


def endpoints(*names: str) -> object:
    """Each endpoint as ARM reports it, and what it says of itself when it is asked."""
    from backend.promotion.probes import PLAUSIBLE

    gateway = Endpoints(connect(load()).prod)
    answers = []
    for name in names:
        found = gateway.get(name)
        assert found is not None
        served = gateway.score(name, PLAUSIBLE[:1]) if found.traffic else None
        answers.append(
            {
                "traffic": found.traffic,
                "deployments": [deployment.name for deployment in found.deployments],
                "served": served.model_dump(mode="json") if served else None,
            }
        )
    return answers


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    json.dump(
        {"setup": setup, "train": train, "by_hand": by_hand, "adopt": adopt, "endpoints": endpoints}[verb](*rest),
        sys.stdout,
    )
