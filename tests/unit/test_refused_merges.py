"""GitHub's refusals of a merge, in plain words."""

from __future__ import annotations

import pytest

from backend.gateways.github.refusals import in_plain_words

RULES = "GitHub could not merge: Repository rule violations found "
TWO = "At least 2 approving reviews are required by reviewers with write access."
TALK = "A conversation must be resolved before this pull request can be merged."
TWICE = "it needs 2 approvals of this commit by people who may write"
MOVED = (
    "Head branch was modified. Review and try the merge again. New commits have arrived; look at them and decide again."
)
CASES = [
    (
        RULES + 'Required status check "quality-gate" is expected.',
        "the required check quality-gate has not reported on this commit",
    ),
    (RULES + 'Required status check "a b" is failing.', "the required check a b has failed"),
    (RULES + 'Required status check "x" is in progress.', "the required check x is still running"),
    (
        RULES + "4 of 4 required status checks are expected.",
        "4 of 4 required checks have not passed on this commit",
    ),
    (
        RULES + "3 of 4 required status checks have not succeeded: 3 expected.",
        "3 of 4 required checks have not passed on this commit",
    ),
    (
        RULES + "Waiting on code owner review from lead and/or deputy.",
        "a code owner has to approve it: lead or deputy",
    ),
    (
        "GitHub could not merge: At least 1 approving review is required by reviewers with write access.",
        "it needs an approval of this commit by people who may write",
    ),
    (
        f"{RULES}{TWO} Waiting on code owner review from lead. {TALK}",
        f"{TWICE}; a code owner has to approve it: lead; a discussion is still open",
    ),
    ("GitHub could not merge: Changes have been requested by a reviewer with write access.",
     "a reviewer has asked for changes"),
    (RULES + "New changes require approval from someone other than the last pusher.",
     "somebody other than who pushed last has to approve it"),
    ("GitHub could not merge: Pull Request is not mergeable", "it conflicts with its base branch, or has been closed"),
    ("GitHub could not merge: Pull Request is still a draft", "it is still a draft"),
    ("GitHub could not merge: Merge commits are not allowed on this repository.",
     "the repository does not allow merge commits"),
    (
        f"GitHub could not merge: {MOVED}",
        "new commits have arrived since you looked",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("github", "plain"), CASES)
def test_a_refusal_is_told_plainly(github, plain):
    assert in_plain_words(github) == f"GitHub refused the merge: {plain}."


def test_words_that_nobody_knows_yet_are_github_s_own():
    said = "GitHub could not merge: Something that GitHub says since yesterday"
    assert in_plain_words(said) == said
