"""One sandbox: where it lives, what it remembers, and who its accounts are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.state.documents import Documents
from sandbox.state.events import Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`home` holds all state; `runtime_python` runs jobs and scoring servers, `runner_python` workflow steps.

    `poll_after_ms` is sent as `x-ms-retry-after-ms` on long-running operations (0: not sent, as Azure);
    `ingestion_seconds` is how long a log line takes to become queryable; `max_workflow_jobs` run at a time,
    and what runs on after a cancel has `cancel_grace_seconds`.

    `entra_token_seconds` is how long access and id tokens last, `github_user_token_seconds` a person's GitHub token
    (0: no expiry, as an app may choose), `github_installation_token_seconds` the installed app's. `github_plan` is what
    the organisation pays for: reviewers of environments need `enterprise`.
    """

    home: Path
    port: int = 9443
    browser_port: int = 9480
    runtime_python: Path
    runner_python: Path
    poll_after_ms: int = 300
    ingestion_seconds: float = 2.0
    max_workflow_jobs: int = 2
    entra_token_seconds: int = 3_599
    github_user_token_seconds: int = 28_800
    github_installation_token_seconds: int = 3_600
    cancel_grace_seconds: float = 300.0
    github_plan: str = "enterprise"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def browser_url(self) -> str:
        return f"http://127.0.0.1:{self.browser_port}"

    @property
    def ca_file(self) -> Path:
        return self.home / "tls" / "ca.pem"


@dataclass(frozen=True, slots=True)
class World:
    """What every service is given. `folder(name)` is a private directory below the home."""

    settings: Settings
    documents: Documents
    events: Events
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def folder(self, *names: str) -> Path:
        path = self.settings.home.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path


def open_world(settings: Settings) -> World:
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return World(settings=settings, documents=Documents(settings.home / "sandbox.db"), events=Events())
