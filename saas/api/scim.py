"""Operations under /api/v2/sso/scim: how a tenant's directory is connected, and what groups give.

What the directory itself says comes in at /scim/v2 (`saas.scim.http`).
"""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from saas.api.auth import actor_of
from saas.scim import connection

router = Router(tags=["sso"])


class ScimGroupOut(Schema):
    """A group of the directory. `role`: what its members get; empty: nothing."""

    id: UUID
    display_name: str
    role: str
    people: int


class ScimConnectionOut(Schema):
    """How the directory is connected. `connected_at` null: it is not."""

    base_url: str
    connected_at: datetime | None
    last_used_at: datetime | None
    default_role: str
    people: int
    groups: list[ScimGroupOut]


class ScimConnectIn(Schema):
    """What new people get."""

    default_role: str = Field(default="member", max_length=20)


class ScimSecretOut(Schema):
    """The bearer, which nobody can read again."""

    secret: str


class ScimGroupIn(Schema):
    """The role of a group's members; empty: none."""

    role: str = Field(max_length=20)


@router.get("", response=ScimConnectionOut, operation_id="scim_see")
def see(request: HttpRequest) -> object:
    """The connection, and what came by it."""
    return connection.see_connection(actor_of(request))


@router.post("", response={201: ScimSecretOut}, operation_id="scim_connect")
def connect(request: HttpRequest, body: ScimConnectIn) -> Status[object]:
    """Make a bearer; one that was before stops at once."""
    secret = connection.connect(actor_of(request), body.default_role)
    return Status(201, {"secret": secret})


@router.delete("", response={204: None}, operation_id="scim_disconnect")
def disconnect(request: HttpRequest) -> Status[None]:
    """End the bearer at once; people stay."""
    connection.disconnect(actor_of(request))
    return Status(204, None)


@router.put("/groups/{group_id}", response={204: None}, operation_id="scim_group_role")
def group_role(request: HttpRequest, group_id: UUID, body: ScimGroupIn) -> Status[None]:
    """Say which role a group gives."""
    connection.set_group_role(actor_of(request), group_id, body.role)
    return Status(204, None)
