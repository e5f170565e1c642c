"""`POST /api/graphql`: parse, validate against our subset of the schema, execute, word problems as GitHub does."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldsOnCorrectTypeRule,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)
from starlette.routing import Route

from sandbox.github.errors import GitHubError
from sandbox.github.graphql.connections import MAX_NODES, Cost
from sandbox.github.graphql.errors import UndefinedFieldRule, envelope
from sandbox.github.graphql.root import Root
from sandbox.github.graphql.views import Context
from sandbox.github.quota import Quota, quota_of
from sandbox.github.wire import Call, Reply, endpoint
from sandbox.world import World

SCHEMA = Path(__file__).with_name("schema.graphql")
RULES = [UndefinedFieldRule if rule is FieldsOnCorrectTypeRule else rule for rule in specified_rules]
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def routes(world: World) -> list[Route]:
    serve = endpoint(world, answer, resource="graphql")
    return [Route("/api/graphql", serve, methods=["POST"], name="POST graphql")]


def answer(call: Call) -> Reply:
    """Execute one GraphQL request on our subset of GitHub's schema."""
    given = call.body()
    query = given.get("query")
    if not isinstance(query, str):
        raise GitHubError(400, "A query attribute must be specified and must be a string.")
    variables = given.get("variables") or {}
    document, errors = _checked(query)
    if document is None or errors:
        return Reply({"errors": [envelope(error) for error in errors]})
    cost = Cost(document, variables)
    if cost.nodes > MAX_NODES:
        message = f"This query requests up to {cost.nodes:,} possible nodes which exceeds the maximum limit of 500,000."
        return Reply({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]})
    quota = quota_of(call.world, call.caller, "graphql")
    if not _charged(quota, cost):
        return Reply({"errors": [{"type": "RATE_LIMITED", "message": f"API rate limit exceeded for {quota.account}."}]})
    return _execute(call, document, given.get("operationName"), variables, Root(_context(call), cost, quota))


def _context(call: Call) -> Context:
    return Context(call.world, call.caller)


def _charged(quota: Quota, cost: Cost) -> bool:
    """GraphQL says with HTTP 200 that the limit is used up."""
    try:
        quota.charge(cost.points)
    except GitHubError:
        return False
    return True


def _execute(call: Call, document: DocumentNode, operation: str | None, variables: Any, root: Root) -> Reply:
    result = execute_sync(
        _schema(),
        document,
        root_value=root,
        variable_values=variables,
        operation_name=operation,
        context_value=_context(call),
        field_resolver=_resolve,
    )
    for error in result.errors or ():
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            raise error.original_error
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [envelope(error) for error in result.errors]
    return Reply(body)


@lru_cache(maxsize=200)
def _checked(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """The parsed query and what is wrong with it; kept per query text."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(_schema(), document, RULES))


@lru_cache(maxsize=1)
def _schema() -> GraphQLSchema:
    """The schema with Python's spelling of arguments and input fields."""
    schema = build_schema(SCHEMA.read_text(encoding="utf-8"))
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLUnionType, GraphQLInterfaceType)):
            kind.resolve_type = _typename
        if isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                field.out_name = _snake(name)
        if isinstance(kind, GraphQLObjectType):
            for definition in kind.fields.values():
                for name, argument in definition.args.items():
                    argument.out_name = _snake(name)
    return schema


def _typename(value: Any, _info: GraphQLResolveInfo[Any], _kind: GraphQLAbstractType) -> str:
    return str(value["__typename"] if isinstance(value, dict) else value.typename)


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """The value under the field's snake-case name, called with the arguments where it is callable."""
    name = _snake(info.field_name)
    value = source[name] if isinstance(source, dict) else getattr(source, name)
    return value(**arguments) if callable(value) else value


@lru_cache(maxsize=2_000)
def _snake(name: str) -> str:
    return HUMP.sub("_", name).lower()
