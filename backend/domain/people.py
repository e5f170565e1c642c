"""Who acts, and what each role may do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field, SecretStr

from backend.domain.value import Value

FIRST_LOOK = 1.0
"""Seconds from showing a device code to the first look for its answer; from then on the provider's interval counts.

Nobody has answered at once, and who has answered a moment later would wait for the whole interval of 5 seconds.
"""


class Role(StrEnum):
    """Roles as the identity provider names them in the `roles` claim."""

    VIEWER = "viewer"
    SCIENTIST = "scientist"
    LEAD = "lead"
    OPERATOR = "operator"
    APP_DEVELOPER = "app_developer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What an operation asks for."""

    READ = "read"
    OPEN_PULL_REQUEST = "open a pull request"
    MANAGE_RUNS = "start, stop or annotate a run"
    REVIEW = "review and merge a pull request"
    APPROVE = "approve a model version"
    PROMOTE = "promote to production"
    PROMOTE_NOW = "go on before an observation has ended"
    CONTROL = "pause, abort or roll back"
    SETUP = "apply setup"
    DRILL = "run a drill of the controls"
    KEYS = "read and replace an endpoint's keys"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.SCIENTIST: frozenset({Right.READ, Right.OPEN_PULL_REQUEST, Right.MANAGE_RUNS}),
    Role.LEAD: frozenset(
        {
            Right.READ,
            Right.OPEN_PULL_REQUEST,
            Right.MANAGE_RUNS,
            Right.REVIEW,
            Right.APPROVE,
            Right.PROMOTE,
            Right.PROMOTE_NOW,
            Right.CONTROL,
            Right.SETUP,
            Right.DRILL,
            Right.KEYS,
        }
    ),
    Role.OPERATOR: frozenset({Right.READ, Right.CONTROL, Right.KEYS}),
    Role.APP_DEVELOPER: frozenset({Right.READ, Right.KEYS}),
    Role.AUDITOR: frozenset({Right.READ}),
    Role.ADMINISTRATOR: frozenset({Right.READ, Right.SETUP, Right.DRILL}),
}


class Actor(Value):
    """A signed-in person or one of our own services, as the ledger names it.

    `name` is the account name (`lead`), the ledger's actor; `channel` says how they came in, `sign_in` which sign-in in
    a browser it was, so that signing out ends that one in every tab.
    """

    name: str
    roles: frozenset[Role]
    channel: str = "console"
    authenticated_at: datetime | None = None
    sign_in: str = Field(default="", exclude=True)

    def may(self, right: Right) -> bool:
        return any(right in RIGHTS[role] for role in self.roles)


class Aliases(Value):
    """What a person is called outside the console: `github` where the login is not the account's name, git's `emails`,
    and names under which Azure shows who submitted a run.
    """

    github: str = ""
    emails: tuple[str, ...] = ()
    azure: tuple[str, ...] = ()


class GitHubConsent(Value):
    """Where to send the browser so that a person lends us their GitHub rights.

    `state` must come back unchanged; `verifier` (PKCE) stays with us and goes with the code.
    """

    url: str
    state: str
    verifier: str


class GitHubGrant(Value):
    """A person's user token of the GitHub App.

    `refresh` replaces it once, before or after `expires_at`, and is itself replaced; both are None where the app's
    tokens do not expire.
    """

    access: SecretStr
    refresh: SecretStr | None = None
    expires_at: datetime | None = None


WORKER = Actor(name="worker", roles=frozenset(), channel="worker")


def who_may(right: Right) -> str:
    """The roles that hold a right, in words, for a refusal: `lead or operator`."""
    names = [role.value.replace("_", " ") for role, rights in RIGHTS.items() if right in rights]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
