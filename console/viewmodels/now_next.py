"""Production as it is, against what the click makes of it, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.domain.clock import utc_now
from backend.domain.cost import Cost, cost_of
from backend.domain.decisions import Decision
from backend.domain.endpoints import Deployment
from backend.domain.registry import ModelVersion
from backend.domain.reviews import PullRequestDetail
from backend.domain.value import Reading
from backend.settings_project import Project
from console.viewmodels.figures import asset, clock, short_commit, short_digest
from console.viewmodels.text import Untrusted

CODE = frozenset({"Model digest", "Commit", "Data asset", "Data digest", "Environment", "Run"})
UNKNOWN = "–"
NOT_READ = "not read yet"
VERDICTS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
"""Reviews that decide; a comment after an approval takes nothing back."""

Pulls = Mapping[str, Reading[PullRequestDetail | None]]
"""What GitHub says of the pull requests that led to both versions, by number."""


@dataclass(frozen=True, slots=True)
class NowNext:
    """One line of the table; `code` values are set in the code face."""

    field: str
    now: Untrusted
    after: Untrusted

    @property
    def changed(self) -> bool:
        return self.now != self.after

    @property
    def code(self) -> bool:
        return self.field in CODE


def now_next(decision: Decision, stable: ModelVersion | None, project: Project, pulls: Pulls) -> tuple[NowNext, ...]:
    """Every field, in the order of reading; a new deployment gets the instances that the project declares."""
    serving = decision.endpoint.deployment(decision.expected_stable) if decision.endpoint else None
    now = _now(decision, serving, stable, project, pulls)
    after = _after(decision, project, pulls)
    return tuple(NowNext(field, Untrusted(now.get(field, UNKNOWN)), Untrusted(said)) for field, said in after.items())


def _after(decision: Decision, project: Project, pulls: Pulls) -> dict[str, str]:
    target, version, back = decision.target, decision.dossier.version, decision.way_back
    made = _made(version, pulls)
    price = project.prices.get(project.instance_type)
    cost = None if price is None else Cost(hour=price * project.instance_count, currency=project.currency)
    return {
        "Model digest": short_digest(target.digest),
        **made,
        "Threshold": f"{target.threshold:.2f}",
        "Environment": asset(target.environment),
        "Instance": f"{project.instance_type} × {project.instance_count}",
        "Monthly cost": _month(cost),
        "Schema": back.after.name if back and back.after else UNKNOWN,
        "Serving since": "not yet serving",
    }


def _now(
    decision: Decision, serving: Deployment | None, stable: ModelVersion | None, project: Project, pulls: Pulls
) -> dict[str, str]:
    shown: dict[str, str] = {}
    if stable is not None:
        shown |= {"Model digest": short_digest(stable.digest)} | _made(stable, pulls)
    if serving is not None:
        shown["Environment"] = asset(serving.environment)
        shown["Instance"] = f"{serving.instance_type} × {serving.instance_count}"
        shown["Monthly cost"] = _month(cost_of(serving, project.prices, project.currency))
        threshold = serving.variables.get("MLOPS_THRESHOLD", "")
        shown["Threshold"] = f"{float(threshold):.2f}" if _number(threshold) else threshold or UNKNOWN
    if decision.way_back is not None and decision.way_back.now is not None:
        shown["Schema"] = decision.way_back.now.name
    if decision.serving_since is not None:
        shown["Serving since"] = clock(decision.serving_since, utc_now())
    return shown


def _made(version: ModelVersion, pulls: Pulls) -> dict[str, str]:
    """Of what, by whom, and who looked at it."""
    source = version.lineage
    return {
        "Commit": _commit(source.commit, source.pull_request),
        "Reviewed by": _reviewers(source.pull_request, pulls),
        "Author": source.author or UNKNOWN,
        "Data asset": asset(source.data_asset),
        "Data digest": short_digest(source.data_digest),
        "Run": source.run or UNKNOWN,
    }


def _commit(commit: str, pull_request: str) -> str:
    return f"{short_commit(commit)} #{pull_request}" if pull_request else short_commit(commit)


def _reviewers(number: str, pulls: Pulls) -> str:
    """Whose latest verdict approves; the author's own words are none."""
    if not number:
        return UNKNOWN
    reading = pulls.get(number)
    if reading is None or reading.value is None:
        return NOT_READ if reading is None or reading.at is None else UNKNOWN
    pull = reading.value.summary
    latest = {r.author: r.state for r in pull.reviews if r.state in VERDICTS and r.author != pull.author}
    return ", ".join(name for name, state in latest.items() if state == "APPROVED") or "nobody"


def _month(cost: Cost | None) -> str:
    return f"{cost.month:,.0f} {cost.currency}" if cost else "no price declared"


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
