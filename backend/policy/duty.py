"""Separation of duty: who had a hand in a version, and what they may therefore not decide about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.approvals import ApprovalRules
from backend.domain.authorship import Authorship, CommitAuthors
from backend.domain.decisions import Dossier
from backend.policy.identity import Names, signature, unknown_author, unknown_submitter


def authorship(dossier: Dossier) -> Authorship | None:
    """The newest list of commits that is about this version's commit."""
    commit = dossier.version.lineage.commit
    found = (e.authorship for e in dossier.evidence if e.authorship is not None)
    return next((known for known in found if known.head == commit), None)


def written(dossier: Dossier, person: Names) -> str:
    """A commit of this version that the person wrote, "" where none is known."""
    lineage = dossier.version.lineage
    if signature(lineage.author).names & person:
        return lineage.commit
    known = authorship(dossier)
    return one_of(known.commits if known else (), person)


def one_of(commits: Iterable[CommitAuthors], person: Names) -> str:
    """The first commit that the person wrote or is named in as co-author, "" if there is none."""
    theirs = (c.commit for c in commits if any(signature(author).names & person for author in c.authors))
    return next(theirs, "")


def may_not_approve_change(rules: ApprovalRules, commits: Iterable[CommitAuthors], person: Names) -> str:
    """Why this person may not approve a pull request of these commits; "" where they may. GitHub asks who opened it."""
    commit = "" if rules.author_may_approve else one_of(commits, person)
    return f"You wrote commit {commit[:7]} of this pull request, so another reviewer must approve it." if commit else ""


def submitted(dossier: Dossier, person: Names) -> bool:
    """Whether the person submitted its run by hand."""
    known = authorship(dossier)
    return bool(known and known.submitter and known.submitter.person and known.submitter.name.casefold() in person)


def may_not_approve(rules: ApprovalRules, dossier: Dossier, person: Names, who: str = "You") -> str:
    """Why this person's approval would not count, as `who` is told; "" where it would."""
    return _made_it(
        rules, dossier, person, who, "approve", author=rules.author_may_approve, submitter=rules.submitter_may_approve
    )


def may_not_promote(rules: ApprovalRules, dossier: Dossier, person: Names) -> str:
    """Why this person may not promote the version; "" where they may."""
    made = _made_it(
        rules, dossier, person, "You", "promote", author=rules.author_may_promote, submitter=rules.submitter_may_promote
    )
    if made or rules.approver_may_promote:
        return made
    version = dossier.version.version
    if any(approval.actor.casefold() in person for approval in dossier.assent.counted):
        return f"You approved v{version}, so another lead must promote it."
    return ""


def nobody_known(rules: ApprovalRules, dossier: Dossier, *, author: bool = False, submitter: bool = False) -> str:
    """Who had a hand in it and cannot be told from whoever decides, with the line of the settings that mends it.

    `author` and `submitter` say whose part does not matter.
    """
    known, lineage = authorship(dossier), dossier.version.lineage
    listed = [(a, f"commit {c.commit[:7]}") for c in (known.commits if known and not author else ()) for a in c.authors]
    if lineage.pull_request and lineage.author and not author:
        listed.insert(0, (lineage.author, f"pull request #{lineage.pull_request}"))
    missing = [(who, what, unknown_author(rules.people, who)) for who, what in listed]
    if known and known.submitter and known.submitter.person and not submitter:
        by = known.submitter.name
        missing.append((by, f"run {lineage.run}", unknown_submitter(rules.people, by)))
    found = next(((who, what, line) for who, what, line in missing if line), None)
    if found is None:
        return ""
    who, what, line = found
    return (
        f"{what[0].upper()}{what[1:]} is by {who}, whose account nobody has declared, so who may decide on "
        f"v{dossier.version.version} cannot be told: in mlops.toml, projects.<project>.approval.people.<account> needs "
        f"{line}."
    )


def _made_it(
    rules: ApprovalRules, dossier: Dossier, person: Names, who: str, verb: str, *, author: bool, submitter: bool
) -> str:
    then = f"so another lead must {verb} v{dossier.version.version}."
    commit = "" if author else written(dossier, person)
    if commit:
        return f"{who} wrote commit {commit[:7]}, {then}"
    if not submitter and submitted(dossier, person):
        return f"{who} submitted run {dossier.version.lineage.run} by hand, {then}"
    return nobody_known(rules, dossier, author=author, submitter=submitter)


def authors(dossier: Dossier) -> tuple[str, ...]:
    """Everybody who is known to have written a part, the author of the change first."""
    known = authorship(dossier)
    named = [dossier.version.lineage.author, *(a for c in (known.commits if known else ()) for a in c.authors)]
    first = {name.casefold(): name for name in reversed(named) if name}
    return tuple(first[key] for key in dict.fromkeys(name.casefold() for name in named if name))


def how_known(dossier: Dossier) -> str:
    """How far the list of authors can be trusted, in a sentence."""
    known = authorship(dossier)
    if known is None:
        return "Only the author of the change is known: its commits have not been read yet."
    if not known.commits and not known.base:
        return "Nothing served before, so no commits lie between."
    commits = f"{len(known.commits)} commit{'' if len(known.commits) == 1 else 's'}"
    since = f" since {known.base[:7]}, which serves" if known.base else ""
    whole = "" if known.complete else "; GitHub listed only a part of them"
    return f"{commits}{since}{whole}."


def submitter_of(dossier: Dossier) -> str:
    """Who submitted the run, in words."""
    known = authorship(dossier)
    if known is None or known.submitter is None:
        return "workflow" if dossier.version.lineage.run else "unknown"
    return f"{known.submitter.name}, by hand" if known.submitter.person else "workflow"
