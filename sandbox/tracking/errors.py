"""MLflow's error envelope."""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException


class TrackingError(HTTPException):
    """Raised anywhere below a handler; `code` is one of MLflow's, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.code, self.message = code, message
        text = json.dumps({"error_code": code, "message": message})
        super().__init__(status, text, {"content-type": "application/json"})
