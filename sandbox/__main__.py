"""`python -m sandbox serve` runs a world; `python -m sandbox coverage` writes or checks COVERAGE.md."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

LIFETIMES = (
    ("--entra-token-seconds", 3_599, "an access or id token of Entra"),
    ("--github-user-token-seconds", 28_800, "a person's GitHub token (0: for ever, without a refresh token)"),
    ("--github-installation-token-seconds", 3_600, "a token of the installed GitHub App"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 for a stale COVERAGE.md, 69 when a port or the home is taken."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if options.command == "coverage":
        from sandbox.coverage import main as coverage

        return coverage(check=options.check)
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    from sandbox.app import SERVICES
    from sandbox.server import EXIT_UNAVAILABLE, CannotServeError, serve
    from sandbox.world import Settings

    names = tuple(options.services.split(",")) if options.services else SERVICES
    unknown = [name for name in names if name not in SERVICES]
    if unknown:
        print(f"There is no service {unknown[0]!r}; there are {', '.join(SERVICES)}.", file=sys.stderr)
        return 2
    settings = Settings(
        home=options.home.resolve(),
        port=options.port,
        browser_port=options.browser_port,
        runtime_python=options.runtime_python.absolute(),
        runner_python=options.runner_python.absolute(),
        poll_after_ms=options.poll_after_ms,
        ingestion_seconds=options.ingestion_seconds,
        max_workflow_jobs=options.max_workflow_jobs,
        entra_token_seconds=options.entra_token_seconds,
        github_user_token_seconds=options.github_user_token_seconds,
        github_installation_token_seconds=options.github_installation_token_seconds,
        cancel_grace_seconds=options.cancel_grace_seconds,
        github_plan=options.github_plan,
    )
    try:
        serve(settings, names)
    except CannotServeError as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run a world until SIGTERM")
    serve.add_argument("--home", type=Path, required=True, help="folder that holds all state")
    serve.add_argument("--port", type=int, default=9443, help="TLS port for SDKs; 0 takes a free one")
    serve.add_argument("--browser-port", type=int, default=9480, help="plain port for pages; 0 takes a free one")
    serve.add_argument("--runtime-python", type=Path, required=True, help="interpreter of jobs and scoring servers")
    serve.add_argument("--runner-python", type=Path, required=True, help="interpreter of workflow steps")
    serve.add_argument("--poll-after-ms", type=int, default=300, help="x-ms-retry-after-ms of operations; 0: not sent")
    serve.add_argument("--ingestion-seconds", type=float, default=2.0, help="delay until log lines are queryable")
    serve.add_argument("--max-workflow-jobs", type=int, default=2, help="workflow jobs that run at a time")
    for option, seconds, whose in LIFETIMES:
        serve.add_argument(option, type=int, default=seconds, help=f"how long {whose} lasts")
    serve.add_argument(
        "--cancel-grace-seconds", type=float, default=300.0, help="how long always() may run on after a cancel"
    )
    serve.add_argument(
        "--github-plan", choices=("free", "team", "enterprise"), default="enterprise", help="the organisation's plan"
    )
    serve.add_argument("--services", default="", help="comma-separated subset of the services; all by default")
    coverage = commands.add_parser("coverage", help="write sandbox/COVERAGE.md from the routes")
    coverage.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is stale")
    return parser


if __name__ == "__main__":
    sys.exit(main())
