"""Any text, shown literally where Streamlit parses markdown."""

from __future__ import annotations

import re

from console.viewmodels.text import Untrusted

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>:&=@/])")
_READ_HERE = re.compile(
    r"([\\`*~$<>@]"  # anywhere
    r"|(?<!\w)_|_(?!\w)"  # not inside a word
    r"|\](?=[(\[:])"  # a link needs what follows the bracket
    r"|:(?=\S)"  # the name of a colour, of a symbol, or a web address
    r"|&(?=[#\w])"
    r"|(?<=www)\."
    r"|^[#+=|-]|(?<=^\d)[.)]|(?<=^\d\d)[.)])",
    re.IGNORECASE,
)


def literal(text: Untrusted | str, limit: int = 200) -> str:
    """For labels, help and options: every character that markdown gives a meaning is escaped."""
    return _MEANINGFUL.sub(r"\\\1", _plain(text, limit))


def spoken(text: Untrusted | str, limit: int = 200) -> str:
    """For labels that Streamlit also gives to screen readers as they stand: escaped where markdown would read it.

    A sentence in plain words stays as it is, so nothing but the words is read out.
    """
    return _READ_HERE.sub(r"\\\1", _plain(text, limit))


def _plain(text: Untrusted | str, limit: int) -> str:
    return (text if isinstance(text, Untrusted) else Untrusted(text)).one_line(limit)
