"""The tables as the newest migration leaves them (a test compares the two)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, false, text

from backend.store.database import Moment, Words

metadata = MetaData()

KEY = String(120)
NAME = String(255)
DIGEST = String(80)

promotions = Table(
    "promotions",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("endpoint", String(32), nullable=False),
    Column("model", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("target", Text, nullable=False),
    Column("phase", String(20), nullable=False),
    Column("reason", Words, nullable=False),
    Column("requested_by", NAME, nullable=False),
    Column("requested_reason", Words, nullable=False),
    Column("expected_stable", NAME, nullable=False),
    Column("plan", Text, nullable=False),
    Column("snapshot", Text),
    Column("position", Integer, nullable=False),
    Column("request", String(20), nullable=False),
    Column("request_by", NAME, nullable=False),
    Column("request_reason", Words, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_owner", NAME),
    Column("lease_until", Moment),
    Column("due_at", Moment),
    Column("next_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Index("promotion_due", "finished_at", "due_at"),
    Index("promotion_of_version", "model", "version"),
    Index("promotion_made", "created_at"),
    Index("promotion_ended", "endpoint", "phase", "finished_at"),
)

# The guard of "one active promotion per endpoint" is this index, not any look before the insert.
Index(
    "one_active_promotion",
    promotions.c.endpoint,
    unique=True,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)

steps = Table(
    "steps",
    metadata,
    Column("promotion", KEY, ForeignKey("promotions.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("step", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("reason", Words, nullable=False),
    Column("output", Text, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("model", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("actor", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("evidence", DIGEST, nullable=False),
    Column("at", Moment, nullable=False),
    Column("commit", DIGEST, nullable=False, server_default=""),
    Column("data_digest", DIGEST, nullable=False, server_default=""),
    Column("gates", DIGEST, nullable=False, server_default=""),
    Column("acknowledged", Text, nullable=False, server_default="[]"),
    Index("approval_of_version", "model", "version"),
)

watched_files = Table(
    "watched_files",
    metadata,
    Column("path", NAME, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("model", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("model_digest", DIGEST, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("source", NAME, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index("evidence_of_version", "model", "version"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("model", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("body", Text, nullable=False),
    Column("read_at", Moment, nullable=False),
)

retirements = Table(
    "retirements",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("endpoint", String(32), nullable=False),
    Column("deployment", NAME, nullable=False),
    Column("promotion", KEY, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Index("retirement_due", "state", "due_at"),
)

holds = Table(
    "holds",
    metadata,
    Column("endpoint", String(32), primary_key=True),
    Column("promotion", KEY, nullable=False),
    Column("reason", Words, nullable=False),
    Column("set_by", NAME, nullable=False),
    Column("set_at", Moment, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("pull_request", Integer, nullable=False),
    Column("head_sha", String(64), nullable=False),
    Column("actor", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("state", String(20), nullable=False),
    Column("outcome", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_until", Moment),
    Column("due_at", Moment, nullable=False),
    Index("intent_due", "finished_at", "due_at"),
    Index("intent_of_pull_request", "pull_request"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("actor", NAME, primary_key=True),
    Column("login", NAME, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("stored_at", Moment, nullable=False),
    Column("refresh", Text),
    Column("expires_at", Moment),
    Column("renewing_until", Moment),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("worker", NAME, primary_key=True),
    Column("at", Moment, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("channel", String(30), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", DIGEST, nullable=False),
    Column("hash", DIGEST, nullable=False),
    Column("kind", String(20), nullable=False, server_default=""),
    Index("audit_subject", "subject"),
    Index("audit_kind", "kind", "sequence"),
    Index("audit_act", "action", "at"),
)

# One row. Updating it first makes writers queue for the next sequence in both databases, and it betrays a cut tail.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", DIGEST, nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("person", NAME, nullable=False),
    Column("delegate", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("revoked_at", Moment),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("model", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("gate_file", DIGEST, nullable=False),
    Column("gates", Text, nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("confirmed_by", NAME, nullable=False),
    Column("confirmed_at", Moment),
    Column("confirmed_reason", Words, nullable=False),
    Column("ended_by", NAME, nullable=False),
    Column("ended_at", Moment),
    Index("override_of_version", "model", "version"),
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("model", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("reason", Words, nullable=False),
    Column("set_by", NAME, nullable=False),
    Column("set_at", Moment, nullable=False),
    Column("retired", Boolean, nullable=False, server_default=false()),
)

proofs = Table(
    "proofs",
    metadata,
    Column("endpoint", String(32), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
)

unexplained_events = Table(
    "unexplained_events",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("fingerprint", String(12), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", NAME, nullable=False),
    Column("expected", Words, nullable=False),
    Column("actual", Words, nullable=False),
    Column("by", NAME, nullable=False),
    Column("happened_at", Moment),
    Column("reference", NAME, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("owner", NAME, nullable=False),
    Column("owned_because", Words, nullable=False),
    Column("explained_by", NAME, nullable=False),
    Column("explanation", Words, nullable=False),
    Column("resolved_at", Moment),
    Index("event_of_fingerprint", "fingerprint"),
    Index("event_by_state", "state", "first_seen"),
)

# What a watch compares with the next time it looks: a head, a ruleset, the salted digests of keys. Never a key.
marks = Table(
    "marks",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("value", Text, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
