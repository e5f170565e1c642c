"""Why there is a new version: what started its training, and what the pull request says it changes."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.decisions import Dossier
from backend.domain.reviews import PullRequestDetail
from backend.domain.value import Reading
from backend.operations.approvals_told import hands
from console.viewmodels.figures import plural
from console.viewmodels.text import Untrusted

MOST_SUMMARY = 150
SCAFFOLD = ("#", ">", "<!--", "---")


@dataclass(frozen=True, slots=True)
class Why:
    """`number` is the pull request's, "" where none led to the version; outside text is as GitHub gave it."""

    trigger: str
    number: str
    title: Untrusted
    summary: Untrusted
    size: str
    commits: Untrusted


def why(dossier: Dossier, pull: Reading[PullRequestDetail | None] | None) -> Why:
    lineage = dossier.version.lineage
    _, commits, submitter = hands(dossier)
    found = pull.value if pull else None
    return Why(
        trigger=_trigger(lineage.pull_request, submitter),
        number=lineage.pull_request if lineage.pull_request.isdecimal() else "",
        title=Untrusted(found.summary.title if found else "", 90),
        summary=Untrusted(first_paragraph(found.body) if found else "", MOST_SUMMARY),
        size=_size(found) if found else "",
        commits=Untrusted(commits, 200),
    )


def _trigger(pull_request: str, submitter: str) -> str:
    """What began the training. A person who submits a run by hand is told whatever else is known."""
    if submitter.endswith("by hand"):
        return f"run of {submitter}"
    return "code change" if pull_request else "run without a pull request"


def _size(found: PullRequestDetail) -> str:
    pull = found.summary
    return f"{plural(pull.changed_files, 'file')}, +{pull.additions:,} −{pull.deletions:,}"


def first_paragraph(body: str) -> str:
    """The description's first words: headings, rules and quotations of a template say nothing of the change."""
    for paragraph in body.replace("\r\n", "\n").split("\n\n"):
        lines = (line.strip() for line in paragraph.splitlines())
        told = [line for line in lines if line and not line.startswith(SCAFFOLD)]
        if told:
            return " ".join(told)
    return ""
