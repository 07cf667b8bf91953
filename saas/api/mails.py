"""Operations under /api/v2/saas/mails, for platform admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from saas.api.auth import actor_of
from saas.identity import mails

router = Router(tags=["mails"])


class MailOut(Schema):
    """A mail. The body is empty once it was sent: its links are with the person alone."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str


class MailsOut(Schema):
    """A page, newest first. `is_sent`: whether a server for mails is set."""

    items: list[MailOut]
    next: UUID | None
    is_sent: bool


@router.get("", response=MailsOut, operation_id="mails_list")
def list_mails(
    request: HttpRequest,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
    before: UUID | None = None,
) -> object:
    """Mails that wait, or were sent in the last 30 days."""
    found = mails.see_mails(actor_of(request), limit + 1, before)
    page = found[:limit]
    more = page[-1].id if len(found) > limit else None
    return {"items": page, "next": more, "is_sent": mails.are_sent()}
