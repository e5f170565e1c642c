"""The tables of what people say of runs and ask to be run."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, UniqueConstraint

from backend.store.database import Moment, Words
from backend.store.tables import KEY, NAME, metadata

# Notes, labels and pins; one that was taken back keeps its row.
run_remarks = Table(
    "run_remarks",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("workspace", NAME, nullable=False),
    Column("run", NAME, nullable=False),
    Column("text", Words, nullable=False),
    Column("by", NAME, nullable=False),
    Column("at", Moment, nullable=False),
    Column("ended_at", Moment),
    Index("remark_of_run", "workspace", "run", "ended_at"),
)

# Searches that somebody gave a name, which is theirs.
saved_views = Table(
    "saved_views",
    metadata,
    Column("owner", NAME, primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("query", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

# What the worker is asked to run: a branch, a sweep over it, a run again. The parts of a sweep are rows of their own.
run_requests = Table(
    "run_requests",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("click", KEY, nullable=False),
    Column("part", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("workspace", NAME, nullable=False),
    Column("of_run", NAME, nullable=False),
    Column("branch", NAME, nullable=False),
    Column("commit", String(40), nullable=False),
    Column("params", Words, nullable=False),
    Column("by", NAME, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("run", NAME, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    UniqueConstraint("click", "part"),
    Index("request_by_state", "state", "due_at"),
    Index("request_of_run", "workspace", "of_run"),
)
