"""git over HTTPS: `git http-backend` on the bare repository, with the rules enforced by its `update` hook."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.github import push_policy, pushes, repositories
from sandbox.github.access import Caller
from sandbox.github.errors import GitHubError
from sandbox.github.git import environment
from sandbox.github.models import ZERO
from sandbox.github.wire import authenticated
from sandbox.state.documents import Document
from sandbox.world import World

TIMEOUT_SECONDS = 180
CHUNK_BYTES = 1 << 16
COMMANDS_BYTES = 1 << 20
HOOK = Path(__file__).with_name("push_hook.py")
HOOK_SCRIPT = '#!/bin/sh\nexec "$PUSH_HOOK_PYTHON" -I -S "$PUSH_HOOK" "$@"\n'
CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}


def routes(world: World) -> list[Route]:
    """`/{owner}/{repo}.git/...` for clone, fetch and push."""

    async def serve(request: Request) -> Response:
        """Clone, fetch and push over HTTPS; the ruleset decides ref by ref."""
        # The whole body is read before git starts: a streaming response listens for a disconnect on the same
        # channel and swallows parts of a body that is still arriving.
        with tempfile.SpooledTemporaryFile(max_size=1 << 22) as spool:
            async for chunk in request.stream():
                spool.write(chunk)
            return await run_in_threadpool(_serve, world, request, spool)

    path = "/{owner}/{repo}.git/{service:path}"
    return [Route(path, serve, methods=["GET", "POST"], name="git")]


def _serve(world: World, request: Request, spool: BinaryIO | tempfile.SpooledTemporaryFile[bytes]) -> Response:
    service = request.path_params["service"]
    pushing = "git-receive-pack" in (service, request.query_params.get("service"))
    try:
        caller = authenticated(world, request.headers.get("authorization"))
        repository = _repository(world, request, caller, pushing=pushing)
    except GitHubError as error:
        headers = CHALLENGE if error.status == 401 else {}
        return PlainTextResponse(f"{error.message}\n", error.status, headers)
    with tempfile.TemporaryDirectory(dir=world.folder("spool")) as folder:
        body = Path(folder, "request")
        _spool(spool, body, request.headers.get("content-encoding", ""))
        if service == "git-receive-pack" and request.method == "POST":
            return _receive(world, request, repository, caller, Path(folder))
        return _backend(world, request, repository, caller, Path(folder), {})


def _repository(world: World, request: Request, caller: Caller, *, pushing: bool) -> Document:
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    repository = repositories.find(world, name)
    if repository is None or not caller.may(repository, "contents", "read"):
        raise GitHubError(404, "Repository not found.")
    if pushing and not caller.may(repository, "contents", "write"):
        raise GitHubError(403, f"Permission to {repository['full_name']}.git denied to {caller.login}.")
    return repository


def _spool(spool: BinaryIO | tempfile.SpooledTemporaryFile[bytes], path: Path, encoding: str) -> None:
    spool.seek(0)
    with path.open("wb") as target:
        if encoding == "gzip":
            with gzip.open(spool) as plain:
                shutil.copyfileobj(plain, target)
        else:
            shutil.copyfileobj(spool, target)


def _receive(world: World, request: Request, repository: Document, caller: Caller, folder: Path) -> Response:
    """A push: tell the hook what is refused, let git decide ref by ref, then follow what it accepted."""
    with (folder / "request").open("rb") as body:
        wanted = push_policy.commands(body.read(COMMANDS_BYTES))
    policy = folder / "policy.json"
    with repositories.lock(world, repository["full_name"]):
        permission = caller.permission(repository)
        policy.write_text(json.dumps(push_policy.policy(world, repository, wanted, permission)), encoding="utf-8")
        git = repositories.git_of(world, repository["full_name"])
        before = git.refs("refs/")
        hook = {"PUSH_POLICY": str(policy), "PUSH_HOOK": str(HOOK), "PUSH_HOOK_PYTHON": sys.executable}
        _install_hook(git.path)
        pushes.intend(world, repository["full_name"], wanted, caller.login)
        response = _backend(world, request, repository, caller, folder, hook)
        after = git.refs("refs/")
        done = [
            change for change in wanted if before.get(change.ref, ZERO) != after.get(change.ref, ZERO) == change.after
        ]
        pushes.applied(world, repository, done, caller.login)
    return response


def _install_hook(path: Path) -> None:
    hook = path / "hooks" / "update"
    if not hook.is_file() or hook.read_text(encoding="utf-8") != HOOK_SCRIPT:
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK_SCRIPT, encoding="utf-8")
        hook.chmod(0o755)


def _backend(
    world: World, request: Request, repository: Document, caller: Caller, folder: Path, extra: dict[str, str]
) -> Response:
    """Run git's own CGI program on the spooled body and hand its answer on."""
    path = repositories.bare_path(world, repository["full_name"])
    body, answer = folder / "request", folder / "answer"
    env = environment() | {
        "GIT_PROJECT_ROOT": str(path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{path.name}/{request.path_params['service']}",
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(body.stat().st_size),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_USER": caller.login,
        "REMOTE_ADDR": "127.0.0.1",
    }
    with body.open("rb") as stdin, answer.open("wb") as stdout:
        process = subprocess.Popen(
            ["git", "http-backend"],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            env=env | extra,
            start_new_session=True,
        )
        try:
            process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return PlainTextResponse("git took too long\n", 504)
    return _answer(answer.open("rb"))


def _answer(output: BinaryIO) -> Response:
    """The CGI answer as a response; the file is gone from the folder by the time it is sent, its contents are not."""
    status, headers = 200, {}
    for raw in iter(output.readline, b""):
        line = raw.decode().strip()
        if not line:
            break
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()

    def chunks() -> Iterator[bytes]:
        with output:
            while chunk := output.read(CHUNK_BYTES):
                yield chunk

    return StreamingResponse(chunks(), status, headers)
