"""The house's rules, each as a check that can fail.

The rules about text are one table: what is looked for, where, and text that offends. The table is tried on the
repository's files and, so that no rule is dead, on its own offences. This file spells them out, so it is not looked at.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SELF = "tests/unit/test_house_rules.py"
PACKAGES = ("backend/", "console/", "sandbox/", "training/")
PURE = ("backend/policy/", "backend/domain/", "backend/promotion/plan.py", "backend/promotion/transitions.py")
LONGEST_MODULE = 400


@cache
def files() -> dict[str, str]:
    """Path and text of every tracked text file that stands in the tree."""
    listed = git("ls-files", "-z").split("\0")
    texts = {}
    for name in filter(None, listed):
        path = ROOT / name
        if name == SELF or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            texts[name] = content.decode()
    assert len(texts) > 100, "git lists no files: these rules would hold for an empty repository"
    return texts


def git(*arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def code(name: str) -> bool:
    return name.endswith((".py", ".sh", ".yml", ".yaml", ".css", ".toml", "Makefile")) or name == ".ci/run"


def below(*folders: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(folders)


@dataclass(frozen=True)
class Rule:
    """`pattern` must match nowhere in the files that `where` selects; it does match each of `offences`."""

    name: str
    pattern: str
    where: Callable[[str], bool]
    offences: tuple[str, ...]

    def __str__(self) -> str:
        return self.name

    def found_in(self, text: str) -> list[str]:
        return [match.group(0).strip() for match in re.finditer(self.pattern, text, re.MULTILINE)]


RULES = (
    Rule(
        "the product knows no local world",
        r"(?i)sandbox",
        below("backend/", "console/"),
        ("if settings.sandbox:", "# As the Sandbox does it", "SANDBOX_URL"),
    ),
    Rule(
        "nothing is left for later",
        r"\b(TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b|^\s*\.\.\.$",
        code,
        ("# TODO: page", "raise NotImplementedError", "# FIXME", "def run():\n    ...\n"),
    ),
    Rule(
        "every test runs, and none replaces our own code",
        r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b|\bunittest\.mock\b|\bMagicMock\b|\bmock\.patch\b"
        r"|\bmocker\b|monkeypatch\.setattr\(\s*[\"']?(backend|console|sandbox|training)\b",
        lambda name: name.startswith("tests/") and name.endswith(".py"),
        (
            "@pytest.mark.skipif(True)",
            "pytest.skip('slow')",
            "@pytest.mark.xfail",
            "from unittest.mock import MagicMock",
            "mock.patch('x')",
            "monkeypatch.setattr('backend.settings.load', fake)",
        ),
    ),
    Rule(
        "steps and gateways never sleep",
        r"\btime\.sleep\b|\bfrom time import .*\bsleep\b",
        below("backend/promotion/", "backend/gateways/", "console/"),
        ("time.sleep(1)", "from time import monotonic, sleep"),
    ),
    Rule(
        "errors are not swallowed",
        r"except( Exception| BaseException)?( as \w+)?:\s*\n?\s*(pass|continue|return None)\b",
        lambda name: name.startswith(PACKAGES),
        ("except Exception:\n    pass", "except: pass", "except Exception as error:\n        return None"),
    ),
    Rule(
        "no server listens beyond this machine",
        r"\b0\.0\.0\.0\b|host\s*=\s*[\"'](::|)[\"']|\.bind\(\s*\(\s*[\"'][\"']",
        # The console may be told so by a setting where a proxy stands before it; nothing else may.
        lambda name: name.startswith((*PACKAGES, "benchmarks/", "streamlit_config/")) and name != "backend/settings.py",
        ('uvicorn.run(app, host="0.0.0.0")', 'host=""', 'sock.bind(("", 80))', 'host = "::"'),
    ),
    Rule(
        "no person's folder and no index of packages is named",
        r"(?<![\w.])/(root|home/\w+|Users/\w+)/|(?<!--no-emit-)\b(extra-)?index-url\b|pythonhosted|/simple/?[\"'\s]",
        lambda _name: True,
        ("/home/ann/mlops", "--index-url https://index.example/simple ", "PIP_EXTRA=extra-index-url", "/root/world"),
    ),
    Rule(
        "pure rooms reach no I/O",
        r"^\s*(from|import) (httpx|requests|socket|subprocess|sqlalchemy|azure|github|mlflow|os|pathlib|time|random)\b",
        lambda name: name.startswith(PURE),
        ("import os", "    from pathlib import Path", "import httpx"),
    ),
    Rule(
        "the console speaks to no service by itself",
        r"^\s*(from|import) (azure|github|mlflow|sqlalchemy|requests|httpx)\b",
        below("console/"),
        ("from github import Github", "import azure.ai.ml", "    import httpx"),
    ),
    Rule(
        "actions are pinned by commit",
        r"uses:\s*(?!\./)(?!\S+@[0-9a-f]{40}\b)\S+",
        below(".github/"),
        ("- uses: actions/checkout@v4", "uses: owner/action@main", "uses: owner/action@abc123"),
    ),
    Rule(
        "workflows run no stranger's code with rights",
        r"pull_request_target|issue_comment|workflow_run:|permissions:\s*write-all",
        below(".github/"),
        ("on: pull_request_target", "on:\n  issue_comment:", "permissions: write-all"),
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_file_breaks(rule):
    looked_at = {name: text for name, text in files().items() if rule.where(name)}
    assert looked_at, "the rule looks at no file"
    assert {name: found for name, text in looked_at.items() if (found := rule.found_in(text))} == {}


@pytest.mark.parametrize(("rule", "offence"), [(rule, text) for rule in RULES for text in rule.offences], ids=str)
def test_would_notice(rule, offence):
    assert rule.found_in(offence)


def too_long(texts: dict[str, str]) -> list[str]:
    return [name for name, text in texts.items() if name.endswith(".py") and text.count("\n") > LONGEST_MODULE]


def test_no_module_is_longer_than_a_reader_can_hold():
    assert too_long({"backend/long.py": "x = 1\n" * (LONGEST_MODULE + 1)})
    assert too_long(files()) == []


def drawers(names: list[str]) -> list[str]:
    """Paths with a part that says nothing about what is inside."""
    drawer = re.compile(r"(^|/|_)(utils?|helpers?|common|misc|managers?)(\.py|/|_)")
    return [name for name in names if drawer.search(name)]


def test_every_name_says_what_is_inside():
    assert len(drawers(["backend/utils.py", "console/helpers/x.py", "sandbox/arm_common.py", "misc/a"])) == 4
    assert drawers(list(files())) == []


def addresses_of_this_machine() -> set[str]:
    """The folder of this checkout, and the hosts that pip and uv are told to install from here."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    public = {"pypi.org", "localhost", "127.0.0.1"}
    hosts = set(re.findall(r"https?://(?:[^@/\s']*@)?([^/:\s']+)", told)) - public
    return hosts | ({str(ROOT)} if len(ROOT.parts) > 2 else set())


def naming(needles: set[str], texts: dict[str, str]) -> list[str]:
    return [f"{name}: {needle}" for name, text in texts.items() for needle in needles if needle in text]


def test_no_file_knows_the_machine_it_was_written_on():
    assert naming({"index.example"}, {"a.txt": "--from https://index.example/simple"})
    assert naming(addresses_of_this_machine(), files()) == []


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PYPROJECT["dependency-groups"]
DIRECT = {
    "console.txt": PYPROJECT["project"]["dependencies"],
    "sandbox.txt": GROUPS["sandbox"],
    "runtime.txt": GROUPS["runtime"],
    "dev.txt": [*PYPROJECT["project"]["dependencies"], *GROUPS["dev"]],
}


def entries(lock: str) -> dict[str, str]:
    """Normalised package name and its whole entry, hashes included."""
    parts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {_normal(part): part for part in parts if part[:1].isalnum()}


def _normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name.group(0)).lower()


def faults(lock: str, direct: list[str]) -> list[str]:
    found = entries(lock)
    missing = [f"{name} is not locked" for name in map(_normal, direct) if name not in found]
    loose = [f"{name} is not pinned" for name, entry in found.items() if not re.match(r"\S+==\S+", entry)]
    unhashed = [f"{name} has no hash" for name, entry in found.items() if "--hash=sha256:" not in entry]
    return missing + loose + unhashed + re.findall(r"https?://\S+|^\s*#.*|^--\S+", lock, re.MULTILINE)


@pytest.mark.parametrize("name", DIRECT)
def test_a_lock_is_whole_hashed_and_without_addresses(name):
    assert faults((ROOT / "requirements" / name).read_text(), DIRECT[name]) == []


@pytest.mark.parametrize(
    "lock",
    [
        "other==1 \\\n    --hash=sha256:aa\n",
        "wanted==1\n",
        "wanted>=1 \\\n    --hash=sha256:aa\n",
        "# made by a tool\nwanted==1 \\\n    --hash=sha256:aa\n",
        "--find-links https://index.example\nwanted==1 \\\n    --hash=sha256:aa\n",
    ],
)
def test_a_broken_lock_is_noticed(lock):
    assert faults("wanted==1 \\\n    --hash=sha256:aa\n", ["wanted"]) == []
    assert faults(lock, ["wanted[crypto]>=1"])


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([tool, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_rooms_know_only_whom_they_may_know():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_import_contract_can_be_broken(tmp_path):
    """A copy of the tree with one forbidden import for each contract: every one of them must say so."""
    offences = {
        "training/digest.py": "import sandbox.world",
        "sandbox/world.py": "import console",
        "console/__init__.py": "import backend.store",
        "backend/domain/value.py": "import backend.operations",
        "backend/policy/auc.py": "import backend.store",
    }
    for name, text in files().items():
        if (name.endswith(".py") and name.startswith(PACKAGES)) or name == "pyproject.toml":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text + offences.get(name, "") + "\n")
    done = lint_imports(tmp_path)
    contracts = {contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    assert {name for name in contracts if f"{name} BROKEN" in done.stdout} == contracts, done.stdout + done.stderr
