"""Every error the backend lets out, as one tree.

```
BackendError
  ConfigurationError                  at start-up, names the setting; exit 78
  Rejected                            the caller can fix it; the console shows the text, the CLI exits 2
    NotFound  NotPermitted  Conflict(expected, actual)  PolicyDenied(blockers)  Invalid
  RemoteError(service, operation, status, request_id)     raised in gateways/ and for the database in store/, `from`
                                                          the SDK's or driver's error
    RemoteUnavailable(retry_after)  RemoteRejected  CredentialsRejected
      SignInEnded                     a CredentialsRejected that only the person can mend, by signing in again
  CorruptState                        broken audit chain, unknown schema: stop the worker
```

A message says what happened, why, and what to do. Retryability follows from the type; only the engine decides on it.
"""

from __future__ import annotations


class BackendError(Exception):
    """Root of the tree; `exit_code` is what the CLI ends with."""

    exit_code = 1


class ConfigurationError(BackendError):
    """A setting is missing or wrong; raised at start-up only."""

    exit_code = 78

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting


class Rejected(BackendError):
    """The request was refused for a reason its sender can mend."""

    exit_code = 2


class Invalid(Rejected):
    """The request itself is malformed: a missing reason, an unknown weight, a bad name."""


class NotFound(Rejected):
    """The thing named does not exist."""


class NotPermitted(Rejected):
    """The actor lacks the right; the message says who has it."""


class Conflict(Rejected):
    """The world moved since the page was drawn."""

    def __init__(self, message: str, *, expected: str, actual: str) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class PolicyDenied(Rejected):
    """A rule refuses; `blockers` are the same sentences the decision page lists."""

    def __init__(self, message: str, blockers: tuple[str, ...]) -> None:
        super().__init__(message)
        self.blockers = blockers


class RemoteError(BackendError):
    """A service answered badly or not at all."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.service = service
        self.operation = operation
        self.status = status
        self.request_id = request_id


class RemoteUnavailable(RemoteError):
    """No answer, throttled, or 5xx: trying again later may help."""

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, service=service, operation=operation, status=status, request_id=request_id)
        self.retry_after = retry_after


class RemoteRejected(RemoteError):
    """The service understood and refused; asking again gives the same answer."""


class CredentialsRejected(RemoteError):
    """Expired, revoked or insufficient credentials."""

    @property
    def lacks_right(self) -> bool:
        """Whether we are known and may not, which asking again or a new token does not change."""
        return self.status == 403


class SignInEnded(CredentialsRejected):
    """What a person lent us is spent, expired or revoked; they must lend it again."""


class CorruptState(BackendError):
    """Our own records contradict each other; nothing may be written until a person has looked."""

    exit_code = 4
