"""The bearer of a tenant's directory: made by a sysadmin, shown once, kept as its digest.

The secret names its row, so that it is found by an id and compared in constant time.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Forbidden, NotFound, Unauthenticated, Unprocessable
from saas.audit import audit
from saas.authz.check import require
from saas.identity.onetime import digest
from saas.identity.step_up import require_step_up
from saas.models import Role, Tenant
from saas.scim.models import ScimConnection, ScimGroup, ScimMember, ScimUser
from saas.scim.roles import people_of, settle
from saas.sso.providers import DEFAULT_ROLES

PREFIX = "soma_scim_"
BASE_PATH = "/scim/v2"
# `last_used_at` is for people: so exact and no more writes.
USE_NOTED_EVERY = timedelta(minutes=1)
# A directory's group makes administrators where a sysadmin says so, but never a sysadmin.
GROUP_ROLES = tuple(role.value for role in Role if role is not Role.SYSADMIN)


class ConnectionUnknown(NotFound):
    """The tenant has no connection to a directory."""

    code, title = "scim-not-connected", "No directory is connected"


class GroupUnknown(NotFound):
    """The directory sent no such group."""

    code, title = "scim-group-unknown", "There is no such group"


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of the directory, and the role that it gives (empty: none)."""

    id: UUID
    display_name: str
    role: str
    people: int


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """How the directory is connected. `connected_at` None: it is not."""

    base_url: str
    connected_at: datetime | None
    last_used_at: datetime | None
    default_role: str
    people: int
    groups: list[GroupView]


def see_connection(actor: Actor) -> ConnectionView:
    """The connection and what came by it. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        row = ScimConnection.objects.first()
        members = list(ScimMember.objects.values_list("group_id", flat=True))
        return ConnectionView(
            base_url(),
            row.created_at if row else None,
            row.last_used_at if row else None,
            row.default_role if row else Role.MEMBER,
            ScimUser.objects.count(),
            [
                GroupView(one.id, one.display_name, one.role, members.count(one.id))
                for one in ScimGroup.objects.order_by("display_name")
            ],
        )


def connect(actor: Actor, default_role: str) -> str:
    """A new bearer; one that was before stops at once. The secret is in the answer alone.

    Raises: Forbidden, StepUpRequired, Unprocessable.
    """
    if default_role not in DEFAULT_ROLES:
        detail = f"of {', '.join(DEFAULT_ROLES)}"
        raise Unprocessable(errors=[{"pointer": "/default_role", "detail": detail}])
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        require_step_up(actor)
        was_connected = ScimConnection.objects.all().delete()[0]
        row = ScimConnection(tenant_id=actor.scope.tenant_id, default_role=default_role)
        secret = f"{PREFIX}{row.id.hex}_{secrets.token_urlsafe(32)}"
        row.digest = digest(secret)
        row.save()
        act = "scim.rotated" if was_connected else "scim.connected"
        audit(actor, act, "scim", row.id, after={"default_role": default_role})
    return secret


def disconnect(actor: Actor) -> None:
    """End the bearer at once; people and their roles stay. Raises: Forbidden, ConnectionUnknown."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        row = ScimConnection.objects.first()
        if row is None:
            raise ConnectionUnknown
        audit(actor, "scim.disconnected", "scim", row.id)
        row.delete()


def set_group_role(actor: Actor, group_id: UUID, role: str) -> None:
    """Say which role the members of a group get, for all of them at once; empty: none.

    Raises: Forbidden, GroupUnknown, Unprocessable.
    """
    if role and role not in GROUP_ROLES:
        detail = f"of {', '.join(GROUP_ROLES)}, or empty"
        raise Unprocessable(errors=[{"pointer": "/role", "detail": detail}])
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        row = ScimGroup.objects.select_for_update().filter(id=group_id).first()
        if row is None:
            raise GroupUnknown
        before, row.role = row.role, role
        row.save(update_fields=["role"])
        audit(actor, "scim.group_role", "scim_group", row.id, {"role": before}, {"role": role})
        settle(actor, people_of(row.id))


def authenticate(secret: str, request_id: str, address: str) -> tuple[Actor, str]:
    """Who acts by a bearer, and the role of new people. Raises: Unauthenticated, Forbidden."""
    row = _row_of(secret)
    if row is None:
        raise Unauthenticated("This is not the bearer of a directory.")
    if not Tenant.objects.filter(id=row.tenant_id, status=Tenant.Status.ACTIVE).exists():
        raise Forbidden("This organisation is suspended.")
    if row.last_used_at is None or now() - row.last_used_at > USE_NOTED_EVERY:
        with unit_of_work(Scope(row.tenant_id)):
            ScimConnection.objects.filter(id=row.id).update(last_used_at=now())
    actor = Actor(
        row.id, row.tenant_id, kind="service", request_id=request_id, address=address
    )  # fmt: skip
    return actor, row.default_role


def base_url() -> str:
    """Where directories find us."""
    return f"{settings.SOMA.effective_public_url}{BASE_PATH}"


def _row_of(secret: str) -> ScimConnection | None:
    name = secret.removeprefix(PREFIX).partition("_")[0]
    try:
        connection_id = UUID(hex=name)
    except ValueError:
        return None
    with platform_unit("scim: whose directory") as alias:
        row: ScimConnection | None = (
            ScimConnection.objects.using(alias).filter(id=connection_id).first()
        )
    if row is None or not hmac.compare_digest(row.digest, digest(secret)):
        return None
    return row
