"""Mistakes as HTTP knows them: a status code and one JSON form, the fields of `UserError`."""

from __future__ import annotations

from typing import Any

from skelzero.errors import UserError


class RefusedError(UserError):
    """A request that is turned away, with the HTTP status that says so and, where waiting helps, for how long."""

    def __init__(self, status: int, what: str, *, retry_after: int | None = None, **fields: Any) -> None:
        super().__init__(what, **fields)
        self.status = status
        self.retry_after = retry_after


def failure(error: Exception) -> dict[str, Any]:
    """Status and content of the answer to a failed request; our own bugs tell strangers only their kind."""
    if not isinstance(error, UserError):
        return {"status": 500, "error": {"what": f"the server failed on this request ({type(error).__name__})",
                                         "next_step": "report it with the recording, if you may share it"}}  # fmt: skip
    fields = ("what", "where", "got", "expected", "next_step")
    told = {name: str(value) for name in fields if (value := getattr(error, name)) is not None}
    return {"status": getattr(error, "status", 422), "error": told}


def error_event(error: Exception) -> dict[str, Any]:
    """A mistake as an event of a live session: in one line, and field by field."""
    fields = failure(error)["error"]
    return {"event": "error", "message": "; ".join(fields.values()), "error": fields}


def no_memory() -> RefusedError:
    return RefusedError(413, "this recording needs more memory than the server gives",
                        next_step="cut it into shorter ones, or raise --memory-mb")  # fmt: skip
