"""Settings: `mlops.toml` overridden by `MLOPS_*` environment variables (`MLOPS_IDENTITY__CLIENT_SECRET=...`).

The file's whole text may come from `$MLOPS_TOML` (a CI variable). Otherwise it is found at `$MLOPS_SETTINGS`,
else `$MLOPS_HOME/mlops.toml`, else `./mlops.toml`.
Several model projects may be declared; each names its repository, workspaces and endpoints.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from backend.errors import ConfigurationError
from backend.settings_project import Project, Seconds, Section

KEY_BYTES = 32
"""Fernet's."""

TargetEvent = Literal[
    "to decide", "decided", "promotion", "attention", "unexplained", "break-glass", "merge", "setup", "alert"
]

DATABASE_VARIABLE = "MLOPS_DATABASE_URL"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Identity(Section):
    """How our services sign in. `authority` without a path; `instance_discovery` off for private clouds.

    The two `ci_` ids are the federated identities of workflows: pull requests reach dev, pushes to main reach prod.
    """

    tenant_id: str
    authority: str = "https://login.microsoftonline.com"
    instance_discovery: bool = True
    credential: Literal["default", "client_secret", "github_oidc"] = "default"
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    ci_dev_client_id: str = ""
    ci_prod_client_id: str = ""


class SignIn(Section):
    """How people sign in (OpenID Connect). The `roles` claim of the id token names their roles.

    With `directory_url`, Microsoft Graph's, they are read again there whenever somebody acts.
    """

    metadata_url: str
    directory_url: str = ""
    client_id: str
    client_secret: SecretStr = SecretStr("")
    cookie_secret: SecretStr = SecretStr("")
    max_age: Seconds = 36_000


class Cloud(Section):
    """`metadata_url` and `ca_bundle` only for private clouds; the Monitor addresses have public defaults."""

    metadata_url: str = ""
    ca_bundle: str = ""
    logs_endpoint: str = "https://api.loganalytics.io"
    logs_audience: str = "https://api.loganalytics.io"
    metrics_endpoint: str = ""
    metrics_audience: str = "https://metrics.monitor.azure.com"


class GitHub(Section):
    """Programs reach GitHub as the installed app (`app_id`, its key, `installation_id`), whose tokens renew themselves,
    or with one `installation_token` that never changes; people with tokens of their own, which `client_id` asks for.

    The key is given as PEM text or as the path of its file.
    `webhook_secret` signs what GitHub tells the console by itself.
    `api_url` is what programs call, `web_url` what a browser opens, `login_url` where programs run the
    OAuth exchanges (same host as `web_url` on github.com). `actions_issuer` signs the tokens of workflows.
    """

    api_url: str = "https://api.github.com"
    web_url: str = "https://github.com"
    login_url: str = "https://github.com"
    actions_issuer: str = "https://token.actions.githubusercontent.com"
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    app_id: Annotated[int, Field(ge=0)] = 0
    app_private_key: SecretStr = SecretStr("")
    app_private_key_file: Path | None = None
    installation_id: Annotated[int, Field(ge=0)] = 0
    installation_token: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")


class Store(Section):
    """`url` is SQLAlchemy's and may hold a password; `MLOPS_DATABASE_URL` is a shorter name for `MLOPS_STORE__URL`."""

    url: SecretStr = SecretStr("")


class Worker(Section):
    """`lease` must exceed every network timeout of a step; `poll` is the pause between looks at the queue.

    `prove_every` is the pause between two proofs of what serves, and between two looks at the repository;
    `compare_every` the one between two comparisons of the whole setup with its declaration. Every `drill_every_hours`
    all controls are tried; 0 leaves that to people.
    """

    poll: Seconds = 0.5
    lease: Seconds = 30.0
    registry_poll: Seconds = 5.0
    prove_every: Seconds = 20.0
    compare_every: Seconds = 300.0
    drill_every_hours: Annotated[float, Field(ge=0, le=8760)] = 24.0


class Target(Section):
    """Where people are told of events beside the console: the incoming webhook of a channel, whose address is a secret.

    `events` are kinds of notifications; none means all.
    """

    form: Literal["teams", "slack"]
    url: SecretStr
    events: tuple[TargetEvent, ...] = ()


class Console(Section):
    """`public_url` is the address people type. `allowed_hosts` are further names under which requests may come in."""

    address: Literal["127.0.0.1", "localhost", "0.0.0.0"] = "127.0.0.1"  # noqa: S104 -- chosen behind a proxy only
    port: Annotated[int, Field(ge=1, le=65535)] = 8501
    public_url: str = "http://127.0.0.1:8501"
    allowed_hosts: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")], ...] = ()


class Settings(BaseSettings):
    """All of it. `token_key` (Fernet, base64) encrypts people's GitHub tokens at rest."""

    model_config = SettingsConfigDict(
        env_prefix="MLOPS_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Path(".mlops")
    environment_label: str = ""
    token_key: SecretStr = SecretStr("")
    identity: Identity
    signin: SignIn
    cloud: Cloud = Cloud()
    github: GitHub = GitHub()
    store: Store = Store()
    worker: Worker = Worker()
    console: Console = Console()
    notifications: dict[str, Target] = {}
    default_project: str = "diabetes"
    projects: dict[str, Project]

    @field_validator("token_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        """Found out at start-up, and not when the first person lends a token."""
        try:
            length = len(base64.urlsafe_b64decode(key.get_secret_value()))
        except ValueError:
            length = -1
        if length not in (0, KEY_BYTES):
            raise ValueError(f"must be {KEY_BYTES} bytes in URL-safe base64")
        return key

    @property
    def project(self) -> Project:
        return self.projects[self.default_project]

    @property
    def database_url(self) -> str:
        """The address with its password: for the store alone, not to be shown."""
        return self.store.url.get_secret_value() or f"sqlite:///{self.home.resolve() / 'console.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- passed by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- passed by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        url = os.environ.get(DATABASE_VARIABLE)
        short = InitSettingsSource(settings_cls, {"store": {"url": url}} if url else {})
        text = os.environ.get("MLOPS_TOML")
        if text:
            return init_settings, env_settings, short, InitSettingsSource(settings_cls, tomllib.loads(text))
        return init_settings, env_settings, short, TomlConfigSettingsSource(settings_cls, toml_file=settings_file())


def settings_file() -> Path:
    explicit = os.environ.get("MLOPS_SETTINGS")
    if explicit:
        return Path(explicit)
    in_home = Path(os.environ.get("MLOPS_HOME", ".mlops")) / "mlops.toml"
    return in_home if in_home.exists() else Path("mlops.toml")


def load() -> Settings:
    """The settings, or a ConfigurationError that names the first wrong one."""
    source, where = _source()
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigurationError(name, f"{_in_words(first)}{where}") from error
    except ValueError as error:
        raise ConfigurationError(source, f"not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigurationError(source, f"cannot be read: {error.strerror or error}") from error
    if settings.default_project not in settings.projects:
        raise ConfigurationError("default_project", f"{settings.default_project!r} is not among [projects]{where}")
    _check_github(settings.github, where)
    _check_targets(settings.notifications, where)
    return settings


def _in_words(problem: ErrorDetails) -> str:
    """What is wrong, without the value, which may be a secret."""
    match problem["type"]:
        case "extra_forbidden":
            return "there is no such setting"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":
            return f"must match {problem['ctx']['pattern']}"
        case "value_error":
            return str(problem["ctx"]["error"])
    return problem["msg"][:1].lower() + problem["msg"][1:]


def _check_targets(targets: dict[str, Target], where: str) -> None:
    """What is sent tells of releases: encrypted on its way, but for what stays on this machine. Tells no address."""
    for name, target in targets.items():
        if not re.fullmatch(r"[\w-]{1,60}", name):
            raise ConfigurationError("notifications", f"{name!r} is no name: letters, digits, - and _{where}")
        try:
            parts = urlsplit(target.url.get_secret_value())
            host, plain = parts.hostname or "", parts.scheme == "http" and parts.hostname in LOOPBACK
        except ValueError:
            host, plain = "", False
        if not host or not (plain or parts.scheme == "https"):
            raise ConfigurationError(f"notifications.{name}.url", f"has to begin with https://{where}")


def _check_github(github: GitHub, where: str) -> None:
    """Programs are one identity at GitHub: the whole of an installed app, or a token, or nobody."""
    key, file = bool(github.app_private_key.get_secret_value()), github.app_private_key_file is not None
    if key and file:
        raise ConfigurationError("github.app_private_key_file", f"is set beside app_private_key{where}; keep one")
    app = {"app_id": github.app_id > 0, "app_private_key": key or file, "installation_id": github.installation_id > 0}
    given = [name for name, is_set in app.items() if is_set]
    missing = [name for name, is_set in app.items() if not is_set]
    if given and missing:
        raise ConfigurationError(f"github.{missing[0]}", f"is not set, but {given[0]} is{where}; an app needs it")
    if given and github.installation_token.get_secret_value():
        raise ConfigurationError("github.installation_token", f"is set beside app_id{where}; keep one of them")


def _source() -> tuple[str, str]:
    """The name of what holds the settings, and the words that say so at the end of a problem."""
    if os.environ.get("MLOPS_TOML"):
        return "MLOPS_TOML", " in the text of MLOPS_TOML"
    path = settings_file()
    return str(path), f" in {path}" if path.exists() else f"; no settings file at {path}"


OPERATED = {
    *("approval", "freeze", "prices", "currency", "keep_test_hours", "collect_percent", "keep_collected_days"),
    *("watch_every_minutes", "labels_folder", "retrain_cool_down_days", "retrain_every_days", "retrain_hold"),
    "declaration",
}
"""What concerns deciding and operating: workflows can neither approve, nor promote, nor deploy."""


def public_toml(settings: Settings) -> str:
    """The settings that a workflow needs and everybody may read: no secret, no client id, no database, no approvals."""
    sections = {
        "identity": settings.identity.model_dump(include={"tenant_id", "authority", "instance_discovery"}),
        "signin": settings.signin.model_dump(include={"metadata_url", "client_id"}),
        "cloud": settings.cloud.model_dump(),
        "github": settings.github.model_dump(include={"api_url", "web_url", "login_url"}),
        **{f"projects.{name}": project.model_dump(exclude=OPERATED) for name, project in settings.projects.items()},
    }
    lines = [f"default_project = {json.dumps(settings.default_project)}"]
    for name, values in sections.items():
        # A JSON string, number or boolean is written the same way in TOML.
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"
