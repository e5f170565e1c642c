"""What the hospital's cloud answers: endpoints, telemetry, the set-up plan and the runs."""

from __future__ import annotations

import math
from datetime import timedelta

from hospital_models import ENVIRONMENT, NOW, SHA

from backend.domain.endpoints import Deployment, Endpoint, ProvisioningState
from backend.domain.runs import Curve, Run, RunDetail, RunState
from backend.domain.setup import Change, PlannedResource, SetupPlan
from backend.domain.telemetry import (
    CallerCount,
    CapacityPoint,
    StatusCount,
    Traffic,
    TrafficPoint,
    TrafficSummary,
)


def endpoint(name: str, traffic: dict[str, int]) -> Endpoint:
    deployed = tuple(
        Deployment(
            name=deployment,
            endpoint=name,
            model="diabetes-classifier",
            version=deployment.partition("-")[0].removeprefix("v"),
            environment=ENVIRONMENT,
            state=ProvisioningState.SUCCEEDED,
            instance_type="Standard_DS2_v2",
            instance_count=1,
            variables={"MLOPS_THRESHOLD": "0.5"},
            tags={},
            created_at=NOW - timedelta(days=3),
        )
        for deployment in traffic
    )
    return Endpoint(
        name=name,
        state=ProvisioningState.SUCCEEDED,
        scoring_uri="https://localhost:9/score",
        traffic=traffic,
        mirror_traffic={},
        deployments=deployed,
    )


def telemetry(name: str, deployments: list[str], seconds: int) -> Traffic:
    """A gentle wave with a hole of ten minutes in it, and one error."""
    width = max(10, round(seconds / 90 / 10) * 10)
    end = NOW
    start = end - timedelta(seconds=seconds)
    points = []
    for index in range(seconds // width):
        if seconds >= 3600 and 20 <= index < 25:
            continue
        for order, deployment in enumerate(deployments):
            if order and index < (seconds // width) * 0.7:
                continue
            level = 84 - 6 * order + 3 * math.sin(index / 5 + order)
            points.append(
                TrafficPoint(
                    at=start + timedelta(seconds=index * width),
                    deployment=deployment,
                    requests=20 if order == 0 else 3,
                    errors=1 if index == 40 and not order else 0,
                    p50_ms=level / 2,
                    p95_ms=level,
                    p99_ms=level * 1.3,
                )
            )
    total = {d: sum(p.requests for p in points if p.deployment == d) for d in deployments}
    errors = {d: sum(p.errors for p in points if p.deployment == d) for d in deployments}
    return Traffic(
        endpoint=name,
        start=start,
        end=end,
        bin_seconds=width,
        points=tuple(points),
        summaries=tuple(
            TrafficSummary(deployment=d, requests=total[d], errors=errors[d], p50_ms=42, p95_ms=84 - 5 * i, p99_ms=110)
            for i, d in enumerate(deployments)
        ),
        statuses=(
            *(StatusCount(deployment=d, code=200, reason="", requests=total[d] - errors[d]) for d in deployments),
            StatusCount(deployment=deployments[0], code=424, reason="BMI: not a number", requests=1),
        ),
        callers=(
            CallerCount(user_agent="practitioners/1.0 (ward app)", requests=1800),
            CallerCount(user_agent="<script>alert(1)</script>", requests=2),
        ),
        data_until=NOW - timedelta(seconds=4),
    )


def capacity(deployments: list[str], seconds: int) -> tuple[CapacityPoint, ...]:
    return tuple(
        CapacityPoint(
            at=NOW - timedelta(seconds=seconds - 60 * i),
            deployment=d,
            cpu_percent=40 + 6 * math.sin(i / 3),
            memory_percent=52,
            capacity=1,
        )
        for d in deployments
        for i in range(0, seconds // 60, max(1, seconds // 60 // 60))
    )


def setup_plan() -> SetupPlan:
    made = [
        ("workspace", "diabetes-dev"),
        ("workspace", "diabetes-prod"),
        ("endpoint", "diabetes-endpoint"),
        ("ruleset", "main"),
    ]
    return SetupPlan(
        resources=tuple(PlannedResource(kind=k, name=n, where="westeurope", change=Change.NONE) for k, n in made)
    )


def runs() -> tuple[Run, ...]:
    made = []
    for i in range(24):
        boosting = i % 3 == 0
        made.append(
            Run(
                id=f"run-{i:03d}",
                name=f"train {i:03d} {'boosting' if boosting else 'logistic'}",
                experiment="diabetes",
                workspace="diabetes-dev" if i % 4 else "diabetes-prod",
                state=RunState.FAILED if i == 5 else RunState.COMPLETED,
                started_at=NOW - timedelta(hours=i),
                ended_at=NOW - timedelta(hours=i) + timedelta(seconds=40),
                author="scientist",
                metrics={} if i == 5 else {"auc": 0.988 if boosting else 0.848, "sensitivity": 0.6, "brier": 0.12},
                params={"model": "boosting" if boosting else "logistic", "seed": "0", "reg_rate": str(0.01 * (i + 1))},
                tags={
                    "commit": SHA,
                    "pull_request": "14" if boosting else "",
                    "purpose": "pull request",
                    "data_asset": "d:1",
                },
            )
        )
    return tuple(made)


def run_detail(found: Run) -> RunDetail:
    steps = tuple(i / 20 for i in range(21))
    power = 0.2 if found.params["model"] == "boosting" else 0.45
    return RunDetail(
        run=found,
        curves=(
            Curve(kind="roc", x=steps, y=tuple(s**power for s in steps)),
            Curve(kind="precision_recall", x=steps, y=tuple(1 - 0.4 * s**3 for s in steps)),
            Curve(kind="calibration", x=steps, y=tuple(s**1.1 for s in steps)),
        ),
        bands=({"band": "under 30", "n": 2020, "positives": 300, "sensitivity": 0.316, "specificity": 0.924},),
        log_tail="epoch 1 <b>ok</b>\nwritten",
    )
