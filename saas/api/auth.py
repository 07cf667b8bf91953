"""Turns a request into an actor. The same check for synchronous and asynchronous operations.

A browser shows its cookie (and, where it changes something, its CSRF token); a program shows an
access token. What a token may is narrowed by its scope, here and nowhere else.
"""

from dataclasses import replace

from django.http import HttpRequest
from ninja.security import APIKeyCookie

from kernel.actor import Actor
from kernel.db import in_unit
from kernel.errors import Unauthenticated
from saas.errors import CsrfFailed
from saas.identity import csrf, sessions, tokens
from saas.identity.acting import refuse_while_acting

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "Bearer "


def actor_of(request: HttpRequest) -> Actor:
    """The actor that authentication put on the request."""
    actor: Actor = request.auth  # type: ignore[attr-defined]  # set by Ninja
    return actor


def request_id_of(request: HttpRequest) -> str:
    """The id that the middleware gave to the request."""
    return getattr(request, "request_id", "")


def address_of(request: HttpRequest) -> str:
    """The peer's address. Forwarding headers are not believed: anyone can send them."""
    return str(request.META.get("REMOTE_ADDR") or "")


def visitor_of(request: HttpRequest) -> sessions.Visitor:
    """Who knocks."""
    return sessions.Visitor(
        address_of(request),
        request.headers.get("User-Agent", ""),
        request.COOKIES.get(sessions.DEVICE_COOKIE, ""),
        request_id_of(request),
    )


def _authenticate(request: HttpRequest, key: str | None) -> Actor:
    header = request.headers.get("Authorization", "")
    if header.startswith(BEARER):
        # No cookie is looked at then: what a token may not, its bearer's browser must not give it.
        token = header.removeprefix(BEARER)
        is_safe = request.method in SAFE_METHODS
        actor = tokens.authenticate(token, request.path, request_id_of(request), is_safe=is_safe)
        refuse_while_acting(actor, request.path)
        return actor
    if not key:
        raise Unauthenticated
    found = sessions.authenticate(key, request_id_of(request))
    actor = replace(found, address=address_of(request))
    if request.method not in SAFE_METHODS:
        assert actor.session_id is not None  # noqa: S101  # a cookie always has a session
        if not csrf.is_valid(actor.session_id, request.headers.get(csrf.HEADER)):
            raise CsrfFailed(f"Send the header {csrf.HEADER} with the token of /auth/me.")
    refuse_while_acting(actor, request.path)
    return actor


class SessionAuth(APIKeyCookie):
    """Cookie or access token, for synchronous operations."""

    param_name = sessions.COOKIE

    def __init__(self) -> None:
        super().__init__(csrf=False)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor:
        """Raises: Unauthenticated, CsrfFailed, ScopeExceeded, RefusedWhileActing."""
        return _authenticate(request, key)


class AsyncSessionAuth(APIKeyCookie):
    """The same for operations that wait on the event loop."""

    param_name = sessions.COOKIE
    is_async = True

    def __init__(self) -> None:
        super().__init__(csrf=False)

    async def authenticate(self, request: HttpRequest, key: str | None) -> Actor:
        """Raises: Unauthenticated, CsrfFailed, ScopeExceeded, RefusedWhileActing."""
        return await in_unit(_authenticate, request, key)
