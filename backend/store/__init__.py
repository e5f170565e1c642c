"""Our own database: what neither Azure nor GitHub holds for us."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backend.domain.clock import Clock, utc_now
from backend.errors import ConfigurationError, CorruptState
from backend.store.alerts import Alerts
from backend.store.approvals import Approvals
from backend.store.audit import Audit
from backend.store.behaviour import BehaviourLooks
from backend.store.database import SETTING, Database
from backend.store.delegations import Delegations
from backend.store.drills import Drills
from backend.store.evidence import EvidenceRecords
from backend.store.heartbeats import Heartbeats
from backend.store.holds import Holds
from backend.store.intents import Intents
from backend.store.key_rotations import KeyRotations
from backend.store.labels import Labels
from backend.store.marks import Marks
from backend.store.notifications import Notifications
from backend.store.overrides import Overrides
from backend.store.postgresql import last_words, not_permitted
from backend.store.promotions import Promotions
from backend.store.proofs import Proofs
from backend.store.quarantines import Quarantines
from backend.store.retirements import Retirements
from backend.store.retrainings import Retrainings
from backend.store.run_remarks import RunRemarks
from backend.store.run_requests import RunRequests
from backend.store.setup_findings import SetupFindings
from backend.store.tokens import Tokens
from backend.store.traffic_shifts import TrafficShifts
from backend.store.unexplained import UnexplainedEvents
from backend.store.watched import WatchedFiles
from backend.store.webhooks import Webhooks

MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """`url` is SQLAlchemy's; `token_key` seals people's GitHub tokens. Opening it reaches no database yet."""

    def __init__(self, url: str, clock: Clock = utc_now, token_key: SecretStr = SecretStr("")) -> None:  # noqa: B008  # a frozen, empty value
        self.database = Database(url)
        self.audit = Audit(self.database, clock)
        self.promotions = Promotions(self.database, self.audit, clock)
        self.traffic_shifts = TrafficShifts(self.database)
        self.approvals = Approvals(self.database, self.audit)
        self.evidence = EvidenceRecords(self.database, self.audit, clock)
        self.retirements = Retirements(self.database, self.audit, clock)
        self.holds = Holds(self.database, self.audit)
        self.intents = Intents(self.database, self.audit, clock)
        self.tokens = Tokens(self.database, self.audit, clock, token_key)
        self.heartbeats = Heartbeats(self.database, clock)
        self.watched = WatchedFiles(self.database, self.audit, clock)
        self.delegations = Delegations(self.database, self.audit)
        self.overrides = Overrides(self.database, self.audit)
        self.quarantines = Quarantines(self.database, self.audit)
        self.proofs = Proofs(self.database)
        self.unexplained = UnexplainedEvents(self.database, self.audit, clock)
        self.marks = Marks(self.database, clock)
        self.notifications = Notifications(self.database, self.audit, clock)
        self.webhooks = Webhooks(self.database, self.marks, clock)
        self.setup_findings = SetupFindings(self.database, self.audit, clock)
        self.alerts = Alerts(self.database, self.audit, clock)
        self.drills = Drills(self.database, self.audit, clock)
        self.behaviour = BehaviourLooks(self.database, clock)
        self.labels = Labels(self.database, self.audit, clock)
        self.retrainings = Retrainings(self.database, self.audit, clock)
        self.key_rotations = KeyRotations(self.database, self.audit, self.marks, clock)
        self.run_requests = RunRequests(self.database, self.audit, clock)
        self.run_remarks = RunRemarks(self.database, self.audit, clock)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction for several records: pass what it yields as their `within`."""
        return self.database.writing()

    def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes start at once.

        Raises CorruptState if the database was written by a newer release, and ConfigurationError if there is no way
        to it or its user may not make tables.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        self.database.reach()
        with self.database.writing() as transaction:
            config.attributes["connection"] = transaction
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise CorruptState(
                    f"the database is of an unknown release ({error}); start the release that wrote it"
                ) from error
            except DBAPIError as error:
                if not not_permitted(error):
                    raise
                raise ConfigurationError(
                    SETTING, f"its user may not make tables ({last_words(error)}); let it own the database"
                ) from None

    def close(self) -> None:
        self.database.close()
