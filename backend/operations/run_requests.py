"""Asking for runs: a branch, a sweep over it, a run once more. The worker submits them within seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.domain.run_requests import RequestKind, RunRequest, Startable
from backend.domain.runs import RunState
from backend.errors import Conflict, Invalid, NotFound
from backend.gateways.github.contents import Contents
from backend.operations.authorise import refusal, require, require_key, require_reason
from backend.operations.runs import Runs
from backend.policy.run_params import PARAMS_PATH, SCHEMA_PATH, Values, flat, parts, read_changes
from backend.settings_project import Project
from backend.store import Store


class RunRequests:
    def __init__(self, store: Store, project: Project, runs: Runs, contents: Contents, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._runs = runs
        self._contents = contents
        self._clock = clock

    def startable(self, branch: str) -> Startable:
        """The branch as GitHub has it now. Raises NotFound for no such branch, Invalid for one without a schema."""
        if not self._contents.has_branch(branch):
            raise NotFound(f"There is no branch {branch}.")
        commit = self._contents.head(branch)
        values, schema = (self._contents.file(path, commit) for path in (PARAMS_PATH, SCHEMA_PATH))
        if values is None or schema is None:
            missing = PARAMS_PATH if values is None else SCHEMA_PATH
            main = self._project.default_branch
            raise Invalid(f"The branch {branch} has no {missing}; bring it up to date with {main}.")
        return Startable(branch=branch, commit=commit, values=flat(values.decode()), schema_text=schema.decode())

    def changes(self, lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """`name = value, value` a line, by name. Raises Invalid."""
        return read_changes(lines)

    def parts(self, of: Startable, changes: Mapping[str, Sequence[str]]) -> tuple[Values, ...]:
        """The runs that these changes make, each as what it changes. Raises Invalid naming what cannot be."""
        return parts(of.values, of.schema_text, changes)

    def start(
        self, actor: Actor, of: Startable, changes: Mapping[str, Sequence[str]], reason: str, key: str
    ) -> tuple[RunRequest, ...]:
        """Ask for a run of the branch's commit on the dev data, or for a sweep. Raises NotPermitted, Invalid."""
        require(actor, Right.MANAGE_RUNS)
        why, click = require_reason(reason), require_key(key)
        made = self.parts(of, changes)
        return self._store.run_requests.ask(
            [
                RunRequest(
                    id=f"{click}-{part}",
                    click=click,
                    part=part,
                    kind=RequestKind.START,
                    workspace=self._project.dev_workspace,
                    branch=of.branch,
                    commit=of.commit,
                    params=params,
                    by=actor.name,
                    channel=actor.channel,
                    reason=why,
                    at=self._clock(),
                )
                for part, params in enumerate(made, start=1)
            ]
        )

    def again(self, actor: Actor, kind: RequestKind, workspace: str, run: str, reason: str, key: str) -> RunRequest:
        """Ask for a run once more, from the same code, data and environment.

        Raises NotPermitted, NotFound, and Conflict where the run has not ended as the kind needs: a retry is for what
        failed or was cancelled, a reproduction for what completed.
        """
        require(actor, Right.MANAGE_RUNS)
        why, click = require_reason(reason), require_key(key)
        if kind is RequestKind.START:
            raise Invalid("A run is started from a branch.")
        known = next(iter(self._runs.known([f"{workspace}/{run}"])), None)
        if known is None:
            raise NotFound(f"No run {run} of {workspace} is known.")
        refused = cannot(kind, known.state)
        if refused:
            raise Conflict(refused, expected=kind.value, actual=known.state.value)
        wanted = RunRequest(
            id=f"{click}-1",
            click=click,
            part=1,
            kind=kind,
            workspace=workspace,
            of_run=run,
            by=actor.name,
            channel=actor.channel,
            reason=why,
            at=self._clock(),
        )
        return self._store.run_requests.ask([wanted])[0]

    def refusal(self, actor: Actor) -> str:
        """Why the actor may not ask, for a disabled button; "" where they may."""
        return refusal(actor, Right.MANAGE_RUNS)

    def of_run(self, workspace: str, run: str) -> tuple[RunRequest, ...]:
        """What was asked about a run, newest first."""
        return self._store.run_requests.of_run(workspace, run)

    def of_click(self, click: str) -> tuple[RunRequest, ...]:
        """The runs of one request, in their order."""
        return self._store.run_requests.of_click(click)

    def recent(self, limit: int = 20) -> tuple[RunRequest, ...]:
        """Newest first."""
        return self._store.run_requests.recent(limit)


def cannot(kind: RequestKind, state: RunState) -> str:
    """Why a run in this state is not to be made again in this way, "" where it may."""
    if kind is RequestKind.RETRY and not state.broken_off:
        return f"A retry is for a run that failed or was cancelled; this one is {state.value}."
    if kind is RequestKind.REPRODUCE and state is not RunState.COMPLETED:
        return f"Only a completed run can be reproduced; this one is {state.value}."
    return ""
