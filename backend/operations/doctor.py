"""Is this installation able to work: its settings, its clock, what it reaches, what it may do, and what it may use."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import timedelta

from backend.domain.checkup import Checked, Checkup, Outcome
from backend.domain.clock import Clock
from backend.gateways.azureml.limits import Limits
from backend.gateways.credentials import tls_context
from backend.gateways.github.rulesets import Rulesets
from backend.gateways.reach import answered
from backend.operations.checking import Answer, ask, clock_agrees, judged
from backend.policy.quota import enough
from backend.settings import Settings, settings_file
from backend.store import Store

WORKER_SILENT = timedelta(seconds=60)
IN_TROUBLE = {500, 502, 503, 504}
"""Any other answer shows that the way there is open: these addresses serve nothing at their root."""
ENDPOINT_WRITE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"
GROUP_READ = "Microsoft.Resources/subscriptions/resourceGroups/read"
WORKSPACE_READ = "Microsoft.MachineLearningServices/workspaces/read"


class Doctor:
    """All of it is read; nothing is changed anywhere."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        limits: Limits,
        rulesets: Rulesets,
        scopes: tuple[str, str, str],
        clock: Clock,
    ) -> None:
        """`scopes` are the ids of the resource group, of the dev and of the production workspace."""
        self._settings = settings
        self._store = store
        self._limits = limits
        self._rulesets = rulesets
        self._group, self._dev, self._prod = scopes
        self._clock = clock

    def examine(self) -> Checkup:
        """Every question, in the order in which an answer matters."""
        return Checkup(checked=(*self._local(), *self._reached(), *self._rights(), *self._quota()))

    def _local(self) -> tuple[Checked, ...]:
        settings, file = self._settings, str(settings_file())
        keys = {
            "token_key": settings.token_key,
            "signin.cookie_secret": settings.signin.cookie_secret,
            "signin.client_secret": settings.signin.client_secret,
        }
        missing = [name for name, value in keys.items() if not value.get_secret_value()]

        def worker() -> Answer:
            latest = self._store.heartbeats.latest()
            if latest is None:
                return Outcome.WRONG, "No worker has ever run.", "Start `mlops worker`."
            silent = self._clock() - latest
            said = f"A worker gave a sign of life {silent.total_seconds():.0f} s ago."
            return judged(silent < WORKER_SILENT, said, "Start `mlops worker`.")

        def ledger() -> Answer:
            report = self._store.audit.verify()
            said = f"{report.entries} entries, the chain is whole." if report.whole else str(report.problem)
            return judged(report.whole, said, "Let nobody promote, and look at `mlops audit verify`.")

        return (
            ask("settings", "Are all keys set?", file, lambda: _keys(missing)),
            ask("settings", "Is the settings file closed to others?", file, _closed),
            ask("database", "Is the ledger whole?", "the database", ledger),
            ask("worker", "Does a worker run?", "its heartbeat", worker),
        )

    def _reached(self) -> tuple[Checked, ...]:
        settings = self._settings
        authority = settings.identity.authority.rstrip("/")
        tenant = f"{authority}/{settings.identity.tenant_id}/v2.0/.well-known/openid-configuration"
        places = {
            "Entra": tenant,
            "sign-in": settings.signin.metadata_url,
            "GitHub": f"{settings.github.api_url.rstrip('/')}/rate_limit",
            "Log Analytics": settings.cloud.logs_endpoint,
            "Azure Monitor metrics": settings.cloud.metrics_endpoint,
        }
        found = [ask(name, "Does it answer?", url, self._reach(url)) for name, url in places.items() if url]
        clocks = [
            ask("clock", f"Does it agree with {n}'s?", places[n], self._skew(places[n])) for n in ("Entra", "GitHub")
        ]
        return (*found, *clocks)

    def _reach(self, url: str) -> Callable[[], Answer]:
        def look() -> Answer:
            told = answered(url, tls_context(self._settings.cloud))
            said = f"HTTP {told.status} after {told.seconds * 1000:.0f} ms"
            return judged(
                told.status not in IN_TROUBLE, said, "The service itself is in trouble; look at its status page."
            )

        return look

    def _skew(self, url: str) -> Callable[[], Answer]:
        return lambda: clock_agrees(url, tls_context(self._settings.cloud), self._clock)

    def _rights(self) -> tuple[Checked, ...]:
        def reads() -> Answer:
            held = {name: self._limits.may(scope, action)[action] for name, scope, action in self._readable()}
            missing = [name for name, may in held.items() if not may]
            said = f"It may read {', '.join(name for name, may in held.items() if may) or 'nothing'}."
            return judged(not missing, said, f"Give it the declared role on {', '.join(missing)}.")

        def writes() -> Answer:
            may = self._limits.may(self._prod, ENDPOINT_WRITE)[ENDPOINT_WRITE]
            told = "It may change endpoints: right for the worker and for setup, too much for console and CI."
            return Outcome.FINE, told if may else "It cannot change endpoints, which only the worker should.", ""

        def bypass() -> Answer:
            names = self._rulesets.names()
            found = [one for name in names if (one := self._rulesets.find(name)) is not None]
            hidden = [one.name for one in found if one.bypass is None]
            said = f"{len(found)} rulesets; bypass actors are {'hidden' if hidden else 'visible'}."
            return judged(
                None if hidden else True, said, "Give the app *Administration: write*; else drift is unknown."
            )

        identity = f"{self._group}/providers/Microsoft.Authorization/permissions"
        return (
            ask("rights", "May this identity read what it shows?", identity, reads),
            ask("rights", "May this identity change production's endpoint?", identity, writes),
            ask("rights", "May our GitHub token see who bypasses the rules?", "the repository's rulesets", bypass),
        )

    def _readable(self) -> tuple[tuple[str, str, str], ...]:
        project = self._settings.project
        return (
            (project.resource_group, self._group, GROUP_READ),
            (project.dev_workspace, self._dev, WORKSPACE_READ),
            (project.prod_workspace, self._prod, WORKSPACE_READ),
        )

    def _quota(self) -> tuple[Checked, ...]:
        project = self._settings.project

        def look() -> Answer:
            size = self._limits.size(project.instance_type)
            fine, said = enough(size, project.instance_count, 0, self._limits.usages())
            return judged(fine, said, "Ask Azure for more vCPUs of this family, or name a smaller `instance_type`.")

        proof = f"usages of {project.region}"
        return (ask("quota", f"Is there room for a rollout of {project.instance_type}?", proof, look),)


def _keys(missing: list[str]) -> Answer:
    said = f"{', '.join(missing)} is not set" if missing else "token_key, cookie_secret and client_secret are set"
    return judged(
        not missing, said, "The console needs the last two to sign people in; without the first none can lend GitHub."
    )


def _closed() -> Answer:
    file = settings_file()
    if not file.exists():
        return Outcome.FINE, "The settings come from the environment.", ""
    mode = stat.S_IMODE(file.stat().st_mode)
    return judged(not mode & 0o077, f"mode {mode:o}", f"Run `chmod 600 {file}`: it may hold secrets.")
