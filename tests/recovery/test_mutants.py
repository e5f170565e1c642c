"""Seeded defects: each is put into a copy of the product, and a quick test that is named here has to notice it.

A defect whose text is not found exactly once fails the test as well: the code has moved on, and so must the table.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

from tests.forked import IMPORTED
from tests.resident import Resident

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240
"""Wall time of one run, on a busy machine."""

FAILED_TESTS = 1
"""pytest's exit code where tests ran and some failed; a broken collection has another one."""

CRASHES = "tests/recovery/test_crash_points.py"
ENGINE = "tests/unit/test_engine.py"
STORE = "tests/unit/test_store.py"
DECIDE = "tests/unit/test_gates_decide.py"


@dataclass(frozen=True)
class Mutant:
    """`text` in `file` becomes `instead`; `caught_by` is a test file and the names chosen in it."""

    name: str
    file: str
    text: str
    instead: str
    caught_by: tuple[str, str]


MUTANTS = (
    Mutant(
        "too little data calms an alert",
        "backend/policy/alerting.py",
        "if signal.state is SignalState.QUIET and mine is not None and mine.firing:",
        "if mine is not None and mine.firing:",
        ("tests/unit/test_alerts.py", "test_calm_closes_nothing_and_unknown_calms_nothing"),
    ),
    Mutant(
        "one window is enough for an alert",
        "backend/domain/objectives.py",
        "return self.enough and min(self.long or 0.0, self.short or 0.0) >= self.burn.factor",
        "return self.enough and max(self.long or 0.0, self.short or 0.0) >= self.burn.factor",
        ("tests/unit/test_objectives.py", "test_a_rule_fires_only_where_both_windows_burn"),
    ),
    Mutant(
        "a spent budget stops nobody",
        "backend/operations/decision.py",
        "            *of_budget(budget_finding(self.objectives, now), dossier.override),\n",
        "",
        ("tests/unit/test_objectives.py", "test_a_spent_budget_is_a_blocker_and_break_glass_lets_the_fix_through"),
    ),
    Mutant(
        "the engine runs what nobody has approved",
        "backend/promotion/context.py",
        "if not any(one.decision == APPROVED and one.digest == target.digest for one in given):",
        "if given and given[0].digest != target.digest:",
        ("tests/unit/test_break_glass_and_quarantine.py", "test_the_engine_itself_refuses_what_nobody_has_approved"),
    ),
    Mutant(
        "a refused try is enough without main's own rule",
        "backend/policy/drills.py",
        "    if not rule.holds:\n        return _open(",
        "    if not rule.holds and tried is None:\n        return _open(",
        ("tests/unit/test_drill_judgement.py", "test_a_rule_that_main_lacks_is_not_refused_whatever_became_of_the_try"),
    ),
    Mutant(
        "two workers perform one drill",
        "backend/store/drills.py",
        "free = drills.c.lease_until.is_(None) | (drills.c.lease_until < now)",
        "free = drills.c.lease_until.is_(None) | (drills.c.lease_until >= now)",
        ("tests/unit/test_drill_records.py", "test_one_worker_has_it_until_its_lease_ends and sqlite"),
    ),
    Mutant(
        "no fence at the commit",
        "backend/store/promotions.py",
        "if fence is not None and before.fence != fence:",
        "if fence is not None and before.fence < 0:",
        (STORE, "test_a_lease_that_runs_out_goes_to_another_worker_and_fences_the_first and sqlite"),
    ),
    Mutant(
        "the lease is not looked at before a write",
        "backend/promotion/context.py",
        "if not self.still_mine():",
        "if self.promotion.fence < 0:",
        (CRASHES, "test_a_worker_without_its_lease_writes_nothing and sqlite"),
    ),
    Mutant(
        "created without looking",
        "backend/promotion/steps/create_deployment.py",
        "    if deployment is None:\n        return _create(ctx)\n",
        "    if deployment is None or deployment.state is ProvisioningState.CREATING:\n        return _create(ctx)\n",
        (ENGINE, "test_the_first_version_goes_to_all_traffic_at_once and sqlite"),
    ),
    Mutant(
        "the snapshot is taken late",
        "backend/promotion/plan.py",
        "    return (*beginning, *_mirrored(rollout), *watched, _retire(rollout.keep_warm_seconds))\n",
        "    first, *rest = watched\n"
        "    return (*beginning[1:], first, beginning[0], *rest, _retire(rollout.keep_warm_seconds))\n",
        (ENGINE, "test_an_abort_restores_the_snapshot_and_holds_the_endpoint and sqlite"),
    ),
    Mutant(
        "an abort is ignored",
        "backend/promotion/transitions.py",
        "if promotion.request is Request.ABORT and promotion.current is not None:",
        "if promotion.request is Request.ABORT and promotion.current is None:",
        (ENGINE, "test_an_abort_restores_the_snapshot_and_holds_the_endpoint and sqlite"),
    ),
    Mutant(
        "the candidate goes before the traffic has moved",
        "backend/promotion/plan.py",
        "        Step(kind=StepKind.RESTORE_TRAFFIC, deadline_seconds=TRAFFIC_DEADLINE),\n"
        "        Step(kind=StepKind.REMOVE_CANDIDATE, deadline_seconds=CREATE_DEADLINE),\n",
        "        Step(kind=StepKind.REMOVE_CANDIDATE, deadline_seconds=CREATE_DEADLINE),\n"
        "        Step(kind=StepKind.RESTORE_TRAFFIC, deadline_seconds=TRAFFIC_DEADLINE),\n",
        (ENGINE, "test_an_abort_restores_the_snapshot_and_holds_the_endpoint and sqlite"),
    ),
    Mutant(
        "what has traffic is removed",
        "backend/promotion/steps/remove_candidate.py",
        "if endpoint.traffic.get(name, 0):",
        "if endpoint.traffic.get(name, 0) > 100:",
        ("tests/recovery/test_way_back.py", "test_a_candidate_with_traffic_is_not_removed"),
    ),
    Mutant(
        "no point of no return: the warm deployment goes under a promotion",
        "backend/store/retirements.py",
        "(retirements.c.due_at <= self._clock()) & ~busy",
        "(retirements.c.due_at <= self._clock())",
        (STORE, "test_retirements_wait_for_their_time_and_for_a_free_endpoint and sqlite"),
    ),
    Mutant(
        "no point of no return: back to a deployment that is being removed",
        "backend/promotion/steps/restore_traffic.py",
        "if deployment is None or deployment.state is not ProvisioningState.SUCCEEDED:",
        "if deployment is not None and deployment.name == '':",
        ("tests/recovery/test_way_back.py", "test_there_is_no_way_back_to_what_is_being_removed"),
    ),
    Mutant(
        "no hold after an automatic rollback",
        "backend/promotion/engine.py",
        "if after.phase is Phase.ROLLED_BACK and after.kind is Kind.PROMOTE:",
        "if after.phase is Phase.ROLLED_BACK and after.kind is Kind.STAGE:",
        (ENGINE, "test_errors_at_any_weight_return_the_traffic_by_themselves and sqlite and 10"),
    ),
    Mutant(
        "traffic is set without comparing",
        "backend/promotion/context.py",
        "    if endpoint.traffic != left:\n",
        "    if endpoint.traffic != left and not left:\n",
        ("tests/recovery/test_way_back.py", "test_traffic_changed_before_a_shift_is_not_overwritten"),
    ),
    Mutant(
        "a split of somebody's is taken for what to return to",
        "backend/promotion/steps/snapshot.py",
        "if endpoint.live != wanted and ctx.",
        "if live != expected and ctx.",
        (ENGINE, "test_a_split_of_somebodys_is_no_production_to_return_to"),
    ),
    Mutant(
        "nothing is evaluated again at the click",
        "backend/operations/admission.py",
        "    deny(found, what)\n",
        "",
        (DECIDE, "test_an_approval_is_void_for_another_digest_or_threshold"),
    ),
    Mutant(
        "a gate that was not run counts as passed",
        "backend/policy/gates.py",
        'NOT_RUN: Answer = (FindingState.NOT_RUN, "Not measured yet.")',
        'NOT_RUN: Answer = (FindingState.PASS, "Not measured yet.")',
        ("tests/unit/test_gates.py", "test_nothing_measured_is_never_green"),
    ),
    Mutant(
        "too little data counts as passed",
        "backend/policy/gates.py",
        'return INCONCLUSIVE, f"{figures} {against}: too little data',
        'return PASS, f"{figures} {against}: too little data',
        ("tests/unit/test_gates.py", "test_a_loss_is_named_with_its_interval_and_little_data_is_no_pass"),
    ),
    Mutant(
        "an observation without enough calls counts as passed",
        "backend/promotion/steps/observe.py",
        "if analysis.health is Health.UNCLEAR:",
        "if analysis.health is Health.BAD:",
        (ENGINE, "test_a_quiet_endpoint_ends_inconclusive_and_waits_for_a_person and sqlite"),
    ),
    Mutant(
        "a void approval is accepted",
        "backend/policy/approval.py",
        "    if void:\n",
        "    if void and not approval.id:\n",
        (DECIDE, "test_an_approval_is_void_for_another_digest_or_threshold"),
    ),
    Mutant(
        "a second click with the same key is another promotion",
        "backend/store/promotions.py",
        "            if existing is not None:\n                same_request(existing, promotion, _CLICK)\n"
        "                return existing\n",
        "            if existing is not None:\n"
        '                promotion = promotion.model_copy(update={"id": "again"})\n',
        (STORE, "test_twenty_threads_with_the_same_click_make_one_promotion and sqlite"),
    ),
    Mutant(
        "the ledger row is left out",
        "backend/store/promotions.py",
        "            if told is not None:\n                self._audit.append(told, transaction)\n",
        "            if told is not None and told.actor:\n                told = None\n",
        ("tests/unit/test_audit.py", "test_replaying_the_ledger_gives_every_phase and sqlite"),
    ),
    Mutant(
        "the hash leaves out the row before",
        "backend/domain/ledger_chain.py",
        'exclude={"hash"}',
        'exclude={"hash", "previous"}',
        ("tests/unit/test_audit.py", "test_the_chain_can_be_checked_without_our_code"),
    ),
    Mutant(
        "an approval never ends",
        "backend/policy/approval.py",
        "    if council.now >= ends:\n",
        "    if council.now >= ends and not approval.id:\n",
        ("tests/unit/test_approval_operations.py", "test_an_approval_ends_by_the_clock_and_the_click_says_so_and_when"),
    ),
    Mutant(
        "a plan of a later release is run",
        "backend/store/promotions.py",
        "if found is not None and not of_a_later_release(found):",
        "if found is not None:",
        ("tests/recovery/test_upgrade.py", "test_an_earlier_release_leaves_alone_what_it_cannot_read and sqlite"),
    ),
)


@dataclass(frozen=True)
class Copy:
    """The product and its tests in a folder of their own, and an interpreter that has read nothing of them."""

    folder: Path
    python: Path

    def run(self, names, *files):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLOPS_", "PYTEST_"))}
        return subprocess.run(
            [self.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files, "-k", names],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants")
    leave = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for name in ("backend", "tests", "training"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for name in (".github", "console", "sandbox", "benchmarks", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    # By its hash: a seeded defect may be as long as what it replaces, and put there within the same second.
    compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    made = Resident(Path(sys.executable), folder / "resident", cwd=folder, modules=IMPORTED)
    yield Copy(folder, made.python)
    made.end()


@pytest.mark.recovery
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_seeded_defect_is_caught(copy, mutant):
    file = copy.folder / mutant.file
    good = file.read_text()
    file.write_text(good.replace(mutant.text, mutant.instead))
    caught_by, names = mutant.caught_by
    try:
        done = copy.run(names, caught_by)
    finally:
        file.write_text(good)
    assert done.returncode == FAILED_TESTS, f"survived ({done.returncode}): {done.stdout[-3000:]}{done.stderr[-1000:]}"
    assert " failed" in done.stdout


@pytest.mark.recovery
@pytest.mark.timeout(SECONDS + 60)
def test_without_a_defect_the_same_tests_pass(copy):
    files, names = {mutant.caught_by[0] for mutant in MUTANTS}, {f"({mutant.caught_by[1]})" for mutant in MUTANTS}
    done = copy.run(" or ".join(sorted(names)), *sorted(files))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_a_defect_is_there_once(mutant):
    text = (ROOT / mutant.file).read_text()
    assert text.count(mutant.text) == 1, f"{mutant.name}: the text is there {text.count(mutant.text)} times"
    assert text != text.replace(mutant.text, mutant.instead)
    file, names = mutant.caught_by
    assert f"def {names.split(' ')[0]}(" in (ROOT / file).read_text(), f"{mutant.name}: {names} is not in {file}"
