"""The tables of how models behave: looks, what they compare with, labels, and retrainings that were proposed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from backend.store.database import Moment, Words
from backend.store.tables import DIGEST, KEY, NAME, metadata

# One look of the monitor at one endpoint: a dated finding, with everything it was made of.
behaviour_looks = Table(
    "behaviour_looks",
    metadata,
    Column("endpoint", String(32), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("version", NAME, nullable=False),
    Column("body", Text, nullable=False),
)

# What a version was trained on, as its run described it: read once, since a run does not change.
reference_profiles = Table(
    "reference_profiles",
    metadata,
    Column("model", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("body", Text, nullable=False),
    Column("read_at", Moment, nullable=False),
)

# The outcome of one answer, found by the digest of its request; the answer's fields are empty until it is found.
labels = Table(
    "labels",
    metadata,
    Column("request", String(64), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("ill", Boolean, nullable=False),
    Column("imported_at", Moment, nullable=False),
    Column("searched_at", Moment),
    Column("answered_at", Moment),
    Column("version", NAME, nullable=False),
    Column("probability", Float),
    Column("positive", Boolean),
    Column("bands", Text, nullable=False),
    Index("label_waiting", "answered_at", "searched_at"),
    Index("label_of_version", "version", "answered_at"),
)

# How many rows of each version an hour's collected inputs hold, and when they were last read for labels.
answered_hours = Table(
    "answered_hours",
    metadata,
    Column("endpoint", String(32), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("read_at", Moment, nullable=False),
)

retraining_proposals = Table(
    "retraining_proposals",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("endpoint", String(32), nullable=False),
    Column("version", NAME, nullable=False),
    Column("trigger", String(40), nullable=False),
    Column("why", Words, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("decided_by", NAME, nullable=False),
    Column("decided_at", Moment),
    Column("reason", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Index("proposal_by_time", "endpoint", "proposed_at"),
)
