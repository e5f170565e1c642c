"""Remove deployments whose warm time has passed. Look first; nothing with traffic is ever deleted."""

from __future__ import annotations

import logging

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Retirement, RetirementState
from backend.errors import RemoteError
from backend.gateways.azureml.endpoints import Endpoints
from backend.store import Store

_log = logging.getLogger(__name__)
_BUSY = (ProvisioningState.CREATING, ProvisioningState.UPDATING, ProvisioningState.DELETING)


def retire_due(store: Store, endpoints: Endpoints, test_endpoint: str = "") -> None:
    """One look at every retirement that is due; those under way are looked at again next time."""
    for retirement in store.retirements.claim_due():
        try:
            _retire(store, endpoints, retirement, test=retirement.endpoint == test_endpoint)
        except RemoteError as error:
            _log.warning("removing %s from %s: %s", retirement.deployment, retirement.endpoint, error)


def _retire(store: Store, endpoints: Endpoints, retirement: Retirement, *, test: bool) -> None:
    """Nothing with traffic goes; but a test endpoint's traffic is our own, and ends with its last deployment."""
    name = retirement.deployment
    endpoint = endpoints.get(retirement.endpoint)
    deployment = endpoint.deployment(name) if endpoint else None
    if endpoint is None or deployment is None:
        store.retirements.settle(retirement, RetirementState.REMOVED, f"{name} is gone")
    elif test and endpoint.traffic.get(name, 0):
        if endpoint.state is ProvisioningState.SUCCEEDED:
            endpoints.set_traffic(endpoint.name, {})
    elif endpoint.traffic.get(name, 0) or endpoint.mirror_traffic.get(name, 0):
        store.retirements.settle(retirement, RetirementState.CANCELLED, f"{name} has traffic")
    elif deployment.state not in _BUSY:
        endpoints.delete_deployment(endpoint.name, name)
