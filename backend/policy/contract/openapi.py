"""The contract as an OpenAPI 3.1 document, for generators and gateways. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from backend.domain.card_file import CardFile
from backend.domain.contract import Contract, OfVersion
from backend.domain.json_value import Json, JsonObject
from backend.domain.statuses import DEPLOYMENT, MODEL_REASON, MODEL_STATUS, STATUSES, StatusAnswer
from backend.policy.contract import schema

OPENAPI = "3.1.0"
REQUEST_ID = "x-request-id"
"""Of the headers that the script repeats, the one that the platform leaves as it is."""


def openapi(endpoint: str, scoring_uri: str, of: OfVersion, contract: Contract, card: CardFile | None) -> JsonObject:
    """`info.version` is the model version's number; `scoring_uri` "" leaves the address out."""
    server, path = _address(scoring_uri)
    document: JsonObject = {
        "openapi": OPENAPI,
        "jsonSchemaDialect": schema.DIALECT,
        "info": {
            "title": endpoint,
            "version": of.version,
            "summary": f"{of.model} v{of.version}, decisions at {of.threshold:g}",
            "description": _about(card),
            "x-model-digest": of.digest,
            "x-threshold": of.threshold,
        },
        "paths": {path: {"post": _score(contract)}},
        "components": {
            "schemas": {
                "Row": schema.row_schema(contract),
                "Request": schema.request_schema(contract),
                "Answer": schema.answer_schema(contract),
                "Refusal": schema.refusal_schema(contract),
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Either of the two keys."}},
        },
        "security": [{"key": []}],
    }
    if server:
        document["servers"] = [{"url": server}]
    return document


def _address(scoring_uri: str) -> tuple[str, str]:
    parts = urlsplit(scoring_uri)
    if not parts.netloc:
        return "", "/score"
    above, _, last = parts.path.rpartition("/")
    return f"{parts.scheme}://{parts.netloc}{above}", f"/{last}"


def _about(card: CardFile | None) -> str:
    if card is None:
        return "The model card of this version has not been read."
    parts = [card.intended_use.strip(), "Not for:", *(f"- {one}" for one in card.exclusions)]
    parts += ["Known limits:", *(f"- {one}" for one in card.known_limits)]
    return "\n".join(parts)


def _score(contract: Contract) -> JsonObject:
    rows = schema.example_rows(contract)
    one: JsonObject = {"summary": "One invented patient", "value": {"rows": rows[:1]}}
    examples: JsonObject = {"one": one}
    if len(rows) > 1:
        examples["several"] = {"summary": f"{len(rows)} at once", "value": {"rows": rows}}
    responses: JsonObject = {"200": _answered()}
    for status in STATUSES:
        responses[str(status.status)] = _refused(status)
    return {
        "operationId": "score",
        "summary": "The risk of each row, and the decision at the release's threshold",
        "parameters": [
            {
                "name": REQUEST_ID,
                "in": "header",
                "required": False,
                "description": "Yours, to find the call again; repeated as `request_id`.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,100}$"},
            }
        ]
        if REQUEST_ID in contract.request_id_headers
        else [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("Request"), "examples": examples}},
        },
        "responses": responses,
    }


def _answered() -> JsonObject:
    return {
        "description": "One prediction a row, in the order of the rows.",
        "headers": {DEPLOYMENT: _header("The deployment that answered.")},
        "content": {"application/json": {"schema": _ref("Answer")}},
    }


def _refused(status: StatusAnswer) -> JsonObject:
    described: JsonObject = {"description": f"{status.when} {status.do}"}
    if not status.from_model:
        described["content"] = {"text/plain": {"schema": {"type": "string"}, "example": status.text}}
        return described
    described["headers"] = {
        MODEL_STATUS: _header("The model's own status, 400 for a refused request."),
        MODEL_REASON: _header("The model's reason, in ASCII; it names the field."),
    }
    described["content"] = {"application/json": {"schema": _ref("Refusal")}}
    return described


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
