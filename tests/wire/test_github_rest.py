"""The rest of the REST API with PyGithub: accounts, contents, comparisons, deployments, limits, refusals."""

from __future__ import annotations

import pytest
import requests
from github import BadCredentialsException, GithubException, UnknownObjectException
from github_lab import FILES, RULESET, close_lab, open_lab, refusal


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("rest"))
    opened.start()
    yield opened
    close_lab(opened)


def raw(lab, method, path, login="lead", **body):
    _, answer = lab.api(login).requester.requestJsonAndCheck(method, path, input=body or None)
    return answer


def test_a_token_says_who_calls_and_what_they_may(lab):
    assert (lab.api("lead").get_user().login, lab.api("lead").get_user().name) == ("lead", "Lee Lead")
    repo = lab.repo("scientist")
    assert (repo.permissions.admin, repo.permissions.push, repo.permissions.pull) == (False, True, True)
    assert repo.allow_squash_merge is True
    assert lab.repo("viewer").raw_data.get("allow_squash_merge") is None
    granted = {login: repo.get_collaborator_permission(login) for login in ("lead", "scientist", "operator")}
    assert granted == {"lead": "admin", "scientist": "write", "operator": "read"}
    assert {user.login for user in repo.get_collaborators()} == {
        "scientist",
        "lead",
        "deputy",
        "operator",
        "viewer",
        "developer",
    }
    with pytest.raises(BadCredentialsException):
        lab.client("ghu_nobody").get_user().login  # noqa: B018  # the attribute makes the call
    assert refusal(lab.repo("scientist").edit, allow_squash_merge=False).status == 403
    with pytest.raises(UnknownObjectException):
        lab.api("lead").get_repo("hospital/unknown")
    stranger = lab.client(lab.workflow_token(contents="read"))
    assert stranger.get_repo(lab.full_name).full_name == lab.full_name


def test_a_repository_is_created_once_and_by_an_administrator(lab):
    hospital = lab.api("lead").get_organization("hospital")
    made = hospital.create_repo(f"{lab.name}-second", auto_init=True, allow_merge_commit=False)
    assert (made.default_branch, made.allow_merge_commit) == ("main", False)
    assert made.get_contents("README.md").decoded_content == f"# {lab.name}-second\n".encode()
    taken = refusal(hospital.create_repo, f"{lab.name}-second")
    assert (taken.status, taken.data["errors"][0]["message"]) == (422, "name already exists on this account")
    assert refusal(lab.api("scientist").get_organization("hospital").create_repo, "mine").status == 403


def test_files_folders_and_raw_bytes_at_a_ref(lab):
    repo = lab.repo("viewer")
    assert repo.get_contents("training/params.toml").decoded_content.decode() == FILES["training/params.toml"]
    assert [item.path for item in repo.get_contents("training")] == ["training/params.toml", "training/train.py"]
    assert next((item.type, item.path) for item in repo.get_contents("")) == ("dir", ".github")
    with pytest.raises(UnknownObjectException):
        repo.get_contents("missing.txt")
    unknown = refusal(repo.get_contents, "README.md", ref="no-such-branch")
    assert (unknown.status, unknown.data["message"]) == (404, "No commit found for the ref no-such-branch")
    answer = requests.get(
        f"{lab.world.settings.url}/api/v3/repos/{lab.full_name}/contents/README.md",
        params={"ref": "main"},
        headers={"Authorization": f"token {lab.token('viewer')}", "Accept": "application/vnd.github.raw+json"},
        verify=str(lab.ca_file),
        timeout=15,
    )
    assert answer.text == FILES["README.md"]


def test_a_comparison_has_files_with_patches(lab):
    clone, pull = lab.feature(
        "compared", {"training/train.py": "line_0 = 'changed'\n", "added.txt": "a\nb\n"}, "Compare me"
    )
    lab.git(clone, "rm", "--quiet", "README.md")
    (clone / "blob.bin").write_bytes(bytes(range(256)))
    lab.git(clone, "mv", ".github/CODEOWNERS", "CODEOWNERS")
    lab.commit(clone, {}, "More kinds of change")
    lab.git(clone, "push", "--quiet", "origin", "compared")
    comparison = lab.repo("lead").compare("main", "compared")
    assert (comparison.status, comparison.ahead_by, comparison.behind_by) == ("ahead", 2, 0)
    assert [commit.commit.message for commit in comparison.commits] == ["Compare me", "More kinds of change"]
    files = {file.filename: file for file in comparison.files}
    assert {name: file.status for name, file in files.items()} == {
        "CODEOWNERS": "renamed",
        "README.md": "removed",
        "added.txt": "added",
        "blob.bin": "added",
        "training/train.py": "modified",
    }
    assert files["CODEOWNERS"].previous_filename == ".github/CODEOWNERS"
    assert files["added.txt"].patch == "@@ -0,0 +1,2 @@\n+a\n+b"
    assert files["blob.bin"].patch is None
    assert (files["training/train.py"].additions, files["training/train.py"].deletions) == (1, 40)
    assert [file.filename for file in lab.repo("lead").get_pull(pull.number).get_files()] == list(files)
    assert [commit.sha for commit in lab.repo("lead").get_commits(sha="compared", path="added.txt")] == [
        comparison.commits[0].sha
    ]
    assert refusal(lab.repo("lead").compare, "main", "nowhere").status == 404
    assert refusal(lab.repo("lead").get_commit, "f" * 40).data["message"] == f"No commit found for SHA: {'f' * 40}"


def test_deployments_are_recorded_with_their_statuses(lab):
    repo = lab.repo("scientist")
    sha = repo.get_branch("main").commit.sha
    first = repo.create_deployment(sha, environment="production", required_contexts=[], auto_merge=False)
    assert first.create_status("success", description="serves").state == "success"
    second = repo.create_deployment(sha, environment="production", required_contexts=[], auto_merge=False)
    second.create_status("success")
    assert [deployment.id for deployment in repo.get_deployments(environment="production")] == [second.id, first.id]
    assert [status.state for status in first.get_statuses()] == ["inactive", "success"]
    waiting = refusal(repo.create_deployment, sha, required_contexts=["quality-gate"])
    assert (waiting.status, waiting.data["message"]) == (409, f"Conflict: Commit status checks failed for {sha}.")
    assert refusal(lab.repo("viewer").create_deployment, sha, required_contexts=[]).status == 403
    robot = lab.client(lab.workflow_token(deployments="read", contents="read")).get_repo(lab.full_name)
    assert robot.get_deployments(environment="production").totalCount == 2
    assert refusal(robot.create_deployment, sha, required_contexts=[]).status == 403


def test_variables_and_environments(lab):
    repo = lab.repo("lead")
    repo.create_variable("MLOPS_TOML", "[github]\n")
    assert refusal(repo.create_variable, "MLOPS_TOML", "again").status == 409
    repo.get_variable("MLOPS_TOML").edit("[azure]\n")
    assert {variable.name: variable.value for variable in repo.get_variables()} == {"MLOPS_TOML": "[azure]\n"}
    assert refusal(lab.repo("viewer").create_variable, "X", "1").status == 403
    environment = repo.create_environment("production")
    assert (environment.name, [e.name for e in repo.get_environments()]) == ("production", ["production"])
    with pytest.raises(UnknownObjectException):
        repo.get_environment("staging")


def test_check_runs_carry_output_and_annotations(lab):
    sha = lab.repo("lead").get_branch("main").commit.sha
    notes = [
        {"path": "training/train.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Hm"}
    ]
    run = lab.actions().create_check_run("lint", sha, status="in_progress", details_url="https://localhost/x")
    run.edit(conclusion="failure", output={"title": "One note", "summary": "**Hm**", "annotations": notes})
    (found,) = lab.repo("viewer").get_commit(sha).get_check_runs(check_name="lint")
    assert (found.status, found.conclusion, found.app.slug) == ("completed", "failure", "github-actions")
    assert (found.output.title, found.output.summary) == ("One note", "**Hm**")
    assert [(note.path, note.message) for note in found.get_annotations()] == [("training/train.py", "Hm")]
    lab.check(sha, name="lint")
    assert [r.conclusion for r in lab.repo("viewer").get_commit(sha).get_check_runs(check_name="lint")] == ["success"]
    suites = list(lab.repo("viewer").get_commit(sha).get_check_suites())
    assert [(suite.app.slug, suite.status) for suite in suites] == [("github-actions", "completed")]
    blind = lab.client(lab.workflow_token(contents="read")).get_repo(lab.full_name)
    assert refusal(blind.create_check_run, "lint", sha).data["message"] == "Resource not accessible by integration"


def test_rulesets_are_checked_kept_and_shown(lab):
    path = f"/repos/{lab.full_name}"
    off = RULESET | {"enforcement": "disabled"}
    made = raw(lab, "POST", f"{path}/rulesets", **off)
    assert made["bypass_actors"] == []
    assert raw(lab, "GET", f"{path}/rules/branches/main") == []
    raw(lab, "PUT", f"{path}/rulesets/{made['id']}", enforcement="active")
    rules = raw(lab, "GET", f"{path}/rules/branches/main", login="viewer")
    assert [rule["type"] for rule in rules] == [rule["type"] for rule in RULESET["rules"]]
    assert {rule["ruleset_id"] for rule in rules} == {made["id"]}
    assert "bypass_actors" not in raw(lab, "GET", f"{path}/rulesets/{made['id']}", login="viewer")
    assert raw(lab, "GET", f"{path}/rules/branches/feature") == []

    repeated = refusal(raw, lab, "POST", f"{path}/rulesets", **RULESET)
    assert (repeated.status, repeated.data["errors"]) == (422, ["Name must be unique"])
    broken = RULESET | {"name": "broken", "rules": [{"type": "pull_request", "parameters": {}}]}
    assert "Missing required parameter" in refusal(raw, lab, "POST", f"{path}/rulesets", **broken).data["errors"][0]
    unknown = RULESET | {"name": "unknown", "rules": [{"type": "file_path_restriction"}]}
    assert refusal(raw, lab, "POST", f"{path}/rulesets", **unknown).status == 501
    assert refusal(raw, lab, "POST", f"{path}/rulesets", login="scientist", **RULESET).status == 404

    ref = refusal(lab.repo("lead").get_git_ref("heads/main").delete)
    assert ref.status == 422
    direct = refusal(lab.repo("lead").create_file, "direct.txt", "Direct", "x", branch="main")
    assert direct.data["message"].startswith("Repository rule violations found\n\nChanges must be made through")
    raw(lab, "DELETE", f"{path}/rulesets/{made['id']}")
    written = lab.repo("lead").create_file("direct.txt", "Direct", "x", branch="main")
    assert lab.repo("lead").get_branch("main").commit.sha == written["commit"].sha


def test_branch_protection_is_absent_until_it_is_set(lab):
    branch = lab.repo("lead").create_git_ref("refs/heads/release", lab.repo("lead").get_branch("main").commit.sha)
    assert branch.ref == "refs/heads/release"
    release = lab.repo("lead").get_branch("release")
    assert refusal(release.get_protection).data["message"] == "Branch not protected"
    assert refusal(lab.repo("scientist").get_branch("release").get_protection).data["message"] == "Not Found"
    release.edit_protection(
        strict=True, contexts=["quality-gate"], enforce_admins=True, required_approving_review_count=1
    )
    protection = lab.repo("lead").get_branch("release").get_protection()
    assert protection.required_status_checks.contexts == ["quality-gate"]
    assert lab.repo("lead").get_branch("release").protected
    clone = lab.clone("lead")
    lab.git(clone, "switch", "--quiet", "release")
    lab.commit(clone, {"x.txt": "x\n"}, "Direct")
    assert "GH006: Protected branch update failed for refs/heads/release." in lab.run(clone, "push").stderr


def test_codeowners_errors_name_the_line(lab):
    lab.feature("owners", {".github/CODEOWNERS": "* @lead\n/docs/ @viewer @nobody\n"})
    errors = raw(lab, "GET", f"/repos/{lab.full_name}/codeowners/errors?ref=owners")["errors"]
    assert [(error["line"], error["column"], error["kind"]) for error in errors] == [
        (2, 8, "Unknown owner"),
        (2, 16, "Unknown owner"),
    ]
    assert raw(lab, "GET", f"/repos/{lab.full_name}/codeowners/errors")["errors"] == []


def test_lists_are_paged_with_githubs_link_header(lab):
    sha = lab.repo("lead").get_branch("main").commit.sha
    for number in range(7):
        lab.repo("lead").create_git_ref(f"refs/heads/many/{number}", sha)
    _, headers, _ = lab.api("lead").requester.requestJson(
        "GET", f"/repos/{lab.full_name}/branches", parameters={"per_page": "3"}
    )
    root = f"{lab.world.settings.url}/api/v3/repos/{lab.full_name}/branches?per_page=3"
    next_page, last_page = headers["link"].split(", ")
    assert next_page == f'<{root}&page=2>; rel="next"'
    assert last_page.startswith(f"<{root}&page=")
    assert last_page.endswith('; rel="last"')
    branches = lab.repo("lead").get_branches()
    assert branches.totalCount == len(list(branches)) >= 8


def test_an_etag_saves_the_second_answer_and_its_charge(lab):
    requester = lab.api("lead").requester
    path = f"/repos/{lab.full_name}/branches"
    status, headers, _ = requester.requestJson("GET", path)
    assert status == 200
    used = int(headers["x-ratelimit-used"])
    status, again, body = requester.requestJson("GET", path, headers={"If-None-Match": headers["etag"]})
    assert (status, body, int(again["x-ratelimit-used"])) == (304, "", used)
    _, others, _ = lab.api("viewer").requester.requestJson("GET", path)
    assert others["etag"] != headers["etag"]
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-resource"]) == ("5000", "core")
    assert headers["x-github-request-id"] != again["x-github-request-id"]
    assert lab.repo("lead").update() is False


def test_what_github_has_and_this_sandbox_has_not_is_501(lab):
    with pytest.raises(GithubException) as missing:
        lab.repo("lead").get_milestones()[0]
    assert missing.value.status == 501


def test_malformed_requests_are_told_what_is_wrong(lab):
    url = f"{lab.world.settings.url}/api/v3/repos/{lab.full_name}/pulls"
    headers = {"Authorization": f"token {lab.token('scientist')}"}
    for body, status, message in (
        ("{", 400, "Problems parsing JSON"),
        ("[]", 400, "Body should be a JSON object"),
        ("{}", 422, "Validation Failed"),
    ):
        answer = requests.post(url, data=body, headers=headers, verify=str(lab.ca_file), timeout=15)
        assert (answer.status_code, answer.json()["message"]) == (status, message)
    no_branch = refusal(lab.repo("scientist").create_pull, base="main", head="nowhere", title="Nothing")
    assert no_branch.data["errors"] == [{"resource": "PullRequest", "code": "invalid", "field": "head"}]
