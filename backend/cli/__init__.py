"""The `mlops` command: the console's verbs at a terminal, with the same checks and the same ledger.

Exit codes: 0 done, 1 a check said no, 2 refused (the message says what to do), 3 a service failed, 4 our records are
corrupt, 64 wrong usage, 78 a wrong setting.
"""

from __future__ import annotations

import gc
import sys

import click

from backend.cli.lazy import LazyGroup
from backend.cli.printable import printable_text
from backend.errors import BackendError

SELDOM = 50_000
"""New objects between two looks for garbage, Python's 700 before: an SDK's import makes a million that stay, and
looking through them took a quarter of its time."""
USAGE = 64
"""EX_USAGE of sysexits.h; click's own 2 would read as a refusal."""

COMMANDS = {
    "abort": "promote",
    "adopt": "adopt",
    "alerts": "alerts",
    "approve": "promote",
    "approvers": "approvers",
    "assess": "checkup",
    "audit": "audit",
    "behaviour": "behaviour",
    "break-glass": "break_glass",
    "ci": "ci",
    "console": "console",
    "contract": "contract",
    "decision": "decision",
    "doctor": "checkup",
    "drill": "drill",
    "endpoint": "endpoint",
    "evidence": "evidence",
    "hold": "verdicts",
    "labels": "labels",
    "events": "events",
    "login": "login",
    "logout": "login",
    "models": "models",
    "notifications": "notifications",
    "pause": "promote",
    "pr": "pr",
    "promote": "promote",
    "promote-now": "promote",
    "promotions": "promotions",
    "quarantine": "verdicts",
    "reject": "verdicts",
    "release-hold": "promote",
    "release-quarantine": "verdicts",
    "request-changes": "verdicts",
    "resume": "promote",
    "retire": "verdicts",
    "rollback": "promote",
    "runs": "runs",
    "setup": "setup",
    "slo": "slo",
    "stage": "promote",
    "train": "train",
    "whoami": "login",
    "worker": "worker",
}
"""Command -> the file beside this one that holds it. Only the file of the command given is imported."""


@click.command(
    cls=LazyGroup,
    later={name: f"backend.cli.{file}" for name, file in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
def commands() -> None:
    """Operate the diabetes classifier: pull requests, training, promotion, monitoring."""


def main() -> None:
    gc.set_threshold(SELDOM)
    try:
        code = commands(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except BackendError as error:
        click.echo(f"mlops: {printable_text(str(error))}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
