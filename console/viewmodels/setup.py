"""The plan of the setup, field by field, and what the worker has found about it."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.setup import Change, DeclaredField, FindingState, FixState, PlannedResource, SetupFinding, SetupPlan
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

CHANGES = {
    Change.CREATE: Pill("create", "blue", "add_circle"),
    Change.UPDATE: Pill("change", "warn", "change_circle"),
    Change.NONE: Pill("unchanged", "good", "check_circle"),
    Change.UNREADABLE: Pill("cannot be read", "warn", "visibility_off"),
}
FOUND = {
    FindingState.DRIFTED: Pill("drifted", "bad", "difference"),
    FindingState.UNKNOWN: Pill("unknown", "warn", "visibility_off"),
    FindingState.NOT_REFUSED: Pill("NOT refused", "bad", "gpp_bad"),
}
AZURE, GITHUB = "Azure", "GitHub"
GITHUB_KINDS = frozenset(
    {
        "repository",
        "Actions variable",
        "Actions permissions",
        "deployment environment",
        "code owners",
        "stand-in branch",
        "ruleset",
        "tag ruleset",
    }
)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of the plan; `thing` stands on the first line of its resource alone."""

    thing: Untrusted
    where: Untrusted
    state: Pill | None
    field: str
    now: Untrusted
    declared: Untrusted


@dataclass(frozen=True, slots=True)
class Side:
    """One service's part of the plan: what differs, and everything."""

    name: str
    count: str
    differing: tuple[FieldRow, ...]
    whole: tuple[FieldRow, ...]


def headline(plan: SetupPlan | None) -> Pill:
    if plan is None:
        return Pill("not read yet", "quiet", "sync")
    unknown, pending = len(plan.unknown), len(plan.pending)
    if pending:
        return Pill(f"{pending} to create or change", "warn", "difference")
    if unknown:
        return Pill(f"{unknown} cannot be seen", "warn", "visibility_off")
    return Pill("as declared", "good", "verified")


def counts(plan: SetupPlan) -> tuple[tuple[str, Pill], ...]:
    """How many resources each word stands for; words that stand for none are left out."""
    found = {change: sum(r.change is change for r in plan.resources) for change in Change}
    return tuple((str(number), CHANGES[change]) for change, number in found.items() if number)


def sides(plan: SetupPlan) -> tuple[Side, ...]:
    return tuple(_side(name, [r for r in plan.resources if _belongs(r) == name]) for name in (AZURE, GITHUB))


def _side(name: str, resources: list[PlannedResource]) -> Side:
    differing = [r for r in resources if r.change is not Change.NONE]
    as_declared = len(resources) - len(differing)
    return Side(
        name=name,
        count=f"{as_declared} of {len(resources)} as declared",
        differing=tuple(row for r in differing for row in _rows(r, r.differing)),
        whole=tuple(row for r in resources for row in _rows(r, r.fields)),
    )


def _belongs(resource: PlannedResource) -> str:
    return GITHUB if resource.kind in GITHUB_KINDS else AZURE


def _rows(resource: PlannedResource, fields: tuple[DeclaredField, ...]) -> list[FieldRow]:
    first = (Untrusted(f"{resource.kind} {resource.name}", 120), Untrusted(resource.where, 60))
    again = (Untrusted(""), Untrusted(""))
    if not fields:
        note = Untrusted(resource.note or "nothing differs", 400)
        return [FieldRow(*first, CHANGES[resource.change], "", note, Untrusted(""))]
    rows = [
        FieldRow(
            *(first if index == 0 else again),
            CHANGES[field.change] if index == 0 or resource.change is not Change.CREATE else None,
            field.name,
            Untrusted(_now(field), 400),
            Untrusted(field.declared, 400),
        )
        for index, field in enumerate(fields)
    ]
    if resource.note:
        rows.append(FieldRow(*again, None, "", Untrusted(resource.note, 400), Untrusted("")))
    return rows


def _now(field: DeclaredField) -> str:
    if field.now is not None:
        return field.now
    return "not visible to this identity" if field.change is Change.UNREADABLE else "nothing yet"


def fix_refusal(finding: SetupFinding, resource: PlannedResource | None, refusal: str) -> str:
    """Why its fix cannot be asked for; "" where it can."""
    if refusal:
        return refusal
    if finding.fix is FixState.WANTED:
        return "The worker has been asked already."
    if finding.state is FindingState.UNKNOWN:
        return "Nobody knows whether it needs one: give the worker's identity the right to read it."
    if finding.state is FindingState.NOT_REFUSED:
        return "A person puts the setup right, by `mlops setup apply` or by hand, and runs a drill again."
    if resource is not None and resource.by_hand:
        return resource.note or "A person has to do this."
    return ""


def fix_line(finding: SetupFinding) -> str:
    """What became of the last fix that was asked for."""
    if finding.fix is FixState.WANTED:
        return f"{finding.fix_by} has asked for a fix; the worker is on it."
    return f"Asked by {finding.fix_by}: {finding.fix_outcome}" if finding.fix_outcome else ""
