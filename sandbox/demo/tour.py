"""`make tour`: the whole loop through the command line and git, in a world of its own; one JSON object at the end.

Exit 0 only if every stage held, every refusal was a refusal, and the three digests are equal.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from sandbox.demo.branches import BRANCHES
from sandbox.demo.children import Children, Died
from sandbox.demo.environments import InstallFailed, ensure_all
from sandbox.demo.first_world import REPOSITORY, FirstWorld, GitRefused, WorldFailed
from sandbox.demo.launch import CHECKOUT, ENVIRONMENTS, start_services
from sandbox.demo.preflight import EXIT_UNAVAILABLE, Unready, check_machine, free_port
from sandbox.demo.session import CommandFailed
from sandbox.demo.settings_file import Ports

CHECKS_SECONDS = 900
ENDPOINT = "diabetes-endpoint"
REJECTED = 2


class TourFailed(Exception):
    """Something that must hold did not; the text says what was seen instead."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make tour", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the world's folder")
    options = parser.parse_args()

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    home = Path(tempfile.mkdtemp(prefix="mlops-tour-"))
    children = Children(home / "logs")
    try:
        check_machine(CHECKOUT, installed=True)
        ensure_all(CHECKOUT, ENVIRONMENTS, home / "logs", say)
        ports = Ports(console=free_port(), sandbox=free_port(), browser=free_port())
        start_services(children, home, ports, console=False, tell=say)
        result = Tour(home, ports, children).run()
    except (TourFailed, Died, InstallFailed, Unready, WorldFailed, CommandFailed, GitRefused, OSError) as error:
        print(f"The tour failed: {error}", file=sys.stderr)
        options.keep = True
        return EXIT_UNAVAILABLE if isinstance(error, Unready) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        children.stop()
        if options.keep:
            print(f"The world's folder is {home}", file=sys.stderr)
        else:
            shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result, indent=2))
    return 0


def say(text: str, started: float | None = None) -> None:
    """Progress goes to standard error; standard output holds the one JSON object."""
    took = f"  ({time.monotonic() - started:.0f} s)" if started is not None else ""
    print(f"  {text}{took}", file=sys.stderr, flush=True)


class Tour:
    def __init__(self, home: Path, ports: Ports, children: Children) -> None:
        self.world = FirstWorld(CHECKOUT, home, ports, say, children.check)
        self.lead, self.scientist = self.world.lead, self.world.scientist
        self.children = children
        self.seconds: dict[str, float] = {}
        self.refusals: dict[str, str] = {}

    def stage(self, name: str, action: Callable[[], Any]) -> Any:
        started = time.monotonic()
        value = action()
        self.seconds[name] = round(time.monotonic() - started, 1)
        say(name, started)
        return value

    def run(self) -> dict[str, Any]:
        chosen = [branch for branch in BRANCHES if branch.key in ("challenger", "worse")]
        self.stage("first_world", lambda: self.world.make(chosen))
        self.stage("practitioners", lambda: self._practitioners(12.0))
        numbers = {branch.key: self.world.open_pull_request(branch) for branch in chosen}
        self.refuse("direct push to main", self._push_main, "GH013")
        self.scientist.sign_in()
        challenger = self.stage("checks", lambda: self._checked(numbers["challenger"], "better"))
        self._checked(numbers["worse"], "worse")
        self.refuse(
            "the author approves their own pull request",
            lambda: self.scientist.mlops(
                "pr", "approve", str(challenger["summary"]["number"]), "--reason", "It is my own work."
            ),
        )
        self.refuse(
            "the author approves it on GitHub itself",
            lambda: self._approve_on_github(challenger["summary"]),
            "Can not approve your own pull request",
        )
        merged = self.stage("merge", lambda: self._merge(numbers["challenger"]))
        version = self.stage("retrain", lambda: self._new_version(merged))
        self.refuse(
            "an unapproved version is promoted",
            lambda: self.lead.mlops("promote", version["version"], "--reason", "Promoted before its approval."),
        )
        self.stage("promote", lambda: self._promote(version["version"]))
        served = self.lead.read("endpoint", "score")
        after = self.lead.read("endpoint", "show")["traffic"]
        self.stage("roll_back", self._roll_back)
        return self._result(numbers["challenger"], merged, version, served, after)

    def _result(
        self, number: int, merged: str, version: dict[str, Any], served: dict[str, Any], after: dict[str, int]
    ) -> dict[str, Any]:
        dossier = self.lead.read("models", "show", version["version"])["dossier"]
        run = self.lead.read("runs", "show", "diabetes-prod", version["lineage"]["run"])["run"]
        result = {
            "pull_request": number,
            "merge_commit": merged,
            "run": version["lineage"]["run"],
            "model_version": version["version"],
            "digest_trained": run["tags"]["digest"],
            "digest_approved": next(a["digest"] for a in dossier["approvals"] if a["decision"] == "approved"),
            "digest_served": served["digest"],
            "traffic_after_promotion": after,
            "traffic_after_rollback": self.lead.read("endpoint", "show")["traffic"],
            "refusals": self.refusals,
            "seconds": self.seconds,
        }
        digests = {result["digest_trained"], result["digest_approved"], result["digest_served"]}
        if len(digests) != 1:
            raise TourFailed(f"The digests differ: {json.dumps(result)}")
        if list(after.values()) != [100] or served["model_version"] != version["version"]:
            raise TourFailed(f"After the promotion {after} serves version {served['model_version']}")
        if result["traffic_after_rollback"] == after:
            raise TourFailed("The roll back left the traffic as it was")
        self.lead.mlops("audit", "verify")
        return result

    def refuse(self, what: str, action: Callable[[], Any], words: str = "") -> None:
        """The action must be refused, with exit code 2 and the words; its text is kept."""
        try:
            action()
        except CommandFailed as error:
            if error.code != REJECTED:
                raise TourFailed(f"{what}: ended with {error.code} instead of a refusal: {error}") from error
            text = error.output.strip().splitlines()[-1]
        except GitRefused as error:
            text = str(error)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
        else:
            raise TourFailed(f"{what}: it was not refused")
        if words not in text:
            raise TourFailed(f"{what}: the refusal does not say {words}: {text}")
        self.refusals[what] = text
        say(f"Refused: {what}")

    def _approve_on_github(self, pull: dict[str, Any]) -> None:
        body = {"event": "APPROVE", "body": "It is my own work.", "commit_id": pull["head_sha"]}
        self.scientist.github(f"/repos/{REPOSITORY}/pulls/{pull['number']}/reviews", "POST", body)

    def _practitioners(self, per_second: float) -> None:
        base = f"http://127.0.0.1:{self.world.ports.browser}/control/practitioners"
        self.lead.call(base, "POST", {"per_second": per_second})

    def _push_main(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.world.home) as folder:
            tree = Path(folder) / "clone"
            self.world.git(Path(folder), "clone", "-q", self.world.remote(self.lead), str(tree))
            (tree / "training" / "note.txt").write_text("straight to main\n")
            self.world.commit(tree, "Push without a pull request")
            self.world.git(tree, "push", "origin", "main")

    def _checked(self, number: int, verdict: str) -> dict[str, Any]:
        """Wait for the checks; the comparison with the champion must have this verdict on the AUC."""
        end = time.monotonic() + CHECKS_SECONDS
        while time.monotonic() < end:
            self.children.check()
            detail: dict[str, Any] = self.lead.read("pr", "show", str(number))
            gate = [c for c in detail["summary"]["checks"] if c["name"] == "quality-gate"]
            if gate and gate[0]["state"] == "failed":
                failing = [f"{c['name']}: {c['title']}" for c in detail["summary"]["checks"] if c["state"] == "failed"]
                raise TourFailed(f"The checks of #{number} failed: {'; '.join(failing)}")
            if gate and gate[0]["state"] == "passed" and detail["comparison"]:
                found = detail["comparison"]["differences"][0]["verdict"]
                if found != verdict:
                    raise TourFailed(f"#{number} should be {verdict} and is {found}")
                return detail
            time.sleep(2)
        raise TourFailed(f"The checks of #{number} had not finished after {CHECKS_SECONDS} s")

    def _merge(self, number: int) -> str:
        self.lead.mlops(
            "pr", "approve", str(number), "--merge", "--reason", "Better on the same holdout, checks are green."
        )
        pull = self.lead.github(f"/repos/{REPOSITORY}/pulls/{number}")
        if not pull["merged"]:
            raise TourFailed(f"#{number} is not merged")
        return str(pull["merge_commit_sha"])

    def _new_version(self, merged: str) -> dict[str, Any]:
        version = self.world.wait_for_version("2", 600)
        if version["lineage"]["commit"] != merged:
            raise TourFailed(f"Version 2 comes from {version['lineage']['commit']}, not from the merge {merged}")
        if version["state"] != "ready":
            raise TourFailed(f"Version 2 is {version['state']}: {version['reason']}")
        return version

    def _promote(self, version: str) -> None:
        self.lead.mlops(
            "promote",
            version,
            "--approve",
            *self.lead.acknowledging(version),
            "--reason",
            "Better on the production holdout and tested.",
            "--wait",
            timeout=900,
        )

    def _roll_back(self) -> None:
        self.lead.mlops("rollback", "--reason", "Rehearse the way back to the earlier version.", "--wait", timeout=300)


if __name__ == "__main__":
    sys.exit(main())
