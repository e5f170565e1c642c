"""What people say of runs: notes, labels and pins, and the searches they keep. Ours, and no copy of MLflow's tags."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class RemarkKind(StrEnum):
    """A note is a sentence, a label a word to search for, a pin a run that may become a release."""

    NOTE = "note"
    LABEL = "label"
    PIN = "pin"


class Remark(Value):
    """One remark about a run. `text` is the note, the label's word, or why it was pinned."""

    id: str
    kind: RemarkKind
    workspace: str
    run: str
    text: str
    by: str
    at: datetime


class SavedView(Value):
    """A search with a name. `query` is the address of the list, what comes after its `?`; everybody may open it."""

    name: str
    query: str
    owner: str
    at: datetime
