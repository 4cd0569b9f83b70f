"""What a client is told when something is wrong: one clear sentence, as JSON.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

import json
import logging
import os
from collections.abc import Mapping
from http import HTTPStatus

import fastapi
import torch
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fastnst.atomic import WriteError
from fastnst.errors import ConfigError, first_line, printable
from fastnst.images import ImageError
from fastnst.inference.folder import HOPELESS
from fastnst.serve.models import UnknownModelError
from fastnst.serve.orders import UnknownStyleError
from fastnst.serve.painting import TooLargeError
from fastnst.serve.service import BusyError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

GONE = 499
"""What nginx calls a request whose client did not wait; nobody sees it but whoever counts."""


class Problem(fastapi.HTTPException):
    """A request cannot be served.

    Args:
        status: Of the answer.
        detail: Why, and what to do about it.
        headers: Of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


def answer(problem: HTTPException) -> Response:
    """Write a problem."""
    title = "Client Closed Request" if problem.status_code == GONE else HTTPStatus(problem.status_code).phrase
    body = {"title": title, "status": problem.status_code, "detail": printable(str(problem.detail))}
    return Response(json.dumps(body), problem.status_code, problem.headers, MEDIA_TYPE)


EXPECTED = (
    HTTPException, RequestValidationError, UnknownModelError, UnknownStyleError, ImageError, ConfigError, BusyError,
    TimeoutError, MemoryError, torch.OutOfMemoryError, WriteError,
)  # fmt: skip
"""Errors that are answered; any other is answered too, and logged with its traceback."""


def install(app: FastAPI) -> None:
    """Answer whatever is raised."""
    for kind in (*EXPECTED, Exception):
        app.add_exception_handler(kind, _handle)


def _handle(request: Request, error: Exception) -> Response:
    return answer(_problem(error))


def _problem(error: Exception) -> HTTPException:
    """Say of an error what a client should know."""
    match error:
        case HTTPException(__cause__=OSError(errno=number) as cause) if number in HOPELESS:
            return _no_room(cause)  # for what was sent; the framework would call it the client's fault
        case HTTPException():
            return error
        case RequestValidationError():
            return Problem(422, _invalid(error))
        case UnknownModelError() | UnknownStyleError():
            return Problem(404, str(error.args[0]))
        case TooLargeError():
            return Problem(413, first_line(error))
        case ImageError() | ConfigError():
            return Problem(422, first_line(error))
        case BusyError():
            return Problem(503, f"the server is busy: {error}; try again later", {"retry-after": str(error.seconds)})
        case TimeoutError():
            return Problem(504, "this took longer than the server allows; try a smaller picture, or again later")
        case MemoryError() | torch.OutOfMemoryError():
            return Problem(503, "the server is out of memory; try a smaller picture", {"retry-after": "5"})
        case WriteError():
            return _no_room(error)
    return Problem(500, "something went wrong here; the server's log tells what")


def _no_room(error: OSError) -> Problem:
    """Say that the disk takes nothing; which place on it is for the log only."""
    log.warning("a request was refused: %s", first_line(error))
    reason = os.strerror(error.errno).lower() if error.errno else "it cannot be written"
    return Problem(503, f"the server can keep nothing now ({reason}); try again later", {"retry-after": "60"})


def _invalid(error: RequestValidationError) -> str:
    """Name the first field that is wrong."""
    first = error.errors()[0]
    name = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "request")
    if first["type"] == "missing":
        return f"missing {name}"
    if "UploadFile" in first["msg"]:
        return f"{name}: must be sent as a file"
    return f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}"
