"""The traffic of production as the ledger tells it: every split, and every change that was on its way. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.promotions import FOUND, FOUND_SINCE, Kind, StepKind, StepState
from backend.domain.unexplained import EventKind

_ONE_SHARE = re.compile(r"([\w-]+) (\d+) %")
MIRRORED = ", mirrored to "
"""Between the split that answers and what only gets a copy."""
_BEGUN = {StepState.WAITING, StepState.SUCCEEDED, StepState.FAILED, StepState.ERRORED, StepState.SKIPPED}


@dataclass(frozen=True)
class Split:
    """From `at` on the traffic was seen to be `weights`, because of what `cause` tells.

    `promotion` is "" where something outside the console had changed it, or changed it back.
    """

    at: datetime
    weights: dict[str, int]
    cause: AuditEntry
    promotion: str
    found: bool = False


@dataclass(frozen=True)
class Window:
    """Between `start` and `end` a change to `wanted` was ordered and not seen done; `end` is None if it never was.

    `over` is when a change that another one cut short was known to hold no more.
    """

    promotion: str
    wanted: dict[str, int]
    start: datetime
    end: datetime | None = None
    over: datetime | None = None


@dataclass
class Told:
    """One promotion or rollback as far as it has been read."""

    requested: AuditEntry
    last: datetime
    phases: list[tuple[datetime, str]] = field(default_factory=list)
    base: dict[str, int] | None = None
    window: Window | None = None
    cut_short: Window | None = None
    turned: AuditEntry | None = None


@dataclass
class Story:
    """All of it, oldest first. `models` holds the rows about versions by their subject; `endpoint` is production."""

    began: datetime | None = None
    endpoint: str = ""
    splits: list[Split] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    promotions: dict[str, Told] = field(default_factory=dict)
    models: dict[str, list[AuditEntry]] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, int]:
        return self.splits[-1].weights if self.splits else {}


def read(entries: Iterable[AuditEntry]) -> Story:
    """Read ledger rows in their order. Rows that concern neither production nor a version are passed over."""
    story = Story()
    for entry in entries:
        story.began = story.began or entry.at
        kind, _, name = entry.subject.partition("/")
        if kind == "model":
            story.models.setdefault(entry.subject, []).append(entry)
        elif kind == "promotion" and entry.detail.get("kind") in {Kind.PROMOTE, Kind.ROLL_BACK, Kind.ADOPT}:
            story.endpoint = str(entry.detail.get("endpoint", story.endpoint))
            _promotion_row(story, name, entry)
        elif kind == "event" and entry.detail.get("kind") == EventKind.TRAFFIC:
            _event_row(story, entry)
    for told in story.promotions.values():
        story.windows += [window for window in (told.cut_short, told.window) if window is not None]
    story.windows.sort(key=lambda window: window.start)
    return story


def _promotion_row(story: Story, name: str, entry: AuditEntry) -> None:
    told = story.promotions.setdefault(name, Told(requested=entry, last=entry.at))
    step, state = entry.detail.get("step"), entry.detail.get("step_state")
    if entry.detail["kind"] == Kind.ADOPT:
        story.splits.append(Split(entry.at, {str(entry.detail["deployment"]): 100}, entry, name))
    if step == StepKind.SNAPSHOT and state == StepState.SUCCEEDED:
        _found(story, name, told, entry)
    elif step == StepKind.SHIFT_TRAFFIC and state in _BEGUN:
        _shift(story, name, told, entry)
    if FOUND in entry.detail:
        found = _weights(json.loads(str(entry.detail[FOUND])))
        _set_elsewhere(story, found, entry, entry.detail.get(FOUND_SINCE), name)
    if entry.action == "promotion.rolling_back":
        _turn(story, name, told, entry)
    elif step == StepKind.RESTORE_TRAFFIC and state == StepState.SUCCEEDED:
        _restored(story, name, told, entry)
    told.last = entry.at
    if not told.phases or told.phases[-1][1] != entry.after:
        told.phases.append((entry.at, entry.after))


def _found(story: Story, name: str, told: Told, entry: AuditEntry) -> None:
    """What a promotion finds when it begins is what serves, whoever set it."""
    seen = entry.detail.get("traffic")
    found = story.weights if seen is None else _weights(json.loads(str(seen)))
    told.base = found
    if found != story.weights:
        story.splits.append(Split(entry.at, found, entry, name, found=True))


def _event_row(story: Story, entry: AuditEntry) -> None:
    """What the worker saw between promotions: traffic that nobody of ours set, and that it is right again.

    It holds from when the service says it was written, or else from when it was seen.
    """
    if not story.endpoint or entry.detail.get("about") != f"endpoint/{story.endpoint}":
        return
    if entry.action == "event.noticed":
        seen = in_words_again(str(entry.detail["actual"]))
        _set_elsewhere(story, seen, entry, entry.detail.get("happened_at"), "")
    elif entry.action == "event.resolved" and story.splits and story.splits[-1].cause.subject == entry.subject:
        story.splits.append(Split(entry.at, in_words_again(str(entry.detail["expected"])), entry, ""))


def _set_elsewhere(story: Story, seen: dict[str, int], entry: AuditEntry, written: object, promotion: str) -> None:
    at = datetime.fromisoformat(str(written)) if written else entry.at
    last = story.splits[-1].at if story.splits else entry.at
    if seen != story.weights:
        story.splits.append(Split(at if last < at <= entry.at else entry.at, seen, entry, promotion, found=True))


def in_words_again(words: str) -> dict[str, int]:
    """The weights that were written as `v11-3c9e 90 %, v12-7f3a 10 %`; what is mirrored beside them answers nobody."""
    return {name: int(weight) for name, weight in _ONE_SHARE.findall(words.partition(MIRRORED)[0])}


def _shift(story: Story, name: str, told: Told, entry: AuditEntry) -> None:
    base = story.weights if told.base is None else told.base
    wanted = weights_at(base, str(entry.detail["deployment"]), int(entry.detail.get("weight", 0)))
    if told.window is None or told.window.wanted != wanted:
        _close(story, told, None)
        # The order left after the promotion's row before this one, and before this one was written.
        told.window = Window(name, wanted, told.last)
    if entry.detail["step_state"] == StepState.SUCCEEDED:
        _close(story, told, entry.at)
        story.splits.append(Split(entry.at, wanted, entry, name))


def _turn(story: Story, name: str, told: Told, entry: AuditEntry) -> None:
    """The way back begins. Nothing is on its way where the traffic was never touched."""
    told.turned = entry
    if told.base is None or (told.window is None and told.base == story.weights):
        return
    told.cut_short = told.window
    told.window = Window(name, told.base, entry.at)


def _restored(story: Story, name: str, told: Told, entry: AuditEntry) -> None:
    _close(story, told, entry.at)
    if told.cut_short is not None:
        story.windows.append(replace(told.cut_short, over=entry.at))
        told.cut_short = None
    if told.base is not None and told.base != story.weights:
        story.splits.append(Split(entry.at, told.base, told.turned or entry, name))


def _close(story: Story, told: Told, end: datetime | None) -> None:
    if told.window is not None:
        story.windows.append(replace(told.window, end=end))
        told.window = None


def weights_at(base: dict[str, int], candidate: str, weight: int) -> dict[str, int]:
    """The candidate's share, and the rest to the deployment that had most of `base`; at 100 the candidate alone."""
    stable = max(base, key=lambda name: base[name]) if base else candidate
    if weight >= 100 or stable == candidate:
        return {candidate: 100}
    return {stable: 100 - weight, candidate: weight}


def _weights(read_from: dict[str, int]) -> dict[str, int]:
    return {name: weight for name, weight in read_from.items() if weight}
