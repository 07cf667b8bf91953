"""Operations under /api/v2/saas/impersonations: acting as a person, for platform admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from kernel import paging
from saas.api import cookies
from saas.api.auth import BEARER, actor_of, request_id_of
from saas.identity import impersonation, sessions, tokens, verbs
from saas.identity.signing import TOKEN_LIFE
from saas.schemas import MeOut

router = Router(tags=["impersonation"])

Limit = Annotated[int, Query(ge=1, le=200)]


class ImpersonationOut(Schema):
    """A request, and what became of it. `status`: waiting, ready, begun or ended.

    `expires_at`: until when it waits, may be begun, or goes on.
    """

    id: UUID
    asked_at: datetime
    status: str
    reason: str
    tenant_id: UUID
    tenant_name: str
    admin_id: UUID
    admin_name: str
    user_id: UUID
    user_name: str
    user_email: str
    approved_by: UUID | None
    approved_by_name: str
    begun_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    ended_why: str


class ImpersonationPage(Schema):
    """Requests, the newest first."""

    items: list[ImpersonationOut]
    next: str | None


class PersonToActAsOut(Schema):
    """Somebody to act as."""

    user_id: UUID
    display_name: str
    email: str
    role: str


class PeopleToActAsPage(Schema):
    """People of a tenant, oldest members first."""

    items: list[PersonToActAsOut]
    next: str | None


class ImpersonationIn(Schema):
    """As whom, in which tenant, and why: the tenant reads it in its audit log."""

    tenant_id: UUID
    user_id: UUID
    reason: str = Field(max_length=300)


class BegunOut(Schema):
    """Who one is now. `access_token`: for a program; a browser has its cookie."""

    me: MeOut
    access_token: str | None
    expires_in: int | None


@router.get("", response=ImpersonationPage, operation_id="impersonations_list")
def list_impersonations(
    request: HttpRequest, limit: Limit = 50, cursor: str | None = None
) -> object:
    """Who asked to act as whom."""
    before = paging.decode(cursor, UUID)
    found = impersonation.list_impersonations(
        actor_of(request), limit, before[0] if before else None
    )
    rows = found[:limit]
    return {"items": rows, "next": paging.encode(rows[-1].id) if len(found) > limit else None}


@router.get("/people", response=PeopleToActAsPage, operation_id="impersonations_people")
def list_candidates(
    request: HttpRequest,
    tenant_id: UUID,
    limit: Limit = 50,
    cursor: str | None = None,
    q: str = "",
) -> object:
    """Whom one can act as in a tenant."""
    after = paging.decode(cursor, UUID)
    found = impersonation.list_candidates(
        actor_of(request), tenant_id, limit, after[0] if after else None, q[:100]
    )
    rows = found[:limit]
    more = len(found) > limit
    return {"items": rows, "next": paging.encode(rows[-1].membership_id) if more else None}


@router.post("", response={201: ImpersonationOut}, operation_id="impersonations_ask")
def ask(request: HttpRequest, body: ImpersonationIn) -> Status[object]:
    """Ask to act as a person; waits for a second admin where the tenant forbade it."""
    asked = impersonation.ask(actor_of(request), body.tenant_id, body.user_id, body.reason)
    return Status(201, asked)


@router.post("/return", response=MeOut, auth=None, operation_id="impersonations_return")
def leave(request: HttpRequest, response: HttpResponse) -> MeOut:
    """Stop acting as somebody: the browser is its owner's own again."""
    cookies.refuse_foreign_origin(request)
    secret = request.COOKIES.get(sessions.COOKIE, "")
    return cookies.enter(response, impersonation.leave(secret, request_id_of(request)))


@router.post(
    "/{impersonation_id}/approve", response=ImpersonationOut, operation_id="impersonations_approve"
)
def approve(request: HttpRequest, impersonation_id: UUID) -> object:
    """Let a colleague's request begin."""
    return impersonation.approve(actor_of(request), impersonation_id)


@router.post("/{impersonation_id}/begin", response=BegunOut, operation_id="impersonations_begin")
def begin(request: HttpRequest, response: HttpResponse, impersonation_id: UUID) -> BegunOut:
    """Act as the person from now on, for an hour; a program gets an access token."""
    entered = impersonation.begin(actor_of(request), impersonation_id)
    header = request.headers.get("Authorization", "")
    if not header.startswith(BEARER):
        return BegunOut(me=cookies.enter(response, entered), access_token=None, expires_in=None)
    # It covers no more than the token that it was begun with.
    scope = str(tokens.read(header.removeprefix(BEARER))["scope"])
    return BegunOut(
        me=MeOut.of(verbs.describe(entered.actor)),
        access_token=tokens.acting(entered.actor, scope),
        expires_in=int(TOKEN_LIFE.total_seconds()),
    )


@router.post(
    "/{impersonation_id}/end", response=ImpersonationOut, operation_id="impersonations_end"
)
def end(request: HttpRequest, impersonation_id: UUID) -> object:
    """End it, take the request back, or refuse it."""
    return impersonation.end(actor_of(request), impersonation_id)
