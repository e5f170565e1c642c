"""Thousands of runs in a world's tracking store, written straight into its tables: by the API it would take an hour."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

START = 1_790_000_000_000
KINDS = ("logistic", "hist_gradient_boosting", "forest", "boosting")
METRICS = ("auc", "brier", "accuracy", "sensitivity", "specificity", "precision", "rows_train", "rows_holdout")


def fill(database: Path, experiment: str, count: int) -> None:
    """`count` runs of one experiment with 6 parameters, 8 metrics and 5 tags each; 92 % have finished.

    Statistics are brought up to date afterwards, without which SQLite sorts by a metric in seconds.
    """
    draw = random.Random(11)  # noqa: S311  # simulated runs
    with sqlite3.connect(database, timeout=60) as connection:
        root = connection.execute(
            "select artifact_location from experiments where experiment_id = ?", (experiment,)
        ).fetchone()[0]
        for number in range(count):
            _run(connection, draw, experiment, root, number)
    connection.close()
    with sqlite3.connect(database, timeout=60, isolation_level=None) as connection:
        connection.execute("ANALYZE")
    connection.close()


def _run(connection: sqlite3.Connection, draw: random.Random, experiment: str, root: str, number: int) -> None:
    name, begun = f"bench-{number:05d}", START + 60_000 * number
    chance = draw.random()
    status = "FINISHED" if chance < 0.92 else "FAILED" if chance < 0.98 else "KILLED"
    connection.execute(
        "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
        "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
        "values (?, ?, 'LOCAL', '', '', ?, ?, ?, ?, '', 'active', ?, ?)",
        (name, f"retrain: run {number}", draw.choice(("ann", "bob", "cem")), status, begun,
         begun + draw.randrange(20_000, 400_000), f"{root}/{name}/artifacts", experiment),
    )  # fmt: skip
    params = {
        "model": draw.choice(KINDS), "seed": str(number % 7), "reg_rate": f"{10 ** draw.uniform(-4, 2):.6f}",
        "threshold": "0.5", "holdout_fraction": "0.3", "solver": draw.choice(("liblinear", "lbfgs")),
    }  # fmt: skip
    connection.executemany(
        "insert into params (key, value, run_uuid) values (?, ?, ?)", [(k, v, name) for k, v in params.items()]
    )
    tags = {
        "mlflow.runName": f"retrain: run {number}", "commit": f"{draw.getrandbits(160):040x}",
        "pull_request": str(number // 10), "branch": f"feature/{number % 50}", "purpose": "pull request",
    }  # fmt: skip
    connection.executemany(
        "insert into tags (key, value, run_uuid) values (?, ?, ?)", [(k, v, name) for k, v in tags.items()]
    )
    values = [(metric, draw.random(), begun, 0, name) for metric in METRICS]
    for table in ("metrics", "latest_metrics"):
        connection.executemany(
            f"insert into {table} (key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, ?, 0, ?)",  # noqa: S608  # two names above
            values,
        )
