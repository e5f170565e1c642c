"""The Behaviour section: drift, data quality and performance of the model that serves, and proposed retrainings."""

from __future__ import annotations

from backend.domain.people import Actor
from console.components.behaviour import model_behaviour
from console.components.live import follow
from console.wiring import Wiring


def show_behaviour(wired: Wiring, actor: Actor) -> None:
    endpoint = wired.settings.project.endpoint
    behaviour = wired.backend.behaviour

    def newest_look() -> tuple[object, ...]:
        """Changes when the worker has looked again, or somebody has decided about a retraining."""
        found = behaviour.newest(endpoint)
        return (found.at if found else None, *((one.id, one.state) for one in behaviour.proposals(endpoint)))

    follow("monitoring behaviour", (), newest_look, every=10.0)
    model_behaviour(wired, actor, endpoint)
