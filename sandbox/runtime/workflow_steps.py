"""One job of a workflow: its steps as real processes in a workspace of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sandbox.actions.expressions import ExpressionError, condition, interpolate
from sandbox.actions.workflow_file import Step
from sandbox.runtime.workflow_job import JobRun
from sandbox.runtime.workflow_uses import USES
from sandbox.state.documents import Document

SHELLS = {
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"],
    "sh": ["sh", "-e", "{0}"],
    "python": ["python", "{0}"],
}
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
COMMAND = re.compile(r"^::(?P<name>error|warning|notice|add-mask)(?:\s+(?P<properties>.*?))?::(?P<text>.*)$")


AFTER_CANCEL = {"success": False, "failure": False, "cancelled": True}
"""What a condition sees once its job or run has been cancelled."""
INTERRUPT_SECONDS, TERMINATE_SECONDS = 2.0, 1.0
"""How long a step that is ended has after SIGINT, and then after SIGTERM; GitHub's runner waits 7.5 and 2.5 s."""


def run_step(job: JobRun, step: Step, index: int, failed: bool) -> str:
    """Run one step; answers its outcome: success, failure, skipped or cancelled."""
    cancelled = job.cancelled.is_set()
    status = AFTER_CANCEL if cancelled else {"success": not failed, "failure": failed, "cancelled": False}
    job.context["job"] = {"status": "cancelled" if cancelled else "failure" if failed else "success"}
    outputs: dict[str, str] = {}
    code: int | None
    try:
        if (cancelled and job.over) or not condition(step.condition, job.context, status):
            return _outcome(job, step, "skipped", outputs)
        env = {**job.env, **{name: interpolate(str(value), job.context) for name, value in step.env.items()}}
        inputs = {name: _input(value, job.context) for name, value in step.inputs.items()}
        job.log(f"##[group]{interpolate(step.name, job.context)}")
        code = USES[step.uses](job, inputs) if step.uses else _run_script(job, step, index, env, outputs)
        job.log("##[endgroup]")
    except (ExpressionError, OSError, subprocess.SubprocessError, KeyError) as error:
        problem = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        job.log(f"##[error]{problem}")
        job.remember(problem)
        code = 1
    if code is None:
        job.log("##[error]The operation was canceled.")
        return _outcome(job, step, "cancelled", outputs)
    if code != 0:
        job.annotate("failure", f"Process completed with exit code {code}.")
    return _outcome(job, step, "success" if code == 0 else "failure", outputs)


def conclusion_of(step: Step, outcome: str) -> str:
    """What the step counts as: `continue-on-error` forgives a failure."""
    return "success" if outcome == "failure" and step.continue_on_error else outcome


def _outcome(job: JobRun, step: Step, outcome: str, outputs: Mapping[str, str]) -> str:
    if step.id:
        job.context["steps"][step.id] = {
            "outputs": dict(outputs),
            "outcome": outcome,
            "conclusion": conclusion_of(step, outcome),
        }
    return outcome


def _input(value: Any, context: Mapping[str, Any]) -> str:
    return interpolate("true" if value is True else "false" if value is False else str(value), context)


def _run_script(job: JobRun, step: Step, index: int, env: dict[str, str], outputs: dict[str, str]) -> int | None:
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
    code = _execute(job, step, argv, directory, {**env, **{k: str(v) for k, v in files.items()}})
    job.env.update(_assignments(files["GITHUB_ENV"].read_text()))
    if extra := [line for line in files["GITHUB_PATH"].read_text().splitlines() if line.strip()]:
        job.env["PATH"] = os.pathsep.join([*reversed(extra), job.env["PATH"]])
    outputs.update(_assignments(files["GITHUB_OUTPUT"].read_text()))
    job.summary += job.hidden(files["GITHUB_STEP_SUMMARY"].read_text(errors="replace"))
    return code


def _execute(job: JobRun, step: Step, argv: list[str], directory: Path, env: dict[str, str]) -> int | None:
    """The exit code, None if it was ended because the job was cancelled."""
    # A session of its own, so that cancelling ends everything the step started.
    process = subprocess.Popen(
        argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    reader = threading.Thread(target=_read, args=(job, process.stdout), daemon=True)
    reader.start()
    step_end, why = time.monotonic() + step.timeout_minutes * 60, ""
    while process.poll() is None:
        why = _why_end(job, step, step_end)
        if why:
            _end(job, process)
        else:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    # What the step left in the background holds the pipe; it runs on until the job ends, and nobody waits for it.
    reader.join(timeout=2.0)
    if why == "cancelled":
        return None
    code = process.returncode
    return (128 - code if code < 0 else code) or int(bool(why))


def _why_end(job: JobRun, step: Step, step_end: float) -> str:
    """Empty while the step may run. GitHub's words for the two limits: a step's fails it, a job's cancels the job."""
    if not job.cancelled.is_set() and job.over:
        limit = f"The job has exceeded the maximum execution time of {job.timeout_minutes:g} minutes."
        job.cancel(limit)
        _tell(job, limit)
    if job.cancelled.is_set() and (job.over or not condition(step.condition, job.context, AFTER_CANCEL)):
        return "cancelled"
    if time.monotonic() > step_end:
        _tell(job, f"The action '{step.name}' has timed out after {step.timeout_minutes:g} minutes.")
        return "too long"
    return ""


def _tell(job: JobRun, limit: str) -> None:
    job.log(f"##[error]{limit}")
    job.annotate("failure", limit)


def _end(job: JobRun, process: subprocess.Popen[str]) -> None:
    """As GitHub's runner: the step's own process is asked twice, then everything it started is killed."""
    for sign, seconds in ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS)):
        end = time.monotonic() + seconds
        process.send_signal(sign)
        while process.poll() is None and time.monotonic() < end and not job.forced:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def _read(job: JobRun, stream: IO[str]) -> None:
    with stream:
        for line in stream:
            _take_line(job, line.rstrip("\n"))


def _take_line(job: JobRun, line: str) -> None:
    match = COMMAND.match(line)
    if match is None:
        job.log(line)
        job.remember(line)
        return
    text = match["text"].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    if match["name"] == "add-mask":
        job.masks += [text] if text.strip() else []
        return
    properties = dict(part.split("=", 1) for part in (match["properties"] or "").split(",") if "=" in part)
    job.log(f"##[{match['name']}]{text}")
    number = properties.get("line", "1")
    job.annotate(
        LEVELS[match["name"]],
        text,
        path=properties.get("file", ".github"),
        line=int(number) if number.isdigit() else 1,
        title=properties.get("title", "").replace("%3A", ":").replace("%2C", ","),
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
