"""Workflow jobs and the end of the service: nothing runs on unseen, nothing is reported that did not happen."""

from __future__ import annotations

import psutil
import pytest
from actions_lab import ActionsLab, until, workflow
from github_lab import close_lab

pytestmark = pytest.mark.recovery

JOBS = """\
  long:
    runs-on: x
    steps:
      - run: |
          sleep 300 &
          echo "pids $$ $!" > {told}
          test -e {gate} || sleep 300
  next:
    needs: long
    runs-on: x
    steps: [{{run: echo}}]
  gate:
    needs: [long, next]
    if: always()
    runs-on: x
    steps: [{{run: 'test "${{{{ needs.next.result }}}}" = success'}}]
"""


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_job_cut_off_is_lost_and_says_so_and_can_run_again(make_sandbox, tmp_path, end):
    sandbox = make_sandbox("--services", "identity,github,actions")
    lab = ActionsLab(sandbox, tmp_path)
    told, gate = tmp_path / "told", tmp_path / "gate"
    lab.begin(ci=workflow("push", JOBS.format(told=told, gate=gate)))
    run = lab.run("ci")
    until(told.exists, bool)
    pids = [int(pid) for pid in until(told.read_text, lambda text: text.count(" ") == 2).split()[1:]]
    started = [psutil.Process(pid) for pid in pids]

    getattr(sandbox, end)()
    if end == "stop":
        assert [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    sandbox.restart()

    run = lab.finished("ci")
    assert [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    jobs = lab.jobs(run)
    assert {name: job["conclusion"] for name, job in jobs.items()} == {
        "long": "failure", "next": "skipped", "gate": "failure",
    }  # fmt: skip
    lost = "The runner has lost communication with the service: it was stopped while this job ran."
    assert lab.check(jobs["long"])["output"]["title"] == lost
    assert not list((sandbox.home / "actions" / "work").iterdir())

    gate.touch()
    assert lab.repo.get_workflow_run(run["id"]).rerun_failed_jobs()
    again = lab.finished("ci", attempt=2)
    assert again["conclusion"] == "success"
    latest = {check.name: check.conclusion for check in lab.repo.get_commit(again["head_sha"]).get_check_runs()}
    assert set(latest.values()) == {"success"}
    close_lab(lab.github)
