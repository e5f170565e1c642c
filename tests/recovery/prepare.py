"""What a killed worker's world needs, made through our own gateways in a process of its own.

    python -m tests.recovery.prepare setup DEV_CSV PROD_CSV | train TREE COMMIT | endpoints NAME...

One process talks to one cloud, and the process of the tests may talk to another one. Prints one JSON document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from backend.bootstrap import build_ci, build_setup, connect
from backend.domain.people import Actor, Role
from backend.domain.setup import AppliedResource
from backend.gateways.azureml.endpoints import Endpoints
from backend.operations.training import Subject
from backend.settings import load

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
    json.dump({"setup": setup, "train": train, "endpoints": endpoints}[verb](*rest), sys.stdout)
