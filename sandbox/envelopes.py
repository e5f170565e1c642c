"""Which service a path belongs to, and how that service words an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (service, re.compile(pattern, re.IGNORECASE))
    for service, pattern in (
        ("control", r"/(control(/|$)|$|favicon\.ico$|device$)"),
        ("identity", rf"/({GUID}|common|organizations|consumers)/"),
        ("identity", r"/(metadata/|login(/|$)|actions/oidc(/|$)|oidc/userinfo$)"),
        ("actions", r"/api/v3/repos/[^/]+/[^/]+/actions(/|$)"),
        ("actions", r"/actions/"),
        ("github", r"/api(/|$)"),
        ("github", r"/[^/]+/[^/]+\.git(/|$)"),
        ("tracking", r"/(mlflow|history|artifact|experiments|metric|discovery)(/|$)"),
        ("blob", r"/(azureml|azureml-blobstore)(/|$)"),
        ("endpoints", r"/scoring(/|$)"),
        ("monitor", r"/v1/(workspaces|subscriptions|\$batch)"),
        ("monitor", r"/subscriptions/.*(microsoft\.insights|operationalinsights|alertsmanagement|/metrics:)"),
        ("endpoints", r"/subscriptions/.*/onlineendpoints(/|$)"),
        ("arm", r"/(subscriptions|providers)(/|$)"),
    )
)
"""The first match names the service; a path that matches none is a blob's: containers have free names."""


def service_of(path: str, headers: Mapping[str, str]) -> str:
    """The service that would answer this path; `headers` with lower-cased names."""
    if "x-ms-blob-type" in headers or "x-ms-meta-name" in headers:
        return "blob"
    for service, pattern in PATTERNS:
        if pattern.match(path):
            return service
    return "blob" if "x-ms-version" in headers else "github" if path.count("/") > 1 else "control"


def error_response(service: str, status: int, code: str, message: str) -> Response:
    """An error in the words of `service`: ARM's envelope, GitHub's, Entra's, MLflow's or Blob Storage's XML."""
    if service == "blob":
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        )
        return Response(body, status, {"x-ms-error-code": code}, media_type="application/xml")
    headers = {"x-ms-error-code": code} if service in {"arm", "endpoints", "monitor"} else None
    return Response(json.dumps(_body(service, status, code, message)), status, headers, media_type="application/json")


def _body(service: str, status: int, code: str, message: str) -> dict[str, object]:
    match service:
        case "github" | "actions":
            return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        case "identity":
            return {"error": code, "error_description": message}
        case "tracking":
            return {"error_code": code, "message": message, "error": {"code": code, "message": message}}
        case "control":
            return {"error": message}
    return {"error": {"code": code, "message": message}}
