"""What a change does to the rules that judge it, said so loudly that nobody merges it unread. Pure."""

from __future__ import annotations

from backend.domain.gates import GATES_PATH, GateFile, GateRule
from backend.errors import Invalid
from backend.policy.gate_file import read_gates


def gate_changes(before: bytes | None, after: bytes | None) -> tuple[str, ...]:
    """One sentence a rule that changes, or one for the whole file; empty where it says the same."""
    if before == after:
        return ()
    if after is None:
        return (f"{GATES_PATH} is deleted: nothing could be promoted without it.",)
    try:
        new = read_gates(after, "")
    except Invalid as error:
        return (f"{error}. Nothing could be promoted with it.",)
    try:
        old = read_gates(before, "") if before is not None else None
    except Invalid:
        old = None
    if old is None:
        return (f"{GATES_PATH} is new: {len(new.rules)} gates.",)
    return _differences(old, new) or (f"{GATES_PATH} changes in its comments alone.",)


def _differences(old: GateFile, new: GateFile) -> tuple[str, ...]:
    pairs = zip(old.rules, new.rules, strict=True)
    return tuple(sentence for before, after in pairs for sentence in _of_rule(before, after))


def _of_rule(before: GateRule, after: GateRule) -> tuple[str, ...]:
    told = []
    if before.hard != after.hard:
        weaker = "no longer stops a promotion" if before.hard else "stops a promotion now"
        told.append(f"{after.name}: {_level(before)} → {_level(after)}, it {weaker}.")
    if before.limit != after.limit:
        told.append(f"{after.name}: limit {_number(before)} → {_number(after)}.")
    if before.reason != after.reason:
        told.append(f"{after.name}: another reason is given.")
    return tuple(told)


def _level(rule: GateRule) -> str:
    return "hard" if rule.hard else "advisory"


def _number(rule: GateRule) -> str:
    return "none" if rule.limit is None else f"{rule.limit:g}"
