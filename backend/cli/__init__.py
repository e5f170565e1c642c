"""The `mlops` command: the console's verbs at a terminal, with the same checks and the same ledger.

Exit codes: 0 done, 1 a check said no, 2 refused (the message says what to do), 3 a service failed, 4 our records are
corrupt, 64 wrong usage, 78 a wrong setting.
"""

from __future__ import annotations

import sys

import click

from backend.errors import BackendError

USAGE = 64
"""EX_USAGE of sysexits.h; click's own 2 would read as a refusal."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Operate the diabetes classifier: pull requests, training, promotion, monitoring."""


def _register() -> None:
    """Each noun is a file; nothing heavy is imported until a command runs."""
    from backend.cli import audit, ci, console, endpoint, login, models, pr, promote, runs, setup, train, worker

    for module in (audit, ci, console, endpoint, login, models, pr, promote, runs, setup, train, worker):
        module.add_to(commands)


def main() -> None:
    _register()
    try:
        commands(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except BackendError as error:
        click.echo(f"mlops: {error}", err=True)
        sys.exit(error.exit_code)
