"""The expression language of workflow files: `${{ needs.train.result == 'success' && always() }}`.

Source: GitHub's documentation "Evaluate expressions in workflows and actions". What is not implemented raises
`ExpressionError`, so that a workflow never runs on a misread condition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|'(?P<string>(?:[^']|'')*)'|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[!<>().,\[\]*]))"
)
INTERPOLATION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}

Context = Mapping[str, Any]
Status = Mapping[str, bool]


class ExpressionError(Exception):
    """The expression is malformed or uses something that is not supported here."""


def interpolate(text: str, context: Context, status: Status | None = None) -> str:
    """Replace every `${{ ... }}` in `text` by its value as a string."""
    return INTERPOLATION.sub(lambda match: as_text(evaluate(match.group(1), context, status)), text)


def condition(text: object, context: Context, status: Status) -> bool:
    """The truth of an `if:`; without a status function it is and-ed with success(), as on GitHub."""
    if text is None:
        return status["success"]
    source = text if isinstance(text, str) else json.dumps(text)
    match = INTERPOLATION.fullmatch(source.strip())
    source = match.group(1) if match else source
    value = truth(evaluate(source, context, status))
    if not re.search(r"\b(always|success|failure|cancelled)\s*\(", source):
        return value and status["success"]
    return value


def evaluate(source: str, context: Context, status: Status | None = None) -> Any:
    parser = _Parser(_tokens(source), context, status or {})
    value = parser.either()
    parser.finish()
    return value


def truth(value: Any) -> bool:
    return value not in (None, False, 0, "") or isinstance(value, dict | list)


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "Object" if isinstance(value, dict) else "Array"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _tokens(source: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while position < len(source.rstrip()):
        match = TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"Unexpected text in expression at {source[position:]!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], context: Context, status: Status) -> None:
        self.tokens, self.context, self.status, self.position = tokens, context, status, 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self, *operators: str) -> str | None:
        kind, text = self.peek()
        if kind == "operator" and text in operators:
            self.position += 1
            return text
        return None

    def expect(self, operator: str) -> None:
        if self.take(operator) is None:
            raise ExpressionError(f"Expected {operator!r}, found {self.peek()[1]!r}")

    def finish(self) -> None:
        if self.peek()[0] != "end":
            raise ExpressionError(f"Unexpected {self.peek()[1]!r}")

    def either(self) -> Any:
        left = self.both()
        while self.take("||"):
            right = self.both()
            left = left if truth(left) else right
        return left

    def both(self) -> Any:
        left = self.compared()
        while self.take("&&"):
            right = self.compared()
            left = right if truth(left) else left
        return left

    def compared(self) -> Any:
        left = self.unary()
        while operator := self.take("==", "!=", "<=", ">=", "<", ">"):
            left = _compare(operator, left, self.unary())
        return left

    def unary(self) -> Any:
        return not truth(self.unary()) if self.take("!") else self.reference()

    def reference(self) -> Any:
        value = self.primary()
        while True:
            if self.take("."):
                if self.take("*"):
                    raise ExpressionError("Object filters (.*) are not supported")
                kind, name = self.peek()
                if kind != "name":
                    raise ExpressionError(f"Expected a property name, found {name!r}")
                self.position += 1
                value = _member(value, name)
            elif self.take("["):
                index = self.either()
                self.expect("]")
                value = _member(value, index)
            else:
                return value

    def primary(self) -> Any:
        kind, text = self.peek()
        self.position += 1
        if kind == "number":
            return float(text)
        if kind == "string":
            return text.replace("''", "'")
        if kind == "name":
            return self.name(text)
        if (kind, text) == ("operator", "("):
            value = self.either()
            self.expect(")")
            return value
        raise ExpressionError(f"Unexpected {text or 'end of expression'!r}")

    def name(self, name: str) -> Any:
        if self.take("("):
            arguments = []
            while self.take(")") is None:
                arguments.append(self.either())
                if self.take(",") is None and self.peek() != ("operator", ")"):
                    raise ExpressionError("Expected ',' or ')'")
            return self.call(name.lower(), arguments)
        if name.lower() in CONSTANTS:
            return CONSTANTS[name.lower()]
        if name not in self.context:
            raise ExpressionError(f"Unrecognized named-value: '{name}'")
        return self.context[name]

    def call(self, name: str, arguments: list[Any]) -> Any:
        if name == "always":
            return True
        if name in {"success", "failure", "cancelled"}:
            if name not in self.status:
                raise ExpressionError(f"{name}() may only be used in an if")
            return self.status[name]
        if name not in FUNCTIONS:
            raise ExpressionError(f"Unrecognized function: '{name}'")
        return FUNCTIONS[name](*arguments)


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        folded = {str(k).lower(): v for k, v in value.items()}
        return folded.get(str(key).lower())
    if isinstance(value, list) and isinstance(key, float) and 0 <= key < len(value):
        return value[int(key)]
    return None


def _number(value: Any) -> float:
    try:
        return float(value if value not in (None, "") else 0)
    except (TypeError, ValueError):
        return float("nan")


def _compare(operator: str, left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        a, b = left.lower(), right.lower()
        return {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
    if type(left) is type(right) and operator in {"==", "!="}:
        return bool((left == right) is (operator == "=="))
    x, y = _number(left), _number(right)
    return {"==": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[operator]


def _contains(haystack: Any, needle: Any) -> bool:
    if isinstance(haystack, list):
        return any(_compare("==", item, needle) for item in haystack)
    return as_text(needle).lower() in as_text(haystack).lower()


def _format(template: str, *values: Any) -> str:
    return re.sub(
        r"\{\{|\}\}|\{(\d+)\}",
        lambda match: as_text(values[int(match.group(1))]) if match.group(1) else match.group(0)[0],
        template,
    )


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, prefix: as_text(text).lower().startswith(as_text(prefix).lower()),
    "endswith": lambda text, suffix: as_text(text).lower().endswith(as_text(suffix).lower()),
    "format": _format,
    "join": lambda items, separator=",": separator.join(as_text(item) for item in items),
    "tojson": lambda value: json.dumps(value, indent=2),
    "fromjson": json.loads,
}
