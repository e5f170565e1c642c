"""How GitHub says no: a status, a message, and for field errors a list of what is wrong with which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class GitHubError(Exception):
    """Answered to the client as GitHub's JSON envelope; `errors` holds strings or field objects, as GitHub mixes."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any] | str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message}
        if self.errors:
            body["errors"] = self.errors
        return body | {"documentation_url": DOCUMENTATION, "status": str(self.status)}


def bad_credentials() -> GitHubError:
    return GitHubError(401, "Bad credentials")


def requires_authentication() -> GitHubError:
    return GitHubError(401, "Requires authentication")


def not_found(message: str = "Not Found") -> GitHubError:
    """Also the answer to a caller who may not know that the thing exists."""
    return GitHubError(404, message)


def lacks_permission() -> GitHubError:
    """The token's permissions, or the person's, do not cover the operation."""
    return GitHubError(403, "Resource not accessible by integration")


def forbidden(message: str) -> GitHubError:
    return GitHubError(403, message)


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> GitHubError:
    """422 `Validation Failed` about one field; codes are missing, missing_field, invalid, already_exists, custom."""
    error = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    return GitHubError(422, "Validation Failed", errors=[error])


def unprocessable(*sentences: str) -> GitHubError:
    """422 whose errors are sentences, as the reviews API words them."""
    return GitHubError(422, "Unprocessable Entity", errors=sentences)


def rule_violations(status: int, sentences: Sequence[str]) -> GitHubError:
    """A ruleset said no; each sentence stands in a paragraph of its own."""
    return GitHubError(status, "Repository rule violations found\n\n" + "".join(f"{line}\n\n" for line in sentences))
