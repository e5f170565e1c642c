"""A repository of a test's own, its people with PyGithub clients, and the real git client."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from github import Auth, Github
from github.GithubException import GithubException

from sandbox.identity.tokens import issue_github_token
from sandbox.world import Settings, World, open_world

RULESET = {
    "name": "main: reviewed and green",
    "target": "branch",
    "enforcement": "active",
    "bypass_actors": [],
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {
            "type": "pull_request",
            "parameters": {
                "required_approving_review_count": 1,
                "dismiss_stale_reviews_on_push": True,
                "require_code_owner_review": True,
                "require_last_push_approval": True,
                "required_review_thread_resolution": True,
                "allowed_merge_methods": ["squash"],
            },
        },
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": True,
                "do_not_enforce_on_create": False,
                "required_status_checks": [{"context": "quality-gate", "integration_id": 15368}],
            },
        },
    ],
}
FILES = {
    "README.md": "A repository\n",
    ".github/CODEOWNERS": "* @lead @deputy\n",
    "training/params.toml": "reg_rate = 0.01\n",
    "training/train.py": "".join(f"line_{number} = {number}\n" for number in range(40)),
}
_names = itertools.count(1)


@dataclass
class Lab:
    """One repository. `git(login, ...)` runs git with that person's token; `api(login)` is their PyGithub client."""

    world: World
    ca_file: Path
    folder: Path
    name: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Github] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"hospital/{self.name}"

    def token(self, login: str) -> str:
        if login not in self._tokens:
            self._tokens[login] = issue_github_token(self.world, login=login)
        return self._tokens[login]

    def workflow_token(self, **permissions: str) -> str:
        return issue_github_token(self.world, repository=self.full_name, permissions=permissions)

    def client(self, token: str) -> Github:
        if token not in self._clients:
            self._clients[token] = Github(
                auth=Auth.Token(token),
                base_url=f"{self.world.settings.url}/api/v3",
                verify=str(self.ca_file),
                per_page=100,
                seconds_between_requests=0,
                seconds_between_writes=0,
                retry=None,
                timeout=15,
            )
        return self._clients[token]

    def api(self, login: str):
        return self.client(self.token(login))

    def repo(self, login: str):
        return self.api(login).get_repo(self.full_name)

    def actions(self):
        return self.client(self.workflow_token(checks="write", contents="read", pull_requests="read")).get_repo(
            self.full_name
        )

    def remote(self, token: str) -> str:
        host = self.world.settings.url.removeprefix("https://")
        return f"https://x-access-token:{token}@{host}/{self.full_name}.git"

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env |= {
            "GIT_SSL_CAINFO": str(self.ca_file),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Sam Scientist",
            "GIT_AUTHOR_EMAIL": "scientist@hospital.example",
            "GIT_COMMITTER_NAME": "Sam Scientist",
            "GIT_COMMITTER_EMAIL": "scientist@hospital.example",
        }
        return subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)

    def git(self, folder: Path, *arguments: str) -> str:
        done = self.run(folder, *arguments)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def start(self, files: dict[str, str] | None = None) -> Path:
        """Create the repository, push main as the lead, and return the clone."""
        self.api("lead").get_organization("hospital").create_repo(self.name, private=True)
        clone = self.folder / f"{self.name}-lead"
        clone.mkdir()
        self.git(clone, "init", "--quiet", "--initial-branch=main")
        self.git(clone, "remote", "add", "origin", self.remote(self.token("lead")))
        self.commit(clone, files or FILES, "Begin")
        self.git(clone, "push", "--quiet", "origin", "main")
        return clone

    def commit(self, clone: Path, files: dict[str, str], message: str) -> str:
        for name, text in files.items():
            path = clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git(clone, "add", "--all")
        self.git(clone, "commit", "--quiet", "--message", message)
        return self.git(clone, "rev-parse", "HEAD")

    def clone(self, login: str) -> Path:
        target = self.folder / f"{self.name}-{login}-{next(_names)}"
        self.git(self.folder, "clone", "--quiet", self.remote(self.token(login)), str(target))
        return target

    def protect(self, ruleset: dict | None = None) -> dict:
        _, answer = self.repo("lead").requester.requestJsonAndCheck(
            "POST", f"/repos/{self.full_name}/rulesets", input=ruleset or RULESET
        )
        return answer

    def feature(self, branch: str, files: dict[str, str] | None = None, message: str = "", login: str = "scientist"):
        """Push a branch as `login` and open its pull request; the clone and the pull request."""
        clone = self.clone(login)
        self.git(clone, "switch", "--quiet", "--create", branch)
        self.commit(clone, files or {"training/params.toml": f"# {branch}\n"}, message or f"Work on {branch}")
        self.git(clone, "push", "--quiet", "origin", branch)
        pull = self.repo(login).create_pull(base="main", head=branch, title=f"Pull {branch}", body="Because")
        return clone, pull

    def check(self, sha: str, conclusion: str = "success", name: str = "quality-gate"):
        return self.actions().create_check_run(name, sha, status="completed", conclusion=conclusion)

    def approve(self, login: str, number: int, sha: str | None = None):
        repo = self.repo(login)
        pull = repo.get_pull(number)
        return pull.create_review(commit=repo.get_commit(sha or pull.head.sha), body="LGTM", event="APPROVE")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def open_lab(sandbox, folder: Path) -> Lab:
    """A lab beside the running sandbox; its repository has a name that no other test uses."""
    settings = Settings(
        home=sandbox.home, port=sandbox.port, browser_port=sandbox.browser_port, runtime_python=None, runner_python=None
    )
    return Lab(open_world(settings), sandbox.ca_file, folder, f"wire-{os.getpid()}-{next(_names)}")


def close_lab(lab: Lab) -> None:
    lab.close()
    lab.world.documents.close()
    lab.world.events.close()


def refusal(call, *arguments, **keywords) -> GithubException:
    """The exception that the call must raise."""
    try:
        call(*arguments, **keywords)
    except GithubException as error:
        return error
    raise AssertionError("GitHub accepted what it should refuse")
