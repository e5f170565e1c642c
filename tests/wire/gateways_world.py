"""The settings of one sandbox, as the launcher would write them, for the gateway tests."""

from __future__ import annotations

from backend.settings import Cloud, GitHub, Identity, Settings, SignIn
from backend.settings_project import Project
from sandbox.accounts import SIGN_IN_CLIENT_ID, SUBSCRIPTION, TENANT


def settings_of(sandbox, home, project=None, program="mlops-setup", secret=""):
    """Settings that reach `sandbox` as `program`, with our own state below `home`."""
    told = sandbox.secrets
    return Settings.model_construct(
        home=home,
        environment_label="",
        token_key=Settings.model_fields["token_key"].default,
        store=Settings.model_fields["store"].default,
        worker=Settings.model_fields["worker"].default,
        console=Settings.model_fields["console"].default,
        identity=Identity(
            tenant_id=TENANT,
            authority=sandbox.url,
            instance_discovery=False,
            credential="client_secret",
            client_id=told[program]["client_id"],
            client_secret=secret or told[program]["secret"],
        ),
        signin=SignIn(
            metadata_url=f"{sandbox.browser_url}/{TENANT}/v2.0/.well-known/openid-configuration",
            client_id=SIGN_IN_CLIENT_ID,
        ),
        cloud=Cloud(
            metadata_url=f"{sandbox.url}/metadata/endpoints?api-version=2019-05-01",
            ca_bundle=str(sandbox.ca_file),
            logs_endpoint=sandbox.url,
            metrics_endpoint=sandbox.url,
        ),
        github=GitHub(
            api_url=f"{sandbox.url}/api/v3",
            web_url=sandbox.browser_url,
            login_url=sandbox.url,
            actions_issuer=f"{sandbox.url}/actions/oidc",
            client_id=told["github"]["client_id"],
            client_secret=told["github"]["client_secret"],
            installation_token=told["github"]["installation_token"],
        ),
        default_project="diabetes",
        projects={"diabetes": project or PROJECT},
    )


PROJECT = Project(
    repository="hospital/diabetes",
    subscription_id=SUBSCRIPTION,
    resource_group="gateways",
    region="westeurope",
    dev_workspace="gateways-dev",
    prod_workspace="gateways-prod",
    dev_data="gateways-dev",
    prod_data="diabetes-prod",
    model="diabetes-classifier",
    environment="diabetes-training",
    endpoint="diabetes-endpoint",
    test_endpoint="diabetes-test",
)
