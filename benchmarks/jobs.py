"""A training job from submission to completion, against the same command alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.measure import Row, alternate, seconds
from benchmarks.worlds import JOB_SECONDS, World
from sandbox.demo.launch import CHECKOUT

ROUNDS = 3


def run(world: World) -> list[Row]:
    _ = world.parts

    def alone() -> None:
        folder = world.home / "alone"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(command(world, folder), cwd=CHECKOUT, check=True, capture_output=True, timeout=JOB_SECONDS)

    ours, peer = alternate(lambda: seconds(world.train), lambda: seconds(alone), ROUNDS, "s")
    return [Row("Training job through the sandbox, against the command alone", ours, peer)]


def command(world: World, folder: Path) -> list[str]:
    return [
        *(str(world.runtime_python), "-m", "training.train", "--data", str(world.data)),
        *("--params", "training/params.toml"),
        *("--model-dir", str(folder / "model"), "--evidence-dir", str(folder / "evidence")),
    ]
