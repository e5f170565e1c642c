"""The first world: declared, trained, approved and promoted by the product's own commands, as any later version is.

Every step looks first and does only what is missing, so that an interrupted start is continued by the next one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.accounts import ORGANISATION
from sandbox.demo.branches import BRANCHES, Branch, small_rollout
from sandbox.demo.environments import python_of
from sandbox.demo.session import CommandFailed, Person
from sandbox.demo.settings_file import Ports, service_environment

REPOSITORY = f"{ORGANISATION}/diabetes"
DATA = {"data/dev.csv": (10_000, 11), "data/prod.csv": (12_000, 12), "sandbox/visits.csv": (12_000, 13)}
"""Cohorts by where they lie in the home; practitioners ask about the last one, which no model is trained on."""
TRAINING_SECONDS = 1800
PROMOTION_SECONDS = 1800
"""Each takes a minute on two quiet cores, and ten where they are busy with other things."""
FIRST_APPROVAL = "First version of the reference model; its weak groups and unit mistakes are known and written down."


class WorldFailed(Exception):
    """The world could not be made; the text says which step, why, and that starting again continues."""


class FirstWorld:
    """Makes the world of one home. `say(text, started)` prints a line; `alive()` raises if a process has died.

    `python` runs the commands, the console's own unless another one is given.
    """

    def __init__(
        self,
        checkout: Path,
        home: Path,
        ports: Ports,
        say: Callable[[str, float | None], None],
        alive: Callable[[], None],
        python: Path | None = None,
    ) -> None:
        self.checkout, self.home, self.ports, self.say, self.alive = checkout, home, ports, say, alive
        self.told: dict[str, dict[str, str]] = json.loads((home / "sandbox" / "secrets.json").read_text())
        python = python or python_of(checkout, "console")
        env = service_environment(home, self.told, "mlops-console")
        self.setup_env = service_environment(home, self.told, "mlops-setup")
        self.lead = Person("lead", python, checkout, home, ports, env, alive)
        self.scientist = Person("scientist", python, checkout, home, ports, env, alive)

    def make(self, branches: Iterable[Branch] = BRANCHES) -> None:
        for text, step in (
            ("Signed in as lead by device flow", self._sign_in),
            ("Cohorts of simulated patients", self._make_data),
            ("Workspaces, compute, data, endpoints and repository as declared", self._apply_setup),
            ("Repository pushed", self._push_repository),
            ("Ruleset on main", self._apply_setup),
            ("First model version trained on production data, registered and tested", self._first_version),
            ("First model version approved and promoted", self._promote_first),
        ):
            self._step(text, step)
        for branch in branches:
            self._step(f"Pull request: {branch.title}", partial(self.open_pull_request, branch))

    def _step(self, text: str, step: Callable[[], Any]) -> None:
        started = time.monotonic()
        try:
            step()
        except (OSError, ValueError, RuntimeError, subprocess.SubprocessError, LookupError, CommandFailed) as error:
            raise WorldFailed(f"{text}: {error}. Start again to continue; logs are in {self.home / 'logs'}.") from error
        self.say(text, started)

    def _sign_in(self) -> None:
        self.lead.sign_in()

    def _make_data(self) -> None:
        for name, (rows, seed) in DATA.items():
            target = self.home / name
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                partial = target.with_suffix(".part")
                subprocess.run(
                    [str(python_of(self.checkout, "runtime")), "-m", "training.cohort",
                     "--rows", str(rows), "--seed", str(seed), "--out", str(partial)],
                    cwd=self.checkout, check=True, capture_output=True, timeout=120,
                )  # fmt: skip
                partial.rename(target)

    def _apply_setup(self) -> None:
        data = self.home / "data"
        self.lead.mlops(
            "setup", "apply", "--dev-data", str(data / "dev.csv"), "--prod-data", str(data / "prod.csv"), "--yes",
            env=self.setup_env, timeout=900,
        )  # fmt: skip

    def _push_repository(self) -> None:
        if self.main_sha():
            return
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            tree = Path(folder) / "diabetes"
            self._copy_tracked_tree(tree)
            small_rollout(tree)
            self.git(tree, "init", "-q", "-b", "main")
            self.commit(tree, "Import the classifier and its console")
            self.git(tree, "push", "-q", self.remote(self.lead), "main")

    def _copy_tracked_tree(self, target: Path) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=self.checkout, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        for name in filter(None, listed.split("\0")):
            source = self.checkout / name
            if source.is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)

    def _first_version(self) -> None:
        self.wait_for_version("1", TRAINING_SECONDS)

    def wait_for_version(self, version: str, seconds: float) -> dict[str, Any]:
        """Until the version is registered and has passed its tests; a run that was lost is started again."""
        end = time.monotonic() + seconds
        reran = False
        while time.monotonic() < end:
            self.alive()
            # GitHub answers at once, while a command takes seconds of a core from the training that it asks about.
            if self._training_goes_on():
                time.sleep(1)
                continue
            found = [v for v in self.lead.read("models", "list") if v["version"] == version]
            state = found[0]["state"] if found else "not registered"
            if state not in ("not registered", "registered", "testing"):
                if state == "test failed":
                    raise WorldFailed(f"Model version {version} failed its test: {found[0].get('reason', '')}")
                return dict(found[0])
            if not found and not reran:
                reran = self._rerun_failed_training()
            elif not found and (failure := self._training_failed()):
                raise WorldFailed(f"The training of version {version} failed twice. {failure}")
            time.sleep(2)
        raise WorldFailed(f"Model version {version} was {state} after {seconds:.0f} s. Start again to continue.")

    def _training_runs(self) -> list[dict[str, Any]]:
        answer = self.lead.github(f"/repos/{REPOSITORY}/actions/runs?branch=main&event=push")
        runs: list[dict[str, Any]] = answer["workflow_runs"]
        return runs

    def _training_goes_on(self) -> bool:
        return any(run["status"] != "completed" for run in self._training_runs())

    def _rerun_failed_training(self) -> bool:
        runs = self._training_runs()
        finished = [r for r in runs if r["status"] == "completed" and r["conclusion"] != "success"]
        if runs and len(finished) == len(runs) and runs[0]["run_attempt"] < 3:
            self.lead.github(f"/repos/{REPOSITORY}/actions/runs/{runs[0]['id']}/rerun-failed-jobs", "POST", {})
            return True
        return False

    def _training_failed(self) -> str:
        """Where to read why, once the repeated workflow run has failed too; "" while one may still register."""
        runs = self.lead.github(f"/repos/{REPOSITORY}/actions/runs?branch=main&event=push")["workflow_runs"]
        ended = [r for r in runs if r["status"] == "completed" and r["conclusion"] != "success"]
        if not runs or len(ended) < len(runs):
            return ""
        log = self.home / "sandbox" / "actions" / "logs"
        return f"Read why at {ended[0]['html_url']} or in {log}; mend it and start again."

    def _promote_first(self) -> None:
        if self.lead.read("endpoint", "show")["traffic"]:
            return
        version = self.lead.read("models", "show", "1")
        if version["state"] != "approved":
            told = self.lead.acknowledging("1")
            self.lead.mlops("approve", "1", *told, "--reason", FIRST_APPROVAL)
        self.lead.mlops(
            "promote", "1", "--reason", "Bring the reference model into service.", "--wait", timeout=PROMOTION_SECONDS
        )

    def open_pull_request(self, branch: Branch) -> int:
        """Push the branch and open its pull request as the scientist; its number, also if it is already there."""
        pulls = self.scientist.github(
            f"/repos/{REPOSITORY}/pulls?state=all&head={ORGANISATION}:{branch.name}&per_page=100"
        )
        for pull in pulls:
            if pull["head"]["ref"] == branch.name:
                return int(pull["number"])
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            tree = Path(folder) / "diabetes"
            self.git(Path(folder), "clone", "-q", self.remote(self.scientist), str(tree))
            self.git(tree, "checkout", "-q", "-b", branch.name)
            branch.change(tree)
            self.commit(tree, branch.title)
            self.git(tree, "push", "-q", "--force", "origin", branch.name)
        body = {"title": branch.title, "body": branch.body, "head": branch.name, "base": "main"}
        return int(self.scientist.github(f"/repos/{REPOSITORY}/pulls", "POST", body)["number"])

    def main_sha(self) -> str:
        line = self.git(self.home, "ls-remote", self.remote(self.lead), "refs/heads/main")
        return line.split()[0] if line.strip() else ""

    def remote(self, person: Person) -> str:
        return f"https://x-access-token:{person.token}@localhost:{self.ports.sandbox}/{REPOSITORY}.git"

    def git(self, folder: Path, *arguments: str) -> str:
        """Run git; RuntimeError with git's own words (the token taken out) if it fails."""
        done = subprocess.run(
            ["git", "-c", "commit.gpgsign=false", *arguments], cwd=folder, capture_output=True, text=True, timeout=120,
            check=False, env={
                "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home),
                "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
                "GIT_SSL_CAINFO": str(self.home / "sandbox" / "tls" / "ca.pem"),
            },
        )  # fmt: skip
        if done.returncode != 0:
            raise GitRefused(_without_tokens(done.stderr))
        return done.stdout

    def commit(self, tree: Path, message: str) -> None:
        self.git(tree, "add", "--all")
        name, email = self.scientist.account, f"{self.scientist.account}@hospital.example"
        self.git(tree, "-c", f"user.name={name}", "-c", f"user.email={email}", "commit", "-q", "-m", message)


class GitRefused(RuntimeError):
    """git ended with an error; the text is git's own."""


def _without_tokens(text: str) -> str:
    return re.sub(r"x-access-token:[^@]+@", "", text).strip()
