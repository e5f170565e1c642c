"""ARM's error envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException


def envelope(code: str, message: str, target: str = "", details: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """`details` are (code, message) pairs. Source: Azure Resource Manager, "Common error response"."""
    items = [{"code": c, "message": m, "target": target, "details": [], "additionalInfo": []} for c, m in details]
    return {"error": {"code": code, "message": message, "target": target, "details": items, "additionalInfo": []}}


class ArmError(HTTPException):
    """Raised anywhere below a handler; Starlette renders it as the JSON envelope wherever it surfaces."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str = "",
        details: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = envelope(code, message, target, details)
        self.code, self.message = code, message
        head = {"content-type": "application/json; charset=utf-8", "x-ms-error-code": code, **(headers or {})}
        super().__init__(status, json.dumps(self.body), head)


def not_found(resource_id: str) -> ArmError:
    kind = resource_id.rstrip("/").rpartition("/")[0].rpartition("/")[2] or "resource"
    return ArmError(
        404, "ResourceNotFound" if kind == "workspaces" else "NotFound", f"Not found: no {kind} at {resource_id}."
    )


def bad_request(message: str, *, code: str = "UserError", target: str = "") -> ArmError:
    return ArmError(400, code, message, target=target, details=[("InvalidArgument", message)])
