"""Workflow files of a test's own in a repository of its own, and waiting for what they do."""

from __future__ import annotations

import time

from github_lab import Lab, open_lab

WAIT_SECONDS = 90


def workflow(on: str, jobs: str, head: str = "") -> str:
    """A workflow file; `jobs` is the indented YAML below `jobs:`."""
    return f"name: test\non: {on}\npermissions: {{}}\n{head}\njobs:\n{jobs}"


def until(read, wanted, seconds=WAIT_SECONDS):
    """The first answer of `read` that `wanted` takes; the last one is shown if none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = read()
        if wanted(answer):
            return answer
        time.sleep(0.15)
    raise AssertionError(f"waited {seconds} s, last: {answer}")


class ActionsLab:
    """`push` puts workflow files on main; `finished` waits for the newest run of a file."""

    def __init__(self, sandbox, folder) -> None:
        self.github: Lab = open_lab(sandbox, folder)

    def begin(self, **files: str) -> None:
        named = {f".github/workflows/{name}.yml": text for name, text in files.items()}
        self.folder = self.github.start({"README.md": "x\n", **named})

    def push(self, files: dict[str, str], message: str = "Change") -> str:
        sha = self.github.commit(self.folder, files, message)
        self.github.git(self.folder, "push", "--quiet", "origin", "HEAD")
        return sha

    @property
    def repo(self):
        return self.github.repo("lead")

    def get(self, path: str, login: str = "lead"):
        """GET below the repository, as JSON."""
        return self.github.api(login).requester.requestJsonAndCheck("GET", f"/repos/{self.github.full_name}{path}")[1]

    def runs(self, name: str) -> list[dict]:
        runs = self.get("/actions/runs?per_page=100")["workflow_runs"]
        return [run for run in runs if run["path"] == f".github/workflows/{name}.yml"]

    def run(self, name: str) -> dict:
        """The newest run of a workflow file, as soon as there is one."""
        return until(lambda: self.runs(name), bool)[0]

    def finished(self, name: str, attempt: int = 1, seconds: float = WAIT_SECONDS) -> dict:
        return until(
            lambda: self.run(name), lambda r: r["status"] == "completed" and r["run_attempt"] == attempt, seconds
        )

    def jobs(self, run: dict) -> dict[str, dict]:
        return {job["name"]: job for job in self.get(f"/actions/runs/{run['id']}/jobs")["jobs"]}

    def log(self, job: dict) -> str:
        path = f"/repos/{self.github.full_name}/actions/jobs/{job['id']}/logs"
        status, _, text = self.github.api("lead").requester.requestBlob("GET", path)
        assert status == 200, text
        return text

    def check(self, job: dict) -> dict:
        return self.get(f"/check-runs/{job['check_run_url'].rpartition('/')[2]}")

    def annotations(self, job: dict) -> list[dict]:
        return self.get(f"/check-runs/{job['check_run_url'].rpartition('/')[2]}/annotations")
