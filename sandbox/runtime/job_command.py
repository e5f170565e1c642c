"""What a command job sees: its folder, its inputs and outputs, its command line and its environment."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox.arm.assets import code_folder, input_path, output_folder, uri_path
from sandbox.arm.ids import parse
from sandbox.identity.tokens import JOB_TOKEN_LIFETIME, issue_job_token
from sandbox.runtime.processes import ONE_THREAD
from sandbox.state.documents import Document
from sandbox.world import World

PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs)\.([A-Za-z_][\w-]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class JobCommand:
    """`folder` is the working directory, `environment` everything the process sees of ours."""

    folder: Path
    command: str
    environment: dict[str, str]
    log: Path
    exit_file: Path


def job_folder(world: World, job_id: str) -> Path:
    identity = parse(job_id)
    return world.settings.home / "jobs" / identity.workspace.lower() / identity.name


def log_file(world: World, job_id: str) -> Path:
    identity = parse(job_id)
    return output_folder(world, identity.workspace, identity.name, "artifacts") / "user_logs" / "std_log.txt"


def exit_file(world: World, job_id: str) -> Path:
    return job_folder(world, job_id) / "exit"


def prepare(world: World, job_id: str, properties: Document, experiment_id: str) -> JobCommand:
    """Lay out the folder of a job from nothing: code and inputs are copies, so that no job can change an asset.

    Outputs are written straight to where they are kept: `azureml/{job}/{output}/` of the default datastore.
    """
    folder = job_folder(world, job_id)
    shutil.rmtree(folder, ignore_errors=True)
    code, home = folder / "code", folder / "home"
    home.mkdir(parents=True)
    if properties.get("codeId"):
        shutil.copytree(code_folder(world, properties["codeId"]), code)
    else:
        code.mkdir()
    inputs = {
        name: _input(world, job_id, name, value, folder) for name, value in (properties.get("inputs") or {}).items()
    }
    outputs = {
        name: _output(world, job_id, name, value)
        for name, value in (properties.get("outputs") or {}).items()
        if name != "default"
    }
    return JobCommand(
        folder=code,
        command=substituted(properties["command"], inputs, outputs),
        environment=_environment(world, job_id, properties, experiment_id, home)
        | {f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()}
        | {f"AZURE_ML_OUTPUT_{name}": value for name, value in outputs.items()},
        log=log_file(world, job_id),
        exit_file=exit_file(world, job_id),
    )


def substituted(command: str, inputs: dict[str, str], outputs: dict[str, str]) -> str:
    """`${{inputs.data}}` becomes a path, quoted only where this machine's path needs it; literals stay as written."""

    def value(match: re.Match[str]) -> str:
        text = (inputs if match[1] == "inputs" else outputs)[match[2]]
        return shlex.quote(text) if text.startswith("/") else text

    return PLACEHOLDER.sub(value, command)


def _input(world: World, job_id: str, name: str, value: Document, folder: Path) -> str:
    if value.get("jobInputType") == "literal":
        return str(value.get("value"))
    source = input_path(world, value["uri"], parse(job_id).workspace_id)
    target = folder / "inputs" / name
    if source.is_dir():
        shutil.copytree(source, target)
        copied = [path for path in target.rglob("*") if path.is_file()]
    else:
        target.mkdir(parents=True)
        target /= source.name
        shutil.copy2(source, target)
        copied = [target]
    for path in copied:
        path.chmod(0o444)
    return str(target)


def _output(world: World, job_id: str, name: str, value: Document) -> str:
    identity = parse(job_id)
    if value.get("uri"):
        path = uri_path(world, value["uri"].replace("${{name}}", identity.name), identity.workspace_id)
    else:
        path = output_folder(world, identity.workspace, identity.name, name)
    if value.get("jobOutputType") == "uri_file":
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        path.mkdir(parents=True, exist_ok=True)
    return str(path)


def _environment(world: World, job_id: str, properties: Document, experiment_id: str, home: Path) -> dict[str, str]:
    identity, settings = parse(job_id), world.settings
    token = issue_job_token(world, identity.name, identity.workspace)
    expiry = str(int((world.now() + JOB_TOKEN_LIFETIME).timestamp()))
    workspace = identity.workspace_id
    return {
        "PATH": os.pathsep.join([str(settings.runtime_python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **ONE_THREAD,
        **{key: str(value) for key, value in (properties.get("environmentVariables") or {}).items()},
        "REQUESTS_CA_BUNDLE": str(settings.ca_file),
        "SSL_CERT_FILE": str(settings.ca_file),
        "NO_PROXY": "localhost,127.0.0.1",
        "MLFLOW_TRACKING_URI": f"azureml://localhost:{settings.port}/mlflow/v2.0{workspace}",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": identity.name,
        "MLFLOW_EXPERIMENT_ID": experiment_id,
        "MLFLOW_EXPERIMENT_NAME": str(properties["experimentName"]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # azureml-mlflow knows this cloud by heart; any other it fetches, without a retry while the sandbox restarts.
        "AZUREML_CURRENT_CLOUD": "AzureCloud",
        "AZUREML_RUN_ID": identity.name,
        "AZUREML_RUN_TOKEN": token,
        "AZUREML_RUN_TOKEN_EXPIRY": expiry,
        "AZUREML_SERVICE_ENDPOINT": settings.url,
        "AZUREML_ARM_SUBSCRIPTION": identity.subscription,
        "AZUREML_ARM_RESOURCEGROUP": identity.group,
        "AZUREML_ARM_WORKSPACE_NAME": identity.workspace,
        "AZUREML_ARM_PROJECT_NAME": str(properties["experimentName"]),
    }
