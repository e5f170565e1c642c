"""Any text, shown literally where Streamlit parses markdown."""

from __future__ import annotations

import re

from console.viewmodels.text import Untrusted

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:&=@/])")


def literal(text: Untrusted | str, limit: int = 200) -> str:
    """For labels, help and options: every character that markdown gives a meaning is escaped."""
    plain = (text if isinstance(text, Untrusted) else Untrusted(text)).one_line(limit)
    return _MEANINGFUL.sub(r"\\\1", plain)
