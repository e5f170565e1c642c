"""`python -m console`, also installed as `mlops-console`."""

from __future__ import annotations

import logging
import os
import sys

from backend import settings
from backend.errors import ConfigurationError


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for talkative in ("azure", "httpx", "urllib3", "msal", "httpcore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        loaded = settings.load()
        # Streamlit reads these before our configuration reaches it: no first-run prompt, no usage statistics.
        os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
        os.environ.setdefault("STREAMLIT_SERVER_HEADLESS", "true")
        from console.launch import run

        run(loaded)
    except ConfigurationError as error:
        print(f"mlops-console: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
