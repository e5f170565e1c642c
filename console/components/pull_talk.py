"""What people did and said on a pull request: commits, reviews, discussions of lines."""

from __future__ import annotations

from datetime import datetime

from backend.domain.reviews import PullRequestDetail, Review, Thread
from console.components.cards import card, word
from console.components.diff import prose
from console.components.markup import Html, fill, join, outside_link
from console.components.states import empty
from console.components.tables import Column, code, table
from console.viewmodels.figures import ago, plural, short_commit
from console.viewmodels.state import REVIEWS, Pill
from console.viewmodels.text import Untrusted

LISTED = 30


def commits_card(detail: PullRequestDetail, now: datetime) -> Html:
    newest = detail.commits[::-1][:LISTED]
    if not newest:
        return card(
            "Commits", empty("No commit is known yet", "Who wrote what, newest first.", "commit"), name="commits"
        )
    rows = [
        (
            code(short_commit(commit.sha)),
            Untrusted(commit.title, 120),
            Untrusted(commit.author, 60),
            ago(commit.at, now),
        )
        for commit in newest
    ]
    heads = (Column("Commit"), Column("What", breaks=True), Column("Author"), Column("When", number=True))
    count = detail.commit_count or len(detail.commits)
    note = plural(count, "commit") if count <= LISTED else f"the newest {LISTED} of {count:,}"
    return card("Commits", table(heads, rows, caption="Commits"), note=note, name="commits")


def talk_card(detail: PullRequestDetail, now: datetime) -> Html:
    """Reviews with their words, and each discussion with a link that answers it on GitHub."""
    reviews = [review for review in detail.given if review.body or review.state != "COMMENTED"]
    if not reviews and not detail.threads:
        would_be = "Reviews and discussions of lines; they are written on GitHub, verdicts also here."
        return card("Reviews and discussions", empty("Nobody has said anything yet", would_be, "forum"), name="talk")
    open_ = sum(not thread.resolved for thread in detail.threads)
    parts = [_review(review, detail.summary.head_sha, now) for review in reversed(reviews)]
    parts += [_thread(thread, now) for thread in detail.threads]
    note = f"{plural(open_, 'open discussion')} of {len(detail.threads)}" if detail.threads else ""
    return card("Reviews and discussions", join(parts), note=note, name="talk")


def _review(review: Review, head: str, now: datetime) -> Html:
    state = REVIEWS.get(review.state, Pill(review.state.lower(), "quiet", "chat"))
    void = "" if review.commit in {"", head} else "of an earlier commit, void"
    body = prose(Untrusted(review.body), "words") if review.body else Html("")
    return fill(
        '<div class="said"><p><b>{author}</b> {state} <span class="quiet">{when}{void}</span></p>{body}</div>',
        author=Untrusted(review.author, 60),
        state=word(state),
        when=ago(review.submitted_at, now),
        void=f", {void}" if void else "",
        body=body,
    )


def _thread(thread: Thread, now: datetime) -> Html:
    state = Pill("resolved", "good", "check_circle") if thread.resolved else Pill("open", "warn", "forum")
    comments = join(
        fill(
            '<div class="comment"><p><b>{author}</b> <span class="quiet">{when}</span></p>{body}</div>',
            author=Untrusted(comment.author, 60),
            when=ago(comment.at, now),
            body=prose(Untrusted(comment.body), "words"),
        )
        for comment in thread.comments
    )
    where = f":{thread.line}" if thread.line else ""
    address = thread.comments[0].url if thread.comments else ""
    return fill(
        '<details class="said thread"{is_open}><summary>{state} <code>{path}{where}</code>'
        '<span class="quiet">{outdated}</span></summary>{comments}<p>{answer}</p></details>',
        is_open=Html("") if thread.resolved else Html(" open"),
        state=word(state),
        path=Untrusted(thread.path, 160),
        where=where,
        outdated=" the line has changed since" if thread.outdated else "",
        comments=comments,
        answer=outside_link("Answer on GitHub", address),
    )
