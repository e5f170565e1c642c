"""Connections: pages of a list by cursor, and what a query costs by GitHub's published formula."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

MAX_PAGE = 100
MAX_NODES = 500_000


def connection(items: Sequence[Any], name: str, arguments: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    """The page that `first`/`after` or `last`/`before` ask for; GitHub insists on one of the two bounds."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise GraphQLError(message, extensions={"type": "MISSING_PAGINATION_BOUNDARIES"})
    wanted = first if first is not None else last
    if not 0 <= int(wanted or 0) <= MAX_PAGE:
        message = f"Requesting {wanted} records on the `{name}` connection exceeds the `first` limit of 100 records."
        raise GraphQLError(message, extensions={"type": "EXCESSIVE_PAGINATION"})
    start = _position(arguments.get("after"), -1) + 1
    end = _position(arguments.get("before"), len(items))
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    page = list(items[start:end])
    cursors = [_cursor(start + offset) for offset in range(len(page))]
    return {
        "total_count": len(items),
        "nodes": page,
        "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, page, strict=True)],
        "page_info": {
            "has_next_page": end < len(items),
            "has_previous_page": start > 0,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
        **extra,
    }


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:v2:{position}".encode()).decode()


def _position(cursor: str | None, default: int) -> int:
    if cursor is None:
        return default
    try:
        kind, _, position = base64.b64decode(cursor).decode().rpartition(":")
        if kind == "cursor:v2":
            return int(position)
    except ValueError:
        pass
    raise GraphQLError(f"`{cursor}` does not appear to be a valid cursor.", extensions={"type": "INVALID_CURSOR"})


class Cost:
    """Requests and nodes that a query can make: each connection once for every node above it.

    Points are requests / 100, rounded, at least 1:
    https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.requests = 0
        self.nodes = 0
        self._variables = dict(variables)
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                self._defaults(definition)
                self._walk(definition.selection_set, 1)

    @property
    def points(self) -> int:
        return max(1, round(self.requests / 100))

    def _defaults(self, operation: OperationDefinitionNode) -> None:
        for variable in operation.variable_definitions or ():
            if isinstance(variable.default_value, IntValueNode):
                self._variables.setdefault(variable.variable.name.value, int(variable.default_value.value))

    def _walk(self, selections: SelectionSetNode | None, above: int) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                fragment = self._fragments.get(node.name.value)
                self._walk(fragment.selection_set if fragment else None, above)
            elif isinstance(node, InlineFragmentNode):
                self._walk(node.selection_set, above)
            elif isinstance(node, FieldNode):
                size = self._size(node)
                if size:
                    self.requests += above
                    self.nodes += above * size
                self._walk(node.selection_set, above * (size or self._listed(node)))

    def _listed(self, node: FieldNode) -> int:
        """How many things `nodes(ids:)` names: what lies below is asked for once for each."""
        for argument in node.arguments or ():
            if argument.name.value == "ids" and isinstance(argument.value, VariableNode):
                return max(1, len(self._variables.get(argument.value.name.value) or ()))
        return 1

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                if isinstance(argument.value, IntValueNode):
                    return int(argument.value.value)
                if isinstance(argument.value, VariableNode):
                    return int(self._variables.get(argument.value.name.value) or 0)
        return 0
