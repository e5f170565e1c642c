"""Settings: where they come from, what wins, and what a wrong one is told."""

from __future__ import annotations

import logging

import pytest

from backend.errors import ConfigurationError
from backend.logs import Blotting
from backend.settings import load, public_toml

TEXT = """
default_project = "diabetes"

[identity]
tenant_id = "6f1d3c9a-2b4e-4c58-9d7a-0e5b8a4f1c20"

[signin]
metadata_url = "https://login.example/.well-known/openid-configuration"
client_id = "console"

[projects.diabetes]
repository = "hospital/diabetes"
subscription_id = "3c9f2d71-8a45-4e6b-b1d0-7f2e9c5a6b38"
resource_group = "rg-diabetes"
region = "westeurope"
dev_workspace = "diabetes-dev"
prod_workspace = "diabetes-prod"
dev_data = "diabetes-dev"
prod_data = "diabetes-prod"
model = "diabetes-classifier"
environment = "diabetes-training"
endpoint = "diabetes-endpoint"
test_endpoint = "diabetes-test"
"""
APP = "app_id = 1\ninstallation_id = 2\napp_private_key = 'k'\n"


@pytest.fixture(autouse=True)
def nothing_else_set(monkeypatch, tmp_path):
    for name in ("MLOPS_TOML", "MLOPS_SETTINGS", "MLOPS_IDENTITY__CLIENT_SECRET", "MLOPS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_the_file_of_the_home_is_read(tmp_path):
    (tmp_path / "mlops.toml").write_text(TEXT)
    settings = load()
    assert settings.project.model == "diabetes-classifier"
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/console.db"


def test_the_environment_overrides_one_value_and_keeps_its_neighbours(tmp_path, monkeypatch):
    (tmp_path / "mlops.toml").write_text(TEXT)
    monkeypatch.setenv("MLOPS_IDENTITY__CLIENT_SECRET", "from the environment")
    settings = load()
    assert settings.identity.client_secret.get_secret_value() == "from the environment"
    assert settings.identity.tenant_id.startswith("6f1d3c9a")
    assert "from the environment" not in repr(settings)


def test_the_text_of_a_variable_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "mlops.toml").write_text(TEXT)
    monkeypatch.setenv("MLOPS_TOML", TEXT.replace("diabetes-classifier", "another-model"))
    monkeypatch.setenv("MLOPS_IDENTITY__CREDENTIAL", "github_oidc")
    settings = load()
    assert settings.project.model == "another-model"
    assert settings.identity.credential == "github_oidc"


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        (TEXT.replace('"diabetes-endpoint"', '"diabetes endpoint"'), "projects.diabetes.endpoint"),
        (TEXT.replace("hospital/diabetes", "diabetes"), "projects.diabetes.repository"),
        (TEXT.replace("tenant_id", "tenant"), "identity.tenant_id"),
        (TEXT + "\n[worker]\nlease = 0\n", "worker.lease"),
        (TEXT + "\n[github]\napp_id = 1\ninstallation_id = 2\n", "github.app_private_key"),
        (TEXT + "\n[github]\napp_id = 1\napp_private_key_file = 'app.pem'\n", "github.installation_id"),
        (TEXT + "\n[github]\napp_private_key = 'k'\ninstallation_id = 2\n", "github.app_id"),
        (TEXT + "\n[github]\ninstallation_id = 2\ninstallation_token = 't'\n", "github.app_id"),
        (TEXT + f"\n[github]\n{APP}installation_token = 't'\n", "github.installation_token"),
        (TEXT + f"\n[github]\n{APP}app_private_key_file = 'app.pem'\n", "github.app_private_key_file"),
        (TEXT + "\n[github]\napp_id = 'Iv1.x'\n", "github.app_id"),
        (TEXT + "\n[console]\nport = 99999\n", "console.port"),
        (TEXT + "\n[cloud]\nmetadata = 'x'\n", "cloud.metadata"),
        ("colour = 'blue'\n" + TEXT, "colour"),
        ("token_key = 'c2hvcnQ='\n" + TEXT, "token_key"),
        ("token_key = 'no base64 at all'\n" + TEXT, "token_key"),
        (TEXT.replace('default_project = "diabetes"', 'default_project = "other"'), "default_project"),
    ],
)
@pytest.mark.parametrize("as_variable", [False, True])
def test_a_wrong_setting_is_named(tmp_path, monkeypatch, changed, setting, as_variable):
    if as_variable:
        monkeypatch.setenv("MLOPS_TOML", changed)
    else:
        (tmp_path / "mlops.toml").write_text(changed)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert caught.value.setting == setting
    assert ("MLOPS_TOML" if as_variable else "mlops.toml") in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("colour = 'blue'\n" + TEXT, "colour: there is no such setting in "),
        (TEXT.replace("tenant_id", "Tenant_ID"), "identity.tenant_id: is missing in "),
        (
            TEXT.replace('"diabetes-endpoint"', '"diabetes endpoint"'),
            "projects.diabetes.endpoint: must match ^[A-Za-z][A-Za-z0-9-]{2,31}$ in ",
        ),
        (TEXT + "\n[console]\nport = 'eighty'\n", "console.port: input should be a valid integer, unable to parse"),
        ("token_key = 'abc-secret'\n" + TEXT, "token_key: must be 32 bytes in URL-safe base64 in "),
    ],
)
def test_what_is_wrong_is_told_as_it_is_written_and_no_value_is_repeated(tmp_path, changed, told):
    (tmp_path / "mlops.toml").write_text(changed)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value).startswith(told)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(monkeypatch):
    monkeypatch.setenv("MLOPS_SETTINGS", "/proc/self/mem")  # refuses its first byte, to root too
    with pytest.raises(ConfigurationError, match=r"^/proc/self/mem: cannot be read: Input/output error$"):
        load()


@pytest.mark.parametrize("given", [APP, "installation_token = 't'\n", ""])
def test_programs_are_an_app_or_a_token_or_nobody(monkeypatch, given):
    monkeypatch.setenv("MLOPS_TOML", f"{TEXT}\n[github]\n{given}")
    assert load().github.login_url == "https://github.com"


@pytest.mark.parametrize("as_variable", [False, True])
def test_text_that_is_no_toml_names_its_source(tmp_path, monkeypatch, as_variable):
    if as_variable:
        monkeypatch.setenv("MLOPS_TOML", "[identity\n")
    else:
        (tmp_path / "mlops.toml").write_text("[identity\n")
    with pytest.raises(ConfigurationError, match="not valid TOML") as caught:
        load()
    assert caught.value.setting.endswith("MLOPS_TOML" if as_variable else "mlops.toml")


def test_no_settings_at_all_says_where_they_are_looked_for():
    with pytest.raises(ConfigurationError, match=r"no settings file at mlops\.toml"):
        load()


ADDRESS = "postgresql://mlops:s3cr3t@db.example/mlops"


def test_the_database_has_a_short_name_and_its_password_is_shown_nowhere(tmp_path, monkeypatch):
    (tmp_path / "mlops.toml").write_text(TEXT + "\n[store]\nurl = 'sqlite:////elsewhere.db'\n")
    monkeypatch.setenv("MLOPS_DATABASE_URL", ADDRESS)
    settings = load()
    assert settings.database_url == ADDRESS
    assert "s3cr3t" not in f"{settings!r} {settings.model_dump_json()} {public_toml(settings)}"
    monkeypatch.setenv("MLOPS_STORE__URL", "sqlite:////the/long/name.db")
    assert load().database_url == "sqlite:////the/long/name.db"


def test_a_log_line_blots_out_the_password_of_an_address():
    record = logging.LogRecord("x", logging.INFO, "f", 1, f"at {ADDRESS}?a=b, not https://h:443/a/b@v1", None, None)
    assert Blotting("%(message)s").format(record) == (
        "at postgresql://[credential]@db.example/mlops?a=b, not https://h:443/a/b@v1"
    )
