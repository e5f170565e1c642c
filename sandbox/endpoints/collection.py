"""Data collection of a deployment: what ARM is told about it, and the way of its lines to the blob store."""

from __future__ import annotations

import json
import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.ids import parse
from sandbox.blob import files
from sandbox.runtime import servers
from sandbox.runtime.servers import Server
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)

ROOT = "modelDataCollector"
TYPE = "azureml.inference."
PAYLOADS = {"request", "response"}
MOST = 5
ROLLING = {"year": "%Y", "month": "%Y/%m", "day": "%Y/%m/%d", "hour": "%Y/%m/%d/%H", "minute": "%Y/%m/%d/%H/%M"}
"""Folders of the time, by the rate at which a new one begins."""


def data_collector(sent: Any) -> Document | None:
    """The property as the service answers it; ArmError for what it would refuse, 501 for payload logging."""
    if not sent:
        return None
    if not isinstance(sent, Mapping) or not isinstance(sent.get("collections"), Mapping):
        raise bad_request("dataCollector.collections must be an object.", target="dataCollector")
    rate = str(sent.get("rollingRate") or "Hour")
    if rate.lower() not in ROLLING:
        raise bad_request(f"rollingRate {rate!r} is none of {', '.join(ROLLING)}.", target="dataCollector.rollingRate")
    if len(sent["collections"]) > MOST:
        raise bad_request(f"A deployment has at most {MOST} collections.", target="dataCollector.collections")
    collections = {str(name): _collection(str(name), each) for name, each in sent["collections"].items()}
    return {"collections": collections, "rollingRate": rate.capitalize(), "requestLogging": sent.get("requestLogging")}


def _collection(name: str, sent: Mapping[str, Any]) -> Document:
    enabled = str(sent.get("dataCollectionMode") or "").lower() == "enabled"
    if enabled and name.lower() in PAYLOADS:
        raise ArmError(
            501, "NotImplemented", f"Payload logging ({name}) is not part of this sandbox; log from the scoring script."
        )
    share = 1.0 if sent.get("samplingRate") is None else sent["samplingRate"]
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise bad_request(f"samplingRate must lie in 0 to 1, not {share!r}.", target=f"dataCollector.{name}")
    return {
        "dataCollectionMode": "Enabled" if enabled else "Disabled",
        "samplingRate": share,
        "dataId": sent.get("dataId"),
        "clientId": sent.get("clientId"),
    }


def collected(properties: Mapping[str, Any]) -> dict[str, float]:
    """The enabled collections of a deployment and the percentage that each keeps."""
    declared = (properties.get("dataCollector") or {}).get("collections", {})
    return {
        name: 100 * each["samplingRate"] for name, each in declared.items() if each["dataCollectionMode"] == "Enabled"
    }


def rolling(properties: Mapping[str, Any]) -> str:
    return str((properties.get("dataCollector") or {}).get("rollingRate", "Hour")).lower()


def carry(world: World, deployment_id: str, server: Server, rate: str) -> None:
    """Append what the sidecar has kept since the last time to the blobs of its hours.

    The place in the spool is written after the blobs: a kill between them repeats lines, whose ids stay the same.
    A line that is not whole is left out.
    """
    mark = server.folder / "collected.offset"
    before = int(mark.read_text()) if mark.is_file() else 0
    lines, offset = servers.new_lines(server.spool, before)
    if offset == before:
        return
    by_blob: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        try:
            name = _blob(deployment_id, server.folder, json.loads(line), rate)
        except (ValueError, KeyError):
            # The sidecar was killed while it wrote this line, and the next one was added to it.
            log.warning("A collected line of %s is not whole and was left out", deployment_id)
            continue
        by_blob[name].append(line)
    account = files.account_name(parse(deployment_id).workspace)
    for name, found in by_blob.items():
        files.append(world, account, files.BLOBSTORE, name, "".join(f"{line}\n" for line in found).encode())
    mark.write_text(str(offset))


def _blob(deployment_id: str, folder: Path, event: Mapping[str, Any], rate: str) -> str:
    endpoint, deployment = parse(deployment_id).names[-2:]
    when = datetime.fromisoformat(event["time"]).strftime(ROLLING[rate])
    instance = uuid.uuid5(uuid.NAMESPACE_URL, f"{deployment_id}/{folder.name}")
    return f"{ROOT}/{endpoint}/{deployment}/{str(event['type']).removeprefix(TYPE)}/{when}/{instance}.jsonl"
