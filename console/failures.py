"""What a person sees when a page breaks: a sentence and a reference, never a traceback."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from backend.errors import BackendError
from console.components.states import error_state

log = logging.getLogger("console.failures")


def report(error: Exception) -> bool:
    """Log the error under a fresh reference and draw it; True keeps Streamlit from drawing it again."""
    reference = secrets.token_hex(4)
    log.error("page failed, reference %s", reference, exc_info=error)
    known = isinstance(error, BackendError)
    error_state(
        "This page could not be drawn",
        str(error) if known else "An unexpected error stopped it. Nothing was changed by drawing the page.",
        reference,
    )
    st.button("Try again", key=f"retry_{reference}")
    return True
