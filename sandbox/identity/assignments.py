"""Which app roles a person has: as they were born, until somebody assigns others. Entra reads them at each token."""

from __future__ import annotations

from sandbox.accounts import Person
from sandbox.world import World

ASSIGNED = "app_roles"


def roles_of(world: World, person: Person) -> tuple[str, ...]:
    found = world.documents.get(ASSIGNED, person.login)
    return person.roles if found is None else tuple(found["roles"])


def assign(world: World, person: Person, roles: tuple[str, ...]) -> None:
    """From now on the person has these and no other."""
    world.documents.put(ASSIGNED, person.login, {"roles": list(roles)})
