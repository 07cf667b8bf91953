"""Sessions: opened at sign-in, found by the digest of the cookie, ended by time or by hand."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import Unauthenticated
from saas.models import Membership, Session, Tenant, Ticket, User
from saas.people.standing import COLUMNS, standing

COOKIE = "soma_session"
TICKET_LIFE = timedelta(seconds=30)
# Writing every request's time would be a write per read.
SEEN_EVERY = timedelta(minutes=1)

_FIND = """
select s.id, s.user_id, s.tenant_id, s.last_seen_at, u.is_platform_admin,
       u.must_change_password, {columns}
from saas_session s
join saas_user u on u.id = s.user_id and u.is_active
left join saas_tenant t on t.id = s.tenant_id
left join saas_membership m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
  and m.suspended_at is null
where {key} = %s and s.ended_at is null and s.expires_at > %s and s.last_seen_at > %s
"""
_BY_SECRET = _FIND.format(key="s.secret_hash", columns=COLUMNS)
_BY_ID = _FIND.format(key="s.id", columns=COLUMNS)


def digest(secret: str) -> str:
    """SHA-256 of a random secret (no salt needed: 256 bits of entropy)."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def open_session(user: User, tenant: Tenant | None, address: str | None, agent: str) -> str:
    """Start a session. Returns the cookie's secret, which is kept nowhere else."""
    secret = secrets.token_urlsafe(32)
    Session.objects.create(
        user=user,
        tenant=tenant,
        secret_hash=digest(secret),
        expires_at=now() + settings.SESSION_ABSOLUTE,
        address=address,
        user_agent=agent[:300],
    )
    return secret


def authenticate(secret: str | None, request_id: str) -> Actor:
    """The actor behind a session cookie. One indexed query. Raises: Unauthenticated."""
    if not secret:
        raise Unauthenticated
    return _find(_BY_SECRET, digest(secret), request_id)


def reauthenticate(session_id: UUID, request_id: str) -> Actor:
    """The actor of a session as it is now (open sockets). Raises: Unauthenticated."""
    return _find(_BY_ID, session_id, request_id)


def end_session(session_id: UUID) -> None:
    """Sign out."""
    Session.objects.filter(id=session_id, ended_at=None).update(ended_at=now())


def end_other_sessions(user_id: UUID, keep: UUID | None) -> int:
    """End all sessions of a person but one. Returns how many."""
    others = Session.objects.filter(user_id=user_id, ended_at=None)
    if keep is not None:
        others = others.exclude(id=keep)
    return others.update(ended_at=now())


def switch_tenant(session_id: UUID, tenant_id: UUID) -> None:
    """Make `tenant_id` the session's tenant (membership was checked)."""
    Session.objects.filter(id=session_id).update(tenant_id=tenant_id)


def issue_ticket(session_id: UUID) -> str:
    """A one-use secret for opening a WebSocket within 30 seconds."""
    secret = secrets.token_urlsafe(32)
    Ticket.objects.create(
        secret_hash=digest(secret), session_id=session_id, expires_at=now() + TICKET_LIFE
    )
    return secret


def redeem_ticket(secret: str, request_id: str) -> Actor:
    """The actor of a ticket, once. Raises: Unauthenticated."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from saas_ticket where secret_hash = %s returning session_id, expires_at",
            [digest(secret)],
        )
        row = cursor.fetchone()
    if row is None or row[1] < now():
        raise Unauthenticated
    return reauthenticate(row[0], request_id)


def memberships(user_id: UUID) -> list[Membership]:
    """A person's memberships, also in suspended tenants, oldest first."""
    return list(
        Membership.objects.filter(user_id=user_id, suspended_at=None)
        .select_related("tenant")
        .order_by("created_at")
    )


def _find(query: str, key: str | UUID, request_id: str) -> Actor:
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(query, [key, moment, moment - settings.SESSION_IDLE])
        row = cursor.fetchone()
        if row is None:
            raise Unauthenticated
        session_id, user_id, tenant_id, seen_at, is_admin, must_change, *found = row
        if moment - seen_at > SEEN_EVERY:
            cursor.execute(
                "update saas_session set last_seen_at = %s where id = %s", [moment, session_id]
            )
    return Actor(
        user_id=user_id,
        # A tenant that was left is no longer this session's tenant.
        **standing(tenant_id, found),
        is_platform_admin=is_admin,
        session_id=session_id,
        request_id=request_id,
        must_change_password=must_change,
    )
