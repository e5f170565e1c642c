"""A run's artefacts: names and signed addresses; the bytes are blobs under `ExperimentRun/dcid.{run}/`."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.routing import Call, Handler
from sandbox.blob import files
from sandbox.blob.access import account_signature
from sandbox.blob.files import ARTEFACTS, account_name
from sandbox.state.documents import Document
from sandbox.tracking.runs import get_run

ORIGIN = "ExperimentRun"
RUNS = ("workspaces/*/experiments/*/runs/*", "workspaces/*/experimentids/*/runs/*")


def handlers() -> dict[str, Handler]:
    table: dict[str, Handler] = {}
    for runs in RUNS:
        table |= {
            f"POST {runs}/artifacts/*/metadata": create,
            f"GET {runs}/artifacts": list_all,
            f"GET {runs}/artifacts/*": look_up,
        }
    return table


def create(call: Call) -> Response:
    """Room for new artefacts: `{"paths": [{"path": "metrics.json"}]}` -> where to put the bytes of each."""
    run = _run(call)
    paths = [str(entry.get("path", "")) for entry in call.body.get("paths") or []]
    if not paths or not all(paths):
        raise bad_request('The body must name files: {"paths": [{"path": "..."}]}', target="paths")
    information = {path: {**_entry(call, run, path), "contentUri": _signed(call, run, path, "rwc")} for path in paths}
    entries = {path: _entry(call, run, path) for path in paths}
    return JSONResponse({"artifacts": entries, "artifactContentInformation": information, "errors": {}})


def list_all(call: Call) -> Response:
    return _listing(call, _run(call), "")


def look_up(call: Call) -> Response:
    """`contentinfo?path=` one file's address, `path?path=` the files below a folder, `metadata?path=` one entry."""
    run, path = _run(call), call.query.get("path", "")
    match call.id.name.lower():
        case "path":
            return _listing(call, run, path)
        case "contentinfo":
            return JSONResponse({**_existing(call, run, path), "contentUri": _signed(call, run, path, "r")})
        case "metadata":
            return JSONResponse(_existing(call, run, path))
        case "prefix":
            return _listing(call, run, path, signed=True)
    raise ArmError(501, "NotImplemented", f"The sandbox does not serve {call.request.url.path}.")


def _run(call: Call) -> str:
    """The run named in the path; 404 if it is not of this workspace."""
    run = call.id.names[2]
    if get_run(call.world, call.id.workspace, run) is None:
        raise ArmError(404, "NotFound", f"There is no run {run} in workspace {call.id.workspace}.")
    return run


def _listing(call: Call, run: str, folder: str, *, signed: bool = False) -> Response:
    root = f"{ORIGIN}/dcid.{run}/"
    prefix = root + (f"{folder.strip('/')}/" if folder.strip("/") else "")
    names = files.names(call.world, account_name(call.id.workspace), ARTEFACTS, prefix)
    found = [_entry(call, run, name[len(root) :]) for name in names]
    if signed:
        found = [{**entry, "contentUri": _signed(call, run, entry["path"], "r")} for entry in found]
    return JSONResponse({"value": found, "continuationToken": None, "nextLink": None})


def _existing(call: Call, run: str, path: str) -> Document:
    if files.find(call.world, account_name(call.id.workspace), ARTEFACTS, f"{ORIGIN}/dcid.{run}/{path}") is None:
        raise ArmError(404, "NotFound", f"The run {run} has no artefact {path!r}.")
    return _entry(call, run, path)


def _entry(call: Call, run: str, path: str) -> Document:
    container = f"dcid.{run}"
    entry: Document = {
        "artifactId": f"{ORIGIN}/{container}/{path}",
        "origin": ORIGIN,
        "container": container,
        "path": path,
    }
    blob = files.find(call.world, account_name(call.id.workspace), ARTEFACTS, f"{ORIGIN}/{container}/{path}")
    if blob is not None:
        entry |= {"etag": blob.etag, "createdTime": blob.modified.isoformat(), "contentType": blob.content_type}
    return entry


def _signed(call: Call, run: str, path: str, permissions: str) -> str:
    account = account_name(call.id.workspace)
    name = quote(f"{ORIGIN}/dcid.{run}/{path}")
    token = account_signature(call.world, account, permissions)
    # azureml-mlflow downloads only from `https://*.blob.<storage suffix>/`, and says nothing about any other address.
    return f"https://{account}.blob.x@localhost:{call.world.settings.port}/{ARTEFACTS}/{name}?{token}"
