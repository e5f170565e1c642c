"""Workflow files before GitHub's schema (check-jsonschema) and a security audit (zizmor), in plain words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.cli.quality import Problem
from backend.errors import Invalid

SECONDS = 120
FOUND_NOTHING, FOUND_FROM, FOUND_TO = 0, 10, 14
"""zizmor ends with 10 to 14 where it found something, by how bad the worst is; with anything else it did not audit."""

WORDS = {
    "artipacked": (
        "the checkout leaves the job's token in `.git/config`. Any later step, or an artifact that holds the folder, "
        "can read it and push. Write `persist-credentials: false` below `with:`."
    ),
    "template-injection": (
        "a text from outside is written into a script before the shell reads it. Whoever chooses that text (a title, a "
        "branch's name) runs commands with this job's token. Pass it by `env:` and use the shell's variable."
    ),
    "cache-poisoning": (
        "a cache that pull requests can fill is used where something is published. A change can put its files into "
        "what is released. Publish without a cache."
    ),
    "secrets-inherit": (
        "all secrets are handed to another workflow. A fault there can use every one. Name those that it needs."
    ),
    "self-hosted-runner": (
        "the job runs on a machine of your own. A change can leave something on it for the next job. Use a hosted "
        "runner for pull requests."
    ),
    "github-env": (
        "a step writes to GITHUB_ENV or GITHUB_PATH. Text from outside that reaches it decides what later steps run. "
        "Hand values on as outputs."
    ),
    "unsound-contains": (
        "`contains` searches a text and not a list. A branch whose name holds the word passes. Compare with `==`."
    ),
}


def schema_problems(root: Path, files: Sequence[str]) -> list[Problem]:
    """What GitHub would not understand."""
    command = ["check-jsonschema", "-o", "json", "--builtin-schema", "vendor.github-workflows", *files]
    done = _run(root, command)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise Invalid(f"check-jsonschema did not check the workflows: {_last(done)}") from None
    found = [_schema_problem(root, error) for error in told.get("errors", [])]
    return found + [
        Problem(e["filename"], 1, "workflow", f"{e['filename']} is no YAML that GitHub reads: {e['message'][:300]}")
        for e in told.get("parse_errors", [])
    ]


def _schema_problem(root: Path, error: dict[str, Any]) -> Problem:
    best = error.get("best_deep_match") or error
    file, path = str(error["filename"]), str(best["path"])
    line = _line_of(root / file, path)
    sentence = f"{file}:{line}: GitHub does not understand {path.removeprefix('$.')}: {best['message'][:300]}."
    return Problem(file, line, "workflow schema", f"{sentence} The workflow would not start; mend what it names.")


def _line_of(file: Path, path: str) -> int:
    """The line of the deepest key of a JSON path that is found, in order; 1 for the file as a whole."""
    line, lines = 1, file.read_text(errors="replace").splitlines()
    for name in re.findall(r"[\w-]+", path):
        key = re.compile(rf"\s*-?\s*{re.escape(name)}\s*:")
        line = next((number for number, text in enumerate(lines[line - 1 :], line) if key.match(text)), line)
    return line


def audit_problems(root: Path, files: Sequence[str], covered: frozenset[str]) -> list[Problem]:
    """What zizmor finds, but for the audits that our own rules cover. For files that fit the schema."""
    if not files:
        return []
    done = _run(root, ["zizmor", "--offline", "--no-progress", "--no-config", "--format", "json", *files])
    if done.returncode != FOUND_NOTHING and not FOUND_FROM <= done.returncode <= FOUND_TO:
        raise Invalid(f"zizmor did not audit the workflows: {_last(done)}")
    found = [one for one in json.loads(done.stdout or "[]") if not one["ignored"] and one["ident"] not in covered]
    return [_audit_problem(one) for one in found]


def _audit_problem(found: dict[str, Any]) -> Problem:
    places = [place for place in found["locations"] if place["symbolic"].get("kind") == "Primary"] or found["locations"]
    symbolic, point = places[0]["symbolic"], places[0]["concrete"]["location"]["start_point"]
    file, line = _file(symbolic["key"]), int(point["row"]) + 1
    other = (
        f"{found['desc']} ({symbolic['annotation']}). zizmor tells what it allows and what to write at {found['url']}."
    )
    words = WORDS.get(found["ident"], other)
    return Problem(file, line, f"workflow {found['ident']}", f"{file}:{line}: {words}")


def _file(key: dict[str, Any]) -> str:
    """Zizmor's words for where a local file lies, in whichever release."""
    local = key.get("Local", {})
    return str(local.get("verbatim_path") or local.get("given_path") or ".github/workflows")


def _run(root: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / command[0]
    if not tool.exists():
        raise Invalid(f"{command[0]} is not installed beside {sys.executable}: install requirements/console.txt.")
    return subprocess.run(
        [str(tool), *command[1:]], cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[0][:300] if lines else f"it ended with {done.returncode} and said nothing"
