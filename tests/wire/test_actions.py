"""Actions: real workflow files, pushed with git, read back with PyGithub."""

from __future__ import annotations

import io
import zipfile

import pytest
import requests
from actions_lab import ActionsLab, until, workflow
from github_lab import close_lab, refusal

STEPS = """\
  first:
    runs-on: ubuntu-24.04
    outputs:
      colour: ${{ steps.say.outputs.colour }}
      text: ${{ steps.say.outputs.text }}
    steps:
      - uses: actions/checkout@v4
      - run: test -f README.md
      - id: say
        run: |
          echo "colour=green" >> "$GITHUB_OUTPUT"
          printf 'text<<END\\ntwo\\nlines\\nEND\\n' >> "$GITHUB_OUTPUT"
          echo "KEPT=kept value" >> "$GITHUB_ENV"
          mkdir -p tools && printf '#!/bin/sh\\necho tool ran\\n' > tools/mytool && chmod +x tools/mytool
          echo "$PWD/tools" >> "$GITHUB_PATH"
          echo "## Summary of $LEVEL" >> "$GITHUB_STEP_SUMMARY"
        env:
          LEVEL: step
      - run: echo "$KEPT and $TOP and ${{ env.TOP }}" && mytool
      - run: mkdir -p out/deep && echo 1 > out/a.txt && echo 2 > out/deep/b.txt
      - uses: actions/upload-artifact@v4
        with: {name: results, path: out}
      - id: forgiven
        run: exit 3
        continue-on-error: true
      - run: echo "outcome ${{ steps.forgiven.outcome }} conclusion ${{ steps.forgiven.conclusion }}"
      - id: unrun
        if: failure()
        run: echo never
  second:
    name: Second job
    needs: first
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/download-artifact@v4
        with: {name: results, path: got}
      - run: cat got/a.txt got/deep/b.txt && echo "colour ${{ needs.first.outputs.colour }}"
      - run: echo "$TEXT"
        env:
          TEXT: ${{ needs.first.outputs.text }}
"""
CONDITIONS = """\
  bad:
    runs-on: x
    steps:
      - run: |
          echo working
          echo "::error file=training/a.py,line=7,title=Lint%3A F401::a.py:7: os is imported but unused"
          echo "::warning::only a warning"
          exit 2
  silent:
    runs-on: x
    steps:
      - run: echo the last words && exit 4
  dependant:
    needs: bad
    runs-on: x
    steps: [{run: echo}]
  further:
    needs: dependant
    runs-on: x
    steps: [{run: echo}]
  picks-up:
    needs: [bad, further]
    if: failure()
    runs-on: x
    steps: [{run: "echo ${{ needs.bad.result }} ${{ needs.further.result }}"}]
  gate:
    needs: [bad, dependant, picks-up]
    if: always()
    runs-on: x
    steps: [{run: 'echo "$NEEDS"', env: {NEEDS: "${{ toJSON(needs) }}"}}]
"""


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = ActionsLab(sandbox, tmp_path)
    yield opened
    close_lab(opened.github)


def test_steps_outputs_environment_files_and_artifacts(lab):
    lab.begin(ci=workflow("push", STEPS, 'env: {TOP: "from the top"}'))
    run = lab.finished("ci")
    jobs = lab.jobs(run)
    first = lab.log(jobs["first"])
    assert run["conclusion"] == "success", first
    assert "kept value and from the top and from the top" in first
    assert "tool ran" in first
    assert "outcome failure conclusion success" in first
    assert "never" not in first
    assert "1\n2\ncolour green" in lab.log(jobs["Second job"])
    assert "two\nlines" in lab.log(jobs["Second job"])
    assert [step["conclusion"] for step in jobs["first"]["steps"]] == [*["success"] * 8, "skipped"]
    assert lab.check(jobs["first"])["output"]["summary"] == "## Summary of step\n"


def test_artifacts_are_read_over_rest(lab):
    lab.begin(ci=workflow("push", STEPS))
    run = lab.finished("ci")
    (artifact,) = lab.repo.get_workflow_run(run["id"]).get_artifacts()
    assert (artifact.name, artifact.size_in_bytes, artifact.expired) == ("results", 4, False)
    headers = {"Authorization": f"token {lab.github.token('lead')}"}
    address = artifact.archive_download_url
    content = requests.get(address, headers=headers, verify=str(lab.github.ca_file), timeout=15).content
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["a.txt", "deep/b.txt"]


def test_a_failure_is_told_and_what_needs_it_is_skipped(lab):
    lab.begin(ci=workflow("push", CONDITIONS))
    run = lab.finished("ci")
    jobs = lab.jobs(run)
    assert run["conclusion"] == "failure"
    conclusions = {name: job["conclusion"] for name, job in jobs.items()}
    assert conclusions == {
        "bad": "failure", "silent": "failure", "dependant": "skipped", "further": "skipped", "picks-up": "success",
        "gate": "success",
    }  # fmt: skip
    titles = {name: lab.check(job)["output"]["title"] for name, job in jobs.items()}
    assert titles["bad"] == "a.py:7: os is imported but unused"
    assert titles["silent"] == "echo the last words && exit 4: the last words"
    assert titles["dependant"] == "Skipped: bad failed."
    assert titles["further"] == "Skipped: dependant was skipped."
    told = [(a["annotation_level"], a["path"], a["start_line"], a["title"]) for a in lab.annotations(jobs["bad"])]
    assert told == [
        ("failure", "training/a.py", 7, "Lint: F401"), ("warning", ".github", 1, ""), ("failure", ".github", 1, ""),
    ]  # fmt: skip
    assert [a["message"] for a in lab.annotations(jobs["silent"])] == ["Process completed with exit code 4."]
    assert "failure skipped" in lab.log(jobs["picks-up"])
    assert '"result": "success"' in lab.log(jobs["gate"])


def test_the_check_runs_pass_through_their_states(lab):
    gate = lab.github.folder / "gate"
    jobs = f"""\
  slow:
    runs-on: x
    steps:
      - run: echo began
      - run: while [ ! -e {gate} ]; do sleep 0.1; done
  after:
    needs: slow
    runs-on: x
    steps: [{{run: echo}}]
"""
    lab.begin(ci=workflow("push", jobs))
    run = lab.run("ci")
    steps = until(lambda: lab.jobs(run)["slow"]["steps"], lambda s: len(s) == 2 and s[1]["status"] == "in_progress")
    assert [(step["status"], step["conclusion"]) for step in steps] == [
        ("completed", "success"), ("in_progress", None),
    ]  # fmt: skip
    checks = {check.name: check for check in lab.repo.get_commit(run["head_sha"]).get_check_runs()}
    assert (checks["slow"].status, checks["slow"].conclusion) == ("in_progress", None)
    assert (checks["after"].status, checks["after"].conclusion) == ("queued", None)
    assert lab.run("ci")["status"] == "in_progress"
    gate.touch()
    lab.finished("ci")
    done = {check.name: check for check in lab.repo.get_commit(run["head_sha"]).get_check_runs()}
    assert {check.conclusion for check in done.values()} == {"success"}
    assert done["slow"].details_url.endswith(f"/actions/runs/{run['id']}/job/{lab.jobs(run)['slow']['id']}")


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ("  a:\n    runs-on: x\n    steps: [{uses: azure/login@v2}]\n", "azure/login@v2 is not available"),
        ("  a:\n    runs-on: x\n    strategy: {}\n    steps: [{run: echo}]\n", "strategy is not supported"),
        (
            "  a:\n    runs-on: x\n    environment: production\n    steps: [{run: echo}]\n",
            "environment is not supported",
        ),
        ("  a: 7\n", "wrong shape"),
    ],
)
def test_what_the_runner_does_not_have_fails_loudly(lab, jobs, words):
    lab.begin(ci=workflow("push", jobs))
    run = lab.finished("ci")
    assert run["conclusion"] == "startup_failure"
    (check,) = lab.repo.get_commit(run["head_sha"]).get_check_runs()
    assert check.conclusion == "failure"
    assert check.output.title == ".github/workflows/ci.yml could not start"
    assert words in check.output.summary
    assert not lab.repo.get_workflow_run(run["id"]).rerun()


LIMITS = """\
  job-limit:
    runs-on: x
    timeout-minutes: 0.03
    steps: [{run: sleep 60}]
  step-limit:
    runs-on: x
    steps: [{run: sleep 60, timeout-minutes: 0.02, name: Dawdle}]
  after:
    needs: job-limit
    runs-on: x
    steps: [{run: echo}]
"""


def test_time_limits_end_what_runs(lab):
    lab.begin(ci=workflow("push", LIMITS))
    jobs = lab.jobs(lab.finished("ci", seconds=30))
    assert {name: job["conclusion"] for name, job in jobs.items()} == {
        "job-limit": "cancelled", "step-limit": "failure", "after": "skipped",
    }  # fmt: skip
    limit = "The job has exceeded the maximum execution time of 0.03 minutes."
    assert lab.check(jobs["job-limit"])["output"]["title"] == limit
    title = lab.check(jobs["step-limit"])["output"]["title"]
    assert title == "The action 'Dawdle' has timed out after 0.02 minutes."
    assert lab.check(jobs["after"])["output"]["title"] == "Skipped: job-limit was cancelled."


BACKGROUND = """\
  leaves:
    runs-on: x
    steps:
      - run: |
          sleep 300 &
          echo "left $!"
      - run: kill -0 "$(cat "$RUNNER_TEMP/pid" 2>/dev/null || pgrep -n sleep)" && echo "still there"
"""


def test_what_a_step_leaves_in_the_background_runs_until_the_job_ends(lab):
    import psutil

    lab.begin(ci=workflow("push", BACKGROUND))
    run = lab.finished("ci", seconds=30)
    log = lab.log(lab.jobs(run)["leaves"])
    assert run["conclusion"] == "success", log
    assert not psutil.pid_exists(int(log.partition("left ")[2].split()[0]))


TOKEN = """\
  limited:
    runs-on: x
    permissions: {contents: read, id-token: write}
    steps:
      - name: Print it
        run: |
          echo "token $GITHUB_TOKEN_HERE"
          echo "::error::with $GITHUB_TOKEN_HERE inside"
          echo "## $GITHUB_TOKEN_HERE" >> "$GITHUB_STEP_SUMMARY"
          echo "::add-mask::hush"
          echo "hush now, $ACTIONS_ID_TOKEN_REQUEST_TOKEN"
        env:
          GITHUB_TOKEN_HERE: ${{ github.token }}
      - name: Use it
        shell: python
        run: |
          import base64, json, os, urllib.error, urllib.request
          def call(url, token, body=None):
              data = None if body is None else json.dumps(body).encode()
              request = urllib.request.Request(url, data=data, headers={"Authorization": f"Bearer {token}"})
              try:
                  with urllib.request.urlopen(request, timeout=20) as answer:
                      return answer.status, json.loads(answer.read())
              except urllib.error.HTTPError as error:
                  return error.code, json.loads(error.read())
          api, token = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}", os.environ["T"]
          print("contents", call(f"{api}/contents/README.md", token)[0])
          check = {"name": "x", "head_sha": os.environ["GITHUB_SHA"]}
          print("checks", *call(f"{api}/check-runs", token, check))
          address = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=api://AzureADTokenExchange"
          status, body = call(address, os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
          payload = body["value"].split(".")[1]
          claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
          print("subject", claims["sub"], claims["aud"])
        env:
          T: ${{ github.token }}
  none:
    runs-on: x
    steps: [{run: 'echo "url [$ACTIONS_ID_TOKEN_REQUEST_URL] token [$GITHUB_TOKEN]"'}]
"""


def test_the_token_is_masked_limited_and_its_subject_names_the_event(lab):
    lab.begin(ci=workflow("[push, pull_request]", TOKEN))
    run = lab.finished("ci")
    jobs = lab.jobs(run)
    log = lab.log(jobs["limited"])
    assert run["conclusion"] == "success", log
    assert "token ***" in log
    assert "*** now, ***" in log
    assert "ghs_" not in log
    assert lab.annotations(jobs["limited"])[0]["message"] == "with *** inside"
    assert lab.check(jobs["limited"])["output"]["summary"] == "## ***\n"
    assert "contents 200" in log
    assert "checks 403" in log
    assert "Resource not accessible by integration" in log
    assert "url [] token []" in lab.log(jobs["none"])
    owner, repository = lab.repo.owner.id, lab.repo.id
    subject = f"repo:hospital@{owner}/{lab.github.name}@{repository}"
    assert f"subject {subject}:ref:refs/heads/main api://AzureADTokenExchange" in log

    lab.github.feature("topic", {"new.txt": "x\n"})
    until(lambda: lab.run("ci"), lambda r: r["event"] == "pull_request" and r["status"] == "completed")
    assert f"subject {subject}:pull_request api" in lab.log(lab.jobs(lab.run("ci"))["limited"])


def test_path_filters_branches_and_the_test_merge(lab):
    show = "  a:\n    runs-on: x\n    steps: [{uses: actions/checkout@v4}, {run: 'ls; echo on $GITHUB_REF'}]\n"
    lab.begin(
        training=workflow("{push: {branches: [main], paths: ['training/**']}}", show),
        pulls=workflow("{pull_request: {branches: [main]}}", show),
    )
    lab.push({"console/page.py": "x = 1\n"})
    lab.push({"training/params.toml": "x = 1\n"})
    lab.finished("training")
    _, pull = lab.github.feature("topic", {"training/more.toml": "y = 1\n"})
    run = lab.finished("pulls")
    assert len(lab.runs("training")) == 1
    assert (run["head_sha"], run["pull_requests"][0]["number"]) == (pull.head.sha, pull.number)
    log = lab.log(lab.jobs(run)["a"])
    assert f"on refs/pull/{pull.number}/merge" in log
    assert "training" in log


def test_a_stranger_to_the_rights_may_read_but_not_steer(lab):
    lab.begin(ci=workflow("push", "  a:\n    runs-on: x\n    steps: [{run: echo}]\n"))
    run = lab.finished("ci")
    viewer = lab.github.repo("viewer").get_workflow_run(run["id"])
    assert viewer.conclusion == "success"
    path = f"/repos/{lab.github.full_name}/actions/runs/{run['id']}"
    requester = lab.github.api("viewer").requester
    for verb in ("cancel", "rerun", "rerun-failed-jobs"):
        assert refusal(requester.requestJsonAndCheck, "POST", f"{path}/{verb}").status == 403
    assert refusal(lab.repo.get_workflow_run, 999_999_999).status == 404
