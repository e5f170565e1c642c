"""What production was asked, as Azure ML's data collector keeps it: lines of JSON in the workspace's blob store.

Blobs lie under modelDataCollector/{endpoint}/{deployment}/{collection}/{yyyy}/{MM}/{dd}/{HH}/{instance}.jsonl; a line
is a CloudEvent whose `data` holds the rows of one or more calls. Source: Microsoft Learn, "Collect production data".
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.domain.production_flips import Collected, CollectedRow
from backend.domain.promotions import Target
from backend.errors import NotFound
from backend.gateways.azureml.client import TIMEOUTS, Workspace
from backend.gateways.azureml.errors import azureml

COLLECTION = "model_inputs_outputs"
"""As the scoring script names it: each row with its answer."""

ROOT = "modelDataCollector"
DATASTORE = "workspaceblobstore"
BAND_PREFIX = "band_"
ANSWER = {"probability", "decision", "version"}
KEY = {"request", "row"}
"""How a row is found again when its outcome is known; absent from what earlier releases of the scoring script kept."""
TAIL_BYTES = 1 << 20
"""Read of a blob at most, from its end: a busy hour is larger than all that is asked for."""

MOST_BLOBS = 40


class CollectedInputs:
    """The collected inputs of one workspace's deployments."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def newest(self, served: Target, since: datetime, now: datetime, most: int) -> Collected:
        """Rows that this target's deployment answered after `since`, the newest first, at most `most`.

        Reads the newest blobs first and stops when it has enough; what is no row of ours is left out.
        """
        rows: list[CollectedRow] = []
        moments: list[datetime] = []
        seen: set[str] = set()
        read, more = 0, False
        with azureml("read collected inputs"), self._container() as container:
            for name in _newest_first(container, served, since, now):
                if len(rows) >= most or read >= MOST_BLOBS:
                    more = True
                    break
                read += 1
                for event in _events(_tail(container, name)):
                    # A collector repeats what it is not sure to have written; the id is then the same.
                    moment = _moment(event["time"])
                    if event["id"] in seen or moment is None or moment < since:
                        continue
                    seen.add(event["id"])
                    found = _rows(event["data"], served.version, moment)
                    rows += found
                    moments += [moment] * len(found)
        more = more or len(rows) > most
        rows, moments = rows[:most], moments[:most]
        return Collected(
            rows=tuple(rows),
            digest=_digest(rows),
            blobs=read,
            oldest=min(moments, default=None),
            newest=max(moments, default=None),
            more=more,
        )

    def hours(self, endpoint: str, since: datetime) -> dict[datetime, tuple[str, ...]]:
        """Names of the endpoint's blobs by hour, from the hour of `since` on, whichever deployment they are of."""
        found: dict[datetime, list[str]] = {}
        with azureml("list collected inputs"), self._container() as container:
            for name in container.list_blob_names(name_starts_with=f"{ROOT}/{endpoint}/"):
                hour = _hour(name)
                if hour is not None and hour + timedelta(hours=1) > since:
                    found.setdefault(hour, []).append(name)
        return {hour: tuple(sorted(names)) for hour, names in found.items()}

    def answers(self, names: Sequence[str]) -> dict[str, tuple[CollectedRow, ...]]:
        """Every row of these blobs, by the version that answered it. A blob that is gone meanwhile has none."""
        found: dict[str, list[CollectedRow]] = {}
        seen: set[str] = set()
        with self._container() as container:
            for name in names:
                for event in _events(_whole(container, name)):
                    moment = _moment(event["time"])
                    if event["id"] in seen or moment is None:
                        continue
                    seen.add(event["id"])
                    versions = {
                        str(row["version"]) for row in event["data"] if isinstance(row, dict) and "version" in row
                    }
                    for version in versions:
                        found.setdefault(version, []).extend(_rows(event["data"], version, moment))
        return {version: tuple(rows) for version, rows in found.items()}

    def older(self, endpoint: str, before: datetime, most: int) -> tuple[str, ...]:
        """Names of blobs of the endpoint whose hour ended before this moment, whichever deployment they are of."""
        found: list[str] = []
        with azureml("list collected inputs"), self._container() as container:
            for name in container.list_blob_names(name_starts_with=f"{ROOT}/{endpoint}/"):
                hour = _hour(name)
                if hour is not None and hour + timedelta(hours=1) <= before:
                    found.append(name)
                    if len(found) == most:
                        break
        return tuple(found)

    def delete(self, name: str) -> bool:
        """Delete a blob; False if it is gone already."""
        try:
            with azureml("delete collected inputs"), self._container() as container:
                container.delete_blob(name)
        except NotFound:
            return False
        return True

    @contextmanager
    def _container(self) -> Iterator[Any]:
        """The container of the default datastore, opened as azure-ai-ml opens it for an upload.

        Where the datastore has no secret, that is with our own credential, which then needs a role on the account.
        """
        from azure.ai.ml._artifacts._artifact_utilities import get_datastore_info
        from azure.storage.blob import ContainerClient

        place = get_datastore_info(self._workspace.ml().datastores, DATASTORE)
        options: dict[str, Any] = {"credential": place["credential"], **TIMEOUTS}
        with ContainerClient(place["account_url"], place["container_name"], **options) as container:
            yield container


def _newest_first(container: Any, served: Target, since: datetime, now: datetime) -> Iterator[str]:
    """Names of the deployment's blobs, asked for day by day, back to the day of `since`."""
    prefix = f"{ROOT}/{served.endpoint}/{served.deployment}/{COLLECTION}/"
    day = now.astimezone(UTC)
    while day.date() >= since.astimezone(UTC).date():
        yield from sorted(container.list_blob_names(name_starts_with=f"{prefix}{day:%Y/%m/%d}/"), reverse=True)
        day -= timedelta(days=1)


def _tail(container: Any, name: str) -> bytes:
    """The last TAIL_BYTES of a blob, from the first whole line on."""
    size = int(container.get_blob_client(name).get_blob_properties().size)
    if not size:
        return b""
    begin = max(0, size - TAIL_BYTES)
    content: bytes = container.download_blob(name, offset=begin, length=size - begin).readall()
    return content.partition(b"\n")[2] if begin else content


def _whole(container: Any, name: str) -> bytes:
    try:
        with azureml("read collected inputs"):
            content: bytes = container.download_blob(name).readall()
    except NotFound:
        return b""
    return content


def _events(content: bytes) -> Iterator[dict[str, Any]]:
    """The lines, the last first; one that is not whole yet, or of another shape, is left out."""
    for line in reversed(content.splitlines()):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("data"), list) and {"id", "time"} <= event.keys():
            yield event


def _moment(text: object) -> datetime | None:
    """In UTC, which is what the collector means where it names no zone; None for what is no time."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _rows(data: list[Any], version: str, at: datetime) -> list[CollectedRow]:
    """The rows that this version answered, the last first. All that is no answer, key or band is a feature."""
    found = []
    for row in reversed(data):
        if not isinstance(row, dict) or not row.keys() >= ANSWER or str(row["version"]) != version:
            continue
        bands = {name: value for name, value in row.items() if name.startswith(BAND_PREFIX)}
        found.append(
            CollectedRow(
                features={name: _number(row[name]) for name in row.keys() - bands.keys() - ANSWER - KEY},
                probability=float(row["probability"]),
                positive=row["decision"] == "positive",
                bands=tuple(f"{name.removeprefix(BAND_PREFIX)} {value}" for name, value in bands.items()),
                request=str(row.get("request") or ""),
                row=int(row.get("row") or 0),
                at=at,
            )
        )
    return found


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _digest(rows: list[CollectedRow]) -> str:
    plain = [[row.features, row.probability, row.positive, row.bands] for row in rows]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _hour(name: str) -> datetime | None:
    """The beginning of the hour whose folder the blob lies in; None for what is not ours to delete."""
    parts = name.split("/")
    if len(parts) != 9 or parts[3] != COLLECTION:
        return None
    try:
        year, month, day, hour = map(int, parts[4:8])
        return datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        return None
