"""Versioned assets: what data, environments, codes and models have in common.

A container (`.../models/M`) knows its latest and next version; a version is immutable but for its tags, description,
properties and archive flag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from sandbox.arm import resources
from sandbox.arm.errors import ArmError, bad_request, not_found
from sandbox.arm.handlers.workspaces import require_workspace
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document

EDITABLE = {"description", "tags", "properties", "isArchived", "stage", "autoDeleteSetting"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of asset: its collection, which property holds its content, and how a new version is completed."""

    collection: str
    content: tuple[str, ...]
    complete: Callable[[Call, Document], Document]

    def handlers(self) -> dict[str, Handler]:
        base = f"workspaces/*/{self.collection}"
        return {
            f"GET {base}": self.list_containers,
            f"GET {base}/*": self.get_container,
            f"PUT {base}/*": self.put_container,
            f"GET {base}/*/versions": self.list_versions,
            f"GET {base}/*/versions/*": self.get_version,
            f"PUT {base}/*/versions/*": self.put_version,
        }

    def list_containers(self, call: Call) -> Response:
        require_workspace(call.world, call.id)
        found = [
            self._container(call, body) for body in resources.children(call.world, call.id.target, self.collection)
        ]
        return listing(_in_view(found, call.query.get("listViewType", "ActiveOnly")))

    def get_container(self, call: Call) -> Response:
        require_workspace(call.world, call.id)
        return JSONResponse(self._container(call, _required(call, call.id.text)))

    def put_container(self, call: Call) -> Response:
        """Archive or restore all versions at once; a container by itself holds nothing."""
        require_workspace(call.world, call.id)
        properties = call.body.get("properties") or {}
        before = (resources.get(call.world, call.id.text) or {}).get("properties") or {}
        kept = {key: properties[key] for key in ("description", "tags", "isArchived", "dataType") if key in properties}
        stored = resources.put(call.world, call.id.text, {"properties": {**before, **kept}}, call.principal.name)
        return JSONResponse(self._container(call, stored))

    def list_versions(self, call: Call) -> Response:
        """Newest first with `$orderBy=createdtime desc`; a code is found by its hash whatever its container."""
        require_workspace(call.world, call.id)
        if "hash" in call.query:
            return listing(self._by_hash(call))
        found = resources.children(call.world, call.id.target, "versions")
        found = _in_view(found, call.query.get("listViewType", "ActiveOnly"))
        order = call.query.get("$orderBy", "").lower()
        found.sort(key=lambda body: str(body["systemData"]["createdAt"]), reverse="desc" in order or not order)
        top = call.query.get("$top", "")
        return listing(found[: int(top)] if top.isdigit() and int(top) > 0 else found)

    def get_version(self, call: Call) -> Response:
        return JSONResponse(_required(call, call.id.text))

    def put_version(self, call: Call) -> Response:
        require_workspace(call.world, call.id)
        properties = call.body.get("properties")
        if not isinstance(properties, dict):
            raise bad_request("A version needs an object 'properties'.", target="properties")
        before = resources.get(call.world, call.id.text)
        if before is None:
            properties = {**_blank(), **properties}
            stored = resources.create(
                call.world, call.id.text, {"properties": self.complete(call, properties)}, call.principal.name
            )
            if stored is not None:
                self._count(call, properties)
                return JSONResponse(stored, 201)
            before = _required(call, call.id.text)
        self._refuse_other_content(call.id.text, before["properties"], properties)
        edited = {key: value for key, value in properties.items() if key in EDITABLE and value is not None}
        body = {"properties": {**before["properties"], **edited}}
        return JSONResponse(resources.put(call.world, call.id.text, body, call.principal.name))

    def _refuse_other_content(self, identity: str, before: Document, properties: Document) -> None:
        source = before.get("properties", {}).get("source")
        for key in self.content:
            given = properties.get(key)
            if given not in {None, before.get(key), source}:
                raise ArmError(
                    409,
                    "Conflict",
                    f"{identity} exists with another {key}; a version cannot be changed. Choose a new version.",
                    target=key,
                )

    def _container(self, call: Call, body: Document) -> Document:
        versions = [child["name"] for child in resources.children(call.world, body["id"], "versions")]
        numbers = [int(version) for version in versions if version.isdigit()]
        latest = {
            "latestVersion": versions[-1] if versions else None,
            "nextVersion": str(max(numbers, default=0) + 1),
        }
        properties = {"isArchived": False, "tags": {}, "properties": {}, "description": None, **body["properties"]}
        return {**body, "properties": properties | latest}

    def _count(self, call: Call, properties: Document) -> None:
        """The container appears with its first version; an archived one returns with a new version."""
        container = call.id.text.rsplit("/", 2)[0]
        kept = {"dataType": properties["dataType"]} if "dataType" in properties else {}
        resources.create(call.world, container, {"properties": kept}, call.principal.name)

    def _by_hash(self, call: Call) -> list[Document]:
        marker = f"/{self.collection}/"
        prefix = call.id.workspace_id.lower() + marker
        found = [
            body
            for key, body in call.world.documents.list(resources.KIND, prefix)
            if "/versions/" in key[len(prefix) :]
            and (body["properties"].get("properties") or {}).get("hash_sha256") == call.query["hash"]
        ]
        return found[-1:]


def _blank() -> Document:
    return {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False}


def _required(call: Call, identity: str) -> Document:
    found = resources.get(call.world, identity)
    if found is None:
        raise not_found(identity)
    return found


def _in_view(found: list[Document], view: str) -> list[Document]:
    wanted = {"ActiveOnly": (False,), "ArchivedOnly": (True,), "All": (False, True)}.get(view, (False,))
    return [body for body in found if bool(body["properties"].get("isArchived")) in wanted]
