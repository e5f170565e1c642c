"""What clients read first: which cloud this is, where its endpoints are, which keys sign its tokens."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.identity.calls import Call
from sandbox.identity.keys import ACTIONS, ENTRA, signing_key
from sandbox.identity.tokens import actions_issuer, entra_issuer

CLOUD_NAME = "AzureSandbox"
COMMON_CLAIMS = ("sub", "iss", "aud", "exp", "iat", "nbf")
PERSON_CLAIMS = (*COMMON_CLAIMS, "auth_time", "nonce", "preferred_username", "name", "email", "oid", "tid", "roles")
WORKFLOW_CLAIMS = (*COMMON_CLAIMS, "jti", "ref", "sha", "repository", "run_id", "actor", "event_name")


def cloud_metadata(call: Call) -> Response:
    """The description of this cloud that azure-ai-ml and azureml-mlflow select by `ARM_CLOUD_METADATA_URL`."""
    url = call.world.settings.url
    cloud = {
        "name": CLOUD_NAME,
        "portal": call.world.settings.browser_url,
        "resourceManager": f"{url}/",
        "authentication": {
            "loginEndpoint": f"{url}/",
            "audiences": [f"{url}/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        # The SDK formats https://{account}.blob.{suffix}; the @ turns everything before it into user information.
        "suffixes": {"storage": f"x@localhost:{call.world.settings.port}"},
    }
    return JSONResponse([cloud])


def openid_configuration(call: Call) -> Response:
    """OpenID Connect discovery of the tenant, with every address on the port that was asked."""
    base = f"{call.base_url}/{call.tenant}"
    document = {
        "issuer": entra_issuer(call.base_url),
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "userinfo_endpoint": f"{call.base_url}/oidc/userinfo",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": list(PERSON_CLAIMS),
        "request_uri_parameter_supported": False,
        "http_logout_supported": True,
        "tenant_region_scope": "EU",
    }
    return JSONResponse(document)


def keys(call: Call) -> Response:
    """The public keys of Entra's tokens."""
    _ = call.tenant
    return JSONResponse(signing_key(call.world, ENTRA).jwks())


def actions_configuration(call: Call) -> Response:
    """OpenID Connect discovery of the workflows' token issuer."""
    issuer = actions_issuer(call.world)
    document = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "claims_supported": list(WORKFLOW_CLAIMS),
    }
    return JSONResponse(document)


def actions_keys(call: Call) -> Response:
    """The public keys of the workflows' tokens."""
    return JSONResponse(signing_key(call.world, ACTIONS).jwks())
