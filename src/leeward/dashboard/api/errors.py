"""What the API answers where it cannot do what was asked: always the same shape."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from leeward.dashboard.asking import AGAIN_S, TooOften
from leeward.database.errors import DatabaseDown
from leeward.domain.errors import BadUsage, LeewardError, Refused
from leeward.monitoring.logs import Log

_CODES: Final = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
}


class ErrorWords(BaseModel):
    """`code` is stable and for programs; `message` is for people."""

    code: str = Field(examples=["refused"])
    message: str


class ErrorBody(BaseModel):
    """Every answer that is not a success has this shape."""

    error: ErrorWords


class NotThere(Exception):
    """What was named in the address does not exist."""


def answer_errors(app: FastAPI, log: Log) -> None:
    """Makes the application answer errors of every kind in the one shape."""

    @app.exception_handler(LeewardError)
    async def ours(request: Request, error: Exception) -> Response:
        del request
        status, code = _kind_of(error)
        if status >= 500:
            log.event("api_failed", "warning", words=str(error))
        made = answer(status, code, str(error))
        if status == 429:
            made.headers["retry-after"] = str(AGAIN_S)
        return made

    @app.exception_handler(NotThere)
    async def not_there(request: Request, error: Exception) -> Response:
        del request
        return answer(404, "not_found", str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return answer(422, "invalid", f"{where}: {first['msg']}"[:500])

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "failed")
        made = answer(error.status_code, code, str(error.detail))
        made.headers.update(error.headers or {})
        return made

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        del request, error  # the server's log has it
        return answer(500, "internal", "something went wrong here; see the log")


def answer(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def _kind_of(error: Exception) -> tuple[int, str]:
    match error:
        case TooOften():
            return 429, "too_many_requests"
        case Refused():
            return 409, "refused"
        case BadUsage():
            return 400, "bad_request"
        case DatabaseDown():
            return 503, "database_down"
        case _:
            return 503, "failed"
