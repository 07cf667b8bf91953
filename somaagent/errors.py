"""The one rendering of failures over HTTP: RFC 9457, also for what nobody foresaw."""

from typing import Any

import orjson
import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from kernel.condition import report
from kernel.db import AWAY, DatabaseAway
from kernel.errors import (
    PROBLEM_CONTENT_TYPE,
    BadRequest,
    InternalError,
    MethodNotAllowed,
    NotFound,
    SomaError,
    TooLarge,
    Unauthenticated,
    Unprocessable,
)
from saas.api.auth import request_id_of

log = structlog.get_logger(__name__)

# Ninja names the place ("body", parameter name, field...); a JSON pointer starts below the body.
_PLACES = {"body", "query", "path", "form", "header", "cookie", "file"}


def render(request: HttpRequest, error: SomaError) -> HttpResponse:
    """The problem response of `error`."""
    response = HttpResponse(
        orjson.dumps(error.problem(request_id_of(request)), default=str),
        status=error.status,
        content_type=PROBLEM_CONTENT_TYPE,
    )
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def as_soma_error(exc: Exception) -> SomaError:
    """The coded failure that stands for any exception."""
    match exc:
        case SomaError():
            return exc
        case ValidationError():
            return Unprocessable(errors=[_field_error(item) for item in exc.errors])
        case AuthenticationError():
            return Unauthenticated()
        case Http404():
            return NotFound()
        case RequestDataTooBig():
            return TooLarge("The request body is too large. Nothing was kept.")
        case MultiPartParserError() | SuspiciousOperation():
            return BadRequest("The form cannot be read. Nothing was kept.")
        case HttpError() if exc.status_code == 400:
            return BadRequest("The body is not valid JSON. Nothing was kept.")
        case _ if isinstance(exc, AWAY):
            report("database")
            return DatabaseAway(
                "Your request was not carried out. Please try again in a moment.", retry_after=2
            )
        case _:
            return InternalError("The cause is in our log under this request id.")


def install(api: NinjaAPI) -> None:
    """Register one handler for everything."""

    def handle(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
        if isinstance(exc, type):
            exc = exc()
        error = as_soma_error(exc)
        if error.status >= 500:
            log.error(
                "request.failed",
                code=error.code,
                path=request.path,
                exc_info=exc if isinstance(error, InternalError) else None,
            )
        return render(request, error)

    for cls in (
        SomaError, ValidationError, AuthenticationError, HttpError, Http404, Exception,
    ):  # fmt: skip
        api.add_exception_handler(cls, handle)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's own 404 (unknown paths under /api)."""
    return render(request, NotFound("There is no such address here."))


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """The address is known, but not for this method."""
    error = MethodNotAllowed(f"{request.method} is not possible here, only {allowed}.")
    response = render(request, error)
    response["Allow"] = allowed
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's own 500 (middleware and handlers outside Ninja)."""
    return render(request, InternalError("The cause is in our log under this request id."))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's own 400 (suspicious hosts and the like)."""
    return render(request, BadRequest())


def _field_error(item: dict[str, Any]) -> dict[str, str]:
    loc = [str(part) for part in item.get("loc", ())]
    if loc and loc[0] in _PLACES:
        # Ninja adds the name of the body parameter, which is not part of the sent JSON.
        loc = loc[2:] if loc[0] == "body" and len(loc) > 1 else loc[1:]
    return {"pointer": "/" + "/".join(loc), "detail": str(item.get("msg", "is not accepted"))}
