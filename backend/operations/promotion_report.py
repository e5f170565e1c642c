"""What stands between a version and production, as the check run on the commit that the version was trained from."""

from __future__ import annotations

from urllib.parse import quote

from backend.domain.decisions import Blocker, Decision
from backend.domain.headline import Headline, Readiness, headline
from backend.domain.registry import VersionState
from backend.gateways.github.checks import Conclusion, Report
from backend.operations.markdown import one_line, plain

CHECK = "promotion/v"
"""The name of a version's check run, in front of its number."""
PAGE = "/deployments?version="
"""Where the console shows the decision about a version."""

FINISHED = {VersionState.REJECTED, VersionState.SUPERSEDED, VersionState.ROLLED_BACK, VersionState.ABORTED}
"""Nobody has to do anything about them until somebody takes them up again."""

CONCLUSIONS: dict[Readiness, Conclusion] = {
    Readiness.READY: "success",
    Readiness.BLOCKED: "action_required",
    # Not in progress: GitHub takes no completed check run back to that, and calls one stale that is long in it.
    Readiness.WAITING: "neutral",
    Readiness.SETTLED: "neutral",
}
REFUSED = {VersionState.REJECTED, VersionState.QUARANTINED}


def external_id(decision: Decision) -> str:
    """What we call it at GitHub: a version's number alone would also be another model's."""
    return f"{decision.target.endpoint}/{decision.target.model}:{decision.target.version}"


def report_of(decision: Decision, console: str, *, left: bool = False) -> Report:
    """The whole check run; `console` is the console's public address.

    `left` says that so many versions have come since that this one's is no longer kept up to date.
    """
    version, said = decision.dossier.version.version, headline(decision)
    page = f"{console.rstrip('/')}{PAGE}{quote(version, safe='')}"
    return Report(
        name=f"{CHECK}{version}",
        external_id=external_id(decision),
        conclusion=_conclusion(decision, said, left=left),
        title=_title(decision, said),
        summary="\n".join((*_summary(decision, said, left=left), "", f"The same at [the decision page]({page}).")),
        url=page,
    )


def finished(decision: Decision) -> bool:
    """Whether its check run is written for the last time."""
    return decision.dossier.version.archived or decision.dossier.state in FINISHED


def _conclusion(decision: Decision, said: Headline, *, left: bool) -> Conclusion:
    if decision.dossier.state in REFUSED:
        return "failure"
    if left or finished(decision):
        return "neutral"
    return CONCLUSIONS[said.readiness]


def _title(decision: Decision, said: Headline) -> str:
    if decision.dossier.version.archived:
        return "Archived"
    if finished(decision):
        return decision.dossier.state.value.capitalize()
    return one_line(said.words, 250)


def _summary(decision: Decision, said: Headline, *, left: bool) -> list[str]:
    state, why = decision.dossier.state, decision.dossier.why
    if state is VersionState.PROMOTING:
        # Its own sentence changes with every observation, which is for the tracker and not for GitHub.
        return ["It is on its way to production; the page shows how far it is."]
    if finished(decision) or said.readiness is Readiness.SETTLED:
        return [plain(why, 600) if why else "There is nothing to decide."]
    if left:
        return ["Newer versions have come since; this is no longer kept up to date."]
    listed = [_line(blocker) for blocker in decision.blockers] or ["Nothing stands in the way."]
    return [plain(decision.effect, 600), "", *listed]


def _line(blocker: Blocker) -> str:
    """As at the terminal, in GitHub's markdown."""
    what, who = plain(blocker.what, 120), plain(blocker.who, 160)
    return f"- **{what}** ({blocker.weight}): {plain(blocker.cause, 600)} Can clear it: {who}"
