"""Why a deployment failed, read from its container's log."""

from __future__ import annotations

import pytest

from backend.gateways.azureml.endpoints import as_problem

CRASHED = """Instance status:
UserContainerStart: Failed

Container logs:
2026-11-23 17:23:38,437 E [1] azmlinfsrv - User's init function failed
Traceback (most recent call last):
  File "score.py", line 4, in init
    raise ModelFolderError("the model folder is empty")
training.digest.ModelFolderError: the model folder is empty

The above exception was the direct cause of the following exception:

azureml_inference_server_http.server.user_script.UserScriptException: Caught an unhandled exception
2026-11-23 17:23:38,438 I [1] gunicorn.error - Worker exiting (pid: 1)
"""

CHAINED = CRASHED.replace(
    "training.digest.ModelFolderError: the model folder is empty\n",
    """FileNotFoundError: [Errno 2] No such file or directory: 'model.skops'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
training.digest.ModelFolderError: model.skops does not load: FileNotFoundError
""",
    1,
)


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        (CHAINED, "training.digest.ModelFolderError: model.skops does not load: FileNotFoundError"),
        (CRASHED, "training.digest.ModelFolderError: the model folder is empty"),
        ("Loading\nKilled\n", "Killed"),
        ("\n \n", "the container wrote no line before it ended"),
    ],
)
def test_problem_is_the_line_that_says_why(log, problem):
    assert as_problem(log) == problem
