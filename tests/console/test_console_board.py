"""The board with many pull requests, and the ones that are not like the others."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hospital_models import NOW, OLD_HEAD, SHA
from hospital_pulls import detail, judged, pull
from visitors import claims, text

from backend.domain.reviews import Mergeability, Review
from console import topics
from console.viewmodels.board import ROWS, SORTS, WAITING_FOR_ME

MANY = 300


def many():
    """Three hundred, each of them one of the hospital's five in turn; the first was touched last."""
    return tuple(
        judged(
            pull(14 + n % 5).model_copy(
                update={"number": 100 + n, "title": f"Change {n}", "updated_at": NOW - timedelta(minutes=n)}
            )
        )
        for n in range(MANY)
    )


def links(app):
    return [link.proto.label for link in app.main.get("page_link") if link.proto.label.startswith(r"\#")]


def test_three_hundred_are_counted_and_drawn_a_page_at_a_time(visit, world):
    world.wired.snapshots.put(topics.pulls(), many())
    app = visit("views/pull_requests.py")
    assert not app.exception
    assert "300 pull requests" in text(app)
    assert links(app) == [rf"\#{100 + n} Change {n}" for n in range(ROWS)]
    began = time.process_time()
    app.run()
    assert time.process_time() - began < 2.0


def test_the_address_holds_search_filter_order_and_page(visit, world):
    world.wired.snapshots.put(topics.pulls(), many())
    app = visit("views/pull_requests.py", q="feature/reg-rate", order="oldest", p="2", show="changes the model")
    assert not app.exception
    assert "60 pull requests" in text(app)
    assert "of 300 open" in text(app)
    assert links(app)[0] == rf"\#{100 + 1 + 5 * ROWS} Change {1 + 5 * ROWS}"
    assert app.selectbox(key="order").value == "oldest"
    assert app.selectbox(key="order").options == list(SORTS)
    past_the_end = visit("views/pull_requests.py", q="feature/reg-rate", p="99")
    assert not past_the_end.exception
    assert links(past_the_end)


def test_the_inbox_has_the_oldest_and_leads_to_the_rest(visit, world):
    world.wired.snapshots.put(topics.pulls(), many())
    app = visit()
    assert "Waiting for you" in text(app)
    assert "retrains on production data" in text(app)
    (more,) = [link for link in app.main.get("page_link") if "more on the board" in link.proto.label]
    board = visit("views/pull_requests.py", show=WAITING_FOR_ME)
    mine = sum(1 for row in many() if row.blockers[0].what == "Approval missing")
    assert f"{mine} pull requests" in text(board)
    assert more.proto.label.startswith(f"{mine + 1 - 8} more")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"author": "ghost"}, "<b><bdi>ghost</bdi></b>"),
        ({"fork": "stranger"}, "fork"),
        ({"draft": True}, "Draft"),
        ({"mergeability": Mergeability.CONFLICTING}, "Conflict"),
        ({"mergeability": Mergeability.CHECKING}, "Being computed"),
        ({"changes_rules": True}, "changes the gates"),
        ({"pushed_at": NOW - timedelta(days=40)}, "no push for 40 days"),
        ({"trains": False, "change": None}, "No model change"),
        (
            {"reviews": (Review(author="lead", state="APPROVED", commit=OLD_HEAD, submitted_at=NOW),)},
            "1 approval void by new commits",
        ),
        (
            {
                "reviews": (Review(author="lead", state="APPROVED", commit=SHA, submitted_at=NOW),),
                "merge_state": "CLEAN",
            },
            "Ready to merge",
        ),
        ({"title": ""}, "scientist"),
        ({"checks": ()}, "no check has started"),
    ],
)
def test_what_is_not_like_the_others_is_said(visit, world, changes, said):
    row = judged(pull(14).model_copy(update=changes))
    world.wired.snapshots.put(topics.pulls(), (row,))
    world.wired.snapshots.put(topics.pull(14), detail(14).model_copy(update={"summary": row, "blockers": row.blockers}))
    board = visit("views/pull_requests.py")
    assert not board.exception
    assert said in text(board)
    assert not visit("views/pull_requests.py", number="14").exception


def test_what_waits_for_an_author_is_theirs_to_clear(visit, world):
    app = visit(user=claims("scientist", "scientist"))
    labels = [link.proto.label for link in app.main.get("page_link")]
    assert any(label.startswith(r"Mend \#16") for label in labels)
    assert not any(label.startswith("Review") for label in labels)
    assert "It cannot merge" in text(app)
