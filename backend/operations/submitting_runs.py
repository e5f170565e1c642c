"""The worker submits the runs that people asked for, each under the name of its request, so that none runs twice."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.domain.run_requests import RequestKind, RequestState, RunRequest
from backend.errors import BackendError, CorruptState, Invalid, NotFound, RemoteUnavailable
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.jobs import JobRequest, Jobs
from backend.gateways.github.contents import Contents
from backend.operations.training import COMMAND
from backend.policy.run_params import PARAMS_PATH, SCHEMA_PATH, check, flat, written
from backend.settings_project import Project
from backend.store import Store

MAX_ATTEMPTS = 8
LONGEST_WAIT = 60.0
FOLDER = "training"
MOST_FILES = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """One workspace as runs are submitted to it, with the data asset that its training reads."""

    jobs: Jobs
    assets: Assets
    data: str


class SubmittingRuns:
    def __init__(self, store: Store, places: Mapping[str, Place], contents: Contents, project: Project) -> None:
        self._store = store
        self._places = places
        self._contents = contents
        self._project = project

    def perform_next(self) -> bool:
        """Submit the run that has waited longest; False if none is due."""
        claimed = self._store.run_requests.claim()
        if claimed is None:
            return False
        records = self._store.run_requests
        try:
            name = self._submit(claimed)
        except RemoteUnavailable as error:
            if claimed.attempts >= MAX_ATTEMPTS:
                records.settle(claimed, RequestState.FAILED, "", f"{error} Given up after {MAX_ATTEMPTS} tries.")
            else:
                wait = max(min(2.0**claimed.attempts, LONGEST_WAIT), error.retry_after or 0.0)
                records.later(claimed, wait, f"{error} Trying again.")
        except CorruptState:
            raise
        except BackendError as error:
            records.settle(claimed, RequestState.FAILED, "", str(error))
        except Exception as error:  # noqa: BLE001  # a defect must end the request with a word, not leave it waiting
            _log.exception("run request %s broke", claimed.id)
            records.settle(claimed, RequestState.FAILED, "", f"Unexpected {type(error).__name__}: {error}")
        else:
            records.settle(claimed, RequestState.SUBMITTED, name, f"Submitted as {name}.")
        return True

    def _submit(self, request: RunRequest) -> str:
        place = self._places.get(request.workspace)
        if place is None:
            raise NotFound(f"There is no workspace {request.workspace}.")
        if request.kind is RequestKind.START:
            return self._start(place, request)
        return _again(place, request)

    def _start(self, place: Place, request: RunRequest) -> str:
        data = place.assets.data(place.data)
        environment = place.assets.environment(self._project.environment)
        if data is None or environment is None:
            raise NotFound("The data asset or the environment is not registered: `mlops setup apply` makes both.")
        siblings = self._store.run_requests.of_click(request.click)
        with tempfile.TemporaryDirectory(prefix="mlops-branch-") as folder:
            self._fetch(request, Path(folder))
            return place.jobs.submit(
                JobRequest(
                    name=request.name,
                    display_name=_title(request),
                    experiment="experiments",
                    command=COMMAND,
                    code=Path(folder),
                    environment=environment.id,
                    compute=self._project.compute,
                    inputs={"data": data.id},
                    outputs=("model",),
                    tags={
                        "purpose": "experiment",
                        "commit": request.commit,
                        "branch": request.branch,
                        "author": request.by,
                        "data_asset": f"{data.name}:{data.version}",
                        "data_digest": data.digest,
                        **({"sweep": f"sweep-{request.click[:20]}"} if len(siblings) > 1 else {}),
                    },
                )
            )

    def _fetch(self, request: RunRequest, folder: Path) -> None:
        """The branch's training code at the commit that was seen, with the request's parameters written into it."""
        names = self._contents.folder(FOLDER, request.commit)
        if not names:
            raise NotFound(f"The commit {request.commit[:9]} has no {FOLDER}/ folder.")
        if len(names) > MOST_FILES:
            raise Invalid(f"{FOLDER}/ of {request.commit[:9]} has {len(names)} files; {MOST_FILES} are the most.")
        (folder / FOLDER).mkdir()
        for name in names:
            content = self._contents.file(name, request.commit)
            (folder / FOLDER / Path(name).name).write_bytes(content or b"")
        params, schema = folder / PARAMS_PATH, folder / SCHEMA_PATH
        values = flat(params.read_text()) | request.params
        check(values, schema.read_text() if schema.exists() else "")
        if request.params:
            params.write_text(written(values))


def _title(request: RunRequest) -> str:
    changes = ", ".join(f"{name.rpartition('.')[2]}={value}" for name, value in request.params.items())
    return f"{request.branch}: {changes or 'as it is'}"[:200]


def _again(place: Place, request: RunRequest) -> str:
    origin = place.jobs.origin(request.of_run)
    retry = request.kind is RequestKind.RETRY
    told = {"retry_of": request.of_run} if retry else {"reproduces": request.of_run, "purpose": "reproduction"}
    return place.jobs.submit(
        JobRequest(
            name=request.name,
            display_name=f"{'retry' if retry else 'reproduction'} of {origin.display_name}"[:200],
            experiment=origin.experiment,
            command=origin.command,
            code=origin.code,
            environment=origin.environment,
            compute=origin.compute,
            inputs=origin.inputs,
            outputs=origin.outputs,
            tags={**origin.tags, **told, "asked_by": request.by},
            variables=origin.variables,
        )
    )
