"""Shapes of the sign-in operations at the HTTP edge."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from saas.identity.verbs import Me


class LoginIn(Schema):
    """Credentials."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)


class EntranceOut(Schema):
    """How people come in. `name` empty: with a password that is kept here.

    `sign_in`: the address that leads to the service of that name. `account`: where people see to
    their password, second factors and address. `is_away`: it did not answer when last looked at.
    `has_registration`: people may make accounts by themselves.
    """

    name: str
    sign_in: str
    account: str
    is_away: bool
    has_registration: bool


class CodeIn(Schema):
    """The second step of a sign-in."""

    challenge: str = Field(max_length=200)
    code: str = Field(max_length=40)


class ChallengeIn(Schema):
    """Null: the passkey is the first step."""

    challenge: str | None = Field(None, max_length=200)


class PasskeyIn(Schema):
    """What `navigator.credentials` gave, as JSON (WebAuthn level 3, section 5.1.8)."""

    challenge: str = Field(max_length=200)
    credential: dict[str, Any]


class AskedOut(Schema):
    """What `navigator.credentials` is asked, and the secret that comes back with its answer."""

    challenge: str
    options: dict[str, Any]


class SecondStepOut(Schema):
    """The sign-in is not finished: `methods` are code, passkey, recovery."""

    challenge: str
    methods: list[str]


class PasswordIn(Schema):
    """Change of password."""

    current: str = Field(max_length=1000)
    new: str = Field(max_length=1000)


class TenantIn(Schema):
    """Choice of tenant."""

    tenant_id: UUID


class UserOut(Schema):
    """The signed-in person."""

    id: UUID
    email: str
    display_name: str
    is_platform_admin: bool


class TenantOut(Schema):
    """A tenant as its members see it; `brand_colour`: `#rrggbb` or empty."""

    id: UUID
    name: str
    slug: str
    is_suspended: bool
    brand_colour: str


class MembershipOut(Schema):
    """A membership."""

    tenant: TenantOut
    role: str


class ActedByOut(Schema):
    """The platform admin who acts as the person, and until when."""

    user_id: UUID
    email: str
    display_name: str
    until: datetime


class MeOut(Schema):
    """Everything that the interface needs to know of the signed-in person."""

    user: UserOut
    tenant: TenantOut | None
    memberships: list[MembershipOut]
    role: str | None
    roles: list[str]
    permissions: list[str]
    must_change_password: bool
    must_enrol: bool
    csrf_token: str
    acted_by: ActedByOut | None

    @classmethod
    def of(cls, me: Me) -> "MeOut":
        """From the verb's value."""
        return cls.model_validate(
            {
                "user": {
                    "id": me.user_id,
                    "email": me.email,
                    "display_name": me.display_name,
                    "is_platform_admin": me.is_platform_admin,
                },
                "tenant": me.tenant,
                "memberships": me.memberships,
                "role": me.role,
                "roles": me.roles,
                "permissions": me.permissions,
                "must_change_password": me.must_change_password,
                "must_enrol": me.must_enrol,
                "csrf_token": me.csrf_token,
                "acted_by": me.acted_by,
            }
        )


class TicketOut(Schema):
    """A one-use pass for a WebSocket."""

    ticket: str
    expires_at: datetime
