"""Actions as people steer them: cancel, run again, concurrency groups, how many at a time, dispatch."""

from __future__ import annotations

import time

import pytest
from actions_lab import ActionsLab, until, workflow
from github_lab import close_lab, refusal

pytestmark = pytest.mark.recovery


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = ActionsLab(sandbox, tmp_path)
    yield opened
    close_lab(opened.github)


SLEEPER = """\
  sleeper:
    runs-on: x
    steps: [{run: echo began && sleep 120}]
  waits:
    needs: sleeper
    runs-on: x
    steps: [{run: echo}]
"""


def test_cancel_and_run_again(lab):
    lab.begin(ci=workflow("push", SLEEPER))
    run = lab.run("ci")
    until(lambda: lab.jobs(run)["sleeper"]["status"], lambda status: status == "in_progress")
    known = lab.repo.get_workflow_run(run["id"])
    assert not known.rerun()
    assert known.cancel()
    run = lab.finished("ci", seconds=20)
    jobs = lab.jobs(run)
    assert run["conclusion"] == "cancelled"
    assert lab.check(jobs["sleeper"])["output"]["title"] == "The run was canceled by @lead."
    assert {job["conclusion"] for job in jobs.values()} == {"cancelled"}
    assert not known.cancel()

    assert known.rerun()
    until(lambda: lab.run("ci"), lambda r: r["run_attempt"] == 2 and r["status"] == "in_progress")
    assert lab.repo.get_workflow_run(run["id"]).cancel()
    lab.finished("ci", attempt=2, seconds=20)


CLEANING = """\
  work:
    runs-on: x
    steps:
      - run: |
          trap 'echo was asked to end; exit 0' INT
          echo began; while true; do sleep 0.1; done
      - run: echo ordinary
      - if: failure()
        run: echo on failure
      - if: always()
        run: sleep 0.5; echo cleaned up as ${{ job.status }}
      - if: cancelled()
        run: echo told
  waits:
    needs: work
    runs-on: x
    steps: [{run: echo}]
  gate:
    needs: work
    if: always()
    runs-on: x
    steps: [{run: 'echo work was ${{ needs.work.result }}'}, {run: exit 1}]
  only-after-success:
    needs: work
    if: always() && needs.work.result == 'success'
    runs-on: x
    steps: [{run: echo}]
"""


def begun(lab, name="work"):
    run = lab.run("ci")
    job = until(lambda: lab.jobs(run)[name], lambda job: job["status"] == "in_progress")
    until(lambda: lab.log(job), lambda log: "began" in log)
    return run


def test_a_cancelled_run_still_cleans_up(lab):
    lab.begin(ci=workflow("push", CLEANING))
    run = begun(lab)
    assert lab.repo.get_workflow_run(run["id"]).cancel()
    run = lab.finished("ci", seconds=30)
    jobs = lab.jobs(run)
    assert run["conclusion"] == "cancelled"
    assert {name: job["conclusion"] for name, job in jobs.items()} == {
        "work": "cancelled", "waits": "cancelled", "gate": "failure", "only-after-success": "cancelled",
    }  # fmt: skip
    assert [step["conclusion"] for step in jobs["work"]["steps"]] == [
        "cancelled", "skipped", "skipped", "success", "success",
    ]  # fmt: skip
    log = lab.log(jobs["work"])
    for words in ("was asked to end", "The operation was canceled.", "cleaned up as cancelled", "told"):
        assert words in log
    assert "ordinary" not in log
    assert "work was cancelled" in lab.log(jobs["gate"])
    assert lab.check(jobs["work"])["output"]["title"] == "The run was canceled by @lead."


STUBBORN = """\
  work:
    runs-on: x
    steps:
      - if: always()
        run: echo began; for n in $(seq 240); do echo "tick $n"; sleep 0.5; done
      - if: always()
        run: echo never
  spared:
    if: always()
    runs-on: x
    steps: [{run: sleep 120}]
"""


def test_what_runs_on_after_a_cancel_is_ended_by_force(lab):
    lab.begin(ci=workflow("push", STUBBORN))
    run = begun(lab)
    until(lambda: lab.jobs(run)["spared"]["status"], lambda status: status == "in_progress")
    known = lab.repo.get_workflow_run(run["id"])
    assert known.cancel()
    assert known.cancel()
    # Four seconds on: a step that is ended has three.
    ticks = lab.log(lab.jobs(run)["work"]).count("tick")
    until(lambda: lab.log(lab.jobs(run)["work"]).count("tick"), lambda count: count > ticks + 8)
    assert {job["status"] for job in lab.jobs(run).values()} == {"in_progress"}
    path = f"/repos/{lab.github.full_name}/actions/runs/{run['id']}/force-cancel"
    lab.github.api("lead").requester.requestJsonAndCheck("POST", path)
    run = lab.finished("ci", seconds=20)
    assert run["conclusion"] == "cancelled"
    assert {job["conclusion"] for job in lab.jobs(run).values()} == {"cancelled"}
    assert [step["conclusion"] for step in lab.jobs(run)["work"]["steps"]] == ["cancelled", "skipped"]
    error = refusal(lab.github.api("lead").requester.requestJsonAndCheck, "POST", path)
    assert error.status == 409


def test_what_runs_on_after_a_cancel_has_a_grace(make_sandbox, tmp_path):
    lab = ActionsLab(make_sandbox("--cancel-grace-seconds", "1"), tmp_path)
    lab.begin(ci=workflow("push", STUBBORN.partition("  spared")[0]))
    run = begun(lab)
    asked = time.monotonic()
    assert lab.repo.get_workflow_run(run["id"]).cancel()
    run = lab.finished("ci", seconds=30)
    assert time.monotonic() - asked >= 1
    assert run["conclusion"] == "cancelled"
    assert [step["conclusion"] for step in lab.jobs(run)["work"]["steps"]] == ["cancelled", "skipped"]
    close_lab(lab.github)


LIMITED = """\
  work:
    runs-on: x
    timeout-minutes: 0.02
    steps:
      - run: sleep 120
      - if: always()
        run: echo cleaned up as ${{ job.status }}
"""


def test_a_job_over_its_time_limit_cleans_up_as_well(lab):
    lab.begin(ci=workflow("push", LIMITED))
    run = lab.finished("ci", seconds=30)
    job = lab.jobs(run)["work"]
    assert (run["conclusion"], job["conclusion"]) == ("cancelled", "cancelled")
    assert "cleaned up as cancelled" in lab.log(job)


FLAKY = """\
  fine:
    runs-on: x
    steps:
      - run: echo data > data.txt
      - uses: actions/upload-artifact@v4
        with: {name: fine, path: data.txt}
  flaky:
    runs-on: x
    steps:
      - run: echo "$GITHUB_RUN_ATTEMPT" > attempt.txt
      - uses: actions/upload-artifact@v4
        with: {name: flaky, path: "attempt.*"}
      - run: test "$GITHUB_RUN_ATTEMPT" = 2
  gate:
    needs: [fine, flaky]
    if: always()
    runs-on: x
    steps:
      - uses: actions/download-artifact@v4
        with: {name: fine}
      - run: cat data.txt && test "${{ needs.fine.result }}${{ needs.flaky.result }}" = successsuccess
"""


def test_running_the_failed_jobs_again_keeps_the_others(lab):
    lab.begin(ci=workflow("push", FLAKY))
    before = lab.jobs(lab.finished("ci"))
    assert {name: job["conclusion"] for name, job in before.items()} == {
        "fine": "success", "flaky": "failure", "gate": "failure",
    }  # fmt: skip
    run = lab.repo.get_workflow_run(lab.run("ci")["id"])
    assert run.rerun_failed_jobs()
    again = lab.finished("ci", attempt=2)
    after = lab.jobs(again)
    assert again["conclusion"] == "success"
    assert after["fine"]["id"] == before["fine"]["id"]
    assert after["gate"]["id"] != before["gate"]["id"]
    assert {artifact.name for artifact in run.get_artifacts()} == {"fine", "flaky"}
    latest = {check.name: check.conclusion for check in lab.repo.get_commit(again["head_sha"]).get_check_runs()}
    assert latest == {"fine": "success", "flaky": "success", "gate": "success"}


def test_a_newer_run_of_the_group_cancels_the_one_under_way(lab):
    head = "concurrency: {group: 'g-${{ github.ref }}', cancel-in-progress: true}"
    lab.begin(ci=workflow("push", SLEEPER, head))
    first = lab.run("ci")
    until(lambda: lab.jobs(first)["sleeper"]["status"], lambda status: status == "in_progress")
    quick = "  quick:\n    runs-on: x\n    steps: [{run: echo}]\n"
    lab.push({".github/workflows/ci.yml": workflow("push", quick, head)})
    until(lambda: [r["conclusion"] for r in lab.runs("ci")], lambda c: c == ["success", "cancelled"])
    title = lab.check(lab.jobs(first)["sleeper"])["output"]["title"]
    assert title == "Canceling since a higher priority waiting request for 'g-refs/heads/main' exists"


def test_without_cancelling_one_waits_and_the_newest_takes_its_place(lab):
    gate = lab.github.folder / "gate"
    jobs = f"  a:\n    runs-on: x\n    steps: [{{run: 'while [ ! -e {gate} ]; do sleep 0.1; done'}}]\n"
    lab.begin(ci=workflow("push", jobs, "concurrency: retrain"))
    until(lambda: lab.run("ci")["status"], lambda status: status == "in_progress")
    lab.push({"README.md": "second\n"})
    until(lambda: len(lab.runs("ci")), lambda count: count == 2)
    lab.push({"README.md": "third\n"})
    until(lambda: [r["status"] for r in lab.runs("ci")], lambda s: s == ["queued", "completed", "in_progress"])
    gate.touch()
    until(lambda: [r["conclusion"] for r in lab.runs("ci")], lambda c: c == ["success", "cancelled", "success"])


def test_at_most_two_jobs_run_at_a_time(lab):
    body = 'S="$(date +%s.%N)"; sleep 0.6; echo "ran $S $(date +%s.%N)"'
    jobs = "".join(f"  job{n}:\n    runs-on: x\n    steps:\n      - run: |\n          {body}\n" for n in range(5))
    lab.begin(ci=workflow("push", jobs))
    run = lab.finished("ci")
    spans = []
    for job in lab.jobs(run).values():
        line = next(line for line in lab.log(job).splitlines() if line.startswith("ran "))
        spans.append(tuple(float(part) for part in line.split()[1:]))
    for start, _ in spans:
        assert sum(begin <= start < end for begin, end in spans) <= 2


DISPATCH = """\
  a:
    runs-on: x
    steps: [{run: "echo got ${{ inputs.word }} ${{ inputs.other }} as ${{ github.actor }}"}]
"""


def test_dispatch(lab):
    on = "{workflow_dispatch: {inputs: {word: {required: true}, other: {default: usual}}}}"
    lab.begin(manual=workflow(on, DISPATCH), ci=workflow("push", "  a:\n    runs-on: x\n    steps: [{run: echo}]\n"))
    manual = lab.repo.get_workflow("manual.yml")
    assert manual.create_dispatch("main", {"word": "hello"})
    run = lab.finished("manual")
    assert (run["event"], run["workflow_id"]) == ("workflow_dispatch", manual.id)
    assert "got hello usual as lead" in lab.log(lab.jobs(run)["a"])
    assert [found.id for found in manual.get_runs()] == [run["id"]]
    for workflow_name, inputs, words in (
        ("manual.yml", {}, "Required input 'word' not provided"),
        ("manual.yml", {"word": "x", "more": "y"}, 'Unexpected inputs provided: ["more"]'),
        ("ci.yml", {}, "Workflow does not have 'workflow_dispatch' trigger"),
    ):
        path = f"/repos/{lab.github.full_name}/actions/workflows/{workflow_name}/dispatches"
        body = {"ref": "main", "inputs": inputs}
        error = refusal(lab.github.api("lead").requester.requestJsonAndCheck, "POST", path, input=body)
        assert (error.status, error.data["message"]) == (422, words)
    assert (
        refusal(lab.github.repo("viewer").get_workflow("manual.yml").create_dispatch, "main", throw=True).status == 403
    )
