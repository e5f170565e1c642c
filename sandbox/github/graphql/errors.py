"""How GitHub words a GraphQL problem: HTTP 200 with `errors`, most of them with a `type`."""

from __future__ import annotations

from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    ValidationRule,
)

TYPES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "UNPROCESSABLE", 409: "UNPROCESSABLE"}


class UndefinedFieldRule(ValidationRule):
    """Reports a field that the schema has not, in GitHub's words and with GitHub's extensions."""

    def enter_field(self, node: FieldNode, _key: Any, _parent: Any, _path: Any, ancestors: list[Any]) -> None:
        """Report the field when its parent type does not define it."""
        parent = self.context.get_parent_type()
        if parent is None or self.context.get_field_def():
            return
        name = node.name.value
        extensions = {
            "code": "undefinedField",
            "typeName": parent.name,
            "fieldName": name,
            "path": [*_names(ancestors), name],
        }
        message = f"Field '{name}' doesn't exist on type '{parent.name}'"
        self.report_error(GraphQLError(message, node, extensions=extensions))


def _names(ancestors: list[Any]) -> list[str]:
    names = []
    for node in ancestors:
        if not isinstance(node, Node):
            continue
        if isinstance(node, OperationDefinitionNode):
            own = f" {node.name.value}" if node.name else ""
            names.append(f"{node.operation.value}{own}")
        elif isinstance(node, FragmentDefinitionNode):
            names.append(f"fragment {node.name.value}")
        elif isinstance(node, InlineFragmentNode):
            names.append(f"... on {node.type_condition.name.value}" if node.type_condition else "...")
        elif isinstance(node, FieldNode):
            names.append(node.name.value)
    return names


def not_found(kind: str, name: str) -> GraphQLError:
    return GraphQLError(f"Could not resolve to {kind} with the {name}.", extensions={"type": "NOT_FOUND"})


def refused(status: int, message: str) -> GraphQLError:
    """A REST refusal in GraphQL's terms."""
    return GraphQLError(message, extensions={"type": TYPES.get(status, "UNPROCESSABLE")})


def envelope(error: GraphQLError) -> dict[str, Any]:
    """One entry of `errors`: type first, then path, extensions, locations and message, as GitHub orders them."""
    extensions = dict(error.extensions or {})
    entry: dict[str, Any] = {}
    if "type" in extensions:
        entry["type"] = extensions.pop("type")
    path = extensions.pop("path", None) or error.path
    if path:
        entry["path"] = path
    if extensions:
        entry["extensions"] = extensions
    entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations or ()]
    return entry | {"message": error.message}
