"""Our GitHub gateway against GitHub's wire: list, detail, blockers, verdicts, merge, checks, rulesets, consent."""

from __future__ import annotations

import re
import sqlite3
import time
from datetime import UTC, datetime

import httpx
import pytest
from gateways_world import settings_of
from github_lab import close_lab, open_lab
from pydantic import SecretStr

from backend.domain.comparison import Comparison, Difference, Side, Verdict
from backend.domain.reviews import CheckState, Mergeability
from backend.errors import CredentialsRejected, NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.github.board import Board
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubReader, GitHubWriter
from backend.gateways.github.commits import Commits, Written
from backend.gateways.github.comparisons import COMPARISON_CHECK, change_id, comparison_text
from backend.gateways.github.contents import Contents
from backend.gateways.github.deployments import Deployments
from backend.gateways.github.oauth import OAuth
from backend.gateways.github.pulls import Pulls
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.rulesets import Ruleset, Rulesets, differences
from backend.gateways.github.verdicts import Verdicts
from sandbox.github import pulls, repositories

GUARD = Ruleset(name="main: reviewed and green", checks=("quality-gate",))


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    yield opened
    close_lab(opened)


@pytest.fixture
def settings(sandbox, tmp_path):
    return settings_of(sandbox, tmp_path)


def reader(lab, settings):
    return GitHubReader(
        settings.github.api_url, lab.full_name, settings.github.installation_token, settings.cloud.ca_bundle
    )


def person(lab, settings, login):
    token = SecretStr(lab.token(login))
    return GitHubWriter(settings.github.api_url, lab.full_name, token, settings.cloud.ca_bundle)


def workflow(lab, settings):
    token = SecretStr(lab.workflow_token(checks="write", contents="read", pull_requests="read"))
    return GitHubWriter(settings.github.api_url, lab.full_name, token, settings.cloud.ca_bundle)


def whats(detail):
    return [blocker.what for blocker in detail.blockers]


def test_a_pull_request_from_blocked_to_merged(lab, settings):
    lab.start()
    setup = person(lab, settings, "lead")
    Rulesets(setup).ensure(GUARD)
    _, opened = lab.feature("better-model", {"training/params.toml": "reg_rate = 0.1\n"})
    number, head = opened.number, opened.head.sha
    reading = Pulls(reader(lab, settings))

    board = Board(reader(lab, settings))
    (row,) = board.look()
    assert (row.number, row.author, row.head_sha, row.base_ref) == (number, "scientist", head, "main")
    assert row.required_checks == ("quality-gate",)
    assert row.mergeability is Mergeability.MERGEABLE
    assert row.check_state is CheckState.QUEUED

    detail = reading.detail(number)
    assert [(file.path, file.status) for file in detail.files] == [("training/params.toml", "modified")]
    assert "-reg_rate = 0.01\n+reg_rate = 0.1" in detail.files[0].patch
    assert (detail.body, detail.state, detail.merged_sha) == ("Because", "open", "")
    assert whats(detail) == ["Check quality-gate", "Approval missing", "Code owner"]
    assert detail.blockers[0].why == f"has not reported on {head[:7]}"
    assert detail.blockers[1].who == "lead or deputy"

    with pytest.raises(RemoteRejected, match="Can not approve your own pull request"):
        Verdicts(person(lab, settings, "scientist")).approve(number, head, "Mine")
    lead = Verdicts(setup)
    assert lead.login() == "lead"
    with pytest.raises(RemoteRejected, match="quality-gate"):
        lead.merge(number, head, "Better model")

    lead.request_changes(number, head, "Please explain the value")
    assert "Changes requested" in whats(reading.detail(number))
    lead.approve(number, head, "Explained by word of mouth")
    assert lead.reviewed(number, "lead", head, "APPROVED")
    assert not lead.reviewed(number, "deputy", head, "APPROVED")
    lab.check(head, "failure")
    assert whats(reading.detail(number)) == ["Check quality-gate"]
    lab.check(head)
    ready = reading.detail(number)
    assert ready.blockers == ()
    assert ready.summary.check_state is CheckState.PASSED

    with pytest.raises(RemoteRejected, match="New commits have arrived"):
        lead.merge(number, "0" * 40, "Better model")
    merged = lead.merge(number, head, "Better model", "The reason")
    assert reading.merge_state(number).merged_sha == merged
    assert reading.of_commit(merged).number == number
    assert reading.detail(number).state == "merged"
    assert board.look() == ()
    message = lab.repo("lead").get_commit(merged).commit.message
    assert message == f"Better model (#{number})\n\nThe reason"


def test_an_approval_of_an_earlier_commit_does_not_count(lab, settings):
    lab.start()
    Rulesets(person(lab, settings, "lead")).ensure(GUARD)
    clone, opened = lab.feature("moving")
    lab.approve("lead", opened.number)
    lab.commit(clone, {"training/params.toml": "moved = 1\n"}, "Move on")
    lab.git(clone, "push", "--quiet", "origin", "moving")
    detail = Pulls(reader(lab, settings)).detail(opened.number)
    assert "Approval missing" in whats(detail)


def test_the_list_of_a_hundred_costs_four_calls(lab, settings, sandbox):
    clone = lab.start()
    lab.git(clone, "commit", "--allow-empty", "--quiet", "--message", "More")
    lab.git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/more")
    names = [f"branch-{index}" for index in range(100)]
    bare = repositories.bare_path(lab.world, lab.full_name)
    for name in names:
        lab.git(bare, "branch", name, "more")
    repository = repositories.get(lab.world, lab.full_name)
    for name in names:
        pulls.create(lab.world, repository, "scientist", {"title": name, "head": name, "base": "main"}, {})
    mark = requests_of(sandbox, 0)[-1][0]
    found = Board(reader(lab, settings)).look()
    assert len({pull.number for pull in found}) == 100
    ours = [path for _, path, principal in requests_of(sandbox, mark) if principal == "mlops-console[bot]"]
    assert ours == ["/api/graphql"] * 4


def requests_of(sandbox, after):
    """(number, path, principal) of what the sandbox answered; its journal is written every 0.2 s."""
    time.sleep(0.6)
    with sqlite3.connect(f"file:{sandbox.home / 'journal.db'}?mode=ro", uri=True) as journal:
        found = journal.execute(
            "SELECT number, path, principal FROM requests WHERE number > ? ORDER BY number", (after,)
        )
        rows = found.fetchall()
    journal.close()
    return rows


def test_a_comparison_travels_in_a_check_run(lab, settings):
    lab.start()
    _, opened = lab.feature("compared")
    head = opened.head.sha
    made = Comparison(
        champion=Side(commit="c" * 40, run="run-1"),
        challenger=Side(commit=head, run="run-2"),
        data_asset="diabetes-dev:1",
        data_digest="sha256:1",
        rows=3000,
        positives=1011,
        shared_groups=0,
        differences=(
            Difference(metric="auc", champion=0.85, challenger=0.98, difference=0.13, low=0.12, high=0.14,
                       verdict=Verdict.BETTER),
        ),
        made_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    checks = Checks(workflow(lab, settings))
    check = checks.create(head, COMPARISON_CHECK, external_id=change_id(made.on("auc")))
    reading = Pulls(reader(lab, settings))
    assert reading.detail(opened.number).comparison is None
    checks.complete(check, "success", title="Better", summary="AUC up", text=comparison_text(made))
    assert reading.detail(opened.number).comparison == made
    (listed,) = Board(reader(lab, settings)).look()
    assert listed.change == made.on("auc")
    (row,) = checks.of(head)
    assert (row.name, row.state, row.title) == (COMPARISON_CHECK, CheckState.PASSED, "Better")


def test_contents_and_what_changed(lab, settings):
    lab.start()
    _, opened = lab.feature("changed", {"training/new.py": "x = 1\n"})
    contents = Contents(reader(lab, settings))
    assert contents.file("training/new.py", opened.head.sha) == b"x = 1\n"
    assert contents.file("training/new.py", "main") is None
    changed = contents.changed("main", opened.head.sha)
    assert changed.paths == ("training/new.py",)
    assert changed.merge_base == contents.head("main")


def test_who_wrote_a_pull_request_and_what_came_since_a_commit(lab, settings):
    lab.start()
    base = lab.repo("lead").get_branch("main").commit.sha
    clone, opened = lab.feature("two-hands", {"training/new.py": "x = 1\n"})
    trailer = "Second hand\n\nCo-authored-by: Dep Uty <7+deputy@users.noreply.github.com>"
    lab.commit(clone, {"training/new.py": "x = 2\n"}, trailer)
    lab.git(clone, "push", "origin", "HEAD:two-hands")
    commits = Commits(reader(lab, settings))
    of_pull = commits.of_pull(opened.number)
    assert of_pull.complete
    assert [one.authors for one in of_pull.commits] == [("scientist",), ("scientist", "deputy")]
    head = of_pull.commits[-1].commit
    assert commits.between(base, head) == of_pull
    assert commits.between(head, head) == Written((), complete=True)
    assert commits.between("0" * 40, head) == Written((), complete=False)
    assert commits.of_pull(9_999) == Written((), complete=False)


def test_a_deployment_is_recorded_once(lab, settings):
    clone = lab.start()
    first = lab.git(clone, "rev-parse", "HEAD")
    deployments = Deployments(reader(lab, settings))
    assert deployments.latest("production") is None
    deployments.record(first, "production", "v1 serves")
    deployments.record(first, "production", "v1 serves")
    assert deployments.latest("production") == first
    assert lab.repo("lead").get_deployments(environment="production").totalCount == 1
    second = lab.commit(clone, {"README.md": "more\n"}, "More")
    lab.git(clone, "push", "--quiet", "origin", "main")
    deployments.record(second, "production", "v2 serves")
    deployments.record(first, "production", "rolled back to v1")
    assert deployments.latest("production") == first


def test_the_ruleset_reads_back_as_declared_and_drift_is_told(lab, settings):
    lab.start()
    rulesets = Rulesets(person(lab, settings, "lead"))
    assert rulesets.find(GUARD.name) is None
    rulesets.ensure(GUARD)
    assert differences(rulesets.find(GUARD.name), GUARD) == ()
    weaker = Ruleset(name=GUARD.name, checks=("quality-gate",), code_owners=False)
    rulesets.ensure(weaker)
    assert differences(rulesets.find(GUARD.name), GUARD) == ("code owners: no -> yes",)
    rulesets.ensure(GUARD)
    hidden = Rulesets(person(lab, settings, "viewer")).find(GUARD.name)
    assert hidden.bypass is None
    assert differences(hidden, GUARD) == ("bypass: not readable with this token -> none",)


def test_setup_makes_the_repository_and_its_variables(lab, settings):
    mine = Repositories(person(lab, settings, "lead"))
    assert not mine.exists()
    mine.create({"description": "A classifier"})
    assert mine.exists()
    mine.set_variable("MLOPS_TOML", "a = 1\n")
    mine.set_variable("MLOPS_TOML", "a = 2\n")
    assert mine.variables() == {"MLOPS_TOML": "a = 2\n"}


def test_what_is_not_there_and_who_may_not(lab, settings):
    lab.start()
    reading = Pulls(reader(lab, settings))
    with pytest.raises(NotFound):
        reading.detail(999)
    revoked = GitHubReader(settings.github.api_url, lab.full_name, SecretStr("ghs_gone"), settings.cloud.ca_bundle)
    with pytest.raises(CredentialsRejected, match="connect GitHub again"):
        Board(revoked).look()
    with pytest.raises(CredentialsRejected, match="No GitHub token is set"):
        Board(GitHubReader(settings.github.api_url, lab.full_name, SecretStr(""))).look()
    nowhere = GitHubReader("https://localhost:9/api/v3", lab.full_name, SecretStr("x"), settings.cloud.ca_bundle)
    with pytest.raises(RemoteUnavailable):
        Board(nowhere).look()


def consent(settings):
    return OAuth(settings.github, settings.cloud, "http://127.0.0.1:8501/github/callback")


def test_a_person_connects_in_a_browser(settings):
    oauth = consent(settings)
    asked = oauth.consent()
    assert asked.url.startswith(f"{settings.github.web_url}/login/oauth/authorize?")
    with httpx.Client(follow_redirects=False, timeout=15) as browser:
        code = chosen(browser, asked.url, "lead", asked.state)
    with pytest.raises(CredentialsRejected, match="start again"):
        oauth.exchange(code, "not the verifier that was promised")
    with httpx.Client(follow_redirects=False, timeout=15) as browser:
        code = chosen(browser, asked.url, "lead", asked.state)
    grant = oauth.exchange(code, asked.verifier)
    assert oauth.login(grant.access) == "lead"
    assert grant.expires_at > datetime.now(UTC)
    renewed = oauth.refresh(grant.refresh)
    assert oauth.login(renewed.access) == "lead"
    assert renewed.refresh.get_secret_value() != grant.refresh.get_secret_value()
    with pytest.raises(CredentialsRejected, match="connect GitHub again"):
        oauth.refresh(grant.refresh)


def chosen(browser, url, login, state):
    """What a person does on the consent page: choose the account; the code that comes back."""
    page = browser.get(url)
    assert page.status_code == 200, page.text
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text).group(1).replace("&amp;", "&")
    fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
    answer = browser.post(httpx.URL(url).join(action), data={**fields, "account": login})
    assert answer.status_code in {302, 303}, answer.text
    back = httpx.URL(answer.headers["location"])
    assert back.params["state"] == state
    return back.params["code"]


def test_a_person_connects_from_a_terminal(settings, sandbox):
    oauth = consent(settings)
    device = oauth.begin_device()
    assert oauth.poll_device(device) is None
    body = {"user_code": device.user_code, "account": "deputy"}
    httpx.post(f"{sandbox.browser_url}/control/device", json=body, timeout=15).raise_for_status()
    time.sleep(device.interval)
    grant = oauth.poll_device(device)
    assert oauth.login(grant.access) == "deputy"


def test_a_token_that_github_does_not_know(settings):
    with pytest.raises(CredentialsRejected, match="connect GitHub again"):
        consent(settings).login(SecretStr("ghu_unknown"))
