"""`python -m backend` is the `mlops` command."""

from backend.cli import main

main()
