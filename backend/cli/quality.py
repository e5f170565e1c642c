"""The quality checks that need no cloud: ruff and the unit tests, told as GitHub annotations."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a check found; `message` begins with a plain sentence."""

    file: str
    line: int
    title: str
    message: str


def lint(root: Path) -> list[Problem]:
    """What ruff says of `training/` and its tests, wrong formatting included."""
    paths = ["training", "tests/unit/training"]
    found = _ruff(root, "check", "--output-format", "json", *paths)
    problems = [
        Problem(
            str(Path(item["filename"]).relative_to(root)) if Path(item["filename"]).is_absolute() else item["filename"],
            int(item["location"]["row"]),
            f"lint {item['code']}",
            f"{Path(item['filename']).name}:{item['location']['row']}: {item['message']} ({item['code']})",
        )
        for item in json.loads(found.stdout or "[]")
    ]
    formatting = _ruff(root, "format", "--check", *paths)
    for line in formatting.stdout.splitlines():
        if line.startswith("Would reformat: "):
            file = line.removeprefix("Would reformat: ")
            problems.append(Problem(file, 1, "format", f"{Path(file).name} is not formatted: run `make format`"))
    return problems


def unit(root: Path) -> tuple[list[Problem], str]:
    """Run the training unit tests; the failing ones with their assertion, and pytest's closing line."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", f"--junitxml={report}",
             "tests/unit/training"],
            cwd=root, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        print(done.stdout)
        summary = (done.stdout.strip().splitlines() or ["pytest printed nothing"])[-1]
        problems = _failures(ET.parse(report)) if report.exists() else []  # noqa: S314  # pytest's own report
        if done.returncode != 0 and not problems:
            problems = [
                Problem("tests/unit/training", 1, "unit tests", f"pytest ended with {done.returncode}: {summary}")
            ]
    return problems, summary


def _failures(report: ET.ElementTree[ET.Element]) -> list[Problem]:
    problems = []
    for case in report.iter("testcase"):
        for fault in [*case.findall("failure"), *case.findall("error")]:
            name = case.get("name", "")
            words = " ".join((fault.get("message") or "no message").split())
            file = (case.get("classname") or "").replace(".", "/") + ".py"
            problems.append(Problem(file, 1, name, f"{name}: {words[:300]}"))
    return problems


def annotate(problems: Iterable[Problem]) -> None:
    """Print the problems as GitHub reads them: one error annotation each."""
    for problem in problems:
        place = f"file={_property(problem.file)},line={problem.line},title={_property(problem.title)}"
        print(f"::error {place}::{_data(problem.message)}")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _ruff(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *arguments], cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
