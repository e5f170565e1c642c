"""Who somebody is in all systems: console account, GitHub login, git address, Azure name. Pure.

```
[people] says nothing   an account is called the same at GitHub, and nobody is known by an address
[people] names anybody  it is complete: a login, an address or an Azure name that is not there is nobody's
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backend.domain.authorship import private_login
from backend.domain.people import Aliases

Names = frozenset[str]
"""What one person is called in any system, without regard to case."""

People = Mapping[str, Aliases]
"""By console account."""

BOT = "[bot]"
_SIGNED = re.compile(r"^(?P<name>[^<>]*?)\s*<(?P<mail>[^<>]*)>$")
_LOGIN = re.compile(r"^[a-z0-9][a-z0-9_-]*(?:\[bot\])?$", re.IGNORECASE)
"""No space and no `@`; an underscore stands before the short name of an enterprise with managed users."""


@dataclass(frozen=True, slots=True)
class Signature:
    """An author as GitHub names one: a login, or the name and address of a commit that no account belongs to."""

    login: str = ""
    name: str = ""
    mail: str = ""

    @property
    def names(self) -> Names:
        """Everything it may stand for: by custom, what is before the `@` is an account."""
        said = (self.login, self.name, self.mail, self.mail.partition("@")[0])
        return frozenset(one.casefold() for one in said if one)


def signature(author: str) -> Signature:
    """`lead`, or `Ada Roe <ada@home.example>` as git writes it."""
    signed = _SIGNED.match(author.strip())
    if signed is None:
        return Signature(login=author) if _LOGIN.match(author) else Signature(name=author)
    private = private_login(signed["mail"])
    return Signature(login=private) if private else Signature(name=signed["name"], mail=signed["mail"])


def names_of(people: People, account: str, login: str | None = None) -> Names:
    """What this account's person is called anywhere; `login` is the GitHub account they have connected."""
    known = _declared(people, account)
    said = (account, login or "", known.github, *known.emails, *known.azure)
    return frozenset(name.casefold() for name in said if name)


def connected_login_problem(people: People, account: str, login: str) -> str:
    """Why this account may not act as that GitHub login; "" where the settings do not contradict it."""
    owner = next((who for who, known in people.items() if login.casefold() == _login(who, known)), "")
    if owner and owner.casefold() != account.casefold():
        return f"The GitHub account {login} is {owner}'s by the settings, so {account} cannot act as it."
    expected = _declared(people, account).github
    if expected and expected.casefold() != login.casefold():
        return f"By the settings {account} is {expected} at GitHub: sign in to GitHub as {expected}, not as {login}."
    return ""


def unknown_author(people: People, author: str) -> str:
    """The line of `[people.<account>]` that would say who this is; "" where it is known, or is a program."""
    who = signature(author)
    if who.login:
        logins = {_login(account, known) for account, known in people.items()}
        known = not people or who.login.endswith(BOT) or who.login.casefold() in logins
        return "" if known else f'github = "{who.login}"'
    addresses = {mail.casefold() for known in people.values() for mail in known.emails}
    return "" if who.mail and who.mail.casefold() in addresses else f'emails = ["{who.mail or who.name}"]'


def unknown_submitter(people: People, name: str) -> str:
    """The same for a person as Azure shows them."""
    accounts = {account.casefold() for account in people}
    shown = {azure.casefold() for known in people.values() for azure in known.azure}
    return "" if not people or name.casefold() in accounts | shown else f'azure = ["{name}"]'


def _declared(people: People, account: str) -> Aliases:
    found = (known for who, known in people.items() if who.casefold() == account.casefold())
    return next(found, Aliases())


def _login(account: str, known: Aliases) -> str:
    return (known.github or account).casefold()
