"""Operations under /api/v2/auth about one's sessions, and the tokens of programs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Form, Router, Schema, Status
from pydantic import Field

from saas.api.auth import actor_of, request_id_of, visitor_of
from saas.identity import sessions, tokens, verbs

router = Router(tags=["sessions"])


class SessionOut(Schema):
    """An open session. `methods`: how it was signed in (RFC 8176).

    `acted_by`: the platform admin who acts as the person in it; empty: the person themselves.
    """

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    address: str | None
    user_agent: str
    methods: list[str]
    is_current: bool
    acted_by: str


class SessionsOut(Schema):
    """One's own open sessions, the last used first."""

    items: list[SessionOut]


class EndedOut(Schema):
    """How many sessions were ended."""

    count: int


class SignInTryOut(Schema):
    """A try at signing in to one's account."""

    at: datetime
    address: str
    user_agent: str
    succeeded: bool


class HistoryOut(Schema):
    """The last 30 days, newest first."""

    items: list[SignInTryOut]


class TokenGrantIn(Schema):
    """A token request as OAuth 2.0 sends it (RFC 6749): form fields."""

    grant_type: Literal["password", "authorization_code", "refresh_token"]
    username: str = Field("", max_length=254)
    password: str = Field("", max_length=1000)
    otp: str | None = Field(None, max_length=40)
    scope: str = Field("", max_length=300)
    code: str = Field("", max_length=200)
    code_verifier: str = Field("", max_length=200)
    client_id: str = Field("", max_length=100)
    redirect_uri: str = Field("", max_length=300)
    refresh_token: str = Field("", max_length=200)


class RefreshIn(Schema):
    """A refresh token; it works once."""

    refresh_token: str = Field(max_length=200)


class PairOut(Schema):
    """Tokens; `expires_in`: seconds of the access token."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # no secret
    expires_in: int
    refresh_token: str
    scope: str


@router.get("/sessions", response=SessionsOut, operation_id="auth_sessions")
def list_sessions(request: HttpRequest) -> object:
    """Where one is signed in."""
    return {"items": sessions.list_sessions(actor_of(request))}


@router.post("/sessions/end-others", response=EndedOut, operation_id="auth_end_others")
def end_others(request: HttpRequest) -> EndedOut:
    """End all of one's sessions but this one."""
    return EndedOut(count=sessions.revoke_other_sessions(actor_of(request)))


@router.delete("/sessions/{session_id}", response={204: None}, operation_id="auth_end_session")
def end_session(request: HttpRequest, session_id: UUID) -> Status[None]:
    """End one of one's sessions; what is open there closes within a second."""
    sessions.revoke_session(actor_of(request), session_id)
    return Status(204, None)


@router.get("/history", response=HistoryOut, operation_id="auth_history")
def history(request: HttpRequest) -> object:
    """Tries at signing in to one's account."""
    return {"items": verbs.see_history(actor_of(request))}


@router.post("/token", response=PairOut, auth=None, operation_id="auth_token")
def token(request: HttpRequest, body: Form[TokenGrantIn]) -> object:
    """Tokens for an authorization code or a refresh token; for a password where that is allowed."""
    visitor = visitor_of(request)
    if body.grant_type == "password":
        return tokens.sign_in(body.username, body.password, body.otp, body.scope, visitor)
    if body.grant_type == "refresh_token":
        return tokens.refresh(body.refresh_token, request_id_of(request))
    return tokens.exchange(
        body.code, body.code_verifier, body.client_id, body.redirect_uri, visitor
    )


@router.post("/refresh", response=PairOut, auth=None, operation_id="auth_refresh")
def refresh(request: HttpRequest, body: RefreshIn) -> object:
    """A new pair of tokens for a refresh token."""
    return tokens.refresh(body.refresh_token, request_id_of(request))
