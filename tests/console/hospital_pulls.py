"""The hospital's five open pull requests, one of them with a hostile title."""

from __future__ import annotations

from datetime import timedelta

from hospital_models import BASE, NOW, SHA, comparison

from backend.domain.comparison import Verdict
from backend.domain.reviews import (
    ChangedFile,
    CheckRun,
    CheckState,
    Mergeability,
    PullRequest,
    PullRequestDetail,
    Review,
)
from backend.gateways.github.blockers import BranchRules, blockers


def check(name: str, state: CheckState, title: str = "", summary: str = "") -> CheckRun:
    done = state in {CheckState.PASSED, CheckState.FAILED}
    return CheckRun(
        id=hash(name) % 10_000,
        name=name,
        state=state,
        title=title,
        summary=summary,
        started_at=NOW - timedelta(minutes=9),
        completed_at=NOW - timedelta(minutes=7) if done else None,
    )


OK, BAD = CheckState.PASSED, CheckState.FAILED


PULLS: dict[int, tuple[str, str, tuple[CheckRun, ...]]] = {
    14: (
        "Train a gradient-boosting challenger",
        "feature/boosting",
        (
            check("lint", OK),
            check("unit", OK, "41 tests passed"),
            check("data", OK, "10,000 rows as declared"),
            check("train", OK),
            check("model comparison", OK, "better: AUC +0.140 (95 % +0.131 to +0.149, n 3,000)"),
            check("quality-gate", OK),
        ),
    ),
    15: (
        "Raise reg_rate from 0.01 to 0.1",
        "feature/reg-rate",
        (
            check("lint", OK),
            check("unit", OK),
            check("model comparison", OK, "no detectable difference"),
            check("quality-gate", OK),
        ),
    ),
    16: (
        "Set reg_rate to 1000",
        "feature/strong-regularisation",
        (
            check("lint", OK),
            check("model comparison", BAD, "worse: AUC −0.103 (95 % −0.112 to −0.094, n 3,000)"),
            check("quality-gate", BAD),
        ),
    ),
    17: (
        "Log the **calibration** slope <img src=x onerror=alert(1)> [x](javascript:alert(1)) :green-badge[ok]",
        "feature/calibration",
        (check("lint", BAD, "training/evaluate.py:12: F401 unused import"), check("quality-gate", BAD)),
    ),
    18: (
        "Split rows at random",
        "feature/split",
        (check("lint", OK), check("unit", CheckState.RUNNING), check("quality-gate", CheckState.QUEUED)),
    ),
}


PATCH = """@@ -1,5 +1,6 @@
 [model]
-kind = "logistic"
-reg_rate = 0.01
+kind = "boosting"
+learning_rate = 0.1
+max_iter = 200  # <script>alert(1)</script>
 seed = 0"""


VERDICTS = {14: (Verdict.BETTER, 0.988), 15: (Verdict.NO_DIFFERENCE, 0.848), 16: (Verdict.WORSE, 0.745)}
RULES = BranchRules(approvals=1, checks=("quality-gate",))


def pull(number: int) -> PullRequest:
    title, branch, checks = PULLS[number]
    row = PullRequest(
        number=number,
        title=title,
        author="scientist",
        head_ref=branch,
        head_sha=SHA,
        base_ref="main",
        base_sha=BASE,
        draft=False,
        created_at=NOW - timedelta(hours=3 + number % 5),
        updated_at=NOW - timedelta(minutes=20 + number % 7),
        additions=42,
        deletions=11,
        changed_files=2,
        mergeability=Mergeability.MERGEABLE,
        merge_state="blocked",
        checks=checks,
        required_checks=("quality-gate",),
        reviews=(
            Review(author="deputy", state="COMMENTED", commit=BASE, submitted_at=NOW - timedelta(hours=1), body="Nice"),
        ),
        url=f"https://github.example/hospital/diabetes/pull/{number}",
        trains=True,
        change=comparison(*VERDICTS[number]).on("auc") if number in VERDICTS else None,
    )
    return judged(row)


def judged(row: PullRequest) -> PullRequest:
    """The row with what its rules say about it now."""
    return row.model_copy(update={"blockers": blockers(row, RULES, ())})


def detail(number: int) -> PullRequestDetail:

    compared = comparison(*VERDICTS[number]) if number in VERDICTS else None
    return PullRequestDetail(
        summary=pull(number),
        body="Boosting finds the non-linear part.\n\n# Not a heading\n* AUC 0.848 to 0.988 on dev data",
        files=(
            ChangedFile(path="training/params.toml", status="modified", additions=3, deletions=2, patch=PATCH),
            ChangedFile(path="docs/figure.png", status="added", additions=0, deletions=0, patch=""),
        ),
        comparison=compared,
        blockers=pull(number).blockers,
        state="open",
    )
