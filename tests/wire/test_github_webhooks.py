"""Webhooks of the local world, over real sockets: signed, in order, tried once, again only when asked."""

from __future__ import annotations

import time

import pytest
from actions_lab import until, workflow
from github_lab import close_lab, open_lab, refusal
from github_listener import SECRET, Listener

EVENTS = ["push", "pull_request", "pull_request_review", "check_run", "check_suite", "workflow_run", "issue_comment"]
QUICK = workflow("push", '  quick:\n    runs-on: x\n    steps: [{run: "true"}]\n')


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("webhooks"))
    opened.start()
    yield opened
    close_lab(opened)


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def hook(lab, listener):
    """A webhook that tells `listener` everything; gone when the test ends."""
    config = {"url": listener.url, "content_type": "json", "secret": SECRET}
    made = lab.repo("lead").create_hook("web", config, EVENTS)
    until(lambda: listener.got, bool)
    yield made
    made.delete()


def told(listener, wanted):
    """Wait until all of these were told; the deliveries by what they told."""
    got = until(lambda: list(listener.got), lambda got: set(wanted) <= {one.told for one in got})
    return {one.told: one for one in got}


def call(lab, verb, path, body=None, login="lead"):
    url = f"/repos/{lab.full_name}/hooks{path}"
    return lab.api(login).requester.requestJsonAndCheck(verb, url, input=body)[1]


def test_a_new_webhook_is_pinged_signed_and_never_shows_its_secret(lab, listener, hook):
    (ping,) = listener.got
    assert ping.event == "ping"
    assert ping.body["hook_id"] == hook.id
    assert ping.signed()
    assert not ping.signed("another secret")
    shown = until(lambda: call(lab, "GET", f"/{hook.id}"), lambda one: one["last_response"]["code"] == 200)
    assert shown["config"]["secret"] == "********"
    assert SECRET not in str(shown)


def test_what_happens_to_a_pull_request_is_told_in_order(lab, listener, hook):
    clone, pull = lab.feature("told", {"training/params.toml": "# told\n"})
    lab.check(pull.head.sha, "failure", name="told")
    comment = lab.repo("lead").get_pull(pull.number).create_issue_comment("a comment")
    comment.edit("another comment")
    comment.delete()
    review = lab.approve("lead", pull.number)
    review.dismiss("not yet")
    lab.commit(clone, {"training/params.toml": "# again\n"}, "Again")
    lab.git(clone, "push", "--quiet", "origin", "told")
    lab.repo("lead").get_pull(pull.number).edit(state="closed")
    wanted = [
        *("pull_request.opened", "check_run.created", "check_run.completed", "issue_comment.created"),
        *("issue_comment.edited", "issue_comment.deleted", "pull_request_review.submitted"),
        *("pull_request_review.dismissed", "pull_request.synchronize", "pull_request.closed"),
    ]
    by_told = told(listener, wanted)
    order = [one.told for one in listener.got]
    assert [name for name in order if name in wanted] == wanted
    assert order.index("push") < order.index("pull_request.opened")
    assert all(one.signed() for one in listener.got)
    assert {one.body["repository"]["full_name"] for one in listener.got} == {lab.full_name}
    assert by_told["pull_request.synchronize"].body["pull_request"]["head"]["sha"] == lab.git(
        clone, "rev-parse", "HEAD"
    )
    assert by_told["check_run.completed"].body["check_run"]["conclusion"] == "failure"
    assert by_told["issue_comment.created"].body["issue"]["pull_request"]
    assert len({one.headers["X-GitHub-Delivery"] for one in listener.got}) == len(listener.got)


def test_runs_of_workflows_are_told_with_their_checks(lab, listener, hook):
    clone = lab.clone("scientist")
    lab.git(clone, "switch", "--quiet", "--create", "runs")
    sha = lab.commit(clone, {".github/workflows/quick.yml": QUICK}, "Run")
    lab.git(clone, "push", "--quiet", "origin", "runs")
    by_told = told(listener, ["workflow_run.requested", "workflow_run.completed", "check_suite.completed"])
    ended = by_told["workflow_run.completed"].body["workflow_run"]
    assert (ended["head_sha"], ended["conclusion"]) == (sha, "success")
    assert by_told["check_suite.completed"].body["check_suite"]["conclusion"] == "success"
    (pushed,) = [one.body for one in listener.got if one.event == "push"]
    assert (pushed["ref"], pushed["after"], pushed["created"]) == ("refs/heads/runs", sha, True)


def test_a_refusal_is_not_tried_again_and_a_redelivery_is_the_same_delivery(lab, listener, hook):
    listener.status = 500
    call(lab, "POST", f"/{hook.id}/tests")
    first = told(listener, ["push"])["push"]
    (kept,) = until(
        lambda: call(lab, "GET", f"/{hook.id}/deliveries"),
        lambda found: [one for one in found if one["event"] == "push"],
    )[:1]
    assert (kept["status_code"], kept["redelivery"]) == (500, False)
    count = len(listener.got)
    time.sleep(1.0)  # nothing may come: there is no condition to wait for
    assert len(listener.got) == count
    listener.status = 200
    call(lab, "POST", f"/{hook.id}/deliveries/{kept['id']}/attempts", {})
    until(lambda: len(listener.got), lambda now: now == count + 1)
    again = listener.got[-1]
    assert (again.headers["X-GitHub-Delivery"], again.raw) == (first.headers["X-GitHub-Delivery"], first.raw)
    whole = until(
        lambda: call(lab, "GET", f"/{hook.id}/deliveries"), lambda found: found[0]["redelivery"] and found[0]["event"]
    )[0]
    assert call(lab, "GET", f"/{hook.id}/deliveries/{whole['id']}")["response"]["payload"] == ""


def test_a_redirect_is_not_followed_and_nobody_there_is_told(lab, listener, hook):
    other = Listener()
    listener.status, listener.location = 302, other.url
    call(lab, "POST", f"/{hook.id}/pings")
    found = until(lambda: call(lab, "GET", f"/{hook.id}/deliveries"), lambda rows: rows[0]["status_code"] == 302)
    assert found[0]["event"] == "ping"
    assert other.got == []
    other.close()
    gone = other.url
    call(lab, "PATCH", f"/{hook.id}", {"config": {"url": gone, "content_type": "json"}})
    call(lab, "POST", f"/{hook.id}/pings")
    until(lambda: call(lab, "GET", f"/{hook.id}")["last_response"], lambda said: said["code"] == 0)
    assert "secret" not in call(lab, "GET", f"/{hook.id}")["config"], "a configuration without one takes it away"


REFUSED = [
    ({"url": "https://hooks.example/x"}, ["push"], "loopback only"),
    ({"url": "127.0.0.1:80"}, ["push"], "missing a scheme"),
    ({}, ["push"], "can't be blank"),
    ({"url": "http://127.0.0.1:9/x"}, ["star"], "star"),
]


@pytest.mark.parametrize(("config", "events", "why"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_github_would_refuse_is_refused(lab, config, events, why):
    error = refusal(call, lab, "POST", "", {"name": "web", "config": config, "events": events})
    assert error.status == 422
    assert why in str(error.data)


def test_only_administrators_know_of_webhooks(lab, hook):
    assert refusal(call, lab, "GET", "", None, "scientist").status == 404
    assert refusal(call, lab, "DELETE", f"/{hook.id}", None, "viewer").status == 404
    twice = {"name": "web", "config": {"url": hook.config["url"]}, "events": ["push"]}
    assert "already exists" in str(refusal(call, lab, "POST", "", twice).data)
