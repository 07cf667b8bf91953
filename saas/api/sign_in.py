"""Operations under /api/v2/auth."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from kernel.clock import now
from saas.api.auth import actor_of, address_of, request_id_of
from saas.errors import CsrfFailed
from saas.identity import sessions, verbs
from saas.schemas import LoginIn, MeOut, PasswordIn, TenantIn, TicketOut

router = Router(tags=["auth"])


@router.post("/login", response=MeOut, auth=None, operation_id="auth_login")
def login(request: HttpRequest, response: HttpResponse, body: LoginIn) -> MeOut:
    """Sign in; sets the session cookie."""
    _refuse_foreign_origin(request)
    signed_in = verbs.sign_in(
        body.email,
        body.password,
        address_of(request),
        request.headers.get("User-Agent", ""),
        request_id_of(request),
    )
    response.set_cookie(
        sessions.COOKIE,
        signed_in.secret,
        max_age=int(settings.SESSION_ABSOLUTE.total_seconds()),
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
        path="/",
    )
    return MeOut.of(verbs.describe(signed_in.actor))


@router.post("/logout", response={204: None}, operation_id="auth_logout")
def logout(request: HttpRequest, response: HttpResponse) -> Status[None]:
    """End this session."""
    verbs.sign_out(actor_of(request))
    response.delete_cookie(sessions.COOKIE, path="/", samesite="Lax")
    return Status(204, None)


@router.get("/me", response=MeOut, operation_id="auth_me")
def me(request: HttpRequest) -> MeOut:
    """Who is signed in, where, with which permissions."""
    return MeOut.of(verbs.describe(actor_of(request)))


@router.post("/password", response=MeOut, operation_id="auth_change_password")
def change_password(request: HttpRequest, body: PasswordIn) -> MeOut:
    """Replace the password; the person's other sessions end."""
    actor = actor_of(request)
    verbs.change_password(actor, body.current, body.new)
    return _fresh(request)


@router.post("/tenant", response=MeOut, operation_id="auth_switch_tenant")
def switch_tenant(request: HttpRequest, body: TenantIn) -> MeOut:
    """Go to another of one's tenants."""
    verbs.switch_tenant(actor_of(request), body.tenant_id)
    return _fresh(request)


@router.post("/ws-ticket", response=TicketOut, operation_id="auth_ws_ticket")
def ws_ticket(request: HttpRequest) -> TicketOut:
    """A one-use pass (30 s) for opening a WebSocket without a cookie."""
    ticket = verbs.issue_ticket(actor_of(request))
    return TicketOut(ticket=ticket, expires_at=now() + sessions.TICKET_LIFE)


def _fresh(request: HttpRequest) -> MeOut:
    secret = request.COOKIES.get(sessions.COOKIE)
    return MeOut.of(verbs.describe(sessions.authenticate(secret, request_id_of(request))))


def _refuse_foreign_origin(request: HttpRequest) -> None:
    # There is no session yet that a token could be bound to: the browser's own headers decide.
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise CsrfFailed
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.get_host():
        raise CsrfFailed
