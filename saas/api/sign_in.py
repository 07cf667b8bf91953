"""Operations under /api/v2/auth that begin and end a session, and say whose it is."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from kernel.clock import now
from kernel.condition import is_down
from saas.api import cookies
from saas.api.auth import actor_of
from saas.identity import sessions, verbs
from saas.identity.port import IDENTITY
from saas.schemas import (
    AskedOut,
    ChallengeIn,
    CodeIn,
    EntranceOut,
    LoginIn,
    MeOut,
    PasskeyIn,
    SecondStepOut,
    TenantIn,
    TicketOut,
)

router = Router(tags=["auth"])
# 202: the first factor was right, and one of `methods` is still to be shown.
SIGNED_IN: dict[int, Any] = {200: MeOut, 202: SecondStepOut}


@router.get("/entrance", response=EntranceOut, auth=None, operation_id="auth_entrance")
def entrance(request: HttpRequest) -> EntranceOut:
    """How people come in here: with a password, or at the service that keeps their accounts."""
    del request
    found = IDENTITY.get().entrance()
    return EntranceOut(
        name=found.name,
        sign_in=found.sign_in,
        account=found.account,
        is_away=bool(found.name) and is_down(found.service),
        has_registration=found.has_registration,
    )


@router.post("/login", response=SIGNED_IN, auth=None, operation_id="auth_login")
def login(request: HttpRequest, response: HttpResponse, body: LoginIn) -> Any:
    """Sign in; sets the session cookie, or says which second factor is needed."""
    cookies.refuse_foreign_origin(request)
    visitor = cookies.knock(request, response)
    return _signed_in(response, verbs.sign_in(body.email, body.password, visitor))


@router.post("/login/code", response=MeOut, auth=None, operation_id="auth_login_code")
def login_code(request: HttpRequest, response: HttpResponse, body: CodeIn) -> MeOut:
    """Finish a sign-in with a code of the app, or a recovery code."""
    cookies.refuse_foreign_origin(request)
    visitor = cookies.knock(request, response)
    entered = verbs.sign_in_with_code(body.challenge, body.code, visitor)
    return cookies.enter(response, entered)


@router.post("/login/passkey/ask", response=AskedOut, auth=None, operation_id="auth_ask_passkey")
def ask_passkey(request: HttpRequest, body: ChallengeIn) -> object:
    """What the browser needs for showing a passkey: as the first step, or as the second one."""
    cookies.refuse_foreign_origin(request)
    return verbs.ask_passkey(body.challenge)


@router.post("/login/passkey", response=SIGNED_IN, auth=None, operation_id="auth_login_passkey")
def login_passkey(request: HttpRequest, response: HttpResponse, body: PasskeyIn) -> Any:
    """Sign in with a passkey."""
    cookies.refuse_foreign_origin(request)
    visitor = cookies.knock(request, response)
    found = verbs.sign_in_with_passkey(body.challenge, body.credential, visitor)
    return _signed_in(response, found)


@router.post("/logout", response={204: None}, operation_id="auth_logout")
def logout(request: HttpRequest, response: HttpResponse) -> Status[None]:
    """End this session."""
    verbs.sign_out(actor_of(request))
    cookies.leave(response)
    return Status(204, None)


@router.get("/me", response=MeOut, operation_id="auth_me")
def me(request: HttpRequest) -> MeOut:
    """Who is signed in, where, with which permissions."""
    return MeOut.of(verbs.describe(actor_of(request)))


@router.post("/tenant", response=MeOut, operation_id="auth_switch_tenant")
def switch_tenant(request: HttpRequest, response: HttpResponse, body: TenantIn) -> MeOut:
    """Go to another of one's tenants."""
    actor = actor_of(request)
    verbs.switch_tenant(actor, body.tenant_id)
    return cookies.renew(request, response, actor)


@router.post("/ws-ticket", response=TicketOut, operation_id="auth_ws_ticket")
def ws_ticket(request: HttpRequest) -> TicketOut:
    """A one-use pass (30 s) for opening a WebSocket without a cookie."""
    ticket = verbs.issue_ticket(actor_of(request))
    return TicketOut(ticket=ticket, expires_at=now() + sessions.TICKET_LIFE)


def _signed_in(response: HttpResponse, found: verbs.SignIn | verbs.SecondStep) -> Any:
    if isinstance(found, verbs.SecondStep):
        return Status(202, SecondStepOut(challenge=found.challenge, methods=found.methods))
    return Status(200, cookies.enter(response, found))
