"""The worker's side of an accepted retraining: the training workflow is started once, and nothing follows by itself."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.retraining import Proposal, ProposalState
from backend.errors import BackendError, CorruptState, RemoteUnavailable
from backend.gateways.github.actions import Actions
from backend.settings_project import Project
from backend.store import Store

WORKFLOW = ".github/workflows/retrain.yml"
CLOCKS = timedelta(minutes=1)
"""By so much GitHub's clock may be behind ours."""


class RetrainingStarts:
    def __init__(self, store: Store, actions: Actions, project: Project) -> None:
        self._store = store
        self._actions = actions
        self._project = project

    def start_next(self) -> bool:
        """Start what a person has accepted; False if nothing is. GitHub that does not answer is asked again later."""
        wanted = self._store.retrainings.accepted()
        if wanted is None:
            return False
        try:
            outcome = self._start(wanted)
        except RemoteUnavailable:
            return False
        except CorruptState:
            raise
        except BackendError as error:
            self._store.retrainings.end(wanted, ProposalState.FAILED, str(error))
        else:
            self._store.retrainings.end(wanted, ProposalState.STARTED, outcome)
        return True

    def _start(self, wanted: Proposal) -> str:
        """A run that was begun since the click is this one: a worker that died after starting it starts no second."""
        branch = self._project.default_branch
        begun = self._actions.dispatched(branch, WORKFLOW)
        since = (wanted.decided_at or wanted.proposed_at) - CLOCKS
        adopted = next((run for run in begun if run.started_at >= since), None)
        if adopted is not None:
            return f"{adopted.name} runs on {branch} (run {adopted.id})."
        self._actions.dispatch(branch, WORKFLOW.rpartition("/")[2])
        return f"The workflow {WORKFLOW.rpartition('/')[2]} was started on {branch}."
