"""What an endpoint answers besides 200, who says so, and what a caller does about it.

From Azure's table "HTTP status codes for online endpoints". A model that refuses is 424 to the client: its own status
and reason are in two headers, and its JSON is the body.
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL_STATUS = "ms-azureml-model-error-statuscode"
MODEL_REASON = "ms-azureml-model-error-reason"
DEPLOYMENT = "azureml-model-deployment"
LARGEST_BODY = 1_572_864
"""Bytes that Azure takes (1.5 MB); the contract's own limit lies below."""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """`text` is the body of the platform's own answers, "" where the model's JSON is the body."""

    status: int
    name: str
    when: str
    do: str
    text: str = ""

    @property
    def from_model(self) -> bool:
        return not self.text


STATUSES = (
    StatusAnswer(
        401,
        "Unauthorized",
        "The key is missing or is none of the endpoint's two.",
        "Read the key again; after a rotation take the other one.",
        "key_auth_access_denied",
    ),
    StatusAnswer(
        404,
        "NotFound",
        "There is no such endpoint or deployment, or none that has traffic.",
        "Check the address; name no deployment.",
        "no_deployment_with_positive_weight",
    ),
    StatusAnswer(
        408,
        "RequestTimeout",
        "The request did not arrive, or the model did not answer, in time.",
        "Send it again.",
        "upstream_request_timeout",
    ),
    StatusAnswer(
        413,
        "ContentTooLarge",
        "The body is larger than the 1.5 MB that the platform takes.",
        "Send fewer rows at a time.",
        "payload_too_large",
    ),
    StatusAnswer(
        424,
        "Refused",
        "The model refused the request: the container said 400, which the platform passes on as 424.",
        "Do not send it again: error.field and error.row say what to mend.",
    ),
    StatusAnswer(
        429,
        "TooManyRequests",
        "More calls at once than the endpoint takes.",
        "Wait, longer each time, then send it again.",
        "too_many_requests",
    ),
    StatusAnswer(
        503,
        "Unavailable",
        "No server behind the deployment answers now; 502 and 504 mean the same to a caller.",
        "Wait, longer each time, then send it again.",
        "no_healthy_upstream",
    ),
)
"""In the order of their numbers."""
BY_STATUS = {one.status: one for one in STATUSES}
AGAIN = frozenset({408, 429, 502, 503, 504})
"""What a caller may send again, since a score changes nothing."""
