"""Gives each request an id and a log context, and answers what escapes Ninja as a problem."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from kernel import trace
from kernel.ids import uuid7
from somaagent.errors import method_not_allowed

HEADER = "X-Request-ID"
_SAFE = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestContext:
    """First middleware: request id in, request id out; the request's trace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Bind the ids to logs for the length of the request."""
        request_id = clean_request_id(request.headers.get(HEADER))
        request.request_id = request_id  # type: ignore[attr-defined]  # read by saas.api.auth
        # Refuses foreign Host headers for every path; Django itself looks only when asked.
        request.get_host()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            trace.following(request.headers),
            trace.span(f"http {request.method}", "server") as span,
        ):
            response = self._get_response(request)
            if isinstance(response, HttpResponseNotAllowed):
                # Ninja answers these itself, in plain text.
                response = method_not_allowed(request, response["Allow"])
            match = request.resolver_match
            span.name += f" /{match.route}" if match is not None else ""
            span.attributes["status"] = response.status_code
        response[HEADER] = request_id
        return response


def clean_request_id(given: str | None) -> str:
    """The caller's id when it is harmless, else a new one."""
    return given if given and _SAFE.fullmatch(given) else str(uuid7())
