"""The Audit page answers what served at a moment; ledger and dossier are handed out as files when asked for."""

from __future__ import annotations

from datetime import timedelta

from hospital_models import version
from streamlit.testing.v1 import AppTest
from visitors import text

from backend.domain.clock import utc_now
from backend.domain.promotions import Kind
from backend.operations.auditing import verified_file


def minute(delta: float = 0.0) -> str:
    return f"{utc_now() + timedelta(minutes=delta):%Y-%m-%dT%H:%M}"


def test_the_page_asks_nothing_of_the_ledger_before_somebody_asks(visit, world):
    app: AppTest = visit("views/audit.py")
    assert app.datetime_input(key="at").value is None
    assert "with traffic since" not in text(app)


def long_ago(world):
    """Everything so far happened at the beginning of the year; the picker knows whole minutes."""
    with world.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET at = '2026-01-01T00:00:00.000000Z'")
        connection.exec_driver_sql("UPDATE promotions SET created_at = '2026-01-01T00:00:00.000000Z'")


def test_a_moment_in_the_address_is_answered(visit, world):
    long_ago(world)
    shown = text(visit("views/audit.py", at="2026-01-01T00:01"))
    one = version(1)
    for fact in ("v1 served.", one.digest, one.lineage.commit[:7], "Agreed in the review.", "with traffic since"):
        assert fact in shown
    assert "by nobody" in shown


def test_before_the_ledger_and_after_now_are_answered_in_words(visit, world):
    assert "what served before is not recorded" in text(visit("views/audit.py", at="2020-01-01T00:00"))
    assert "has not been recorded: it is" in text(visit("views/audit.py", at=minute(60)))


def test_the_picker_puts_the_moment_into_the_address(visit, world):
    app: AppTest = visit("views/audit.py")
    app.datetime_input(key="at").set_value((utc_now() - timedelta(days=9)).replace(tzinfo=None)).run()
    assert "what served before is not recorded" in text(app)


def test_markup_in_a_reason_stays_text(visit, world):
    stable = world.store.promotions.stable("diabetes-endpoint").target.deployment
    reason = "<img src=x onerror=alert(1)> agreed"
    world.finish(world.begin(Kind.PROMOTE, version(2), stable=stable, reason=reason))
    long_ago(world)
    shown = text(visit("views/audit.py", at="2026-01-01T00:01"))
    assert "v2 served." in shown
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_the_download_is_made_when_asked_for_and_proves_itself(visit, world, tmp_path):
    app: AppTest = visit("views/audit.py")
    button = next(iter(app.main.get("download_button")))
    assert button.proto.label == "Export the ledger"
    assert button.proto.deferred_file_id
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"".join(world.wired.backend.auditing.export()))
    assert verified_file(path).whole


def test_the_page_of_a_version_hands_out_its_dossier_when_asked(visit, world):
    app: AppTest = visit("views/models.py", version="2")
    buttons = {button.proto.label: button.proto for button in app.main.get("download_button")}
    assert set(buttons) == {"Release dossier", "Model card", "Bill of materials"}
    assert all(button.deferred_file_id and not button.disabled for button in buttons.values())
    page = world.wired.backend.releases.dossier_file(version(2)).decode()
    assert version(2).digest in page
    assert "40 of 40 requests answered" in page
