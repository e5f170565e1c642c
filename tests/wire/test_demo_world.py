"""The first world as a whole: who listens where, and that all of it ends together."""

from __future__ import annotations

import ipaddress

import psutil
import pytest


def addresses(process: psutil.Process) -> list[str]:
    try:
        return [c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return []  # it ended while we looked


def test_everything_listens_on_loopback_only(made_world):
    made_world.console()
    heard = [(p.name(), ip) for p in made_world.processes() if p.is_running() for ip in addresses(p)]
    public = [(name, ip) for name, ip in heard if not ipaddress.ip_address(ip).is_loopback]
    assert public == []
    assert len(heard) >= 5, "sandbox (two ports), mlflow, console, scoring server"


def test_the_scoring_server_is_among_what_was_looked_at(made_world):
    commands = [" ".join(p.cmdline()) for p in made_world.processes() if p.is_running()]
    assert any("azmlinfsrv" in c or "inference_server" in c for c in commands), commands


def test_version_one_serves_and_the_ledger_is_whole(made_world):
    shown = made_world.lead.read("endpoint", "show")
    assert list(shown["traffic"].values()) == [100]
    assert made_world.lead.read("endpoint", "score")["model_version"] == "1"
    assert made_world.lead.read("audit", "verify")["whole"]


@pytest.mark.parametrize("account", ["scientist", "lead"])
def test_sign_in_is_by_device_flow_and_in_the_ledger(made_world, account):
    if account == "scientist":
        made_world.scientist.sign_in()
    entries = made_world.lead.read("audit", "list", "--actor", account, "--limit", "1000")
    signed_in = [entry for entry in entries if entry["action"] == "person.signed_in"]
    assert "cli" in {entry["channel"] for entry in signed_in}
