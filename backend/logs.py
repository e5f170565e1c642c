"""Log lines of our processes: one form, in UTC, with credentials blotted out."""

from __future__ import annotations

import logging
import re
import sys
import time

_FORM = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
_SECRET = re.compile(
    r"gh[a-z]_[A-Za-z0-9_]+|github_pat_\w+|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?i:\bbearer |\bbasic )[\w.~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
)
_TALKATIVE = ("azure", "azureml", "urllib3", "httpx", "httpcore", "msal", "mlflow", "alembic", "github", "msrest")


class Blotting(logging.Formatter):
    """Whatever looks like a token becomes `[credential]`, in messages and in tracebacks."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub("[credential]", super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Send our log lines to stderr; the SDKs say only what went wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Blotting(_FORM, datefmt="%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
