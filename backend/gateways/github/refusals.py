"""GitHub's refusals of a merge in plain words. What is unknown here is told in GitHub's own."""

from __future__ import annotations

import re
from collections.abc import Callable

_PREFIX = re.compile(r"^GitHub could not merge: (?:Repository rule violations found\s*)?")
_ADVICE = "New commits have arrived; look at them and decide again."


def _check(match: re.Match[str]) -> str:
    states = {
        "expected": "has not reported on this commit",
        "failing": "has failed",
        "in progress": "is still running",
        "pending": "has not begun",
    }
    return f"the required check {match['name']} {states.get(match['state'], 'is ' + match['state'])}"


def _owners(match: re.Match[str]) -> str:
    return f"a code owner has to approve it: {match['names'].replace(' and/or ', ' or ')}"


def _approvals(match: re.Match[str]) -> str:
    count = int(match["count"])
    return f"it needs {'an approval' if count == 1 else f'{count} approvals'} of this commit by people who may write"


def _said(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _match: words


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), told)
    for pattern, told in (
        (r'Required status check "(?P<name>[^"]+)" is (?P<state>[a-z ]+)\.?', _check),
        (
            r"(?P<n>\d+) of (?P<of>\d+) required status checks (?P<how>are expected|have not succeeded)[^.]*\.?",
            lambda m: f"{m['n']} of {m['of']} required checks have not passed on this commit",
        ),
        (r"Waiting on code owner review from (?P<names>[^.]+)\.?", _owners),
        (
            r"At least (?P<count>\d+) approving reviews? (?:is|are) required by reviewers with write access\.?",
            _approvals,
        ),
        (r"Changes have been requested[^.]*\.?", _said("a reviewer has asked for changes")),
        (r"A conversation must be resolved[^.]*\.?", _said("a discussion is still open")),
        (
            r"New changes require approval from someone other than the last pusher\.?",
            _said("somebody other than who pushed last has to approve it"),
        ),
        (r"Pull Request is not mergeable\.?", _said("it conflicts with its base branch, or has been closed")),
        (r"Pull Request is still a draft\.?", _said("it is still a draft")),
        (r"Head branch was modified\.[^.]*\.?", _said("new commits have arrived since you looked")),
        (r"This branch is out-of-date with the base branch[^.]*\.?", _said("the branch is behind its base branch")),
        (
            r"(?P<what>Merge commits|Squash merges|Rebase merges) are not allowed on this repository\.?",
            lambda m: f"the repository does not allow {m['what'].lower()}",
        ),
    )
)


def in_plain_words(message: str) -> str:
    """One sentence with every reason that GitHub gave for refusing a merge, in its order."""
    rest = _PREFIX.sub("", message).replace(_ADVICE, "").strip()
    found: list[tuple[int, str]] = []
    for pattern, told in _RULES:
        found += [(match.start(), told(match)) for match in pattern.finditer(rest)]
    if not found:
        return message
    return f"GitHub refused the merge: {'; '.join(words for _, words in sorted(found))}."
