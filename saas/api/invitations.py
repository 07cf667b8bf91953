"""Operations under /api/v2/invitations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from saas.api import cookies
from saas.api.auth import actor_of
from saas.identity import invitations
from saas.schemas import MeOut

router = Router(tags=["invitations"])


class InvitationOut(Schema):
    """An invitation."""

    id: UUID
    email: str
    role: str
    state: Literal["open", "accepted", "revoked", "expired"]
    sent_at: datetime
    expires_at: datetime


class InvitationPage(Schema):
    """Newest first; `next` is the id to go on before."""

    items: list[InvitationOut]
    next: UUID | None


class InviteIn(Schema):
    """One address or many, all to the same role."""

    emails: list[Annotated[str, Field(max_length=254)]] = Field(
        min_length=1, max_length=invitations.MOST_AT_ONCE
    )
    role: str = Field(max_length=20)


class InviteLineOut(Schema):
    """What became of one address; without an invitation, `code` and `detail` say why."""

    email: str
    invitation: InvitationOut | None
    code: str
    detail: str


class InvitedOut(Schema):
    """One line an address, in the order of the request, each address once."""

    lines: list[InviteLineOut]


class InvitationTokenIn(Schema):
    """What the link of an invitation holds."""

    token: str = Field(max_length=200)


class JoinIn(InvitationTokenIn):
    """An account for a person who has none."""

    display_name: str = Field(min_length=1, max_length=200)
    password: str = Field(max_length=1000)


class WelcomeOut(Schema):
    """What an invitation is for. `has_account`: sign in to accept it."""

    tenant: str
    email: str
    role: str
    has_account: bool


@router.get("", response=InvitationPage, operation_id="invitations_list")
def list_invitations(
    request: HttpRequest,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
    before: UUID | None = None,
) -> object:
    """Those of one's tenant."""
    found = invitations.list_invitations(actor_of(request), limit + 1, before)
    page = found[:limit]
    return {"items": page, "next": page[-1].id if len(found) > limit else None}


@router.post("", response=InvitedOut, operation_id="invitations_create")
def invite(request: HttpRequest, body: InviteIn) -> object:
    """Invite one person or a list; one address that fails holds up no other."""
    return {"lines": invitations.invite(actor_of(request), body.emails, body.role)}


@router.post("/look", response=WelcomeOut, auth=None, operation_id="invitations_look")
def look(request: HttpRequest, body: InvitationTokenIn) -> object:  # noqa: ARG001
    """What a link is for."""
    return invitations.look(body.token)


@router.post("/accept", response=MeOut, operation_id="invitations_accept")
def accept(request: HttpRequest, response: HttpResponse, body: InvitationTokenIn) -> MeOut:
    """Join as the person who is signed in."""
    actor = actor_of(request)
    invitations.accept(actor, body.token)
    return cookies.renew(request, response, actor)


@router.post("/join", response=MeOut, auth=None, operation_id="invitations_join")
def join(request: HttpRequest, response: HttpResponse, body: JoinIn) -> MeOut:
    """Make an account for the invited address, join and sign in."""
    cookies.refuse_foreign_origin(request)
    visitor = cookies.knock(request, response)
    entered = invitations.join(body.token, body.display_name, body.password, visitor)
    return cookies.enter(response, entered)


@router.post("/{invitation_id}/resend", response=InvitationOut, operation_id="invitations_resend")
def resend(request: HttpRequest, invitation_id: UUID) -> object:
    """Send a new link; the old one ends."""
    return invitations.resend(actor_of(request), invitation_id)


@router.delete("/{invitation_id}", response={204: None}, operation_id="invitations_revoke")
def revoke(request: HttpRequest, invitation_id: UUID) -> Status[None]:
    """End the link."""
    invitations.revoke(actor_of(request), invitation_id)
    return Status(204, None)
