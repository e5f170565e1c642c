"""All open pull requests, kept current by one small query a look.

```
first look, and now and then    every row in full, 25 a call: 100 pull requests are 4 calls
every other look                one call for what can have changed of each (`glance`), with the rows in full whose
                                checks are under way; then the rows that did change, 25 a call
```

With 300 open pull requests a look every 25 seconds takes 144 of the 5,000 points that GitHub gives an hour, and one for
each time that some have changed, where reading every row would take 1,728.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.reviews import CheckState, PullRequest
from backend.errors import NotFound, RemoteUnavailable
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.queries import OPEN_PULLS, PAGE, SOME_ROWS, glance
from backend.gateways.github.rows import as_pull
from backend.gateways.github.rules import owner_rules, rules_of

LOOKS = 150
"""Looks after which every row is read again: what no glance shows, such as a thread that was resolved."""
SMALLEST_PAGE = 5
PATIENCE = 2
"""Failures in a row after which less is asked for at once: GitHub answers a query that is too much with an error."""
UNDER_WAY = {CheckState.QUEUED, CheckState.RUNNING}

Node = Mapping[str, Any]


@dataclass(slots=True)
class _Kept:
    """What is known: rows by number as GitHub answered them, the ends of each hundred, what merges are judged by."""

    nodes: dict[int, Node] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)
    base: Node = field(default_factory=dict)


class Board:
    """Safe from several threads, which take turns. `points` is what all looks together have cost."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._kept = _Kept()
        self._pulls: dict[int, PullRequest] = {}
        self._looks = LOOKS
        self._read: dict[int, int] = {}
        self._page, self._failures = PAGE, 0
        self.points = 0

    def look(self) -> tuple[PullRequest, ...]:
        """All open pull requests as they are now, most recently updated first.

        Raises what GitHub's gateway raises, half an answer included; what was known before stays for the next look.
        """
        with self._turn:
            try:
                kept = self._whole() if self._looks >= LOOKS else self._glanced()
            except RemoteUnavailable as error:
                self._failures += 1
                if self._failures >= PATIENCE and error.retry_after is None:
                    # A glance that is too much is replaced by pages, and pages by smaller ones.
                    self._page = self._page if self._looks < LOOKS else max(self._page // 2, SMALLEST_PAGE)
                    self._looks = LOOKS
                raise
            except NotFound:
                # A row that is gone, as after a transfer, would be asked for again at each glance.
                self._looks = LOOKS
                raise
            self._page, self._failures = PAGE, 0
            self._looks += 1
            self._keep(kept)
            return tuple(sorted(self._pulls.values(), key=lambda pull: pull.updated_at, reverse=True))

    def _whole(self) -> _Kept:
        found, after = _Kept(), None
        while True:
            answer = self._ask(OPEN_PULLS, first=self._page, after=after)
            found.base = _base(answer["repository"])
            page = answer["repository"]["pullRequests"]
            found.nodes |= {node["number"]: node for node in page["nodes"]}
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                self._looks = 0
                return found
            if len(found.nodes) % 100 == 0:
                found.ends.append(after)

    def _glanced(self) -> _Kept:
        found = _Kept(ends=list(self._kept.ends))
        wanted = self._under_way()
        while True:
            cursors = {f"after{page}": end for page, end in enumerate(found.ends, start=1)}
            answer = self._ask(glance(len(found.ends) + 1), ids=wanted, **cursors)
            pages = [answer["repository"][f"page{page}"] for page in range(len(found.ends) + 1)]
            last = pages[-1]
            if not last["pageInfo"]["hasNextPage"]:
                break
            found.ends.append(last["pageInfo"]["endCursor"])
        if not last["nodes"] and found.ends:
            found.ends.pop()
        found.base = _base(answer["repository"])
        full = {node["id"]: node for node in answer["nodes"]}
        listed = {node["number"]: node for page in pages for node in page["nodes"]}
        changed = [node["id"] for node in listed.values() if node["id"] not in full and self._moved(node)]
        for start in range(0, len(changed), PAGE):
            answer = self._ask(SOME_ROWS, ids=changed[start : start + PAGE])
            full |= {node["id"]: node for node in answer["nodes"]}
        for number, node in listed.items():
            # Whether it merges is in the glance: a merge changes that of every other pull request.
            merging = {name: node[name] for name in ("mergeable", "mergeStateStatus")}
            found.nodes[number] = full.get(node["id"]) or {**self._kept.nodes[number], **merging}
        return found

    def _moved(self, node: Node) -> bool:
        """Whether a row has to be read again."""
        known = self._kept.nodes.get(node["number"])
        return known is None or _mark(known) != _mark(node)

    def _under_way(self) -> list[str]:
        """Node ids of rows whose checks are under way, as many as one call may bring, longest unread first."""
        running = [n for n, pull in self._pulls.items() if any(check.state in UNDER_WAY for check in pull.checks)]
        chosen = sorted(running, key=lambda number: self._read.get(number, 0))[:PAGE]
        self._read |= dict.fromkeys(chosen, self._looks + 1)
        return [self._kept.nodes[number]["id"] for number in chosen]

    def _keep(self, found: _Kept) -> None:
        """Judge again what has changed, and everything where the rules have."""
        same_rules = found.base == self._kept.base
        rules, owners = rules_of(found.base.get("defaultBranchRef")), owner_rules(found.base)
        pulls = {}
        for number, node in found.nodes.items():
            known = self._pulls.get(number)
            if known is not None and same_rules and node == self._kept.nodes.get(number):
                pulls[number] = known
            else:
                towards_default = node["baseRefName"] == (found.base.get("defaultBranchRef") or {}).get("name")
                pulls[number] = as_pull(node, rules, owners) if towards_default else as_pull(node, rules_of(None))
        self._kept, self._pulls = found, pulls
        self._read = {number: look for number, look in self._read.items() if number in pulls}

    def _ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = self._connection.ask(query, "list pull requests", **variables)
        self.points += answer["rateLimit"]["cost"]
        return answer


def _base(repository: Node) -> Node:
    """What merges into the default branch are judged by."""
    return {name: repository.get(name) for name in ("defaultBranchRef", "owners1", "owners2", "owners3")}


def _mark(node: Node) -> tuple[object, ...]:
    """What differs once a row does, but for whether it merges."""
    return node["updatedAt"], node["headRefOid"], node["isDraft"], (node.get("statusCheckRollup") or {}).get("state")
