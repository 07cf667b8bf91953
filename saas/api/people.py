"""Operations under /api/v2/people: members, their roles, grants, and why."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from kernel import paging
from saas.api.auth import actor_of
from saas.authz.schema import GIVEABLE
from saas.people import explaining, grants, members, roles

router = Router(tags=["people"])

Limit = Annotated[int, Query(ge=1, le=200)]


class PersonOut(Schema):
    """A member. `own_roles`: ids of roles of the tenant's own."""

    user_id: UUID
    email: str
    display_name: str
    role: str
    roles: list[str]
    own_roles: list[UUID]
    suspended_at: datetime | None
    is_active: bool
    joined_at: datetime
    last_seen_at: datetime | None
    sessions: int


class PeoplePage(Schema):
    """Members by age."""

    items: list[PersonOut]
    next: str | None


class RolesIn(Schema):
    """The main role, further ones, and roles of the tenant's own: these and no others."""

    role: str = Field(max_length=20)
    roles: list[str] = Field(default_factory=list, max_length=20)
    own_roles: list[UUID] = Field(default_factory=list, max_length=50)


class PersonReasonIn(Schema):
    """Why: kept in the audit log."""

    reason: str = Field(min_length=3, max_length=300)


class SignedOutOut(Schema):
    """How many sessions ended."""

    count: int


class RoleOut(Schema):
    """A role with what it may. `role_id` null: a system role."""

    role_id: UUID | None
    name: str
    title: str
    permissions: list[str]
    people: int
    is_privileged: bool


class RoleList(Schema):
    """Every role, and what roles of the tenant's own may be made of."""

    items: list[RoleOut]
    giveable: list[str]


class RoleIn(Schema):
    """A role of the tenant's own."""

    name: str = Field(max_length=60)
    permissions: list[str] = Field(max_length=50)


class RoleChangeIn(Schema):
    """What is given is changed."""

    name: str | None = Field(default=None, max_length=60)
    permissions: list[str] | None = Field(default=None, max_length=50)


class GrantIn(Schema):
    """A relation for a person to one object."""

    user_id: UUID
    object_type: str = Field(max_length=30)
    object_id: UUID
    relation: str = Field(max_length=30)
    reason: str = Field(max_length=300)
    expires_at: datetime | None = None


class GrantOut(GrantIn):
    """A grant."""

    id: UUID
    granted_by: UUID
    created_at: datetime


class GrantList(Schema):
    """The newest grants."""

    items: list[GrantOut]


class ExplanationOut(Schema):
    """Whether, and why: the sentences of one path are together enough."""

    is_allowed: bool
    paths: list[list[str]]
    lacking: str


@router.get("", response=PeoplePage, operation_id="people_list")
def list_people(
    request: HttpRequest, limit: Limit = 50, cursor: str | None = None, q: str = ""
) -> object:
    """Members of one's tenant."""
    after = paging.decode(cursor, UUID)
    found = members.list_people(actor_of(request), limit, after[0] if after else None, q[:100])
    rows = found[:limit]
    return {
        "items": rows,
        "next": paging.encode(rows[-1].user_id) if len(found) > limit else None,
    }


@router.get("/roles", response=RoleList, operation_id="roles_list")
def list_roles(request: HttpRequest) -> object:
    """System roles and the tenant's own."""
    return {"items": roles.list_roles(actor_of(request)), "giveable": list(GIVEABLE)}


@router.post("/roles", response={201: RoleOut}, operation_id="roles_create")
def create_role(request: HttpRequest, body: RoleIn) -> object:
    """A role of the tenant's own."""
    return Status(201, roles.create_role(actor_of(request), body.name, body.permissions))


@router.patch("/roles/{role_id}", response=RoleOut, operation_id="roles_update")
def update_role(request: HttpRequest, role_id: UUID, body: RoleChangeIn) -> object:
    """Change it for everybody who has it."""
    return roles.update_role(actor_of(request), role_id, body.name, body.permissions)


@router.delete("/roles/{role_id}", response={204: None}, operation_id="roles_delete")
def delete_role(request: HttpRequest, role_id: UUID) -> Status[None]:
    """Delete a role that nobody has."""
    roles.delete_role(actor_of(request), role_id)
    return Status(204, None)


@router.get("/grants", response=GrantList, operation_id="grants_list")
def list_grants(request: HttpRequest, limit: Limit = 50, user_id: UUID | None = None) -> object:
    """What people were given on single objects."""
    return {"items": grants.list_grants(actor_of(request), user_id, limit)}


@router.post("/grants", response={201: GrantOut}, operation_id="grants_give")
def give_grant(request: HttpRequest, body: GrantIn) -> object:
    """Give a person a relation to one object."""
    return Status(201, grants.give(actor_of(request), grants.GrantDraft(**body.dict())))


@router.delete("/grants/{grant_id}", response={204: None}, operation_id="grants_take_back")
def take_grant_back(request: HttpRequest, grant_id: UUID) -> Status[None]:
    """Take it back."""
    grants.take_back(actor_of(request), grant_id)
    return Status(204, None)


@router.get("/{user_id}", response=PersonOut, operation_id="people_see")
def see_person(request: HttpRequest, user_id: UUID) -> object:
    """One member."""
    return members.see_person(actor_of(request), user_id)


@router.put("/{user_id}/roles", response=PersonOut, operation_id="people_roles")
def change_roles(request: HttpRequest, user_id: UUID, body: RolesIn) -> object:
    """Give these roles and no others; acts everywhere within a second."""
    wanted = members.Roles(body.role, body.roles, body.own_roles)
    return members.change_roles(actor_of(request), user_id, wanted)


@router.post("/{user_id}/suspend", response=PersonOut, operation_id="people_suspend")
def suspend_person(request: HttpRequest, user_id: UUID, body: PersonReasonIn) -> object:
    """Close the tenant for a person."""
    return members.suspend_person(actor_of(request), user_id, body.reason)


@router.post("/{user_id}/resume", response=PersonOut, operation_id="people_resume")
def resume_person(request: HttpRequest, user_id: UUID) -> object:
    """Open it again."""
    return members.resume_person(actor_of(request), user_id)


@router.post("/{user_id}/sign-out", response=SignedOutOut, operation_id="people_sign_out")
def sign_out_person(request: HttpRequest, user_id: UUID) -> SignedOutOut:
    """End the sessions that a person has in one's tenant."""
    return SignedOutOut(count=members.sign_out_person(actor_of(request), user_id))


@router.delete("/{user_id}", response={204: None}, operation_id="people_remove")
def remove_person(request: HttpRequest, user_id: UUID) -> Status[None]:
    """End a membership."""
    members.remove_person(actor_of(request), user_id)
    return Status(204, None)


@router.get("/{user_id}/why", response=ExplanationOut, operation_id="people_why")
def why(
    request: HttpRequest, user_id: UUID, permission: str, object_id: UUID | None = None
) -> object:
    """Why a person may do something, or what is lacking."""
    return explaining.explain(actor_of(request), user_id, permission, object_id)
