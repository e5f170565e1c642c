"""The people and programs of the simulated hospital group, and the tokens they carry.

Every account can sign in without a password: the world holds simulated patients only and listens on loopback.
"""

from __future__ import annotations

from dataclasses import dataclass

TENANT = "6f1d3c9a-2b4e-4c58-9d7a-0e5b8a4f1c20"
SUBSCRIPTION = "3c9f2d71-8a45-4e6b-b1d0-7f2e9c5a6b38"
ORGANISATION = "hospital"


@dataclass(frozen=True, slots=True)
class Person:
    """`roles` are app roles of the console, `permission` the GitHub permission on the organisation's repositories."""

    login: str
    number: int
    name: str
    roles: tuple[str, ...]
    permission: str

    @property
    def email(self) -> str:
        return f"{self.login}@hospital.example"


@dataclass(frozen=True, slots=True)
class Program:
    """A service principal: `actions` are ARM permissions as `Microsoft.MachineLearningServices/...` patterns."""

    client_id: str
    name: str
    may_write_endpoints: bool
    workspaces: tuple[str, ...]


PEOPLE = (
    Person("scientist", 101, "Sam Scientist", ("scientist",), "push"),
    Person("lead", 102, "Lee Lead", ("lead",), "admin"),
    Person("deputy", 103, "Dana Deputy", ("lead",), "admin"),
    Person("operator", 104, "Otis Operator", ("operator",), "pull"),
    Person("viewer", 105, "Vic Viewer", ("viewer",), "pull"),
    Person("developer", 106, "Ada Developer", ("app_developer",), "pull"),
)

PROGRAMS = (
    Program("a1b2c3d4-0001-4000-8000-000000000001", "mlops-worker", True, ("*",)),
    Program("a1b2c3d4-0002-4000-8000-000000000002", "mlops-console", False, ("*",)),
    Program("a1b2c3d4-0003-4000-8000-000000000003", "mlops-ci-dev", False, ("diabetes-dev",)),
    Program("a1b2c3d4-0004-4000-8000-000000000004", "mlops-ci-prod", False, ("diabetes-prod",)),
    Program("a1b2c3d4-0005-4000-8000-000000000005", "mlops-setup", True, ("*",)),
)

GITHUB_APP_CLIENT_ID = "Iv23limlopsconsole01"
GITHUB_APP_ID = 990_001
GITHUB_INSTALLATION_ID = 77_000_001
"""The app is installed once, on the organisation."""
SIGN_IN_CLIENT_ID = "a1b2c3d4-0006-4000-8000-000000000006"
