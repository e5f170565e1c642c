"""What differs between two contracts, and whether a caller who changes nothing is still served. Pure.

Every field of a request is required and no other is taken, so a field more or less refuses the callers of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backend.domain.contract import Asked, Contract, ContractChange, ContractEffect, Told

BREAKING, ADDITIVE = ContractEffect.BREAKING, ContractEffect.ADDITIVE


def difference(before: Contract, after: Contract) -> tuple[ContractChange, ...]:
    """What breaks callers first. Examples and meanings are no promise and are not compared."""
    found = [
        *_fields(before.fields, after.fields),
        *_limit("rows in a request", before.max_rows, after.max_rows),
        *_limit("bytes in a request", before.max_bytes, after.max_bytes),
        *_headers(before.request_id_headers, after.request_id_headers),
        *_told("answer", before.answer, after.answer),
        *_told("refusal", before.refusal, after.refusal),
    ]
    return tuple(sorted(found, key=lambda change: change.effect is ADDITIVE))


def in_words(changes: tuple[ContractChange, ...]) -> str:
    """`1 breaking change, 2 additive`."""
    breaking = sum(change.effect is BREAKING for change in changes)
    additive = len(changes) - breaking
    told = [f"{breaking} breaking change{'s' if breaking > 1 else ''}"] if breaking else []
    told += [f"{additive} additive" + ("" if breaking else f" change{'s' if additive > 1 else ''}")] if additive else []
    return ", ".join(told) or "nothing changes for a caller"


def _fields(before: tuple[Asked, ...], after: tuple[Asked, ...]) -> Iterator[ContractChange]:
    was, now = {f.name: f for f in before}, {f.name: f for f in after}
    for name in was.keys() - now.keys():
        yield _change(BREAKING, name, f"{name} is no longer taken: a request that sends it is refused.")
    for name in now.keys() - was.keys():
        yield _change(BREAKING, name, f"{name} ({now[name].unit}) is asked for: a request without it is refused.")
    for field in after:
        if field.name in was:
            yield from _field(was[field.name], field)


def _field(was: Asked, now: Asked) -> Iterator[ContractChange]:
    name = now.name
    if was.unit != now.unit:
        yield _change(BREAKING, name, f"{name} is expected in {now.unit}, before in {was.unit}.")
    if was.whole != now.whole:
        effect = BREAKING if now.whole else ADDITIVE
        yield _change(effect, name, f"{name} {'must be' if now.whole else 'need not be'} a whole number.")
    possible = (was.possible_low, was.possible_high), (now.possible_low, now.possible_high)
    yield from _range(name, "is refused outside", *possible, widening=ADDITIVE, narrowing=BREAKING)
    plausible = (was.low, was.high), (now.low, now.high)
    yield from _range(name, "is answered with a warning outside", *plausible, widening=ADDITIVE, narrowing=ADDITIVE)


def _range(
    name: str,
    what: str,
    was: tuple[float | None, float | None],
    now: tuple[float | None, float | None],
    *,
    widening: ContractEffect,
    narrowing: ContractEffect,
) -> Iterator[ContractChange]:
    if was == now:
        return
    narrower = _above(now[0], was[0]) or _above(_negative(now[1]), _negative(was[1]))
    wider = _above(was[0], now[0]) or _above(_negative(was[1]), _negative(now[1]))
    effects = {effect for moved, effect in ((narrower, narrowing), (wider, widening)) if moved}
    effect = BREAKING if BREAKING in effects else ADDITIVE
    yield _change(effect, name, f"{name} {what} {_span(now)}, before {_span(was)}.")


def _above(one: float | None, other: float | None) -> bool:
    """Whether a lower bound is higher; without a bound it is lowest of all."""
    return one is not None and (other is None or one > other)


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _span(ends: tuple[float | None, float | None]) -> str:
    low, high = ("-∞" if ends[0] is None else f"{ends[0]:g}"), ("∞" if ends[1] is None else f"{ends[1]:g}")
    return f"{low} to {high}"


def _limit(what: str, was: int, now: int) -> Iterator[ContractChange]:
    if was != now:
        yield _change(BREAKING if now < was else ADDITIVE, what, f"At most {now:,} {what}, before {was:,}.")


def _headers(was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[ContractChange]:
    for name in [n for n in was if n not in now]:
        yield _change(BREAKING, name, f"The header {name} is no longer repeated as the request id.")
    for name in [n for n in now if n not in was]:
        yield _change(ADDITIVE, name, f"The header {name} is repeated as the request id, if it is sent.")


def _told(where: str, before: Iterable[Told], after: Iterable[Told]) -> Iterator[ContractChange]:
    was, now = {one.name: one for one in before}, {one.name: one for one in after}
    for name in was.keys() - now.keys():
        yield _change(BREAKING, f"{where} {name}", f"The {where} no longer holds {name}.")
    for name in now.keys() - was.keys():
        yield _change(ADDITIVE, f"{where} {name}", f"The {where} holds {name} as well: {now[name].meaning}")
    for name in was.keys() & now.keys():
        yield from _value(f"{where} {name}", was[name], now[name])


def _value(place: str, was: Told, now: Told) -> Iterator[ContractChange]:
    if was.kind != now.kind:
        yield _change(BREAKING, place, f"{now.name} is a {now.kind}, before a {was.kind}.")
    if was.nullable != now.nullable:
        words = "may be null" if now.nullable else "is never null"
        yield _change(BREAKING if now.nullable else ADDITIVE, place, f"{now.name} {words}.")
    new, gone = sorted(set(now.values) - set(was.values)), sorted(set(was.values) - set(now.values))
    if was.values and not now.values:
        yield _change(BREAKING, place, f"{now.name} may be any text, before one of {', '.join(was.values)}.")
    elif was.values and new:
        yield _change(BREAKING, place, f"{now.name} may be {', '.join(new)}, which callers do not know yet.")
    elif gone or (new and not was.values):
        yield _change(ADDITIVE, place, f"{now.name} is one of {', '.join(now.values)}.")
    ends = (was.low, was.high), (now.low, now.high)
    for change in _range(now.name, "lies in", *ends, widening=BREAKING, narrowing=ADDITIVE):
        yield change.model_copy(update={"place": place})


def _change(effect: ContractEffect, place: str, sentence: str) -> ContractChange:
    return ContractChange(effect=effect, place=place, sentence=sentence)
