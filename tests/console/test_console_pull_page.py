"""A pull request's page as people see it: verdicts, logs, what is void, and GitHub away."""

from __future__ import annotations

from datetime import timedelta

import hospital_models
import pytest
from hospital import LEAD
from hospital_models import NOW, OLD_HEAD, SHA
from hospital_pulls import check, detail, judged, pull
from hospital_readings import run_detail, runs
from visitors import claims, text

from backend.domain.people import GitHubGrant
from backend.domain.promotions import IntentKind, IntentState
from backend.domain.reviews import (
    ChangedFile,
    CheckState,
    Comment,
    FileKind,
    Problem,
    PullCommit,
    Review,
    Thread,
)
from console import topics

HOSTILE = "**b** <img src=x onerror=alert(1)> [x](javascript:alert(1)) \u202ereversed"


def put(world, number=14, row=None, **changes):
    """Pull request `number` with these changes; its row is judged anew."""
    summary = judged(pull(number).model_copy(update=row or {}))
    found = detail(number).model_copy(update={"summary": summary, "blockers": summary.blockers, **changes})
    world.wired.snapshots.put(topics.pull(number), found)
    return found


def connect(world, name="lead"):
    from pydantic import SecretStr

    world.store.tokens.put(name, name, GitHubGrant(access=SecretStr("ghu_1")))


def page(visit, number=14, **more):
    return visit("views/pull_requests.py", number=str(number), **more)


def buttons(app):
    return {button.key: (button.disabled, button.help) for button in app.main.get("button")}


APPROVED = {
    "reviews": (Review(author="deputy", state="APPROVED", commit=SHA, submitted_at=NOW),),
    "merge_state": "CLEAN",
}


def test_the_gate_decides_which_buttons_may_be_used(visit, world):
    connect(world)
    put(world)
    found = buttons(page(visit))
    assert found["approve_and_merge"] == (False, "")
    assert found["approve"][0] is False
    assert found["merge"][0] is True
    assert "Approval missing" in found["merge"][1]
    put(world, row=APPROVED)
    app = page(visit)
    assert buttons(app)["merge"][0] is False
    assert "Nothing blocks" in text(app)
    put(world, number=16)
    assert "Check quality-gate: failed" in buttons(page(visit, 16))["approve_and_merge"][1]


def merge_asked(visit, world):
    """The page after a click on Merge, with its reason, on what nothing blocks."""
    connect(world)
    put(world, row=APPROVED)
    app = page(visit)
    app.text_area(key="verdict_14").set_value("Read and understood").run()
    app.button(key="merge").click().run()
    return app


def test_a_merge_is_a_wish_about_the_commit_that_was_seen(visit, world):
    merge_asked(visit, world)
    (wish,) = world.store.intents.of_pull_request(14)
    assert (wish.kind, wish.head_sha, wish.reason) == (IntentKind.MERGE, SHA, "Read and understood")
    again = page(visit)
    assert "The worker is doing" in buttons(again)["merge"][1]


@pytest.mark.parametrize("problem", ["GitHub could not read a pull request: it refuses connections.", ""])
def test_while_github_is_away_the_last_known_state_stays_and_nothing_may_be_decided(visit, world, problem):
    connect(world)
    put(world, row=APPROVED)
    topic = topics.pull(14)
    if problem:
        world.wired.snapshots.fail(topic, problem)
    else:
        world.wired.snapshots.watch(topic)
        world.wired.snapshots._entries[topic.key].at = NOW - timedelta(minutes=10)
    app = page(visit)
    assert "Train a gradient-boosting challenger" in text(app)
    for key in ("approve", "approve_and_merge", "merge", "request_changes"):
        disabled, reason = buttons(app)[key]
        assert disabled
        assert "what is shown is of" in reason
        assert problem in reason
    put(world, row=APPROVED)
    assert buttons(page(visit))["merge"][0] is False, "it is back: no restart"


def test_failed_checks_say_why_have_a_log_and_run_again(visit, world):
    connect(world, "scientist")
    failed = check("unit", CheckState.FAILED, "test_split: assert 3 == 4").model_copy(
        update={
            "job": 77,
            "workflow_run": 5,
            "url": "https://github.example/runs/5/job/77",
            "problems": (
                Problem(path="tests/unit/training/test_split.py", line=1, message="test_split: assert 3 == 4"),
                Problem(path="training/split.py", line=9, message=f"{HOSTILE}\nsecond line"),
            ),
        }
    )
    put(world, row={"checks": (failed, check("quality-gate", CheckState.FAILED))})
    app = page(visit, user=claims("scientist", "scientist"))
    assert "test_split: assert 3 == 4" in text(app)
    assert "2 problems" in text(app)
    assert "<img" not in text(app)
    assert buttons(app)["re_run_failed_checks"] == (False, "")
    app.button(key="log_77").click().run()
    assert app.query_params["log"] in ("77", ["77"])
    world.wired.snapshots.put(topics.job_log(77), f"collected 3 items\n{HOSTILE}\nE assert 3 == 4")
    shown = text(page(visit, log="77"))
    assert "E assert 3 == 4" in shown
    assert 'href="https://github.example/runs/5/job/77"' in shown
    assert "<img" not in shown
    world.wired.snapshots.put(topics.job_log(77), None)
    assert "keeps this log no more" in text(page(visit, log="77"))
    assert "log" not in text(page(visit, log="78")).split("check-log")[0][-3:]
    app.button(key="re_run_failed_checks").click().run()
    (wish,) = world.store.intents.of_pull_request(14)
    assert (wish.kind, wish.actor) == (IntentKind.RERUN, "scientist")


def test_a_viewer_may_neither_decide_nor_run_again(visit, world):
    put(world, number=16)
    found = buttons(page(visit, 16, user=claims("viewer")))
    for key in ("approve", "merge", "re_run_failed_checks"):
        assert found[key][0]
        assert "takes the role" in found[key][1] or "of other apps" in found[key][1]


def test_new_commits_void_what_was_said_and_the_page_says_so(visit, world):
    commits = tuple(PullCommit(sha=sha, title=HOSTILE, author="scientist", at=NOW) for sha in (OLD_HEAD, SHA))
    given = (Review(author="lead", state="APPROVED", commit=OLD_HEAD, submitted_at=NOW, body=HOSTILE),)
    put(world, commits=commits, given=given, commit_count=2)
    shown = text(page(visit))
    assert "New commits made earlier verdicts void" in shown
    assert "lead approved 0000000; 1 commit came since, so it no longer counts" in shown
    assert "of an earlier commit, void" in shown
    assert "<img" not in shown
    put(world, commits=commits, given=(given[0].model_copy(update={"commit": SHA}),))
    assert "made earlier verdicts void" not in text(page(visit))


def test_a_comparison_of_another_commit_or_with_another_champion_is_void(visit, world):
    put(world)
    assert "The champion has changed since" not in text(page(visit))
    other = hospital_models.comparison()
    put(
        world,
        comparison=other.model_copy(update={"challenger": other.challenger.model_copy(update={"commit": OLD_HEAD})}),
    )
    assert "which is not the head" in text(page(visit))
    put(world, comparison=other.model_copy(update={"champion": other.champion.model_copy(update={"commit": OLD_HEAD})}))
    assert "The champion has changed since: it was 0000000" in text(page(visit))


def test_discussions_are_read_here_and_answered_on_github(visit, world):
    comment = Comment(author="deputy", at=NOW, body=HOSTILE, url="https://github.example/pull/14#discussion_r1")
    threads = (
        Thread(path="training/train.py", line=3, resolved=False, outdated=True, comments=(comment,)),
        Thread(path="README.md", line=None, resolved=True, outdated=False, comments=(comment,)),
    )
    put(world, threads=threads)
    shown = text(page(visit))
    assert "1 open discussion of 2" in shown
    assert "training/train.py" in shown
    assert "the line has changed since" in shown
    assert 'href="https://github.example/pull/14#discussion_r1"' in shown
    assert "<img" not in shown


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"author": "ghost"}, "account is gone"),
        ({"fork": "stranger"}, "It comes from a fork of"),
        ({"draft": True}, "it is marked as a draft"),
        ({"title": HOSTILE + "x" * 10_000}, "…"),
    ],
)
def test_what_is_not_like_the_others_is_said_on_its_page(visit, world, row, said):
    put(world, row=row)
    app = page(visit)
    assert not app.exception
    assert said in text(app)
    assert "<img" not in text(app)
    assert "\u202e" not in text(app)


def test_a_change_without_training_code_leads_to_no_version(visit, world):
    put(world, number=17, row={"trains": False})
    assert "no model version comes of it" in text(page(visit, 17))
    put(world, number=17)
    assert "No model version yet" in text(page(visit, 17))


def test_a_diff_of_megabytes_is_named_in_full_and_drawn_in_part(visit, world):
    big = tuple(
        ChangedFile(path=f"data/{n}.csv", status="added", additions=599, deletions=0, patch="+1,2,3\n" * 599)
        for n in range(30)
    )
    book = ChangedFile(path="a.ipynb", status="added", additions=9, deletions=0, patch="", kind=FileKind.NOTEBOOK)
    put(world, files=(book, *big), row={"changed_files": 3_100})
    shown = text(page(visit))
    assert "a notebook" in shown
    assert all(f"data/{n}.csv" in shown for n in range(30))
    assert "3,069 more files" in shown
    assert len(shown) < 1_000_000
    app = page(visit, file="data/29.csv")
    assert text(app).count('class="add"') == 599
    assert "data/3.csv" not in text(app)
    app.query_params["number"] = "15"
    app.run()
    assert not app.exception, "a file that another pull request does not change is no file to show"
    assert "training/params.toml" in text(app)


def test_the_curves_of_both_dev_runs_are_laid_over_each_other(visit, world):
    found = put(world)
    assert "Curves on the dev holdout" not in text(page(visit))
    place = world.project.dev_workspace
    for side in (found.comparison.champion, found.comparison.challenger):
        run = runs()[0].model_copy(update={"id": side.run, "workspace": place})
        world.wired.snapshots.put(topics.run(place, side.run), run_detail(run))
    app = page(visit)
    assert not app.exception
    assert "Curves on the dev holdout" in text(app)
    assert app.main.get("plotly_chart")


def test_a_merged_one_leads_to_its_versions(visit, world):
    put(world, state="merged", merged_sha=SHA, merged_by="lead")
    app = page(visit)
    assert "by <bdi>lead</bdi>" in text(app)
    links = [link.proto.label for link in app.main.get("page_link")]
    assert any("v2" in label for label in links)


def test_a_refused_wish_is_told_with_its_outcome(visit, world):
    connect(world)
    put(world)
    reviews = world.wired.backend.reviews
    reviews.record(LEAD, IntentKind.MERGE, 14, SHA, "scientist", "Read and understood", "key")
    claimed = world.store.intents.claim(30)
    refusal = "GitHub refused the merge: a code owner has to approve it: deputy."
    world.store.intents.finish(claimed, IntentState.FAILED, refusal)
    assert refusal in text(page(visit))


def test_recorded_turns_into_not_done_when_the_worker_could_not(visit, world):
    """An expired GitHub sign-in is found out by the worker, after the click was answered."""
    app = merge_asked(visit, world)
    assert "Merge is recorded" in text(app)
    refusal = "GitHub could not merge: Bad credentials. The GitHub sign-in has expired or was revoked."
    world.store.intents.finish(world.store.intents.claim(30), IntentState.FAILED, refusal)
    app.run()
    assert "Merge is recorded" not in text(app)
    assert f"Merge: {refusal}" in text(app)
    assert f"Merge: {refusal}" not in text(page(visit, user=claims("scientist", "scientist")))
