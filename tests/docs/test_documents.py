"""What the documents promise is there: commands, settings, targets, variables, links and paths.

Each check is a function from text to problems, tried on the documents and on text that is wrong.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from backend.cli import commands
from backend.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        ROOT / "benchmarks" / "README.md",
        *(path for folder in ("backend", "sandbox", "training") for path in (ROOT / folder).rglob("*.md")),
    ]
)
MAKEFILE = (ROOT / "Makefile").read_text()

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
QUOTED = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^ *```(?:sh|shell|bash)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def leaves(command: click.Command, *names: str) -> Iterator[str]:
    """Every command as it is typed: `mlops pr list`."""
    if not isinstance(command, click.Group):
        yield " ".join(names)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, *names, name)


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting as the table names it; a project's stand below `projects.*`."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None:
            yield prefix + name
        else:
            yield from settings(inner, f"{prefix}{name}." + ("*." if field.annotation is not inner else ""))


def unnamed(wanted: Iterator[str], text: str) -> list[str]:
    quoted = set(QUOTED.findall(text))
    return [name for name in wanted if not any(q == name or q.startswith(f"{name} ") for q in quoted)]


def test_every_command_is_in_the_readme():
    assert unnamed(leaves(commands, "mlops"), README) == []
    assert unnamed(iter(["mlops fly"]), "`mlops flying` and mlops fly") == ["mlops fly"]


def test_every_setting_is_in_the_readme():
    found = list(settings(Settings))
    assert {"home", "identity.tenant_id", "projects.*.repository"} <= set(found)
    assert unnamed(iter(found), README) == []
    assert unnamed(iter(["worker.speed"]), "`worker.poll`") == ["worker.speed"]


def test_every_benchmark_is_told_in_its_order():
    """By the source: to import them takes every SDK."""
    named = re.findall(r'^    "(\w+)": \(', (ROOT / "benchmarks" / "__main__.py").read_text(), re.MULTILINE)
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "benchmarks" / "README.md").read_text(), re.MULTILINE)
    assert len(named) > 5
    assert told == named


def test_no_setting_is_invented():
    table = re.findall(r"^\| (`[^|]+`) \|", README.split("### Settings")[1].split("\n## ")[0], re.MULTILINE)
    named = {name for cell in table for name in QUOTED.findall(cell)}
    assert named == set(settings(Settings))


def commands_in(text: str) -> Iterator[tuple[str, bool]]:
    """Each `mlops ...` and whether it stands in a block, where people copy it whole."""
    blocks = BLOCK.findall(text)
    for line in "".join(blocks).splitlines():
        found = re.match(r"\s*(?:\S*/)?(?:mlops|python -m backend) (.*)", line)
        if found:
            yield found.group(1), True
    for quoted in QUOTED.findall(BLOCK.sub("", text)):
        if quoted.startswith("mlops "):
            yield quoted.removeprefix("mlops "), False


def wrong(text: str) -> list[str]:
    """Commands that the product would not take. A bare name in running text need only exist."""
    problems = []
    for line, in_block in commands_in(text):
        command: click.Command = commands
        words = shlex.split(line)
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words[0])
            if found is None:
                break
            command, words = found, words[1:]
        try:
            if isinstance(command, click.Group) and words:
                problems.append(f"mlops {line}: there is no {words[0]}")
            elif words or in_block:
                command.make_context("mlops", words)
        except click.ClickException as error:
            problems.append(f"mlops {line}: {error.format_message()}")
    return problems


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_is_one(document, tmp_path, monkeypatch):
    for name in ("dev.csv", "prod.csv", "rows.json", "outcomes.csv", "contract.json"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert wrong(document.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "`mlops fly`",
        "`mlops pr approve 1 --quickly`",
        "```sh\nmlops promote 2\n```",
        "`mlops models show`: `mlops pr sing`",
    ],
)
def test_a_command_that_is_none_is_noticed(text):
    assert wrong(text)


def targets_in(text: str) -> set[str]:
    quoted = "\n".join([*QUOTED.findall(BLOCK.sub("", text)), *BLOCK.findall(text)])
    return set(re.findall(r"(?:^|&& )make ([a-z][a-z-]*)", quoted, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_target_exists(document):
    known = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert targets_in("`make fly` and\n```sh\nmake rest\n```") == {"fly", "rest"}
    assert targets_in(document.read_text()) <= known


def called_by(script: str) -> set[str]:
    """Targets of every `make a b` in a script or a workflow."""
    return {
        target for line in re.findall(r"(?:^|run:)\s*make ([^\n#]+)", script, re.MULTILINE) for target in line.split()
    }


@pytest.mark.parametrize("path", [".ci/run", ".github/workflows/pull-request.yml"])
def test_every_target_that_automation_calls_exists(path):
    assert called_by("make a\n      - run: make b c\n") == {"a", "b", "c"}
    assert called_by((ROOT / path).read_text()) - set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) == set()


def test_every_target_for_people_is_in_the_readme():
    known = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    assert known <= targets_in(README)


def test_every_variable_of_the_makefile_is_in_the_readme():
    variables = re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.MULTILINE)
    assert "CONSOLE_PORT" in variables
    assert unnamed(iter(variables), README) == []


def missing(document: Path, text: str) -> list[str]:
    """Links and quoted paths that lead nowhere. A quoted path begins at a folder of the checkout."""
    links = [target for target, _ in LINK.findall(text) if "://" not in target]
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {".venv", ".git", ".mlops"}
    paths = [quoted for quoted in QUOTED.findall(text) if re.fullmatch(r"[\w.-]+/[\w./-]*", quoted)]
    named = [path for path in paths if path.split("/")[0] in folders]
    lost = [target for target in links if not (document.parent / target).exists()]
    return lost + [path for path in named if not (ROOT / path).exists() and not (document.parent / path).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_path_leads_somewhere(document):
    assert missing(document, document.read_text()) == []


def test_a_broken_link_is_noticed():
    assert missing(ROOT / "README.md", "[x](nowhere.md) `backend/nowhere.py` [y](README.md)") == [
        "nowhere.md",
        "backend/nowhere.py",
    ]


def test_the_first_screen_says_what_has_not_been_tried():
    first = "\n".join(README.splitlines()[:24])
    assert "No run of this console against the real Azure or the real GitHub has been" in first


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    direct = [
        *project["project"]["dependencies"],
        *(item for group in project["dependency-groups"].values() for item in group),
    ]
    names = {re.match(r"[\w.-]+", requirement).group(0).lower() for requirement in direct}
    table = (ROOT / "DECISIONS.md").read_text().split("### The dependencies")[1].split("\n### ")[0].lower()
    reasons = set(re.findall(r"[a-z][\w.-]*\w", table))
    assert len(names) > 40
    assert names - reasons == set()
