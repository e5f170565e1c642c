"""Builds the application and runs it: configuration, secrets, routes, headers, pollers."""

from __future__ import annotations

import logging
import secrets
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware

from backend.errors import ConfigurationError
from backend.settings import Settings
from console import consent, contract_files, topics, webhook, wiring
from console.failures import report
from console.guard import Guard
from console.middleware import SecurityHeaders, SignInFailure, WayBack, content_policy, inline_script_hashes
from console.seal import Seal
from console.snapshots import Snapshots
from console.wakes import Wakes

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "streamlit_config" / "config.toml"
log = logging.getLogger("console")


def flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """TOML tables as Streamlit's dotted option names; arrays of tables stay lists."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def configuration(settings: Settings) -> dict[str, Any]:
    """Every option given to `App.run`, the address and port from our settings."""
    fixed = dict(flatten(tomllib.loads(CONFIG.read_text())))
    return {
        **fixed,
        "server.address": settings.console.address,
        "server.port": settings.console.port,
        "server.allowedHosts": sorted(hosts(settings)),
        "browser.serverAddress": urlsplit(settings.console.public_url).hostname or "localhost",
    }


def hosts(settings: Settings) -> frozenset[str]:
    """The names under which this console is reached."""
    public = urlsplit(settings.console.public_url).hostname or "localhost"
    return frozenset({"127.0.0.1", "localhost", public, *settings.console.allowed_hosts})


def sign_in_secrets(settings: Settings) -> dict[str, Any]:
    """The `[auth]` section that `st.login` reads."""
    if not settings.signin.cookie_secret.get_secret_value():
        raise ConfigurationError(
            "signin.cookie_secret", "empty: people could not stay signed in; set 32 random characters"
        )
    return {
        "auth": {
            "redirect_uri": f"{settings.console.public_url.rstrip('/')}/oauth2callback",
            "cookie_secret": settings.signin.cookie_secret.get_secret_value(),
            "client_id": settings.signin.client_id,
            "client_secret": settings.signin.client_secret.get_secret_value(),
            "server_metadata_url": settings.signin.metadata_url,
            "client_kwargs": {"scope": "openid email profile", "prompt": "select_account"},
        }
    }


def wire(settings: Settings) -> wiring.Wiring:
    """Our objects for this process; connects to nothing yet."""
    from backend.bootstrap import build

    snapshots = Snapshots(lambda: build(settings), settings.home.resolve() / "cache")
    seal = Seal(settings.signin.cookie_secret.get_secret_value() or secrets.token_urlsafe(32))
    backend = build(settings)
    wakes = Wakes(backend.doorbell.rung, lambda: snapshots.refresh_below(*topics.RUNG))
    return wiring.Wiring(settings=settings, backend=backend, snapshots=snapshots, seal=seal, wakes=wakes)


def watch_always(snapshots: Snapshots, settings: Settings) -> None:
    """The topics that are kept fresh even when nobody looks, so that the first look finds them."""
    project = settings.project
    snapshots.watch(topics.pulls())
    snapshots.watch(topics.versions())
    snapshots.watch(topics.endpoint(project.endpoint))
    snapshots.watch(topics.endpoint(project.test_endpoint))
    snapshots.watch(topics.runs())
    snapshots.watch(topics.plan())


def application(settings: Settings) -> st.App:
    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
        wired = wire(settings)
        wiring.install(wired)
        watch_always(wired.snapshots, settings)
        wired.snapshots.start()
        wired.wakes.start()
        try:
            yield {}
        finally:
            wired.wakes.stop()
            wired.snapshots.stop()

    index = Path(st.__file__).parent / "static" / "index.html"
    policy = content_policy(inline_script_hashes(index))
    over_tls = urlsplit(settings.console.public_url).scheme == "https"
    return st.App(
        HERE / "app.py",
        secrets=sign_in_secrets(settings),
        lifespan=lifespan,
        routes=[*consent.ROUTES, *webhook.ROUTES, *contract_files.ROUTES],
        middleware=[
            Middleware(SecurityHeaders, policy=policy, over_tls=over_tls),
            Middleware(Guard, hosts=hosts(settings)),
            Middleware(WayBack),
            Middleware(SignInFailure),
        ],
        on_script_error=report,
    )


def run(settings: Settings) -> None:
    """Serve until stopped. Raises ConfigurationError, before anything is served, for settings that lead nowhere."""
    from backend.bootstrap import open_store

    # Within the server's own start an error would become a traceback and another exit code.
    open_store(settings).close()
    app = application(settings)
    print(f"console on {settings.console.public_url}", flush=True)
    app.run(config=configuration(settings))
