"""One job of a workflow: its steps as real processes in a workspace of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.actions.expressions import ExpressionError, condition, evaluate, interpolate
from sandbox.actions.workflow_file import Step
from sandbox.state.documents import Document

SHELLS = {
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"],
    "sh": ["sh", "-e", "{0}"],
    "python": ["python", "{0}"],
}
COMMAND = re.compile(r"^::(?P<name>error|warning|notice|add-mask)(?:\s+(?P<properties>.*?))?::(?P<text>.*)$")


@dataclass(slots=True)
class JobRun:
    """A job in progress. `workspace` is GITHUB_WORKSPACE; everything printed goes to `log`, masks applied."""

    workspace: Path
    temporary: Path
    log_file: Path
    artifacts: Path
    bare_repository: Path
    env: dict[str, str]
    context: dict[str, Any]
    deadline: float
    masks: list[str] = field(default_factory=list)
    annotations: list[Document] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    on_process: Callable[[int | None], None] = lambda _pid: None

    def log(self, text: str) -> None:
        for mask in self.masks:
            text = text.replace(mask, "***")
        with self.log_file.open("a", encoding="utf-8") as stream:
            stream.write(text.rstrip("\n") + "\n")


def run_step(job: JobRun, step: Step, index: int, failed: bool) -> str:
    """Run one step; answers its outcome: success, failure, skipped or cancelled."""
    status = {
        "success": not failed and not job.cancelled.is_set(),
        "failure": failed,
        "cancelled": job.cancelled.is_set(),
    }
    try:
        if not condition(step.condition, job.context, status):
            return "skipped"
        env = {**job.env, **{name: interpolate(str(value), job.context) for name, value in step.env.items()}}
        inputs = {name: _input(value, job.context) for name, value in step.inputs.items()}
        job.log(f"##[group]{interpolate(step.name, job.context)}")
        code = USES[step.uses](job, inputs) if step.uses else _run_script(job, step, index, env)
        job.log("##[endgroup]")
    except (ExpressionError, OSError, subprocess.SubprocessError, KeyError) as error:
        job.log(f"##[error]{error}")
        job.last_lines.append(str(error))
        code = 1
    if job.cancelled.is_set():
        return "cancelled"
    return "success" if code == 0 else "failure"


def _input(value: Any, context: Mapping[str, Any]) -> str:
    return interpolate("true" if value is True else "false" if value is False else str(value), context)


def _run_script(job: JobRun, step: Step, index: int, env: dict[str, str]) -> int:
    script = job.temporary / f"step-{index}.{'py' if step.shell == 'python' else 'sh'}"
    script.write_text(interpolate(step.run, job.context))
    if step.shell not in SHELLS:
        raise KeyError(f"the shell {step.shell} is not available on this runner")
    argv = [str(script) if part == "{0}" else part for part in SHELLS[step.shell]]
    files = {
        name: job.temporary / f"{name.lower()}-{index}"
        for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
    }
    for file in files.values():
        file.touch()
    directory = job.workspace / interpolate(step.working_directory, job.context)
    seconds = min(step.timeout_minutes * 60, job.deadline - time.monotonic())
    code = _execute(job, argv, directory, {**env, **{k: str(v) for k, v in files.items()}}, seconds)
    job.env.update(_assignments(files["GITHUB_ENV"].read_text()))
    if extra := files["GITHUB_PATH"].read_text().split():
        job.env["PATH"] = os.pathsep.join([*reversed(extra), job.env["PATH"]])
    if step.id:
        job.context["steps"][step.id] = {
            "outputs": _assignments(files["GITHUB_OUTPUT"].read_text()),
            "outcome": "success" if code == 0 else "failure",
            "conclusion": "success" if code == 0 else "failure",
        }
    return code


def _execute(job: JobRun, argv: list[str], directory: Path, env: dict[str, str], seconds: float) -> int:
    # A session of its own, so that cancelling ends everything the step started.
    process = subprocess.Popen(
        argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", start_new_session=True,
    )  # fmt: skip
    job.on_process(process.pid)
    watch = threading.Thread(target=_end_when_due, args=(job, process, seconds), daemon=True)
    watch.start()
    assert process.stdout is not None
    for line in process.stdout:
        _take_line(job, line.rstrip("\n"))
    code = process.wait()
    watch.join()
    job.on_process(None)
    return code


def _end_when_due(job: JobRun, process: subprocess.Popen[str], seconds: float) -> None:
    end = time.monotonic() + max(1.0, seconds)
    while process.poll() is None:
        if job.cancelled.wait(0.2) or time.monotonic() > end:
            if not job.cancelled.is_set():
                job.log(f"##[error]The step was ended after {seconds:.0f} s, its time limit.")
                job.last_lines.append("The step was ended at its time limit.")
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sign)
                except ProcessLookupError:
                    break
                time.sleep(1.0)
            return


def _take_line(job: JobRun, line: str) -> None:
    match = COMMAND.match(line)
    if match is None:
        job.log(line)
        if line.strip():
            job.last_lines = [*job.last_lines[-19:], line.strip()]
        return
    text = match["text"].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    if match["name"] == "add-mask":
        job.masks.append(text)
        return
    properties = dict(part.split("=", 1) for part in (match["properties"] or "").split(",") if "=" in part)
    job.log(f"##[{match['name']}]{text}")
    line_number = int(properties.get("line", "1")) if properties.get("line", "1").isdigit() else 1
    job.annotations.append(
        {
            "path": properties.get("file", ".github"),
            "start_line": line_number,
            "end_line": line_number,
            "annotation_level": {"error": "failure", "warning": "warning", "notice": "notice"}[match["name"]],
            "title": properties.get("title", "").replace("%3A", ":").replace("%2C", ","),
            "message": text,
        }
    )


def _assignments(text: str) -> dict[str, str]:
    """`NAME=value` lines and `NAME<<MARK ... MARK` blocks, as the runner reads its files."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, block, mark = line.partition("<<")
        if block and "=" not in name:
            body = []
            for inner in lines:
                if inner == mark:
                    break
                body.append(inner)
            found[name] = "\n".join(body)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def _checkout(job: JobRun, inputs: Mapping[str, str]) -> int:
    if inputs.get("path") or inputs.get("repository"):
        raise KeyError("actions/checkout with path or repository is not available on this runner")
    ref = inputs.get("ref") or job.env["GITHUB_SHA"]
    depth = inputs.get("fetch-depth", "1")
    job.log(f"Fetching {ref} (depth {depth})")
    git = ["git", "-c", "safe.directory=*", "-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false"]
    address = f"file://{job.bare_repository}"
    fetch = ["fetch", "-q", "--no-tags", *([] if depth == "0" else [f"--depth={depth}"]), "origin"]
    refs = [ref] if depth != "0" else [ref, "+refs/heads/*:refs/remotes/origin/*"]
    env = {"PATH": job.env["PATH"], "HOME": str(job.temporary)}
    commands = [
        ["init", "-q"],
        ["remote", "add", "origin", address],
        [*fetch, *refs],
        ["checkout", "-q", "--force", ref if len(ref) == 40 else "FETCH_HEAD"],
    ]
    for command in commands:
        done = subprocess.run(
            [*git, *command], cwd=job.workspace, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            job.log(f"##[error]{done.stderr.strip()}")
            job.last_lines.append(done.stderr.strip())
            return done.returncode
    return 0


def _setup_python(job: JobRun, inputs: Mapping[str, str]) -> int:
    found = subprocess.run(["python", "--version"], env=job.env, capture_output=True, text=True, timeout=30, check=True)
    asked = inputs.get("python-version", "any")
    job.log(f"Using the runner's ready-made environment: {found.stdout.strip()} (asked for {asked})")
    return 0


def _upload(job: JobRun, inputs: Mapping[str, str]) -> int:
    target = job.artifacts / inputs["name"]
    if target.exists() and inputs.get("overwrite") != "true":
        raise KeyError(f"an artifact named {inputs['name']} already exists on this run")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    count = 0
    for pattern in inputs["path"].split():
        source = job.workspace / pattern
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            count += sum(1 for file in source.rglob("*") if file.is_file())
        elif source.is_file():
            shutil.copy2(source, target / source.name)
            count += 1
    job.log(f"Artifact {inputs['name']}: {count} files")
    if count == 0 and inputs.get("if-no-files-found") == "error":
        job.last_lines.append(f"No files were found with the path {inputs['path']}")
        return 1
    return 0


def _download(job: JobRun, inputs: Mapping[str, str]) -> int:
    target = job.workspace / inputs.get("path", ".")
    names = [inputs["name"]] if "name" in inputs else sorted(p.name for p in job.artifacts.glob("*"))
    for name in names:
        source = job.artifacts / name
        if not source.is_dir():
            job.last_lines.append(f"Unable to download artifact(s): Artifact not found for name: {name}")
            job.log(f"##[error]{job.last_lines[-1]}")
            return 1
        shutil.copytree(source, target if "name" in inputs else target / name, dirs_exist_ok=True)
        job.log(f"Artifact {name} downloaded")
    return 0


USES: dict[str, Callable[[JobRun, Mapping[str, str]], int]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _setup_python,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
}


def job_outputs(job: JobRun, declared: Mapping[str, str]) -> dict[str, str]:
    return {name: interpolate(str(value), job.context) for name, value in declared.items()}


def event_file(job: JobRun, payload: Document) -> None:
    path = job.temporary / "event.json"
    path.write_text(json.dumps(payload))
    job.env["GITHUB_EVENT_PATH"] = str(path)


def job_environment(job: JobRun, *levels: Mapping[str, Any]) -> None:
    """Add the workflow's and the job's `env`, each level seeing the one before."""
    for level in levels:
        for name, value in level.items():
            job.env[name] = interpolate(str(value), {**job.context, "env": job.env})
    job.context["env"] = job.env


__all__ = ["JobRun", "evaluate", "event_file", "job_environment", "job_outputs", "run_step"]
