"""The cookies of a signed-in browser: the session's secret, and by what a device is known again."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from kernel.actor import Actor
from saas.api.auth import visitor_of
from saas.errors import CsrfFailed
from saas.identity import sessions, verbs
from saas.identity.sessions import Visitor
from saas.schemas import MeOut


def refuse_foreign_origin(request: HttpRequest) -> None:
    """Before a sign-in: a foreign page must not sign anyone in. Raises: CsrfFailed."""
    # There is no session yet that a token could be bound to: the browser's own headers decide.
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise CsrfFailed
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.get_host():
        raise CsrfFailed


def refuse_foreign_page(request: HttpRequest) -> None:
    """Before a sign-in that a mere address begins: only our own page leads there, or the person.

    Raises: CsrfFailed, also where the browser says nothing.
    """
    came_from = request.headers.get("Sec-Fetch-Site")
    if came_from is None:
        # Over plain HTTP browsers leave it out; our pages tell where they come from.
        is_ours = urlsplit(request.headers.get("Referer", "")).netloc == request.get_host()
    else:
        is_ours = came_from in {"same-origin", "none"}
    if not is_ours:
        raise CsrfFailed("Begin on the sign-in page.")


def knock(request: HttpRequest, response: HttpResponse) -> Visitor:
    """Who wants to sign in; a browser without a device cookie gets one."""
    visitor = visitor_of(request)
    if not visitor.device:
        visitor = Visitor(
            visitor.address, visitor.agent, secrets.token_urlsafe(24), visitor.request_id
        )
        keep(response, sessions.DEVICE_COOKIE, visitor.device, sessions.DEVICE_LIFE.total_seconds())
    return visitor


def enter(response: HttpResponse, entered: verbs.SignIn) -> MeOut:
    """Give the browser its session."""
    _give(response, entered.secret)
    return MeOut.of(verbs.describe(entered.actor))


def renew(request: HttpRequest, response: HttpResponse, actor: Actor) -> MeOut:
    """Rotate the browser's session after its rights changed, and say who it is now."""
    assert actor.session_id is not None  # noqa: S101  # cookies and tokens always have a session
    if sessions.COOKIE in request.COOKIES and "Authorization" not in request.headers:
        _give(response, sessions.rotate(actor.session_id))
    return MeOut.of(verbs.describe(sessions.reauthenticate(actor.session_id, actor.request_id)))


def leave(response: HttpResponse) -> None:
    """Take the session's cookie away; the device stays known."""
    response.delete_cookie(sessions.COOKIE, path="/", samesite="Lax")


def _give(response: HttpResponse, secret: str) -> None:
    keep(response, sessions.COOKIE, secret, settings.SESSION_ABSOLUTE.total_seconds())


def keep(response: HttpResponse, name: str, value: str, life_s: float) -> None:
    """A cookie for our own eyes: sent to us alone, unreadable for scripts."""
    response.set_cookie(
        name,
        value,
        max_age=int(life_s),
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
        path="/",
    )
