"""Notes, labels, pins and saved searches of the run list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.domain.run_remarks import Remark, RemarkKind, SavedView
from backend.errors import Invalid, NotPermitted
from backend.operations.authorise import refusal, require, require_key
from backend.store import Store

LONGEST = {RemarkKind.NOTE: 2_000, RemarkKind.LABEL: 40, RemarkKind.PIN: 500}
LONGEST_NAME = 60
MOST_AT_ONCE = 100
LONGEST_QUERY = 4_000
_LABEL = re.compile(r"[\w][\w .:/+-]*")


class RunRemarks:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, actor: Actor, kind: RemarkKind, workspace: str, run: str, text: str, key: str) -> Remark:
        """Write a note or a label, or pin the run as a candidate. Raises NotPermitted, Invalid."""
        require(actor, Right.MANAGE_RUNS)
        return self._store.run_remarks.add(
            Remark(
                id=require_key(key),
                kind=kind,
                workspace=workspace,
                run=run,
                text=_said(kind, text),
                by=actor.name,
                at=self._clock(),
            ),
            actor.channel,
        )

    def add_to_each(
        self, actor: Actor, kind: RemarkKind, runs: Sequence[str], text: str, key: str
    ) -> tuple[Remark, ...]:
        """Say the same of each run, named `workspace/run`. Raises NotPermitted, Invalid before anything is written."""
        require(actor, Right.MANAGE_RUNS)
        said, click, places = _said(kind, text), require_key(key), _places(runs)
        return tuple(
            self.add(actor, kind, workspace, run, said, f"{click}-{place}")
            for place, (workspace, run) in enumerate(places, start=1)
        )

    def relabel(
        self, actor: Actor, runs: Sequence[str], added: str, ended: Sequence[str], key: str
    ) -> tuple[Remark, ...]:
        """Add a label to each run, "" for none, and take those that ended away; what changed. Raises as `add_to_each`.

        A label that a run does not have is no mistake: the runs of a list differ.
        """
        require(actor, Right.MANAGE_RUNS)
        places = _places(runs)
        if not added.strip() and not ended:
            raise Invalid("Name a label to add, or one to take away.")
        made = self.add_to_each(actor, RemarkKind.LABEL, runs, added, key) if added.strip() else ()
        gone = [
            remark
            for workspace, run in places
            for remark in self.of_run(workspace, run)
            if remark.kind is RemarkKind.LABEL and remark.text in ended
        ]
        return (*made, *(self.end(actor, remark.id) for remark in gone))

    def end(self, actor: Actor, remark_id: str, reason: str = "") -> Remark:
        """Take a remark back, whoever made it. Raises NotPermitted, NotFound."""
        require(actor, Right.MANAGE_RUNS)
        return self._store.run_remarks.end(remark_id, actor, reason.strip() or "no longer so")

    def of_run(self, workspace: str, run: str) -> tuple[Remark, ...]:
        """What stands about a run, newest first."""
        return self._store.run_remarks.of_run(workspace, run)

    def marks(self) -> dict[str, frozenset[str]]:
        """Labels by `workspace/run`, `pinned` among them."""
        return self._store.run_remarks.marks()

    def refusal(self, actor: Actor) -> str:
        """Why the actor may not write any, for a disabled button; "" where they may."""
        return refusal(actor, Right.MANAGE_RUNS)

    def views(self) -> tuple[SavedView, ...]:
        """Everybody's saved searches, by name."""
        return self._store.run_remarks.views()

    def keep_view(self, actor: Actor, name: str, query: str) -> SavedView:
        """Keep a search under a name of one's own. Raises NotPermitted, Invalid."""
        require(actor, Right.READ)
        called = " ".join(name.split())
        if not called or len(called) > LONGEST_NAME or not called.isprintable():
            raise Invalid(f"A view's name has 1 to {LONGEST_NAME} printable characters.")
        if len(query) > LONGEST_QUERY:
            raise Invalid(f"The search is longer than {LONGEST_QUERY:,} characters.")
        return self._store.run_remarks.keep_view(
            SavedView(name=called, query=query, owner=actor.name, at=self._clock())
        )

    def drop_view(self, actor: Actor, owner: str, name: str) -> None:
        """Forget a search; only its owner may. Raises NotPermitted, NotFound."""
        require(actor, Right.READ)
        if actor.name != owner:
            raise NotPermitted(f"The view {name} is {owner}'s, who alone can drop it.")
        self._store.run_remarks.drop_view(owner, name)


def _places(runs: Sequence[str]) -> list[tuple[str, str]]:
    found = [(workspace, run) for workspace, _, run in (one.partition("/") for one in runs)]
    if not 0 < len(found) <= MOST_AT_ONCE or not all(workspace and run for workspace, run in found):
        raise Invalid(f"Name 1 to {MOST_AT_ONCE} runs, each as workspace/run.")
    return found


def _said(kind: RemarkKind, text: str) -> str:
    said = text.strip()
    if not said:
        raise Invalid(f"A {kind.value} needs some words.")
    if len(said) > LONGEST[kind]:
        raise Invalid(f"A {kind.value} has at most {LONGEST[kind]:,} characters.")
    if kind is RemarkKind.LABEL and (not _LABEL.fullmatch(said) or said.lower() == "pinned"):
        raise Invalid("A label is letters, digits, spaces and .:/+- and begins with a letter or digit; "
                      "“pinned” is what a pin says.")  # fmt: skip
    return said
