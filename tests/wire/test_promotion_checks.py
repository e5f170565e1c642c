"""What stands between a version and production, on its commit: one check run, by the real SDK, whoever dies."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from github_lab import close_lab, open_lab
from pydantic import SecretStr

from backend.domain.people import Actor, Role
from backend.errors import RemoteUnavailable
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubWriter
from backend.operations.promotion_checks import CLAIM, PromotionChecks, Told, _text
from backend.operations.promotion_report import report_of
from sandbox.identity.secrets import INSTALLATION_PERMISSIONS
from sandbox.identity.tokens import issue_github_token
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import DEPUTY, LEAD, PROJECT, WHY, Hospital

CONSOLE = "https://console.hospital.example/"
NOBODY = Actor(name="nobody", roles=frozenset({Role.VIEWER}))


class Standing(Checks):
    """Check runs of real commits, which stand for those that the versions in memory were trained from."""

    def __init__(self, connection, real):
        super().__init__(connection)
        self._real = real

    def find(self, sha, name, external_id):
        return super().find(self._real(sha), name, external_id)

    def publish(self, sha, report):
        return super().publish(self._real(sha), report)


class Ward:
    """A ward whose versions were trained from commits of a real repository, and the worker that tells of them."""

    def __init__(self, sandbox, lab, hospital):
        self.sandbox, self.lab, self.hospital = sandbox, lab, hospital
        self.clone = lab.start()
        token = SecretStr(issue_github_token(lab.world, permissions=INSTALLATION_PERMISSIONS))
        writer = GitHubWriter(f"{lab.world.settings.url}/api/v3", lab.full_name, token, str(lab.ca_file))
        self.checks = Standing(writer, lambda sha: self.commits[self.number_of(sha)])
        self.commits = {}
        for number in sorted(hospital.cloud.registered):
            lab.commit(self.clone, {"training/params.toml": f"reg_rate = 0.{number}\n"}, f"Train v{number}")
            self.commits[number] = lab.git(self.clone, "rev-parse", "HEAD").strip()
        lab.git(self.clone, "push", "--quiet", "origin", "main")
        self.worker = self.another_worker()

    def another_worker(self):
        serving = lambda: self.hospital.cloud.reach().endpoints.get(PRODUCTION)  # noqa: E731  # as the worker hands it
        return PromotionChecks(self.hospital.store, self.checks, serving, PROJECT, CONSOLE, self.hospital.clock)

    def number_of(self, commit):
        return next(v.version for v in self.hospital.cloud.registered.values() if v.lineage.commit == commit)

    def version(self, number):
        return self.hospital.version(number)

    @property
    def versions(self):
        return tuple(self.version(number) for number in self.hospital.cloud.registered)

    def look(self, worker=None):
        (worker or self.worker).look(self.versions)

    def runs(self, number):
        """Every check run on the version's commit, whether GitHub calls it the latest or not."""
        return list(self.lab.repo("lead").get_commit(self.commits[number]).get_check_runs(filter="all"))

    def said(self, number):
        (run,) = self.runs(number)
        assert (run.name, run.status, run.app.slug) == (f"promotion/v{number}", "completed", "mlops-console")
        return run.conclusion, run.output.title

    def away(self, method=""):
        """GitHub answers 503 to everything about this repository's check runs."""
        fault = {"service": "github", "method": method, "path": f"{self.lab.full_name}/.*check-runs", "status": 503}
        httpx.post(f"{self.sandbox.browser_url}/control/faults", json=fault, timeout=20).raise_for_status()

    def back(self):
        httpx.delete(f"{self.sandbox.browser_url}/control/faults", timeout=20).raise_for_status()

    def approve(self, by=LEAD, key="yes"):
        known = self.version("2")
        return self.hospital.models.approve(by, known, WHY, key, self.hospital.advisory(known))

    def decision(self, number, actor=NOBODY):
        endpoint = self.hospital.cloud.reach().endpoints.get(PRODUCTION)
        return self.hospital.promotions.decision(actor, self.version(number), endpoint)


@pytest.fixture
def told(sandbox, tmp_path):
    """v1 serves, v2 has been tested."""
    lab, hospital = open_lab(sandbox, tmp_path), Hospital.after(tmp_path, "1", staged="2")
    made = Ward(sandbox, lab, hospital)
    yield made
    made.back()
    assert hospital.store.audit.verify().whole
    hospital.close()
    close_lab(lab)


def test_it_lists_what_the_page_lists_and_follows_the_version_to_its_end(told):
    told.look()
    assert told.said("2") == ("action_required", "Blocked by approval (lead)")
    (run,) = told.runs("2")
    assert run.details_url == f"{CONSOLE}deployments?version=2"
    listed = [line for line in run.output.summary.splitlines() if line.startswith("- **")]
    assert len(listed) == len(told.decision("2").blockers) > 1
    assert "- **Approval** (blocks): v2 has not been approved. Can clear it: lead" in listed
    assert told.said("1") == ("neutral", "Serving")

    told.approve()
    told.look()
    assert told.said("2") == ("success", "Ready")

    told.hospital.promotions.promote(LEAD, told.version("2"), told.hospital.promotions.stable(), WHY, "go")
    told.look()
    assert told.said("2") == ("neutral", "Being promoted")
    told.hospital.run("go")
    told.look()
    assert told.said("2") == ("neutral", "Serving")
    assert told.said("1") == ("neutral", "Superseded")


@pytest.mark.recovery
def test_github_is_asked_only_where_there_is_something_new_to_say(told):
    told.look()
    told.away()
    told.look()
    told.look(told.another_worker())
    told.approve()
    with pytest.raises(RemoteUnavailable):
        told.look()
    with pytest.raises(RemoteUnavailable):
        told.look()
    told.back()
    told.look()
    assert told.said("2") == ("success", "Ready")


@pytest.mark.recovery
def test_what_github_did_not_take_is_told_once_it_is_back(told):
    told.away("POST")
    with pytest.raises(RemoteUnavailable):
        told.look()
    told.back()
    told.look()
    assert [len(told.runs(number)) for number in ("1", "2")] == [1, 1]


def test_a_worker_that_died_after_github_made_it_leaves_one(told):
    """The check run is there and nobody wrote down its number: the next worker waits for the claim, then finds it."""
    version, report = told.version("2"), report_of(told.decision("2"), CONSOLE)
    dead = told.another_worker()
    assert dead._claim(version, "", Told()) is not None
    made = told.checks.publish(version.lineage.commit, report)
    told.look()
    told.approve()
    told.look()
    assert told.said("2") == ("action_required", "Blocked by approval (lead)")
    told.hospital.clock.pass_(CLAIM.total_seconds() + 1)
    told.look()
    assert told.said("2") == ("success", "Ready")
    assert [run.id for run in told.runs("2")] == [made]


@pytest.mark.recovery
def test_a_worker_that_slept_past_its_claim_makes_none(told):
    version, worker = told.version("2"), told.another_worker()
    claimed = worker._claim(version, "", Told())
    told.hospital.clock.pass_(CLAIM.total_seconds() + 1)
    assert worker._write(version, report_of(told.decision("2"), CONSOLE), 0, claimed, begin=True) is None
    assert told.runs("2") == []
    told.look()
    assert len(told.runs("2")) == 1


@pytest.mark.recovery
def test_workers_that_look_at_once_make_one(told):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(told.look, [told.another_worker() for _ in range(6)]))
    told.look()
    assert [len(told.runs(number)) for number in ("1", "2")] == [1, 1]


@pytest.mark.recovery
def test_a_commit_that_github_does_not_know_is_said_once_and_keeps_nobody_waiting(told, caplog):
    told.commits["2"], lost = "0" * 40, told.commits["2"]
    with caplog.at_level(logging.WARNING):
        told.look()
        told.look()
    assert [r.getMessage().partition(":")[0] for r in caplog.records] == ["the check run promotion/v2 is not written"]
    assert told.said("1") == ("neutral", "Serving")
    told.commits["2"] = lost
    assert told.runs("2") == []


@pytest.mark.recovery
def test_a_rejected_version_is_closed_left_alone_and_taken_up_again(told):
    told.look()
    told.hospital.models.reject(LEAD, told.version("2"), "too many alarms <b>@deputy</b>", "no")
    told.look()
    assert told.said("2") == ("failure", "Rejected")
    (run,) = told.runs("2")
    assert r"too many alarms \<b\>@&#8288;deputy\</b\>" in run.output.summary
    told.away()
    told.look()
    told.back()
    told.hospital.clock.pass_(1)
    told.approve(DEPUTY, "yes after all")
    told.look()
    assert told.said("2") == ("success", "Ready")
    assert [found.id for found in told.runs("2")] == [run.id]


@pytest.mark.recovery
def test_a_version_that_was_over_before_anybody_told_of_it_gets_none(told):
    told.hospital.models.reject(LEAD, told.version("2"), "too many alarms", "no")
    told.look()
    assert told.runs("2") == []
    told.away()
    told.look()


@pytest.mark.recovery
def test_a_check_run_that_is_gone_is_made_anew(told):
    told.look()
    version = told.version("2")
    marks = told.hospital.store.marks.below("promotion check/")
    name = next(name for name in marks if name.endswith(":2"))
    kept = Told.model_validate_json(marks[name])
    told.hospital.store.marks.set(name, _text(kept.model_copy(update={"check": 999_999_999})))
    told.approve()
    told.look()
    assert told.said("2") == ("success", "Ready")
    assert told.checks.find(version.lineage.commit, "promotion/v2", f"{PRODUCTION}/{version.name}:2") == kept.check
