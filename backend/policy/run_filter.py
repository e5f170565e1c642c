"""What somebody types to find runs: words, `auc>0.9 author:ann`, or MLflow's own filter syntax; all of it at once.

MLflow's syntax is that of `mlflow.search_runs` (https://mlflow.org/docs/latest/ml/search/search-runs/): comparisons of
`metrics.`, `params.`, `tags.` and `attributes.` joined by AND. What cannot be understood is refused with the place.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from backend.domain.run_search import FIELDS, OURS, Condition, Kind, Names, Term, Words
from backend.errors import Invalid

LONGEST = 2_000

SCOPES = {
    **dict.fromkeys(("metrics", "metric"), Kind.METRIC),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), Kind.PARAM),
    **dict.fromkeys(("tags", "tag"), Kind.TAG),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), Kind.FIELD),
}
ALIASES = {
    "run_id": "id",
    "run_name": "name",
    "status": "state",
    "user": "author",
    "user_id": "author",
    "pr": "pull_request",
    "start_time": "started",
    "created": "started",
    "end_time": "ended",
    "duration": "took",
    "sweep": "parent",
    "data_asset": "data",
    "pin": "pinned",
}
"""Names of MLflow's attributes, and short ones, for our fields."""
MLFLOW_TAGS = {"mlflow.runName": "name", "mlflow.user": "author", "mlflow.parentRunId": "parent"}

_NAME = r"(?:(?P<scope>[A-Za-z]+)\.)?(?:`(?P<ticked>[^`]+)`|\"(?P<quoted>[^\"]+)\"|(?P<plain>[A-Za-z_][\w./-]*))"
_VALUE = r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\s'\"]+)"
_COMPARISON = re.compile(rf"(?P<minus>-)?{_NAME}\s*(?P<operator><=|>=|!=|==|<>|=|<|>|:)\s*(?:{_VALUE})?")
_LIKE = re.compile(rf"{_NAME}\s+(?P<operator>(?:NOT\s+)?I?LIKE)\s+(?:{_VALUE})?", re.IGNORECASE)
_IN = re.compile(rf"{_NAME}\s+(?P<operator>(?:NOT\s+)?IN)\s*\((?P<list>[^)]*)(?P<end>\))?", re.IGNORECASE)
_NULL = re.compile(rf"{_NAME}\s+IS\s+(?P<operator>NOT\s+)?NULL\b", re.IGNORECASE)
_WORD = re.compile(r"(?P<minus>-)?(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\s'\"]+))")
_JOINED = re.compile(r"AND\b", re.IGNORECASE)
_ITEM = re.compile(rf"\s*(?:{_VALUE.replace('[^', '[^,')})\s*")


def parse(text: str) -> tuple[Term, ...]:
    """The terms, all of which a run has to satisfy. Raises Invalid with what is wrong and where."""
    if len(text) > LONGEST:
        raise Invalid(f"The search has {len(text):,} characters; at most {LONGEST:,} are read.")
    terms: list[Term] = []
    at, joined = 0, False
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if terms and not joined and (word := _JOINED.match(text, at)):
            at, joined = word.end(), True
            continue
        term, at = _term(text, at)
        terms.append(term)
        joined = False
    if joined:
        raise Invalid("The search ends with AND: write the condition that follows it, or leave it out.")
    return tuple(terms)


def _term(text: str, at: int) -> tuple[Term, int]:
    for pattern, read in ((_NULL, _null), (_IN, _among), (_LIKE, _comparison), (_COMPARISON, _comparison)):
        found = pattern.match(text, at)
        if found is not None:
            return read(found), found.end()
    if re.match(r"OR\b", text[at:]):
        raise Invalid(f"OR at character {at + 1}: conditions are joined by AND, as in MLflow; for several values of "
                      "one name write: name IN ('a', 'b').")  # fmt: skip
    if text[at] in "()<>=!,":
        raise Invalid(f"“{text[at]}” at character {at + 1} has no name before it: write name {text[at]} value, or put "
                      "text in quotes.")  # fmt: skip
    word = _WORD.match(text, at)
    if word is None:
        raise Invalid(f"The quote at character {at + 1} is not closed.")
    return Words(_value(word) or "", negated=bool(word["minus"])), word.end()


def _null(found: re.Match[str]) -> Condition:
    kind, name = _named(found)
    return Condition(kind, name, "IS NOT NULL" if found["operator"] else "IS NULL", ())


def _among(found: re.Match[str]) -> Condition:
    kind, name = _named(found)
    if not found["end"]:
        raise Invalid(f"The list after {name} {found['operator'].upper()} is not closed: a ) is missing.")
    parts = found["list"].split(",") if found["list"].strip() else []
    values = tuple(value for part in parts if (item := _ITEM.fullmatch(part)) and (value := _value(item)) is not None)
    if not values or len(values) != len(parts):
        raise Invalid(f"The list after {name} {found['operator'].upper()} reads: ('a', 'b').")
    return Condition(kind, name, _spelled(found["operator"]), values)


def _comparison(found: re.Match[str]) -> Condition:
    kind, name = _named(found)
    operator, value = _spelled(found["operator"]), _value(found)
    if value is None:
        after = f"{name} {operator}"
        raise Invalid(f"After “{after}” a value is missing, or its quote is not closed: {after} 'value'.")
    minus = found.groupdict().get("minus")
    return Condition(kind, name, operator, (value,), negated=bool(minus))


def _spelled(operator: str) -> str:
    word = " ".join(operator.upper().split())
    return {"==": "=", "<>": "!="}.get(word, word)


def _named(found: re.Match[str]) -> tuple[Kind | None, str]:
    """Kind and name; one that MLflow writes as a tag of its own is our field."""
    scope = found["scope"] or ""
    name = found["ticked"] or found["quoted"] or found["plain"]
    kind = SCOPES.get(scope.lower()) if scope else None
    if scope and kind is None:
        name = f"{scope}.{name}"
    if kind is Kind.TAG and name in MLFLOW_TAGS:
        return Kind.FIELD, MLFLOW_TAGS[name]
    return kind, name


def _value(found: re.Match[str]) -> str | None:
    return next((found[group] for group in ("single", "double", "bare") if found[group] is not None), None)


def resolve(terms: tuple[Term, ...], names: Names) -> tuple[Term, ...]:
    """Bare names told apart by what runs have: a field, else a metric, a parameter, a tag. Raises Invalid.

    While nothing is indexed no name is known, and none is refused.
    """
    return tuple(_resolved(term, names) if isinstance(term, Condition) else term for term in terms)


def _resolved(term: Condition, names: Names) -> Condition:
    kinds = (Kind.METRIC, Kind.PARAM, Kind.TAG)
    field = ALIASES.get(term.name.lower(), term.name.lower())
    if term.kind in {None, Kind.FIELD} and field in (*FIELDS, *OURS):
        return _with(term, Kind.FIELD, field)
    if term.kind is Kind.FIELD:
        raise Invalid(f"There is no attribute {term.name}{_meant(term.name, (*FIELDS, *ALIASES))}; "
                      f"there are {', '.join(FIELDS)}.")  # fmt: skip
    if term.kind is None:
        kind = next((kind for kind in kinds if term.name in names.of(kind)), None)
        if kind is not None:
            return _with(term, kind, term.name)
        known = [*FIELDS, *OURS, *(name for kind in kinds for name in names.of(kind))]
        raise Invalid(f"No run has a metric, parameter or tag {term.name}{_meant(term.name, known)}.")
    known = list(names.of(term.kind))
    if term.name not in known and any(names.of(kind) for kind in kinds):
        raise Invalid(f"No run has {term.name} among its {term.kind.value}{_meant(term.name, known)}.")
    return term


def _with(term: Condition, kind: Kind, name: str) -> Condition:
    return Condition(kind, name, term.operator, term.values, term.negated)


def _meant(name: str, known: object) -> str:
    close = get_close_matches(name, list(known) if isinstance(known, list | tuple) else [], n=1)
    return f" (did you mean {close[0]}?)" if close else ""
