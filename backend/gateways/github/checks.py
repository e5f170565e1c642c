"""Check runs: read, written by workflows, and what they found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from backend.domain.reviews import CheckRun, Problem
from backend.gateways.failures import one_line
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.rows import check_state, moment_or_none

LIMIT = 65_000
"""GitHub takes 65,535 characters in each of a check run's texts."""

TITLE = 250
"""Characters of a title that its list shows on GitHub's page."""

EXIT = "Process completed with exit code"
MOST = 20
"""Problems of one check that are worth a page's room; the log has the rest."""

Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]


@dataclass(frozen=True, slots=True)
class Report:
    """A finished check run, whole. `external_id` is what we call it, so that we find it again on its commit.

    `summary` is markdown; whatever in it comes from outside was made harmless before.
    """

    name: str
    external_id: str
    conclusion: Conclusion
    title: str
    summary: str
    url: str

    @property
    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "external_id": self.external_id,
            "details_url": self.url,
            "status": "completed",
            "conclusion": self.conclusion,
            "output": {"title": one_line(self.title, TITLE), "summary": _fit(self.summary)},
        }


class Checks:
    """Writing needs a GitHub App's or a workflow's token; people's tokens may only read."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def of(self, sha: str) -> tuple[CheckRun, ...]:
        """The latest check run of each name on a commit."""
        return tuple(
            CheckRun(
                id=item["id"],
                name=item["name"],
                state=check_state(item["status"], item.get("conclusion")),
                title=item["output"].get("title") or "",
                summary=item["output"].get("summary") or "",
                started_at=moment_or_none(item.get("started_at")),
                completed_at=moment_or_none(item.get("completed_at")),
                url=item.get("details_url") or "",
            )
            for item in self._items(sha)
        )

    def problems(self, id_: int) -> tuple[Problem, ...]:
        """A check run's failure annotations: what its steps printed as `::error`, in their order, at most `MOST`.

        A check run of an Actions job has no title on GitHub: these are all it says.
        """
        path = f"{{repo}}/check-runs/{id_}/annotations"
        found = self._connection.get(path, "read a check's annotations", per_page=100)
        failures = [item for item in found if item.get("annotation_level") == "failure" and item.get("message")]
        # GitHub adds this line to every failed job; it is worth telling only where nothing else was said.
        telling = [item for item in failures if not item["message"].startswith(EXIT)]
        failures = telling or failures
        return tuple(
            Problem(path=item.get("path") or "", line=item.get("start_line") or 0, message=item["message"].strip())
            for item in failures[:MOST]
        )

    def create(self, sha: str, name: str, *, external_id: str = "") -> int:
        """Begin a check run on the commit and answer its id; lists of pull requests read the external id."""
        body: dict[str, Any] = {"name": name, "head_sha": sha, "status": "in_progress"}
        if external_id:
            body["external_id"] = external_id
        return int(self._connection.send("POST", "{repo}/check-runs", "create a check run", body)["id"])

    def complete(self, id_: int, conclusion: Conclusion, *, title: str, summary: str, text: str = "") -> None:
        """End a check run with its verdict; over-long texts are cut, and say so."""
        output = {"title": one_line(title, TITLE), "summary": _fit(summary)}
        if text:
            output["text"] = _fit(text)
        body = {"status": "completed", "conclusion": conclusion, "output": output}
        self._connection.send("PATCH", f"{{repo}}/check-runs/{id_}", "complete a check run", body)

    def find(self, sha: str, name: str, external_id: str) -> int | None:
        """The check run that we once published under this name and id on the commit, the first of several.

        Of all and not of the latest: GitHub tells the latest by when they completed.
        """
        path = f"{{repo}}/commits/{sha}/check-runs"
        items = self._connection.pages(path, "read check runs", "check_runs", filter="all", check_name=name)
        return min((int(item["id"]) for item in items if item.get("external_id") == external_id), default=None)

    def publish(self, sha: str, report: Report) -> int:
        """A new check run on the commit; its id. `find` it first: GitHub makes as many as it is asked for."""
        body = {"head_sha": sha, **report.body}
        return int(self._connection.send("POST", "{repo}/check-runs", "publish a check run", body)["id"])

    def change(self, id_: int, report: Report) -> None:
        """What a check run of ours says from now on. Raises NotFound where it is gone.

        GitHub takes another conclusion of a completed check run, and never takes one back to be in progress.
        """
        self._connection.send("PATCH", f"{{repo}}/check-runs/{id_}", "change a check run", report.body)

    def _items(self, sha: str, **filters: str) -> list[dict[str, Any]]:
        path = f"{{repo}}/commits/{sha}/check-runs"
        return list(self._connection.pages(path, "read check runs", "check_runs", filter="latest", **filters))


def _fit(text: str) -> str:
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n\n(cut: GitHub takes no more)"
