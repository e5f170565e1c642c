"""Runs of both workspaces: found in an index that is kept from the tracking API, read whole from the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

from backend.domain.clock import Clock, utc_now
from backend.domain.cost import Spent, spent
from backend.domain.people import Actor, Right
from backend.domain.run_requests import Repeated
from backend.domain.run_search import Found, IndexState, Search
from backend.domain.runs import Preview, Run, RunDetail
from backend.errors import BackendError, NotFound
from backend.gateways.azureml import run_table
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.run_feed import RunFeed
from backend.gateways.azureml.run_index import RunIndex
from backend.gateways.azureml.runs import Runs as TrackedRuns
from backend.operations.authorise import require, require_reason
from backend.policy.artefact_preview import preview
from backend.policy.reproduction import repeated
from backend.policy.run_filter import parse, resolve
from backend.policy.run_selection import order, select
from backend.settings_project import Project
from backend.setup.declaration import read_declaration
from backend.store import Store
from backend.store.audit import Note

LOOK_SECONDS = 6.0
"""How long one look goes on with a first walk: what was read by then is shown."""
LARGEST_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Price:
    """An hour of a training node, None where none is declared."""

    hour: float | None = None
    currency: str = ""


def training_price(project: Project) -> Price:
    """By the nodes that the declaration trains on."""
    size = read_declaration(project.declaration).compute.size
    return Price(hour=project.prices.get(size), currency=project.currency)


class Runs:
    def __init__(
        self,
        workspaces: Mapping[str, Workspace],
        store: Store,
        index: RunIndex,
        price: Price = Price(),
        clock: Clock = utc_now,
    ) -> None:
        self._price = price
        self._tracked = {name: TrackedRuns(workspace) for name, workspace in workspaces.items()}
        self._jobs = {name: Jobs(workspace) for name, workspace in workspaces.items()}
        self._store = store
        self._index = index
        self._feeds = [RunFeed(name, tracked, index, clock) for name, tracked in self._tracked.items()]
        self._clock = clock

    def refresh(self, seconds: float = LOOK_SECONDS) -> IndexState:
        """Ask the tracking service what is new, unless another process does, whose file is then read.

        Raises RemoteUnavailable; what the other workspace answered is kept all the same.
        """
        with self._index.owned() as ours:
            self._index.read()
            if ours and self._feeds:
                try:
                    self._ask(seconds)
                finally:
                    if self._index.unwritten:
                        self._index.write()
        return self.state()

    def _ask(self, seconds: float) -> None:
        with ThreadPoolExecutor(max_workers=len(self._feeds), thread_name_prefix="runs") as pool:
            looks = [pool.submit(feed.look, seconds) for feed in self._feeds]
        problems = [error for look in looks if (error := look.exception()) is not None]
        # What is no answer of the service is a defect, and says more than one.
        for problem in sorted(problems, key=lambda error: isinstance(error, BackendError)):
            raise problem

    def state(self) -> IndexState:
        """How far the index is; asks nobody."""
        return self._index.state(list(self._tracked))

    def find(self, search: Search) -> Found:
        """One page of the runs that a search finds, from the index alone. Raises Invalid with what is wrong with it."""
        table = self._index.table
        known = run_table.names(table)
        terms = resolve(parse(search.text), known)
        fitting = select(table, terms, self._store.run_remarks.marks(), self._clock())
        if not search.nested:
            fitting = fitting.filter(fitting["parent"].is_null())
        size = max(1, min(search.size, LARGEST_PAGE))
        pages = max(1, ceil(fitting.num_rows / size))
        page = min(max(1, search.page), pages)
        rows = order(fitting, search.sort)[(page - 1) * size : page * size]
        runs = run_table.runs_in(fitting.take(rows))
        return Found(
            total=fitting.num_rows,
            runs=runs,
            page=page,
            pages=pages,
            names=known,
            children=run_table.children(table, [run.id for run in runs]),
        )

    def known(self, keys: Sequence[str]) -> tuple[Run, ...]:
        """Those of the runs `workspace/id` that the index holds, in the order asked for."""
        found = {run.key: run for run in run_table.runs_in(run_table.within(self._index.table, keys))}
        return tuple(found[key] for key in keys if key in found)

    def repeated(self, run: Run, made: Run) -> tuple[Repeated, ...]:
        """Whether a run that was made once more says the same, metric by metric."""
        return repeated(run, made)

    def parts(self, run_id: str) -> int:
        """How many runs are a part of this one."""
        return run_table.children(self._index.table, [run_id]).get(run_id, 0)

    def of_pull(self, number: str) -> tuple[Run, ...]:
        """The runs of a pull request, newest first."""
        return self.find(Search(text=f"pull_request = '{number}'")).runs if number.isdecimal() else ()

    def cost(self, run: Run) -> Spent | None:
        """What the run cost; None before it has ended, and where no price is declared."""
        return spent(run.took, self._price.hour, self._price.currency)

    def detail(self, workspace: str, run_id: str) -> RunDetail:
        """A run with curves, files, where it came from and the tail of its log. Raises NotFound."""
        self._known(workspace)
        found = self._tracked[workspace].detail(run_id)
        try:
            origin = self._jobs[workspace].origin(run_id)
        except NotFound:
            return found  # a run that somebody tracked from elsewhere is no job
        return found.model_copy(
            update={
                "environment": origin.environment,
                "code": origin.code,
                "data": next(iter(origin.inputs.values()), ""),
                "compute": origin.compute,
            }
        )

    def preview(self, workspace: str, run_id: str, path: str) -> Preview:
        """The beginning of a file of the run. Raises NotFound."""
        self._known(workspace)
        return preview(path, self._tracked[workspace].file(run_id, path))

    def cancel(self, actor: Actor, workspace: str, run_id: str, reason: str) -> None:
        """Ask the service to stop the run, and say so in the ledger. Raises NotPermitted, NotFound."""
        require(actor, Right.MANAGE_RUNS)
        why = require_reason(reason)
        self._known(workspace)
        before = self._jobs[workspace].state(run_id)
        self._jobs[workspace].cancel(run_id)
        self._store.audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action="run.cancel",
                subject=f"run/{run_id}",
                reason=why,
                before=before.value,
                after="cancellation asked for",
                detail={"workspace": workspace},
            )
        )

    def _known(self, workspace: str) -> None:
        if workspace not in self._tracked:
            raise NotFound(f"There is no workspace {workspace}; the declared ones are {', '.join(self._tracked)}.")
