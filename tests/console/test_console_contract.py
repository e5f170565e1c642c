"""The Contract page, and the files it gives to programs."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import httpx
import pytest
from starlette.applications import Starlette
from visitors import claims, text

from backend.domain.contract import Tried
from backend.domain.people import Actor, Role
from console import contract_files, topics
from tests.contracts import CONTRACT

DEVELOPER = Actor(name="dev", roles=frozenset({Role.APP_DEVELOPER}), channel="console")
PAGE = "views/contract.py"


def codes(app):
    return [block.value for block in app.main.get("code")]


def test_a_developer_lands_where_the_first_call_is_three_copies_away(visit, world):
    app = visit(user=claims("dev", "app_developer"))
    assert not app.exception
    shown, copied = text(app), codes(app)
    assert "<h1>Contract</h1>" in shown
    assert any('export MLOPS_KEY="$(mlops contract key diabetes-test --only)"' in block for block in copied)
    assert any("curl --silent" in block and '"BMI": 27.4' in block for block in copied)
    for said in ("kg/m²", "10 to 90", "1 to 900", "Helps a practitioner decide", "No diagnosis"):
        assert said in shown, said
    for said in ("424 Refused", "429 TooManyRequests", "at most 1,000", "p95 21 ms"):
        assert said in shown, said


def test_production_tells_the_latency_that_callers_have_seen(visit, world):
    shown = text(visit(PAGE, endpoint="diabetes-endpoint"))
    assert "calls in 24 h" in shown
    assert "Ask the test endpoint" not in shown


def test_each_release_says_what_changes_for_callers(visit, world):
    shown = text(visit(PAGE, endpoint="diabetes-test"))
    changes = shown[shown.index("changes") :]
    assert "adds, breaks nothing" in changes
    assert "BMI is answered with a warning outside 12 to 90, before 10 to 90." in changes
    assert "Decisions are made at 0.29, before at 0.5." in changes
    assert "the first version" in changes


def test_a_version_from_before_contracts_says_so(visit, empty_world):
    shown = text(visit(PAGE))
    assert "Nothing has been brought to diabetes-test yet" in shown


def test_the_form_asks_once_and_shows_the_answer_or_the_refusal(visit, world):
    app = visit(PAGE)
    app.number_input(key="try_0_Age").set_value(44)
    app.button(key="try_ask").click().run()
    assert not app.exception
    row, nonce = app.session_state["contract_asked"]
    assert row["Age"] == 44
    topic = topics.tried(DEVELOPER, row, nonce)
    answer = {"predictions": [{"probability": 0.6123456789, "decision": "positive"}], "model_version": "2",
              "threshold": 0.29, "warnings": [{"row": 0, "field": "Age", "message": "<b>look</b>"}]}  # fmt: skip
    told = Tried(
        at=datetime.now(UTC), endpoint="diabetes-test", status=200, model_status="", reason="", deployment="v2-ab12",
        request_id="r-1", milliseconds=12, body=json.dumps(answer),
    )  # fmt: skip
    world.wired.snapshots.put(topic, told)
    shown = text(app.run())
    assert "0.6123456789" not in shown
    for said in ("Positive", "0.6123", "0.29", "r-1", "v2-ab12", "&lt;b&gt;look"):
        assert said in shown, said
    refused = {"status": 424, "model_status": "400", "reason": "Age: Age must be a number (years)", "body": "{"}
    world.wired.snapshots.put(topic, told.model_copy(update=refused))
    shown = text(app.run())
    assert "Refused" in shown
    assert "Age must be a number (years)" in shown


def test_what_was_typed_is_in_no_file(world):
    topic = topics.tried(DEVELOPER, {"Age": 44}, "nonce")
    assert not topic.kept
    assert "44" not in topic.key


@pytest.fixture
def files(world):
    held = contract_files.ticket(world.wired, "dev", "diabetes-test")
    transport = httpx.ASGITransport(Starlette(routes=contract_files.ROUTES))

    async def asked(path, ticket):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, params={"ticket": ticket})

    return lambda file, endpoint="diabetes-test", ticket=held: asyncio.run(
        asked(f"/contracts/{endpoint}/{file}", ticket)
    )


def test_programs_get_the_documents_of_what_serves(files, world):
    document = files("openapi.json").json()
    assert document["info"]["version"] == "2"
    assert document["components"]["schemas"]["Row"]["properties"]["BMI"]["x-plausible"] == {"low": 12, "high": 90}
    assert files("schema.json").json()["$schema"].endswith("2020-12/schema")
    assert files("contract.json").json()["contract"]["max_rows"] == CONTRACT.max_rows
    feed = files("changes.json").json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["items"][0]["title"] == "v2 is on diabetes-test: 1 additive change"
    assert "before at 0.5" in feed["items"][0]["content_text"]
    atom = Xml.fromstring(files("changes.atom").content)  # noqa: S314  # our own answer
    name = "{http://www.w3.org/2005/Atom}"
    assert next(e.findtext(f"{name}title") for e in atom.findall(f"{name}entry")) == feed["items"][0]["title"]


def test_no_file_without_a_ticket_for_that_endpoint(files, world):
    assert files("openapi.json", ticket="").status_code == 401
    assert files("openapi.json", endpoint="diabetes-endpoint").status_code == 401
    stolen = world.wired.seal.close("github ticket", {"actor": "dev", "endpoint": "diabetes-test"})
    assert files("openapi.json", ticket=stolen).status_code == 401
    assert files("keys.json").status_code == 404
