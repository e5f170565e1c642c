"""How our programs sign in to GitHub: as an installation of the GitHub App, or with a token that somebody renews.

As the app we hold a private key only. PyGithub signs a JWT with it (at most ten minutes long), exchanges that for an
installation token (an hour long), and does so again before the token ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from backend.errors import ConfigurationError
from backend.settings import GitHub


@dataclass(frozen=True, slots=True)
class Installation:
    """The GitHub App where it is installed; `private_key` is PEM."""

    app_id: int
    installation_id: int
    private_key: SecretStr


def program_credential(settings: GitHub) -> Installation | SecretStr:
    """What background reads, deployments and setup sign in with; an empty token where nothing is set.

    Raises ConfigurationError for a key that is none, so that it is said at start-up and not at the first request.
    """
    if not settings.app_id:
        return settings.installation_token
    return Installation(settings.app_id, settings.installation_id, _private_key(settings))


def _private_key(settings: GitHub) -> SecretStr:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    setting, text = "github.app_private_key", settings.app_private_key.get_secret_value()
    if settings.app_private_key_file is not None:
        setting = "github.app_private_key_file"
        try:
            text = settings.app_private_key_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(setting, f"cannot be read: {error}") from error
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(setting, "is no private key in PEM without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError(setting, "is no RSA key; GitHub verifies RS256 only")
    return SecretStr(text)
