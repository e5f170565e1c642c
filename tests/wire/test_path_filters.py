"""The required check reports on every pull request, whatever it touches: path filters never leave it waiting.

The workflow and the commands are the repository's own; what they would run for minutes is small here.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml
from actions_lab import ActionsLab, until
from github_lab import close_lab

pytestmark = pytest.mark.recovery

ROOT = Path(__file__).parents[2]
WORKFLOW = ".github/workflows/pull-request.yml"
GATE = "quality-gate"
AREAS = {
    "docs": "docs/notes.md",
    "training": "training/params.toml",
    "console": "console/page.py",
    ".github": ".github/CODEOWNERS",
}
TRAINING_JOBS = {"lint", "unit", "data"}
COMBINATIONS = [chosen for size in range(len(AREAS) + 1) for chosen in itertools.combinations(AREAS, size)]


def repository() -> dict[str, str]:
    """The workflow and the commands as they are, around a project that is quick to check."""
    code = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "backend").rglob("*.py")}
    return {
        **code,
        WORKFLOW: (ROOT / WORKFLOW).read_text(),
        ".github/CODEOWNERS": "* @lead @deputy\n",
        "requirements/ci.txt": "# the runner has it all\n",
        "requirements/console.txt": "# the runner has it all\n",
        "Makefile": "check unit:\n\t@echo checked\n.PHONY: check unit\n",
        "training/params.toml": "reg_rate = 0.01\n",
        "training/model.py": "A = 1\n",
        "tests/unit/training/test_model.py": "def test_one():\n    assert 1 + 1 == 2\n",
        "docs/notes.md": "Notes\n",
        "console/page.py": "A = 1\n",
    }


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    made = ActionsLab(sandbox, tmp_path_factory.mktemp("paths"))
    made.folder = made.github.start(repository())
    yield made
    close_lab(made.github)


def pull_request(lab: ActionsLab, chosen: tuple[str, ...]):
    """A pull request that touches these areas; one that touches none has a commit without changes."""
    branch = f"touch-{'-'.join(area.strip('.') for area in chosen) or 'nothing'}"
    clone = lab.github.clone("scientist")
    lab.github.git(clone, "switch", "--quiet", "--create", branch)
    for area in chosen:
        path = clone / AREAS[area]
        path.write_text(path.read_text() + "# changed\n")
    lab.github.git(clone, "add", "--all")
    lab.github.git(clone, "commit", "--quiet", "--allow-empty", "--message", branch)
    lab.github.git(clone, "push", "--quiet", "origin", branch)
    return lab.github.repo("scientist").create_pull(base="main", head=branch, title=branch, body="Because")


def expected(chosen: tuple[str, ...]) -> dict[str, str]:
    """The conclusion of each job. Here `data` has no workspace to run in, so it fails, and the gate says so."""
    training, product = "training" in chosen, bool({"console", ".github"} & set(chosen))
    ran = {"changes": "success"}
    ran |= dict.fromkeys(("lint", "unit"), "success" if training else "skipped")
    ran |= {"data": "failure" if training else "skipped", "train": "skipped", "report": "skipped"}
    ran |= {"product": "success" if product else "skipped"}
    ran |= {"workflows": "success" if ".github" in chosen else "skipped"}
    return ran | {GATE: "failure" if training else "success"}


@pytest.mark.parametrize("chosen", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "nothing")
def test_the_required_check_completes(lab, chosen):
    pull = pull_request(lab, chosen)

    def gate() -> list[dict]:
        runs = lab.get(f"/commits/{pull.head.sha}/check-runs?per_page=100")["check_runs"]
        return [run for run in runs if run["name"] == GATE and run["status"] == "completed"]

    (reported,) = until(gate, bool, seconds=240)
    jobs = {run["name"]: run["conclusion"] for run in lab.get(f"/commits/{pull.head.sha}/check-runs")["check_runs"]}
    assert jobs == expected(chosen)
    assert reported["conclusion"] == expected(chosen)[GATE]


def test_every_job_of_the_workflow_is_among_those_that_the_gate_waits_for(lab):
    """A job that the gate does not need could fail beside a green gate."""
    jobs = yaml.safe_load((ROOT / WORKFLOW).read_text())["jobs"]
    assert set(jobs[GATE]["needs"]) == set(jobs) - {GATE} == set(expected(())) - {GATE}
